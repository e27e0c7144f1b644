//! Points in time, for people and for JSON.

use std::time::SystemTime;

use palisade_core::{Clock as _, SystemClock};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// The time of day.
pub(crate) fn now() -> SystemTime {
    SystemClock::new().now()
}

/// RFC 3339 in UTC, to the second.
pub(crate) fn rfc3339(instant: SystemTime) -> String {
    let instant = OffsetDateTime::from(instant);
    let whole = instant.replace_nanosecond(0).unwrap_or(instant);
    // Only years beyond 9999 have no such form.
    whole
        .format(&Rfc3339)
        .unwrap_or_else(|_| "beyond the year 9999".to_owned())
}

/// Whole days until an instant, rounded down; negative when it has passed.
pub(crate) fn days_until(instant: SystemTime, now: SystemTime) -> i64 {
    (OffsetDateTime::from(instant) - OffsetDateTime::from(now))
        .whole_seconds()
        .div_euclid(86_400)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::{days_until, rfc3339};

    #[test]
    fn an_instant_is_shown_in_utc_to_the_second() {
        let instant = UNIX_EPOCH + Duration::from_millis(1_798_761_599_900);
        assert_eq!(rfc3339(instant), "2026-12-31T23:59:59Z");
    }

    #[test]
    fn days_are_rounded_down_so_that_what_has_passed_is_negative() {
        let now = UNIX_EPOCH + Duration::from_secs(1_000_000);
        assert_eq!(days_until(now + Duration::from_secs(2 * 86_400 - 1), now), 1);
        assert_eq!(days_until(now, now), 0);
        assert_eq!(days_until(now - Duration::from_secs(1), now), -1);
    }
}
