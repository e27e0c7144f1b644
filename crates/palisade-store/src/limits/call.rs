//! A call over several counters: from all of them or from none.
//!
//! 1. The shards of all demands are locked, each once, in the order of tables and shards. So calls never wait for each other in a
//!    circle, and nobody sees a call half done.
//! 2. Demands are tried in order, so that two on one key see each other. When one that does not only report is exceeded, what the
//!    others took is given back before any lock is let go.
//! 3. A demand whose key or identifier finds no room lets the locks go, makes room, and tries the whole call again; when all are
//!    needed, it goes on in the bucket of all that found none, or without its identifier. A call tries again only after something was
//!    taken out for it, or given up; where room shows without that, once. So it ends, also where it needs more places than there are.

use std::sync::Arc;

use palisade_core::{Demand, LimitKey, LimitStoreError, Standing};

use super::few::Few;
use super::places::{Kind, NoRoom};
use super::rules::{Nanos, Rule};
use super::table::{Beside, Held, Kept, Place, Table, mark};
use super::trial::Trial;

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
        if let Some(trial) = trials.get_mut(which) {
            trial.make_room(lack, at.now);
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
            trial.do_without(Kind::Key);
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
fn round<B: Beside>(trials: &mut Few<Trial<'_, B>>, count: usize, at: Moment) -> Result<(), (usize, NoRoom)> {
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
            trial.undo(held, at.now);
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
