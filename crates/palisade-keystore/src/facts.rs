//! What a certificate says, parsed once.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_lc_rs::digest;
use palisade_core::{CertificateSource, ClientCertificate, SubjectAltName};
use rustls_pki_types::CertificateDer;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::public_key::PublicKey;
use x509_parser::time::ASN1Time;
use x509_parser::x509::SubjectPublicKeyInfo;

use crate::{der, name};

/// A certificate that is no DER certificate of RFC 5280.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a well-formed X.509 certificate: {0}")]
pub struct BadCertificate(String);

/// The algorithm of a key, with its size.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyAlgorithm {
    /// RSA with a modulus of that many bits.
    Rsa(usize),
    /// ECDSA or ECDH on P-256.
    EcP256,
    /// ECDSA or ECDH on P-384.
    EcP384,
    /// ECDSA or ECDH on P-521.
    EcP521,
    /// `EdDSA` on Curve25519.
    Ed25519,
    /// Another algorithm, by its object identifier.
    Other(String),
}

impl fmt::Display for KeyAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rsa(bits) => write!(f, "RSA {bits}"),
            Self::EcP256 => f.write_str("EC P-256"),
            Self::EcP384 => f.write_str("EC P-384"),
            Self::EcP521 => f.write_str("EC P-521"),
            Self::Ed25519 => f.write_str("Ed25519"),
            Self::Other(oid) => f.write_str(oid),
        }
    }
}

/// What a certificate says.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CertificateFacts {
    /// The subject's distinguished name, printed for people (RFC 4514).
    pub subject: String,
    /// The issuer's distinguished name, printed for people (RFC 4514).
    pub issuer: String,
    /// The subject's distinguished name, DER.
    pub subject_der: Arc<[u8]>,
    /// The issuer's distinguished name, DER.
    pub issuer_der: Arc<[u8]>,
    /// The serial number, big-endian, without leading zeros.
    pub serial: Arc<[u8]>,
    /// Subject alternative names of the kinds that identify a peer.
    pub names: Vec<SubjectAltName>,
    /// Start of the validity.
    pub not_before: SystemTime,
    /// End of the validity.
    pub not_after: SystemTime,
    /// SHA-256 over the DER.
    pub fingerprint: [u8; 32],
    /// The algorithm and size of the public key.
    pub algorithm: KeyAlgorithm,
    /// Whether the certificate may issue others.
    pub is_ca: bool,
}

impl CertificateFacts {
    /// The fingerprint in lower-case hexadecimal.
    pub fn fingerprint_hex(&self) -> String {
        crate::hex(&self.fingerprint)
    }

    /// The serial number in lower-case hexadecimal.
    pub fn serial_hex(&self) -> String {
        crate::hex(&self.serial)
    }

    /// Whether the certificate names itself as its issuer.
    pub fn is_self_issued(&self) -> bool {
        self.subject_der == self.issuer_der
    }
}

/// Reads what a DER certificate says. Bytes behind the certificate are an error.
pub fn certificate_facts(der: &[u8]) -> Result<CertificateFacts, BadCertificate> {
    let certificate = parse(der)?;
    Ok(CertificateFacts {
        subject: name::print(certificate.subject()),
        issuer: name::print(certificate.issuer()),
        subject_der: certificate.subject().as_raw().into(),
        issuer_der: certificate.issuer().as_raw().into(),
        serial: serial_number(certificate.raw_serial()).into(),
        names: names(&certificate)?,
        not_before: instant(certificate.validity().not_before),
        not_after: instant(certificate.validity().not_after),
        fingerprint: fingerprint(der),
        algorithm: algorithm_of(certificate.public_key()),
        is_ca: certificate.is_ca(),
    })
}

