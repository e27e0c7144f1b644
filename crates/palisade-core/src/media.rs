//! Media types (RFC 9110 section 8.3.1), read strictly: what cannot be read for one is none.

use std::borrow::Cow;
use std::fmt;

use http::header::{CONTENT_TYPE, HeaderMap, HeaderValue};

/// A media type with its parameters.
///
/// ```
/// use palisade_core::media::MediaType;
///
/// let media_type = MediaType::parse("application/problem+json; charset=\"UTF-8\"").unwrap();
/// assert!(media_type.is_json() && media_type.is_utf8());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaType<'a> {
    kind: &'a str,
    subtype: &'a str,
    parameters: Vec<(&'a str, Cow<'a, str>)>,
}

/// A text that is no media type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no media type")]
pub struct NoMediaType;

impl<'a> MediaType<'a> {
    /// Reads one. A parameter that is there twice makes it none: nobody knows which one a reader takes.
    pub fn parse(text: &'a str) -> Result<Self, NoMediaType> {
        let (essence, mut rest) = text.split_once(';').unwrap_or((text, ""));
        let (kind, subtype) = essence
            .trim_matches([' ', '\t'])
            .split_once('/')
            .ok_or(NoMediaType)?;
        if !is_token(kind) || !is_token(subtype) {
            return Err(NoMediaType);
        }
        let mut parameters: Vec<(&str, Cow<'_, str>)> = Vec::new();
        while let Some(parameter) = next_parameter(&mut rest)? {
            // `charset*` is the same parameter in another notation (RFC 8187).
            let is_known =
                |(known, _): &(&str, Cow<'_, str>)| base_of(known).eq_ignore_ascii_case(base_of(parameter.0));
            if parameters.iter().any(is_known) {
                return Err(NoMediaType);
            }
            parameters.push(parameter);
        }
        Ok(Self {
            kind,
            subtype,
            parameters,
        })
    }

    /// That of a message, by its `Content-Type`: `None` where it has none. Two of them are none that can be read.
    pub fn of(headers: &'a HeaderMap) -> Result<Option<Self>, NoMediaType> {
        let mut values = headers.get_all(CONTENT_TYPE).iter();
        match (values.next(), values.next()) {
            (None, _) => Ok(None),
            (Some(value), None) => Self::of_value(value).map(Some),
            (Some(_), Some(_)) => Err(NoMediaType),
        }
    }

    /// That of a field's value.
    pub fn of_value(value: &'a HeaderValue) -> Result<Self, NoMediaType> {
        Self::parse(value.to_str().map_err(|_| NoMediaType)?)
    }

    /// The top-level type, such as `application`.
    pub fn kind(&self) -> &'a str {
        self.kind
    }

    /// The subtype, such as `problem+json`.
    pub fn subtype(&self) -> &'a str {
        self.subtype
    }

    /// The structured syntax suffix (RFC 6839), such as `json`; empty where there is none.
    pub fn suffix(&self) -> &'a str {
        self.subtype.rsplit_once('+').map_or("", |(_, suffix)| suffix)
    }

    /// A parameter, with quotes and escapes undone.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        let found = self
            .parameters
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_ref())
    }

    /// All parameters, in order.
    pub fn parameters(&self) -> impl Iterator<Item = (&str, &str)> {
        self.parameters
            .iter()
            .map(|(name, value)| (*name, value.as_ref()))
    }

    /// Whether type and subtype are these, whatever the parameters.
    pub fn is(&self, kind: &str, subtype: &str) -> bool {
        self.kind.eq_ignore_ascii_case(kind) && self.subtype.eq_ignore_ascii_case(subtype)
    }

    /// Whether it is JSON: `application/json`, `text/json`, which some frameworks offer beside it, or has the suffix `+json`.
    pub fn is_json(&self) -> bool {
        self.is("application", "json")
            || self.is("text", "json")
            || self.suffix().eq_ignore_ascii_case("json")
    }

    /// Whether it is XML: `application/xml`, `text/xml`, or has the suffix `+xml` (RFC 7303).
    pub fn is_xml(&self) -> bool {
        self.is("application", "xml") || self.is("text", "xml") || self.suffix().eq_ignore_ascii_case("xml")
    }

    /// Whether it says that its text is UTF-8, or says nothing of it.
    pub fn is_utf8(&self) -> bool {
        let charsets = || {
            let named = |name: &str| base_of(name).eq_ignore_ascii_case("charset");
            self.parameters.iter().filter(move |(name, _)| named(name))
        };
        charsets().all(|(name, value)| !name.ends_with('*') && value.eq_ignore_ascii_case("utf-8"))
    }
}

