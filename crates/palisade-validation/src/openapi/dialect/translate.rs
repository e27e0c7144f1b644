//! From a Schema Object to a schema of JSON Schema, at the same places within it.

use std::collections::HashSet;

use serde_json::{Map, Value, json};

use super::discriminator::discriminator;
use super::hidden::{hidden_properties, is_hidden};
use super::{Direction, Places};
use crate::openapi::document::{Document, Node, Version};
use crate::schema::Formats;
use crate::schema::keyword::{DISCRIMINATOR, NUMBER_FORMAT, PREFIX, READ_ONLY, WRITE_ONLY, is_number_format};

/// Names of properties that are not for this direction.
type Names<'d> = HashSet<&'d str>;

/// What Schema Objects are put into.
#[derive(Debug, Clone, Copy)]
pub(super) struct Translator<'t> {
    document: &'t Document,
    places: &'t Places,
    direction: Direction,
    formats: Formats,
}

impl<'t> Translator<'t> {
    pub(super) fn new(
        document: &'t Document,
        places: &'t Places,
        direction: Direction,
        formats: Formats,
    ) -> Self {
        Self {
            document,
            places,
            direction,
            formats,
        }
    }

    /// Translates a Schema Object, and those in it.
    pub(super) fn schema(self, node: Node<'t>) -> Value {
        self.below(node, Some(&Names::new()))
    }

    /// `around` has the names that the schemas around this one hide, which are about the same object; `None`, where nothing is hidden.
    fn below(self, node: Node<'t>, around: Option<&Names<'t>>) -> Value {
        match node.value() {
            Value::Array(_) => node.raw_items().map(|item| self.below(item, around)).collect(),
            Value::Object(_) if self.document.schema_place(node.identity()).is_some() => {
                self.object(node, around)
            }
            Value::Object(_) => {
                let members = node.raw_members();
                let members = members.map(|(name, member)| (name.to_owned(), self.below(member, around)));
                Value::Object(members.collect())
            }
            other => other.clone(),
        }
    }

    fn object(self, node: Node<'t>, around: Option<&Names<'t>>) -> Value {
        let reference = self.document.schema_step(node.identity());
        let reference = reference.and_then(|target| self.places.find(self.document, target));
        if self.document.version() == Version::V3_0
            && let Some(reference) = reference
        {
            return json!({ "$ref": reference });
        }
        let hidden = around.map(|around| {
            let mut names = hidden_properties(node, self.direction);
            names.extend(around);
            names
        });
        let nothing = around.map(|_| Names::new());
        let mut members = Map::new();
        for (name, member) in node.raw_members() {
            let value = match name {
                "$ref" => reference
                    .clone()
                    .map_or_else(|| member.value().clone(), Value::from),
                "$dynamicRef" => {
                    let target = self.document.schema_step(member.identity());
                    let target = target.and_then(|target| self.places.find(self.document, target));
                    target.map_or_else(|| member.value().clone(), Value::from)
                }
                "allOf" | "anyOf" | "oneOf" | "then" | "else" => self.below(member, hidden.as_ref()),
                "not" | "if" => self.below(member, None),
                "required" => match Self::required(member, hidden.as_ref()) {
                    Some(names) => names,
                    None => continue,
                },
                "default" | "enum" | "const" | "example" | "examples" => member.value().clone(),
                name if name.starts_with(PREFIX) => continue,
                _ => self.below(member, nothing.as_ref()),
            };
            members.insert(name.to_owned(), value);
        }
        if self.document.version() == Version::V3_0 {
            nullable(&mut members);
        }
        self.own_keywords(node, around.is_some(), &mut members);
        Value::Object(members)
    }

    /// What of `required` is demanded; nothing, if all of it is hidden.
    fn required(required: Node<'t>, hidden: Option<&Names<'t>>) -> Option<Value> {
        let Some(names) = required.value().as_array() else {
            return Some(required.value().clone());
        };
        let is_demanded = |name: &&Value| {
            let name = name.as_str().unwrap_or_default();
            hidden.is_none_or(|hidden| !hidden.contains(name))
        };
        let demanded: Vec<Value> = names.iter().filter(is_demanded).cloned().collect();
        (demanded.len() == names.len() || !demanded.is_empty()).then_some(Value::Array(demanded))
    }

    fn own_keywords(self, node: Node<'t>, hides: bool, members: &mut Map<String, Value>) {
        if let Some(format) = members.get("format").and_then(Value::as_str)
            && is_number_format(format)
            && self.formats == Formats::Assert
        {
            members.insert(NUMBER_FORMAT.to_owned(), Value::from(format));
        }
        if let Some(discriminator) = discriminator(self.document, node) {
            members.insert(DISCRIMINATOR.to_owned(), discriminator);
        }
        if !hides {
            return;
        }
        let properties = node.raw("properties").into_iter().flat_map(Node::raw_members);
        let hidden: Vec<Value> = properties
            .filter(|(_, property)| is_hidden(*property, self.direction))
            .map(|(name, _)| Value::from(name))
            .collect();
        if !hidden.is_empty() {
            let keyword = match self.direction {
                Direction::Request => READ_ONLY,
                Direction::Response => WRITE_ONLY,
            };
            members.insert(keyword.to_owned(), Value::Array(hidden));
        }
    }
}

/// `nullable` adds `null` to the `type` beside it.
fn nullable(members: &mut Map<String, Value>) {
    let is_nullable = members.remove("nullable") == Some(Value::Bool(true));
    if let Some(kind) = members.get_mut("type").filter(|_| is_nullable) {
        *kind = json!([kind.take(), "null"]);
    }
}
