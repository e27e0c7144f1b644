//! Reading a whole directory, a few queries in all.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row as _, query, query_scalar};

use super::records::{
    ApiKeyRecord, CertificateDetails, CertificateId, CertificateRecord, Origin, Owner, PasswordRecord,
    RevocationRecord, TenantRecord, UserRecord, instant,
};
use crate::api_key::{ApiKey, ApiKeyHash};
use crate::builder::SnapshotError;
use crate::fingerprint::{hex, parse_digits};
use crate::password::{BadPasswordHash, PasswordHash};
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
    /// What is wrong with a row, without anything of it.
    fn of_row(&self) -> &str {
        match self {
            // The error names a column, and may quote a value.
            Self::Database(_) => "a value in its rows is of another kind than its column",
            Self::Content(reason) => reason,
        }
    }
}

impl From<sqlx::Error> for Trouble {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error)
    }
}

/// What is wrong with rows, by hand or by another program: each makes its owner unusable, and nobody else.
#[derive(Debug, Default)]
pub(super) struct Faults {
    /// By the names of users.
    of_users: BTreeMap<String, String>,
    /// Of tenants, and of rows that do not say whose they are.
    others: BTreeSet<String>,
}

impl Faults {
    pub(super) fn of_user(&self, name: &str) -> Option<&str> {
        self.of_users.get(name).map(String::as_str)
    }

    /// Everything, for people. It has names of users and tenants, and nothing else of a row.
    pub(super) fn into_texts(self) -> impl Iterator<Item = String> {
        let of_users = self
            .of_users
            .into_iter()
            .map(|(name, fault)| format!("user `{}` cannot sign in: {fault}", name.escape_debug()));
        of_users.chain(self.others)
    }

    fn add_user(&mut self, name: impl Into<String>, fault: impl Into<String>) {
        self.of_users.entry(name.into()).or_insert_with(|| fault.into());
    }

    fn add_owner(&mut self, user: Option<String>, tenant: Option<String>, fault: &str) {
        match (user, tenant) {
            (Some(user), _) => self.add_user(user, fault),
            (None, Some(tenant)) => {
                let tenant = tenant.escape_debug();
                self.others
                    .insert(format!("a row of tenant `{tenant}` is not used: {fault}"));
            }
            (None, None) => {
                self.others.insert(format!("a row is not used: {fault}"));
            }
        }
    }

    fn add_error(&mut self, error: &SnapshotError) {
        let text = error.to_string();
        let mut users = error.users().peekable();
        if users.peek().is_none() {
            self.others.insert(text);
            return;
        }
        users.for_each(|user| self.add_user(&**user, text.as_str()));
    }
}

/// Reads each row by itself; what is wrong with one is that owner's fault, whose name is in the column of that number.
fn each<T>(
    rows: &[AnyRow],
    owner: usize,
    faults: &mut Faults,
    read: impl Fn(&AnyRow) -> Result<T, Trouble>,
) -> Vec<T> {
    let mut read_rows = Vec::with_capacity(rows.len());
    for row in rows {
        match read(row) {
            Ok(read) => read_rows.push(read),
            Err(trouble) => faults.add_owner(row.try_get(owner).ok(), None, trouble.of_row()),
        }
    }
    read_rows
}

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
    errors.iter().for_each(|error| faults.add_error(error));
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

