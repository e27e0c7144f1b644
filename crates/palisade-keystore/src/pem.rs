//! PEM (RFC 7468): single files, and folders of them.
//!
//! 1. A folder gives one alias per file stem; `server.crt` and `server.key` are one entry. Names that start with a dot, and files
//!    of other extensions, are left alone.
//! 2. Text around the sections is ignored; a section that does not end, or is no base64, is an error.
//! 3. Sections that are neither keys nor certificates (parameters, requests, revocation lists) are skipped.
//! 4. A file without sections may be one DER certificate or key.

pub(crate) mod sections;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use palisade_core::{Finding, Severity};

use self::sections::{Section, sections};
use crate::entry::{Certificate, Entry, KeyEntry};
use crate::error::StoreError;
use crate::private_key::{BadPrivateKey, PrivateKey};
use crate::public_key::{BadPublicKey, PublicKey};
use crate::settings::Passwords;
use crate::store::{Contents, read_file};

const EXTENSIONS: [&str; 5] = ["pem", "crt", "cer", "der", "key"];

/// Reads one file, known by the keystore's name.
pub(crate) fn read_single(
    name: &str,
    path: &Path,
    bytes: &[u8],
    passwords: Passwords<'_>,
) -> Result<Contents, Vec<StoreError>> {
    let mut contents = Contents::default();
    let mut material = Material::default();
    material
        .add(path, bytes, passwords.key(name))
        .map_err(|error| vec![error])?;
    material
        .finish(name, path, &mut contents)
        .map_err(|error| vec![error])?;
    Ok(contents)
}

/// Reads a folder: one alias per file stem. All faulty files are reported.
pub(crate) fn read_folder(folder: &Path, passwords: Passwords<'_>) -> Result<Contents, Vec<StoreError>> {
    let mut contents = Contents::default();
    let mut errors = Vec::new();
    let files = files_by_stem(folder).map_err(|error| vec![error])?;
    if files.is_empty() {
        return Err(vec![StoreError::Empty {
            path: folder.to_owned(),
        }]);
    }
    for (stem, paths) in files {
        let mut read = || {
            let mut material = Material::default();
            for path in &paths {
                material.add(path, &read_file(path)?, passwords.key(&stem))?;
            }
            // A revocation list or parameters among the certificates are somebody else's business.
            if material.is_foreign() {
                return Ok(());
            }
            material.finish(
                &stem,
                paths.first().map_or(folder, PathBuf::as_path),
                &mut contents,
            )
        };
        errors.extend(read().err());
    }
    if errors.is_empty() && contents.entries.is_empty() {
        return Err(vec![StoreError::Empty {
            path: folder.to_owned(),
        }]);
    }
    if errors.is_empty() {
        Ok(contents)
    } else {
        Err(errors)
    }
}

fn files_by_stem(folder: &Path) -> Result<BTreeMap<String, Vec<PathBuf>>, StoreError> {
    let unreadable = |error: std::io::Error| StoreError::Unreadable {
        path: folder.to_owned(),
        reason: error.to_string(),
    };
    let mut files: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
    for item in fs::read_dir(folder).map_err(unreadable)? {
        let path = item.map_err(unreadable)?.path();
        let (Some(stem), Some(extension)) = (
            path.file_stem().and_then(|stem| stem.to_str()),
            path.extension().and_then(|ext| ext.to_str()),
        ) else {
            continue;
        };
        let wanted = EXTENSIONS
            .iter()
            .any(|known| known.eq_ignore_ascii_case(extension));
        if wanted && !stem.starts_with('.') && path.is_file() {
            files.entry(stem.to_owned()).or_default().push(path);
        }
    }
    for paths in files.values_mut() {
        paths.sort();
    }
    Ok(files)
}

/// What the files of one alias hold.
#[derive(Default)]
struct Material {
    keys: Vec<Result<PrivateKey, BadPrivateKey>>,
    certificates: Vec<Certificate>,
    public_keys: Vec<PublicKey>,
    findings: Vec<Finding>,
    /// Whether there are sections that are neither keys nor certificates.
    has_others: bool,
}

