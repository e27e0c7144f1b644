//! An explanation, for people.

use std::io;

use palisade_endpoint::{ExplainedLimit, ExplainedStage, Explanation, Verdict};
use serde_json::Value;

use super::Told;
use crate::commands::limits::left;
use crate::output::{BAD, FAINT, GOOD, HEADING, Output, WARNING, styled};

/// Writes all of it.
pub(super) fn print(told: &Told, output: &mut Output) -> io::Result<()> {
    let explanation = &told.explanation;
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
    if let Some(body) = &told.body {
        output.line(format_args!("  {:<12} {body}", "body"))?;
    }
    let group = explanation.group.as_deref().unwrap_or("none matches");
    output.line(format_args!("  {:<12} {}", "group", styled(HEADING, group)))?;
    print_groups(explanation, output)?;
    if explanation.group.is_some() {
        print_stages(&explanation.stages, output)?;
    }
    output.line(format_args!("\nVerdict: {}", shown(&explanation.verdict)))?;
    print_refusal(&explanation.verdict, output)
}

/// The groups that do not match, and why.
pub(in crate::commands) fn print_groups(explanation: &Explanation, output: &mut Output) -> io::Result<()> {
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
    Ok(())
}

fn print_stages(stages: &[ExplainedStage], output: &mut Output) -> io::Result<()> {
    output.line(format_args!("\n{}", styled(HEADING, "Stages")))?;
    if stages.is_empty() {
        output.line("  none")?;
    }
    for (position, stage) in stages.iter().enumerate() {
        print_stage(position + 1, stage, output)?;
    }
    Ok(())
}

/// What the client would be told.
fn print_refusal(verdict: &Verdict, output: &mut Output) -> io::Result<()> {
    let Verdict::Refused {
        title,
        detail,
        members,
        ..
    } = verdict
    else {
        return Ok(());
    };
    output.line(format_args!("  {title}"))?;
    if let Some(detail) = detail
        .as_ref()
        .filter(|detail| detail.trim_end_matches('.') != title)
    {
        output.line(format_args!("  {detail}"))?;
    }
    let errors = members.get("errors").and_then(Value::as_array);
    for error in errors.into_iter().flatten() {
        let text = |member: &str| error.get(member).and_then(Value::as_str).unwrap_or_default();
        // The empty pointer is the whole body.
        let pointer = Some(text("pointer")).filter(|pointer| !pointer.is_empty());
        output.line(format_args!(
            "    {}: {}: {}",
            pointer.unwrap_or("the whole body").escape_debug(),
            text("keyword"),
            text("message"),
        ))?;
    }
    Ok(())
}

/// A stage, its settings, and what it says.
pub(in crate::commands) fn print_stage(
    position: usize,
    stage: &ExplainedStage,
    output: &mut Output,
) -> io::Result<()> {
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
