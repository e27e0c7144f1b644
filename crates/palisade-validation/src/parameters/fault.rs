//! What is wrong with a parameter.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use crate::json::Unfit;
use crate::schema::Violations;
use crate::settings::ParameterType;

/// Where a parameter stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Place {
    /// In the path.
    Path,
    /// In the query.
    Query,
    /// In the header.
    Header,
    /// In a cookie.
    Cookie,
}

impl Place {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Path => "path",
            Self::Query => "query",
            Self::Header => "header",
            Self::Cookie => "cookie",
        }
    }

    /// The key of a parameter, relative to the stage.
    pub(super) fn key(self, name: &str) -> String {
        if name.contains(['.', '[', ']']) {
            format!("{}[{name}]", self.as_str())
        } else {
            format!("{}.{name}", self.as_str())
        }
    }
}

/// A parameter, named as it is configured.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Parameter {
    place: Place,
    name: Arc<str>,
}

impl Parameter {
    pub(crate) fn new(place: Place, name: Arc<str>) -> Self {
        Self { place, name }
    }

    /// Where it stands.
    pub fn place(&self) -> Place {
        self.place
    }

    /// Its name, as it is configured.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn is_not(&self, expected: Expected) -> ParameterFault {
        ParameterFault::Invalid {
            parameter: self.clone(),
            expected,
        }
    }
}

impl fmt::Display for Parameter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place {
            Place::Path => write!(f, "the path parameter {}", self.name),
            Place::Query => write!(f, "the query parameter {}", self.name),
            Place::Header => write!(f, "the header field {}", self.name),
            Place::Cookie => write!(f, "the cookie {}", self.name),
        }
    }
}

/// What was expected of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// That it is of this type.
    Type(ParameterType),
    /// That it is `min` or above.
    Min,
    /// That it is `max` or below.
    Max,
    /// That it has `min-length` characters at least.
    MinLength,
    /// That it has `max-length` characters at most.
    MaxLength,
    /// That it matches `pattern`.
    Pattern,
    /// That it is one of `values`.
    Values,
    /// That `pattern` takes less work on it, and on the values before it.
    LessWork,
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Type(ParameterType::String) => "is not text",
            Self::Type(ParameterType::Integer) => "is not a whole number",
            Self::Type(ParameterType::Number) => "is not a decimal number",
            Self::Type(ParameterType::Boolean) => "is neither true nor false",
            Self::Type(ParameterType::Uuid) => "is not a UUID",
            Self::Type(ParameterType::Date) => "is not a date of the form 2026-01-31",
            Self::Type(ParameterType::DateTime) => "is not an instant of the form 2026-01-31T12:00:00Z",
            Self::Min => "is below the smallest value that is accepted",
            Self::Max => "is above the largest value that is accepted",
            Self::MinLength => "is too short",
            Self::MaxLength => "is too long",
            Self::Pattern => "does not have the expected form",
            Self::Values => "is none of the accepted values",
            Self::LessWork => "takes more work to check than is allowed",
        })
    }
}

/// What is wrong with the parameters of a request. Nothing of it is the peer's text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParameterFault {
    /// One that must be there is not.
    #[error("{0} is missing")]
    Missing(Parameter),
    /// One is there more than once.
    #[error("{0} is given more than once")]
    Repeated(Parameter),
    /// One has an escape that is none, or is not text once decoded.
    #[error("{0} is not text: an escape is malformed, or it is not UTF-8")]
    NotText(Parameter),
    /// One is not what was expected.
    #[error("{parameter} {expected}")]
    Invalid {
        /// The parameter.
        parameter: Parameter,
        /// What was expected of it.
        expected: Expected,
    },
    /// One is not written as the document has it: by its `style`, or in one JSON text.
    #[error("{0} is not written as it should be")]
    Malformed(Parameter),
    /// One has more items or members than may be.
    #[error("{0} has too many items")]
    TooMany(Parameter),
    /// One is not JSON, where the document says so, or not as JSON may be.
    #[error("{parameter} {unfit}")]
    Json {
        /// The parameter.
        parameter: Parameter,
        /// What is wrong with the JSON.
        unfit: Unfit,
    },
    /// One does not match its schema.
    #[error("{parameter}{}", first(violations))]
    Schema {
        /// The parameter.
        parameter: Parameter,
        /// What is wrong, in words of the schema.
        violations: Violations,
    },
    /// The cookies are not in ASCII, which readers take in different ways.
    #[error("the cookies are not text")]
    CookiesMalformed,
    /// The query has one that is not configured, and `unknown-query` is `reject`.
    #[error("the query has a parameter that is not known")]
    UnknownQuery,
    /// A name in the query, or the value of one that is not configured, has an escape that is none or is not text once decoded.
    #[error("the query is not text: an escape is malformed, or it is not UTF-8")]
    QueryMalformed,
}

/// The first of them, behind what it is about.
fn first(violations: &Violations) -> String {
    match violations.list.first() {
        Some(first) if first.pointer.is_empty() => format!(" {}", first.message),
        Some(first) => format!(", at `{}`, {}", first.pointer, first.message),
        None => " does not match its schema".to_owned(),
    }
}

impl ParameterFault {
    /// What is wrong in words of a schema, where one was violated.
    pub fn violations(&self) -> Option<&Violations> {
        match self {
            Self::Schema { violations, .. } => Some(violations),
            Self::Missing(_)
            | Self::Repeated(_)
            | Self::NotText(_)
            | Self::Invalid { .. }
            | Self::UnknownQuery
            | Self::QueryMalformed
            | Self::Malformed(_)
            | Self::TooMany(_)
            | Self::Json { .. }
            | Self::CookiesMalformed => None,
        }
    }

    /// What the peer is told: a sentence that names the parameter as it is configured.
    pub fn public(&self) -> Cow<'static, str> {
        let mut sentence = self.to_string();
        if let Some(first) = sentence.get_mut(..1) {
            first.make_ascii_uppercase();
        }
        sentence.push('.');
        Cow::Owned(sentence)
    }
}
