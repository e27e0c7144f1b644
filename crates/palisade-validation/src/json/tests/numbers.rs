//! Numbers.

use rstest::rstest;

use super::super::{Expected, Unfit};
use super::{accepts, unfit};

#[rstest]
#[case("0")]
#[case("-0")]
#[case("-0.0e-0")]
#[case("0e9999")]
#[case("0.000E+00000000001")]
#[case("9007199254740993")]
#[case("18446744073709551615")]
#[case("-9223372036854775808")]
#[case("999999999999999999")]
#[case("1.7976931348623157e308")]
#[case("-1.7976931348623157e308")]
#[case("1797693134862315.7e293")]
#[case("5e-324")]
#[case("3e-324")] // The nearest double is not zero.
#[case("1e-000000000000000000000000000000000000000001")]
#[case("3.141592653589793238462643383279502884197169399375105820974944592307816406286")]
#[case("100000000000000000000.0")]
#[case("1E20")]
fn a_number_that_readers_can_hold_is_accepted(#[case] number: &str) {
    for body in [
        number.to_owned(),
        format!("[{number}]"),
        format!("[1,{number} ,2]"),
    ] {
        assert!(accepts(&body), "{body}");
    }
}

#[rstest]
#[case("1e309", Unfit::NumberOutOfRange)]
#[case("-1e309", Unfit::NumberOutOfRange)]
#[case("1.7976931348623159e308", Unfit::NumberOutOfRange)]
#[case("1e-400", Unfit::NumberOutOfRange)]
#[case("2e-324", Unfit::NumberOutOfRange)]
#[case("1e99999999999999999999", Unfit::NumberOutOfRange)]
#[case("0e10000", Unfit::NumberOutOfRange)]
#[case("0e-999999999", Unfit::NumberOutOfRange)]
#[case("18446744073709551616", Unfit::IntegerOutOfRange)]
#[case("-9223372036854775809", Unfit::IntegerOutOfRange)]
#[case("100000000000000000000", Unfit::IntegerOutOfRange)]
fn a_number_that_readers_cannot_hold_is_refused(#[case] number: &str, #[case] expected: Unfit) {
    assert_eq!(unfit(number), expected);
    assert_eq!(unfit(format!("{{\"a\":[{number}]}}")), expected);
}

#[rstest]
#[case("01", Unfit::Not(Expected::End))]
#[case("-01", Unfit::Not(Expected::End))]
#[case("00", Unfit::Not(Expected::End))]
#[case("0x1", Unfit::Not(Expected::End))]
#[case("1_000", Unfit::Not(Expected::End))]
#[case("1.5.5", Unfit::Not(Expected::End))]
#[case("1e5.5", Unfit::Not(Expected::End))]
#[case("-", Unfit::Truncated)]
#[case("1.", Unfit::Truncated)]
#[case("1e", Unfit::Truncated)]
#[case("1e+", Unfit::Truncated)]
#[case("--1", Unfit::Not(Expected::Digit))]
#[case("1.e5", Unfit::Not(Expected::Digit))]
#[case("1e++5", Unfit::Not(Expected::Digit))]
#[case("-Infinity", Unfit::Not(Expected::Digit))]
#[case("+1", Unfit::Not(Expected::Value))]
#[case(".5", Unfit::Not(Expected::Value))]
#[case("\u{ff11}", Unfit::Not(Expected::Value))] // FULLWIDTH DIGIT ONE
fn what_is_no_number_is_refused(#[case] number: &str, #[case] expected: Unfit) {
    assert_eq!(unfit(number), expected);
}

#[test]
fn every_double_is_accepted_however_it_is_written_out() {
    for double in [
        f64::MAX,
        f64::MIN,
        f64::MIN_POSITIVE,
        f64::from_bits(1),
        f64::EPSILON,
        1e300,
    ] {
        assert!(accepts(format!("{double:e}")), "{double:e}");
        assert!(accepts(format!("{double:.1}e0")), "{double:e}");
    }
    let smallest = format!("-{:.1074}", f64::from_bits(1));
    assert_eq!(smallest.len(), 1_077);
    assert!(accepts(smallest));
    assert_eq!(
        unfit(format!("{:.0}", f64::MAX)),
        Unfit::IntegerOutOfRange,
        "without fraction and exponent it is an integer"
    );
}

#[test]
fn a_number_has_a_bounded_number_of_characters() {
    let one = |zeros: usize| format!("1.{}", "0".repeat(zeros));
    assert!(accepts(one(1_098)));
    assert_eq!(unfit(one(1_099)), Unfit::NumberTooLong);
    assert_eq!(unfit("1".repeat(1_101)), Unfit::NumberTooLong);
    assert_eq!(unfit(format!("1e{}1", "0".repeat(1_100))), Unfit::NumberTooLong);
}

#[test]
fn zeros_do_not_hide_that_a_number_is_out_of_range() {
    assert_eq!(
        unfit(format!("0.{}1", "0".repeat(400))),
        Unfit::NumberOutOfRange,
        "it would be zero"
    );
    assert_eq!(
        unfit(format!("1{}.0", "0".repeat(400))),
        Unfit::NumberOutOfRange,
        "it would be infinite"
    );
    assert!(accepts(format!("0.{}1e400", "0".repeat(400))));
    assert!(accepts(format!("1{}.0e-400", "0".repeat(400))));
    assert!(accepts(format!("0.{}", "0".repeat(400))));
}
