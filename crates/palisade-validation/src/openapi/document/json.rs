//! JSON in which no two members have one name.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use crate::schema::Position;

/// Why a text is not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct JsonError {
    pub(super) position: Position,
    pub(super) problem: String,
}

/// Reads one value.
pub(super) fn read(text: &str) -> Result<Value, JsonError> {
    serde_json::from_str(text)
        .map(|Strict(value)| value)
        .map_err(|error| {
            let whole = error.to_string();
            // The place is told apart.
            let place = format!(" at line {} column {}", error.line(), error.column());
            JsonError {
                position: Position {
                    line: error.line(),
                    column: error.column().max(1),
                },
                problem: whole.strip_suffix(&place).unwrap_or(&whole).to_owned(),
            }
        })
}

struct Strict(Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StrictVisitor).map(Self)
    }
}

struct StrictVisitor;

impl<'de> Visitor<'de> for StrictVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        let number = Number::from_f64(value).ok_or_else(|| E::custom("JSON has no such number"));
        number.map(Value::Number)
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut all = Vec::new();
        while let Some(Strict(item)) = items.next_element()? {
            all.push(item);
        }
        Ok(Value::Array(all))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut all = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            if all.contains_key(&name) {
                return Err(A::Error::custom(format_args!(
                    "there is a second member `{name}`"
                )));
            }
            let Strict(member) = members.next_value()?;
            all.insert(name, member);
        }
        Ok(Value::Object(all))
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::read;

    #[rstest]
    #[case(r#"{"a": [null, true, -1, 18446744073709551615, 1.5, "x\u00e4"], "b": {"a": {}}}"#)]
    #[case("[]")]
    #[case("\"text\"")]
    fn json_is_what_its_usual_reader_says(#[case] text: &str) {
        let expected: Value = serde_json::from_str(text).unwrap();
        assert_eq!(read(text), Ok(expected));
    }

    #[rstest]
    #[case("{\"a\": 1,\n \"a\": 2}", 2, "there is a second member `a`")]
    #[case("[{\"\\u0061\": 1, \"a\": 2}]", 1, "there is a second member `a`")]
    #[case("{", 1, "EOF while parsing an object")]
    #[case("1 2", 1, "trailing characters")]
    #[case("1e999", 1, "number out of range")]
    fn what_is_not_taken_is_told_with_its_line(
        #[case] text: &str,
        #[case] line: usize,
        #[case] problem: &str,
    ) {
        let error = read(text).unwrap_err();
        assert_eq!((error.position.line, error.problem.as_str()), (line, problem));
    }

    #[test]
    fn depth_is_bounded() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(read(&nested(127)).is_ok());
        assert!(read(&nested(100_000)).is_err());
        assert_ne!(read("[[]]"), Ok(json!([])));
    }
}
