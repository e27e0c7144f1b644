//! The client against real servers on loopback.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;
use std::error::Error as _;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::Full;
use palisade_client::{ClientBuilder, ClientTlsSettings, ErrorKind, TlsSetupError};
use palisade_core::{Severity, TlsVersion};
use palisade_keystore::{KeystoreSettings, Keystores};
use palisade_test::ca::TestCa;
use rstest::rstest;
use rustls::SupportedProtocolVersion;
use tower::ServiceExt;

use self::support::{BOTH, Client, Openssl, get, identity, kind, serve, server_config, trusting};

mod support;

#[rstest]
#[case(&["h2", "http/1.1"], "HTTP/2.0 0")]
#[case(&["http/1.1"], "HTTP/1.1 0")]
#[case(&[], "HTTP/1.1 0")]
#[tokio::test]
async fn the_version_of_http_is_agreed_on(#[case] alpn: &[&str], #[case] answer: &str) {
    let ca = TestCa::new("Root");
    let server = serve(Some(server_config(&ca, BOTH, alpn, false))).await;
    let client = trusting(&ca).build().unwrap();
    for _ in 0..5 {
        assert_eq!(get(&client, &server.url()).await.unwrap(), answer);
    }
    assert_eq!(server.connections(), 1, "the connection is used again");
}

#[tokio::test]
async fn clones_share_the_pool_and_an_idle_connection_is_closed_in_time() {
    let ca = TestCa::new("Root");
    let server = serve(Some(server_config(&ca, BOTH, &["http/1.1"], false))).await;
    let client: Client = trusting(&ca)
        .idle_timeout(Duration::from_millis(100))
        .build()
        .unwrap();
    get(&client, &server.url()).await.unwrap();
    get(&client.clone(), &server.url()).await.unwrap();
    assert_eq!(server.connections(), 1);
    tokio::time::sleep(Duration::from_millis(400)).await;
    get(&client, &server.url()).await.unwrap();
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn a_peer_below_the_floor_gets_no_connection_and_an_error_that_says_so() {
    let ca = TestCa::new("Root");
    let server = serve(Some(server_config(
        &ca,
        &[&rustls::version::TLS12],
        &["http/1.1"],
        false,
    )))
    .await;
    let client: Client = trusting(&ca).minimum_version(TlsVersion::Tls13).build().unwrap();
    let error = get(&client, &server.url()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BelowFloor(TlsVersion::Tls13));
    let target = format!("https://localhost:{}", server.address.port());
    assert_eq!(
        error.to_string(),
        format!("no connection to {target}: it cannot meet the TLS floor, TLSv1.3")
    );
    assert_eq!(error.target(), target);
    assert!(error.source().is_some());

    let client: Client = trusting(&ca).minimum_version(TlsVersion::Tls12).build().unwrap();
    assert!(get(&client, &server.url()).await.is_ok());
}

#[rstest]
#[case::old_library(&["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"], TlsVersion::Tls12)]
#[case::tls12_against_13(&["-tls1_2"], TlsVersion::Tls13)]
#[tokio::test]
async fn openssl_below_the_floor_is_refused(#[case] flags: &[&str], #[case] floor: TlsVersion) {
    let ca = TestCa::new("Root");
    let server = Openssl::serve(&ca.server(&["localhost"]), flags).await;
    let client: Client = trusting(&ca).minimum_version(floor).build().unwrap();
    let error = get(&client, &format!("https://localhost:{}/", server.1))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BelowFloor(floor), "{error:?}");
}

#[tokio::test]
async fn a_floor_below_tls_12_stays_tls_12() {
    let ca = TestCa::new("Root");
    let server = Openssl::serve(
        &ca.server(&["localhost"]),
        &["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"],
    )
    .await;
    let client: Client = trusting(&ca).minimum_version(TlsVersion::Ssl3).build().unwrap();
    let kind = kind(&client, &format!("https://localhost:{}/", server.1)).await;
    assert_eq!(kind, ErrorKind::BelowFloor(TlsVersion::Tls12));
}

#[tokio::test]
async fn a_certificate_of_another_authority_or_name_is_not_trusted() {
    let ca = TestCa::new("Root");
    let server = serve(Some(server_config(&ca, BOTH, &["h2"], false))).await;
    let stranger: Client = trusting(&TestCa::new("Root")).build().unwrap();
    assert_eq!(kind(&stranger, &server.url()).await, ErrorKind::NotTrusted);
    let public: Client = ClientBuilder::new().build().unwrap();
    assert_eq!(kind(&public, &server.url()).await, ErrorKind::NotTrusted);
    let right: Client = trusting(&ca).build().unwrap();
    let by_address = format!("https://127.0.0.1:{}/", server.address.port());
    assert_eq!(kind(&right, &by_address).await, ErrorKind::NotTrusted);
    let careless: Client = ClientBuilder::new().insecure_trust_all().build().unwrap();
    assert!(get(&careless, &by_address).await.is_ok());
    assert!(matches!(
        ClientBuilder::new().trust_authorities([]).build::<Full<Bytes>>(),
        Err(TlsSetupError::NoAuthorities)
    ));
}

