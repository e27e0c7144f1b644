//! One demand of a call, under the lock of its key's shard.
//!
//! 1. An identifier that was counted lets a demand pass at no cost. It is marked then: whoever took for it has not to give back, even
//!    if its own exchange fails, or those that passed were never counted.
//! 2. A call that is refused leaves no mark.
//! 3. An identifier is marked until its window ends. So where all of its demands fail, what was taken once stays taken.

use palisade_core::{Demand, LimitKey, LimitStoreError, Standing};

use super::call::{Changed, Moment};
use super::places::{Count, Kind, NoRoom};
use super::rules::{Nanos, Rule, Share, window_end};
use super::table::{Beside, Held, Kept, Place, Slot, Table, identifier, mark, unmark};

/// A demand, and where its key is.
#[derive(Debug)]
pub(super) struct Trial<'a, B> {
    pub(super) demand: &'a Demand,
    pub(super) table: &'a Table<B>,
    rule: Rule,
    key: LimitKey,
    hash: u64,
    pub(super) shard: usize,
    id: Option<Id>,
    /// Which trial has the lock of the shard.
    pub(super) holder: usize,
    pub(super) standing: Standing,
    pub(super) waits: bool,
    /// Whether room that nothing was taken out for was tried.
    tried_again: bool,
    /// Whether it marked its identifier.
    is_first_to_pass: bool,
}

#[derive(Debug, Clone, Copy)]
struct Id {
    key: LimitKey,
    hash: u64,
}

impl<'a, B: Beside> Trial<'a, B> {
    pub(super) fn of(demand: &'a Demand) -> Result<Self, LimitStoreError> {
        let table = demand.counter.handle().get::<Table<B>>();
        let table = table.ok_or_else(|| LimitStoreError::new("the counter is one of another store"))?;
        let rule = Rule::of(demand.counter.rule());
        let key = demand.key;
        let hash = table.hash(&key);
        let in_last = key == LimitKey::OVERFLOW;
        let id = demand.once.filter(|_| rule.is_window() && !in_last).map(|id| {
            let key = identifier(&key, &id);
            let hash = table.hash(&key);
            Id { key, hash }
        });
        Ok(Self {
            demand,
            table,
            rule,
            key,
            hash,
            shard: if in_last {
                table.last_shard()
            } else {
                table.shard_of(hash)
            },
            id,
            holder: 0,
            standing: Standing::default(),
            waits: false,
            tried_again: false,
            is_first_to_pass: false,
        })
    }

