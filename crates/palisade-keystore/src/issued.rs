//! Whether an authority issued a certificate, each reason against it by its own name.
//!
//! 1. The certificate names its issuer, and the issuer's key made its signature, by an algorithm that is not broken.
//! 2. The issuer is an authority (RFC 5280 section 4.2.1.9) that may sign certificates (section 4.2.1.3).
//! 3. Both are valid now.
//! 4. The certificate is of version 3 and no authority's, its key is one that TLS takes (RSA from 2048 bits), and its extended key
//!    usage allows what it is used for (section 4.2.1.12).
//! 5. Once no reason of these is left, the verifier of a listener has the last word: name constraints, path lengths, critical
//!    extensions and whatever else it looks at.
//!
//! What it does not protect against: revocation is not looked at, and a listener may have `tls.disabled-algorithms`. This tells an
//! operator what is wrong with a certificate that is registered; a listener verifies every chain anew.

mod listener;

use std::time::SystemTime;

use x509_parser::error::X509Error;
use x509_parser::oid_registry::{OID_PKCS1_SHA1WITHRSA, OID_SHA1_WITH_RSA};
use x509_parser::prelude::{FromDer as _, X509Certificate};
use x509_parser::x509::{AlgorithmIdentifier, X509Version};

use crate::authority::Purpose;
use crate::entry::Certificate;
use crate::facts::KeyAlgorithm;
use crate::public_key::{BadPublicKey, PublicKey, SHORTEST_RSA};

/// Why a certificate does not count as issued by an authority.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotIssued {
    /// It names another issuer.
    #[error("it names `{named}` as its issuer, not `{issuer}`")]
    OtherIssuer {
        /// The issuer it names.
        named: String,
        /// The issuer it was checked against.
        issuer: String,
    },
    /// None of the trusted issuers is above it.
    #[error("`{named}`, which issued it, is none of the trusted issuers ({})", trusted.join("; "))]
    UnknownIssuer {
        /// The issuer at which its chain ends.
        named: String,
        /// The subjects of the trusted issuers.
        trusted: Vec<String>,
    },
    /// An extension of it or its issuer cannot be read.
    #[error("an extension of it, or of its issuer, is malformed")]
    Malformed,
    /// It is signed over a digest that is broken.
    #[error("it is signed with SHA-1, which is broken")]
    WeakSignature,
    /// It is signed by an algorithm that is not supported.
    #[error(
        "the algorithm of its signature is not supported (supported: RSA and RSA-PSS, ECDSA on P-256 and P-384, with SHA-2; Ed25519)"
    )]
    UnsupportedSignature,
    /// The issuer's key did not make its signature.
    #[error(
        "its signature is not that of `{issuer}`: another authority of the same name issued it, or it was altered"
    )]
    BadSignature {
        /// The issuer.
        issuer: String,
    },
    /// The issuer is no authority.
    #[error("`{issuer}`, which issued it, is no certificate authority")]
    IssuerIsNoAuthority {
        /// The issuer.
        issuer: String,
    },
    /// The issuer is an authority, and not for certificates.
    #[error("`{issuer}`, which issued it, may not sign certificates: its key usage lacks keyCertSign")]
    IssuerMayNotSign {
        /// The issuer.
        issuer: String,
    },
    /// The issuer has expired, or is not valid yet.
    #[error("the certificate of `{issuer}`, which issued it, is not valid now")]
    IssuerNotValid {
        /// The issuer.
        issuer: String,
    },
    /// The issuer's RSA key is too short to trust its signatures.
    #[error("`{issuer}`, which issued it, has an RSA key of {bits} bits: {SHORTEST_RSA} are the least")]
    IssuerKeyTooShort {
        /// The issuer.
        issuer: String,
        /// The length of its modulus.
        bits: usize,
    },
    /// It is of a version before extensions, which no listener takes.
    #[error("it is of X.509 version {version}, and listeners take version 3 alone: have it issued anew")]
    OldVersion {
        /// Its version.
        version: u32,
    },
    /// Its RSA key is too short for a handshake.
    #[error("its RSA key has {bits} bits, and {SHORTEST_RSA} are the least: no handshake succeeds with it")]
    KeyTooShort {
        /// The length of its modulus.
        bits: usize,
    },
    /// Its key is no good for a handshake.
    #[error("no handshake succeeds with it: {0}")]
    BadKey(BadPublicKey),
    /// The verifier of a listener refuses it.
    #[error("a listener refuses it: {0}")]
    Refused(String),
    /// It is not valid yet.
    #[error("it is not valid yet")]
    NotYetValid,
    /// It has expired.
    #[error("it has expired")]
    Expired,
    /// It is an authority's own.
    #[error("it is the certificate of an authority, which nobody calls with")]
    IsAuthority,
    /// Its extended key usage does not have `clientAuth`.
    #[error("it is not for clients: its extended key usage lacks clientAuth")]
    NotForClients,
    /// Its extended key usage does not have `serverAuth`.
    #[error("it is not for servers: its extended key usage lacks serverAuth")]
    NotForServers,
}

/// Checks that `issuer` issued a certificate, and that it is good for its purpose now.
pub fn check_issued_by(
    certificate: &Certificate,
    issuer: &Certificate,
    purpose: Purpose,
    now: SystemTime,
) -> Result<(), NotIssued> {
    check_link(certificate, issuer, now)?;
    check_own(certificate, purpose, now)?;
    listener::verify(certificate, &[], issuer, purpose, now).map_err(NotIssued::Refused)
}

