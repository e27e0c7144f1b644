//! The values of path parameters, by patterns that axum's router reads in the same way.
//!
//! Patterns come as text with each request, and are walked beside the path without being compiled: there are few, and nothing is
//! allocated.

use std::cmp::Ordering;
use std::sync::Arc;

/// A segment of a pattern.
#[derive(Debug, Clone, Copy)]
struct Segment<'p> {
    /// The fixed text in front, its braces still doubled.
    prefix: &'p str,
    /// What stands behind it.
    wildcard: Option<Wildcard<'p>>,
}

#[derive(Debug, Clone, Copy)]
enum Wildcard<'p> {
    /// `{name}`: the rest of the segment.
    Segment(&'p str),
    /// `{*name}`: the rest of the path.
    Rest(&'p str),
}

impl<'p> Segment<'p> {
    fn parse(text: &'p str) -> Self {
        let Some(brace) = open_brace(text) else {
            return Self {
                prefix: text,
                wildcard: None,
            };
        };
        let (prefix, wildcard) = text.split_at_checked(brace).unwrap_or((text, ""));
        let name = wildcard.strip_prefix('{').unwrap_or(wildcard);
        let name = name.strip_suffix('}').unwrap_or(name);
        let wildcard = match name.strip_prefix('*') {
            Some(name) => Wildcard::Rest(name),
            None => Wildcard::Segment(name),
        };
        Self {
            prefix,
            wildcard: Some(wildcard),
        }
    }

    /// Of two that fit the same text, the one that axum's router tries first is the greater: it looks for fixed text before it takes
    /// a parameter, and for a parameter before the rest of the path.
    fn specificity(&self) -> (bool, usize, bool) {
        let is_fixed = self.wildcard.is_none();
        let is_rest = matches!(self.wildcard, Some(Wildcard::Rest(_)));
        (is_fixed, plain(self.prefix).count(), !is_rest)
    }
}

/// Where the first brace stands that is not doubled.
fn open_brace(text: &str) -> Option<usize> {
    let mut bytes = text.bytes().enumerate().peekable();
    while let Some((at, byte)) = bytes.next() {
        let is_brace = matches!(byte, b'{' | b'}');
        let is_doubled = is_brace && bytes.next_if(|(_, next)| *next == byte).is_some();
        if byte == b'{' && !is_doubled {
            return Some(at);
        }
    }
    None
}

/// Fixed text, its doubled braces made single.
fn plain(text: &str) -> impl Iterator<Item = u8> {
    let mut bytes = text.bytes().peekable();
    std::iter::from_fn(move || {
        let byte = bytes.next()?;
        if matches!(byte, b'{' | b'}') {
            bytes.next_if_eq(&byte);
        }
        Some(byte)
    })
}

/// What follows that fixed text.
fn behind<'t>(text: &'t str, prefix: &str) -> Option<&'t str> {
    let mut rest = text.as_bytes();
    for byte in plain(prefix) {
        rest = rest.strip_prefix(&[byte])?;
    }
    text.get(text.len() - rest.len()..)
}

/// The segments of a pattern.
fn segments(pattern: &str) -> impl Iterator<Item = Segment<'_>> {
    let pattern = pattern.strip_prefix('/').unwrap_or(pattern);
    // The name of a parameter has no slash.
    pattern.split('/').map(Segment::parse)
}

/// Whether a pattern has that parameter.
pub(super) fn has(pattern: &str, name: &str) -> bool {
    segments(pattern).any(|segment| match segment.wildcard {
        Some(Wildcard::Segment(own) | Wildcard::Rest(own)) => own == name,
        None => false,
    })
}

/// Walks a pattern beside a path and hands over each parameter with its value. Whether the pattern fits is known at the end.
fn walk<'v>(pattern: &str, path: &'v str, mut found: impl FnMut(&str, &'v str)) -> bool {
    let mut rest = path.strip_prefix('/');
    for segment in segments(pattern) {
        let Some(path) = rest else { return false };
        let Some(open) = behind(path, segment.prefix) else {
            return false;
        };
        if let Some(Wildcard::Rest(name)) = segment.wildcard {
            found(name, open);
            return !open.is_empty();
        }
        let (open, next) = match open.split_once('/') {
            Some((open, next)) => (open, Some(next)),
            None => (open, None),
        };
        match segment.wildcard {
            // As in axum's router, a parameter may be empty where more segments follow, and not at the end.
            Some(Wildcard::Segment(name)) if !open.is_empty() || next.is_some() => found(name, open),
            None if open.is_empty() => {}
            _ => return false,
        }
        rest = next;
    }
    rest.is_none()
}

/// The pattern by which axum's router would take a path.
#[derive(Debug, Clone, Copy)]
pub(super) struct Best<'p> {
    pattern: &'p str,
    path: &'p str,
}

impl<'p> Best<'p> {
    /// It, and those that differ from it in the names of parameters only.
    pub(super) fn alike(self, patterns: &'p [Arc<str>]) -> impl Iterator<Item = &'p str> {
        patterns.iter().map(|pattern| &**pattern).filter(move |pattern| {
            walk(pattern, self.path, |_, _| {}) && compare(pattern, self.pattern).is_eq()
        })
    }
}

/// The most specific pattern that fits.
pub(super) fn most_specific<'p>(patterns: &'p [Arc<str>], path: &'p str) -> Option<Best<'p>> {
    patterns
        .iter()
        .map(|pattern| &**pattern)
        .filter(|pattern| walk(pattern, path, |_, _| {}))
        .max_by(|one, other| compare(one, other))
        .map(|pattern| Best { pattern, path })
}

/// Compares two patterns that fit the same path.
fn compare(one: &str, other: &str) -> Ordering {
    let specificities = |pattern| segments(pattern).map(|segment: Segment<'_>| segment.specificity());
    specificities(one).cmp(specificities(other))
}

/// The value of a parameter in a path that the pattern fits, still encoded.
pub(super) fn value<'v>(pattern: &str, path: &'v str, name: &str) -> Option<&'v str> {
    let mut value = None;
    let fits = walk(pattern, path, |own, found| {
        if plain(own).eq(name.bytes()) {
            value = Some(found);
        }
    });
    value.filter(|_| fits)
}
