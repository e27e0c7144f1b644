//! The way to amounts in XML 1.0 with namespaces.
//!
//! Every element that a token names is followed, on every branch at least one. The last one has text alone: with a comment, a CDATA
//! section or a processing instruction in it some handlers would read a part.

mod bounds;

use roxmltree::{Document, Node, ParsingOptions};

use super::fault::{Format, Halt, Unreadable, Why};
use super::pointer::{AmountPath, Name};
use super::{Leaf, Sink};

/// How many nodes a document has at most.
const MOST_NODES: u32 = 250_000;

/// White space of XML 1.0 section 2.3.
const WHITE_SPACE: [char; 4] = [' ', '\t', '\r', '\n'];

/// Reads a document. It has no document type declaration, so that no entities are there to expand.
pub(super) fn parse(text: &str) -> Result<Document<'_>, Unreadable> {
    if !declares_utf8_or_nothing(text) {
        return Err(Unreadable::Charset);
    }
    bounds::check(text)?;
    let options = ParsingOptions {
        allow_dtd: false,
        nodes_limit: MOST_NODES,
        ..ParsingOptions::default()
    };
    Document::parse_with_options(text, options).map_err(|error| match error {
        roxmltree::Error::DtdDetected => Unreadable::DocumentType,
        roxmltree::Error::NodesLimitReached
        | roxmltree::Error::AttributesLimitReached
        | roxmltree::Error::NamespacesLimitReached => Unreadable::TooComplex,
        error => Unreadable::Malformed {
            format: Format::Xml,
            line: error.pos().row as usize,
            column: error.pos().col as usize,
        },
    })
}

/// Gives the sink every element text or attribute that the path leads to.
pub(super) fn walk(document: &Document<'_>, path: &AmountPath, sink: &mut Sink<'_>) -> Result<(), Halt> {
    step(document.root(), path, 0, sink)
}

/// Goes on from the node that is reached after that many tokens. No path has so many that the stack would not do.
fn step(node: Node<'_, '_>, path: &AmountPath, tokens: usize, sink: &mut Sink<'_>) -> Result<(), Halt> {
    let Some(token) = path.token(tokens) else {
        let text = plain_text(node).ok_or(Why::Kind);
        return text
            .and_then(|text| sink(leaf(text)))
            .map_err(|why| Halt::At { tokens, why });
    };
    let name = token.name();
    let next = tokens + 1;
    let mut found = false;
    if name.is_attribute() {
        if next == path.len() {
            for attribute in node.attributes() {
                if name.matches(attribute.namespace(), attribute.name()) {
                    found = true;
                    sink(leaf(attribute.value())).map_err(|why| Halt::At { tokens: next, why })?;
                }
            }
        }
    } else {
        for element in node.children().filter(|child| names(name, *child)) {
            found = true;
            step(element, path, next, sink)?;
        }
    }
    if found {
        Ok(())
    } else {
        Err(Halt::At {
            tokens: next,
            why: Why::Missing,
        })
    }
}

fn names(name: &Name, node: Node<'_, '_>) -> bool {
    // `xmlns=""` is no namespace (Namespaces in XML section 6.2).
    node.is_element() && name.matches(node.tag_name().namespace(), node.tag_name().name())
}

fn leaf(text: &str) -> Leaf<'_> {
    Leaf::Text(text.trim_matches(WHITE_SPACE))
}

/// The text of an element that has nothing but text: two tags, and no other markup.
fn plain_text<'a>(element: Node<'a, '_>) -> Option<&'a str> {
    let source = element.document().input_text().get(element.range())?;
    let tags = source.matches('<').take(3).count();
    if tags == 2 { element.text() } else { None }
}

/// Whether an XML declaration names no encoding or UTF-8. The parser takes the text for UTF-8 whatever it says; a handler may not.
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
