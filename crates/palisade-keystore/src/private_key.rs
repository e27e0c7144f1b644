//! Private keys: read in every usual encoding, kept in one, and made anew.

use std::fmt;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, ECDSA_P521_SHA512_ASN1_SIGNING,
    EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair,
};
use pkcs8::EncryptedPrivateKeyInfoRef;
use pkcs8::pkcs5::EncryptionScheme;
use pkcs8::pkcs5::pbes2::Kdf;
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use zeroize::Zeroizing;

use crate::facts::KeyAlgorithm;
use crate::public_key::{BadPublicKey, PublicKey};

/// More iterations than this would let a file stop the start for minutes.
const MAX_ITERATIONS: u32 = 10_000_000;
/// More memory than this for one scrypt would let a file take the machine down.
const MAX_SCRYPT_BYTES: u64 = 256 << 20;

/// The algorithm and size of a key that is made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyKind {
    /// ECDSA on P-256: fast, and understood by everybody.
    #[default]
    EcP256,
    /// RSA with 3072 bits, for peers that know nothing else. Making one takes a good part of a second.
    Rsa3072,
}

/// The system gives no random bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the system gives no random bytes")]
pub struct NoRandomness;

/// Why a private key cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadPrivateKey {
    /// Damaged, or of an algorithm or size that is not supported.
    #[error(
        "the private key is damaged or of an unsupported kind (supported: RSA from 2048 bits, EC P-256, P-384, P-521, Ed25519)"
    )]
    Unsupported,
    /// Encrypted, and no password is given.
    #[error("the private key is encrypted and no password is given")]
    PasswordMissing,
    /// Encrypted under another password.
    #[error("the password does not open the private key")]
    WrongPassword,
    /// Encrypted in a way that is not supported.
    #[error(
        "the private key is encrypted in an unsupported way (supported: PKCS#8 with PBES2, AES-CBC and PBKDF2 or scrypt; \
         `openssl pkcs8 -topk8` writes it)"
    )]
    UnsupportedEncryption,
}

/// A private key, as PKCS#8, wiped from memory when dropped.
pub struct PrivateKey {
    pkcs8: Zeroizing<Vec<u8>>,
    public: Vec<u8>,
    algorithm: KeyAlgorithm,
}

