//! Why a connection came to nothing: for the log and the counters, never for the peer.

use std::io;
use std::net::SocketAddr;

use palisade_keystore::BadCertificate;
use rustls::Error as TlsError;

/// Why a connection came to nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error("the handshake took too long")]
    Timeout,
    #[error("the connection is gone: {0}")]
    Gone(io::Error),
    #[error("{0} is no trusted proxy, and only those may connect")]
    UntrustedProxy(SocketAddr),
    #[error("no usable PROXY header: {0}")]
    ProxyHeader(io::Error),
    #[error("TLS handshake: {0}")]
    Handshake(io::Error),
    #[error("the handshake settled neither version nor cipher suite")]
    Unsettled,
    #[error("client certificate: {0}")]
    Certificate(BadCertificate),
}

impl Failure {
    pub(crate) fn record(&self, listener: &str) {
        let reason = self.reason();
        metrics::counter!("palisade_tls_handshake_failures_total", "listener" => listener.to_owned(), "reason" => reason).increment(1);
        match self {
            Self::UntrustedProxy(_) | Self::ProxyHeader(_) => {
                tracing::warn!(target: "palisade::tls", listener, reason, cause = %self, "connection refused");
            }
            _ => {
                tracing::info!(target: "palisade::tls", listener, reason, cause = %self, "connection refused");
            }
        }
    }

    /// A stable label.
    fn reason(&self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::Gone(_) => "gone",
            Self::UntrustedProxy(_) => "untrusted-proxy",
            Self::ProxyHeader(_) => "proxy-header",
            Self::Unsettled => "other",
            Self::Certificate(_) => "certificate",
            Self::Handshake(error) => {
                match error.get_ref().and_then(|cause| cause.downcast_ref::<TlsError>()) {
                    None => "gone",
                    Some(TlsError::InvalidCertificate(_) | TlsError::InvalidCertRevocationList(_)) => {
                        "certificate"
                    }
                    Some(TlsError::NoCertificatesPresented) => "certificate-missing",
                    Some(TlsError::PeerIncompatible(_)) => "incompatible",
                    Some(TlsError::NoApplicationProtocol) => "application-protocol",
                    Some(
                        TlsError::InvalidMessage(_)
                        | TlsError::InappropriateMessage { .. }
                        | TlsError::PeerMisbehaved(_),
                    ) => "malformed",
                    Some(TlsError::AlertReceived(_)) => "refused-by-peer",
                    Some(TlsError::General(_)) => "server-name",
                    Some(_) => "other",
                }
            }
        }
    }
}

impl From<Failure> for io::Error {
    fn from(failure: Failure) -> Self {
        let kind = match &failure {
            Failure::Timeout => io::ErrorKind::TimedOut,
            Failure::UntrustedProxy(_) => io::ErrorKind::PermissionDenied,
            Failure::Gone(error) | Failure::ProxyHeader(error) | Failure::Handshake(error) => error.kind(),
            Failure::Unsettled | Failure::Certificate(_) => io::ErrorKind::InvalidData,
        };
        Self::new(kind, failure)
    }
}
