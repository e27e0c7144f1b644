//! What operators write.

use std::collections::BTreeMap;

use palisade_core::settings::ByteSize;
use serde::{Deserialize, Serialize};

/// Settings of the stage `headers`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct HeaderSettings {
    /// Names of fields that refuse a request; `*` stands for any characters.
    pub block: Vec<String>,
    /// By field, a regular expression that refuses a request when it matches somewhere in the value.
    pub block_value: BTreeMap<String, String>,
    /// Names of fields that a request must have; `*` stands for any characters.
    pub require: Vec<String>,
    /// What happens to faulty heads.
    pub faulty: Verdict,
    /// What happens to GET and HEAD that announce a body.
    pub body_on_get: Verdict,
    /// The most fields of a request.
    pub max_count: usize,
    /// The most bytes of names and values of a request's fields together.
    pub max_bytes: ByteSize,
    /// Names of fields that are removed from responses; `*` stands for any characters.
    pub response_remove: Vec<String>,
    /// By field, the value that it is given in responses, in place of any it had.
    pub response_set: BTreeMap<String, String>,
}

impl Default for HeaderSettings {
    fn default() -> Self {
        Self {
            block: Vec::new(),
            block_value: BTreeMap::new(),
            require: Vec::new(),
            faulty: Verdict::Reject,
            body_on_get: Verdict::Allow,
            max_count: 100,
            max_bytes: ByteSize::kib(16),
            response_remove: Vec::new(),
            response_set: BTreeMap::new(),
        }
    }
}

/// What happens to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It is refused.
    Reject,
    /// It goes on.
    Allow,
}
