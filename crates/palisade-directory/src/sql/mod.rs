//! A directory in a database: SQLite for one machine, PostgreSQL for many.
//!
//! 1. The database is for administration and for loading: requests are answered from the snapshot that was loaded last.
//! 2. Every change adds one to the directory's version, in the transaction that makes it. A [`Refresher`] looks at the version, and
//!    loads a snapshot when it moved; a server sees a change within its interval.
//! 3. A snapshot is read in one transaction: it is the directory as it was at one moment.
//! 4. A server that no longer reaches its database keeps the last good snapshot, and says so once.
//! 5. Tables are made, and brought up to date, by whoever opens the directory to change or to follow it; several who do so at once
//!    wait for each other. Whoever only looks changes nothing. Where they are there and of now, an account that may read them is
//!    enough for a server.
//! 6. What is revoked stays on record, and cannot be registered anew.
//! 7. An SQLite file is made for its owner alone, and keeps its log beside it.
//! 8. Beside each password stands a mark of five bytes: argon2id of the password under one salt for the whole directory. Equal
//!    marks mean one password, which two users ought not to have.
//! 9. A row that cannot be used, such as a hash of another kind that somebody put there, makes its user inactive, and is told of. It
//!    stands in nobody else's way: the rest of the directory is loaded, and can be administered.
//!
//! What this does not protect against: who can write the database can sign in as anybody. Who steals it can test one guess on all
//! users at once by the marks, at the price of argon2id for each guess, where salted hashes alone would cost that price for each
//! user: that is what it costs to see reuse. Who changes rows by hand and does not add to the version is not noticed. An SQLite
//! file that is replaced under a running server goes unnoticed too; stop servers before a backup is put back. The link to PostgreSQL
//! is protected as its URL says: only `sslmode=verify-full` keeps others from standing in between.

mod administration;
mod api_keys;
mod certificates;
mod connect;
mod error;
mod faults;
mod load;
mod passwords;
mod reading;
mod records;
mod refresher;
mod schema;
mod snapshot;

use std::path::Path;

use sqlx::{Any, AnyConnection, AnyPool, Transaction, query, query_scalar};

use self::connect::{Dialect, Place, keep_log};
use self::error::reason;
use self::faults::Trouble;
use self::schema::{MIGRATIONS, Standing, migrate, standing};
use crate::snapshot::Snapshot;
use crate::source::DirectorySource;

pub use self::error::SqlError;
pub use self::load::load;
pub use self::records::{
    ApiKeyRecord, CertificateDetails, CertificateId, CertificateRecord, NewCertificate, NewUser, Origin,
    Owner, PasswordRecord, RevocationRecord, TenantRecord, UserRecord,
};
pub use self::refresher::Refresher;

/// A directory in a database.
///
/// It belongs to the runtime it was opened in.
#[derive(Clone)]
pub struct SqlDirectory {
    pool: AnyPool,
    dialect: Dialect,
    place: String,
    /// Whether its tables are older than this version, and were left so.
    is_older: bool,
}

/// What is made of tables that are not those of now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Opening {
    /// They are made, or brought up to date.
    Make,
    /// They are brought up to date where they are.
    Update,
    /// Nothing.
    Read,
}

impl SqlDirectory {
    /// Opens a directory, and makes what is missing of it: folder, file, tables. A relative path starts at `folder`.
    pub async fn open(source: &DirectorySource, folder: &Path) -> Result<Self, SqlError> {
        let place = Place::of(source, folder)?;
        place.make()?;
        let (directory, _) = Self::connect(&place, Opening::Make, &MIGRATIONS).await?;
        Ok(directory)
    }

    /// Opens a directory that is there; `None` where there is no file, or no table. Older tables are brought up to date.
    pub async fn open_existing(source: &DirectorySource, folder: &Path) -> Result<Option<Self>, SqlError> {
        Self::existing(source, folder, Opening::Update).await
    }

    /// Opens a directory that is there, to look at it; `None` where there is no file, or no table. Nothing is changed: older tables
    /// are read as they are, and [`SqlError::Older`] says where that cannot be.
    pub async fn open_to_read(source: &DirectorySource, folder: &Path) -> Result<Option<Self>, SqlError> {
        Self::existing(source, folder, Opening::Read).await
    }

