//! A whole server from real files: verdicts over HTTP/1.1 and HTTP/2, refusals that arrive, drain, signals.

use std::convert::Infallible;
use std::time::Duration;

use crate::common::{BASE, Client, Folder, OPEN, Running, SOON, Version, answer, code};
use axum::Router;
use axum::body::Body;
use axum::routing::get;
use bytes::Bytes;
use http::{Request, Response};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use rstest::rstest;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

#[rstest]
#[case(Version::Http1, "http/1.1")]
#[case(Version::Http2, "h2")]
#[tokio::test(flavor = "multi_thread")]
async fn the_echo_shows_the_request_as_a_handler_sees_it(#[case] version: Version, #[case] alpn: &str) {
    let server = Running::echo(OPEN).await;
    let mut client = server.client(version).await;
    let request = client
        .request("/a/b?c=d")
        .method("POST")
        .header("x-one", "1")
        .body(Body::from("hello"))
        .unwrap();
    let response = client.send(request).await.unwrap();
    let id = response.headers()["x-request-id"].to_str().unwrap().to_owned();
    let (status, echoed) = answer(response).await;
    assert_eq!(status, 200);
    assert_eq!(echoed["method"], "POST");
    assert_eq!(echoed["path"], "/a/b");
    assert_eq!(echoed["query"], "c=d");
    assert_eq!(echoed["group"], "all");
    assert_eq!(echoed["principal"], json!(null));
    assert_eq!(echoed["tls"]["version"], "TLSv1.3");
    assert_eq!(echoed["tls"]["alpn"], alpn);
    assert_eq!(echoed["client"], "127.0.0.1");
    assert_eq!(echoed["headers"]["x-one"], "1");
    assert_eq!(id.len(), 32, "the answer names the exchange");
    assert_eq!(echoed["body"], "hello");
}

