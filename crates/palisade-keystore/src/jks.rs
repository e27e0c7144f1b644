//! JKS, the keystore of Java up to version 8, read and written.
//!
//! 1. The digest over the whole file is verified before anything in it is believed; it needs the password.
//! 2. A key has a password of its own, or that of the store. Another one is an error that names the alias.
//! 3. Every length is checked against what is left of the file before anything is reserved or read.
//! 4. Aliases are lower-case, as Java has them; two entries of one alias are an error.
//! 5. JCEKS is another format, and refused.
//!
//! What it does not protect against: all of it rests on single rounds of SHA-1, so that a weak password is found in seconds
//! by whoever has the file. That is a finding (`keystore-format-weak`).

mod file;
mod modified_utf8;
mod protection;

use std::collections::BTreeSet;
use std::path::Path;
use std::time::SystemTime;

use palisade_core::{Finding, Severity};
use zeroize::Zeroizing;

use self::file::{Broken, RawEntry};
use crate::entry::{Certificate, Entry, KeyEntry};
use crate::error::StoreError;
use crate::pem::outside_chain;
use crate::private_key::PrivateKey;
use crate::settings::Passwords;
use crate::store::Contents;

/// What starts a JKS file.
pub(crate) const MAGIC: [u8; 4] = [0xfe, 0xed, 0xfe, 0xed];
/// What starts a JCEKS file.
pub(crate) const JCEKS_MAGIC: [u8; 4] = [0xce, 0xce, 0xce, 0xce];

/// Opens a store.
pub(crate) fn read(path: &Path, bytes: &[u8], passwords: Passwords<'_>) -> Result<Contents, Vec<StoreError>> {
    let password = passwords.store().ok_or_else(|| {
        vec![StoreError::PasswordMissing {
            path: path.to_owned(),
        }]
    })?;
    let entries = file::read(bytes, password).map_err(|broken| {
        vec![match broken {
            Broken::Digest => StoreError::WrongPassword {
                path: path.to_owned(),
            },
            Broken::Structure(reason) => StoreError::Damaged {
                path: path.to_owned(),
                reason,
            },
        }]
    })?;
    let mut contents = Contents::default();
    let mut errors = Vec::new();
    let mut aliases = BTreeSet::new();
    for raw in entries {
        if aliases.insert(raw.alias().to_owned()) {
            match entry(path, raw, passwords, &mut contents) {
                Ok(entry) => contents.entries.push(entry),
                Err(error) => errors.push(error),
            }
        } else {
            errors.push(StoreError::DuplicateAlias {
                alias: raw.alias().to_owned(),
            });
        }
    }
    if contents.entries.is_empty() && errors.is_empty() {
        errors.push(StoreError::Empty {
            path: path.to_owned(),
        });
    }
    contents.findings.push(Finding::new(
        Severity::Caution,
        "keystore-format-weak",
        format!(
            "{} is a JKS file, which rests on SHA-1 alone; PKCS#12 written by a current `keytool` is stronger",
            path.display()
        ),
    ));
    if errors.is_empty() {
        Ok(contents)
    } else {
        Err(errors)
    }
}

fn entry(
    path: &Path,
    raw: RawEntry<'_>,
    passwords: Passwords<'_>,
    contents: &mut Contents,
) -> Result<Entry, StoreError> {
    let certificate = |der: &[u8], alias: &str| {
        Certificate::from_der(der.to_vec()).map_err(|error| StoreError::Damaged {
            path: path.to_owned(),
            reason: format!("alias `{alias}`: {error}"),
        })
    };
    match raw {
        RawEntry::Trusted { alias, der } => Ok(Entry::Certificates {
            certificates: [certificate(der, &alias)?].into(),
            alias,
        }),
        RawEntry::Key { alias, sealed, chain } => {
            let password = passwords.key(&alias).unwrap_or_default();
            let pkcs8 = protection::open(sealed, password).map_err(|error| match error {
                protection::NotOpened::Structure => StoreError::Damaged {
                    path: path.to_owned(),
                    reason: format!("alias `{alias}`: its key is not sealed as JKS seals keys"),
                },
                protection::NotOpened::Password => StoreError::KeyPassword {
                    alias: alias.clone(),
                    own: passwords.has_own(&alias),
                },
            })?;
            let certificates: Result<Vec<_>, _> = chain.iter().map(|der| certificate(der, &alias)).collect();
            match PrivateKey::from_der(&pkcs8) {
                Ok(key) => {
                    let (entry, outside) = KeyEntry::assemble(&alias, key, certificates?)?;
                    let found = outside
                        .iter()
                        .map(|certificate| outside_chain(&alias, certificate));
                    contents.findings.extend(found);
                    Ok(Entry::Key(entry.into()))
                }
                Err(reason) => Ok(Entry::Unusable {
                    alias,
                    reason: reason.into(),
                }),
            }
        }
    }
}

/// An entry to write.
pub(crate) struct NewEntry<'a> {
    /// The alias, in lower case.
    pub(crate) alias: &'a str,
    /// The private key, as PKCS#8, and its own password.
    pub(crate) key: Option<(&'a [u8], &'a str)>,
    /// The chain of the key, or the one trusted certificate.
    pub(crate) certificates: Vec<&'a [u8]>,
}

/// Writes a store that Java opens. `None` where something is too long for the format, or no random bytes are to be had.
pub(crate) fn write(entries: &[NewEntry<'_>], password: &str, now: SystemTime) -> Option<Zeroizing<Vec<u8>>> {
    file::write(entries, password, now)
}
