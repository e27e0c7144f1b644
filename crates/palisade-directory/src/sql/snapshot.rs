//! Reading the directory as requests see it, a few queries in all.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row as _, query, query_scalar};

use super::faults::{Faults, Trouble, each};
use super::reading::{digest, password};
use super::records::instant;
use crate::api_key::{ApiKey, ApiKeyHash};
use crate::password::PasswordHash;
use crate::snapshot::Snapshot;
use crate::user::{Tenant, User};

/// The directory as requests see it: without what is revoked. What cannot be used makes its owner inactive.
pub(super) async fn snapshot(connection: &mut AnyConnection) -> Result<(Snapshot, Faults), Trouble> {
    let version: i64 = query_scalar("SELECT version FROM palisade_directory")
        .fetch_one(&mut *connection)
        .await?;
    let mut faults = Faults::default();
    let mut roles = roles(connection, &mut faults).await?;
    let mut keys = live_keys(connection, &mut faults).await?;
    let (mut of_users, mut of_tenants) = live_certificates(connection, &mut faults).await?;

    let mut builder = Snapshot::builder().version(version.cast_unsigned());
    for mut user in users_alone(connection, &mut faults).await? {
        user.roles = roles.remove(&*user.name).unwrap_or_default().into();
        user.certificates = of_users.remove(&*user.name).unwrap_or_default().into();
        user.api_keys = keys.remove(&*user.name).unwrap_or_default().into();
        if faults.of_user(&user.name).is_some() {
            user.is_active = false;
        }
        builder = builder.user(user);
    }
    // Certificates of a user whom there is not must not speak for a tenant in that user's place.
    let ownerless: HashSet<[u8; 32]> = of_users.into_values().flatten().collect();
    for name in tenant_names(connection, &mut faults).await? {
        let mut certificates = of_tenants.remove(&name).unwrap_or_default();
        certificates.retain(|fingerprint| !ownerless.contains(fingerprint));
        let mut tenant = Tenant::new(name);
        tenant.certificates = certificates.into();
        builder = builder.tenant(tenant);
    }
    let (snapshot, errors) = builder.build_usable();
    for error in &errors {
        faults.add_error(error);
    }
    Ok((snapshot, faults))
}

/// Users with their tenants and passwords.
async fn users_alone(connection: &mut AnyConnection, faults: &mut Faults) -> Result<Vec<User>, Trouble> {
    let rows = query("SELECT name, tenant, disabled_at, password_hash FROM palisade_users")
        .fetch_all(connection)
        .await?;
    let mut users = Vec::with_capacity(rows.len());
    for row in &rows {
        let Ok(name) = row.try_get::<String, _>(0) else {
            faults.add_owner(None, None, "the name of a user is no text");
            continue;
        };
        let mut user = User::new(name.as_str());
        match user_row(row) {
            Ok((tenant, is_active, hash)) => {
                user.tenant = tenant.map(Arc::from);
                user.is_active = is_active;
                user.password_hash = hash;
            }
            Err(trouble) => {
                user.is_active = false;
                faults.add_user(name, trouble.of_row());
            }
        }
        users.push(user);
    }
    Ok(users)
}

/// Tenant, whether active, password hash.
fn user_row(row: &AnyRow) -> Result<(Option<String>, bool, Option<PasswordHash>), Trouble> {
    let disabled_at: Option<i64> = row.try_get(2)?;
    let hash: Option<String> = row.try_get(3)?;
    let hash = hash.as_deref().map(password).transpose()?;
    Ok((row.try_get(1)?, disabled_at.is_none(), hash))
}

async fn tenant_names(connection: &mut AnyConnection, faults: &mut Faults) -> Result<Vec<String>, Trouble> {
    let rows = query("SELECT name FROM palisade_tenants")
        .fetch_all(connection)
        .await?;
    let mut names = Vec::with_capacity(rows.len());
    for row in &rows {
        match row.try_get(0) {
            Ok(name) => names.push(name),
            Err(_) => faults.add_owner(None, None, "the name of a tenant is no text"),
        }
    }
    Ok(names)
}

/// The roles of users, by their names.
pub(super) async fn roles(
    connection: &mut AnyConnection,
    faults: &mut Faults,
) -> Result<HashMap<String, Vec<Arc<str>>>, Trouble> {
    let rows = query("SELECT user_name, role FROM palisade_roles ORDER BY user_name, role")
        .fetch_all(connection)
        .await?;
    // Few roles, and many who have them.
    let mut known: HashMap<String, Arc<str>> = HashMap::new();
    let mut roles: HashMap<String, Vec<Arc<str>>> = HashMap::new();
    let read = |row: &AnyRow| Ok((row.try_get::<String, _>(0)?, row.try_get::<String, _>(1)?));
    for (user, role) in each(&rows, 0, faults, read) {
        let role = known.entry(role).or_insert_with_key(|role| role.as_str().into());
        roles.entry(user).or_default().push(Arc::clone(role));
    }
    Ok(roles)
}

type Fingerprints = HashMap<String, Vec<[u8; 32]>>;

/// The certificates of users and of tenants that are not revoked.
async fn live_certificates(
    connection: &mut AnyConnection,
    faults: &mut Faults,
) -> Result<(Fingerprints, Fingerprints), Trouble> {
    let rows =
        query("SELECT user_name, tenant_name, sha256 FROM palisade_certificates WHERE revoked_at IS NULL")
            .fetch_all(connection)
            .await?;
    let (mut of_users, mut of_tenants) = (Fingerprints::new(), Fingerprints::new());
    for row in &rows {
        let owners = [
            row.try_get(0).unwrap_or_default(),
            row.try_get(1).unwrap_or_default(),
        ];
        let [user, tenant]: [Option<String>; 2] = owners;
        match row.try_get(2).map_err(Trouble::from).and_then(digest) {
            Ok(fingerprint) => {
                for (owners, owner) in [(&mut of_users, user), (&mut of_tenants, tenant)] {
                    if let Some(owner) = owner {
                        owners.entry(owner).or_default().push(fingerprint);
                    }
                }
            }
            Err(trouble) => faults.add_owner(user, tenant, trouble.of_row()),
        }
    }
    Ok((of_users, of_tenants))
}

async fn live_keys(
    connection: &mut AnyConnection,
    faults: &mut Faults,
) -> Result<HashMap<String, Vec<ApiKey>>, Trouble> {
    let rows =
        query("SELECT user_name, sha256, scopes, expires_at FROM palisade_api_keys WHERE revoked_at IS NULL")
            .fetch_all(connection)
            .await?;
    let mut keys: HashMap<String, Vec<ApiKey>> = HashMap::new();
    let read = |row: &AnyRow| {
        let scopes: String = row.try_get(2)?;
        let key = ApiKey::new(ApiKeyHash::from_bytes(digest(row.try_get(1)?)?))
            .with_scopes(scopes.split_whitespace())
            .expiring_at(row.try_get::<Option<i64>, _>(3)?.map(instant));
        Ok((row.try_get::<String, _>(0)?, key))
    };
    for (user, key) in each(&rows, 0, faults, read) {
        keys.entry(user).or_default().push(key);
    }
    Ok(keys)
}
