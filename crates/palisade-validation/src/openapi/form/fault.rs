//! What is wrong with a field of a form.

use std::borrow::Cow;
use std::fmt;

use crate::json::Unfit;
use crate::openapi::style::StyleFault;
use crate::parameters::decode::NotText;

/// A field, or part, that cannot be read as the document has it. Nothing of it is the peer's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FieldFault {
    /// As the document names it, if it does.
    field: Option<Box<str>>,
    problem: FieldProblem,
}

/// What is wrong with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FieldProblem {
    #[error("is not text: an escape is malformed, or it is not UTF-8")]
    NotText,
    #[error("is not written as it should be")]
    Malformed,
    #[error("is given more than once")]
    Repeated,
    #[error("has too many items")]
    TooMany,
    #[error("has a media type that is not accepted")]
    MediaType,
    #[error("{0}")]
    Json(Unfit),
}

impl FieldProblem {
    pub(super) fn of(self, field: &str) -> FieldFault {
        FieldFault {
            field: Some(field.into()),
            problem: self,
        }
    }

    pub(super) fn of_unknown(self) -> FieldFault {
        FieldFault {
            field: None,
            problem: self,
        }
    }
}

impl From<StyleFault> for FieldProblem {
    fn from(fault: StyleFault) -> Self {
        match fault {
            StyleFault::NotText => Self::NotText,
            StyleFault::Malformed => Self::Malformed,
            StyleFault::Repeated => Self::Repeated,
            StyleFault::TooMany => Self::TooMany,
        }
    }
}

impl From<NotText> for FieldProblem {
    fn from(NotText: NotText) -> Self {
        Self::NotText
    }
}

impl FieldFault {
    /// What the peer is told: a sentence that names the field as the document has it.
    pub(crate) fn public(&self) -> Cow<'static, str> {
        match &self.field {
            Some(field) => Cow::Owned(format!("The field {field} of the form {}.", self.problem)),
            None => Cow::Owned(format!("A field of the form {}.", self.problem)),
        }
    }
}

impl fmt::Display for FieldFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.field {
            Some(field) => write!(f, "the field {field} of the form {}", self.problem),
            None => write!(f, "a field of the form {}", self.problem),
        }
    }
}

impl std::error::Error for FieldFault {}
