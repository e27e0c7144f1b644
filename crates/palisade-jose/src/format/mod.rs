//! How a body and what stands around it make a payload: the message format.
//!
//! Two are built in: [`Jwt`], a claims set with the body in it, and [`Raw`], the body alone with the claims in the protected
//! header. A team that agreed on something else with its partners implements [`MessageFormat`], shares it as a
//! [`MessageFormats`] resource, and names it in `message.format`.

mod jwt;
mod raw;

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Map, Value};

use crate::claims::{BadClaim, Claims};
use crate::wire::ProtectedHeader;

pub use jwt::Jwt;
pub use raw::Raw;

/// How a body and its [`Claims`] make a payload, and come out of it again.
///
/// Both directions, and both sides of a connection, use the same format.
pub trait MessageFormat: Debug + Send + Sync + 'static {
    /// The name in `message.format`.
    fn name(&self) -> &'static str;

    /// The `cty` of a JWE around a JWS (RFC 7516 section 4.1.12).
    fn nested_type(&self) -> &'static str;

    /// The header parameters that a message may list in `crit` because this format understands them (RFC 7515 section 4.1.11).
    fn understood(&self) -> &'static [&'static str] {
        &[]
    }

    /// Whether the claims travel in the header, so that there has to be a signature or encryption to carry one.
    fn needs_header(&self) -> bool {
        false
    }

    /// Makes a payload of a body and its claims.
    fn write(&self, claims: &Claims, body: &Body) -> Result<Written, FormatError>;

    /// Takes a payload apart. `header` is the protected header of the innermost object: the JWS of a signed message, else the
    /// JWE; `None` where neither is used.
    fn read(&self, payload: Bytes, header: Option<&ProtectedHeader>) -> Result<(Claims, Body), FormatError>;
}

/// A body with its media type.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Body {
    /// The bytes.
    pub bytes: Bytes,
    /// The media type, where it is known.
    pub media_type: Option<String>,
}

/// A payload, and what the protected header around it has to say.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Written {
    /// What is signed or encrypted.
    pub payload: Bytes,
    /// Parameters of the innermost protected header.
    pub header: Map<String, Value>,
}

/// A payload that is not of the format, or a body that the format cannot carry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FormatError {
    /// The payload is no claims set.
    #[error("the payload is not a JSON object with distinct names")]
    NotClaims,
    /// A claim is not what it has to be.
    #[error(transparent)]
    Claim(#[from] BadClaim),
    /// The body is not what its type says.
    #[error("the body is not {0}")]
    Body(&'static str),
    /// The format has its claims in a header, and there is none.
    #[error("there is no protected header for the claims")]
    NoHeader,
    /// Another reason, of a format of your own.
    #[error("{0}")]
    Other(String),
}

/// The formats that `message.format` can name, by name.
#[derive(Debug, Clone)]
pub struct MessageFormats(BTreeMap<&'static str, Arc<dyn MessageFormat>>);

impl Default for MessageFormats {
    fn default() -> Self {
        Self(BTreeMap::new()).with(Jwt).with(Raw)
    }
}

impl MessageFormats {
    /// Adds a format; one of the same name is replaced.
    #[must_use]
    pub fn with(mut self, format: impl MessageFormat) -> Self {
        self.0.insert(format.name(), Arc::new(format));
        self
    }

    /// The format of that name.
    pub fn find(&self, name: &str) -> Option<Arc<dyn MessageFormat>> {
        self.0.get(name).map(Arc::clone)
    }

    /// The names, in alphabetical order.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.0.keys().copied()
    }
}

/// The media type of JSON.
const JSON: &str = "application/json";

/// A media type without its parameters, in lower case: `application/json`.
pub(crate) fn essence(media_type: &str) -> String {
    let essence = media_type.split(';').next().unwrap_or_default();
    essence.trim().to_ascii_lowercase()
}

/// Whether that type is JSON (RFC 8259), or has its syntax (RFC 6839 section 3.1).
fn is_json_type(essence: &str) -> bool {
    essence == JSON || essence.ends_with("+json")
}

/// Whether this can be a field value: what a message says its type is becomes a `Content-Type`.
fn is_media_type(text: &str) -> bool {
    text.len() <= 256
        && http::HeaderValue::from_str(text).is_ok()
        && essence(text).split_once('/').is_some_and(|(kind, subtype)| {
            let token = |part: &str| {
                !part.is_empty()
                    && part
                        .bytes()
                        .all(|b| b.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&b))
            };
            token(kind) && token(subtype)
        })
}

#[cfg(test)]
mod tests;