/// RFC 9110 section 9.3.2: over HTTP/2 a body in an answer to HEAD is an error of the stream.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn the_answer_to_head_has_no_body(
    #[values(Version::Http1, Version::Http2)] version: Version,
    #[values("/open", "/closed")] path: &str,
) {
    let server = Running::echo("palisade.endpoints[0].paths=/open\n").await;
    let mut client = server.client(version).await;
    let request = client.request(path).method("HEAD").body(Body::empty()).unwrap();
    let response = client.send(request).await.unwrap();
    let length: usize = response.headers()["content-length"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!(length > 0, "it says how long the body of GET would be");
    assert_eq!(response.into_body().collect().await.unwrap().to_bytes().len(), 0);
    // The connection is good for more.
    assert!([200, 404].contains(&client.get(path).await.0));
}

#[rstest]
#[case(Version::Http1)]
#[case(Version::Http2)]
#[tokio::test(flavor = "multi_thread")]
async fn both_versions_get_the_same_refusals(#[case] version: Version) {
    let server = Running::echo("palisade.endpoints[0].paths=/open\n").await;
    let mut client = server.client(version).await;

    let (status, problem) = client.get("/closed").await;
    assert_eq!((status, code(&problem)), (404, "endpoint-not-configured"));
    let (status, problem) = client.get("/a/../open").await;
    assert_eq!((status, code(&problem)), (400, "path-not-canonical"));

    let long = client
        .request("/open")
        .header("x-long", "v".repeat(200 * 1024))
        .body(Body::empty())
        .unwrap();
    let (status, problem) = answer(client.send(long).await.unwrap()).await;
    assert_eq!((status, code(&problem)), (431, "headers-too-large"));

    let mut client = server.client(version).await;
    let many = (0..204).fold(client.request("/open"), |request, number| {
        request.header(format!("x-{number}"), "v")
    });
    let response = client.send(many.body(Body::empty()).unwrap()).await.unwrap();
    assert!(response.headers().contains_key("x-request-id"));
    let (status, problem) = answer(response).await;
    assert_eq!((status, code(&problem)), (431, "headers-too-large"));
}

#[rstest]
#[case("GET /open HTTP/1.1\r\nhost: a\r\nhost: a\r\n", "host-ambiguous")]
#[case("GET /open HTTP/1.1\r\nhost: a\r\nhost: b\r\n", "host-ambiguous")]
#[case("GET /open HTTP/1.1\r\nx: y\r\n", "host-ambiguous")]
#[case("GET /open HTTP/1.1\r\nhost: a b\r\n", "host-malformed")]
#[case("GET /open HTTP/1.1\r\nhost: a/b\r\n", "host-malformed")]
#[case("GET /nowhere HTTP/1.1\r\nhost: user@a\r\n", "host-malformed")]
#[case("GET http://b/open HTTP/1.1\r\nhost: a\r\n", "host-ambiguous")]
#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_is_doubtful_is_refused_on_every_route(#[case] head: &str, #[case] expected: &str) {
    let server = Running::echo("palisade.endpoints[0].paths=/open\n").await;
    let answer = server
        .raw(format!("{head}connection: close\r\n\r\n").as_bytes())
        .await;
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    assert!(
        answer.contains(&format!("urn:palisade:problem:{expected}")),
        "{answer}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_reaches_a_client_that_is_still_sending_over_tls() {
    let server = Running::echo(OPEN).await;
    let length = 16 * 1024 * 1024;
    let mut request = format!("POST /x HTTP/1.1\r\nhost: a\r\ncontent-length: {length}\r\n\r\n").into_bytes();
    request.resize(request.len() + length, b'x');
    let answer = server.raw(&request).await;
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    assert!(answer.contains("urn:palisade:problem:body-too-large"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handshake_that_is_never_finished_is_cut_off_and_others_are_served() {
    let server = Running::echo(&format!(
        "{OPEN}palisade.listeners.main.tls.handshake-timeout=500ms\n"
    ))
    .await;
    let mut silent = TcpStream::connect(server.address()).await.unwrap();
    silent.write_all(&[22, 3, 1, 2, 0]).await.unwrap();
    let mut client = server.client(Version::Http1).await;
    assert_eq!(client.get("/x").await.0, 200);
    let read = timeout(Duration::from_secs(3), silent.read(&mut [0; 16]))
        .await
        .expect("cut off");
    assert!(matches!(read, Ok(0) | Err(_)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drain_finishes_what_is_under_way_and_takes_nothing_new() {
    let app = Router::new().route(
        "/slow",
        get(|| async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            "done"
        }),
    );
    let server = Running::app(OPEN, app).await;
    assert_eq!(server.admin("/ready").await.0, 200);
    for version in [Version::Http1, Version::Http2] {
        let mut client = server.client(version).await;
        let request = client.request("/slow").body(Body::empty()).unwrap();
        assert_eq!(client.send(request).await.unwrap().status(), 200);
    }
    let mut clients = [
        server.client(Version::Http1).await,
        server.client(Version::Http2).await,
    ];
    let requests = clients
        .each_ref()
        .map(|client| client.request("/slow").body(Body::empty()).unwrap());
    let under_way: Vec<_> = clients
        .iter_mut()
        .zip(requests)
        .map(|(client, request)| client.send(request))
        .collect();
    let under_way = futures_util::future::join_all(under_way);
    let stop = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        server.handle.stop();
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert_eq!(server.admin("/ready").await.0, 503);
        assert_eq!(server.admin("/health").await.0, 200);
        assert!(TcpStream::connect(server.address()).await.is_err());
    };
    let (answers, ()) = tokio::join!(under_way, stop);
    for answer in answers {
        assert_eq!(answer.unwrap().status(), 200);
    }
    timeout(Duration::from_secs(5), server.ended)
        .await
        .expect("it ends")
        .unwrap()
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drain_that_takes_too_long_is_ended() {
    let app = Router::new().route("/never", get(std::future::pending::<()>));
    let server = Running::app(&format!("{OPEN}palisade.drain-timeout=500ms\n"), app).await;
    let mut client = server.client(Version::Http1).await;
    let request = client.request("/never").body(Body::empty()).unwrap();
    let under_way = tokio::spawn(async move { client.send(request).await.map(|response| response.status()) });
    tokio::time::sleep(Duration::from_millis(200)).await;
    server.handle.stop();
    timeout(Duration::from_secs(4), server.ended)
        .await
        .expect("it ends")
        .unwrap()
        .unwrap();
    assert!(under_way.await.unwrap().is_err());
}

/// A signal reaches every server of the process that obeys signals, so there is one at a time.
#[cfg(unix)]
static SIGNALS: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn sigterm_drains() {
    let _alone = SIGNALS.lock().await;
    let folder = Folder::new(OPEN);
    let server = folder.load().unwrap_or_else(|errors| panic!("{errors}"));
    let handle = server.handle();
    let server = Running::of(folder, handle, tokio::spawn(server.serve_echo())).await;
    assert_eq!(server.client(Version::Http1).await.get("/x").await.0, 200);
    let kill = format!("kill -TERM {}", std::process::id());
    assert!(
        std::process::Command::new("sh")
            .args(["-c", &kill])
            .status()
            .unwrap()
            .success()
    );
    timeout(SOON, server.ended)
        .await
        .expect("it ends")
        .unwrap()
        .unwrap();
}

#[rstest]
#[case(Version::Http1)]
#[case(Version::Http2)]
#[tokio::test(flavor = "multi_thread")]
async fn a_handler_that_panics_is_a_500_and_the_connection_goes_on(#[case] version: Version) {
    let folder = Folder::new(OPEN);
    let server = folder.load().unwrap_or_else(|errors| panic!("{errors}"));
    let server = server.without_signals();
    let handle = server.handle();
    let app = tower::service_fn(|request: Request<Body>| {
        let path = request.uri().path().to_owned();
        assert_ne!(path, "/at-once", "in the call");
        async move {
            tokio::time::sleep(Duration::from_millis(300)).await;
            assert_ne!(path, "/later", "in the future");
            let pieces = (0..3).map(|_| Ok::<_, Infallible>(Frame::data(Bytes::from_static(b"12"))));
            Ok::<_, Infallible>(Response::new(StreamBody::new(futures_util::stream::iter(pieces))))
        }
    });
    let server = Running::of(folder, handle, tokio::spawn(server.serve(app))).await;
    let mut client = server.client(version).await;
    if let Client::Http2(other) = &client {
        // An exchange of the same connection is under way meanwhile.
        let mut other = other.clone();
        let request = client.request("/fine").body(Body::empty()).unwrap();
        let under_way = tokio::spawn(async move { other.send_request(request).await });
        assert_eq!(client.get("/at-once").await.0, 500);
        assert_eq!(
            answer(under_way.await.unwrap().unwrap()).await,
            (200, 121_212.into())
        );
    }
    for path in ["/at-once", "/later"] {
        let request = client.request(path).body(Body::empty()).unwrap();
        let response = client.send(request).await.unwrap();
        let id = response.headers()["x-request-id"].to_str().unwrap().to_owned();
        let (status, problem) = answer(response).await;
        assert_eq!((status, code(&problem)), (500, "internal-error"), "{path}");
        assert_eq!(problem["instance"], id, "{path}");
        assert!(!problem.to_string().contains(" in the "), "{problem}");
        assert_eq!(client.get("/fine").await, (200, 121_212.into()));
    }
}

/// A request of HTTP/2 with these fields, each of which is a literal (RFC 7541 section 6.2.2), as a new connection's first.
fn http2_get(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        block.push(0);
        for text in [name, value] {
            block.push(u8::try_from(text.len()).unwrap());
            block.extend_from_slice(text.as_bytes());
        }
    }
    let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".to_vec();
    bytes.extend_from_slice(&[0, 0, u8::try_from(block.len()).unwrap(), 1, 5, 0, 0, 0, 1]);
    bytes.extend_from_slice(&block);
    bytes
}

#[rstest]
#[case(&[(":authority", "a"), ("host", "b")])]
#[case(&[(":authority", "a"), ("host", "a"), ("host", "b")])]
#[case(&[("host", "a"), ("host", "a")])]
#[case(&[])]
#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_is_doubtful_is_refused_over_http2_as_well(#[case] hosts: &[(&str, &str)]) {
    let server = Running::echo("palisade.endpoints[0].paths=/open\n").await;
    for path in ["/open", "/nowhere"] {
        let start = [(":method", "GET"), (":scheme", "https"), (":path", path)];
        let answer = first_answer(&server, &http2_get(&[&start, hosts].concat())).await;
        assert!(answer.contains("\"status\":400"), "{answer}");
        assert!(answer.contains("urn:palisade:problem:host-ambiguous"), "{answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_is_clear_is_served_over_http2() {
    let server = Running::echo(OPEN).await;
    for hosts in [
        &[(":authority", "a")][..],
        &[("host", "a")],
        &[(":authority", "a"), ("host", "a")],
    ] {
        let start = [(":method", "GET"), (":scheme", "https"), (":path", "/open")];
        let answer = first_answer(&server, &http2_get(&[&start, hosts].concat())).await;
        assert!(answer.contains("\"path\":\"/open\""), "{answer}");
    }
}

/// The bytes of an answer up to the end of its document.
async fn first_answer(server: &Running, request: &[u8]) -> String {
    let mut stream = server.tls(&["h2"]).await;
    stream.write_all(request).await.unwrap();
    let mut answer = Vec::new();
    let document =
        async { while !answer.ends_with(b"}") && stream.read_buf(&mut answer).await.unwrap() > 0 {} };
    timeout(SOON, document).await.expect("an answer");
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_that_is_wrong_is_said_at_once() {
    let folder = Folder::new(
        "palisade.listeners.main.tls.key-alais=x\n\
         palisade.listeners.second.bind=nowhere\n\
         palisade.listners.third.bind=127.0.0.1:1\n\
         palisade.admin.port=1\n\
         palisade.users.alice.tenant=nobody\n\
         palisade.drain-timeout=soon\n\
         palisade.upstream.url=ftp://a.example\n\
         palisade.log.level=palisade=loud\n\
         palisade.endpoints[0].interceptors=Missing\n\
         palisade.client.interceptors.A.request.signature.enabled=true\n\
         palisade.replay.store=redis\n",
    );
    let errors = folder.load().expect_err("wrong").to_string();
    let line = |offset: usize| format!("application.properties:{}", BASE.lines().count() + offset);
    for (offset, part) in [
        (1, "did you mean \"key-alias\"?"),
        (2, "palisade.listeners.second.bind"),
        (3, "did you mean \"listeners\"?"),
        (4, "palisade.admin"),
        (5, "expected a tenant of `palisade.tenants`"),
        (6, "palisade.drain-timeout"),
        (7, "expected http://host or https://host"),
        (8, "palisade.log.level"),
        (9, "Missing"),
        (10, "does not enforce message security"),
        (11, "palisade.replay.store"),
    ] {
        let start = line(offset);
        let found = errors
            .lines()
            .any(|found| found.contains(&format!("{start}:")) && found.contains(part));
        assert!(found, "{start} with {part} in\n{errors}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_without_upstream_does_not_load() {
    let errors = Folder::new(OPEN)
        .loader()
        .for_gateway()
        .load()
        .expect_err("wrong")
        .to_string();
    assert!(errors.contains("palisade.upstream.url"), "{errors}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_is_taken_is_named() {
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = taken.local_addr().unwrap();
    let folder = Folder::new(&format!("{OPEN}palisade.listeners.main.bind={address}\n"));
    let server = folder
        .load()
        .unwrap_or_else(|errors| panic!("{errors}"))
        .without_signals();
    let error = server.serve_echo().await.expect_err("taken").to_string();
    assert!(
        error.starts_with(&format!("palisade.listeners.main: cannot listen on {address}: ")),
        "{error}"
    );
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn sighup_reloads() {
    let _alone = SIGNALS.lock().await;
    let folder = Folder::new(OPEN);
    let server = folder.load().unwrap_or_else(|errors| panic!("{errors}"));
    let handle = server.handle();
    let server = Running::of(folder, handle, tokio::spawn(server.serve_echo())).await;
    let hangup = format!("kill -HUP {}", std::process::id());
    assert!(
        std::process::Command::new("sh")
            .args(["-c", &hangup])
            .status()
            .unwrap()
            .success()
    );
    server.until_reload("applied").await;
    assert_eq!(server.client(Version::Http1).await.get("/x").await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_stop_ends_a_drain_at_once() {
    let app = Router::new().route("/never", get(std::future::pending::<()>));
    let server = Running::app(OPEN, app).await;
    let mut client = server.client(Version::Http2).await;
    let request = client.request("/never").body(Body::empty()).unwrap();
    let under_way = tokio::spawn(async move { client.send(request).await.map(|response| response.status()) });
    tokio::time::sleep(Duration::from_millis(200)).await;
    server.handle.stop();
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!server.ended.is_finished());
    server.handle.stop();
    timeout(Duration::from_secs(3), server.ended)
        .await
        .expect("it ends")
        .unwrap()
        .unwrap();
    assert!(under_way.await.unwrap().is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_stands_still_is_408_from_application_and_gateway() {
    let short = format!("{OPEN}palisade.body-read-timeout=500ms\n");
    let echo = Running::echo(&short).await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let reading = Router::new().fallback(|body: axum::body::Bytes| async move { body });
    tokio::spawn(async move { axum::serve(listener, reading).await });
    let gateway = Running::gateway(&format!("{short}palisade.upstream.url={url}\n")).await;
    for server in [&echo, &gateway] {
        let answer = server
            .raw(b"POST /x HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\nhalf")
            .await;
        assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
        assert!(answer.contains("urn:palisade:problem:body-timeout"), "{answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_http2_client_is_not_reset_while_it_sends_the_rest_of_a_refused_body() {
    let server = Running::echo(OPEN).await;
    let mut client = server.client(Version::Http2).await;
    let (pieces, sent) = (256, std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0)));
    let counter = std::sync::Arc::clone(&sent);
    let frames = (0..pieces).map(move |_| {
        counter.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        let piece = http_body::Frame::data(axum::body::Bytes::from(vec![b'x'; 64 * 1024]));
        Ok::<_, std::convert::Infallible>(piece)
    });
    let body = Body::new(http_body_util::StreamBody::new(futures_util::stream::iter(
        frames,
    )));
    let request = client.request("/x").method("POST").body(body).unwrap();
    let (status, problem) = answer(client.send(request).await.unwrap()).await;
    assert_eq!((status, code(&problem)), (413, "body-too-large"));
    let all = async {
        while sent.load(std::sync::atomic::Ordering::SeqCst) < pieces {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(SOON, all).await.expect("the whole body is taken");
    assert_eq!(client.get("/y").await.0, 200);
}
