//! What proxies say of clients: believed of the trusted ones alone.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::needless_pass_by_value,
    reason = "tests"
)]

mod support;

use std::net::SocketAddr;
use std::time::Duration;

use palisade_test::ca::{TestCa, TestCert};
use proxy_header::{ProxiedAddress, ProxyHeader, SslInfo, Tlv};
use rstest::rstest;
use serde_json::{Value, json};
use support::{Client, Server, World, client};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

const TRUSTED: &str = "127.0.0.0/8";
const V1: &[u8] = b"PROXY TCP4 192.0.2.1 198.51.100.1 4711 443\r\n";

fn v2(tlvs: Vec<Tlv<'_>>) -> Vec<u8> {
    let address = |text: &str| text.parse::<SocketAddr>().unwrap();
    let mut header = ProxyHeader::with_address(ProxiedAddress::stream(
        address("192.0.2.1:4711"),
        address("198.51.100.1:443"),
    ));
    for tlv in tlvs {
        header.append_tlv(tlv);
    }
    let mut bytes = vec![0; 8192];
    let length = header.encode_to_slice_v2(&mut bytes).unwrap();
    bytes.truncate(length);
    bytes
}

async fn is_closed(server: &Server, first: &[u8]) -> bool {
    let mut tcp = TcpStream::connect(server.address).await.unwrap();
    tcp.write_all(first).await.unwrap();
    tcp.write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n")
        .await
        .unwrap();
    let end = timeout(Duration::from_secs(20), tcp.read(&mut [0; 64]))
        .await
        .expect("closed in time");
    matches!(end, Ok(0) | Err(_))
}

/// A listener without TLS, as behind a proxy that ends it.
fn plain(more: Value) -> Value {
    let mut settings = json!({"trusted-proxies": [TRUSTED], "tls": {"enabled": false}});
    settings
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    settings
}

#[tokio::test]
async fn the_proxy_protocol_names_the_client() {
    let server = World::new()
        .start(plain(json!({"proxy-protocol": "required"})))
        .await;
    for header in [V1.to_vec(), v2(vec![])] {
        let (_, seen) = server
            .connect_plain(&header)
            .await
            .unwrap()
            .get(&[])
            .await
            .unwrap();
        assert_eq!(
            (&seen["peer"], &seen["client"], &seen["tls"]),
            (&json!("127.0.0.1"), &json!("192.0.2.1"), &Value::Null)
        );
    }
    let local = b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0";
    let (_, seen) = server.connect_plain(local).await.unwrap().get(&[]).await.unwrap();
    assert_eq!(seen["client"], "127.0.0.1");
    let (_, seen) = server
        .connect_plain(b"PROXY UNKNOWN\r\n")
        .await
        .unwrap()
        .get(&[])
        .await
        .unwrap();
    assert_eq!(seen["client"], "unknown");
}

#[tokio::test]
async fn the_header_comes_before_the_handshake() {
    let world = World::new();
    let server = world
        .start(json!({"proxy-protocol": "required", "trusted-proxies": [TRUSTED]}))
        .await;
    let mut ssl = SslInfo::new(true, false, false, 0);
    ssl.append_tlv(Tlv::SslVersion("TLSv1.2".into()));
    for header in [V1.to_vec(), v2(vec![Tlv::Ssl(ssl)])] {
        let mut tcp = TcpStream::connect(server.address).await.unwrap();
        tcp.write_all(&header).await.unwrap();
        let stream = support::secure(tcp, &client(&world, None), "localhost")
            .await
            .unwrap();
        let (_, seen) = Client::over(stream).await.unwrap().get(&[]).await.unwrap();
        assert_eq!(seen["client"], "192.0.2.1");
        // The handshake with this listener is the fact, not what the proxy says of its own.
        assert_eq!(seen["tls"]["version"], "TLSv1.3");
    }
    assert!(server.seen(&client(&world, None)).await.is_err());
}

