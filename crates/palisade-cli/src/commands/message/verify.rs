//! `palisade message verify`: what a server, or a client, would make of a message.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use palisade::jose::{
    Binding, Body, Incoming, MessageSecuritySettings, MessageSettings, ReadMessage, TimestampSettings,
};
use serde::Serialize;

use super::bench::{Bench, Options, by_purpose, read_profile};
use super::checks::{Expected, Kind};
use super::report::{Step, Told, Verdict, shown};
use crate::cli::{Common, VerifyArguments};
use crate::instant;
use crate::outcome::{Exit, Failure, Outcome};
use crate::output::{BAD, FAINT, GOOD, HEADING, Output, WARNING, styled};

/// What came of it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Report {
    accepted: bool,
    /// What the receiver compares with the exchange, and could not be compared here.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    not_checked: Vec<&'static str>,
    steps: Vec<Step>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    notes: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    claims: Option<Told>,
    #[serde(skip_serializing_if = "Option::is_none")]
    media_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<String>,
    /// `text` or `base64`.
    #[serde(skip_serializing_if = "Option::is_none")]
    body_encoding: Option<&'static str>,
}

pub(super) fn run(common: &Common, arguments: &VerifyArguments, output: &mut Output) -> Outcome {
    let bench = Bench::open(common)?;
    let rules = rules(&bench, arguments)?;
    let kind = match (&arguments.chosen.interceptor, arguments.chosen.response) {
        (None, _) => Kind::Either,
        (Some(_), false) => Kind::Request,
        (Some(_), true) => Kind::Response,
    };
    let input = arguments.streams.read()?;
    let message = input.trim_ascii();
    let mut notes = Vec::new();
    if message.len() < input.len() {
        notes.push("white space around the message was left out; on the wire it is refused");
    }
    let expected = Expected {
        kind,
        rules: &rules,
        request: arguments.method.as_ref().zip(arguments.target.as_deref()),
        in_reply_to: arguments.in_reply_to.as_deref(),
        at: arguments.at.unwrap_or_else(instant::now),
    };
    let (mut steps, read) = open(&rules, message);
    if let Some(read) = &read {
        steps.extend(expected.check(&read.claims));
    }
    let mut report = Report {
        accepted: read.is_some() && steps.iter().all(|step| step.result != Verdict::Failed),
        not_checked: steps
            .iter()
            .filter(|step| step.is_owed)
            .map(|step| step.name)
            .collect(),
        steps,
        notes,
        claims: read.as_ref().map(|read| Told::new(&read.claims, expected.at)),
        media_type: None,
        body: None,
        body_encoding: None,
    };
    // The body of a refused message is nobody's.
    let body = read.map(|read| read.body).filter(|_| report.accepted);
    give(&mut report, body, arguments, output)?;
    Ok(if report.accepted {
        Exit::Fine
    } else {
        Exit::Refused
    })
}

fn rules(bench: &Bench, arguments: &VerifyArguments) -> Result<Incoming, Failure> {
    if let Some(name) = &arguments.chosen.interceptor {
        return bench.incoming(name, arguments.chosen.response);
    }
    let (signatures, encryptions) = by_purpose(&arguments.algorithms)?;
    let mut settings = MessageSecuritySettings::default();
    settings.request.decryption = read_profile(&arguments.decrypt_alias, encryptions);
    settings.request.signature = read_profile(&arguments.verify_alias, signatures);
    settings.request.timestamp = TimestampSettings {
        enabled: true,
        max_clock_skew: arguments.max_clock_skew,
        max_ttl: arguments.max_ttl,
        ttl: None,
    };
    settings.request.replay_protection = Some(false);
    settings.request.binding = Binding::IfPresent;
    settings.request.audience.clone_from(&arguments.audience);
    if let Some(format) = &arguments.message_format {
        settings.message = MessageSettings {
            format: format.clone(),
            ..MessageSettings::default()
        };
    }
    let options = Options::from([
        ("request.decryption.key-alias", "--decrypt-alias"),
        ("request.decryption.algorithms", "--algorithms"),
        ("request.signature.key-alias", "--verify-alias"),
        ("request.signature.algorithms", "--algorithms"),
        ("message.format", "--message-format"),
    ]);
    bench.incoming_by(&settings, &options)
}

