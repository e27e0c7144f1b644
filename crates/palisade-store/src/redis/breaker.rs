//! Leaves a Redis alone that keeps failing.

use std::num::NonZeroU32;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Closed while calls succeed; open after so many failures in a row. While it is open calls are refused; once the cool-down is
/// over one at a time is let through as a probe, and its success closes it.
#[derive(Debug)]
pub(crate) struct Breaker {
    failures_to_open: NonZeroU32,
    cool_down: Duration,
    state: Mutex<State>,
}

#[derive(Debug, Clone, Copy)]
enum State {
    Closed { failures: u32 },
    Open { until: Duration, probing: bool },
}

/// Whether a call may be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Entry {
    /// It may.
    Call,
    /// It may, and what comes of it decides. Tell [`Breaker::abandoned`] of one that ends without an outcome.
    Probe,
    /// It may not.
    Refused,
}

/// What an outcome changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    Opened,
    Closed,
    None,
}

impl Breaker {
    pub(crate) fn new(failures_to_open: NonZeroU32, cool_down: Duration) -> Self {
        Self {
            failures_to_open,
            cool_down,
            state: Mutex::new(State::Closed { failures: 0 }),
        }
    }

    pub(crate) fn is_open(&self) -> bool {
        matches!(*self.state(), State::Open { .. })
    }

    pub(crate) fn enter(&self, now: Duration) -> Entry {
        match &mut *self.state() {
            State::Closed { .. } => Entry::Call,
            State::Open { until, probing } if now >= *until && !*probing => {
                *probing = true;
                Entry::Probe
            }
            State::Open { .. } => Entry::Refused,
        }
    }

    /// What came of a call that was let through at some time.
    pub(crate) fn outcome(&self, entry: Entry, success: bool, now: Duration) -> Change {
        let mut state = self.state();
        match (&mut *state, entry, success) {
            (State::Closed { failures }, _, true) => {
                *failures = 0;
                Change::None
            }
            (State::Closed { failures }, _, false) => {
                *failures += 1;
                if *failures < self.failures_to_open.get() {
                    return Change::None;
                }
                *state = self.open(now);
                Change::Opened
            }
            (State::Open { .. }, Entry::Probe, true) => {
                *state = State::Closed { failures: 0 };
                Change::Closed
            }
            (State::Open { .. }, Entry::Probe, false) => {
                *state = self.open(now);
                Change::None
            }
            // A call from before it opened tells nothing new.
            (State::Open { .. }, Entry::Call | Entry::Refused, _) => Change::None,
        }
    }

    /// A probe ended without an outcome: another may go.
    pub(crate) fn abandoned(&self) {
        if let State::Open { probing, .. } = &mut *self.state() {
            *probing = false;
        }
    }

    fn open(&self, now: Duration) -> State {
        State::Open {
            until: now.saturating_add(self.cool_down),
            probing: false,
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;
    use std::time::Duration;

    use super::{Breaker, Change, Entry};

    fn at(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    fn breaker() -> Breaker {
        Breaker::new(NonZeroU32::new(3).expect("three"), at(1000))
    }

    fn opened() -> Breaker {
        let breaker = breaker();
        for change in [Change::None, Change::None, Change::Opened] {
            assert_eq!(breaker.outcome(Entry::Call, false, at(0)), change);
        }
        breaker
    }

    #[test]
    fn it_opens_after_failures_in_a_row_only() {
        let breaker = breaker();
        for success in [false, false, true, false, false] {
            assert_eq!(breaker.outcome(Entry::Call, success, at(0)), Change::None);
        }
        assert_eq!(breaker.enter(at(0)), Entry::Call);
        assert_eq!(breaker.outcome(Entry::Call, false, at(0)), Change::Opened);
        assert!(breaker.is_open());
    }

    #[test]
    fn while_it_is_open_one_probe_at_a_time_goes_through_after_the_cool_down() {
        let breaker = opened();
        assert_eq!(breaker.enter(at(999)), Entry::Refused);
        assert_eq!(breaker.enter(at(1000)), Entry::Probe);
        assert_eq!(breaker.enter(at(1000)), Entry::Refused);
        assert_eq!(breaker.outcome(Entry::Probe, false, at(1500)), Change::None);
        assert_eq!(breaker.enter(at(2499)), Entry::Refused);
        assert_eq!(breaker.enter(at(2500)), Entry::Probe);
        assert_eq!(breaker.outcome(Entry::Probe, true, at(2600)), Change::Closed);
        assert_eq!(breaker.enter(at(2600)), Entry::Call);
        assert_eq!(breaker.enter(at(2600)), Entry::Call);
    }

    #[test]
    fn a_probe_that_is_abandoned_lets_another_go() {
        let breaker = opened();
        assert_eq!(breaker.enter(at(1000)), Entry::Probe);
        breaker.abandoned();
        assert_eq!(breaker.enter(at(1001)), Entry::Probe);
    }

    #[test]
    fn a_late_outcome_of_an_earlier_call_does_not_close_it() {
        let breaker = opened();
        assert_eq!(breaker.outcome(Entry::Call, true, at(10)), Change::None);
        assert!(breaker.is_open());
    }
}
