//! What is made sure of before a document is parsed.
//!
//! The parser compares the attributes of an element with each other, and copies and compares all namespaces in scope at every element that
//! declares one: what is small here would be cubic there. This looks at tags and quotes alone; where a document is not well-formed it may
//! see other tags than are there, but the parser ends at that place.

use super::super::fault::Unreadable;

/// How deep elements are nested at most.
const DEEPEST: usize = 256;

/// How many attributes an element has at most, those that declare namespaces among them.
const MOST_ATTRIBUTES: usize = 256;

/// How many declarations of namespaces an element is inside of at most, its own among them.
const MOST_NAMESPACES: usize = 32;

/// How often `<` and `=` stand in a document at most: the parser sets aside memory for a node or an attribute at each.
const MOST_MARKS: usize = 500_000;

/// Refuses a document that would take long to parse, or that has a document type declaration.
pub(super) fn check(text: &str) -> Result<(), Unreadable> {
    if text.matches('<').count() > MOST_MARKS || text.matches('=').count() > MOST_MARKS {
        return Err(Unreadable::TooComplex);
    }
    // For each open element, the namespaces in scope inside it.
    let mut open: Vec<usize> = Vec::new();
    let mut rest = text;
    while let Some((_, after)) = rest.split_once('<') {
        rest = if let Some(after) = after.strip_prefix("!--") {
            behind(after, "-->")
        } else if let Some(after) = after.strip_prefix("![CDATA[") {
            behind(after, "]]>")
        } else if let Some(after) = after.strip_prefix('?') {
            behind(after, "?>")
        } else if after.starts_with('!') {
            return Err(Unreadable::DocumentType);
        } else if let Some(after) = after.strip_prefix('/') {
            open.pop();
            behind(after, ">")
        } else {
            let tag = Tag::of(after);
            let namespaces = open.last().copied().unwrap_or_default() + tag.namespaces;
            if tag.attributes > MOST_ATTRIBUTES || namespaces > MOST_NAMESPACES {
                return Err(Unreadable::TooComplex);
            }
            if !tag.is_empty {
                open.push(namespaces);
            }
            if open.len() > DEEPEST {
                return Err(Unreadable::TooComplex);
            }
            tag.rest
        };
    }
    Ok(())
}

fn behind<'a>(text: &'a str, end: &str) -> &'a str {
    text.split_once(end).map_or("", |(_, rest)| rest)
}

/// A start tag.
struct Tag<'a> {
    attributes: usize,
    /// How many of them declare a namespace.
    namespaces: usize,
    /// Whether it is a whole element.
    is_empty: bool,
    /// The text behind it.
    rest: &'a str,
}

impl<'a> Tag<'a> {
    fn of(text: &'a str) -> Self {
        let mut tag = Self {
            attributes: 0,
            namespaces: 0,
            is_empty: false,
            rest: text,
        };
        while let Some(at) = tag.rest.find(['"', '\'', '>']) {
            let (before, mark) = tag.rest.split_at(at);
            let mut behind_mark = mark.chars();
            let Some(quote @ ('"' | '\'')) = behind_mark.next() else {
                tag.is_empty = before.ends_with('/');
                tag.rest = behind_mark.as_str();
                return tag;
            };
            tag.attributes += 1;
            // The first attribute has the name of the element before it.
            tag.namespaces += usize::from(before.contains("xmlns"));
            tag.rest = behind_mark
                .as_str()
                .split_once(quote)
                .map_or("", |(_, rest)| rest);
        }
        tag.rest = "";
        tag
    }
}
