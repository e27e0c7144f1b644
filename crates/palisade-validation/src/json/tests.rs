//! What passes the look through JSON, and what does not.

mod agreement;
mod costs;
mod names;
mod numbers;
mod strings;
mod suite;
mod tree;

use palisade_core::settings::ByteSize;
use rstest::rstest;

use super::{Expected, JsonFault, JsonLimits, Shape, Unfit, check};
use crate::settings::{JsonSettings, Unknown};

fn limits() -> JsonLimits {
    limits_of(JsonSettings::default())
}

fn limits_of(settings: JsonSettings) -> JsonLimits {
    JsonLimits::compile(&settings, ByteSize::mib(1)).expect("settings within their ranges")
}

/// Limits that no text in a test reaches.
fn wide() -> JsonLimits {
    limits_of(JsonSettings {
        max_depth: 127,
        max_string: ByteSize::mib(64),
        max_items: usize::MAX,
        duplicate_keys: Unknown::Allow,
    })
}

fn unfit(body: impl AsRef<[u8]>) -> Unfit {
    check(body.as_ref(), &limits()).expect_err("a fault").unfit
}

fn accepts(body: impl AsRef<[u8]>) -> bool {
    check(body.as_ref(), &limits()).is_ok()
}

#[rstest]
#[case(
    " {\"a\": [1, \"x\", null, true, false, -0.5e+3, {}, []]}\r\n\t",
    Shape::Object
)]
#[case("[]", Shape::Array)]
#[case("\"\"", Shape::Scalar)]
#[case("0", Shape::Scalar)]
#[case("null", Shape::Scalar)]
fn one_value_is_accepted_and_its_shape_told(#[case] body: &str, #[case] shape: Shape) {
    assert_eq!(check(body.as_bytes(), &limits()), Ok(shape));
}

#[rstest]
#[case::nothing("", Unfit::Empty)]
#[case::space_alone(" \n\t\r         ", Unfit::Empty)]
#[case::mark("\u{feff}{}", Unfit::ByteOrderMark)]
#[case::mark_alone("\u{feff}", Unfit::ByteOrderMark)]
#[case::second_value("{} {}", Unfit::Not(Expected::End))]
#[case::closed_twice("[]]", Unfit::Not(Expected::End))]
#[case::comma_after_all("1,", Unfit::Not(Expected::End))]
#[case::open_array("[1, ", Unfit::Truncated)]
#[case::open_object("{\"a\":1", Unfit::Truncated)]
#[case::no_value_in_array("[1,]", Unfit::Not(Expected::Value))]
#[case::no_first_value("[,1]", Unfit::Not(Expected::Value))]
#[case::no_comma("[1 2]", Unfit::Not(Expected::CommaOrBracket))]
#[case::brace_for_bracket("[1}", Unfit::Not(Expected::CommaOrBracket))]
#[case::bracket_for_brace("{\"a\":1]", Unfit::Not(Expected::CommaOrBrace))]
#[case::no_name("{\"a\":1,}", Unfit::Not(Expected::Name))]
#[case::bare_name("{a:1}", Unfit::Not(Expected::Name))]
#[case::no_colon("{\"a\" 1}", Unfit::Not(Expected::Colon))]
#[case::no_value("{\"a\":}", Unfit::Not(Expected::Value))]
#[case::literal("[True]", Unfit::Not(Expected::Value))]
#[case::longer_literal("nulls", Unfit::Not(Expected::End))]
#[case::shorter_literal("[nul]", Unfit::Not(Expected::Value))]
#[case::not_a_number("[NaN]", Unfit::Not(Expected::Value))]
#[case::comment("[1 /* one */]", Unfit::Not(Expected::CommaOrBracket))]
#[case::other_space("[\u{a0}1]", Unfit::Not(Expected::Value))]
#[case::form_feed("[1\u{c}]", Unfit::Not(Expected::CommaOrBracket))]
#[case::single_quotes("['a']", Unfit::Not(Expected::Value))]
fn what_is_no_json_is_refused(#[case] body: &str, #[case] expected: Unfit) {
    assert_eq!(unfit(body), expected);
}

#[test]
fn utf_16_and_utf_32_are_refused() {
    for body in [&b"\xff\xfe{\0}\0"[..], b"\0{\0}", b"{\0}\0", b"\0\0\0{\0\0\0}"] {
        assert!(!accepts(body), "{body:?}");
    }
}

#[test]
fn arrays_and_objects_are_nested_as_deep_as_configured() {
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let nested = |levels: usize| format!("{}1{}", open.repeat(levels), close.repeat(levels));
        assert!(accepts(nested(64)));
        assert_eq!(unfit(nested(65)), Unfit::TooDeep { limit: 64 });
    }
    let one = limits_of(JsonSettings {
        max_depth: 1,
        ..JsonSettings::default()
    });
    assert!(check(b"[1,2,3]", &one).is_ok(), "siblings are no depth");
    assert!(check(b"[[]]", &one).is_err());
}

