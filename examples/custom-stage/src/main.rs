//! Serves a router guarded by the stage of this example.

use std::error::Error;
use std::io::Write;

use axum::Router;
use axum::routing::get;
use palisade::Server;
use palisade::config::Sources;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/config");
    let server = Server::load(Sources::from_process(folder), custom_stage::registry())?.observe()?;
    let app = Router::new()
        .route("/server/rest/Orders/Get", get(|| async { "an order\n" }))
        .route("/server/rest/Archive/Get", get(|| async { "an old order\n" }));
    let mut out = std::io::stdout();
    writeln!(
        out,
        "accepted:               curl -i http://127.0.0.1:8081/server/rest/Orders/Get"
    )?;
    writeln!(
        out,
        "refused, always closed: curl -i http://127.0.0.1:8081/server/rest/Archive/Get"
    )?;
    server.serve(app).await?;
    Ok(())
}
