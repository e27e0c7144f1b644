//! Users and tenants as they are shown: where they stand, how they sign in, what they may do.

use std::time::SystemTime;

use palisade_directory::sql::{ApiKeyRecord, CertificateRecord, TenantRecord, UserRecord};
use palisade_directory::{ApiKey, Tenant, User, print_fingerprint};
use palisade_endpoint::GroupRights;
use serde::Serialize;

use super::session::Session;
use crate::instant::{self, rfc3339};
use crate::outcome::Failure;

/// Where a user or tenant stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Source {
    /// In the property files.
    PropertyFiles,
    /// In the database.
    Database,
}

/// A user.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct ListedUser {
    pub(super) name: String,
    pub(super) source: Source,
    /// Whether servers find the user there.
    pub(super) is_read: bool,
    pub(super) is_active: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) disabled_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tenant: Option<String>,
    pub(super) roles: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) password: Option<ListedPassword>,
    pub(super) certificates: Vec<ListedCertificate>,
    pub(super) api_keys: Vec<ListedKey>,
    /// What the user may do, group by group; absent where that cannot be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) rights: Option<Vec<GroupRights>>,
}

/// A password.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct ListedPassword {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) set_at: Option<String>,
    /// Absent where what is on record is no hash that can be used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) cost: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) shared_with: Vec<String>,
}

/// A certificate.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct ListedCertificate {
    pub(super) sha256: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) label: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) subject: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) not_after: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) revoked_at: Option<String>,
}

/// An API key.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(in crate::commands) struct ListedKey {
    pub(in crate::commands) id: String,
    pub(in crate::commands) user: String,
    pub(in crate::commands) scopes: Vec<String>,
    pub(in crate::commands) state: KeyState,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::commands) created_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::commands) expires_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::commands) revoked_at: Option<String>,
    /// What the key opens, where its scopes make that something else than its user may do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::commands) rights: Option<Vec<GroupRights>>,
}

/// What can be done with an API key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(in crate::commands) enum KeyState {
    Usable,
    Expired,
    Revoked,
}

impl KeyState {
    /// In one word.
    pub(in crate::commands) fn word(self) -> &'static str {
        match self {
            Self::Usable => "usable",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
        }
    }
}

/// A tenant.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct ListedTenant {
    pub(super) name: String,
    pub(super) source: Source,
    /// Whether servers find the tenant there.
    pub(super) is_read: bool,
    pub(super) certificates: Vec<ListedCertificate>,
    /// What the tenant itself may do, which its certificate alone can say it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) rights: Option<Vec<GroupRights>>,
}

/// The users of the database.
pub(super) fn of_database(session: &Session) -> Result<Vec<ListedUser>, Failure> {
    let is_read = !session.is_beside_property_files();
    let now = instant::now();
    let users = session.users()?.into_iter();
    Ok(users
        .map(|user| ListedUser::recorded(user, is_read, now))
        .collect())
}

impl ListedUser {
    fn recorded(user: UserRecord, is_read: bool, now: SystemTime) -> Self {
        let is_active = user.is_active();
        Self {
            source: Source::Database,
            is_read,
            is_active,
            disabled_at: user.disabled_at.map(rfc3339),
            tenant: user.tenant,
            roles: user.roles,
            password: user.password.map(|password| ListedPassword {
                set_at: Some(rfc3339(password.set_at)),
                cost: password.cost.map(|cost| cost.to_string()),
                shared_with: password.shared_with,
            }),
            certificates: user
                .certificates
                .into_iter()
                .map(ListedCertificate::from)
                .collect(),
            api_keys: user
                .api_keys
                .into_iter()
                .map(|key| ListedKey::recorded(key, now))
                .collect(),
            rights: None,
            name: user.name,
        }
    }

    /// A user of the property files.
    pub(super) fn configured(user: &User) -> Self {
        let certificates = user.certificates.iter();
        Self {
            name: user.name.to_string(),
            source: Source::PropertyFiles,
            is_read: true,
            is_active: user.is_active,
            disabled_at: None,
            tenant: user.tenant.as_deref().map(str::to_owned),
            roles: user.roles.iter().map(ToString::to_string).collect(),
            password: user.password_hash.as_ref().map(|hash| ListedPassword {
                set_at: None,
                cost: Some(hash.cost().to_string()),
                shared_with: Vec::new(),
            }),
            certificates: certificates.map(ListedCertificate::configured).collect(),
            api_keys: user
                .api_keys
                .iter()
                .map(|key| ListedKey::configured(key, user))
                .collect(),
            rights: None,
        }
    }
}

impl ListedTenant {
    pub(super) fn recorded(tenant: TenantRecord, is_read: bool) -> Self {
        Self {
            name: tenant.name,
            source: Source::Database,
            is_read,
            certificates: tenant
                .certificates
                .into_iter()
                .map(ListedCertificate::from)
                .collect(),
            rights: None,
        }
    }

    /// A tenant of the property files.
    pub(super) fn configured(tenant: &Tenant) -> Self {
        let certificates = tenant.certificates.iter();
        Self {
            name: tenant.name.to_string(),
            source: Source::PropertyFiles,
            is_read: true,
            certificates: certificates.map(ListedCertificate::configured).collect(),
            rights: None,
        }
    }
}

impl ListedCertificate {
    /// One of which the property files have the fingerprint.
    fn configured(fingerprint: &[u8; 32]) -> Self {
        Self {
            sha256: print_fingerprint(fingerprint),
            label: None,
            subject: None,
            not_after: None,
            revoked_at: None,
        }
    }
}

impl From<CertificateRecord> for ListedCertificate {
    fn from(certificate: CertificateRecord) -> Self {
        let details = certificate.details;
        Self {
            sha256: print_fingerprint(&certificate.fingerprint),
            label: certificate.label,
            not_after: details.as_ref().map(|details| rfc3339(details.not_after)),
            subject: details.map(|details| details.subject),
            revoked_at: certificate.revoked.map(|revoked| rfc3339(revoked.at)),
        }
    }
}

impl ListedKey {
    pub(in crate::commands) fn recorded(key: ApiKeyRecord, now: SystemTime) -> Self {
        let state = match key.revoked_at {
            Some(_) => KeyState::Revoked,
            None if key.is_usable(now) => KeyState::Usable,
            None => KeyState::Expired,
        };
        Self {
            id: key.name,
            user: key.user,
            scopes: key.scopes,
            state,
            created_at: Some(rfc3339(key.created_at)),
            expires_at: key.expires_at.map(rfc3339),
            revoked_at: key.revoked_at.map(rfc3339),
            rights: None,
        }
    }

    fn configured(key: &ApiKey, user: &User) -> Self {
        Self {
            id: key.name.to_string(),
            user: user.name.to_string(),
            scopes: key.scopes.iter().map(ToString::to_string).collect(),
            state: KeyState::Usable,
            created_at: None,
            expires_at: None,
            revoked_at: None,
            rights: None,
        }
    }
}
