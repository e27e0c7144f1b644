//! Why a request would be treated as it would: the real matcher and the real stages, run on a head made for the purpose.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use http::header::HOST;
use http::{HeaderMap, HeaderValue, Method, Request, Uri, request};
use palisade_config::Entry as Setting;
use palisade_core::head::HeadLimits;
use palisade_core::{
    ClientAddress, Connection, Context, Entry, FactKind, MatchedGroup, Phase, Principal, Rejection, Stage,
    TlsSession,
};
use serde::Serialize;

use crate::limits::LimitStanding;
use crate::policy::{CompiledGroup, Policy, Unmatched};
use crate::selector::Target;
use crate::service::decide;

mod limit;

pub use self::limit::ExplainedLimit;

/// A request that nobody has sent.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Probe {
    /// Its method.
    pub method: Method,
    /// Its path, with or without a query.
    pub target: Uri,
    /// Its fields; a `Host` is added where there is none.
    pub headers: HeaderMap,
    /// The client's address, if it is to be supposed.
    pub peer: Option<IpAddr>,
    /// The TLS session, if it is to be supposed.
    pub tls: Option<TlsSession>,
    /// The caller, if one is to be supposed.
    pub principal: Option<Arc<Principal>>,
    /// Why that caller cannot sign in, where that is known.
    pub caller_refused: Option<String>,
    /// How the request's keys stand with limits, by the names of their counters (`Partners.quota`), or why that is not known. Those
    /// that are not here are asked themselves, where their store answers at once. [`ExplainedStage::limit`] tells which there are.
    pub standings: BTreeMap<String, Result<LimitStanding, String>>,
}

impl Probe {
    /// A request of which nothing more is known.
    pub fn new(method: Method, target: Uri) -> Self {
        Self {
            method,
            target,
            headers: HeaderMap::new(),
            peer: None,
            tls: None,
            principal: None,
            caller_refused: None,
            standings: BTreeMap::new(),
        }
    }

    fn head(&self) -> request::Parts {
        let (mut head, ()) = Request::new(()).into_parts();
        head.method = self.method.clone();
        head.uri = self.target.clone();
        head.headers = self.headers.clone();
        if !head.headers.contains_key(HOST) {
            head.headers.insert(HOST, HeaderValue::from_static("localhost"));
        }
        let here = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let client = self.peer.map_or(ClientAddress::Unknown, ClientAddress::from);
        let peer = self.peer.map_or(here, |ip| SocketAddr::new(ip, 0));
        let mut connection = Connection::new("explain", peer, here).with_client(client);
        if let Some(tls) = &self.tls {
            connection = connection.with_tls(tls.clone());
        }
        head.extensions.insert(Arc::new(connection));
        if let Some(principal) = &self.principal {
            head.extensions.insert(Arc::clone(principal));
        }
        head
    }

    fn knows(&self, fact: FactKind) -> bool {
        match fact {
            FactKind::ClientAddress => self.peer.is_some(),
            FactKind::TlsSession => self.tls.is_some(),
            FactKind::Principal => self.principal.is_some(),
            _ => false,
        }
    }
}

/// What would happen to a request, as far as it is known.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub struct Explanation {
    /// The method.
    pub method: String,
    /// The path.
    pub path: String,
    /// The web service that groups see.
    pub webservice: Option<String>,
    /// The operation that groups see.
    pub operation: Option<String>,
    /// The SOAP action that groups see.
    pub soap_action: Option<String>,
    /// The group that takes it.
    pub group: Option<String>,
    /// Earlier groups, and why each does not match.
    pub passed_over: Vec<PassedOver>,
    /// The stages of the group, in the order of the request.
    pub stages: Vec<ExplainedStage>,
    /// What comes of it.
    pub verdict: Verdict,
}

/// A group that does not match.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub struct PassedOver {
    /// The group's name.
    pub group: String,
    /// The first selector that does not match.
    pub selector: &'static str,
    /// What the group wants.
    pub wanted: String,
    /// What the request has.
    pub found: String,
}

/// A stage, its settings with their origins, and its verdict.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub struct ExplainedStage {
    /// The stage's name.
    pub stage: &'static str,
    /// Its phase.
    pub phase: Option<Phase>,
    /// The interceptor that brings it.
    pub interceptor: String,
    /// Whether its refusals only count.
    pub report_only: bool,
    /// The settings it was built from.
    pub settings: Vec<Setting>,
    /// What it says to this request.
    pub verdict: Verdict,
    /// What that rests on, such as the rule that decides.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What is left, where it is a limit whose key is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<ExplainedLimit>,
}

/// An answer, or why there is none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "verdict", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Verdict {
    /// It passes.
    Accepted,
    /// It is refused.
    #[serde(rename_all = "kebab-case")]
    Refused {
        /// The status.
        status: u16,
        /// The code of the problem.
        code: String,
        /// The sentence of the problem.
        title: String,
    },
    /// It hangs on something that is not known.
    #[serde(rename_all = "kebab-case")]
    Unknown {
        /// What that is.
        hangs_on: String,
    },
    /// The request does not come this far.
    NotReached,
}

impl Verdict {
    fn unknown(hangs_on: &str) -> Self {
        Self::Unknown {
            hangs_on: hangs_on.to_owned(),
        }
    }
}

impl From<&Rejection> for Verdict {
    fn from(rejection: &Rejection) -> Self {
        let problem = rejection.problem();
        Self::Refused {
            status: problem.status.as_u16(),
            code: problem.code.to_string(),
            title: problem.title.to_string(),
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Accepted => f.write_str("accepted"),
            Self::Refused { status, code, .. } => write!(f, "refused: {status} {code}"),
            Self::Unknown { hangs_on } => write!(f, "unknown: hangs on {hangs_on}"),
            Self::NotReached => f.write_str("not reached"),
        }
    }
}

