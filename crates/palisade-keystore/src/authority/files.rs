//! An authority in a folder: `ca.crt`, `ca.key` and `ca.crl`.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use aws_lc_rs::rand;
use palisade_core::Secret;

use super::{Authority, AuthorityError, Revocation, RevocationList};
use crate::entry::{Certificate, Entry, KeyEntry};
use crate::error::StoreError;
use crate::pem::sections::sections;
use crate::settings::{KeystoreSettings, Passwords};
use crate::store::read_file;
use crate::writer::pem;

const CERTIFICATE: &str = "ca.crt";
const KEY: &str = "ca.key";
const LIST: &str = "ca.crl";
const SERVERS: &str = "servers.crt";
const LOCK: &str = ".ca.lock";

/// The folder of an authority.
///
/// 1. `ca.crt` is its certificate, and those above it where it is no root (PEM).
/// 2. `ca.key` is its private key (PKCS#8 as PEM, encrypted where a password is given), for its owner's eyes alone.
/// 3. `ca.crl` is its revocation list (PEM). It is the only record of what is revoked: each list is made from the one before it,
///    whose signature is verified. A list that is lost or altered is never replaced by an empty one.
/// 4. The folder is made for its owner alone: servers run as the same user, or have copies of `ca.crt` and `ca.crl`. Where it
///    exists, its mode is the operator's.
/// 5. `servers.crt` has the certificates that were issued to servers, which no directory knows (PEM): to tell when they end.
/// 6. Files are replaced whole: whoever watches one reads the old or the new one, never half of it. Of two commands that change
///    a list at once, one waits.
#[derive(Clone, Debug)]
pub struct AuthorityFolder {
    path: PathBuf,
}

impl AuthorityFolder {
    /// An authority's folder, whether it is there or not.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The file of its certificate.
    pub fn certificate_file(&self) -> PathBuf {
        self.path.join(CERTIFICATE)
    }

    /// The file of its private key.
    pub fn key_file(&self) -> PathBuf {
        self.path.join(KEY)
    }

    /// The file of its revocation list.
    pub fn list_file(&self) -> PathBuf {
        self.path.join(LIST)
    }

    /// The file of the certificates that were issued to servers.
    pub fn servers_file(&self) -> PathBuf {
        self.path.join(SERVERS)
    }

    /// Whether an authority's certificate is there.
    pub fn exists(&self) -> bool {
        self.certificate_file().symlink_metadata().is_ok()
    }

    /// Writes a new authority with an empty revocation list. Nothing that exists is overwritten.
    ///
    /// `period` is how long the list counts.
    pub fn create(
        &self,
        authority: &Authority,
        password: Option<&Secret>,
        now: SystemTime,
        period: Duration,
    ) -> Result<RevocationList, AuthorityError> {
        let list = RevocationList::following(None, &[], authority, now, period)?;
        let key = match password {
            Some(password) => {
                let der = pem::encrypted(authority.key(), password).map_err(AuthorityError::Key)?;
                pem::text(&[("ENCRYPTED PRIVATE KEY", &der)])
            }
            None => pem::text(&[("PRIVATE KEY", authority.key().expose_pkcs8())]),
        };
        let chain: Vec<(&str, &[u8])> = authority
            .chain()
            .iter()
            .map(|certificate| ("CERTIFICATE", certificate.der().as_ref()))
            .collect();
        make_folder(&self.path).map_err(|error| unwritable(&self.path, &error))?;
        let _lock = self.lock()?;
        for file in [self.key_file(), self.certificate_file(), self.list_file()] {
            if file.symlink_metadata().is_ok() {
                return Err(AuthorityError::Exists { path: file });
            }
        }
        // The certificate comes last: without it there is no authority.
        replace(&self.key_file(), key.as_bytes(), Access::Owner)?;
        replace(&self.list_file(), list.pem().as_bytes(), Access::Everybody)?;
        let certificates = pem::text(&chain);
        replace(
            &self.certificate_file(),
            certificates.as_bytes(),
            Access::Everybody,
        )?;
        Ok(list)
    }

