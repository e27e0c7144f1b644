//! The way to amounts in XML 1.0 with namespaces.
//!
//! Every element that a token names is followed, on every branch at least one. The last one has text alone: with a comment, a CDATA
//! section or a processing instruction in it some handlers would read a part.

use palisade_core::xml::{WHITE_SPACE, XmlBounds, XmlExcess};
use roxmltree::{Document, Node, ParsingOptions};

use super::fault::{Format, Halt, Unreadable, Why};
use super::pointer::{AmountPath, Name};
use super::{Leaf, Sink};

/// How many nodes a document has at most.
const MOST_NODES: u32 = 250_000;

/// Whoever wants less of a document says so with the stage `validation`.
fn bounds() -> XmlBounds {
    let mut bounds = XmlBounds::default();
    bounds.depth = 256;
    bounds.attributes = 256;
    bounds.nodes = MOST_NODES as usize;
    bounds
}

/// Reads a document. It has no document type declaration, so that no entities are there to expand.
pub(super) fn parse(text: &str) -> Result<Document<'_>, Unreadable> {
    bounds().check(text).map_err(|excess| match excess {
        XmlExcess::DocumentType => Unreadable::DocumentType,
        XmlExcess::Encoding => Unreadable::Charset,
        XmlExcess::Declaration => Unreadable::Malformed {
            format: Format::Xml,
            line: 1,
            column: 1,
        },
        _ => Unreadable::TooComplex,
    })?;
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
