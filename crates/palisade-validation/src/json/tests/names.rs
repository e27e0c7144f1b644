//! Names that stand twice in one object.

use std::fmt::Write as _;

use rstest::rstest;

use super::super::{Unfit, check};
use super::{JsonSettings, Unknown, accepts, limits_of, unfit};

#[rstest]
#[case(r#"{"a":1,"a":1}"#)]
#[case(r#"{"":1,"":2}"#)]
#[case(r#"{"a":1,"b":2,"c":3,"b":4}"#)]
#[case(r#"[{"x":{"a":1,"b":[{}],"a":1}}]"#)]
#[case(r#"{"a":{"b":1},"a":2}"#)]
#[case(r#"{"a":{"a":{"a":1}},"a":2}"#)]
#[case(r#"{"a":1,"\u0061":1}"#)]
#[case(r#"{"\u0061":1,"a":1}"#)]
#[case(r#"{"\u0061":1,"\u0061":1}"#)]
#[case(r#"{"/":1,"\/":1}"#)]
#[case(r#"{"\n":1,"\u000A":1}"#)]
#[case(r#"{"\u0000":1,"\u0000":1}"#)]
#[case("{\"\u{1d11e}\":1,\"\\uD834\\uDD1E\":1}")]
#[case("{\"caf\u{e9}-au-lait-and-more\":1,\"caf\\u00e9-au-lait-and-more\":1}")]
fn a_name_that_stands_twice_is_refused_however_it_is_written(#[case] body: &str) {
    assert_eq!(unfit(body), Unfit::DuplicateName);
    let allowed = limits_of(JsonSettings {
        duplicate_keys: Unknown::Allow,
        ..JsonSettings::default()
    });
    assert!(check(body.as_bytes(), &allowed).is_ok());
}

#[rstest]
#[case(r#"[{"a":1},{"a":1}]"#)]
#[case(r#"{"a":{"a":{"a":1}}}"#)]
#[case(r#"{"x":{"a":1},"y":{"a":1},"a":1}"#)]
#[case(r#"{"a":1,"A":1,"aa":1,"":1,"\u0000":1,"\u0000\u0000":1}"#)]
#[case(r#"{"a\\u0061":1,"aa":1}"#)]
#[case("{\"caf\u{e9}\":1,\"cafe\u{301}\":1}")]
#[case(r#"{"abc":1,"adc":1,"acb":1,"cba":1,"bac":1,"aaa":1,"ab":1,"ba":1}"#)]
#[case(r#"{"01234567-x-76543210":1,"01234567-y-76543210":1}"#)]
fn names_that_differ_are_accepted(#[case] body: &str) {
    assert!(accepts(body));
}

/// An object with `count` names, and then `last`.
fn object(count: usize, last: &str) -> String {
    let mut body = String::from("{");
    for number in 0..count {
        write!(body, "\"name-{number}\":{number},").expect("memory");
    }
    write!(body, "\"{last}\":{{}}}}").expect("memory");
    body
}

#[test]
fn an_object_of_any_size_has_each_name_once() {
    for count in [1, 30, 31, 32, 33, 34, 47, 48, 49, 64, 100, 9_999] {
        assert!(accepts(object(count, "another")), "{count}");
        for twice in [0, count / 2, count - 1] {
            assert_eq!(
                unfit(object(count, &format!("name-{twice}"))),
                Unfit::DuplicateName,
                "{twice} of {count}"
            );
            assert_eq!(
                unfit(object(count, &format!(r"\u006eame-{twice}"))),
                Unfit::DuplicateName,
                "{twice} of {count}, escaped"
            );
        }
    }
}

#[test]
fn an_object_goes_on_with_its_names_after_those_within_it() {
    for outer in [1, 20, 32, 40, 1_000] {
        for inner in [1, 20, 32, 40, 1_000] {
            let inner = object(inner, "inner");
            let body = |last: &str| {
                let outer = object(outer, "outer").replace("{}", &inner);
                let start = outer.strip_suffix('}').expect("an object");
                format!("{start},\"{last}\":{inner}}}")
            };
            assert!(accepts(body("last")));
            assert!(accepts(body("inner")), "a name of the object within alone");
            assert_eq!(unfit(body("outer")), Unfit::DuplicateName);
            assert_eq!(unfit(body("name-0")), Unfit::DuplicateName);
        }
    }
}