/// Checks that a certificate leads to one of the trusted issuers, by way of those that stand beside it; returns that issuer.
///
/// Where a trusted issuer has the name that a certificate gives, no other way is tried.
pub fn check_chain<'a>(
    certificate: &Certificate,
    beside: &[Certificate],
    trusted: &'a [Certificate],
    purpose: Purpose,
    now: SystemTime,
) -> Result<&'a Certificate, NotIssued> {
    let mut current = certificate;
    let mut left: Vec<&Certificate> = beside.iter().collect();
    let issuer = loop {
        let mut fault = None;
        let mut candidates = trusted.iter().filter(|issuer| names(current, issuer));
        let found = candidates.find(|issuer| match check_link(current, issuer, now) {
            Ok(()) => true,
            Err(error) => {
                fault = Some(error);
                false
            }
        });
        if let Some(issuer) = found {
            break issuer;
        }
        if let Some(fault) = fault {
            return Err(fault);
        }
        let Some(next) = left.iter().position(|issuer| names(current, issuer)) else {
            return Err(NotIssued::UnknownIssuer {
                named: current.facts().issuer.clone(),
                trusted: trusted
                    .iter()
                    .map(|issuer| issuer.facts().subject.clone())
                    .collect(),
            });
        };
        let next = left.swap_remove(next);
        check_link(current, next, now)?;
        current = next;
    };
    check_own(certificate, purpose, now)?;
    listener::verify(certificate, beside, issuer, purpose, now).map_err(NotIssued::Refused)?;
    Ok(issuer)
}

fn names(certificate: &Certificate, issuer: &Certificate) -> bool {
    certificate.facts().issuer_der == issuer.facts().subject_der
}

/// Rules 1 to 3, as far as they concern the issuer.
fn check_link(certificate: &Certificate, issuer: &Certificate, now: SystemTime) -> Result<(), NotIssued> {
    let name = || issuer.facts().subject.clone();
    if !names(certificate, issuer) {
        return Err(NotIssued::OtherIssuer {
            named: certificate.facts().issuer.clone(),
            issuer: name(),
        });
    }
    let (own, above) = (parsed(certificate)?, parsed(issuer)?);
    let constraints = above.basic_constraints().map_err(|_| NotIssued::Malformed)?;
    if !constraints.is_some_and(|constraints| constraints.value.ca) {
        return Err(NotIssued::IssuerIsNoAuthority { issuer: name() });
    }
    let usage = above.key_usage().map_err(|_| NotIssued::Malformed)?;
    if usage.is_some_and(|usage| !usage.value.key_cert_sign()) {
        return Err(NotIssued::IssuerMayNotSign { issuer: name() });
    }
    if is_weak(&own.signature_algorithm) {
        return Err(NotIssued::WeakSignature);
    }
    if let Some(bits) = too_short(&issuer.facts().algorithm) {
        return Err(NotIssued::IssuerKeyTooShort { issuer: name(), bits });
    }
    own.verify_signature(Some(above.public_key()))
        .map_err(|error| match error {
            X509Error::SignatureUnsupportedAlgorithm => NotIssued::UnsupportedSignature,
            _ => NotIssued::BadSignature { issuer: name() },
        })?;
    if now < issuer.facts().not_before || now > issuer.facts().not_after {
        return Err(NotIssued::IssuerNotValid { issuer: name() });
    }
    Ok(())
}

/// How many bits an RSA key has, where they are too few.
pub(crate) fn too_short(algorithm: &KeyAlgorithm) -> Option<usize> {
    match algorithm {
        KeyAlgorithm::Rsa(bits) => (*bits < SHORTEST_RSA).then_some(*bits),
        KeyAlgorithm::EcP256
        | KeyAlgorithm::EcP384
        | KeyAlgorithm::EcP521
        | KeyAlgorithm::Ed25519
        | KeyAlgorithm::Other(_) => None,
    }
}

/// Rules 3 and 4, as far as they concern the certificate itself.
fn check_own(certificate: &Certificate, purpose: Purpose, now: SystemTime) -> Result<(), NotIssued> {
    if now < certificate.facts().not_before {
        return Err(NotIssued::NotYetValid);
    }
    if now > certificate.facts().not_after {
        return Err(NotIssued::Expired);
    }
    if certificate.facts().is_ca {
        return Err(NotIssued::IsAuthority);
    }
    let own = parsed(certificate)?;
    if own.version() != X509Version::V3 {
        let version = own.version().0.saturating_add(1);
        return Err(NotIssued::OldVersion { version });
    }
    if let Some(bits) = too_short(&certificate.facts().algorithm) {
        return Err(NotIssued::KeyTooShort { bits });
    }
    PublicKey::from_spki("certificate", own.public_key().raw).map_err(NotIssued::BadKey)?;
    let usage = own.extended_key_usage().map_err(|_| NotIssued::Malformed)?;
    match (usage, purpose) {
        (Some(usage), Purpose::Client) if !usage.value.client_auth => Err(NotIssued::NotForClients),
        (Some(usage), Purpose::Server) if !usage.value.server_auth => Err(NotIssued::NotForServers),
        _ => Ok(()),
    }
}

fn parsed(certificate: &Certificate) -> Result<X509Certificate<'_>, NotIssued> {
    X509Certificate::from_der(certificate.der())
        .map(|(_, parsed)| parsed)
        .map_err(|_| NotIssued::Malformed)
}

/// Whether a signature is made over SHA-1, which the library would accept.
pub(crate) fn is_weak(algorithm: &AlgorithmIdentifier<'_>) -> bool {
    algorithm.algorithm == OID_PKCS1_SHA1WITHRSA || algorithm.algorithm == OID_SHA1_WITH_RSA
}
