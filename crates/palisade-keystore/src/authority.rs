//! A certificate authority: it issues certificates, and revokes them.
//!
//! 1. An authority is a root with a path length of 0: it issues certificates of clients and servers, never of authorities
//!    (RFC 5280 section 4.2.1.9).
//! 2. A certificate has a random serial number of 126 bits, begins five minutes back (clocks differ), and never outlives its
//!    authority.
//! 3. What it says is the operator's decision: of a signing request the key alone is taken, once its signature has shown that
//!    the requester has the private half.
//! 4. Its key usage is `digitalSignature`; a client's has what message security needs to encrypt a response to it besides:
//!    `keyEncipherment` with RSA, `keyAgreement` with EC (section 4.2.1.3).
//! 5. What is made is verified before it is handed out.
//! 6. A revocation list says when the next one is due, has a number that grows, and is the only record of what is revoked.
//!
//! What it does not protect against: whoever reads `ca.key` in the clear, or has its password, issues what they like; keep it from
//! the servers, which need `ca.crt` and `ca.crl` alone. A list that is not renewed before it is due makes listeners refuse
//! everybody. Entries of certificates that have expired are kept for good.
//!
//! # Example
//!
//! ```
//! use std::time::{Duration, SystemTime};
//! use palisade_keystore::{
//!     Authority, AuthorityFolder, CertificateRequest, NewAuthority, NotIssued, Purpose, Revocation, RevocationReason, Subject,
//!     check_issued_by,
//! };
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let temporary = tempfile::tempdir()?;
//! let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
//! let (year, month) = (Duration::from_hours(365 * 24), Duration::from_hours(30 * 24));
//! let authority = Authority::create(&NewAuthority::new("Example CA", year * 10), now)?;
//! let folder = AuthorityFolder::new(temporary.path().join("ca"));
//! folder.create(&authority, None, now, month)?;
//!
//! let issued = authority.issue(&CertificateRequest::client(Subject::new("alice").of("acme"), year), now)?;
//! assert_eq!(issued.certificate.facts().subject, "CN=alice,O=acme");
//! check_issued_by(&issued.certificate, authority.certificate(), Purpose::Client, now)?;
//! let refused = check_issued_by(&issued.certificate, authority.certificate(), Purpose::Server, now);
//! assert_eq!(refused, Err(NotIssued::NotForServers));
//!
//! let serial = issued.certificate.facts().serial.to_vec();
//! let revocation = Revocation { serial, at: now, reason: RevocationReason::KeyCompromise };
//! let list = folder.revoke(&authority, std::slice::from_ref(&revocation), now, month)?;
//! assert_eq!(list.entries(), [revocation]);
//! # Ok(())
//! # }
//! ```

pub(crate) mod beside;
mod error;
mod files;
mod request;
mod revocation;
mod signer;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_lc_rs::rand;
use rcgen::{
    BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyIdMethod, KeyUsagePurpose,
    SerialNumber, SubjectPublicKeyInfo,
};
use time::OffsetDateTime;
use x509_parser::prelude::{FromDer as _, ParsedExtension, X509Certificate};

pub use self::error::AuthorityError;
pub use self::files::AuthorityFolder;
pub use self::request::{BadRequest, CertificateRequest, KeySource, Purpose, SigningRequest, Subject};
pub use self::revocation::{BadList, Revocation, RevocationList, RevocationReason};
use self::signer::Signer;
use crate::entry::{Certificate, KeyEntry};
use crate::facts::KeyAlgorithm;
use crate::issued::check_issued_by;
use crate::private_key::{KeyKind, PrivateKey};
use crate::public_key::PublicKey;

/// How far back certificates begin: clocks of peers may be behind.
const BACK: Duration = Duration::from_mins(5);

/// An authority that is to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewAuthority {
    /// Its name.
    pub subject: Subject,
    /// How long it is valid.
    pub valid_for: Duration,
    /// The kind of its key.
    pub key: KeyKind,
}

impl NewAuthority {
    /// An authority of that common name, with a key on P-256.
    pub fn new(name: impl Into<String>, valid_for: Duration) -> Self {
        Self {
            subject: Subject::new(name),
            valid_for,
            key: KeyKind::default(),
        }
    }
}

