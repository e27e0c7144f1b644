//! Guardrails: what is allowed but unwise.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

/// How much a [`Finding`] weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Severity {
    /// Worth knowing.
    Caution,
    /// Ought to be changed.
    Moderate,
    /// Opens something that should be closed.
    Severe,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Caution => "caution",
            Self::Moderate => "moderate",
            Self::Severe => "severe",
        })
    }
}

/// Something a configuration allows and a careful operator would not.
///
/// A finding never stops the start; `palisade check --fail-below` turns findings into an exit status.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Finding {
    /// Stable code in kebab-case.
    pub code: Cow<'static, str>,
    /// Its weight.
    pub severity: Severity,
    /// One sentence for the operator.
    pub message: String,
    /// The property it is about, if it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Where that property was set: `file:line`, a variable, or the command line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
}

impl Finding {
    /// A finding about the configuration as a whole.
    pub fn new(severity: Severity, code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            severity,
            message: message.into(),
            key: None,
            origin: None,
        }
    }

    /// Names the property.
    #[must_use]
    pub fn at(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// Names the place where the property was set.
    #[must_use]
    pub fn from_origin(mut self, origin: impl Into<String>) -> Self {
        self.origin = Some(origin.into());
        self
    }
}
