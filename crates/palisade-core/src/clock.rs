//! Where time comes from.

use std::fmt::Debug;
use std::time::{Duration, Instant, SystemTime};

/// A source of time, so that tests can move it.
///
/// Policy never asks the operating system directly: certificates expire, tokens age and counters refill by this clock alone.
pub trait Clock: Debug + Send + Sync + 'static {
    /// The time of day, for comparison with dates in certificates and messages.
    fn now(&self) -> SystemTime;

    /// Time that never goes back, counted from an arbitrary start, for intervals.
    fn elapsed(&self) -> Duration;
}

/// The clock of the operating system.
#[derive(Debug, Clone)]
pub struct SystemClock {
    start: Instant,
}

impl SystemClock {
    /// A clock whose monotonic part starts now.
    pub fn new() -> Self {
        Self {
            start: Instant::now(),
        }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that asks the operating system"
    )]
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }

    fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }
}
