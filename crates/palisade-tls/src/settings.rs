//! What operators write under `palisade.listeners.<name>`.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};

use palisade_core::settings::Period;
use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, Visitor};

/// One listener.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
#[non_exhaustive]
pub struct ListenerSettings {
    /// The address to listen on.
    pub bind: SocketAddr,
    /// TLS.
    pub tls: TlsSettings,
    /// How long a client may take to send the head of a request.
    pub header_read_timeout: Period,
    /// The most connections at one time.
    pub max_connections: usize,
    /// Whether every connection starts with a PROXY protocol header, version 1 or 2, of a trusted proxy.
    pub proxy_protocol: ProxyProtocol,
    /// Addresses and networks of the proxies whose word about clients is believed.
    pub trusted_proxies: Vec<String>,
    /// The field in which trusted proxies carry the client's certificate.
    pub client_cert_header: ClientCertHeader,
    /// The field in which trusted proxies name the client's address.
    pub forwarded_header: ForwardedHeader,
}

impl Default for ListenerSettings {
    fn default() -> Self {
        Self {
            bind: SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 8443)),
            tls: TlsSettings::default(),
            header_read_timeout: Period::seconds(10),
            max_connections: 10_000,
            proxy_protocol: ProxyProtocol::Off,
            trusted_proxies: Vec::new(),
            client_cert_header: ClientCertHeader::Off,
            forwarded_header: ForwardedHeader::Off,
        }
    }
}

impl ListenerSettings {
    /// Whether clients can show certificates here: in the handshake, in a field that trusted proxies send, or in the PROXY protocol
    /// of proxies that end TLS.
    pub fn asks_for_certificates(&self) -> bool {
        let in_handshake = self.tls.enabled && self.tls.client_auth != ClientAuth::None;
        let in_proxy_header = !self.tls.enabled
            && self.proxy_protocol != ProxyProtocol::Off
            && !self.tls.client_ca_aliases.is_empty();
        in_handshake || in_proxy_header || self.client_cert_header != ClientCertHeader::Off
    }
}

/// The TLS side of a listener.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
#[non_exhaustive]
pub struct TlsSettings {
    /// Whether TLS is spoken; plain HTTP when false.
    pub enabled: bool,
    /// The oldest version that is served: `TLSv1.3` or `TLSv1.2`; older names are understood and served as `TLSv1.2`.
    pub minimum_version: String,
    /// The versions that may be served; all when empty.
    pub include_protocols: Vec<String>,
    /// Versions that are never served.
    pub exclude_protocols: Vec<String>,
    /// The cipher suites that are offered, by IANA name, most preferred first; the build's own list when empty.
    pub cipher_suites: Vec<String>,
    /// Cipher suites that are never offered, by IANA name; `*` stands for any characters.
    pub exclude_cipher_suites: Vec<String>,
    /// Algorithms that are never used: families such as `RC4` or `SHA256withRSA`, groups, versions, sizes such as `RSA keySize < 3072`.
    pub disabled_algorithms: Vec<String>,
    /// Whether a handshake without a known server name is refused.
    pub sni_required: bool,
    /// The alias of the server's key and chain.
    pub key_alias: Option<String>,
    /// Keys for single hosts; `*.example.org` stands for every name one label longer than `example.org`.
    pub sni: SniHosts,
    /// Whether clients are asked for certificates.
    pub client_auth: ClientAuth,
    /// Aliases of the trusted issuers of client certificates.
    pub client_ca_aliases: Vec<String>,
    /// Certificate revocation lists, PEM or DER; with any given, each certificate of a chain needs one of its issuer.
    pub crl_files: Vec<String>,
    /// The application protocols that are offered, most preferred first.
    pub alpn: Vec<String>,
    /// How long a client may take for the PROXY header and the handshake together.
    pub handshake_timeout: Period,
}

impl Default for TlsSettings {
    fn default() -> Self {
        Self {
            enabled: true,
            minimum_version: "TLSv1.2".to_owned(),
            include_protocols: Vec::new(),
            exclude_protocols: Vec::new(),
            cipher_suites: Vec::new(),
            exclude_cipher_suites: Vec::new(),
            disabled_algorithms: Vec::new(),
            sni_required: false,
            key_alias: None,
            sni: SniHosts::default(),
            client_auth: ClientAuth::None,
            client_ca_aliases: Vec::new(),
            crl_files: Vec::new(),
            alpn: vec!["h2".to_owned(), "http/1.1".to_owned()],
            handshake_timeout: Period::seconds(10),
        }
    }
}

/// Whether clients are asked for certificates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClientAuth {
    /// They are not.
    #[default]
    None,
    /// They are, and may have none; one that does not verify ends the handshake.
    Request,
    /// They must have one.
    Require,
}

/// Whether connections start with a PROXY protocol header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProxyProtocol {
    /// They do not.
    #[default]
    Off,
    /// All of them do, from trusted proxies alone.
    Required,
}

