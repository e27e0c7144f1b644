//! A call over several counters: from all of them or from none.
//!
//! 1. The shards of all demands are locked, each once, in the order of tables and shards. So calls never wait for each other in a
//!    circle, and nobody sees a call half done.
//! 2. Demands are tried in order, so that two on one key see each other. When one that does not only report is exceeded, what the
//!    others took is given back before any lock is let go.
//! 3. A demand whose key finds no room lets the locks go, makes room, and tries the whole call again; when every key is needed, it
//!    goes on in the bucket of all that found none.

use std::sync::Arc;

use palisade_core::{Demand, LimitKey, LimitStoreError, Standing};

use super::few::Few;
use super::rules::{Nanos, Rule, Share, window_end};
use super::table::{Beside, Held, Kept, NoRoom, Place, Table, identifier, mark, unmark};

/// When a call is made.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    /// By the clock of policy.
    pub(super) now: Nanos,
    /// The second of the process, for what is [`Beside`] shares.
    pub(super) second: u64,
}

/// A key that a call is to wait for.
#[derive(Debug)]
pub(super) struct Changed<B> {
    pub(super) table: Arc<Table<B>>,
    pub(super) place: Place,
}

/// A demand, and where its key is.
#[derive(Debug)]
struct Trial<'a, B> {
    demand: &'a Demand,
    table: &'a Table<B>,
    rule: Rule,
    key: LimitKey,
    hash: u64,
    shard: usize,
    id: Option<Id>,
    /// Which trial has the lock of the shard.
    holder: usize,
    standing: Standing,
    waits: bool,
}

#[derive(Debug, Clone, Copy)]
struct Id {
    key: LimitKey,
    hash: u64,
}

/// What there is no room for.
#[derive(Debug, Clone, Copy)]
enum Lack {
    Key,
    Identifier,
}

/// Takes from all, or from none. Says for which keys the call is to wait.
pub(super) fn take<B: Beside>(
    demands: &mut [Demand],
    at: Moment,
) -> Result<Vec<Changed<B>>, LimitStoreError> {
    let mut changed = Vec::new();
    if let [demand] = demands {
        if take_from_known::<B>(demand, at, &mut changed) {
            return Ok(changed);
        }
        take_alone::<B>(demand, at, &mut changed)?;
        return Ok(changed);
    }
    take_together::<B>(demands, at, &mut changed)?;
    Ok(changed)
}

#[inline(never)]
fn take_together<B: Beside>(
    demands: &mut [Demand],
    at: Moment,
    changed: &mut Vec<Changed<B>>,
) -> Result<(), LimitStoreError> {
    let mut trials = Few::of(demands.iter().map(Trial::<B>::of))?;
    while let Err((which, lack)) = round(&mut trials, demands.len(), at) {
        if let Some(trial) = trials.get_mut(which)
            && !trial.table.make_room(at.now)
        {
            trial.do_without(lack);
        }
    }
    for trial in trials.iter() {
        trial.say_changed(changed);
    }
    let mut standings = Few::<Standing>::places(demands.len());
    for (which, trial) in trials.iter().enumerate() {
        standings.put(which, trial.standing);
    }
    for (demand, standing) in demands.iter_mut().zip(standings.iter()) {
        demand.standing = *standing;
    }
    Ok(())
}

#[inline(never)]
fn take_alone<B: Beside>(
    demand: &mut Demand,
    at: Moment,
    changed: &mut Vec<Changed<B>>,
) -> Result<(), LimitStoreError> {
    let mut trial = Trial::<B>::of(demand)?;
    trial.alone(at.now, |trial, held| trial.take(held, at));
    trial.say_changed(changed);
    demand.standing = trial.standing;
    Ok(())
}

