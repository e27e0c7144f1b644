//! Keywords of ours: `pattern`, whose work is bounded, and those that OpenAPI adds to JSON Schema, under names that no
//! document has.
//!
//! Schema Objects are put into words of JSON Schema before they are compiled; the latter are for what there are no words.

use jsonschema::json::{Json, JsonNumber, Node, Object};
use jsonschema::{Keyword, ValidationError};
use serde_json::Value;

use super::instance::MeteredJson;
use super::violation::must_match;
use super::{Formats, Options};
use crate::pattern::Pattern;

/// What the names of all of these begin with.
pub(crate) const PREFIX: &str = "x-palisade-";
/// What a text must match.
pub(super) const PATTERN: &str = "pattern";
/// A format of numbers: its name.
pub(crate) const NUMBER_FORMAT: &str = "x-palisade-format";
/// Names of members that only answers have.
pub(crate) const READ_ONLY: &str = "x-palisade-readOnly";
/// Names of members that only requests have.
pub(crate) const WRITE_ONLY: &str = "x-palisade-writeOnly";
/// The member that says which alternative an object is: `{"propertyName": …, "values": […]}`, the latter if they are known.
pub(crate) const DISCRIMINATOR: &str = "x-palisade-discriminator";

type Compiled = Box<dyn for<'i> Keyword<'i, MeteredJson>>;
type Key = <MeteredJson as Json>::PreparedKey;

/// The formats of numbers that are checked.
pub(crate) fn is_number_format(name: &str) -> bool {
    matches!(name, "int32" | "int64" | "float" | "double")
}

/// The keyword that a document has for one of ours.
pub(super) fn shown(keyword: &str) -> &str {
    keyword.strip_prefix(PREFIX).unwrap_or(keyword)
}

