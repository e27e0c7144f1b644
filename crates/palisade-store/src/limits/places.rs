//! For how many keys a counter has room, and for how many identifiers: for as many of each, apart from each other.

use std::sync::atomic::{AtomicUsize, Ordering};

/// What takes a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Key,
    Identifier,
}

/// There is no room for one more of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NoRoom(pub(super) Kind);

/// So many of each.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Count {
    keys: usize,
    identifiers: usize,
}

impl Count {
    pub(super) fn one(kind: Kind) -> Self {
        let mut count = Self::default();
        count.add(kind);
        count
    }

    pub(super) fn add(&mut self, kind: Kind) {
        match kind {
            Kind::Key => self.keys += 1,
            Kind::Identifier => self.identifiers += 1,
        }
    }

    pub(super) fn of(self, kind: Kind) -> usize {
        match kind {
            Kind::Key => self.keys,
            Kind::Identifier => self.identifiers,
        }
    }

    pub(super) fn is_nothing(self) -> bool {
        self.keys == 0 && self.identifiers == 0
    }
}

/// The places of a table that are taken, those included of what may be taken out.
#[derive(Debug)]
pub(super) struct Places {
    max: AtomicUsize,
    keys: AtomicUsize,
    identifiers: AtomicUsize,
}

impl Places {
    pub(super) fn new(max: usize) -> Self {
        Self {
            max: AtomicUsize::new(max),
            keys: AtomicUsize::new(0),
            identifiers: AtomicUsize::new(0),
        }
    }

    /// There are that many of each from now on.
    pub(super) fn bound(&self, max: usize) {
        self.max.store(max, Ordering::Release);
    }

    pub(super) fn has_room(&self, kind: Kind) -> bool {
        self.of(kind).load(Ordering::Acquire) < self.max.load(Ordering::Acquire)
    }

    /// Takes one, where there is one.
    pub(super) fn reserve(&self, kind: Kind) -> Result<(), NoRoom> {
        let max = self.max.load(Ordering::Acquire);
        let raise = |taken: usize| (taken < max).then_some(taken + 1);
        let raised = self
            .of(kind)
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, raise);
        raised.map(|_| ()).map_err(|_| NoRoom(kind))
    }

    /// Takes one, beyond the bound if need be.
    pub(super) fn reserve_beyond(&self, kind: Kind) {
        self.of(kind).fetch_add(1, Ordering::AcqRel);
    }

    /// Gives that many back.
    pub(super) fn release(&self, count: Count) {
        for kind in [Kind::Key, Kind::Identifier] {
            if count.of(kind) > 0 {
                self.of(kind).fetch_sub(count.of(kind), Ordering::AcqRel);
            }
        }
    }

    fn of(&self, kind: Kind) -> &AtomicUsize {
        match kind {
            Kind::Key => &self.keys,
            Kind::Identifier => &self.identifiers,
        }
    }
}
