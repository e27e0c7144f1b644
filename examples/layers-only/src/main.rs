//! Serves the router of this example with plain `axum::serve`.

use std::error::Error;
use std::io::Write;
use std::net::SocketAddr;

use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let address = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "127.0.0.1:8080".to_owned());
    let listener = TcpListener::bind(&address).await?;
    let url = format!("http://{}", listener.local_addr()?);
    let mut out = std::io::stdout();
    writeln!(out, "listening on {url}\n")?;
    writeln!(
        out,
        "accepted:              curl -i -H 'X-Partner: acme' {url}/hello"
    )?;
    writeln!(out, "refused, no partner:   curl -i {url}/hello")?;
    writeln!(
        out,
        "refused, faulty field: curl -i -H 'X-Partner: acme' -H 'X-HTTP-Method-Override: DELETE' {url}/hello"
    )?;
    writeln!(
        out,
        "refused, plain HTTP:   curl -i -H 'X-Partner: acme' {url}/vault"
    )?;
    let app = layers_only::app()?.into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, app).await?;
    Ok(())
}
