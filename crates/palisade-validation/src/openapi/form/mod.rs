//! Bodies that are forms, as values that a schema can say something of: `application/x-www-form-urlencoded` and `multipart/form-data`
//! (OpenAPI 3.0.4 and 3.1.1, "Encoding Object").
//!
//! 1. A form is an object. Its members are the fields, or parts, by their names; what [`form`](crate::form) and
//!    [`multipart`](crate::multipart) refuse is refused before.
//! 2. A property that is an array has a field for each item, in their order. Any other may be there once. Fields that the schema does not
//!    name are members too, strings or what `additionalProperties` says, and arrays where they are there more than once; whether they
//!    may be there the schema says.
//! 3. A property, or item, that is an object is JSON, which is looked through as bodies are; others are text, read as
//!    [`style`](super::style) reads single texts. `contentType` of its Encoding Object says otherwise. One JSON text that is an array is
//!    the whole array.
//! 4. Where the Encoding Object has `style`, `explode` or `allowReserved`, a property of a URL-encoded form is written as a parameter of
//!    the query is, and `contentType` does not count. In `multipart/form-data` these have no meaning (OpenAPI 3.0.4).
//! 5. A part whose `Content-Type` is none of those in `contentType` is refused. One without is `text/plain` (RFC 7578 section 4.4), or JSON
//!    where that is asked for: it shows whether it is. Text is in UTF-8.
//! 6. A file, which is `format: binary`, `contentMediaType` without `contentEncoding`, or of no type, is an empty string to the schema: its
//!    content is not looked at. With `minLength` or `maxLength` it is a string of as many characters as the file has bytes.
//!
//! What this does not protect against: what is in a file; fields of the heads of parts, which `headers` of an Encoding Object may describe.

mod fault;
mod field;
mod parts;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use bytes::Bytes;
use http::header::HeaderValue;
use palisade_core::media::MediaType;
use serde_json::{Map, Value};

pub(crate) use fault::{FieldFault, FieldProblem};

use self::field::Field;
use self::parts::Given;
use super::dialect::Schemas;
use super::document::Node;
use super::style::{Kinds, Names, Reading, Shape};
use crate::hygiene::Hygiene;
use crate::json::JsonLimits;
use crate::rejection::Invalid;
use crate::schema::{Schema, SchemaErrors};

/// How deep fields go: the form, its fields, and the items and members of these.
const LEVELS: usize = 2;

/// What is expected of a form.
#[derive(Debug)]
pub(crate) struct FormBody {
    schema: Option<Arc<Schema>>,
    fields: Box<[Field]>,
    /// Of a URL-encoded form.
    names: Names,
    /// What fields may be that the schema does not name.
    others: Kinds,
    readings: Box<[Reading]>,
}

impl FormBody {
    /// Compiles a Media Type Object.
    pub(crate) fn compile(media: Node<'_>, schemas: &Schemas) -> Result<Self, SchemaErrors> {
        let schema = media.raw("schema");
        let shape = schema.map(|schema| Shape::of(schema, LEVELS)).unwrap_or_default();
        let encoding = |name: &str| media.get("encoding").and_then(|encoding| encoding.get(name));
        let mut errors = Vec::new();
        let mut members: Vec<(&str, &Shape)> = shape.members().collect();
        members.sort_unstable_by_key(|(name, _)| *name);
        for (name, node) in media.get("encoding").into_iter().flat_map(Node::raw_members) {
            if !members.iter().any(|(member, _)| *member == name) {
                errors.push(node.error("must be under the name of a property of the schema"));
            }
        }
        let (mut fields, mut names) = (Vec::new(), Names::default());
        for (name, shape) in members {
            match Field::compile(name, shape, encoding(name)) {
                Ok(field) => {
                    if let Err(clash) = names.add(fields.len(), name, field.layout()) {
                        errors.push(media.error(format_args!("the property `{name}` {clash}")));
                    }
                    fields.push(field);
                }
                Err(error) => errors.push(error),
            }
        }
        if !errors.is_empty() {
            return Err(SchemaErrors {
                list: errors,
                files: Vec::new(),
            });
        }
        Ok(Self {
            schema: schema.map(|schema| schemas.compile(schema)).transpose()?,
            fields: fields.into_boxed_slice(),
            names,
            others: shape.other_members(),
            readings: Reading::all(&shape).collect(),
        })
    }

    /// Whether bodies of that media type are forms.
    pub(crate) fn is_one(media_type: &MediaType<'_>) -> bool {
        is_url_encoded(media_type) || media_type.is("multipart", "form-data")
    }

    /// Checks a form: first whether it is one, then against the schema.
    pub(crate) fn check(
        &self,
        media_type: &MediaType<'_>,
        content_type: &HeaderValue,
        body: &Bytes,
        hygiene: &Hygiene,
    ) -> Result<(), Invalid> {
        let given = if is_url_encoded(media_type) {
            Given::of_form(body, hygiene.form, &self.names, self.fields.len())?
        } else {
            Given::of_parts(
                content_type,
                body,
                &hygiene.multipart,
                |name| self.position(name),
                self.fields.len(),
            )?
        };
        let mut first = None;
        for reading in &self.readings {
            match self.matches(&given, *reading, &hygiene.json) {
                Ok(()) => return Ok(()),
                Err(invalid) => first = first.or(Some(invalid)),
            }
        }
        first.map_or(Ok(()), Err)
    }

    fn matches(&self, given: &Given<'_>, reading: Reading, limits: &JsonLimits) -> Result<(), Invalid> {
        let value = self.value(given, reading, limits)?;
        match &self.schema {
            Some(schema) => Ok(schema.check(&value)?),
            None => Ok(()),
        }
    }

    fn position(&self, name: &str) -> Option<usize> {
        self.fields.binary_search_by(|field| field.name().cmp(name)).ok()
    }

    /// The form as an object.
    fn value(&self, given: &Given<'_>, reading: Reading, limits: &JsonLimits) -> Result<Value, FieldFault> {
        let mut members = Map::new();
        for (field, given) in self.fields.iter().zip(&given.named) {
            if !given.is_empty() {
                let value = field.value(given, reading, limits);
                let value = value.map_err(|problem| problem.of(field.name()))?;
                members.insert(field.name().to_owned(), value);
            }
        }
        let mut repeated: Map<String, Value> = Map::new();
        for (name, given) in &given.others {
            let value = field::other(given, self.others, reading).map_err(FieldProblem::of_unknown)?;
            match (repeated.get_mut(&**name), members.get_mut(&**name)) {
                (Some(Value::Array(list)), _) => list.push(value),
                (_, Some(first)) => {
                    repeated.insert(name.to_string(), Value::Array(vec![first.take(), value]));
                }
                (_, None) => {
                    members.insert(name.to_string(), value);
                }
            }
        }
        members.extend(repeated);
        Ok(Value::Object(members))
    }
}

fn is_url_encoded(media_type: &MediaType<'_>) -> bool {
    media_type.is("application", "x-www-form-urlencoded")
}
