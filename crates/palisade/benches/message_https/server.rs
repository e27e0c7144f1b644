//! The server: as an application would serve an axum router with Palisade.

use std::io::Read as _;
use std::path::Path;

use axum::Router;
use axum::routing::{get, post};
use palisade::config::Sources;
use palisade::{Registry, Server, StandardRegistry as _};

/// The route that is measured: everything on.
pub(crate) const SECURED: &str = "/server/rest/Payments/Order";
/// The same without replay protection, so that a load can send one message again and again.
pub(crate) const LOADED: &str = "/server/rest/Payments/Load";
/// A route without message security that takes and gives the same bytes.
pub(crate) const CLEAR: &str = "/server/rest/Status/Echo";
/// A route without message security.
pub(crate) const PLAIN: &str = "/server/rest/Status/Get";

pub(crate) const PROPERTIES: &str = "\
palisade.keystores.keys.location=.
palisade.listeners.main.bind=127.0.0.1:0
palisade.listeners.main.tls.key-alias=server
palisade.admin.enabled=false
palisade.replay.store=memory
palisade.endpoints[0].operations=Order
palisade.endpoints[0].interceptors=Secured
palisade.endpoints[1].operations=Load
palisade.endpoints[1].interceptors=Loaded
palisade.endpoints[2].webservices=Status
palisade.endpoints[2].interceptors=Plain
palisade.interceptors.Plain.tls-floor.minimum-version=TLSv1.2
palisade.interceptors.Secured.request.decryption.enabled=true
palisade.interceptors.Secured.request.decryption.key-alias=us
palisade.interceptors.Secured.request.signature.enabled=true
palisade.interceptors.Secured.request.signature.key-alias=partner
palisade.interceptors.Secured.request.timestamp.enabled=true
palisade.interceptors.Secured.response.signature.enabled=true
palisade.interceptors.Secured.response.signature.key-alias=us
palisade.interceptors.Secured.response.encryption.enabled=true
palisade.interceptors.Secured.response.encryption.key-alias=partner
palisade.interceptors.Secured.response.timestamp.enabled=true
palisade.interceptors.Loaded.request.replay-protection=false
palisade.interceptors.Loaded.request.decryption.enabled=true
palisade.interceptors.Loaded.request.decryption.key-alias=us
palisade.interceptors.Loaded.request.signature.enabled=true
palisade.interceptors.Loaded.request.signature.key-alias=partner
palisade.interceptors.Loaded.request.timestamp.enabled=true
palisade.interceptors.Loaded.response.signature.enabled=true
palisade.interceptors.Loaded.response.signature.key-alias=us
palisade.interceptors.Loaded.response.encryption.enabled=true
palisade.interceptors.Loaded.response.encryption.key-alias=partner
palisade.interceptors.Loaded.response.timestamp.enabled=true
";

/// Serves until the other process goes away. The answer of a message is as long as its request.
pub(crate) fn run(folder: &Path) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let echo =
            || post(|body: axum::body::Bytes| async { ([("content-type", "application/json")], body) });
        let app = Router::new()
            .route(SECURED, echo())
            .route(LOADED, echo())
            .route(CLEAR, echo())
            .route(PLAIN, get(|| async { r#"{"status":"up"}"# }));
        let server = Server::load(Sources::new(folder), Registry::standard())
            .unwrap_or_else(|errors| panic(&errors.to_string()));
        let handle = server.handle();
        tokio::spawn(server.serve(app));
        let bindings = handle.listening().await.expect("the server listens");
        let address = bindings.listeners.get("main").expect("a listener");
        super::println(format_args!("{address}"));
        let _ = tokio::task::spawn_blocking(|| std::io::stdin().read(&mut [0; 1])).await;
    });
}

#[expect(clippy::panic, reason = "a measurement that cannot be set up must stop")]
fn panic(errors: &str) -> ! {
    panic!("{errors}")
}
