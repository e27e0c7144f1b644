//! Hashes that stand in where there is no user, or none with a password.

use std::collections::BTreeMap;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::LazyLock;

use crate::password::{Cost, PasswordHash};

/// The key under which names are spread: random for each process, so that nobody can tell beforehand what a name costs.
static KEY: LazyLock<RandomState> = LazyLock::new(RandomState::new);

/// One hash for each cost that users' hashes have, and for each user one share of all names.
///
/// 1. With one cost everywhere, that is the cost of every unknown name.
/// 2. With several, unknown names have them in the proportion in which users have them. Would they all have the most common one, every
///    other cost would be the mark of a user.
/// 3. A cost is that of a hash that was accepted, so that none is above the bound of hashes.
///
/// What this does not protect against: a name that costs something else at another server, or after a restart, is nobody's. Hashes of
/// one cost tell nothing; that there are several is a finding.
pub(crate) struct Decoys {
    /// In the order of costs; with each, how many users' hashes cost as much or less.
    shares: Box<[(u64, PasswordHash)]>,
    /// How many users' hashes there are.
    total: u64,
    /// The dearest, which is the last share.
    dearest: PasswordHash,
}

impl Decoys {
    /// The recommended cost where there is no other.
    pub(crate) fn new(costs: impl Iterator<Item = Cost>) -> Self {
        let mut counts: BTreeMap<Cost, u64> = BTreeMap::new();
        for cost in costs {
            *counts.entry(cost).or_default() += 1;
        }
        let dearest = counts.keys().next_back().copied().unwrap_or(Cost::RECOMMENDED);
        let mut total = 0;
        let shares = counts.into_iter().map(|(cost, count)| {
            total += count;
            (total, PasswordHash::decoy(cost))
        });
        Self {
            shares: shares.collect(),
            total,
            dearest: PasswordHash::decoy(dearest),
        }
    }

    /// The one of that name.
    pub(crate) fn of(&self, name: &str) -> &PasswordHash {
        self.at(KEY.hash_one(name))
    }

    /// The one at a place on the whole range of numbers: few names move when the users change a little.
    fn at(&self, place: u64) -> &PasswordHash {
        let number = (u128::from(place) * u128::from(self.total)) >> u64::BITS;
        self.shares
            .iter()
            .find(|(end, _)| number < u128::from(*end))
            .map_or(&self.dearest, |(_, hash)| hash)
    }
}

#[cfg(test)]
mod tests {
    use super::Decoys;
    use crate::password::{Cost, PasswordHash};

    fn cost(passes: u32) -> Cost {
        Cost {
            passes,
            ..Cost::RECOMMENDED
        }
    }

    #[test]
    fn without_users_a_decoy_costs_what_is_recommended() {
        assert_eq!(
            Decoys::new(std::iter::empty()).of("nobody").cost(),
            Cost::RECOMMENDED
        );
    }

    #[test]
    fn with_one_cost_every_name_has_it() {
        let decoys = Decoys::new([3, 3, 3].map(cost).into_iter());
        assert!((0..100).all(|number| decoys.of(&number.to_string()).cost() == cost(3)));
    }

    #[test]
    fn names_have_costs_as_users_have_them() {
        let decoys = Decoys::new([2, 3, 2, 2].map(cost).into_iter());
        let quarter = u64::MAX / 4;
        let at = |place| PasswordHash::cost(decoys.at(place));
        assert_eq!([0, quarter, 3 * quarter - 1].map(at), [2, 2, 2].map(cost));
        assert_eq!([3 * quarter + 4, u64::MAX].map(at), [3, 3].map(cost));
        let of = |passes| {
            (0..4000)
                .filter(|number: &u32| decoys.of(&number.to_string()).cost() == cost(passes))
                .count()
        };
        // Far beyond what chance allows.
        assert!((2600..3400).contains(&of(2)) && of(2) + of(3) == 4000);
    }

    #[test]
    fn a_name_has_one_cost() {
        let [one, two] = [(); 2].map(|()| Decoys::new([2, 3].map(cost).into_iter()));
        for number in 0..100 {
            let name = number.to_string();
            assert_eq!(one.of(&name).cost(), two.of(&name).cost());
        }
    }
}
