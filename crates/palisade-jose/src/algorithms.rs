//! The algorithms that are spoken, and lists of them.
//!
//! 1. What is not named here cannot be configured and is refused on the wire before any key is touched: no `none`, no HMAC, no
//!    `RSA1_5`, no SHA-1 OAEP, no `dir`, no password-based encryption.
//! 2. The algorithm belongs to the key: a list narrows what a key of its type may do, it never widens it.
//!
//! It does not protect against a sender that chooses the weakest of the algorithms that its peer lists: list those that you want.

use std::fmt;
use std::str::FromStr;

use palisade_keystore::KeyAlgorithm;

/// How the content encryption key travels (RFC 7518 section 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KeyManagement {
    /// `RSA-OAEP-256`: OAEP with SHA-256 and MGF1 with SHA-256 (RFC 7518 section 4.3).
    RsaOaep256,
    /// `ECDH-ES+A256KW`: an ephemeral key agreement whose result wraps the key (RFC 7518 section 4.6).
    EcdhEsA256Kw,
}

impl KeyManagement {
    /// The `alg` of it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::RsaOaep256 => "RSA-OAEP-256",
            Self::EcdhEsA256Kw => "ECDH-ES+A256KW",
        }
    }

    /// The one that a key of this type does, if any.
    pub(crate) const fn of(key: &KeyAlgorithm) -> Option<Self> {
        match key {
            KeyAlgorithm::Rsa(_) => Some(Self::RsaOaep256),
            KeyAlgorithm::EcP256 | KeyAlgorithm::EcP384 | KeyAlgorithm::EcP521 => Some(Self::EcdhEsA256Kw),
            _ => None,
        }
    }
}

/// How the content is encrypted (RFC 7518 section 5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ContentEncryption {
    /// `A128CBC-HS256`: AES-128-CBC, then HMAC-SHA-256 cut to 16 bytes (RFC 7518 section 5.2.3).
    A128CbcHs256,
    /// `A256GCM`: AES-256-GCM (RFC 7518 section 5.3).
    A256Gcm,
}

impl ContentEncryption {
    /// The `enc` of it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::A128CbcHs256 => "A128CBC-HS256",
            Self::A256Gcm => "A256GCM",
        }
    }
}

/// How a message is signed (RFC 7518 section 3, RFC 8037).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SignatureAlgorithm {
    /// `RS256`: RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// `PS256`: RSASSA-PSS with SHA-256 and a salt of 32 bytes.
    Ps256,
    /// `ES256`: ECDSA on P-256 with SHA-256.
    Es256,
    /// `EdDSA`: Ed25519.
    EdDsa,
}

impl SignatureAlgorithm {
    /// The `alg` of it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Ps256 => "PS256",
            Self::Es256 => "ES256",
            Self::EdDsa => "EdDSA",
        }
    }

    /// Those that a key of this type does; the first is the default.
    pub(crate) const fn of(key: &KeyAlgorithm) -> &'static [Self] {
        match key {
            KeyAlgorithm::Rsa(_) => &[Self::Rs256, Self::Ps256],
            KeyAlgorithm::EcP256 => &[Self::Es256],
            KeyAlgorithm::Ed25519 => &[Self::EdDsa],
            _ => &[],
        }
    }
}

macro_rules! display_name {
    ($($name:ty),*) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.name())
            }
        }
    )*};
}

display_name!(KeyManagement, ContentEncryption, SignatureAlgorithm);

/// Every name that a list may hold.
const ACCEPTED: &str = "RSA-OAEP-256, ECDH-ES+A256KW, A128CBC-HS256, A256GCM, RS256, PS256, ES256, EdDSA";

/// A name in a list of algorithms that is not spoken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{name}` is not accepted{}; accepted are {ACCEPTED}", why_not(name))]
pub struct UnknownAlgorithm {
    name: String,
}

impl UnknownAlgorithm {
    /// The name as it was written.
    pub fn name(&self) -> &str {
        &self.name
    }
}

