//! Instants are those of RFC 3339, in their order.

use proptest::prelude::*;
use rstest::rstest;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::super::instant::{Date, Instant};

#[rstest]
#[case("1985-04-12T23:20:50.52Z", true)]
#[case("1996-12-19T16:39:57-08:00", true)]
#[case("1996-12-19t16:39:57z", true)]
#[case("1990-12-31T23:59:60Z", true)]
#[case("1990-12-31T15:59:60-08:00", true)]
#[case("1990-12-31T23:58:60Z", false)]
#[case("1990-12-31T22:59:60Z", false)]
#[case("1990-12-31T15:59:61-08:00", false)]
#[case("1990-12-31T24:00:00Z", false)]
#[case("1990-12-31T23:60:00Z", false)]
#[case("1990-12-31 23:59:59Z", false)]
#[case("1990-12-31T23:59:59", false)]
#[case("1990-12-31T23:59Z", false)]
#[case("1990-12-31T23:59:59.Z", false)]
#[case("1990-12-31T23:59:59.123456789Z", true)]
#[case("1990-12-31T23:59:59.1234567890Z", false)]
#[case("1990-12-31T23:59:59,5Z", false)]
#[case("1990-12-31T23:59:59+24:00", false)]
#[case("1990-12-31T23:59:59+0100", false)]
#[case("1990-12-31T23:59:59Z ", false)]
#[case("1990-12-31T23:59:59ZZ", false)]
#[case("1990-12-31T23:59:5\u{665}Z", false)]
#[case("0000-01-01T00:00:00+23:59", true)]
#[case("T", false)]
#[case("", false)]
fn instants_are_those_of_the_standard(#[case] text: &str, #[case] accepted: bool) {
    assert_eq!(Instant::parse(text).is_some(), accepted);
}

#[rstest]
#[case("2026-01-01T00:00:00Z", "2026-01-01T01:00:00+01:00")]
#[case("2026-01-01T00:00:00.5Z", "2025-12-31T19:00:00.500-05:00")]
fn one_instant_has_several_spellings(#[case] one: &str, #[case] other: &str) {
    assert_eq!(Instant::parse(one).unwrap(), Instant::parse(other).unwrap());
}

#[test]
fn a_leap_second_is_between_its_neighbours() {
    let read = |text| Instant::parse(text).unwrap();
    assert!(read("1990-12-31T23:59:59.999999999Z") < read("1990-12-31T23:59:60Z"));
    assert!(read("1990-12-31T23:59:60.999999999Z") < read("1991-01-01T00:00:00Z"));
}

fn text() -> impl Strategy<Value = String> {
    let date = (0..=9999_u16, 0..=13_u8, 0..=32_u8);
    let time = (0..=24_u8, 0..=60_u8, 0..=59_u8, "|\\.[0-9]{1,9}");
    let zone = "Z|[-+](0[0-9]|1[0-9]|2[0-3]):[0-5][0-9]";
    (date, time, zone).prop_map(|((year, month, day), (hour, minute, second, fraction), zone)| {
        format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{fraction}{zone}")
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_096))]

    #[test]
    fn instants_are_read_and_ordered_as_the_crate_time_does((one, other) in (text(), text())) {
        let known = |text: &str| OffsetDateTime::parse(text, &Rfc3339).ok();
        let (own, theirs) = (Instant::parse(&one), known(&one));
        prop_assert_eq!(own.is_some(), theirs.is_some(), "{}", one);
        if let (Some(one), Some(two), Some(known_one), Some(known_two)) =
            (own, Instant::parse(&other), theirs, known(&other))
        {
            prop_assert_eq!(one.cmp(&two), known_one.cmp(&known_two));
        }
    }

    #[test]
    fn dates_are_ordered_as_their_text(one in "[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])", other in "[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])") {
        prop_assert_eq!(Date::parse(&one).unwrap().cmp(&Date::parse(&other).unwrap()), one.cmp(&other));
    }
}
