use std::fmt;

use josekit::JoseError;
use josekit::jws::{ES256, EdDSA, JwsVerifier, PS256, RS256};
use palisade_keystore::PublicKey;

use super::signing::signature_len;
use super::{KeyError, KeyNames, signatures};
use crate::algorithms::{Algorithms, SignatureAlgorithm};

/// A public key against which signatures are checked.
pub struct VerificationKey {
    names: KeyNames,
    thumbprint: [u8; 32],
    signature_len: usize,
    verifiers: Vec<(SignatureAlgorithm, Box<dyn JwsVerifier>)>,
}

impl VerificationKey {
    /// Parses `key`, known as `alias`, for the algorithms listed that fit its type.
    pub fn new(alias: &str, key: &PublicKey, algorithms: &Algorithms) -> Result<Self, KeyError> {
        let verifiers = signatures(alias, key, algorithms)?
            .into_iter()
            .map(|algorithm| Ok((algorithm, verifier(algorithm, key.spki_der())?)))
            .collect::<Result<_, JoseError>>()
            .map_err(KeyError::refused(alias))?;
        Ok(Self {
            names: KeyNames::new(alias, key),
            thumbprint: *key.thumbprint(),
            signature_len: signature_len(key.algorithm()),
            verifiers,
        })
    }

    /// The alias, as configured.
    pub fn alias(&self) -> &str {
        self.names.alias()
    }

    /// The key identifier: the JWK's own, else the RFC 7638 thumbprint.
    pub fn kid(&self) -> &str {
        self.names.kid()
    }

    /// The SHA-256 thumbprint of RFC 7638: who signed, whatever the key is called.
    pub fn thumbprint(&self) -> &[u8; 32] {
        &self.thumbprint
    }

    /// The signature algorithms that it accepts.
    pub fn algorithms(&self) -> impl Iterator<Item = SignatureAlgorithm> + '_ {
        self.verifiers.iter().map(|(algorithm, _)| *algorithm)
    }

    pub(crate) fn names(&self) -> &KeyNames {
        &self.names
    }

    /// The verifier for an `alg`, if the key does it.
    pub(crate) fn verifier(&self, alg: &str) -> Option<&dyn JwsVerifier> {
        self.verifiers
            .iter()
            .find(|(algorithm, _)| algorithm.name() == alg)
            .map(|(_, verifier)| &**verifier)
    }

    /// The length that its signatures always have.
    pub(crate) fn signature_len(&self) -> usize {
        self.signature_len
    }
}

fn verifier(algorithm: SignatureAlgorithm, der: &[u8]) -> Result<Box<dyn JwsVerifier>, JoseError> {
    Ok(match algorithm {
        SignatureAlgorithm::Rs256 => Box::new(RS256.verifier_from_der(der)?),
        SignatureAlgorithm::Ps256 => Box::new(PS256.verifier_from_der(der)?),
        SignatureAlgorithm::Es256 => Box::new(ES256.verifier_from_der(der)?),
        SignatureAlgorithm::EdDsa => Box::new(EdDSA.verifier_from_der(der)?),
    })
}

impl fmt::Debug for VerificationKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.names.debug("VerificationKey", f)
    }
}
