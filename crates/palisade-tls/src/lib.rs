//! TLS listeners with a floor, client certificates, and facts of each connection; the stage `tls-floor`.
//!
//! 1. Nothing older than TLS 1.2 is ever spoken. Versions, cipher suites and algorithms follow the settings; what a setting
//!    leaves nothing of, or what this build cannot do, is an error at the start.
//! 2. A client certificate is verified in the handshake, and its dates, its revocation and the trust in its issuer again at
//!    every request: a resumed session or a long-lived connection outlives none of them.
//! 3. A handshake that is not finished in time is cut off; others do not notice.
//! 4. What proxies say of clients, by the PROXY protocol or in fields, is believed only of the trusted ones.
//! 5. Keys, issuers and revocation lists are reloaded without dropping a connection.
//! 6. Facts are parsed once per connection and handed to each request.
//! 7. A head of HTTP/1 that says twice how long its body is reaches the service with the fact
//!    [`FramingConflict`](palisade_core::FramingConflict), although the library for HTTP/1 drops one of the fields.
//! 8. A client certificate that comes with a request and ends within thirty days is told in the log, once a day.
//!
//! With revocation lists given, a certificate that no list covers is refused, and so is everything below a list that is past its
//! `nextUpdate`. Certificates of X.509 version 1 are not accepted.
//!
//! What this does not protect against: a trusted proxy that lies; a client certificate's private key in other hands; denial of
//! service by sheer numbers of connections, which the server bounds.
//!
//! Behind a proxy: with `proxy-protocol=required` the fields of a request are the client's own, so `forwarded-header` and
//! `client-cert-header` are believed only where the PROXY header names a trusted proxy as the client. With TLS of its own the
//! listener takes the facts of its own handshake, and of the PROXY header the address alone.
//!
//! # Example
//!
//! The floor as a layer of its own:
//! ```
//! use std::convert::Infallible;
//! use std::sync::Arc;
//! use bytes::Bytes;
//! use http::{Request, Response, StatusCode};
//! use http_body_util::Full;
//! use palisade_core::{Connection, TlsSession, TlsVersion};
//! use palisade_tls::TlsFloor;
//! use tower::{ServiceBuilder, ServiceExt, service_fn};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() {
//! for (version, status) in [(TlsVersion::Tls13, StatusCode::OK), (TlsVersion::Tls12, StatusCode::FORBIDDEN)] {
//!     let inner = service_fn(|_: Request<Full<Bytes>>| async { Ok::<_, Infallible>(Response::new(Full::<Bytes>::default())) });
//!     let service = ServiceBuilder::new().layer(TlsFloor::new(TlsVersion::Tls13).layer()).service(inner);
//!     let mut request = Request::new(Full::default());
//!     // A listener puts these facts there.
//!     let (peer, local) = ("192.0.2.1:4711".parse().unwrap(), "192.0.2.9:8443".parse().unwrap());
//!     let connection = Connection::new("main", peer, local).with_tls(TlsSession::new(version, "TLS_AES_128_GCM_SHA256"));
//!     request.extensions_mut().insert(Arc::new(connection));
//!     assert_eq!(service.oneshot(request).await.unwrap().status(), status);
//! }
//! # }
//! ```

mod acceptor;
mod algorithms;
mod client_cert;
mod clients;
mod crl;
mod element;
mod ending;
mod failure;
mod fields;
mod floor;
mod forwarded;
mod framing;
mod keys;
mod listener;
mod old_crl;
mod presented;
mod protocol;
mod proxies;
mod proxy;
mod service;
mod settings;
mod stream;
mod suites;

pub use acceptor::Acceptor;
pub use client_cert::{BadClientCert, client_cert, xfcc};
pub use floor::{BelowFloor, TlsFloor, TlsFloorSettings};
pub use forwarded::{forwarded, x_forwarded_for};
pub use proxies::TrustedProxies;
pub use proxy::{BadProxyHeader, Proxied, parse as parse_proxy_header};
pub use service::{ConnectionFuture, ConnectionService};
pub use settings::{
    ClientAuth, ClientCertHeader, ForwardedHeader, ListenerSettings, ProxyProtocol, SniHosts, SniSettings,
    TlsSettings,
};
pub use stream::{ListenerStream, PeerInfo};
