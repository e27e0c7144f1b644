//! Why no connection comes about.

use std::fmt;
use std::io;

use palisade_core::TlsVersion;
use palisade_keystore::{Certificate, certificate_facts};
use rustls::{AlertDescription, CertificateError, PeerIncompatible};
use rustls_pki_types::CertificateDer;

/// Why no connection would come about.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// The name has no address, or nobody answers there; in words.
    Unreachable(String),
    /// It took longer than it may.
    TimedOut,
    /// What answers does not speak TLS, or not the protocol; in words.
    NotSpoken(String),
    /// The peer does not upgrade the connection to TLS; in words.
    NotUpgraded(String),
    /// The peer cannot meet this floor.
    BelowFloor(TlsVersion),
    /// The peer accepts no suite, group or signature of those that are offered.
    NothingInCommon,
    /// The handshake fails in another way; in words.
    Handshake(String),
    /// The peer's certificate has ended.
    Expired,
    /// The peer's certificate is not valid yet.
    NotYetValid,
    /// No authority that is trusted vouches for the peer; in words.
    NotTrusted(String),
    /// The peer's certificate has other names.
    OtherName,
}

impl Fault {
    /// A stable word for it.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Unreachable(_) => "unreachable",
            Self::TimedOut => "timed-out",
            Self::NotSpoken(_) => "tls-not-spoken",
            Self::NotUpgraded(_) => "not-upgraded",
            Self::BelowFloor(_) => "below-floor",
            Self::NothingInCommon => "nothing-in-common",
            Self::Handshake(_) => "handshake-failed",
            Self::Expired => "certificate-expired",
            Self::NotYetValid => "certificate-not-yet-valid",
            Self::NotTrusted(_) => "not-trusted",
            Self::OtherName => "name-mismatch",
        }
    }

    /// What an error of a socket says.
    pub(super) fn of_io(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => Self::TimedOut,
            io::ErrorKind::UnexpectedEof => Self::Handshake("the peer closed the connection".to_owned()),
            io::ErrorKind::ConnectionReset => Self::Handshake("the peer reset the connection".to_owned()),
            _ => Self::Handshake(error.to_string()),
        }
    }

    /// What an error of TLS says, that is not about the certificate.
    pub(super) fn of_tls(error: &rustls::Error, floor: TlsVersion) -> Self {
        use rustls::Error as E;
        match error {
            E::AlertReceived(AlertDescription::ProtocolVersion)
            | E::PeerIncompatible(
                PeerIncompatible::ServerDoesNotSupportTls12Or13
                | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig,
            ) => Self::BelowFloor(floor),
            E::AlertReceived(AlertDescription::HandshakeFailure | AlertDescription::InsufficientSecurity)
            | E::PeerIncompatible(_) => Self::NothingInCommon,
            E::AlertReceived(AlertDescription::UnrecognisedName) => {
                Self::Handshake("the peer does not know the server's name".to_owned())
            }
            E::AlertReceived(alert) => Self::Handshake(format!("the peer ends it with the alert {alert:?}")),
            E::InvalidMessage(_) => Self::NotSpoken("what answers is no TLS".to_owned()),
            other => Self::Handshake(other.to_string()),
        }
    }

    /// What a verification of a chain says.
    pub(super) fn of_chain(error: &rustls::Error, chain: &[CertificateDer<'static>]) -> Self {
        use CertificateError as C;
        let words = match error {
            rustls::Error::InvalidCertificate(error) => match error {
                C::UnknownIssuer => unknown_issuer(chain),
                C::Expired | C::ExpiredContext { .. } => "a certificate of the chain has ended".to_owned(),
                C::NotValidYet | C::NotValidYetContext { .. } => {
                    "a certificate of the chain is not valid yet".to_owned()
                }
                C::BadSignature => "a signature does not fit its issuer's key".to_owned(),
                C::BadEncoding => "a certificate cannot be read".to_owned(),
                C::InvalidPurpose | C::InvalidPurposeContext { .. } => {
                    "a certificate is not for servers".to_owned()
                }
                C::UnhandledCriticalExtension => {
                    "a certificate has a critical extension that nobody knows".to_owned()
                }
                C::UnsupportedSignatureAlgorithmContext { .. }
                | C::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => {
                    "a certificate is signed with an algorithm that is not accepted".to_owned()
                }
                C::Other(other) => of_other(&other.to_string(), chain),
                other => format!("{other:?}"),
            },
            rustls::Error::NoCertificatesPresented => "the peer presents no certificate".to_owned(),
            other => other.to_string(),
        };
        Self::NotTrusted(words)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable(words) => write!(f, "nobody answers: {words}"),
            Self::TimedOut => f.write_str("there is no answer within the timeout"),
            Self::NotSpoken(words) | Self::NotUpgraded(words) => f.write_str(words),
            Self::BelowFloor(floor) => write!(f, "the peer cannot meet the floor, {floor}"),
            Self::NothingInCommon => {
                f.write_str("the peer accepts no cipher suite, group or signature that is offered")
            }
            Self::Handshake(words) => write!(f, "the handshake fails: {words}"),
            Self::Expired => f.write_str("the certificate has ended"),
            Self::NotYetValid => f.write_str("the certificate is not valid yet"),
            Self::NotTrusted(words) => write!(f, "the chain is not trusted: {words}"),
            Self::OtherName => f.write_str("the certificate is not for this name"),
        }
    }
}

/// What the library has no word of its own for.
fn of_other(words: &str, chain: &[CertificateDer<'static>]) -> String {
    if words.contains("CaUsedAsEndEntity") {
        let own = chain.first().and_then(|own| certificate_facts(own).ok());
        return if own.is_some_and(|own| own.is_self_issued()) {
            "the server presents an authority's own certificate, self-signed, and not one for a server"
        } else {
            "the server presents an authority's certificate, and not one for a server"
        }
        .to_owned();
    }
    words.to_owned()
}

/// Where a chain ends that leads to nobody trusted.
fn unknown_issuer(chain: &[CertificateDer<'static>]) -> String {
    let read = chain
        .iter()
        .filter_map(|der| Certificate::from_der(der.clone()).ok());
    let read: Vec<Certificate> = read.collect();
    let Some(own) = read.first() else {
        return "its certificate cannot be read".to_owned();
    };
    if own.facts().is_self_issued() {
        return "its certificate is self-signed, and not among those that are trusted".to_owned();
    }
    // Upwards, in whatever order they were sent.
    let mut top = own;
    for _ in &read {
        match read.iter().find(|above| *above != top && top.is_issued_by(above)) {
            Some(above) => top = above,
            None => break,
        }
    }
    let facts = top.facts();
    if facts.is_self_issued() {
        format!("it ends at {}, whom nobody here trusts", facts.subject)
    } else if top == own && read.len() == 1 {
        format!(
            "{} issued it, who is not trusted here; the server sends no certificate of that issuer",
            facts.issuer
        )
    } else {
        format!(
            "it ends at a certificate of {}, who is not trusted here",
            facts.issuer
        )
    }
}
