//! Numbers are read strictly and compared exactly.

use std::cmp::Ordering;

use proptest::prelude::*;
use rstest::rstest;

use super::super::decimal::Decimal;

#[rstest]
#[case("0", true, true)]
#[case("-1", true, true)]
#[case("-0", false, true)]
#[case("12345678901234567890123456789", true, true)]
#[case("1.0", false, true)]
#[case("1e3", false, true)]
#[case("1E+3", false, true)]
#[case("-0.50e-3", false, true)]
#[case("1e308", false, true)]
#[case("1e309", false, false)]
#[case("-1e309", false, false)]
#[case("1e-400", false, false)]
#[case("0e-400", false, true)]
#[case("1e9999999", false, false)]
#[case("1e0000001", false, false)]
#[case("01", false, false)]
#[case("+1", false, false)]
#[case("1.", false, false)]
#[case(".5", false, false)]
#[case("1e", false, false)]
#[case("1e+", false, false)]
#[case("1e1.5", false, false)]
#[case("-", false, false)]
#[case("", false, false)]
#[case("1_000", false, false)]
#[case("0x10", false, false)]
#[case("1 ", false, false)]
#[case("NaN", false, false)]
#[case("inf", false, false)]
#[case("infinity", false, false)]
#[case("\u{665}", false, false)]
fn numbers_are_written_as_in_json(#[case] text: &str, #[case] integer: bool, #[case] number: bool) {
    assert_eq!(
        (Decimal::integer(text).is_some(), Decimal::number(text).is_some()),
        (integer, number)
    );
}

#[rstest]
#[case("9007199254740993", "9007199254740992", Ordering::Greater)]
#[case("0.1", "0.10000000000000000001", Ordering::Less)]
#[case("-0.1", "-0.10000000000000000001", Ordering::Greater)]
#[case("1e2", "100.00", Ordering::Equal)]
#[case("0.001e3", "1", Ordering::Equal)]
#[case("-0", "0.00e5", Ordering::Equal)]
#[case("-1", "0", Ordering::Less)]
#[case("0", "1e-300", Ordering::Less)]
#[case("99999999999999999999", "100000000000000000000", Ordering::Less)]
fn numbers_are_compared_exactly(#[case] one: &str, #[case] other: &str, #[case] order: Ordering) {
    let (one, other) = (Decimal::number(one).unwrap(), Decimal::number(other).unwrap());
    assert_eq!(one.compare(&other), order);
    assert_eq!(other.compare(&one), order.reverse());
}

fn scaled(digits: i32, exponent: u32) -> (String, i128) {
    (
        format!("{digits}e-{exponent}"),
        i128::from(digits) * 10_i128.pow(12 - exponent),
    )
}

proptest! {
    #[test]
    fn decimals_compare_as_integers_of_one_scale_do(
        (one, other) in (any::<i32>(), any::<i32>()),
        (one_scale, other_scale) in (0..=12_u32, 0..=12_u32),
    ) {
        let ((one, one_scaled), (other, other_scaled)) = (scaled(one, one_scale), scaled(other, other_scale));
        let (one, other) = (Decimal::number(&one).unwrap(), Decimal::number(&other).unwrap());
        prop_assert_eq!(one.compare(&other), one_scaled.cmp(&other_scaled));
    }

    #[test]
    fn what_is_accepted_is_a_number_to_json_too(text in "-?[0-9.]{0,6}([eE][-+]?[0-9]{0,3})?") {
        let json = serde_json::from_str::<serde_json::Value>(&text);
        if Decimal::number(&text).is_some() {
            prop_assert!(json.is_ok_and(|value| value.is_number()));
        }
    }
}
