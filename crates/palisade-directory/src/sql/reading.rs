//! Reading a whole directory, a few queries in all.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row as _, query, query_as, query_scalar};

use super::SqlError;
use super::error::reason;
use super::records::{
    ApiKeyRecord, CertificateDetails, CertificateId, CertificateRecord, Origin, Owner, PasswordRecord,
    RevocationRecord, TenantRecord, UserRecord, instant,
};
use crate::api_key::{ApiKey, ApiKeyHash};
use crate::fingerprint::{hex, parse_digits};
use crate::password::PasswordHash;
use crate::snapshot::Snapshot;
use crate::user::{Tenant, User};

/// What keeps a directory from being read.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The database does not answer.
    Database(sqlx::Error),
    /// What it holds makes no directory.
    Content(String),
}

impl Trouble {
    pub(super) fn at(self, place: &str) -> SqlError {
        let place = place.to_owned();
        match self {
            Self::Database(error) => SqlError::Unusable {
                place,
                reason: reason(&error),
            },
            Self::Content(reason) => SqlError::Corrupt { place, reason },
        }
    }
}

impl From<sqlx::Error> for Trouble {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error)
    }
}

/// Name, tenant, time of disabling, password hash.
type UserRow = (String, Option<String>, Option<i64>, Option<String>);

/// The directory as requests see it: without what is revoked.
pub(super) async fn snapshot(connection: &mut AnyConnection) -> Result<Snapshot, Trouble> {
    let version: i64 = query_scalar("SELECT version FROM palisade_directory")
        .fetch_one(&mut *connection)
        .await?;
    let mut roles = roles(connection).await?;
    let mut keys = live_keys(connection).await?;
    let (mut of_users, mut of_tenants) = live_certificates(connection).await?;

    let mut builder = Snapshot::builder().version(version.cast_unsigned());
    let tenants: Vec<String> = query_scalar("SELECT name FROM palisade_tenants")
        .fetch_all(&mut *connection)
        .await?;
    for name in tenants {
        let certificates = of_tenants.remove(&name).unwrap_or_default();
        let mut tenant = Tenant::new(name);
        tenant.certificates = certificates.into();
        builder = builder.tenant(tenant);
    }
    let users: Vec<UserRow> = query_as("SELECT name, tenant, disabled_at, password_hash FROM palisade_users")
        .fetch_all(&mut *connection)
        .await?;
    for (name, tenant, disabled_at, password_hash) in users {
        let mut user = User::new(name.as_str());
        user.tenant = tenant.map(Arc::from);
        user.roles = roles.remove(&name).unwrap_or_default().into();
        user.is_active = disabled_at.is_none();
        user.password_hash = password_hash.map(|text| password(&name, &text)).transpose()?;
        user.certificates = of_users.remove(&name).unwrap_or_default().into();
        user.api_keys = keys.remove(&name).unwrap_or_default().into();
        builder = builder.user(user);
    }
    builder
        .build()
        .map_err(|errors| Trouble::Content(errors.to_string()))
}

async fn roles(connection: &mut AnyConnection) -> Result<HashMap<String, Vec<Arc<str>>>, Trouble> {
    let rows: Vec<(String, String)> =
        query_as("SELECT user_name, role FROM palisade_roles ORDER BY user_name, role")
            .fetch_all(connection)
            .await?;
    // Few roles, and many who have them.
    let mut known: HashMap<String, Arc<str>> = HashMap::new();
    let mut roles: HashMap<String, Vec<Arc<str>>> = HashMap::new();
    for (user, role) in rows {
        let role = known.entry(role).or_insert_with_key(|role| role.as_str().into());
        roles.entry(user).or_default().push(Arc::clone(role));
    }
    Ok(roles)
}

type Fingerprints = HashMap<String, Vec<[u8; 32]>>;

/// The certificates of users and of tenants that are not revoked.
async fn live_certificates(connection: &mut AnyConnection) -> Result<(Fingerprints, Fingerprints), Trouble> {
    let rows: Vec<(String, Option<String>, Option<String>)> =
        query_as("SELECT sha256, user_name, tenant_name FROM palisade_certificates WHERE revoked_at IS NULL")
            .fetch_all(connection)
            .await?;
    let (mut of_users, mut of_tenants) = (Fingerprints::new(), Fingerprints::new());
    for (sha256, user, tenant) in rows {
        let fingerprint = digest(&sha256)?;
        for (owners, owner) in [(&mut of_users, user), (&mut of_tenants, tenant)] {
            if let Some(owner) = owner {
                owners.entry(owner).or_default().push(fingerprint);
            }
        }
    }
    Ok((of_users, of_tenants))
}

