//! `palisade explain`: what would happen to a request, and why.

use std::sync::Arc;

use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use palisade_core::{Principal, TlsSession};
use palisade_directory::Directory;
use palisade_endpoint::{ExplainedStage, Explanation, LimitStanding, Probe, Verdict};
use serde::Serialize;

use self::body::SupposedBody;
pub(super) use self::body::suppose as suppose_body;
pub(super) use self::told::{print_groups, print_stage};
use super::limits::{Selection, Teller};
use super::{Compiled, Database, compile};
use crate::cli::{Common, ExplainArguments};
use crate::outcome::{Exit, Failure, Outcome};
use crate::output::Output;

mod body;
mod told;

/// The result.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Told {
    #[serde(flatten)]
    explanation: Explanation,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<SupposedBody>,
}

pub(super) fn run(common: &Common, arguments: &ExplainArguments, output: &mut Output) -> Outcome {
    let mut probe = probe(arguments)?;
    let compiled = compile(&common.sources()?, Database::Asked)?;
    let body = arguments.body.as_deref().map(|file| {
        let is_soap = compiled.policy.is_soap(probe.target.path());
        body::suppose(file, is_soap, &mut probe)
    });
    let body = body.transpose()?;
    let directory = compiled.directory.as_deref();
    if let Some(user) = &arguments.user {
        let scopes = arguments.scopes.iter().map(|scope| Arc::from(scope.as_str()));
        let principal = supposed(user, directory).with_scopes(scopes.collect());
        probe.principal = Some(Arc::new(principal));
        probe.caller_refused = refused(user, directory);
    }
    let told = Told {
        explanation: explained(&compiled, probe)?,
        body,
    };
    if output.is_json() {
        output.json(&told)?;
    } else {
        told::print(&told, output)?;
        if let Some(user) = arguments
            .user
            .as_deref()
            .filter(|user| is_unknown(user, directory))
        {
            output.note(format_args!(
                "note: the directory has no user {user}; of a bearer token's subject only the name and --scope are supposed"
            ))?;
        }
    }
    Ok(match told.explanation.verdict {
        Verdict::Refused { .. } => Exit::Refused,
        _ => Exit::Fine,
    })
}

/// The explanation, with how the request's keys stand with limits, where it comes to any.
fn explained(compiled: &Compiled, mut probe: Probe) -> Result<Explanation, Failure> {
    let mut explanation = compiled.policy.explain(&probe);
    if explanation.stages.iter().all(|stage| stage.limit.is_none()) {
        return Ok(explanation);
    }
    let teller = Teller::find(compiled)?;
    loop {
        let before = probe.standings.len();
        for stage in &explanation.stages {
            if let Some(limit) = &stage.limit
                && !probe.standings.contains_key(&limit.name)
            {
                let standing = standing(&teller, stage, &limit.key);
                probe.standings.insert(limit.name.clone(), standing);
            }
        }
        if probe.standings.len() == before {
            return Ok(explanation);
        }
        // Those who know nothing yet may have refused, and limits behind them were not reached.
        explanation = compiled.policy.explain(&probe);
    }
}

/// How a key stands with the limit that a stage is, or why that is not known.
fn standing(teller: &Teller<'_>, stage: &ExplainedStage, key: &str) -> Result<LimitStanding, String> {
    let reports = teller.reports(Selection {
        interceptor: Some(&stage.interceptor),
        stage: Some(stage.stage),
        key: Some(key),
        keys: 0,
    });
    let report = reports.map_err(|failure| failure.to_string())?.pop();
    let report = report.ok_or("nothing is told of it")?;
    report.standing.ok_or_else(|| report.unknown.unwrap_or_default())
}

fn probe(arguments: &ExplainArguments) -> Result<Probe, Failure> {
    let method = method(&arguments.method).map_err(|error| Failure::wrong(format!("METHOD: {error}")))?;
    let target = target(&arguments.path).map_err(|error| Failure::wrong(format!("PATH: {error}")))?;
    let mut probe = Probe::new(method, target);
    probe.headers = headers(&arguments.headers)?;
    probe.peer = arguments.peer;
    // No suite is claimed: stages that look at one have to say that they do not know it.
    probe.tls = arguments.tls.map(|version| TlsSession::new(version, ""));
    Ok(probe)
}

/// The caller of that name, with tenant and roles where the directory has such a user.
pub(super) fn supposed(user: &str, directory: Option<&Directory>) -> Principal {
    let principal = Principal::new(user, "explain");
    let known = directory.map(Directory::current);
    match known.as_ref().and_then(|known| known.user(user)) {
        Some(user) => principal
            .of_tenant(user.tenant.clone())
            .with_roles(Arc::clone(&user.roles)),
        None => principal,
    }
}

/// Why that user cannot sign in at all.
pub(super) fn refused(user: &str, directory: Option<&Directory>) -> Option<String> {
    let snapshot = directory?.current();
    let known = snapshot.user(user)?;
    (!known.is_active).then(|| format!("user {user} is not active"))
}

/// Whether the directory has nobody of that name.
pub(super) fn is_unknown(user: &str, directory: Option<&Directory>) -> bool {
    directory.is_none_or(|directory| directory.current().user(user).is_none())
}

/// Reads a method.
pub(super) fn method(text: &str) -> Result<Method, String> {
    let upper = text.to_ascii_uppercase();
    let known = [
        "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT",
    ];
    if upper != text && known.contains(&upper.as_str()) {
        return Err(format!(
            "methods are case-sensitive, found \"{text}\" (did you mean \"{upper}\"?)"
        ));
    }
    Method::from_bytes(text.as_bytes())
        .map_err(|_| format!("expected a method such as GET, found \"{text}\""))
}

/// Reads a path, with or without a query.
pub(super) fn target(text: &str) -> Result<Uri, String> {
    let wrong = || format!("expected a path such as /server/rest/orders/list, found \"{text}\"");
    if !text.starts_with('/') {
        return Err(wrong());
    }
    let path = PathAndQuery::try_from(text).map_err(|_| wrong())?;
    Ok(Uri::from(path))
}

fn headers(texts: &[String]) -> Result<HeaderMap, Failure> {
    let mut headers = HeaderMap::new();
    for text in texts {
        // The value may be a credential, and is not repeated.
        let wrong = || Failure::wrong("--header: expected NAME:VALUE, a field name and its value");
        let (name, value) = text.split_once(':').ok_or_else(wrong)?;
        let name = HeaderName::try_from(name.trim()).map_err(|_| wrong())?;
        let value = HeaderValue::try_from(value.trim()).map_err(|_| wrong())?;
        headers.append(name, value);
    }
    Ok(headers)
}
