//! How snapshots are made.

use std::collections::HashMap;
#[cfg(feature = "sql")]
use std::collections::HashSet;
use std::collections::hash_map::Entry;
use std::fmt;
use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::api_key::ApiKeyHash;
use crate::decoy::Decoys;
use crate::fingerprint::print_fingerprint;
use crate::name::{BadName, check_name};
use crate::password::{Cost, PasswordHash};
use crate::snapshot::{OwnedKey, Snapshot};
use crate::user::{Tenant, User};

/// Something that keeps a snapshot from being built.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SnapshotError {
    /// A name that does not follow the grammar.
    #[error("`{}`: {source}", name.escape_debug())]
    BadName {
        /// The name.
        name: Arc<str>,
        /// What was expected.
        source: BadName,
    },
    /// Two users of one name.
    #[error("there are two users named `{name}`")]
    TwoUsers {
        /// The name.
        name: Arc<str>,
    },
    /// Two tenants of one name.
    #[error("there are two tenants named `{name}`")]
    TwoTenants {
        /// The name.
        name: Arc<str>,
    },
    /// A user of a tenant that there is not.
    #[error("user `{user}` belongs to the tenant `{tenant}`, which there is not")]
    UnknownTenant {
        /// The user.
        user: Arc<str>,
        /// The tenant.
        tenant: Arc<str>,
    },
    /// A certificate of two users.
    #[error(
        "certificate {} belongs to both user `{first}` and user `{second}`",
        print_fingerprint(fingerprint)
    )]
    SharedUserCertificate {
        /// SHA-256 over its DER.
        fingerprint: [u8; 32],
        /// One user.
        first: Arc<str>,
        /// The other user.
        second: Arc<str>,
    },
    /// A certificate of two tenants.
    #[error(
        "certificate {} belongs to both tenant `{first}` and tenant `{second}`",
        print_fingerprint(fingerprint)
    )]
    SharedTenantCertificate {
        /// SHA-256 over its DER.
        fingerprint: [u8; 32],
        /// One tenant.
        first: Arc<str>,
        /// The other tenant.
        second: Arc<str>,
    },
    /// An API key that is there twice.
    #[error("API key `{key}` of user `{second}` is user `{first}`'s too, or is there twice")]
    SharedApiKey {
        /// The key's name.
        key: Arc<str>,
        /// One user.
        first: Arc<str>,
        /// The other user, or the same.
        second: Arc<str>,
    },
}

#[cfg(feature = "sql")]
impl SnapshotError {
    /// The users whom it concerns.
    pub(crate) fn users(&self) -> impl Iterator<Item = &Arc<str>> {
        let users = match self {
            Self::BadName { name, .. } => [Some(name), None],
            Self::TwoUsers { name: user } | Self::UnknownTenant { user, .. } => [Some(user), None],
            Self::SharedUserCertificate { first, second, .. } | Self::SharedApiKey { first, second, .. } => {
                [Some(first), Some(second)]
            }
            Self::TwoTenants { .. } | Self::SharedTenantCertificate { .. } => [None, None],
        };
        users.into_iter().flatten()
    }
}

/// Everything that keeps a snapshot from being built.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SnapshotErrors {
    /// At least one.
    pub errors: Vec<SnapshotError>,
}

impl fmt::Display for SnapshotErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, error) in self.errors.iter().enumerate() {
            let separator = if position == 0 { "" } else { "; " };
            write!(f, "{separator}{error}")?;
        }
        Ok(())
    }
}

impl std::error::Error for SnapshotErrors {}

/// Collects users and tenants, in any order, for a [`Snapshot`].
#[derive(Debug, Default)]
pub struct SnapshotBuilder {
    version: Option<u64>,
    users: Vec<User>,
    tenants: Vec<Tenant>,
}

impl SnapshotBuilder {
    /// Adds a user.
    #[must_use]
    pub fn user(mut self, user: User) -> Self {
        self.users.push(user);
        self
    }

    /// Adds a tenant.
    #[must_use]
    pub fn tenant(mut self, tenant: Tenant) -> Self {
        self.tenants.push(tenant);
        self
    }

    /// Gives the version; without it the snapshot has one that no other of this process was given so.
    #[must_use]
    pub fn version(mut self, version: u64) -> Self {
        self.version = Some(version);
        self
    }

