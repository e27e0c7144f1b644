//! Palisade: small tower layers, composed per route by endpoint groups that operators write in property files.
//!
//! Two ways lead in:
//!
//! - **As plain layers**, without any configuration: `IpFilter`, `HeaderRules`, `Limits`, `Authentication`, `Access` and `TlsFloor` are ordinary
//!   [`tower_layer::Layer`]s for a router or a route.
//! - **As a server**: [`Server`] reads a folder of property files, opens its listeners, and guards an axum router, or an upstream,
//!   by its endpoint groups.
//!
//! Each stage is behind a feature of its own, all on by default. A setting whose stage is left out stops the start.
//!
//! # Plain layers
//! ```
//! use axum::{Router, body::Body, routing::get};
//! use http::{Request, StatusCode};
//! use palisade::HeaderRules;
//! use tower::ServiceExt;
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let rules = HeaderRules::builder().require(["X-Partner"]).build()?;
//! let app: Router = Router::new().route("/", get(|| async { "hello" })).layer(rules.layer());
//! let request = |partner: Option<&str>| {
//!     let request = Request::builder().uri("/").header("host", "localhost");
//!     partner.into_iter().fold(request, |request, name| request.header("x-partner", name)).body(Body::empty())
//! };
//! assert_eq!(app.clone().oneshot(request(Some("acme"))?).await?.status(), StatusCode::OK);
//! assert_eq!(app.oneshot(request(None)?).await?.status(), StatusCode::BAD_REQUEST);
//! # Ok(()) }
//! ```

mod connect_info;

pub use connect_info::{ConnectInfoFacts, ConnectInfoLayer};
#[cfg(feature = "access")]
pub use palisade_access::{self as access, Access};
pub use palisade_client as client;
pub use palisade_config as config;
pub use palisade_core as core;
pub use palisade_core::{
    ClientCertificate, Connection, EndpointName, MatchedGroup, MessageTimes, PeerAddr, Principal, RequestId,
    SecuredMessage, StageKind, TlsSession, TlsVersion,
};
pub use palisade_directory::{self as directory, Directory};
pub use palisade_endpoint as endpoint;
pub use palisade_endpoint::{EndpointGroupsLayer, Policy, PolicyHandle, Registry};
#[cfg(feature = "headers")]
pub use palisade_headers::{self as headers, HeaderRules};
#[cfg(feature = "identity")]
pub use palisade_identity::{self as identity, Authentication};
#[cfg(feature = "ip-filter")]
pub use palisade_ip_filter::{self as ip_filter, IpFilter};
#[cfg(feature = "jose")]
pub use palisade_jose::{self as jose, ClientMessageSecurity, MessageSecurity};
pub use palisade_keystore as keystore;
#[cfg(feature = "limits")]
pub use palisade_limits::{self as limits, Limits};
pub use palisade_server as server;
pub use palisade_server::{Connections, OutboundConnection, Server};
pub use palisade_store as store;
pub use palisade_tls as tls;
pub use palisade_tls::TlsFloor;
#[cfg(feature = "validation")]
pub use palisade_validation::{self as validation, Validation};

/// The registry of every stage that is compiled in.
pub trait StandardRegistry {
    /// Every stage that is compiled in; add your own with [`Registry::with`].
    ///
    /// ```
    /// use palisade::{Registry, StandardRegistry};
    ///
    /// assert!(Registry::standard().roots().contains(&"headers"));
    /// ```
    fn standard() -> Registry;
}

impl StandardRegistry for Registry {
    fn standard() -> Registry {
        let registry = Registry::new();
        #[cfg(feature = "tls-floor")]
        let registry = registry.with::<palisade_tls::TlsFloor>();
        #[cfg(feature = "ip-filter")]
        let registry = registry.with::<palisade_ip_filter::IpFilter>();
        #[cfg(feature = "headers")]
        let registry = registry.with::<palisade_headers::HeaderRules>();
        #[cfg(feature = "identity")]
        let registry = registry.with::<palisade_identity::Authentication>();
        #[cfg(feature = "access")]
        let registry = registry.with::<palisade_access::Access>();
        // Before amounts are read in the same phase.
        #[cfg(feature = "validation")]
        let registry = registry.with::<palisade_validation::Validation>();
        #[cfg(feature = "limits")]
        let registry = registry.with::<palisade_limits::Limits>();
        #[cfg(feature = "jose")]
        let registry = registry
            .with::<palisade_jose::MessageSecurity>()
            .with_client::<palisade_jose::ClientMessageSecurity>();
        registry
    }
}
