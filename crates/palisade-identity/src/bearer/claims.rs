//! The claims set of a token whose signature was verified (RFC 7519 section 4).

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::bad_token::BadToken;
use super::compact::members;
use super::json::{Json, Members};
use super::rules::Rules;
use super::token::Token;

/// The longest subject, in bytes.
const MAX_SUBJECT: usize = 512;
/// The end of the year 9999. What lies behind it is most likely a time in milliseconds.
const LATEST: u64 = 253_402_300_799;

/// When a token is good.
#[derive(Clone, Copy, Debug)]
pub(super) struct Times {
    expires_at: SystemTime,
    not_before: Option<SystemTime>,
    issued_at: Option<SystemTime>,
}

impl Times {
    /// Whether the token is good at that time (RFC 7519 sections 4.1.4 to 4.1.6).
    pub(super) fn check(&self, now: SystemTime, skew: Duration) -> Result<(), BadToken> {
        let by_more_than_skew =
            |later: SystemTime, earlier: SystemTime| later.duration_since(earlier).is_ok_and(|by| by > skew);
        // The moment of `exp` itself is too late already.
        if now.duration_since(self.expires_at).is_ok_and(|by| by >= skew) {
            return Err(BadToken::Expired);
        }
        if self
            .not_before
            .is_some_and(|not_before| by_more_than_skew(not_before, now))
        {
            return Err(BadToken::NotYetValid);
        }
        if self
            .issued_at
            .is_some_and(|issued_at| by_more_than_skew(issued_at, now))
        {
            return Err(BadToken::IssuedInTheFuture);
        }
        Ok(())
    }
}

/// Reads the claims and holds them against the rules, save for times, which are checked at each use.
pub(super) fn read(json: &[u8], rules: &Rules) -> Result<(Token, Times), BadToken> {
    let claims = members("payload", json)?;
    if text(&claims, "iss")? != rules.issuer {
        return Err(BadToken::Issuer);
    }
    if !is_for_us(&claims, &rules.audience)? {
        return Err(BadToken::Audience);
    }
    let times = Times {
        expires_at: time(&claims, "exp")?.ok_or(BadToken::Missing("exp"))?,
        not_before: time(&claims, "nbf")?,
        issued_at: time(&claims, "iat")?,
    };
    let scope = if claims.contains_key("scope") {
        "scope"
    } else {
        "scp"
    };
    let token = Token {
        subject: subject(&claims)?,
        roles: names(&claims, "roles")?,
        scopes: names(&claims, scope)?,
        certificate: certificate(&claims)?,
        expires_at: times.expires_at,
    };
    Ok((token, times))
}

fn text<'a>(claims: &'a Members<'_>, name: &'static str) -> Result<&'a str, BadToken> {
    let value = claims.get(name).ok_or(BadToken::Missing(name))?;
    value.text().ok_or(BadToken::Malformed(name))
}

/// `aud`: one text or several (RFC 7519 section 4.1.3).
fn is_for_us(claims: &Members<'_>, ours: &[String]) -> Result<bool, BadToken> {
    let is_ours = |text: &str| ours.iter().any(|audience| audience == text);
    match claims.get("aud").ok_or(BadToken::Missing("aud"))? {
        Json::Text(audience) => Ok(is_ours(audience)),
        Json::Array(several) => {
            let mut found = false;
            for audience in several {
                found |= is_ours(audience.text().ok_or(BadToken::Malformed("aud"))?);
            }
            Ok(found)
        }
        _ => Err(BadToken::Malformed("aud")),
    }
}

fn subject(claims: &Members<'_>) -> Result<Arc<str>, BadToken> {
    let subject = text(claims, "sub")?;
    let is_good =
        !subject.is_empty() && subject.len() <= MAX_SUBJECT && !subject.chars().any(char::is_control);
    is_good
        .then(|| Arc::from(subject))
        .ok_or(BadToken::Malformed("sub"))
}

/// A `NumericDate` (RFC 7519 section 2): seconds, and parts of them.
fn time(claims: &Members<'_>, name: &'static str) -> Result<Option<SystemTime>, BadToken> {
    let Some(value) = claims.get(name) else {
        return Ok(None);
    };
    let since = match value {
        Json::Integer(seconds) => Some(Duration::from_secs(*seconds)),
        Json::Fraction(seconds) => Duration::try_from_secs_f64(*seconds).ok(),
        _ => None,
    };
    let time = since
        .filter(|since| since.as_secs() <= LATEST)
        .and_then(|since| UNIX_EPOCH.checked_add(since));
    time.map(Some).ok_or(BadToken::Malformed(name))
}

/// Names in an array, or in one text with spaces between them; none where the claim is missing.
fn names(claims: &Members<'_>, name: &'static str) -> Result<Arc<[Arc<str>]>, BadToken> {
    match claims.get(name) {
        None => Ok(Arc::default()),
        Some(Json::Text(list)) => Ok(list
            .split(' ')
            .filter(|name| !name.is_empty())
            .map(Arc::from)
            .collect()),
        Some(Json::Array(items)) => items
            .iter()
            .map(|item| item.text().map(Arc::from).ok_or(BadToken::Malformed(name)))
            .collect(),
        Some(_) => Err(BadToken::Malformed(name)),
    }
}

/// `cnf` (RFC 7800 section 3.1). Each of its members has to be verified, and one kind is.
fn certificate(claims: &Members<'_>) -> Result<Option<[u8; 32]>, BadToken> {
    let Some(confirmation) = claims.get("cnf") else {
        return Ok(None);
    };
    let Json::Object(members) = confirmation else {
        return Err(BadToken::Malformed("cnf"));
    };
    let thumbprint = members.get("x5t#S256").filter(|_| members.len() == 1);
    let thumbprint = thumbprint.ok_or(BadToken::Confirmation)?.text();
    let hash = thumbprint.and_then(|text| URL_SAFE_NO_PAD.decode(text).ok());
    let hash = hash.and_then(|hash| <[u8; 32]>::try_from(hash).ok());
    hash.map(Some).ok_or(BadToken::Malformed("cnf"))
}
