//! Settings as operators write them: from property files.
#![expect(clippy::unwrap_used, reason = "tests")]

use palisade_config::{Config, Sources};
use palisade_core::settings::Period;
use palisade_tls::{
    ClientAuth, ClientCertHeader, ForwardedHeader, ListenerSettings, ProxyProtocol, SniSettings,
    TlsFloorSettings,
};

fn load(text: &str) -> Config {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("application.properties"), text).unwrap();
    let (config, errors) = Config::load(&Sources::new(folder.path()));
    assert!(errors.is_empty(), "{errors}");
    config
}

#[test]
fn every_key_is_read() {
    let config = load(
        "palisade.listeners.main.bind=0.0.0.0:9443\n\
         palisade.listeners.main.header-read-timeout=5s\n\
         palisade.listeners.main.max-connections=100\n\
         palisade.listeners.main.proxy-protocol=required\n\
         palisade.listeners.main.trusted-proxies=10.0.0.0/8, 2001:db8::1\n\
         palisade.listeners.main.client-cert-header=client-cert\n\
         palisade.listeners.main.forwarded-header=x-forwarded-for\n\
         palisade.listeners.main.tls.enabled=true\n\
         palisade.listeners.main.tls.minimum-version=TLSv1.3\n\
         palisade.listeners.main.tls.include-protocols=TLSv1.2,TLSv1.3\n\
         palisade.listeners.main.tls.exclude-protocols[0]=TLSv1.2\n\
         palisade.listeners.main.tls.cipher-suites=TLS_AES_128_GCM_SHA256\n\
         palisade.listeners.main.tls.exclude-cipher-suites=TLS_RSA_*\n\
         palisade.listeners.main.tls.disabled-algorithms=RC4, DES, MD5withRSA, RSA keySize < 3072\n\
         palisade.listeners.main.tls.sni-required=true\n\
         palisade.listeners.main.tls.key-alias=server\n\
         palisade.listeners.main.tls.sni.api.example.org.key-alias=api\n\
         palisade.listeners.main.tls.sni[*.example.net].key-alias=wild\n\
         palisade.listeners.main.tls.client-auth=request\n\
         palisade.listeners.main.tls.client-ca-aliases=a,b\n\
         palisade.listeners.main.tls.crl-files=a.crl\n\
         palisade.listeners.main.tls.alpn=http/1.1\n\
         palisade.listeners.main.tls.handshake-timeout=3s\n",
    );
    let settings: ListenerSettings = config.get("palisade.listeners.main").unwrap().unwrap();
    assert_eq!(settings.bind.to_string(), "0.0.0.0:9443");
    assert_eq!(settings.header_read_timeout, Period::seconds(5));
    assert_eq!(settings.max_connections, 100);
    assert_eq!(settings.proxy_protocol, ProxyProtocol::Required);
    assert_eq!(settings.trusted_proxies, ["10.0.0.0/8", "2001:db8::1"]);
    assert_eq!(settings.client_cert_header, ClientCertHeader::ClientCert);
    assert_eq!(settings.forwarded_header, ForwardedHeader::XForwardedFor);
    let tls = settings.tls;
    assert!(tls.enabled && tls.sni_required);
    assert_eq!(tls.minimum_version, "TLSv1.3");
    assert_eq!(tls.include_protocols, ["TLSv1.2", "TLSv1.3"]);
    assert_eq!(tls.exclude_protocols, ["TLSv1.2"]);
    assert_eq!(tls.cipher_suites, ["TLS_AES_128_GCM_SHA256"]);
    assert_eq!(tls.exclude_cipher_suites, ["TLS_RSA_*"]);
    assert_eq!(
        tls.disabled_algorithms,
        ["RC4", "DES", "MD5withRSA", "RSA keySize < 3072"]
    );
    assert_eq!(tls.key_alias.as_deref(), Some("server"));
    let hosts: Vec<_> = tls
        .sni
        .0
        .iter()
        .map(|(host, SniSettings { key_alias })| (host.as_str(), key_alias.as_str()))
        .collect();
    assert_eq!(hosts, [("*.example.net", "wild"), ("api.example.org", "api")]);
    assert_eq!(tls.client_auth, ClientAuth::Request);
    assert_eq!(tls.client_ca_aliases, ["a", "b"]);
    assert_eq!(tls.crl_files, ["a.crl"]);
    assert_eq!(tls.alpn, ["http/1.1"]);
    assert_eq!(tls.handshake_timeout, Period::seconds(3));
}

#[test]
fn a_mistake_is_reported_with_its_line() {
    for (line, says) in [
        ("tls.client-auth=requier", "require"),
        ("tls.mininum-version=TLSv1.3", "minimum-version"),
        ("tls.sni.api.example.org.alias=api", "key-alias"),
        ("bind=everywhere", "bind"),
    ] {
        let config = load(&format!(
            "palisade.listeners.main.max-connections=5\npalisade.listeners.main.{line}\n"
        ));
        let errors = config
            .get::<ListenerSettings>("palisade.listeners.main")
            .unwrap_err()
            .to_string();
        assert!(
            errors.contains(says) && errors.contains("application.properties:2"),
            "{errors}"
        );
    }
}

#[test]
fn the_floor_of_a_route_is_read() {
    let config = load("palisade.interceptors.Strict.tls-floor.minimum-version=TLSv1.3\n");
    let settings: TlsFloorSettings = config
        .get("palisade.interceptors.Strict.tls-floor")
        .unwrap()
        .unwrap();
    assert_eq!(settings.minimum_version.name(), "TLSv1.3");
}
