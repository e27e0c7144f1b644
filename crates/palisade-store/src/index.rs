//! The table of messages that must not be accepted again, and its order of forgetting.
//!
//! 1. It is split into shards, each behind a lock that is held for a bounded number of steps. Which shard and which place in it
//!    a message has, depends on a key that is random in each process: no sender can crowd one of them.
//! 2. The bound is exact over all shards: one counter, raised before an entry is put in and lowered after it is taken out.
//! 3. An entry is live until its end and the reach of the table: the largest skew that anybody who asks permits. The reach only
//!    grows. An entry is taken out some time after that: a few by each call, more by a call that finds the table full, and all by
//!    [`Index::reclaim`]. Until then it is known, due or not.
//! 4. Each shard knows the latest end of anything it forgot. A message that ended no later cannot be told from one that was
//!    forgotten: it is [`Replay::TooOld`]. The end of a message is the same whoever asks and whenever, so neither a clock that goes
//!    back nor a larger skew opens anything.
//! 5. As long as the reach does not grow and the clock does not go back, everything that ended so early is refused for its age
//!    anyway: no new message is taken for a forgotten one.

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use palisade_core::Replay;

use crate::identity::{Entry, MessageKey};

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
    /// For how many seconds after their end messages are remembered.
    reach: AtomicU64,
}

/// The table is full of live entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Full;

#[derive(Debug)]
struct Shard {
    table: Mutex<Table>,
    /// The earliest end in the table, to pass by shards with nothing to forget.
    earliest: AtomicU64,
}

#[derive(Debug, Default)]
struct Table {
    /// The end of each.
    entries: HashMap<MessageKey, u64, RandomState>,
    /// Which end in which second. One that `entries` has under another second counts there alone.
    ends: BTreeMap<u64, Vec<MessageKey>>,
    /// The latest end of anything that was forgotten.
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
            reach: AtomicU64::new(0),
        }
    }

    /// Has messages remembered for at least that many seconds after their end.
    pub(crate) fn reach(&self, seconds: u64) {
        self.reach.fetch_max(seconds, Ordering::AcqRel);
    }

    /// What ended before that second is due to be forgotten.
    pub(crate) fn horizon(&self, now: u64) -> u64 {
        now.saturating_sub(self.reach.load(Ordering::Acquire))
    }

    /// How many entries there are, those that are due and not yet taken out included.
    pub(crate) fn len(&self) -> usize {
        self.entries.load(Ordering::Acquire)
    }

    /// Puts in a message that is accepted until `skew` seconds after its end, unless it is there or may have been.
    pub(crate) fn burn(&self, entry: Entry, skew: u64, now: u64) -> Result<Replay, Full> {
        let Some(shard) = self.shard(entry.key) else {
            return Err(Full);
        };
        self.reach(skew);
        let horizon = self.horizon(now);
        loop {
            {
                let mut table = shard.lock();
                let taken = table.forget(horizon, PER_CALL);
                self.release(taken);
                if table.entries.contains_key(&entry.key) {
                    return Ok(Replay::Seen);
                }
                let is_over = entry.expires.saturating_add(skew) < now;
                if is_over || Some(entry.expires) <= table.forgotten {
                    return Ok(Replay::TooOld);
                }
                if self.reserve() {
                    table.put(entry);
                    shard.note(&table);
                    return Ok(Replay::Fresh);
                }
            }
            if !self.make_room(horizon) {
                return Err(Full);
            }
        }
    }

    /// Takes out a message that was put in and not accepted after all.
    pub(crate) fn withdraw(&self, entry: Entry) {
        let Some(shard) = self.shard(entry.key) else {
            return;
        };
        let mut table = shard.lock();
        if table.take_out(entry) {
            self.release(1);
        }
    }

    /// Puts in what was remembered elsewhere, beyond the bound if need be. Of two with one key the later end counts.
    pub(crate) fn restore(&self, entry: Entry) {
        let Some(shard) = self.shard(entry.key) else {
            return;
        };
        let mut table = shard.lock();
        let known = table.entries.get(&entry.key);
        if known.is_none_or(|expires| *expires < entry.expires) {
            if known.is_none() {
                self.entries.fetch_add(1, Ordering::AcqRel);
            }
            table.put(entry);
            shard.note(&table);
        }
    }

    /// Takes it that everything that ended up to that second may have been forgotten.
    pub(crate) fn restore_forgotten(&self, second: u64) {
        for shard in &self.shards {
            let mut table = shard.lock();
            table.forgotten = table.forgotten.max(Some(second));
        }
    }

    /// Takes out all that is due, some at a time.
    pub(crate) fn reclaim(&self, now: u64) {
        let horizon = self.horizon(now);
        for shard in &self.shards {
            while shard.has_due(horizon) {
                self.reclaim_some(shard, horizon);
            }
        }
    }

    fn reclaim_some(&self, shard: &Shard, horizon: u64) -> usize {
        let mut table = shard.lock();
        let taken = table.forget(horizon, PER_LOCK);
        shard.note(&table);
        self.release(taken);
        taken
    }

    /// Takes out something that is due, wherever it is. `false` when all entries are live.
    fn make_room(&self, horizon: u64) -> bool {
        // Another call may have made room meanwhile, which serves as well.
        if self.len() < self.max_entries {
            return true;
        }
        for shard in &self.shards {
            while shard.has_due(horizon) {
                if self.reclaim_some(shard, horizon) > 0 {
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

    fn has_due(&self, horizon: u64) -> bool {
        self.earliest.load(Ordering::Acquire) < horizon
    }

    /// Called with the lock held.
    fn note(&self, table: &Table) {
        let earliest = table.ends.first_key_value().map_or(NEVER, |(second, _)| *second);
        self.earliest.store(earliest, Ordering::Release);
    }
}

impl Table {
    fn put(&mut self, entry: Entry) {
        self.entries.insert(entry.key, entry.expires);
        self.ends.entry(entry.expires).or_default().push(entry.key);
    }

    /// `false` when it is not there with that end.
    fn take_out(&mut self, entry: Entry) -> bool {
        if self.entries.get(&entry.key) != Some(&entry.expires) {
            return false;
        }
        self.entries.remove(&entry.key);
        if let Some(together) = self.ends.get_mut(&entry.expires) {
            // What is withdrawn was put in a moment ago.
            if let Some(place) = together.iter().rposition(|found| *found == entry.key) {
                together.swap_remove(place);
            }
            if together.is_empty() {
                self.ends.remove(&entry.expires);
            }
        }
        true
    }

    /// Takes out at most that many entries that ended before the horizon, and says how many.
    fn forget(&mut self, horizon: u64, at_most: usize) -> usize {
        let mut taken = 0;
        for _ in 0..at_most {
            let Some(mut due) = self.ends.first_entry() else {
                break;
            };
            let second = *due.key();
            if second >= horizon {
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
