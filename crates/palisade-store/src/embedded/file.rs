//! The file: what is in it, and how it is read and written.
//!
//! 1. Messages stand in the order in which they end, which is that in which they are forgotten: writes touch few pages, and what is
//!    due stands in front.
//! 2. No skew is in the file: those who ask say theirs anew after each start, before anything is forgotten.
//! 3. What a commit takes out, it notes by the latest end, in the same transaction.

use redb::{Error, ReadTransaction, ReadableTable, TableDefinition, WriteTransaction};

use super::data_file::{FileKind, STATE};
use crate::identity::{Entry, MessageKey};
use crate::index::Index;

/// The second in which a message ends, and its key.
const MESSAGES: TableDefinition<'_, (u64, [u8; 16]), ()> = TableDefinition::new("messages");
/// The latest end of anything that was forgotten.
const FORGOTTEN: &str = "forgotten";

/// The file of a replay memory. In format 1 messages stood by when they were to be forgotten, which depended on the skew.
pub(super) const REPLAY: FileKind = FileKind {
    name: "replay.redb",
    new_name: "replay.redb.new",
    format: 2,
    prepare: |transaction| {
        transaction.open_table(MESSAGES)?;
        Ok(())
    },
    damaged: "so that messages accepted before cannot be told from new ones; once all of them have expired, remove the file \
              and start again",
    other_format: "once all messages accepted before have expired, remove the file and start again",
};

/// Puts everything in the file into the index.
pub(super) fn read(transaction: &ReadTransaction, index: &Index) -> Result<(), Error> {
    let state = transaction.open_table(STATE)?;
    if let Some(forgotten) = state.get(FORGOTTEN)? {
        index.restore_forgotten(forgotten.value());
    }
    for row in transaction.open_table(MESSAGES)?.iter()? {
        let (expires, key) = row?.0.value();
        index.restore(Entry {
            key: MessageKey(key),
            expires,
        });
    }
    Ok(())
}

/// Puts in these messages, and takes out some that ended before the horizon.
pub(super) fn write(transaction: &WriteTransaction, entries: &[Entry], horizon: u64) -> Result<(), Error> {
    let mut messages = transaction.open_table(MESSAGES)?;
    let mut forgotten = None;
    // More than are put in, so that the file shrinks; not all, so that nobody waits for it.
    let at_most = entries.len() * 2 + 64;
    for row in messages
        .extract_from_if(..(horizon, [0; 16]), |_, ()| true)?
        .take(at_most)
    {
        forgotten = Some(row?.0.value().0);
    }
    if let Some(second) = forgotten {
        let mut state = transaction.open_table(STATE)?;
        let known = state.get(FORGOTTEN)?.map_or(0, |known| known.value());
        state.insert(FORGOTTEN, known.max(second))?;
    }
    for entry in entries {
        messages.insert((entry.expires, entry.key.0), ())?;
    }
    Ok(())
}
