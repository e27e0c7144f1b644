//! The table of messages that must not be accepted again, and its order of forgetting.
//!
//! 1. It is split into shards, each behind a lock that is held for a bounded number of steps. Which shard and which place in it
//!    a message has, depends on a key that is random in each process: no sender can crowd one of them.
//! 2. The bound is exact over all shards: one counter, raised before an entry is put in and lowered after it is taken out.
//! 3. An entry counts as live through its last second. It is taken out some time after that: a few by each call, more by a
//!    call that finds the table full, and all by [`Index::reclaim`].
//! 4. Each shard knows the latest second of which it forgot anything. A message that would have been forgotten by then cannot be
//!    told from one that was: it is [`Replay::TooOld`]. So a clock that goes back opens nothing.

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use palisade_core::Replay;

use crate::identity::MessageKey;

/// How many expired entries a call takes out of its own shard: more than it puts in, so that the table shrinks.
const PER_CALL: usize = 4;
/// How many expired entries are taken out while a lock is held.
const PER_LOCK: usize = 64;
/// How many entries a shard is meant to have at most.
const PER_SHARD: usize = 8192;
/// No entry.
const NEVER: u64 = u64::MAX;

/// A bounded table of messages.
#[derive(Debug)]
pub(crate) struct Index {
    shards: Box<[Shard]>,
    hasher: RandomState,
    entries: AtomicUsize,
    max_entries: usize,
}

/// The table is full of live entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Full;

#[derive(Debug)]
struct Shard {
    table: Mutex<Table>,
    /// The earliest second in the table, to pass by shards with nothing to forget.
    earliest: AtomicU64,
}

#[derive(Debug, Default)]
struct Table {
    /// The last second of each.
    entries: HashMap<MessageKey, u64, RandomState>,
    /// Which are due to be forgotten after which second. One that `entries` has under another second is not due any more.
    due: BTreeMap<u64, Vec<MessageKey>>,
    /// The latest second of which anything was forgotten.
    forgotten: Option<u64>,
}

impl Index {
    pub(crate) fn new(max_entries: usize) -> Self {
        let shards = (max_entries / PER_SHARD).clamp(16, 1024).next_power_of_two();
        Self {
            shards: (0..shards).map(|_| Shard::default()).collect(),
            hasher: RandomState::new(),
            entries: AtomicUsize::new(0),
            max_entries,
        }
    }

    /// How many entries there are, those that are due and not yet taken out included.
    pub(crate) fn len(&self) -> usize {
        self.entries.load(Ordering::Acquire)
    }

    /// Puts a message in, unless it is there.
    pub(crate) fn burn(&self, key: MessageKey, last: u64, now: u64) -> Result<Replay, Full> {
        let Some(shard) = self.shard(key) else {
            return Err(Full);
        };
        loop {
            {
                let mut table = shard.lock();
                let taken = table.forget(now, PER_CALL);
                self.release(taken);
                if table.entries.get(&key).is_some_and(|last| *last >= now) {
                    return Ok(Replay::Seen);
                }
                if last < now || Some(last) <= table.forgotten {
                    return Ok(Replay::TooOld);
                }
                if table.entries.contains_key(&key) || self.reserve() {
                    table.put(key, last);
                    shard.note(&table);
                    return Ok(Replay::Fresh);
                }
            }
            if !self.make_room(now) {
                return Err(Full);
            }
        }
    }

    /// Takes out a message that was put in and not accepted after all.
    pub(crate) fn withdraw(&self, key: MessageKey, last: u64) {
        let Some(shard) = self.shard(key) else { return };
        let mut table = shard.lock();
        if table.take_out(key, last) {
            self.release(1);
        }
    }

