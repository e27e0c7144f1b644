//! Whether values are what their fields are for, and which objects are in them.

use serde_json::Value;

use super::Version;
use super::grammar::{Field, Kind, Members, Names, Shape};
use super::node::{Identity, Node};
use crate::schema::SchemaError;

/// What was found in one object.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) objects: Vec<(Identity, Kind)>,
    pub(super) errors: Vec<SchemaError>,
}

impl Found {
    pub(super) fn wrong(&mut self, node: Node<'_>, problem: impl std::fmt::Display) {
        self.errors.push(node.error(problem));
    }

    /// Looks at the members of an object of the specification.
    pub(super) fn members(&mut self, node: Node<'_>, kind: Kind, version: Version) {
        if !node.value().is_object() {
            self.wrong(node, format!("must be {}, an object", kind.name()));
            return;
        }
        match kind.members() {
            Members::Fields(fields) => self.fields(node, kind.name(), fields, version),
            Members::Named(names, shape) => {
                for (name, member) in node.raw_members() {
                    if !name.starts_with("x-") {
                        self.name(member, name, names);
                        self.shape(member, shape);
                    }
                }
            }
        }
    }

    /// What stands beside a reference is ignored, by the specification: what looks like a rule there is an error.
    pub(super) fn beside_reference(&mut self, node: Node<'_>, kind: Kind, version: Version) {
        for (name, member) in node.raw_members() {
            if name.starts_with("x-") || matches!(name, "$ref" | "summary" | "description") {
                continue;
            }
            let reason = match kind {
                Kind::PathItem => "and OpenAPI does not say which of both counts",
                _ if version == Version::V3_0 => "where OpenAPI ignores everything",
                _ => "where OpenAPI ignores everything but `summary` and `description`",
            };
            self.wrong(member, format!("stands beside `$ref`, {reason}"));
        }
    }

    fn fields(&mut self, node: Node<'_>, what: &str, fields: &[Field], version: Version) {
        for (name, member) in node.raw_members() {
            if name.starts_with("x-") {
                continue;
            }
            match fields.iter().find(|field| field.name == name) {
                Some(field) if field.is_of(version) => self.shape(member, field.shape),
                Some(_) => self.wrong(member, format!("is a field of {what} since OpenAPI 3.1 only")),
                None => {
                    let near = nearest(name, fields, version);
                    self.wrong(member, format!("is no field of {what}{near}"));
                }
            }
        }
        for field in fields.iter().filter(|field| field.is_required(version)) {
            if node.raw(field.name).is_none() {
                self.wrong(node, format!("must have the field `{}`, as {what}", field.name));
            }
        }
    }

    /// Looks at one value.
    pub(super) fn shape(&mut self, node: Node<'_>, shape: Shape) {
        let value = node.value();
        let needed = match shape {
            Shape::Any => None,
            Shape::Text => (!value.is_string()).then(|| "text".to_owned()),
            Shape::Boolean => (!value.is_boolean()).then(|| "`true` or `false`".to_owned()),
            Shape::Number => (!value.is_number()).then(|| "a number".to_owned()),
            Shape::Count => (!is_count(value)).then(|| "an integer of zero or more".to_owned()),
            Shape::Positive => {
                let is_positive = value.as_f64().is_some_and(|number| number > 0.0);
                (!is_positive).then(|| "a number above zero".to_owned())
            }
            Shape::Choice(choices) => {
                let is_one = value.as_str().is_some_and(|text| choices.contains(&text));
                (!is_one).then(|| format!("one of {}", list(choices)))
            }
            Shape::Choices(choices) => {
                self.choices(node, choices);
                None
            }
            Shape::Texts => {
                self.each(node, "text", Value::is_string);
                None
            }
            Shape::Values => (!value.is_array()).then(|| "an array".to_owned()),
            Shape::Map => (!value.is_object()).then(|| "an object".to_owned()),
            Shape::TextMap | Shape::TextsMap => {
                self.map(node, shape);
                None
            }
            Shape::Object(kind) => {
                self.objects.push((node.identity(), kind));
                None
            }
            Shape::SchemaOrBoolean => {
                if !value.is_boolean() {
                    self.objects.push((node.identity(), Kind::Schema));
                }
                None
            }
            Shape::List(kind) | Shape::Some(kind) => {
                self.list(node, kind, matches!(shape, Shape::Some(_)));
                None
            }
            Shape::Named(names, kind) => {
                self.named(node, names, kind);
                None
            }
        };
        if let Some(needed) = needed {
            self.wrong(node, format!("must be {needed}"));
        }
    }

