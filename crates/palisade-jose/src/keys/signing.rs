use std::fmt;

use josekit::jws::{ES256, EdDSA, JwsSigner, PS256, RS256};
use palisade_keystore::{KeyAlgorithm, KeyEntry};
use serde_json::Value;

use super::{KeyError, KeyNames, signatures};
use crate::algorithms::{Algorithms, SignatureAlgorithm};

/// A private key that signs messages.
pub struct SigningKey {
    names: KeyNames,
    algorithm: SignatureAlgorithm,
    signature_len: usize,
    signer: Box<dyn JwsSigner>,
    /// The members of the header that every message has, as JSON without its last brace.
    head: Vec<u8>,
}

impl SigningKey {
    /// Parses the private key of `entry` for the first algorithm listed that fits its type.
    pub fn new(entry: &KeyEntry, algorithms: &Algorithms) -> Result<Self, KeyError> {
        let alias = entry.alias();
        let kind = entry.key().algorithm();
        let fitting = signatures(alias, entry.public_key(), algorithms)?;
        let algorithm = fitting.first().copied().ok_or_else(|| KeyError::Refused {
            alias: alias.to_owned(),
        })?;
        let der = entry.key().expose_pkcs8();
        let signer: Result<Box<dyn JwsSigner>, _> = match algorithm {
            SignatureAlgorithm::Rs256 => RS256.signer_from_der(der).map(|signer| Box::new(signer) as _),
            SignatureAlgorithm::Ps256 => PS256.signer_from_der(der).map(|signer| Box::new(signer) as _),
            SignatureAlgorithm::Es256 => ES256.signer_from_der(der).map(|signer| Box::new(signer) as _),
            SignatureAlgorithm::EdDsa => EdDSA.signer_from_der(der).map(|signer| Box::new(signer) as _),
        };
        let names = KeyNames::new(alias, entry.public_key());
        let head = head(algorithm, names.kid());
        Ok(Self {
            signature_len: signature_len(kind),
            signer: signer.map_err(KeyError::refused(alias))?,
            names,
            algorithm,
            head,
        })
    }

    /// The same key under its configured alias, such as `keystore/alias`.
    #[must_use]
    pub fn known_as(mut self, alias: &str) -> Self {
        self.names.known_as(alias);
        self
    }

    /// The alias, as configured.
    pub fn alias(&self) -> &str {
        self.names.alias()
    }

    /// The key identifier, which is written into every message.
    pub fn kid(&self) -> &str {
        self.names.kid()
    }

    /// How it signs.
    pub fn algorithm(&self) -> SignatureAlgorithm {
        self.algorithm
    }

    pub(crate) fn signer(&self) -> &dyn JwsSigner {
        &*self.signer
    }

    pub(crate) fn head(&self) -> &[u8] {
        &self.head
    }

    /// The length that its signatures always have.
    pub(crate) fn signature_len(&self) -> usize {
        self.signature_len
    }
}

fn head(algorithm: SignatureAlgorithm, kid: &str) -> Vec<u8> {
    format!(r#"{{"alg":"{algorithm}","kid":{}"#, Value::from(kid)).into_bytes()
}

/// The length of the signatures of a key: of its modulus, or of two numbers of 32 bytes.
pub(super) fn signature_len(kind: &KeyAlgorithm) -> usize {
    match kind {
        KeyAlgorithm::Rsa(bits) => bits.div_ceil(8),
        _ => 64,
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.names.debug("SigningKey", f)
    }
}
