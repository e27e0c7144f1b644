//! The thread that writes: everything that waits goes into one commit.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::OpenError;
use super::file::ReplayFile;
use crate::identity::Entry;
use crate::index::Index;

/// How many messages may wait for the disk.
const MAX_WAITING: usize = 16_384;
/// How often a file that failed is opened anew, at most.
const REOPEN_EVERY: Duration = Duration::from_secs(1);

/// Whether a message is on disk, or why not.
pub(super) type Outcome = Result<(), Arc<str>>;

/// A caller that waits until its message is on disk.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) entry: Entry,
    pub(super) now: u64,
    pub(super) done: oneshot::Sender<Outcome>,
}

/// What callers and the thread share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) index: Index,
    queue: Mutex<Queue>,
    wake: Condvar,
}

#[derive(Debug, Default)]
struct Queue {
    waiting: Vec<Waiting>,
    closed: bool,
}

impl Shared {
    pub(super) fn new(index: Index) -> Self {
        Self {
            index,
            queue: Mutex::default(),
            wake: Condvar::new(),
        }
    }

    /// Has a message written, unless too many wait.
    pub(super) fn queue(&self, waiting: Waiting) -> Result<(), &'static str> {
        let mut queue = self.lock();
        if queue.closed {
            return Err("its thread has ended");
        }
        if queue.waiting.len() >= MAX_WAITING {
            return Err("too many messages wait for the disk");
        }
        let is_first = queue.waiting.is_empty();
        queue.waiting.push(waiting);
        drop(queue);
        if is_first {
            self.wake.notify_one();
        }
        Ok(())
    }

    /// Lets the thread end after what waits.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.wake.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for messages, and takes all of them. `false` when there will be none any more.
    fn take(&self, batch: &mut Vec<Waiting>) -> bool {
        let queue = self.lock();
        let idle = |queue: &mut Queue| queue.waiting.is_empty() && !queue.closed;
        let mut queue = self
            .wake
            .wait_while(queue, idle)
            .unwrap_or_else(PoisonError::into_inner);
        std::mem::swap(&mut queue.waiting, batch);
        !batch.is_empty()
    }
}

/// Starts the thread; it ends once it is told to close.
pub(super) fn start(shared: Arc<Shared>, file: ReplayFile) -> Result<JoinHandle<()>, OpenError> {
    let path = file.path().to_owned();
    thread::Builder::new()
        .name("palisade-replay".to_owned())
        .spawn(move || {
            let ending = Ending(shared);
            Writer { file, failed: None }.run(&ending.0);
        })
        .map_err(|source| OpenError::io(&path, "has no thread", source))
}

/// However the thread ends, nobody waits for it afterwards.
struct Ending(Arc<Shared>);

impl Drop for Ending {
    fn drop(&mut self) {
        if thread::panicking() {
            tracing::error!(target: "palisade::replay", "the thread that writes has ended; nothing is accepted until a restart");
        }
        let mut queue = self.0.lock();
        queue.closed = true;
        queue.waiting.clear();
    }
}

struct Writer {
    file: ReplayFile,
    failed: Option<Failed>,
}

struct Failed {
    since: Instant,
    cause: Arc<str>,
}

impl Writer {
    fn run(mut self, shared: &Shared) {
        let (mut batch, mut entries) = (Vec::new(), Vec::new());
        while shared.take(&mut batch) {
            entries.clear();
            entries.extend(batch.iter().map(|waiting: &Waiting| waiting.entry));
            let now = batch.iter().map(|waiting| waiting.now).max().unwrap_or_default();
            let outcome = self.commit(&entries, shared.index.horizon(now));
            if outcome.is_err() {
                // They were not accepted, so they may come again.
                for entry in &entries {
                    shared.index.withdraw(*entry);
                }
            }
            for waiting in batch.drain(..) {
                // One that no longer waits has burnt its message.
                let _ = waiting.done.send(outcome.clone());
            }
        }
    }

    fn commit(&mut self, entries: &[Entry], horizon: u64) -> Outcome {
        self.mend()?;
        self.file.commit(entries, horizon).map_err(|error| {
            let path = self.file.path().display();
            tracing::error!(target: "palisade::replay", %path, %error, "accepted messages cannot be written");
            self.fail(&error)
        })
    }

    /// Opens a file that failed anew.
    fn mend(&mut self) -> Outcome {
        if self.file.is_open() {
            return Ok(());
        }
        if let Some(failed) = &self.failed
            && failed.since.elapsed() < REOPEN_EVERY
        {
            return Err(Arc::clone(&failed.cause));
        }
        self.file.reopen().map_err(|error| self.fail(&error))?;
        let path = self.file.path().display();
        tracing::info!(target: "palisade::replay", %path, "the file was opened anew");
        Ok(())
    }

    fn fail(&mut self, cause: &dyn ToString) -> Arc<str> {
        let cause: Arc<str> = cause.to_string().into();
        self.failed = Some(Failed {
            since: Instant::now(),
            cause: Arc::clone(&cause),
        });
        cause
    }
}
