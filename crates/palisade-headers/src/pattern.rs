//! Names of fields, with `*` for any characters.

use std::fmt;
use std::str::FromStr;

use http::{HeaderMap, HeaderName};

/// A name of a field, or a pattern of names.
///
/// ```
/// use palisade_headers::NamePattern;
///
/// let pattern: NamePattern = "X-Internal-*".parse()?;
/// assert!(pattern.matches("x-internal-trace") && !pattern.matches("x-external"));
/// # Ok::<(), palisade_headers::PatternError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamePattern(Kind);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    Exact(HeaderName),
    /// In lower case.
    Glob(Box<str>),
}

impl NamePattern {
    /// Whether that name, in lower case, matches.
    pub fn matches(&self, name: &str) -> bool {
        match &self.0 {
            Kind::Exact(exact) => exact.as_str() == name,
            Kind::Glob(glob) => glob_matches(glob.as_bytes(), name.as_bytes()),
        }
    }

    /// The name, where there is no `*` in it.
    pub(crate) fn exact(&self) -> Option<&HeaderName> {
        match &self.0 {
            Kind::Exact(name) => Some(name),
            Kind::Glob(_) => None,
        }
    }

    pub(crate) fn is_in(&self, headers: &HeaderMap) -> bool {
        match &self.0 {
            Kind::Exact(name) => headers.contains_key(name),
            Kind::Glob(_) => headers.keys().any(|name| self.matches(name.as_str())),
        }
    }
}

/// Every `*` takes as little as it can; a mismatch lets the last one take one byte more.
fn glob_matches(glob: &[u8], name: &[u8]) -> bool {
    let (mut at_glob, mut at_name) = (0, 0);
    let mut last_star = None;
    while let Some(byte) = name.get(at_name) {
        match glob.get(at_glob) {
            Some(b'*') => {
                last_star = Some((at_glob + 1, at_name));
                at_glob += 1;
            }
            Some(wanted) if wanted == byte => {
                at_glob += 1;
                at_name += 1;
            }
            _ => {
                let Some((behind_star, taken)) = last_star else {
                    return false;
                };
                last_star = Some((behind_star, taken + 1));
                (at_glob, at_name) = (behind_star, taken + 1);
            }
        }
    }
    glob.get(at_glob..)
        .is_some_and(|rest| rest.iter().all(|byte| *byte == b'*'))
}

/// A text that is no name of a field and no pattern of names.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the name of a header field, in which * may stand for any characters")]
pub struct PatternError(());

impl FromStr for NamePattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        let text = text.trim_ascii().to_ascii_lowercase();
        if !text.contains('*') {
            return HeaderName::from_str(&text)
                .map(|name| Self(Kind::Exact(name)))
                .map_err(|_| PatternError(()));
        }
        // `*` is itself a character of names (RFC 9110 section 5.6.2), so the whole pattern must have the form of a name.
        match HeaderName::from_str(&text) {
            Ok(_) => Ok(Self(Kind::Glob(text.into()))),
            Err(_) => Err(PatternError(())),
        }
    }
}

impl fmt::Display for NamePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Exact(name) => f.pad(name.as_str()),
            Kind::Glob(glob) => f.pad(glob),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::{NamePattern, glob_matches};

    #[rstest]
    #[case("x-a", "x-a", true)]
    #[case("X-A", "x-a", true)]
    #[case("x-a", "x-ab", false)]
    #[case("x-*", "x-", true)]
    #[case("x-*", "x", false)]
    #[case("*-id", "x-request-id", true)]
    #[case("*-id", "x-request-ids", false)]
    #[case("x-*-id", "x-id", false)]
    #[case("x-*-id", "x-a-id-b-id", true)]
    #[case("*debug*", "x-debug-level", true)]
    #[case("*", "anything", true)]
    #[case("a*b*c", "aXbYbZc", true)]
    #[case("a**c", "ac", true)]
    fn a_star_stands_for_any_characters(#[case] pattern: &str, #[case] name: &str, #[case] matches: bool) {
        assert_eq!(pattern.parse::<NamePattern>().unwrap().matches(name), matches);
    }

    #[rstest]
    #[case("")]
    #[case("x a")]
    #[case("x-a:")]
    #[case("naïve")]
    #[case("x-*\u{0}")]
    fn what_no_field_can_be_called_is_an_error(#[case] pattern: &str) {
        assert!(pattern.parse::<NamePattern>().is_err());
    }

    /// The meaning of `*`, spelt out.
    fn naive(glob: &[u8], name: &[u8]) -> bool {
        match glob.split_first() {
            None => name.is_empty(),
            Some((b'*', rest)) => (0..=name.len()).any(|taken| naive(rest, &name[taken..])),
            Some((byte, rest)) => name.first() == Some(byte) && naive(rest, &name[1..]),
        }
    }

    proptest! {
        #[test]
        fn globs_agree_with_their_meaning(glob in "[ab*]{0,8}", name in "[ab]{0,12}") {
            prop_assert_eq!(glob_matches(glob.as_bytes(), name.as_bytes()), naive(glob.as_bytes(), name.as_bytes()));
        }
    }
}
