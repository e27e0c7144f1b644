//! Encrypted values: `ENC(...)`.
//!
//! Two schemes, told apart by what stands in the parentheses:
//!
//! 1. `ENC(base64)`: AES-256-CBC with PKCS#7 padding under a key from PBKDF2-HMAC-SHA512, laid out salt (16 bytes), IV
//!    (16), ciphertext; 1000 iterations unless configured. This is Java's `PBEWithHmacSHA512AndAES_256` as Jasypt uses it.
//! 2. `ENC(v2:base64)`: AES-256-GCM under a key from PBKDF2-HMAC-SHA256 with 600,000 iterations, laid out salt (16),
//!    nonce (12), ciphertext, tag (16); the full native name of the property is the associated data.
//!
//! What this does not protect against: the first scheme is not authenticated, so whoever can write the file can alter a
//! value or move it to another key; the second prevents both. Neither helps when the password lies beside the file.
//!
//! ```
//! use palisade_config::encryption::{Decryptor, encrypt};
//! use palisade_core::Secret;
//!
//! let password = Secret::new("correct horse battery staple");
//! let name = "palisade.keystores.main.password";
//! let value = encrypt(name, &Secret::new("changeit"), &password)?;
//! let decryptor = Decryptor::new(password);
//! assert_eq!(decryptor.decrypt(name, &value)?.expose(), "changeit");
//! assert!(decryptor.decrypt("palisade.keystores.other.password", &value).is_err());
//! # Ok::<(), palisade_config::encryption::EncryptionError>(())
//! ```

use std::collections::HashMap;
use std::fmt;
use std::num::NonZeroU32;
use std::sync::{Mutex, PoisonError};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::cipher::{
    AES_256, DecryptionContext, EncryptionContext, PaddedBlockDecryptingKey, PaddedBlockEncryptingKey,
    UnboundCipherKey,
};
use aws_lc_rs::iv::FixedLength;
use aws_lc_rs::pbkdf2::{self, PBKDF2_HMAC_SHA256, PBKDF2_HMAC_SHA512};
use aws_lc_rs::rand;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use palisade_core::Secret;
use zeroize::Zeroizing;

const SALT: usize = 16;
const IV: usize = 16;
const NONCE: usize = 12;
const KEY: usize = 32;

/// The iterations of the first scheme unless configured: Jasypt's.
pub const DEFAULT_ITERATIONS: NonZeroU32 = NonZeroU32::new(1000).unwrap();
/// The iterations of the second scheme.
pub const V2_ITERATIONS: NonZeroU32 = NonZeroU32::new(600_000).unwrap();

/// Why a value cannot be encrypted or decrypted. It says nothing that would help to guess.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EncryptionError {
    /// The text is not `ENC(base64)` or `ENC(v2:base64)`.
    #[error("expected ENC(base64) or ENC(v2:base64)")]
    Malformed,
    /// The value cannot be decrypted: another password, another name, or a changed value.
    #[error("expected a value that the encryption password decrypts")]
    Undecryptable,
    /// No random bytes or no memory.
    #[error("the value cannot be encrypted")]
    Unavailable,
}

/// Whether a whole value is encrypted.
pub fn is_encrypted(text: &str) -> bool {
    // One that is not closed is broken, and no plain text.
    text.trim().starts_with("ENC(")
}

fn payload(text: &str) -> Option<&str> {
    text.trim().strip_prefix("ENC(")?.strip_suffix(')')
}

/// Encrypts for one property, in the second scheme: `ENC(v2:...)`.
///
/// `name` is the full native name of the property (`palisade.…`); the value decrypts under no other.
pub fn encrypt(name: &str, plaintext: &Secret, password: &Secret) -> Result<String, EncryptionError> {
    let mut salt_and_nonce = [0; SALT + NONCE];
    rand::fill(&mut salt_and_nonce).map_err(|_| EncryptionError::Unavailable)?;
    let (salt, nonce) = salt_and_nonce.split_at(SALT);
    let key = Scheme::V2.derive(password, salt, V2_ITERATIONS);
    let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| EncryptionError::Unavailable)?;
    let mut text = Zeroizing::new(plaintext.expose().as_bytes().to_vec());
    gcm(&key)
        .and_then(|key| key.seal_in_place_append_tag(nonce, Aad::from(name.as_bytes()), &mut *text))
        .map_err(|_| EncryptionError::Unavailable)?;
    Ok(format!(
        "ENC(v2:{})",
        STANDARD.encode([salt_and_nonce.as_slice(), &text].concat())
    ))
}

/// Encrypts in the first scheme, for programs that read Jasypt's: `ENC(...)`. Prefer [`encrypt`].
pub fn encrypt_jasypt(
    plaintext: &Secret,
    password: &Secret,
    iterations: NonZeroU32,
) -> Result<String, EncryptionError> {
    let mut salt_and_iv = [0; SALT + IV];
    rand::fill(&mut salt_and_iv).map_err(|_| EncryptionError::Unavailable)?;
    let (salt, iv) = salt_and_iv.split_at(SALT);
    let key = Scheme::Jasypt.derive(password, salt, iterations);
    let iv = FixedLength::try_from(iv).map_err(|_| EncryptionError::Unavailable)?;
    let mut text = Zeroizing::new(plaintext.expose().as_bytes().to_vec());
    UnboundCipherKey::new(&AES_256, key.as_slice())
        .and_then(PaddedBlockEncryptingKey::cbc_pkcs7)
        .and_then(|key| key.less_safe_encrypt(&mut *text, EncryptionContext::Iv128(iv)))
        .map_err(|_| EncryptionError::Unavailable)?;
    Ok(format!(
        "ENC({})",
        STANDARD.encode([salt_and_iv.as_slice(), &text].concat())
    ))
}

