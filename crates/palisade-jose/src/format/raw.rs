//! `raw`: the body alone, and the claims in the protected header.

use bytes::Bytes;
use serde_json::Value;

use super::{Body, FormatError, MessageFormat, Written, is_media_type};
use crate::claims::{Claims, NAMES};
use crate::wire::ProtectedHeader;

/// The format `raw`: the payload is the body itself.
///
/// 1. `cty` names the type of the body; `application/` in front of a type without another slash may be left out (RFC 7515
///    section 4.1.10).
/// 2. The claims are parameters of the protected header that is closest to the body: of the JWS where the message is signed,
///    else of the JWE. They are written with `crit`, so that a reader who does not know them refuses the message.
/// 3. They are read wherever the protected header has them, listed in `crit` or not: they are protected either way, and many
///    libraries cannot write `crit`.
#[derive(Debug, Clone, Copy, Default)]
pub struct Raw;

impl MessageFormat for Raw {
    fn name(&self) -> &'static str {
        "raw"
    }

    fn nested_type(&self) -> &'static str {
        "jose"
    }

    fn understood(&self) -> &'static [&'static str] {
        &NAMES
    }

    fn needs_header(&self) -> bool {
        true
    }

    fn write(&self, claims: &Claims, body: &Body) -> Result<Written, FormatError> {
        let mut header = serde_json::Map::new();
        if let Some(media_type) = body.media_type.as_deref().filter(|text| is_media_type(text)) {
            header.insert("cty".to_owned(), media_type.into());
        }
        let claims = claims.write();
        if !claims.is_empty() {
            let names: Vec<Value> = claims.keys().map(|name| name.as_str().into()).collect();
            header.insert("crit".to_owned(), names.into());
            header.extend(claims);
        }
        Ok(Written {
            payload: body.bytes.clone(),
            header,
        })
    }

    fn read(&self, payload: Bytes, header: Option<&ProtectedHeader>) -> Result<(Claims, Body), FormatError> {
        let header = header.ok_or(FormatError::NoHeader)?;
        let mut claims = Claims::default();
        for name in NAMES {
            if let Some(value) = header.get(name) {
                claims.read(name, value)?;
            }
        }
        let media_type = header.cty().map(whole_type).transpose()?;
        Ok((
            claims,
            Body {
                bytes: payload,
                media_type,
            },
        ))
    }
}

/// The media type that `cty` stands for.
fn whole_type(cty: &str) -> Result<String, FormatError> {
    let kind = cty.split(';').next().unwrap_or_default();
    let whole = if kind.contains('/') {
        cty.to_owned()
    } else {
        format!("application/{cty}")
    };
    if is_media_type(&whole) {
        Ok(whole)
    } else {
        Err(FormatError::Body("of a media type"))
    }
}
