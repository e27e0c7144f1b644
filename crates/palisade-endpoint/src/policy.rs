//! A compiled policy, and the handle through which it is replaced while requests run.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use arc_swap::{ArcSwap, Guard as Snapshot};
use http::HeaderMap;
use palisade_config::Entry as Setting;
use palisade_core::{Finding, GroupOutline, Pipeline, RefusalFormat, soap};
use serde::Serialize;

use crate::client::CompiledClient;
use crate::index::Index;
use crate::path::NotCanonical;
use crate::selector::{BasePaths, Selectors, Target};

/// What happens to a request that no group covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unmatched {
    /// It is refused: 404 `endpoint-not-configured`.
    #[default]
    Deny,
    /// It passes unguarded.
    Allow,
}

/// Ordered endpoint groups and client interceptors with their pipelines: plain data, made by [`Registry::compile`](crate::Registry::compile).
pub struct Policy {
    pub(crate) groups: Vec<CompiledGroup>,
    pub(crate) index: Index,
    /// The index of the patterns decoded; `None` where no pattern has anything encoded.
    pub(crate) decoded: Option<Index>,
    pub(crate) bases: BasePaths,
    pub(crate) unmatched: Unmatched,
    pub(crate) passing: Pipeline,
    pub(crate) clients: BTreeMap<String, CompiledClient>,
    pub(crate) findings: Vec<Finding>,
    pub(crate) files: Vec<PathBuf>,
}

/// A group with its pipeline.
#[derive(Debug)]
pub(crate) struct CompiledGroup {
    pub(crate) name: Arc<str>,
    pub(crate) selectors: Selectors,
    /// The path patterns of the selectors, as facts carry them.
    pub(crate) paths: Arc<[Arc<str>]>,
    pub(crate) interceptors: Vec<String>,
    pub(crate) report_only: bool,
    pub(crate) pipeline: Pipeline,
    /// Whether a stage finds out who is calling.
    pub(crate) authenticates: bool,
    /// The settings that each stage of the pipeline was built from.
    pub(crate) settings: Vec<Arc<[Setting]>>,
}

impl CompiledGroup {
    /// What its guards are told of it.
    pub(crate) fn outline(&self) -> GroupOutline<'_> {
        GroupOutline {
            name: &self.name,
            paths: &self.paths,
            authenticates: self.authenticates,
        }
    }
}

impl Policy {
    /// What it allows and a careful operator would not.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// The files its stages read, for a watcher.
    pub fn files(&self) -> &[PathBuf] {
        &self.files
    }

    /// The names of the groups, in order.
    pub fn group_names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.groups.iter().map(|group| group.name.as_ref())
    }

    /// What happens to a request that no group covers.
    pub fn unmatched(&self) -> Unmatched {
        self.unmatched
    }

    /// The group of a request. One whose path other servers read otherwise, so that it falls to another group, has none.
    pub(crate) fn find(&self, target: &Target<'_>) -> Result<Option<(u32, &CompiledGroup)>, NotCanonical> {
        let found = self.index.find(target);
        let decoded = target.decoded().is_none_or(|path| {
            let decoded = Target {
                path: &path,
                ..target.clone()
            };
            self.decoded.as_ref().unwrap_or(&self.index).find(&decoded) == found
        });
        let bare = target
            .without_parameters()
            .is_none_or(|bare| self.index.find(&bare) == found);
        if !decoded || !bare {
            return Err(NotCanonical);
        }
        let group = |position: u32| Some((position, self.groups.get(usize::try_from(position).ok()?)?));
        Ok(found.and_then(group))
    }

    /// Whether a path is that of a SOAP route: below `palisade.soap-base-path`.
    pub fn is_soap(&self, path: &str) -> bool {
        self.bases.is_soap(path)
    }

    /// How refusals of requests for that path are written: on a SOAP route as Faults of the request's version.
    pub(crate) fn refusal_format(&self, path: &str, headers: &HeaderMap) -> RefusalFormat {
        if self.bases.is_soap(path) {
            soap::refusal_format(headers)
        } else {
            RefusalFormat::Problem
        }
    }

    /// How `new` differs, group by group and client interceptor by client interceptor.
    pub fn changes(&self, new: &Self) -> Changes {
        let mut changes = Changes::default();
        let by_name = |policy: &Self| -> HashMap<Arc<str>, usize> {
            policy
                .groups
                .iter()
                .enumerate()
                .map(|(position, group)| (Arc::clone(&group.name), position))
                .collect()
        };
        let (old_names, new_names) = (by_name(self), by_name(new));
        for (position, group) in new.groups.iter().enumerate() {
            let old = old_names
                .get(&group.name)
                .and_then(|old| Some((*old, self.groups.get(*old)?)));
            match old {
                None => changes.added.push(group.name.to_string()),
                Some((old, _)) if old != position => changes.moved.push(group.name.to_string()),
                Some((_, old)) if old.differs(group) => changes.changed.push(group.name.to_string()),
                Some(_) => {}
            }
        }
        let gone = self
            .groups
            .iter()
            .filter(|old| !new_names.contains_key(&old.name));
        changes.removed = gone.map(|group| group.name.to_string()).collect();
        changes.clients = self.client_changes(new);
        changes
    }

    fn client_changes(&self, new: &Self) -> ClientChanges {
        let mut changes = ClientChanges::default();
        for (name, client) in &new.clients {
            match self.clients.get(name) {
                None => changes.added.push(name.clone()),
                Some(old) if old.differs(client) => changes.changed.push(name.clone()),
                Some(_) => {}
            }
        }
        let gone = self
            .clients
            .keys()
            .filter(|name| !new.clients.contains_key(*name));
        changes.removed = gone.cloned().collect();
        changes
    }
}

