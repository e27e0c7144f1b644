//! A replay memory that survives its process.

pub(crate) mod data_file;
mod error;
mod file;
pub(crate) mod folder;
pub(crate) mod queue;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};

use palisade_core::{BoxFuture, Replay, ReplayError, ReplayStore, SeenMessage};
use tokio::sync::oneshot;

use self::data_file::DataFile;
pub use self::error::OpenError;
use self::folder::Folder;
use self::writer::{Shared, Waiting};
use crate::identity::{Entry, current_second, seconds_up};
use crate::index::{Full, Index};

/// How many messages there is room for, unless chosen.
const DEFAULT_MAX_ENTRIES: usize = 1_000_000;

/// Where an [`EmbeddedReplay`] keeps its file, and how large it may become.
#[derive(Debug, Clone)]
pub struct EmbeddedReplayConfig {
    data_dir: PathBuf,
    max_entries: usize,
}

impl EmbeddedReplayConfig {
    /// The file `replay.redb` in that directory, for 1,000,000 messages.
    pub fn new(data_dir: impl AsRef<Path>) -> Self {
        Self {
            data_dir: data_dir.as_ref().to_owned(),
            max_entries: DEFAULT_MAX_ENTRIES,
        }
    }

    /// Has room for that many messages.
    #[must_use]
    pub fn max_entries(mut self, max_entries: usize) -> Self {
        self.max_entries = max_entries;
        self
    }
}

/// Remembers accepted messages in a file, so that none is accepted again after a restart.
///
/// 1. A table in memory mirrors the file: a message that was accepted before is refused at once.
/// 2. One thread writes. What comes while it writes is written with the next commit, which all of them await; a message is
///    [`Replay::Fresh`] only once it is on disk.
/// 3. A commit that fails, such as for a full disk, is [`ReplayError::Unavailable`] for the messages in it, which are not
///    accepted and may be sent again. The file is opened anew, at most once a second, until it works.
/// 4. More than 16,384 messages that wait for the disk are [`ReplayError::Unavailable`] too.
///
/// Dropping it writes what waits and closes the file.
#[derive(Debug)]
pub struct EmbeddedReplay {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl EmbeddedReplay {
    /// Opens the file, or makes it together with its directory. This blocks: it reads and verifies the whole file.
    pub fn open(config: &EmbeddedReplayConfig) -> Result<Self, OpenError> {
        let folder = Folder::open(&config.data_dir)?;
        let index = Index::new(config.max_entries);
        let file = DataFile::open(folder, &file::REPLAY)?;
        file.read(|transaction| file::read(transaction, &index))?;
        let shared = Arc::new(Shared::new(index));
        let thread = writer::start(Arc::clone(&shared), file)?;
        Ok(Self {
            shared,
            thread: Some(thread),
        })
    }

    /// How many messages it holds; some of them may be due to be forgotten.
    pub fn entries(&self) -> usize {
        self.shared.index.len()
    }

    /// Forgets what is due, in small steps. Calls of [`burn`](ReplayStore::burn) do so by themselves; this is for times without any.
    pub fn reclaim(&self, now: SystemTime) {
        self.shared.index.reclaim(current_second(now));
    }

    /// Takes the message for this caller, and has it written.
    fn begin(&self, message: &SeenMessage<'_>) -> Result<Begun, ReplayError> {
        let entry = Entry::of(message);
        let skew = seconds_up(message.max_clock_skew);
        let now = current_second(message.now);
        match self.shared.index.burn(entry, skew, now) {
            Ok(Replay::Fresh) => {}
            Ok(known) => return Ok(Begun::Known(known)),
            Err(Full) => return Err(ReplayError::Full),
        }
        let (done, outcome) = oneshot::channel();
        match self.shared.queue.push(Waiting { entry, now, done }) {
            Ok(()) => Ok(Begun::Waits(outcome)),
            Err(refused) => {
                self.shared.index.withdraw(entry);
                Err(ReplayError::unavailable(refused))
            }
        }
    }
}

/// The answer, or the promise of one.
enum Begun {
    Known(Replay),
    Waits(oneshot::Receiver<queue::Outcome>),
}

impl ReplayStore for EmbeddedReplay {
    fn burn<'a>(&'a self, message: SeenMessage<'a>) -> BoxFuture<'a, Result<Replay, ReplayError>> {
        Box::pin(async move {
            let outcome = match self.begin(&message)? {
                Begun::Known(replay) => return Ok(replay),
                Begun::Waits(outcome) => outcome,
            };
            match outcome.await {
                Ok(Ok(())) => Ok(Replay::Fresh),
                Ok(Err(cause)) => Err(ReplayError::unavailable(cause.to_string())),
                Err(_) => Err(ReplayError::unavailable("its thread has ended")),
            }
        })
    }

    fn remember_for(&self, max_clock_skew: Duration) {
        self.shared.index.reach(seconds_up(max_clock_skew));
    }
}

impl Drop for EmbeddedReplay {
    fn drop(&mut self) {
        self.shared.queue.close();
        if let Some(thread) = self.thread.take() {
            // If it panicked, that was logged when it did.
            let _ = thread.join();
        }
    }
}
