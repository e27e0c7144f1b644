//! Counters that survive their process.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::{SystemTime, UNIX_EPOCH};

use palisade_core::{
    BoxFuture, CounterHandle, Demand, LimitCounter, LimitKey, LimitStore, LimitStoreError, Taking,
};
use tokio::sync::oneshot;

use super::bound::Bound;
use super::call::{self, Changed, Moment};
use super::operate;
use super::rules::nanos;
use super::writer::{self, LIMITS, Shared, Waiting};
use crate::OpenError;
use crate::embedded::data_file::DataFile;
use crate::embedded::folder::Folder;
use crate::embedded::queue::Outcome;

/// Where [`EmbeddedLimits`] keep their file.
#[derive(Debug, Clone)]
pub struct EmbeddedLimitsConfig {
    data_dir: PathBuf,
}

impl EmbeddedLimitsConfig {
    /// The file `limits.redb` in that directory.
    pub fn new(data_dir: impl AsRef<Path>) -> Self {
        Self {
            data_dir: data_dir.as_ref().to_owned(),
        }
    }
}

/// Keeps counters in a file, so that a restart, a crash or `kill -9` gives nobody anything anew.
///
/// 1. The tables of [`MemoryLimits`](crate::MemoryLimits) say what is granted, as exactly. On disk stands at least as much as was
///    granted: a call whose units are within that goes on at once, another waits until they are on disk. All that wait are written
///    with one commit.
/// 2. A key with eight calls in a second or more is written with a lease: what it used in that second. Up to a lease it need not
///    wait again. A second after its last call what it used is written exactly.
/// 3. After a crash, what was leased counts as used, and so does what was given back in the last second: never more is granted
///    than the limit, and at most what was leased for one second is lost. After a clean end nothing is.
/// 4. A commit that fails, such as for a full disk, is a [`LimitStoreError`] for the calls that wait for it, and what they took is
///    given back. The file is opened anew, at most once a second, until it works. Calls within what is on disk go on.
/// 5. Identifiers that were counted survive too. Permits ([`InFlight`](palisade_core::LimitRule::InFlight)) do not, and never wait:
///    the exchanges that had them ended with the process.
/// 6. In memory a key takes 448 bytes at most; under a sliding window up to 2,048 more. In the file its record has about 80, and up to
///    1,600 under a sliding window, and pages of the file are not always full. A key whose share is whole again leaves both.
///
/// Dropping it writes what was used and closes the file.
///
/// What it does not protect against: a file that is removed, or put back from a backup, while no server runs, and a file system
/// that loses what it said was written.
///
/// # Example
///
/// ```
/// use std::sync::Arc;
/// use std::time::{Duration, SystemTime};
/// use palisade_core::{Demand, LimitCounter, LimitKey, LimitRule, LimitStore, WindowKind};
/// use palisade_store::{EmbeddedLimits, EmbeddedLimitsConfig};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// # let data_dir = folder.path().join("data");
/// # let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
/// let period = Duration::from_secs(86_400);
/// let two_a_day = LimitRule::Window { limit: 2, period, kind: WindowKind::Calendar };
/// for is_exceeded in [false, false, true] {
///     let store = EmbeddedLimits::open(&EmbeddedLimitsConfig::new(&data_dir))?;
///     let counter = Arc::new(LimitCounter::new(&store, "Partners.quota", two_a_day, 1000));
///     let mut demands = [Demand::new(counter, LimitKey::EVERYBODY, 1)];
///     store.take(&mut demands, now).outcome().await?;
///     assert_eq!(demands[0].standing.exceeded, is_exceeded);
/// }
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct EmbeddedLimits {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl EmbeddedLimits {
    /// Opens the file, or makes it together with its directory. This blocks: it reads and verifies the whole file.
    pub fn open(config: &EmbeddedLimitsConfig) -> Result<Self, OpenError> {
        let folder = Folder::open(&config.data_dir)?;
        let file = DataFile::open(folder, &LIMITS)?;
        let shared = Arc::new(Shared::new());
        file.read(|transaction| writer::read(transaction, &shared.tables))?;
        let thread = writer::start(Arc::clone(&shared), file)?;
        Ok(Self {
            shared,
            thread: Some(thread),
        })
    }

    fn at(&self, now: SystemTime) -> Moment {
        let now = nanos(now.duration_since(UNIX_EPOCH).unwrap_or_default());
        self.shared.now.store(now, Ordering::Relaxed);
        Moment {
            now,
            second: self.shared.second(),
        }
    }

    /// Has it written.
    fn queue(&self, changed: Vec<Changed<Bound>>) -> Result<oneshot::Receiver<Outcome>, LimitStoreError> {
        let (done, outcome) = oneshot::channel();
        let queued = self.shared.queue.push(Waiting { changed, done });
        queued.map(|()| outcome).map_err(LimitStoreError::new)
    }

    /// Gives back what is not on disk, and so was not granted.
    fn withdraw(&self, demands: &mut [Demand], at: Moment) {
        let now = at.now.max(self.shared.now.load(Ordering::Relaxed));
        // They are counters of this store: they were taken from.
        let _ = call::give_back::<Bound>(demands, Moment { now, ..at });
    }
}

/// Waits until it is on disk.
async fn written(outcome: oneshot::Receiver<Outcome>) -> Result<(), LimitStoreError> {
    match outcome.await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(cause)) => Err(LimitStoreError::new(&*cause)),
        Err(_) => Err(LimitStoreError::new("its thread has ended")),
    }
}

