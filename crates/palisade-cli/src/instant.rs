//! Points in time, for people and for JSON.

use std::time::{Duration, SystemTime};

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

/// An instant as people write it: RFC 3339.
pub(crate) fn parse(text: &str) -> Result<SystemTime, String> {
    OffsetDateTime::parse(text, &Rfc3339)
        .map(SystemTime::from)
        .map_err(|_| "expected an instant such as 2026-11-22T10:00:00Z".to_owned())
}

/// How long, in its two largest units: `4m 12s`.
pub(crate) fn span(length: Duration) -> String {
    const UNITS: [(u64, &str); 4] = [(86_400, "d"), (3_600, "h"), (60, "m"), (1, "s")];
    let mut rest = length.as_secs();
    let mut parts = Vec::new();
    for (seconds, unit) in UNITS {
        let count = rest / seconds;
        rest %= seconds;
        if count > 0 {
            parts.push(format!("{count}{unit}"));
        } else if !parts.is_empty() {
            break;
        }
    }
    parts.truncate(2);
    if parts.is_empty() {
        parts.push("0s".to_owned());
    }
    parts.join(" ")
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

    use super::{days_until, parse, rfc3339, span};

    #[test]
    fn what_is_shown_can_be_read() {
        let instant = UNIX_EPOCH + Duration::from_secs(1_798_761_599);
        assert_eq!(parse(&rfc3339(instant)), Ok(instant));
        assert_eq!(parse("2027-01-01T00:59:59+01:00"), Ok(instant));
        assert!(parse("2026-12-31").is_err());
    }

    #[test]
    fn a_length_is_shown_in_its_two_largest_units() {
        let shown = |seconds| span(Duration::from_secs(seconds));
        assert_eq!(shown(0), "0s");
        assert_eq!(shown(59), "59s");
        assert_eq!(shown(252), "4m 12s");
        assert_eq!(shown(3_600), "1h");
        assert_eq!(shown(3_601), "1h");
        assert_eq!(shown(90_061), "1d 1h");
    }

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
