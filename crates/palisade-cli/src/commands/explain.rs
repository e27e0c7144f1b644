//! `palisade explain`: what would happen to a request, and why.

use std::io;
use std::sync::Arc;

use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use palisade_core::{Principal, TlsSession};
use palisade_directory::Directory;
use palisade_endpoint::{ExplainedLimit, ExplainedStage, Explanation, LimitStanding, Probe, Verdict};

use super::limits::{Selection, Teller, left};
use super::{Compiled, Database, compile};
use crate::cli::{Common, ExplainArguments};
use crate::outcome::{Exit, Failure, Outcome};
use crate::output::{BAD, FAINT, GOOD, HEADING, Output, WARNING, styled};

pub(super) fn run(common: &Common, arguments: &ExplainArguments, output: &mut Output) -> Outcome {
    let mut probe = probe(arguments)?;
    let compiled = compile(&common.sources()?, Database::Asked)?;
    let directory = compiled.directory.as_deref();
    if let Some(user) = &arguments.user {
        let scopes = arguments.scopes.iter().map(|scope| Arc::from(scope.as_str()));
        let principal = supposed(user, directory).with_scopes(scopes.collect());
        probe.principal = Some(Arc::new(principal));
        probe.caller_refused = refused(user, directory);
    }
    let explanation = explained(&compiled, probe)?;
    if output.is_json() {
        output.json(&explanation)?;
    } else {
        print(&explanation, output)?;
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
    Ok(match explanation.verdict {
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
    let mut probe = Probe::new(method(&arguments.method)?, target(&arguments.path)?);
    probe.headers = headers(&arguments.headers)?;
    probe.peer = arguments.peer;
    // No suite is claimed: stages that look at one have to say that they do not know it.
    probe.tls = arguments.tls.map(|version| TlsSession::new(version, ""));
    Ok(probe)
}

/// The caller of that name, with tenant and roles where the directory has such a user.
fn supposed(user: &str, directory: Option<&Directory>) -> Principal {
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
fn refused(user: &str, directory: Option<&Directory>) -> Option<String> {
    let snapshot = directory?.current();
    let known = snapshot.user(user)?;
    (!known.is_active).then(|| format!("user {user} is not active"))
}

fn is_unknown(user: &str, directory: Option<&Directory>) -> bool {
    directory.is_none_or(|directory| directory.current().user(user).is_none())
}

fn method(text: &str) -> Result<Method, Failure> {
    let upper = text.to_ascii_uppercase();
    let known = [
        "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT",
    ];
    if upper != text && known.contains(&upper.as_str()) {
        return Err(Failure::wrong(format!(
            "METHOD: methods are case-sensitive, found \"{text}\" (did you mean \"{upper}\"?)"
        )));
    }
    Method::from_bytes(text.as_bytes())
        .map_err(|_| Failure::wrong(format!("METHOD: expected a method such as GET, found \"{text}\"")))
}

fn target(text: &str) -> Result<Uri, Failure> {
    let wrong = || {
        Failure::wrong(format!(
            "PATH: expected a path such as /server/rest/orders/list, found \"{text}\""
        ))
    };
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

fn print(explanation: &Explanation, output: &mut Output) -> io::Result<()> {
    let request = format!("{} {}", explanation.method, explanation.path);
    output.line(styled(HEADING, request))?;
    let selected = [
        ("web service", &explanation.webservice),
        ("operation", &explanation.operation),
        ("SOAP action", &explanation.soap_action),
    ];
    for (what, value) in selected {
        if let Some(value) = value {
            output.line(format_args!("  {what:<12} {value}"))?;
        }
    }
    let group = explanation.group.as_deref().unwrap_or("none matches");
    output.line(format_args!("  {:<12} {}", "group", styled(HEADING, group)))?;

    if !explanation.passed_over.is_empty() {
        let heading = if explanation.group.is_some() {
            "Groups tried before"
        } else {
            "Groups tried"
        };
        output.line(format_args!("\n{}", styled(HEADING, heading)))?;
    }
    for passed in &explanation.passed_over {
        let (group, selector) = (&passed.group, passed.selector);
        output.line(format_args!(
            "  {group}: {selector} must be {}, found {}",
            passed.wanted, passed.found
        ))?;
    }

    if explanation.group.is_some() {
        output.line(format_args!("\n{}", styled(HEADING, "Stages")))?;
        if explanation.stages.is_empty() {
            output.line("  none")?;
        }
    }
    for (position, stage) in explanation.stages.iter().enumerate() {
        print_stage(position + 1, stage, output)?;
    }
    output.line(format_args!("\nVerdict: {}", shown(&explanation.verdict)))?;
    if let Verdict::Refused { title, .. } = &explanation.verdict {
        output.line(format_args!("  {title}"))?;
    }
    Ok(())
}

fn print_stage(position: usize, stage: &ExplainedStage, output: &mut Output) -> io::Result<()> {
    let only = if stage.report_only { ", report only" } else { "" };
    output.line(format_args!(
        "  {position}. {} ({}{only}): {}",
        styled(HEADING, stage.stage),
        stage.interceptor,
        shown(&stage.verdict),
    ))?;
    if let Some(reason) = &stage.reason {
        output.line(format_args!("       {reason}"))?;
    }
    if let Some(limit) = &stage.limit {
        print_limit(limit, output)?;
    }
    for setting in &stage.settings {
        let origin = styled(FAINT, format_args!("({})", setting.origin));
        output.line(format_args!(
            "       {} = {}  {origin}",
            setting.key, setting.value
        ))?;
    }
    Ok(())
}

fn print_limit(limit: &ExplainedLimit, output: &mut Output) -> io::Result<()> {
    if let Some(standing) = &limit.standing {
        output.line(format_args!("       {}", left(standing)))?;
    }
    if let Some(why) = &limit.unknown {
        output.line(format_args!("       what is left is not known: {why}"))?;
    }
    output.line(format_args!(
        "       {}, by {}: {}",
        limit.rule,
        limit.keyed_by,
        limit.key.escape_debug()
    ))
}

fn shown(verdict: &Verdict) -> String {
    let style = match verdict {
        Verdict::Accepted => GOOD,
        Verdict::Refused { .. } => BAD,
        Verdict::Unknown { .. } => WARNING,
        _ => FAINT,
    };
    styled(style, verdict)
}
