//! Reading what is on record, for administration, a few queries in all.

use std::collections::{BTreeMap, HashMap};

use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row as _, query};

use super::faults::Trouble;
use super::records::{
    ApiKeyRecord, CertificateDetails, CertificateId, CertificateRecord, Origin, Owner, PasswordRecord,
    RevocationRecord, TenantRecord, UserRecord, instant,
};
use super::snapshot::{roles, snapshot};
use crate::fingerprint::{hex, parse_digits};
use crate::password::{BadPasswordHash, PasswordHash};

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

pub(super) fn password(text: &str) -> Result<PasswordHash, Trouble> {
    text.parse()
        .map_err(|error: BadPasswordHash| Trouble::Content(error.to_string()))
}

pub(super) fn digest(digits: &str) -> Result<[u8; 32], Trouble> {
    parse_digits(digits).map_err(|_| Trouble::Content("a digest is not 64 hexadecimal digits".to_owned()))
}
