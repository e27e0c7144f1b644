//! The commands, each in its file.

mod api_key;
mod cert;
mod check;
mod diff;
mod directory;
mod encrypt;
mod explain;
mod hash_password;
mod init;
mod input;
mod keystore;
mod limits;
mod message;
mod new_files;
mod probe;
mod secrets;
mod serve;
mod test;
mod user;

use std::sync::Arc;

use palisade::{Registry, StandardRegistry as _};
use palisade_config::{Config, Errors, Sources};
use palisade_core::{
    BoxFuture, Clock, Fetch, FetchError, FetchRequest, Fetched, Replay, ReplayError, ReplayStore,
    SeenMessage, SharedFetch, SharedReplay, SystemClock,
};
use palisade_directory::{Directory, DirectorySource};
use palisade_endpoint::{Environment, Policy};
use palisade_server::settings::{ServerSettings, load_keystores};
use palisade_server::{Callers, CounterStores};

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
        Command::Cert(command) => cert::run(common, &command, output),
        Command::User(command) => user::run(common, &command, output),
        Command::ApiKey(command) => api_key::run(common, &command, output),
        Command::HashPassword(arguments) => hash_password::run(&arguments, output),
        Command::Limits(command) => limits::run(common, &command, output),
        Command::Message(command) => message::run(common, &command, output),
        Command::Probe(arguments) => probe::run(common, &arguments, output),
        Command::Test(arguments) => test::run(common, &arguments, output),
    }
}

/// The stages that operators can name.
fn registry() -> Registry {
    Registry::standard()
}

/// A policy without listeners, and what it was compiled with.
struct Compiled {
    config: Config,
    policy: Policy,
    directory: Option<Arc<Directory>>,
    settings: ServerSettings,
    /// The stores of counters that its limits name; none is open.
    counters: CounterStores,
}

/// Whether a database of users is asked who there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Database {
    Asked,
    /// It may be out of reach from here.
    LeftAlone,
}

/// Compiles the policy alone, without listeners. Errors of other settings are errors here too: a folder that cannot be served
/// explains nothing. Keystores that do not load are errors where a stage needs them, because folders are compared on machines
/// that have no keys.
fn compile(sources: &Sources, database: Database) -> Result<Compiled, Errors> {
    let (config, mut errors) = Config::load(sources);
    let (settings, found) = ServerSettings::read(&config);
    errors.extend(found);
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let counters = CounterStores::new(&config, &settings, Arc::clone(&clock));
    let mut environment = Environment::new(clock);
    let mut resources = environment.resources.with(Arc::new(SharedReplay::new(NoMemory)));
    let keystores = load_keystores(&config, &errors).map(Arc::new);
    let mut callers = Callers::unknown();
    if let Ok(keystores) = &keystores {
        resources = resources.with(Arc::clone(keystores));
        if settings.directory == DirectorySource::Config || database == Database::Asked {
            match Callers::load(&config, &settings, keystores) {
                Ok(loaded) => callers = loaded,
                Err(found) => errors.extend(found),
            }
        }
    }
    resources = resources.with(Arc::new(SharedFetch::new(NoFetch)));
    resources = counters.share(resources, &config, &settings, &mut errors);
    if let Some(directory) = &callers.directory {
        resources = resources.with(Arc::clone(directory));
    }
    environment.resources = resources;
    match (registry().compile(&config, &environment), keystores) {
        (Ok(policy), _) => errors.into_result(Compiled {
            config,
            policy,
            directory: callers.directory,
            settings,
            counters,
        }),
        (Err(found), Ok(_)) if errors.is_empty() => Err(found),
        // What could not be shared is told already, and not once more by each stage that asks for it.
        (Err(found), Ok(_)) => {
            errors.extend(found.causes());
            Err(errors)
        }
        (Err(found), Err(unloaded)) => {
            errors.extend(unloaded);
            errors.extend(found.causes());
            Err(errors)
        }
    }
}

/// Stages are built here and never run: nothing is fetched.
#[derive(Debug)]
struct NoFetch;

impl Fetch for NoFetch {
    fn fetch<'a>(&'a self, request: FetchRequest<'a>) -> BoxFuture<'a, Result<Fetched, FetchError>> {
        Box::pin(async move { Err(FetchError::new(request.url, "this is no server")) })
    }
}

/// Stages are built here and never run: no message is remembered, and the memory of a running server is left alone.
#[derive(Debug)]
struct NoMemory;

impl ReplayStore for NoMemory {
    fn burn<'a>(&'a self, _: SeenMessage<'a>) -> BoxFuture<'a, Result<Replay, ReplayError>> {
        Box::pin(async { Err(ReplayError::unavailable("this is no server")) })
    }
}
