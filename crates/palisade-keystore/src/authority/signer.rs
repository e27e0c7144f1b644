//! Our private keys, as the library signs with them.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm,
    Ed25519KeyPair, RSA_PKCS1_SHA256,
};
use rcgen::{
    Error, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_ED25519, PKCS_RSA_SHA256, PublicKeyData,
    SignatureAlgorithm, SigningKey,
};

use super::AuthorityError;
use crate::facts::KeyAlgorithm;
use crate::private_key::PrivateKey;

/// A private key to sign with. It is parsed for each signature, so that no second copy of it lives on: the key pair of the library
/// keeps one that is not wiped.
#[derive(Debug)]
pub(super) struct Signer<'a> {
    key: &'a PrivateKey,
    algorithm: &'static SignatureAlgorithm,
}

impl<'a> Signer<'a> {
    /// Refuses a key whose signatures cannot be verified here.
    pub(super) fn new(key: &'a PrivateKey) -> Result<Self, AuthorityError> {
        let algorithm = match key.algorithm() {
            KeyAlgorithm::Rsa(_) => &PKCS_RSA_SHA256,
            KeyAlgorithm::EcP256 => &PKCS_ECDSA_P256_SHA256,
            KeyAlgorithm::EcP384 => &PKCS_ECDSA_P384_SHA384,
            KeyAlgorithm::Ed25519 => &PKCS_ED25519,
            KeyAlgorithm::EcP521 | KeyAlgorithm::Other(_) => {
                let reason = format!("a key of the kind {} signs nothing here", key.algorithm());
                return Err(AuthorityError::Signing(reason));
            }
        };
        Ok(Self { key, algorithm })
    }

    fn ecdsa(&self, algorithm: &'static EcdsaSigningAlgorithm, message: &[u8]) -> Option<Vec<u8>> {
        let key = EcdsaKeyPair::from_pkcs8(algorithm, self.key.expose_pkcs8()).ok()?;
        let signature = key.sign(&SystemRandom::new(), message).ok()?;
        Some(signature.as_ref().to_vec())
    }

    fn rsa(&self, message: &[u8]) -> Option<Vec<u8>> {
        let key = rsa::KeyPair::from_pkcs8(self.key.expose_pkcs8()).ok()?;
        let mut signature = vec![0; key.public_modulus_len()];
        key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature)
            .ok()?;
        Some(signature)
    }

    fn ed25519(&self, message: &[u8]) -> Option<Vec<u8>> {
        let key = Ed25519KeyPair::from_pkcs8_maybe_unchecked(self.key.expose_pkcs8()).ok()?;
        Some(key.sign(message).as_ref().to_vec())
    }
}

impl PublicKeyData for Signer<'_> {
    fn der_bytes(&self) -> &[u8] {
        self.key.public_bits()
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        self.algorithm
    }
}

impl SigningKey for Signer<'_> {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        let signature = match self.key.algorithm() {
            KeyAlgorithm::Rsa(_) => self.rsa(message),
            KeyAlgorithm::EcP256 => self.ecdsa(&ECDSA_P256_SHA256_ASN1_SIGNING, message),
            KeyAlgorithm::EcP384 => self.ecdsa(&ECDSA_P384_SHA384_ASN1_SIGNING, message),
            KeyAlgorithm::Ed25519 => self.ed25519(message),
            KeyAlgorithm::EcP521 | KeyAlgorithm::Other(_) => None,
        };
        signature.ok_or(Error::RemoteKeyError)
    }
}
