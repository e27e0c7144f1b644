//! Outbound connections: a TLS floor, explicit trust, pooled HTTPS, and mail servers.
//!
//! 1. The floor holds for every `https` target; a peer that cannot meet it gets no connection, and the error says so.
//! 2. The connect timeout spans name resolution, TCP and the TLS handshake.
//! 3. HTTP/2 or HTTP/1.1 is agreed on by ALPN; `http` is refused unless allowed.
//! 4. Each error has a kind, and its source down to the socket.
//! 5. The pooled client is a tower service from [`http::Request`] to [`http::Response`], so that the stages of a client interceptor
//!    go around it as a layer ([`palisade_core::outbound`]). It follows no redirect. `ReqwestService` (feature `reqwest`) makes
//!    such a service of reqwest.
//! 6. Mail servers are spoken to over TLS or not at all: at once, or after STARTTLS ([`mail`]).
//! 7. The cryptography is aws-lc-rs, passed by hand; a default installed by another library changes nothing.
//! 8. Whether a connection would come about, and why not, is found out beforehand by a [`probe`], which sends nothing.
//!
//! What it does not protect against: the revocation of a server's certificate is not looked up; an `http` target, where
//! allowed, is in the clear; a body that stalls after the response's head is its reader's to bound.
//!
//! # Example
//!
//! A peer that speaks no TLS gets no request:
//!
//! ```
//! use bytes::Bytes;
//! use http::Request;
//! use http_body_util::Full;
//! use palisade_client::{ClientBuilder, ErrorKind};
//! use palisade_core::TlsVersion;
//! use tower::ServiceExt;
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let client = ClientBuilder::new().minimum_version(TlsVersion::Tls13).build::<Full<Bytes>>()?;
//! let nobody = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?; // closed at once
//!
//! let request = Request::get(format!("https://{nobody}/orders")).body(Full::default())?;
//! let refused = client.clone().oneshot(request).await.unwrap_err();
//! assert_eq!(refused.kind(), ErrorKind::Unreachable);
//!
//! let request = Request::get(format!("http://{nobody}/orders")).body(Full::default())?;
//! let refused = client.oneshot(request).await.unwrap_err();
//! assert_eq!(refused.kind(), ErrorKind::SchemeNotAllowed);
//! # Ok(())
//! # }
//! ```

mod client;
mod connector;
mod error;
mod fetch;
pub mod mail;
pub mod probe;
#[cfg(feature = "reqwest")]
mod reqwest;
mod settings;
mod stream;
mod tls;

pub use client::{ClientBuilder, UpstreamClient, UpstreamFuture};
pub use connector::{ConnectFuture, HttpsConnector};
pub use error::{BoxError, ClientError, ErrorKind};
pub use fetch::HttpsFetch;
pub use mail::{MailConnector, MailProtocol, MailStream, MailUrl, ParseMailUrlError};
#[cfg(feature = "reqwest")]
pub use reqwest::{ReqwestFuture, ReqwestService};
pub use settings::ClientTlsSettings;
pub use stream::Stream;
pub use tls::TlsSetupError;
