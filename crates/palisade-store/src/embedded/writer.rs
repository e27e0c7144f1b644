//! The thread that writes: everything that waits goes into one commit.

use std::sync::Arc;
use std::thread::{self, JoinHandle};

use tokio::sync::oneshot;

use super::OpenError;
use super::data_file::DataFile;
use super::file;
use super::queue::{Outcome, Queue};
use crate::identity::Entry;
use crate::index::Index;

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
    pub(super) queue: Queue<Waiting>,
}

impl Shared {
    pub(super) fn new(index: Index) -> Self {
        Self {
            index,
            queue: Queue::default(),
        }
    }
}

/// Starts the thread; it ends once it is told to close.
pub(super) fn start(shared: Arc<Shared>, file: DataFile) -> Result<JoinHandle<()>, OpenError> {
    let path = file.path().to_owned();
    thread::Builder::new()
        .name("palisade-replay".to_owned())
        .spawn(move || {
            let ending = Ending(shared);
            Writer { file }.run(&ending.0);
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
        self.0.queue.end();
    }
}

struct Writer {
    file: DataFile,
}

impl Writer {
    fn run(mut self, shared: &Shared) {
        let (mut batch, mut entries) = (Vec::new(), Vec::new());
        while shared.queue.take(&mut batch, None) {
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
        let committed = self
            .file
            .commit(|transaction| file::write(transaction, entries, horizon));
        let path = self.file.path().display();
        match committed {
            Ok(opened_anew) => {
                if opened_anew {
                    tracing::info!(target: "palisade::replay", %path, "the file was opened anew");
                }
                Ok(())
            }
            Err(failure) => {
                if failure.is_new {
                    let error = &failure.cause;
                    tracing::error!(target: "palisade::replay", %path, %error, "accepted messages cannot be written");
                }
                Err(failure.cause)
            }
        }
    }
}
