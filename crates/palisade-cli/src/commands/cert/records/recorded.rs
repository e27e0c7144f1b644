//! One certificate on record, and how it is shown.

use std::time::SystemTime;

use palisade_core::SubjectAltName;
use palisade_directory::print_fingerprint;
use palisade_directory::sql::{CertificateId, CertificateRecord, Origin, Owner};
use palisade_keystore::{Certificate, Revocation};
use serde::Serialize;

use super::id::is_named;
use crate::commands::keystore::DescribedCertificate;
use crate::instant::rfc3339;

/// One certificate on record.
#[derive(Debug, Clone)]
pub(in crate::commands::cert) struct Recorded {
    pub(in crate::commands::cert) owner: Owner,
    pub(in crate::commands::cert) fingerprint: [u8; 32],
    /// The certificate itself, where it is known.
    pub(in crate::commands::cert) certificate: Option<Certificate>,
    pub(in crate::commands::cert) label: Option<String>,
    /// Whether this authority issued it, as the record says.
    pub(in crate::commands::cert) is_issued: bool,
    pub(in crate::commands::cert) added_at: Option<SystemTime>,
    /// When and why it was revoked.
    pub(in crate::commands::cert) revoked: Option<(SystemTime, String)>,
    /// Whether servers recognise its owner by it.
    pub(in crate::commands::cert) is_recognised: bool,
    /// What the property files have of it: a fingerprint, or an alias.
    pub(super) listed_as: Option<String>,
}

/// How a certificate stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(in crate::commands::cert) enum Status {
    Valid,
    NotYetValid,
    Expired,
    Revoked,
    /// Its fingerprint alone is known.
    Unknown,
}

/// A certificate on record, as it is shown.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(in crate::commands::cert) struct Shown {
    #[serde(flatten)]
    pub(in crate::commands::cert) owner: ShownOwner,
    pub(in crate::commands::cert) status: Status,
    pub(in crate::commands::cert) recognised: bool,
    issued_here: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    label: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    registered_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::commands::cert) revoked_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::commands::cert) revocation_reason: Option<String>,
    #[serde(flatten)]
    pub(in crate::commands::cert) certificate: Option<DescribedCertificate>,
    /// Where the certificate itself, which has it too, is not known.
    #[serde(rename = "sha256", skip_serializing_if = "Option::is_none")]
    pub(in crate::commands::cert) fingerprint: Option<String>,
}

/// Whose it is, as it is shown: `"user": "alice"`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(in crate::commands::cert) enum ShownOwner {
    User(String),
    Tenant(String),
    /// A server by its first name: nobody signs in with its certificate.
    Server(String),
}

impl From<&Owner> for ShownOwner {
    fn from(owner: &Owner) -> Self {
        match owner {
            Owner::User(name) => Self::User(name.clone()),
            Owner::Tenant(name) => Self::Tenant(name.clone()),
        }
    }
}

impl Recorded {
    pub(in crate::commands::cert) fn ends(&self) -> Option<SystemTime> {
        let certificate = self.certificate.as_ref()?;
        Some(certificate.facts().not_after)
    }

    pub(super) fn is(&self, id: &CertificateId) -> bool {
        match id {
            CertificateId::Fingerprint(fingerprint) => self.fingerprint == *fingerprint,
            CertificateId::Serial(_) => self
                .certificate
                .as_ref()
                .is_some_and(|certificate| is_named(certificate, id)),
        }
    }

    pub(in crate::commands::cert) fn status(&self, now: SystemTime) -> Status {
        Status::new(self.certificate.as_ref(), self.revoked.is_some(), now)
    }

    pub(in crate::commands::cert) fn shown(&self, now: SystemTime) -> Shown {
        let certificate = self.certificate.as_ref().map(DescribedCertificate::new);
        let is_unknown = certificate.is_none();
        Shown {
            owner: ShownOwner::from(&self.owner),
            status: self.status(now),
            recognised: self.is_recognised,
            issued_here: self.is_issued,
            label: self.label.clone(),
            registered_at: self.added_at.map(rfc3339),
            revoked_at: self.revoked.as_ref().map(|(at, _)| rfc3339(*at)),
            revocation_reason: self.revoked.as_ref().map(|(_, reason)| reason.clone()),
            certificate,
            fingerprint: is_unknown.then(|| {
                print_fingerprint(&self.fingerprint)
                    .trim_start_matches("sha256:")
                    .to_owned()
            }),
        }
    }
}

impl Status {
    fn new(certificate: Option<&Certificate>, is_revoked: bool, now: SystemTime) -> Self {
        match certificate.map(Certificate::facts) {
            _ if is_revoked => Self::Revoked,
            None => Self::Unknown,
            Some(facts) if facts.not_after < now => Self::Expired,
            Some(facts) if facts.not_before > now => Self::NotYetValid,
            Some(_) => Self::Valid,
        }
    }
}

impl Shown {
    /// The certificate of a server, and its entry in the authority's list where it is revoked.
    pub(in crate::commands::cert) fn of_server(
        certificate: &Certificate,
        revocation: Option<&Revocation>,
        now: SystemTime,
    ) -> Self {
        let facts = certificate.facts();
        let name = match facts.names.first() {
            Some(SubjectAltName::Dns(host)) => host.clone(),
            Some(SubjectAltName::Ip(address)) => address.to_string(),
            _ => facts.subject.clone(),
        };
        Self {
            owner: ShownOwner::Server(name),
            status: Status::new(Some(certificate), revocation.is_some(), now),
            recognised: false,
            issued_here: true,
            label: None,
            registered_at: None,
            revoked_at: revocation.map(|entry| rfc3339(entry.at)),
            revocation_reason: revocation.map(|entry| entry.reason.name().to_owned()),
            certificate: Some(DescribedCertificate::new(certificate)),
            fingerprint: None,
        }
    }
}

impl From<CertificateRecord> for Recorded {
    fn from(record: CertificateRecord) -> Self {
        let certificate = record
            .details
            .and_then(|details| Certificate::from_der(details.der).ok());
        Self {
            owner: record.owner,
            fingerprint: record.fingerprint,
            certificate,
            label: record.label,
            is_issued: record.origin == Origin::Issued,
            added_at: Some(record.added_at),
            is_recognised: record.revoked.is_none(),
            revoked: record.revoked.map(|revoked| (revoked.at, revoked.reason)),
            listed_as: None,
        }
    }
}
