//! What a certificate is asked for.

use std::time::Duration;

use palisade_core::SubjectAltName;
use rcgen::string::Ia5String;
use rcgen::{DistinguishedName, DnType, SanType};
use rustls_pki_types::DnsName;
use x509_parser::prelude::{FromDer as _, X509CertificationRequest};

use super::AuthorityError;
use crate::facts::algorithm_of;
use crate::issued::{is_weak, too_short};
use crate::pem::sections::sections;
use crate::private_key::KeyKind;
use crate::public_key::{PublicKey, SHORTEST_RSA};

/// The longest common name and organization (RFC 5280 appendix A.1, `ub-common-name` and `ub-organization-name`).
const LONGEST: usize = 64;

/// Whom a certificate is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// The common name (CN): a user, a tenant, a host.
    pub common_name: String,
    /// The organization (O): the tenant that a user belongs to.
    pub organization: Option<String>,
}

impl Subject {
    /// A subject without an organization.
    pub fn new(common_name: impl Into<String>) -> Self {
        Self {
            common_name: common_name.into(),
            organization: None,
        }
    }

    /// Names the organization.
    #[must_use]
    pub fn of(mut self, organization: impl Into<String>) -> Self {
        self.organization = Some(organization.into());
        self
    }

    /// With names cut where they are longer than a certificate has room for (64 characters); the last of them is `…` then, which
    /// no user and no host has in its name.
    #[must_use]
    pub fn fitting(self) -> Self {
        Self {
            common_name: fitting(self.common_name),
            organization: self.organization.map(fitting),
        }
    }

    /// The organization first, as the most general part: RFC 4514 prints it last.
    pub(super) fn name(&self) -> Result<DistinguishedName, AuthorityError> {
        let mut name = DistinguishedName::new();
        let organization = self.organization.as_ref().map(|organization| {
            let kind = DnType::OrganizationName;
            (kind, "organization", organization)
        });
        let common_name = (DnType::CommonName, "common name", &self.common_name);
        for (kind, what, value) in organization.into_iter().chain([common_name]) {
            let length = value.chars().count();
            if value.trim().is_empty() || length > LONGEST || value.chars().any(char::is_control) {
                return Err(AuthorityError::BadName { what });
            }
            name.push(kind, value.as_str());
        }
        Ok(name)
    }
}

fn fitting(name: String) -> String {
    if name.chars().count() <= LONGEST {
        return name;
    }
    name.chars().take(LONGEST - 1).chain(['…']).collect()
}

/// What a certificate is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Purpose {
    /// To call servers: extended key usage `clientAuth`.
    Client,
    /// To be called: extended key usage `serverAuth`.
    Server,
}

/// Where the key comes from.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum KeySource {
    /// It is made here.
    New(KeyKind),
    /// It stays with whoever made the request.
    Requested(SigningRequest),
}

/// A certificate that is asked for.
#[derive(Clone, Debug)]
pub struct CertificateRequest {
    /// Whom it is for.
    pub subject: Subject,
    /// Its subject alternative names.
    pub names: Vec<SubjectAltName>,
    /// What it is for.
    pub purpose: Purpose,
    /// How long it is valid, at most: never longer than the authority itself.
    pub valid_for: Duration,
    /// Its key.
    pub key: KeySource,
}

impl CertificateRequest {
    /// A client's certificate, with a new key and no alternative names.
    pub fn client(subject: Subject, valid_for: Duration) -> Self {
        Self {
            subject,
            names: Vec::new(),
            purpose: Purpose::Client,
            valid_for,
            key: KeySource::New(KeyKind::default()),
        }
    }

    /// A server's certificate for these names, with a new key.
    pub fn server(subject: Subject, names: Vec<SubjectAltName>, valid_for: Duration) -> Self {
        Self {
            names,
            purpose: Purpose::Server,
            ..Self::client(subject, valid_for)
        }
    }

