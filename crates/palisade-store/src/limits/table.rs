//! The keys of one counter.
//!
//! 1. They are split into shards, each behind a lock. Which shard and which place in it a key has, depends on a hash that is random
//!    in each table: no sender can crowd one of them.
//! 2. The bound is exact over all shards: one number, raised before a key is put in and lowered after it is taken out. Identifiers
//!    have one of their own, so that no number of them takes the room of a key.
//! 3. A key whose share is whole again makes room. Each shard knows by when to look at which of its keys; a key that was used
//!    meanwhile is put off. So what is found costs the logarithm of the shard, and is paid for by what was used.
//! 4. A key whose share is not whole is never taken out. What finds no room goes to a last shard, where [`LimitKey::OVERFLOW`] is.
//! 5. An identifier that was counted is kept beside its owner. Without room for it, it is counted again.
//! 6. Whoever locks several shards does so in the order of tables, and of shards in one.
//! 7. A shard gives memory back when less than a third of it is used: what one shard had at one time and another at the next is never
//!    kept twice.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fmt::Debug;
use std::mem::size_of;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use aws_lc_rs::digest::{Context, SHA256};
use hashbrown::HashTable;
use palisade_core::LimitKey;

use super::bound::Bound;
use super::hash::KeyHash;
use super::places::{Count, Kind, NoRoom, Places};
use super::rules::{NEVER, Nanos, Rule, Share};

/// How many keys are looked at while a lock is held.
const PER_LOCK: usize = 64;
/// How many keys a call looks at in its own shard before it puts one in: more than it puts in, so that the table shrinks.
const PER_CALL: usize = 4;
/// How many keys a shard is meant to have at most.
const PER_SHARD: usize = 16_384;
/// How many places a shard may keep that it does not use.
const FEW: usize = 64;
/// The first byte of what stands for an identifier; no key begins like that.
const IDENTIFIER: u8 = 0xff;

/// Tables are numbered, so that there is one order of locks.
static NEXT: AtomicU64 = AtomicU64::new(0);

/// What a store has for each key beside its share.
pub(crate) trait Beside: Debug + Default + Send + Sync + 'static {
    /// Whether changes that no call waits for are to be noted.
    const NOTES: bool;

    /// Units were taken in that second. Says whether a call may go on at once.
    fn taken(&mut self, share: &Share, units: u128, second: u64) -> bool;

    /// For an identifier that is put in.
    fn identifier(owner: LimitKey) -> Self;

    /// An identifier was found or put in. Says whether a call may go on at once.
    fn is_identified(&self) -> bool;
}

/// Nothing.
impl Beside for () {
    const NOTES: bool = false;

    fn taken(&mut self, _: &Share, _: u128, _: u64) -> bool {
        true
    }

    fn identifier(_: LimitKey) -> Self {}

    fn is_identified(&self) -> bool {
        true
    }
}

#[derive(Debug)]
pub(crate) struct Table<B> {
    this: Weak<Self>,
    pub(super) number: u64,
    pub(super) name: Arc<str>,
    secret: KeyHash,
    /// The last one is for what finds no room in the others.
    shards: Box<[Shard<B>]>,
    places: Places,
    /// Which keys changed without a call that waits for it.
    noted: Mutex<Vec<Place>>,
}

/// Where a key is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(super) shard: usize,
    pub(super) key: LimitKey,
}

/// On a cache line of its own: two tasks on two shards do not slow each other down.
#[derive(Debug)]
#[repr(align(128))]
struct Shard<B> {
    inner: Mutex<Inner<B>>,
    /// The earliest time to look at one of the keys, to pass by shards with nothing to find.
    earliest: AtomicU64,
}

#[derive(Debug)]
pub(super) struct Inner<B> {
    slots: HashTable<Slot<B>>,
    /// When to look at which key, by its hash. Some are of keys that are gone.
    due: BinaryHeap<Reverse<(Nanos, u64)>>,
    /// The time of the last call.
    pub(super) now: Nanos,
    /// How often something was reset: what was taken before cannot be given back after.
    generation: u16,
}

/// One cache line, where there is nothing beside.
#[derive(Debug)]
#[repr(align(64))]
pub(super) struct Slot<B> {
    pub(super) key: LimitKey,
    pub(super) generation: u16,
    pub(super) kept: Kept,
    pub(super) beside: B,
}

