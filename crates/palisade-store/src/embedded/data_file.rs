//! A file in the data directory: how it is made, opened, read and written, whatever is in it.
//!
//! 1. A file in the making has another name: one that is there under its own is whole.
//! 2. A file says its format, and is verified as it is opened.
//! 3. After a failure it is closed, and opened anew by the next commit, at most once a second, until that works.

use std::fs::{OpenOptions, remove_file, rename};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use redb::backends::FileBackend;
use redb::{
    Builder, Database, Durability, Error, ReadTransaction, ReadableDatabase, TableDefinition,
    WriteTransaction,
};

use super::OpenError;
use super::folder::{Folder, private};

/// Numbers about the file.
pub(crate) const STATE: TableDefinition<'_, &str, u64> = TableDefinition::new("state");
const FORMAT: &str = "format";

/// Pages that are kept in memory. The writer needs the last ones only; everything else is in tables of its own.
const CACHE: usize = 16 << 20;
/// How often a file that failed is opened anew, at most.
const REOPEN_EVERY: Duration = Duration::from_secs(1);

/// What kind of file it is.
#[derive(Debug)]
pub(crate) struct FileKind {
    pub(crate) name: &'static str,
    /// Its name while it is made.
    pub(crate) new_name: &'static str,
    pub(crate) format: u64,
    /// Makes the tables of a new one.
    pub(crate) prepare: fn(&WriteTransaction) -> Result<(), Error>,
    /// What a damage means, and what to do about it.
    pub(crate) damaged: &'static str,
    /// What else can be done than to start the version that wrote it.
    pub(crate) other_format: &'static str,
}

/// The open file, and the directory that is held with it.
#[derive(Debug)]
pub(crate) struct DataFile {
    kind: &'static FileKind,
    path: PathBuf,
    /// `None` after a failure, until it is opened anew.
    database: Option<Database>,
    failed: Option<Failed>,
    /// The last field: who gets the directory next finds the file closed.
    _folder: Arc<Folder>,
}

#[derive(Debug)]
struct Failed {
    since: Instant,
    cause: Arc<str>,
}

/// Why a commit failed.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) cause: Arc<str>,
    /// Whether it failed now, rather than since it failed before.
    pub(crate) is_new: bool,
}

impl DataFile {
    /// Opens the file, or makes one where there is none. This blocks: it verifies the whole file.
    pub(crate) fn open(folder: Arc<Folder>, kind: &'static FileKind) -> Result<Self, OpenError> {
        let path = folder.file(kind.name);
        let there = path.try_exists();
        if !there.map_err(|source| OpenError::io(&path, "cannot be read", source))? {
            make(&folder, &path, kind)?;
        }
        let database = Some(guarded(&path, kind, || open(&path, kind))?);
        Ok(Self {
            kind,
            path,
            database,
            failed: None,
            _folder: folder,
        })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Reads what is in it, if it is of this format.
    pub(crate) fn read(
        &self,
        work: impl FnOnce(&ReadTransaction) -> Result<(), Error>,
    ) -> Result<(), OpenError> {
        guarded(&self.path, self.kind, || {
            let Some(database) = &self.database else {
                return Ok(());
            };
            let failed = |error| match error {
                Error::Io(source) => OpenError::io(&self.path, "cannot be read", source),
                error => OpenError::damaged(&self.path, self.kind, &error),
            };
            let begun = database.begin_read().map_err(Error::from);
            let transaction = begun.map_err(failed)?;
            match format(&transaction).map_err(failed)? {
                Some(format) if format == self.kind.format => work(&transaction).map_err(failed),
                Some(_) => Err(OpenError::other_format(&self.path, self.kind)),
                None => Err(OpenError::damaged(
                    &self.path,
                    self.kind,
                    &"it does not say its format",
                )),
            }
        })
    }

    /// Writes, and has it on disk. Says whether the file was opened anew for it.
    pub(crate) fn commit(
        &mut self,
        work: impl FnOnce(&WriteTransaction) -> Result<(), Error>,
    ) -> Result<bool, Failure> {
        let opened_anew = self.mend()?;
        let Some(database) = &self.database else {
            return Err(self.fail(&Error::DatabaseClosed, true));
        };
        match write(database, work) {
            Ok(()) => Ok(opened_anew),
            Err(error) => {
                // The library refuses to go on after a failure; opening it anew begins with what is on disk.
                self.database = None;
                Err(self.fail(&error, true))
            }
        }
    }

    /// Opens a file that failed anew. It must be there: what was written is in it.
    fn mend(&mut self) -> Result<bool, Failure> {
        if self.database.is_some() {
            return Ok(false);
        }
        if let Some(failed) = &self.failed
            && failed.since.elapsed() < REOPEN_EVERY
        {
            return Err(Failure {
                cause: Arc::clone(&failed.cause),
                is_new: false,
            });
        }
        match guarded(&self.path, self.kind, || open(&self.path, self.kind)) {
            Ok(database) => {
                self.database = Some(database);
                Ok(true)
            }
            Err(error) => Err(self.fail(&error, false)),
        }
    }

    fn fail(&mut self, cause: &dyn ToString, is_new: bool) -> Failure {
        let cause: Arc<str> = cause.to_string().into();
        self.failed = Some(Failed {
            since: Instant::now(),
            cause: Arc::clone(&cause),
        });
        Failure { cause, is_new }
    }
}

fn write(
    database: &Database,
    work: impl FnOnce(&WriteTransaction) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut transaction = database.begin_write()?;
    transaction.set_durability(Durability::Immediate)?;
    work(&transaction)?;
    Ok(transaction.commit()?)
}

/// Makes a file under another name, and gives it its own once it is whole and on disk.
fn make(folder: &Folder, path: &Path, kind: &FileKind) -> Result<(), OpenError> {
    let new = folder.file(kind.new_name);
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
        (kind.prepare)(&transaction)?;
        transaction.open_table(STATE)?.insert(FORMAT, kind.format)?;
        Ok(transaction.commit()?)
    })();
    made.map_err(|error: Error| match error {
        Error::Io(source) => failed(source),
        error => failed(io::Error::other(error)),
    })?;
    rename(&new, path).and_then(|()| folder.sync()).map_err(failed)
}

fn open(path: &Path, kind: &FileKind) -> Result<Database, OpenError> {
    let length = path.metadata();
    let length = length
        .map_err(|source| OpenError::io(path, "cannot be read", source))?
        .len();
    if length == 0 {
        return Err(OpenError::damaged(path, kind, &"it is empty"));
    }
    let mut builder = Builder::new();
    builder.set_cache_size(CACHE).set_check_integrity_on_open(true);
    builder
        .open(path)
        .map_err(|error| OpenError::from_database(path, kind, error))
}

/// The library promises no error for every damage: some of it makes it panic.
fn guarded<T>(
    path: &Path,
    kind: &FileKind,
    work: impl FnOnce() -> Result<T, OpenError>,
) -> Result<T, OpenError> {
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|_| Err(OpenError::damaged(path, kind, &"it cannot be read")))
}

fn format(transaction: &ReadTransaction) -> Result<Option<u64>, Error> {
    let state = transaction.open_table(STATE)?;
    Ok(redb::ReadableTable::get(&state, FORMAT)?.map(|format| format.value()))
}
