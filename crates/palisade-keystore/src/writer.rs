//! Writing keystores: PKCS#12 and JKS as `keytool` and `openssl` open them, PEM, and JWK Set.
//!
//! 1. A key is written with a certificate that fits it; a chain is put in order first.
//! 2. PKCS#12 is sealed with AES-256 under PBKDF2-HMAC-SHA256 (PBES2, RFC 8018), and has an HMAC-SHA256 over it.
//! 3. Passwords that everybody tries are refused: empty, shorter than six characters, `changeit`.
//! 4. A JWK Set is public, unless private keys are asked for by name.
//!
//! What it does not protect against: where the bytes go. Whoever writes them to a file chooses its mode.

pub(crate) mod pem;

use std::sync::Arc;
use std::time::SystemTime;

use palisade_core::Secret;
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use crate::entry::{Certificate, KeyEntry};
use crate::error::StoreError;
use crate::private_key::PrivateKey;
use crate::public_key::{BadPublicKey, PublicKey};
use crate::{jks, jwk};

/// What `keytool` asks for at least.
const SHORTEST_PASSWORD: usize = 6;
/// Java's default, which everybody tries first.
const DEFAULT_PASSWORD: &str = "changeit";
/// Ten times what Java takes, for the key and for the MAC; well below what readers accept.
const ITERATIONS: u32 = 100_000;

/// Why a keystore is not written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// The password is one that everybody tries.
    #[error(
        "the password is too weak: it needs at least {SHORTEST_PASSWORD} characters, and must not be `{DEFAULT_PASSWORD}`"
    )]
    WeakPassword,
    /// Java opens no PKCS#12 file with such a password.
    #[error("the password of a PKCS#12 file must be printable ASCII: Java opens it with no other")]
    PasswordNotAscii,
    /// An alias is empty.
    #[error("an alias is empty")]
    EmptyAlias,
    /// Two entries have one alias; formats of Java ignore its case.
    #[error("alias `{alias}` is given to two entries")]
    DuplicateAlias {
        /// The alias.
        alias: String,
    },
    /// The key does not fit its certificate.
    #[error("{0}")]
    Entry(StoreError),
    /// A certificate belongs to no chain.
    #[error("alias `{alias}`: the certificate of `{subject}` does not belong to the chain of the key")]
    OutsideChain {
        /// The alias.
        alias: String,
        /// The certificate's subject.
        subject: String,
    },
    /// The format holds no key without a certificate.
    #[error("alias `{alias}` has no certificate, and {format} holds no key without one")]
    NoCertificate {
        /// The alias.
        alias: String,
        /// The format.
        format: &'static str,
    },
    /// A public key is of no supported kind.
    #[error("alias `{alias}`: {reason}")]
    PublicKey {
        /// The alias.
        alias: String,
        /// Why not.
        reason: BadPublicKey,
    },
    /// There is no such alias.
    #[error("there is no alias `{alias}`")]
    NoSuchAlias {
        /// The alias.
        alias: String,
    },
    /// The format cannot hold it, or the system gives no random bytes.
    #[error("{format} cannot be written: {reason}")]
    Failed {
        /// The format.
        format: &'static str,
        /// Why not.
        reason: String,
    },
}

/// Keys and certificates to be written as one keystore.
///
/// ```
/// use palisade_core::Secret;
/// use palisade_keystore::{Certificate, KeystoreBuilder, PrivateKey, WriteError};
/// use palisade_test::ca::TestCa;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let root = TestCa::new("Example Root");
/// let server = root.server(&["localhost"]);
/// let chain = server.chain().iter().map(|der| Certificate::from_der(der.clone())).collect::<Result<Vec<_>, _>>()?;
///
/// let mut builder = KeystoreBuilder::new();
/// builder.add_key("server", PrivateKey::from_der(server.key().secret_der())?, chain)?;
/// let file = builder.jks(&Secret::new("correct horse"), std::time::UNIX_EPOCH)?;
/// assert!(file.starts_with(&[0xfe, 0xed, 0xfe, 0xed]));
///
/// let refused = builder.pkcs12(&Secret::new("changeit")).unwrap_err();
/// assert_eq!(refused, WriteError::WeakPassword);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct KeystoreBuilder {
    items: Vec<Item>,
}

#[derive(Clone, Debug)]
enum Item {
    Key(Arc<KeyEntry>),
    Trusted {
        alias: String,
        certificate: Box<Certificate>,
    },
    Public(PublicKey),
}

impl Item {
    fn alias(&self) -> &str {
        match self {
            Self::Key(entry) => entry.alias(),
            Self::Trusted { alias, .. } => alias,
            Self::Public(key) => key.alias(),
        }
    }