impl Material {
    /// Whether there are sections, and none of them is a key or a certificate.
    fn is_foreign(&self) -> bool {
        self.has_others && self.keys.is_empty() && self.certificates.is_empty() && self.public_keys.is_empty()
    }

    fn add(&mut self, path: &Path, bytes: &[u8], password: Option<&str>) -> Result<(), StoreError> {
        let keys_before = self.keys.len();
        let sections = sections(bytes).map_err(|reason| damaged(path, reason))?;
        let mut exposed = false;
        if sections.is_empty() {
            exposed |= self.add_der(path, bytes)?;
        }
        for section in &sections {
            exposed |= self.add_section(path, section, password)?;
        }
        if exposed && self.keys.len() > keys_before {
            self.findings.extend(readable_by_others(path));
        }
        Ok(())
    }

    /// Takes a file that is DER throughout. Returns whether it holds a key in the clear.
    fn add_der(&mut self, path: &Path, bytes: &[u8]) -> Result<bool, StoreError> {
        if let Ok(certificate) = Certificate::from_der(bytes.to_vec()) {
            self.add_certificate(certificate);
            return Ok(false);
        }
        if let Ok(key) = PublicKey::from_spki("", bytes) {
            self.add_public_key(path, Ok(key))?;
            return Ok(false);
        }
        let key = PrivateKey::from_der(bytes).map_err(|_| StoreError::WrongFormat {
            path: path.to_owned(),
            expected: "PEM, nor a DER certificate or key".to_owned(),
        })?;
        self.keys.push(Ok(key));
        Ok(true)
    }

    /// Takes one section. Returns whether it is a key in the clear.
    fn add_section(
        &mut self,
        path: &Path,
        section: &Section,
        password: Option<&str>,
    ) -> Result<bool, StoreError> {
        let unusable = |reason| StoreError::PrivateKey {
            path: path.to_owned(),
            reason,
        };
        match section.label.as_str() {
            "CERTIFICATE" | "X509 CERTIFICATE" => {
                let certificate = Certificate::from_der(section.der.to_vec())
                    .map_err(|error| damaged(path, error.to_string()))?;
                self.add_certificate(certificate);
            }
            "TRUSTED CERTIFICATE" => {
                return Err(StoreError::WrongFormat {
                    path: path.to_owned(),
                    expected: "plain PEM: it holds an OpenSSL `TRUSTED CERTIFICATE` (`openssl x509` writes a plain one)".to_owned(),
                });
            }
            "ENCRYPTED PRIVATE KEY" => {
                let key = PrivateKey::from_encrypted_der(&section.der, password);
                match key {
                    Err(reason @ BadPrivateKey::Unsupported) => self.keys.push(Err(reason)),
                    other => self.keys.push(Ok(other.map_err(unusable)?)),
                }
            }
            "PUBLIC KEY" => self.add_public_key(path, PublicKey::from_spki("", &section.der))?,
            "RSA PUBLIC KEY" => self.add_public_key(path, PublicKey::from_pkcs1("", &section.der))?,
            label if label.ends_with("PRIVATE KEY") => {
                if section.encrypted {
                    return Err(unusable(BadPrivateKey::UnsupportedEncryption));
                }
                self.keys.push(PrivateKey::from_der(&section.der));
                return Ok(true);
            }
            _ => self.has_others = true,
        }
        Ok(false)
    }

    fn add_certificate(&mut self, certificate: Certificate) {
        if !self.certificates.contains(&certificate) {
            self.certificates.push(certificate);
        }
    }

    fn add_public_key(
        &mut self,
        path: &Path,
        key: Result<PublicKey, BadPublicKey>,
    ) -> Result<(), StoreError> {
        let key = key.map_err(|reason| StoreError::PublicKey {
            path: path.to_owned(),
            reason,
        })?;
        let known = |other: &PublicKey| other.spki_der() == key.spki_der();
        if !self.public_keys.iter().any(known) {
            self.public_keys.push(key);
        }
        Ok(())
    }

