//! Which properties are not for a direction.

use std::collections::HashSet;

use super::Direction;
use crate::openapi::document::{Identity, Node};

/// The names of the properties that an object hides: its own, those of its `allOf` and those of what it refers to.
pub(super) fn hidden_properties(schema: Node<'_>, direction: Direction) -> HashSet<&str> {
    let mut hidden = HashSet::new();
    let mut seen = HashSet::new();
    let mut open = vec![schema];
    while let Some(schema) = open.pop() {
        if !seen.insert(schema.identity()) {
            continue;
        }
        open.extend(reference(schema));
        if schema.is_reference_alone() {
            continue;
        }
        let properties = schema.raw("properties").into_iter().flat_map(Node::raw_members);
        hidden.extend(
            properties
                .filter(|(_, property)| is_hidden(*property, direction))
                .map(|(name, _)| name),
        );
        open.extend(schema.raw("allOf").into_iter().flat_map(Node::raw_items));
    }
    hidden
}

/// Whether a property says that it is not for this direction, itself, by its `$ref` or by its `allOf`.
pub(super) fn is_hidden(property: Node<'_>, direction: Direction) -> bool {
    let keyword = match direction {
        Direction::Request => "readOnly",
        Direction::Response => "writeOnly",
    };
    let mut seen: HashSet<Identity> = HashSet::new();
    let mut open = vec![property];
    while let Some(schema) = open.pop() {
        if !seen.insert(schema.identity()) {
            continue;
        }
        open.extend(reference(schema));
        if schema.is_reference_alone() {
            continue;
        }
        if schema.raw(keyword).and_then(Node::bool) == Some(true) {
            return true;
        }
        open.extend(schema.raw("allOf").into_iter().flat_map(Node::raw_items));
    }
    false
}

fn reference(schema: Node<'_>) -> Option<Node<'_>> {
    let document = schema.document();
    document.node(document.schema_step(schema.identity())?)
}
