//! The filter agrees with a naive one, over addresses of both families.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use palisade_core::ClientAddress;
use palisade_ip_filter::{AddressRange, Denied, IpFilter};
use proptest::collection::vec;
use proptest::prelude::*;
use rstest::rstest;

/// An element as text, with both its ends.
type Element = (String, IpAddr, IpAddr);

fn v4() -> impl Strategy<Value = u32> {
    prop_oneof![
        0_u32..300,
        0x0A00_0000_u32..0x0A00_0300,
        (u32::MAX - 300)..=u32::MAX,
        any::<u32>()
    ]
}

fn v6() -> impl Strategy<Value = u128> {
    let base = 0x2001_0db8_u128 << 96;
    prop_oneof![
        0_u128..300,
        (base)..(base + 300),
        (u128::MAX - 300)..=u128::MAX,
        // Around the block of mapped addresses.
        0xfffe_ffff_ff00_u128..=0xfffe_ffff_ffff,
        0x1_0000_0000_0000_u128..0x1_0000_0000_0100,
        any::<u128>(),
    ]
}

fn element() -> impl Strategy<Value = Element> {
    let v4_prefix = (v4(), 0_u32..=32, any::<bool>()).prop_map(|(bits, length, mapped)| {
        let host = u32::MAX.checked_shr(length).unwrap_or(0);
        let (first, last) = (
            Ipv4Addr::from_bits(bits & !host),
            Ipv4Addr::from_bits(bits | host),
        );
        let text = if mapped {
            format!("{}/{}", first.to_ipv6_mapped(), length + 96)
        } else {
            format!("{first}/{length}")
        };
        (text, first.into(), last.into())
    });
    let v4_range = (v4(), 0_u32..200, any::<bool>()).prop_map(|(first, more, mapped)| {
        let (first, last) = (
            Ipv4Addr::from_bits(first),
            Ipv4Addr::from_bits(first.saturating_add(more)),
        );
        let text = if mapped {
            format!("{}-{}", first.to_ipv6_mapped(), last.to_ipv6_mapped())
        } else {
            format!("{first}-{last}")
        };
        (text, first.into(), last.into())
    });
    // A prefix shorter than 97 that holds the mapped block speaks of IPv6 alone.
    let v6_prefix = (v6(), 0_u32..=128)
        .prop_map(|(bits, length)| {
            let host = u128::MAX.checked_shr(length).unwrap_or(0);
            (
                Ipv6Addr::from_bits(bits & !host),
                Ipv6Addr::from_bits(bits | host),
                length,
            )
        })
        .prop_map(|(first, last, length)| (format!("{first}/{length}"), first.into(), last.into()));
    prop_oneof![v4_prefix, v4_range, v6_prefix]
}

/// The reference: every element is asked in turn.
fn holds(elements: &[Element], address: IpAddr) -> bool {
    elements
        .iter()
        .any(|(_, first, last)| match (first, last, address) {
            (IpAddr::V4(first), IpAddr::V4(last), IpAddr::V4(address)) => (*first..=*last).contains(&address),
            (IpAddr::V6(first), IpAddr::V6(last), IpAddr::V6(address)) => (*first..=*last).contains(&address),
            _ => false,
        })
}

fn neighbours(address: IpAddr) -> [IpAddr; 3] {
    match address {
        IpAddr::V4(address) => {
            [-1, 0, 1].map(|step| Ipv4Addr::from_bits(address.to_bits().wrapping_add_signed(step)).into())
        }
        IpAddr::V6(address) => {
            [-1, 0, 1].map(|step| Ipv6Addr::from_bits(address.to_bits().wrapping_add_signed(step)).into())
        }
    }
}

