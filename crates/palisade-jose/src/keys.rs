//! Keys as message security uses them: parsed once, and bound to their algorithms.
//!
//! 1. A key does what its type does, narrowed by the configured list; a message never chooses for it.
//! 2. `kid` is compared with the key's `kid` (that of its JWK, else the RFC 7638 thumbprint), its alias as configured and within
//!    its keystore, and the SHA-256 thumbprint of its certificate (`x5t#S256`). It is written as the first of these.
//! 3. A key whose JWK says what it is for (`use`, `key_ops`, `alg`) is used for nothing else.
//! 4. `Debug` shows alias and `kid` alone.
//!
//! It does not protect the key in this process's memory: what josekit and OpenSSL hold is theirs.

mod decryption;
mod encryption;
mod names;
mod signing;
mod verification;

pub use decryption::DecryptionKey;
pub use encryption::EncryptionKey;
pub use signing::SigningKey;
pub use verification::VerificationKey;

pub(crate) use names::KeyNames;

use josekit::JoseError;
use palisade_keystore::{PublicKey, Usage};

use crate::algorithms::{Algorithms, ContentEncryption, KeyManagement, SignatureAlgorithm};

/// Why a key cannot be used as it is configured.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// None of the listed algorithms fits the key's type.
    #[error("alias `{alias}` is {key}, which does not do {listed}; it does {fits}")]
    Unfit {
        /// The alias.
        alias: String,
        /// What stands there.
        key: String,
        /// What was asked of it.
        listed: String,
        /// What it could do.
        fits: String,
    },
    /// The list names an algorithm for another purpose.
    #[error("alias `{alias}`: `{name}` is not for {purpose}")]
    Misplaced {
        /// The alias.
        alias: String,
        /// The algorithm listed.
        name: &'static str,
        /// What the key is configured for.
        purpose: &'static str,
    },
    /// The key's JWK reserves it for something else.
    #[error("alias `{alias}` is reserved for {reserved} by its JWK, and cannot be used for {purpose}")]
    Reserved {
        /// The alias.
        alias: String,
        /// What its `use` or `key_ops` say.
        reserved: &'static str,
        /// What the key is configured for.
        purpose: &'static str,
    },
    /// The key's JWK binds it to another algorithm (RFC 7517 section 4.4).
    #[error("alias `{alias}` is bound to `{bound}` by its JWK, which is not {wanted}")]
    Bound {
        /// The alias.
        alias: String,
        /// What its `alg` says.
        bound: String,
        /// What the key is configured for.
        wanted: String,
    },
    /// The cryptographic library does not take the key.
    #[error("alias `{alias}`: the cryptographic library does not take the key")]
    Refused {
        /// The alias.
        alias: String,
    },
}

impl KeyError {
    fn refused(alias: &str) -> impl FnOnce(JoseError) -> Self + '_ {
        |_| Self::Refused {
            alias: alias.to_owned(),
        }
    }
}

const ENCRYPTION: &str = "encryption";
const SIGNATURES: &str = "signatures";

/// The default content encryption, and those that are spoken.
const CONTENT: [ContentEncryption; 2] = [ContentEncryption::A128CbcHs256, ContentEncryption::A256Gcm];

/// What an encrypting or decrypting key of this type does under this list.
fn encryption(
    alias: &str,
    public: &PublicKey,
    list: &Algorithms,
) -> Result<(KeyManagement, Vec<ContentEncryption>), KeyError> {
    let key = public.algorithm();
    if public.usage() == Usage::Signature {
        return Err(KeyError::Reserved {
            alias: alias.to_owned(),
            reserved: SIGNATURES,
            purpose: ENCRYPTION,
        });
    }
    if let Some(name) = list.signature().first() {
        return Err(KeyError::Misplaced {
            alias: alias.to_owned(),
            name: name.name(),
            purpose: ENCRYPTION,
        });
    }
    let unfit = |fits: &str| KeyError::Unfit {
        alias: alias.to_owned(),
        key: key.to_string(),
        listed: if list.key_management().is_empty() {
            ENCRYPTION.to_owned()
        } else {
            names(list.key_management())
        },
        fits: fits.to_owned(),
    };
    let Some(management) = KeyManagement::of(key) else {
        return Err(unfit(&names(SignatureAlgorithm::of(key))));
    };
    if !list.key_management().is_empty() && !list.key_management().contains(&management) {
        return Err(unfit(management.name()));
    }
    if let Some(bound) = public.jose_algorithm()
        && bound != management.name()
    {
        return Err(KeyError::Bound {
            alias: alias.to_owned(),
            bound: bound.to_owned(),
            wanted: management.name().to_owned(),
        });
    }
    let content = match list.content() {
        [] => vec![CONTENT[0]],
        listed => listed.to_vec(),
    };
    Ok((management, content))
}

/// What a signing or verifying key of this type does under this list: never empty, the first is what is written.
fn signatures(
    alias: &str,
    public: &PublicKey,
    list: &Algorithms,
) -> Result<Vec<SignatureAlgorithm>, KeyError> {
    let key = public.algorithm();
    if public.usage() == Usage::Encryption {
        return Err(KeyError::Reserved {
            alias: alias.to_owned(),
            reserved: ENCRYPTION,
            purpose: SIGNATURES,
        });
    }
    let misplaced = list.key_management().first().map(|name| name.name());
    if let Some(name) = misplaced.or_else(|| list.content().first().map(|name| name.name())) {
        return Err(KeyError::Misplaced {
            alias: alias.to_owned(),
            name,
            purpose: SIGNATURES,
        });
    }
    let able = SignatureAlgorithm::of(key);
    if let Some(bound) = public.jose_algorithm() {
        return bound_to(alias, bound, able, list).map(|name| vec![name]);
    }
    let fitting: Vec<_> = match list.signature() {
        [] => able.iter().take(1).copied().collect(),
        listed => listed
            .iter()
            .filter(|name| able.contains(name))
            .copied()
            .collect(),
    };
    if fitting.is_empty() {
        return Err(KeyError::Unfit {
            alias: alias.to_owned(),
            key: key.to_string(),
            listed: if list.signature().is_empty() {
                SIGNATURES.to_owned()
            } else {
                names(list.signature())
            },
            fits: match able {
                [] => KeyManagement::of(key)
                    .map_or("nothing here", KeyManagement::name)
                    .to_owned(),
                able => names(able),
            },
        });
    }
    Ok(fitting)
}

/// The one algorithm that a JWK binds its key to, if it is spoken and listed.
fn bound_to(
    alias: &str,
    bound: &str,
    able: &[SignatureAlgorithm],
    list: &Algorithms,
) -> Result<SignatureAlgorithm, KeyError> {
    let wanted = match list.signature() {
        [] => able,
        listed => listed,
    };
    let found = able
        .iter()
        .find(|name| name.name() == bound && wanted.contains(name));
    found.copied().ok_or_else(|| KeyError::Bound {
        alias: alias.to_owned(),
        bound: bound.to_owned(),
        wanted: match wanted {
            [] => SIGNATURES.to_owned(),
            wanted => names(wanted),
        },
    })
}

/// Names for a message to the operator.
fn names<T: ToString>(items: &[T]) -> String {
    items
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(", ")
}
