//! What operators write under `palisade.keystores.<name>`.

use std::collections::BTreeMap;

use palisade_core::Secret;
use serde::Deserialize;

/// One keystore.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[non_exhaustive]
pub struct KeystoreSettings {
    /// A path or a `file:` URL; relative ones start at the configuration folder. A folder holds PEM files.
    pub location: String,
    /// The password of a PKCS#12 or JKS store, or of the encrypted keys of a PEM store.
    #[serde(default)]
    pub password: Option<Secret>,
    /// Passwords of single keys by alias, where they differ from the store's (JKS and PEM).
    #[serde(default)]
    pub key_passwords: BTreeMap<String, Secret>,
    /// The format; by default it is read off the content, never off the file's name.
    #[serde(default, rename = "type")]
    pub store_type: StoreType,
}

impl KeystoreSettings {
    /// A keystore at `location`, without password, of a type that is read off the content.
    pub fn new(location: impl Into<String>) -> Self {
        Self {
            location: location.into(),
            password: None,
            key_passwords: BTreeMap::new(),
            store_type: StoreType::Auto,
        }
    }

    /// Gives the password.
    #[must_use]
    pub fn password(mut self, password: Secret) -> Self {
        self.password = Some(password);
        self
    }

    /// Gives the key under `alias` a password of its own.
    #[must_use]
    pub fn key_password(mut self, alias: impl Into<String>, password: Secret) -> Self {
        self.key_passwords.insert(alias.into(), password);
        self
    }

    /// Fixes the format.
    #[must_use]
    pub fn store_type(mut self, store_type: StoreType) -> Self {
        self.store_type = store_type;
        self
    }
}

/// The passwords of one keystore, for a reader.
#[derive(Clone, Copy)]
pub(crate) struct Passwords<'a>(&'a KeystoreSettings);

impl<'a> Passwords<'a> {
    pub(crate) fn new(settings: &'a KeystoreSettings) -> Self {
        Self(settings)
    }

    /// The store's.
    pub(crate) fn store(self) -> Option<&'a str> {
        self.0.password.as_ref().map(Secret::expose)
    }

    /// That of one key: its own, else the store's.
    pub(crate) fn key(self, alias: &str) -> Option<&'a str> {
        self.own(alias).map(Secret::expose).or_else(|| self.store())
    }

    /// Whether a key has one of its own.
    pub(crate) fn has_own(self, alias: &str) -> bool {
        self.own(alias).is_some()
    }

    /// Keys of which passwords are given.
    pub(crate) fn aliases(self) -> impl Iterator<Item = &'a str> {
        self.0.key_passwords.keys().map(String::as_str)
    }

    fn own(self, alias: &str) -> Option<&'a Secret> {
        let passwords = &self.0.key_passwords;
        let folded = alias.to_lowercase();
        passwords.get(alias).or_else(|| {
            passwords
                .iter()
                .find(|(other, _)| other.to_lowercase() == folded)
                .map(|(_, password)| password)
        })
    }
}

/// The format of a keystore.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum StoreType {
    /// Read off the content.
    #[default]
    Auto,
    /// PKCS#12 (RFC 7292): `.p12`, `.pfx`.
    Pkcs12,
    /// Java keystore: `.jks`.
    Jks,
    /// PEM (RFC 7468): one file, or a folder of them.
    Pem,
    /// JWK Set (RFC 7517), or a single JWK: `.jwks`, `.json`.
    Jwks,
}

impl StoreType {
    /// The format's name, for people.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Auto => "any format",
            Self::Pkcs12 => "PKCS#12",
            Self::Jks => "JKS",
            Self::Pem => "PEM",
            Self::Jwks => "a JWK Set",
        }
    }
}
