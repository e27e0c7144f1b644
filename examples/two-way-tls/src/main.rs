//! The two-way table at work: certificates, passwords, tokens and API keys, at a listener that asks for certificates and at one that
//! does not.
//!
//! Run it with `./examples/run two-way-tls`, and paste the lines it prints. A folder as the first argument is read in place of
//! this example's `config`.

mod demo;
mod lines;
mod routes;
mod tokens;

use std::error::Error;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use palisade::config::Sources;
use palisade::{Registry, Server, StandardRegistry};

use crate::lines::Lines;

#[tokio::main]
async fn main() -> Result<ExitCode, Box<dyn Error>> {
    let default = concat!(env!("CARGO_MANIFEST_DIR"), "/config");
    let folder = std::env::args_os()
        .nth(1)
        .map_or_else(|| PathBuf::from(default), PathBuf::from);
    let demo = demo::prepare(&folder)?;

    let server = match Server::load(Sources::from_process(&folder), Registry::standard()) {
        Ok(server) => server.observe()?,
        Err(errors) => {
            writeln!(std::io::stderr(), "{errors}")?;
            return Ok(ExitCode::from(2));
        }
    };
    let handle = server.handle();
    let serving = tokio::spawn(server.serve(routes::router()));
    if let Some(bindings) = handle.listening().await
        && let Some(&asking) = bindings.listeners.get("asking")
        && let Some(&silent) = bindings.listeners.get("silent")
    {
        let lines = Lines {
            config: folder.join("application.properties"),
            demo,
            asking,
            silent,
        };
        lines.print(&mut std::io::stdout())?;
    }
    serving.await??;
    Ok(ExitCode::SUCCESS)
}
