//! Dates and instants of RFC 3339.

/// A day: `full-date` of RFC 3339 section 5.6, in the proleptic Gregorian calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Date {
    year: u16,
    month: u16,
    day: u16,
}

impl Date {
    /// Reads `2026-01-31`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('-');
        let date = Self {
            year: digits(parts.next()?, 4)?,
            month: digits(parts.next()?, 2)?,
            day: digits(parts.next()?, 2)?,
        };
        let is_a_day = (1..=12).contains(&date.month) && (1..=date.days_of_month()).contains(&date.day);
        (parts.next().is_none() && is_a_day).then_some(date)
    }

    fn days_of_month(self) -> u16 {
        match self.month {
            2 if self.is_leap_year() => 29,
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        }
    }

    fn is_leap_year(self) -> bool {
        self.year.is_multiple_of(4) && (!self.year.is_multiple_of(100) || self.year.is_multiple_of(400))
    }

    /// Days since the first of March of the year 0, which is negative before it.
    fn number(self) -> i64 {
        // A year that begins in March ends with its leap day.
        let (year, month) = if self.month > 2 {
            (i64::from(self.year), i64::from(self.month) - 3)
        } else {
            (i64::from(self.year) - 1, i64::from(self.month) + 9)
        };
        let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
        365 * year + leap_days + (153 * month + 2) / 5 + i64::from(self.day) - 1
    }
}

/// An instant: `date-time` of RFC 3339 section 5.6, to the nanosecond.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Instant {
    /// In UTC, leap seconds not counted.
    seconds: i64,
    /// A second and more within a leap second.
    nanoseconds: u32,
}

const MINUTES_OF_DAY: i64 = 24 * 60;
const SECOND: u32 = 1_000_000_000;

impl Instant {
    /// Reads `2026-01-31T12:00:00.5+01:00`: at most nine decimals, a leap second (`:60`) only where UTC may have one.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (date, time) = text.split_once(['T', 't'])?;
        let date = Date::parse(date)?;
        let zone_at = time.find(['Z', 'z', '+', '-'])?;
        let (time, zone) = time.split_at_checked(zone_at)?;
        let offset = read_offset(zone)?;
        let (time, fraction) = match time.split_once('.') {
            Some((time, fraction)) => (time, read_fraction(fraction)?),
            None => (time, 0),
        };
        let mut parts = time.split(':');
        let hour = digits(parts.next()?, 2).filter(|hour| *hour < 24)?;
        let minute = digits(parts.next()?, 2).filter(|minute| *minute < 60)?;
        let second = digits(parts.next()?, 2).filter(|second| *second <= 60)?;
        if parts.next().is_some() {
            return None;
        }
        let minutes = date.number() * MINUTES_OF_DAY + i64::from(hour) * 60 + i64::from(minute) - offset;
        let is_leap = second == 60;
        if is_leap && minutes.rem_euclid(MINUTES_OF_DAY) != MINUTES_OF_DAY - 1 {
            return None;
        }
        Some(Self {
            seconds: minutes * 60 + i64::from(second.min(59)),
            nanoseconds: fraction + if is_leap { SECOND } else { 0 },
        })
    }
}

/// How many minutes local time is ahead of UTC.
fn read_offset(text: &str) -> Option<i64> {
    if matches!(text, "Z" | "z") {
        return Some(0);
    }
    let (sign, text) = match text.strip_prefix('-') {
        Some(text) => (-1, text),
        None => (1, text.strip_prefix('+')?),
    };
    let (hours, minutes) = text.split_once(':')?;
    let hours = digits(hours, 2).filter(|hours| *hours < 24)?;
    let minutes = digits(minutes, 2).filter(|minutes| *minutes < 60)?;
    Some(sign * (i64::from(hours) * 60 + i64::from(minutes)))
}

/// Nanoseconds from the decimals of a second.
fn read_fraction(text: &str) -> Option<u32> {
    let is_read = (1..=9).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    let missing = u32::try_from(9_usize.checked_sub(text.len())?).ok()?;
    let fraction: u32 = is_read.then(|| text.parse().ok()).flatten()?;
    fraction.checked_mul(10_u32.pow(missing))
}

/// A number of so many digits.
fn digits(text: &str, length: usize) -> Option<u16> {
    let is_read = text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit());
    is_read.then(|| text.parse().ok()).flatten()
}
