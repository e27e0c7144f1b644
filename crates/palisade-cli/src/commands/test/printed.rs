//! What became of the cases, for people.

use std::collections::BTreeSet;
use std::io;

use super::Tested;
use super::case::{Outcome, full_name};
use crate::commands::explain::{print_groups, print_stage};
use crate::output::{BAD, FAINT, GOOD, HEADING, Output, printable, styled};

/// Writes a line for each case, more for those that fail, and the counts.
pub(super) fn print(tested: &Tested<'_>, output: &mut Output) -> io::Result<()> {
    for case in &tested.cases {
        print_case(&tested.file, case, output)?;
    }
    let unknown: BTreeSet<&str> = tested.cases.iter().filter_map(|case| case.unknown_user).collect();
    for user in unknown {
        output.note(format_args!(
            "note: the directory has no user {}: of the caller only what the case says is supposed",
            printable(user)
        ))?;
    }
    let count = match tested.cases.len() {
        1 => "1 case".to_owned(),
        count => format!("{count} cases"),
    };
    let (passed, failed) = (tested.passed, tested.failed);
    if failed == 0 {
        output.line(format_args!("\n{count}: {}", styled(GOOD, "all passed")))
    } else {
        let failed = styled(BAD, format_args!("{failed} failed"));
        output.line(format_args!("\n{count}: {passed} passed, {failed}"))
    }
}

fn print_case(file: &str, case: &Outcome<'_>, output: &mut Output) -> io::Result<()> {
    let name = printable(case.name);
    if case.passed {
        return output.line(format_args!("{}    {name}", styled(GOOD, "ok")));
    }
    let place = styled(FAINT, format_args!("({file}:{})", case.line));
    output.line(format_args!(
        "{}  {}  {place}",
        styled(BAD, "FAIL"),
        styled(HEADING, name)
    ))?;
    for difference in &case.differences {
        output.line(format_args!("  {}", printable(difference)))?;
    }
    match case.deciding().or_else(|| case.meant()) {
        Some((position, stage)) => print_stage(position + 1, stage, output),
        None if case.found.group.is_none() => print_groups(&case.found, output),
        None => {
            let stages: Vec<String> = case.found.stages.iter().map(full_name).collect();
            let stages = if stages.is_empty() {
                "none".to_owned()
            } else {
                stages.join(", ")
            };
            output.line(format_args!("  stages of the group: {stages}"))
        }
    }
}
