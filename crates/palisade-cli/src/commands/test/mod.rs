//! `palisade test`: requests, and what is to become of each, in a file.
//!
//! 1. The configuration is compiled once, and every case is explained as `palisade explain` does it: by the real matcher and the real
//!    stages.
//! 2. Limits are supposed to be whole: what somebody used meanwhile changes no result, and no server or store is asked.
//! 3. What hangs on something that a case does not suppose is neither accepted nor refused: it passes where `unknown` is expected,
//!    and nowhere else. A refusal behind a stage that is unknown is certain; its code is not, and does not pass either.
//! 4. Status 0 says that every case passes, 1 that one does not, 2 that nothing could be told: the file or the configuration is wrong,
//!    or there is no case.
//!
//! What this does not protect against: a case that nobody wrote. Messages that are signed end, and a case that holds one ends with it.

mod case;
mod file;
mod junit;
mod printed;
mod source;

use std::path::Path;

use palisade_config::{Error, Errors, Origin};
use palisade_endpoint::Probe;
use serde::Serialize;

use self::case::Outcome as CaseOutcome;
use self::file::Case;
use super::{Compiled, Database, compile};
use crate::cli::{Common, TestArguments};
use crate::outcome::{Exit, Failure, Outcome};
use crate::output::Output;

/// The result.
#[derive(Debug, Serialize)]
struct Tested<'a> {
    file: String,
    cases: Vec<CaseOutcome<'a>>,
    passed: usize,
    failed: usize,
}

pub(super) fn run(common: &Common, arguments: &TestArguments, output: &mut Output) -> Outcome {
    let cases = file::read(&arguments.file)?;
    let compiled = compile(&common.sources()?, Database::Asked)?;
    let probes = probes(&arguments.file, &cases, &compiled)?;
    let outcomes = cases
        .iter()
        .zip(&probes)
        .map(|(case, probe)| CaseOutcome::new(case, &compiled, compiled.policy.explain(probe)));
    let cases: Vec<CaseOutcome<'_>> = outcomes.collect();
    let passed = cases.iter().filter(|case| case.passed).count();
    let tested = Tested {
        file: arguments.file.display().to_string(),
        failed: cases.len() - passed,
        cases,
        passed,
    };
    if let Some(file) = &arguments.junit {
        std::fs::write(file, junit::document(&tested))
            .map_err(|error| Failure::wrong(format!("{}: {error}", file.display())))?;
    }
    if output.is_json() {
        output.json(&tested)?;
    } else {
        printed::print(&tested, output)?;
    }
    Ok(if tested.failed == 0 {
        Exit::Fine
    } else {
        Exit::Refused
    })
}

/// The request of every case, or everything that is wrong with one.
fn probes(file: &Path, cases: &[Case], compiled: &Compiled) -> Result<Vec<Probe>, Errors> {
    let mut errors = Errors::new();
    let mut probes = Vec::new();
    for (position, case) in cases.iter().enumerate() {
        match case.request.probe(compiled) {
            Ok(probe) => probes.push(probe),
            Err(failure) => errors.extend(failure.into_errors().into_iter().map(|error| {
                Error::new(format!("cases[{position}].request"), error.message).at(Origin::File {
                    path: file.to_owned(),
                    line: case.line,
                })
            })),
        }
    }
    errors.into_result(probes)
}
