//! The file: what is in it, and how it is opened, read and written.
//!
//! 1. Messages stand in the order in which they end, which is that in which they are forgotten: writes touch few pages, and what is
//!    due stands in front.
//! 2. No skew is in the file: those who ask say theirs anew after each start, before anything is forgotten.
//! 3. What a commit takes out, it notes by the latest end, in the same transaction.

use std::fs::{OpenOptions, remove_file, rename};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use redb::backends::FileBackend;
use redb::{Builder, Database, Durability, Error, ReadableDatabase, ReadableTable, TableDefinition};

use super::OpenError;
use super::folder::{Folder, private};
use crate::identity::{Entry, MessageKey};
use crate::index::Index;

const NAME: &str = "replay.redb";
/// A file in the making has another name: one that is there under its own is whole.
const NEW_NAME: &str = "replay.redb.new";

/// The second in which a message ends, and its key.
const MESSAGES: TableDefinition<'_, (u64, [u8; 16]), ()> = TableDefinition::new("messages");
const STATE: TableDefinition<'_, &str, u64> = TableDefinition::new("state");
/// The format of the file. In format 1 messages stood by when they were to be forgotten, which depended on the skew.
const FORMAT: &str = "format";
const THIS_FORMAT: u64 = 2;
/// The latest end of anything that was forgotten.
const FORGOTTEN: &str = "forgotten";

/// Pages that are kept in memory. The writer needs the last ones only; everything else is in the index.
const CACHE: usize = 16 << 20;

/// The open file, and the directory that is held with it.
#[derive(Debug)]
pub(super) struct ReplayFile {
    path: PathBuf,
    /// `None` after a failure, until it is opened anew.
    database: Option<Database>,
    /// The last field: who gets the directory next finds the file closed.
    _folder: Folder,
}

impl ReplayFile {
    /// Opens the file, or makes one where there is none.
    pub(super) fn open(folder: Folder) -> Result<Self, OpenError> {
        let path = folder.file(NAME);
        let there = path.try_exists();
        if !there.map_err(|source| OpenError::io(&path, "cannot be read", source))? {
            make(&folder, &path)?;
        }
        let database = Some(guarded(&path, || open(&path))?);
        Ok(Self {
            path,
            database,
            _folder: folder,
        })
    }

    /// Opens it anew after a failure. It must be there: what was accepted is in it.
    pub(super) fn reopen(&mut self) -> Result<(), OpenError> {
        self.database = None;
        self.database = Some(guarded(&self.path, || open(&self.path))?);
        Ok(())
    }

    pub(super) fn is_open(&self) -> bool {
        self.database.is_some()
    }

    /// Puts everything in the file into the index.
    pub(super) fn load(&self, index: &Index) -> Result<(), OpenError> {
        guarded(&self.path, || {
            let Some(database) = &self.database else {
                return Ok(());
            };
            let failed = |error| match error {
                Error::Io(source) => OpenError::io(&self.path, "cannot be read", source),
                error => OpenError::damaged(&self.path, &error),
            };
            match format(database).map_err(failed)? {
                Some(THIS_FORMAT) => read(database, index).map_err(failed),
                Some(_) => Err(OpenError::OtherFormat {
                    path: self.path.clone(),
                }),
                None => Err(OpenError::damaged(&self.path, &"it does not say its format")),
            }
        })
    }

    /// Writes these messages and has them on disk, and takes out some that ended before the horizon.
    ///
    /// After an error the file is closed.
    pub(super) fn commit(&mut self, entries: &[Entry], horizon: u64) -> Result<(), Error> {
        let Some(database) = &self.database else {
            return Err(Error::DatabaseClosed);
        };
        let written = write(database, entries, horizon);
        if written.is_err() {
            // The library refuses to go on after a failure; opening it anew begins with what is on disk.
            self.database = None;
        }
        written
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

/// Makes a file under another name, and gives it its own once it is whole and on disk.
fn make(folder: &Folder, path: &Path) -> Result<(), OpenError> {
    let new = folder.file(NEW_NAME);
    let failed = |source| OpenError::io(path, "cannot be made", source);
    match remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    let file = private(OpenOptions::new().read(true).write(true).create_new(true)).open(&new);
    let made = (|| {
        let backend = FileBackend::new(file.map_err(redb::DatabaseError::from)?)?;
        let database = Builder::new().create_with_backend(backend)?;
        let transaction = database.begin_write()?;
        transaction.open_table(MESSAGES)?;
        transaction.open_table(STATE)?.insert(FORMAT, THIS_FORMAT)?;
        Ok(transaction.commit()?)
    })();
    made.map_err(|error: Error| match error {
        Error::Io(source) => failed(source),
        error => failed(io::Error::other(error)),
    })?;
    rename(&new, path).and_then(|()| folder.sync()).map_err(failed)
}

fn open(path: &Path) -> Result<Database, OpenError> {
    let length = path.metadata();
    let length = length
        .map_err(|source| OpenError::io(path, "cannot be read", source))?
        .len();
    if length == 0 {
        return Err(OpenError::damaged(path, &"it is empty"));
    }
    let mut builder = Builder::new();
    builder.set_cache_size(CACHE).set_check_integrity_on_open(true);
    builder
        .open(path)
        .map_err(|error| OpenError::from_database(path, error))
}

/// The library promises no error for every damage: some of it makes it panic.
fn guarded<T>(path: &Path, work: impl FnOnce() -> Result<T, OpenError>) -> Result<T, OpenError> {
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|_| Err(OpenError::damaged(path, &"it cannot be read")))
}

fn format(database: &Database) -> Result<Option<u64>, Error> {
    let state = database.begin_read()?.open_table(STATE)?;
    Ok(state.get(FORMAT)?.map(|format| format.value()))
}

fn read(database: &Database, index: &Index) -> Result<(), Error> {
    let transaction = database.begin_read()?;
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

fn write(database: &Database, entries: &[Entry], horizon: u64) -> Result<(), Error> {
    let mut transaction = database.begin_write()?;
    transaction.set_durability(Durability::Immediate)?;
    {
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
    }
    Ok(transaction.commit()?)
}
