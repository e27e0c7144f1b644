//! Counters that survive their process.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use palisade_core::{
    BoxFuture, CounterHandle, Demand, LimitCounter, LimitKey, LimitStore, LimitStoreError, Taking,
};
use tokio::sync::oneshot;

use super::bound::Bound;
use super::call::{self, Changed, Moment};
use super::operate;
use super::rules::nanos;
use super::writer::{self, LIMITS, NOT_WRITTEN, Shared, THREAD_ENDED, Waiting};
use crate::OpenError;
use crate::embedded::data_file::DataFile;
use crate::embedded::folder::Folder;
use crate::embedded::queue::Outcome;

/// Where [`EmbeddedLimits`] keep their file.
#[derive(Debug, Clone)]
pub struct EmbeddedLimitsConfig {
    data_dir: PathBuf,
    deadline: Duration,
}

impl EmbeddedLimitsConfig {
    /// How long a call waits for the disk, where nothing else is said: 5 seconds.
    pub const DEADLINE: Duration = Duration::from_secs(5);

    /// The file `limits.redb` in that directory.
    pub fn new(data_dir: impl AsRef<Path>) -> Self {
        Self {
            data_dir: data_dir.as_ref().to_owned(),
            deadline: Self::DEADLINE,
        }
    }

    /// How long a call waits for the disk. After that it fails, and what it took stays taken.
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
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
/// 5. A call waits for the disk no longer than the [deadline](EmbeddedLimitsConfig::deadline). Then it is a [`LimitStoreError`], and
///    what it took stays taken: whether it is on disk is not known. [`is_failing`](Self::is_failing) says that nothing can be
///    written, because the last commit failed or one takes longer than that.
/// 6. Identifiers that were counted survive too. Permits ([`InFlight`](palisade_core::LimitRule::InFlight)) do not, and never wait:
///    the exchanges that had them ended with the process.
/// 7. In memory a key takes 448 bytes at most; under a sliding window up to 2,048 more. An identifier takes 512 at most, and there are
///    no more of them than there is room for keys. In the file a key's record has about 80, up to 1,600 under a sliding window, an
///    identifier's about 60, and pages of the file are not always full. A key whose share is whole again leaves both, and so does an
///    identifier whose window is over.
///
/// Calls that wait need the timers of a Tokio runtime. Dropping it writes what was used and closes the file.
///
/// What it does not protect against: a disk that never answers, which dropping it waits for; a file that is removed, or put back from a backup, while no server runs, and a file system
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
    deadline: Duration,
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
            deadline: config.deadline,
            thread: Some(thread),
        })
    }

    /// Whether nothing can be written now. Calls within what is on disk go on; others fail.
    pub fn is_failing(&self) -> bool {
        self.last_failure().is_some()
    }

    /// Why nothing can be written now; `None` while it can. For operators, not for peers.
    pub fn last_failure(&self) -> Option<String> {
        let failure = self.shared.health.failure(self.deadline);
        failure.map(|cause| cause.as_ref().to_owned())
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

    /// Waits until it is on disk, as long as there is time.
    async fn written(&self, outcome: oneshot::Receiver<Outcome>) -> Result<(), Unwritten> {
        match tokio::time::timeout(self.deadline, outcome).await {
            Ok(Ok(Ok(()))) => Ok(()),
            Ok(Ok(Err(cause))) => Err(Unwritten::Failed(LimitStoreError::new(&*cause))),
            Ok(Err(_)) => Err(Unwritten::Failed(LimitStoreError::new(THREAD_ENDED))),
            Err(_) => {
                if self.shared.health.is_news() {
                    let deadline = self.deadline;
                    tracing::error!(
                        target: "palisade::limits",
                        code = NOT_WRITTEN,
                        ?deadline,
                        "the disk does not answer in time"
                    );
                }
                Err(Unwritten::TooLate)
            }
        }
    }

    /// Gives back what is not on disk, and so was not granted.
    fn withdraw(&self, demands: &mut [Demand], at: Moment) {
        let now = at.now.max(self.shared.now.load(Ordering::Relaxed));
        // They are counters of this store: they were taken from.
        let _ = call::give_back::<Bound>(demands, Moment { now, ..at });
    }
}

/// Why a call does not know that what it took is on disk.
enum Unwritten {
    /// It is not, and will not be for this call's sake.
    Failed(LimitStoreError),
    /// It may be, by now.
    TooLate,
}

impl From<Unwritten> for LimitStoreError {
    fn from(unwritten: Unwritten) -> Self {
        match unwritten {
            Unwritten::Failed(error) => error,
            Unwritten::TooLate => Self::new("the disk did not answer in time"),
        }
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
                let written = self.written(outcome).await;
                if let Err(Unwritten::Failed(_)) = &written {
                    self.withdraw(demands, at);
                }
                Ok(written?)
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
            self.written(self.queue(Vec::new())?).await?;
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::{Duration, UNIX_EPOCH};

    use palisade_core::{Demand, LimitCounter, LimitKey, LimitRule, LimitStore, WindowKind};
    use tokio::time::Instant;

    use super::{EmbeddedLimits, Shared};

    const DEADLINE: Duration = Duration::from_secs(7);

    /// One that nothing is written for, as with a disk that hangs.
    fn hanging() -> EmbeddedLimits {
        EmbeddedLimits {
            shared: Arc::new(Shared::new()),
            deadline: DEADLINE,
            thread: None,
        }
    }

    fn quota(store: &EmbeddedLimits) -> Arc<LimitCounter> {
        let rule = LimitRule::Window {
            limit: 10,
            period: Duration::from_secs(60),
            kind: WindowKind::Calendar,
        };
        Arc::new(LimitCounter::new(store, "quota", rule, 10))
    }

    #[tokio::test(start_paused = true)]
    async fn a_disk_that_hangs_is_an_error_in_time_and_what_was_taken_stays_taken() {
        let store = hanging();
        let quota = quota(&store);
        let begun = Instant::now();
        let mut demands = [Demand::new(Arc::clone(&quota), LimitKey::EVERYBODY, 4)];
        let taken = store.take(&mut demands, UNIX_EPOCH).outcome().await;
        assert_eq!(
            taken.expect_err("it is not on disk").to_string(),
            "the store of counters is not available: the disk did not answer in time"
        );
        assert_eq!(begun.elapsed(), DEADLINE);
        let mut left = [Demand::new(Arc::clone(&quota), LimitKey::EVERYBODY, 0)];
        store
            .look(&mut left, UNIX_EPOCH)
            .outcome()
            .await
            .expect("it is in memory");
        assert_eq!(left[0].standing.remaining, 6);
        assert!(store.reset(&quota, None).await.is_err());
        assert_eq!(begun.elapsed(), 2 * DEADLINE);
    }

    #[test]
    fn a_commit_that_does_not_end_is_a_failure_until_one_does() {
        let mut store = hanging();
        store.deadline = Duration::ZERO;
        assert!(!store.is_failing());
        store.shared.health.begin();
        while !store.is_failing() {}
        assert_eq!(store.last_failure().as_deref(), Some("the disk does not answer"));
        store.shared.health.end(&Ok(()));
        assert!(!store.is_failing());
    }
}