/// Decrypts and verifies: the steps so far, and the message where all of them passed.
fn open(rules: &Incoming, message: &[u8]) -> (Vec<Step>, Option<ReadMessage>) {
    let reader = rules.reader();
    if !reader.is_secured(message) {
        return (vec![Step::failed("form", why_not_secured(rules, message))], None);
    }
    match reader.read(&Bytes::copy_from_slice(message)) {
        Ok(read) => (read.steps.iter().map(Step::from).collect(), Some(read)),
        Err(error) => {
            let mut steps: Vec<Step> = error.steps().iter().map(Step::from).collect();
            steps.push(Step::of_error(&error));
            (steps, None)
        }
    }
}

/// Why a message is not even a compact form of the right kind.
fn why_not_secured(rules: &Incoming, message: &[u8]) -> String {
    let expected = if rules.decryption.is_empty() { 2 } else { 4 };
    if message.is_empty() {
        return "it is empty".to_owned();
    }
    if message.first() == Some(&b'{') {
        return "it is JSON: it is not secured, or in the JSON serialization, which is not accepted"
            .to_owned();
    }
    let is_of_form = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if let Some(at) = message.iter().position(|byte| !is_of_form(*byte)) {
        return format!(
            "it is no compact form: byte {} is neither base64url nor a dot",
            at + 1
        );
    }
    match (message.split(|byte| *byte == b'.').count() - 1, expected) {
        (2, _) => "it is signed (two dots), and has to be encrypted (four)".to_owned(),
        (4, _) => "it is encrypted (four dots), and has to be signed alone (two)".to_owned(),
        (dots, _) => format!("it is no compact form: it has {dots} dots, and has to have {expected}"),
    }
}

fn give(
    report: &mut Report,
    body: Option<Body>,
    arguments: &VerifyArguments,
    output: &mut Output,
) -> Result<(), Failure> {
    let streams = &arguments.streams;
    report.media_type = body.as_ref().and_then(|body| body.media_type.clone());
    if !output.is_json() {
        print(report, body.as_ref(), output)?;
    }
    if let Some(body) = body {
        if streams.output.is_some() || !output.is_json() {
            streams.write(&body.bytes, output)?;
        } else {
            let (text, encoding) = match std::str::from_utf8(&body.bytes) {
                Ok(text) => (text.to_owned(), "text"),
                Err(_) => (STANDARD.encode(&body.bytes), "base64"),
            };
            report.body = Some(text);
            report.body_encoding = Some(encoding);
        }
    }
    if output.is_json() {
        output.json(report)?;
    }
    Ok(())
}

fn print(report: &Report, body: Option<&Body>, output: &mut Output) -> std::io::Result<()> {
    for note in &report.notes {
        output.note(format_args!("note: {note}"))?;
    }
    for step in &report.steps {
        let style = match step.result {
            Verdict::Ok => GOOD,
            Verdict::Failed => BAD,
            Verdict::NotChecked => FAINT,
        };
        output.note(styled(style, step))?;
    }
    let rows = report.claims.as_ref().map(Told::rows).unwrap_or_default();
    if !rows.is_empty() {
        output.note(format_args!("\n{}", styled(HEADING, "Claims")))?;
    }
    for (name, value) in rows {
        output.note(format_args!("  {name:<12} {value}"))?;
    }
    if let Some(body) = body {
        let media_type = body.media_type.as_deref().map_or("no type".to_owned(), shown);
        let size = body.bytes.len();
        let heading = styled(HEADING, "Body");
        output.note(format_args!("\n{heading}\n  {media_type}, {size} bytes"))?;
    }
    let verdict = match (report.accepted, report.not_checked.as_slice()) {
        (true, []) => styled(GOOD, "accepted"),
        (true, open) => styled(
            WARNING,
            format_args!("accepted, but {} not checked", open.join(" and ")),
        ),
        (false, _) => styled(BAD, "refused"),
    };
    output.note(format_args!("\nVerdict: {verdict}"))
}