    fn choices(&mut self, node: Node<'_>, choices: &[&str]) {
        let is_one = |value: &Value| value.as_str().is_some_and(|text| choices.contains(&text));
        let all = list(choices);
        match node.value() {
            Value::Array(items) if items.is_empty() => self.wrong(node, format!("must have one of {all}")),
            Value::Array(_) => {
                for item in node.raw_items().filter(|item| !is_one(item.value())) {
                    self.wrong(item, format!("must be one of {all}"));
                }
            }
            value if is_one(value) => (),
            _ => self.wrong(node, format!("must be one of {all}, or a list of them")),
        }
    }

    fn each(&mut self, node: Node<'_>, what: &str, is_right: fn(&Value) -> bool) {
        if !node.value().is_array() {
            self.wrong(node, format!("must be a list of {what}"));
        }
        for item in node.raw_items().filter(|item| !is_right(item.value())) {
            self.wrong(item, format!("must be {what}"));
        }
    }

    fn map(&mut self, node: Node<'_>, shape: Shape) {
        if !node.value().is_object() {
            self.wrong(node, "must be an object");
        }
        for (_, member) in node.raw_members() {
            if matches!(shape, Shape::TextsMap) {
                self.each(member, "text", Value::is_string);
            } else if !member.value().is_string() {
                self.wrong(member, "must be text");
            }
        }
    }

    fn list(&mut self, node: Node<'_>, kind: Kind, is_needed: bool) {
        match node.value() {
            Value::Array(items) if items.is_empty() && is_needed => {
                self.wrong(node, format!("must have {} at least", kind.name()));
            }
            Value::Array(_) => {
                self.objects
                    .extend(node.raw_items().map(|item| (item.identity(), kind)));
            }
            _ => self.wrong(node, format!("must be an array, each item {}", kind.name())),
        }
    }

    fn named(&mut self, node: Node<'_>, names: Names, kind: Kind) {
        if !node.value().is_object() {
            self.wrong(node, format!("must be an object, each member {}", kind.name()));
        }
        for (name, member) in node.raw_members() {
            // Extensions are members of objects of the specification, and not of maps.
            self.name(member, name, names);
            self.objects.push((member.identity(), kind));
        }
    }

    fn name(&mut self, node: Node<'_>, name: &str, names: Names) {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        match names {
            Names::Component if name.is_empty() || !name.bytes().all(is_plain) => {
                self.wrong(
                    node,
                    "the name of a component has letters, digits, `.`, `-` and `_` only",
                );
            }
            Names::Path if !name.starts_with('/') => {
                self.wrong(node, format!("is no path: `{name}` does not begin with `/`"));
            }
            Names::Status if !is_status(name) => {
                self.wrong(
                    node,
                    format!(
                        "`{name}` is neither a status such as `200`, nor a class such as `4XX`, nor `default`"
                    ),
                );
            }
            _ => (),
        }
    }
}

fn is_status(name: &str) -> bool {
    name == "default"
        || matches!(name.as_bytes(), [b'1'..=b'5', b'X', b'X'])
        || matches!(name.as_bytes(), [b'1'..=b'5', tens, ones] if tens.is_ascii_digit() && ones.is_ascii_digit())
}

fn is_count(value: &Value) -> bool {
    value.is_u64()
        || value
            .as_f64()
            .is_some_and(|number| number >= 0.0 && number.fract() == 0.0)
}

fn list(choices: &[&str]) -> String {
    let quoted: Vec<String> = choices.iter().map(|choice| format!("`{choice}`")).collect();
    quoted.join(", ")
}

/// The field that was meant, if one is spelt nearly so.
fn nearest(name: &str, fields: &[Field], version: Version) -> String {
    let normal = |text: &str| text.to_ascii_lowercase().replace(['-', '_'], "");
    let candidates = fields.iter().filter(|field| field.is_of(version));
    let near = candidates
        .map(|field| {
            (
                strsim::levenshtein(&normal(name), &normal(field.name)),
                field.name,
            )
        })
        .min();
    match near {
        Some((distance, field)) if distance <= 2 && distance < field.len() => {
            format!("; is `{field}` meant?")
        }
        _ => String::new(),
    }
}
