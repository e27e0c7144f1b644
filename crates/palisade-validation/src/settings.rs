//! What operators write.

use std::collections::BTreeMap;
use std::path::PathBuf;

use palisade_core::settings::ByteSize;
use serde::{Deserialize, Serialize};

/// Settings of the stage `validation`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
#[non_exhaustive]
pub struct ValidationSettings {
    /// The media types that are accepted, such as `application/json`, `application/*+json` or `text/xml; charset=utf-8`. Not given,
    /// any is.
    pub content_types: Option<Vec<String>>,
    /// The media types that the service answers with, such as `application/json`: requests whose `Accept` admits none of them are
    /// refused. Not given, nobody looks at it.
    pub accept: Option<Vec<String>>,
    /// How large a body may be.
    pub max_body: ByteSize,
    /// What JSON may look like.
    pub json: JsonSettings,
    /// What XML may look like.
    pub xml: XmlSettings,
    /// What `multipart/form-data` may look like.
    pub multipart: MultipartSettings,
    /// What becomes of answers that are not as they should be: `off`, `report` or `enforce`.
    pub response: ResponseSetting,
    /// By name, what is expected of a parameter of the path: of the patterns in `paths` of the endpoint group.
    pub path: BTreeMap<String, ParameterSettings>,
    /// By name, what is expected of a parameter of the query.
    pub query: BTreeMap<String, ParameterSettings>,
    /// By name, what is expected of a header field.
    pub header: BTreeMap<String, ParameterSettings>,
    /// What becomes of parameters of the query that `query` does not name: `reject` or `allow`.
    pub unknown_query: Unknown,
    /// A file with the schema of bodies: an XML Schema if its name ends in `.xsd` (feature `xsd`), a JSON Schema otherwise.
    pub schema: Option<PathBuf>,
    /// A file with the OpenAPI document of the service, of version 3.0 or 3.1, in JSON or YAML.
    pub openapi: Option<PathBuf>,
}

impl Default for ValidationSettings {
    fn default() -> Self {
        Self {
            content_types: None,
            accept: None,
            max_body: ByteSize::mib(1),
            json: JsonSettings::default(),
            xml: XmlSettings::default(),
            multipart: MultipartSettings::default(),
            response: ResponseSetting::Off,
            path: BTreeMap::new(),
            query: BTreeMap::new(),
            header: BTreeMap::new(),
            unknown_query: Unknown::Allow,
            schema: None,
            openapi: None,
        }
    }
}

/// What JSON may look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct JsonSettings {
    /// How deep arrays and objects may be nested: 1 to 127.
    pub max_depth: usize,
    /// How long a string may be, in bytes of UTF-8 once its escapes are undone; names of members too.
    pub max_string: ByteSize,
    /// How many elements an array may have, and how many members an object.
    pub max_items: usize,
    /// What becomes of a name that is there twice in one object: `reject` or `allow`.
    pub duplicate_keys: Unknown,
}

impl Default for JsonSettings {
    fn default() -> Self {
        Self {
            max_depth: 64,
            max_string: ByteSize::kib(64),
            max_items: 10_000,
            duplicate_keys: Unknown::Reject,
        }
    }
}

/// What XML may look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct XmlSettings {
    /// How deep elements may be nested.
    pub max_depth: usize,
    /// How many attributes an element may have, declarations of namespaces included.
    pub max_attributes: usize,
    /// How many elements, attributes, texts, comments and processing instructions a document may have.
    pub max_nodes: usize,
}

impl Default for XmlSettings {
    fn default() -> Self {
        Self {
            max_depth: 64,
            max_attributes: 64,
            max_nodes: 100_000,
        }
    }
}

/// What `multipart/form-data` (RFC 7578) may look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct MultipartSettings {
    /// How many parts there may be.
    pub max_parts: usize,
    /// How large a part may be.
    pub max_part: ByteSize,
}

impl Default for MultipartSettings {
    fn default() -> Self {
        Self {
            max_parts: 100,
            max_part: ByteSize::mib(1),
        }
    }
}

/// What becomes of answers that are not as they should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ResponseSetting {
    /// Nobody looks at them.
    #[default]
    Off,
    /// It is logged and counted.
    Report,
    /// They are replaced by a refusal.
    Enforce,
}

/// What becomes of what is not expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Unknown {
    /// It is refused.
    Reject,
    /// It passes.
    #[default]
    Allow,
}

/// What is expected of a parameter.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct ParameterSettings {
    /// Whether it must be there.
    pub required: bool,
    /// What it is.
    #[serde(rename = "type")]
    pub kind: ParameterType,
    /// A regular expression that the whole value must match.
    pub pattern: Option<String>,
    /// The smallest number, or instant, that is accepted.
    pub min: Option<String>,
    /// The largest.
    pub max: Option<String>,
    /// How many characters it has at least.
    pub min_length: Option<usize>,
    /// How many characters it has at most.
    pub max_length: Option<usize>,
    /// The values that are accepted; no others are.
    pub values: Option<Vec<String>>,
}

/// What a parameter is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ParameterType {
    /// Any text.
    #[default]
    String,
    /// A whole number.
    Integer,
    /// A decimal number.
    Number,
    /// `true` or `false`.
    Boolean,
    /// A UUID (RFC 9562).
    Uuid,
    /// A date (RFC 3339 `full-date`).
    Date,
    /// An instant (RFC 3339 `date-time`).
    DateTime,
}
