use std::fmt::{self, Write as _};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::SystemTime;

use aws_lc_rs::digest;
use serde::Serialize;

/// A client certificate that was verified: chain, validity and revocation, when it was presented.
///
/// Compare certificates by [`fingerprint`](Self::fingerprint) or [`der`](Self::der), never by the printed names: their text is
/// not unique.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClientCertificate {
    /// The certificate itself, DER (RFC 5280).
    pub der: Arc<[u8]>,
    /// The certificates between it and the trust anchor, nearest first, DER.
    pub intermediates: Arc<[Arc<[u8]>]>,
    /// SHA-256 over [`der`](Self::der).
    pub fingerprint: [u8; 32],
    /// The subject's distinguished name, printed for people.
    pub subject: String,
    /// The issuer's distinguished name, printed for people.
    pub issuer: String,
    /// The issuer's distinguished name, DER.
    pub issuer_der: Arc<[u8]>,
    /// The serial number, big-endian, without leading zeros.
    pub serial: Arc<[u8]>,
    /// Start of the validity.
    pub not_before: SystemTime,
    /// End of the validity.
    pub not_after: SystemTime,
    /// Subject alternative names.
    pub names: Vec<SubjectAltName>,
    /// How it came here.
    pub source: CertificateSource,
}

impl ClientCertificate {
    /// A certificate of which only the bytes and their fingerprint are known: the names are empty, and it is not valid now. Whoever
    /// reads the bytes fills in the rest.
    pub fn new(der: impl Into<Arc<[u8]>>, source: CertificateSource) -> Self {
        let der = der.into();
        let mut fingerprint = [0; 32];
        fingerprint.copy_from_slice(digest::digest(&digest::SHA256, &der).as_ref());
        Self {
            der,
            intermediates: Arc::default(),
            fingerprint,
            subject: String::new(),
            issuer: String::new(),
            issuer_der: Arc::default(),
            serial: Arc::default(),
            not_before: SystemTime::UNIX_EPOCH,
            not_after: SystemTime::UNIX_EPOCH,
            names: Vec::new(),
            source,
        }
    }

    /// The fingerprint in lower-case hexadecimal.
    pub fn fingerprint_hex(&self) -> String {
        hex(&self.fingerprint)
    }

    /// The serial number in lower-case hexadecimal.
    pub fn serial_hex(&self) -> String {
        hex(&self.serial)
    }

    /// Whether `now` lies within the validity.
    pub fn is_valid_at(&self, now: SystemTime) -> bool {
        self.not_before <= now && now <= self.not_after
    }
}

impl fmt::Debug for ClientCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientCertificate")
            .field("subject", &self.subject)
            .field("fingerprint", &self.fingerprint_hex())
            .field("source", &self.source)
            .finish_non_exhaustive()
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            // Writing to a String cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
}

/// One subject alternative name (RFC 5280 section 4.2.1.6).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(tag = "type", content = "value", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum SubjectAltName {
    /// A host name.
    Dns(String),
    /// A mailbox.
    Email(String),
    /// A URI.
    Uri(String),
    /// An address.
    Ip(IpAddr),
}

/// How a client certificate came to this server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum CertificateSource {
    /// In the TLS handshake with the client.
    Handshake,
    /// From a trusted proxy, in the `Client-Cert` field (RFC 9440).
    ClientCertHeader,
    /// From a trusted proxy, in the `X-Forwarded-Client-Cert` field.
    Xfcc,
    /// From a trusted proxy, in the PROXY protocol.
    ProxyProtocol,
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::{CertificateSource, ClientCertificate};

    #[test]
    fn a_new_certificate_has_its_fingerprint_and_is_not_valid_until_told() {
        let mut certificate = ClientCertificate::new(*b"abc", CertificateSource::Handshake);
        assert_eq!(
            certificate.fingerprint_hex(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1);
        assert!(!certificate.is_valid_at(now));
        certificate.not_after = now;
        assert!(certificate.is_valid_at(now));
    }
}