    /// Puts in what was remembered elsewhere, beyond the bound if need be.
    pub(crate) fn restore(&self, key: MessageKey, last: u64) {
        let Some(shard) = self.shard(key) else { return };
        let mut table = shard.lock();
        if table.entries.get(&key).is_none_or(|known| *known < last) {
            if !table.entries.contains_key(&key) {
                self.entries.fetch_add(1, Ordering::AcqRel);
            }
            table.put(key, last);
            shard.note(&table);
        }
    }

    /// Takes it that everything up to that second may have been forgotten.
    pub(crate) fn restore_forgotten(&self, second: u64) {
        for shard in &self.shards {
            let mut table = shard.lock();
            table.forgotten = table.forgotten.max(Some(second));
        }
    }

    /// Takes out all that is due, some at a time.
    pub(crate) fn reclaim(&self, now: u64) {
        for shard in &self.shards {
            while shard.has_due(now) {
                self.reclaim_some(shard, now);
            }
        }
    }

    fn reclaim_some(&self, shard: &Shard, now: u64) -> usize {
        let mut table = shard.lock();
        let taken = table.forget(now, PER_LOCK);
        shard.note(&table);
        self.release(taken);
        taken
    }

    /// Takes out something that is due, wherever it is. `false` when all entries are live.
    fn make_room(&self, now: u64) -> bool {
        // Another call may have made room meanwhile, which serves as well.
        if self.len() < self.max_entries {
            return true;
        }
        for shard in &self.shards {
            while shard.has_due(now) {
                if self.reclaim_some(shard, now) > 0 {
                    return true;
                }
            }
        }
        false
    }

    fn reserve(&self) -> bool {
        let raise = |entries: usize| (entries < self.max_entries).then_some(entries + 1);
        self.entries
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, raise)
            .is_ok()
    }

    fn release(&self, entries: usize) {
        if entries > 0 {
            self.entries.fetch_sub(entries, Ordering::AcqRel);
        }
    }

    /// There always is one.
    fn shard(&self, key: MessageKey) -> Option<&Shard> {
        let hash = usize::try_from(self.hasher.hash_one(key) >> 32).unwrap_or_default();
        self.shards.get(hash % self.shards.len())
    }
}

impl Default for Shard {
    fn default() -> Self {
        Self {
            table: Mutex::default(),
            earliest: AtomicU64::new(NEVER),
        }
    }
}

impl Shard {
    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn has_due(&self, now: u64) -> bool {
        self.earliest.load(Ordering::Acquire) < now
    }

    /// Called with the lock held.
    fn note(&self, table: &Table) {
        let earliest = table.due.first_key_value().map_or(NEVER, |(second, _)| *second);
        self.earliest.store(earliest, Ordering::Release);
    }
}

impl Table {
    fn put(&mut self, key: MessageKey, last: u64) {
        self.entries.insert(key, last);
        self.due.entry(last).or_default().push(key);
    }

    /// `false` when it is not there under that second.
    fn take_out(&mut self, key: MessageKey, last: u64) -> bool {
        if self.entries.get(&key) != Some(&last) {
            return false;
        }
        self.entries.remove(&key);
        if let Some(due) = self.due.get_mut(&last) {
            // What is withdrawn was put in a moment ago.
            if let Some(place) = due.iter().rposition(|found| *found == key) {
                due.swap_remove(place);
            }
            if due.is_empty() {
                self.due.remove(&last);
            }
        }
        true
    }

    /// Takes out at most that many entries whose last second has passed, and says how many.
    fn forget(&mut self, now: u64, at_most: usize) -> usize {
        let mut taken = 0;
        for _ in 0..at_most {
            let Some(mut due) = self.due.first_entry() else {
                break;
            };
            let second = *due.key();
            if second >= now {
                break;
            }
            self.forgotten = self.forgotten.max(Some(second));
            if let Some(key) = due.get_mut().pop()
                && self.entries.get(&key) == Some(&second)
            {
                self.entries.remove(&key);
                taken += 1;
            }
            if due.get().is_empty() {
                due.remove();
            }
        }
        taken
    }
}

#[cfg(test)]
mod tests;
