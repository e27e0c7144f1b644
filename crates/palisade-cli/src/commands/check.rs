//! `palisade check`: everything that `serve` checks, without listening.

use std::collections::BTreeSet;
use std::io;

use palisade_config::Config;
use palisade_core::Finding;
use palisade_endpoint::{Assessment, assess, justifications};
use palisade_server::Server;
use serde::Serialize;

use super::registry;
use crate::cli::{CheckArguments, Common};
use crate::instant;
use crate::outcome::{Exit, Failure, Outcome};
use crate::output::{BAD, FAINT, GOOD, HEADING, Output, WARNING, of_severity, styled};

/// The result.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Report {
    #[serde(flatten)]
    weighed: Weighed,
    groups: Vec<String>,
    client_interceptors: Vec<String>,
    connections: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fail_below: Option<u8>,
    passed: bool,
}

/// Findings, weighed on this day.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Weighed {
    #[serde(flatten)]
    pub(super) assessment: Assessment,
    /// Codes of findings whose justification has run out, so that they count again.
    pub(super) expired_justifications: BTreeSet<String>,
}

/// Weighs findings by the justifications of a configuration.
pub(super) fn weigh(config: &Config, findings: &[Finding]) -> Result<Weighed, Failure> {
    let justifications = justifications(config)?;
    let assessment = assess(findings.iter().cloned(), &justifications, instant::now());
    let counting = assessment.findings.iter().map(|finding| finding.code.as_ref());
    let expired_justifications = counting
        .filter(|code| justifications.contains_key(*code))
        .map(str::to_owned)
        .collect();
    Ok(Weighed {
        assessment,
        expired_justifications,
    })
}

pub(super) fn run(common: &Common, arguments: &CheckArguments, output: &mut Output) -> Outcome {
    let sources = common.sources()?;
    let server = Server::load(sources.clone(), registry())?;
    // The server has read the same sources a moment ago; a difference since then is a change on disk.
    let (config, errors) = Config::load(&sources);
    let config = errors.into_result(config)?;
    let weighed = weigh(&config, server.findings())?;
    let passed = arguments
        .fail_below
        .is_none_or(|least| weighed.assessment.score >= least);
    let policy = server.policy().current();
    let report = Report {
        weighed,
        groups: policy.group_names().map(str::to_owned).collect(),
        client_interceptors: policy.client_names().map(str::to_owned).collect(),
        connections: server.connections().names(),
        fail_below: arguments.fail_below,
        passed,
    };
    if output.is_json() {
        output.json(&report)?;
    } else {
        print(&report, common, output)?;
    }
    Ok(if passed { Exit::Fine } else { Exit::Refused })
}

fn print(report: &Report, common: &Common, output: &mut Output) -> io::Result<()> {
    let groups = match report.groups.len() {
        1 => "1 endpoint group".to_owned(),
        count => format!("{count} endpoint groups"),
    };
    let clients = match report.client_interceptors.len() {
        0 => String::new(),
        1 => ", 1 client interceptor".to_owned(),
        count => format!(", {count} client interceptors"),
    };
    let connections = match report.connections.len() {
        0 => String::new(),
        1 => ", 1 connection".to_owned(),
        count => format!(", {count} connections"),
    };
    let folder = common.folder().display();
    output.line(format_args!(
        "{} {folder}: {groups}{clients}{connections}, no errors",
        styled(GOOD, "sound:")
    ))?;

    let weighed = &report.weighed;
    let assessment = &weighed.assessment;
    if !assessment.findings.is_empty() {
        output.line(format_args!("\n{}", styled(HEADING, "Findings")))?;
    }
    for finding in &assessment.findings {
        print_finding(finding, output)?;
        if weighed.expired_justifications.contains(finding.code.as_ref()) {
            let text = "its justification has run out, so it counts";
            output.line(format_args!("            {}", styled(WARNING, text)))?;
        }
    }
    if !assessment.justified.is_empty() {
        output.line(format_args!("\n{}", styled(HEADING, "Justified")))?;
    }
    for justified in &assessment.justified {
        print_finding(&justified.finding, output)?;
        let (owner, until, reason) = (&justified.owner, &justified.until, &justified.reason);
        output.line(format_args!(
            "            accepted by {owner} until {until}: {reason}"
        ))?;
    }

    let score = assessment.score;
    match report.fail_below {
        Some(least) if !report.passed => {
            output.line(format_args!("\nScore: {}, below {least}", styled(BAD, score)))
        }
        _ => output.line(format_args!("\nScore: {}", styled(HEADING, score))),
    }
}

fn print_finding(finding: &Finding, output: &mut Output) -> io::Result<()> {
    let severity = styled(
        of_severity(finding.severity),
        format_args!("{:<8}", finding.severity),
    );
    output.line(format_args!("  {severity}  {}", styled(HEADING, &finding.code)))?;
    let place = [finding.origin.as_deref(), finding.key.as_deref()];
    let place: Vec<&str> = place.into_iter().flatten().collect();
    if !place.is_empty() {
        output.line(format_args!("            {}", styled(FAINT, place.join(": "))))?;
    }
    output.line(format_args!("            {}", finding.message))
}
