//! The three forms of a date (RFC 9110 section 5.6.7).

use std::ops::RangeInclusive;

const DAYS: [&[u8]; 7] = [b"Mon", b"Tue", b"Wed", b"Thu", b"Fri", b"Sat", b"Sun"];

const LONG_DAYS: [&[u8]; 7] = [
    b"Monday",
    b"Tuesday",
    b"Wednesday",
    b"Thursday",
    b"Friday",
    b"Saturday",
    b"Sunday",
];

const MONTHS: [&[u8]; 12] = [
    b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec",
];

/// A date in any of the three forms. Whether its day of the week is the right one is not looked at.
pub(super) fn http_date(value: &[u8]) -> bool {
    [fixed, with_long_day, of_c]
        .into_iter()
        .any(|read| read(value).is_some_and(<[u8]>::is_empty))
}

/// `Sun, 06 Nov 1994 08:49:37 GMT`
fn fixed(text: &[u8]) -> Option<&[u8]> {
    let text = one_of(text, &DAYS)?.strip_prefix(b", ")?;
    let text = number(text, 2, 1..=31)?.strip_prefix(b" ")?;
    let text = one_of(text, &MONTHS)?.strip_prefix(b" ")?;
    let text = number(text, 4, 0..=9999)?.strip_prefix(b" ")?;
    time(text)?.strip_prefix(b" GMT")
}

/// `Sunday, 06-Nov-94 08:49:37 GMT`
fn with_long_day(text: &[u8]) -> Option<&[u8]> {
    let text = one_of(text, &LONG_DAYS)?.strip_prefix(b", ")?;
    let text = number(text, 2, 1..=31)?.strip_prefix(b"-")?;
    let text = one_of(text, &MONTHS)?.strip_prefix(b"-")?;
    let text = number(text, 2, 0..=99)?.strip_prefix(b" ")?;
    time(text)?.strip_prefix(b" GMT")
}

/// `Sun Nov  6 08:49:37 1994`
fn of_c(text: &[u8]) -> Option<&[u8]> {
    let text = one_of(text, &DAYS)?.strip_prefix(b" ")?;
    let text = one_of(text, &MONTHS)?.strip_prefix(b" ")?;
    let text = match text.strip_prefix(b" ") {
        Some(text) => number(text, 1, 1..=9)?,
        None => number(text, 2, 1..=31)?,
    };
    let text = time(text.strip_prefix(b" ")?)?;
    number(text.strip_prefix(b" ")?, 4, 0..=9999)
}

/// `08:49:37`, or a leap second.
fn time(text: &[u8]) -> Option<&[u8]> {
    let text = number(text, 2, 0..=23)?.strip_prefix(b":")?;
    let text = number(text, 2, 0..=59)?.strip_prefix(b":")?;
    number(text, 2, 0..=60)
}

fn one_of<'a>(text: &'a [u8], names: &[&[u8]]) -> Option<&'a [u8]> {
    names.iter().find_map(|name| text.strip_prefix(*name))
}

fn number(text: &[u8], length: usize, range: RangeInclusive<u32>) -> Option<&[u8]> {
    let (digits, rest) = text.split_at_checked(length)?;
    let number = digits.iter().try_fold(0, |number, digit| {
        digit
            .is_ascii_digit()
            .then(|| number * 10 + u32::from(digit - b'0'))
    })?;
    range.contains(&number).then_some(rest)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::{DAYS, LONG_DAYS, MONTHS, http_date};

    #[rstest]
    #[case("Sun, 06 Nov 1994 08:49:37 GMT", true)]
    #[case("Sunday, 06-Nov-94 08:49:37 GMT", true)]
    #[case("Sun Nov  6 08:49:37 1994", true)]
    #[case("Sun Nov 16 08:49:37 1994", true)]
    #[case("Sat, 31 Dec 2016 23:59:60 GMT", true)]
    #[case("Sun, 06 Nov 1994 08:49:37", false)]
    #[case("Sun, 06 Nov 1994 08:49:37 GMT;", false)]
    #[case("Sun, 6 Nov 1994 08:49:37 GMT", false)]
    #[case("Sun, 32 Nov 1994 08:49:37 GMT", false)]
    #[case("Sun, 00 Nov 1994 08:49:37 GMT", false)]
    #[case("Sun, 06 Now 1994 08:49:37 GMT", false)]
    #[case("Sun, 06 Nov 1994 24:00:00 GMT", false)]
    #[case("Sun, 06 Nov 1994 08:60:00 GMT", false)]
    #[case("Sun, 06 Nov 1994 08:49:37 CET", false)]
    #[case("Sunday, 06 Nov 1994 08:49:37 GMT", false)]
    #[case("Sun Nov 6 08:49:37 1994", false)]
    #[case("1994-11-06T08:49:37Z", false)]
    #[case("zzz", false)]
    #[case("{{7*7}}", false)]
    #[case("0", false)]
    #[case("", false)]
    fn a_date_has_one_of_the_three_forms_of_the_standard(#[case] value: &str, #[case] good: bool) {
        assert_eq!(http_date(value.as_bytes()), good);
    }

    proptest! {
        #[test]
        fn every_date_is_read_in_every_form(
            day in 0_usize..7, month in 0_usize..12, date in 1_u32..=31, year in 0_u32..=9999,
            hour in 0_u32..24, minute in 0_u32..60, second in 0_u32..=60,
        ) {
            let text = |name: &[u8]| String::from_utf8_lossy(name).into_owned();
            let (short, long, month) = (text(DAYS[day]), text(LONG_DAYS[day]), text(MONTHS[month]));
            let time = format!("{hour:02}:{minute:02}:{second:02}");
            for date in [
                format!("{short}, {date:02} {month} {year:04} {time} GMT"),
                format!("{long}, {date:02}-{month}-{:02} {time} GMT", year % 100),
                format!("{short} {month} {date:2} {time} {year:04}"),
            ] {
                prop_assert!(http_date(date.as_bytes()), "{date}");
                prop_assert!(!http_date(&date.as_bytes()[1..]), "{date}");
            }
        }
    }
}