#[derive(Debug)]
pub(super) enum Kept {
    /// Of a key.
    Share(Share),
    /// An identifier of the key with that hash was counted, and need not be again until then.
    Identifier {
        owner: u64,
        until: Nanos,
        /// Whether another demand went on because of it: then what was taken under it stays taken.
        passed: bool,
    },
}

impl Kept {
    fn kind(&self) -> Kind {
        match self {
            Self::Share(_) => Kind::Key,
            Self::Identifier { .. } => Kind::Identifier,
        }
    }
}

impl<B> Slot<B> {
    /// From when on it need not be kept, if nobody uses it meanwhile.
    pub(super) fn until(&self) -> Nanos {
        match &self.kept {
            Kept::Share(share) => share.whole_at(),
            Kept::Identifier { until, .. } => *until,
        }
    }
}

/// A shard whose lock is held.
pub(super) struct Held<'a, B> {
    pub(super) table: &'a Table<B>,
    pub(super) shard: usize,
    pub(super) inner: MutexGuard<'a, Inner<B>>,
}

impl<B: Beside> Table<B> {
    pub(super) fn new(name: &str, max_keys: usize) -> Arc<Self> {
        let shards = (max_keys / PER_SHARD).max((max_keys / 64).min(64));
        let shards = shards.clamp(1, 1024).next_power_of_two() + 1;
        Arc::new_cyclic(|this| Self {
            this: Weak::clone(this),
            number: NEXT.fetch_add(1, Ordering::Relaxed),
            name: name.into(),
            secret: KeyHash::new(),
            shards: (0..shards).map(|_| Shard::default()).collect(),
            places: Places::new(max_keys),
            noted: Mutex::default(),
        })
    }

    pub(super) fn this(&self) -> Option<Arc<Self>> {
        self.this.upgrade()
    }

    /// Has room for that many keys from now on.
    pub(super) fn bound(&self, max_keys: usize) {
        self.places.bound(max_keys);
    }

    #[inline]
    pub(super) fn hash(&self, key: &LimitKey) -> u64 {
        self.secret.of(key)
    }

    /// The shard of keys with that hash.
    #[inline]
    pub(super) fn shard_of(&self, hash: u64) -> usize {
        // The table in a shard goes by the lowest and the highest bits.
        let shards = self.shards.len().saturating_sub(1).max(1);
        usize::try_from(hash >> 32).unwrap_or_default() & (shards - 1)
    }

    /// The shard of what finds no room.
    #[inline]
    pub(super) fn last_shard(&self) -> usize {
        self.shards.len().saturating_sub(1)
    }

    /// How many shards there are.
    pub(super) fn shards(&self) -> usize {
        self.shards.len()
    }

