//! The server's keys: a default one and one per host, chosen by the server name of the handshake.

use std::collections::HashMap;
use std::sync::Arc;

use palisade_core::{BuildError, Finding, Severity, SubjectAltName};
use palisade_keystore::{Certificate, Keystores};
use rustls::crypto::CryptoProvider;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::{CertifiedKey, Signer, SigningKey};
use rustls::{SignatureAlgorithm, SignatureScheme};
use rustls_pki_types::SubjectPublicKeyInfoDer;

use crate::TlsSettings;
use crate::algorithms::Disabled;
use crate::suites::Offer;

/// Chooses the server's key.
///
/// 1. A host that is named in the settings gets its own key, an exact name before a wildcard.
/// 2. Every other handshake gets the default key, unless a known server name is required: then the name must be one of the
///    default certificate.
#[derive(Debug)]
pub(crate) struct Keys {
    default: Option<Arc<CertifiedKey>>,
    default_names: Names<()>,
    hosts: Names<Arc<CertifiedKey>>,
    is_name_required: bool,
}

/// Values by host name, with wildcards for one label (RFC 9525 section 6.3).
#[derive(Debug)]
struct Names<T> {
    exact: HashMap<String, T>,
    wildcards: HashMap<String, T>,
}

impl<T> Names<T> {
    fn new() -> Self {
        Self {
            exact: HashMap::new(),
            wildcards: HashMap::new(),
        }
    }

    fn insert(&mut self, pattern: &str, value: T) {
        let pattern = pattern.to_ascii_lowercase();
        match pattern.strip_prefix("*.") {
            Some(domain) => self.wildcards.insert(domain.to_owned(), value),
            None => self.exact.insert(pattern, value),
        };
    }

    fn find(&self, host: &str) -> Option<&T> {
        self.exact.get(host).or_else(|| {
            host.split_once('.')
                .and_then(|(_, domain)| self.wildcards.get(domain))
        })
    }
}

impl Keys {
    pub(crate) fn load(
        tls: &TlsSettings,
        keystores: &Keystores,
        offer: &Offer,
        faults: &mut BuildError,
        findings: &mut Vec<Finding>,
    ) -> Self {
        let mut keys = Self {
            default: None,
            default_names: Names::new(),
            hosts: Names::new(),
            is_name_required: tls.sni_required,
        };
        let load = |alias: &str, key: &str, faults: &mut BuildError| match certified(alias, keystores, offer)
        {
            Ok(found) => Some(found),
            Err(expected) => {
                faults.push(key, expected);
                None
            }
        };
        match &tls.key_alias {
            Some(alias) => {
                if let Some((certified, certificate)) = load(alias, "tls.key-alias", faults) {
                    for name in dns_names(&certificate) {
                        keys.default_names.insert(name, ());
                    }
                    keys.default = Some(certified);
                }
            }
            None if tls.sni_required && !tls.sni.0.is_empty() => {}
            None => faults.push("tls.key-alias", "the alias of the server's key and chain"),
        }
        for (host, settings) in &tls.sni.0 {
            let key = format!("tls.sni.{host}.key-alias");
            if !is_host_pattern(host) {
                faults.push(&key, "a host name, or `*.` before one");
                continue;
            }
            if let Some((certified, certificate)) = load(&settings.key_alias, &key, faults) {
                if !covers(&certificate, host) {
                    let message = format!(
                        "the certificate of `{}` does not name the host {host}",
                        settings.key_alias
                    );
                    findings.push(Finding::new(Severity::Moderate, "sni-name-mismatch", message).at(&key));
                }
                keys.hosts.insert(host, certified);
            }
        }
        keys
    }

    fn choose(&self, server_name: Option<&str>) -> Option<&Arc<CertifiedKey>> {
        let Some(name) = server_name.map(str::to_ascii_lowercase) else {
            return self.default.as_ref().filter(|_| !self.is_name_required);
        };
        let name = name.strip_suffix('.').unwrap_or(&name);
        self.hosts.find(name).or_else(|| {
            let is_known = !self.is_name_required || self.default_names.find(name).is_some();
            self.default.as_ref().filter(|_| is_known)
        })
    }
}

