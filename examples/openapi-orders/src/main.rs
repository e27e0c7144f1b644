//! A service that takes orders, behind an OpenAPI document that somebody else wrote: the POS API of Apideck.
//!
//! Run it with `./examples/run openapi-orders`, and paste the lines it prints. A folder as the first argument is read in place of
//! this example's `config`. The service itself is in `orders.rs`.

mod lines;
mod orders;
mod prepare;
mod store;
mod tokens;

use std::env::args_os;
use std::error::Error;
use std::ffi::OsString;
use std::io::{Write, stderr, stdout};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use palisade::config::Sources;
use palisade::{Registry, Server, StandardRegistry};

type Failure = Box<dyn Error>;

/// What a process says that could not do what it was asked.
const FAILED: u8 = 2;

fn main() -> Result<ExitCode, Failure> {
    let arguments: Vec<OsString> = args_os().skip(1).collect();
    match arguments.first() {
        // The command is built in, so that nobody waits for another build.
        Some(first) if first == "palisade" => Ok(palisade_cli::run(arguments)),
        Some(folder) => serve(Path::new(folder)),
        None => serve(&PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/config"))),
    }
}

/// Serves until it is told to stop. Once it listens, it prints what to paste.
#[tokio::main]
async fn serve(folder: &Path) -> Result<ExitCode, Failure> {
    prepare::prepare(folder)?;
    let server = match Server::load(Sources::from_process(folder), Registry::standard()) {
        Ok(server) => server.observe()?,
        Err(errors) => {
            writeln!(stderr(), "{errors}")?;
            return Ok(ExitCode::from(FAILED));
        }
    };
    let handle = server.handle();
    let serving = tokio::spawn(server.serve(orders::router()));
    if let Some(bindings) = handle.listening().await
        && let Some(&main) = bindings.listeners.get("main")
    {
        lines::print(&mut stdout(), folder, main)?;
    }
    serving.await??;
    Ok(ExitCode::SUCCESS)
}
