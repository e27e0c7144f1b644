//! The boundary that a media type names.

use http::HeaderValue;

use super::parameter::{Parameters, token};

/// RFC 2046 section 5.1.1.
const LONGEST: usize = 70;

const MARK: &[u8] = b"\r\n--";

/// What parts a body: the boundary behind a line break and two hyphens.
#[derive(Debug)]
pub(super) struct Delimiter {
    bytes: [u8; MARK.len() + LONGEST],
    length: usize,
}

impl Delimiter {
    /// The delimiter that a media type names; `None` where it is not `multipart/form-data` or has not exactly one boundary.
    pub(super) fn of(content_type: &HeaderValue) -> Option<Self> {
        let (kind, parameters) = media_type(content_type.to_str().ok()?)?;
        if !kind.eq_ignore_ascii_case("multipart/form-data") {
            return None;
        }
        let mut boundary = None;
        for parameter in parameters {
            let parameter = parameter.ok()?;
            if parameter.name.eq_ignore_ascii_case("boundary") && boundary.replace(parameter.value).is_some()
            {
                return None;
            }
        }
        Self::new(boundary?.as_bytes())
    }

    fn new(boundary: &[u8]) -> Option<Self> {
        let is_allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b"'()+_,-./:=? ".contains(byte);
        if !boundary.iter().all(is_allowed) || boundary.last().is_none_or(|last| *last == b' ') {
            return None;
        }
        let mut delimiter = Self {
            bytes: [0; MARK.len() + LONGEST],
            length: MARK.len() + boundary.len(),
        };
        let (mark, rest) = delimiter.bytes.split_at_mut_checked(MARK.len())?;
        mark.copy_from_slice(MARK);
        rest.get_mut(..boundary.len())?.copy_from_slice(boundary);
        Some(delimiter)
    }

    /// As it stands between parts.
    pub(super) fn with_line_break(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }

    /// As it stands before the first part.
    pub(super) fn bare(&self) -> &[u8] {
        let delimiter = self.with_line_break();
        delimiter.strip_prefix(super::LINE_BREAK).unwrap_or(delimiter)
    }
}

/// A media type without its parameters, and those.
pub(super) fn media_type(text: &str) -> Option<(&str, Parameters<'_>)> {
    let (_, rest) = token(text)?;
    let (_, rest) = token(rest.strip_prefix('/')?)?;
    let (kind, parameters) = text.split_at_checked(text.len() - rest.len())?;
    Some((kind, Parameters(parameters)))
}