    /// Builds the indexes. All errors are told.
    pub fn build(self) -> Result<Snapshot, SnapshotErrors> {
        let mut errors = Vec::new();
        let snapshot = self.index(&mut errors);
        if errors.is_empty() {
            Ok(snapshot)
        } else {
            Err(SnapshotErrors { errors })
        }
    }

    /// Builds the indexes from what may be wrong in part, and tells what is. Nobody signs in by what is wrong: users whom it
    /// concerns are not active, and a tenant's certificate that it concerns is nobody's.
    #[cfg(feature = "sql")]
    pub(crate) fn build_usable(self) -> (Snapshot, Vec<SnapshotError>) {
        let version = self.version;
        let mut errors = Vec::new();
        let snapshot = self.index(&mut errors);
        if errors.is_empty() {
            return (snapshot, errors);
        }
        let mut wrong = Wrong::default();
        for error in &errors {
            wrong.add(error);
        }
        let users = snapshot
            .users
            .values()
            .map(|user| wrong.without_user(user))
            .collect();
        let tenants = snapshot
            .tenants
            .values()
            .map(|tenant| wrong.without_tenant(tenant))
            .collect();
        let usable = Self {
            version,
            users,
            tenants,
        };
        (usable.finish(), errors)
    }

    /// The snapshot without what is wrong with it, for when nothing can be.
    pub(crate) fn finish(self) -> Snapshot {
        self.index(&mut Vec::new())
    }

    fn index(self, errors: &mut Vec<SnapshotError>) -> Snapshot {
        let mut snapshot = Snapshot {
            version: self.version.unwrap_or_else(next_version),
            decoys: decoys(&self.users),
            users: HashMap::with_capacity(self.users.len()),
            tenants: HashMap::with_capacity(self.tenants.len()),
            user_certificates: HashMap::with_capacity(self.users.len()),
            tenant_certificates: HashMap::new(),
            api_keys: HashMap::new(),
        };
        for tenant in self.tenants {
            add_tenant(&mut snapshot, tenant, errors);
        }
        for user in self.users {
            add_user(&mut snapshot, user, errors);
        }
        snapshot
    }
}

/// What errors are about.
#[cfg(feature = "sql")]
#[derive(Default)]
struct Wrong {
    /// Names that no tenant may have.
    names: HashSet<Arc<str>>,
    users: HashSet<Arc<str>>,
    certificates_of_tenants: HashSet<[u8; 32]>,
}

#[cfg(feature = "sql")]
impl Wrong {
    fn add(&mut self, error: &SnapshotError) {
        self.users.extend(error.users().map(Arc::clone));
        match error {
            SnapshotError::BadName { name, .. } | SnapshotError::TwoTenants { name } => {
                self.names.insert(Arc::clone(name));
            }
            SnapshotError::SharedTenantCertificate { fingerprint, .. } => {
                self.certificates_of_tenants.insert(*fingerprint);
            }
            SnapshotError::TwoUsers { .. }
            | SnapshotError::UnknownTenant { .. }
            | SnapshotError::SharedUserCertificate { .. }
            | SnapshotError::SharedApiKey { .. } => {}
        }
    }

    fn without_user(&self, user: &User) -> User {
        let mut user = user.clone();
        let is_of_wrong_tenant = user
            .tenant
            .as_ref()
            .is_some_and(|tenant| self.names.contains(tenant));
        if self.users.contains(&user.name) || is_of_wrong_tenant {
            user.is_active = false;
        }
        user
    }

    fn without_tenant(&self, tenant: &Tenant) -> Tenant {
        let is_wrong = self.names.contains(&tenant.name);
        let certificates = tenant.certificates.iter().copied();
        Tenant {
            name: Arc::clone(&tenant.name),
            certificates: certificates
                .filter(|fingerprint| !is_wrong && !self.certificates_of_tenants.contains(fingerprint))
                .collect(),
        }
    }
}