    #[inline]
    pub(super) fn lock(&self, shard: usize) -> Option<Held<'_, B>> {
        let inner = self.shards.get(shard)?.inner.lock();
        Some(Held {
            table: self,
            shard,
            inner: inner.unwrap_or_else(PoisonError::into_inner),
        })
    }

    /// Takes out something of that kind that may be, wherever it is. `false` when all are needed.
    pub(super) fn make_room(&self, kind: Kind, now: Nanos) -> bool {
        (0..self.last_shard()).any(|shard| {
            while self.is_due(shard, now) {
                if self
                    .lock(shard)
                    .is_some_and(|mut held| held.evict(now, PER_LOCK).of(kind) > 0)
                {
                    return true;
                }
            }
            false
        })
    }

    /// Takes out all that may be, some at a time.
    pub(super) fn sweep(&self, now: Nanos) {
        for shard in 0..self.shards() {
            while self.is_due(shard, now) {
                if let Some(mut held) = self.lock(shard) {
                    held.evict(now, PER_LOCK);
                }
            }
        }
    }

    /// Whether there is room for one more at this moment.
    pub(super) fn has_room(&self, kind: Kind) -> bool {
        self.places.has_room(kind)
    }

    fn is_due(&self, shard: usize, now: Nanos) -> bool {
        let shard = self.shards.get(shard);
        shard.is_some_and(|shard| shard.earliest.load(Ordering::Acquire) <= now)
    }

    /// Which keys changed without a call that waits for it, since the last time.
    pub(super) fn take_notes(&self, notes: &mut Vec<Place>) {
        notes.append(&mut self.noted.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn note(&self, place: Place) {
        if B::NOTES {
            self.noted
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(place);
        }
    }
}

impl<B> Default for Shard<B> {
    fn default() -> Self {
        Self {
            inner: Mutex::new(Inner {
                slots: HashTable::new(),
                due: BinaryHeap::new(),
                now: 0,
                generation: 0,
            }),
            earliest: AtomicU64::new(NEVER),
        }
    }
}

impl<B: Beside> Held<'_, B> {
    #[inline]
    pub(super) fn find(&self, hash: u64, key: &LimitKey) -> Option<&Slot<B>> {
        self.inner.slots.find(hash, |slot| slot.key == *key)
    }

    #[inline]
    pub(super) fn find_mut(&mut self, hash: u64, key: &LimitKey) -> Option<&mut Slot<B>> {
        self.inner.slots.find_mut(hash, |slot| slot.key == *key)
    }

    /// Makes sure of room for one more, or says that there is none.
    pub(super) fn reserve(&mut self, kind: Kind, now: Nanos) -> Result<(), NoRoom> {
        if self.is_last() {
            return Ok(());
        }
        self.evict(now, PER_CALL);
        self.table.places.reserve(kind)
    }

    /// Whether there is room for one more key.
    pub(super) fn has_room(&mut self, now: Nanos) -> Result<(), NoRoom> {
        if self.is_last() {
            return Ok(());
        }
        self.evict(now, PER_CALL);
        let has_room = self.table.has_room(Kind::Key);
        has_room.then_some(()).ok_or(NoRoom(Kind::Key))
    }

    /// The room is not needed after all.
    pub(super) fn release(&self, count: Count) {
        if !self.is_last() {
            self.table.places.release(count);
        }
    }

    /// Puts in a key that is not there, and for which there is room. Says in which generation.
    pub(super) fn put(&mut self, hash: u64, key: LimitKey, kept: Kept, beside: B) -> u16 {
        let generation = self.inner.generation;
        let slot = Slot {
            key,
            generation,
            kept,
            beside,
        };
        let until = slot.until();
        let table = self.table;
        self.inner
            .slots
            .insert_unique(hash, slot, |slot| table.hash(&slot.key));
        if until != NEVER {
            self.inner.due.push(Reverse((until, hash)));
        }
        if self.inner.due.len() > 2 * self.inner.slots.len() + 64 {
            self.order_anew();
        }
        self.note_earliest();
        generation
    }

    /// Puts in what was kept elsewhere, beyond the bound if need be.
    pub(super) fn restore(&mut self, key: LimitKey, kept: Kept, beside: B) {
        let hash = self.table.hash(&key);
        if self.find(hash, &key).is_none() {
            if !self.is_last() {
                self.table.places.reserve_beyond(kept.kind());
            }
            self.put(hash, key, kept, beside);
        }
    }

    pub(super) fn remove(&mut self, hash: u64, key: &LimitKey) -> bool {
        let Ok(found) = self.inner.slots.find_entry(hash, |slot| slot.key == *key) else {
            return false;
        };
        let (slot, _) = found.remove();
        self.release(Count::one(slot.kept.kind()));
        self.note(*key);
        self.shrink();
        true
    }

    /// Takes out every key that is meant, and says for how many of them shares had been used. What was taken before cannot be
    /// given back.
    pub(super) fn remove_all(&mut self, meant: impl Fn(&Slot<B>) -> bool) -> u64 {
        self.inner.generation = self.inner.generation.wrapping_add(1);
        let now = self.inner.now;
        let (mut used, mut removed, mut count) = (0, Vec::new(), Count::default());
        self.inner.slots.retain(|slot| {
            let is_meant = meant(slot);
            if is_meant {
                removed.push(slot.key);
                count.add(slot.kept.kind());
                used += u64::from(matches!(slot.kept, Kept::Share(_)) && slot.until() > now);
            }
            !is_meant
        });
        self.release(count);
        for key in removed {
            self.note(key);
        }
        self.order_anew();
        self.shrink();
        used
    }

    pub(super) fn slots(&self) -> impl Iterator<Item = &Slot<B>> {
        self.inner.slots.iter()
    }

    /// Has it known that a key changed without a call that waits for it.
    pub(super) fn note(&self, key: LimitKey) {
        self.table.note(Place {
            shard: self.shard,
            key,
        });
    }

    /// Looks at that many keys that are due at most, and takes out those that are not needed.
    fn evict(&mut self, now: Nanos, at_most: usize) -> Count {
        let table = self.table;
        let (mut evicted, mut looked_at) = (Count::default(), false);
        for _ in 0..at_most {
            let Some(Reverse((due, hash))) = self.inner.due.peek().copied() else {
                break;
            };
            if due > now {
                break;
            }
            looked_at = true;
            self.inner.due.pop();
            let found = self
                .inner
                .slots
                .find_entry(hash, |slot| table.hash(&slot.key) == hash);
            let Ok(found) = found else {
                continue;
            };
            let (key, until) = (found.get().key, found.get().until());
            if until <= now {
                let (slot, _) = found.remove();
                evicted.add(slot.kept.kind());
                self.note(key);
            } else if until != NEVER {
                self.inner.due.push(Reverse((until, hash)));
            }
        }
        if !evicted.is_nothing() {
            self.release(evicted);
            self.shrink();
        }
        if looked_at {
            self.note_earliest();
        }
        evicted
    }

    /// Gives memory back of which less than a third is used. Between two times so much changes that it costs each change little.
    fn shrink(&mut self) {
        let table = self.table;
        let Inner { slots, due, .. } = &mut *self.inner;
        if slots.capacity() > 3 * slots.len() + FEW {
            slots.shrink_to(slots.len() * 3 / 2, |slot| table.hash(&slot.key));
        }
        if due.capacity() > 3 * due.len() + FEW {
            due.shrink_to(due.len() * 3 / 2);
        }
    }

    /// Forgets when to look at keys that are gone.
    fn order_anew(&mut self) {
        let table = self.table;
        let slots = self.inner.slots.iter().filter(|slot| slot.until() != NEVER);
        let due: Vec<_> = slots
            .map(|slot| Reverse((slot.until(), table.hash(&slot.key))))
            .collect();
        self.inner.due = due.into();
        self.note_earliest();
    }

    fn note_earliest(&self) {
        let earliest = self.inner.due.peek().map_or(NEVER, |Reverse((due, _))| *due);
        if let Some(shard) = self.table.shards.get(self.shard) {
            shard.earliest.store(earliest, Ordering::Release);
        }
    }

    fn is_last(&self) -> bool {
        self.shard == self.table.last_shard()
    }
}

