//! Limits as text.

use std::io;
use std::time::Duration;

use palisade_endpoint::{LimitReport, LimitReset, LimitStanding};

use super::teller::{Forgotten, Reset};
use crate::instant;
use crate::output::{BAD, FAINT, GOOD, HEADING, Output, WARNING, styled};

pub(super) fn reports(limits: &[LimitReport], server: Option<&str>, output: &mut Output) -> io::Result<()> {
    if limits.is_empty() {
        output.line("no limit is in force")?;
    }
    for (position, report) in limits.iter().enumerate() {
        if position > 0 {
            output.line("")?;
        }
        self::report(report, output)?;
    }
    if let Some(server) = server {
        output.note(format_args!("told by the server at {server}"))?;
    }
    Ok(())
}

fn report(report: &LimitReport, output: &mut Output) -> io::Result<()> {
    let limit = &report.limit;
    output.line(format_args!("{}: {}", styled(HEADING, limit.name()), limit.rule))?;
    let place = format!("keyed by {}, counted in {}", limit.keyed_by, limit.store);
    output.line(format_args!("  {}", styled(FAINT, place)))?;
    let groups = format!("groups {}", limit.groups.join(", "));
    output.line(format_args!("  {}", styled(FAINT, groups)))?;
    if let Some(standing) = &report.standing {
        self::standing(standing, output)?;
    }
    for standing in report.keys.iter().flatten() {
        if report.standing.as_ref() != Some(standing) {
            self::standing(standing, output)?;
        }
    }
    if report.keys.as_ref().is_some_and(Vec::is_empty) {
        output.line("  no key has used anything")?;
    }
    if let Some(why) = &report.unknown {
        output.line(format_args!("  {} {why}", styled(WARNING, "not known:")))?;
    }
    Ok(())
}

fn standing(standing: &LimitStanding, output: &mut Output) -> io::Result<()> {
    let style = if standing.is_used_up { BAD } else { GOOD };
    output.line(format_args!(
        "  {}: {}",
        shown(&standing.key),
        styled(style, left(standing))
    ))
}

/// A key is somebody's own text.
fn shown(key: &str) -> impl std::fmt::Display {
    key.escape_debug()
}

/// What is left, and until when: `9 of 10 left, window ends in 3h 20m`.
pub(in crate::commands) fn left(standing: &LimitStanding) -> String {
    let left = format!("{} of {} left", standing.remaining, standing.limit);
    let Some(seconds) = standing.resets_in_seconds else {
        return left;
    };
    let span = instant::span(Duration::from_secs(seconds));
    match standing.resets_by {
        Some(LimitReset::WindowEnds) => format!("{left}, window ends in {span}"),
        Some(LimitReset::SliceEnds) => format!("{left}, what was used first returns in {span}"),
        _ => format!("{left}, one more in {span}"),
    }
}

pub(super) fn reset(forgotten: &Forgotten, output: &mut Output) -> io::Result<()> {
    for Reset {
        interceptor,
        stage,
        keys,
    } in &forgotten.reset
    {
        let name = styled(HEADING, format_args!("{interceptor}.{stage}"));
        let what = match keys {
            0 => "nothing had been used".to_owned(),
            1 => "one key begins anew".to_owned(),
            keys => format!("{keys} keys begin anew"),
        };
        output.line(format_args!("{name}: {what}"))?;
    }
    for limit in &forgotten.left_out {
        let name = styled(HEADING, format_args!("{}.{}", limit.interceptor, limit.stage));
        output.line(format_args!(
            "{name}: {} keyed by {}, expected {}",
            styled(WARNING, "left out:"),
            limit.keyed_by,
            limit.expected
        ))?;
    }
    Ok(())
}
