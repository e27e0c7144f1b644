//! Why a token is refused: for the log, never for the peer.

use super::compact::MAX_TOKEN;

/// Why a token is refused. Text of the peer is cut to 64 printable characters.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadToken {
    /// It is empty, or has characters that no token has (RFC 6750 section 2.1).
    #[error("it is no token at all")]
    NotAToken,
    /// It is longer than 16 KiB.
    #[error("it is longer than {MAX_TOKEN} bytes")]
    TooLong,
    /// It is no JWS in compact form (RFC 7515 section 7.1).
    #[error("it has not exactly two dots")]
    NotCompact,
    /// A part is not base64url without padding, in its one canonical form.
    #[error("its {0} is not base64url without padding")]
    Encoding(&'static str),
    /// A part is no JSON object.
    #[error("its {0} is no JSON object")]
    NotJson(&'static str),
    /// A part has a name twice.
    #[error("its {0} has a name twice")]
    DuplicateName(&'static str),
    /// A parameter of the header is missing, or of another type than its standard says.
    #[error("`{0}` in its header is missing or of another type")]
    Header(&'static str),
    /// The algorithm is not accepted.
    #[error("its `alg` {0:?} is not accepted")]
    Algorithm(String),
    /// It is another kind of token (RFC 8725 section 3.11).
    #[error("its `typ` {0:?} is not that of an access token")]
    Type(String),
    /// It demands something of its readers (RFC 7515 section 4.1.11).
    #[error("its `crit` demands what is not understood")]
    Critical,
    /// No key is the one that signed it: none has its `kid`, or, where it names none, none verifies it.
    #[error("no key fits its `kid` {}", .0.as_deref().unwrap_or("(none)"))]
    UnknownKey(Option<String>),
    /// There are no keys at all yet: they could not be fetched.
    #[error("the issuer's keys could not be fetched")]
    NoKeys,
    /// The key of its `kid` does something else.
    #[error("its `alg` is not that of the key with its `kid`")]
    AlgorithmOfAnotherKey,
    /// It was signed with another key, or altered.
    #[error("it was signed with another key, or altered")]
    Signature,
    /// A claim is missing.
    #[error("it has no `{0}`")]
    Missing(&'static str),
    /// A claim is of another type than its standard says, or out of bounds.
    #[error("its `{0}` is malformed")]
    Malformed(&'static str),
    /// It is of another issuer.
    #[error("its `iss` is another issuer")]
    Issuer,
    /// It is for somebody else.
    #[error("its `aud` is somebody else")]
    Audience,
    /// Its `exp` is past.
    #[error("it has expired")]
    Expired,
    /// Its `nbf` is to come.
    #[error("it is not valid yet")]
    NotYetValid,
    /// Its `iat` is to come.
    #[error("it was issued in the future")]
    IssuedInTheFuture,
    /// It is bound to its sender in a way that is not verified here.
    #[error("its `cnf` is not x5t#S256 alone")]
    Confirmation,
}

impl BadToken {
    /// The error code of RFC 6750 section 3.1. Everything that has the form of a token is `invalid_token`, whatever its fault.
    pub fn error_code(&self) -> &'static str {
        match self {
            Self::NotAToken => "invalid_request",
            Self::TooLong
            | Self::NotCompact
            | Self::Encoding(_)
            | Self::NotJson(_)
            | Self::DuplicateName(_)
            | Self::Header(_)
            | Self::Algorithm(_)
            | Self::Type(_)
            | Self::Critical
            | Self::UnknownKey(_)
            | Self::NoKeys
            | Self::AlgorithmOfAnotherKey
            | Self::Signature
            | Self::Missing(_)
            | Self::Malformed(_)
            | Self::Issuer
            | Self::Audience
            | Self::Expired
            | Self::NotYetValid
            | Self::IssuedInTheFuture
            | Self::Confirmation => "invalid_token",
        }
    }
}

/// A peer's text as it may stand in a log: printable ASCII, at most 64 characters.
pub(super) fn printable(text: &str) -> String {
    const SHOWN: usize = 64;
    let mut shown: String = text
        .chars()
        .take(SHOWN)
        .map(|char| if matches!(char, ' '..='~') { char } else { '?' })
        .collect();
    if text.chars().nth(SHOWN).is_some() {
        shown.push('…');
    }
    shown
}
