//! How a key stands in the file.
//!
//! 1. The first byte says what it is; numbers follow, the lower byte first. Nothing else is in it.
//! 2. What does not read exactly like that is a damage.

use palisade_core::LimitKey;

use super::bound::Written;
use super::rules::{Share, Slice};

const RATE: u8 = 1;
const CALENDAR: u8 = 2;
const SLIDING: u8 = 3;
const IDENTIFIER: u8 = 4;

/// The bytes of a key's record.
pub(super) fn encode(written: &Written) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(48);
    match written {
        Written::Share { share, .. } => encode_share(share, &mut bytes),
        Written::Identifier { owner, until } => {
            bytes.push(IDENTIFIER);
            bytes.extend(owner.as_bytes());
            bytes.extend(until.to_le_bytes());
        }
    }
    bytes
}

fn encode_share(share: &Share, bytes: &mut Vec<u8>) {
    match share {
        Share::Rate {
            full_at,
            interval,
            ceiling,
        } => {
            bytes.push(RATE);
            for number in [full_at, interval, ceiling] {
                bytes.extend(number.to_le_bytes());
            }
        }
        Share::Calendar { start, seconds, used } => {
            bytes.push(CALENDAR);
            bytes.extend(start.to_le_bytes());
            bytes.extend(seconds.to_le_bytes());
            bytes.extend(used.get().to_le_bytes());
        }
        Share::Sliding { seconds, slices } => {
            bytes.push(SLIDING);
            bytes.extend(seconds.to_le_bytes());
            for slice in slices {
                bytes.extend(slice.number.to_le_bytes());
                bytes.extend(slice.used.get().to_le_bytes());
            }
        }
        // Permits are kept in the process alone.
        Share::InFlight { .. } => {}
    }
}

/// What a record says; `None` where it is damaged.
pub(super) fn decode(mut bytes: &[u8]) -> Option<Written> {
    let bytes = &mut bytes;
    let [kind] = read(bytes)?;
    let written = match kind {
        RATE => {
            let [full_at, interval, ceiling] = [number(bytes)?, number(bytes)?, number(bytes)?];
            is_time(interval)?;
            Written::of(Share::Rate {
                full_at,
                interval,
                ceiling,
            })
        }
        CALENDAR => Written::of(Share::Calendar {
            start: number(bytes)?,
            seconds: seconds(bytes)?,
            used: u128::from_le_bytes(read(bytes)?).into(),
        }),
        SLIDING => {
            let seconds = seconds(bytes)?;
            let mut slices = Vec::new();
            while !bytes.is_empty() {
                slices.push(Slice {
                    number: number(bytes)?,
                    used: u128::from_le_bytes(read(bytes)?).into(),
                });
            }
            Written::of(Share::Sliding { seconds, slices })
        }
        IDENTIFIER => Written::Identifier {
            owner: LimitKey::from_bytes(read(bytes)?),
            until: number(bytes)?,
        },
        _ => return None,
    };
    bytes.is_empty().then_some(written)
}

impl Written {
    fn of(share: Share) -> Self {
        Self::Share {
            share,
            is_leased: false,
        }
    }
}

fn read<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (first, rest) = bytes.split_first_chunk::<N>()?;
    *bytes = rest;
    Some(*first)
}

fn number(bytes: &mut &[u8]) -> Option<u64> {
    read(bytes).map(u64::from_le_bytes)
}

fn seconds(bytes: &mut &[u8]) -> Option<u32> {
    let seconds = u32::from_le_bytes(read(bytes)?);
    is_time(seconds.into())?;
    Some(seconds)
}

/// No rule goes by no time.
fn is_time(number: u64) -> Option<()> {
    (number > 0).then_some(())
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::{decode, encode};

    proptest! {
        #[test]
        fn what_is_read_is_what_was_written(mut bytes in vec(any::<u8>(), 0..120), kind in 0..6_u8) {
            if let Some(first) = bytes.first_mut() {
                *first = kind;
            }
            // Lengths that there are, and others.
            for length in [25, 29, 33, 5, 29 + 24, bytes.len()] {
                let bytes = &bytes[..length.min(bytes.len())];
                if let Some(written) = decode(bytes) {
                    prop_assert_eq!(encode(&written), bytes);
                }
            }
        }
    }
}