#[tokio::test]
async fn the_session_at_the_proxy_is_a_fact_behind_it() {
    let server = World::new()
        .start(plain(json!({"proxy-protocol": "required"})))
        .await;
    let mut ssl = SslInfo::new(true, false, false, 0);
    ssl.append_tlv(Tlv::SslVersion("TLSv1.2".into()));
    ssl.append_tlv(Tlv::SslCipher("ECDHE-RSA-AES256-GCM-SHA384".into()));
    let header = v2(vec![
        Tlv::Alpn(b"http/1.1".as_slice().into()),
        Tlv::Authority("api.example.org".into()),
        Tlv::Ssl(ssl),
    ]);
    let (_, seen) = server
        .connect_plain(&header)
        .await
        .unwrap()
        .get(&[])
        .await
        .unwrap();
    let tls = json!({
        "version": "TLSv1.2", "cipher-suite": "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "server-name": "api.example.org",
        "alpn": "http/1.1", "resumed": false
    });
    assert_eq!(seen["tls"], tls);
}

#[tokio::test]
async fn a_certificate_in_the_proxy_header_is_verified_here() {
    let world = World::new();
    let settings = json!({
        "proxy-protocol": "required", "trusted-proxies": [TRUSTED], "tls": {"enabled": false, "client-ca-aliases": ["ca"]}
    });
    let server = world.start(settings).await;
    let header = |certificate: &TestCert| {
        let mut ssl = SslInfo::new(true, true, true, 0);
        ssl.append_tlv(Tlv::SslVersion("TLSv1.3".into()));
        ssl.append_tlv(Tlv::Custom(0x28, certificate.certificate().to_vec().into()));
        v2(vec![Tlv::Ssl(ssl)])
    };
    let mut good = server
        .connect_plain(&header(&world.ca.client("partner")))
        .await
        .unwrap();
    let (_, seen) = good.get(&[]).await.unwrap();
    assert_eq!(
        (&seen["certificate"], &seen["source"]),
        (&json!("CN=partner"), &json!("proxy-protocol"))
    );
    let mut forged = server
        .connect_plain(&header(&TestCa::new("Test Root").client("partner")))
        .await
        .unwrap();
    assert_eq!(forged.get(&[]).await.unwrap().0, 403);
}

#[rstest]
#[case::none(b"")]
#[case::malformed(b"PROXY TCP4 192.0.2.1 198.51.100.1 4711 99999\r\n")]
#[case::endless(&[b'P'; 600])]
#[case::bad_length(b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x04\0\0\0\0")]
#[tokio::test]
async fn a_connection_without_a_good_header_is_closed(#[case] first: &[u8]) {
    let server = World::new()
        .start(plain(json!({"proxy-protocol": "required"})))
        .await;
    assert!(is_closed(&server, first).await);
}

#[tokio::test]
async fn an_untrusted_peer_is_closed_whatever_it_sends() {
    let mut settings = plain(json!({"proxy-protocol": "required"}));
    settings["trusted-proxies"] = json!(["10.0.0.0/8"]);
    let server = World::new().start(settings).await;
    assert!(is_closed(&server, V1).await);
    assert!(is_closed(&server, b"").await);
}

#[tokio::test]
async fn a_header_that_never_ends_is_cut_off_by_the_handshake_timeout() {
    let settings = json!({"proxy-protocol": "required", "trusted-proxies": [TRUSTED], "tls": {"handshake-timeout": "300ms"}});
    let server = World::new().start(settings).await;
    let mut tcp = TcpStream::connect(server.address).await.unwrap();
    tcp.write_all(b"PROXY TCP4 192.").await.unwrap();
    assert!(matches!(
        timeout(Duration::from_secs(10), tcp.read(&mut [0; 8]))
            .await
            .unwrap(),
        Ok(0) | Err(_)
    ));
}

