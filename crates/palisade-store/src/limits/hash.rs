//! Where a key is in a table: a hash that nobody can foresee.
//!
//! A key is three numbers of 64 bits. Multiplied by three secret numbers of 128 bits and added to a fourth, they give a sum of
//! which the upper 64 bits are strongly universal (multilinear hashing, Lemire and Kaser, "Strongly universal string hashing is
//! fast", 2014): whatever two keys somebody chooses who does not see the hashes, each pair of hashes is as likely as any other.
//! So no sender can crowd a shard or a place in it.

use std::hash::{BuildHasher, RandomState};

use palisade_core::LimitKey;

/// The secret of one table.
pub(super) struct KeyHash {
    factors: [u128; 3],
    summand: u128,
}

/// The secret is not shown.
impl std::fmt::Debug for KeyHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("KeyHash")
    }
}

impl KeyHash {
    /// With a secret of its own.
    pub(super) fn new() -> Self {
        let random = RandomState::new();
        let number = |which: u8| {
            let [high, low] = [0, 1].map(|half: u8| u128::from(random.hash_one((which, half))));
            (high << 64) | low
        };
        Self {
            factors: [0, 1, 2].map(number),
            summand: number(3),
        }
    }

    #[inline]
    pub(super) fn of(&self, key: &LimitKey) -> u64 {
        let (numbers, _) = key.as_bytes().as_chunks::<8>();
        let products = numbers
            .iter()
            .zip(&self.factors)
            .map(|(number, factor)| factor.wrapping_mul(u64::from_ne_bytes(*number).into()));
        mix((products.fold(self.summand, u128::wrapping_add) >> 64) as u64)
    }
}

/// The finalizer of `MurmurHash3`, which makes another number of each. Sums of neighbouring keys lie at equal distances: without it,
/// a secret whose distance has many zeros at its end leaves most places of a table empty.
#[inline]
fn mix(mut sum: u64) -> u64 {
    sum ^= sum >> 33;
    sum = sum.wrapping_mul(0xff51_afd7_ed55_8ccd);
    sum ^= sum >> 33;
    sum = sum.wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    sum ^ (sum >> 33)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use palisade_core::LimitKey;

    use super::KeyHash;

    #[test]
    fn neighbouring_keys_spread_over_all_places_whatever_the_secret_is() {
        for _ in 0..20 {
            spread(&KeyHash::new());
        }
    }

    fn spread(hash: &KeyHash) {
        let hashes: Vec<u64> = (0..=u16::MAX)
            .map(|number| {
                hash.of(&LimitKey::address(
                    std::net::Ipv4Addr::from(u32::from(number)).into(),
                ))
            })
            .collect();
        let distinct = |part: fn(u64) -> u64| {
            hashes
                .iter()
                .map(|hash| part(*hash))
                .collect::<HashSet<_>>()
                .len()
        };
        assert_eq!(distinct(|hash| hash), hashes.len());
        // The upper seven bits, those by which shards are told, and the lower ones.
        assert_eq!(distinct(|hash| hash >> 57), 128);
        assert_eq!(distinct(|hash| (hash >> 32) & 0xff), 256);
        assert!(distinct(|hash| hash & 0xffff) > 10_000);
    }

    #[test]
    fn each_table_has_a_secret_of_its_own() {
        let key = LimitKey::EVERYBODY;
        let hashes: HashSet<u64> = (0..100).map(|_| KeyHash::new().of(&key)).collect();
        assert_eq!(hashes.len(), 100);
    }
}
