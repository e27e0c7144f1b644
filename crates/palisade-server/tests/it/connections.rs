//! Connections of an application's own: requests, reloads and mail, over real sockets.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, State};
use axum::http::HeaderMap;
use axum::routing::get;
use http::{HeaderValue, Request, Response, StatusCode, Uri, request, response};
use palisade_client::ErrorKind;
use palisade_config::{Config, Sources};
use palisade_core::{
    BuildContext, BuildError, Context, Guard, Phase, Rejection, Stage, StageKind, SystemClock,
};
use palisade_endpoint::{Environment, Registry};
use palisade_keystore::Keystores;
use palisade_server::connections::ConnectionError;
use palisade_server::settings::ServerSettings;
use palisade_server::status::Reload;
use palisade_server::{Connections, Loader, OutboundConnection, Server};
use rstest::rstest;
use serde::Deserialize;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt;

use crate::common::{Folder, OPEN, Running, SOON, Version};

/// Adds a word to requests, and refuses answers that say another.
#[derive(Debug)]
struct Word(HeaderValue);

impl Guard for Word {
    fn name(&self) -> &'static str {
        "word"
    }

    fn request(&self, _: &mut Context, head: &mut request::Parts) -> Result<(), Rejection> {
        head.headers.append("x-word", self.0.clone());
        Ok(())
    }

    fn response(&self, _: &mut Context, head: &mut response::Parts) -> Result<(), Rejection> {
        match head.headers.get("x-word") {
            Some(word) if *word != self.0 => Err(Rejection::new(
                StatusCode::BAD_GATEWAY,
                "word-wrong",
                "The word is wrong",
            )),
            _ => Ok(()),
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct WordSettings {
    is: String,
    #[serde(default)]
    early: bool,
}

struct WordKind;

impl StageKind for WordKind {
    const ROOTS: &'static [&'static str] = &["word"];
    type Settings = WordSettings;

    fn build(settings: WordSettings, _: &BuildContext<'_>) -> Result<Vec<(Phase, Stage)>, BuildError> {
        let phase = if settings.early {
            Phase::Head
        } else {
            Phase::Content
        };
        let word = HeaderValue::from_str(&settings.is).map_err(|error| BuildError::at("is", error))?;
        Ok(vec![(phase, Stage::guard(Word(word)))])
    }
}

/// A key that a group can have once.
struct OnceKind;

impl StageKind for OnceKind {
    const ROOTS: &'static [&'static str] = &["once"];
    const SINGLE: bool = true;
    type Settings = WordSettings;

    fn build(settings: WordSettings, cx: &BuildContext<'_>) -> Result<Vec<(Phase, Stage)>, BuildError> {
        WordKind::build(settings, cx)
    }
}

fn registry() -> Registry {
    Registry::new()
        .with_client::<WordKind>()
        .with_client::<OnceKind>()
}

/// A partner in the clear, on loopback: says from which port it was asked, for what, and with which words.
async fn partner() -> SocketAddr {
    async fn tell(
        ConnectInfo(from): ConnectInfo<SocketAddr>,
        uri: Uri,
        headers: HeaderMap,
    ) -> Response<Body> {
        let words = headers
            .get_all("x-word")
            .iter()
            .filter_map(|word| word.to_str().ok());
        let told = serde_json::json!({
            "from": from.port(),
            "target": uri.to_string(),
            "host": headers["host"].to_str().unwrap(),
            "words": words.collect::<Vec<_>>(),
        });
        let mut answer = Response::new(Body::from(told.to_string()));
        if uri.path().ends_with("/rude") {
            answer
                .headers_mut()
                .insert("x-word", HeaderValue::from_static("rude"));
        }
        answer
    }
    async fn stall(uri: Uri) -> Body {
        if uri.path().ends_with("head") {
            std::future::pending::<()>().await;
        }
        let first = futures_util::stream::iter([Ok::<_, std::convert::Infallible>("begun")]);
        Body::from_stream(futures_util::StreamExt::chain(
            first,
            futures_util::stream::pending(),
        ))
    }
    let app = Router::new().route("/stall/{what}", get(stall)).fallback(tell);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let service = app.into_make_service_with_connect_info::<SocketAddr>();
        axum::serve(listener, service).await
    });
    address
}

fn load(folder: &Folder) -> Server {
    let loader = Loader::new(Sources::new(folder.folder.path()), registry());
    let server = loader.load().unwrap_or_else(|errors| panic!("{errors}"));
    server.without_signals()
}

