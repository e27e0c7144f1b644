//! What operators write under `palisade.keystores.<name>`.

use palisade_core::Secret;
use serde::Deserialize;

/// One keystore.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[non_exhaustive]
pub struct KeystoreSettings {
    /// A path or a `file:` URL; relative ones start at the configuration folder. A folder holds PEM files.
    pub location: String,
    /// The password of a PKCS#12 store, or of the encrypted keys of a PEM store.
    #[serde(default)]
    pub password: Option<Secret>,
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
            store_type: StoreType::Auto,
        }
    }

    /// Gives the password.
    #[must_use]
    pub fn password(mut self, password: Secret) -> Self {
        self.password = Some(password);
        self
    }

    /// Fixes the format.
    #[must_use]
    pub fn store_type(mut self, store_type: StoreType) -> Self {
        self.store_type = store_type;
        self
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
    /// Java keystore; understood, and refused by this build.
    Jks,
    /// PEM (RFC 7468): one file, or a folder of them.
    Pem,
    /// JWK Set (RFC 7517); understood, and refused by this build.
    Jwks,
}
