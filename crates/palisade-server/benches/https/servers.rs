//! The servers.

use std::io::Read as _;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use axum_server::tls_rustls::RustlsConfig;
use http::{HeaderValue, StatusCode};
use palisade_access::Access;
use palisade_config::Sources;
use palisade_endpoint::Registry;
use palisade_headers::HeaderRules;
use palisade_identity::Authentication;
use palisade_ip_filter::IpFilter;
use palisade_server::Server;
use palisade_tls::TlsFloor;
use rustls::SupportedProtocolVersion;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use crate::client::Client;
use crate::{glued, token};

/// Addresses that are admitted, and those that are not. The client's are the first.
pub(crate) const ALLOWED: &str = "127.0.0.0/8,::1/128";
pub(crate) const DENIED: &str = "192.0.2.0/24,2001:db8::/32";

/// One of the servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Axum alone.
    Bare,
    /// Behind checks that need not know who is calling.
    Guarded,
    /// Behind a whole head policy.
    Bearer,
    /// Behind what others publish.
    Glued,
}

impl Kind {
    /// All of them; the others are compared with the first.
    pub(crate) const ALL: [Self; 4] = [Self::Bare, Self::Guarded, Self::Bearer, Self::Glued];

    /// The name on the command line, and of the profile.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Bare => "bare",
            Self::Guarded => "guarded",
            Self::Bearer => "bearer",
            Self::Glued => "glued",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// What the table calls it.
    pub(crate) const fn title(self) -> &'static str {
        match self {
            Self::Bare => "bare axum",
            Self::Guarded => "guarded",
            Self::Bearer => "with a bearer token",
            Self::Glued => "glued by hand",
        }
    }

    /// The most that it may cost, as a ratio to bare axum.
    pub(crate) const fn goal(self) -> Option<f64> {
        match self {
            Self::Bare | Self::Glued => None,
            Self::Guarded => Some(1.2),
            Self::Bearer => Some(1.35),
        }
    }

    /// Stops unless it refuses what it is there to refuse, and nothing else.
    pub(crate) fn prove(self, client: &mut Client, credentials: &HeaderValue) {
        let unproven = match self {
            Self::Bare | Self::Guarded => StatusCode::OK,
            Self::Bearer | Self::Glued => StatusCode::UNAUTHORIZED,
        };
        assert_eq!(client.status(None), unproven, "{self:?}");
        let unsigned = token::unsigned(credentials);
        assert_eq!(client.status(Some(&unsigned)), unproven, "{self:?}");
        assert_eq!(client.status(Some(credentials)), StatusCode::OK, "{self:?}");
    }
}

/// The configuration: what all have in common, and a profile for each guarded server. Connections wait for their next round as
/// long as it takes.
pub(crate) fn files() -> [(&'static str, String); 3] {
    let common = format!(
        "\
palisade.keystores.server.location=server.pem
palisade.listeners.main.bind=127.0.0.1:0
palisade.listeners.main.tls.key-alias=server
palisade.listeners.main.header-read-timeout=10m
palisade.admin.enabled=false
palisade.endpoints[0].webservices=Orders
palisade.endpoints[0].operations=Find
palisade.endpoints[0].interceptors=${{guards}}
palisade.interceptors.Head.tls-floor.minimum-version=TLSv1.3
palisade.interceptors.Head.ip-filter.allow={ALLOWED}
palisade.interceptors.Head.ip-filter.deny={DENIED}
palisade.interceptors.Head.headers.require=X-Partner
palisade.interceptors.Head.headers.block=X-Debug-*
"
    );
    let bearer = format!(
        "\
guards=Head,Callers
palisade.interceptors.Callers.authentication.schemes=bearer
palisade.interceptors.Callers.authentication.bearer.issuer={}
palisade.interceptors.Callers.authentication.bearer.audience={}
palisade.interceptors.Callers.authentication.bearer.algorithms=RS256
palisade.interceptors.Callers.authentication.bearer.jwks-file={}
palisade.interceptors.Callers.access.read=role:auditor,scope:{}
",
        token::ISSUER,
        token::AUDIENCE,
        token::KEYS,
        token::SCOPE
    );
    [
        ("application.properties", common),
        ("application-guarded.properties", "guards=Head\n".to_owned()),
        ("application-bearer.properties", bearer),
    ]
}

/// What all of them serve.
pub(crate) fn app() -> Router {
    Router::new().route("/server/rest/Orders/Find", get(|| async { r#"{"orders":[]}"# }))
}

/// Serves until the other process goes away.
pub(crate) fn run(kind: Kind, folder: &Path) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let address = match kind {
            Kind::Bare | Kind::Glued => unguarded(kind, folder).await,
            Kind::Guarded | Kind::Bearer => guarded(kind, folder).await,
        };
        super::println(format_args!("{address}"));
        let wait = tokio::task::spawn_blocking(|| std::io::stdin().read(&mut [0; 1]));
        let _ = wait.await;
    });
}

async fn guarded(kind: Kind, folder: &Path) -> SocketAddr {
    let registry = Registry::new()
        .with::<TlsFloor>()
        .with::<IpFilter>()
        .with::<HeaderRules>()
        .with::<Authentication>()
        .with::<Access>();
    let mut sources = Sources::new(folder);
    sources.profiles.push(kind.name().to_owned());
    let server = Server::load(sources, registry).unwrap_or_else(|errors| panic(&errors.to_string()));
    let handle = server.handle();
    tokio::spawn(server.serve(app()));
    let bindings = handle.listening().await.expect("the server listens");
    *bindings.listeners.get("main").expect("a listener")
}

/// Axum as its documentation serves it over TLS.
async fn unguarded(kind: Kind, folder: &Path) -> SocketAddr {
    let versions = match kind {
        Kind::Glued => &[&rustls::version::TLS13],
        _ => rustls::DEFAULT_VERSIONS,
    };
    let handle = axum_server::Handle::new();
    let server = axum_server::bind_rustls(
        SocketAddr::from(([127, 0, 0, 1], 0)),
        RustlsConfig::from_config(Arc::new(tls(folder, versions))),
    )
    .handle(handle.clone());
    match kind {
        Kind::Glued => {
            let app = glued::app(folder).into_make_service_with_connect_info::<SocketAddr>();
            tokio::spawn(server.serve(app))
        }
        _ => tokio::spawn(server.serve(app().into_make_service())),
    };
    handle.listening().await.expect("the server listens")
}

fn tls(folder: &Path, versions: &[&'static SupportedProtocolVersion]) -> rustls::ServerConfig {
    let pem = std::fs::read(folder.join("server.pem")).unwrap();
    let chain: Vec<_> = CertificateDer::pem_slice_iter(&pem).map(Result::unwrap).collect();
    let key = PrivateKeyDer::from_pem_slice(&pem).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = rustls::ServerConfig::builder_with_provider(provider).with_protocol_versions(versions);
    let builder = builder.unwrap().with_no_client_auth();
    let mut config = builder.with_single_cert(chain, key).unwrap();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    config
}

#[expect(clippy::panic, reason = "a measurement that cannot be set up must stop")]
fn panic(errors: &str) -> ! {
    panic!("{errors}")
}
