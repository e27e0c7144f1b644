//! Agreement with `serde_json`.

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::HashSet;
use std::fmt;

use proptest::prelude::*;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use super::super::{JsonFault, JsonLimits, Unfit, check};
use super::{Unknown, limits, wide};

/// The texts of JSON with white space, escapes and names that stand twice, nested a few levels.
pub(super) fn texts() -> impl Strategy<Value = String> {
    let space = prop_oneof![5 => Just(""), 1 => "[ \t\r\n]{1,12}".prop_map(|space| &*space.leak())];
    let scalar = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        Just("false".to_owned()),
        strings(),
        numbers(),
    ];
    let padded = (space.clone(), scalar, space.clone())
        .prop_map(|(before, scalar, after)| before.to_owned() + &scalar + after);
    padded.prop_recursive(5, 64, 8, move |inner| {
        let member = (strings(), space.clone(), inner.clone());
        prop_oneof![
            prop::collection::vec(inner, 0..8).prop_map(|items| format!("[{}]", items.join(","))),
            prop::collection::vec(member, 0..8).prop_map(|members| {
                let members: Vec<_> = members
                    .into_iter()
                    .map(|(name, space, value)| format!("{space}{name}{space}:{value}"))
                    .collect();
                format!("{{{}}}", members.join(","))
            }),
        ]
    })
}

/// Strings with and without escapes, often the same.
fn strings() -> impl Strategy<Value = String> {
    let character = prop_oneof![
        4 => "[ab]",
        1 => Just(r"\u0061".to_owned()),
        1 => Just(r#"\""#.to_owned()),
        1 => Just(r"\uD83D\uDE00".to_owned()),
        1 => Just("\u{1f600}".to_owned()),
        1 => "[^\"\\\\\\x00-\\x1f]",
    ];
    prop_oneof![
        3 => prop::collection::vec(character.clone(), 0..3),
        1 => prop::collection::vec(character, 0..40),
    ]
    .prop_map(|characters| format!("\"{}\"", characters.concat()))
}

fn numbers() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<i64>().prop_map(|number| number.to_string()),
        any::<f64>()
            .prop_filter("JSON has finite numbers alone", |number| number.is_finite())
            .prop_map(|number| format!("{number:e}")),
        "-?(0|[1-9][0-9]{0,25})(\\.[0-9]{1,25})?([eE][-+]?[0-9]{1,3})?",
        // The edge of what a double holds.
        "-?1\\.7976931348623[0-9]{0,25}e(\\+)?308",
    ]
}

/// What somebody does to a text: takes bytes out, puts others in.
pub(super) fn damaged() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![
        4 => prop::sample::select(br#"{}[],:"\/ue+-.019aDtfn"#.to_vec()),
        1 => any::<u8>(),
    ];
    let change = (
        any::<prop::sample::Index>(),
        prop::option::of(byte),
        any::<bool>(),
    );
    (texts(), prop::collection::vec(change, 0..4)).prop_map(|(text, changes)| {
        let mut bytes = text.into_bytes();
        for (at, byte, takes_out) in changes {
            let at = at.index(bytes.len() + 1);
            if takes_out && at < bytes.len() {
                bytes.remove(at);
            }
            if let Some(byte) = byte {
                bytes.insert(at.min(bytes.len()), byte);
            }
        }
        bytes
    })
}

/// Tokens in any order.
pub(super) fn soup() -> impl Strategy<Value = Vec<u8>> {
    let token = prop::sample::select(vec![
        "{", "}", "[", "]", ",", ":", "\"", "\"a\"", "\"b\":", "1", "-", "0", ".5", "e1", "true", "null",
        " ", "\n", "\\", "\\u00", "41", "\u{e9}", "\u{0}",
    ]);
    prop::collection::vec(token, 0..12).prop_map(|tokens| tokens.concat().into_bytes())
}