impl Policy {
    /// Explains what would happen to a request.
    pub fn explain(&self, probe: &Probe) -> Explanation {
        let mut head = probe.head();
        let path = head.uri.path().to_owned();
        let decision = decide(self, HeadLimits::default(), &head, &path);
        let mut explanation = Explanation {
            method: probe.method.to_string(),
            path: path.clone(),
            webservice: None,
            operation: None,
            soap_action: None,
            group: None,
            passed_over: Vec::new(),
            stages: Vec::new(),
            verdict: Verdict::Accepted,
        };
        let target = Target::new(&self.bases, &probe.method, &path, &probe.headers, None);
        let end = decision
            .as_ref()
            .ok()
            .copied()
            .flatten()
            .map(|(position, _)| position as usize);
        if let (Ok(target), true) = (target, crate::path::check(&path).is_ok()) {
            explanation.passed_over = self.passed_over(&target, end.unwrap_or(self.groups.len()));
            explanation.webservice = target.webservice.map(Into::into);
            explanation.operation = target.operation.map(Into::into);
            explanation.soap_action = target.action.map(Into::into);
        }
        match decision {
            Err(rejection) => explanation.verdict = Verdict::from(&rejection),
            Ok(None) => {
                debug_assert_eq!(self.unmatched, Unmatched::Allow);
            }
            Ok(Some((position, group))) => {
                explanation.group = Some(group.name.to_string());
                head.extensions.insert(MatchedGroup {
                    name: group.name.clone(),
                    position,
                    paths: Arc::clone(&group.paths),
                });
                let mut cx = Context::with_format(&head, self.refusal_format(&path, &probe.headers));
                explanation.stages = group.rehearse(probe, &mut cx, &mut head);
                explanation.verdict = overall(&explanation.stages);
            }
        }
        explanation
    }

    fn passed_over(&self, target: &Target<'_>, end: usize) -> Vec<PassedOver> {
        let earlier = self.groups.iter().take(end);
        let mismatches =
            earlier.filter_map(|group| group.selectors.mismatch(target).map(|mismatch| (group, mismatch)));
        mismatches
            .map(|(group, mismatch)| PassedOver {
                group: group.name.to_string(),
                selector: mismatch.selector,
                wanted: mismatch.wanted.to_string(),
                found: mismatch.found,
            })
            .collect()
    }
}

impl CompiledGroup {
    fn rehearse(&self, probe: &Probe, cx: &mut Context, head: &mut request::Parts) -> Vec<ExplainedStage> {
        if !self.authenticates {
            // Nobody finds out who is calling here, whoever it is.
            head.extensions.remove::<Arc<Principal>>();
        }
        let mut refused = false;
        let entries = self.pipeline.entries().iter().zip(&self.settings);
        entries
            .map(|(entry, settings)| {
                let limit = entry.stage.limit().filter(|_| !refused);
                let (looked, limit) = limit.map_or((None, None), |limit| limit::rehearse(limit, probe, head));
                let (verdict, reason) = match looked {
                    _ if refused => (Verdict::NotReached, None),
                    Some(verdict) => (verdict, None),
                    None => rehearse(entry, probe, cx, head),
                };
                refused |= matches!(verdict, Verdict::Refused { .. }) && !entry.report_only;
                ExplainedStage {
                    stage: entry.stage.name(),
                    phase: entry.phase,
                    interceptor: entry.interceptor.to_string(),
                    report_only: entry.report_only,
                    settings: settings.to_vec(),
                    verdict,
                    reason,
                    limit,
                }
            })
            .collect()
    }
}

/// The verdict of a stage, and what it rests on.
fn rehearse(
    entry: &Entry,
    probe: &Probe,
    cx: &mut Context,
    head: &mut request::Parts,
) -> (Verdict, Option<String>) {
    if let (Some(Phase::Authentication), Some(reason)) = (entry.phase, &probe.caller_refused) {
        let verdict = Verdict::Refused {
            status: 401,
            code: "credentials-invalid".to_owned(),
            title: "The credentials are not accepted".to_owned(),
        };
        return (verdict, Some(reason.clone()));
    }
    if let (Some(Phase::Authentication), Some(principal)) = (entry.phase, &probe.principal) {
        let reason = format!("the caller is taken to be {}", principal.subject);
        return (Verdict::Accepted, Some(reason));
    }
    match &entry.stage {
        Stage::Guard(guard) => {
            let missing = guard.reads_for(head).iter().find(|fact| !probe.knows(**fact));
            if let Some(fact) = missing {
                return (Verdict::unknown(describe(*fact)), None);
            }
            let verdict = guard.rehearse(cx, head);
            (of_rehearsal(&verdict), guard.reason(head))
        }
        Stage::Transform(transform) => {
            let verdict = transform.rehearse(cx, head);
            let verdict = verdict.map_or_else(
                || Verdict::unknown(transform.hangs_on()),
                |verdict| of_rehearsal(&verdict),
            );
            (verdict, None)
        }
    }
}

fn of_rehearsal(verdict: &Result<(), Rejection>) -> Verdict {
    match verdict {
        Ok(()) => Verdict::Accepted,
        Err(rejection) => Verdict::from(rejection),
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

/// A refusal decides; then something unknown; else all accept.
fn overall(stages: &[ExplainedStage]) -> Verdict {
    let counting = || {
        stages
            .iter()
            .filter(|stage| !stage.report_only)
            .map(|stage| &stage.verdict)
    };
    let refused = counting().find(|verdict| matches!(verdict, Verdict::Refused { .. }));
    let unknown = counting().find(|verdict| matches!(verdict, Verdict::Unknown { .. }));
    refused.or(unknown).cloned().unwrap_or(Verdict::Accepted)
}