    /// Takes the key from here.
    #[must_use]
    pub fn with_key(mut self, key: KeySource) -> Self {
        self.key = key;
        self
    }
}

/// Why a certificate signing request is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadRequest {
    /// It is not of PKCS#10.
    #[error("it is no certificate signing request (PKCS#10), as PEM or DER")]
    Malformed,
    /// Its signature does not fit its key, or is of an algorithm that is not supported: nothing shows that the sender has the key.
    #[error("its signature does not verify: nothing shows that the sender has the private key")]
    Signature,
    /// Its signature is made over a digest that is broken.
    #[error("it is signed with SHA-1, which is broken: have it made anew with SHA-256")]
    WeakSignature,
    /// Its RSA key is too short.
    #[error(
        "its RSA key has {bits} bits, and {SHORTEST_RSA} are the least: have it made anew with a longer key"
    )]
    KeyTooShort {
        /// The length of its modulus.
        bits: usize,
    },
    /// Its key is damaged, weak, or of a kind that is not supported.
    #[error("its public key is damaged, weak or of an unsupported kind")]
    Key,
}

/// A certificate signing request (PKCS#10, RFC 2986), its signature verified.
///
/// The key alone is taken from it: names, usages and whatever else it asks for are the requester's wishes, and what a certificate
/// says is the operator's decision.
#[derive(Clone, Debug)]
pub struct SigningRequest {
    public: PublicKey,
}

impl SigningRequest {
    /// Reads a request, PEM or DER, and verifies that whoever made it has the private key.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, BadRequest> {
        let found = sections(bytes).map_err(|_| BadRequest::Malformed)?;
        match found.as_slice() {
            [] => Self::from_der(bytes),
            [section] if matches!(&*section.label, "CERTIFICATE REQUEST" | "NEW CERTIFICATE REQUEST") => {
                Self::from_der(&section.der)
            }
            _ => Err(BadRequest::Malformed),
        }
    }

    fn from_der(der: &[u8]) -> Result<Self, BadRequest> {
        let Ok(([], request)) = X509CertificationRequest::from_der(der) else {
            return Err(BadRequest::Malformed);
        };
        // The key first: what a key that is not taken has signed cannot be verified, and the reason would be the wrong one.
        let key = &request.certification_request_info.subject_pki;
        if let Some(bits) = too_short(&algorithm_of(key)) {
            return Err(BadRequest::KeyTooShort { bits });
        }
        let public = PublicKey::from_spki("request", key.raw).map_err(|_| BadRequest::Key)?;
        if is_weak(&request.signature_algorithm) {
            return Err(BadRequest::WeakSignature);
        }
        request.verify_signature().map_err(|_| BadRequest::Signature)?;
        Ok(Self { public })
    }

    /// The key it is made for.
    pub fn public_key(&self) -> &PublicKey {
        &self.public
    }
}

/// The names as the library takes them; host names by the rules of RFC 1123, with a wildcard as the whole first label at most.
pub(super) fn alternative_names(names: &[SubjectAltName]) -> Result<Vec<SanType>, AuthorityError> {
    let bad = |name: &str| AuthorityError::BadAlternativeName {
        name: name.to_owned(),
    };
    let text = |name: &str| Ia5String::try_from(name).map_err(|_| bad(name));
    let names = names.iter().map(|name| match name {
        SubjectAltName::Dns(host) => {
            let labels = host.strip_prefix("*.").unwrap_or(host);
            DnsName::try_from(labels).map_err(|_| bad(host))?;
            text(host).map(SanType::DnsName)
        }
        SubjectAltName::Email(mailbox) => text(mailbox).map(SanType::Rfc822Name),
        SubjectAltName::Uri(uri) => text(uri).map(SanType::URI),
        SubjectAltName::Ip(address) => Ok(SanType::IpAddress(*address)),
        // A kind that core learns later is refused until it is written here.
        other => Err(bad(&format!("{other:?}"))),
    });
    names.collect()
}
