//! Whether what limits count can be written.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::embedded::queue::Outcome;

/// How the last commit went, and since when one goes on.
#[derive(Debug, Default)]
pub(super) struct Health(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    failure: Option<Arc<str>>,
    begun: Option<Instant>,
    /// Whether the log knows that the disk does not answer.
    is_told: bool,
}

impl Health {
    /// A commit begins.
    pub(super) fn begin(&self) {
        self.state().begun = Some(Instant::now());
    }

    /// A commit ended like that.
    pub(super) fn end(&self, outcome: &Outcome) {
        *self.state() = State {
            failure: outcome.as_ref().err().map(Arc::clone),
            ..State::default()
        };
    }

    /// Why nothing can be written now: the last commit failed, or one goes on for longer than that.
    pub(super) fn failure(&self, deadline: Duration) -> Option<Arc<str>> {
        let state = self.state();
        if state.begun.is_some_and(|begun| begun.elapsed() > deadline) {
            return Some("the disk does not answer".into());
        }
        state.failure.clone()
    }

    /// A caller has waited too long. Whether the log is to be told: once for each commit.
    pub(super) fn is_news(&self) -> bool {
        !std::mem::replace(&mut self.state().is_told, true)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Health;

    #[test]
    fn it_fails_from_a_commit_that_does_until_one_that_does_not() {
        let health = Health::default();
        let failure = || health.failure(Duration::MAX).map(|cause| cause.to_string());
        assert_eq!(failure(), None);
        for (outcome, expected) in [
            (Err("full".into()), Some("full")),
            (Err("gone".into()), Some("gone")),
            (Ok(()), None),
        ] {
            health.begin();
            health.end(&outcome);
            assert_eq!(failure().as_deref(), expected);
        }
    }

    #[test]
    fn it_fails_while_a_commit_takes_too_long_and_tells_the_log_once() {
        let health = Health::default();
        assert_eq!(health.failure(Duration::ZERO), None, "no commit goes on");
        health.begin();
        assert_eq!(health.failure(Duration::MAX), None);
        while health.failure(Duration::ZERO).is_none() {}
        assert!(health.is_news());
        assert!(!health.is_news());
        health.end(&Ok(()));
        assert_eq!(health.failure(Duration::ZERO), None);
        assert!(health.is_news(), "of another commit");
    }
}
