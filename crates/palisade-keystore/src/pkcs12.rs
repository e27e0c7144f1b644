//! PKCS#12 (RFC 7292), as Java, OpenSSL and Windows write it.
//!
//! 1. A file without a MAC is refused, and the MAC is checked before anything inside is believed.
//! 2. An alias is the friendly name; entries without one are known by the keystore's name, numbered where they are several keys.
//! 3. A key's certificate is the one that carries its public half; the chain above it is found by signature.
//! 4. Certificates with a name, or marked trusted by Java, are entries of their own; certificates of one name are one bundle.
//!    The issuers of a key, which Java names after their subjects, are not.
//! 5. Certificates without a name are a bundle where the file has no key, else they serve as issuers only.

use std::collections::BTreeMap;
use std::path::Path;

use p12_keystore::{CertificateBag, Pkcs12Archive, PrivateKeyBag};
use palisade_core::{Finding, Severity};
use x509_parser::asn1_rs::{Any, FromDer as _};

use crate::entry::{Certificate, Entry, KeyEntry, fits};
use crate::error::StoreError;
use crate::pem::outside_chain;
use crate::private_key::PrivateKey;
use crate::store::Contents;

/// Whether the bytes are a PFX: a sequence that starts with the version 3.
pub(crate) fn is_pfx(bytes: &[u8]) -> bool {
    // Indefinite length, as some old tools write.
    bytes.starts_with(&[0x30, 0x80, 0x02, 0x01, 0x03])
        || Any::from_der(bytes).is_ok_and(|(_, outer)| {
            bytes.first() == Some(&0x30) && outer.data.starts_with(&[0x02, 0x01, 0x03])
        })
}

/// Opens a store.
pub(crate) fn read(
    name: &str,
    path: &Path,
    bytes: &[u8],
    password: Option<&str>,
) -> Result<Contents, Vec<StoreError>> {
    let archive = open(path, bytes, password).map_err(|error| vec![error])?;
    let mut certificates = Vec::new();
    for bag in &archive.certs {
        let certificate = Certificate::from_der(bag.cert.as_der().to_vec()).map_err(|error| {
            vec![StoreError::Damaged {
                path: path.to_owned(),
                reason: error.to_string(),
            }]
        })?;
        certificates.push((bag, certificate));
    }
    let mut reader = Reader {
        name,
        certificates,
        contents: Contents::default(),
        errors: Vec::new(),
    };
    reader.keys(&archive.keys);
    reader.trusted(archive.keys.is_empty());
    reader.refuse_duplicates();
    if reader.contents.entries.is_empty() && reader.errors.is_empty() {
        reader.errors.push(StoreError::Empty {
            path: path.to_owned(),
        });
    }
    reader.contents.findings.extend(weakness(path, bytes));
    if reader.errors.is_empty() {
        Ok(reader.contents)
    } else {
        Err(reader.errors)
    }
}

fn open(path: &Path, bytes: &[u8], password: Option<&str>) -> Result<Pkcs12Archive, StoreError> {
    let path = path.to_owned();
    if bytes.starts_with(&[0x30, 0x80]) {
        let reason = "it has BER lengths; `openssl pkcs12` writes it anew with DER lengths".to_owned();
        return Err(StoreError::UnsupportedProtection { path, reason });
    }
    match mac(bytes) {
        None => {
            return Err(StoreError::Damaged {
                path,
                reason: "its outer structure is broken".to_owned(),
            });
        }
        Some([]) => return Err(StoreError::NoMac { path }),
        Some(_) => {}
    }
    Pkcs12Archive::from_pkcs12(bytes, password.unwrap_or_default()).map_err(|error| match error {
        p12_keystore::error::Error::MacError(_) if password.is_none() => StoreError::PasswordMissing { path },
        p12_keystore::error::Error::MacError(_) => StoreError::WrongPassword { path },
        // The MAC was right, so the store's password is.
        p12_keystore::error::Error::Pkcs5Error(_) | p12_keystore::error::Error::UnpadError => {
            StoreError::KeyPasswordDiffers { path }
        }
        p12_keystore::error::Error::UnsupportedEncryptionScheme
        | p12_keystore::error::Error::UnsupportedMacAlgorithm => StoreError::UnsupportedProtection {
            path,
            reason: error.to_string(),
        },
        p12_keystore::error::Error::InvalidParameters => StoreError::UnsupportedProtection {
            path,
            reason: "its parameters are out of bounds".to_owned(),
        },
        error => StoreError::Damaged {
            path,
            reason: error.to_string(),
        },
    })
}

/// The third element behind version and content: the MAC, or nothing. `None` where the structure is broken.
fn mac(bytes: &[u8]) -> Option<&[u8]> {
    let (rest, outer) = Any::from_der(bytes).ok()?;
    let (after_version, _) = Any::from_der(outer.data).ok()?;
    let (after_content, _) = Any::from_der(after_version).ok()?;
    rest.is_empty().then_some(after_content)
}

