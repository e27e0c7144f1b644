//! What a Discriminator Object (3.0.3 section 4.7.25, 3.1.0 section 4.8.25) lets an object say.

use serde_json::{Value, json};

use crate::openapi::document::{Document, Identity, Node};

/// Where the components of a document are that have names.
const COMPONENTS: &str = "/components/schemas/";

/// The rule of a discriminator beside `oneOf` or `anyOf`: the property, and what it may say, if every alternative has a name.
pub(super) fn discriminator(document: &Document, schema: Node<'_>) -> Option<Value> {
    let discriminator = schema.raw("discriminator")?;
    let property = discriminator.raw("propertyName").and_then(Node::str)?;
    let lists = ["oneOf", "anyOf"].map(|keyword| schema.raw(keyword));
    if lists.iter().all(Option::is_none) {
        return None;
    }
    let alternatives: Vec<Option<Identity>> = lists
        .into_iter()
        .flatten()
        .flat_map(Node::raw_items)
        .map(|alternative| document.schema_step(alternative.identity()))
        .collect();
    let mut values = Vec::new();
    let mut named = Vec::new();
    for alternative in alternatives.iter().flatten() {
        let pointer = document.node(*alternative).map(Node::pointer).unwrap_or_default();
        let name = pointer
            .strip_prefix(COMPONENTS)
            .filter(|name| !name.contains('/'));
        if let Some(name) = name {
            values.push(name.to_owned());
            named.push(*alternative);
        }
    }
    let mapping = discriminator
        .raw("mapping")
        .into_iter()
        .flat_map(Node::raw_members);
    for (value, target) in mapping {
        let Some(reference) = target.str() else { continue };
        let component = document
            .root()
            .raw("components")
            .and_then(|components| components.raw("schemas"));
        let target = match component.and_then(|schemas| schemas.raw(reference)) {
            Some(component) => Some(component.identity()),
            None => document.find(target.identity(), reference),
        };
        if let Some(target) = target.filter(|target| alternatives.contains(&Some(*target))) {
            values.push(value.to_owned());
            named.push(target);
        }
    }
    let is_known = |alternative: &Option<Identity>| alternative.is_some_and(|target| named.contains(&target));
    Some(if alternatives.iter().all(is_known) {
        json!({ "propertyName": property, "values": values })
    } else {
        json!({ "propertyName": property })
    })
}