async fn live_keys(connection: &mut AnyConnection) -> Result<HashMap<String, Vec<ApiKey>>, Trouble> {
    let rows: Vec<(String, String, String, Option<i64>)> = query_as(
        "SELECT user_name, sha256, scopes, expires_at FROM palisade_api_keys WHERE revoked_at IS NULL",
    )
    .fetch_all(connection)
    .await?;
    let mut keys: HashMap<String, Vec<ApiKey>> = HashMap::new();
    for (user, sha256, scopes, expires_at) in rows {
        let key = ApiKey::new(ApiKeyHash::from_bytes(digest(&sha256)?))
            .with_scopes(scopes.split_whitespace())
            .expiring_at(expires_at.map(instant));
        keys.entry(user).or_default().push(key);
    }
    Ok(keys)
}

/// Every user with everything on record, in the order of names.
pub(super) async fn users(connection: &mut AnyConnection) -> Result<Vec<UserRecord>, Trouble> {
    let mut roles = roles(connection).await?;
    let mut certificates: HashMap<String, Vec<CertificateRecord>> = HashMap::new();
    for certificate in self::certificates(connection).await? {
        if let Owner::User(name) = &certificate.owner {
            certificates.entry(name.clone()).or_default().push(certificate);
        }
    }
    let mut keys: HashMap<String, Vec<ApiKeyRecord>> = HashMap::new();
    for key in api_keys(connection).await? {
        keys.entry(key.user.clone()).or_default().push(key);
    }
    let mut passwords = passwords(connection).await?;
    let rows: Vec<(String, Option<String>, i64, Option<i64>)> =
        query_as("SELECT name, tenant, added_at, disabled_at FROM palisade_users ORDER BY name")
            .fetch_all(connection)
            .await?;
    let users = rows.into_iter().map(|(name, tenant, added_at, disabled_at)| {
        let roles = roles.remove(&name).unwrap_or_default();
        UserRecord {
            tenant,
            roles: roles.iter().map(ToString::to_string).collect(),
            added_at: instant(added_at),
            disabled_at: disabled_at.map(instant),
            password: passwords.remove(&name),
            certificates: certificates.remove(&name).unwrap_or_default(),
            api_keys: keys.remove(&name).unwrap_or_default(),
            name,
        }
    });
    Ok(users.collect())
}

/// What is known of every password, by the names of users.
pub(super) async fn passwords(
    connection: &mut AnyConnection,
) -> Result<BTreeMap<String, PasswordRecord>, Trouble> {
    let rows: Vec<(String, String, Vec<u8>, i64)> = query_as(
        "SELECT name, password_hash, password_mark, password_set_at FROM palisade_users WHERE password_hash IS NOT NULL \
         ORDER BY name",
    )
    .fetch_all(connection)
    .await?;
    let mut with_mark: HashMap<&[u8], Vec<&String>> = HashMap::new();
    for (name, _, mark, _) in &rows {
        with_mark.entry(mark).or_default().push(name);
    }
    rows.iter()
        .map(|(name, hash, mark, set_at)| {
            let same = with_mark.get(mark.as_slice()).into_iter().flatten();
            let record = PasswordRecord {
                set_at: instant(*set_at),
                cost: password(name, hash)?.cost(),
                shared_with: same
                    .filter(|other| **other != name)
                    .map(|other| (*other).clone())
                    .collect(),
            };
            Ok((name.clone(), record))
        })
        .collect()
}

/// Every tenant, in the order of names.
pub(super) async fn tenants(connection: &mut AnyConnection) -> Result<Vec<TenantRecord>, Trouble> {
    let mut certificates: HashMap<String, Vec<CertificateRecord>> = HashMap::new();
    for certificate in self::certificates(connection).await? {
        if let Owner::Tenant(name) = &certificate.owner {
            certificates.entry(name.clone()).or_default().push(certificate);
        }
    }
    let rows: Vec<(String, i64)> = query_as("SELECT name, added_at FROM palisade_tenants ORDER BY name")
        .fetch_all(connection)
        .await?;
    let tenants = rows.into_iter().map(|(name, added_at)| TenantRecord {
        certificates: certificates.remove(&name).unwrap_or_default(),
        added_at: instant(added_at),
        name,
    });
    Ok(tenants.collect())
}

