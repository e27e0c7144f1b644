//! A replay memory that ends with its process.

use std::time::{Duration, SystemTime};

use palisade_core::{BoxFuture, Replay, ReplayError, ReplayStore, SeenMessage};

use crate::identity::{Entry, current_second, seconds_up};
use crate::index::{Full, Index};

/// Remembers accepted messages until the process ends.
///
/// It cannot know what was accepted before it began, so it refuses messages that were created before. Times of messages are
/// often whole seconds: one that says it was created in the very second of the beginning was created before it, as far as can be
/// known.
///
/// What it does not protect against: a sender whose clock runs ahead. Its messages may say that they were created after a
/// restart when they were accepted before it. Use [`EmbeddedReplay`](crate::EmbeddedReplay) where that matters.
#[derive(Debug)]
pub struct MemoryReplay {
    index: Index,
    started: SystemTime,
}

impl MemoryReplay {
    /// An empty memory for that many messages, which begins at `started`.
    pub fn new(max_entries: usize, started: SystemTime) -> Self {
        Self {
            index: Index::new(max_entries),
            started,
        }
    }

    /// How many messages it holds; some of them may be due to be forgotten.
    pub fn entries(&self) -> usize {
        self.index.len()
    }

    /// Forgets what is due, in small steps. Calls of [`burn`](ReplayStore::burn) do so by themselves; this is for times without any.
    pub fn reclaim(&self, now: SystemTime) {
        self.index.reclaim(current_second(now));
    }

    fn answer(&self, message: &SeenMessage<'_>) -> Result<Replay, ReplayError> {
        if message.issued_at < self.started {
            return Ok(Replay::TooOld);
        }
        let skew = seconds_up(message.max_clock_skew);
        self.index
            .burn(Entry::of(message), skew, current_second(message.now))
            .map_err(|Full| ReplayError::Full)
    }
}

impl ReplayStore for MemoryReplay {
    fn burn<'a>(&'a self, message: SeenMessage<'a>) -> BoxFuture<'a, Result<Replay, ReplayError>> {
        Box::pin(async move { self.answer(&message) })
    }

    fn remember_for(&self, max_clock_skew: Duration) {
        self.index.reach(seconds_up(max_clock_skew));
    }
}
