//! Values written by `style` and `explode`, as a client writes them (OpenAPI 3.0.4 and 3.1.1, "Style Examples").

use std::fmt::Write as _;

use serde_json::Value;

use super::contract::{Parameter, members};

/// A parameter as it stands in a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Written {
    /// A segment of the path.
    Segment(String),
    /// Pairs of the query, or cookies.
    Pairs(Vec<String>),
    /// Lines of the header.
    Lines(Vec<String>),
}

/// Writes a value as its parameter has it. Nothing, where the style has no text for it.
pub(crate) fn write(parameter: &Parameter<'_>, value: &Value) -> Option<Written> {
    let name = parameter.name;
    let named = |text: String| Written::Pairs(vec![format!("{name}={text}")]);
    if parameter.is_json {
        return Some(named(encode(&value.to_string())));
    }
    let pieces = Pieces::of(value, parameter.place != "header")?;
    let is_spread = parameter.is_exploded && (value.is_array() || value.is_object());
    let joined = |delimiter: &str| {
        if parameter.is_exploded {
            pieces.spread().join(delimiter)
        } else {
            pieces.flat(delimiter)
        }
    };
    Some(match parameter.style {
        "simple" if parameter.place == "header" => Written::Lines(vec![joined(",")]),
        "simple" => Written::Segment(joined(",")),
        // A point within a word cannot be told from one between them.
        "label" if is_spread && pieces.flat("").contains('.') => return None,
        "label" if is_spread => Written::Segment(format!(".{}", joined("."))),
        "label" => Written::Segment(format!(".{}", joined(","))),
        "matrix" if is_spread => Written::Segment(format!(";{}", pieces.pairs(name).join(";"))),
        "matrix" => Written::Segment(format!(";{name}={}", joined(","))),
        "deepObject" => Written::Pairs(pieces.deep(name)),
        _ if is_spread => Written::Pairs(pieces.pairs(name)),
        "form" => named(pieces.flat(",")),
        "spaceDelimited" => named(pieces.flat("%20")),
        "pipeDelimited" => named(pieces.flat("%7C")),
        style => panic!("no style: {style}"),
    })
}

/// The words of a value, encoded, with the names that members have.
struct Pieces(Vec<(Option<String>, String)>);

impl Pieces {
    /// Of what styles can write: not null, not nothing, not one within another.
    fn of(value: &Value, is_encoded: bool) -> Option<Self> {
        let encode = |text: &str| if is_encoded { encode(text) } else { text.to_owned() };
        let word = |value: &Value| match value {
            Value::Null | Value::Array(_) | Value::Object(_) => None,
            word => Some(encode(&text(word))),
        };
        let pieces: Option<Vec<_>> = match value {
            Value::Array(items) => items.iter().map(|item| Some((None, word(item)?))).collect(),
            Value::Object(_) => members(value)
                .map(|(name, value)| Some((Some(encode(name)), word(value)?)))
                .collect(),
            value => word(value).map(|word| vec![(None, word)]),
        };
        pieces.filter(|pieces| !pieces.is_empty()).map(Self)
    }

    /// `a,b` and `k,a,l,b`.
    fn flat(&self, delimiter: &str) -> String {
        let words = self.0.iter().flat_map(|(name, text)| name.iter().chain([text]));
        words.map(String::as_str).collect::<Vec<_>>().join(delimiter)
    }

    /// `a` and `b`, or `k=a` and `l=b`.
    fn spread(&self) -> Vec<String> {
        let spread = self.0.iter().map(|(name, text)| match name {
            Some(name) => format!("{name}={text}"),
            None => text.clone(),
        });
        spread.collect()
    }

    /// `n=a` and `n=b`, or `k=a` and `l=b`.
    fn pairs(&self, own: &str) -> Vec<String> {
        let pairs = self.0.iter().map(|(name, text)| {
            let name = name.as_deref().unwrap_or(own);
            format!("{name}={text}")
        });
        pairs.collect()
    }

    /// `n[k]=a` and `n[l]=b`.
    fn deep(&self, own: &str) -> Vec<String> {
        let pairs = self.0.iter().map(|(name, text)| {
            let name = name.as_deref().unwrap_or_default();
            format!("{own}%5B{name}%5D={text}")
        });
        pairs.collect()
    }
}

/// The text of a value that is one word.
pub(crate) fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        value => value.to_string(),
    }
}

/// All but unreserved characters percent-encoded (RFC 3986 section 2.3).
pub(crate) fn encode(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            write!(encoded, "%{byte:02X}").unwrap();
        }
    }
    encoded
}

/// A body as a form: arrays as repeated fields, objects as JSON.
pub(crate) fn form(value: &Value) -> Option<String> {
    let mut pairs = Vec::new();
    for (name, value) in members(value) {
        match value {
            Value::Null => return None,
            Value::Array(items) if items.is_empty() => return None,
            Value::Array(items) => pairs.extend(
                items
                    .iter()
                    .map(|item| format!("{}={}", encode(name), encode(&text(item)))),
            ),
            value => pairs.push(format!("{}={}", encode(name), encode(&text(value)))),
        }
    }
    (!pairs.is_empty()).then(|| pairs.join("&"))
}

pub(crate) const BOUNDARY: &str = "a-boundary-of-parts";

/// A body of parts: words as text, and what is more as JSON.
pub(crate) fn multipart(value: &Value) -> Option<String> {
    let mut body = String::new();
    for (name, value) in members(value) {
        if value.is_null() {
            return None;
        }
        part(name, value, &mut body);
    }
    (!body.is_empty()).then(|| format!("{body}--{BOUNDARY}--\r\n"))
}

pub(crate) fn part(name: &str, value: &Value, body: &mut String) {
    let media_type = if value.is_object() || value.is_array() {
        "Content-Type: application/json\r\n"
    } else {
        ""
    };
    let text = text(value);
    write!(
        body,
        "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n{media_type}\r\n{text}\r\n"
    )
    .unwrap();
}
