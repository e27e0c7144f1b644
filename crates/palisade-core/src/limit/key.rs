//! Whose share is counted.

use std::fmt::{self, Debug, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whose share is counted: 24 bytes, whatever the key's text.
///
/// Addresses and short names stand in it as they are; the caller digests what is longer, or secret ([`LimitKey::digest`]).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LimitKey([u8; Self::LENGTH]);

const EVERYBODY: u8 = 0;
const IPV4: u8 = 1;
const IPV6: u8 = 2;
const NAME: u8 = 3;
const DIGEST: u8 = 4;
const UNKNOWN: u8 = 5;
const OVERFLOW: u8 = 6;

impl LimitKey {
    /// How many bytes it has.
    pub const LENGTH: usize = 24;

    /// The longest name that stands in it as it is, in bytes.
    pub const LONGEST_NAME: usize = Self::LENGTH - 2;

    /// Everybody together.
    pub const EVERYBODY: Self = Self::bare(EVERYBODY);

    /// All of whom nothing is known: they share one bucket.
    pub const UNKNOWN: Self = Self::bare(UNKNOWN);

    /// All keys beyond the bound of a store: they share one bucket.
    pub const OVERFLOW: Self = Self::bare(OVERFLOW);

    const fn bare(kind: u8) -> Self {
        let mut bytes = [0; Self::LENGTH];
        bytes[0] = kind;
        Self(bytes)
    }

    fn with(kind: u8, rest: &[u8]) -> Self {
        let mut key = Self::bare(kind);
        for (to, from) in key.0.iter_mut().skip(1).zip(rest) {
            *to = *from;
        }
        key
    }

    /// An address: an IPv4 one as it is, of an IPv6 one the first 64 bits, which one customer has whole (RFC 6177 section 2).
    pub fn address(ip: IpAddr) -> Self {
        match ip.to_canonical() {
            IpAddr::V4(ip) => Self::with(IPV4, &ip.octets()),
            IpAddr::V6(ip) => Self::with(IPV6, ip.octets().first_chunk::<8>().map_or(&[], |half| half)),
        }
    }

    /// A name of at most [`LONGEST_NAME`](Self::LONGEST_NAME) bytes; `None` for a longer one, which is to be digested.
    pub fn name(name: &str) -> Option<Self> {
        let length = u8::try_from(name.len()).ok()?;
        if name.len() > Self::LONGEST_NAME {
            return None;
        }
        let mut key = Self::bare(NAME);
        let (head, rest) = key.0.split_at_mut(2);
        if let Some(at) = head.last_mut() {
            *at = length;
        }
        for (to, from) in rest.iter_mut().zip(name.bytes()) {
            *to = from;
        }
        Some(key)
    }

    /// The first 128 bits of a digest that nobody can make two texts for, such as SHA-256.
    pub fn digest(digest: [u8; 16]) -> Self {
        Self::with(DIGEST, &digest)
    }

    /// Its bytes, for a store that keeps them.
    pub const fn as_bytes(&self) -> &[u8; Self::LENGTH] {
        &self.0
    }

    /// The key of those bytes, from a store that kept them.
    pub const fn from_bytes(bytes: [u8; Self::LENGTH]) -> Self {
        Self(bytes)
    }
}

/// As operators read it: `192.0.2.1`, `2001:db8::/64`, `alice`, `#9f86d0…`, `(everybody)`.
impl fmt::Display for LimitKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [kind, rest @ ..] = &self.0;
        match *kind {
            EVERYBODY => f.write_str("(everybody)"),
            UNKNOWN => f.write_str("(unknown)"),
            OVERFLOW => f.write_str("(overflow)"),
            IPV4 => match rest.first_chunk::<4>() {
                Some(octets) => write!(f, "{}", Ipv4Addr::from(*octets)),
                None => Ok(()),
            },
            IPV6 => {
                let mut octets = [0; 16];
                for (to, from) in octets.iter_mut().zip(rest.iter().take(8)) {
                    *to = *from;
                }
                write!(f, "{}/64", Ipv6Addr::from(octets))
            }
            NAME => {
                let [length, name @ ..] = rest;
                let name = name.get(..usize::from(*length)).unwrap_or(name);
                f.write_str(&String::from_utf8_lossy(name))
            }
            _ => {
                f.write_char('#')?;
                rest.iter().take(16).try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }
    }
}

impl Debug for LimitKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LimitKey({self})")
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::LimitKey;

    #[rstest]
    #[case("192.0.2.1", "192.0.2.1")]
    #[case("::ffff:192.0.2.1", "192.0.2.1")]
    #[case("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64")]
    fn addresses_are_told_apart_by_what_one_customer_has(#[case] ip: &str, #[case] shown: &str) {
        let key = LimitKey::address(ip.parse().expect("an address"));
        assert_eq!(key.to_string(), shown);
        assert_eq!(LimitKey::from_bytes(*key.as_bytes()), key);
    }

    #[test]
    fn keys_of_different_kinds_never_meet() {
        let keys = [
            LimitKey::EVERYBODY,
            LimitKey::UNKNOWN,
            LimitKey::OVERFLOW,
            LimitKey::name("").expect("short"),
            LimitKey::name("\0").expect("short"),
            LimitKey::digest([0; 16]),
            LimitKey::address([0, 0, 0, 0].into()),
            LimitKey::address([0_u16; 8].into()),
        ];
        let distinct: std::collections::BTreeSet<_> = keys.iter().collect();
        assert_eq!(distinct.len(), keys.len());
    }

    #[test]
    fn a_name_stands_as_it_is_as_long_as_it_fits() {
        let longest = "n".repeat(LimitKey::LONGEST_NAME);
        assert_eq!(
            LimitKey::name(&longest).map(|key| key.to_string()),
            Some(longest.clone())
        );
        assert_eq!(LimitKey::name(&format!("{longest}n")), None);
    }
}