/// What stands for an identifier of that key.
///
/// It is a digest, so that nobody can make two that are taken for one another: 184 bits of SHA-256.
pub(super) fn identifier(owner: &LimitKey, id: &[u8; 16]) -> LimitKey {
    let mut context = Context::new(&SHA256);
    context.update(owner.as_bytes());
    context.update(id);
    let digest = context.finish();
    let mut bytes = [IDENTIFIER; LimitKey::LENGTH];
    for (to, from) in bytes.iter_mut().skip(1).zip(digest.as_ref()) {
        *to = *from;
    }
    LimitKey::from_bytes(bytes)
}

/// The units of that window, as a [`Standing`](palisade_core::Standing) has it: with the generation, where windows have numbers.
#[inline]
pub(super) fn mark(rule: Rule, generation: u16, window: u64) -> u64 {
    match rule {
        Rule::Rate { .. } => window,
        _ => (u64::from(generation) << 48) | (window & WINDOWS),
    }
}

/// The generation, where there is one, and the window.
pub(super) fn unmark(rule: Rule, mark: u64) -> (Option<u16>, u64) {
    match rule {
        Rule::Rate { .. } => (None, mark),
        _ => (u16::try_from(mark >> 48).ok(), mark & WINDOWS),
    }
}

const WINDOWS: u64 = (1 << 48) - 1;

// What the documentation says about memory is about these.
const _: () = assert!(size_of::<Slot<Bound>>() == 128);
const _: () = assert!(size_of::<Slot<()>>() == 64);
