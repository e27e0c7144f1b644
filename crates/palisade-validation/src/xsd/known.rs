//! What a schema's documents say themselves: the names and facets that may be told, and the types that are referred to.

use std::collections::{BTreeMap, HashSet};

use roxmltree::{Document, Node, ParsingOptions};
use xsd_schema::SchemaSet;

use super::source::Folder;
use crate::schema::{Position, SchemaError};

const XS: &str = "http://www.w3.org/2001/XMLSchema";
/// How many elements and attributes a document may have.
const MAX_NODES: u32 = 4_000_000;

/// The names and the values of facets that stand in the schema. Nothing else is ever told to a peer.
#[derive(Debug, Default)]
pub(super) struct Known {
    names: HashSet<String>,
    facets: HashSet<String>,
}

impl Known {
    pub(super) fn is_name(&self, name: &str) -> bool {
        self.names.contains(name)
    }

    pub(super) fn is_facet(&self, value: &str) -> bool {
        self.facets.contains(value)
    }

    fn learn(&mut self, node: Node<'_, '_>) {
        if let Some(name) = node.attribute("name") {
            self.names.insert(name.to_owned());
        }
        if let Some(value) = node.attribute("value") {
            self.facets.insert(value.to_owned());
        }
    }
}

/// Looks through the documents of a schema. Errors are types that are nowhere: the crate would tell of them only once a body has an element
/// of such a type.
pub(super) fn survey(
    set: &SchemaSet,
    texts: &BTreeMap<String, String>,
    folder: &Folder,
) -> (Known, Vec<SchemaError>) {
    let mut known = Known::default();
    let mut errors = Vec::new();
    for (location, text) in texts {
        let error = |at: u32, document: Option<&Document<'_>>, problem: String| SchemaError {
            document: folder.shown(location),
            position: document.map(|document| {
                let at = document.text_pos_at(usize::try_from(at).unwrap_or_default());
                position(at)
            }),
            pointer: String::new(),
            problem,
        };
        let options = ParsingOptions {
            allow_dtd: true,
            nodes_limit: MAX_NODES,
            ..ParsingOptions::default()
        };
        let document = match Document::parse_with_options(text, options) {
            Ok(document) => document,
            Err(problem) => {
                errors.push(error(0, None, format!("is not XML that is read here: {problem}")));
                continue;
            }
        };
        let has_namespace = document.root_element().attribute("targetNamespace").is_some();
        for node in document.descendants().filter(is_component) {
            known.learn(node);
            for reference in references(node) {
                if !is_there(set, node, reference, has_namespace) {
                    let at = u32::try_from(node.range().start).unwrap_or_default();
                    errors.push(error(
                        at,
                        Some(&document),
                        format!("there is no type `{reference}`"),
                    ));
                }
            }
        }
    }
    (known, errors)
}

fn position(at: roxmltree::TextPos) -> Position {
    let count = |count: u32| usize::try_from(count).unwrap_or(usize::MAX);
    Position {
        line: count(at.row),
        column: count(at.col),
    }
}

/// Elements of the schema itself, and none of what annotations hold.
fn is_component(node: &Node<'_, '_>) -> bool {
    let is_annotation = |node: Node<'_, '_>| node.has_tag_name((XS, "annotation"));
    node.tag_name().namespace() == Some(XS) && !node.ancestors().any(is_annotation)
}

fn references<'a>(node: Node<'a, '_>) -> impl Iterator<Item = &'a str> {
    let one = ["type", "base", "itemType"]
        .into_iter()
        .filter_map(move |name| node.attribute(name));
    let several = node.attribute("memberTypes").unwrap_or_default();
    one.map(str::trim).chain(several.split_ascii_whitespace())
}

fn is_there(set: &SchemaSet, node: Node<'_, '_>, reference: &str, has_namespace: bool) -> bool {
    let (prefix, local) = match reference.split_once(':') {
        Some((prefix, local)) => (Some(prefix), local),
        None => (None, reference),
    };
    let Some(name) = set.name_table.get(local) else {
        return false;
    };
    match node.lookup_namespace_uri(prefix) {
        Some(uri) => set.name_table.get(uri).is_some_and(|uri| {
            set.get_built_in_type_by_qname(Some(uri), name).is_some()
                || set.lookup_type(Some(uri), name).is_some()
        }),
        None if prefix.is_some() => false,
        // A document without a namespace takes that of those that include it.
        None => {
            set.lookup_type(None, name).is_some()
                || !has_namespace
                    && set
                        .namespaces
                        .keys()
                        .any(|namespace| set.lookup_type(*namespace, name).is_some())
        }
    }
}
