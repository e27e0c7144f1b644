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

/// When a token is good, with the skew that is allowed for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Times {
    /// From then on it is expired.
    end: SystemTime,
    /// Before them it is not valid yet, or not issued.
    not_before: Option<SystemTime>,
    issued: Option<SystemTime>,
}

impl Times {
    /// Reads them (RFC 7519 sections 4.1.4 to 4.1.6). The moment of `exp` itself is too late already.
    fn read(claims: &Members<'_>, skew: Duration) -> Result<Self, BadToken> {
        let later = |time: SystemTime| time.checked_add(skew).unwrap_or(time);
        let sooner = |time: SystemTime| time.checked_sub(skew).unwrap_or(time);
        Ok(Self {
            end: later(expiry(claims)?),
            not_before: time(claims, "nbf")?.map(sooner),
            issued: time(claims, "iat")?.map(sooner),
        })
    }

    /// Whether the token is good at that time.
    pub(super) fn check(&self, now: SystemTime) -> Result<(), BadToken> {
        if now >= self.end {
            return Err(BadToken::Expired);
        }
        if self.not_before.is_some_and(|not_before| now < not_before) {
            return Err(BadToken::NotYetValid);
        }
        if self.issued.is_some_and(|issued| now < issued) {
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
    let times = Times::read(&claims, rules.clock_skew)?;
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
        expires_at: expiry(&claims)?,
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

fn expiry(claims: &Members<'_>) -> Result<SystemTime, BadToken> {
    time(claims, "exp")?.ok_or(BadToken::Missing("exp"))
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
