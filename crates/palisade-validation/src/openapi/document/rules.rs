//! What the specification says of several fields together.

use std::collections::HashMap;

use serde_json::Value;

use super::Version;
use super::grammar::Kind;
use super::node::{Identity, Node};
use crate::schema::SchemaError;

/// Looks at an object whose fields are of the right types each.
pub(super) fn check(node: Node<'_>, kind: Kind, version: Version, errors: &mut Vec<SchemaError>) {
    match kind {
        Kind::OpenApi => open_api(node, version, errors),
        Kind::Parameter => parameter(node, errors),
        Kind::Header => described(node, errors),
        Kind::MediaType | Kind::Example => exclusive(node, kind, errors),
        Kind::PathItem | Kind::Operation => parameters(node, errors),
        Kind::Responses if node.members().next().is_none() => {
            errors.push(node.error("must have one response at least"));
        }
        Kind::ServerVariable => server_variable(node, version, errors),
        Kind::SecurityScheme => security_scheme(node, version, errors),
        Kind::Link if node.raw("operationRef").is_some() == node.raw("operationId").is_some() => {
            errors.push(node.error("must have one of `operationRef` and `operationId`"));
        }
        _ => (),
    }
}

/// Looks at the names that operations have in the whole document.
pub(super) fn operation_ids<'d>(operations: impl Iterator<Item = Node<'d>>, errors: &mut Vec<SchemaError>) {
    let mut seen: HashMap<&str, Identity> = HashMap::new();
    for id in operations.filter_map(|operation| operation.raw("operationId")) {
        let Some(name) = id.str() else { continue };
        if seen.insert(name, id.identity()).is_some() {
            errors.push(id.error(format!("there is a second operation `{name}`")));
        }
    }
}

fn open_api(node: Node<'_>, version: Version, errors: &mut Vec<SchemaError>) {
    let parts = ["paths", "components", "webhooks"];
    if version == Version::V3_1 && parts.iter().all(|part| node.raw(part).is_none()) {
        errors.push(node.error("must have one of `paths`, `components` and `webhooks`"));
    }
}

fn parameter(node: Node<'_>, errors: &mut Vec<SchemaError>) {
    let location = node.raw("in").and_then(Node::str);
    if location == Some("path") && node.raw("required").and_then(Node::bool) != Some(true) {
        let at = node.raw("required").unwrap_or(node);
        errors.push(at.error("a parameter `in: path` must have `required: true`"));
    }
    let styles: &[&str] = match location {
        Some("path") => &["matrix", "label", "simple"],
        Some("query") => &["form", "spaceDelimited", "pipeDelimited", "deepObject"],
        Some("header") => &["simple"],
        Some("cookie") => &["form"],
        _ => return,
    };
    if let Some(style) = node.raw("style")
        && style.str().is_some_and(|name| !styles.contains(&name))
    {
        let location = location.unwrap_or_default();
        let styles = styles.join("`, `");
        errors.push(style.error(format!(
            "a parameter `in: {location}` may have the style `{styles}`"
        )));
    }
    if location != Some("query")
        && let Some(empty) = node.raw("allowEmptyValue")
    {
        errors.push(empty.error("is for parameters `in: query` only"));
    }
    described(node, errors);
}

/// Parameters and headers: a schema, or one media type with one.
fn described(node: Node<'_>, errors: &mut Vec<SchemaError>) {
    match (node.raw("schema"), node.raw("content")) {
        (Some(_), Some(content)) => {
            errors.push(content.error("there may be `schema` or `content`, and not both"));
        }
        (None, None) => errors.push(node.error("must have `schema` or `content`")),
        (None, Some(content)) => {
            if content.value().as_object().is_some_and(|types| types.len() != 1) {
                errors.push(content.error("must have exactly one media type"));
            }
            for name in ["style", "explode", "allowReserved"] {
                if let Some(field) = node.raw(name) {
                    errors.push(field.error("goes with `schema`, and there is `content`"));
                }
            }
        }
        (Some(_), None) => (),
    }
    exclusive(node, Kind::Parameter, errors);
}

fn exclusive(node: Node<'_>, kind: Kind, errors: &mut Vec<SchemaError>) {
    let [one, other] = if kind == Kind::Example {
        ["value", "externalValue"]
    } else {
        ["example", "examples"]
    };
    if let (Some(_), Some(second)) = (node.raw(one), node.raw(other)) {
        errors.push(second.error(format!("there may be `{one}` or `{other}`, and not both")));
    }
}

/// No two parameters of one name in one place. Names of header fields do not differ by their case.
fn parameters(node: Node<'_>, errors: &mut Vec<SchemaError>) {
    let Some(list) = node.raw("parameters") else {
        return;
    };
    let mut seen = Vec::new();
    for (item, parameter) in list.raw_items().zip(list.items()) {
        let name = parameter.raw("name").and_then(Node::str);
        let location = parameter.raw("in").and_then(Node::str);
        let (Some(name), Some(location)) = (name, location) else {
            continue;
        };
        let normal = if location == "header" {
            name.to_ascii_lowercase()
        } else {
            name.to_owned()
        };
        if seen.contains(&(normal.clone(), location)) {
            errors.push(item.error(format!("there is a second parameter `{name}` in {location}")));
        }
        seen.push((normal, location));
    }
}

fn server_variable(node: Node<'_>, version: Version, errors: &mut Vec<SchemaError>) {
    let Some(choices) = node.raw("enum") else {
        return;
    };
    let values = choices.value().as_array();
    if values.is_some_and(Vec::is_empty) {
        errors.push(choices.error("must not be empty"));
        return;
    }
    let Some(default) = node.raw("default").filter(|_| version == Version::V3_1) else {
        return;
    };
    if values.is_some_and(|values| !values.contains(default.value())) {
        errors.push(default.error("must be one of `enum`"));
    }
}

fn security_scheme(node: Node<'_>, version: Version, errors: &mut Vec<SchemaError>) {
    let kind = node.raw("type").and_then(Node::str).unwrap_or_default();
    let needed: &[&str] = match kind {
        "apiKey" => &["name", "in"],
        "http" => &["scheme"],
        "oauth2" => &["flows"],
        "openIdConnect" => &["openIdConnectUrl"],
        "mutualTLS" if version == Version::V3_0 => {
            errors.push(node.error("`mutualTLS` is a type since OpenAPI 3.1 only"));
            &[]
        }
        _ => &[],
    };
    for field in needed.iter().filter(|field| node.raw(field).is_none()) {
        errors.push(node.error(format!("must have the field `{field}`, as its type is `{kind}`")));
    }
    let flows = node.raw("flows").filter(|_| kind == "oauth2");
    for (name, flow) in flows.into_iter().flat_map(Node::members) {
        let needed: &[&str] = match name {
            "implicit" => &["authorizationUrl"],
            "authorizationCode" => &["authorizationUrl", "tokenUrl"],
            _ => &["tokenUrl"],
        };
        for field in needed
            .iter()
            .filter(|field| flow.raw(field).map(Node::value).is_none_or(Value::is_null))
        {
            errors.push(flow.error(format!("must have the field `{field}`, as the flow `{name}`")));
        }
    }
}
