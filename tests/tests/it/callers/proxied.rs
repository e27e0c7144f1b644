//! The table behind a trusted proxy, which passes the client's certificate on: in a PROXY header, or in a field.

use std::net::SocketAddr;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use rstest::rstest;

use super::cells;
use super::client::{Ask, Connection};
use super::pki::Pki;
use super::world::{Credentials, MODES, World};

const NOT_ACCEPTED: &str = "403 client-certificate-not-accepted";
const EVERYBODY_HERE: &str = "127.0.0.0/8";

/// A header of the PROXY protocol, version 2, from 192.0.2.1, as HAProxy writes it behind a session with TLS 1.3: in the TLV
/// `PP2_TYPE_SSL` the result of its own verification (0 is good), and the certificate as sub-TLV `PP2_SUBTYPE_SSL_CLIENT_CERT`.
pub(crate) fn proxy_header(certificate: Option<&[u8]>, verify: u32) -> Vec<u8> {
    let tlv = |kind: u8, value: &[u8]| {
        let length = u16::try_from(value.len()).unwrap();
        [&[kind][..], &length.to_be_bytes(), value].concat()
    };
    // PP2_CLIENT_SSL, and with a certificate PP2_CLIENT_CERT_CONN and PP2_CLIENT_CERT_SESS.
    let mut ssl = vec![if certificate.is_some() { 0x07 } else { 0x01 }];
    ssl.extend(verify.to_be_bytes());
    ssl.extend(tlv(0x21, b"TLSv1.3"));
    if let Some(der) = certificate {
        ssl.extend(tlv(0x28, der));
    }
    let addresses = [192, 0, 2, 1, 198, 51, 100, 1, 0x12, 0x67, 0x01, 0xbb];
    let block = [&addresses[..], &tlv(0x20, &ssl)].concat();
    let length = u16::try_from(block.len()).unwrap().to_be_bytes();
    [&b"\r\n\r\n\0\r\nQUIT\n\x21\x11"[..], &length, &block].concat()
}

/// `Client-Cert` (RFC 9440).
pub(crate) fn client_cert(pki: &Pki, name: &str) -> (&'static str, String) {
    (
        "client-cert",
        format!(":{}:", BASE64_STANDARD.encode(pki.der(name))),
    )
}

/// `X-Forwarded-Client-Cert`, as Envoy writes it.
pub(crate) fn xfcc(pki: &Pki, name: &str) -> (&'static str, String) {
    let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let encode = |byte: u8| {
        if unreserved(byte) {
            char::from(byte).to_string()
        } else {
            format!("%{byte:02X}")
        }
    };
    let encoded = pki.pem(name).bytes().map(encode).collect::<String>();
    (
        "x-forwarded-client-cert",
        format!("By=spiffe://proxy;Cert=\"{encoded}\""),
    )
}

/// Listeners without TLS, each of which trusts `trusted`.
pub(crate) fn behind_proxies(trusted: &str) -> World {
    let mut world = World::new();
    for (name, key, value) in [
        ("proxy", "proxy-protocol", "required"),
        ("client-cert", "client-cert-header", "client-cert"),
        ("xfcc", "client-cert-header", "xfcc"),
    ] {
        world.listener(
            name,
            &[
                ("tls.enabled", "false"),
                ("trusted-proxies", trusted),
                (key, value),
            ],
        );
    }
    world
}

fn through_proxy(address: SocketAddr, certificate: Option<&[u8]>) -> Connection {
    Connection::plain(address, &proxy_header(certificate, 0)).unwrap()
}

#[test]
fn every_cell_holds_behind_the_proxy_protocol() {
    let world = behind_proxies(EVERYBODY_HERE);
    let server = world.start();
    cells::hold(cells::where_asked, |mode, credentials, certificate| {
        let der = certificate.map(|name| world.pki.der(name));
        let mut connection = through_proxy(server.at("proxy"), der.as_deref());
        let answer = connection.ask(&world.ask(mode, credentials)).unwrap();
        if answer.status == 200 {
            assert_eq!(answer.json()["client"], "192.0.2.1");
            assert_eq!(answer.json()["tls"]["version"], "TLSv1.3");
        }
        answer.shown()
    });
}