/// What protects the file and ought not to any more, told from the identifiers of the algorithms in it.
fn weakness(path: &Path, bytes: &[u8]) -> Option<Finding> {
    // pkcs-12PbeIds, 1.2.840.113549.1.12.1: RC2, RC4 and 3DES under SHA-1. Long enough not to occur by chance.
    const PBE: [u8; 11] = [6, 10, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 12, 1];
    const SHA1: [u8; 7] = [6, 5, 0x2b, 0x0e, 3, 2, 26];
    let has = |part: &[u8], wanted: &[u8]| part.windows(wanted.len()).any(|window| window == wanted);
    let old_cipher = has(bytes, &PBE);
    let old_mac = mac(bytes).is_some_and(|mac| has(mac, &SHA1));
    let what = match (old_cipher, old_mac) {
        (true, true) => "RC2 or 3DES, and a MAC with SHA-1",
        (true, false) => "RC2 or 3DES",
        (false, true) => "a MAC with SHA-1",
        (false, false) => return None,
    };
    Some(Finding::new(
        Severity::Caution,
        "keystore-format-weak",
        format!(
            "{} is protected by {what}; a current `keytool` or `openssl` writes it anew with AES and SHA-256",
            path.display()
        ),
    ))
}

struct Reader<'a> {
    name: &'a str,
    certificates: Vec<(&'a CertificateBag, Certificate)>,
    contents: Contents,
    errors: Vec<StoreError>,
}

impl Reader<'_> {
    fn keys(&mut self, bags: &[PrivateKeyBag]) {
        for (index, bag) in bags.iter().enumerate() {
            let numbered = if bags.len() == 1 {
                self.name.to_owned()
            } else {
                format!("{}-{}", self.name, index + 1)
            };
            let alias = bag
                .friendly_name
                .clone()
                .or_else(|| self.name_of_linked(bag))
                .unwrap_or(numbered);
            match PrivateKey::from_der(bag.key.as_der()) {
                Ok(key) => self.key(&alias, key, bag),
                Err(reason) => self.contents.entries.push(Entry::Unusable {
                    alias,
                    reason: reason.into(),
                }),
            }
        }
    }

    fn key(&mut self, alias: &str, key: PrivateKey, bag: &PrivateKeyBag) {
        let own = self
            .certificates
            .iter()
            .find(|(_, certificate)| fits(&key, certificate))
            .or_else(|| {
                self.certificates
                    .iter()
                    .find(|(certificate, _)| is_linked(bag, certificate))
            });
        let candidates = match own {
            // The linked certificate comes first, so that a mismatch is told about that one.
            Some((_, own)) => std::iter::once(own)
                .chain(
                    self.certificates
                        .iter()
                        .map(|(_, certificate)| certificate)
                        .filter(|other| *other != own),
                )
                .cloned()
                .collect(),
            None => Vec::new(),
        };
        match KeyEntry::assemble(alias, key, candidates) {
            Ok((entry, _)) => self.contents.entries.push(Entry::Key(entry.into())),
            Err(error) => self.errors.push(error),
        }
    }

    fn name_of_linked(&self, bag: &PrivateKeyBag) -> Option<String> {
        let linked = self
            .certificates
            .iter()
            .find(|(certificate, _)| is_linked(bag, certificate));
        linked.and_then(|(certificate, _)| certificate.friendly_name.clone())
    }

    /// Certificates that are entries of their own.
    fn trusted(&mut self, no_keys: bool) {
        let mut bundles: BTreeMap<String, Vec<Certificate>> = BTreeMap::new();
        for (bag, certificate) in &self.certificates {
            let is_own = self
                .contents
                .entries
                .iter()
                .any(|entry| entry.all_certificates().first() == Some(certificate));
            let named = bag.friendly_name.as_ref().filter(|name| {
                bag.local_key_id.is_none() && !is_own && !self.is_issuer(bag, certificate, name)
            });
            if let Some(name) = named {
                bundles.entry(name.clone()).or_default().push(certificate.clone());
            } else if no_keys || (bag.trusted && !is_own) {
                bundles
                    .entry(self.name.to_owned())
                    .or_default()
                    .push(certificate.clone());
            } else if !self.is_in_a_chain(certificate) {
                self.contents.findings.push(outside_chain(self.name, certificate));
            }
        }
        self.contents.entries.extend(
            bundles
                .into_iter()
                .map(|(alias, certificates)| Entry::Certificates {
                    alias,
                    certificates: certificates.into(),
                }),
        );
    }

    /// Whether Java wrote the certificate for the sake of a key above which it stands: its name is its subject then.
    fn is_issuer(&self, bag: &CertificateBag, certificate: &Certificate, name: &str) -> bool {
        !bag.trusted && name.contains('=') && self.is_in_a_chain(certificate)
    }

    fn is_in_a_chain(&self, certificate: &Certificate) -> bool {
        self.contents
            .entries
            .iter()
            .any(|entry| entry.has_key() && entry.all_certificates().contains(certificate))
    }

    fn refuse_duplicates(&mut self) {
        let mut aliases: Vec<&str> = self.contents.entries.iter().map(Entry::alias).collect();
        aliases.sort_unstable();
        aliases.dedup_by(|later, earlier| {
            let twice = later == earlier;
            if twice {
                self.errors.push(StoreError::DuplicateAlias {
                    alias: (*later).to_owned(),
                });
            }
            twice
        });
    }
}

fn is_linked(key: &PrivateKeyBag, certificate: &CertificateBag) -> bool {
    match (&key.local_key_id, &certificate.local_key_id) {
        (Some(key), Some(certificate)) => key.as_ref() == certificate.as_slice(),
        _ => false,
    }
}
