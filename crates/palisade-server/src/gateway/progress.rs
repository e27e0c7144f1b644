//! Whether an exchange with the upstream moves, and who holds it up when it does not.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::rejection::Failure;

/// What a request's body tells of its way to the upstream. Clones share one state.
#[derive(Debug, Clone)]
pub(super) struct Progress(Arc<State>);

#[derive(Debug)]
struct State {
    start: Instant,
    /// Milliseconds from the start to the last byte that moved.
    moved: AtomicU64,
    /// The upstream could take more, and the client has not sent it.
    waits_for_client: AtomicBool,
    /// The client's body ended with an error.
    failed: AtomicBool,
}

/// Who holds the exchange up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stall {
    /// The client does not send the rest of its body.
    Client,
    /// The upstream neither reads nor answers.
    Upstream,
}

impl Progress {
    pub(super) fn new() -> Self {
        Self(Arc::new(State {
            start: Instant::now(),
            moved: AtomicU64::new(0),
            waits_for_client: AtomicBool::new(false),
            failed: AtomicBool::new(false),
        }))
    }

    /// A piece of the body went on, or the body ended.
    pub(super) fn moved(&self) {
        let at = u64::try_from(self.0.start.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.0.moved.store(at, Ordering::Relaxed);
        self.0.waits_for_client.store(false, Ordering::Relaxed);
    }

    /// The client has to send first.
    pub(super) fn waits_for_client(&self) {
        self.0.waits_for_client.store(true, Ordering::Relaxed);
    }

    /// The client's body cannot be read to its end, because nothing more came or because it broke off.
    pub(super) fn failed(&self, stood_still: bool) {
        self.0.waits_for_client.store(stood_still, Ordering::Relaxed);
        self.0.failed.store(true, Ordering::Relaxed);
    }

    /// Why the client's body could not be read to its end, if it could not.
    pub(super) fn failure(&self) -> Option<Failure> {
        let stood_still = self.0.waits_for_client.load(Ordering::Relaxed);
        let failure = if stood_still {
            Failure::ClientStopped
        } else {
            Failure::ClientBroke
        };
        self.0.failed.load(Ordering::Relaxed).then_some(failure)
    }

    /// Ends when nothing has moved for `limit`.
    pub(super) async fn stalled(&self, limit: Duration) -> Stall {
        loop {
            let moved = Duration::from_millis(self.0.moved.load(Ordering::Relaxed));
            let quiet = self.0.start.elapsed().saturating_sub(moved);
            if quiet >= limit {
                return if self.0.waits_for_client.load(Ordering::Relaxed) {
                    Stall::Client
                } else {
                    Stall::Upstream
                };
            }
            sleep(limit.saturating_sub(quiet)).await;
        }
    }
}
