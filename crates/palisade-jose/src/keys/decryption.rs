use std::fmt;

use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rand;
use josekit::jwe::{ECDH_ES_A256KW, JweDecrypter, JweHeader, RSA_OAEP_256};
use palisade_keystore::{KeyAlgorithm, KeyEntry};
use zeroize::{Zeroize, Zeroizing};

use super::{KeyError, KeyNames, encryption};
use crate::algorithms::{Algorithms, ContentEncryption, KeyManagement};
use crate::wire::{BadHeader, CONTENT_KEY, ContentCipher, ProtectedHeader, agreement};

/// A private key that opens messages.
pub struct DecryptionKey {
    names: KeyNames,
    kind: KeyAlgorithm,
    algorithm: KeyManagement,
    contents: Vec<ContentEncryption>,
    encrypted_key_len: usize,
    decrypter: Box<dyn JweDecrypter>,
}

impl DecryptionKey {
    /// Parses the private key of `entry` for the algorithms listed that fit its type.
    pub fn new(entry: &KeyEntry, algorithms: &Algorithms) -> Result<Self, KeyError> {
        let alias = entry.alias();
        let kind = entry.key().algorithm();
        let (algorithm, contents) = encryption(alias, entry.public_key(), algorithms)?;
        let der = entry.key().expose_pkcs8();
        let decrypter: Box<dyn JweDecrypter> = match algorithm {
            KeyManagement::RsaOaep256 => Box::new(
                RSA_OAEP_256
                    .decrypter_from_der(der)
                    .map_err(KeyError::refused(alias))?,
            ),
            KeyManagement::EcdhEsA256Kw => Box::new(
                ECDH_ES_A256KW
                    .decrypter_from_der(der)
                    .map_err(KeyError::refused(alias))?,
            ),
        };
        Ok(Self {
            names: KeyNames::new(alias, entry.public_key()),
            kind: kind.clone(),
            algorithm,
            contents,
            encrypted_key_len: match kind {
                KeyAlgorithm::Rsa(bits) => bits.div_ceil(8),
                // AES key wrap adds one block of eight bytes (RFC 3394 section 2.2.1).
                _ => CONTENT_KEY + 8,
            },
            decrypter,
        })
    }

    /// The same key under its configured alias, such as `keystore/alias`. Both aliases select it.
    #[must_use]
    pub fn known_as(mut self, alias: &str) -> Self {
        self.names.known_as(alias);
        self
    }

    /// The alias, as configured.
    pub fn alias(&self) -> &str {
        self.names.alias()
    }

    /// The key identifier: the JWK's own, else the RFC 7638 thumbprint.
    pub fn kid(&self) -> &str {
        self.names.kid()
    }

    /// How content encryption keys reach it.
    pub fn algorithm(&self) -> KeyManagement {
        self.algorithm
    }

    /// The content encryptions that it accepts.
    pub fn contents(&self) -> &[ContentEncryption] {
        &self.contents
    }

    pub(crate) fn names(&self) -> &KeyNames {
        &self.names
    }

    /// The length that an encrypted key for it always has.
    pub(crate) fn encrypted_key_len(&self) -> usize {
        self.encrypted_key_len
    }

    /// What josekit reads from the header besides the encrypted key: nothing, or the ephemeral key.
    pub(crate) fn parameters(&self, header: &ProtectedHeader) -> Result<JweHeader, BadHeader> {
        match self.algorithm {
            KeyManagement::RsaOaep256 => Ok(JweHeader::new()),
            KeyManagement::EcdhEsA256Kw => agreement::parameters(header, &self.kind),
        }
    }

    /// The content encryption key; a random one where the encrypted key does not unwrap to one (RFC 7516 section 11.5).
    pub(crate) fn unwrap(
        &self,
        encrypted_key: &[u8],
        cipher: ContentCipher,
        parameters: &JweHeader,
    ) -> Result<Zeroizing<[u8; CONTENT_KEY]>, Unspecified> {
        let mut key = Zeroizing::new([0; CONTENT_KEY]);
        // Made in both cases, so that both take as long.
        rand::fill(key.as_mut())?;
        if let Ok(unwrapped) = self.decrypter.decrypt(Some(encrypted_key), &cipher, parameters) {
            let mut unwrapped = unwrapped.into_owned();
            if unwrapped.len() == CONTENT_KEY {
                key.copy_from_slice(&unwrapped);
            }
            unwrapped.zeroize();
        }
        Ok(key)
    }
}

impl fmt::Debug for DecryptionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.names.debug("DecryptionKey", f)
    }
}
