use rstest::rstest;

use super::{JSON, amounts, at, read};
use crate::amount::fault::Format;
use crate::amount::{DecimalError, MOST_TRANSACTIONS, Unreadable, Why};

const LIST: &str =
    r#"{"payments": [{"amount": 1.5}, {"amount": "2.25", "note": {"amount": true}}, {"amount": [3, "4"]}]}"#;

#[rstest]
#[case("/amount", r#"{"amount": 12.50}"#, amounts(1, "12.5", "12.5"))]
#[case(
    "/amount",
    r#" {"x": [{}, "é\ud800", null], "amount" : 1E2 , "y": -1e999} "#,
    amounts(1, "100", "100")
)]
#[case("/amount", r#"{"\u0061mount": "\u0031"}"#, amounts(1, "1", "1"))]
#[case("/amount", r#"{"amount": 0.1}"#, amounts(1, "0.1", "0.1"))]
#[case(
    "/amount",
    r#"{"amount": 90071992547409931.000000000000000001}"#,
    amounts(
        1,
        "90071992547409931.000000000000000001",
        "90071992547409931.000000000000000001"
    )
)]
#[case("/", r#"{"": 1}"#, amounts(1, "1", "1"))]
#[case("/a~1b/m~0n", r#"{"a/b": {"m~n": 1}}"#, amounts(1, "1", "1"))]
#[case("/@amount", r#"{"@amount": 1}"#, amounts(1, "1", "1"))]
#[case("/*", r#"{"*": 1, "x": 2}"#, amounts(1, "1", "1"))]
#[case("/payments/amount", LIST, amounts(4, "10.75", "4"))]
#[case("/payments/*/amount", LIST, amounts(4, "10.75", "4"))]
#[case("/payments/1/amount", LIST, amounts(1, "2.25", "2.25"))]
#[case("/payments/2/amount/0", LIST, amounts(1, "3", "3"))]
#[case("/amount", r#"[{"amount": 1}, {"amount": 2}]"#, amounts(2, "3", "2"))]
#[case("/*/0", "[[1, 2], [3]]", amounts(2, "4", "3"))]
#[case("/*/*", "[[1, 2], [3]]", amounts(3, "6", "3"))]
#[case("/*", "[[1, 2], [3], 4]", amounts(4, "10", "4"))]
#[case("/*/amount", r#"[[{"amount": 1}], {"amount": 2}]"#, amounts(2, "3", "2"))]
#[case("/0", r#"{"0": 1}"#, amounts(1, "1", "1"))]
#[case("/payments/amount", r#"{"payments": []}"#, amounts(0, "0", "0"))]
#[case("/payments/*/amount", r#"{"payments": []}"#, amounts(0, "0", "0"))]
#[case("/amounts", r#"{"amounts": []}"#, amounts(0, "0", "0"))]
#[case("/amount", "[]", amounts(0, "0", "0"))]
fn every_value_at_the_end_of_the_path_is_a_transaction(
    #[case] pointer: &str,
    #[case] body: &str,
    #[case] expected: super::Amounts,
) {
    assert_eq!(read(pointer, &JSON, body), Ok(expected));
}

