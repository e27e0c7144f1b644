//! What operators ask of a counter: to forget, and to tell.

use palisade_core::{LimitCounter, LimitKey, LimitStoreError};

use super::rules::Nanos;
use super::table::{Beside, Kept, Table};

/// The keys of a counter.
fn table<B: Beside>(counter: &LimitCounter) -> Result<&Table<B>, LimitStoreError> {
    let table = counter.handle().get::<Table<B>>();
    table.ok_or_else(|| LimitStoreError::new("the counter is one of another store"))
}

/// Forgets what was used, with the identifiers that were counted. Says how many keys had used something.
pub(super) fn reset<B: Beside>(
    counter: &LimitCounter,
    key: Option<LimitKey>,
) -> Result<u64, LimitStoreError> {
    let table = table::<B>(counter)?;
    let hash = key.map(|key| table.hash(&key));
    let mut used = 0;
    for shard in 0..table.shards() {
        // Identifiers stand beside their key.
        let is_there = key.is_none_or(|key| match key {
            LimitKey::OVERFLOW => shard == table.last_shard(),
            key => shard == table.shard_of(table.hash(&key)),
        });
        if is_there && let Some(mut held) = table.lock(shard) {
            used += held.remove_all(|slot| match (&slot.kept, key, hash) {
                (Kept::Share(_), Some(key), _) => slot.key == key,
                (Kept::Identifier { owner, .. }, _, Some(hash)) => *owner == hash,
                (_, None, _) | (_, _, None) => true,
            });
        }
    }
    Ok(used)
}

/// Some of the keys that have used something.
pub(super) fn keys<B: Beside>(
    counter: &LimitCounter,
    at_most: usize,
    now: Nanos,
) -> Result<Vec<LimitKey>, LimitStoreError> {
    let table = table::<B>(counter)?;
    let mut keys = Vec::new();
    for shard in 0..table.shards() {
        if let Some(held) = table.lock(shard) {
            let used = held
                .slots()
                .filter(|slot| matches!(slot.kept, Kept::Share(_)) && slot.until() > now);
            keys.extend(used.map(|slot| slot.key).take(at_most - keys.len()));
        }
    }
    Ok(keys)
}
