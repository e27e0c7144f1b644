//! The commands, each in its file.

mod check;
mod diff;
mod encrypt;
mod explain;
mod init;
mod keystore;
mod serve;

use std::sync::Arc;

use palisade::{Registry, StandardRegistry as _};
use palisade_config::{Config, Errors, Sources};
use palisade_core::SystemClock;
use palisade_endpoint::{Environment, Policy};
use palisade_server::settings::ServerSettings;

use crate::cli::{Command, Common, KeystoreCommand};
use crate::outcome::Outcome;
use crate::output::Output;

/// Runs a command.
pub(crate) fn run(common: &Common, command: Command, output: &mut Output) -> Outcome {
    match command {
        Command::Serve(arguments) => serve::run(common, &arguments, output),
        Command::Check(arguments) => check::run(common, &arguments, output),
        Command::Explain(arguments) => explain::run(common, &arguments, output),
        Command::Diff(arguments) => diff::run(common, &arguments, output),
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

/// Compiles the policy alone, without keystores and listeners. Errors of other settings are errors here too: a folder that
/// cannot be served explains nothing.
fn compile(sources: &Sources) -> Result<(Config, Policy), Errors> {
    let (config, mut errors) = Config::load(sources);
    let (_, found) = ServerSettings::read(&config);
    errors.extend(found);
    let environment = Environment::new(Arc::new(SystemClock::new()));
    match registry().compile(&config, &environment) {
        Ok(policy) => errors.into_result((config, policy)),
        Err(found) => {
            errors.extend(found);
            Err(errors)
        }
    }
}