#[rstest]
#[case::not_there("/amount", "{}", "/amount", Why::Missing)]
#[case::not_there_further_on(
    "/payment/amount",
    r#"{"payment": {"Amount": 1}}"#,
    "/payment/amount",
    Why::Missing
)]
#[case::not_in_one_of_them(
    "/p/amount",
    r#"{"p": [{"amount": 1}, {}, {"amount": 1}]}"#,
    "/p/amount",
    Why::Missing
)]
#[case::no_such_element("/p/2", r#"{"p": [1, 2]}"#, "/p/2", Why::Missing)]
#[case::no_element_picked("/p/0/amount", r#"{"p": []}"#, "/p/0", Why::Missing)]
#[case::no_array_has_so_many("/99999999999999999999999", "[1]", "/99999999999999999999999", Why::Missing)]
#[case::twice("/amount", r#"{"amount": 1, "amount": 1}"#, "/amount", Why::Twice)]
#[case::twice_escaped("/amount", r#"{"amount": 1, "\u0061mount": 2}"#, "/amount", Why::Twice)]
#[case::twice_in_other_letters("/amount", r#"{"amount": 1, "x": 0, "AMOUNT": 2}"#, "/amount", Why::Twice)]
#[case::twice_in_other_letters_first("/amount", r#"{"Amount": 1, "amount": 2}"#, "/amount", Why::Twice)]
#[case::twice_by_unicode_case(
    "/kosten",
    "{\"kosten\": 1, \"\u{212a}o\u{17f}ten\": 2}",
    "/kosten",
    Why::Twice
)]
#[case::twice_on_the_way("/p/a", r#"{"p": {"a": 1}, "p": {"a": 2}}"#, "/p", Why::Twice)]
#[case::null("/amount", r#"{"amount": null}"#, "/amount", Why::Kind)]
#[case::boolean("/amount", r#"{"amount": true}"#, "/amount", Why::Kind)]
#[case::object("/amount", r#"{"amount": {"value": 1}}"#, "/amount", Why::Kind)]
#[case::null_in_an_array("/amount", r#"{"amount": [1, null]}"#, "/amount", Why::Kind)]
#[case::array_in_an_array("/amount", r#"{"amount": [[1]]}"#, "/amount", Why::Kind)]
#[case::elements_in_an_array_of_arrays("/p/amount", r#"{"p": [[{"amount": 1}]]}"#, "/p", Why::Kind)]
#[case::half_a_surrogate_pair("/amount", r#"{"amount": "\ud800"}"#, "/amount", Why::Kind)]
#[case::scalar_on_the_way("/p/amount", r#"{"p": 1}"#, "/p", Why::Kind)]
#[case::text_on_the_way("/p/amount", r#"{"p": "amount"}"#, "/p", Why::Kind)]
#[case::null_on_the_way("/p/amount", r#"{"p": [{"amount": 1}, null]}"#, "/p", Why::Kind)]
#[case::nothing_but_a_number("/amount", "1", "", Why::Kind)]
#[case::negative(
    "/amount",
    r#"{"amount": -1}"#,
    "/amount",
    Why::Decimal(DecimalError::Negative)
)]
#[case::negative_zero(
    "/amount",
    r#"{"amount": -0.0}"#,
    "/amount",
    Why::Decimal(DecimalError::Negative)
)]
#[case::negative_text(
    "/amount",
    r#"{"amount": "-1"}"#,
    "/amount",
    Why::Decimal(DecimalError::Negative)
)]
#[case::exponent_in_text(
    "/amount",
    r#"{"amount": "1e3"}"#,
    "/amount",
    Why::Decimal(DecimalError::NotDecimal)
)]
#[case::white_space_in_text(
    "/amount",
    r#"{"amount": " 1"}"#,
    "/amount",
    Why::Decimal(DecimalError::NotDecimal)
)]
#[case::separators(
    "/amount",
    r#"{"amount": "1,000"}"#,
    "/amount",
    Why::Decimal(DecimalError::NotDecimal)
)]
#[case::no_text(
    "/amount",
    r#"{"amount": ""}"#,
    "/amount",
    Why::Decimal(DecimalError::NotDecimal)
)]
#[case::too_large(
    "/amount",
    r#"{"amount": 1e400}"#,
    "/amount",
    Why::Decimal(DecimalError::OutOfRange)
)]
#[case::too_many_digits(
    "/amount",
    r#"{"amount": 123456789012345678901234567890}"#,
    "/amount",
    Why::Decimal(DecimalError::OutOfRange)
)]
#[case::too_large_in_total("/*", "[99999999999999999999, 1]", "/*", Why::Total)]
fn what_handlers_may_read_otherwise_is_refused(
    #[case] pointer: &str,
    #[case] body: &str,
    #[case] place: &str,
    #[case] why: Why,
) {
    assert_eq!(read(pointer, &JSON, body), Err(at(place, why)));
}

