//! What a text can be, out of a Schema Object: [`Shape`].

use std::collections::HashMap;

use serde_json::Value;

use super::Kinds;
use crate::openapi::document::{Identity, Node};

/// What a value may be, and its items and members.
///
/// It is followed through `$ref`, `allOf`, `anyOf` and `oneOf`. A schema without `type` takes what its `enum` or `const` names, or
/// structures where it has words for these alone, or else all types. It is never narrower than the schema but there; the schema itself
/// has the last word on each value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) kinds: Kinds,
    /// The first items of an array, by their position.
    first: Vec<Shape>,
    /// All others.
    items: Option<Box<Shape>>,
    members: HashMap<Box<str>, Shape>,
    /// What `additionalProperties` says of others, where it does not bar them.
    additional: Option<Box<Shape>>,
    has_patterns: bool,
    file: File,
}

/// Whether a value is the content of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
enum File {
    #[default]
    No,
    Yes,
    /// One whose length is bounded.
    Measured,
}

impl Default for Shape {
    /// Of a schema that says nothing.
    fn default() -> Self {
        Self {
            kinds: Kinds::ALL,
            first: Vec::new(),
            items: None,
            members: HashMap::new(),
            additional: None,
            has_patterns: false,
            file: File::No,
        }
    }
}

impl Shape {
    /// The shape by a Schema Object, as many levels of items and members deep.
    pub(crate) fn of(schema: Node<'_>, levels: usize) -> Self {
        Self::below(schema, levels, &mut Vec::new())
    }

    /// The same, below those schemas. One that leads to itself without a level between them says nothing new there.
    fn below(schema: Node<'_>, levels: usize, above: &mut Vec<Identity>) -> Self {
        if above.contains(&schema.identity()) {
            return Self::default();
        }
        above.push(schema.identity());
        let mut shape = Self::by_own_words(schema, levels);
        let target = schema.schema();
        if target.identity() != schema.identity() {
            shape = shape.and(Self::below(target, levels, above));
        }
        for branch in schema.get("allOf").into_iter().flat_map(Node::items) {
            shape = shape.and(Self::below(branch, levels, above));
        }
        for word in ["anyOf", "oneOf"] {
            let branches = schema.get(word).into_iter().flat_map(Node::items);
            let branches = branches.map(|branch| Self::below(branch, levels, above));
            if let Some(either) = branches.reduce(Self::or) {
                shape = shape.and(either);
            }
        }
        above.pop();
        shape
    }

    fn by_own_words(schema: Node<'_>, levels: usize) -> Self {
        let mut shape = Self {
            kinds: kinds(schema),
            file: file(schema),
            ..Self::default()
        };
        let Some(levels) = levels.checked_sub(1) else {
            return shape;
        };
        let child = |schema: Node<'_>| Self::of(schema, levels);
        shape.first = schema
            .get("prefixItems")
            .into_iter()
            .flat_map(Node::items)
            .map(child)
            .collect();
        shape.items = schema.get("items").map(child).map(Box::new);
        shape.members = schema
            .get("properties")
            .into_iter()
            .flat_map(Node::raw_members)
            .map(|(name, schema)| (Box::from(name), child(schema)))
            .collect();
        let required = schema.get("required").into_iter().flat_map(Node::items);
        for name in required.filter_map(Node::str) {
            shape.members.entry(name.into()).or_default();
        }
        shape.additional = schema
            .get("additionalProperties")
            .filter(|schema| schema.bool() != Some(false))
            .map(child)
            .map(Box::new);
        shape.has_patterns = schema.get("patternProperties").is_some();
        shape
    }

    /// The shape of what both take.
    fn and(self, other: Self) -> Self {
        self.merge(other, Kinds::and, Self::and)
    }

    /// The shape of what either takes.
    fn or(self, other: Self) -> Self {
        self.merge(other, Kinds::or, Self::or)
    }

    fn merge(
        mut self,
        mut other: Self,
        kinds: fn(Kinds, Kinds) -> Kinds,
        both: fn(Self, Self) -> Self,
    ) -> Self {
        let one = |own: Option<Box<Self>>, other: Option<Box<Self>>| match (own, other) {
            (Some(own), Some(other)) => Some(Box::new(both(*own, *other))),
            (own, other) => own.or(other),
        };
        let mut members = std::mem::take(&mut self.members);
        for (name, member) in other.members.drain() {
            let member = match members.remove(&name) {
                Some(own) => both(own, member),
                None => member,
            };
            members.insert(name, member);
        }
        let (mut own, mut others) = (self.first.into_iter(), other.first.into_iter());
        let mut first = Vec::new();
        loop {
            first.push(match (own.next(), others.next()) {
                (Some(own), Some(other)) => both(own, other),
                (Some(item), None) | (None, Some(item)) => item,
                (None, None) => break,
            });
        }
        Self {
            kinds: kinds(self.kinds, other.kinds),
            first,
            items: one(self.items, other.items),
            members,
            additional: one(self.additional, other.additional),
            has_patterns: self.has_patterns || other.has_patterns,
            file: self.file.max(other.file),
        }
    }

