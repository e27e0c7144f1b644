//! Facts of an exchange: plain types that travel in request extensions.
//!
//! | fact | put there by |
//! |---|---|
//! | `Arc<`[`Connection`]`>` with its [`TlsSession`] | the acceptor |
//! | [`ClientAddress`] | the listener, where a trusted proxy names another client than the peer |
//! | `Arc<`[`ClientCertificate`]`>` | the listener, where a trusted proxy carries it in a header |
//! | [`BodyOnGet`] | the pipeline, where a `GET` or `HEAD` request has a body |
//! | [`FramingConflict`] | the listener, where the head of an HTTP/1 request is in doubt about its body |
//! | [`RequestId`] | the server, or the first pipeline that refuses |
//! | [`WireUri`] | the endpoint groups, below a router that cuts paths |
//! | [`EndpointName`] | a route that declares its web service and operation in code |
//! | [`MatchedGroup`] | the endpoint groups |
//! | [`Principal`] | the stage `authentication` |
//! | [`SecuredMessage`], [`MessageTimes`] | message security |
//!
//! Read them with [`client_address`], [`tls_session`] and [`client_certificate`], which know where to look, or in an axum handler
//! with the extractors (feature `axum`).

mod address;
mod certificate;
mod connection;
mod exchange;
#[cfg(feature = "axum")]
mod extract;
mod framing;
mod message;

pub use address::{ClientAddress, PeerAddr};
pub use certificate::{CertificateSource, ClientCertificate, SubjectAltName};
pub use connection::{Connection, ParseTlsVersionError, TlsSession, TlsVersion};
pub use exchange::{EndpointName, MatchedGroup, Principal, RequestId, WireUri};
#[cfg(feature = "axum")]
pub use extract::FactMissing;
pub use framing::{BodyOnGet, FramingConflict};
pub use message::{MessageTimes, SecuredMessage};

use std::sync::Arc;

use http::{Extensions, HeaderName, request};

/// The field in which a tenant names the user it acts for. No handler ever sees it.
pub const X_ON_BEHALF_OF: HeaderName = HeaderName::from_static("x-on-behalf-of");

/// The path of the request as it came over the wire.
pub fn wire_path(head: &request::Parts) -> &str {
    head.extensions
        .get::<WireUri>()
        .map_or_else(|| head.uri.path(), |uri| uri.0.path())
}

/// The address of the client, as far as it is known: behind a trusted proxy the one it names, else the peer's.
pub fn client_address(facts: &Extensions) -> ClientAddress {
    if let Some(address) = facts.get::<ClientAddress>() {
        return *address;
    }
    facts
        .get::<Arc<Connection>>()
        .map_or(ClientAddress::Unknown, |connection| connection.client)
}

/// The TLS session of the connection; `None` over plain HTTP.
pub fn tls_session(facts: &Extensions) -> Option<&TlsSession> {
    facts.get::<TlsSession>().or_else(|| {
        facts
            .get::<Arc<Connection>>()
            .and_then(|connection| connection.tls.as_ref())
    })
}

/// The client's certificate: the one a trusted proxy carried for this request, else the one of the handshake.
pub fn client_certificate(facts: &Extensions) -> Option<&Arc<ClientCertificate>> {
    facts.get::<Arc<ClientCertificate>>().or_else(|| {
        facts
            .get::<Arc<Connection>>()
            .and_then(|connection| connection.certificate.as_ref())
    })
}
