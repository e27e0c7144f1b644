//! A directory at one moment, as requests see it.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use crate::api_key::{ApiKey, ApiKeyHash, ApiKeyMatch};
use crate::builder::SnapshotBuilder;
use crate::decoy::Decoys;
use crate::password::PasswordHash;
use crate::user::{Tenant, User};

/// A directory at one moment: immutable, with an index for everything that a request may show.
///
/// 1. No look-up allocates, waits, or takes longer the more users there are.
/// 2. Users are found whether they are active or not; [`User::is_active`] says.
/// 3. An API key is found by the first eight bytes of its hash, and then compared whole in constant time.
pub struct Snapshot {
    pub(crate) version: u64,
    pub(crate) users: HashMap<Arc<str>, Arc<User>>,
    pub(crate) tenants: HashMap<Arc<str>, Arc<Tenant>>,
    pub(crate) user_certificates: HashMap<[u8; 32], Arc<User>>,
    pub(crate) tenant_certificates: HashMap<[u8; 32], Arc<Tenant>>,
    pub(crate) api_keys: HashMap<[u8; 8], Vec<OwnedKey>>,
    pub(crate) decoys: Decoys,
}

/// An API key in the index.
pub(crate) struct OwnedKey {
    pub(crate) key: ApiKey,
    pub(crate) user: Arc<User>,
}

impl Snapshot {
    /// Begins a snapshot in code.
    pub fn builder() -> SnapshotBuilder {
        SnapshotBuilder::default()
    }

    /// Which snapshot this is: one of another version may say something else.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// The user of that name, active or not.
    pub fn user(&self, name: &str) -> Option<&Arc<User>> {
        self.users.get(name)
    }

    /// The tenant of that name.
    pub fn tenant(&self, name: &str) -> Option<&Arc<Tenant>> {
        self.tenants.get(name)
    }

    /// The user, active or not, whose certificate has that SHA-256 over its DER.
    pub fn user_of_certificate(&self, fingerprint: &[u8; 32]) -> Option<&Arc<User>> {
        self.user_certificates.get(fingerprint)
    }

    /// The tenant whose certificate has that SHA-256 over its DER. The user's is asked for first.
    pub fn tenant_of_certificate(&self, fingerprint: &[u8; 32]) -> Option<&Arc<Tenant>> {
        self.tenant_certificates.get(fingerprint)
    }

    /// The API key of that text and its owner, active or not. A key that has ended, or was revoked, is not found.
    pub fn api_key(&self, key: &str, now: SystemTime) -> Option<ApiKeyMatch<'_>> {
        let hash = ApiKeyHash::of(key);
        let candidates = self.api_keys.get(&hash.prefix())?;
        let found = candidates.iter().find(|candidate| candidate.key.hash == hash)?;
        (!found.key.is_expired(now)).then_some(ApiKeyMatch {
            user: &found.user,
            key: &found.key,
        })
    }

    /// Whether any user has an API key.
    pub fn has_api_keys(&self) -> bool {
        !self.api_keys.is_empty()
    }

    /// A hash that nobody's password has, to be verified for a name that has none: the answer takes as long as some user's.
    ///
    /// Names are spread over the costs of users' hashes as users are, by a hash under a key of this process: a cost says nothing of
    /// whether there is such a user, and a name has the same cost each time, as long as the costs of users stay what they are.
    pub fn decoy_for(&self, name: &str) -> &PasswordHash {
        self.decoys.of(name)
    }

    /// Every user, in no particular order.
    pub fn users(&self) -> impl ExactSizeIterator<Item = &Arc<User>> {
        self.users.values()
    }

    /// Every tenant, in no particular order.
    pub fn tenants(&self) -> impl ExactSizeIterator<Item = &Arc<Tenant>> {
        self.tenants.values()
    }
}

impl Default for Snapshot {
    /// A directory without users and tenants.
    fn default() -> Self {
        SnapshotBuilder::default().finish()
    }
}

/// Shows how much there is, and none of it.
impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot")
            .field("version", &self.version)
            .field("users", &self.users.len())
            .field("tenants", &self.tenants.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