/// A certificate authority, with its private key.
#[derive(Debug)]
pub struct Authority {
    entry: KeyEntry,
    certificate: Certificate,
}

/// A certificate that was issued.
#[derive(Debug)]
pub struct Issued {
    /// The certificate.
    pub certificate: Certificate,
    /// Its private key; `None` where the requester has it. There is no other copy.
    pub key: Option<PrivateKey>,
}

impl Authority {
    /// Makes an authority: a self-signed certificate and its key.
    pub fn create(new: &NewAuthority, now: SystemTime) -> Result<Self, AuthorityError> {
        let key = PrivateKey::generate(new.key)?;
        let mut params = CertificateParams::default();
        params.distinguished_name = new.subject.name()?;
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.serial_number = Some(serial()?);
        let ends = end(now, new.valid_for)?;
        params.not_before = date(now.checked_sub(BACK).unwrap_or(UNIX_EPOCH))?;
        params.not_after = date(ends)?;
        let made = params
            .self_signed(&Signer::new(&key)?)
            .map_err(|error| signing(&error))?;
        let certificate = Certificate::from_der(made.der().clone())
            .map_err(|error| AuthorityError::Signing(error.to_string()))?;
        let (entry, _) = KeyEntry::assemble("ca", key, vec![certificate]).map_err(AuthorityError::Store)?;
        Self::from_entry(entry)
    }

    /// Takes a key and its certificate for an authority, if they may be one.
    fn from_entry(entry: KeyEntry) -> Result<Self, AuthorityError> {
        let Some(certificate) = entry.certificate().cloned() else {
            return Err(AuthorityError::NoAuthority {
                subject: "the key".to_owned(),
                reason: "there is no certificate",
            });
        };
        let reason = if Signer::new(entry.key()).is_err() {
            Some(
                "its key is of a kind that signs no certificates here (supported: RSA, EC P-256, P-384, Ed25519)",
            )
        } else {
            may_not_issue(&certificate)
        };
        match reason {
            None => Ok(Self { entry, certificate }),
            Some(reason) => Err(AuthorityError::NoAuthority {
                subject: certificate.facts().subject.clone(),
                reason,
            }),
        }
    }

    /// The authority's own certificate.
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// The authority's certificate, and those above it where it is no root.
    pub fn chain(&self) -> &[Certificate] {
        self.entry.chain()
    }

    /// Issues a certificate, and makes its key unless the request brings one.
    pub fn issue(&self, request: &CertificateRequest, now: SystemTime) -> Result<Issued, AuthorityError> {
        let own = self.certificate.facts();
        if now < own.not_before || now >= own.not_after {
            return Err(AuthorityError::NotValid {
                subject: own.subject.clone(),
            });
        }
        let (key, public) = match &request.key {
            KeySource::New(kind) => {
                let key = PrivateKey::generate(*kind)?;
                let public = key.public_key("new").map_err(|_| BadRequest::Key)?;
                (Some(key), public)
            }
            KeySource::Requested(requested) => (None, requested.public_key().clone()),
        };
        let certificate = self.sign(request, &public, now)?;
        check_issued_by(&certificate, &self.certificate, request.purpose, now)
            .map_err(AuthorityError::NotIssued)?;
        Ok(Issued { certificate, key })
    }

    fn sign(
        &self,
        request: &CertificateRequest,
        public: &PublicKey,
        now: SystemTime,
    ) -> Result<Certificate, AuthorityError> {
        let own = self.certificate.facts();
        let mut params = CertificateParams::default();
        params.distinguished_name = request.subject.name()?;
        params.subject_alt_names = request::alternative_names(&request.names)?;
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = key_usages(request.purpose, public.algorithm());
        params.extended_key_usages = vec![match request.purpose {
            Purpose::Client => ExtendedKeyUsagePurpose::ClientAuth,
            Purpose::Server => ExtendedKeyUsagePurpose::ServerAuth,
        }];
        params.use_authority_key_identifier_extension = true;
        params.serial_number = Some(serial()?);
        let begins = now.checked_sub(BACK).unwrap_or(UNIX_EPOCH).max(own.not_before);
        params.not_before = date(begins)?;
        params.not_after = date(end(now, request.valid_for)?.min(own.not_after))?;
        let public = SubjectPublicKeyInfo::from_der(public.spki_der()).map_err(|error| signing(&error))?;
        let made = params
            .signed_by(&public, &self.issuer()?)
            .map_err(|error| signing(&error))?;
        Certificate::from_der(made.der().clone()).map_err(|error| AuthorityError::Signing(error.to_string()))
    }