/// What the limits refuse and `serde_json` does not.
fn is_of_limits(unfit: Unfit) -> bool {
    match unfit {
        Unfit::NumberTooLong
        | Unfit::NumberOutOfRange
        | Unfit::IntegerOutOfRange
        | Unfit::TooDeep { .. }
        | Unfit::StringTooLong { .. }
        | Unfit::TooManyItems { .. }
        | Unfit::TooManyValues { .. }
        | Unfit::DuplicateName => true,
        Unfit::Empty
        | Unfit::ByteOrderMark
        | Unfit::Truncated
        | Unfit::Not(_)
        | Unfit::NotUtf8
        | Unfit::ControlCharacter
        | Unfit::Escape
        | Unfit::LoneSurrogate => false,
    }
}

fn agrees(body: &[u8]) -> Result<(), TestCaseError> {
    let read = serde_json::from_slice::<Value>(body);
    match check(body, &wide()) {
        Ok(_) => prop_assert!(read.is_ok(), "{:?}", read),
        Err(JsonFault { unfit, .. }) => {
            prop_assert!(read.is_err() || is_of_limits(unfit), "{}", unfit);
        }
    }
    // With the limits of everyday nothing is accepted that was not.
    if check(body, &limits()).is_ok() {
        prop_assert!(check(body, &wide()).is_ok());
    }
    Ok(())
}

/// Says where a name stands twice as `serde_json` does, of a text that has no other fault.
fn agrees_on_duplicates(text: &str) -> Result<(), TestCaseError> {
    if check(text.as_bytes(), &wide()).is_ok() {
        let reject = JsonLimits {
            duplicate_names: Unknown::Reject,
            ..wide()
        };
        let verdict = check(text.as_bytes(), &reject).map_err(|fault| fault.unfit);
        let expected = if has_duplicates(text) {
            Err(Unfit::DuplicateName)
        } else {
            Ok(())
        };
        prop_assert_eq!(verdict.map(drop), expected);
    }
    Ok(())
}

proptest! {
    #[test]
    fn what_serde_json_refuses_is_refused_and_nothing_else_but_for_limits(
        body in prop_oneof![texts().prop_map(String::into_bytes), damaged(), soup()]
    ) {
        agrees(&body)?;
    }

    #[test]
    fn a_name_stands_twice_exactly_where_serde_json_says_so(text in texts()) {
        agrees_on_duplicates(&text)?;
    }

    #[test]
    fn a_name_stands_twice_in_a_large_object_exactly_where_serde_json_says_so(
        names in prop::collection::vec(prop_oneof![20 => "\"[a-z]{3,20}\"", 1 => strings()], 20..80)
    ) {
        let members: Vec<_> = names.iter().map(|name| format!("{name}:1")).collect();
        agrees_on_duplicates(&format!("{{{}}}", members.join(",")))?;
    }

    #[test]
    fn any_bytes_at_all_are_judged(body in prop::collection::vec(any::<u8>(), 0..64)) {
        agrees(&body)?;
    }
}

#[test]
fn the_depth_that_may_be_configured_is_the_deepest_that_serde_json_reads() {
    let nested = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
    assert!(check(nested(127).as_bytes(), &wide()).is_ok());
    assert!(serde_json::from_str::<Value>(&nested(127)).is_ok());
    assert!(check(nested(128).as_bytes(), &wide()).is_err());
    assert!(serde_json::from_str::<Value>(&nested(128)).is_err());
}

/// Whether a name stands twice in an object of that text, as `serde_json` gives its names.
fn has_duplicates(text: &str) -> bool {
    let found = Cell::new(false);
    let mut json = serde_json::Deserializer::from_str(text);
    Look(&found).deserialize(&mut json).expect("JSON");
    found.get()
}

struct Look<'a>(&'a Cell<bool>);

impl<'de> DeserializeSeed<'de> for Look<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Look<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        while elements.next_element_seed(Look(self.0))?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let mut names = HashSet::new();
        while let Some(name) = members.next_key::<Cow<'de, str>>()? {
            if !names.insert(name.into_owned()) {
                self.0.set(true);
            }
            members.next_value_seed(Look(self.0))?;
        }
        Ok(())
    }
}
