//! The body that a request is supposed to have.

use std::fmt;
use std::path::Path;

use http::HeaderValue;
use http::header::CONTENT_TYPE;
use palisade_endpoint::Probe;
use serde::Serialize;

use crate::commands::input;
use crate::outcome::Failure;

/// What is supposed.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(in crate::commands) struct SupposedBody {
    /// How many bytes it has.
    bytes: usize,
    /// Its media type; none where nobody says one.
    content_type: Option<String>,
    /// Whether the type is that of the file's name alone.
    is_by_name: bool,
    /// What is unusual about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
}

/// Reads the body, and supposes it; its media type by the file's name, where no field says it.
pub(in crate::commands) fn suppose(
    file: &Path,
    is_soap: bool,
    probe: &mut Probe,
) -> Result<SupposedBody, Failure> {
    let body = input::read(Some(file))?;
    let by_name = media_type(file, is_soap).filter(|_| !probe.headers.contains_key(CONTENT_TYPE));
    if let Some(media_type) = by_name {
        probe
            .headers
            .insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    }
    let content_type = probe.headers.get(CONTENT_TYPE);
    let content_type = content_type.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    let hint = if probe.method.is_safe() && !body.is_empty() {
        Some(format!(
            "{} requests hardly ever have a body: was POST meant?",
            probe.method
        ))
    } else if content_type.is_none() {
        Some("no Content-Type is supposed: --header content-type:TYPE gives one".to_owned())
    } else {
        None
    };
    let bytes = body.len();
    probe.body = Some(body.into());
    Ok(SupposedBody {
        bytes,
        content_type,
        is_by_name: by_name.is_some(),
        hint,
    })
}

/// The media type that a file's name tells.
fn media_type(file: &Path, is_soap: bool) -> Option<&'static str> {
    let extension = file.extension()?.to_str()?.to_ascii_lowercase();
    match extension.as_str() {
        "json" => Some("application/json"),
        "xml" if is_soap => Some("text/xml; charset=utf-8"),
        "xml" => Some("application/xml"),
        "jose" => Some("application/jose"),
        _ => None,
    }
}

impl fmt::Display for SupposedBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.bytes)?;
        if let Some(content_type) = &self.content_type {
            write!(f, ", {}", content_type.escape_debug())?;
        }
        if self.is_by_name {
            f.write_str(" (by the name of the file)")?;
        }
        match &self.hint {
            Some(hint) => write!(f, "; {hint}"),
            None => Ok(()),
        }
    }
}