impl LimitStore for EmbeddedLimits {
    fn counter(&self, name: &str, max_keys: usize) -> CounterHandle {
        self.shared.tables.counter(name, max_keys)
    }

    fn take<'a>(&'a self, demands: &'a mut [Demand], now: SystemTime) -> Taking<'a> {
        let at = self.at(now);
        let changed = match call::take::<Bound>(demands, at) {
            Ok(changed) => changed,
            Err(error) => return Taking::Done(Err(error)),
        };
        if changed.is_empty() {
            return Taking::Done(Ok(()));
        }
        match self.queue(changed) {
            Ok(outcome) => Taking::Wait(Box::pin(async move {
                let written = written(outcome).await;
                if written.is_err() {
                    self.withdraw(demands, at);
                }
                written
            })),
            Err(error) => {
                self.withdraw(demands, at);
                Taking::Done(Err(error))
            }
        }
    }

    fn give_back<'a>(&'a self, demands: &'a mut [Demand], now: SystemTime) -> Taking<'a> {
        Taking::Done(call::give_back::<Bound>(demands, self.at(now)))
    }

    fn look<'a>(&'a self, demands: &'a mut [Demand], now: SystemTime) -> Taking<'a> {
        Taking::Done(call::look::<Bound>(demands, self.at(now)))
    }

    fn reset<'a>(
        &'a self,
        counter: &'a LimitCounter,
        key: Option<LimitKey>,
    ) -> BoxFuture<'a, Result<u64, LimitStoreError>> {
        Box::pin(async move {
            let used = operate::reset::<Bound>(counter, key)?;
            written(self.queue(Vec::new())?).await?;
            Ok(used)
        })
    }

    fn keys<'a>(
        &'a self,
        counter: &'a LimitCounter,
        at_most: usize,
        now: SystemTime,
    ) -> BoxFuture<'a, Result<Vec<LimitKey>, LimitStoreError>> {
        Box::pin(async move { operate::keys::<Bound>(counter, at_most, self.at(now).now) })
    }
}

impl Drop for EmbeddedLimits {
    fn drop(&mut self) {
        self.shared.queue.close();
        if let Some(thread) = self.thread.take() {
            // If it panicked, that was logged when it did.
            let _ = thread.join();
        }
    }
}
