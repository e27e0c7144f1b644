//! The protected header, read strictly.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::base64url;
use super::failure::printable;

/// The longest header that is read or written, encoded.
pub(super) const LONGEST: usize = 8 * 1024;
/// The deepest nesting that is read, the header itself included.
const DEEPEST: usize = 8;

/// Names that RFC 7515, 7516 and 7518 define: `crit` must not list them (RFC 7515 section 4.1.11).
const REGISTERED: [&str; 19] = [
    "alg", "apu", "apv", "crit", "cty", "enc", "epk", "iv", "jku", "jwk", "kid", "p2c", "p2s", "tag", "typ",
    "x5c", "x5t", "x5t#S256", "x5u",
];

/// Names that are refused whatever they hold: they bring keys, have them fetched, inflate, or change what is signed.
const FORBIDDEN: [&str; 5] = ["jku", "x5u", "jwk", "zip", "b64"];

/// What is wrong with a protected header. Text of the peer is cut to 64 printable characters.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadHeader {
    /// More than 8 KiB encoded.
    #[error("the header is longer than {LONGEST} bytes")]
    TooLong,
    /// No base64url.
    #[error("the header is not base64url")]
    Encoding,
    /// No JSON object, a name twice, or nested too deeply.
    #[error("the header is not acceptable JSON: {0}")]
    Json(String),
    /// A required parameter is missing.
    #[error("the header has no `{0}`")]
    Missing(&'static str),
    /// A parameter of another type than its standard says.
    #[error("`{0}` in the header is not the text that it should be")]
    NotText(&'static str),
    /// A parameter that is never accepted.
    #[error("`{0}` in the header is not accepted")]
    Forbidden(&'static str),
    /// `crit` itself breaks its rules (RFC 7515 section 4.1.11).
    #[error("`crit` in the header {0}")]
    Critical(&'static str),
    /// `crit` names something that is not understood here.
    #[error("`crit` in the header demands `{0}`, which is not understood")]
    NotUnderstood(String),
    /// The ephemeral key is not of the key's curve, or not well formed.
    #[error("`epk` in the header is no public key on the key's curve")]
    EphemeralKey,
    /// A parameter that the writer sets itself was given to it.
    #[error("`{0}` is set by the key, not by the caller")]
    Reserved(String),
}

/// The protected header of a message that was read.
///
/// A JSON object without repeated names at any depth, at most 8 KiB encoded, at most 8 levels deep; `alg` is text, and so are
/// `enc`, `kid`, `cty` and `typ` where they stand; `jku`, `x5u`, `jwk`, `zip` and `b64` do not stand in it, and `crit`, where it
/// stands, names only what its reader understood.
#[derive(Clone, Debug, PartialEq)]
pub struct ProtectedHeader {
    members: Map<String, Value>,
    crit: Vec<String>,
}

impl ProtectedHeader {
    /// Reads the first segment of a compact form. `understood` are the names that the caller obeys when `crit` lists them.
    pub(super) fn read(segment: &[u8], understood: &[&str]) -> Result<Self, BadHeader> {
        if segment.len() > LONGEST {
            return Err(BadHeader::TooLong);
        }
        let json = base64url::decode(segment).ok_or(BadHeader::Encoding)?;
        let members = object(&json)?;
        if let Some(name) = FORBIDDEN.into_iter().find(|name| members.contains_key(*name)) {
            return Err(BadHeader::Forbidden(name));
        }
        if !members.contains_key("alg") {
            return Err(BadHeader::Missing("alg"));
        }
        for name in ["alg", "enc", "kid", "cty", "typ"] {
            if members.get(name).is_some_and(|value| !value.is_string()) {
                return Err(BadHeader::NotText(name));
            }
        }
        let crit = critical(&members)?;
        if let Some(name) = crit.iter().find(|name| !understood.contains(&name.as_str())) {
            return Err(BadHeader::NotUnderstood(printable(name)));
        }
        Ok(Self { members, crit })
    }

    /// `alg`.
    pub fn alg(&self) -> &str {
        self.text("alg").unwrap_or_default()
    }

    /// `enc`, which an encrypted message has.
    pub fn enc(&self) -> Option<&str> {
        self.text("enc")
    }

    /// `kid`: which key the sender means.
    pub fn kid(&self) -> Option<&str> {
        self.text("kid")
    }

    /// `cty`: the type of what is inside.
    pub fn cty(&self) -> Option<&str> {
        self.text("cty")
    }

    /// `typ`: the type of the whole.
    pub fn typ(&self) -> Option<&str> {
        self.text("typ")
    }

    /// Any parameter.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.members.get(name)
    }

    /// The names that `crit` lists.
    pub fn crit(&self) -> &[String] {
        &self.crit
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.members.get(name)?.as_str()
    }
}

/// The names that `crit` lists, by the rules of RFC 7515 section 4.1.11.
pub(super) fn critical(members: &Map<String, Value>) -> Result<Vec<String>, BadHeader> {
    let Some(value) = members.get("crit") else {
        return Ok(Vec::new());
    };
    let list = value.as_array().ok_or(BadHeader::Critical("is no list"))?;
    if list.is_empty() {
        return Err(BadHeader::Critical("is empty"));
    }
    let mut names: Vec<String> = Vec::with_capacity(list.len());
    for item in list {
        let name = item
            .as_str()
            .ok_or(BadHeader::Critical("lists something that is no text"))?;
        if REGISTERED.contains(&name) || FORBIDDEN.contains(&name) {
            return Err(BadHeader::Critical(
                "lists a name that every reader must understand",
            ));
        }
        if !members.contains_key(name) {
            return Err(BadHeader::Critical(
                "lists a name that does not stand in the header",
            ));
        }
        // At most some thousand names fit into a header.
        if names.iter().any(|known| known == name) {
            return Err(BadHeader::Critical("lists a name twice"));
        }
        names.push(name.to_owned());
    }
    Ok(names)
}

fn object(json: &[u8]) -> Result<Map<String, Value>, BadHeader> {
    let bad = |error: serde_json::Error| BadHeader::Json(printable(&error.to_string()));
    let mut reader = serde_json::Deserializer::from_slice(json);
    let value = Strict { levels: DEEPEST }.deserialize(&mut reader).map_err(bad)?;
    reader.end().map_err(bad)?;
    match value {
        Value::Object(members) => Ok(members),
        _ => Err(BadHeader::Json("it is no object".to_owned())),
    }
}

/// Reads a value of at most so many levels, and refuses a name that an object repeats.
struct Strict {
    levels: usize,
}

impl Strict {
    fn below<E: serde::de::Error>(&self) -> Result<usize, E> {
        self.levels
            .checked_sub(1)
            .ok_or_else(|| E::custom("it is nested too deeply"))
    }
}

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let levels = self.below()?;
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(Self { levels })? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let levels = self.below()?;
        let mut members = Map::new();
        while let Some(name) = items.next_key::<String>()? {
            let value = items.next_value_seed(Self { levels })?;
            if members.insert(name, value).is_some() {
                return Err(A::Error::custom("a name stands in it twice"));
            }
        }
        Ok(Value::Object(members))
    }
}