/// What most calls are: one demand of a key that is there. `false`, and nothing done, where it is something else.
fn take_from_known<B: Beside>(demand: &mut Demand, at: Moment, changed: &mut Vec<Changed<B>>) -> bool {
    let (None, Some(table)) = (demand.once, demand.counter.handle().get::<Table<B>>()) else {
        return false;
    };
    if demand.key == LimitKey::OVERFLOW {
        return false;
    }
    let rule = Rule::of(demand.counter.rule());
    let hash = table.hash(&demand.key);
    let Some(mut held) = table.lock(table.shard_of(hash)) else {
        return false;
    };
    held.inner.now = at.now;
    let Some(slot) = held.find_mut(hash, &demand.key) else {
        return false;
    };
    let Kept::Share(share) = &mut slot.kept else {
        return false;
    };
    demand.standing = share.take(rule, demand.units, at.now);
    demand.standing.window = mark(rule, slot.generation, demand.standing.window);
    if demand.standing.taken > 0 && !slot.beside.taken(share, demand.units, at.second) {
        let place = Place {
            shard: held.shard,
            key: demand.key,
        };
        changed.extend(table.this().map(|table| Changed { table, place }));
    }
    true
}

/// Says how each stands.
pub(super) fn look<B: Beside>(demands: &mut [Demand], at: Moment) -> Result<(), LimitStoreError> {
    for demand in demands {
        let mut trial = Trial::<B>::of(demand)?;
        trial.alone(at.now, |trial, held| trial.look(held, at.now));
        demand.standing = trial.standing;
    }
    Ok(())
}

/// Gives back what was taken, once.
pub(super) fn give_back<B: Beside>(demands: &mut [Demand], at: Moment) -> Result<(), LimitStoreError> {
    for demand in demands {
        if demand.standing.taken == 0 {
            continue;
        }
        let mut trial = Trial::<B>::of(demand)?;
        if demand.standing.overflowed {
            trial.do_without(Lack::Key);
        }
        trial.standing = demand.standing;
        if let Some(mut held) = trial.table.lock(trial.shard) {
            trial.give_back(&mut held, at.now);
        }
        demand.standing.taken = 0;
    }
    Ok(())
}

/// One try at all of them. An error says which demand lacks what.
fn round<B: Beside>(trials: &mut Few<Trial<'_, B>>, count: usize, at: Moment) -> Result<(), (usize, Lack)> {
    let mut locks = lock_all(trials, count);
    let (mut failed, mut refused) = (None, false);
    for (which, trial) in trials.iter_mut().enumerate() {
        let Some(held) = locks.get_mut(trial.holder) else {
            continue;
        };
        trial.standing = Standing::default();
        if let Err(lack) = trial.take(held, at) {
            failed = Some((which, lack));
            break;
        }
        refused |= trial.standing.exceeded && !trial.demand.reports;
    }
    if failed.is_none() && !refused {
        return Ok(());
    }
    for trial in trials.iter_mut().rev() {
        if let Some(held) = locks.get_mut(trial.holder) {
            trial.give_back(held, at.now);
        }
    }
    for trial in trials.iter_mut() {
        trial.waits = false;
        if let Some(held) = locks.get_mut(trial.holder) {
            trial.say_what_is_left(held, at.now);
        }
    }
    failed.map_or(Ok(()), Err)
}

/// Locks the shards of all of them. Each trial is told where its lock is.
fn lock_all<'a, B: Beside>(trials: &mut Few<Trial<'a, B>>, count: usize) -> Few<Held<'a, B>> {
    let mut order = Few::<(u64, usize, usize)>::places(count);
    for (which, trial) in trials.iter().enumerate() {
        order.put(which, (trial.table.number, trial.shard, which));
    }
    order.sort();
    let mut locks = Few::places(count);
    let mut last = None;
    for &(table, shard, which) in order.iter() {
        let Some(trial) = trials.get_mut(which) else {
            continue;
        };
        match last {
            Some((same_table, same_shard, holder)) if (same_table, same_shard) == (table, shard) => {
                trial.holder = holder;
            }
            _ => {
                if let Some(held) = trial.table.lock(shard) {
                    locks.put(which, held);
                }
                trial.holder = which;
                last = Some((table, shard, which));
            }
        }
    }
    locks
}