fn why_not(name: &str) -> &'static str {
    match name {
        "none" => ": it signs nothing",
        "HS256" | "HS384" | "HS512" => ": both sides would hold the same secret",
        "RSA1_5" => ": its padding can be attacked",
        "RSA-OAEP" => ": it hashes with SHA-1",
        "dir" | "A128KW" | "A192KW" | "A256KW" | "A128GCMKW" | "A192GCMKW" | "A256GCMKW" => {
            ": both sides would hold the same key"
        }
        _ if name.starts_with("PBES2") => {
            ": passwords are guessed, and its count lets a sender spend our time"
        }
        _ => "",
    }
}

/// One name of a list.
enum Name {
    Management(KeyManagement),
    Content(ContentEncryption),
    Signature(SignatureAlgorithm),
}

impl FromStr for Name {
    type Err = UnknownAlgorithm;

    fn from_str(name: &str) -> Result<Self, UnknownAlgorithm> {
        Ok(match name {
            "RSA-OAEP-256" => Self::Management(KeyManagement::RsaOaep256),
            "ECDH-ES+A256KW" => Self::Management(KeyManagement::EcdhEsA256Kw),
            "A128CBC-HS256" => Self::Content(ContentEncryption::A128CbcHs256),
            "A256GCM" => Self::Content(ContentEncryption::A256Gcm),
            "RS256" => Self::Signature(SignatureAlgorithm::Rs256),
            "PS256" => Self::Signature(SignatureAlgorithm::Ps256),
            "ES256" => Self::Signature(SignatureAlgorithm::Es256),
            "EdDSA" => Self::Signature(SignatureAlgorithm::EdDsa),
            _ => {
                return Err(UnknownAlgorithm {
                    name: name.to_owned(),
                });
            }
        })
    }
}

/// A configured list of algorithms for `alg` and `enc`, in the order written.
///
/// Empty means: the defaults of each key's type. Senders use the first that fits their key, readers accept exactly the list.
///
/// ```
/// use palisade_jose::{Algorithms, ContentEncryption};
///
/// let algorithms = Algorithms::parse(&["RSA-OAEP-256", "A256GCM"]).unwrap();
/// assert_eq!(algorithms.content(), [ContentEncryption::A256Gcm]);
///
/// let refused = Algorithms::parse(&["RSA1_5"]).unwrap_err();
/// assert!(refused.to_string().starts_with("`RSA1_5` is not accepted: its padding can be attacked; accepted are RSA-OAEP-256,"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Algorithms {
    key_management: Vec<KeyManagement>,
    content: Vec<ContentEncryption>,
    signature: Vec<SignatureAlgorithm>,
}

impl Algorithms {
    /// Reads a list of names. They are compared exactly (RFC 7515 section 4.1.1); a repeated one counts once.
    pub fn parse<S: AsRef<str>>(names: &[S]) -> Result<Self, UnknownAlgorithm> {
        let mut list = Self::default();
        for name in names {
            match name.as_ref().parse()? {
                Name::Management(name) => push(&mut list.key_management, name),
                Name::Content(name) => push(&mut list.content, name),
                Name::Signature(name) => push(&mut list.signature, name),
            }
        }
        Ok(list)
    }

    /// Whether nothing is listed.
    pub fn is_empty(&self) -> bool {
        self.key_management.is_empty() && self.content.is_empty() && self.signature.is_empty()
    }

    /// The key managements listed.
    pub fn key_management(&self) -> &[KeyManagement] {
        &self.key_management
    }

    /// The content encryptions listed.
    pub fn content(&self) -> &[ContentEncryption] {
        &self.content
    }

    /// The signature algorithms listed.
    pub fn signature(&self) -> &[SignatureAlgorithm] {
        &self.signature
    }
}

fn push<T: PartialEq>(list: &mut Vec<T>, item: T) {
    if !list.contains(&item) {
        list.push(item);
    }
}
