//! `uniqueItems` in linear time, whoever wrote the items.
//!
//! The crate's own way hashes the members of objects with a fixed key and joins the hashes by exclusive or, so a
//! peer can compute thousands of different objects with one hash, and have every pair of them compared. Here the
//! key is random and made anew by the standard library, and joining is by addition.

use std::hash::{BuildHasher, Hash, Hasher, RandomState};

use jsonschema::json::cmp;
use serde_json::{Number, Value};

/// Arrays up to here are compared pair by pair: that is faster than hashing.
const PAIRWISE: usize = 12;

/// Whether no two items are equal, as JSON Schema sees it: `1` and `1.0` are.
pub(super) fn is_unique(items: &[Value]) -> bool {
    if items.len() <= PAIRWISE {
        let mut rest = items;
        while let [first, others @ ..] = rest {
            if others.iter().any(|other| cmp::equal(first, other)) {
                return false;
            }
            rest = others;
        }
        return true;
    }
    let key = RandomState::new();
    let mut hashed: Vec<(u64, &Value)> = items.iter().map(|item| (hash(&key, item), item)).collect();
    hashed.sort_unstable_by_key(|(hash, _)| *hash);
    hashed.chunk_by(|(one, _), (other, _)| one == other).all(|alike| {
        let mut rest = alike;
        while let [(_, first), others @ ..] = rest {
            if others.iter().any(|(_, other)| cmp::equal(first, other)) {
                return false;
            }
            rest = others;
        }
        true
    })
}

/// A hash that is the same for equal values. It goes as deep as the value, which the reader of JSON has bounded.
fn hash(key: &RandomState, value: &Value) -> u64 {
    let mut hasher = key.build_hasher();
    match value {
        Value::Null => hasher.write_u8(0),
        Value::Bool(value) => (1_u8, value).hash(&mut hasher),
        Value::Number(number) => hash_number(number, &mut hasher),
        Value::String(text) => (4_u8, text).hash(&mut hasher),
        Value::Array(items) => {
            hasher.write_u8(5);
            for item in items {
                hasher.write_u64(hash(key, item));
            }
        }
        Value::Object(members) => {
            let sum = members
                .iter()
                .map(|(name, value)| key.hash_one((6_u8, name, hash(key, value))))
                .fold(0, u64::wrapping_add);
            (7_u8, sum).hash(&mut hasher);
        }
    }
    hasher.finish()
}

/// Whole numbers hash alike however they are written.
fn hash_number(number: &Number, hasher: &mut impl Hasher) {
    /// The whole numbers of a `f64` from here on are beyond every integer that `serde_json` keeps as one.
    const BEYOND: f64 = 18_446_744_073_709_551_616.0;
    let whole = match (number.as_i128(), number.as_f64()) {
        (Some(whole), _) => Some(whole),
        #[expect(
            clippy::cast_possible_truncation,
            reason = "it has no fraction and is within the range"
        )]
        (None, Some(float)) if float.fract() == 0.0 && float.abs() < BEYOND => Some(float as i128),
        _ => None,
    };
    match whole {
        Some(whole) => (2_u8, whole).hash(hasher),
        None => (3_u8, number.as_f64().map(f64::to_bits)).hash(hasher),
    }
}
