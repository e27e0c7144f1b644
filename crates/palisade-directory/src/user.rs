//! Users and tenants.

use std::fmt;
use std::sync::Arc;

use crate::api_key::ApiKey;
use crate::password::PasswordHash;

/// A user, and what the user signs in with.
#[derive(Clone)]
#[non_exhaustive]
pub struct User {
    /// The name, unique among users.
    pub name: Arc<str>,
    /// The tenant the user belongs to.
    pub tenant: Option<Arc<str>>,
    /// The user's roles.
    pub roles: Arc<[Arc<str>]>,
    /// Whether the user may sign in at all. A user who is not active is refused as if unknown.
    pub is_active: bool,
    /// The hash of the user's password, if there is one.
    pub password_hash: Option<PasswordHash>,
    /// SHA-256 over the DER of each of the user's certificates.
    pub certificates: Box<[[u8; 32]]>,
    /// The user's API keys.
    pub api_keys: Box<[ApiKey]>,
}

impl User {
    /// An active user with nothing to sign in with.
    pub fn new(name: impl Into<Arc<str>>) -> Self {
        Self {
            name: name.into(),
            tenant: None,
            roles: Arc::default(),
            is_active: true,
            password_hash: None,
            certificates: Box::default(),
            api_keys: Box::default(),
        }
    }

    /// Of that tenant.
    #[must_use]
    pub fn of_tenant(mut self, tenant: impl Into<Arc<str>>) -> Self {
        self.tenant = Some(tenant.into());
        self
    }

    /// With these roles, and no others.
    #[must_use]
    pub fn with_roles<R: Into<Arc<str>>>(mut self, roles: impl IntoIterator<Item = R>) -> Self {
        self.roles = roles.into_iter().map(Into::into).collect();
        self
    }

    /// With that password.
    #[must_use]
    pub fn with_password_hash(mut self, hash: PasswordHash) -> Self {
        self.password_hash = Some(hash);
        self
    }

    /// With one more certificate, of that fingerprint.
    #[must_use]
    pub fn with_certificate(mut self, fingerprint: [u8; 32]) -> Self {
        self.certificates = with_one_more(self.certificates, fingerprint);
        self
    }

    /// With one more API key.
    #[must_use]
    pub fn with_api_key(mut self, key: ApiKey) -> Self {
        self.api_keys = with_one_more(self.api_keys, key);
        self
    }

    /// One who may not sign in.
    #[must_use]
    pub fn disabled(mut self) -> Self {
        self.is_active = false;
        self
    }

    /// Whether the certificate of that fingerprint is the user's.
    pub fn has_certificate(&self, fingerprint: &[u8; 32]) -> bool {
        self.certificates.contains(fingerprint)
    }

    /// Whether the user has that role.
    pub fn has_role(&self, role: &str) -> bool {
        self.roles.iter().any(|own| **own == *role)
    }
}

/// Shows no hash, and certificates and keys by their number alone.
impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User")
            .field("name", &self.name)
            .field("tenant", &self.tenant)
            .field("roles", &self.roles)
            .field("is_active", &self.is_active)
            .field("has_password", &self.password_hash.is_some())
            .field("certificates", &self.certificates.len())
            .field("api_keys", &self.api_keys.len())
            .finish()
    }
}

/// An organisation that users belong to. Its certificates may speak for it, and for users of it.
#[derive(Clone)]
#[non_exhaustive]
pub struct Tenant {
    /// The name, unique among tenants.
    pub name: Arc<str>,
    /// SHA-256 over the DER of each of the tenant's certificates.
    pub certificates: Box<[[u8; 32]]>,
}

impl Tenant {
    /// A tenant without certificates.
    pub fn new(name: impl Into<Arc<str>>) -> Self {
        Self {
            name: name.into(),
            certificates: Box::default(),
        }
    }

    /// With one more certificate, of that fingerprint.
    #[must_use]
    pub fn with_certificate(mut self, fingerprint: [u8; 32]) -> Self {
        self.certificates = with_one_more(self.certificates, fingerprint);
        self
    }

    /// Whether the certificate of that fingerprint is the tenant's.
    pub fn has_certificate(&self, fingerprint: &[u8; 32]) -> bool {
        self.certificates.contains(fingerprint)
    }
}

/// Shows certificates by their number alone.
impl fmt::Debug for Tenant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tenant")
            .field("name", &self.name)
            .field("certificates", &self.certificates.len())
            .finish()
    }
}

fn with_one_more<T>(items: Box<[T]>, item: T) -> Box<[T]> {
    let mut items = Vec::from(items);
    items.push(item);
    items.into()
}
