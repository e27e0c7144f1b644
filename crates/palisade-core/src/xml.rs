//! What is made sure of before an XML document is parsed.
//!
//! Parsers that build trees set aside memory for every mark that may become a node, compare the attributes of an element with each
//! other, and copy and compare all namespaces in scope at every element that declares one: what is small here would be quadratic or
//! cubic there. A document type declaration (XML 1.0 section 2.8) is refused, so that there are no entities to expand and no other
//! documents to fetch.
//!
//! This looks at tags and quotes alone, in one pass. Where a document is not well-formed it may see other tags than are there, but a
//! parser ends at that place.

use std::error::Error;
use std::fmt;

use memchr::memchr_iter;

/// White space of XML 1.0 section 2.3.
pub const WHITE_SPACE: [char; 4] = [' ', '\t', '\r', '\n'];

/// How much of each a document may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct XmlBounds {
    /// How deep elements are nested.
    pub depth: usize,
    /// How many attributes an element has, those included that declare namespaces.
    pub attributes: usize,
    /// How many declarations of namespaces an element is inside of, its own included.
    pub namespaces: usize,
    /// How many elements, attributes, texts, comments, CDATA sections and processing instructions there are together.
    pub nodes: usize,
}

impl Default for XmlBounds {
    /// 64 deep, 64 attributes, 32 namespaces, 100,000 nodes.
    fn default() -> Self {
        Self {
            depth: 64,
            attributes: 64,
            namespaces: 32,
            nodes: 100_000,
        }
    }
}

/// Why a document is not even parsed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum XmlExcess {
    /// It has a document type declaration.
    DocumentType,
    /// It says that it is in another encoding than UTF-8, or says it in no way that all read alike.
    Encoding,
    /// Elements are nested too deep.
    Depth,
    /// An element has too many attributes.
    Attributes,
    /// Too many namespaces are in scope.
    Namespaces,
    /// It has too many nodes.
    Nodes,
    /// It refers to a number that is no character (XML 1.0 section 2.2), such as half a surrogate pair.
    Character,
}

impl fmt::Display for XmlExcess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::DocumentType => "a document type declaration",
            Self::Encoding => "an encoding that is not UTF-8",
            Self::Depth => "elements nested too deep",
            Self::Attributes => "too many attributes of one element",
            Self::Namespaces => "too many namespaces in scope",
            Self::Nodes => "too many elements, attributes and texts",
            Self::Character => "a reference to what is no character",
        })
    }
}

impl Error for XmlExcess {}

impl XmlBounds {
    /// Refuses a document that has too much of something, a document type declaration, or another encoding.
    pub fn check(&self, text: &str) -> Result<(), XmlExcess> {
        if !declares_utf8_or_nothing(text) {
            return Err(XmlExcess::Encoding);
        }
        // Parsers set aside memory by these marks, wherever they stand.
        let most_marks = self.nodes.saturating_mul(2);
        for mark in [b'<', b'='] {
            if memchr_iter(mark, text.as_bytes()).take(most_marks + 1).count() > most_marks {
                return Err(XmlExcess::Nodes);
            }
        }
        let mut scan = Scan {
            bounds: self,
            nodes: 0,
            open: Vec::new(),
        };
        let mut rest = text;
        while !rest.is_empty() {
            rest = scan.markup(rest)?;
        }
        Ok(())
    }
}

/// How far a document was looked through.
struct Scan<'a> {
    bounds: &'a XmlBounds,
    nodes: usize,
    /// For each open element, the namespaces in scope inside it.
    open: Vec<usize>,
}

impl Scan<'_> {
    /// Passes by a text and the markup behind it.
    fn markup<'a>(&mut self, text: &'a str) -> Result<&'a str, XmlExcess> {
        let Some((before, after)) = text.split_once('<') else {
            return Ok("");
        };
        self.count(usize::from(!before.is_empty()))?;
        refers_to_characters(before)?;
        if let Some(after) = after.strip_prefix('/') {
            self.open.pop();
            return Ok(behind(after, ">"));
        }
        self.count(1)?;
        if let Some(after) = after.strip_prefix("!--") {
            Ok(behind(after, "-->"))
        } else if let Some(after) = after.strip_prefix("![CDATA[") {
            Ok(behind(after, "]]>"))
        } else if let Some(after) = after.strip_prefix('?') {
            Ok(behind(after, "?>"))
        } else if after.starts_with('!') {
            Err(XmlExcess::DocumentType)
        } else {
            self.element(after)
        }
    }

    fn element<'a>(&mut self, text: &'a str) -> Result<&'a str, XmlExcess> {
        let tag = Tag::of(text);
        let inside = text.len().saturating_sub(tag.rest.len());
        refers_to_characters(text.get(..inside).unwrap_or_default())?;
        self.count(tag.attributes)?;
        let namespaces = self.open.last().copied().unwrap_or_default() + tag.namespaces;
        if tag.attributes > self.bounds.attributes {
            return Err(XmlExcess::Attributes);
        }
        if namespaces > self.bounds.namespaces {
            return Err(XmlExcess::Namespaces);
        }
        if self.open.len() >= self.bounds.depth {
            return Err(XmlExcess::Depth);
        }
        if !tag.is_empty {
            self.open.push(namespaces);
        }
        Ok(tag.rest)
    }

    fn count(&mut self, nodes: usize) -> Result<(), XmlExcess> {
        self.nodes += nodes;
        if self.nodes > self.bounds.nodes {
            return Err(XmlExcess::Nodes);
        }
        Ok(())
    }
}

