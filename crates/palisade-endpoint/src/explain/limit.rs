//! What a request would have left of a limit.

use http::request;
use palisade_core::{FactKind, Limit};
use serde::Serialize;

use super::Probe;
use crate::limits::{LimitStanding, rule};

/// A limit, the request's key, and what is left of its share.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub struct ExplainedLimit {
    /// The name of the counter: `<interceptor>.<stage>`.
    pub name: String,
    /// The store that counts.
    pub store: String,
    /// By what keys are told apart.
    pub keyed_by: String,
    /// How much each key may use, in words.
    pub rule: String,
    /// The request's key.
    pub key: String,
    /// How that key stands, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub standing: Option<LimitStanding>,
    /// Why that is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unknown: Option<String>,
}

/// What is known of a request's key. An error is a fact that keys are made of, and nobody knows.
pub(super) fn look(
    limit: &dyn Limit,
    probe: &Probe,
    head: &request::Parts,
) -> Result<ExplainedLimit, FactKind> {
    if let Some(fact) = limit.reads().iter().find(|fact| !probe.knows(**fact)) {
        return Err(*fact);
    }
    let name = limit.counter().name();
    let key = limit.key_of(head).to_string();
    let given = probe.standings.get(name.as_ref());
    let standing = match given {
        Some(Ok(standing)) => Some(standing.clone()),
        None if probe.nothing_used => Some(LimitStanding::whole(limit, key.clone())),
        Some(Err(_)) | None => None,
    };
    Ok(ExplainedLimit {
        name: name.to_string(),
        store: limit.store_name().to_owned(),
        keyed_by: limit.keyed_by(),
        rule: rule(limit),
        key,
        standing,
        unknown: given.and_then(|standing| standing.as_ref().err()).cloned(),
    })
}
