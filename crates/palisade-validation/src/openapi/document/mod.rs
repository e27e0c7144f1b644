//! The files of an OpenAPI document, as a tree whose values know where they stand.
//!
//! 1. A document is OpenAPI 3.0 or 3.1, in JSON or in YAML 1.2 (see `yaml.rs` for what that means). Its extension says
//!    which, or its first character. Two members of one name are an error in both.
//! 2. References lead within a file (`#/components/schemas/Order`) or to files below the document's folder
//!    (`parameters.yaml#/Limit`), relative to the file they stand in. Nothing is ever fetched: an address elsewhere, a
//!    path that leaves the folder, or a link that does, is an error.
//! 3. All that is reached is read at load, and every error is told with its file, line, column and JSON Pointer: a
//!    reference that leads nowhere, or in a circle; a field that the specification does not know, since what is
//!    misspelt would be no rule; a value of the wrong type; a field that is missing.
//! 4. A Reference Object is one where the specification has it. In an `example` a `$ref` is a member as any other.
//! 5. A Path Item may have a `$ref`, and then nothing beside it that matters: the specification does not say what wins.
//!
//! What this does not protect against: a document that says less than the application needs.

mod file;
mod finish;
mod grammar;
mod json;
mod load;
mod node;
mod reference;
mod rules;
mod scalar;
mod schema_object;
mod shape;
mod yaml;

#[cfg(test)]
pub(in crate::openapi) mod tests;

use std::collections::HashMap;
use std::fmt::Display;
use std::path::{Path, PathBuf};

use jsonschema::Draft;

use self::file::File;
pub(crate) use self::node::{Identity, Node};
use crate::schema::{SchemaError, SchemaErrors};

/// Which OpenAPI it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Version {
    /// OpenAPI 3.0.
    V3_0,
    /// OpenAPI 3.1.
    V3_1,
}

/// An OpenAPI document with the files it refers to.
#[derive(Debug)]
pub(crate) struct Document {
    version: Version,
    /// The document itself comes first.
    files: Vec<File>,
    /// Every file that was looked for.
    asked: Vec<PathBuf>,
    /// Where Reference Objects lead in the end.
    references: HashMap<Identity, Identity>,
    /// Where the `$ref` of a Schema Object leads, in one step.
    schema_references: HashMap<Identity, Identity>,
    schemas: HashMap<Identity, SchemaPlace>,
    /// What Schema Objects call themselves, as absolute URIs.
    identifiers: HashMap<Identity, String>,
}

/// What is known of a Schema Object by where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::openapi) struct SchemaPlace {
    /// In the order in which they were found.
    pub(in crate::openapi) nth: usize,
    /// The draft of JSON Schema whose words it has; 4 for OpenAPI 3.0.
    pub(in crate::openapi) draft: Draft,
}

impl Document {
    /// Reads a document, and the files below its folder that it refers to.
    ///
    /// # Errors
    /// Everything that is wrong with it, each with its place.
    pub(crate) fn load(path: &Path) -> Result<Self, SchemaErrors> {
        load::load(path)
    }

