//! One keystore: found, read, and kept.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use palisade_core::Finding;
use zeroize::Zeroizing;

use crate::entry::Entry;
use crate::error::StoreError;
use crate::settings::{KeystoreSettings, Passwords, StoreType};
use crate::{jks, jwk, location, pem, pkcs12};

/// No keystore is this large; something else was named by mistake.
const MAX_FILE: u64 = 16 << 20;

/// What a reader found.
#[derive(Debug, Default)]
pub(crate) struct Contents {
    pub(crate) entries: Vec<Entry>,
    pub(crate) findings: Vec<Finding>,
}

/// One keystore, as it was when it was read.
#[derive(Debug)]
pub struct Keystore {
    name: String,
    path: PathBuf,
    format: StoreType,
    entries: Vec<Entry>,
    findings: Vec<Finding>,
}

impl Keystore {
    /// Reads the keystore called `name`; a relative location starts at `folder`.
    pub fn load(name: &str, settings: &KeystoreSettings, folder: &Path) -> Result<Self, Vec<StoreError>> {
        let path = location::resolve(&settings.location, folder).map_err(|reason| {
            vec![StoreError::Location {
                location: settings.location.clone(),
                reason,
            }]
        })?;
        let passwords = Passwords::new(settings);
        let (format, mut contents) = read(name, &path, settings.store_type, passwords)?;
        contents.entries.sort_by(|a, b| a.alias().cmp(b.alias()));
        let faulty = check_key_passwords(passwords, format, &contents.entries);
        if !faulty.is_empty() {
            return Err(faulty);
        }
        let Contents { entries, findings } = contents;
        let key = format!("palisade.keystores.{name}.location");
        let findings = findings
            .into_iter()
            .map(|finding| finding.at(key.clone()))
            .collect();
        Ok(Self {
            name: name.to_owned(),
            path,
            format,
            entries,
            findings,
        })
    }

    /// The keystore's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The file or folder it was read from.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The format it was found to have; never [`StoreType::Auto`].
    pub fn format(&self) -> StoreType {
        self.format
    }

    /// What it holds, by alias.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// What is unwise about it, apart from the age of its certificates.
    pub(crate) fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// Whether aliases match without regard to case where no exact one is found, as `keytool` has it.
    pub fn ignores_case(&self) -> bool {
        matches!(self.format, StoreType::Pkcs12 | StoreType::Jks)
    }
}

fn read(
    name: &str,
    path: &Path,
    wanted: StoreType,
    passwords: Passwords<'_>,
) -> Result<(StoreType, Contents), Vec<StoreError>> {
    if matches!(wanted, StoreType::Auto | StoreType::Pem) && path.is_dir() {
        return pem::read_folder(path, passwords).map(|contents| (StoreType::Pem, contents));
    }
    let bytes = read_file(path).map_err(|error| vec![error])?;
    let found = detect(&bytes);
    let format = found.map(StoreFormat::store_type);
    if found == Some(StoreFormat::Jceks) {
        return Err(vec![StoreError::UnsupportedFormat {
            path: path.to_owned(),
            format: "JCEKS",
            remedy: "`keytool -importkeystore -deststoretype pkcs12`",
        }]);
    }
    let format = match (format, wanted) {
        (Some(format), StoreType::Auto) => format,
        (Some(format), wanted) if format == wanted => format,
        (found, wanted) => {
            return Err(vec![StoreError::WrongFormat {
                path: path.to_owned(),
                expected: mismatch(wanted, found),
            }]);
        }
    };
    match format {
        StoreType::Pkcs12 => pkcs12::read(name, path, &bytes, passwords.store()),
        StoreType::Jks => jks::read(path, &bytes, passwords),
        StoreType::Jwks => jwk::read(name, path, &bytes),
        StoreType::Pem | StoreType::Auto => pem::read_single(name, path, &bytes, passwords),
    }
    .map(|contents| (format, contents))
}

/// What was expected, and what there is instead.
fn mismatch(wanted: StoreType, found: Option<StoreType>) -> String {
    match (wanted, found) {
        (StoreType::Auto, _) => "a keystore of a known format (PEM, PKCS#12, JKS, JWK Set)".to_owned(),
        (wanted, Some(found)) => format!("{}, as `type` says: it is {}", wanted.title(), found.title()),
        (wanted, None) => format!("{}, as `type` says", wanted.title()),
    }
}

