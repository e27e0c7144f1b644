//! What a database knows of users, tenants, certificates and API keys, for whoever administers them.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use palisade_core::Secret;
use palisade_keystore::Certificate;

use crate::password::Cost;

/// Whose a certificate is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Owner {
    /// A user's.
    User(String),
    /// A tenant's.
    Tenant(String),
}

impl Owner {
    /// The user's or tenant's name.
    pub fn name(&self) -> &str {
        match self {
            Self::User(name) | Self::Tenant(name) => name,
        }
    }

    /// `user` or `tenant`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::User(_) => "user",
            Self::Tenant(_) => "tenant",
        }
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} `{}`", self.kind(), self.name().escape_debug())
    }
}

/// A user to be added.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct NewUser {
    /// The name.
    pub name: String,
    /// The tenant the user belongs to, which must be there.
    pub tenant: Option<String>,
    /// The user's roles.
    pub roles: Vec<String>,
    /// The password, if the user is to have one.
    pub password: Option<Secret>,
}

impl NewUser {
    /// A user without tenant, roles and password.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            tenant: None,
            roles: Vec::new(),
            password: None,
        }
    }

    /// Of that tenant.
    #[must_use]
    pub fn of_tenant(mut self, tenant: Option<String>) -> Self {
        self.tenant = tenant;
        self
    }

    /// With these roles.
    #[must_use]
    pub fn with_roles(mut self, roles: Vec<String>) -> Self {
        self.roles = roles;
        self
    }

    /// With that password.
    #[must_use]
    pub fn with_password(mut self, password: Option<Secret>) -> Self {
        self.password = password;
        self
    }
}

/// A user, with everything the user signs in with, ended and revoked things included.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct UserRecord {
    /// The name.
    pub name: String,
    /// The tenant the user belongs to.
    pub tenant: Option<String>,
    /// The user's roles, in order.
    pub roles: Vec<String>,
    /// When the user was added.
    pub added_at: SystemTime,
    /// When the user was disabled, where that is so.
    pub disabled_at: Option<SystemTime>,
    /// Whether what is on record of the user can be used: a row that somebody made by hand may not be.
    pub is_usable: bool,
    /// When the password was set, and what it costs to verify it, where there is one.
    pub password: Option<PasswordRecord>,
    /// The user's certificates, in order of their time of addition.
    pub certificates: Vec<CertificateRecord>,
    /// The user's API keys, in order of their creation.
    pub api_keys: Vec<ApiKeyRecord>,
}

impl UserRecord {
    /// Whether the user may sign in at all.
    pub fn is_active(&self) -> bool {
        self.disabled_at.is_none() && self.is_usable
    }
}

/// What is known of a password.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PasswordRecord {
    /// When it was set.
    pub set_at: SystemTime,
    /// What it costs to verify it; absent where what is on record is no hash that can be used.
    pub cost: Option<Cost>,
    /// Other users who have the same one.
    pub shared_with: Vec<String>,
}

/// A tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TenantRecord {
    /// The name.
    pub name: String,
    /// When it was added.
    pub added_at: SystemTime,
    /// Its certificates, in order of their time of addition.
    pub certificates: Vec<CertificateRecord>,
}

/// A certificate to be registered.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct NewCertificate {
    /// Whose it is to be.
    pub owner: Owner,
    /// SHA-256 over its DER.
    pub fingerprint: [u8; 32],
    /// What its owner calls it.
    pub label: Option<String>,
    /// What it says, where the certificate itself is known.
    pub details: Option<CertificateDetails>,
    /// Where it comes from.
    pub origin: Origin,
}

impl NewCertificate {
    /// One of which the fingerprint alone is known.
    pub fn of_fingerprint(owner: Owner, fingerprint: [u8; 32]) -> Self {
        Self {
            owner,
            fingerprint,
            label: None,
            details: None,
            origin: Origin::Registered,
        }
    }

    /// One that is known.
    pub fn new(owner: Owner, certificate: &Certificate, origin: Origin) -> Self {
        Self {
            owner,
            fingerprint: certificate.facts().fingerprint,
            label: None,
            details: Some(CertificateDetails::of(certificate)),
            origin,
        }
    }

    /// Under that name.
    #[must_use]
    pub fn with_label(mut self, label: Option<String>) -> Self {
        self.label = label;
        self
    }
}

/// Where a certificate comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origin {
    /// The authority beside this directory issued it.
    Issued,
    /// It was brought along.
    Registered,
}

/// What a certificate says.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CertificateDetails {
    /// The subject's distinguished name, for people.
    pub subject: String,
    /// The issuer's distinguished name, for people.
    pub issuer: String,
    /// The serial number in lower-case hexadecimal, without leading zeros.
    pub serial: String,
    /// Start of the validity.
    pub not_before: SystemTime,
    /// End of the validity.
    pub not_after: SystemTime,
    /// The certificate itself, DER.
    pub der: Vec<u8>,
}

impl CertificateDetails {
    fn of(certificate: &Certificate) -> Self {
        let facts = certificate.facts();
        Self {
            subject: facts.subject.clone(),
            issuer: facts.issuer.clone(),
            serial: facts.serial_hex(),
            not_before: facts.not_before,
            not_after: facts.not_after,
            der: certificate.der().to_vec(),
        }
    }
}

/// A certificate that is registered, or was until it was revoked.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CertificateRecord {
    /// Whose it is.
    pub owner: Owner,
    /// SHA-256 over its DER.
    pub fingerprint: [u8; 32],
    /// What its owner calls it.
    pub label: Option<String>,
    /// Where it comes from.
    pub origin: Origin,
    /// When it was registered.
    pub added_at: SystemTime,
    /// When and why it was revoked, where that is so.
    pub revoked: Option<RevocationRecord>,
    /// What it says, where the certificate itself is known.
    pub details: Option<CertificateDetails>,
}

/// That a certificate was revoked.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RevocationRecord {
    /// When.
    pub at: SystemTime,
    /// Why, as it was told.
    pub reason: String,
}

/// Which certificate is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CertificateId {
    /// That of this SHA-256 over its DER, whosever it is.
    Fingerprint([u8; 32]),
    /// The one of this serial number, in lower-case hexadecimal without leading zeros.
    Serial(String),
}

/// An API key; its text is not known.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ApiKeyRecord {
    /// The first twelve hexadecimal digits of its hash.
    pub name: String,
    /// Whose it is.
    pub user: String,
    /// What it may be used for.
    pub scopes: Vec<String>,
    /// When it was made.
    pub created_at: SystemTime,
    /// When it ends, if it does.
    pub expires_at: Option<SystemTime>,
    /// When it was revoked, where that is so.
    pub revoked_at: Option<SystemTime>,
}

impl ApiKeyRecord {
    /// Whether it opens something.
    pub fn is_usable(&self, now: SystemTime) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|end| end > now)
    }
}

/// An instant as it is stored. What a part of a second is left of it is dropped.
pub(super) fn seconds(instant: SystemTime) -> i64 {
    let after = instant.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(after.as_secs()).unwrap_or(i64::MAX)
}

/// An instant that was stored.
pub(super) fn instant(seconds: i64) -> SystemTime {
    let after = Duration::from_secs(u64::try_from(seconds).unwrap_or_default());
    UNIX_EPOCH.checked_add(after).unwrap_or(UNIX_EPOCH)
}