    fn certificates(&self) -> &[Certificate] {
        match self {
            Self::Key(entry) => entry.chain(),
            Self::Trusted { certificate, .. } => std::slice::from_ref(&**certificate),
            Self::Public(_) => &[],
        }
    }
}

impl KeystoreBuilder {
    /// A keystore without entries.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a private key and its chain, in whatever order; every certificate must belong to it.
    pub fn add_key(
        &mut self,
        alias: &str,
        key: PrivateKey,
        chain: Vec<Certificate>,
    ) -> Result<&mut Self, WriteError> {
        let (entry, outside) = KeyEntry::assemble(alias, key, chain).map_err(WriteError::Entry)?;
        match outside.first() {
            None => self.add(Item::Key(entry.into())),
            Some(certificate) => Err(WriteError::OutsideChain {
                alias: alias.to_owned(),
                subject: certificate.facts().subject.clone(),
            }),
        }
    }

    /// Adds an entry of another keystore, under its alias.
    pub fn add_entry(&mut self, entry: Arc<KeyEntry>) -> Result<&mut Self, WriteError> {
        self.add(Item::Key(entry))
    }

    /// Adds a trusted certificate.
    pub fn add_trusted(&mut self, alias: &str, certificate: Certificate) -> Result<&mut Self, WriteError> {
        self.add(Item::Trusted {
            alias: alias.to_owned(),
            certificate: certificate.into(),
        })
    }

    /// Adds a public key without a certificate, which PEM and JWK Set hold.
    pub fn add_public_key(&mut self, key: PublicKey) -> Result<&mut Self, WriteError> {
        self.add(Item::Public(key))
    }

    fn add(&mut self, item: Item) -> Result<&mut Self, WriteError> {
        let folded = item.alias().to_lowercase();
        if folded.is_empty() {
            return Err(WriteError::EmptyAlias);
        }
        if self
            .items
            .iter()
            .any(|other| other.alias().to_lowercase() == folded)
        {
            return Err(WriteError::DuplicateAlias {
                alias: item.alias().to_owned(),
            });
        }
        self.items.push(item);
        Ok(self)
    }

    /// PKCS#12 (RFC 7292).
    pub fn pkcs12(&self, password: &Secret) -> Result<Zeroizing<Vec<u8>>, WriteError> {
        let password = strong(password)?;
        if !password.bytes().all(|byte| matches!(byte, 0x20..=0x7e)) {
            return Err(WriteError::PasswordNotAscii);
        }
        self.check_certificates("PKCS#12")?;
        let failed = |error: p12_keystore::error::Error| WriteError::Failed {
            format: "PKCS#12",
            reason: error.to_string(),
        };
        let mut store = p12_keystore::KeyStore::new();
        for (index, item) in self.items.iter().enumerate() {
            let certificates: Result<Vec<_>, _> = item
                .certificates()
                .iter()
                .map(|certificate| p12_keystore::Certificate::from_der(certificate.der()))
                .collect();
            let mut certificates = certificates.map_err(failed)?;
            let entry = match item {
                Item::Key(entry) => {
                    let key =
                        p12_keystore::PrivateKey::from_der(entry.key().expose_pkcs8()).map_err(failed)?;
                    // What joins a key to its certificate, within the file.
                    let id = format!("key {index}");
                    let chain = p12_keystore::PrivateKeyChain::new(id.as_bytes(), key, certificates);
                    p12_keystore::KeyStoreEntry::PrivateKeyChain(chain)
                }
                Item::Trusted { .. } | Item::Public(_) => {
                    let Some(certificate) = certificates.pop() else {
                        continue;
                    };
                    p12_keystore::KeyStoreEntry::Certificate(certificate)
                }
            };
            store.add_entry(item.alias(), entry);
        }
        store
            .writer(password)
            .encryption_iterations(ITERATIONS)
            .mac_iterations(ITERATIONS)
            .write()
            .map(Zeroizing::new)
            .map_err(failed)
    }

    /// JKS, for Java before 9; keys have the password of the store. Its protection is weak: prefer PKCS#12.
    ///
    /// `created` is what the entries say of when they were made.
    pub fn jks(&self, password: &Secret, created: SystemTime) -> Result<Zeroizing<Vec<u8>>, WriteError> {
        let password = strong(password)?;
        self.check_certificates("JKS")?;
        let aliases: Vec<String> = self
            .items
            .iter()
            .map(|item| item.alias().to_lowercase())
            .collect();
        let entries: Vec<jks::NewEntry<'_>> = self
            .items
            .iter()
            .zip(&aliases)
            .map(|(item, alias)| jks::NewEntry {
                alias,
                key: match item {
                    Item::Key(entry) => Some((entry.key().expose_pkcs8(), password)),
                    Item::Trusted { .. } | Item::Public(_) => None,
                },
                certificates: item
                    .certificates()
                    .iter()
                    .map(|certificate| certificate.der().as_ref())
                    .collect(),
            })
            .collect();
        jks::write(&entries, password, created).ok_or_else(|| WriteError::Failed {
            format: "JKS",
            reason: "an alias or an entry is too long, or there are no random bytes".to_owned(),
        })
    }