fn connections(properties: &str) -> Connections {
    load(&Folder::new(properties)).connections()
}

/// An application that serves, so that reloads apply.
async fn serving(folder: Folder) -> (Running, Connections) {
    let server = load(&folder);
    let connections = server.connections();
    let handle = server.handle();
    let ended = tokio::spawn(server.serve(Router::new()));
    (Running::of(folder, handle, ended).await, connections)
}

/// What a reload says that it changed.
async fn reload(running: &Running) -> String {
    match running.handle.reload().await {
        Some(Reload::Applied { changes, .. }) => changes,
        other => panic!("{other:?}"),
    }
}

async fn ask(connection: &OutboundConnection, target: &str) -> Result<Value, ConnectionError> {
    let request = Request::get(target).body(Body::empty()).unwrap();
    let answer = timeout(SOON, connection.send(request)).await.unwrap()?;
    let body = to_bytes(answer.into_body(), 1 << 20).await.unwrap();
    Ok(serde_json::from_slice(&body).unwrap())
}

async fn kind(connection: &OutboundConnection, target: &str) -> ErrorKind {
    match ask(connection, target).await {
        Err(ConnectionError::Inner(error)) => error.kind(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn requests_stand_behind_the_url_and_their_host_is_that_of_the_url() {
    let partner = partner().await;
    let crm = connections(&format!(
        "palisade.connections.crm.url=http://{partner}/api/v2/\n"
    ));
    let crm = crm.get("crm").unwrap();
    let told = ask(&crm, "/customers/7?full=yes%20please").await.unwrap();
    assert_eq!(told["target"], "/api/v2/customers/7?full=yes%20please");
    assert_eq!(told["words"], Value::Array(Vec::new()));

    let request = Request::get("/x").header("host", "elsewhere.example");
    let request = request.body(Body::empty()).unwrap();
    let answer = crm.clone().oneshot(request).await.unwrap();
    let told = to_bytes(answer.into_body(), 1 << 20).await.unwrap();
    let told: Value = serde_json::from_slice(&told).unwrap();
    assert_eq!(told["host"], partner.to_string());

    let absolute = format!("http://{partner}/x");
    assert_eq!(kind(&crm, &absolute).await, ErrorKind::InvalidRequest);
    assert_eq!(
        kind(&crm, "https://elsewhere.example/x").await,
        ErrorKind::InvalidRequest
    );
    assert_eq!(
        kind(&crm, "elsewhere.example:443").await,
        ErrorKind::InvalidRequest
    );
    // What leads anywhere leads over TLS.
    let dynamic = crm.dynamic();
    assert_eq!(kind(&dynamic, &absolute).await, ErrorKind::SchemeNotAllowed);
    assert_eq!(kind(&dynamic, "/x").await, ErrorKind::SchemeNotAllowed);
    assert_eq!(
        kind(&dynamic, "smtp://elsewhere.example").await,
        ErrorKind::SchemeNotAllowed
    );
}

#[tokio::test]
async fn requests_and_answers_pass_the_interceptors_by_phase() {
    let partner = partner().await;
    let crm = connections(&format!(
        "palisade.connections.crm.url=http://{partner}\n\
         palisade.connections.crm.interceptors=Late,Early\n\
         palisade.client.interceptors.Late.word.is=late\n\
         palisade.client.interceptors.Early.word.is=early\n\
         palisade.client.interceptors.Early.word.early=true\n"
    ));
    let crm = crm.get("crm").unwrap();
    let told = ask(&crm, "/x").await.unwrap();
    assert_eq!(told["words"], serde_json::json!(["early", "late"]));
    let refused = ask(&crm, "/rude").await.unwrap_err();
    assert_eq!(refused.rejection().unwrap().problem().code, "word-wrong");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_trust_the_certificate_and_the_floor_hold_for_dynamic_targets_too() {
    let folder = Folder::new("");
    folder.ca.write_pem(folder.folder.path(), "ca");
    folder.write(&format!(
        "{OPEN}palisade.listeners.main.tls.client-auth=request\n\
         palisade.listeners.main.tls.client-ca-aliases=ca\n\
         palisade.listeners.main.tls.exclude-protocols=TLSv1.3\n\
         palisade.keystores.ca.location=ca.pem\n"
    ));
    let server = load(&folder);
    let handle = server.handle();
    let partner = Running::of(folder, handle, tokio::spawn(server.serve_echo())).await;
    let port = partner.address().port();
    let folder = Folder::new("");
    partner.folder.ca.write_pem(folder.folder.path(), "partner-ca");
    partner
        .folder
        .ca
        .client("shop")
        .write_pem(folder.folder.path(), "shop");
    folder.write(&format!(
        "palisade.keystores.partner-ca.location=partner-ca.pem\n\
         palisade.keystores.shop.location=shop.pem\n\
         palisade.connections.any.tls.trust-aliases=partner-ca\n\
         palisade.connections.any.tls.key-alias=shop\n\
         palisade.connections.strict.url=https://localhost:{port}\n\
         palisade.connections.strict.tls.minimum-version=TLSv1.3\n\
         palisade.connections.strict.tls.trust-aliases=partner-ca\n\
         palisade.connections.wary.url=https://localhost:{port}\n"
    ));
    let connections = load(&folder).connections();
    let any = connections.get("any").unwrap();
    let target = format!("https://localhost:{port}/a/b?c");
    assert_eq!(kind(&any, "/a").await, ErrorKind::InvalidRequest, "it has no url");
    let told = ask(&any.clone().dynamic(), &target).await.unwrap();
    assert_eq!((&told["path"], &told["query"]), (&"/a/b".into(), &"c".into()));
    assert!(told["client-certificate"].to_string().contains("shop"), "{told}");

    let below = ErrorKind::BelowFloor(palisade_core::TlsVersion::Tls13);
    let strict = connections.get("strict").unwrap();
    assert_eq!(kind(&strict, "/a").await, below);
    assert_eq!(kind(&strict.dynamic(), &target).await, below);
    let wary = connections.get("wary").unwrap();
    assert_eq!(kind(&wary, "/a").await, ErrorKind::NotTrusted);
    assert_eq!(kind(&wary.dynamic(), &target).await, ErrorKind::NotTrusted);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handler_calls_over_a_connection_that_is_its_state() {
    async fn relay(State(crm): State<OutboundConnection>, uri: Uri) -> Result<Response<Body>, StatusCode> {
        let request = Request::get(uri.path()).body(Body::empty()).unwrap();
        crm.send(request).await.map_err(|_| StatusCode::BAD_GATEWAY)
    }
    let partner = partner().await;
    let folder = Folder::new(&format!(
        "{OPEN}palisade.connections.crm.url=http://{partner}/api\n"
    ));
    let server = load(&folder);
    let crm = server.connections().get("crm").unwrap();
    let app = Router::new().route("/{*path}", get(relay)).with_state(crm);
    let handle = server.handle();
    let running = Running::of(folder, handle, tokio::spawn(server.serve(app))).await;
    let (status, told) = running.client(Version::Http2).await.get("/customers/7").await;
    assert_eq!((status, &told["target"]), (200, &"/api/customers/7".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_applies_to_the_next_request_and_what_it_leaves_keeps_its_connections() {
    let (here, there) = (partner().await, partner().await);
    let properties = |crm: SocketAddr, word: &str, more: &str| {
        format!(
            "palisade.connections.crm.url=http://{crm}\n\
             palisade.connections.crm.interceptors=Word\n\
             palisade.client.interceptors.Word.word.is={word}\n\
             palisade.connections.erp.url=http://{here}\n{more}"
        )
    };
    let (running, connections) = serving(Folder::new(&properties(here, "one", ""))).await;
    let (crm, erp) = (connections.get("crm").unwrap(), connections.get("erp").unwrap());
    let before = ask(&crm, "/x").await.unwrap();
    let beside = ask(&erp, "/x").await.unwrap();
    assert_eq!(before["words"], serde_json::json!(["one"]));
    assert_eq!(
        ask(&crm, "/x").await.unwrap()["from"],
        before["from"],
        "it is pooled"
    );

    // Another word: the pool stays.
    running.folder.write(&properties(here, "two", ""));
    assert_eq!(reload(&running).await, "client interceptors changed: Word");
    let after = ask(&crm, "/x").await.unwrap();
    assert_eq!(after["words"], serde_json::json!(["two"]));
    assert_eq!(after["from"], before["from"]);

    // Another host, and half of it wrong: nothing changes.
    let half = properties(there, "three", "palisade.connections.erp.timeout=never\n");
    running.folder.write(&half);
    let Some(Reload::Refused { errors, .. }) = running.handle.reload().await else {
        panic!("applied")
    };
    assert!(
        errors[0]
            .starts_with("application.properties:9: palisade.connections.erp.timeout: expected a period"),
        "{errors:?}"
    );
    let still = ask(&crm, "/x").await.unwrap();
    assert_eq!(
        (&still["words"], &still["from"]),
        (&after["words"], &before["from"])
    );

    // Another host.
    running.folder.write(&properties(there, "three", ""));
    assert_eq!(
        reload(&running).await,
        "client interceptors changed: Word; connections changed: crm"
    );
    let there_now = ask(&crm, "/x").await.unwrap();
    assert_eq!(there_now["host"], there.to_string());
    assert_eq!(there_now["words"], serde_json::json!(["three"]));
    assert_eq!(
        ask(&erp, "/x").await.unwrap()["from"],
        beside["from"],
        "it was left as it was"
    );

    // Gone, and back.
    running.folder.write("");
    assert_eq!(
        reload(&running).await,
        "client interceptors removed: Word; connections removed: crm, erp"
    );
    assert_eq!(kind(&crm, "/x").await, ErrorKind::NotConfigured);
    assert_eq!(crm.open().await.unwrap_err().kind(), ErrorKind::NotConfigured);
    assert!(connections.get("crm").is_err());
    running.folder.write(&properties(here, "four", ""));
    assert_eq!(
        reload(&running).await,
        "client interceptors added: Word; connections added: crm, erp"
    );
    assert_eq!(
        ask(&crm, "/x").await.unwrap()["words"],
        serde_json::json!(["four"])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_authority_that_is_replaced_is_no_longer_trusted_on_connections_that_were_pooled() {
    let partner = Running::echo(OPEN).await;
    let folder = Folder::new("");
    let anchor =
        |ca: &palisade_test::ca::TestCa, folder: &Folder| ca.write_pem(folder.folder.path(), "partner-ca");
    anchor(&partner.folder.ca, &folder);
    folder.write(&format!(
        "palisade.keystores.partner-ca.location=partner-ca.pem\n\
         palisade.connections.crm.url=https://localhost:{}\n\
         palisade.connections.crm.tls.trust-aliases=partner-ca\n",
        partner.address().port()
    ));
    let (running, connections) = serving(folder).await;
    let crm = connections.get("crm").unwrap();
    assert_eq!(ask(&crm, "/x").await.unwrap()["path"], "/x");
    anchor(&running.folder.ca, &running.folder);
    running.handle.reload().await;
    assert_eq!(kind(&crm, "/x").await, ErrorKind::NotTrusted);
    anchor(&partner.folder.ca, &running.folder);
    running.handle.reload().await;
    assert_eq!(ask(&crm, "/x").await.unwrap()["path"], "/x");
}

#[tokio::test]
async fn an_answer_that_does_not_begin_or_stands_still_is_an_error() {
    let partner = partner().await;
    let crm = connections(&format!(
        "palisade.connections.crm.url=http://{partner}/stall\npalisade.connections.crm.timeout=300ms\n"
    ));
    let crm = crm.get("crm").unwrap();
    assert_eq!(kind(&crm, "/head").await, ErrorKind::ResponseTimeout);
    let request = Request::get("/body").body(Body::empty()).unwrap();
    let answer = crm.send(request).await.unwrap();
    let body = timeout(SOON, to_bytes(answer.into_body(), 1 << 20))
        .await
        .unwrap();
    assert!(body.is_err());
}

/// A mail server for one connection, which turns to TLS when it is asked, and says its name there.
async fn mail_server(folder: &Folder) -> u16 {
    let certificate = folder.ca.server(&["localhost"]);
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(certificate.chain().to_vec(), certificate.key())
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (mut tcp, _) = listener.accept().await.unwrap();
        tcp.write_all(b"* OK hello\r\n").await.unwrap();
        let mut command = [0; 13];
        tcp.read_exact(&mut command).await.unwrap();
        tcp.write_all(b"a1 OK go\r\n").await.unwrap();
        let mut tls = TlsAcceptor::from(Arc::new(config)).accept(tcp).await.unwrap();
        tls.write_all(&command).await.unwrap();
        tls.shutdown().await.unwrap();
    });
    port
}

#[tokio::test]
async fn a_mail_server_is_opened_and_no_requests_are_sent_to_it() {
    let folder = Folder::new("");
    folder.ca.write_pem(folder.folder.path(), "ca");
    let port = mail_server(&folder).await;
    folder.write(&format!(
        "palisade.keystores.ca.location=ca.pem\n\
         palisade.connections.mail.url=imap://localhost:{port}\n\
         palisade.connections.mail.tls.trust-aliases=ca\n\
         palisade.connections.crm.url=https://crm.example\n"
    ));
    let connections = load(&folder).connections();
    assert_eq!(connections.names(), ["crm", "mail"]);
    let mail = connections.get("mail").unwrap();
    assert_eq!(kind(&mail, "/x").await, ErrorKind::SchemeNotAllowed);
    let refused = connections.get("crm").unwrap().open().await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::SchemeNotAllowed);

    let mut stream = mail.open().await.unwrap();
    let mut said = String::new();
    stream.read_to_string(&mut said).await.unwrap();
    assert_eq!(said, "a1 STARTTLS\r\n");
}

#[rstest]
#[case(
    "crm.url=https://crm.example\npalisade.connections.crm.tls.key-alias=servr",
    "palisade.connections.crm.tls.key-alias",
    "did you mean `server`?"
)]
#[case(
    "crm.url=https://crm.example\npalisade.connections.crm.tls.trust-aliases=nobody",
    "palisade.connections.crm.tls.trust-aliases",
    "nobody"
)]
#[case(
    "mail.url=smtp://mail.example\npalisade.connections.mail.tls.trust-aliases=nobody",
    "palisade.connections.mail.tls.trust-aliases",
    "nobody"
)]
#[case(
    "crm.url=https://crm.example\npalisade.connections.crm.interceptors=Word,Twice,Again",
    "palisade.connections.crm.interceptors",
    "Twice and Again both have once"
)]
#[case(
    "crm.url=https://crm.example\npalisade.connections.crm.interceptors=Wrod",
    "palisade.connections.crm.interceptors",
    "did you mean \"Word\"?"
)]
fn what_cannot_be_put_together_is_an_error_at_its_line(
    #[case] properties: &str,
    #[case] key: &str,
    #[case] part: &str,
) {
    let folder = Folder::new(&format!(
        "palisade.client.interceptors.Word.word.is=one\n\
         palisade.client.interceptors.Twice.once.is=two\n\
         palisade.client.interceptors.Again.once.is=three\n\
         palisade.connections.{properties}\n"
    ));
    let loader = Loader::new(Sources::new(folder.folder.path()), registry());
    let errors = loader.load().unwrap_err().to_string();
    assert_eq!(errors.lines().count(), 1, "{errors}");
    assert!(
        errors.starts_with(&format!("application.properties:9: {key}: ")) && errors.contains(part),
        "{errors}"
    );
}

