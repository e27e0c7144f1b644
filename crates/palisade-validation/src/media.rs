//! Which media types are accepted.

use std::fmt;
use std::str::FromStr;

use palisade_core::media::{MediaType, is_token};

/// A media type, or a range of them, as settings have it: `application/json`, `application/*+json`, `text/*`, `*/*`; with parameters,
/// those must be there with these values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MediaRange {
    kind: Part,
    subtype: Part,
    parameters: Vec<(String, String)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Any,
    /// Any with that suffix behind a plus sign.
    Suffix(String),
    Is(String),
}

/// A text that is no range of media types.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a media type such as application/json, application/*+json or text/*")]
pub(crate) struct ParseRangeError;

impl FromStr for MediaRange {
    type Err = ParseRangeError;

    fn from_str(text: &str) -> Result<Self, ParseRangeError> {
        // A star is a character of tokens, so a range reads as a media type does.
        let range = MediaType::parse(text).map_err(|_| ParseRangeError)?;
        let kind = match range.kind() {
            "*" => Part::Any,
            kind if kind.contains('*') => return Err(ParseRangeError),
            kind => Part::Is(kind.to_owned()),
        };
        let subtype = match range.subtype() {
            "*" => Part::Any,
            subtype => match subtype.strip_prefix("*+") {
                Some(suffix) if !suffix.contains('*') && is_token(suffix) => Part::Suffix(suffix.to_owned()),
                _ if subtype.contains('*') => return Err(ParseRangeError),
                _ => Part::Is(subtype.to_owned()),
            },
        };
        if kind == Part::Any && subtype != Part::Any {
            return Err(ParseRangeError);
        }
        let parameters = range
            .parameters()
            .map(|(name, value)| (name.to_owned(), value.to_owned()));
        Ok(Self {
            kind,
            subtype,
            parameters: parameters.collect(),
        })
    }
}

impl MediaRange {
    /// Of two ranges that hold a media type, the one that is more specific is the greater (RFC 9110 section 12.5.1).
    pub(crate) fn specificity(&self) -> (u8, u8, usize) {
        (
            self.kind.specificity(),
            self.subtype.specificity(),
            self.parameters.len(),
        )
    }

    /// A media type, where the range is one and no more.
    pub(crate) fn as_one(&self) -> Option<String> {
        let is_one = matches!((&self.kind, &self.subtype), (Part::Is(_), Part::Is(_)));
        is_one.then(|| self.to_string())
    }

    /// The range without what it says about the charset.
    #[must_use]
    pub(crate) fn of_any_charset(mut self) -> Self {
        self.parameters
            .retain(|(name, _)| !name.eq_ignore_ascii_case("charset"));
        self
    }

    pub(crate) fn holds(&self, media_type: &MediaType<'_>) -> bool {
        self.kind.holds(media_type.kind())
            && self.subtype.holds(media_type.subtype())
            && self.parameters.iter().all(|(name, value)| {
                let found = media_type.parameter(name);
                // Values of parameters have their own rules; that of charset is the one known to ignore case (RFC 9110 section 8.3.2).
                found.is_some_and(|found| {
                    found == value
                        || (name.eq_ignore_ascii_case("charset") && found.eq_ignore_ascii_case(value))
                })
            })
    }
}

impl Part {
    fn specificity(&self) -> u8 {
        match self {
            Self::Any => 0,
            Self::Suffix(_) => 1,
            Self::Is(_) => 2,
        }
    }

    fn holds(&self, text: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Is(wanted) => text.eq_ignore_ascii_case(wanted),
            Self::Suffix(wanted) => {
                let suffix = text.rsplit_once('+').map(|(_, suffix)| suffix);
                suffix.is_some_and(|suffix| suffix.eq_ignore_ascii_case(wanted))
            }
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("*"),
            Self::Suffix(suffix) => write!(f, "*+{suffix}"),
            Self::Is(name) => f.write_str(name),
        }
    }
}

/// As the field `Accept-Post` of an answer names it.
impl fmt::Display for MediaRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind, self.subtype)
    }
}

#[cfg(test)]
mod tests {
    use palisade_core::media::MediaType;
    use rstest::rstest;

    use super::MediaRange;

    #[rstest]
    #[case("application/json", "application/json", true)]
    #[case("application/json", "Application/JSON; charset=utf-8", true)]
    #[case("application/json", "application/problem+json", false)]
    #[case("application/*+json", "application/problem+json", true)]
    #[case("application/*+json", "application/json", false)]
    #[case("application/*+json", "text/x+json", false)]
    #[case("text/*", "text/xml", true)]
    #[case("text/*", "application/xml", false)]
    #[case("*/*", "image/png", true)]
    #[case("text/xml; charset=utf-8", "text/xml", false)]
    #[case("text/xml; charset=utf-8", "text/xml; charset=UTF-8; x=y", true)]
    #[case("text/xml; charset=utf-8", "text/xml; charset=utf-16", false)]
    #[case("application/x; profile=a", "application/x; profile=A", false)]
    fn a_range_holds_what_it_names(#[case] range: &str, #[case] media_type: &str, #[case] holds: bool) {
        let range: MediaRange = range.parse().unwrap();
        assert_eq!(range.holds(&MediaType::parse(media_type).unwrap()), holds);
    }

    #[rstest]
    #[case("")]
    #[case("json")]
    #[case("*/json")]
    #[case("application/*json")]
    #[case("application/*+*")]
    #[case("app*/json")]
    #[case("application/json,text/xml")]
    fn what_is_no_range_is_refused(#[case] range: &str) {
        assert!(range.parse::<MediaRange>().is_err());
    }
}