#[rstest]
#[case("x-forwarded-for", TRUSTED, &[("x-forwarded-for", "203.0.113.7, 192.0.2.5")], "192.0.2.5")]
#[case("x-forwarded-for", TRUSTED, &[("x-forwarded-for", "203.0.113.7"), ("x-forwarded-for", "192.0.2.5, 127.0.0.9")], "192.0.2.5")]
#[case("x-forwarded-for", TRUSTED, &[("x-forwarded-for", "192.0.2.5, garbage")], "unknown")]
#[case("x-forwarded-for", TRUSTED, &[("forwarded", "for=192.0.2.5")], "unknown")]
#[case("x-forwarded-for", "10.0.0.0/8", &[("x-forwarded-for", "192.0.2.5")], "127.0.0.1")]
#[case("forwarded", TRUSTED, &[("forwarded", "for=203.0.113.7, for=\"[2001:db8::5]:1\""), ("x-forwarded-for", "203.0.113.7")], "2001:db8::5")]
#[case("forwarded", TRUSTED, &[("forwarded", "for=_secret")], "unknown")]
#[case("forwarded", "10.0.0.0/8", &[("forwarded", "for=192.0.2.5")], "127.0.0.1")]
#[case("off", TRUSTED, &[("x-forwarded-for", "192.0.2.5"), ("forwarded", "for=192.0.2.5")], "127.0.0.1")]
#[tokio::test]
async fn the_client_s_address_is_taken_from_one_field(
    #[case] field: &str,
    #[case] trusted: &str,
    #[case] headers: &[(&str, &str)],
    #[case] client: &str,
) {
    let settings = plain(json!({"forwarded-header": field, "trusted-proxies": [trusted]}));
    let server = World::new().start(settings).await;
    let (_, seen) = server
        .connect_plain(b"")
        .await
        .unwrap()
        .get(headers)
        .await
        .unwrap();
    assert_eq!(
        (&seen["client"], &seen["peer"]),
        (&json!(client), &json!("127.0.0.1"))
    );
    let other = if field == "forwarded" {
        "x-forwarded-for"
    } else {
        "forwarded"
    };
    if field != "off" {
        assert_eq!(seen["headers"].get(other), None);
    }
}

const SPOOFED: &[(&str, &str)] = &[
    ("forwarded", "for=192.0.2.5"),
    ("x-forwarded-for", "192.0.2.5"),
    ("x-forwarded-proto", "https"),
    ("x-forwarded-host", "bank.example"),
    ("x-real-ip", "192.0.2.5"),
    ("client-cert", ":YQ==:"),
    ("client-cert-chain", ":YQ==:"),
    ("x-forwarded-client-cert", "Hash=00"),
    ("x-request-id", "chosen"),
];

#[tokio::test]
async fn fields_that_only_a_proxy_may_send_are_removed_from_all_others() {
    let world = World::new();
    let server = world.start(json!({})).await;
    let mut connection = server.connect(&client(&world, None)).await.unwrap();
    let (status, seen) = connection.get(SPOOFED).await.unwrap();
    assert_eq!(status, 200);
    let names: Vec<_> = seen["headers"]
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    assert_eq!(names, ["host", "x-request-id"]);
    assert_ne!(seen["id"], "chosen");
}

#[tokio::test]
async fn fields_with_certificates_are_removed_even_from_a_proxy() {
    let server = World::new().start(plain(json!({}))).await;
    let (_, seen) = server
        .connect_plain(b"")
        .await
        .unwrap()
        .get(SPOOFED)
        .await
        .unwrap();
    assert_eq!(seen["certificate"], Value::Null);
    for name in ["client-cert", "client-cert-chain", "x-forwarded-client-cert"] {
        assert_eq!(seen["headers"].get(name), None);
    }
    assert_eq!(seen["headers"]["x-forwarded-proto"], json!(["https"]));
}

#[tokio::test]
async fn a_request_has_one_id_for_handler_and_client() {
    let server = World::new().start(plain(json!({}))).await;
    let mut connection = server.connect_plain(b"").await.unwrap();
    for (sent, kept) in [("trace-1.2_3", true), ("not plain", false), ("", false)] {
        let (_, seen) = connection.get(&[("x-request-id", sent)]).await.unwrap();
        assert_eq!(seen["id"] == sent, kept, "{sent}");
        assert_eq!(
            (&seen["answered-id"], &seen["headers"]["x-request-id"]),
            (&seen["id"], &json!([seen["id"]]))
        );
    }
}

#[tokio::test]
async fn behind_the_proxy_protocol_fields_are_the_client_s_own() {
    let settings = plain(json!({"proxy-protocol": "required", "forwarded-header": "x-forwarded-for"}));
    let server = World::new().start(settings).await;
    let (_, seen) = server
        .connect_plain(V1)
        .await
        .unwrap()
        .get(SPOOFED)
        .await
        .unwrap();
    assert_eq!(seen["client"], "192.0.2.1");
    assert_eq!(seen["headers"].get("x-forwarded-for"), None);
    assert_ne!(seen["id"], "chosen");
}
