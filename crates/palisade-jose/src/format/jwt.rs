//! `jwt`: a claims set with the body in it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use serde_json::{Map, Value};

use super::{Body, FormatError, JSON, MessageFormat, Written, essence, is_json_type, is_media_type};
use crate::claims::Claims;
use crate::json;
use crate::wire::ProtectedHeader;

/// The most members of a claims set.
const MOST_CLAIMS: usize = 64;
/// The longest claim that is read, in bytes.
const LONGEST_CLAIM: usize = 64 * 1024;

/// The format `jwt`: the payload is a claims set (RFC 7519 section 4) `{"iat", "exp", "jti", "htm", "htu", "body"}`.
///
/// 1. A JSON body stands in `body` as JSON, byte for byte; where its type is not `application/json`, `cty` names it.
/// 2. Any other body stands in `body` as base64url without padding, and `cty` names its type. So does text that is called JSON
///    and is not, and a JSON string under a type of its own.
/// 3. An empty body is no `body`.
/// 4. Names may not repeat. Claims that are not known are left alone.
#[derive(Debug, Clone, Copy, Default)]
pub struct Jwt;

impl MessageFormat for Jwt {
    fn name(&self) -> &'static str {
        "jwt"
    }

    fn nested_type(&self) -> &'static str {
        "JWT"
    }

    fn write(&self, claims: &Claims, body: &Body) -> Result<Written, FormatError> {
        let mut map = claims.write();
        if body.bytes.is_empty() {
            return Ok(payload(head(&map)));
        }
        let media_type = body
            .media_type
            .as_deref()
            .filter(|text| is_media_type(text))
            .unwrap_or("application/octet-stream");
        let essence = essence(media_type);
        let is_string = || body.bytes.trim_ascii_start().first() == Some(&b'"');
        let stands_as_json =
            is_json_type(&essence) && (essence == JSON || !is_string()) && json::is_json(&body.bytes);
        if !stands_as_json || essence != JSON {
            map.insert("cty".to_owned(), media_type.into());
        }
        let mut text = head(&map);
        // `{` alone, or members: either way the body comes last.
        text.pop();
        if !map.is_empty() {
            text.push(b',');
        }
        text.extend_from_slice(b"\"body\":");
        if stands_as_json {
            text.reserve_exact(body.bytes.len() + 1);
            text.extend_from_slice(&body.bytes);
            text.push(b'}');
        } else {
            text.push(b'"');
            text.extend_from_slice(URL_SAFE_NO_PAD.encode(&body.bytes).as_bytes());
            text.extend_from_slice(b"\"}");
        }
        Ok(payload(text))
    }

    fn read(&self, bytes: Bytes, _: Option<&ProtectedHeader>) -> Result<(Claims, Body), FormatError> {
        let members = json::members(&bytes, MOST_CLAIMS).ok_or(FormatError::NotClaims)?;
        let mut claims = Claims::default();
        let (mut body, mut media_type) = (None, None);
        for (position, member) in members.iter().enumerate() {
            if members
                .iter()
                .take(position)
                .any(|earlier| earlier.name == member.name)
            {
                return Err(FormatError::NotClaims);
            }
            if member.name == "body" {
                body = Some(member.value.clone());
                continue;
            }
            if !is_read(&member.name) {
                continue;
            }
            if member.value.len() > LONGEST_CLAIM {
                // Left alone like an unknown one, it would count as missing.
                return Err(FormatError::Other(format!(
                    "the claim {} is longer than {LONGEST_CLAIM} bytes",
                    member.name
                )));
            }
            let text = bytes.get(member.value.clone()).unwrap_or_default();
            let value: Value = serde_json::from_slice(text).map_err(|_| FormatError::NotClaims)?;
            if member.name == "cty" {
                let named = value.as_str().filter(|text| is_media_type(text));
                media_type = Some(named.ok_or(FormatError::Body("of a media type"))?.to_owned());
            } else {
                claims.read(&member.name, &value)?;
            }
        }
        let body = match body {
            None => Body::default(),
            Some(range) => carried(bytes.slice(range), media_type)?,
        };
        Ok((claims, body))
    }
}

fn is_read(name: &str) -> bool {
    name == "cty" || crate::claims::NAMES.contains(&name)
}

/// The claims as text.
fn head(map: &Map<String, Value>) -> Vec<u8> {
    // A map of texts and numbers can always be written.
    serde_json::to_vec(map).unwrap_or_default()
}

fn payload(text: Vec<u8>) -> Written {
    Written {
        payload: text.into(),
        header: Map::new(),
    }
}

/// The body out of the value of `body`.
fn carried(value: Bytes, media_type: Option<String>) -> Result<Body, FormatError> {
    let is_string = value.first() == Some(&b'"');
    match media_type {
        Some(media_type) if is_string => {
            let text: std::borrow::Cow<'_, str> =
                serde_json::from_slice(&value).map_err(|_| FormatError::Body("base64url"))?;
            let bytes = URL_SAFE_NO_PAD
                .decode(text.as_bytes())
                .map_err(|_| FormatError::Body("base64url"))?;
            Ok(Body {
                bytes: bytes.into(),
                media_type: Some(media_type),
            })
        }
        Some(media_type) if !is_json_type(&essence(&media_type)) => Err(FormatError::Body("base64url")),
        media_type => Ok(Body {
            bytes: value,
            media_type: Some(media_type.unwrap_or_else(|| JSON.to_owned())),
        }),
    }
}
