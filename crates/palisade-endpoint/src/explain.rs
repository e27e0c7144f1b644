//! Why a request would be treated as it would: the real matcher and the real stages, run on a head made for the purpose.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HOST, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderValue, Method, Request, Uri, request};
use palisade_config::Entry as Setting;
use palisade_core::head::HeadLimits;
use palisade_core::{
    ClientAddress, Connection, Context, FactKind, MatchedGroup, Message, Phase, Principal, Rejection,
    TlsSession,
};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::limits::LimitStanding;
use crate::policy::{CompiledGroup, Policy, Unmatched};
use crate::selector::Target;
use crate::service::decide;

mod limit;
mod stage;

pub use self::limit::ExplainedLimit;
use self::stage::{Said, say};

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
    /// Its body, if one is to be supposed; a `Content-Length` is added where none is there. `GET` and other requests that only ask
    /// have none unless their fields say so.
    pub body: Option<Bytes>,
    /// The client's address, if it is to be supposed.
    pub peer: Option<IpAddr>,
    /// The TLS session, if it is to be supposed.
    pub tls: Option<TlsSession>,
    /// The caller, if one is to be supposed.
    pub principal: Option<Arc<Principal>>,
    /// Why that caller cannot sign in, where that is known.
    pub caller_refused: Option<String>,
    /// How the request's keys stand with limits, by the names of their counters (`Partners.quota`), or why that is not known. Those
    /// that are not here are asked themselves, where their store answers at once and they do not count amounts.
    /// [`ExplainedStage::limit`] tells which there are.
    pub standings: BTreeMap<String, Result<LimitStanding, String>>,
    /// Whether limits that are not in `standings` are supposed to be whole, whatever their stores say: the same today and tomorrow.
    pub nothing_used: bool,
}

impl Probe {
    /// A request of which nothing more is known.
    pub fn new(method: Method, target: Uri) -> Self {
        Self {
            method,
            target,
            headers: HeaderMap::new(),
            body: None,
            peer: None,
            tls: None,
            principal: None,
            caller_refused: None,
            standings: BTreeMap::new(),
            nothing_used: false,
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
        if let Some(body) = &self.body
            && !head.headers.contains_key(TRANSFER_ENCODING)
        {
            let length = || HeaderValue::from(body.len());
            head.headers.entry(CONTENT_LENGTH).or_insert_with(length);
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
    /// Whether its verdict counts for the whole: not where the stage only reports, unless its refusal stands there too.
    #[serde(skip)]
    decides: bool,
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
        /// What the problem says of this request.
        #[serde(skip_serializing_if = "Option::is_none")]
        detail: Option<String>,
        /// Further members of the problem, such as `errors`.
        #[serde(flatten)]
        members: Map<String, Value>,
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

impl ExplainedStage {
    /// Whether its verdict counts for the whole: not where the stage only reports, unless its refusal stands there too.
    pub fn decides(&self) -> bool {
        self.decides
    }
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
            detail: problem.detail.as_deref().map(str::to_owned),
            members: problem.members.clone(),
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
                explanation.stages = group.rehearse(probe, &mut cx, head);
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
    fn rehearse(&self, probe: &Probe, cx: &mut Context, mut head: request::Parts) -> Vec<ExplainedStage> {
        if !self.authenticates {
            // Nobody finds out who is calling here, whoever it is.
            head.extensions.remove::<Arc<Principal>>();
        }
        let body = probe.body.clone().or_else(|| has_none(&head).then(Bytes::new));
        let mut message = Message::new(head, body);
        let mut refused = false;
        let entries = self.pipeline.entries().iter().zip(&self.settings).enumerate();
        entries
            .map(|(position, (entry, settings))| {
                let said = if refused {
                    Said::new(Verdict::NotReached, entry)
                } else {
                    say(&self.pipeline, position, entry, probe, cx, &mut message)
                };
                refused |= matches!(said.verdict, Verdict::Refused { .. }) && said.decides;
                ExplainedStage {
                    stage: entry.stage.name(),
                    phase: entry.phase,
                    interceptor: entry.interceptor.to_string(),
                    report_only: entry.report_only,
                    settings: settings.to_vec(),
                    verdict: said.verdict,
                    reason: said.reason,
                    limit: said.limit,
                    decides: said.decides,
                }
            })
            .collect()
    }
}

/// Whether a request has no body, although nothing was supposed of it: one that only asks, and announces none.
fn has_none(head: &request::Parts) -> bool {
    let announced = [CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING];
    head.method.is_safe() && !announced.iter().any(|name| head.headers.contains_key(name))
}

/// A refusal decides; then something unknown; else all accept.
fn overall(stages: &[ExplainedStage]) -> Verdict {
    let counting = || {
        stages
            .iter()
            .filter(|stage| stage.decides)
            .map(|stage| &stage.verdict)
    };
    let refused = counting().find(|verdict| matches!(verdict, Verdict::Refused { .. }));
    let unknown = counting().find(|verdict| matches!(verdict, Verdict::Unknown { .. }));
    refused.or(unknown).cloned().unwrap_or(Verdict::Accepted)
}
