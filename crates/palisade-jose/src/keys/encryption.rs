use std::fmt;

use josekit::jwe::{ECDH_ES_A256KW, JweEncrypter, RSA_OAEP_256};
use palisade_keystore::PublicKey;
use serde_json::Value;

use super::{CONTENT, KeyError, KeyNames, encryption};
use crate::algorithms::{Algorithms, ContentEncryption, KeyManagement};

/// A public key to which messages are encrypted.
pub struct EncryptionKey {
    names: KeyNames,
    algorithm: KeyManagement,
    content: ContentEncryption,
    encrypter: Box<dyn JweEncrypter>,
    /// The members of the header that every message has, as JSON without its last brace.
    head: Vec<u8>,
}

impl EncryptionKey {
    /// Parses `key`, known as `alias`, for the first algorithms listed that fit its type.
    pub fn new(alias: &str, key: &PublicKey, algorithms: &Algorithms) -> Result<Self, KeyError> {
        let (algorithm, contents) = encryption(alias, key, algorithms)?;
        let content = contents.first().copied().unwrap_or(CONTENT[0]);
        let der = key.spki_der();
        let encrypter: Box<dyn JweEncrypter> = match algorithm {
            KeyManagement::RsaOaep256 => Box::new(
                RSA_OAEP_256
                    .encrypter_from_der(der)
                    .map_err(KeyError::refused(alias))?,
            ),
            KeyManagement::EcdhEsA256Kw => Box::new(
                ECDH_ES_A256KW
                    .encrypter_from_der(der)
                    .map_err(KeyError::refused(alias))?,
            ),
        };
        let names = KeyNames::new(alias, key);
        let head = format!(
            r#"{{"alg":"{algorithm}","enc":"{content}","kid":{}"#,
            Value::from(names.kid())
        )
        .into_bytes();
        Ok(Self {
            names,
            algorithm,
            content,
            encrypter,
            head,
        })
    }

    /// The alias, as configured.
    pub fn alias(&self) -> &str {
        self.names.alias()
    }

    /// The key identifier, which is written into every message.
    pub fn kid(&self) -> &str {
        self.names.kid()
    }

    /// How the content encryption key travels.
    pub fn algorithm(&self) -> KeyManagement {
        self.algorithm
    }

    /// How the content is encrypted.
    pub fn content(&self) -> ContentEncryption {
        self.content
    }

    pub(crate) fn encrypter(&self) -> &dyn JweEncrypter {
        &*self.encrypter
    }

    pub(crate) fn head(&self) -> &[u8] {
        &self.head
    }
}

impl fmt::Debug for EncryptionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.names.debug("EncryptionKey", f)
    }
}
