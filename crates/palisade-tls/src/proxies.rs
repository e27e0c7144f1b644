//! Whose word about clients is believed.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use palisade_core::{BuildError, ClientAddress};

/// The networks of the trusted proxies.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TrustedProxies(Box<[IpNet]>);

impl TrustedProxies {
    /// Reads addresses (`192.0.2.1`) and networks (`10.0.0.0/8`); faults are reported below `key`.
    pub fn parse(texts: &[String], key: &str, faults: &mut BuildError) -> Self {
        let mut networks = Vec::with_capacity(texts.len());
        for (index, text) in texts.iter().enumerate() {
            match network(text.trim()) {
                Some(network) => networks.push(network),
                None => faults.push(
                    format!("{key}[{index}]"),
                    "an address or a network such as 192.0.2.1, 10.0.0.0/8 or 2001:db8::/32",
                ),
            }
        }
        Self(networks.into())
    }

    /// Whether nobody is trusted.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether this is a trusted proxy. An unknown address never is.
    pub fn contains(&self, address: ClientAddress) -> bool {
        match address {
            ClientAddress::Known(ip) => self.0.iter().any(|network| network.contains(&ip.to_canonical())),
            ClientAddress::Unknown => false,
        }
    }
}

/// Networks are held as IPv4 where they lie in the mapped range (RFC 4291 section 2.5.5.2), as addresses are.
fn network(text: &str) -> Option<IpNet> {
    let network = match text.parse::<IpNet>() {
        Ok(network) => network,
        Err(_) => IpNet::from(text.parse::<IpAddr>().ok()?),
    };
    let mapped = match network {
        IpNet::V6(six) if six.prefix_len() >= 96 => six
            .addr()
            .to_ipv4_mapped()
            .map(|four| (four, six.prefix_len() - 96)),
        _ => None,
    };
    match mapped {
        Some((four, length)) => IpNet::new(IpAddr::V4(four), length).ok(),
        None => Some(network),
    }
}

impl FromIterator<IpNet> for TrustedProxies {
    fn from_iter<I: IntoIterator<Item = IpNet>>(networks: I) -> Self {
        Self(networks.into_iter().collect())
    }
}

/// Whether only this machine can reach the address.
pub(crate) fn is_loopback(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(four) => four.is_loopback() && four != Ipv4Addr::UNSPECIFIED,
        IpAddr::V6(six) => six == Ipv6Addr::LOCALHOST,
    }
}

#[cfg(test)]
mod tests {
    use palisade_core::{BuildError, ClientAddress};
    use rstest::rstest;

    use super::TrustedProxies;

    #[rstest]
    #[case("10.1.2.3", true)]
    #[case("::ffff:10.1.2.3", true)]
    #[case("11.1.2.3", false)]
    #[case("192.0.2.1", true)]
    #[case("192.0.2.2", false)]
    #[case("2001:db8::5", true)]
    #[case("198.51.100.9", true)]
    fn an_address_is_trusted_when_a_network_holds_it(#[case] address: &str, #[case] trusted: bool) {
        let mut faults = BuildError::default();
        let texts = [
            "10.0.0.0/8",
            "192.0.2.1",
            "2001:db8::/32",
            "::ffff:198.51.100.0/120",
        ]
        .map(str::to_owned);
        let proxies = TrustedProxies::parse(&texts, "trusted-proxies", &mut faults);
        assert!(faults.faults.is_empty());
        let address: std::net::IpAddr = address.parse().unwrap();
        assert_eq!(proxies.contains(ClientAddress::Known(address)), trusted);
        assert!(!proxies.contains(ClientAddress::Unknown));
    }

    #[test]
    fn every_element_that_cannot_be_read_is_reported() {
        let mut faults = BuildError::default();
        let texts = ["10.0.0.0/33", "192.0.2.1", "proxy.example"].map(str::to_owned);
        TrustedProxies::parse(&texts, "trusted-proxies", &mut faults);
        let keys: Vec<_> = faults.faults.iter().map(|fault| fault.key.as_str()).collect();
        assert_eq!(keys, ["trusted-proxies[0]", "trusted-proxies[2]"]);
    }
}
