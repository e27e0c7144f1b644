//! The client's address behind trusted proxies, from `X-Forwarded-For` or `Forwarded` (RFC 7239).
//!
//! 1. Elements are read from right to left, because each proxy appends what it saw itself; several lines are one list.
//! 2. Trusted proxies are skipped; the first other element is the client. Whatever stands further left is never looked at.
//! 3. An element that cannot be read before that, `unknown` and obfuscated names included, makes the client unknown; so does
//!    a missing field.
//! 4. Where every element is a trusted proxy, the leftmost of them is the client: it made the request itself.
//!
//! What this does not protect against: a trusted proxy that lies, or that hands on the field as it came without adding to it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use http::HeaderValue;
use palisade_core::ClientAddress;

use crate::TrustedProxies;

/// The client's address out of the lines of `X-Forwarded-For`, in the order in which they came.
pub fn x_forwarded_for<'a, I>(lines: I, trusted: &TrustedProxies) -> ClientAddress
where
    I: IntoIterator<Item = &'a HeaderValue, IntoIter: DoubleEndedIterator>,
{
    let elements = lines
        .into_iter()
        .rev()
        .flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b','));
    walk(elements, trusted, |element| node(text(element)?))
}

/// The client's address out of the lines of `Forwarded`, in the order in which they came.
pub fn forwarded<'a, I>(lines: I, trusted: &TrustedProxies) -> ClientAddress
where
    I: IntoIterator<Item = &'a HeaderValue, IntoIter: DoubleEndedIterator>,
{
    let elements = lines
        .into_iter()
        .rev()
        .flat_map(|line| FromTheRight::new(line.as_bytes(), b','));
    walk(elements, trusted, forwarded_for)
}

fn walk<'a>(
    elements: impl Iterator<Item = &'a [u8]>,
    trusted: &TrustedProxies,
    read: impl Fn(&'a [u8]) -> Option<IpAddr>,
) -> ClientAddress {
    let mut client = ClientAddress::Unknown;
    for element in elements {
        let Some(ip) = read(element) else {
            return ClientAddress::Unknown;
        };
        client = ip.into();
        if !trusted.contains(client) {
            return client;
        }
    }
    client
}

fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes)
        .ok()
        .map(|text| text.trim_matches([' ', '\t']))
}

/// The `for` parameter of one `forwarded-element` (RFC 7239 section 4).
fn forwarded_for(element: &[u8]) -> Option<IpAddr> {
    let mut found = None;
    for pair in FromTheRight::new(element, b';') {
        let (name, value) = text(pair)?.split_once('=')?;
        if name.eq_ignore_ascii_case("for") {
            if found.is_some() {
                return None;
            }
            found = Some(node(unquote(value)?)?);
        }
    }
    found
}

/// A token as it stands, or the inside of a quoted string. An address needs no escapes, so there are none.
fn unquote(value: &str) -> Option<&str> {
    match value.strip_prefix('"') {
        Some(rest) => rest
            .strip_suffix('"')
            .filter(|inside| !inside.contains(['"', '\\'])),
        None => Some(value).filter(|value| !value.contains(['"', '[', ':'])),
    }
}

/// `nodename [ ":" node-port ]` (RFC 7239 section 6), or a bare IPv6 address as `X-Forwarded-For` has it.
fn node(text: &str) -> Option<IpAddr> {
    if let Some(rest) = text.strip_prefix('[') {
        let (inside, behind) = rest.split_once(']')?;
        let port_fits = behind.is_empty() || behind.strip_prefix(':').is_some_and(is_port);
        return inside
            .parse::<Ipv6Addr>()
            .ok()
            .filter(|_| port_fits)
            .map(IpAddr::V6);
    }
    if let Ok(ip) = text.parse::<IpAddr>() {
        return Some(ip);
    }
    let (ip, port) = text.split_once(':')?;
    ip.parse::<Ipv4Addr>()
        .ok()
        .filter(|_| is_port(port))
        .map(IpAddr::V4)
}