    fn finish(self, alias: &str, path: &Path, contents: &mut Contents) -> Result<(), StoreError> {
        contents.findings.extend(self.findings);
        let count = self.keys.len();
        let mut keys = self.keys.into_iter();
        match (keys.next(), count) {
            (_, 2..) => Err(StoreError::SeveralKeys {
                alias: alias.to_owned(),
                count,
            }),
            (None, _) if self.certificates.is_empty() => {
                contents
                    .entries
                    .push(only_public_key(alias, path, &self.public_keys)?);
                Ok(())
            }
            (None, _) => {
                belongs_to(alias, &self.public_keys, &self.certificates)?;
                contents.entries.push(Entry::Certificates {
                    alias: alias.to_owned(),
                    certificates: self.certificates.into(),
                });
                Ok(())
            }
            (Some(Err(reason)), _) => Err(StoreError::PrivateKey {
                path: path.to_owned(),
                reason,
            }),
            (Some(Ok(key)), _) => {
                let (entry, outside) = KeyEntry::assemble(alias, key, self.certificates)?;
                let own = entry.public_key().spki_der();
                if self.public_keys.iter().any(|key| key.spki_der() != own) {
                    return Err(StoreError::PublicKeyDoesNotFit {
                        alias: alias.to_owned(),
                    });
                }
                contents.findings.extend(
                    outside
                        .iter()
                        .map(|certificate| outside_chain(alias, certificate)),
                );
                contents.entries.push(Entry::Key(entry.into()));
                Ok(())
            }
        }
    }
}

/// A file of public keys alone: there must be one.
fn only_public_key(alias: &str, path: &Path, keys: &[PublicKey]) -> Result<Entry, StoreError> {
    match keys {
        [] => Err(StoreError::Empty {
            path: path.to_owned(),
        }),
        [key] => Ok(Entry::PublicKey(key.known_as(alias))),
        several => Err(StoreError::SeveralKeys {
            alias: alias.to_owned(),
            count: several.len(),
        }),
    }
}

/// Public keys beside certificates say nothing new, or contradict them.
fn belongs_to(alias: &str, keys: &[PublicKey], certificates: &[Certificate]) -> Result<(), StoreError> {
    let fits = |key: &PublicKey| {
        certificates
            .iter()
            .any(|certificate| certificate.spki().is_ok_and(|spki| spki == key.spki_der()))
    };
    if keys.iter().all(fits) {
        Ok(())
    } else {
        Err(StoreError::PublicKeyDoesNotFit {
            alias: alias.to_owned(),
        })
    }
}

/// A certificate lies beside a chain and belongs to it by no signature.
pub(crate) fn outside_chain(alias: &str, certificate: &Certificate) -> Finding {
    let subject = &certificate.facts().subject;
    Finding::new(
        Severity::Caution,
        "certificate-outside-chain",
        format!("the certificate of `{subject}` beside alias `{alias}` belongs to no chain and is not used"),
    )
}

#[cfg(unix)]
pub(crate) fn readable_by_others(path: &Path) -> Option<Finding> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = fs::metadata(path).ok()?.permissions().mode();
    (mode & 0o006 != 0).then(|| {
        Finding::new(
            Severity::Moderate,
            "key-file-readable-by-others",
            format!(
                "{} holds a private key and every user of this machine may read or write it (mode {:03o})",
                path.display(),
                mode & 0o777
            ),
        )
    })
}

#[cfg(not(unix))]
pub(crate) fn readable_by_others(_: &Path) -> Option<Finding> {
    None
}

fn damaged(path: &Path, reason: impl Into<String>) -> StoreError {
    StoreError::Damaged {
        path: path.to_owned(),
        reason: reason.into(),
    }
}
