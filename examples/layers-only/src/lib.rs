//! The stages as plain tower layers in a router: no configuration, no server of ours.
//!
//! Each stage is an ordinary layer, so it goes wherever axum takes one: around the whole router, around one route, or into a
//! `ServiceBuilder`. `axum::serve` knows the peer's address only when it is asked to, and [`ConnectInfoLayer`] hands it on.

use std::error::Error;

use axum::Router;
use axum::routing::get;
use palisade::{ConnectInfoLayer, HeaderRules, IpFilter, PeerAddr, TlsFloor, TlsVersion};

/// The router: `/hello` for local clients that name their partner, `/vault` for TLS 1.3 alone.
pub fn app() -> Result<Router, Box<dyn Error>> {
    let local = IpFilter::builder()
        .allow(["127.0.0.0/8", "::1"])?
        .deny(["127.0.0.13"])?
        .build()?;
    let headers = HeaderRules::builder()
        .require(["X-Partner"])
        .remove_from_response(["Server"])
        .build()?;

    Ok(Router::new()
        .route(
            "/hello",
            get(|PeerAddr(client): PeerAddr| async move { format!("hello, {client}\n") }),
        )
        // This route alone asks for TLS 1.3; over plain HTTP nobody reaches it.
        .route(
            "/vault",
            get(|| async { "gold\n" }).layer(TlsFloor::new(TlsVersion::Tls13).layer()),
        )
        // Layers added later run earlier: facts, then the address, then the fields.
        .layer(headers.layer())
        .layer(local.layer())
        .layer(ConnectInfoLayer))
}