fn is_port(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u16>().is_ok()
}

/// The parts of a list, last first, split at separators outside quoted strings.
///
/// Quotes are matched from the right as well: an opening quote that a client sends without its end cannot swallow what the
/// proxies added behind it.
struct FromTheRight<'a> {
    rest: Option<&'a [u8]>,
    separator: u8,
}

impl<'a> FromTheRight<'a> {
    fn new(list: &'a [u8], separator: u8) -> Self {
        Self {
            rest: Some(list),
            separator,
        }
    }
}

impl<'a> Iterator for FromTheRight<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let list = self.rest?;
        let mut quoted = false;
        for (index, byte) in list.iter().enumerate().rev() {
            if *byte == b'"' && !is_escaped(list, index) {
                quoted = !quoted;
            } else if *byte == self.separator && !quoted {
                let (before, part) = list.split_at(index);
                self.rest = Some(before);
                return part.get(1..);
            }
        }
        self.rest.take()
    }
}

/// Whether an odd number of backslashes stands before the byte.
fn is_escaped(list: &[u8], index: usize) -> bool {
    let before = list.get(..index).unwrap_or_default();
    before.iter().rev().take_while(|byte| **byte == b'\\').count() % 2 == 1
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use palisade_core::ClientAddress;
    use proptest::prelude::*;
    use rstest::rstest;

    use super::{forwarded, x_forwarded_for};
    use crate::TrustedProxies;

    fn trusted() -> TrustedProxies {
        [
            "10.0.0.0/8".parse().unwrap(),
            "2001:db8:ffff::/48".parse().unwrap(),
        ]
        .into_iter()
        .collect()
    }

    fn lines(texts: &[&str]) -> Vec<HeaderValue> {
        texts
            .iter()
            .map(|text| HeaderValue::from_str(text).unwrap())
            .collect()
    }

    fn known(text: Option<&str>) -> ClientAddress {
        text.map_or(ClientAddress::Unknown, |text| {
            ClientAddress::Known(text.parse().unwrap())
        })
    }

    #[rstest]
    #[case::one(&["192.0.2.1"], Some("192.0.2.1"))]
    #[case::never_the_leftmost(&["203.0.113.1, 192.0.2.1"], Some("192.0.2.1"))]
    #[case::proxies_are_skipped(&["203.0.113.1, 192.0.2.1, 10.0.0.1,10.0.0.2"], Some("192.0.2.1"))]
    #[case::lines_are_one_list(&["203.0.113.1", "192.0.2.1, 10.0.0.1", "10.9.9.9"], Some("192.0.2.1"))]
    #[case::garbage_on_the_left_is_never_reached(&["<script>, 192.0.2.1"], Some("192.0.2.1"))]
    #[case::garbage_on_the_right(&["192.0.2.1, nonsense"], None)]
    #[case::garbage_behind_proxies(&["192.0.2.1, nonsense, 10.0.0.1"], None)]
    #[case::empty_element(&["192.0.2.1, "], None)]
    #[case::empty_field(&[""], None)]
    #[case::missing_field(&[], None)]
    #[case::all_are_proxies(&["10.0.0.1, 10.0.0.2"], Some("10.0.0.1"))]
    #[case::port(&["192.0.2.1:4711"], Some("192.0.2.1"))]
    #[case::ipv6(&["2001:db8::1"], Some("2001:db8::1"))]
    #[case::ipv6_in_brackets(&["[2001:db8::1]"], Some("2001:db8::1"))]
    #[case::ipv6_with_port(&["[2001:db8::1]:4711, 2001:db8:ffff::1"], Some("2001:db8::1"))]
    #[case::mapped(&["::ffff:192.0.2.1"], Some("192.0.2.1"))]
    #[case::mapped_proxy(&["192.0.2.1, ::ffff:10.0.0.1"], Some("192.0.2.1"))]
    #[case::unknown(&["unknown"], None)]
    #[case::bad_port(&["192.0.2.1:99999"], None)]
    #[case::zone(&["fe80::1%eth0"], None)]
    #[case::octal(&["192.0.02.1"], None)]
    fn x_forwarded_for_is_read_from_the_right(#[case] texts: &[&str], #[case] client: Option<&str>) {
        assert_eq!(x_forwarded_for(&lines(texts), &trusted()), known(client));
    }

    #[rstest]
    #[case::plain(&["for=192.0.2.43"], Some("192.0.2.43"))]
    #[case::case_and_parameters(&["proto=http;By=203.0.113.43;FOR=192.0.2.60"], Some("192.0.2.60"))]
    #[case::ipv6(&["for=\"[2001:db8:cafe::17]:4711\""], Some("2001:db8:cafe::17"))]
    #[case::quoted_port(&["for=\"192.0.2.43:47011\""], Some("192.0.2.43"))]
    #[case::from_the_right(&["for=203.0.113.9, for=192.0.2.43;proto=https, for=10.1.1.1"], Some("192.0.2.43"))]
    #[case::lines(&["for=203.0.113.9", "for=192.0.2.43"], Some("192.0.2.43"))]
    #[case::comma_in_quotes(&["for=192.0.2.43;ext=\"a, for=203.0.113.9\""], Some("192.0.2.43"))]
    #[case::an_open_quote_swallows_nothing(&["for=\"203.0.113.9, for=192.0.2.43"], Some("192.0.2.43"))]
    #[case::an_escaped_open_quote(&["for=\"203.0.113.9\\\", for=192.0.2.43"], Some("192.0.2.43"))]
    #[case::unknown(&["for=203.0.113.9, for=unknown"], None)]
    #[case::obfuscated(&["for=203.0.113.9, for=_hidden"], None)]
    #[case::without_for(&["for=203.0.113.9, proto=https"], None)]
    #[case::twice(&["for=192.0.2.43;for=203.0.113.9"], None)]
    #[case::unquoted_ipv6(&["for=[2001:db8::1]"], None)]
    #[case::unquoted_port(&["for=192.0.2.43:80"], None)]
    #[case::spaces_inside(&["for = 192.0.2.43"], None)]
    #[case::bare(&["192.0.2.43"], None)]
    #[case::missing_field(&[], None)]
    fn forwarded_is_read_from_the_right(#[case] texts: &[&str], #[case] client: Option<&str>) {
        assert_eq!(forwarded(&lines(texts), &trusted()), known(client));
    }

    proptest! {
        #[test]
        fn whatever_a_client_sends_its_own_address_is_found(forged in "[ -~]{0,60}", separate in any::<bool>()) {
            for (header, own) in [("192.0.2.1", "192.0.2.1"), ("192.0.2.1, 10.0.0.1", "192.0.2.1")] {
                let texts = if separate { vec![forged.clone(), header.to_owned()] } else { vec![format!("{forged}, {header}")] };
                let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
                prop_assert_eq!(x_forwarded_for(&lines(&texts), &trusted()), known(Some(own)));
            }
            let texts = if separate { vec![forged.clone(), "for=192.0.2.1".to_owned()] } else { vec![format!("{forged}, for=192.0.2.1")] };
            let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
            prop_assert_eq!(forwarded(&lines(&texts), &trusted()), known(Some("192.0.2.1")));
        }

        #[test]
        fn no_bytes_make_the_readers_fail(bytes in proptest::collection::vec(any::<u8>().prop_filter("a value of a field", |b| *b >= 32 && *b != 127), 0..80)) {
            let line = HeaderValue::from_bytes(&bytes).unwrap();
            let _ = x_forwarded_for([&line], &trusted());
            let _ = forwarded([&line, &line], &trusted());
        }
    }
}
