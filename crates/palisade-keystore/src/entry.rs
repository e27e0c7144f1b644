//! What stands under an alias.

use std::sync::Arc;

use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::x509::SubjectPublicKeyInfo;

use crate::error::StoreError;
use crate::facts::{self, BadCertificate, CertificateFacts, certificate_facts};
use crate::jwk::Usage;
use crate::private_key::{BadPrivateKey, PrivateKey};
use crate::public_key::{BadPublicKey, Labels, PublicKey};

/// A certificate and what it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    der: CertificateDer<'static>,
    facts: CertificateFacts,
}

impl Certificate {
    /// Reads a DER certificate.
    pub fn from_der(der: impl Into<CertificateDer<'static>>) -> Result<Self, BadCertificate> {
        let der = der.into();
        let facts = certificate_facts(&der)?;
        Ok(Self { der, facts })
    }

    /// The certificate itself.
    pub fn der(&self) -> &CertificateDer<'static> {
        &self.der
    }

    /// What it says.
    pub fn facts(&self) -> &CertificateFacts {
        &self.facts
    }

    pub(crate) fn spki(&self) -> Result<Vec<u8>, BadCertificate> {
        facts::spki(&self.der)
    }

    /// Asks something of the public key, and is answered `false` where there is none.
    pub(crate) fn with_key(&self, ask: impl FnOnce(&SubjectPublicKeyInfo<'_>) -> bool) -> bool {
        X509Certificate::from_der(&self.der).is_ok_and(|(_, parsed)| ask(parsed.public_key()))
    }

    /// Whether the other certificate has the name and the key that this one was issued by. Neither is looked at otherwise:
    /// [`check_issued_by`](crate::check_issued_by) tells whether that counts.
    pub fn is_issued_by(&self, issuer: &Self) -> bool {
        if self.facts.issuer_der != issuer.facts.subject_der {
            return false;
        }
        let (Ok((_, own)), Ok((_, above))) = (
            X509Certificate::from_der(&self.der),
            X509Certificate::from_der(&issuer.der),
        ) else {
            return false;
        };
        own.verify_signature(Some(above.public_key())).is_ok()
    }
}

/// A private key with the certificates that belong to it.
#[derive(Debug)]
pub struct KeyEntry {
    alias: String,
    key: PrivateKey,
    chain: Vec<Certificate>,
    public: PublicKey,
}

impl KeyEntry {
    /// Joins a key to its certificate and the issuers above it, in whatever order they are given.
    ///
    /// Returns the certificates that do not belong to the chain beside it. A key without any certificate is allowed.
    pub(crate) fn assemble(
        alias: &str,
        key: PrivateKey,
        mut certificates: Vec<Certificate>,
    ) -> Result<(Self, Vec<Certificate>), StoreError> {
        let mut chain = Vec::new();
        if let Some(first) = certificates.first() {
            let Some(own) = certificates
                .iter()
                .position(|certificate| fits(&key, certificate))
            else {
                return Err(StoreError::KeyDoesNotFit {
                    alias: alias.to_owned(),
                    algorithm: key.algorithm().to_string(),
                    subject: first.facts.subject.clone(),
                });
            };
            let mut last = certificates.remove(own);
            while let Some(above) = next_above(&last, &certificates) {
                let issuer = certificates.remove(above);
                chain.push(std::mem::replace(&mut last, issuer));
            }
            chain.push(last);
        }
        let public = key
            .public_key(alias)
            .map_err(|_| StoreError::UnusablePublicHalf {
                alias: alias.to_owned(),
            })?
            .labelled(Labels {
                certificate: chain.first().cloned(),
                ..Labels::default()
            });
        Ok((
            Self {
                alias: alias.to_owned(),
                key,
                chain,
                public,
            },
            certificates,
        ))
    }

    /// Adds what a JWK says of its key.
    pub(crate) fn labelled(mut self, labels: Labels) -> Self {
        self.public = self.public.labelled(labels);
        self
    }

    /// The alias within its keystore.
    pub fn alias(&self) -> &str {
        &self.alias
    }

    /// The private key.
    pub fn key(&self) -> &PrivateKey {
        &self.key
    }

    /// The key's public half, with its certificate where it has one.
    pub fn public_key(&self) -> &PublicKey {
        &self.public
    }

    /// The key identifier: the JWK's own, else the RFC 7638 thumbprint in base64url.
    pub fn kid(&self) -> &str {
        self.public.kid()
    }

    /// What the key may be used for, as its JWK says.
    pub fn usage(&self) -> Usage {
        self.public.usage()
    }