#[rstest]
#[case::nothing("")]
#[case::white_space("  ")]
#[case::not_closed(r#"{"amount": 1"#)]
#[case::more_behind_it(r#"{"amount": 1} 2"#)]
#[case::two_texts(r#"{"amount": 1}{"amount": 2}"#)]
#[case::byte_order_mark("\u{feff}{\"amount\": 1}")]
#[case::comment(r#"{"amount": 1 /* */}"#)]
#[case::trailing_comma(r#"{"amount": 1,}"#)]
#[case::no_quotes("{amount: 1}")]
#[case::single_quotes("{'amount': 1}")]
#[case::leading_zero(r#"{"amount": 01}"#)]
#[case::plus(r#"{"amount": +1}"#)]
#[case::point_first(r#"{"amount": .5}"#)]
#[case::point_last(r#"{"amount": 5.}"#)]
#[case::not_a_number(r#"{"amount": NaN}"#)]
#[case::hexadecimal(r#"{"amount": 0x10}"#)]
#[case::control_character("{\"amount\": \"1\n\"}")]
#[case::unknown_escape(r#"{"amount": "\x31"}"#)]
#[case::broken_beside_the_path(r#"{"amount": 1, "x": [1 2]}"#)]
fn what_is_no_json_is_refused(#[case] body: &str) {
    let refused = read("/amount", &JSON, body).unwrap_err();
    assert!(
        matches!(
            refused,
            Unreadable::Malformed {
                format: Format::Json,
                line: 1..,
                ..
            }
        ),
        "{refused:?}"
    );
}

#[test]
fn what_is_not_utf8_is_refused() {
    assert_eq!(
        read("/amount", &JSON, b"{\"amount\": 1, \"x\": \"\xff\"}"),
        Err(Unreadable::NotUtf8)
    );
}

#[rstest]
#[case::beside_the_path("{\"x\":", "[")]
#[case::at_the_end_of_the_path("{\"amount\":", "[")]
#[case::on_the_path("", "[")]
#[case::objects("{\"x\":", "{\"x\":")]
fn brackets_do_not_use_up_the_stack(#[case] before: &str, #[case] bracket: &str) {
    let body = before.to_owned() + &bracket.repeat(10_000_000 / bracket.len());
    assert!(read("/amount", &JSON, body).is_err());
}

#[test]
fn the_longest_path_goes_through_as_many_arrays() {
    let pointer = "/*".repeat(32);
    let body = "[".repeat(33) + "1" + &"]".repeat(33);
    assert_eq!(read(&pointer, &JSON, body), Ok(amounts(1, "1", "1")));
    let pointer = "/a".repeat(32);
    let body = "[{\"a\":".repeat(32) + "1" + &"}]".repeat(32);
    assert_eq!(read(&pointer, &JSON, body), Ok(amounts(1, "1", "1")));
}

#[test]
fn transactions_are_bounded() {
    let most = MOST_TRANSACTIONS as usize;
    let body = |count: usize| format!("[{}]", vec!["1"; count].join(","));
    assert_eq!(
        read("/*", &JSON, body(most)),
        Ok(amounts(MOST_TRANSACTIONS, "10000", "1"))
    );
    assert_eq!(read("/*", &JSON, body(most + 1)), Err(at("/*", Why::TooMany)));
}

#[test]
fn neither_the_log_nor_the_peer_sees_what_was_sent() {
    let refused = read("/pay/amount", &JSON, r#"{"pay": {"amount": "s3cret"}}"#).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "the amount at /pay/amount is not a decimal such as 5000 or 5000.00"
    );
    assert_eq!(refused.public(), "The amount of the transaction cannot be read.");
    let refused = read("/pay/amount", &JSON, "{\n\"s3cret\" 1}").unwrap_err();
    assert_eq!(
        refused.to_string(),
        "the body is no well-formed JSON at line 2, column 10"
    );
}