impl<'a, B: Beside> Trial<'a, B> {
    fn of(demand: &'a Demand) -> Result<Self, LimitStoreError> {
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
        })
    }

    /// Does that under the lock of its own shard, and makes room as long as there is none.
    fn alone(&mut self, now: Nanos, work: impl Fn(&mut Self, &mut Held<'_, B>) -> Result<(), Lack>) {
        loop {
            let Some(mut held) = self.table.lock(self.shard) else {
                return;
            };
            let done = work(self, &mut held);
            drop(held);
            let Err(lack) = done else {
                return;
            };
            if !self.table.make_room(now) {
                self.do_without(lack);
            }
        }
    }

    /// There is no room: goes on in the bucket that is shared, or counts an identifier anew.
    fn do_without(&mut self, lack: Lack) {
        self.id = None;
        if matches!(lack, Lack::Key) {
            self.key = LimitKey::OVERFLOW;
            self.hash = self.table.hash(&self.key);
            self.shard = self.table.last_shard();
        }
    }

    fn overflowed(&self) -> bool {
        self.key != self.demand.key
    }

    fn take(&mut self, held: &mut Held<'_, B>, at: Moment) -> Result<(), Lack> {
        held.inner.now = at.now;
        if self.was_counted(held, at.now) {
            return Ok(());
        }
        let Some(id) = self.id else {
            return self.count(held, at);
        };
        held.reserve(at.now).map_err(|NoRoom| Lack::Identifier)?;
        let counted = self.count(held, at);
        if self.standing.taken > 0 && counted.is_ok() {
            self.identify(held, id);
        } else {
            held.release(1);
        }
        counted
    }

    /// Takes from the key's share, which is put in where it is not there.
    fn count(&mut self, held: &mut Held<'_, B>, at: Moment) -> Result<(), Lack> {
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
            self.standing = share.take(self.rule, wanted, at.now);
            if self.standing.taken > 0 {
                held.reserve(at.now).map_err(|NoRoom| Lack::Key)?;
                let mut beside = B::default();
                self.waits = !beside.taken(&share, wanted, at.second);
                let generation = held.put(self.hash, self.key, Kept::Share(share), beside);
                self.standing.window = mark(self.rule, generation, self.standing.window);
            }
        }
        self.standing.overflowed = self.overflowed();
        Ok(())
    }

    /// Whether what is wanted was counted before; then it costs nothing.
    fn was_counted(&mut self, held: &mut Held<'_, B>, now: Nanos) -> bool {
        let slot = self.id.and_then(|id| held.find(id.hash, &id.key));
        let Some(slot) = slot.filter(|slot| slot.until() > now) else {
            return false;
        };
        self.waits = !slot.beside.is_identified();
        self.standing = self.left(held, now);
        true
    }

    /// Remembers the identifier for as long as what was taken counts. There is room for one.
    fn identify(&mut self, held: &mut Held<'_, B>, id: Id) {
        let (_, window) = unmark(self.rule, self.standing.window);
        let kept = Kept::Identifier {
            owner: self.hash,
            until: window_end(self.rule, window),
        };
        let beside = B::identifier(self.key);
        self.waits |= !beside.is_identified();
        if let Some(slot) = held.find_mut(id.hash, &id.key) {
            slot.kept = kept;
            slot.beside = beside;
            held.release(1);
        } else {
            held.put(id.hash, id.key, kept, beside);
        }
    }

    fn look(&mut self, held: &mut Held<'_, B>, now: Nanos) -> Result<(), Lack> {
        if self.was_counted(held, now) {
            return Ok(());
        }
        if held.find(self.hash, &self.key).is_none() && !held.has_room(now) {
            return Err(Lack::Key);
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

    /// Gives back what the standing says was taken.
    fn give_back(&mut self, held: &mut Held<'_, B>, now: Nanos) {
        let (taken, from) = (self.standing.taken, self.standing.window);
        self.standing.taken = 0;
        if taken == 0 {
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

    /// After the call was refused: how it stands without it.
    fn say_what_is_left(&mut self, held: &mut Held<'_, B>, now: Nanos) {
        let left = self.left(held, now);
        self.standing.remaining = left.remaining;
        self.standing.resets_in = left.resets_in;
    }

    fn say_changed(&self, changed: &mut Vec<Changed<B>>) {
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
