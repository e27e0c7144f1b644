//! Why a message could not be opened or made: for the operator, never for the peer.

use std::fmt;

use super::header::BadHeader;

/// Which step failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FailedStep {
    /// Opening an encrypted message.
    Decrypt,
    /// Checking a signature.
    Verify,
    /// Encrypting.
    Encrypt,
    /// Signing.
    Sign,
}

impl FailedStep {
    /// The name that errors begin with.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Decrypt => "decryption",
            Self::Verify => "signature",
            Self::Encrypt => "encryption",
            Self::Sign => "signing",
        }
    }
}

impl fmt::Display for FailedStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What was wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Reason {
    /// The compact form itself.
    #[error("not a compact form: {0}")]
    Malformed(&'static str),
    /// The protected header.
    #[error("{0}")]
    Header(#[from] BadHeader),
    /// No key has the `kid`.
    #[error("no key fits kid {0}")]
    UnknownKey(String),
    /// The keys that could be meant do something else.
    #[error("`{name}` is not what the key does ({accepted})")]
    Algorithm {
        /// What the header says.
        name: String,
        /// What the keys do.
        accepted: String,
    },
    /// Not made for, or by, the key that was used; or altered since. One reason for all of it, so that none is an oracle.
    #[error("made with another key, or altered")]
    NotAuthentic,
    /// The cryptographic library gave up while making a message.
    #[error("the key cannot be used: {0}")]
    Key(&'static str),
}

/// A message that could not be opened or made.
///
/// Its text is for the operator: it names the step, the `kid`, the alias that was chosen and what was wrong, never a key and never
/// the payload. What the peer is told is the same for every failure, and none of it stands here.
///
/// ```text
/// signature: no key fits kid 2026
/// decryption: kid 2025 → alias partner-old: made with another key, or altered
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Failure {
    /// Which step failed.
    pub step: FailedStep,
    /// The `kid` that the message names, cut to 64 printable characters.
    pub kid: Option<String>,
    /// The alias of the key that was chosen, where it was one.
    pub alias: Option<String>,
    /// What was wrong.
    pub reason: Reason,
}

impl Failure {
    pub(crate) fn new(step: FailedStep, reason: impl Into<Reason>) -> Self {
        Self {
            step,
            kid: None,
            alias: None,
            reason: reason.into(),
        }
    }

    pub(crate) fn kid(mut self, kid: Option<&str>) -> Self {
        self.kid = kid.map(printable);
        self
    }

    pub(crate) fn alias(mut self, alias: Option<&str>) -> Self {
        self.alias = alias.map(str::to_owned);
        self
    }

    /// What stands behind the name of the step: which key was chosen, and what was wrong.
    pub(crate) fn why(&self) -> String {
        let reason = &self.reason;
        match (&self.kid, &self.alias) {
            (Some(kid), Some(alias)) => format!("kid {kid} → alias {alias}: {reason}"),
            (None, Some(alias)) => format!("no kid → alias {alias}: {reason}"),
            (Some(kid), None) if *reason == Reason::NotAuthentic => {
                format!("kid {kid}, several keys: {reason}")
            }
            (None, None) if *reason == Reason::NotAuthentic => format!("no kid, each key tried: {reason}"),
            _ => reason.to_string(),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.step, self.why())
    }
}

impl std::error::Error for Failure {}

/// A peer's text as it may stand in a log: printable ASCII, at most 64 characters.
pub(crate) fn printable(text: &str) -> String {
    const SHOWN: usize = 64;
    let mut shown: String = text
        .chars()
        .take(SHOWN)
        .map(|char| {
            if char.is_ascii_graphic() || char == ' ' {
                char
            } else {
                '?'
            }
        })
        .collect();
    if text.chars().nth(SHOWN).is_some() {
        shown.push('…');
    }
    shown
}