/// Makes `pattern` ours.
pub(super) fn add_pattern(options: Options<'_>) -> Options<'_> {
    options.with_keyword(PATTERN, |_, pattern, _| match Matches::compile(pattern) {
        Some(compiled) => Ok(Box::new(compiled) as Compiled),
        // What is told of it is worded where the document is at hand.
        None => Err(ValidationError::custom("no pattern")),
    })
}

/// Makes those of OpenAPI known, and its formats.
pub(super) fn add(options: Options<'_>, formats: Formats) -> Options<'_> {
    let options = options
        .with_keyword(READ_ONLY, |_, names, _| {
            Ok(Forbidden::compile(names, "read-only"))
        })
        .with_keyword(WRITE_ONLY, |_, names, _| {
            Ok(Forbidden::compile(names, "write-only"))
        })
        .with_keyword(DISCRIMINATOR, |_, value, _| Ok(Discriminator::compile(value)));
    match formats {
        Formats::Annotate => options,
        Formats::Assert => options
            .with_keyword(NUMBER_FORMAT, |_, name, _| Ok(NumberFormat::compile(name)))
            .with_format("byte", is_base64)
            .with_format("uuid", is_uuid),
    }
}

/// A text that matches a pattern.
struct Matches {
    pattern: Pattern,
    /// As it stands in the schema.
    text: Box<str>,
}

impl Matches {
    fn compile(pattern: &Value) -> Option<Self> {
        let text = pattern.as_str()?;
        Some(Self {
            pattern: Pattern::ecma(text).ok()?,
            text: text.into(),
        })
    }
}

impl<'i> Keyword<'i, MeteredJson> for Matches {
    fn validate(&self, instance: <MeteredJson as Json>::Node<'i>) -> Result<(), ValidationError<'i>> {
        if Keyword::is_valid(self, instance) {
            Ok(())
        } else {
            Err(ValidationError::custom(must_match(&self.text)))
        }
    }

    fn is_valid(&self, instance: <MeteredJson as Json>::Node<'i>) -> bool {
        instance.matches(&self.pattern)
    }
}

/// A number that fits what a program keeps it in.
struct NumberFormat(Box<str>);

impl NumberFormat {
    fn compile(name: &Value) -> Compiled {
        Box::new(Self(name.as_str().unwrap_or_default().into()))
    }

    fn fits<N: JsonNumber>(&self, number: &N) -> bool {
        let within = |least: f64, below: f64| {
            number
                .as_f64()
                .is_some_and(|number| number >= least && number < below)
        };
        match (&*self.0, number.as_i64()) {
            ("int32", Some(integer)) => i32::try_from(integer).is_ok(),
            ("int32", None) => within(-2_147_483_648.0, 2_147_483_648.0),
            ("int64", None) if number.as_u64().is_some() => false,
            ("int64", None) => within(-9_223_372_036_854_775_808.0, 9_223_372_036_854_775_808.0),
            ("float", _) => number
                .as_f64()
                .is_some_and(|number| number.abs() <= f64::from(f32::MAX)),
            ("double", _) => number.as_f64().is_some_and(f64::is_finite),
            // Among them `int64` of an integer of 64 bits.
            _ => true,
        }
    }
}

impl<'i> Keyword<'i, MeteredJson> for NumberFormat {
    fn validate(&self, instance: <MeteredJson as Json>::Node<'i>) -> Result<(), ValidationError<'i>> {
        if Keyword::is_valid(self, instance) {
            Ok(())
        } else {
            Err(ValidationError::custom(format!(
                "must be in the format `{}`",
                self.0
            )))
        }
    }

    fn is_valid(&self, instance: <MeteredJson as Json>::Node<'i>) -> bool {
        instance.as_number().is_none_or(|number| self.fits(&number))
    }
}

/// Members that must not be sent in this direction.
struct Forbidden {
    names: Vec<(Box<str>, Key)>,
    what: &'static str,
}

impl Forbidden {
    fn compile(names: &Value, what: &'static str) -> Compiled {
        let names = names.as_array().into_iter().flatten().filter_map(Value::as_str);
        Box::new(Self {
            names: names
                .map(|name| (name.into(), MeteredJson::prepare_key(name)))
                .collect(),
            what,
        })
    }
}

impl<'i> Keyword<'i, MeteredJson> for Forbidden {
    fn validate(&self, instance: <MeteredJson as Json>::Node<'i>) -> Result<(), ValidationError<'i>> {
        Keyword::iter_errors(self, instance).next().map_or(Ok(()), Err)
    }

    fn is_valid(&self, instance: <MeteredJson as Json>::Node<'i>) -> bool {
        instance
            .as_object()
            .is_none_or(|members| self.names.iter().all(|(_, key)| members.get(key).is_none()))
    }

    fn iter_errors(
        &self,
        instance: <MeteredJson as Json>::Node<'i>,
    ) -> Box<dyn Iterator<Item = ValidationError<'i>> + 'i> {
        let Some(members) = instance.as_object() else {
            return Box::new(std::iter::empty());
        };
        let sent = self.names.iter().filter(|(_, key)| members.get(key).is_some());
        let errors: Vec<ValidationError<'i>> = sent
            .map(|(name, _)| {
                ValidationError::custom(format!(
                    "must not have the member `{name}`, which is {}",
                    self.what
                ))
            })
            .collect();
        Box::new(errors.into_iter())
    }
}

/// The member that says which alternative an object is.
struct Discriminator {
    name: Box<str>,
    key: Key,
    /// What it may say, if all of it is known.
    values: Option<Vec<Box<str>>>,
}

impl Discriminator {
    fn compile(value: &Value) -> Compiled {
        let name = value
            .get("propertyName")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let values = value.get("values").and_then(Value::as_array);
        Box::new(Self {
            name: name.into(),
            key: MeteredJson::prepare_key(name),
            values: values.map(|values| values.iter().filter_map(Value::as_str).map(Box::from).collect()),
        })
    }

    fn problem(&self, instance: &<MeteredJson as Json>::Node<'_>) -> Option<String> {
        let members = instance.as_object()?;
        let value = members.get(&self.key);
        let Some(text) = value.as_ref().and_then(Node::as_string) else {
            return Some(format!(
                "must have the member `{}`, text that names an alternative",
                self.name
            ));
        };
        let values = self.values.as_ref()?;
        if values.iter().any(|value| **value == *text) {
            return None;
        }
        Some(format!(
            "must name one of the alternatives in the member `{}`",
            self.name
        ))
    }
}

impl<'i> Keyword<'i, MeteredJson> for Discriminator {
    fn validate(&self, instance: <MeteredJson as Json>::Node<'i>) -> Result<(), ValidationError<'i>> {
        self.problem(&instance)
            .map_or(Ok(()), |problem| Err(ValidationError::custom(problem)))
    }

    fn is_valid(&self, instance: <MeteredJson as Json>::Node<'i>) -> bool {
        self.problem(&instance).is_none()
    }
}

/// Base64 with padding (RFC 4648 section 4).
fn is_base64(text: &str) -> bool {
    let padding = text.bytes().rev().take_while(|byte| *byte == b'=').count();
    let data = text.as_bytes().get(..text.len() - padding).unwrap_or_default();
    let is_data = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    text.len().is_multiple_of(4) && padding <= 2 && data.iter().all(is_data)
}

/// RFC 9562 section 4, of any version.
fn is_uuid(text: &str) -> bool {
    let lengths = [8, 4, 4, 4, 12];
    let is_hex = |part: &str| part.bytes().all(|byte| byte.is_ascii_hexdigit());
    text.split('-').map(str::len).eq(lengths) && text.split('-').all(is_hex)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::{is_base64, is_uuid};

    #[rstest]
    #[case("", true)]
    #[case("aGk=", true)]
    #[case("aA==", true)]
    #[case("+/+/", true)]
    #[case("aGk", false)]
    #[case("a===", false)]
    #[case("=", false)]
    #[case("-_-_", false)]
    #[case("a Gk", false)]
    #[case("aG=k", false)]
    #[case("äö==", false)]
    fn base64_has_its_alphabet_and_padding(#[case] text: &str, #[case] expected: bool) {
        assert_eq!(is_base64(text), expected);
    }

    #[rstest]
    #[case("f81d4fae-7dec-11d0-a765-00a0c91e6bf6", true)]
    #[case("F81D4FAE-7DEC-11D0-A765-00A0C91E6BF6", true)]
    #[case("f81d4fae7dec11d0a76500a0c91e6bf6", false)]
    #[case("f81d4fae-7dec-11d0-a765-00a0c91e6bf", false)]
    #[case("g81d4fae-7dec-11d0-a765-00a0c91e6bf6", false)]
    #[case("{f81d4fae-7dec-11d0-a765-00a0c91e6bf6}", false)]
    fn a_uuid_is_five_groups_of_digits(#[case] text: &str, #[case] expected: bool) {
        assert_eq!(is_uuid(text), expected);
    }
}