    /// Reads the authority; the password is that of an encrypted key.
    pub fn open(&self, password: Option<&Secret>) -> Result<Authority, AuthorityError> {
        let certificates = self.certificates()?;
        let path = self.key_file();
        let mut settings = KeystoreSettings::new("");
        settings.password = password.cloned();
        let key = match read_entry(&path, &settings)? {
            Entry::Key(entry) => entry,
            Entry::Unusable { reason, .. } => {
                return Err(AuthorityError::Unusable {
                    path,
                    reason: reason.to_string(),
                });
            }
            Entry::Certificates { .. } | Entry::PublicKey(_) => {
                return Err(AuthorityError::Unusable {
                    path,
                    reason: "it holds no private key".to_owned(),
                });
            }
        };
        let key = crate::PrivateKey::from_der(key.key().expose_pkcs8()).map_err(|reason| {
            AuthorityError::Store(StoreError::PrivateKey {
                path: path.clone(),
                reason,
            })
        })?;
        let (entry, _) = KeyEntry::assemble("ca", key, certificates).map_err(AuthorityError::Store)?;
        Authority::from_entry(entry)
    }

    /// The authority's certificate, for which no key is needed.
    pub fn certificate(&self) -> Result<Certificate, AuthorityError> {
        let certificates = self.certificates()?;
        crate::entry::lowest(&certificates)
            .cloned()
            .ok_or_else(|| AuthorityError::Unusable {
                path: self.certificate_file(),
                reason: "its certificates are not one chain".to_owned(),
            })
    }

    /// The revocation list, its signature verified.
    pub fn list(&self) -> Result<RevocationList, AuthorityError> {
        self.read_list(&self.certificate()?)
    }

    /// Writes a new list, with the certificates that were revoked and these; it counts from now for `period`.
    pub fn revoke(
        &self,
        authority: &Authority,
        revocations: &[Revocation],
        now: SystemTime,
        period: Duration,
    ) -> Result<RevocationList, AuthorityError> {
        let _lock = self.lock()?;
        let before = self.read_list(authority.certificate())?;
        let list = RevocationList::following(Some(&before), revocations, authority, now, period)?;
        replace(&self.list_file(), list.pem().as_bytes(), Access::Everybody)?;
        Ok(list)
    }

    /// Writes a list where there is none any more, with everything that is known to be revoked: what is left out is accepted again.
    pub fn rebuild_list(
        &self,
        authority: &Authority,
        revocations: &[Revocation],
        now: SystemTime,
        period: Duration,
    ) -> Result<RevocationList, AuthorityError> {
        let _lock = self.lock()?;
        let path = self.list_file();
        if path.symlink_metadata().is_ok() {
            return Err(AuthorityError::Exists { path });
        }
        let list = RevocationList::following(None, revocations, authority, now, period)?;
        replace(&path, list.pem().as_bytes(), Access::Everybody)?;
        Ok(list)
    }

    /// The certificates that were issued to servers, the oldest first.
    pub fn servers(&self) -> Result<Vec<Certificate>, AuthorityError> {
        let path = self.servers_file();
        if path.symlink_metadata().is_err() {
            return Ok(Vec::new());
        }
        let unusable = |reason: String| AuthorityError::Unusable {
            path: path.clone(),
            reason,
        };
        let bytes = read_file(&path).map_err(AuthorityError::Store)?;
        let sections = sections(&bytes).map_err(&unusable)?;
        let certificates = sections.into_iter().map(|section| {
            Certificate::from_der(section.der.to_vec()).map_err(|error| unusable(error.to_string()))
        });
        certificates.collect()
    }

    /// Keeps the certificate of a server on record.
    pub fn add_server(&self, certificate: &Certificate) -> Result<(), AuthorityError> {
        let _lock = self.lock()?;
        let mut servers = self.servers()?;
        servers.push(certificate.clone());
        self.write_servers(&servers)
    }

    /// Takes the certificate of a server off the record; says whether it was there.
    pub fn remove_server(&self, fingerprint: &[u8; 32]) -> Result<bool, AuthorityError> {
        let _lock = self.lock()?;
        let mut servers = self.servers()?;
        let before = servers.len();
        servers.retain(|server| server.facts().fingerprint != *fingerprint);
        if servers.len() == before {
            return Ok(false);
        }
        self.write_servers(&servers).map(|()| true)
    }

