//! What a type has against a value.

use std::fmt;

use serde::de::{self, Expected, Unexpected};

use crate::key::{Key, Segment};

/// A failed reading.
#[derive(Debug)]
pub(super) struct Fault {
    /// The key of the failing value; set by the innermost reading.
    pub(super) key: Option<Key>,
    /// The element of a comma list, where that failed.
    pub(super) element: Option<String>,
    pub(super) problem: Problem,
}

#[derive(Debug)]
pub(super) enum Problem {
    Missing,
    Unknown { known: Vec<&'static str> },
    Variant { known: Vec<&'static str>, found: String },
    Expected(String),
    Other(String),
}

impl Fault {
    pub(super) fn new(problem: Problem) -> Self {
        Self {
            key: None,
            element: None,
            problem,
        }
    }

    pub(super) fn expected(what: impl Into<String>) -> Self {
        Self::new(Problem::Expected(what.into()))
    }

    /// Names the key, unless an inner reading has.
    pub(super) fn at(mut self, key: &Key) -> Self {
        if self.key.is_none() {
            self.key = Some(match &self.problem {
                // Reported from the group that lacks it: the field's name was kept as the element.
                Problem::Missing => key.child(Segment::Name(self.element.take().unwrap_or_default())),
                _ => key.clone(),
            });
        }
        self
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value of another kind was expected")
    }
}

impl std::error::Error for Fault {}

/// The type's own words for what it expects, in the operator's where they are the machine's.
fn words(expected: &dyn Expected) -> String {
    let text = expected.to_string();
    match text.as_str() {
        "u8" => "a whole number from 0 to 255".to_owned(),
        "u16" => "a whole number from 0 to 65535".to_owned(),
        "u32" => "a whole number from 0 to 4294967295".to_owned(),
        "u64" | "u128" | "usize" => "a whole number of at least 0".to_owned(),
        "i8" | "i16" | "i32" | "i64" | "i128" | "isize" => "a whole number".to_owned(),
        "f32" | "f64" => "a number".to_owned(),
        "a boolean" => "true or false".to_owned(),
        "a string" => "a text".to_owned(),
        "a sequence" => "a list".to_owned(),
        "a map" => "keys below this one".to_owned(),
        text if text.starts_with("struct ") => "keys below this one".to_owned(),
        text if text.starts_with("a nonzero ") => "a whole number of at least 1".to_owned(),
        _ => text,
    }
}

impl de::Error for Fault {
    fn custom<T: fmt::Display>(message: T) -> Self {
        let message = message.to_string();
        let known = match message.as_str() {
            "invalid socket address syntax" => {
                Some("an address and port such as 127.0.0.1:8443 or [::1]:8443")
            }
            "invalid IP address syntax" => Some("an IP address"),
            other => other.strip_prefix("expected "),
        };
        match known {
            Some(expected) => Self::expected(expected),
            None => Self::new(Problem::Other(message)),
        }
    }

    fn invalid_type(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::expected(words(expected))
    }

    fn invalid_value(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::expected(words(expected))
    }

    fn invalid_length(_: usize, expected: &dyn Expected) -> Self {
        Self::expected(words(expected))
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        Self::new(Problem::Variant {
            known: expected.to_vec(),
            found: variant.to_owned(),
        })
    }

    fn unknown_field(_: &str, expected: &'static [&'static str]) -> Self {
        Self::new(Problem::Unknown {
            known: expected.to_vec(),
        })
    }

    fn missing_field(field: &'static str) -> Self {
        Self {
            key: None,
            element: Some(field.to_owned()),
            problem: Problem::Missing,
        }
    }

    fn duplicate_field(field: &'static str) -> Self {
        Self::new(Problem::Other(format!(
            "{field} is set twice, under two of its names"
        )))
    }
}