impl CompiledGroup {
    fn differs(&self, other: &Self) -> bool {
        let settings = |group: &Self| {
            let stages = group.settings.iter().flat_map(|settings| settings.iter());
            stages
                .map(|setting| (setting.key.clone(), setting.value.clone()))
                .collect::<Vec<_>>()
        };
        self.selectors != other.selectors
            || self.interceptors != other.interceptors
            || self.report_only != other.report_only
            || settings(self) != settings(other)
    }
}

impl fmt::Debug for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Policy")
            .field("groups", &self.groups)
            .field("unmatched", &self.unmatched)
            .field("clients", &self.clients)
            .finish_non_exhaustive()
    }
}

/// How one policy differs from another, by the names of groups.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[non_exhaustive]
pub struct Changes {
    /// Groups that are new.
    pub added: Vec<String>,
    /// Groups that are gone.
    pub removed: Vec<String>,
    /// Groups that stand in another place.
    pub moved: Vec<String>,
    /// Groups whose selectors, interceptors or settings differ.
    pub changed: Vec<String>,
    /// Client interceptors.
    pub clients: ClientChanges,
}

/// How the client interceptors of one policy differ from those of another, by name.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[non_exhaustive]
pub struct ClientChanges {
    /// Those that are new.
    pub added: Vec<String>,
    /// Those that are gone.
    pub removed: Vec<String>,
    /// Those whose stages or settings differ.
    pub changed: Vec<String>,
}

impl Changes {
    /// Whether there are none. Contents of files that stages read are not compared.
    pub fn is_empty(&self) -> bool {
        self.added.is_empty()
            && self.removed.is_empty()
            && self.moved.is_empty()
            && self.changed.is_empty()
            && self.clients.is_empty()
    }
}

impl ClientChanges {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty() && self.changed.is_empty()
    }
}

impl fmt::Display for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("no group differs");
        }
        let parts = [
            ("added", &self.added),
            ("removed", &self.removed),
            ("moved", &self.moved),
            ("changed", &self.changed),
            ("client interceptors added", &self.clients.added),
            ("client interceptors removed", &self.clients.removed),
            ("client interceptors changed", &self.clients.changed),
        ];
        let mut separator = "";
        for (what, names) in parts.into_iter().filter(|(_, names)| !names.is_empty()) {
            write!(f, "{separator}{what}: {}", names.join(", "))?;
            separator = "; ";
        }
        Ok(())
    }
}

/// The policy in force. Clones share it.
#[derive(Debug, Clone)]
pub struct PolicyHandle(Arc<ArcSwap<Policy>>);

impl PolicyHandle {
    /// Puts a policy in force.
    pub fn new(policy: Policy) -> Self {
        Self(Arc::new(ArcSwap::from_pointee(policy)))
    }

    /// The policy in force now.
    pub fn current(&self) -> Arc<Policy> {
        self.0.load_full()
    }

    /// Puts another policy in force for requests from now on, and says what changed.
    ///
    /// Requests under way end under the policy they began with.
    pub fn replace(&self, policy: Policy) -> Changes {
        let policy = Arc::new(policy);
        let old = self.0.swap(Arc::clone(&policy));
        old.changes(&policy)
    }

    pub(crate) fn snapshot(&self) -> Snapshot<Arc<Policy>> {
        self.0.load()
    }
}
