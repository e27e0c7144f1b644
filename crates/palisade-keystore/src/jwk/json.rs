//! JSON, read strictly: a member given twice is an error. Texts may be secret, and are wiped.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use zeroize::Zeroizing;

/// The members of an object.
pub(super) type Members = BTreeMap<String, Json>;

/// A value, as far as keys need it.
pub(super) enum Json {
    Text(Zeroizing<String>),
    Array(Vec<Json>),
    Object(Members),
    /// A number, a truth value or null.
    Other,
}

impl Json {
    /// The value, where it is a text.
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }
}

/// Reads a whole file. The error says where it stopped, and quotes nothing.
pub(super) fn parse(bytes: &[u8]) -> Result<Json, String> {
    let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
    serde_json::from_slice(bytes).map_err(|error| {
        // What the library says may quote the file.
        let what = match error.classify() {
            serde_json::error::Category::Data => "a member given twice",
            serde_json::error::Category::Eof => "an early end",
            _ => "malformed JSON",
        };
        format!("{what} at line {}, column {}", error.line(), error.column())
    })
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Strict)
    }
}

struct Strict;

impl<'de> Visitor<'de> for Strict {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Json, E> {
        Ok(Json::Text(Zeroizing::new(text.to_owned())))
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Json, E> {
        Ok(Json::Other)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Json, E> {
        Ok(Json::Other)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Json, E> {
        Ok(Json::Other)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Json, E> {
        Ok(Json::Other)
    }

    fn visit_unit<E: Error>(self) -> Result<Json, E> {
        Ok(Json::Other)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Json, A::Error> {
        let mut array = Vec::new();
        while let Some(item) = items.next_element()? {
            array.push(item);
        }
        Ok(Json::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Json, A::Error> {
        let mut object = Members::new();
        while let Some(name) = members.next_key::<String>()? {
            let value = members.next_value()?;
            if object.insert(name, value).is_some() {
                return Err(A::Error::custom("a member given twice"));
            }
        }
        Ok(Json::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::parse;

    #[rstest]
    #[case(r#"{"a":1,"a":1}"#, "a member given twice at line 1, column 13")]
    #[case(r#"{"a":{"b":1,"\u0062":2}}"#, "a member given twice at line 1, column 23")]
    #[case(r#"{"a":[{"b":null,"b":true}]}"#, "a member given twice at line 1, column 25")]
    #[case("{", "an early end at line 1, column 1")]
    #[case("{} x", "malformed JSON at line 1, column 4")]
    #[case("{'a':1}", "malformed JSON at line 1, column 2")]
    fn what_is_not_strict_json_is_refused(#[case] text: &str, #[case] reason: &str) {
        assert_eq!(parse(text.as_bytes()).err().as_deref(), Some(reason));
    }

    #[test]
    fn deep_nesting_is_an_error() {
        assert!(parse("[".repeat(100_000).as_bytes()).is_err());
    }

    proptest! {
        #[test]
        fn no_input_panics(bytes: Vec<u8>) {
            let _ = parse(&bytes);
        }
    }
}