    async fn existing(
        source: &DirectorySource,
        folder: &Path,
        opening: Opening,
    ) -> Result<Option<Self>, SqlError> {
        let place = Place::of(source, folder)?;
        if !place.is_there() {
            return Ok(None);
        }
        let (directory, standing) = Self::connect(&place, opening, &MIGRATIONS).await?;
        Ok((standing != Standing::Missing).then_some(directory))
    }

    async fn connect(
        place: &Place,
        opening: Opening,
        migrations: &[&'static str],
    ) -> Result<(Self, Standing), SqlError> {
        let mut directory = Self {
            is_older: false,
            pool: place.pool(),
            dialect: place.dialect,
            place: place.name.clone(),
        };
        let mut connection = place.connect().await?;
        let found = directory.prepare(&mut connection, opening, migrations).await?;
        directory.is_older = found == Standing::Older && opening == Opening::Read;
        // It was a connection of its own for the sake of its errors; that it ends badly changes nothing.
        let _ = sqlx::Connection::close(connection).await;
        Ok((directory, found))
    }

    async fn prepare(
        &self,
        connection: &mut AnyConnection,
        opening: Opening,
        migrations: &[&'static str],
    ) -> Result<Standing, SqlError> {
        let found = standing(connection, self.dialect, migrations)
            .await
            .map_err(|error| self.failed(&error))?;
        let is_wanted = match found {
            Standing::Newer => {
                return Err(SqlError::Newer {
                    place: self.place.clone(),
                });
            }
            Standing::Missing => opening == Opening::Make,
            Standing::Older => opening != Opening::Read,
            Standing::Current => false,
        };
        if is_wanted {
            if self.dialect == Dialect::Sqlite {
                keep_log(connection).await.map_err(|error| self.failed(&error))?;
            }
            migrate(connection, self.dialect, migrations)
                .await
                .map_err(|error| self.failed(&error))?;
        }
        Ok(found)
    }

    /// Ends all connections.
    pub async fn close(self) {
        self.pool.close().await;
    }

    /// The version, which every change adds to.
    pub async fn version(&self) -> Result<u64, SqlError> {
        let version: i64 = query_scalar("SELECT version FROM palisade_directory")
            .fetch_one(&self.pool)
            .await
            .map_err(|error| self.failed(&error))?;
        Ok(version.cast_unsigned())
    }

    /// The directory as it is now. Users whose rows cannot be used are not active, which is logged as an error.
    pub async fn snapshot(&self) -> Result<Snapshot, SqlError> {
        let mut reading = self.read().await?;
        let read = snapshot::snapshot(&mut reading).await;
        let (snapshot, faults) = read.map_err(|trouble| self.troubled(trouble))?;
        for fault in faults.into_texts() {
            tracing::error!(
                target: "palisade::directory", code = "directory-row-unusable", directory = %self.place, fault,
                "a row of the directory cannot be used"
            );
        }
        Ok(snapshot)
    }

    /// Begins a change, and announces it: the version moves when the change is in force. Others who change something wait.
    async fn change(&self) -> Result<Transaction<'static, Any>, SqlError> {
        let begin = async {
            let mut change = self.pool.begin_with(self.dialect.begin_change()).await?;
            query("UPDATE palisade_directory SET version = version + 1")
                .execute(&mut *change)
                .await?;
            Ok(change)
        };
        begin.await.map_err(|error| self.failed(&error))
    }

    /// Begins reading of the directory as it is at one moment.
    async fn read(&self) -> Result<Transaction<'static, Any>, SqlError> {
        let reading = self.pool.begin_with(self.dialect.begin_reading()).await;
        reading.map_err(|error| self.failed(&error))
    }

    async fn commit(&self, change: Transaction<'static, Any>) -> Result<(), SqlError> {
        change.commit().await.map_err(|error| self.failed(&error))
    }

    fn failed(&self, error: &sqlx::Error) -> SqlError {
        let reason = reason(error);
        if self.is_older {
            return SqlError::Older {
                place: self.place.clone(),
                reason,
            };
        }
        connect::unusable(&self.place, &reason)
    }

    fn troubled(&self, trouble: Trouble) -> SqlError {
        match trouble {
            Trouble::Database(error) => self.failed(&error),
            Trouble::Content(reason) => SqlError::Corrupt {
                place: self.place.clone(),
                reason,
            },
        }
    }
}

impl std::fmt::Debug for SqlDirectory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("SqlDirectory").field(&self.place).finish()
    }
}
