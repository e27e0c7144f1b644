//! The loaded configuration.

use std::fmt;
use std::path::{Path, PathBuf};

use palisade_core::Finding;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::blueriq::Blueriq;
use crate::key::{Key, Segment};
use crate::tree::{Kind, Node};
use crate::{Error, Errors, Origin, Sources, load, typed};

/// The names directly under `palisade.` that this crate reads itself; to be added to the known ones in
/// [`Config::unknown`].
pub const OWN_NAMES: &[&str] = &["profiles", "properties"];

/// Every setting of every source, merged, with its origin.
#[derive(Clone)]
pub struct Config {
    pub(crate) folder: PathBuf,
    pub(crate) files: Vec<PathBuf>,
    pub(crate) profiles: Vec<String>,
    pub(crate) root: Node,
    pub(crate) blueriq: Blueriq,
    pub(crate) findings: Vec<Finding>,
}

/// A setting as it may be shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Entry {
    /// The full native key.
    pub key: String,
    /// The value; `***` for a secret.
    pub value: String,
    /// Where it was written.
    pub origin: Origin,
}

impl Config {
    /// Reads every source. What could be read comes back together with everything that is wrong, so that a caller can go
    /// on checking and report all errors in one run. A configuration with errors must not be put to work.
    pub fn load(sources: &Sources) -> (Self, Errors) {
        load::load(sources)
    }

    /// The configuration folder, the base of relative paths.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Every file that was read or looked for; a watcher watches these.
    pub fn files(&self) -> &[PathBuf] {
        &self.files
    }

    /// The active profiles, in order.
    pub fn profiles(&self) -> &[String] {
        &self.profiles
    }

    /// What the groups written under Blueriq's names have become.
    pub fn blueriq(&self) -> &Blueriq {
        &self.blueriq
    }

    /// What is allowed but unwise about the sources.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// The settings at and below `key`; nothing when none was written there.
    ///
    /// The error holds every error of the subtree. Types should use `deny_unknown_fields`, and neither `flatten` nor
    /// `untagged`, for which serde does not say what type it wants and text stays text.
    pub fn get<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, Errors> {
        typed::read(&self.root, &parse(key)?)
    }

    /// The names directly below `key`, in the order in which they first appeared.
    pub fn names(&self, key: &str) -> Vec<&str> {
        self.node(key).map(Node::names).unwrap_or_default()
    }

    /// How many elements the list at `key` has when it is written with indices.
    pub fn len(&self, key: &str) -> usize {
        self.node(key).map_or(0, |node| node.items().len())
    }

    /// Whether anything was written at or below `key`.
    pub fn contains(&self, key: &str) -> bool {
        self.node(key).is_some()
    }

    /// The value at `key` as it may be shown; `***` for a secret.
    pub fn value(&self, key: &str) -> Option<String> {
        self.node(key)?.shown()
    }

    /// Where the value at `key`, or the first one below it, was written.
    pub fn origin(&self, key: &str) -> Option<Origin> {
        self.node(key).map(|node| node.origin.clone())
    }

    /// Every setting at and below `prefix`, as it may be shown.
    pub fn entries(&self, prefix: &str) -> Vec<Entry> {
        let mut entries = Vec::new();
        if let (Ok(key), Some(node)) = (Key::parse(prefix), self.node(prefix)) {
            node.leaves(&key, &mut |key, node| {
                let value = node.shown().unwrap_or_default();
                entries.push(Entry {
                    key: key.to_string(),
                    value,
                    origin: node.origin.clone(),
                });
            });
        }
        entries
    }

    /// An error for every name directly below `prefix` that is not in `known`.
    pub fn unknown(&self, prefix: &str, known: &[&str]) -> Errors {
        let (Ok(key), Some(node)) = (Key::parse(prefix), self.node(prefix)) else {
            return Errors::new();
        };
        if !matches!(node.kind, Kind::Table(_)) {
            return typed::at(&self.root, &key, "expected keys below this one".to_owned()).into();
        }
        let unknown = node.names().into_iter().filter(|name| !known.contains(name));
        let message = if known.is_empty() {
            "unknown key".to_owned()
        } else {
            listed(known)
        };
        unknown
            .map(|name| {
                let key = key.child(Segment::Name(name.to_owned()));
                let error = typed::at(&self.root, &key, message.clone());
                Error { found: None, ..error }.nearest(name, known.iter().copied())
            })
            .collect()
    }

    /// An error for a caller's own check of `key`: it knows the place and, unless it is a secret, the value found.
    ///
    /// `expected` completes "expected …".
    pub fn error(&self, key: &str, expected: impl fmt::Display) -> Error {
        self.complaint(key, format!("expected {expected}"))
    }

    /// Like [`error`](Self::error), with a message of its own instead of "expected …".
    pub fn complaint(&self, key: &str, message: impl Into<String>) -> Error {
        match Key::parse(key) {
            Ok(parsed) => typed::at(&self.root, &parsed, message.into()),
            Err(_) => Error::new(key, message),
        }
    }

    pub(crate) fn node(&self, key: &str) -> Option<&Node> {
        self.root.find(&Key::parse(key).ok()?)
    }
}

fn listed(known: &[&str]) -> String {
    let mut known = known.to_vec();
    known.sort_unstable();
    format!("unknown key; expected one of {}", known.join(", "))
}

fn parse(key: &str) -> Result<Key, Errors> {
    Key::parse(key).map_err(|error| Error::new(key, error.to_string()).into())
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("folder", &self.folder)
            .field("profiles", &self.profiles)
            .field("values", &self.root)
            .finish_non_exhaustive()
    }
}
