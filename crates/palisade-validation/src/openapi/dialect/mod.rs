//! Schema Objects in words of JSON Schema.
//!
//! 1. Schema Objects of OpenAPI 3.0 are draft 4 with a few words of their own: `nullable` adds `null` to the `type` beside
//!    it, and to nothing else (3.0.3, proposal 2019-10-31); what stands beside `$ref` is ignored. Those of 3.1 are
//!    JSON Schema 2020-12, or what `$schema` and `jsonSchemaDialect` say.
//! 2. Formats are asserted as in [`crate::schema`], and those of OpenAPI too: `int32` and `int64` are ranges, `float` is what
//!    a binary32 holds, `byte` is base64 with padding. `uuid` is asserted in 3.0 as well. `password` and `binary` say
//!    nothing about the value.
//! 3. A property that is `readOnly`, itself, by its `$ref` or by its `allOf`, is refused in a request, and `required` does
//!    not demand it there. In an answer `writeOnly` is the same. `required` knows of the properties beside it, of those
//!    in its `allOf`, however deep, and of those around the `allOf`, `anyOf` or `oneOf` that it stands in. Under `not`
//!    and `if` nothing of this applies.
//! 4. Beside `oneOf` or `anyOf` a `discriminator` must be there, and name one of the alternatives: by `mapping`, or by
//!    the name of a component. That the named one matches is left to `oneOf` and `anyOf`. Elsewhere it is a note.
//! 5. `example`, `xml`, `externalDocs` and `deprecated` are notes.
//!
//! What this does not protect against: under `not`, a schema that is referred to there still refuses what is read-only,
//! and so the `not` around it lets it through. A `required` in a schema that is referred to does not know of a property
//! that is made read-only by whoever refers to it: it goes on demanding it.

mod discriminator;
mod hidden;
mod translate;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

use jsonschema::Draft;
use serde_json::{Map, Value, json};

use self::translate::Translator;
use super::MAX_ERRORS;
use super::document::{Document, Identity, Node, Version};
use crate::schema::{Compiler, Formats, Schema, SchemaError, SchemaErrors, faults};

/// Whose schemas they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    /// Of requests: nothing in them is `readOnly`.
    Request,
    /// Of answers: nothing in them is `writeOnly`.
    Response,
}

/// The Schema Objects of a document, for one direction.
#[derive(Debug)]
pub(crate) struct Schemas {
    compiler: Compiler,
    places: Places,
    compiled: Mutex<HashMap<Identity, Arc<Schema>>>,
}

/// What a schema is compiled as: a schema that refers to it.
const ENTRY: &str = "schema:///entry";

impl Schemas {
    /// Puts all Schema Objects of a document into words of JSON Schema.
    ///
    /// # Errors
    /// What the meta-schemas find in them.
    pub(crate) fn new(
        document: &Document,
        direction: Direction,
        formats: Formats,
    ) -> Result<Self, SchemaErrors> {
        let places = Places::new(document);
        let translator = Translator::new(document, &places, direction, formats);
        let default = default_draft(document);
        let mut documents: HashMap<String, (Draft, Value)> = HashMap::new();
        for (uri, roots) in &places.roots {
            for root in roots {
                let Some(node) = document.node(*root) else {
                    continue;
                };
                let schema = translator.schema(node);
                let place = places
                    .by_root
                    .get(root)
                    .map_or("", |place| place.pointer.as_str());
                if place.is_empty() {
                    let draft = document.schema_place(*root).map_or(default, |place| place.draft);
                    documents.insert(uri.clone(), (draft, with_dialect(draft, schema)));
                    continue;
                }
                let (_, container) = documents
                    .entry(uri.clone())
                    .or_insert_with(|| (default, with_dialect(default, json!({DEFINITIONS: {}}))));
                let name = place.rsplit('/').next().unwrap_or_default();
                if let Some(Value::Object(definitions)) = container.get_mut(DEFINITIONS) {
                    definitions.insert(name.to_owned(), schema);
                }
            }
        }
        let mut documents: Vec<(String, (Draft, Value))> = documents.into_iter().collect();
        documents.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        let fail = |mut list: Vec<SchemaError>| {
            list.dedup();
            SchemaErrors {
                list,
                files: document.files(),
            }
        };
        let mut errors = Vec::new();
        for (uri, (draft, schema)) in &documents {
            // Each looks its place up in the text.
            let found = faults(*draft, schema).into_iter();
            errors.extend(
                found
                    .take(MAX_ERRORS.saturating_sub(errors.len()))
                    .map(|(pointer, problem)| places.error(document, uri, &pointer, &problem)),
            );
        }
        if !errors.is_empty() {
            return Err(fail(errors));
        }
        let documents = documents
            .into_iter()
            .map(|(uri, (_, schema))| (uri, schema))
            .collect();
        let compiler = Compiler::new(default, formats, documents)
            .map_err(|errors| fail(places.errors(document, document.root(), errors)))?;
        Ok(Self {
            compiler: compiler.openapi(),
            places,
            compiled: Mutex::default(),
        })
    }