#[rstest]
#[case::client_cert("client-cert", client_cert)]
#[case::xfcc("xfcc", xfcc)]
fn every_cell_holds_behind_a_field(
    #[case] listener: &str,
    #[case] write: fn(&Pki, &str) -> (&'static str, String),
) {
    let world = behind_proxies(EVERYBODY_HERE);
    let server = world.start();
    // One connection carries many clients.
    let mut connection = Connection::plain(server.at(listener), b"").unwrap();
    cells::hold(cells::where_asked, |mode, credentials, certificate| {
        let carried: Vec<_> = certificate
            .map(|name| write(&world.pki, name))
            .into_iter()
            .collect();
        connection.shown(&world.ask(mode, credentials).with_all(&carried))
    });
}

/// What the proxy verified, or says that it did, is verified here again.
#[test]
fn a_certificate_of_another_authority_is_refused_behind_a_proxy_in_every_mode() {
    let world = behind_proxies(EVERYBODY_HERE);
    let server = world.start();
    let other = Pki::new();
    other.issue("alice");
    let mut proxied = through_proxy(server.at("proxy"), Some(&other.der("alice")));
    let mut client_certs = Connection::plain(server.at("client-cert"), b"").unwrap();
    let mut xfccs = Connection::plain(server.at("xfcc"), b"").unwrap();
    for mode in MODES {
        for credentials in [
            Credentials::Nothing,
            Credentials::Basic,
            Credentials::Bearer,
            Credentials::ApiKey,
        ] {
            let ask = world.ask(mode, credentials);
            assert_eq!(proxied.shown(&ask), NOT_ACCEPTED);
            assert_eq!(
                client_certs.shown(&ask.clone().with_all(&[client_cert(&other, "alice")])),
                NOT_ACCEPTED
            );
            assert_eq!(xfccs.shown(&ask.with_all(&[xfcc(&other, "alice")])), NOT_ACCEPTED);
        }
    }
}

/// A proxy that lets clients pass whose certificate it could not verify says so.
#[test]
fn a_certificate_that_the_proxy_did_not_verify_is_none() {
    let world = behind_proxies(EVERYBODY_HERE);
    let server = world.start();
    let header = proxy_header(Some(&world.pki.der("alice")), 20);
    let mut connection = Connection::plain(server.at("proxy"), &header).unwrap();
    assert_eq!(
        connection.shown(&Ask::get("/default/x")),
        "401 credentials-missing"
    );
    assert_eq!(
        connection.shown(&Ask::get("/force/x")),
        "403 client-certificate-required"
    );
}

#[rstest]
fn a_certificate_that_ends_is_refused_behind_a_proxy_on_the_same_connection(
    #[values("revoked", "expired")] end: &str,
) {
    let mut world = behind_proxies(EVERYBODY_HERE);
    world.pki.issue_for("alice", 1);
    world.set(
        "palisade.users.alice.certificates",
        &world.pki.fingerprint("alice"),
    );
    if end == "revoked" {
        for listener in ["proxy", "client-cert", "xfcc"] {
            world.set(&format!("palisade.listeners.{listener}.tls.crl-files"), "ca.crl");
        }
        world.put("ca.crl", world.pki.revocation_list());
    }
    let server = world.start();
    let mut proxied = through_proxy(server.at("proxy"), Some(&world.pki.der("alice")));
    let mut client_certs = Connection::plain(server.at("client-cert"), b"").unwrap();
    let mut xfccs = Connection::plain(server.at("xfcc"), b"").unwrap();
    let mut shown = |mode: &str, credentials| {
        let ask = world.ask(mode, credentials);
        [
            proxied.shown(&ask),
            client_certs.shown(&ask.clone().with_all(&[client_cert(&world.pki, "alice")])),
            xfccs.shown(&ask.with_all(&[xfcc(&world.pki, "alice")])),
        ]
    };
    for mode in MODES {
        assert_eq!(
            shown(mode, Credentials::Nothing),
            ["alice of acme by certificate"; 3]
        );
    }
    if end == "revoked" {
        world.pki.revoke("alice");
        world.put("ca.crl", world.pki.revocation_list());
        server.apply(&world);
    } else {
        server.clock.advance(Duration::from_secs(2 * 24 * 60 * 60));
    }
    for mode in MODES {
        for credentials in [Credentials::Nothing, Credentials::Basic] {
            assert_eq!(shown(mode, credentials), [NOT_ACCEPTED; 3], "{mode}");
        }
    }
}

