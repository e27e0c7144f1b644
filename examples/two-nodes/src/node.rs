//! One of the nodes: what a team would write, and nothing about limits.

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use axum::Router;
use axum::response::Json;
use axum::routing::{get, post};
use palisade::config::Sources;
use palisade::{Principal, Registry, Server, StandardRegistry};
use serde_json::{Value, json};

use crate::{FAILED, Failure};

/// Serves as the node of that name until it is told to stop, or killed. Once it listens, it prints where.
#[tokio::main]
pub(crate) async fn serve(folder: &Path, name: &str) -> Result<ExitCode, Failure> {
    let mut sources = Sources::from_process(folder);
    sources.profiles = vec!["demo".to_owned(), name.to_owned()];
    let server = match Server::load(sources, Registry::standard()) {
        Ok(server) => server.observe()?,
        Err(errors) => {
            writeln!(std::io::stderr(), "{errors}")?;
            return Ok(ExitCode::from(FAILED));
        }
    };
    let handle = server.handle();
    let serving = tokio::spawn(server.serve(router(name)));
    if let Some(bindings) = handle.listening().await
        && let (Some(main), Some(admin)) = (bindings.listeners.get("main"), bindings.admin)
    {
        writeln!(std::io::stdout(), "{} {}", main.port(), admin.port())?;
    }
    serving.await??;
    Ok(ExitCode::SUCCESS)
}

/// Each answer says which node it is from, and whom that sees.
fn router(name: &str) -> Router {
    let node = name.to_owned();
    let answer = move |caller: Option<Principal>| async move { answer(&node, caller.as_ref()) };
    Router::new()
        .route("/server/rest/Orders/List", get(answer.clone()))
        .route("/server/rest/Payments/Pay", post(answer.clone()))
        .route("/server/rest/Catalogue/List", get(answer))
}

fn answer(node: &str, caller: Option<&Principal>) -> Json<Value> {
    Json(json!({ "node": node, "caller": caller.map(|caller| &caller.subject) }))
}
