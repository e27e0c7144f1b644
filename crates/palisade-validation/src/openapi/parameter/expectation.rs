//! What is expected of one parameter: [`Expectation`].

use std::sync::Arc;

use palisade_core::media::MediaType;
use serde_json::Value;

use crate::json::{self, JsonLimits};
use crate::openapi::dialect::Schemas;
use crate::openapi::document::Node;
use crate::openapi::style::{self, Layout, Pair, Reading, Shape, StyleFault};
use crate::parameters::{Parameter, ParameterFault, Place};
use crate::schema::{Schema, SchemaErrors};

/// What is expected of one parameter.
#[derive(Debug)]
pub(super) struct Expectation {
    parameter: Parameter,
    is_required: bool,
    allows_empty: bool,
    form: Form,
    schema: Option<Arc<Schema>>,
}

/// How it is written.
#[derive(Debug)]
enum Form {
    Styled(Layout),
    Json,
    /// As a text without delimiters.
    Text(Shape),
}

impl Expectation {
    /// Compiles a Parameter or Header Object.
    pub(super) fn compile(
        place: Place,
        name: &str,
        node: Node<'_>,
        schemas: &Schemas,
    ) -> Result<Self, SchemaErrors> {
        let parameter = Parameter::new(place, Arc::from(name));
        let is_required = node.get("required").and_then(Node::bool) == Some(true);
        if place == Place::Path && !is_required {
            return Err(refuse(node, "a parameter of the path must have `required: true`"));
        }
        let (form, schema) = match (node.raw("schema"), node.get("content")) {
            (Some(schema), None) => (styled(place, name, node, schema)?, Some(schema)),
            (None, Some(content)) => described(content)?,
            (Some(_), Some(_)) => {
                return Err(refuse(node, "must have one of `schema` and `content`, not both"));
            }
            (None, None) => return Err(refuse(node, "must have `schema` or `content`")),
        };
        let asks_for_empty = node.get("allowEmptyValue").and_then(Node::bool) == Some(true);
        let takes_empty = matches!(&form, Form::Styled(layout) if layout.takes_single_values());
        Ok(Self {
            parameter,
            is_required,
            allows_empty: place == Place::Query && asks_for_empty && takes_empty,
            form,
            schema: schema.map(|schema| schemas.compile(schema)).transpose()?,
        })
    }

    pub(super) fn name(&self) -> &str {
        self.parameter.name()
    }

    pub(super) fn parameter(&self) -> &Parameter {
        &self.parameter
    }

    /// How it is written, where that is by a style.
    pub(super) fn layout(&self) -> Option<&Layout> {
        match &self.form {
            Form::Styled(layout) => Some(layout),
            Form::Json | Form::Text(_) => None,
        }
    }

    /// Checks all that stands by its name, or by the names of its members.
    pub(super) fn check(&self, pairs: &[Pair<'_>], limits: &JsonLimits) -> Result<(), ParameterFault> {
        match pairs {
            [] if self.is_required => Err(ParameterFault::Missing(self.parameter.clone())),
            [] => Ok(()),
            [(_, "")] if self.allows_empty => Ok(()),
            _ => match &self.form {
                Form::Styled(layout) => self.any_of(layout.readings(), |reading| {
                    layout.read(pairs, reading, limits.max_items())
                }),
                Form::Json => self.json(self.one(pairs)?, limits),
                Form::Text(shape) => {
                    let text = self.one(pairs)?;
                    self.any_of(Reading::all(shape), |reading| {
                        let text = match self.parameter.place() {
                            // The application puts the text together, as it stands in the cookie.
                            Place::Cookie => text.into(),
                            place => style::decode(text, place)?,
                        };
                        Ok(shape.kinds.read(text, reading))
                    })
                }
            },
        }
    }

    fn one<'t>(&self, pairs: &[Pair<'t>]) -> Result<&'t str, ParameterFault> {
        match pairs {
            [(_, text)] => Ok(text),
            _ => Err(ParameterFault::Repeated(self.parameter.clone())),
        }
    }

    /// Whether the value matches in one of those readings. If not, it is told what is wrong in the first.
    fn any_of(
        &self,
        readings: impl Iterator<Item = Reading>,
        read: impl Fn(Reading) -> Result<Value, StyleFault>,
    ) -> Result<(), ParameterFault> {
        let mut first = None;
        for reading in readings {
            let matched = match read(reading) {
                Ok(value) => self.matches(&value),
                Err(fault) => Err(self.styled_fault(fault)),
            };
            match matched {
                Ok(()) => return Ok(()),
                Err(fault) => first = first.or(Some(fault)),
            }
        }
        first.map_or(Ok(()), Err)
    }

    fn json(&self, text: &str, limits: &JsonLimits) -> Result<(), ParameterFault> {
        let text = style::decode(text, self.parameter.place());
        let text = text.map_err(|_| ParameterFault::NotText(self.parameter.clone()))?;
        json::check(text.as_bytes(), limits).map_err(|fault| ParameterFault::Json {
            parameter: self.parameter.clone(),
            unfit: fault.unfit,
        })?;
        // What hygiene accepts, the parser does too.
        let value = serde_json::from_str(&text);
        let value = value.map_err(|_| ParameterFault::Malformed(self.parameter.clone()))?;
        self.matches(&value)
    }

    fn matches(&self, value: &Value) -> Result<(), ParameterFault> {
        let Some(schema) = &self.schema else {
            return Ok(());
        };
        schema.check(value).map_err(|violations| ParameterFault::Schema {
            parameter: self.parameter.clone(),
            violations,
        })
    }

    fn styled_fault(&self, fault: StyleFault) -> ParameterFault {
        let parameter = self.parameter.clone();
        match fault {
            StyleFault::NotText => ParameterFault::NotText(parameter),
            StyleFault::Malformed => ParameterFault::Malformed(parameter),
            StyleFault::Repeated => ParameterFault::Repeated(parameter),
            StyleFault::TooMany => ParameterFault::TooMany(parameter),
        }
    }
}

/// How deep styles go: to the items and members of a value.
const LEVELS: usize = 1;

fn styled(place: Place, name: &str, node: Node<'_>, schema: Node<'_>) -> Result<Form, SchemaErrors> {
    let style = node.get("style").and_then(Node::str);
    let explode = node.get("explode").and_then(Node::bool);
    let layout = Layout::new(name, place, (style, explode), Shape::of(schema, LEVELS));
    layout.map(Form::Styled).map_err(|error| refuse(node, error))
}

/// The form and the schema by a map `content`.
fn described(content: Node<'_>) -> Result<(Form, Option<Node<'_>>), SchemaErrors> {
    let mut entries = content.members();
    let (Some((name, media)), None) = (entries.next(), entries.next()) else {
        return Err(refuse(content, "must have one media type"));
    };
    let schema = media.raw("schema");
    let form = match MediaType::parse(name) {
        Ok(media_type) if media_type.is_json() => Form::Json,
        Ok(media_type) if media_type.is("text", "plain") => {
            Form::Text(schema.map(|schema| Shape::of(schema, 0)).unwrap_or_default())
        }
        Ok(_) | Err(_) => {
            let problem = "is not read in parameters: there are application/json and text/plain";
            return Err(refuse(media, problem));
        }
    };
    Ok((form, schema))
}

/// One error.
pub(super) fn refuse(node: Node<'_>, problem: impl std::fmt::Display) -> SchemaErrors {
    SchemaErrors {
        list: vec![node.error(problem)],
        files: Vec::new(),
    }
}
