//! How a stage comes out of settings: [`StageKind`], and what it may use while it is built.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use serde::de::DeserializeOwned;

use crate::{Clock, Entry, Finding, Phase, Stage};

/// A kind of stage that operators can name in an interceptor.
///
/// A kind owns one or more *roots*: the words behind `palisade.interceptors.<Name>.`. With a single root, `Settings` is read
/// from what stands below it; with several, from a table with one optional entry per root.
pub trait StageKind: Send + Sync + 'static {
    /// The first words it owns, such as `["rate-limit"]`.
    const ROOTS: &'static [&'static str];

    /// Whether a group may have it once at most; otherwise all that its interceptors bring apply.
    const SINGLE: bool = false;

    /// Its settings; `#[serde(deny_unknown_fields, rename_all = "kebab-case")]` makes a typing mistake an error.
    type Settings: DeserializeOwned;

    /// Builds the stages these settings ask for, each with its phase. No stage at all means the settings switch the kind off.
    fn build(settings: Self::Settings, cx: &BuildContext<'_>) -> Result<Vec<(Phase, Stage)>, BuildError>;

    /// What these settings allow and a careful operator would not. What only shows while the stages are built, such as in a
    /// file, is told to [`BuildContext::report`] there.
    fn guardrails(settings: &Self::Settings, cx: &BuildContext<'_>) -> Vec<Finding> {
        let _ = (settings, cx);
        Vec::new()
    }

    /// Makes stages of this kind that stand together in a group's pipeline, in one phase, act as one: what they have to do together
    /// one of them does for all. Each keeps its place, its name and its refusals.
    fn join(entries: &mut [Entry]) {
        let _ = entries;
    }
}

/// One setting that a [`StageKind`] could not use.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Fault {
    /// The key, relative to the kind's root: `allow[3]`, `block-value.x-debug`; empty for the stage as a whole.
    pub key: String,
    /// What was expected.
    pub expected: String,
    /// Whether it says no more than that something the application shares is missing, which is told elsewhere where the
    /// application tried to share it.
    pub is_consequence: bool,
}

/// All the settings that a [`StageKind`] could not use.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct BuildError {
    /// At least one.
    pub faults: Vec<Fault>,
}

impl BuildError {
    /// An error about one setting.
    pub fn at(key: impl Into<String>, expected: impl fmt::Display) -> Self {
        let mut error = Self::default();
        error.push(key, expected);
        error
    }

    /// Adds a setting.
    pub fn push(&mut self, key: impl Into<String>, expected: impl fmt::Display) {
        self.faults.push(Fault {
            key: key.into(),
            expected: expected.to_string(),
            is_consequence: false,
        });
    }

    /// Adds a setting that needs something which the application does not share. Where that is so because of another error,
    /// the other one alone is told.
    pub fn push_consequence(&mut self, key: impl Into<String>, expected: impl fmt::Display) {
        self.faults.push(Fault {
            key: key.into(),
            expected: expected.to_string(),
            is_consequence: true,
        });
    }

    /// `value` when nothing was found wrong.
    pub fn or_ok<T>(self, value: T) -> Result<T, Self> {
        if self.faults.is_empty() {
            Ok(value)
        } else {
            Err(self)
        }
    }
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, fault) in self.faults.iter().enumerate() {
            let separator = if position == 0 { "" } else { "; " };
            write!(f, "{separator}{}: expected {}", fault.key, fault.expected)?;
        }
        Ok(())
    }
}

impl std::error::Error for BuildError {}

/// What a [`StageKind`] may use while it is built.
pub struct BuildContext<'a> {
    /// The interceptor's name.
    pub interceptor: &'a str,
    /// The folder that relative paths start from.
    pub folder: &'a Path,
    /// Where time comes from.
    pub clock: &'a Arc<dyn Clock>,
    /// What outlives a reload.
    pub state: &'a StateStore,
    /// Things that the application shares with stages, by type.
    pub resources: &'a Resources,
    files: Mutex<Vec<PathBuf>>,
    findings: Mutex<Vec<Finding>>,
}

