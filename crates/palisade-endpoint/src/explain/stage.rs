//! What a stage would say of a request.

use http::request;
use palisade_core::{Context, Entry, FactKind, Limit, Message, Phase, Pipeline, Rehearsal, Rehearsed, Stage};
use serde_json::Map;

use super::limit::{self, ExplainedLimit};
use super::{Probe, Verdict};

/// What a store would have to be asked.
const USED: &str = "what has been used";

/// What a stage says, and why.
pub(super) struct Said {
    pub(super) verdict: Verdict,
    pub(super) reason: Option<String>,
    pub(super) limit: Option<ExplainedLimit>,
    /// Whether a refusal would be the answer.
    pub(super) decides: bool,
}

impl Said {
    pub(super) fn new(verdict: Verdict, entry: &Entry) -> Self {
        Self {
            verdict,
            reason: None,
            limit: None,
            decides: !entry.report_only,
        }
    }

    fn because(self, reason: Option<String>) -> Self {
        Self { reason, ..self }
    }
}

/// What the stage at that position says of the message as the stages before it have left it.
pub(super) fn say(
    pipeline: &Pipeline,
    position: usize,
    entry: &Entry,
    probe: &Probe,
    cx: &mut Context,
    message: &mut Message<request::Parts>,
) -> Said {
    if let Some(said) = of_supposed_caller(entry, probe) {
        return said;
    }
    let limit = entry.stage.limit().map(|limit| Looked {
        limit,
        explained: limit::look(limit, probe, &message.head),
    });
    let mut said = match limit.as_ref().and_then(|limit| limit.without_asking(message)) {
        Some(verdict) => Said::new(verdict, entry),
        None => match missing(entry, probe, &message.head) {
            Some(fact) if limit.is_none() => Said::new(Verdict::unknown(describe(fact)), entry),
            _ => match pipeline.rehearse(position, cx, message) {
                Some(rehearsed) => heard(rehearsed, limit.as_ref(), entry, &message.head),
                None => Said::new(Verdict::NotReached, entry),
            },
        },
    };
    said.limit = limit.and_then(|limit| limit.explained.ok());
    said
}

/// Where the caller is supposed, what signing in comes to.
fn of_supposed_caller(entry: &Entry, probe: &Probe) -> Option<Said> {
    if entry.phase != Some(Phase::Authentication) {
        return None;
    }
    if let Some(reason) = &probe.caller_refused {
        let verdict = Verdict::Refused {
            status: 401,
            code: "credentials-invalid".to_owned(),
            title: "The credentials are not accepted".to_owned(),
            detail: None,
            members: Map::new(),
        };
        return Some(Said::new(verdict, entry).because(Some(reason.clone())));
    }
    let principal = probe.principal.as_ref()?;
    let reason = format!("the caller is taken to be {}", principal.subject);
    Some(Said::new(Verdict::Accepted, entry).because(Some(reason)))
}

/// The first fact that a guard needs and nobody knows.
fn missing(entry: &Entry, probe: &Probe, head: &request::Parts) -> Option<FactKind> {
    let Stage::Guard(guard) = &entry.stage else {
        return None;
    };
    let mut facts = guard.reads_for(head).iter().copied();
    facts.find(|fact| !probe.knows(*fact))
}

/// What a stage that was asked says.
fn heard(rehearsed: Rehearsed, limit: Option<&Looked<'_>>, entry: &Entry, head: &request::Parts) -> Said {
    let verdict = match rehearsed.rehearsal {
        Rehearsal::Accepted => Verdict::Accepted,
        Rehearsal::Refused(rejection) => Verdict::from(&rejection),
        Rehearsal::Wants(units) => limit.map_or(Verdict::unknown(USED), |limit| limit.of(units)),
        Rehearsal::HangsOn(what) => Verdict::unknown(what),
    };
    let reason = match &entry.stage {
        Stage::Guard(guard) => guard.reason(head),
        Stage::Transform(_) => None,
    };
    let said = Said::new(verdict, entry).because(reason);
    Said {
        decides: rehearsed.decides,
        ..said
    }
}

/// A limit, and what is known of the request's key, or which fact the key lacks.
struct Looked<'a> {
    limit: &'a dyn Limit,
    explained: Result<ExplainedLimit, FactKind>,
}

impl Looked<'_> {
    /// Its verdict where the stage has nothing to add; `None` where that has to be asked.
    fn without_asking(&self, message: &Message<request::Parts>) -> Option<Verdict> {
        let amount = self.limit.hangs_on();
        if amount.is_some() && message.body().is_some() {
            // What the body says comes before what is left.
            return None;
        }
        match &self.explained {
            Err(fact) => Some(Verdict::unknown(describe(*fact))),
            Ok(ExplainedLimit { unknown: Some(_), .. }) => Some(Verdict::unknown(USED)),
            Ok(ExplainedLimit { standing: None, .. }) => amount.map(Verdict::unknown),
            Ok(ExplainedLimit {
                standing: Some(standing),
                ..
            }) => Some(match amount {
                _ if standing.is_used_up => Verdict::from(&self.limit.refusal()),
                Some(units) => Verdict::unknown(units),
                None => Verdict::Accepted,
            }),
        }
    }

    /// Its verdict on a request that wants that many units.
    fn of(&self, units: u128) -> Verdict {
        let standing = match &self.explained {
            Err(fact) => return Verdict::unknown(describe(*fact)),
            Ok(explained) => explained.standing.as_ref(),
        };
        match standing.and_then(|standing| self.limit.units_in(&standing.remaining)) {
            Some(remaining) if units > remaining => Verdict::from(&self.limit.refusal()),
            Some(_) => Verdict::Accepted,
            None => Verdict::unknown(USED),
        }
    }
}

fn describe(fact: FactKind) -> &'static str {
    match fact {
        FactKind::ClientAddress => "the client's address",
        FactKind::TlsSession => "the TLS session",
        FactKind::ClientCertificate => "the client's certificate",
        FactKind::Principal => "the caller",
        _ => "something that is not known",
    }
}
