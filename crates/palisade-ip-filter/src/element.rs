//! One element of a list: an address, a prefix or a range.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// Addresses of one family that follow each other, both ends included.
///
/// ```
/// use palisade_ip_filter::AddressRange;
///
/// let range: AddressRange = "10.0.0.0/8".parse()?;
/// assert!(range.contains("10.255.255.255".parse()?));
/// assert_eq!("::ffff:10.0.0.0/104".parse(), Ok(range));
/// assert!("10.0.0.1/8".parse::<AddressRange>().is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AddressRange(Span);

/// The ends, as numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Span {
    V4(u32, u32),
    V6(u128, u128),
}

impl AddressRange {
    /// Whether that address lies within; a mapped address is its IPv4 address.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.0, address.to_canonical()) {
            (Span::V4(first, last), IpAddr::V4(address)) => (first..=last).contains(&address.to_bits()),
            (Span::V6(first, last), IpAddr::V6(address)) => (first..=last).contains(&address.to_bits()),
            _ => false,
        }
    }

    pub(crate) fn span(self) -> Span {
        self.0
    }

    fn between(first: IpAddr, last: IpAddr) -> Result<Self, ElementError> {
        let span = match (first.to_canonical(), last.to_canonical()) {
            (IpAddr::V4(first), IpAddr::V4(last)) => Span::V4(first.to_bits(), last.to_bits()),
            (IpAddr::V6(first), IpAddr::V6(last)) => Span::V6(first.to_bits(), last.to_bits()),
            _ => return Err(ElementError::MixedFamilies),
        };
        match span {
            Span::V4(first, last) if first > last => Err(ElementError::Reversed),
            Span::V6(first, last) if first > last => Err(ElementError::Reversed),
            span => Ok(Self(span)),
        }
    }

    fn prefix(address: IpAddr, length: &str) -> Result<Self, ElementError> {
        let length = prefix_length(length).ok_or(ElementError::Length)?;
        let (address, length) = match (address, address.to_canonical()) {
            // A mapped prefix shorter than the mapped block itself stays IPv6.
            (IpAddr::V6(_), IpAddr::V4(mapped)) if (96..=128).contains(&length) => {
                (IpAddr::V4(mapped), length - 96)
            }
            (address, _) => (address, length),
        };
        let (span, network) = match address {
            IpAddr::V4(address) => {
                let host = host_bits(32, length)?.map_or(u32::MAX, |bits| (1_u32 << bits) - 1);
                let bits = address.to_bits();
                (
                    Span::V4(bits & !host, bits | host),
                    IpAddr::from(Ipv4Addr::from_bits(bits & !host)),
                )
            }
            IpAddr::V6(address) => {
                let host = host_bits(128, length)?.map_or(u128::MAX, |bits| (1_u128 << bits) - 1);
                let bits = address.to_bits();
                (
                    Span::V6(bits & !host, bits | host),
                    IpAddr::from(Ipv6Addr::from_bits(bits & !host)),
                )
            }
        };
        if network == address {
            Ok(Self(span))
        } else {
            Err(ElementError::HostBits { network, length })
        }
    }
}

impl From<IpAddr> for AddressRange {
    fn from(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V4(address) => Span::V4(address.to_bits(), address.to_bits()),
            IpAddr::V6(address) => Span::V6(address.to_bits(), address.to_bits()),
        })
    }
}

impl FromStr for AddressRange {
    type Err = ElementError;

    /// Reads an element; white space around it, and around the hyphen of a range, is ignored.
    fn from_str(text: &str) -> Result<Self, ElementError> {
        let text = text.trim_ascii();
        if let Some((address, length)) = text.split_once('/') {
            return Self::prefix(parse_address(address)?, length);
        }
        if let Some((first, last)) = text.split_once('-') {
            return Self::between(
                parse_address(first.trim_ascii_end())?,
                parse_address(last.trim_ascii_start())?,
            );
        }
        parse_address(text).map(Self::from)
    }
}

impl fmt::Display for AddressRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (first, last) = match self.0 {
            Span::V4(first, last) => (
                IpAddr::from(first.to_be_bytes()),
                IpAddr::from(last.to_be_bytes()),
            ),
            Span::V6(first, last) => (
                IpAddr::from(first.to_be_bytes()),
                IpAddr::from(last.to_be_bytes()),
            ),
        };
        if first == last {
            first.fmt(f)
        } else {
            write!(f, "{first}-{last}")
        }
    }
}

/// Why a text is no element of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ElementError {
    /// It is no address.
    #[error("an address, a prefix such as 10.0.0.0/8, or a range such as 10.0.0.1-10.0.0.99")]
    Address,
    /// What follows the slash is no prefix length of that family.
    #[error("a prefix length from 0 to 32 (IPv4) or 0 to 128 (IPv6)")]
    Length,
    /// The address has bits set behind the prefix length.
    #[error("a prefix without host bits; the network is {network}/{length}")]
    HostBits {
        /// The address with those bits cleared.
        network: IpAddr,
        /// The prefix length.
        length: u8,
    },
    /// The range ends before it starts.
    #[error("a range whose first address is not above its last")]
    Reversed,
    /// The range starts in one family and ends in the other.
    #[error("a range within one address family")]
    MixedFamilies,
}

