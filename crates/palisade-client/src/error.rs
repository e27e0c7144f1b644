//! Why a peer gave no answer.

use std::error::Error;
use std::fmt;
use std::io;
use std::sync::Arc;

use http::Uri;
use palisade_core::TlsVersion;
use rustls::{AlertDescription, PeerIncompatible};

use crate::stream::TlsEnd;

/// The cause of an error.
pub type BoxError = Box<dyn Error + Send + Sync>;

/// Why a peer gave no answer. The cause, down to the socket, is the [`source`](Error::source).
#[derive(Clone)]
pub struct ClientError(Arc<Inner>);

struct Inner {
    kind: ErrorKind,
    target: String,
    source: Option<BoxError>,
}

/// The kinds of [`ClientError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// No connection: the name is unknown, the port closed, the network down.
    Unreachable,
    /// No connection, TLS included, within the connect timeout.
    ConnectTimeout,
    /// No response head within the response timeout.
    ResponseTimeout,
    /// The peer cannot meet this TLS floor; nothing was sent.
    BelowFloor(TlsVersion),
    /// The peer's certificate does not verify; nothing was sent.
    NotTrusted,
    /// The peer wants a client certificate, or another one.
    ClientCertificateRefused,
    /// The TLS handshake failed in another way.
    Handshake,
    /// The target's scheme is not one this client may use.
    SchemeNotAllowed,
    /// The request cannot be sent: no absolute URI, or a method that is not supported.
    InvalidRequest,
    /// The connection broke while the request or the response head was under way, or the words before TLS.
    Broken,
    /// The mail server does not upgrade to TLS: it does not offer STARTTLS, refuses it, or turns clients away. Nothing but the
    /// question was sent.
    UpgradeRefused,
    /// The mail server sent more than its answers in the clear, so that it would count as said over TLS (CVE-2011-0411).
    Injected,
    /// What the peer says is not the protocol of its URL.
    NotTheProtocol,
    /// The connection is not configured, or no longer.
    NotConfigured,
}

impl ClientError {
    /// An error of a client that is built on one of these. `target` is the scheme, host and port of the peer, or its name.
    pub fn refused(kind: ErrorKind, target: impl Into<String>, source: Option<BoxError>) -> Self {
        Self(Arc::new(Inner {
            kind,
            target: target.into(),
            source,
        }))
    }

    pub(crate) fn new(kind: ErrorKind, target: &Uri, source: Option<BoxError>) -> Self {
        Self(Arc::new(Inner {
            kind,
            target: printed(target),
            source,
        }))
    }

    /// What the connector met: TLS, or what lies below.
    pub(crate) fn connecting(error: BoxError, target: &Uri, floor: TlsVersion) -> Self {
        let kind = match tls_error(error.as_ref()) {
            Some(tls) => kind_of_tls(tls, floor),
            None if timed_out(error.as_ref()) => ErrorKind::ConnectTimeout,
            None => ErrorKind::Unreachable,
        };
        Self::new(kind, target, Some(error))
    }

    /// What the pooled client met.
    pub(crate) fn exchanging(
        error: hyper_util::client::legacy::Error,
        target: &Uri,
        floor: TlsVersion,
    ) -> Self {
        if let Some(known) = error.source().and_then(|source| source.downcast_ref::<Self>()) {
            return known.clone();
        }
        let mut facts = http::Extensions::new();
        if let Some(connection) = error.connect_info() {
            connection.get_extras(&mut facts);
        }
        let remembered = facts.get::<TlsEnd>().and_then(TlsEnd::error);
        let kind = match remembered.or_else(|| tls_error(&error)) {
            Some(tls) => kind_of_tls(tls, floor),
            None if error.is_connect() => ErrorKind::Unreachable,
            None if error.source().is_none() => ErrorKind::InvalidRequest,
            None => ErrorKind::Broken,
        };
        Self::new(kind, target, Some(error.into()))
    }

    /// Of which kind this is.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The scheme, host and port of the peer.
    pub fn target(&self) -> &str {
        &self.0.target
    }