/// Passwords of single keys, which must be there and may have one.
fn check_key_passwords(passwords: Passwords<'_>, format: StoreType, entries: &[Entry]) -> Vec<StoreError> {
    let faulty = |alias: &str| {
        if matches!(format, StoreType::Pkcs12 | StoreType::Jwks) {
            return Some(StoreError::KeyPasswordNotPossible {
                alias: alias.to_owned(),
                format: format.title(),
            });
        }
        let is_meant = |entry: &&Entry| entry.alias().to_lowercase() == alias.to_lowercase();
        let is_key = |entry: &Entry| matches!(entry, Entry::Key(_) | Entry::Unusable { .. });
        (!entries.iter().find(is_meant).is_some_and(is_key)).then(|| StoreError::UnknownKeyPassword {
            alias: alias.to_owned(),
            known: entries
                .iter()
                .filter(|entry| is_key(entry))
                .map(|entry| entry.alias().to_owned())
                .collect(),
        })
    };
    passwords.aliases().filter_map(faulty).collect()
}

/// Reads a whole file, within the limit. The copy is wiped when dropped.
pub(crate) fn read_file(path: &Path) -> Result<Zeroizing<Vec<u8>>, StoreError> {
    let unreadable = |error: std::io::Error| StoreError::Unreadable {
        path: path.to_owned(),
        reason: error.to_string(),
    };
    // A pipe would wait for ever, a device never end.
    let kind = fs::metadata(path).map_err(unreadable)?;
    if !kind.is_file() {
        let expected = if kind.is_dir() {
            "a file: it is a folder"
        } else {
            "a regular file"
        }
        .to_owned();
        return Err(StoreError::WrongFormat {
            path: path.to_owned(),
            expected,
        });
    }
    let mut bytes = Zeroizing::new(Vec::new());
    File::open(path)
        .map_err(unreadable)?
        .take(MAX_FILE + 1)
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(StoreError::TooLarge {
            path: path.to_owned(),
            limit: MAX_FILE,
        });
    }
    Ok(bytes)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum StoreFormat {
    Pem,
    Pkcs12,
    /// A bare certificate or key.
    Der,
    Jks,
    Jceks,
    Jwks,
}

/// Tells the format by the content; names of files mean nothing.
fn detect(bytes: &[u8]) -> Option<StoreFormat> {
    let is_json = || {
        let text = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
        text.trim_ascii_start().starts_with(b"{")
    };
    let is_pem = || bytes.windows(11).any(|window| window == b"-----BEGIN ");
    match bytes {
        _ if bytes.starts_with(&jks::MAGIC) => Some(StoreFormat::Jks),
        _ if bytes.starts_with(&jks::JCEKS_MAGIC) => Some(StoreFormat::Jceks),
        _ if pkcs12::is_pfx(bytes) => Some(StoreFormat::Pkcs12),
        // Before PEM: a text inside JSON may look like it.
        _ if is_json() => Some(StoreFormat::Jwks),
        _ if is_pem() => Some(StoreFormat::Pem),
        [0x30, ..] => Some(StoreFormat::Der),
        _ => None,
    }
}

impl StoreFormat {
    fn store_type(self) -> StoreType {
        match self {
            Self::Pem | Self::Der => StoreType::Pem,
            Self::Pkcs12 => StoreType::Pkcs12,
            Self::Jks | Self::Jceks => StoreType::Jks,
            Self::Jwks => StoreType::Jwks,
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::{StoreFormat, detect};

    #[rstest]
    #[case(b"\xfe\xed\xfe\xed\0\0\0\x02", Some(StoreFormat::Jks))]
    #[case(b"\xce\xce\xce\xce\0\0\0\x02", Some(StoreFormat::Jceks))]
    #[case(b"# mine\n-----BEGIN CERTIFICATE-----\n", Some(StoreFormat::Pem))]
    #[case(b"\x30\x05\x02\x01\x03\x30\x00", Some(StoreFormat::Pkcs12))]
    #[case(b"\x30\x80\x02\x01\x03\x30\x80", Some(StoreFormat::Pkcs12))]
    #[case(b"\x30\x05\x02\x01\x00\x30\x00", Some(StoreFormat::Der))]
    #[case(b" {\"keys\":[]}", Some(StoreFormat::Jwks))]
    #[case(b"\xef\xbb\xbf{\"x\":\"-----BEGIN A-----\"}", Some(StoreFormat::Jwks))]
    #[case(b"hello", None)]
    #[case(b"", None)]
    fn the_format_is_told_by_the_content(#[case] bytes: &[u8], #[case] format: Option<StoreFormat>) {
        assert_eq!(detect(bytes), format);
    }
}
