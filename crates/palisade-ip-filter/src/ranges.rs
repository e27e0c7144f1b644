//! Sets of addresses: sorted ranges that neither touch nor overlap, with an index on the first bits that differ.

use std::net::IpAddr;

use crate::element::{AddressRange, Span};

/// A set of addresses of both families.
#[derive(Debug, Clone, Default)]
pub(crate) struct AddressSet {
    v4: Ranges<u32>,
    /// Whole IPv6 networks of /64 and their unions, by the first half of the address: half the memory to look through.
    v6_networks: Ranges<u64>,
    /// What of IPv6 does not fill a /64.
    v6: Ranges<u128>,
}

impl AddressSet {
    /// Whether that canonical address is in the set.
    pub(crate) fn contains(&self, address: IpAddr) -> bool {
        match address {
            IpAddr::V4(address) => self.v4.contains(address.to_bits()),
            IpAddr::V6(address) => {
                let number = address.to_bits();
                self.v6_networks.contains(network(number)) || self.v6.contains(number)
            }
        }
    }

    /// Whether all addresses of a family are in the set.
    pub(crate) fn covers_a_family(&self) -> bool {
        self.v4.is_everything() || self.v6_networks.is_everything()
    }
}

impl FromIterator<AddressRange> for AddressSet {
    fn from_iter<I: IntoIterator<Item = AddressRange>>(ranges: I) -> Self {
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for range in ranges {
            match range.span() {
                Span::V4(first, last) => v4.push((first, last)),
                Span::V6(first, last) => v6.push((first, last)),
            }
        }
        merge(&mut v6);
        let (mut networks, mut rest) = (Vec::new(), Vec::new());
        for (first, last) in v6 {
            split(first, last, &mut networks, &mut rest);
        }
        Self {
            v4: Ranges::new(v4),
            v6_networks: Ranges::new(networks),
            v6: Ranges::new(rest),
        }
    }
}

/// The bits behind a /64.
const WITHIN: u128 = u64::MAX as u128;

/// The first half of an IPv6 address.
fn network(number: u128) -> u64 {
    u64::try_from(number >> 64).unwrap_or(u64::MAX)
}

/// Splits a range into the /64 networks that it fills and what is left at its ends.
fn split(first: u128, last: u128, networks: &mut Vec<(u64, u64)>, rest: &mut Vec<(u128, u128)>) {
    let starts_whole = first & WITHIN == 0;
    let ends_whole = last & WITHIN == WITHIN;
    let from = if starts_whole {
        Some(network(first))
    } else {
        network(first).checked_add(1)
    };
    let to = if ends_whole {
        Some(network(last))
    } else {
        network(last).checked_sub(1)
    };
    match (from, to) {
        (Some(from), Some(to)) if from <= to => {
            networks.push((from, to));
            if !starts_whole {
                rest.push((first, first | WITHIN));
            }
            if !ends_whole {
                rest.push((last & !WITHIN, last));
            }
        }
        _ => rest.push((first, last)),
    }
}

/// Sorts ranges and joins those that touch or overlap.
fn merge<N: Number>(spans: &mut Vec<(N, N)>) {
    spans.sort_unstable();
    spans.dedup_by(|next, open| {
        let touches = open.1.successor().is_none_or(|behind| next.0 <= behind);
        if touches {
            open.1 = open.1.max(next.1);
        }
        touches
    });
}

/// An address as a number.
trait Number: Copy + Ord {
    const MIN: Self;
    const MAX: Self;

    fn successor(self) -> Option<Self>;

    /// How many leading bits both have in common.
    fn common_bits(self, other: Self) -> u32;

    /// The `count` bits behind the first `skipped`; `count` is at most 20 and not 0.
    fn bits(self, skipped: u32, count: u32) -> usize;
}

macro_rules! number {
    ($type:ty) => {
        impl Number for $type {
            const MIN: Self = Self::MIN;
            const MAX: Self = Self::MAX;

            fn successor(self) -> Option<Self> {
                self.checked_add(1)
            }

            fn common_bits(self, other: Self) -> u32 {
                (self ^ other).leading_zeros()
            }

            fn bits(self, skipped: u32, count: u32) -> usize {
                usize::try_from(
                    self.unbounded_shl(skipped)
                        .unbounded_shr(Self::BITS - count),
                )
                .unwrap_or(usize::MAX)
            }
        }
    };
}

number!(u32);
number!(u64);
number!(u128);

/// Sets smaller than this are searched without an index.
const SMALL: usize = 64;

/// The widest index: about one range for each bucket in a set of a million, in 4 MiB.
const WIDEST: u32 = 20;

/// Sorted ranges that neither touch nor overlap, each with both its ends.
#[derive(Debug, Clone)]
struct Ranges<N> {
    spans: Box<[(N, N)]>,
    index: Option<Index>,
}

