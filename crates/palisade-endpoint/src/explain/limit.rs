//! What a request would have left of a limit.

use http::request;
use palisade_core::Limit;
use serde::Serialize;

use super::{Probe, Verdict, describe};
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

/// What a limit has left for a request, and the verdict that follows; without a verdict where nobody has looked.
pub(super) fn rehearse(
    limit: &dyn Limit,
    probe: &Probe,
    head: &request::Parts,
) -> (Option<Verdict>, Option<ExplainedLimit>) {
    if let Some(fact) = limit.reads().iter().find(|fact| !probe.knows(**fact)) {
        return (Some(Verdict::unknown(describe(*fact))), None);
    }
    let name = limit.counter().name();
    let mut explained = ExplainedLimit {
        name: name.to_string(),
        store: limit.store_name().to_owned(),
        keyed_by: limit.keyed_by(),
        rule: rule(limit),
        key: limit.key_of(head).to_string(),
        standing: None,
        unknown: None,
    };
    let verdict = match probe.standings.get(name.as_ref()) {
        None => None,
        Some(Err(why)) => {
            explained.unknown = Some(why.clone());
            Some(Verdict::unknown("what has been used"))
        }
        Some(Ok(standing)) => {
            explained.standing = Some(standing.clone());
            Some(match limit.hangs_on() {
                _ if standing.is_used_up => Verdict::from(&limit.refusal()),
                Some(units) => Verdict::unknown(units),
                None => Verdict::Accepted,
            })
        }
    };
    (verdict, Some(explained))
}