fn parse_address(text: &str) -> Result<IpAddr, ElementError> {
    text.parse().map_err(|_| ElementError::Address)
}

/// A decimal number without sign or leading zeros.
fn prefix_length(text: &str) -> Option<u8> {
    let plain = text == "0" || !text.starts_with(['0', '+']);
    text.parse().ok().filter(|_| plain)
}

/// How many bits stand behind a prefix; `None` where that is all of them.
fn host_bits(width: u8, length: u8) -> Result<Option<u8>, ElementError> {
    let bits = width.checked_sub(length).ok_or(ElementError::Length)?;
    Ok(Some(bits).filter(|bits| *bits < width))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::{AddressRange, ElementError};

    #[rstest]
    #[case("192.0.2.1", "192.0.2.1")]
    #[case(" 192.0.2.1\t", "192.0.2.1")]
    #[case("10.0.0.0/8", "10.0.0.0-10.255.255.255")]
    #[case("0.0.0.0/0", "0.0.0.0-255.255.255.255")]
    #[case("192.0.2.1/32", "192.0.2.1")]
    #[case("10.0.0.1-10.0.0.99", "10.0.0.1-10.0.0.99")]
    #[case("10.0.0.1 - 10.0.0.99", "10.0.0.1-10.0.0.99")]
    #[case("2001:db8::/32", "2001:db8::-2001:db8:ffff:ffff:ffff:ffff:ffff:ffff")]
    #[case("::/0", "::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")]
    #[case("2001:DB8::1-2001:db8::ff", "2001:db8::1-2001:db8::ff")]
    #[case("::ffff:192.0.2.1", "192.0.2.1")]
    #[case("::ffff:c000:201", "192.0.2.1")]
    #[case("::ffff:0:0/96", "0.0.0.0-255.255.255.255")]
    #[case("::ffff:10.0.0.0/104", "10.0.0.0-10.255.255.255")]
    #[case("::ffff:10.0.0.1-::ffff:10.0.0.9", "10.0.0.1-10.0.0.9")]
    #[case("10.0.0.1-::ffff:10.0.0.9", "10.0.0.1-10.0.0.9")]
    #[case("::192.0.2.1", "::c000:201")]
    fn an_element_is_an_address_a_prefix_or_a_range(#[case] text: &str, #[case] shown: &str) {
        assert_eq!(
            text.parse::<AddressRange>()
                .map(|range| range.to_string())
                .as_deref(),
            Ok(shown)
        );
    }

    #[rstest]
    #[case("")]
    #[case("partner.example")]
    #[case("10.0.0")]
    #[case("010.0.0.1")]
    #[case("10.0.0.256")]
    #[case("10.0.0.1:80")]
    #[case("[::1]")]
    #[case("fe80::1%eth0")]
    #[case("10.*.*.*")]
    #[case("-10.0.0.1")]
    #[case("10.0.0.1-")]
    #[case("10.0.0.1-10.0.0.2-10.0.0.3")]
    #[case("10.0.0.1 10.0.0.2")]
    #[case("/8")]
    fn what_is_no_address_is_no_element(#[case] text: &str) {
        assert_eq!(text.parse::<AddressRange>(), Err(ElementError::Address));
    }

    #[rstest]
    #[case("10.0.0.0/33")]
    #[case("10.0.0.0/")]
    #[case("10.0.0.0/-1")]
    #[case("10.0.0.0/+8")]
    #[case("10.0.0.0/08")]
    #[case("10.0.0.0/8/8")]
    #[case("10.0.0.0/255.0.0.0")]
    #[case("2001:db8::/129")]
    #[case("10.0.0.0/ 8")]
    fn a_prefix_length_fits_its_family(#[case] text: &str) {
        assert_eq!(text.parse::<AddressRange>(), Err(ElementError::Length));
    }

    #[rstest]
    #[case("10.0.0.1/8", "10.0.0.0/8")]
    #[case("10.0.0.1/0", "0.0.0.0/0")]
    #[case("10.0.0.1/31", "10.0.0.0/31")]
    #[case("2001:db8::1/64", "2001:db8::/64")]
    #[case("::ffff:10.0.0.1/104", "10.0.0.0/8")]
    #[case("::ffff:10.0.0.1/64", "::/64")]
    fn host_bits_are_an_error_that_names_the_network(#[case] text: &str, #[case] network: &str) {
        let error = text.parse::<AddressRange>().unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("a prefix without host bits; the network is {network}")
        );
    }

    #[test]
    fn a_range_runs_upwards_within_one_family() {
        let parse = |text: &str| text.parse::<AddressRange>();
        assert_eq!(parse("10.0.0.2-10.0.0.1"), Err(ElementError::Reversed));
        assert_eq!(parse("2001:db8::2-2001:db8::1"), Err(ElementError::Reversed));
        assert_eq!(parse("10.0.0.1-2001:db8::1"), Err(ElementError::MixedFamilies));
        assert_eq!(parse("::1-::ffff:10.0.0.1"), Err(ElementError::MixedFamilies));
    }
}
