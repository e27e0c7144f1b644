//! Schema Objects: which keywords there are, and what they may be.
//!
//! 1. OpenAPI 3.0 has keywords of its own (section 4.7.24), much of them from JSON Schema. Another keyword is an
//!    error: what JSON Schema has and OpenAPI 3.0 has not would be no rule, although it looks like one.
//! 2. OpenAPI 3.1 has those of JSON Schema 2020-12, or of the draft that `$schema` or `jsonSchemaDialect` says. Others
//!    are notes; among them `nullable`, which was a rule in 3.0: without `null` among the types, `null` is refused.
//! 3. For the older drafts this finds the schemas within a schema, and leaves what keywords may be to the meta-schema.

use jsonschema::Draft;
use serde_json::Value;

use super::Version;
use super::grammar::{Field, Kind, Names, Shape, may};
use super::node::Node;
use super::shape::Found;

/// The draft that stands for OpenAPI 3.0: the nearest one.
pub(super) const OPENAPI_3_0: Draft = Draft::Draft4;

/// The dialect that OpenAPI 3.1 has where nothing says otherwise.
pub(super) const BASE_DIALECT: &str = "https://spec.openapis.org/oas/3.1/dialect/base";

/// The draft that an identifier of a dialect means.
pub(super) fn draft_of(dialect: &str) -> Option<Draft> {
    let name = dialect.trim_end_matches('#');
    let name = name
        .strip_prefix("http://json-schema.org/")
        .or_else(|| name.strip_prefix("https://json-schema.org/"))
        .unwrap_or(name);
    match name {
        "draft-04/schema" => Some(Draft::Draft4),
        "draft-06/schema" => Some(Draft::Draft6),
        "draft-07/schema" => Some(Draft::Draft7),
        "draft/2019-09/schema" => Some(Draft::Draft201909),
        "draft/2020-12/schema" | BASE_DIALECT => Some(Draft::Draft202012),
        _ => None,
    }
}

/// Looks at a Schema Object.
pub(super) fn check(node: Node<'_>, version: Version, draft: Draft, found: &mut Found) {
    if version == Version::V3_1 && node.value().is_boolean() && draft != Draft::Draft4 {
        return;
    }
    if !node.value().is_object() {
        let boolean = if version == Version::V3_1 {
            " or a boolean"
        } else {
            ""
        };
        found.wrong(node, format!("must be a Schema Object, an object{boolean}"));
        return;
    }
    if version == Version::V3_0 {
        openapi_3_0(node, found);
    } else if draft == Draft::Draft202012 {
        draft_2020_12(node, found);
    } else {
        older(node, found);
    }
}

fn openapi_3_0(node: Node<'_>, found: &mut Found) {
    // A Reference Object: what stands beside `$ref` is ignored (section 4.7.23).
    if node.raw("$ref").is_some() {
        return;
    }
    for (name, member) in node.raw_members().filter(|(name, _)| !name.starts_with("x-")) {
        if let Some(shape) = shape_of(&[ALL, ONLY_3_0], name) {
            found.shape(member, shape);
        } else if shape_of(&[ONLY_3_1], name).is_some() {
            found.wrong(
                member,
                "is a keyword of JSON Schema that OpenAPI 3.0 does not have",
            );
        } else {
            found.wrong(member, "is no keyword of a Schema Object");
        }
    }
    not_empty(node, found);
}

fn draft_2020_12(node: Node<'_>, found: &mut Found) {
    for (name, member) in node.raw_members() {
        if let Some(shape) = shape_of(&[ONLY_3_1, ALL], name) {
            found.shape(member, shape);
        }
    }
}

fn older(node: Node<'_>, found: &mut Found) {
    for (name, member) in node.raw_members() {
        let shape = match (name, member.value()) {
            ("items", Value::Array(_)) => Some(Shape::List(Kind::Schema)),
            ("additionalItems", Value::Object(_)) => Some(Shape::Object(Kind::Schema)),
            ("definitions", Value::Object(_)) => Some(Shape::Named(Names::Any, Kind::Schema)),
            ("dependencies", Value::Object(_)) => {
                let schemas = member
                    .raw_members()
                    .filter(|(_, member)| !member.value().is_array());
                found
                    .objects
                    .extend(schemas.map(|(_, member)| (member.identity(), Kind::Schema)));
                None
            }
            _ => shape_of(&[ONLY_3_1, ALL], name),
        };
        let is_right = match shape {
            Some(Shape::Object(Kind::Schema) | Shape::Named(_, Kind::Schema)) => member.value().is_object(),
            Some(Shape::List(Kind::Schema) | Shape::Some(Kind::Schema)) => member.value().is_array(),
            _ => false,
        };
        if let Some(shape) = shape.filter(|_| is_right) {
            found.shape(member, shape);
        }
    }
}

