//! Path patterns, exactly as axum's router reads them.
//!
//! `{name}` stands for one non-empty segment or, behind a prefix, the rest of one; `{*name}` at the end for one or more
//! characters of any kind; `{{` and `}}` are braces. Both matchers compare the path as it came over the wire, undecoded.

use crate::path;

/// One segment of a pattern.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Segment {
    /// This text.
    Static(Box<str>),
    /// This text and at least one character more.
    Param(Box<str>),
    /// This text, at least one character more, and all segments behind it.
    Rest(Box<str>),
}

impl Segment {
    fn text(&self) -> &str {
        match self {
            Self::Static(text) | Self::Param(text) | Self::Rest(text) => text,
        }
    }
}

/// A pattern, segment by segment.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Pattern(pub(crate) Vec<Segment>);

impl Pattern {
    /// Reads a pattern; the router's own parser says whether it is one.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if !text.starts_with('/') {
            return Err("a path pattern that starts with /".to_owned());
        }
        matchit::Router::new().insert(text, ()).map_err(|error| {
            format!("a path pattern such as /payments/{{id}} or /files/{{*rest}}: {error}")
        })?;
        let (mut segments, mut prefix) = (Vec::new(), String::new());
        let mut chars = text.chars().skip(1).peekable();
        let mut open = true;
        while let Some(c) = chars.next() {
            match c {
                '{' if chars.next_if_eq(&'{').is_some() => prefix.push('{'),
                '}' if chars.next_if_eq(&'}').is_some() => prefix.push('}'),
                '{' => {
                    let rest = chars.next_if_eq(&'*').is_some();
                    // The name itself does not matter here; it ends at an unescaped brace.
                    while let Some(c) = chars.next() {
                        if c == '}' && chars.next_if_eq(&'}').is_none() {
                            break;
                        }
                    }
                    let prefix = std::mem::take(&mut prefix).into_boxed_str();
                    segments.push(if rest {
                        Segment::Rest(prefix)
                    } else {
                        Segment::Param(prefix)
                    });
                    open = chars.next().is_some();
                }
                '/' => segments.push(Segment::Static(std::mem::take(&mut prefix).into_boxed_str())),
                c => prefix.push(c),
            }
        }
        if open {
            segments.push(Segment::Static(prefix.into_boxed_str()));
        }
        let pattern = Self(segments);
        match path::check(&pattern.example()) {
            Ok(()) => Ok(pattern),
            Err(_) => Err(
                "a pattern of paths in their canonical form; all others are refused before any group"
                    .to_owned(),
            ),
        }
    }

    /// Whether its fixed text has anything percent-encoded.
    pub(crate) fn has_encoded(&self) -> bool {
        self.0.iter().any(|segment| segment.text().contains('%'))
    }

    /// The pattern with its fixed text decoded.
    pub(crate) fn decoded(&self) -> Self {
        let decode = |text: &str| path::decode(text).into_owned().into_boxed_str();
        let segments = self.0.iter().map(|segment| match segment {
            Segment::Static(text) => Segment::Static(decode(text)),
            Segment::Param(prefix) => Segment::Param(decode(prefix)),
            Segment::Rest(prefix) => Segment::Rest(decode(prefix)),
        });
        Self(segments.collect())
    }

    /// A path that fits.
    fn example(&self) -> String {
        let segments = self.0.iter().flat_map(|segment| {
            let open = if matches!(segment, Segment::Static(_)) {
                ""
            } else {
                "x"
            };
            ["/", segment.text(), open]
        });
        segments.collect()
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::{Pattern, Segment};

    fn fixed(text: &str) -> Segment {
        Segment::Static(text.into())
    }

    #[rstest]
    #[case("/", vec![fixed("")])]
    #[case("/a", vec![fixed("a")])]
    #[case("/a/", vec![fixed("a"), fixed("")])]
    #[case("/a/{id}", vec![fixed("a"), Segment::Param("".into())])]
    #[case("/a/{id}/", vec![fixed("a"), Segment::Param("".into()), fixed("")])]
    #[case("/a-{id}/b", vec![Segment::Param("a-".into()), fixed("b")])]
    #[case("/{*rest}", vec![Segment::Rest("".into())])]
    #[case("/{{x}}/{id}", vec![fixed("{x}"), Segment::Param("".into())])]
    fn patterns_are_split_into_segments(#[case] text: &str, #[case] segments: Vec<Segment>) {
        assert_eq!(Pattern::parse(text), Ok(Pattern(segments)));
    }

    #[rstest]
    #[case("a")]
    #[case("")]
    #[case("/{id")]
    #[case("/{}")]
    #[case("/{*rest}/more")]
    #[case("/{id}.json")]
    #[case("/a//b")]
    #[case("/a/../b")]
    #[case("/%61")]
    #[case("/é")]
    fn what_the_router_refuses_is_refused(#[case] text: &str) {
        assert!(Pattern::parse(text).is_err());
    }
}