impl PrivateKey {
    /// Makes a key.
    pub fn generate(kind: KeyKind) -> Result<Self, NoRandomness> {
        let made = match kind {
            KeyKind::EcP256 => EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING)
                .ok()
                .and_then(|key| Self::of_ec(&key, KeyAlgorithm::EcP256)),
            KeyKind::Rsa3072 => rsa::KeyPair::generate(rsa::KeySize::Rsa3072)
                .ok()
                .and_then(|key| Self::of_rsa(&key)),
        };
        made.ok_or(NoRandomness)
    }

    /// Reads a key from PKCS#8 (RFC 5958), PKCS#1 (RFC 8017) or SEC 1 (RFC 5915).
    pub fn from_der(der: &[u8]) -> Result<Self, BadPrivateKey> {
        Self::rsa(der)
            .or_else(|| Self::ec(der))
            .or_else(|| Self::ed25519(der))
            .ok_or(BadPrivateKey::Unsupported)
    }

    /// Opens an encrypted PKCS#8 key (RFC 5958 section 3).
    pub fn from_encrypted_der(der: &[u8], password: Option<&str>) -> Result<Self, BadPrivateKey> {
        let encrypted =
            EncryptedPrivateKeyInfoRef::try_from(der).map_err(|_| BadPrivateKey::UnsupportedEncryption)?;
        let password = password.ok_or(BadPrivateKey::PasswordMissing)?;
        if !is_affordable(&encrypted.encryption_algorithm) {
            return Err(BadPrivateKey::UnsupportedEncryption);
        }
        let plain = encrypted.decrypt(password).map_err(|error| match error {
            pkcs8::Error::EncryptedPrivateKey(pkcs8::pkcs5::Error::UnsupportedAlgorithm { .. }) => {
                BadPrivateKey::UnsupportedEncryption
            }
            _ => BadPrivateKey::WrongPassword,
        })?;
        Self::from_der(plain.as_bytes())
    }

    /// The key for TLS, a copy.
    pub fn to_der(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(self.pkcs8.to_vec()))
    }

    /// The key as PKCS#8. Whoever calls this answers for where it goes.
    pub fn expose_pkcs8(&self) -> &[u8] {
        &self.pkcs8
    }

    /// The algorithm and size of the key.
    pub fn algorithm(&self) -> &KeyAlgorithm {
        &self.algorithm
    }

    /// The public half, known as `alias`.
    pub(crate) fn public_key(&self, alias: &str) -> Result<PublicKey, BadPublicKey> {
        PublicKey::from_bits(alias, &self.algorithm, &self.public)
    }

    /// The bits of the public key, as a certificate carries them.
    pub(crate) fn public_bits(&self) -> &[u8] {
        &self.public
    }

    fn rsa(der: &[u8]) -> Option<Self> {
        let key = rsa::KeyPair::from_pkcs8(der)
            .or_else(|_| rsa::KeyPair::from_der(der))
            .ok()?;
        Self::of_rsa(&key)
    }

    fn of_rsa(key: &rsa::KeyPair) -> Option<Self> {
        let encoded: Pkcs8V1Der<'_> = key.as_der().ok()?;
        Some(Self {
            pkcs8: Zeroizing::new(encoded.as_ref().to_vec()),
            public: key.public_key().as_ref().to_vec(),
            algorithm: KeyAlgorithm::Rsa(key.public_modulus_len() * 8),
        })
    }

    fn ec(der: &[u8]) -> Option<Self> {
        let curves: [(&'static EcdsaSigningAlgorithm, KeyAlgorithm); 3] = [
            (&ECDSA_P256_SHA256_ASN1_SIGNING, KeyAlgorithm::EcP256),
            (&ECDSA_P384_SHA384_ASN1_SIGNING, KeyAlgorithm::EcP384),
            (&ECDSA_P521_SHA512_ASN1_SIGNING, KeyAlgorithm::EcP521),
        ];
        curves.into_iter().find_map(|(curve, algorithm)| {
            let key = EcdsaKeyPair::from_private_key_der(curve, der).ok()?;
            Self::of_ec(&key, algorithm)
        })
    }

    fn of_ec(key: &EcdsaKeyPair, algorithm: KeyAlgorithm) -> Option<Self> {
        Some(Self {
            pkcs8: Zeroizing::new(key.to_pkcs8v1().ok()?.as_ref().to_vec()),
            public: key.public_key().as_ref().to_vec(),
            algorithm,
        })
    }

    fn ed25519(der: &[u8]) -> Option<Self> {
        let key = Ed25519KeyPair::from_pkcs8_maybe_unchecked(der).ok()?;
        Some(Self {
            pkcs8: Zeroizing::new(key.to_pkcs8v1().ok()?.as_ref().to_vec()),
            public: key.public_key().as_ref().to_vec(),
            algorithm: KeyAlgorithm::Ed25519,
        })
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrivateKey")
            .field("algorithm", &self.algorithm)
            .finish_non_exhaustive()
    }
}

fn is_affordable(scheme: &EncryptionScheme) -> bool {
    match scheme {
        EncryptionScheme::Pbes2(parameters) => match &parameters.kdf {
            Kdf::Pbkdf2(pbkdf2) => pbkdf2.iteration_count <= MAX_ITERATIONS,
            Kdf::Scrypt(scrypt) => {
                let block = 128 * u64::from(scrypt.block_size) * u64::from(scrypt.parallelization.max(1));
                scrypt
                    .cost_parameter
                    .checked_mul(block)
                    .is_some_and(|bytes| bytes <= MAX_SCRYPT_BYTES)
            }
            _ => false,
        },
        _ => false,
    }
}