/// The field in which trusted proxies carry the client's certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClientCertHeader {
    /// None.
    #[default]
    Off,
    /// `Client-Cert` and `Client-Cert-Chain` (RFC 9440).
    ClientCert,
    /// `X-Forwarded-Client-Cert`, as Envoy writes it.
    Xfcc,
}

/// The field in which trusted proxies name the client's address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ForwardedHeader {
    /// None: the client is the peer.
    #[default]
    Off,
    /// `X-Forwarded-For`.
    XForwardedFor,
    /// `Forwarded` (RFC 7239).
    Forwarded,
}

/// The key of one host.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SniSettings {
    /// The alias of the host's key and chain.
    pub key_alias: String,
}

/// Keys by host name.
///
/// A host name holds dots, which separate the words of a key: `tls.sni.a.example.org.key-alias` and
/// `tls.sni[a.example.org].key-alias` mean the same.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SniHosts(pub BTreeMap<String, SniSettings>);

impl<'de> Deserialize<'de> for SniHosts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let tree = BTreeMap::<String, SniNode>::deserialize(deserializer)?;
        let mut hosts = BTreeMap::new();
        for (word, node) in tree {
            node.flatten(&word, &mut hosts).map_err(de::Error::custom)?;
        }
        Ok(Self(hosts))
    }
}

/// What stands below a word of a host name.
enum SniNode {
    Text(String),
    Words(BTreeMap<String, SniNode>),
}

impl SniNode {
    fn flatten(self, host: &str, hosts: &mut BTreeMap<String, SniSettings>) -> Result<(), String> {
        let Self::Words(words) = self else {
            return Err(format!("expected key-alias below the host `{host}`"));
        };
        for (word, node) in words {
            match node {
                Self::Text(key_alias) if word == "key-alias" => {
                    hosts.insert(host.to_ascii_lowercase(), SniSettings { key_alias });
                }
                Self::Text(_) => {
                    return Err(format!(
                        "unknown key `{word}` below the host `{host}`; expected key-alias"
                    ));
                }
                words @ Self::Words(_) => words.flatten(&format!("{host}.{word}"), hosts)?,
            }
        }
        Ok(())
    }
}

impl<'de> Deserialize<'de> for SniNode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SniVisitor)
    }
}

struct SniVisitor;

impl<'de> Visitor<'de> for SniVisitor {
    type Value = SniNode;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the alias of a key")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<SniNode, E> {
        Ok(SniNode::Text(text.to_owned()))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<SniNode, A::Error> {
        let mut words = BTreeMap::new();
        while let Some((word, node)) = map.next_entry()? {
            words.insert(word, node);
        }
        Ok(SniNode::Words(words))
    }
}

#[cfg(test)]
mod tests {
    use palisade_core::settings::Period;
    use serde_json::json;

    use super::{ClientAuth, ClientCertHeader, ForwardedHeader, ListenerSettings, ProxyProtocol};

    #[test]
    fn nothing_set_means_the_documented_defaults() {
        let settings: ListenerSettings = serde_json::from_value(json!({})).unwrap();
        assert_eq!(settings, ListenerSettings::default());
        assert_eq!(settings.bind.to_string(), "127.0.0.1:8443");
        assert!(settings.tls.enabled);
        assert_eq!(settings.tls.minimum_version, "TLSv1.2");
        assert_eq!(settings.tls.alpn, ["h2", "http/1.1"]);
        assert_eq!(settings.tls.handshake_timeout, Period::seconds(10));
        assert_eq!(settings.tls.client_auth, ClientAuth::None);
        assert_eq!(settings.max_connections, 10_000);
        assert_eq!(settings.header_read_timeout, Period::seconds(10));
        assert_eq!(settings.proxy_protocol, ProxyProtocol::Off);
        assert_eq!(settings.client_cert_header, ClientCertHeader::Off);
        assert_eq!(settings.forwarded_header, ForwardedHeader::Off);
    }

    #[test]
    fn a_typing_mistake_is_an_error() {
        for faulty in [
            json!({"tls": {"client-authentication": "require"}}),
            json!({"tls": {"client-auth": "always"}}),
            json!({"proxy": "on"}),
        ] {
            assert!(serde_json::from_value::<ListenerSettings>(faulty).is_err());
        }
    }

    #[test]
    fn a_host_is_read_with_its_dots_in_either_spelling() {
        let nested = json!({"tls": {"sni": {"a": {"Example": {"org": {"key-alias": "a"}}}}}});
        let bracketed = json!({"tls": {"sni": {"a.example.org": {"key-alias": "a"}}}});
        let nested: ListenerSettings = serde_json::from_value(nested).unwrap();
        assert_eq!(nested, serde_json::from_value(bracketed).unwrap());
        assert_eq!(nested.tls.sni.0["a.example.org"].key_alias, "a");

        let faulty = json!({"tls": {"sni": {"a.example.org": {"alias": "a"}}}});
        assert!(
            serde_json::from_value::<ListenerSettings>(faulty)
                .unwrap_err()
                .to_string()
                .contains("key-alias")
        );
    }
}