    /// Whether a time ran out, as opposed to the peer failing.
    pub fn is_timeout(&self) -> bool {
        matches!(
            self.0.kind,
            ErrorKind::ConnectTimeout | ErrorKind::ResponseTimeout
        )
    }
}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let target = &self.0.target;
        match self.0.kind {
            ErrorKind::Unreachable => write!(f, "cannot connect to {target}"),
            ErrorKind::ConnectTimeout => write!(f, "no connection to {target} within the connect timeout"),
            ErrorKind::ResponseTimeout => write!(f, "no response from {target} within the timeout"),
            ErrorKind::BelowFloor(floor) => {
                write!(
                    f,
                    "no connection to {target}: it cannot meet the TLS floor, {floor}"
                )
            }
            ErrorKind::NotTrusted => write!(f, "no connection to {target}: its certificate is not trusted"),
            ErrorKind::ClientCertificateRefused => {
                write!(
                    f,
                    "{target} does not accept this client's certificate, or asks for one"
                )
            }
            ErrorKind::Handshake => write!(f, "no connection to {target}: the TLS handshake failed"),
            ErrorKind::SchemeNotAllowed => write!(
                f,
                "{target}: only https, and http where it is allowed, can be used"
            ),
            ErrorKind::UpgradeRefused => {
                write!(f, "no connection to {target}: it does not upgrade to TLS")
            }
            ErrorKind::Injected => write!(
                f,
                "no connection to {target}: more than an answer came in the clear"
            ),
            ErrorKind::NotTheProtocol => {
                write!(f, "no connection to {target}: it speaks another protocol")
            }
            ErrorKind::NotConfigured => write!(f, "{target} is not configured"),
            ErrorKind::InvalidRequest => write!(f, "the request to {target} cannot be sent"),
            ErrorKind::Broken => write!(f, "the connection to {target} broke"),
        }
    }
}

impl fmt::Debug for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientError")
            .field("kind", &self.0.kind)
            .field("target", &self.0.target)
            .field("source", &self.0.source)
            .finish()
    }
}

impl Error for ClientError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0
            .source
            .as_deref()
            .map(|source| source as &(dyn Error + 'static))
    }
}

/// Scheme, host and port; a path or a user's name may be confidential.
fn printed(target: &Uri) -> String {
    let host = target.host().unwrap_or("(no host)");
    let port = target
        .port_u16()
        .map(|port| format!(":{port}"))
        .unwrap_or_default();
    format!("{}://{host}{port}", target.scheme_str().unwrap_or("(no scheme)"))
}

fn kind_of_tls(error: &rustls::Error, floor: TlsVersion) -> ErrorKind {
    use rustls::Error as E;
    match error {
        E::AlertReceived(AlertDescription::ProtocolVersion)
        | E::PeerIncompatible(
            PeerIncompatible::ServerDoesNotSupportTls12Or13
            | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig,
        ) => ErrorKind::BelowFloor(floor),
        E::InvalidCertificate(_) | E::NoCertificatesPresented | E::UnsupportedNameType => {
            ErrorKind::NotTrusted
        }
        E::AlertReceived(
            AlertDescription::CertificateRequired
            | AlertDescription::BadCertificate
            | AlertDescription::UnsupportedCertificate
            | AlertDescription::CertificateRevoked
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateUnknown
            | AlertDescription::UnknownCA
            | AlertDescription::AccessDenied,
        ) => ErrorKind::ClientCertificateRefused,
        _ => ErrorKind::Handshake,
    }
}

pub(crate) fn tls_error<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    causes(error).find_map(|cause| cause.downcast_ref())
}

/// Whether the operating system, or the part of the timeout that one address got, gave up on TCP.
fn timed_out(error: &(dyn Error + 'static)) -> bool {
    causes(error)
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .any(|cause| cause.kind() == io::ErrorKind::TimedOut)
}

/// An error and its causes. `io::Error` hides what it wraps from `source`.
fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error: &&'a (dyn Error + 'static)| {
        let error: &'a (dyn Error + 'static) = *error;
        match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(wrapped) => Some(wrapped as &'a (dyn Error + 'static)),
            None => error.source(),
        }
    })
}
