use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::{Duration, SystemTime};

use palisade_core::Clock;

/// A clock that stands until it is moved. Both of its times move together, and it may move back only in the time of day.
#[derive(Debug)]
pub struct FakeClock(Mutex<(SystemTime, Duration)>);

impl FakeClock {
    /// Stands at that time of day.
    pub fn at(now: SystemTime) -> Self {
        Self(Mutex::new((now, Duration::ZERO)))
    }

    /// Stands at the time of day it is now.
    #[expect(
        clippy::disallowed_methods,
        reason = "certificates that tests make are valid around the present"
    )]
    pub fn now_and_standing() -> Self {
        Self::at(SystemTime::now())
    }

    /// Lets time pass.
    pub fn advance(&self, by: Duration) {
        let mut times = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        times.0 += by;
        times.1 += by;
    }

    /// Sets the time of day; intervals do not notice.
    pub fn set(&self, now: SystemTime) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).0 = now;
    }
}

impl Clock for FakeClock {
    fn now(&self) -> SystemTime {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).0
    }

    fn elapsed(&self) -> Duration {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).1
    }
}
