//! `palisade limits`: what keys have left, and giving it back to them.
//!
//! 1. The server that runs with this configuration is asked, at `palisade.admin.bind`: it alone knows what it counts in memory, and it
//!    holds its file of counters.
//! 2. Where none answers, the stores themselves are asked. Looking makes no file.
//! 3. What cannot be known is said, and is no failure of looking. What cannot be reset is one.
//! 4. Limits that have no such key as the one that is reset are left out, and named. Where none has it, that is an error.

mod printed;
mod running;
mod teller;

use palisade_endpoint::LimitReport;
use serde::Serialize;

use super::{Compiled, Database, compile};
use crate::cli::{Common, LimitsCommand, ResetLimitsArguments, ShowLimitsArguments};
use crate::outcome::{Exit, Outcome};
use crate::output::Output;

pub(super) use self::printed::left;
use self::teller::Forgotten;
pub(super) use self::teller::{Selection, Teller};

/// How many keys are shown where nobody says how many.
const KEYS: u16 = 10;

/// What is known of limits.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Shown {
    /// The server that was asked; absent where the stores were.
    #[serde(skip_serializing_if = "Option::is_none")]
    server: Option<String>,
    limits: Vec<LimitReport>,
}

/// What was reset, and by whom.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Reset {
    #[serde(skip_serializing_if = "Option::is_none")]
    server: Option<String>,
    #[serde(flatten)]
    forgotten: Forgotten,
}

pub(super) fn run(common: &Common, command: &LimitsCommand, output: &mut Output) -> Outcome {
    let compiled = compile(&common.sources()?, Database::LeftAlone)?;
    match command {
        LimitsCommand::Show(arguments) => show(&compiled, arguments, output),
        LimitsCommand::Reset(arguments) => reset(&compiled, arguments, output),
    }
}

fn show(compiled: &Compiled, arguments: &ShowLimitsArguments, output: &mut Output) -> Outcome {
    let keys = arguments
        .keys
        .unwrap_or(if arguments.key.is_some() { 0 } else { KEYS });
    let selection = Selection {
        interceptor: arguments.interceptor.as_deref(),
        stage: arguments.stage.as_deref(),
        key: arguments.key.as_deref(),
        keys: usize::from(keys),
    };
    let teller = Teller::find(compiled)?;
    let shown = Shown {
        limits: teller.reports(selection)?,
        server: teller.server(),
    };
    if output.is_json() {
        output.json(&shown)?;
    } else {
        printed::reports(&shown.limits, shown.server.as_deref(), output)?;
    }
    Ok(Exit::Fine)
}

fn reset(compiled: &Compiled, arguments: &ResetLimitsArguments, output: &mut Output) -> Outcome {
    let selection = Selection {
        interceptor: Some(&arguments.interceptor),
        stage: arguments.stage.as_deref(),
        key: arguments.key.as_deref(),
        keys: 0,
    };
    let teller = Teller::find(compiled)?;
    let reset = Reset {
        forgotten: teller.reset(selection)?,
        server: teller.server(),
    };
    if output.is_json() {
        output.json(&reset)?;
    } else {
        printed::reset(&reset.forgotten, output)?;
    }
    Ok(Exit::Fine)
}