    /// Does that under the lock of its own shard, and makes room as long as there is none.
    pub(super) fn alone(
        &mut self,
        now: Nanos,
        work: impl Fn(&mut Self, &mut Held<'_, B>) -> Result<(), NoRoom>,
    ) {
        loop {
            let Some(mut held) = self.table.lock(self.shard) else {
                return;
            };
            let done = work(self, &mut held);
            drop(held);
            let Err(lack) = done else {
                return;
            };
            self.make_room(lack, now);
        }
    }

    /// Has something taken out for what is lacking, or goes on without. It is tried again each time; the room that shows without
    /// anything taken out may be what the call itself had and let go, so that is tried once.
    pub(super) fn make_room(&mut self, NoRoom(lack): NoRoom, now: Nanos) {
        if self.table.make_room(lack, now) {
            return;
        }
        if !self.tried_again && self.table.has_room(lack) {
            self.tried_again = true;
        } else {
            self.do_without(lack);
        }
    }

    /// There is no room: goes on in the bucket that is shared, or counts an identifier anew.
    pub(super) fn do_without(&mut self, lack: Kind) {
        self.id = None;
        if lack == Kind::Key {
            self.key = LimitKey::OVERFLOW;
            self.hash = self.table.hash(&self.key);
            self.shard = self.table.last_shard();
        }
    }

    fn overflowed(&self) -> bool {
        self.key != self.demand.key
    }

    pub(super) fn take(&mut self, held: &mut Held<'_, B>, at: Moment) -> Result<(), NoRoom> {
        held.inner.now = at.now;
        self.is_first_to_pass = false;
        if self.pass(held, at.now) {
            return Ok(());
        }
        let Some(id) = self.id else {
            return self.count(held, at);
        };
        held.reserve(Kind::Identifier, at.now)?;
        let counted = self.count(held, at);
        if self.standing.taken > 0 {
            self.identify(held, id);
        } else {
            held.release(Count::one(Kind::Identifier));
        }
        counted
    }

    /// Takes from the key's share, which is put in where it is not there.
    fn count(&mut self, held: &mut Held<'_, B>, at: Moment) -> Result<(), NoRoom> {
        let wanted = self.demand.units;
        if let Some(slot) = held.find_mut(self.hash, &self.key) {
            if let Kept::Share(share) = &mut slot.kept {
                self.standing = share.take(self.rule, wanted, at.now);
                if self.standing.taken > 0 {
                    self.standing.window = mark(self.rule, slot.generation, self.standing.window);
                    self.waits = !slot.beside.taken(share, wanted, at.second);
                }
            }
        } else {
            let mut share = Share::whole(self.rule, at.now);
            let standing = share.take(self.rule, wanted, at.now);
            if standing.taken > 0 {
                held.reserve(Kind::Key, at.now)?;
            }
            self.standing = standing;
            if self.standing.taken > 0 {
                let mut beside = B::default();
                self.waits = !beside.taken(&share, wanted, at.second);
                let generation = held.put(self.hash, self.key, Kept::Share(share), beside);
                self.standing.window = mark(self.rule, generation, self.standing.window);
            }
        }
        self.standing.overflowed = self.overflowed();
        Ok(())
    }

    /// What is wanted was counted before, where this is there.
    fn counted<'h>(&self, held: &'h mut Held<'_, B>, now: Nanos) -> Option<&'h mut Slot<B>> {
        let id = self.id?;
        let slot = held.find_mut(id.hash, &id.key)?;
        (slot.until() > now).then_some(slot)
    }

    /// Goes on at no cost where what is wanted was counted before, and has that known: what was taken for it stays taken.
    fn pass(&mut self, held: &mut Held<'_, B>, now: Nanos) -> bool {
        let Some(slot) = self.counted(held, now) else {
            return false;
        };
        let waits = !slot.beside.is_identified();
        if let Kept::Identifier { passed, .. } = &mut slot.kept {
            self.is_first_to_pass = !std::mem::replace(passed, true);
        }
        self.waits = waits;
        self.standing = self.left(held, now);
        true
    }

    /// Remembers the identifier for as long as what was taken counts. There is room for one.
    fn identify(&mut self, held: &mut Held<'_, B>, id: Id) {
        let (_, window) = unmark(self.rule, self.standing.window);
        let kept = Kept::Identifier {
            owner: self.hash,
            until: window_end(self.rule, window),
            passed: false,
        };
        let beside = B::identifier(self.key);
        self.waits |= !beside.is_identified();
        if let Some(slot) = held.find_mut(id.hash, &id.key) {
            slot.kept = kept;
            slot.beside = beside;
            held.release(Count::one(Kind::Identifier));
        } else {
            held.put(id.hash, id.key, kept, beside);
        }
    }

    pub(super) fn look(&mut self, held: &mut Held<'_, B>, now: Nanos) -> Result<(), NoRoom> {
        if self.counted(held, now).is_some() {
            self.standing = self.left(held, now);
            return Ok(());
        }
        if held.find(self.hash, &self.key).is_none() {
            held.has_room(now)?;
        }
        let wanted = self.demand.units;
        self.standing = match held.find(self.hash, &self.key).map(|slot| &slot.kept) {
            Some(Kept::Share(share)) => share.look(self.rule, wanted, now),
            _ => Share::whole(self.rule, now).judge(self.rule, wanted, now),
        };
        self.standing.overflowed = self.overflowed();
        Ok(())
    }

    /// What is left of the share.
    fn left(&self, held: &mut Held<'_, B>, now: Nanos) -> Standing {
        match held.find_mut(self.hash, &self.key).map(|slot| &mut slot.kept) {
            Some(Kept::Share(share)) => {
                share.settle(self.rule, now);
                share.judge(self.rule, 0, now)
            }
            _ => Share::whole(self.rule, now).judge(self.rule, 0, now),
        }
    }

    /// Undoes what this call did, under the locks under which it was done.
    pub(super) fn undo(&mut self, held: &mut Held<'_, B>, now: Nanos) {
        if self.is_first_to_pass
            && let Some(slot) = self.counted(held, now)
            && let Kept::Identifier { passed, .. } = &mut slot.kept
        {
            *passed = false;
        }
        self.give_back(held, now);
    }

    /// Gives back what the standing says was taken, unless another demand went on because it was.
    pub(super) fn give_back(&mut self, held: &mut Held<'_, B>, now: Nanos) {
        let (taken, from) = (self.standing.taken, self.standing.window);
        self.standing.taken = 0;
        if taken == 0 || self.was_passed(held, now) {
            return;
        }
        let (generation, window) = unmark(self.rule, from);
        let Some(slot) = held.find_mut(self.hash, &self.key) else {
            return;
        };
        let Kept::Share(share) = &mut slot.kept else {
            return;
        };
        if generation.is_some_and(|generation| generation != slot.generation)
            || !share.give_back(taken, window, now)
        {
            return;
        }
        if share.whole_at() <= now {
            held.remove(self.hash, &self.key);
        } else {
            held.note(self.key);
        }
        if let Some(id) = self.id {
            held.remove(id.hash, &id.key);
        }
    }

    fn was_passed(&self, held: &mut Held<'_, B>, now: Nanos) -> bool {
        let slot = self.counted(held, now);
        slot.is_some_and(|slot| matches!(slot.kept, Kept::Identifier { passed: true, .. }))
    }

    /// After the call was refused: how it stands without it.
    pub(super) fn say_what_is_left(&mut self, held: &mut Held<'_, B>, now: Nanos) {
        let left = self.left(held, now);
        self.standing.remaining = left.remaining;
        self.standing.resets_in = left.resets_in;
    }

    pub(super) fn say_changed(&self, changed: &mut Vec<Changed<B>>) {
        if !self.waits {
            return;
        }
        let keys = [Some(self.key), self.id.map(|id| id.key)];
        for key in keys.into_iter().flatten() {
            if let Some(table) = self.table.this() {
                let shard = self.shard;
                changed.push(Changed {
                    table,
                    place: Place { shard, key },
                });
            }
        }
    }
}
