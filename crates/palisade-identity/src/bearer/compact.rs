//! The compact form and the header, read strictly, before any key is touched.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::algorithm::TokenAlgorithm;
use super::bad_token::{BadToken, printable};
use super::json::{self, BadJson, Json, Members};

/// The longest token, in bytes.
pub(super) const MAX_TOKEN: usize = 16 * 1024;

/// A token in its parts. Nothing of it is trusted yet.
pub(super) struct Compact<'a> {
    pub(super) header: Header,
    /// What the signature is about.
    pub(super) signed: &'a [u8],
    pub(super) signature: Vec<u8>,
    payload: &'a str,
}

/// What counts of a header.
pub(super) struct Header {
    pub(super) algorithm: TokenAlgorithm,
    pub(super) kid: Option<String>,
}

impl<'a> Compact<'a> {
    /// Takes a token apart; `accepted` are the algorithms that its header may name.
    pub(super) fn read(token: &'a str, accepted: &[TokenAlgorithm]) -> Result<Self, BadToken> {
        if token.len() > MAX_TOKEN {
            return Err(BadToken::TooLong);
        }
        if !is_token(token) {
            return Err(BadToken::NotAToken);
        }
        let mut parts = token.split('.');
        let (Some(header), Some(payload), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(BadToken::NotCompact);
        };
        let signed = token.as_bytes().get(..header.len() + 1 + payload.len());
        Ok(Self {
            header: Header::read(&decode("header", header)?, accepted)?,
            signed: signed.ok_or(BadToken::NotCompact)?,
            signature: decode("signature", signature)?,
            payload,
        })
    }

    /// The claims set, still encoded in JSON. It means nothing before the signature is verified.
    pub(super) fn payload(&self) -> Result<Vec<u8>, BadToken> {
        decode("payload", self.payload)
    }
}

impl Header {
    fn read(json: &[u8], accepted: &[TokenAlgorithm]) -> Result<Self, BadToken> {
        let members = members("header", json)?;
        if members.contains_key("crit") {
            return Err(BadToken::Critical);
        }
        if let Some(kind) = text(&members, "typ")?
            && !is_access_token(kind)
        {
            return Err(BadToken::Type(printable(kind)));
        }
        let name = text(&members, "alg")?.ok_or(BadToken::Header("alg"))?;
        let algorithm = TokenAlgorithm::named(name).filter(|algorithm| accepted.contains(algorithm));
        Ok(Self {
            algorithm: algorithm.ok_or_else(|| BadToken::Algorithm(printable(name)))?,
            kid: text(&members, "kid")?.map(str::to_owned),
        })
    }
}

/// A JSON object that is a part of a token.
pub(super) fn members<'a>(part: &'static str, json: &'a [u8]) -> Result<Members<'a>, BadToken> {
    json::object(json).map_err(|bad| match bad {
        BadJson::NotAnObject => BadToken::NotJson(part),
        BadJson::DuplicateName => BadToken::DuplicateName(part),
    })
}

fn text<'a>(members: &'a Members<'_>, name: &'static str) -> Result<Option<&'a str>, BadToken> {
    members
        .get(name)
        .map(|value| Json::text(value).ok_or(BadToken::Header(name)))
        .transpose()
}

/// `JWT` (RFC 7519 section 5.1) or `at+jwt` (RFC 9068 section 2.1), with or without `application/` (RFC 7515 section 4.1.9).
/// Media types do not know upper from lower case.
fn is_access_token(kind: &str) -> bool {
    let prefix = "application/";
    let bare = match kind.split_at_checked(prefix.len()) {
        Some((start, rest)) if start.eq_ignore_ascii_case(prefix) => rest,
        _ => kind,
    };
    bare.eq_ignore_ascii_case("JWT") || bare.eq_ignore_ascii_case("at+jwt")
}

/// `b64token` of RFC 6750 section 2.1.
fn is_token(text: &str) -> bool {
    let body = text.trim_end_matches('=');
    !body.is_empty()
        && body
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte))
}

fn decode(part: &'static str, text: &str) -> Result<Vec<u8>, BadToken> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| BadToken::Encoding(part))
}
