//! What is negotiated, and what is refused, in handshakes over real sockets.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod support;

use std::process::{Command, Output, Stdio};
use std::time::Duration;

use palisade_test::ca::ClientTls;
use rstest::rstest;
use serde_json::{Value, json};
use support::{Server, World, client};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Runs `openssl s_client` against the listener, willing to use whatever its library can.
async fn openssl(server: &Server, arguments: &[&str]) -> Output {
    let mut command = Command::new("openssl");
    command.args([
        "s_client",
        "-connect",
        &server.address.to_string(),
        "-servername",
        "localhost",
    ]);
    command.args(arguments).stdin(Stdio::null());
    tokio::task::spawn_blocking(move || command.output().expect("the openssl command is installed"))
        .await
        .unwrap()
}

#[rstest]
#[case(&["-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0"], false)]
#[case(&["-tls1", "-cipher", "DEFAULT@SECLEVEL=0"], false)]
#[case(&["-tls1_2"], true)]
#[case(&["-tls1_3"], true)]
#[case(&["-tls1_2", "-cipher", "AES128-SHA@SECLEVEL=0"], false)]
#[tokio::test(flavor = "multi_thread")]
async fn openssl_meets_the_default_floor(#[case] arguments: &[&str], #[case] accepted: bool) {
    let server = World::new().start(json!({})).await;
    let output = openssl(&server, arguments).await;
    assert_eq!(
        output.status.success(),
        accepted,
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    if !accepted {
        // The server said no; it was not this client that refused to try.
        assert!(
            String::from_utf8_lossy(&output.stderr).contains("alert"),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
}

/// The versions and the suite that a client is served with.
async fn negotiated(world: &World, settings: Value, tls: ClientTls) -> Option<(String, String)> {
    let server = world.start(settings).await;
    let seen = server.seen(&tls.build()).await.ok()?;
    let text = |name: &str| seen["tls"][name].as_str().unwrap().to_owned();
    Some((text("version"), text("cipher-suite")))
}

#[rstest]
#[case(json!({}), Some("TLSv1.3"), Some("TLSv1.2"))]
#[case(json!({"tls": {"minimum-version": "TLSv1.3"}}), Some("TLSv1.3"), None)]
#[case(json!({"tls": {"minimum-version": "TLSv1"}}), Some("TLSv1.3"), Some("TLSv1.2"))]
#[case(json!({"tls": {"include-protocols": ["TLSv1.2"]}}), Some("TLSv1.2"), Some("TLSv1.2"))]
#[case(json!({"tls": {"exclude-protocols": ["TLSv1.2", "SSLv3"]}}), Some("TLSv1.3"), None)]
#[case(json!({"tls": {"disabled-algorithms": ["TLSv1.3"]}}), Some("TLSv1.2"), Some("TLSv1.2"))]
#[case(json!({"tls": {"exclude-cipher-suites": ["TLS_ECDHE_*"]}}), Some("TLSv1.3"), None)]
#[tokio::test]
async fn versions_follow_the_settings(
    #[case] settings: Value,
    #[case] newest: Option<&str>,
    #[case] old: Option<&str>,
) {
    let world = World::new();
    let version = |negotiated: Option<(String, String)>| negotiated.map(|(version, _)| version);
    let any = negotiated(&world, settings.clone(), ClientTls::trusting(&world.ca)).await;
    assert_eq!(version(any).as_deref(), newest);
    let tls12 = negotiated(&world, settings, ClientTls::trusting(&world.ca).tls12_only()).await;
    assert_eq!(version(tls12).as_deref(), old);
}

#[rstest]
#[case(json!({"cipher-suites": ["TLS_CHACHA20_POLY1305_SHA256", "TLS_AES_128_GCM_SHA256"]}), "TLS_CHACHA20_POLY1305_SHA256")]
#[case(json!({"disabled-algorithms": ["AES", "RC4"]}), "TLS_CHACHA20_POLY1305_SHA256")]
#[case(json!({"exclude-cipher-suites": ["TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"]}), "TLS_AES_128_GCM_SHA256")]
#[case(json!({"exclude-protocols": ["TLSv1.3"], "disabled-algorithms": ["AES_256", "CHACHA20"]}), "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256")]
#[tokio::test]
async fn suites_follow_the_settings(#[case] tls: Value, #[case] suite: &str) {
    let world = World::new();
    let (_, negotiated) = negotiated(&world, json!({ "tls": tls }), ClientTls::trusting(&world.ca))
        .await
        .unwrap();
    assert_eq!(negotiated, suite);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disabled_group_is_not_agreed_on() {
    let world = World::new();
    let server = world
        .start(json!({"tls": {"disabled-algorithms": ["secp384r1"]}}))
        .await;
    assert!(!openssl(&server, &["-groups", "P-384"]).await.status.success());
    assert!(openssl(&server, &["-groups", "P-256"]).await.status.success());
}

#[tokio::test]
async fn facts_of_the_handshake_reach_the_handler() {
    let world = World::new();
    let server = world.start(json!({})).await;
    let seen = server
        .seen(&ClientTls::trusting(&world.ca).alpn(&["http/1.1"]).build())
        .await
        .unwrap();
    assert_eq!(seen["listener"], "main");
    assert_eq!(
        (&seen["peer"], &seen["client"]),
        (&json!("127.0.0.1"), &json!("127.0.0.1"))
    );
    let tls = json!({
        "version": "TLSv1.3", "cipher-suite": "TLS_AES_256_GCM_SHA384", "server-name": "localhost", "alpn": "http/1.1",
        "resumed": false
    });
    assert_eq!(seen["tls"], tls);
    assert_eq!(seen["certificate"], Value::Null);
}

#[tokio::test]
async fn application_protocols_follow_the_settings() {
    let world = World::new();
    let server = world.start(json!({"tls": {"alpn": ["http/1.1"]}})).await;
    let offers = |protocols: &[&str]| ClientTls::trusting(&world.ca).alpn(protocols).build();
    assert_eq!(
        server.seen(&offers(&["h2", "http/1.1"])).await.unwrap()["tls"]["alpn"],
        "http/1.1"
    );
    assert!(server.seen(&offers(&["h2"])).await.is_err());
}

#[tokio::test]
async fn keys_are_chosen_by_server_name() {
    let world = World::new();
    world
        .ca
        .server(&["api.example.org"])
        .write_pem(&world.keys(), "api");
    world
        .ca
        .server(&["*.example.net"])
        .write_pem(&world.keys(), "wild");
    let sni = json!({"api.example.org": {"key-alias": "api"}, "*.example.net": {"key-alias": "wild"}});
    let open = world
        .start(json!({"tls": {"key-alias": "server", "sni": sni}}))
        .await;
    let tls = client(&world, None);
    for host in ["api.example.org", "a.example.net", "b.example.net", "localhost"] {
        let mut client = open.connect_to(&tls, host).await.unwrap();
        assert_eq!(client.get(&[]).await.unwrap().1["tls"]["server-name"], host);
    }
    // An unknown name is served by the default key, which this client does not accept for it.
    assert!(
        open.connect_to(&tls, "other.example.org")
            .await
            .unwrap_err()
            .to_string()
            .contains("certificate")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_required_server_name_must_be_known() {
    let world = World::new();
    world
        .ca
        .server(&["api.example.org"])
        .write_pem(&world.keys(), "api");
    let sni = json!({"api.example.org": {"key-alias": "api"}});
    let server = world
        .start(json!({"tls": {"key-alias": "server", "sni-required": true, "sni": sni}}))
        .await;
    let connect = server.address.to_string();
    for (name, accepted) in [
        (Some("localhost"), true),
        (Some("API.example.org"), true),
        (Some("other.example.org"), false),
        (None, false),
    ] {
        let mut command = Command::new("openssl");
        command
            .args(["s_client", "-connect", &connect])
            .stdin(Stdio::null());
        match name {
            Some(name) => command.args(["-servername", name]),
            None => command.arg("-noservername"),
        };
        let output = tokio::task::spawn_blocking(move || command.output().unwrap())
            .await
            .unwrap();
        assert_eq!(output.status.success(), accepted, "{name:?}");
    }
}

#[tokio::test]
async fn a_handshake_that_is_not_finished_is_cut_off_and_stops_nobody() {
    let world = World::new();
    let server = world.start(json!({"tls": {"handshake-timeout": "300ms"}})).await;
    let mut silent = TcpStream::connect(server.address).await.unwrap();
    let mut halting = TcpStream::connect(server.address).await.unwrap();
    halting.write_all(&[0x16, 0x03, 0x01]).await.unwrap();

    server.seen(&client(&world, None)).await.unwrap();

    for slow in [&mut silent, &mut halting] {
        let end = timeout(Duration::from_secs(10), slow.read(&mut [0; 16]))
            .await
            .expect("cut off");
        assert!(matches!(end, Ok(0) | Err(_)));
    }
}

#[tokio::test]
async fn what_is_no_tls_is_refused_on_a_listener_with_tls() {
    let server = World::new().start(json!({})).await;
    let mut plain = TcpStream::connect(server.address).await.unwrap();
    plain
        .write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n")
        .await
        .unwrap();
    let mut answer = Vec::new();
    let _ = timeout(Duration::from_secs(10), plain.read_to_end(&mut answer))
        .await
        .unwrap();
    assert!(!answer.starts_with(b"HTTP/"));
}

#[tokio::test]
async fn a_new_certificate_serves_new_connections_and_old_ones_stay() {
    let world = World::new();
    let server = world.start(json!({})).await;
    let tls = client(&world, None);
    let mut old = server.connect(&tls).await.unwrap();
    old.get(&[]).await.unwrap();

    let other = palisade_test::ca::TestCa::new("Other Root");
    other.server(&["localhost"]).write_pem(&world.keys(), "server");
    server.reload(&world, json!({}));

    assert_eq!(old.get(&[]).await.unwrap().0, 200);
    let fresh = ClientTls::trusting(&world.ca).build();
    assert!(server.seen(&fresh).await.is_err());
    assert!(server.seen(&ClientTls::trusting(&other).build()).await.is_ok());
}

#[rstest]
#[case(json!({"tls": {"key-alias": "absent"}}), "tls.key-alias")]
#[case(json!({"tls": {"key-alias": "ca"}}), "tls.key-alias")]
#[case(json!({"tls": {"sni": {"a.example": {"key-alias": "server"}}}}), "tls.key-alias")]
#[case(json!({"tls": {"key-alias": "server", "sni": {"a.*": {"key-alias": "server"}}}}), "tls.sni.a.*.key-alias")]
#[case(json!({"tls": {"disabled-algorithms": ["EC keySize < 384"]}}), "tls.key-alias")]
#[case(json!({"tls": {"client-auth": "require"}}), "tls.client-ca-aliases")]
#[case(json!({"tls": {"client-auth": "require", "client-ca-aliases": ["server"]}}), "tls.client-ca-aliases[0]")]
#[case(json!({"tls": {"client-ca-aliases": ["ca"], "crl-files": ["absent.crl"]}}), "tls.crl-files[0]")]
#[case(json!({"tls": {"client-ca-aliases": ["ca"], "crl-files": ["keys/ca.pem"]}}), "tls.crl-files[0]")]
#[case(json!({"tls": {"crl-files": ["ca.crl"]}}), "tls.client-ca-aliases")]
#[case(json!({"client-cert-header": "xfcc"}), "tls.client-ca-aliases")]
#[case(json!({"tls": {"enabled": false, "client-auth": "request", "client-ca-aliases": ["ca"]}}), "tls.client-auth")]
#[case(json!({"tls": {"alpn": ["spdy"]}}), "tls.alpn[0]")]
#[case(json!({"trusted-proxies": ["10.0.0.0/8", "proxy"]}), "trusted-proxies[1]")]
fn each_fault_names_its_key(#[case] settings: Value, #[case] key: &str) {
    let faults = World::new().faults(settings).faults;
    assert_eq!(
        faults.iter().map(|fault| fault.key.as_str()).collect::<Vec<_>>(),
        [key]
    );
}

#[test]
fn faults_are_collected() {
    let settings = json!({"trusted-proxies": ["x"], "tls": {"key-alias": "absent", "cipher-suites": ["RC4-SHA"], "alpn": ["spdy"]}});
    assert_eq!(World::new().faults(settings).faults.len(), 4);
}

#[rstest]
#[case(json!({"tls": {"minimum-version": "TLSv1.1"}}), &["tls-floor-too-low"])]
#[case(json!({"bind": "0.0.0.0:80", "tls": {"enabled": false}}), &["plain-http"])]
#[case(json!({"bind": "127.0.0.1:80", "tls": {"enabled": false}}), &[])]
#[case(json!({"bind": "0.0.0.0:443"}), &[])]
#[case(json!({"proxy-protocol": "required", "forwarded-header": "forwarded"}), &["trusted-proxies-missing", "trusted-proxies-missing"])]
#[case(json!({"tls": {"key-alias": "server", "sni": {"a.example": {"key-alias": "server"}}}}), &["sni-name-mismatch"])]
fn unwise_settings_are_found(#[case] settings: Value, #[case] codes: &[&str]) {
    let (_, findings) = World::new().acceptor(settings).unwrap();
    assert_eq!(
        findings.iter().map(|finding| &*finding.code).collect::<Vec<_>>(),
        codes
    );
}