proptest! {
    #[test]
    fn the_filter_agrees_with_a_naive_one(
        allow in proptest::option::of(vec(element(), 0..90)),
        deny in vec(element(), 0..90),
        others in vec(prop_oneof![
            v4().prop_map(|bits| IpAddr::from(Ipv4Addr::from_bits(bits))),
            v6().prop_map(|bits| IpAddr::from(Ipv6Addr::from_bits(bits))),
        ], 1..50),
    ) {
        let mut builder = IpFilter::builder().deny(deny.iter().map(|(text, ..)| text)).unwrap();
        if let Some(allow) = &allow {
            builder = builder.allow(allow.iter().map(|(text, ..)| text)).unwrap();
        }
        let filter = builder.build().unwrap();
        let ends = allow.iter().flatten().chain(&deny).flat_map(|(_, first, last)| [*first, *last]);
        let asked: Vec<IpAddr> = ends.chain(others).flat_map(neighbours).collect();
        for address in asked {
            // The wire may show an IPv4 address in either form; the reference knows the plain one.
            let plain = address.to_canonical();
            let admitted = !holds(&deny, plain) && allow.as_ref().is_none_or(|allow| holds(allow, plain));
            let shown: &[IpAddr] = match plain {
                IpAddr::V4(v4) => &[plain, IpAddr::V6(v4.to_ipv6_mapped())],
                IpAddr::V6(_) => &[plain],
            };
            for form in shown {
                prop_assert_eq!(filter.admits(ClientAddress::Known(*form)).is_ok(), admitted, "{}", form);
            }
        }
    }

    #[test]
    fn no_text_upsets_the_parser(text in "[0-9a-f:./ -]{0,40}") {
        if let Ok(range) = text.parse::<AddressRange>() {
            prop_assert_eq!(range.to_string().parse::<AddressRange>(), Ok(range));
        }
    }
}

fn address(text: &str) -> IpAddr {
    text.parse().unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED))
}

#[rstest]
#[case("192.0.2.1", Ok(()), "allowed")]
#[case("::ffff:192.0.2.1", Ok(()), "allowed, in its mapped form")]
#[case("192.0.2.13", Err(Denied::Listed(address("192.0.2.13"))), "deny beats allow")]
#[case(
    "::ffff:192.0.2.13",
    Err(Denied::Listed(address("192.0.2.13"))),
    "the mapped form slips past nothing"
)]
#[case("192.0.3.1", Err(Denied::NotListed(address("192.0.3.1"))), "not on the list")]
#[case("2001:db8::1", Ok(()), "an IPv6 range")]
#[case(
    "2001:db8::100",
    Err(Denied::NotListed(address("2001:db8::100"))),
    "behind the range"
)]
fn deny_beats_allow(#[case] client: &str, #[case] verdict: Result<(), Denied>, #[case] why: &str) {
    let filter = IpFilter::builder()
        .allow(["192.0.2.0/24", "2001:db8::-2001:db8::ff"])
        .unwrap()
        .deny(["::ffff:192.0.2.13"])
        .unwrap()
        .build()
        .unwrap();
    assert_eq!(
        filter.admits(ClientAddress::Known(address(client))),
        verdict,
        "{why}"
    );
}

#[test]
fn an_unknown_address_is_refused_always() {
    let everybody = IpFilter::builder()
        .allow(["0.0.0.0/0", "::/0"])
        .unwrap()
        .build()
        .unwrap();
    assert_eq!(everybody.admits(ClientAddress::Unknown), Err(Denied::Unknown));
    let nobody_denied = IpFilter::builder().deny([""; 0]).unwrap().build().unwrap();
    assert_eq!(nobody_denied.admits(ClientAddress::Unknown), Err(Denied::Unknown));
    assert_eq!(
        nobody_denied.admits(ClientAddress::Known(address("192.0.2.1"))),
        Ok(())
    );
}

#[test]
fn an_allow_list_that_is_empty_admits_nobody() {
    let filter = IpFilter::builder().allow([""; 0]).unwrap().build().unwrap();
    for client in ["192.0.2.1", "127.0.0.1", "::1", "2001:db8::1"] {
        assert_eq!(
            filter.admits(ClientAddress::Known(address(client))),
            Err(Denied::NotListed(address(client)))
        );
    }
}

#[test]
fn a_filter_without_lists_is_not_built() {
    assert!(IpFilter::builder().build().is_err());
}

#[test]
fn the_whole_of_ipv6_says_nothing_of_ipv4() {
    let filter = IpFilter::builder().allow(["::/0"]).unwrap().build().unwrap();
    assert!(
        filter
            .admits(ClientAddress::Known(address("2001:db8::1")))
            .is_ok()
    );
    assert!(filter.admits(ClientAddress::Known(address("192.0.2.1"))).is_err());
    assert!(
        filter
            .admits(ClientAddress::Known(address("::ffff:192.0.2.1")))
            .is_err()
    );
}
