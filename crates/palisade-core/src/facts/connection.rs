use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;
use std::sync::Arc;

use serde::de::{self, Deserializer};
use serde::{Deserialize, Serialize, Serializer};

use super::{ClientAddress, ClientCertificate};

/// What is known of a connection; recorded once, when it is accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Connection {
    /// The listener's name.
    pub listener: Arc<str>,
    /// The other end of the TCP connection: the client, or a proxy.
    pub peer: SocketAddr,
    /// This end.
    pub local: SocketAddr,
    /// The client's address: the peer's, or what the PROXY protocol said.
    pub client: ClientAddress,
    /// The TLS session, made here or told by the PROXY protocol; `None` over plain HTTP.
    pub tls: Option<TlsSession>,
    /// The client's certificate, verified.
    pub certificate: Option<Arc<ClientCertificate>>,
    /// Whether clients of this listener can show a certificate: it asks for one in the handshake, or trusted proxies carry them.
    pub asks_for_certificates: bool,
}

impl Connection {
    /// A plain connection.
    pub fn new(listener: impl Into<Arc<str>>, peer: SocketAddr, local: SocketAddr) -> Self {
        Self {
            listener: listener.into(),
            peer,
            local,
            client: peer.into(),
            tls: None,
            certificate: None,
            asks_for_certificates: false,
        }
    }

    /// With another client than the peer.
    #[must_use]
    pub fn with_client(mut self, client: ClientAddress) -> Self {
        self.client = client;
        self
    }

    /// With a TLS session.
    #[must_use]
    pub fn with_tls(mut self, tls: TlsSession) -> Self {
        self.tls = Some(tls);
        self
    }

    /// At a listener whose clients can show certificates.
    #[must_use]
    pub fn asking_for_certificates(mut self) -> Self {
        self.asks_for_certificates = true;
        self
    }

    /// With a verified client certificate.
    #[must_use]
    pub fn with_certificate(mut self, certificate: Arc<ClientCertificate>) -> Self {
        self.certificate = Some(certificate);
        self
    }
}

/// What the TLS handshake agreed on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub struct TlsSession {
    /// The protocol version.
    pub version: TlsVersion,
    /// The IANA name of the cipher suite, such as `TLS_AES_128_GCM_SHA256`.
    pub cipher_suite: Arc<str>,
    /// The server name the client asked for (RFC 6066 section 3).
    pub server_name: Option<Arc<str>>,
    /// The application protocol (RFC 7301), such as `h2`.
    pub alpn: Option<Arc<str>>,
    /// Whether the session continues an earlier one, whose certificate checks were not repeated by the handshake.
    pub resumed: bool,
}

impl TlsSession {
    /// A full handshake with neither server name nor application protocol.
    pub fn new(version: TlsVersion, cipher_suite: impl Into<Arc<str>>) -> Self {
        Self {
            version,
            cipher_suite: cipher_suite.into(),
            server_name: None,
            alpn: None,
            resumed: false,
        }
    }
}

/// A version of SSL or TLS, oldest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TlsVersion {
    /// SSL 3.0, prohibited by RFC 7568.
    Ssl3,
    /// TLS 1.0, deprecated by RFC 8996.
    Tls10,
    /// TLS 1.1, deprecated by RFC 8996.
    Tls11,
    /// TLS 1.2, RFC 5246.
    Tls12,
    /// TLS 1.3, RFC 8446.
    Tls13,
}

impl TlsVersion {
    /// The oldest version that is ever negotiated here.
    pub const LOWEST_SERVED: Self = Self::Tls12;

    /// The name that settings use.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ssl3 => "SSLv3",
            Self::Tls10 => "TLSv1",
            Self::Tls11 => "TLSv1.1",
            Self::Tls12 => "TLSv1.2",
            Self::Tls13 => "TLSv1.3",
        }
    }
}

impl fmt::Display for TlsVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A text that names no version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected TLSv1.3, TLSv1.2, TLSv1.1, TLSv1 or SSLv3")]
pub struct ParseTlsVersionError(());

impl FromStr for TlsVersion {
    type Err = ParseTlsVersionError;

    /// Also reads `TLSv1.0` and `TLS 1.2`, without regard to case.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let word: String = text
            .chars()
            .filter(|c| !c.is_whitespace())
            .map(|c| c.to_ascii_lowercase())
            .collect();
        Ok(
            match word
                .trim_start_matches("tls")
                .trim_start_matches("ssl")
                .trim_start_matches('v')
            {
                "3" | "3.0" if word.starts_with("ssl") => Self::Ssl3,
                "1" | "1.0" if word.starts_with("tls") => Self::Tls10,
                "1.1" if word.starts_with("tls") => Self::Tls11,
                "1.2" if word.starts_with("tls") => Self::Tls12,
                "1.3" if word.starts_with("tls") => Self::Tls13,
                _ => return Err(ParseTlsVersionError(())),
            },
        )
    }
}

impl Serialize for TlsVersion {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for TlsVersion {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(|_| {
            de::Error::invalid_value(
                de::Unexpected::Str(&text),
                &"TLSv1.3, TLSv1.2, TLSv1.1, TLSv1 or SSLv3",
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::TlsVersion;

    #[rstest]
    #[case("TLSv1.2", Some(TlsVersion::Tls12))]
    #[case("tlsv1.3", Some(TlsVersion::Tls13))]
    #[case("TLS 1.2", Some(TlsVersion::Tls12))]
    #[case("TLSv1", Some(TlsVersion::Tls10))]
    #[case("SSLv3", Some(TlsVersion::Ssl3))]
    #[case("SSLv1.2", None)]
    #[case("1.2", None)]
    #[case("TLSv1.4", None)]
    #[case("", None)]
    fn versions_are_read_by_name(#[case] text: &str, #[case] version: Option<TlsVersion>) {
        assert_eq!(text.parse().ok(), version);
    }

    #[test]
    fn versions_are_ordered_by_age() {
        assert!(TlsVersion::Ssl3 < TlsVersion::Tls10 && TlsVersion::Tls11 < TlsVersion::Tls12);
        assert!(TlsVersion::Tls12 < TlsVersion::Tls13);
    }
}
