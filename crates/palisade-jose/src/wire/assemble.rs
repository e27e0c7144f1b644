//! Writing the protected header.

use serde_json::{Map, Value};

use super::base64url::encoded_len;
use super::header::{BadHeader, LONGEST, critical};

/// Names that the key sets itself, or that are never written.
const RESERVED: [&str; 11] = [
    "alg", "enc", "kid", "epk", "apu", "apv", "jku", "x5u", "jwk", "zip", "b64",
];

/// The header as JSON: `head` (an object without its last brace), then `own`, then `extra`.
pub(super) fn header(
    head: &[u8],
    own: Option<(&str, &Value)>,
    extra: &Map<String, Value>,
) -> Result<Vec<u8>, BadHeader> {
    if let Some(name) = RESERVED.into_iter().find(|name| extra.contains_key(*name)) {
        return Err(BadHeader::Reserved(name.to_owned()));
    }
    critical(extra)?;
    let mut json = Vec::with_capacity(head.len() + if own.is_some() { 320 } else { 160 });
    json.extend_from_slice(head);
    let extra = extra.iter().map(|(name, value)| (name.as_str(), value));
    for (name, value) in own.into_iter().chain(extra) {
        json.push(b',');
        write(&mut json, name)?;
        json.push(b':');
        write(&mut json, value)?;
    }
    json.push(b'}');
    if encoded_len(json.len()) > LONGEST {
        return Err(BadHeader::TooLong);
    }
    Ok(json)
}

fn write(json: &mut Vec<u8>, value: impl serde::Serialize) -> Result<(), BadHeader> {
    serde_json::to_writer(json, &value).map_err(|error| BadHeader::Json(error.to_string()))
}