    fn write_servers(&self, servers: &[Certificate]) -> Result<(), AuthorityError> {
        let sections = servers
            .iter()
            .map(|server| ("CERTIFICATE", server.der().as_ref()));
        let text = pem::text(&sections.collect::<Vec<_>>());
        replace(&self.servers_file(), text.as_bytes(), Access::Everybody)
    }

    fn certificates(&self) -> Result<Vec<Certificate>, AuthorityError> {
        if !self.exists() {
            return Err(AuthorityError::Missing {
                path: self.certificate_file(),
            });
        }
        let path = self.certificate_file();
        let entry = read_entry(&path, &KeystoreSettings::new(""))?;
        match entry {
            Entry::Certificates { certificates, .. } => Ok(certificates.to_vec()),
            Entry::Key(_) | Entry::PublicKey(_) | Entry::Unusable { .. } => Err(AuthorityError::Unusable {
                path,
                reason: "it holds other things than certificates".to_owned(),
            }),
        }
    }

    fn read_list(&self, issuer: &Certificate) -> Result<RevocationList, AuthorityError> {
        let path = self.list_file();
        if path.symlink_metadata().is_err() {
            return Err(AuthorityError::ListMissing { path });
        }
        let bytes = read_file(&path).map_err(AuthorityError::Store)?;
        RevocationList::from_bytes(&bytes, issuer).map_err(|reason| AuthorityError::BadList { path, reason })
    }

    /// Until the file is dropped, nobody else changes the folder.
    fn lock(&self) -> Result<File, AuthorityError> {
        let path = self.path.join(LOCK);
        let failed = |error| unwritable(&path, &error);
        let mut options = OpenOptions::new();
        options.create(true).truncate(false).write(true);
        let file = options.open(&path).map_err(failed)?;
        file.lock().map_err(failed)?;
        Ok(file)
    }
}

/// Makes a folder that is its owner's alone, and those above it as others are made. One that exists stays as it is.
fn make_folder(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    #[cfg_attr(not(unix), expect(unused_mut, reason = "modes are of Unix"))]
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt as _;
        builder.mode(0o700);
    }
    match builder.create(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        made => made,
    }
}

/// What a PEM file holds, as one entry.
fn read_entry(path: &Path, settings: &KeystoreSettings) -> Result<Entry, AuthorityError> {
    let bytes = read_file(path).map_err(AuthorityError::Store)?;
    let contents = crate::pem::read_single("ca", path, &bytes, Passwords::new(settings));
    let first = |errors: Vec<StoreError>| errors.into_iter().next();
    contents
        .map_err(first)
        .and_then(|contents| contents.entries.into_iter().next().ok_or(None))
        .map_err(|error| {
            AuthorityError::Store(error.unwrap_or_else(|| StoreError::Empty {
                path: path.to_owned(),
            }))
        })
}

/// Who may read a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Access {
    Owner,
    Everybody,
}

/// Writes a file under another name, and gives it its own once it is on the disk.
fn replace(path: &Path, bytes: &[u8], access: Access) -> Result<(), AuthorityError> {
    let mut random = [0; 8];
    rand::fill(&mut random).map_err(|_| AuthorityError::NoRandomness)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let temporary = path.with_file_name(format!(".{name}.{}", crate::hex(&random)));
    let written = write_new(&temporary, bytes, access)
        .and_then(|()| fs::rename(&temporary, path))
        .and_then(|()| sync_folder(path));
    written.map_err(|error| {
        // It may never have been made.
        let _ = fs::remove_file(&temporary);
        unwritable(path, &error)
    })
}

fn write_new(path: &Path, bytes: &[u8], access: Access) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    if access == Access::Owner {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    #[cfg(not(unix))]
    let _ = access;
    let mut file = options.open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// A new name is on the disk only once its folder is.
#[cfg(unix)]
fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

#[cfg(not(unix))]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

fn unwritable(path: &Path, error: &io::Error) -> AuthorityError {
    AuthorityError::Unwritable {
        path: path.to_owned(),
        reason: error.to_string(),
    }
}
