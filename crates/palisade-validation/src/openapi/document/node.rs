//! A value of a document, and where it stands.

use std::fmt::{self, Display};
use std::path::Path;

use serde_json::Value;

use super::{Document, Version};
use crate::schema::SchemaError;

/// Which value of which file it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Identity {
    pub(super) file: usize,
    pub(super) slot: usize,
}

/// A value of a [`Document`], and where it stands.
#[derive(Clone, Copy)]
pub(crate) struct Node<'d> {
    pub(super) document: &'d Document,
    pub(super) identity: Identity,
    pub(super) value: &'d Value,
}

impl<'d> Node<'d> {
    /// The value, in which nothing is followed.
    pub(crate) fn value(self) -> &'d Value {
        self.value
    }

    /// A member. If it is a Reference Object where the specification has one, it is what the reference leads to.
    pub(crate) fn get(self, member: &str) -> Option<Self> {
        self.raw(member).map(Self::followed)
    }

    /// A member, as it stands there.
    pub(crate) fn raw(self, member: &str) -> Option<Self> {
        let members = self.value.as_object()?;
        let value = members.get(member)?;
        let nth = members.keys().position(|name| name == member)?;
        Some(self.child(nth, value))
    }

    /// The members of an object but for extensions (`x-`), followed as by [`Node::get`].
    pub(crate) fn members(self) -> impl Iterator<Item = (&'d str, Self)> {
        let members = self.value.as_object().into_iter().flatten().enumerate();
        members
            .filter(|(_, (name, _))| !name.starts_with("x-"))
            .map(move |(nth, (name, value))| (name.as_str(), self.child(nth, value).followed()))
    }

    /// The items of an array, followed as by [`Node::get`].
    pub(crate) fn items(self) -> impl Iterator<Item = Self> {
        let items = self.value.as_array().into_iter().flatten().enumerate();
        items.map(move |(nth, value)| self.child(nth, value).followed())
    }

    /// The text, if it is one.
    pub(crate) fn str(self) -> Option<&'d str> {
        self.value.as_str()
    }

    /// The boolean, if it is one.
    pub(crate) fn bool(self) -> Option<bool> {
        self.value.as_bool()
    }

    /// What the `$ref` of a Schema Object leads to, and where that is nothing but a reference, what that leads to; itself where there
    /// is none. In OpenAPI 3.1 what stands beside the `$ref` counts as well.
    pub(crate) fn schema(self) -> Self {
        let target = self.document.schema_reference(self.identity);
        target
            .and_then(|target| self.document.node(target))
            .unwrap_or(self)
    }

    /// The same for the same value, and for no other.
    pub(crate) fn identity(self) -> Identity {
        self.identity
    }

    /// The JSON Pointer (RFC 6901) in its file.
    pub(crate) fn pointer(self) -> String {
        self.document.pointer(self.identity)
    }

    /// The file it stands in.
    pub(crate) fn file(self) -> &'d Path {
        self.document.path(self.identity)
    }

    /// That something is wrong with it.
    pub(crate) fn error(self, problem: impl Display) -> SchemaError {
        self.document.error(self.identity, problem)
    }

    /// The document it is of.
    pub(in crate::openapi) fn document(self) -> &'d Document {
        self.document
    }

    /// Whether it is a Schema Object in which nothing counts but its `$ref`.
    pub(in crate::openapi) fn is_reference_alone(self) -> bool {
        let is_alone = self.value.as_object().is_some_and(|members| members.len() == 1);
        self.document.schema_step(self.identity).is_some()
            && (is_alone || self.document.version() == Version::V3_0)
    }

    /// Every member, extensions too, as it stands there.
    pub(in crate::openapi) fn raw_members(self) -> impl Iterator<Item = (&'d str, Self)> {
        let members = self.value.as_object().into_iter().flatten().enumerate();
        members.map(move |(nth, (name, value))| (name.as_str(), self.child(nth, value)))
    }

    /// Every item, as it stands there.
    pub(in crate::openapi) fn raw_items(self) -> impl Iterator<Item = Self> {
        let items = self.value.as_array().into_iter().flatten().enumerate();
        items.map(move |(nth, value)| self.child(nth, value))
    }

    fn child(self, nth: usize, value: &'d Value) -> Self {
        Self {
            identity: self.document.child(self.identity, nth),
            value,
            ..self
        }
    }

    fn followed(self) -> Self {
        let target = self.document.reference(self.identity);
        target
            .and_then(|target| self.document.node(target))
            .unwrap_or(self)
    }
}

impl fmt::Debug for Node<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Node")
            .field("file", &self.file())
            .field("pointer", &self.pointer())
            .finish_non_exhaustive()
    }
}