/// The columns that [`certificate`] reads, of those rows.
macro_rules! select_certificates {
    ($rows:literal) => {
        concat!(
            "SELECT user_name, tenant_name, sha256, label, is_issued, added_at, revoked_at, revocation_reason, subject, issuer, \
             serial, not_before, not_after, der FROM palisade_certificates ",
            $rows,
            " ORDER BY added_at, sha256"
        )
    };
}

/// Every certificate on record, in the order of addition.
pub(super) async fn certificates(connection: &mut AnyConnection) -> Result<Vec<CertificateRecord>, Trouble> {
    let rows = query(select_certificates!("")).fetch_all(connection).await?;
    rows.iter().map(certificate).collect()
}

/// The certificates on record that are meant: of one fingerprint or of one serial number.
pub(super) async fn certificates_of(
    connection: &mut AnyConnection,
    id: &CertificateId,
) -> Result<Vec<CertificateRecord>, Trouble> {
    let rows = match id {
        CertificateId::Fingerprint(fingerprint) => {
            query(select_certificates!("WHERE sha256 = $1")).bind(hex(fingerprint))
        }
        CertificateId::Serial(serial) => {
            query(select_certificates!("WHERE serial = $1")).bind(serial.as_str())
        }
    };
    let rows = rows.fetch_all(connection).await?;
    rows.iter().map(certificate).collect()
}

fn certificate(row: &AnyRow) -> Result<CertificateRecord, Trouble> {
    let owner = match (row.try_get(0)?, row.try_get(1)?) {
        (Some(user), None) => Owner::User(user),
        (None, Some(tenant)) => Owner::Tenant(tenant),
        _ => {
            return Err(Trouble::Content(
                "a certificate belongs to nobody, or to two".to_owned(),
            ));
        }
    };
    let revoked_at: Option<i64> = row.try_get(6)?;
    let reason: Option<String> = row.try_get(7)?;
    Ok(CertificateRecord {
        owner,
        fingerprint: digest(row.try_get(2)?)?,
        label: row.try_get(3)?,
        origin: if row.try_get::<i64, _>(4)? == 1 {
            Origin::Issued
        } else {
            Origin::Registered
        },
        added_at: instant(row.try_get(5)?),
        revoked: revoked_at.map(|at| RevocationRecord {
            at: instant(at),
            reason: reason.unwrap_or_default(),
        }),
        details: details(row)?,
    })
}

/// What a certificate says; all of it is known, or nothing.
fn details(row: &AnyRow) -> Result<Option<CertificateDetails>, Trouble> {
    let Some(der) = row.try_get::<Option<Vec<u8>>, _>(13)? else {
        return Ok(None);
    };
    Ok(Some(CertificateDetails {
        subject: row.try_get(8)?,
        issuer: row.try_get(9)?,
        serial: row.try_get(10)?,
        not_before: instant(row.try_get(11)?),
        not_after: instant(row.try_get(12)?),
        der,
    }))
}

/// Every API key on record, in the order of creation.
pub(super) async fn api_keys(connection: &mut AnyConnection) -> Result<Vec<ApiKeyRecord>, Trouble> {
    type Row = (String, String, String, i64, Option<i64>, Option<i64>);
    let rows: Vec<Row> = query_as(
        "SELECT name, user_name, scopes, created_at, expires_at, revoked_at FROM palisade_api_keys ORDER BY created_at, name",
    )
    .fetch_all(connection)
    .await?;
    let keys =
        rows.into_iter().map(
            |(name, user, scopes, created_at, expires_at, revoked_at)| ApiKeyRecord {
                name,
                user,
                scopes: scopes.split_whitespace().map(str::to_owned).collect(),
                created_at: instant(created_at),
                expires_at: expires_at.map(instant),
                revoked_at: revoked_at.map(instant),
            },
        );
    Ok(keys.collect())
}

fn password(user: &str, text: &str) -> Result<PasswordHash, Trouble> {
    text.parse().map_err(|_| {
        Trouble::Content(format!(
            "the password hash of user `{}` is no PHC string of argon2id",
            user.escape_debug()
        ))
    })
}

fn digest(digits: &str) -> Result<[u8; 32], Trouble> {
    parse_digits(digits).map_err(|_| Trouble::Content("a digest is not 64 hexadecimal digits".to_owned()))
}
