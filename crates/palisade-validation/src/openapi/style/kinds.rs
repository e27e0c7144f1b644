//! What a text may be, and one text read as that: [`Kinds`].

use std::borrow::Cow;

use serde_json::Value;

use super::Reading;
use crate::json;

/// The types of JSON that a schema takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Kinds(u8);

impl Kinds {
    pub(crate) const NONE: Self = Self(0);
    pub(crate) const STRING: Self = Self(1);
    pub(crate) const INTEGER: Self = Self(1 << 1);
    /// An integer is a number.
    pub(crate) const NUMBER: Self = Self(1 << 2 | Self::INTEGER.0);
    pub(crate) const BOOLEAN: Self = Self(1 << 3);
    pub(crate) const NULL: Self = Self(1 << 4);
    pub(crate) const ARRAY: Self = Self(1 << 5);
    pub(crate) const OBJECT: Self = Self(1 << 6);
    pub(crate) const ALL: Self = Self((1 << 7) - 1);

    /// Values that have more than one text.
    const STRUCTURES: Self = Self(Self::ARRAY.0 | Self::OBJECT.0);
    /// Values that are one text and no nothing.
    const WORDS: Self = Self(Self::STRING.0 | Self::NUMBER.0 | Self::BOOLEAN.0);

    /// The type of that name.
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "string" => Self::STRING,
            "integer" => Self::INTEGER,
            "number" => Self::NUMBER,
            "boolean" => Self::BOOLEAN,
            "null" => Self::NULL,
            "array" => Self::ARRAY,
            "object" => Self::OBJECT,
            _ => return None,
        })
    }

    /// The types that a schema takes which names that value.
    pub(super) fn of(value: &Value) -> Self {
        match value {
            Value::Null => Self::NULL,
            Value::Bool(_) => Self::BOOLEAN,
            Value::Number(_) => Self::NUMBER,
            Value::String(_) => Self::STRING,
            Value::Array(_) => Self::ARRAY,
            Value::Object(_) => Self::OBJECT,
        }
    }

    pub(super) fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    pub(super) fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether all those are among them.
    pub(crate) fn has(self, kinds: Self) -> bool {
        self.and(kinds) == kinds
    }

    fn has_some(self, kinds: Self) -> bool {
        self.and(kinds) != Self::NONE
    }

    /// Whether the schema says nothing of types.
    pub(crate) fn is_all(self) -> bool {
        self == Self::ALL
    }

    /// Whether a value may be an array, by what the schema says.
    pub(crate) fn may_be_array(self) -> bool {
        self.has(Self::ARRAY) && !self.is_all()
    }

    /// Whether a value may be an object, by what the schema says.
    pub(crate) fn may_be_object(self) -> bool {
        self.has(Self::OBJECT) && !self.is_all()
    }

    /// Whether a value may be an array or an object, by what the schema says.
    pub(crate) fn has_structure(self) -> bool {
        self.has_some(Self::STRUCTURES) && !self.is_all()
    }

    /// Whether a value is an array or an object.
    pub(crate) fn is_structured(self) -> bool {
        self.has_some(Self::STRUCTURES) && !self.has_some(Self::WORDS)
    }

    /// Whether a value may be a structure as well as a word.
    pub(super) fn is_mixed(self) -> bool {
        !self.is_all() && self.has_some(Self::STRUCTURES) && self.has_some(Self::WORDS)
    }

    /// Whether an empty text is null. Where it can be an empty string as well, or an array of one, it is that for those who read it.
    pub(super) fn takes_nothing(self) -> bool {
        self.has(Self::NULL) && !self.has_some(Self(Self::STRING.0 | Self::ARRAY.0))
    }

    /// Whether there is a text that can be read in two ways.
    pub(super) fn is_ambiguous(self) -> bool {
        self.has(Self::STRING) && self.has_some(Self(Self::NUMBER.0 | Self::BOOLEAN.0))
    }

    /// Reads one text. What is none of the other types is a string, whether the schema takes one or not.
    pub(crate) fn read(self, text: Cow<'_, str>, reading: Reading) -> Value {
        let keeps_text = reading.keeps_text() && self.has(Self::STRING);
        let read = if keeps_text { None } else { self.word(&text) };
        read.unwrap_or_else(|| Value::String(text.into_owned()))
    }

    fn word(self, text: &str) -> Option<Value> {
        match text {
            "" => self.takes_nothing().then_some(Value::Null),
            "true" | "false" => self.has(Self::BOOLEAN).then_some(Value::Bool(text == "true")),
            _ if self.has(Self::INTEGER) && json::is_number(text) => {
                let is_integer = !text.contains(['.', 'e', 'E']) && text != "-0";
                let fits = is_integer || self.has(Self::NUMBER);
                let number = serde_json::from_str(text).ok().map(Value::Number);
                number.filter(|_| fits)
            }
            _ => None,
        }
    }
}
