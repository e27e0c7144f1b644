//! JSON, read strictly: a name that comes twice in an object is an error, at any depth.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// The members of an object.
pub(super) type Members<'a> = BTreeMap<Cow<'a, str>, Json<'a>>;

/// A value, as far as tokens need it.
#[derive(Debug, PartialEq)]
pub(super) enum Json<'a> {
    Text(Cow<'a, str>),
    Integer(u64),
    Fraction(f64),
    Array(Vec<Json<'a>>),
    Object(Members<'a>),
    /// A truth value, null, or a number below zero.
    Other,
}

/// Why a text is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BadJson {
    NotAnObject,
    DuplicateName,
}

/// The members of a text that is one JSON object.
pub(super) fn object(text: &[u8]) -> Result<Members<'_>, BadJson> {
    match serde_json::from_slice(text) {
        Ok(Json::Object(members)) => Ok(members),
        // Every value is accepted below: what is refused there is a second name.
        Err(error) if error.is_data() => Err(BadJson::DuplicateName),
        Ok(_) | Err(_) => Err(BadJson::NotAnObject),
    }
}

impl Json<'_> {
    /// The value, where it is a text.
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Json<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Strict)
    }
}

struct Strict;

impl<'de> Visitor<'de> for Strict {
    type Value = Json<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Json<'de>, E> {
        Ok(Json::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Json<'de>, E> {
        Ok(Json::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Json<'de>, E> {
        Ok(Json::Other)
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Json<'de>, E> {
        Ok(Json::Integer(number))
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Json<'de>, E> {
        Ok(Json::Other)
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Json<'de>, E> {
        Ok(Json::Fraction(number))
    }

    fn visit_unit<E: Error>(self) -> Result<Json<'de>, E> {
        Ok(Json::Other)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Json<'de>, A::Error> {
        let mut array = Vec::new();
        while let Some(item) = items.next_element()? {
            array.push(item);
        }
        Ok(Json::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Json<'de>, A::Error> {
        let mut object = Members::new();
        while let Some(Name(name)) = members.next_key()? {
            if object.insert(name, members.next_value()?).is_some() {
                return Err(A::Error::custom("a name that comes twice"));
            }
        }
        Ok(Json::Object(object))
    }
}

/// A name, which is copied only where it has escapes.
#[derive(serde::Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::{BadJson, Json, object};

    #[rstest]
    #[case(r#"{"a":1,"a":1}"#, BadJson::DuplicateName)]
    #[case(r#"{"a":1,"\u0061":2}"#, BadJson::DuplicateName)]
    #[case(r#"{"a":[{"b":null,"b":true}]}"#, BadJson::DuplicateName)]
    #[case(r"[]", BadJson::NotAnObject)]
    #[case(r#""text""#, BadJson::NotAnObject)]
    #[case(r"{} {}", BadJson::NotAnObject)]
    #[case(r#"{"a":1,}"#, BadJson::NotAnObject)]
    #[case(r#"{"a":1e999}"#, BadJson::NotAnObject)]
    #[case("", BadJson::NotAnObject)]
    fn what_is_not_one_object_of_distinct_names_is_refused(#[case] text: &str, #[case] why: BadJson) {
        assert_eq!(object(text.as_bytes()), Err(why));
    }

    #[test]
    fn bytes_that_are_no_utf_8_are_refused() {
        assert_eq!(object(b"{\"a\":\"\xff\"}"), Err(BadJson::NotAnObject));
    }

    #[test]
    fn deep_nesting_is_refused() {
        let text = format!("{{\"a\":{}", "[".repeat(16 * 1024));
        assert_eq!(object(text.as_bytes()), Err(BadJson::NotAnObject));
    }

    #[test]
    fn values_keep_their_kind() {
        let read = object(br#"{"t":"\u00e9","i":7,"f":7.5,"n":-1,"b":true,"a":["x"]}"#).unwrap();
        assert_eq!(read["t"], Json::Text("é".into()));
        assert_eq!(read["i"], Json::Integer(7));
        assert_eq!(read["f"], Json::Fraction(7.5));
        assert_eq!(read["n"], Json::Other);
        assert_eq!(read["b"], Json::Other);
        assert_eq!(read["a"], Json::Array(vec![Json::Text("x".into())]));
    }

    proptest! {
        #[test]
        fn it_agrees_with_a_lenient_reader_where_names_are_distinct(
            members in prop::collection::btree_map(".{0,6}", ".{0,12}", 0..6)
        ) {
            let text = serde_json::to_vec(&members).unwrap();
            let read = object(&text).unwrap();
            prop_assert_eq!(read.len(), members.len());
            for (name, value) in &members {
                prop_assert_eq!(read[name.as_str()].text(), Some(value.as_str()));
            }
        }

        #[test]
        fn no_input_panics(bytes: Vec<u8>) {
            let _ = object(&bytes);
        }
    }
}