    /// One entry as PEM (RFC 7468): the private key as PKCS#8 in the clear, then its chain; or the certificate, or public key.
    pub fn pem(&self, alias: &str) -> Result<Zeroizing<String>, WriteError> {
        let item = self.item(alias)?;
        let mut sections: Vec<(&str, &[u8])> = Vec::new();
        match item {
            Item::Key(entry) => sections.push(("PRIVATE KEY", entry.key().expose_pkcs8())),
            Item::Public(key) => sections.push(("PUBLIC KEY", key.spki_der())),
            Item::Trusted { .. } => {}
        }
        let certificates = item.certificates().iter();
        sections.extend(certificates.map(|certificate| ("CERTIFICATE", certificate.der().as_ref())));
        Ok(pem::text(&sections))
    }

    /// One entry as [`pem`](Self::pem) writes it, its private key encrypted: AES-256-CBC under PBKDF2-HMAC-SHA256 (RFC 8018).
    pub fn pem_encrypted(&self, alias: &str, password: &Secret) -> Result<Zeroizing<String>, WriteError> {
        let Item::Key(entry) = self.item(alias)? else {
            return self.pem(alias);
        };
        let key = pem::encrypted(entry.key(), password)?;
        let mut sections: Vec<(&str, &[u8])> = vec![("ENCRYPTED PRIVATE KEY", &key)];
        let certificates = entry.chain().iter();
        sections.extend(certificates.map(|certificate| ("CERTIFICATE", certificate.der().as_ref())));
        Ok(pem::text(&sections))
    }

    /// A JWK Set (RFC 7517) of the public keys alone, to be handed to partners.
    pub fn jwk_set(&self) -> Result<String, WriteError> {
        let keys: Result<Vec<_>, _> = self.items.iter().map(public_members).collect();
        Ok(set(keys?).to_string())
    }

    /// A JWK Set with the private keys, in the clear. Whoever calls this answers for where it goes.
    pub fn jwk_set_with_private_keys(&self) -> Result<Zeroizing<String>, WriteError> {
        let keys: Result<Vec<_>, _> = self
            .items
            .iter()
            .map(|item| match item {
                Item::Key(entry) => jwk::private_members(entry).ok_or_else(|| WriteError::PublicKey {
                    alias: item.alias().to_owned(),
                    reason: BadPublicKey,
                }),
                Item::Trusted { .. } | Item::Public(_) => public_members(item),
            })
            .collect();
        Ok(Zeroizing::new(set(keys?).to_string()))
    }

    fn item(&self, alias: &str) -> Result<&Item, WriteError> {
        let mut items = self.items.iter();
        items
            .find(|item| item.alias() == alias)
            .ok_or_else(|| WriteError::NoSuchAlias {
                alias: alias.to_owned(),
            })
    }

    fn check_certificates(&self, format: &'static str) -> Result<(), WriteError> {
        match self.items.iter().find(|item| item.certificates().is_empty()) {
            None => Ok(()),
            Some(item) => Err(WriteError::NoCertificate {
                alias: item.alias().to_owned(),
                format,
            }),
        }
    }
}

fn public_members(item: &Item) -> Result<Map<String, Value>, WriteError> {
    let key = match item {
        Item::Key(entry) => entry.public_key().clone(),
        Item::Public(key) => key.clone(),
        Item::Trusted { alias, certificate } => {
            PublicKey::from_certificate(alias.as_str(), Certificate::clone(certificate)).map_err(
                |reason| WriteError::PublicKey {
                    alias: alias.clone(),
                    reason,
                },
            )?
        }
    };
    Ok(jwk::public_members(&key, item.certificates()))
}

fn set(keys: Vec<Map<String, Value>>) -> Value {
    let keys = keys.into_iter().map(Value::Object).collect();
    Value::Object(Map::from_iter([("keys".to_owned(), Value::Array(keys))]))
}

fn strong(password: &Secret) -> Result<&str, WriteError> {
    let password = password.expose();
    let weak =
        password.chars().count() < SHORTEST_PASSWORD || password.eq_ignore_ascii_case(DEFAULT_PASSWORD);
    if weak {
        Err(WriteError::WeakPassword)
    } else {
        Ok(password)
    }
}