    /// The files that were looked for: a change of any is worth another attempt.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        self.asked.clone()
    }

    /// Which OpenAPI it is.
    pub(crate) fn version(&self) -> Version {
        self.version
    }

    /// The OpenAPI Object.
    pub(crate) fn root(&self) -> Node<'_> {
        let root = Identity { file: 0, slot: 0 };
        self.node(root).unwrap_or(Node {
            document: self,
            identity: root,
            value: &serde_json::Value::Null,
        })
    }

    /// The value with an identity that a node of this document had.
    pub(crate) fn node(&self, identity: Identity) -> Option<Node<'_>> {
        Some(Node {
            document: self,
            identity,
            value: self.files.get(identity.file)?.value(identity.slot)?,
        })
    }

    /// The Schema Objects, wherever they stand, in the order of files and places.
    pub(in crate::openapi) fn schemas(&self) -> impl Iterator<Item = (Node<'_>, SchemaPlace)> {
        let mut schemas: Vec<_> = self
            .schemas
            .iter()
            .map(|(identity, place)| (*identity, *place))
            .collect();
        schemas.sort_unstable_by_key(|(identity, _)| *identity);
        schemas
            .into_iter()
            .filter_map(|(identity, place)| Some((self.node(identity)?, place)))
    }

    /// What is known of a Schema Object; nothing, if it is none.
    pub(in crate::openapi) fn schema_place(&self, identity: Identity) -> Option<SchemaPlace> {
        self.schemas.get(&identity).copied()
    }

    /// What a Schema Object calls itself by `$id`, as an absolute URI.
    pub(in crate::openapi) fn identifier(&self, identity: Identity) -> Option<&str> {
        self.identifiers.get(&identity).map(String::as_str)
    }

    /// The value that contains a value.
    pub(in crate::openapi) fn parent(&self, identity: Identity) -> Option<Identity> {
        let slot = self.files.get(identity.file)?.parent(identity.slot)?;
        Some(Identity { slot, ..identity })
    }

    /// Where the `$ref` of a Schema Object leads, in one step.
    pub(in crate::openapi) fn schema_step(&self, identity: Identity) -> Option<Identity> {
        self.schema_references.get(&identity).copied()
    }

    /// What a reference that stands in a value leads to, if that is a value of the files that were read.
    pub(in crate::openapi) fn find(&self, from: Identity, reference: &str) -> Option<Identity> {
        let target = reference::resolve(self.uri(from), reference)?;
        let file = self.files.iter().position(|file| file.uri == target.document)?;
        let slot = self.files.get(file)?.descend(0, &target.fragment)?;
        Some(Identity { file, slot })
    }

    /// The URI of the file that a value stands in.
    pub(in crate::openapi) fn uri(&self, identity: Identity) -> &str {
        self.files.get(identity.file).map_or("", |file| file.uri.as_str())
    }

    /// That something is wrong where a JSON Pointer leads from a value, or as near as there is something.
    pub(in crate::openapi) fn error_below(
        &self,
        identity: Identity,
        pointer: &str,
        problem: impl Display,
    ) -> SchemaError {
        let Some(file) = self.files.get(identity.file) else {
            return self.error(identity, problem);
        };
        let slot = file.nearest(&format!("{}{pointer}", file.pointer(identity.slot)));
        file.error(slot, problem.to_string())
    }

    fn reference(&self, identity: Identity) -> Option<Identity> {
        self.references.get(&identity).copied()
    }

    /// INVARIANT: it comes to an end, since circles of nothing but references are errors at load.
    fn schema_reference(&self, identity: Identity) -> Option<Identity> {
        let mut at = self.schema_step(identity)?;
        while let Some(next) = self.schema_step(at)
            && self.node(at).is_some_and(Node::is_reference_alone)
        {
            at = next;
        }
        Some(at)
    }

    fn child(&self, identity: Identity, nth: usize) -> Identity {
        let slot = self
            .files
            .get(identity.file)
            .map_or(0, |file| file.child(identity.slot, nth));
        Identity { slot, ..identity }
    }

    fn pointer(&self, identity: Identity) -> String {
        self.files
            .get(identity.file)
            .map(|file| file.pointer(identity.slot))
            .unwrap_or_default()
    }

    fn path(&self, identity: Identity) -> &Path {
        self.files
            .get(identity.file)
            .map_or(Path::new(""), |file| &file.path)
    }

    fn error(&self, identity: Identity, problem: impl Display) -> SchemaError {
        match self.files.get(identity.file) {
            Some(file) => file.error(identity.slot, problem.to_string()),
            None => SchemaError {
                document: String::new(),
                position: None,
                pointer: String::new(),
                problem: problem.to_string(),
            },
        }
    }
}
