//! `palisade cert`: a certificate authority, what it issues, what others issued, and what is revoked.
//!
//! 1. No private key leaves but in the file that is asked for, and none is kept.
//! 2. What is issued or brought along is registered in the directory, where servers find its owner by fingerprint; with property
//!    files as directory the line to write is printed. Certificates of servers, which nobody signs in with, are on record in the
//!    folder of the authority.
//! 3. What is revoked stands in the authority's list first, then in the directory: where the second step fails, the certificate is
//!    refused all the same, and the command may be run again.
//! 4. In a user's name (`--as`) administrators may do everything, others see their own.

mod authority;
mod ca;
mod due;
mod export;
mod forms;
mod import;
mod issue;
mod list;
mod records;
mod servers;
mod withdraw;

use palisade_core::Secret;

pub(super) use self::import::certificates;

use crate::cli::{CertCommand, Common};
use crate::outcome::{Failure, Outcome};
use crate::output::{HEADING, Output, styled};

/// Runs one of its commands.
pub(super) fn run(common: &Common, command: &CertCommand, output: &mut Output) -> Outcome {
    match command {
        CertCommand::Ca(arguments) => ca::run(common, arguments, output),
        CertCommand::Issue(arguments) => issue::run(common, arguments, output),
        CertCommand::Import(arguments) => import::run(common, arguments, output),
        CertCommand::Export(arguments) => export::run(common, arguments, output),
        CertCommand::List(arguments) => list::run(common, arguments, output),
        CertCommand::Show(arguments) => list::show(common, arguments, output),
        CertCommand::Delete(arguments) => withdraw::delete(common, arguments, output),
        CertCommand::Revoke(arguments) => withdraw::revoke(common, arguments, output),
        CertCommand::RenewCrl(arguments) => withdraw::renew(common, arguments, output),
    }
}

/// Prints lines for the property file, where there are any.
fn print_properties(lines: &[String], output: &mut Output) -> Result<(), Failure> {
    if lines.is_empty() {
        return Ok(());
    }
    output.line(format_args!(
        "\n{}",
        styled(HEADING, "For application.properties")
    ))?;
    for line in lines {
        output.line(line)?;
    }
    Ok(())
}

/// A password that was given, if it is none that everybody tries. The form of the file decides the rest.
fn given_password() -> Result<Secret, Failure> {
    let password = super::secrets::from_stdin()?;
    if password.expose().is_empty() {
        return Err(Failure::wrong("standard input: expected a password"));
    }
    Ok(password)
}