#[test]
fn items_are_as_many_as_configured_in_each_array_and_object() {
    let two = limits_of(JsonSettings {
        max_items: 2,
        ..JsonSettings::default()
    });
    let unfit = |body: &str| check(body.as_bytes(), &two).map_err(|fault| fault.unfit);
    assert_eq!(unfit("[[1,2],[1,2]]"), Ok(Shape::Array));
    assert_eq!(unfit("[1,2,3]"), Err(Unfit::TooManyItems { limit: 2 }));
    assert_eq!(unfit(r#"{"a":1,"b":2}"#), Ok(Shape::Object));
    assert_eq!(
        unfit(r#"{"a":1,"b":2,"c":3}"#),
        Err(Unfit::TooManyItems { limit: 2 })
    );
    let numbers = |count: usize| format!("[0{}]", ",0".repeat(count - 1));
    assert!(accepts(numbers(10_000)));
    assert!(!accepts(numbers(10_001)));
}

#[test]
fn values_are_as_many_as_a_quarter_of_the_bytes_of_the_largest_body() {
    // An array around, and in it as many arrays as needed, with 9,999 zeros each.
    let body = |arrays: usize| {
        let row = format!("[0{}]", ",0".repeat(9_998));
        format!("[{}]", vec![row; arrays].join(","))
    };
    assert!(accepts(body(26)));
    assert_eq!(unfit(body(27)), Unfit::TooManyValues { limit: 262_144 });
    let small = JsonLimits::compile(&JsonSettings::default(), ByteSize::kib(1)).expect("limits");
    assert!(check(body(1).as_bytes(), &small).is_err(), "10,001 values");
    let large = JsonLimits::compile(&JsonSettings::default(), ByteSize::mib(2)).expect("limits");
    assert!(check(body(27).as_bytes(), &large).is_ok());
}

#[test]
fn a_fault_tells_where_it_is() {
    let body = b"{\n  \"lines\": [\n    {\"sku\": \"A\", \"sku\": \"B\"}\n  ]\n}";
    let fault = check(body, &limits()).expect_err("a name twice");
    let expected = JsonFault {
        unfit: Unfit::DuplicateName,
        line: 3,
        column: 18,
    };
    assert_eq!(fault, expected);
    assert_eq!(
        fault.to_string(),
        "the body has a name twice in one object, at line 3, column 18"
    );
    assert_eq!(
        fault.public(),
        "The body has a name twice in one object, at line 3, column 18."
    );
    let place = |body: &[u8]| {
        let fault = check(body, &limits()).expect_err("a fault");
        (fault.line, fault.column)
    };
    assert_eq!(place(b""), (1, 1));
    assert_eq!(place(b"[1,\n"), (2, 1));
    assert_eq!(place(b"[\"abc\xff\"]"), (1, 6), "the byte that is not UTF-8");
    assert_eq!(place(b"[1, 1e999]"), (1, 5), "the number's beginning");
    assert_eq!(place(b"[\"a\\x\"]"), (1, 4), "the escape's backslash");
    assert_eq!(place(b"[\"a\tb\"]"), (1, 4), "the control character");
}

#[test]
fn a_fault_never_has_text_of_the_peer() {
    for body in [
        r#"{"hunter2":1,"hunter2":2}"#,
        r#"{"hunter2"}"#,
        "[hunter2]",
        "\"hunter2",
        "{\"a\":\"hunter2\u{1}\"}",
    ] {
        let fault = check(body.as_bytes(), &limits()).expect_err("a fault");
        for text in [
            fault.to_string(),
            fault.public().into_owned(),
            format!("{fault:?}"),
        ] {
            assert!(!text.contains("hunter2"), "{text}");
        }
    }
}

#[test]
fn settings_out_of_range_are_told_all_at_once() {
    let settings = JsonSettings {
        max_depth: 128,
        max_string: ByteSize::bytes(0),
        max_items: 0,
        duplicate_keys: Unknown::Reject,
    };
    let error = JsonLimits::compile(&settings, ByteSize::mib(1)).expect_err("three faults");
    let told: Vec<_> = error
        .faults
        .iter()
        .map(|fault| (fault.key.as_str(), fault.expected.as_str()))
        .collect();
    assert_eq!(
        told,
        [
            ("json.max-depth", "a number from 1 to 127"),
            ("json.max-string", "at least 1 byte"),
            ("json.max-items", "at least 1"),
        ]
    );
    let settings = JsonSettings {
        max_depth: 0,
        ..JsonSettings::default()
    };
    assert!(JsonLimits::compile(&settings, ByteSize::mib(1)).is_err());
}
