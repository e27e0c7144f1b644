//! The `palisade` command: `serve`, `check`, `explain`, `diff`, `init`, `encrypt`, `keystore`, `cert`, `user`,
//! `api-key`, `hash-password`, `limits`, `message`, `probe` and `test`.
//!
//! 1. Results go to standard output, everything else to standard error; colours go to a terminal only, and never where
//!    `NO_COLOR` is set.
//! 2. With `--format json` results **and errors** are JSON on standard output: `{"errors": [...]}` with `origin`, `key`,
//!    `message`, `found` and `nearest` of each.
//! 3. The exit status is 0 when all is well (findings alone are), 1 for a refusal or a score below the one demanded, 2 for
//!    wrong use and for a configuration that is not sound.
//! 4. All errors of a configuration are shown in one run.
//! 5. No secret is shown unasked: no password, no private key, no decrypted value. They are taken from files, variables, standard
//!    input or a prompt, never from an argument of their own.
//!
//! What this does not protect against: `--set` with a secret shows it to other users of the machine, in the list of processes.

mod cli;
mod commands;
mod instant;
mod outcome;
mod output;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser as _;
use clap::error::ErrorKind;

use crate::cli::{Cli, Format};
use crate::outcome::{Exit, Failure};
use crate::output::Output;

/// The command line as it is read, for whoever documents it or completes it in a shell.
pub fn command() -> clap::Command {
    <Cli as clap::CommandFactory>::command()
}

/// Runs the command with these arguments, the program's name first.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let exit = match Cli::try_parse_from(&arguments) {
        Ok(cli) => {
            let (common, command) = cli.split();
            let mut output = Output::of_process(common.format(), common.color());
            let outcome = commands::run(&common, command, &mut output);
            finish(outcome, &mut output)
        }
        Err(error) => usage(&error, &arguments),
    };
    exit.into()
}

fn finish(outcome: Result<Exit, Failure>, output: &mut Output) -> Exit {
    let exit = outcome.unwrap_or_else(|failure| {
        let exit = failure.exit();
        // Where standard error is gone too, the exit status remains.
        let _ = output.errors(&failure.into_errors());
        exit
    });
    if output.flush().is_ok() { exit } else { Exit::Wrong }
}

/// Help and version are results; anything else is wrong use.
fn usage(error: &clap::Error, arguments: &[OsString]) -> Exit {
    let is_result = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
    if !is_result && wants_json(arguments) {
        let text = error.render().to_string();
        let message = text.trim_start_matches("error: ").trim_end();
        let mut output = Output::of_process(Format::Json, clap::ColorChoice::Never);
        return finish(Err(Failure::wrong(message)), &mut output);
    }
    match error.print() {
        Ok(()) if is_result => Exit::Fine,
        _ => Exit::Wrong,
    }
}

/// What a command line that cannot be read says about the form of the answer.
fn wants_json(arguments: &[OsString]) -> bool {
    let pairs = arguments.iter().zip(arguments.iter().skip(1));
    let mut spaced = pairs
        .filter(|(option, _)| *option == "--format")
        .map(|(_, value)| value);
    arguments.iter().any(|argument| argument == "--format=json") || spaced.any(|value| value == "json")
}