    fn key(&self) -> &PrivateKey {
        self.entry.key()
    }

    fn issuer(&self) -> Result<Issuer<'_, Signer<'_>>, AuthorityError> {
        Issuer::from_ca_cert_der(self.certificate.der(), Signer::new(self.key())?)
            .map_err(|error| signing(&error))
    }

    /// The subject key identifier of the certificate, as lists and certificates name it (RFC 5280 section 4.2.1.1).
    fn key_identifier(&self) -> KeyIdMethod {
        let named = X509Certificate::from_der(self.certificate.der())
            .ok()
            .and_then(|(_, certificate)| {
                certificate
                    .iter_extensions()
                    .find_map(|extension| match extension.parsed_extension() {
                        ParsedExtension::SubjectKeyIdentifier(identifier) => Some(identifier.0.to_vec()),
                        _ => None,
                    })
            });
        named.map_or(KeyIdMethod::Sha256, KeyIdMethod::PreSpecified)
    }
}

fn signing(error: &rcgen::Error) -> AuthorityError {
    AuthorityError::Signing(error.to_string())
}

/// Why a certificate may not issue others and revoke them.
fn may_not_issue(certificate: &Certificate) -> Option<&'static str> {
    if !certificate.facts().is_ca {
        return Some("its basic constraints do not say that it is an authority");
    }
    let Ok((_, parsed)) = X509Certificate::from_der(certificate.der()) else {
        return Some("it cannot be read");
    };
    match parsed.key_usage() {
        Ok(Some(usage)) if !usage.value.key_cert_sign() => Some("its key usage lacks keyCertSign"),
        Ok(Some(usage)) if !usage.value.crl_sign() => {
            Some("its key usage lacks cRLSign, and what it issues could not be revoked")
        }
        Ok(_) => None,
        Err(_) => Some("its key usage cannot be read"),
    }
}

fn key_usages(purpose: Purpose, algorithm: &KeyAlgorithm) -> Vec<KeyUsagePurpose> {
    let encrypts = match (purpose, algorithm) {
        (Purpose::Client, KeyAlgorithm::Rsa(_)) => Some(KeyUsagePurpose::KeyEncipherment),
        (Purpose::Client, KeyAlgorithm::EcP256 | KeyAlgorithm::EcP384 | KeyAlgorithm::EcP521) => {
            Some(KeyUsagePurpose::KeyAgreement)
        }
        (Purpose::Client, KeyAlgorithm::Ed25519 | KeyAlgorithm::Other(_)) | (Purpose::Server, _) => None,
    };
    [KeyUsagePurpose::DigitalSignature]
        .into_iter()
        .chain(encrypts)
        .collect()
}

/// Always 16 octets, and never negative: the first two bits are 01.
fn serial() -> Result<SerialNumber, AuthorityError> {
    let mut bytes = [0_u8; 16];
    rand::fill(&mut bytes).map_err(|_| AuthorityError::NoRandomness)?;
    let [first, ..] = &mut bytes;
    *first = *first & 0x7f | 0x40;
    Ok(SerialNumber::from_slice(&bytes))
}

/// When something ends that lasts that long.
fn end(now: SystemTime, valid_for: Duration) -> Result<SystemTime, AuthorityError> {
    if valid_for < Duration::from_secs(1) {
        return Err(AuthorityError::BadPeriod);
    }
    now.checked_add(valid_for).ok_or(AuthorityError::BadPeriod)
}

/// An instant as certificates have it, to the second.
fn date(instant: SystemTime) -> Result<OffsetDateTime, AuthorityError> {
    let since = instant.duration_since(UNIX_EPOCH).ok();
    since
        .and_then(|since| i64::try_from(since.as_secs()).ok())
        .and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok())
        .ok_or(AuthorityError::BadPeriod)
}