impl<'a> BuildContext<'a> {
    /// A context for one interceptor.
    pub fn new(
        interceptor: &'a str,
        folder: &'a Path,
        clock: &'a Arc<dyn Clock>,
        state: &'a StateStore,
        resources: &'a Resources,
    ) -> Self {
        Self {
            interceptor,
            folder,
            clock,
            state,
            resources,
            files: Mutex::default(),
            findings: Mutex::default(),
        }
    }

    /// Resolves a file named in the settings, and has it watched: a change reloads the policy.
    pub fn file(&self, path: impl AsRef<Path>) -> PathBuf {
        let path = self.folder.join(path);
        self.files
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(path.clone());
        path
    }

    /// Adds a finding to those of [`StageKind::guardrails`]; its key, too, is relative to the kind's root.
    pub fn report(&self, finding: Finding) {
        self.findings
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(finding);
    }

    /// Takes out what was reported since the last time.
    pub fn take_findings(&self) -> Vec<Finding> {
        std::mem::take(&mut *self.findings.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The files that were asked for.
    pub fn into_files(self) -> Vec<PathBuf> {
        self.files.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for BuildContext<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BuildContext")
            .field("interceptor", &self.interceptor)
            .field("folder", &self.folder)
            .finish_non_exhaustive()
    }
}

/// Things shared by type, such as the loaded keystores.
#[derive(Default, Clone)]
pub struct Resources(HashMap<TypeId, Arc<dyn Any + Send + Sync>>);

impl Resources {
    /// Shares a value; one of the same type is replaced.
    #[must_use]
    pub fn with<T: Send + Sync + 'static>(mut self, value: Arc<T>) -> Self {
        self.0.insert(TypeId::of::<T>(), value);
        self
    }

    /// The value of that type, if one is shared.
    pub fn find<T: Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        self.0
            .get(&TypeId::of::<T>())
            .and_then(|value| Arc::clone(value).downcast().ok())
    }
}

impl fmt::Debug for Resources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Resources({})", self.0.len())
    }
}

/// What outlives a reload: counters, memories, connections.
///
/// Entries are found by interceptor, stage kind and type, because the positions of groups shift when files change.
#[derive(Default)]
pub struct StateStore(Mutex<HashMap<StateKey, Arc<dyn Any + Send + Sync>>>);

/// Interceptor, stage kind, type.
type StateKey = (String, &'static str, TypeId);

impl StateStore {
    /// The state of that interceptor and kind, made on first use.
    pub fn keep<T, F>(&self, interceptor: &str, kind: &'static str, make: F) -> Arc<T>
    where
        T: Send + Sync + 'static,
        F: FnOnce() -> T,
    {
        let key = (interceptor.to_owned(), kind, TypeId::of::<T>());
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = entries
            .get(&key)
            .and_then(|entry| Arc::clone(entry).downcast().ok())
        {
            return found;
        }
        let value = Arc::new(make());
        entries.insert(key, Arc::clone(&value) as Arc<dyn Any + Send + Sync>);
        value
    }
}

impl fmt::Debug for StateStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entries = self.0.lock().unwrap_or_else(PoisonError::into_inner).len();
        write!(f, "StateStore({entries})")
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::StateStore;

    #[test]
    fn state_is_kept_per_interceptor_and_kind() {
        let store = StateStore::default();
        store
            .keep("A", "rate-limit", AtomicU32::default)
            .store(7, Ordering::Relaxed);
        assert_eq!(
            store
                .keep("A", "rate-limit", AtomicU32::default)
                .load(Ordering::Relaxed),
            7
        );
        assert_eq!(
            store
                .keep("B", "rate-limit", AtomicU32::default)
                .load(Ordering::Relaxed),
            0
        );
        assert_eq!(
            store
                .keep("A", "quota", AtomicU32::default)
                .load(Ordering::Relaxed),
            0
        );
    }
}