async fn roles(
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

/// Every user with everything on record, in the order of names.
pub(super) async fn users(connection: &mut AnyConnection) -> Result<Vec<UserRecord>, Trouble> {
    let (_, mut faults) = snapshot(connection).await?;
    let mut roles = roles(connection, &mut faults).await?;
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
    let rows = query("SELECT name, tenant, added_at, disabled_at FROM palisade_users ORDER BY name")
        .fetch_all(connection)
        .await?;
    let mut users = Vec::with_capacity(rows.len());
    for row in &rows {
        // Whose name is no text is nobody; the rest of a row that is wrong is left out.
        let Ok(name) = row.try_get::<String, _>(0) else {
            continue;
        };
        let roles = roles.remove(&name).unwrap_or_default();
        users.push(UserRecord {
            tenant: row.try_get(1).unwrap_or_default(),
            roles: roles.iter().map(ToString::to_string).collect(),
            added_at: instant(row.try_get(2).unwrap_or_default()),
            disabled_at: row.try_get::<Option<i64>, _>(3).unwrap_or_default().map(instant),
            is_usable: faults.of_user(&name).is_none(),
            password: passwords.remove(&name),
            certificates: certificates.remove(&name).unwrap_or_default(),
            api_keys: keys.remove(&name).unwrap_or_default(),
            name,
        });
    }
    Ok(users)
}

/// The hash of one user's password. `None` where there is no such user, no password, or none that can be used.
pub(super) async fn password_of(
    connection: &mut AnyConnection,
    name: &str,
) -> Result<Option<PasswordHash>, Trouble> {
    let row = query("SELECT password_hash FROM palisade_users WHERE name = $1")
        .bind(name)
        .fetch_optional(connection)
        .await?;
    let text: Option<String> = row.and_then(|row| row.try_get(0).ok()).flatten();
    Ok(text.and_then(|text| text.parse().ok()))
}

/// What is known of every password, by the names of users. What is no hash is there, without a cost.
pub(super) async fn passwords(
    connection: &mut AnyConnection,
) -> Result<BTreeMap<String, PasswordRecord>, Trouble> {
    let rows = query(
        "SELECT name, password_mark, password_set_at, password_hash FROM palisade_users WHERE password_hash IS NOT NULL \
         ORDER BY name",
    )
    .fetch_all(connection)
    .await?;
    let named = rows
        .iter()
        .filter_map(|row| Some((row.try_get::<String, _>(0).ok()?, row)));
    let rows: Vec<(String, Option<Vec<u8>>, &AnyRow)> = named
        .map(|(name, row)| (name, row.try_get(1).ok(), row))
        .collect();
    let mut with_mark: HashMap<&[u8], Vec<&String>> = HashMap::new();
    for (name, mark, _) in &rows {
        if let Some(mark) = mark {
            with_mark.entry(mark).or_default().push(name);
        }
    }
    let records = rows.iter().map(|(name, mark, row)| {
        let same = mark.as_deref().and_then(|mark| with_mark.get(mark));
        let hash: Option<String> = row.try_get(3).unwrap_or_default();
        let record = PasswordRecord {
            set_at: instant(row.try_get(2).unwrap_or_default()),
            cost: hash.and_then(|hash| Some(password(&hash).ok()?.cost())),
            shared_with: same
                .into_iter()
                .flatten()
                .filter(|other| **other != name)
                .map(|other| (*other).clone())
                .collect(),
        };
        (name.clone(), record)
    });
    Ok(records.collect())
}

/// Every tenant, in the order of names.
pub(super) async fn tenants(connection: &mut AnyConnection) -> Result<Vec<TenantRecord>, Trouble> {
    let mut certificates: HashMap<String, Vec<CertificateRecord>> = HashMap::new();
    for certificate in self::certificates(connection).await? {
        if let Owner::Tenant(name) = &certificate.owner {
            certificates.entry(name.clone()).or_default().push(certificate);
        }
    }
    let rows = query("SELECT name, added_at FROM palisade_tenants ORDER BY name")
        .fetch_all(connection)
        .await?;
    let named = rows
        .iter()
        .filter_map(|row| Some((row.try_get::<String, _>(0).ok()?, row)));
    let tenants = named.map(|(name, row)| TenantRecord {
        certificates: certificates.remove(&name).unwrap_or_default(),
        added_at: instant(row.try_get(1).unwrap_or_default()),
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

/// Every certificate on record, in the order of addition. Rows that are wrong are left out: they are told of as faults.
pub(super) async fn certificates(connection: &mut AnyConnection) -> Result<Vec<CertificateRecord>, Trouble> {
    let rows = query(select_certificates!("")).fetch_all(connection).await?;
    Ok(rows.iter().filter_map(|row| certificate(row).ok()).collect())
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

/// Every API key on record, in the order of creation. Rows that are wrong are left out: they are told of as faults.
pub(super) async fn api_keys(connection: &mut AnyConnection) -> Result<Vec<ApiKeyRecord>, Trouble> {
    let rows = query(
        "SELECT name, user_name, scopes, created_at, expires_at, revoked_at FROM palisade_api_keys ORDER BY created_at, name",
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.iter().filter_map(|row| api_key(row).ok()).collect())
}

fn api_key(row: &AnyRow) -> Result<ApiKeyRecord, sqlx::Error> {
    let scopes: String = row.try_get(2)?;
    Ok(ApiKeyRecord {
        name: row.try_get(0)?,
        user: row.try_get(1)?,
        scopes: scopes.split_whitespace().map(str::to_owned).collect(),
        created_at: instant(row.try_get(3)?),
        expires_at: row.try_get::<Option<i64>, _>(4)?.map(instant),
        revoked_at: row.try_get::<Option<i64>, _>(5)?.map(instant),
    })
}

fn password(text: &str) -> Result<PasswordHash, Trouble> {
    text.parse()
        .map_err(|error: BadPasswordHash| Trouble::Content(error.to_string()))
}

fn digest(digits: &str) -> Result<[u8; 32], Trouble> {
    parse_digits(digits).map_err(|_| Trouble::Content("a digest is not 64 hexadecimal digits".to_owned()))
}