    /// The private key for TLS, a copy.
    pub fn key_der(&self) -> PrivateKeyDer<'static> {
        self.key.to_der()
    }

    /// The key's own certificate, then its issuers in order; empty for a key without a certificate.
    pub fn chain(&self) -> &[Certificate] {
        &self.chain
    }

    /// The key's own certificate.
    pub fn certificate(&self) -> Option<&Certificate> {
        self.chain.first()
    }

    /// The chain as TLS sends it: without the root, which the peer has or does not trust anyway (RFC 8446 section 4.4.2).
    pub fn tls_chain(&self) -> Vec<CertificateDer<'static>> {
        self.chain
            .iter()
            .enumerate()
            .filter(|(index, certificate)| *index == 0 || !certificate.facts.is_self_issued())
            .map(|(_, certificate)| certificate.der.clone())
            .collect()
    }
}

pub(crate) fn fits(key: &PrivateKey, certificate: &Certificate) -> bool {
    facts::public_key_bits(&certificate.der).is_ok_and(|bits| bits == key.public_bits())
}

fn next_above(certificate: &Certificate, candidates: &[Certificate]) -> Option<usize> {
    if certificate.facts.is_self_issued() {
        return None;
    }
    candidates
        .iter()
        .position(|candidate| certificate.is_issued_by(candidate))
}

/// The certificate at the lower end of a chain: the only one that issued none of the others. `None` where they are no chain.
pub(crate) fn lowest(certificates: &[Certificate]) -> Option<&Certificate> {
    if let [only] = certificates {
        return Some(only);
    }
    let mut ends = certificates.iter().filter(|candidate| {
        !certificates
            .iter()
            .any(|other| other != *candidate && other.is_issued_by(candidate))
    });
    ends.next().filter(|_| ends.next().is_none())
}

/// Why a key that stands in a keystore cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UnusableKey {
    /// A private key.
    #[error(transparent)]
    Private(#[from] BadPrivateKey),
    /// A public key.
    #[error(transparent)]
    Public(#[from] BadPublicKey),
    /// A JWK of a kind that is not supported.
    #[error("the JWK cannot be used: {0}")]
    Jwk(String),
}

/// What stands under one alias of one keystore.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Entry {
    /// A private key, with or without its certificate.
    Key(Arc<KeyEntry>),
    /// Certificates without a key: one, or a bundle.
    Certificates {
        /// The alias within its keystore.
        alias: String,
        /// The certificates, in the file's order.
        certificates: Arc<[Certificate]>,
    },
    /// A public key without a certificate.
    PublicKey(PublicKey),
    /// A key of an algorithm that is not supported. It stops nobody who does not ask for it.
    Unusable {
        /// The alias within its keystore.
        alias: String,
        /// Why it cannot be used.
        reason: UnusableKey,
    },
}

impl Entry {
    /// The alias within its keystore.
    pub fn alias(&self) -> &str {
        match self {
            Self::Key(entry) => entry.alias(),
            Self::PublicKey(key) => key.alias(),
            Self::Certificates { alias, .. } | Self::Unusable { alias, .. } => alias,
        }
    }

    /// The public key under the alias: of several certificates the one at the lower end of their chain. `None` where there is
    /// none, or none that can be used; [`Keystores::public_key`](crate::Keystores::public_key) says why.
    pub fn public_key(&self) -> Option<PublicKey> {
        match self {
            Self::Key(entry) => Some(entry.public_key().clone()),
            Self::PublicKey(key) => Some(key.clone()),
            Self::Certificates { alias, certificates } => {
                PublicKey::from_certificate(alias.as_str(), lowest(certificates)?.clone()).ok()
            }
            Self::Unusable { .. } => None,
        }
    }

    /// Whether there is a private key to use.
    pub fn has_key(&self) -> bool {
        matches!(self, Self::Key(_))
    }

    /// All certificates under the alias: a key's chain, or the bundle.
    pub fn all_certificates(&self) -> &[Certificate] {
        match self {
            Self::Key(entry) => entry.chain(),
            Self::Certificates { certificates, .. } => certificates,
            Self::PublicKey(key) => key.certificate().map_or(&[], std::slice::from_ref),
            Self::Unusable { .. } => &[],
        }
    }

    /// What stands here, for an error about something else that was asked for.
    pub(crate) fn described(&self) -> &'static str {
        match self {
            Self::Key(entry) if entry.chain.is_empty() => "a private key without a certificate",
            Self::Key(_) => "a private key with its certificate",
            Self::Certificates { .. } => "a certificate without a private key",
            Self::PublicKey(_) => "a public key without a private key",
            Self::Unusable { .. } => "a key that cannot be used",
        }
    }
}