impl fmt::Display for MediaType<'_> {
    /// Without its parameters.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind, self.subtype)
    }
}

fn base_of(name: &str) -> &str {
    name.trim_end_matches('*')
}

/// RFC 9110 section 5.6.2.
pub fn is_token(text: &str) -> bool {
    let mut bytes = text.bytes();
    !text.is_empty() && bytes.all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

/// Takes the next parameter off. Empty ones are passed by (RFC 9110 section 5.6.6).
fn next_parameter<'a>(rest: &mut &'a str) -> Result<Option<(&'a str, Cow<'a, str>)>, NoMediaType> {
    *rest = rest.trim_start_matches([' ', '\t', ';']);
    if rest.is_empty() {
        return Ok(None);
    }
    let (name, behind) = rest.split_once('=').ok_or(NoMediaType)?;
    if !is_token(name) {
        return Err(NoMediaType);
    }
    let (value, behind) = if let Some(quoted) = behind.strip_prefix('"') {
        unquote(quoted)?
    } else {
        let end = behind.find([';', ' ', '\t']).unwrap_or(behind.len());
        let (value, behind) = behind.split_at(end);
        if !is_token(value) {
            return Err(NoMediaType);
        }
        (Cow::Borrowed(value), behind)
    };
    let behind = behind.trim_start_matches([' ', '\t']);
    if !behind.is_empty() && !behind.starts_with(';') {
        return Err(NoMediaType);
    }
    *rest = behind;
    Ok(Some((name, value)))
}

/// A quoted string (RFC 9110 section 5.6.4) whose first quote is taken off, and what follows it.
fn unquote(text: &str) -> Result<(Cow<'_, str>, &str), NoMediaType> {
    let end = text.find(['"', '\\']).ok_or(NoMediaType)?;
    let (plain, mark) = text.split_at(end);
    if let Some(behind) = mark.strip_prefix('"') {
        return Ok((Cow::Borrowed(plain), behind));
    }
    let mut value = plain.to_owned();
    let mut characters = mark.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Ok((Cow::Owned(value), mark.get(at + 1..).unwrap_or_default())),
            '\\' => value.push(characters.next().ok_or(NoMediaType)?.1),
            other => value.push(other),
        }
    }
    Err(NoMediaType)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::{MediaType, NoMediaType};

    #[rstest]
    #[case("application/json", true, false, true)]
    #[case("Application/JSON;charset=UTF-8", true, false, true)]
    #[case("application/vnd.x+json; charset=\"utf-8\"", true, false, true)]
    #[case("application/json; charset=iso-8859-1", true, false, false)]
    #[case("application/json; charset*=utf-8''utf-8", true, false, false)]
    #[case("text/xml ; charset=utf-8", false, true, true)]
    #[case("application/soap+xml; action=\"a;b\\\"c\"; charset=utf-8", false, true, true)]
    #[case("application/soap+xml;; ;", false, true, true)]
    #[case("application/jsonx", false, false, true)]
    #[case("text/plain", false, false, true)]
    fn media_types_are_told_apart(
        #[case] text: &str,
        #[case] json: bool,
        #[case] xml: bool,
        #[case] utf8: bool,
    ) {
        let media_type = MediaType::parse(text).unwrap();
        assert_eq!(
            (media_type.is_json(), media_type.is_xml(), media_type.is_utf8()),
            (json, xml, utf8)
        );
    }

    #[rstest]
    #[case("")]
    #[case("json")]
    #[case("application/")]
    #[case("/json")]
    #[case("application/json, text/plain")]
    #[case("application /json")]
    #[case("application/json; charset")]
    #[case("application/json; charset=")]
    #[case("application/json; charset=utf-8 x")]
    #[case("application/json; charset=\"utf-8")]
    #[case("application/json; charset=\"utf-8\\")]
    #[case("application/json; charset=utf-8; charset=utf-8")]
    #[case("application/json; charset=utf-8; CHARSET*=utf-16''x")]
    #[case("application/json; charset =utf-8")]
    fn what_is_no_media_type_is_none(#[case] text: &str) {
        assert_eq!(MediaType::parse(text), Err(NoMediaType));
    }

    #[test]
    fn parameters_are_read_with_quotes_and_escapes_undone() {
        let media_type = MediaType::parse(r#"multipart/form-data; Boundary="a b\"c;"; x=y"#).unwrap();
        assert_eq!(media_type.parameter("boundary"), Some("a b\"c;"));
        assert_eq!(
            media_type.parameters().collect::<Vec<_>>(),
            [("Boundary", "a b\"c;"), ("x", "y")]
        );
    }
}