impl ResolvesServerCert for Keys {
    fn resolve(&self, client_hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.choose(client_hello.server_name()).cloned()
    }
}

fn certified(
    alias: &str,
    keystores: &Keystores,
    offer: &Offer,
) -> Result<(Arc<CertifiedKey>, Certificate), String> {
    let entry = keystores
        .identity(alias)
        .map_err(|error| format!("the alias of a key with its certificate: {error}"))?;
    let certificate = entry
        .certificate()
        .ok_or_else(|| format!("a certificate beside the key `{alias}`"))?;
    if offer.disabled.has_key(&certificate.facts().algorithm) {
        let algorithm = &certificate.facts().algorithm;
        return Err(format!(
            "a key that tls.disabled-algorithms leaves on; `{alias}` is {algorithm}"
        ));
    }
    let certified = certified_key(&entry, &offer.provider, &offer.disabled)
        .map_err(|error| format!("a key that TLS can use; `{alias}`: {error}"))?;
    Ok((certified, certificate.clone()))
}

fn certified_key(
    entry: &palisade_keystore::KeyEntry,
    provider: &CryptoProvider,
    disabled: &Arc<Disabled>,
) -> Result<Arc<CertifiedKey>, rustls::Error> {
    let mut certified = CertifiedKey::from_der(entry.tls_chain(), entry.key_der(), provider)?;
    if !disabled.is_empty() {
        certified.key = Arc::new(RestrictedKey {
            key: certified.key,
            disabled: Arc::clone(disabled),
        });
    }
    Ok(Arc::new(certified))
}

/// A key that does not sign with disabled algorithms.
#[derive(Debug)]
struct RestrictedKey {
    key: Arc<dyn SigningKey>,
    disabled: Arc<Disabled>,
}

impl SigningKey for RestrictedKey {
    fn choose_scheme(&self, offered: &[SignatureScheme]) -> Option<Box<dyn Signer>> {
        let offered: Vec<_> = offered
            .iter()
            .copied()
            .filter(|scheme| !self.disabled.has_scheme(*scheme))
            .collect();
        self.key.choose_scheme(&offered)
    }

    fn public_key(&self) -> Option<SubjectPublicKeyInfoDer<'_>> {
        self.key.public_key()
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        self.key.algorithm()
    }
}

fn dns_names(certificate: &Certificate) -> impl Iterator<Item = &str> {
    certificate.facts().names.iter().filter_map(|name| match name {
        SubjectAltName::Dns(name) => Some(name.as_str()),
        _ => None,
    })
}

/// Whether the certificate names the host; for a wildcard, that very wildcard.
fn covers(certificate: &Certificate, host: &str) -> bool {
    let mut names = Names::new();
    let mut is_wildcard_named = false;
    for name in dns_names(certificate) {
        is_wildcard_named |= name.eq_ignore_ascii_case(host);
        names.insert(name, ());
    }
    if host.starts_with("*.") {
        is_wildcard_named
    } else {
        names.find(host).is_some()
    }
}

fn is_host_pattern(host: &str) -> bool {
    let name = host.strip_prefix("*.").unwrap_or(host);
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    name.len() <= 253 && name.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::{Names, is_host_pattern};

    #[rstest]
    #[case("a.example.org", Some(1))]
    #[case("b.example.org", Some(2))]
    #[case("a.b.example.org", None)]
    #[case("example.org", None)]
    fn an_exact_name_comes_before_a_wildcard_of_one_label(#[case] host: &str, #[case] found: Option<u8>) {
        let mut names = Names::new();
        names.insert("*.Example.org", 2);
        names.insert("a.example.ORG", 1);
        assert_eq!(names.find(host).copied(), found);
    }

    #[rstest]
    #[case("example.org", true)]
    #[case("*.example.org", true)]
    #[case("localhost", true)]
    #[case("a.*.org", false)]
    #[case("*", false)]
    #[case("a..b", false)]
    #[case("", false)]
    #[case("a b", false)]
    fn a_host_is_a_name_or_a_wildcard_before_one(#[case] host: &str, #[case] good: bool) {
        assert_eq!(is_host_pattern(host), good);
    }
}
