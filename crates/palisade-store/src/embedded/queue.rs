//! Callers that wait for the disk: everything that waits goes into one commit.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How many may wait for the disk.
const MAX_WAITING: usize = 16_384;

/// Whether something is on disk, or why not.
pub(crate) type Outcome = Result<(), Arc<str>>;

/// What waits, for a thread that writes.
#[derive(Debug)]
pub(crate) struct Queue<W> {
    inner: Mutex<Inner<W>>,
    wake: Condvar,
}

#[derive(Debug)]
struct Inner<W> {
    waiting: Vec<W>,
    closed: bool,
}

impl<W> Default for Queue<W> {
    fn default() -> Self {
        let inner = Inner {
            waiting: Vec::new(),
            closed: false,
        };
        Self {
            inner: Mutex::new(inner),
            wake: Condvar::new(),
        }
    }
}

impl<W> Queue<W> {
    /// Has it written, unless too many wait.
    pub(crate) fn push(&self, waiting: W) -> Result<(), &'static str> {
        let mut queue = self.lock();
        if queue.closed {
            return Err("its thread has ended");
        }
        if queue.waiting.len() >= MAX_WAITING {
            return Err("too many callers wait for the disk");
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
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.wake.notify_one();
    }

    /// The thread has ended: nobody waits for it any more.
    pub(crate) fn end(&self) {
        let mut queue = self.lock();
        queue.closed = true;
        queue.waiting.clear();
    }

    /// Waits for something, that long at most, and takes all of it. `false` when there will be nothing any more.
    pub(crate) fn take(&self, batch: &mut Vec<W>, at_most: Option<Duration>) -> bool {
        let queue = self.lock();
        let idle = |queue: &mut Inner<W>| queue.waiting.is_empty() && !queue.closed;
        let mut queue = if let Some(time) = at_most {
            let waited = self.wake.wait_timeout_while(queue, time, idle);
            waited.unwrap_or_else(PoisonError::into_inner).0
        } else {
            let waited = self.wake.wait_while(queue, idle);
            waited.unwrap_or_else(PoisonError::into_inner)
        };
        std::mem::swap(&mut queue.waiting, batch);
        !batch.is_empty() || !queue.closed
    }

    fn lock(&self) -> MutexGuard<'_, Inner<W>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
