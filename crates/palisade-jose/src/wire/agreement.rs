//! The parameters of a key agreement (RFC 7518 section 4.6.1).

use josekit::jwe::JweHeader;
use palisade_keystore::KeyAlgorithm;
use serde_json::{Map, Value};

use super::base64url::decode;
use super::header::{BadHeader, ProtectedHeader};

/// What josekit is given of a header: the ephemeral key and the names of the parties, and nothing else.
///
/// The coordinates have the length of the curve, as RFC 7518 section 6.2.1.2 demands; whether the point lies on the curve is
/// checked when it is parsed.
pub(crate) fn parameters(header: &ProtectedHeader, key: &KeyAlgorithm) -> Result<JweHeader, BadHeader> {
    let (curve, coordinate) = match key {
        KeyAlgorithm::EcP256 => ("P-256", 32),
        KeyAlgorithm::EcP384 => ("P-384", 48),
        KeyAlgorithm::EcP521 => ("P-521", 66),
        _ => return Err(BadHeader::EphemeralKey),
    };
    let given = match header.get("epk") {
        Some(Value::Object(given)) => given,
        Some(_) => return Err(BadHeader::EphemeralKey),
        None => return Err(BadHeader::Missing("epk")),
    };
    let text = |name| given.get(name).and_then(Value::as_str);
    let is_coordinate = |name| {
        text(name)
            .and_then(|text| decode(text.as_bytes()))
            .is_some_and(|bytes| bytes.len() == coordinate)
    };
    if text("kty") != Some("EC") || text("crv") != Some(curve) || !is_coordinate("x") || !is_coordinate("y") {
        return Err(BadHeader::EphemeralKey);
    }
    let mut point = Map::new();
    for name in ["kty", "crv", "x", "y"] {
        if let Some(value) = given.get(name) {
            point.insert(name.to_owned(), value.clone());
        }
    }
    let mut parameters = JweHeader::new();
    set(&mut parameters, "epk", Value::Object(point))?;
    for name in ["apu", "apv"] {
        match header.get(name) {
            None => {}
            Some(Value::String(party)) if decode(party.as_bytes()).is_some() => {
                set(&mut parameters, name, Value::from(party.as_str()))?;
            }
            Some(_) => return Err(BadHeader::NotText(name)),
        }
    }
    Ok(parameters)
}

fn set(parameters: &mut JweHeader, name: &'static str, value: Value) -> Result<(), BadHeader> {
    parameters
        .set_claim(name, Some(value))
        .map_err(|_| BadHeader::EphemeralKey)
}