    /// What the item at that position may be.
    pub(super) fn item(&self, position: usize) -> Kinds {
        let shape = self.first.get(position).or(self.items.as_deref());
        shape.map_or(Kinds::ALL, |shape| shape.kinds)
    }

    /// What the items may be that have no position of their own.
    pub(crate) fn items(&self) -> Option<&Self> {
        self.items.as_deref()
    }

    /// What the member of that name may be.
    pub(super) fn member(&self, name: &str) -> Kinds {
        let shape = self.members.get(name).or(self.additional.as_deref());
        shape.map_or(Kinds::ALL, |shape| shape.kinds)
    }

    /// The members that have names in the schema: under `properties` or in `required`.
    pub(crate) fn members(&self) -> impl Iterator<Item = (&str, &Self)> {
        self.members.iter().map(|(name, shape)| (&**name, shape))
    }

    /// What members may be that have no name in the schema.
    pub(crate) fn other_members(&self) -> Kinds {
        self.additional.as_deref().map_or(Kinds::ALL, |shape| shape.kinds)
    }

    /// Whether the schema speaks of members that it does not name, to allow them.
    pub(crate) fn is_open(&self) -> bool {
        self.additional.is_some() || self.has_patterns
    }

    fn children(&self) -> impl Iterator<Item = &Self> {
        let items = self.first.iter().chain(self.items.as_deref());
        items
            .chain(self.members.values())
            .chain(self.additional.as_deref())
    }

    /// Whether a value is the content of a file.
    pub(crate) fn is_file(&self) -> bool {
        self.file != File::No
    }

    /// What a file of so many bytes is to its schema.
    pub(crate) fn file(&self, length: usize) -> Value {
        let counted = if self.file == File::Measured { length } else { 0 };
        Value::String(" ".repeat(counted))
    }

    /// Whether items or members are arrays or objects.
    pub(super) fn is_nested(&self) -> bool {
        self.kinds.has_structure() && self.children().any(|child| child.kinds.has_structure())
    }

    /// Whether there is a value in it that may be a structure as well as a word.
    pub(super) fn is_mixed(&self) -> bool {
        self.kinds.is_mixed() || self.children().any(Self::is_mixed)
    }

    /// Whether there is a text in it that can be read in two ways.
    pub(super) fn is_ambiguous(&self) -> bool {
        let others = self.kinds.may_be_array() && self.items.is_none()
            || self.kinds.may_be_object() && self.additional.is_none();
        self.kinds.is_ambiguous() || others || self.children().any(Self::is_ambiguous)
    }
}

/// What a schema takes by its own words.
fn kinds(schema: Node<'_>) -> Kinds {
    let named = |node: Node<'_>| node.str().and_then(Kinds::named);
    let mut kinds = match schema.get("type") {
        Some(kind) if kind.value().is_array() => kind.items().filter_map(named).fold(Kinds::NONE, Kinds::or),
        Some(kind) => named(kind).unwrap_or(Kinds::ALL),
        None if schema.bool() == Some(false) => Kinds::NONE,
        None => implied(schema),
    };
    let is_nullable = schema.get("nullable").and_then(Node::bool) == Some(true);
    if is_nullable && schema.get("type").is_some() {
        kinds = kinds.or(Kinds::NULL);
    }
    let listed = schema.get("enum").into_iter().flat_map(Node::items);
    let listed = listed.chain(schema.get("const"));
    match listed.map(|value| Kinds::of(value.value())).reduce(Kinds::or) {
        Some(listed) => kinds.and(listed),
        None => kinds,
    }
}

/// What a schema without `type` is about.
fn implied(schema: Node<'_>) -> Kinds {
    let has = |words: &[&str]| words.iter().any(|word| schema.raw(word).is_some());
    let is_object = has(&["properties", "additionalProperties", "patternProperties"]);
    match (has(&["items", "prefixItems"]), is_object) {
        (true, false) => Kinds::ARRAY,
        (false, true) => Kinds::OBJECT,
        _ => Kinds::ALL,
    }
}

/// Whether a schema is about files by its own words.
fn file(schema: Node<'_>) -> File {
    let is_binary = schema.get("format").and_then(Node::str) == Some("binary");
    let is_media = schema.raw("contentMediaType").is_some() && schema.raw("contentEncoding").is_none();
    let is_measured = schema.raw("minLength").is_some() || schema.raw("maxLength").is_some();
    match (is_binary || is_media, is_measured) {
        (false, _) => File::No,
        (true, false) => File::Yes,
        (true, true) => File::Measured,
    }
}
