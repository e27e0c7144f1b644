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
    /// Its XML declaration is not one of XML 1.0.
    Declaration,
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
            Self::Declaration => "an XML declaration that is not one of XML 1.0",
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
        declares_what_is_read(text)?;
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

/// Checks the XML declaration (XML 1.0 section 2.8), if there is one. Parsers of text take it for UTF-8 whatever it says; a handler may
/// not, nor may it read version 1.1 as 1.0.
fn declares_what_is_read(text: &str) -> Result<(), XmlExcess> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let declaration = text
        .strip_prefix("<?xml")
        .filter(|rest| rest.starts_with(WHITE_SPACE));
    let Some(declaration) = declaration else {
        return Ok(());
    };
    let (mut rest, _) = declaration.split_once("?>").unwrap_or((declaration, ""));
    let mut expected = ["version", "encoding", "standalone"].into_iter();
    let mut has_version = false;
    while !rest.trim_start_matches(WHITE_SPACE).is_empty() {
        let (name, value, behind) = pseudo_attribute(rest).ok_or(XmlExcess::Declaration)?;
        if !expected.any(|expected| expected == name) {
            return Err(XmlExcess::Declaration);
        }
        match name {
            "version" if value == "1.0" => has_version = true,
            "encoding" if value.eq_ignore_ascii_case("utf-8") => {}
            "encoding" => return Err(XmlExcess::Encoding),
            "standalone" if matches!(value, "yes" | "no") => {}
            _ => return Err(XmlExcess::Declaration),
        }
        rest = behind;
    }
    has_version.then_some(()).ok_or(XmlExcess::Declaration)
}

/// A name and its value, with the white space that has to be in front, and what stands behind.
fn pseudo_attribute(text: &str) -> Option<(&str, &str, &str)> {
    let start = text.strip_prefix(WHITE_SPACE)?.trim_start_matches(WHITE_SPACE);
    let (name, rest) = start.split_once('=')?;
    let rest = rest.trim_start_matches(WHITE_SPACE);
    let quote = rest.chars().next().filter(|first| matches!(first, '"' | '\''))?;
    let (value, behind) = rest.strip_prefix(quote)?.split_once(quote)?;
    Some((name.trim_end_matches(WHITE_SPACE), value, behind))
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
        Err(XmlExcess::Declaration)
    )]
    #[case("<?xml version=\"1.0\" encoding = 'utf-8' standalone='no' ?><a/>", Ok(()))]
    #[case("<?xml version='1.1'?><a/>", Err(XmlExcess::Declaration))]
    #[case("<?xml version='1.0' standalone='maybe'?><a/>", Err(XmlExcess::Declaration))]
    #[case("<?xml encoding='utf-8'?><a/>", Err(XmlExcess::Declaration))]
    #[case("<?xml version='1.0'encoding='utf-8'?><a/>", Err(XmlExcess::Declaration))]
    #[case("<?xml version='1.0' what='x'?><a/>", Err(XmlExcess::Declaration))]
    #[case("<?xml ?><a/>", Err(XmlExcess::Declaration))]
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
