//! Which algorithms sign tokens, and the kind of key that each belongs to.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256,
    RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, RSA_PSS_2048_8192_SHA256,
    RSA_PSS_2048_8192_SHA384, RSA_PSS_2048_8192_SHA512, VerificationAlgorithm,
};
use jsonwebtoken::{Algorithm, DecodingKey};
use palisade_keystore::KeyAlgorithm;
use serde::{Deserialize, Serialize};

/// An algorithm that signs tokens (RFC 7518 section 3.1, RFC 8037 section 3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, Serialize)]
#[non_exhaustive]
pub enum TokenAlgorithm {
    /// RSA, PKCS #1 v1.5, SHA-256.
    #[serde(rename = "RS256")]
    Rs256,
    /// RSA, PKCS #1 v1.5, SHA-384.
    #[serde(rename = "RS384")]
    Rs384,
    /// RSA, PKCS #1 v1.5, SHA-512.
    #[serde(rename = "RS512")]
    Rs512,
    /// RSA, PSS, SHA-256.
    #[serde(rename = "PS256")]
    Ps256,
    /// RSA, PSS, SHA-384.
    #[serde(rename = "PS384")]
    Ps384,
    /// RSA, PSS, SHA-512.
    #[serde(rename = "PS512")]
    Ps512,
    /// ECDSA on P-256, SHA-256.
    #[serde(rename = "ES256")]
    Es256,
    /// ECDSA on P-384, SHA-384.
    #[serde(rename = "ES384")]
    Es384,
    /// Ed25519, which tokens may also call `Ed25519` (RFC 9864 section 2.2).
    #[serde(rename = "EdDSA")]
    EdDsa,
}

impl TokenAlgorithm {
    pub(super) const ALL: [Self; 9] = [
        Self::Rs256,
        Self::Rs384,
        Self::Rs512,
        Self::Ps256,
        Self::Ps384,
        Self::Ps512,
        Self::Es256,
        Self::Es384,
        Self::EdDsa,
    ];

    /// Those that are accepted where nothing else is said.
    pub const DEFAULT: [Self; 5] = [Self::Rs256, Self::Ps256, Self::Es256, Self::Es384, Self::EdDsa];

    /// The name that settings use, and tokens.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
            Self::Ps256 => "PS256",
            Self::Ps384 => "PS384",
            Self::Ps512 => "PS512",
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::EdDsa => "EdDSA",
        }
    }

    /// What `jsonwebtoken` calls it.
    pub(super) const fn of_library(self) -> Algorithm {
        match self {
            Self::Rs256 => Algorithm::RS256,
            Self::Rs384 => Algorithm::RS384,
            Self::Rs512 => Algorithm::RS512,
            Self::Ps256 => Algorithm::PS256,
            Self::Ps384 => Algorithm::PS384,
            Self::Ps512 => Algorithm::PS512,
            Self::Es256 => Algorithm::ES256,
            Self::Es384 => Algorithm::ES384,
            Self::EdDsa => Algorithm::EdDSA,
        }
    }

    /// A key that does it, as `jsonwebtoken` holds it, from its `SubjectPublicKeyInfo`.
    pub(super) fn decoding_key(self, spki_der: &[u8]) -> DecodingKey {
        match self {
            Self::Rs256 | Self::Rs384 | Self::Rs512 | Self::Ps256 | Self::Ps384 | Self::Ps512 => {
                DecodingKey::from_rsa_der(spki_der)
            }
            Self::Es256 | Self::Es384 => DecodingKey::from_ec_der(spki_der),
            Self::EdDsa => DecodingKey::from_ed_der(spki_der),
        }
    }

    /// The one that a token or a JWK names. Names are case-sensitive (RFC 7515 section 4.1.1).
    pub(super) fn named(name: &str) -> Option<Self> {
        if name == "Ed25519" {
            return Some(Self::EdDsa);
        }
        Self::ALL.into_iter().find(|algorithm| algorithm.name() == name)
    }

    /// Whether keys of that kind do it.
    pub(super) fn is_of(self, key: &KeyAlgorithm) -> bool {
        match self {
            Self::Rs256 | Self::Rs384 | Self::Rs512 | Self::Ps256 | Self::Ps384 | Self::Ps512 => {
                matches!(key, KeyAlgorithm::Rsa(_))
            }
            Self::Es256 => *key == KeyAlgorithm::EcP256,
            Self::Es384 => *key == KeyAlgorithm::EcP384,
            Self::EdDsa => *key == KeyAlgorithm::Ed25519,
        }
    }

    pub(super) fn verification(self) -> &'static dyn VerificationAlgorithm {
        match self {
            Self::Rs256 => &RSA_PKCS1_2048_8192_SHA256,
            Self::Rs384 => &RSA_PKCS1_2048_8192_SHA384,
            Self::Rs512 => &RSA_PKCS1_2048_8192_SHA512,
            Self::Ps256 => &RSA_PSS_2048_8192_SHA256,
            Self::Ps384 => &RSA_PSS_2048_8192_SHA384,
            Self::Ps512 => &RSA_PSS_2048_8192_SHA512,
            Self::Es256 => &ECDSA_P256_SHA256_FIXED,
            Self::Es384 => &ECDSA_P384_SHA384_FIXED,
            Self::EdDsa => &ED25519,
        }
    }
}
