//! The two servers.

use std::io::Read as _;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use axum_server::tls_rustls::RustlsConfig;
use palisade_config::Sources;
use palisade_endpoint::Registry;
use palisade_headers::HeaderRules;
use palisade_ip_filter::IpFilter;
use palisade_server::Server;
use palisade_tls::TlsFloor;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

/// A group with a whole head policy.
pub(crate) const PROPERTIES: &str = "\
palisade.keystores.server.location=server.pem
palisade.listeners.main.bind=127.0.0.1:0
palisade.listeners.main.tls.key-alias=server
palisade.admin.enabled=false
palisade.endpoints[0].webservices=Orders
palisade.endpoints[0].operations=Find
palisade.endpoints[0].interceptors=Head
palisade.interceptors.Head.tls-floor.minimum-version=TLSv1.3
palisade.interceptors.Head.ip-filter.allow=127.0.0.0/8,::1
palisade.interceptors.Head.ip-filter.deny=192.0.2.0/24,2001:db8::/32
palisade.interceptors.Head.headers.require=X-Partner
palisade.interceptors.Head.headers.block=X-Debug-*
";

fn app() -> Router {
    Router::new().route("/server/rest/Orders/Find", get(|| async { r#"{"orders":[]}"# }))
}

/// Serves until the other process goes away.
pub(crate) fn run(kind: &str, folder: &Path) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let address = match kind {
            "bare" => bare(folder).await,
            _ => guarded(folder).await,
        };
        super::println(format_args!("{address}"));
        let wait = tokio::task::spawn_blocking(|| std::io::stdin().read(&mut [0; 1]));
        let _ = wait.await;
    });
}

async fn guarded(folder: &Path) -> SocketAddr {
    let registry = Registry::new()
        .with::<TlsFloor>()
        .with::<IpFilter>()
        .with::<HeaderRules>();
    let server =
        Server::load(Sources::new(folder), registry).unwrap_or_else(|errors| panic(&errors.to_string()));
    let handle = server.handle();
    tokio::spawn(server.serve(app()));
    let bindings = handle.listening().await.expect("the server listens");
    *bindings.listeners.get("main").expect("a listener")
}

async fn bare(folder: &Path) -> SocketAddr {
    let pem = std::fs::read(folder.join("server.pem")).unwrap();
    let chain: Vec<_> = CertificateDer::pem_slice_iter(&pem).map(Result::unwrap).collect();
    let key = PrivateKeyDer::from_pem_slice(&pem).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let mut config = builder
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let handle = axum_server::Handle::new();
    let server = axum_server::bind_rustls(
        SocketAddr::from(([127, 0, 0, 1], 0)),
        RustlsConfig::from_config(Arc::new(config)),
    );
    tokio::spawn(server.handle(handle.clone()).serve(app().into_make_service()));
    handle.listening().await.expect("the server listens")
}

#[expect(clippy::panic, reason = "a measurement that cannot be set up must stop")]
fn panic(errors: &str) -> ! {
    panic!("{errors}")
}