/// The proxy has a certificate of its own, which says nothing of its clients.
#[test]
fn the_certificate_of_the_proxy_itself_is_not_the_clients() {
    let mut world = World::new();
    let over_tls = [
        ("tls.key-alias", "server"),
        ("tls.client-auth", "require"),
        ("trusted-proxies", EVERYBODY_HERE),
    ];
    world.listener(
        "proxies",
        &[&over_tls[..], &[("client-cert-header", "client-cert")]].concat(),
    );
    let server = world.start();
    let mut proxy = world.tls(Some("bob")).connect(server.at("proxies")).unwrap();
    cells::hold(cells::where_asked, |mode, credentials, certificate| {
        let carried: Vec<_> = certificate
            .map(|name| client_cert(&world.pki, name))
            .into_iter()
            .collect();
        proxy.shown(&world.ask(mode, credentials).with_all(&carried))
    });
}

/// A proxy that passes TLS through does not know who the client is: the handshake with us tells.
#[test]
fn a_certificate_before_the_handshake_is_not_that_of_the_handshake() {
    let mut world = World::new();
    for (name, client_auth) in [("through", "request"), ("through-silent", "none")] {
        let settings = [
            ("tls.key-alias", "server"),
            ("tls.client-auth", client_auth),
            ("trusted-proxies", EVERYBODY_HERE),
            ("proxy-protocol", "required"),
        ];
        world.listener(name, &settings);
    }
    let server = world.start();
    let header = proxy_header(Some(&world.pki.der("alice")), 0);
    cells::hold(cells::where_asked, |mode, credentials, certificate| {
        let tls = world.tls(certificate);
        let mut connection = tls.connect_behind(server.at("through"), &header).unwrap();
        connection.shown(&world.ask(mode, credentials))
    });
    let mut silent = world
        .tls(Some("bob"))
        .connect_behind(server.at("through-silent"), &header)
        .unwrap();
    cells::hold(cells::where_not_asked, |mode, credentials, _| {
        silent.shown(&world.ask(mode, credentials))
    });
}

/// Whoever passes requests on does not look at every field: one that the listener does not read came from the client.
#[test]
fn a_field_that_the_listener_does_not_read_is_not_believed_from_a_proxy_either() {
    let world = behind_proxies(EVERYBODY_HERE);
    let server = world.start();
    let (client_cert, xfcc) = (client_cert(&world.pki, "alice"), xfcc(&world.pki, "alice"));
    for (listener, field) in [("client-cert", &xfcc), ("xfcc", &client_cert)] {
        let mut connection = Connection::plain(server.at(listener), b"").unwrap();
        let ask = |mode| {
            world
                .ask(mode, Credentials::Nothing)
                .with_all(std::slice::from_ref(field))
        };
        assert_eq!(
            connection.shown(&ask("default")),
            "401 credentials-missing",
            "{listener}"
        );
        assert_eq!(
            connection.shown(&ask("force")),
            "403 client-certificate-required",
            "{listener}"
        );
    }
    // Behind the PROXY protocol fields are always the client's own.
    let mut connection = through_proxy(server.at("proxy"), None);
    for field in [client_cert, xfcc] {
        let ask = world.ask("default", Credentials::Nothing).with_all(&[field]);
        assert_eq!(connection.shown(&ask), "401 credentials-missing");
    }
}
