//! The snapshot in force.

use std::sync::{Arc, Weak};

use arc_swap::{ArcSwap, Guard};

use crate::snapshot::Snapshot;

/// The snapshot in force; clones share it.
///
/// Whoever serves shares it among [`Resources`](palisade_core::Resources) as `Arc<Directory>`; stages find it there.
#[derive(Debug, Clone, Default)]
pub struct Directory {
    snapshot: Arc<ArcSwap<Snapshot>>,
    is_followed: bool,
}

impl Directory {
    /// Puts a first snapshot in force.
    pub fn new(snapshot: Snapshot) -> Self {
        Self {
            snapshot: Arc::new(ArcSwap::from_pointee(snapshot)),
            is_followed: false,
        }
    }

    /// Puts a first snapshot in force, of a database that others change while it is followed.
    pub fn followed(snapshot: Snapshot) -> Self {
        Self {
            is_followed: true,
            ..Self::new(snapshot)
        }
    }

    /// Whether users and tenants may come that are not there yet.
    pub fn is_followed(&self) -> bool {
        self.is_followed
    }

    /// The snapshot in force. It stays as it is while it is held, whatever comes after it.
    ///
    /// The guard is taken without counting a reference; it is meant to be held for the length of a decision.
    pub fn current(&self) -> Guard<Arc<Snapshot>> {
        self.snapshot.load()
    }

    /// Puts another snapshot in force, at once and for all clones.
    pub fn replace(&self, snapshot: Snapshot) {
        self.snapshot.store(Arc::new(snapshot));
    }

    /// A handle that does not keep the directory.
    pub fn downgrade(&self) -> WeakDirectory {
        WeakDirectory {
            snapshot: Arc::downgrade(&self.snapshot),
            is_followed: self.is_followed,
        }
    }
}

/// A handle that does not keep its directory.
#[derive(Debug, Clone)]
pub struct WeakDirectory {
    snapshot: Weak<ArcSwap<Snapshot>>,
    is_followed: bool,
}

impl WeakDirectory {
    /// The directory, while somebody has it.
    pub fn upgrade(&self) -> Option<Directory> {
        let snapshot = self.snapshot.upgrade()?;
        Some(Directory {
            snapshot,
            is_followed: self.is_followed,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Directory;
    use crate::{Snapshot, User};

    #[test]
    fn a_snapshot_is_replaced_for_all_clones_and_kept_by_who_holds_it() {
        let directory = Directory::default();
        let clone = directory.clone();
        let held = directory.current();
        assert!(held.user("alice").is_none());
        directory.replace(Snapshot::builder().user(User::new("alice")).build().unwrap());
        assert!(held.user("alice").is_none());
        assert!(clone.current().user("alice").is_some());
        assert_ne!(held.version(), clone.current().version());
    }

    #[test]
    fn a_weak_handle_keeps_nothing() {
        let directory = Directory::default();
        let weak = directory.downgrade();
        assert!(weak.upgrade().is_some());
        drop(directory);
        assert!(weak.upgrade().is_none());
    }
}
