//! A directory of the property files.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;

use palisade_core::{Finding, Severity};
use palisade_keystore::{Keystores, LookupError};

use crate::api_key::{ApiKey, BadApiKeyHash};
use crate::builder::{SnapshotBuilder, SnapshotError, most_common};
use crate::fingerprint::{BadFingerprint, is_fingerprint, parse_fingerprint};
use crate::name::{BadName, check_name};
use crate::password::{BadPasswordHash, Cost, PasswordHash};
use crate::settings::{TenantSettings, UserSettings};
use crate::snapshot::Snapshot;
use crate::user::{Tenant, User};

/// A setting that no directory can be made of.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{key}: {reason}")]
#[non_exhaustive]
pub struct SettingsFault {
    /// The property, such as `palisade.users.alice.certificates[1]`.
    pub key: String,
    /// What is wrong with it, and what was expected.
    #[source]
    pub reason: Reason,
}

/// What is wrong with a setting. No text shows a hash.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Reason {
    /// A name that does not follow the grammar.
    #[error(transparent)]
    Name(#[from] BadName),
    /// No hash of a password.
    #[error(transparent)]
    PasswordHash(#[from] BadPasswordHash),
    /// No fingerprint, but meant as one.
    #[error(transparent)]
    Fingerprint(#[from] BadFingerprint),
    /// No alias of a certificate.
    #[error("expected `sha256:` and 64 hexadecimal digits, or the alias of a certificate: {0}")]
    Alias(#[from] LookupError),
    /// No hash of an API key.
    #[error(transparent)]
    ApiKey(#[from] BadApiKeyHash),
    /// A tenant that there is not.
    #[error("expected a tenant of `palisade.tenants`, which has no `{}`", .0.escape_debug())]
    UnknownTenant(String),
    /// What stands there stands elsewhere too.
    #[error("expected another one than `{other}` has")]
    Twice {
        /// The other property.
        other: String,
    },
    /// What the settings say together makes no directory.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
}

/// Makes a directory of `palisade.users` and `palisade.tenants`; aliases of certificates are looked up in `keystores`.
///
/// All that is wrong is told at once. The findings are about passwords: two users with one hash, a hash that is too cheap or too
/// costly to compute, and one whose cost differs from most others', which tells users apart by time.
pub fn from_settings(
    users: &BTreeMap<String, UserSettings>,
    tenants: &BTreeMap<String, TenantSettings>,
    keystores: &Keystores,
) -> Result<(Snapshot, Vec<Finding>), Vec<SettingsFault>> {
    let mut reader = Reader {
        keystores,
        faults: Vec::new(),
    };
    let mut builder = Snapshot::builder();
    let mut seen = HashMap::new();
    for (name, settings) in tenants {
        builder = builder.tenant(reader.tenant(name, settings, &mut seen));
    }
    let mut seen = Seen::default();
    let mut read = Vec::with_capacity(users.len());
    for (name, settings) in users {
        read.push(reader.user(name, settings, tenants, &mut seen));
    }
    if !reader.faults.is_empty() {
        return Err(reader.faults);
    }
    let findings = findings(&read);
    let snapshot = read.into_iter().fold(builder, SnapshotBuilder::user);
    // What it refuses was found above, each with its key; should something be left, it is told without.
    let snapshot = snapshot.build().map_err(|errors| {
        let faults = errors.errors.into_iter().map(|error| SettingsFault {
            key: "palisade.users".to_owned(),
            reason: error.into(),
        });
        faults.collect::<Vec<_>>()
    })?;
    Ok((snapshot, findings))
}

/// Where users' certificates and keys were seen first.
#[derive(Default)]
struct Seen {
    certificates: HashMap<[u8; 32], String>,
    keys: HashMap<[u8; 32], String>,
}

/// Reads users and tenants, and keeps what is wrong with them.
struct Reader<'a> {
    keystores: &'a Keystores,
    faults: Vec<SettingsFault>,
}

impl Reader<'_> {
    fn tenant(
        &mut self,
        name: &str,
        settings: &TenantSettings,
        seen: &mut HashMap<[u8; 32], String>,
    ) -> Tenant {
        let key = format!("palisade.tenants.{name}");
        self.take(&key, check_name(name));
        self.certificates(&key, &settings.certificates, seen)
            .into_iter()
            .fold(Tenant::new(name), Tenant::with_certificate)
    }

    fn user(
        &mut self,
        name: &str,
        settings: &UserSettings,
        tenants: &BTreeMap<String, TenantSettings>,
        seen: &mut Seen,
    ) -> User {
        let key = format!("palisade.users.{name}");
        self.take(&key, check_name(name));
        let mut user = User::new(name).with_roles(settings.roles.iter().map(String::as_str));
        for (position, role) in settings.roles.iter().enumerate() {
            self.take(&format!("{key}.roles[{position}]"), check_name(role));
        }
        if let Some(tenant) = &settings.tenant {
            if !tenants.contains_key(tenant) {
                self.fault(format!("{key}.tenant"), Reason::UnknownTenant(tenant.clone()));
            }
            user = user.of_tenant(tenant.as_str());
        }
        if let Some(hash) = &settings.password_hash {
            user.password_hash = self.take(&format!("{key}.password-hash"), hash.expose().parse());
        }
        for (position, text) in settings.api_key_hashes.iter().enumerate() {
            let key = format!("{key}.api-key-hashes[{position}]");
            if let Some(api_key) = self.take(&key, text.expose().parse::<ApiKey>())
                && self.is_first(&mut seen.keys, *api_key.hash.as_bytes(), key)
            {
                user = user.with_api_key(api_key);
            }
        }
        let certificates = self.certificates(&key, &settings.certificates, &mut seen.certificates);
        user = certificates.into_iter().fold(user, User::with_certificate);
        user.is_active = settings.active;
        user
    }

    /// The fingerprints that a list of certificates means.
    fn certificates(
        &mut self,
        owner: &str,
        written: &[String],
        seen: &mut HashMap<[u8; 32], String>,
    ) -> Vec<[u8; 32]> {
        let mut fingerprints = Vec::with_capacity(written.len());
        for (position, text) in written.iter().enumerate() {
            let key = format!("{owner}.certificates[{position}]");
            if let Some(fingerprint) = self.certificate(&key, text)
                && self.is_first(seen, fingerprint, key)
            {
                fingerprints.push(fingerprint);
            }
        }
        fingerprints
    }

    fn certificate(&mut self, key: &str, text: &str) -> Option<[u8; 32]> {
        if is_fingerprint(text) {
            return self.take(key, parse_fingerprint(text));
        }
        self.take(key, of_alias(self.keystores, text))
    }

    /// Whether something has not been seen before; where it has, that is wrong.
    fn is_first<K: Eq + Hash>(&mut self, seen: &mut HashMap<K, String>, item: K, key: String) -> bool {
        if let Some(other) = seen.get(&item).cloned() {
            self.fault(key, Reason::Twice { other });
            return false;
        }
        seen.insert(item, key);
        true
    }

    fn take<T, E: Into<Reason>>(&mut self, key: &str, result: Result<T, E>) -> Option<T> {
        result
            .map_err(|error| self.fault(key.to_owned(), error.into()))
            .ok()
    }

    fn fault(&mut self, key: String, reason: Reason) {
        self.faults.push(SettingsFault { key, reason });
    }
}

/// The fingerprint of the certificate under an alias; of a chain, that of its first.
fn of_alias(keystores: &Keystores, alias: &str) -> Result<[u8; 32], LookupError> {
    let certificates = keystores.certificates(alias)?;
    if let [certificate] = certificates.as_slice() {
        return Ok(certificate.facts().fingerprint);
    }
    let key = keystores.public_key(alias)?;
    key.certificate()
        .map(|certificate| certificate.facts().fingerprint)
        .ok_or_else(|| LookupError::SeveralCertificates {
            alias: alias.to_owned(),
            count: certificates.len(),
        })
}

/// What is unwise about the passwords of users, who are in the order of their names.
fn findings(users: &[User]) -> Vec<Finding> {
    let with_hashes: Vec<(&User, &PasswordHash)> = users
        .iter()
        .filter_map(|user| Some((user, user.password_hash.as_ref()?)))
        .collect();
    let common = most_common(with_hashes.iter().map(|(_, hash)| hash.cost()));
    let mut first_with: HashMap<String, &User> = HashMap::new();
    let mut findings = Vec::new();
    for (user, hash) in with_hashes {
        let name = &user.name;
        let key = format!("palisade.users.{name}.password-hash");
        if let Some(first) = first_with.get(hash.to_phc().expose()) {
            let message = format!(
                "users `{}` and `{name}` have one password hash, and so one password",
                first.name
            );
            findings.push(Finding::new(Severity::Moderate, "password-reused", message).at(key.clone()));
        } else {
            first_with.insert(hash.to_phc().expose().to_owned(), user);
        }
        let of_cost = of_cost(name, hash.cost(), common).into_iter();
        findings.extend(of_cost.map(|finding| finding.at(key.clone())));
    }
    findings
}

/// What is unwise about the cost of a hash, where most others cost `common`.
pub(crate) fn of_cost(name: &str, cost: Cost, common: Cost) -> Vec<Finding> {
    let recommended = Cost::RECOMMENDED;
    let mut findings = Vec::new();
    if !cost.is_sufficient() {
        let message = format!(
            "the hash of `{name}`'s password is too cheap to guess at: {cost}, where {recommended} is the least"
        );
        findings.push(Finding::new(Severity::Moderate, "password-hash-weak", message));
    }
    if cost.is_costly() {
        let message = format!(
            "the hash of `{name}`'s password costs {cost}, more than twice as much as {recommended}: few requests with wrong \
             passwords keep a server busy"
        );
        findings.push(Finding::new(Severity::Moderate, "password-hash-costly", message));
    }
    if cost != common {
        let message = format!(
            "the hash of `{name}`'s password costs {cost}, and most others {common}: the time of an answer tells whose password \
             was tried, or that it is one of few"
        );
        findings.push(Finding::new(
            Severity::Moderate,
            "password-hash-cost-differs",
            message,
        ));
    }
    findings
}

#[cfg(test)]
mod tests;
