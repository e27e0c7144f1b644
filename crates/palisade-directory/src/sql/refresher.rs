//! Following a database while a server runs.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use palisade_core::{AlarmSlot, Finding};
use tokio::time::{sleep, timeout};

use super::connect::unusable;
use super::load::of_place;
use super::{SqlDirectory, SqlError};
use crate::directory::{Directory, WeakDirectory};
use crate::snapshot::Snapshot;
use crate::source::DirectorySource;

/// How long looking may take, loading included.
const PATIENCE: Duration = Duration::from_secs(30);

/// Has a [`Directory`] follow its database.
///
/// 1. It looks at the version once in each interval, and loads a snapshot when the version is another one.
/// 2. While the database cannot be reached or read, the last good snapshot stays in force. That is logged once as an error, and
///    once when it is over, and an [alarm](Self::alarming) as long as it lasts; every attempt counts in
///    `palisade_directory_failures_total`. The version in force is `palisade_directory_version`.
/// 3. What is unwise about a snapshot is [reported](Self::reporting) once it is in force: nothing of it holds up a change.
/// 4. It ends when the directory is gone. Dropping the work ends it at once.
pub struct Refresher {
    source: DirectorySource,
    folder: PathBuf,
    directory: WeakDirectory,
    interval: Duration,
    alarm: AlarmSlot,
    report: Option<Report>,
}

/// What is done with the findings of a snapshot.
type Report = Box<dyn Fn(&Snapshot, Vec<Finding>) + Send + Sync>;

impl Refresher {
    /// Has `directory` follow the database of `source`; a relative path starts at `folder`. It does not keep the directory.
    pub fn new(
        source: DirectorySource,
        folder: impl AsRef<Path>,
        directory: &Directory,
        interval: Duration,
    ) -> Self {
        Self {
            source,
            folder: folder.as_ref().to_owned(),
            directory: directory.downgrade(),
            interval,
            alarm: AlarmSlot::default(),
            report: None,
        }
    }

    /// Raises an alarm there, `directory-stale`, while the database cannot be reached or read.
    #[must_use]
    pub fn alarming(mut self, alarm: AlarmSlot) -> Self {
        self.alarm = alarm;
        self
    }

    /// Reports what is unwise about the directory, as [`load`](super::load()) tells it: with the first look, and again whenever the
    /// directory has changed.
    #[must_use]
    pub fn reporting(mut self, report: impl Fn(&Snapshot, Vec<Finding>) + Send + Sync + 'static) -> Self {
        self.report = Some(Box::new(report));
        self
    }

    /// Follows until the directory is gone.
    pub async fn run(self) {
        let mut database = Database::Unopened;
        let mut reported = None;
        let mut is_failing = false;
        while let Some(directory) = self.directory.upgrade() {
            let looked = timeout(PATIENCE, self.look(&directory, &mut database, &mut reported))
                .await
                .unwrap_or_else(|_| Err(unusable(&self.source.to_string(), &"it does not answer")));
            if let Err(error) = looked {
                self.failed(&error, is_failing);
                is_failing = true;
                // What is left of its connections may be in any state.
                database = database.closed();
            } else if is_failing {
                is_failing = false;
                self.alarm.clear();
                tracing::info!(
                    target: "palisade::directory", code = "directory-back", directory = %self.source,
                    "the directory is read again"
                );
            }
            drop(directory);
            sleep(self.interval).await;
        }
    }

    fn failed(&self, error: &SqlError, is_known: bool) {
        metrics::counter!("palisade_directory_failures_total").increment(1);
        self.alarm.raise(
            "directory-stale",
            format_args!("the directory cannot be read; its last good state stays in use: {error}"),
        );
        if !is_known {
            tracing::error!(
                target: "palisade::directory", code = "directory-stale", directory = %self.source, %error,
                "the directory cannot be read; its last good state stays in use"
            );
        }
    }

    /// Looks once. The version whose findings were reported last is kept in `reported`.
    async fn look(
        &self,
        directory: &Directory,
        database: &mut Database,
        reported: &mut Option<u64>,
    ) -> Result<(), SqlError> {
        let database = database.opened(&self.source, &self.folder).await?;
        if database.version().await? != directory.current().version() {
            let snapshot = database.snapshot().await?;
            tracing::info!(
                target: "palisade::directory", code = "directory-changed", version = snapshot.version(),
                users = snapshot.users().len(), tenants = snapshot.tenants().len(), "the directory has changed"
            );
            directory.replace(snapshot);
        }
        #[expect(clippy::cast_precision_loss, reason = "nobody makes 2^53 changes")]
        metrics::gauge!("palisade_directory_version").set(directory.current().version() as f64);
        let current = directory.current().clone();
        if let Some(report) = &self.report
            && *reported != Some(current.version())
        {
            let mut findings: Vec<Finding> = of_place(&self.source, &self.folder);
            findings.extend(database.findings().await?);
            report(&current, findings);
            *reported = Some(current.version());
        }
        Ok(())
    }
}

impl fmt::Debug for Refresher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Refresher")
            .field("source", &self.source)
            .field("folder", &self.folder)
            .field("interval", &self.interval)
            .finish_non_exhaustive()
    }
}

/// The database that is followed.
enum Database {
    /// It has not been opened yet; that makes its file and tables.
    Unopened,
    /// It is open.
    Open(SqlDirectory),
    /// It was open. An empty one in its place would be no directory that anybody meant.
    Closed,
}

impl Database {
    async fn opened(&mut self, source: &DirectorySource, folder: &Path) -> Result<SqlDirectory, SqlError> {
        let opened = match self {
            Self::Open(directory) => return Ok(directory.clone()),
            Self::Unopened => SqlDirectory::open(source, folder).await?,
            Self::Closed => SqlDirectory::open_existing(source, folder)
                .await?
                .ok_or_else(|| SqlError::Gone {
                    place: source.to_string(),
                })?,
        };
        *self = Self::Open(opened.clone());
        Ok(opened)
    }

    fn closed(self) -> Self {
        match self {
            Self::Unopened => Self::Unopened,
            Self::Open(_) | Self::Closed => Self::Closed,
        }
    }
}
