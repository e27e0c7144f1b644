//! Whether a message is of now.

use std::time::{Duration, SystemTime};

use palisade_core::MessageTimes;

use crate::claims::Claims;

/// When a message may be accepted.
///
/// 1. Both `iat` and `exp` have to be there, and `exp` may not lie before `iat`.
/// 2. A message is refused when it expired longer ago than the skew, was made further in the future than the skew, begins
///    (`nbf`) further in the future than the skew, or lives longer than the longest life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeRules {
    /// How far the clocks of both sides may differ.
    pub max_clock_skew: Duration,
    /// The longest life: `exp` less `iat`.
    pub max_ttl: Duration,
}

impl Default for TimeRules {
    /// 300 seconds each.
    fn default() -> Self {
        Self {
            max_clock_skew: Duration::from_secs(300),
            max_ttl: Duration::from_secs(300),
        }
    }
}

/// Why a message is not of now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TimeFault {
    /// `iat` or `exp` is missing, or `exp` lies before `iat`.
    #[error("the message does not say when it was made and when it ends")]
    Missing,
    /// It ended before now, beyond the skew.
    #[error("the message has expired")]
    Expired,
    /// It was made, or begins, after now, beyond the skew.
    #[error("the message is made in the future")]
    NotYetValid,
    /// It lives longer than the longest life.
    #[error("the message lives too long")]
    TtlTooLong,
}

impl TimeRules {
    /// Checks the claims at that time; the times of an accepted message are given back.
    pub fn check(&self, claims: &Claims, now: SystemTime) -> Result<MessageTimes, TimeFault> {
        let (Some(issued_at), Some(expires_at)) = (claims.issued_at, claims.expires_at) else {
            return Err(TimeFault::Missing);
        };
        let ttl = expires_at
            .duration_since(issued_at)
            .map_err(|_| TimeFault::Missing)?;
        let is_later = |date: SystemTime, than: SystemTime| {
            date.duration_since(than)
                .is_ok_and(|ahead| ahead > self.max_clock_skew)
        };
        if is_later(now, expires_at) {
            return Err(TimeFault::Expired);
        }
        if is_later(issued_at, now) || claims.not_before.is_some_and(|begin| is_later(begin, now)) {
            return Err(TimeFault::NotYetValid);
        }
        if ttl > self.max_ttl {
            return Err(TimeFault::TtlTooLong);
        }
        Ok(MessageTimes {
            issued_at,
            expires_at,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use proptest::prelude::*;
    use rstest::rstest;

    use super::{TimeFault, TimeRules};
    use crate::claims::Claims;

    const NOW: u64 = 1_800_000_000;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn check(iat: Option<u64>, exp: Option<u64>) -> Option<TimeFault> {
        let claims = Claims {
            issued_at: iat.map(at),
            expires_at: exp.map(at),
            ..Claims::default()
        };
        TimeRules::default().check(&claims, at(NOW)).err()
    }

    #[rstest]
    #[case::of_now(Some(NOW), Some(NOW + 300), None)]
    #[case::just_expired(Some(NOW - 300), Some(NOW - 300), None)]
    #[case::expired(Some(NOW - 400), Some(NOW - 301), Some(TimeFault::Expired))]
    #[case::just_made(Some(NOW + 300), Some(NOW + 400), None)]
    #[case::future(Some(NOW + 301), Some(NOW + 400), Some(TimeFault::NotYetValid))]
    #[case::too_long(Some(NOW), Some(NOW + 301), Some(TimeFault::TtlTooLong))]
    #[case::far_away(Some(NOW), Some(253_402_300_799), Some(TimeFault::TtlTooLong))]
    #[case::no_iat(None, Some(NOW + 1), Some(TimeFault::Missing))]
    #[case::no_exp(Some(NOW), None, Some(TimeFault::Missing))]
    #[case::backwards(Some(NOW + 10), Some(NOW), Some(TimeFault::Missing))]
    #[case::ages_ago(Some(0), Some(0), Some(TimeFault::Expired))]
    fn rows(#[case] iat: Option<u64>, #[case] exp: Option<u64>, #[case] fault: Option<TimeFault>) {
        assert_eq!(check(iat, exp), fault);
    }

    #[test]
    fn a_message_that_begins_later_is_not_valid_yet() {
        let claims = Claims {
            issued_at: Some(at(NOW)),
            expires_at: Some(at(NOW + 100)),
            not_before: Some(at(NOW + 301)),
            ..Claims::default()
        };
        assert_eq!(
            TimeRules::default().check(&claims, at(NOW)),
            Err(TimeFault::NotYetValid)
        );
    }

    proptest! {
        #[test]
        fn an_accepted_message_is_within_all_bounds(iat in 0..2 * NOW, life in 0..1_000_u64) {
            if check(Some(iat), Some(iat + life)).is_none() {
                prop_assert!(life <= 300 && iat <= NOW + 300 && iat + life + 300 >= NOW);
            } else {
                prop_assert!(life > 300 || iat > NOW + 300 || iat + life + 300 < NOW);
            }
        }
    }
}