#[rstest]
#[tokio::test]
async fn a_client_certificate_is_presented_where_it_is_asked_for(
    #[values(BOTH, &[&rustls::version::TLS12])] versions: &[&'static SupportedProtocolVersion],
    #[values("h2", "http/1.1")] alpn: &str,
) {
    let ca = TestCa::new("Root");
    let issuing = ca.intermediate("Issuing");
    let server = serve(Some(server_config(&ca, versions, &[alpn], true))).await;
    let client: Client = identity(&ca, &issuing.client("partner")).build().unwrap();
    assert!(get(&client, &server.url()).await.unwrap().ends_with(" 2"));
    let nobody: Client = trusting(&ca).build().unwrap();
    assert_eq!(
        kind(&nobody, &server.url()).await,
        ErrorKind::ClientCertificateRefused
    );
    let stranger: Client = identity(&ca, &TestCa::new("Elsewhere").client("x"))
        .build()
        .unwrap();
    assert_eq!(
        kind(&stranger, &server.url()).await,
        ErrorKind::ClientCertificateRefused
    );
}

#[tokio::test]
async fn the_connect_timeout_spans_the_handshake() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://localhost:{}/", silent.local_addr().unwrap().port());
    let client: Client = ClientBuilder::new()
        .connect_timeout(Duration::from_millis(200))
        .build()
        .unwrap();
    let error = get(&client, &url).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectTimeout);
    assert!(error.is_timeout());
}

#[tokio::test]
async fn a_slow_answer_is_given_up_and_a_closed_port_is_unreachable() {
    let ca = TestCa::new("Root");
    let server = serve(Some(server_config(&ca, BOTH, &["h2"], false))).await;
    let client: Client = trusting(&ca)
        .response_timeout(Duration::from_millis(300))
        .build()
        .unwrap();
    assert_eq!(
        kind(&client, &format!("{}slow", server.url())).await,
        ErrorKind::ResponseTimeout
    );
    assert!(get(&client, &server.url()).await.is_ok());

    let closed = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    assert_eq!(
        kind(&client, &format!("https://localhost:{closed}/")).await,
        ErrorKind::Unreachable
    );
    assert_eq!(
        kind(&client, "https://no-such-host.invalid/").await,
        ErrorKind::Unreachable
    );
}

#[tokio::test]
async fn plain_http_is_refused_unless_allowed_and_may_be_http2() {
    let server = serve(None).await;
    let url = format!("http://{}/", server.address);
    let client: Client = ClientBuilder::new().build().unwrap();
    assert_eq!(kind(&client, &url).await, ErrorKind::SchemeNotAllowed);
    assert_eq!(server.connections(), 0);
    let client: Client = ClientBuilder::new().allow_plain_http().build().unwrap();
    assert_eq!(get(&client, &url).await.unwrap(), "HTTP/1.1 0");
    assert_eq!(
        kind(&client, "ftp://localhost/").await,
        ErrorKind::SchemeNotAllowed
    );
    let client: Client = ClientBuilder::new()
        .allow_plain_http()
        .http2_only()
        .build()
        .unwrap();
    assert_eq!(get(&client, &url).await.unwrap(), "HTTP/2.0 0");
}

#[tokio::test]
async fn http2_alone_is_not_assumed_over_tls() {
    let ca = TestCa::new("Root");
    let server = serve(Some(server_config(&ca, BOTH, &[], false))).await;
    let client: Client = trusting(&ca).http2_only().build().unwrap();
    assert_eq!(kind(&client, &server.url()).await, ErrorKind::Handshake);
}

#[tokio::test]
async fn the_version_of_the_request_does_not_decide() {
    let ca = TestCa::new("Root");
    let server = serve(Some(server_config(&ca, BOTH, &["http/1.1"], false))).await;
    let client: Client = trusting(&ca).build().unwrap();
    let request = Request::get(server.url())
        .version(http::Version::HTTP_2)
        .body(Full::default())
        .unwrap();
    assert_eq!(client.oneshot(request).await.unwrap().status(), StatusCode::OK);
}

#[tokio::test]
async fn settings_name_aliases_and_every_wrong_one_is_reported() {
    let folder = tempfile::tempdir().unwrap();
    let ca = TestCa::new("Root");
    ca.write_pem(folder.path(), "ca");
    ca.client("me").write_pem(folder.path(), "me");
    let store = BTreeMap::from([("keys".to_owned(), KeystoreSettings::new("."))]);
    let keystores = Keystores::load(folder.path(), &store).unwrap();
    let read = serde_json::from_str::<ClientTlsSettings>;

    let settings =
        read(r#"{"minimum-version": "TLSv1.3", "trust-aliases": ["ca"], "key-alias": "me"}"#).unwrap();
    assert_eq!(settings.findings("x"), []);
    let server = serve(Some(server_config(&ca, BOTH, &["h2"], true))).await;
    let client: Client = settings
        .apply(ClientBuilder::new(), &keystores)
        .unwrap()
        .build()
        .unwrap();
    assert_eq!(get(&client, &server.url()).await.unwrap(), "HTTP/2.0 1");

    let settings = read(r#"{"trust-aliases": ["cb"], "key-alias": "ca"}"#).unwrap();
    let errors = settings.apply(ClientBuilder::new(), &keystores).unwrap_err();
    assert_eq!(
        errors.iter().map(|(key, _)| *key).collect::<Vec<_>>(),
        ["trust-aliases", "key-alias"]
    );

    let settings = read(r#"{"minimum-version": "TLSv1.1", "insecure-trust-all": true}"#).unwrap();
    let findings = settings.findings("palisade.connections.x.tls");
    let codes: Vec<_> = findings
        .iter()
        .map(|finding| (finding.code.as_ref(), finding.severity))
        .collect();
    assert_eq!(
        codes,
        [
            ("insecure-trust-all", Severity::Severe),
            ("tls-version-obsolete", Severity::Severe)
        ]
    );
    assert!(read(r#"{"minimum-versoin": "TLSv1.3"}"#).is_err());
}