    /// Compiles a Schema Object, or gives the one that has been compiled.
    ///
    /// # Errors
    /// Patterns that are not matched in linear time, references that lead to nothing; each with its place.
    pub(crate) fn compile(&self, node: Node<'_>) -> Result<Arc<Schema>, SchemaErrors> {
        let compiled = || self.compiled.lock().unwrap_or_else(PoisonError::into_inner);
        let node = if node.is_reference_alone() {
            node.schema()
        } else {
            node
        };
        let identity = node.identity();
        if let Some(schema) = compiled().get(&identity) {
            return Ok(Arc::clone(schema));
        }
        let document = node.document();
        let fail = |list| SchemaErrors {
            list,
            files: document.files(),
        };
        let Some(place) = self.places.find(document, identity) else {
            return Err(fail(vec![node.error("is no Schema Object")]));
        };
        let entry = json!({ "$ref": place });
        let schema = self
            .compiler
            .compile(&entry, ENTRY)
            .map_err(|errors| fail(self.places.errors(document, node, errors)))?;
        let schema = Arc::new(schema);
        compiled().insert(identity, Arc::clone(&schema));
        Ok(schema)
    }
}

/// Where the schemas of a file are put together. Draft 4 does not know the word, and does not need to.
const DEFINITIONS: &str = "$defs";

/// Where Schema Objects are among what the compiler gets.
#[derive(Debug)]
struct Places {
    /// Those that are in no other, by the document they are put into.
    roots: HashMap<String, Vec<Identity>>,
    by_root: HashMap<Identity, Place>,
}

#[derive(Debug)]
struct Place {
    uri: String,
    /// Empty, if the schema is a document of its own.
    pointer: String,
}

impl Places {
    fn new(document: &Document) -> Self {
        let default = default_draft(document);
        let mut places = Self {
            roots: HashMap::new(),
            by_root: HashMap::new(),
        };
        for (node, place) in document.schemas() {
            let identity = node.identity();
            if root_of(document, identity) != identity {
                continue;
            }
            let file = document.uri(identity);
            let has_own = node.raw("$schema").is_some() && document.version() == Version::V3_1;
            let place = if has_own || place.draft != default {
                Place {
                    uri: format!("{file}?{}", place.nth),
                    pointer: String::new(),
                }
            } else {
                Place {
                    uri: file.to_owned(),
                    pointer: format!("/{DEFINITIONS}/{}", place.nth),
                }
            };
            places.roots.entry(place.uri.clone()).or_default().push(identity);
            places.by_root.insert(identity, place);
        }
        places
    }

    /// The reference that leads to a Schema Object: by the nearest `$id` around it, since `$dynamicRef` goes by those that were passed.
    fn find(&self, document: &Document, identity: Identity) -> Option<String> {
        document.schema_place(identity)?;
        let root = root_of(document, identity);
        let whole = document.node(identity)?.pointer();
        let mut around = identity;
        let (uri, pointer) = loop {
            if let Some(identifier) = document.identifier(around) {
                break (identifier, "");
            }
            if around == root {
                let place = self.by_root.get(&root)?;
                break (place.uri.as_str(), place.pointer.as_str());
            }
            around = document.parent(around)?;
        };
        let below = whole.strip_prefix(&document.node(around)?.pointer())?;
        Some(format!("{uri}#{pointer}{}", encode(below)))
    }

    fn errors(&self, document: &Document, compiled: Node<'_>, errors: SchemaErrors) -> Vec<SchemaError> {
        let map = |error: SchemaError| {
            if error.document == ENTRY {
                compiled.error(error.problem)
            } else {
                self.error(document, &error.document, &error.pointer, &error.problem)
            }
        };
        errors.list.into_iter().map(map).collect()
    }

    /// An error with its place in the files.
    fn error(&self, document: &Document, uri: &str, pointer: &str, problem: &str) -> SchemaError {
        let roots = self.roots.get(uri).into_iter().flatten();
        let mut found = roots.filter_map(|root| {
            let below = pointer.strip_prefix(&self.by_root.get(root)?.pointer)?;
            (below.is_empty() || below.starts_with('/')).then_some((*root, below))
        });
        match found.next() {
            Some((root, below)) => document.error_below(root, below, problem),
            None => document.root().error(problem),
        }
    }
}

/// The outermost schema around a schema.
fn root_of(document: &Document, identity: Identity) -> Identity {
    let mut root = identity;
    let mut at = identity;
    while let Some(parent) = document.parent(at) {
        if document.schema_place(parent).is_some() {
            root = parent;
        }
        at = parent;
    }
    root
}

/// The draft of schemas that do not say it.
fn default_draft(document: &Document) -> Draft {
    match document.version() {
        Version::V3_0 => Draft::Draft4,
        Version::V3_1 => Draft::Draft202012,
    }
}

/// Says in a schema which draft it is.
fn with_dialect(draft: Draft, schema: Value) -> Value {
    let uri = match draft {
        Draft::Draft4 => "http://json-schema.org/draft-04/schema#",
        Draft::Draft6 => "http://json-schema.org/draft-06/schema#",
        Draft::Draft7 => "http://json-schema.org/draft-07/schema#",
        Draft::Draft201909 => "https://json-schema.org/draft/2019-09/schema",
        _ => "https://json-schema.org/draft/2020-12/schema",
    };
    let Value::Object(members) = schema else {
        return schema;
    };
    let mut whole = Map::from_iter([("$schema".to_owned(), Value::from(uri))]);
    whole.extend(members.into_iter().filter(|(name, _)| name != "$schema"));
    Value::Object(whole)
}

/// A JSON Pointer as the fragment of a URI (RFC 6901 section 6).
fn encode(pointer: &str) -> String {
    let mut encoded = String::with_capacity(pointer.len());
    for byte in pointer.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/!$&'()*+,;=:@".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}
