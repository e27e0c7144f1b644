//! The commands, each in its file.

mod check;
mod encrypt;
mod explain;
mod init;
mod keystore;
mod serve;

use palisade::{Registry, StandardRegistry as _};

use crate::cli::{Command, Common, KeystoreCommand};
use crate::outcome::Outcome;
use crate::output::Output;

/// Runs a command.
pub(crate) fn run(common: &Common, command: Command, output: &mut Output) -> Outcome {
    match command {
        Command::Serve(arguments) => serve::run(common, &arguments, output),
        Command::Check(arguments) => check::run(common, &arguments, output),
        Command::Explain(arguments) => explain::run(common, &arguments, output),
        Command::Init(arguments) => init::run(common, &arguments, output),
        Command::Encrypt(arguments) => encrypt::run(common, &arguments, output),
        Command::Keystore(KeystoreCommand::List(_)) => keystore::list(common, output),
        Command::Keystore(KeystoreCommand::Show(arguments)) => keystore::show(common, &arguments, output),
    }
}

/// The stages that operators can name.
fn registry() -> Registry {
    Registry::standard()
}