fn gcm(key: &[u8; KEY]) -> Result<LessSafeKey, aws_lc_rs::error::Unspecified> {
    UnboundKey::new(&AES_256_GCM, key.as_slice()).map(LessSafeKey::new)
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Scheme {
    Jasypt,
    V2,
}

impl Scheme {
    fn derive(self, password: &Secret, salt: &[u8], iterations: NonZeroU32) -> Zeroizing<[u8; KEY]> {
        let mut key = Zeroizing::new([0; KEY]);
        let algorithm = match self {
            Self::Jasypt => PBKDF2_HMAC_SHA512,
            Self::V2 => PBKDF2_HMAC_SHA256,
        };
        pbkdf2::derive(
            algorithm,
            iterations,
            salt,
            password.expose().as_bytes(),
            key.as_mut_slice(),
        );
        key
    }
}

/// Derived keys by scheme and salt.
type DerivedKeys = HashMap<(Scheme, Vec<u8>), Zeroizing<[u8; KEY]>>;

/// Decrypts values. A key is derived once for each salt, so values that share one cost a single derivation.
pub struct Decryptor {
    password: Secret,
    iterations: NonZeroU32,
    keys: Mutex<DerivedKeys>,
}

impl fmt::Debug for Decryptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decryptor")
            .field("iterations", &self.iterations)
            .finish_non_exhaustive()
    }
}

impl Decryptor {
    /// Decrypts with `password`, the first scheme with [`DEFAULT_ITERATIONS`].
    pub fn new(password: Secret) -> Self {
        Self {
            password,
            iterations: DEFAULT_ITERATIONS,
            keys: Mutex::default(),
        }
    }

    /// The iterations of the first scheme.
    #[must_use]
    pub fn with_iterations(mut self, iterations: NonZeroU32) -> Self {
        self.iterations = iterations;
        self
    }

    /// The plaintext of `ENC(...)` in either scheme. `name` is the full native name of the property.
    pub fn decrypt(&self, name: &str, text: &str) -> Result<Secret, EncryptionError> {
        let payload = payload(text).ok_or(EncryptionError::Malformed)?;
        let (scheme, encoded) = match payload.trim().strip_prefix("v2:") {
            Some(encoded) => (Scheme::V2, encoded),
            None => (Scheme::Jasypt, payload),
        };
        let encoded: String = encoded.chars().filter(|c| !c.is_ascii_whitespace()).collect();
        let bytes = STANDARD.decode(encoded).map_err(|_| EncryptionError::Malformed)?;
        let plaintext = match scheme {
            Scheme::Jasypt => self.cbc(&bytes),
            Scheme::V2 => self.gcm(name, &bytes),
        };
        plaintext.ok_or(EncryptionError::Undecryptable)
    }

    fn cbc(&self, bytes: &[u8]) -> Option<Secret> {
        let (salt, rest) = bytes.split_at_checked(SALT)?;
        let (iv, ciphertext) = rest.split_at_checked(IV)?;
        let key = self.key(Scheme::Jasypt, salt);
        let iv = FixedLength::try_from(iv).ok()?;
        let mut buffer = Zeroizing::new(ciphertext.to_vec());
        let key = UnboundCipherKey::new(&AES_256, key.as_slice()).ok()?;
        let key = PaddedBlockDecryptingKey::cbc_pkcs7(key).ok()?;
        secret(key.decrypt(&mut buffer, DecryptionContext::Iv128(iv)).ok()?)
    }

    fn gcm(&self, name: &str, bytes: &[u8]) -> Option<Secret> {
        let (salt, rest) = bytes.split_at_checked(SALT)?;
        let (nonce, ciphertext) = rest.split_at_checked(NONCE)?;
        let key = gcm(&self.key(Scheme::V2, salt)).ok()?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut buffer = Zeroizing::new(ciphertext.to_vec());
        secret(
            key.open_in_place(nonce, Aad::from(name.as_bytes()), &mut buffer)
                .ok()?,
        )
    }

    fn key(&self, scheme: Scheme, salt: &[u8]) -> Zeroizing<[u8; KEY]> {
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        let iterations = match scheme {
            Scheme::Jasypt => self.iterations,
            Scheme::V2 => V2_ITERATIONS,
        };
        keys.entry((scheme, salt.to_vec()))
            .or_insert_with(|| scheme.derive(&self.password, salt, iterations))
            .clone()
    }
}

fn secret(plaintext: &[u8]) -> Option<Secret> {
    std::str::from_utf8(plaintext).ok().map(Secret::new)
}

#[cfg(test)]
mod tests;