/// Reads the facts of a client's certificate; `chain` is what the client presented, its own certificate first.
pub fn client_certificate(
    chain: &[CertificateDer<'_>],
    source: CertificateSource,
) -> Result<ClientCertificate, BadCertificate> {
    let (own, above) = chain
        .split_first()
        .ok_or_else(|| BadCertificate("the chain is empty".into()))?;
    let facts = certificate_facts(own)?;
    let mut certificate = ClientCertificate::new(own.as_ref(), source);
    certificate.intermediates = above.iter().map(|der| Arc::from(der.as_ref())).collect();
    certificate.subject = facts.subject;
    certificate.issuer = facts.issuer;
    certificate.issuer_der = facts.issuer_der;
    certificate.serial = facts.serial;
    certificate.not_before = facts.not_before;
    certificate.not_after = facts.not_after;
    certificate.names = facts.names;
    Ok(certificate)
}

/// SHA-256 over a certificate's DER.
pub fn fingerprint(der: &[u8]) -> [u8; 32] {
    let mut fingerprint = [0; 32];
    fingerprint.copy_from_slice(digest::digest(&digest::SHA256, der).as_ref());
    fingerprint
}

/// The bits of the public key, as a private key's other half shows them.
pub(crate) fn public_key_bits(der: &[u8]) -> Result<Vec<u8>, BadCertificate> {
    Ok(parse(der)?.public_key().subject_public_key.data.to_vec())
}

/// The DER `SubjectPublicKeyInfo` of a certificate.
pub(crate) fn spki(der: &[u8]) -> Result<Vec<u8>, BadCertificate> {
    Ok(parse(der)?.public_key().raw.to_vec())
}

fn parse(der: &[u8]) -> Result<X509Certificate<'_>, BadCertificate> {
    match X509Certificate::from_der(der) {
        Ok(([], certificate)) => Ok(certificate),
        Ok(_) => Err(BadCertificate("bytes follow it".into())),
        Err(error) => Err(BadCertificate(error.to_string())),
    }
}

fn names(certificate: &X509Certificate<'_>) -> Result<Vec<SubjectAltName>, BadCertificate> {
    let extension = certificate
        .subject_alternative_name()
        .map_err(|error| BadCertificate(error.to_string()))?;
    let Some(extension) = extension else {
        return Ok(Vec::new());
    };
    Ok(extension
        .value
        .general_names
        .iter()
        .filter_map(alternative_name)
        .collect())
}

/// Names of other kinds (directory names, registered identifiers, …) identify no peer here.
fn alternative_name(name: &GeneralName<'_>) -> Option<SubjectAltName> {
    Some(match name {
        GeneralName::DNSName(name) => SubjectAltName::Dns((*name).to_owned()),
        GeneralName::RFC822Name(name) => SubjectAltName::Email((*name).to_owned()),
        GeneralName::URI(uri) => SubjectAltName::Uri((*uri).to_owned()),
        GeneralName::IPAddress(bytes) => SubjectAltName::Ip(
            <[u8; 4]>::try_from(*bytes)
                .map(Into::into)
                .or_else(|_| <[u8; 16]>::try_from(*bytes).map(Into::into))
                .ok()?,
        ),
        _ => return None,
    })
}

/// A serial number without leading zeros.
pub(crate) fn serial_number(serial: &[u8]) -> &[u8] {
    match serial {
        [0, rest @ ..] if !rest.is_empty() => serial_number(rest),
        _ => serial,
    }
}

/// A date of a certificate or list.
pub(crate) fn instant(time: ASN1Time) -> SystemTime {
    let seconds = time.timestamp();
    let distance = Duration::from_secs(seconds.unsigned_abs());
    let shifted = if seconds < 0 {
        UNIX_EPOCH.checked_sub(distance)
    } else {
        UNIX_EPOCH.checked_add(distance)
    };
    shifted.unwrap_or(UNIX_EPOCH)
}

/// The algorithm and size of a public key.
pub(crate) fn algorithm_of(key: &SubjectPublicKeyInfo<'_>) -> KeyAlgorithm {
    let oid = key.algorithm.algorithm.to_id_string();
    let curve = || {
        key.algorithm
            .parameters
            .as_ref()?
            .as_oid()
            .ok()
            .map(|oid| oid.to_id_string())
    };
    match oid.as_str() {
        "1.2.840.113549.1.1.1" => KeyAlgorithm::Rsa(match key.parsed() {
            Ok(PublicKey::RSA(key)) => bits(key.modulus),
            _ => 0,
        }),
        "1.2.840.10045.2.1" => match curve().as_deref() {
            Some("1.2.840.10045.3.1.7") => KeyAlgorithm::EcP256,
            Some("1.3.132.0.34") => KeyAlgorithm::EcP384,
            Some("1.3.132.0.35") => KeyAlgorithm::EcP521,
            other => KeyAlgorithm::Other(other.unwrap_or(&oid).to_owned()),
        },
        "1.3.101.112" => KeyAlgorithm::Ed25519,
        _ => KeyAlgorithm::Other(oid),
    }
}

/// How many bits a number has, big-endian: a modulus need not fill its first byte.
fn bits(number: &[u8]) -> usize {
    let digits = der::without_leading_zeros(number);
    digits
        .first()
        .map_or(0, |first| digits.len() * 8 - first.leading_zeros() as usize)
}