fn add_tenant(snapshot: &mut Snapshot, tenant: Tenant, errors: &mut Vec<SnapshotError>) {
    let tenant = Arc::new(tenant);
    check(&tenant.name, errors);
    for fingerprint in &tenant.certificates {
        if let Some(first) = claim(&mut snapshot.tenant_certificates, *fingerprint, &tenant) {
            errors.push(SnapshotError::SharedTenantCertificate {
                fingerprint: *fingerprint,
                first: Arc::clone(&first.name),
                second: Arc::clone(&tenant.name),
            });
        }
    }
    let name = Arc::clone(&tenant.name);
    if let Some(first) = snapshot.tenants.insert(name, tenant) {
        errors.push(SnapshotError::TwoTenants {
            name: Arc::clone(&first.name),
        });
    }
}

fn add_user(snapshot: &mut Snapshot, mut user: User, errors: &mut Vec<SnapshotError>) {
    check(&user.name, errors);
    if let Some(tenant) = &user.tenant {
        match snapshot.tenants.get(tenant) {
            // One text for all users of a tenant.
            Some(known) => user.tenant = Some(Arc::clone(&known.name)),
            None => errors.push(SnapshotError::UnknownTenant {
                user: Arc::clone(&user.name),
                tenant: Arc::clone(tenant),
            }),
        }
    }
    let user = Arc::new(user);
    for fingerprint in &user.certificates {
        if let Some(first) = claim(&mut snapshot.user_certificates, *fingerprint, &user) {
            errors.push(SnapshotError::SharedUserCertificate {
                fingerprint: *fingerprint,
                first: Arc::clone(&first.name),
                second: Arc::clone(&user.name),
            });
        }
    }
    add_keys(snapshot, &user, errors);
    let name = Arc::clone(&user.name);
    if let Some(first) = snapshot.users.insert(name, user) {
        errors.push(SnapshotError::TwoUsers {
            name: Arc::clone(&first.name),
        });
    }
}

fn add_keys(snapshot: &mut Snapshot, user: &Arc<User>, errors: &mut Vec<SnapshotError>) {
    for key in &user.api_keys {
        let same_start = snapshot.api_keys.entry(key.hash.prefix()).or_default();
        if let Some(first) = owner(same_start, &key.hash) {
            errors.push(SnapshotError::SharedApiKey {
                key: Arc::clone(&key.name),
                first: Arc::clone(&first.name),
                second: Arc::clone(&user.name),
            });
        }
        same_start.push(OwnedKey {
            key: key.clone(),
            user: Arc::clone(user),
        });
    }
}

fn owner<'a>(keys: &'a [OwnedKey], hash: &ApiKeyHash) -> Option<&'a Arc<User>> {
    keys.iter()
        .find(|owned| owned.key.hash == *hash)
        .map(|owned| &owned.user)
}

/// Enters an owner, and returns another one who is there already.
fn claim<K: Eq + Hash, T>(index: &mut HashMap<K, Arc<T>>, key: K, owner: &Arc<T>) -> Option<Arc<T>> {
    match index.entry(key) {
        Entry::Vacant(place) => {
            place.insert(Arc::clone(owner));
            None
        }
        Entry::Occupied(first) => (!Arc::ptr_eq(first.get(), owner)).then(|| Arc::clone(first.get())),
    }
}

fn check(name: &Arc<str>, errors: &mut Vec<SnapshotError>) {
    if let Err(source) = check_name(name) {
        errors.push(SnapshotError::BadName {
            name: Arc::clone(name),
            source,
        });
    }
}

/// Hashes at the costs that users' hashes have.
fn decoys(users: &[User]) -> Decoys {
    let hashes = users.iter().filter_map(|user| user.password_hash.as_ref());
    Decoys::new(hashes.map(PasswordHash::cost))
}

/// The most common of these costs; the highest where several are as common, the recommended one where there is none.
pub(crate) fn most_common(costs: impl Iterator<Item = Cost>) -> Cost {
    let mut counts: HashMap<Cost, usize> = HashMap::new();
    for cost in costs {
        *counts.entry(cost).or_default() += 1;
    }
    counts
        .into_iter()
        .max_by_key(|&(cost, count)| (count, cost))
        .map_or(Cost::RECOMMENDED, |(cost, _)| cost)
}

fn next_version() -> u64 {
    static LAST: AtomicU64 = AtomicU64::new(0);
    LAST.fetch_add(1, Ordering::Relaxed) + 1
}