/// Where the ranges of each bucket start; a bucket is a value of the `width` bits behind the `skipped` bits that all have in common.
#[derive(Debug, Clone)]
struct Index {
    skipped: u32,
    width: u32,
    /// One more than there are buckets: the positions of the first range that starts in or behind each.
    starts: Box<[u32]>,
}

impl<N> Default for Ranges<N> {
    fn default() -> Self {
        Self {
            spans: Box::default(),
            index: None,
        }
    }
}

impl<N: Number> Ranges<N> {
    fn new(mut spans: Vec<(N, N)>) -> Self {
        merge(&mut spans);
        let index = Index::new(&spans);
        Self {
            spans: spans.into(),
            index,
        }
    }

    fn contains(&self, number: N) -> bool {
        let (Some((lowest, _)), Some((_, highest))) = (self.spans.first(), self.spans.last()) else {
            return false;
        };
        if number < *lowest || number > *highest {
            return false;
        }
        let (from, to) = match &self.index {
            None => (0, self.spans.len()),
            Some(index) => index.bucket(number),
        };
        let within = self.spans.get(from..to).unwrap_or_default();
        let behind = from + within.partition_point(|(first, _)| *first <= number);
        behind
            .checked_sub(1)
            .and_then(|position| self.spans.get(position))
            .is_some_and(|(_, last)| number <= *last)
    }

    fn is_everything(&self) -> bool {
        matches!(&*self.spans, [(first, last)] if *first == N::MIN && *last == N::MAX)
    }
}

impl Index {
    fn new<N: Number>(spans: &[(N, N)]) -> Option<Self> {
        let ((lowest, _), (_, highest)) = (spans.first()?, spans.last()?);
        if spans.len() < SMALL {
            return None;
        }
        let count = u32::try_from(spans.len()).ok()?;
        // Every number between the ends shares the bits that the ends share.
        let skipped = lowest.common_bits(*highest);
        let width = count.ilog2().min(WIDEST);
        let mut starts = Vec::with_capacity((1 << width) + 1);
        for (position, (first, _)) in (0..count).zip(spans) {
            let behind = first.bits(skipped, width) + 1;
            if starts.len() < behind {
                starts.resize(behind, position);
            }
        }
        starts.resize((1 << width) + 1, count);
        Some(Self {
            skipped,
            width,
            starts: starts.into(),
        })
    }

    /// The positions among which the first range that starts above the number is found, or right behind them.
    fn bucket<N: Number>(&self, number: N) -> (usize, usize) {
        let bucket = number.bits(self.skipped, self.width);
        match self.starts.get(bucket..) {
            Some([from, to, ..]) => (*from as usize, *to as usize),
            _ => (0, 0),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::Ranges;

    #[test]
    fn ranges_that_touch_or_overlap_become_one() {
        let ranges = Ranges::new(vec![
            (5_u32, 9),
            (0, 2),
            (3, 4),
            (7, 20),
            (30, u32::MAX),
            (31, 40),
        ]);
        assert_eq!(&*ranges.spans, [(0, 20), (30, u32::MAX)]);
        assert!(Ranges::new(vec![(0_u32, 9), (10, u32::MAX)]).is_everything());
        assert!(!Ranges::new(vec![(0_u32, 9), (11, u32::MAX)]).is_everything());
    }

    /// Numbers that lie close together, at the ends, or anywhere.
    fn numbers() -> impl Strategy<Value = u32> {
        prop_oneof![
            0_u32..400,
            (u32::MAX - 400)..=u32::MAX,
            0x0A00_0000_u32..0x0A00_4000,
            any::<u32>()
        ]
    }

    proptest! {
        #[test]
        fn membership_agrees_with_asking_every_range(
            spans in vec((numbers(), 0_u32..60), 0..400),
            asked in vec(numbers(), 1..200),
        ) {
            let spans: Vec<(u32, u32)> =
                spans.into_iter().map(|(first, more)| (first, first.saturating_add(more))).collect();
            let ranges = Ranges::new(spans.clone());
            let wide = |number: u32| (u128::from(number) << 64) | u128::from(number);
            let wide_ranges = Ranges::new(spans.iter().map(|(first, last)| (wide(*first), wide(*last))).collect());
            let ends = spans.iter().flat_map(|(first, last)| {
                [*first, *last, first.wrapping_sub(1), last.wrapping_add(1)]
            });
            for number in asked.into_iter().chain(ends) {
                let expected = spans.iter().any(|(first, last)| (*first..=*last).contains(&number));
                prop_assert_eq!(ranges.contains(number), expected, "{}", number);
                prop_assert_eq!(wide_ranges.contains(wide(number)), expected, "{}", number);
            }
            for pair in ranges.spans.windows(2) {
                prop_assert!(u64::from(pair[1].0) > u64::from(pair[0].1) + 1);
            }
        }
    }
}