/// Whether every reference by number is to a character. What is no reference is left to the parser.
fn refers_to_characters(text: &str) -> Result<(), XmlExcess> {
    let references = text.split("&#").skip(1).filter_map(|rest| rest.split_once(';'));
    for (digits, _) in references {
        let number = match digits.strip_prefix('x') {
            Some(digits) => u32::from_str_radix(digits, 16),
            None => digits.parse(),
        };
        let is_character = |number: u32| {
            char::from_u32(number).is_some_and(|character| {
                matches!(character, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
            })
        };
        if number.is_ok_and(|number| !is_character(number)) {
            return Err(XmlExcess::Character);
        }
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

/// Whether an XML declaration names no encoding or UTF-8. Parsers of text take it for UTF-8 whatever it says; a handler may not.
fn declares_utf8_or_nothing(text: &str) -> bool {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let Some(declaration) = text
        .strip_prefix("<?xml")
        .filter(|rest| rest.starts_with(WHITE_SPACE))
        .map(|rest| rest.split_once("?>").map_or(rest, |(declaration, _)| declaration))
    else {
        return true;
    };
    let mut encodings = declaration.split("encoding").skip(1);
    match (encodings.next(), encodings.next()) {
        (None, _) => true,
        (Some(rest), None) => {
            let value = rest
                .trim_start_matches(WHITE_SPACE)
                .strip_prefix('=')
                .map(|rest| rest.trim_start_matches(WHITE_SPACE))
                .and_then(|rest| rest.get(1..).zip(rest.get(..1)))
                .and_then(|(rest, quote)| rest.split_once(quote))
                .map(|(value, _)| value);
            value.is_some_and(|value| value.eq_ignore_ascii_case("utf-8"))
        }
        (Some(_), Some(_)) => false,
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::{XmlBounds, XmlExcess};

    fn check(text: &str) -> Result<(), XmlExcess> {
        let bounds = XmlBounds {
            depth: 3,
            attributes: 2,
            namespaces: 2,
            nodes: 12,
        };
        bounds.check(text)
    }

    #[rstest]
    #[case("<a/>", Ok(()))]
    #[case("<a><b><c/></b></a>", Ok(()))]
    #[case("<a><b><c><d/></c></b></a>", Err(XmlExcess::Depth))]
    #[case("<a x='1' y='2'/>", Ok(()))]
    #[case("<a x='1' y='2' z='>'/>", Err(XmlExcess::Attributes))]
    #[case("<a xmlns='u'><b xmlns:c='v'/></a>", Ok(()))]
    #[case(
        "<a xmlns='u'><b xmlns:c='v'><c xmlns:d='w'/></b></a>",
        Err(XmlExcess::Namespaces)
    )]
    #[case("<a xmlns='u'><b xmlns:c='v'/><b xmlns:c='v'/></a>", Ok(()))]
    #[case("<a><b/><b/><b/><b/><b/><b/><b/><b/><b/><b/><b/></a>", Ok(()))]
    #[case(
        "<a><b/><b/><b/><b/><b/><b/><b/><b/><b/><b/><b/><b/></a>",
        Err(XmlExcess::Nodes)
    )]
    #[case("<a>t<b/>t<b/>t<b/>t<b/>t<b/>t<b/>t</a>", Err(XmlExcess::Nodes))]
    #[case("<a>=========================</a>", Err(XmlExcess::Nodes))]
    #[case("<!DOCTYPE a><a/>", Err(XmlExcess::DocumentType))]
    #[case("<a/><!ENTITY x 'y'>", Err(XmlExcess::DocumentType))]
    #[case("<!-- <!DOCTYPE a> --><a><![CDATA[<!DOCTYPE b>]]></a>", Ok(()))]
    #[case("<?xml version='1.0' encoding='UTF-8'?><a/>", Ok(()))]
    #[case("<?xml version='1.0' encoding='utf-16'?><a/>", Err(XmlExcess::Encoding))]
    #[case(
        "<?xml version='1.0' encoding='utf-8' encoding='utf-7'?><a/>",
        Err(XmlExcess::Encoding)
    )]
    #[case("<a b='encoding=x'/>", Ok(()))]
    #[case("<a b='&#x20AC;'>&#9;&#x10FFFF;</a>", Ok(()))]
    #[case("<a>&#xD800;</a>", Err(XmlExcess::Character))]
    #[case("<a b='&#55296;'/>", Err(XmlExcess::Character))]
    #[case("<a>&#0;</a>", Err(XmlExcess::Character))]
    #[case("<a>&#xFFFF;</a>", Err(XmlExcess::Character))]
    #[case("<a><![CDATA[&#xD800;]]></a>", Ok(()))]
    fn documents_are_within_bounds_or_not(#[case] text: &str, #[case] verdict: Result<(), XmlExcess>) {
        assert_eq!(check(text), verdict);
    }

    #[test]
    fn what_is_cut_short_ends() {
        for text in ["<", "<a", "<a b='", "<!--", "<![CDATA[", "<?", "</", "<a b=\"'>"] {
            let _ = check(text);
        }
    }

    #[test]
    fn a_flood_of_open_tags_costs_little() {
        let text = "<a>".repeat(1_000_000);
        assert_eq!(XmlBounds::default().check(&text), Err(XmlExcess::Nodes));
        let text = "<a>".repeat(65);
        assert_eq!(XmlBounds::default().check(&text), Err(XmlExcess::Depth));
    }
}