fn not_empty(node: Node<'_>, found: &mut Found) {
    for name in ["required", "enum"] {
        if let Some(member) = node.raw(name)
            && member.value().as_array().is_some_and(Vec::is_empty)
        {
            found.wrong(member, "must not be empty");
        }
    }
}

fn shape_of(tables: &[&[Field]], name: &str) -> Option<Shape> {
    let mut fields = tables.iter().flat_map(|table| table.iter());
    fields.find(|field| field.name == name).map(|field| field.shape)
}

const SCHEMA: Shape = Shape::Object(Kind::Schema);
const SCHEMAS: Shape = Shape::Some(Kind::Schema);
const NAMED: Shape = Shape::Named(Names::Any, Kind::Schema);

/// What both versions have.
const ALL: &[Field] = &[
    may("title", Shape::Text),
    may("description", Shape::Text),
    may("default", Shape::Any),
    may("multipleOf", Shape::Positive),
    may("maximum", Shape::Number),
    may("minimum", Shape::Number),
    may("maxLength", Shape::Count),
    may("minLength", Shape::Count),
    may("pattern", Shape::Text),
    may("maxItems", Shape::Count),
    may("minItems", Shape::Count),
    may("uniqueItems", Shape::Boolean),
    may("maxProperties", Shape::Count),
    may("minProperties", Shape::Count),
    may("required", Shape::Texts),
    may("enum", Shape::Values),
    may("format", Shape::Text),
    may("allOf", SCHEMAS),
    may("oneOf", SCHEMAS),
    may("anyOf", SCHEMAS),
    may("not", SCHEMA),
    may("items", SCHEMA),
    may("properties", NAMED),
    may("additionalProperties", Shape::SchemaOrBoolean),
    may("readOnly", Shape::Boolean),
    may("writeOnly", Shape::Boolean),
    may("deprecated", Shape::Boolean),
    may("discriminator", Shape::Object(Kind::Discriminator)),
    may("xml", Shape::Map),
    may("externalDocs", Shape::Object(Kind::ExternalDocs)),
    may("example", Shape::Any),
];

const ONLY_3_0: &[Field] = &[
    may(
        "type",
        Shape::Choice(&["array", "boolean", "integer", "number", "object", "string"]),
    ),
    may("exclusiveMaximum", Shape::Boolean),
    may("exclusiveMinimum", Shape::Boolean),
    may("nullable", Shape::Boolean),
];

const ONLY_3_1: &[Field] = &[
    may(
        "type",
        Shape::Choices(&[
            "array", "boolean", "integer", "null", "number", "object", "string",
        ]),
    ),
    may("exclusiveMaximum", Shape::Number),
    may("exclusiveMinimum", Shape::Number),
    may("const", Shape::Any),
    may("examples", Shape::Values),
    may("if", SCHEMA),
    may("then", SCHEMA),
    may("else", SCHEMA),
    may("prefixItems", SCHEMAS),
    may("contains", SCHEMA),
    may("minContains", Shape::Count),
    may("maxContains", Shape::Count),
    may("patternProperties", NAMED),
    may("propertyNames", SCHEMA),
    may("dependentSchemas", NAMED),
    may("dependentRequired", Shape::TextsMap),
    may("unevaluatedItems", SCHEMA),
    may("unevaluatedProperties", SCHEMA),
    may("$defs", NAMED),
    may("definitions", NAMED),
    may("contentSchema", SCHEMA),
    may("contentEncoding", Shape::Text),
    may("contentMediaType", Shape::Text),
    may("$ref", Shape::Text),
    may("$dynamicRef", Shape::Text),
    may("$id", Shape::Text),
    may("$anchor", Shape::Text),
    may("$dynamicAnchor", Shape::Text),
    may("$schema", Shape::Text),
    may("$comment", Shape::Text),
    may("additionalItems", Shape::Any),
    may("dependencies", Shape::Any),
];
