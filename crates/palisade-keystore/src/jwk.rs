//! JWK Set (RFC 7517), a single JWK included.
//!
//! 1. A member given twice is an error, wherever it stands.
//! 2. An alias is the `kid`, else the thumbprint; two keys of one `kid` are an error.
//! 3. Kinds of keys that are not supported (`oct`, X25519, …) are entries that cannot be used, and stop nobody.
//! 4. What is malformed, or contradicts itself, is an error: a point off its curve, a private half of another key, an `x5c`
//!    whose certificate carries another key, `use` against `key_ops`.
//! 5. `use`, `key_ops` and `alg` are kept, and limit what the key may be used for.
//! 6. `x5u` and `jku` are never followed.

mod json;
mod key;
mod published;
mod write;

use std::collections::BTreeSet;
use std::path::Path;

use palisade_core::Finding;

use self::json::{Json, Members};
use crate::error::StoreError;
use crate::pem::readable_by_others;
use crate::store::Contents;

pub use self::published::{BadJwkSet, PublishedKey, PublishedKeys, SkippedKey};
pub(crate) use self::write::{private_members, public_members};

/// What a key may be used for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Usage {
    /// Nothing is said: everything its kind allows.
    #[default]
    Any,
    /// Signatures alone.
    Signature,
    /// Encryption alone.
    Encryption,
}

impl Usage {
    /// Whether the key may make or check signatures.
    pub fn allows_signature(self) -> bool {
        self != Self::Encryption
    }

    /// Whether the key may encrypt or decrypt.
    pub fn allows_encryption(self) -> bool {
        self != Self::Signature
    }
}

/// Reads a set, or a single key.
pub(crate) fn read(name: &str, path: &Path, bytes: &[u8]) -> Result<Contents, Vec<StoreError>> {
    let damaged = |reason: String| StoreError::Damaged {
        path: path.to_owned(),
        reason,
    };
    let json = json::parse(bytes).map_err(|reason| vec![damaged(reason)])?;
    let keys = keys(&json).map_err(|reason| vec![damaged(reason.to_owned())])?;
    let mut contents = Contents::default();
    let mut errors = Vec::new();
    let mut aliases = BTreeSet::new();
    for (index, members) in keys.iter().enumerate() {
        let position = index + 1;
        match key::entry(&format!("{name}-{position}"), members) {
            Ok(entry) if aliases.insert(entry.alias().to_owned()) => contents.entries.push(entry),
            Ok(entry) => errors.push(StoreError::DuplicateAlias {
                alias: entry.alias().to_owned(),
            }),
            Err(reason) => {
                let kid = members
                    .get("kid")
                    .and_then(Json::text)
                    .map(|kid| format!(" (`kid` {kid:?})"))
                    .unwrap_or_default();
                errors.push(damaged(format!("key {position}{kid}: {reason}")));
            }
        }
    }
    if keys.is_empty() {
        errors.push(StoreError::Empty {
            path: path.to_owned(),
        });
    }
    if keys.iter().any(|members| key::is_secret(members)) {
        contents
            .findings
            .extend::<Option<Finding>>(readable_by_others(path));
    }
    if errors.is_empty() {
        Ok(contents)
    } else {
        Err(errors)
    }
}

/// The keys of a set (RFC 7517 section 5), or the one that stands alone.
fn keys(json: &Json) -> Result<Vec<&Members>, &'static str> {
    let Json::Object(members) = json else {
        return Err("it is no JSON object");
    };
    match members.get("keys") {
        Some(Json::Array(keys)) => keys
            .iter()
            .map(|key| match key {
                Json::Object(members) => Ok(members),
                _ => Err("`keys` holds something that is no object"),
            })
            .collect(),
        Some(_) => Err("`keys` is no array"),
        None if members.contains_key("kty") => Ok(vec![members]),
        None => Err("it is neither a JWK Set (no `keys`) nor a JWK (no `kty`)"),
    }
}
