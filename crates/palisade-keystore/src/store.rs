//! One keystore: found, read, and kept.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use palisade_core::{Finding, Secret};
use zeroize::Zeroizing;

use crate::entry::Entry;
use crate::error::StoreError;
use crate::settings::{KeystoreSettings, StoreType};
use crate::{location, pem, pkcs12};

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
        let password = settings.password.as_ref().map(Secret::expose);
        let (format, mut contents) = read(name, &path, settings.store_type, password)?;
        contents.entries.sort_by(|a, b| a.alias().cmp(b.alias()));
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
    pub(crate) fn ignores_case(&self) -> bool {
        self.format == StoreType::Pkcs12
    }
}

fn read(
    name: &str,
    path: &Path,
    wanted: StoreType,
    password: Option<&str>,
) -> Result<(StoreType, Contents), Vec<StoreError>> {
    let unsupported = |path: &Path, format| vec![unsupported(path, format)];
    match wanted {
        StoreType::Jks => return Err(unsupported(path, StoreFormat::Jks)),
        StoreType::Jwks => return Err(unsupported(path, StoreFormat::Jwks)),
        StoreType::Auto | StoreType::Pem if path.is_dir() => {
            return pem::read_folder(path, password).map(|contents| (StoreType::Pem, contents));
        }
        StoreType::Auto | StoreType::Pem | StoreType::Pkcs12 => {}
    }
    let bytes = read_file(path).map_err(|error| vec![error])?;
    let mismatch = |expected: &str| {
        vec![StoreError::WrongFormat {
            path: path.to_owned(),
            expected: expected.to_owned(),
        }]
    };
    match (detect(&bytes), wanted) {
        (Some(format @ (StoreFormat::Jks | StoreFormat::Jceks | StoreFormat::Jwks)), _) => {
            Err(unsupported(path, format))
        }
        (Some(StoreFormat::Pkcs12), StoreType::Pem) => Err(mismatch("PEM, as `type` says: it is PKCS#12")),
        (Some(StoreFormat::Pkcs12), _) => {
            pkcs12::read(name, path, &bytes, password).map(|contents| (StoreType::Pkcs12, contents))
        }
        (Some(StoreFormat::Pem), StoreType::Pkcs12) => Err(mismatch("PKCS#12, as `type` says: it is PEM")),
        (_, StoreType::Pkcs12) => Err(mismatch("PKCS#12, as `type` says")),
        (Some(StoreFormat::Pem | StoreFormat::Der), _) => {
            pem::read_single(name, path, &bytes, password).map(|contents| (StoreType::Pem, contents))
        }
        (None, StoreType::Pem) => Err(mismatch("PEM, as `type` says")),
        (None, _) => Err(mismatch("a keystore of a known format (PEM, PKCS#12)")),
    }
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
    let is_pem = || bytes.windows(11).any(|window| window == b"-----BEGIN ");
    match bytes {
        [0xfe, 0xed, 0xfe, 0xed, ..] => Some(StoreFormat::Jks),
        [0xce, 0xce, 0xce, 0xce, ..] => Some(StoreFormat::Jceks),
        _ if pkcs12::is_pfx(bytes) => Some(StoreFormat::Pkcs12),
        _ if is_pem() => Some(StoreFormat::Pem),
        [0x30, ..] => Some(StoreFormat::Der),
        _ if bytes.trim_ascii_start().starts_with(b"{") => Some(StoreFormat::Jwks),
        _ => None,
    }
}

fn unsupported(path: &Path, format: StoreFormat) -> StoreError {
    let (format, remedy) = match format {
        StoreFormat::Jceks => ("JCEKS", "`keytool -importkeystore -deststoretype pkcs12`"),
        StoreFormat::Jwks => ("JWK Set", "a tool that writes PEM"),
        StoreFormat::Jks | StoreFormat::Pem | StoreFormat::Pkcs12 | StoreFormat::Der => {
            ("JKS", "`keytool -importkeystore -deststoretype pkcs12`")
        }
    };
    StoreError::UnsupportedFormat {
        path: path.to_owned(),
        format,
        remedy,
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
    #[case(b"hello", None)]
    #[case(b"", None)]
    fn the_format_is_told_by_the_content(#[case] bytes: &[u8], #[case] format: Option<StoreFormat>) {
        assert_eq!(detect(bytes), format);
    }
}
