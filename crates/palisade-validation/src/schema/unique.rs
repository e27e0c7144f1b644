//! `uniqueItems` in linear time, whoever wrote the items.
//!
//! The crate's own way hashes the members of objects with a fixed key and joins the hashes by exclusive or, so a
//! peer can compute thousands of different objects with one hash, and have every pair of them compared. Here the
//! key is random and made anew by the standard library, and joining is by addition.

use std::hash::{BuildHasher, Hash, Hasher, RandomState};

use serde_json::Number;

use crate::json::{Kind, Node};

/// Arrays up to here are compared pair by pair: that is faster than hashing.
const PAIRWISE: usize = 12;

/// Whether no two items of an array are equal, as JSON Schema sees it: `1` and `1.0` are.
pub(super) fn is_unique(array: Node<'_>) -> bool {
    if matches!(array.kind(), Kind::Array(..=PAIRWISE)) {
        let mut rest = array.children();
        while let Some(first) = rest.next() {
            if rest.clone().any(|other| first.equals(other)) {
                return false;
            }
        }
        return true;
    }
    let key = RandomState::new();
    let mut hashed: Vec<(u64, Node<'_>)> = array.children().map(|item| (hash(&key, item), item)).collect();
    hashed.sort_unstable_by_key(|(hash, _)| *hash);
    hashed.chunk_by(|(one, _), (other, _)| one == other).all(|alike| {
        let mut rest = alike;
        while let [(_, first), others @ ..] = rest {
            if others.iter().any(|(_, other)| first.equals(*other)) {
                return false;
            }
            rest = others;
        }
        true
    })
}

/// A hash that is the same for equal values. It goes as deep as the value, which the reader of JSON has bounded.
fn hash(key: &RandomState, value: Node<'_>) -> u64 {
    let mut hasher = key.build_hasher();
    match value.kind() {
        Kind::Null => hasher.write_u8(0),
        Kind::Bool(value) => (1_u8, value).hash(&mut hasher),
        Kind::Number(number) => hash_number(number, &mut hasher),
        Kind::String(text) => (4_u8, text).hash(&mut hasher),
        Kind::Array(_) => {
            hasher.write_u8(5);
            for item in value.children() {
                hasher.write_u64(hash(key, item));
            }
        }
        Kind::Object(..) => {
            let sum = value
                .children()
                .map(|member| key.hash_one((6_u8, member.name(), hash(key, member))))
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