#[tokio::test]
async fn an_application_without_a_server_loads_its_connections_and_reloads_them_whole() {
    let (here, there) = (partner().await, partner().await);
    let folder = Folder::new("");
    let properties = |at: SocketAddr, word: &str, list: &str| {
        format!(
            "palisade.client.interceptors.Word.word.is={word}\n\
             palisade.connections.crm.url=http://{at}\n\
             palisade.connections.crm.interceptors={list}\n"
        )
    };
    let read = || {
        let (config, errors) = Config::load(&Sources::new(folder.folder.path()));
        assert!(errors.is_empty(), "{errors}");
        let settings = ServerSettings::read(&config).0;
        let keystores = Keystores::load(config.folder(), &settings.keystores).unwrap();
        let environment = Environment::new(Arc::new(SystemClock::new()));
        let policy = registry().compile(&config, &environment).unwrap();
        (config, keystores, policy)
    };
    folder.write(&properties(here, "one", "Word"));
    let (config, keystores, policy) = read();
    let connections = Connections::load(&config, &keystores, &policy).unwrap();
    let crm = connections.get("crm").unwrap();
    assert_eq!(
        ask(&crm, "/x").await.unwrap()["words"],
        serde_json::json!(["one"])
    );

    folder.write(&properties(there, "two", "Wrod"));
    let (config, keystores, policy) = read();
    let errors = connections
        .reload(&config, &keystores, &policy)
        .unwrap_err()
        .to_string();
    assert!(
        errors.lines().count() == 1 && errors.contains("did you mean \"Word\"?"),
        "{errors}"
    );
    assert_eq!(
        ask(&crm, "/x").await.unwrap()["words"],
        serde_json::json!(["one"])
    );

    folder.write(&properties(there, "two", "Word"));
    let (config, keystores, policy) = read();
    connections.reload(&config, &keystores, &policy).unwrap();
    let told = ask(&crm, "/x").await.unwrap();
    assert_eq!(
        (&told["host"], &told["words"]),
        (&there.to_string().into(), &serde_json::json!(["two"]))
    );
}
