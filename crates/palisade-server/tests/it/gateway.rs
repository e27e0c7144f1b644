//! The gateway between real sockets: what it says upstream, what it passes back, and how it fails.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum_server::accept::DefaultAcceptor;
use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use palisade_client::ClientBuilder;
use palisade_core::Connection;
use palisade_server::gateway::{Gateway, Target, Upstream};
use palisade_server::listener::{Bound, ListenerHandle};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tower::{Service, ServiceExt, service_fn};

const TIMEOUT: Duration = Duration::from_secs(1);
const SOON: Duration = Duration::from_secs(5);

fn gateway(url: &str) -> Gateway {
    gateway_with(url, ClientBuilder::new())
}

fn gateway_with(url: &str, client: ClientBuilder) -> Gateway {
    Gateway::new(Upstream {
        client: client
            .allow_plain_http()
            .connect_timeout(TIMEOUT)
            .build()
            .unwrap(),
        target: Target::parse(url).unwrap(),
        timeout: TIMEOUT,
    })
}

/// The gateway behind a listener.
async fn serve(gateway: Gateway) -> SocketAddr {
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let bound = Bound::bind("main", any, 100, Duration::from_secs(10))
        .await
        .unwrap();
    let local = bound.local();
    let service = service_fn(move |request: Request<Incoming>| {
        let mut request = request.map(Body::new);
        let connection = Connection::new("main", SocketAddr::from(([192, 0, 2, 7], 4711)), local);
        request.extensions_mut().insert(Arc::new(connection));
        gateway.clone().call(request)
    });
    tokio::spawn(bound.serve(DefaultAcceptor::new(), service, ListenerHandle::new()));
    local
}

/// An upstream that takes one request, answers it with these bytes, and hands over what it read.
async fn raw_upstream(answer: &'static str) -> (String, tokio::task::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let task = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut head = Vec::new();
        while !head.windows(4).any(|end| end == b"\r\n\r\n") {
            let mut piece = [0; 4096];
            let count = stream.read(&mut piece).await.unwrap();
            head.extend_from_slice(&piece[..count]);
        }
        stream.write_all(answer.as_bytes()).await.unwrap();
        String::from_utf8(head).unwrap().to_lowercase()
    });
    (url, task)
}

/// An axum upstream; counts its connections.
async fn upstream(router: Router) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let connections = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&connections);
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            counted.fetch_add(1, Ordering::SeqCst);
            let service = hyper_util::service::TowerToHyperService::new(router.clone());
            tokio::spawn(async move {
                let builder = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
                let _ = builder.serve_connection(TokioIo::new(stream), service).await;
            });
        }
    });
    (url, connections)
}

async fn exchange(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    timeout(SOON, stream.read_to_string(&mut answer))
        .await
        .expect("the connection ends")
        .unwrap();
    answer
}

#[tokio::test]
async fn the_upstream_gets_the_request_without_fields_of_one_hop_and_with_fresh_forwarding_fields() {
    let (url, heard) = raw_upstream("HTTP/1.1 204 No Content\r\n\r\n").await;
    let address = serve(gateway(&format!("{url}/base/"))).await;
    let answer = exchange(
        address,
        "GET /a%20b/c?d=%2f HTTP/1.1\r\nhost: public.example\r\nconnection: close, x-hop, keep-alive\r\nx-hop: 1\r\n\
         keep-alive: 3\r\nproxy-connection: x\r\nproxy-authorization: Basic x\r\nte: trailers, gzip\r\nupgrade: websocket\r\n\
         x-forwarded-for: 10.0.0.1\r\nx-forwarded-host: evil.example\r\nx-forwarded-proto: gopher\r\nforwarded: for=10.0.0.1\r\n\
         x-real-ip: 10.0.0.1\r\nclient-cert: :AA==:\r\nx-end-to-end: kept\r\nvia: 1.0 before\r\n\r\n",
    )
    .await;
    assert!(answer.starts_with("HTTP/1.1 204"), "{answer}");
    let said = heard.await.unwrap();
    let host = url.strip_prefix("http://").unwrap();
    assert!(said.starts_with("get /base/a%20b/c?d=%2f http/1.1\r\n"), "{said}");
    for line in [
        &format!("host: {host}"),
        "x-forwarded-for: 192.0.2.7",
        "x-forwarded-host: public.example",
        "x-forwarded-proto: http",
        "x-end-to-end: kept",
        "via: 1.0 before",
        "via: 1.1 palisade",
        "te: trailers",
        "connection: te",
    ] {
        assert_eq!(
            said.lines().filter(|found| found == &line).count(),
            1,
            "{line} in\n{said}"
        );
    }
    for gone in [
        "x-hop",
        "keep-alive",
        "proxy-",
        "upgrade",
        "10.0.0.1",
        "evil",
        "gopher",
        "client-cert",
        "gzip",
    ] {
        assert!(!said.contains(gone), "{gone} in\n{said}");
    }
}

#[tokio::test]
async fn the_client_gets_the_answer_without_fields_of_one_hop() {
    let answer = "HTTP/1.1 201 Made\r\nconnection: x-hop\r\nx-hop: 1\r\nkeep-alive: timeout=5\r\nproxy-authenticate: Basic\r\n\
                  content-length: 2\r\nset-cookie: a=1\r\nset-cookie: b=2\r\n\r\nok";
    let (url, _heard) = raw_upstream(answer).await;
    let address = serve(gateway(&url)).await;
    let answer = exchange(address, "GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
        .await
        .to_lowercase();
    assert!(answer.starts_with("http/1.1 201"), "{answer}");
    assert!(answer.ends_with("\r\n\r\nok"), "{answer}");
    assert!(answer.contains("set-cookie: a=1\r\nset-cookie: b=2"), "{answer}");
    assert!(answer.contains("via: 1.1 palisade"), "{answer}");
    for gone in ["x-hop", "keep-alive", "proxy-authenticate"] {
        assert!(!answer.contains(gone), "{gone} in\n{answer}");
    }
}

async fn problem(gateway: Gateway, request: Request<Body>) -> (StatusCode, String) {
    let response = timeout(SOON, gateway.oneshot(request))
        .await
        .expect("an answer")
        .unwrap();
    let status = response.status();
    assert_eq!(response.headers()["content-type"], "application/problem+json");
    let body = response.into_body().collect().await.unwrap().to_bytes();
    let document: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(document["status"], status.as_u16());
    (status, document["type"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn an_upstream_that_is_not_there_is_502_and_one_that_is_silent_504() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", free.local_addr().unwrap());
    drop(free);
    let (status, code) = problem(gateway(&url), Request::get("/").body(Body::empty()).unwrap()).await;
    assert_eq!(
        (status.as_u16(), code.as_str()),
        (502, "urn:palisade:problem:upstream-unreachable")
    );

    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let (status, code) = problem(gateway(&url), Request::get("/").body(Body::empty()).unwrap()).await;
    assert_eq!(
        (status.as_u16(), code.as_str()),
        (504, "urn:palisade:problem:upstream-timeout")
    );
}

#[tokio::test]
async fn an_upstream_that_switches_protocols_unasked_is_502() {
    let (url, _heard) =
        raw_upstream("HTTP/1.1 101 Switching Protocols\r\nupgrade: other\r\nconnection: upgrade\r\n\r\n")
            .await;
    let (status, code) = problem(gateway(&url), Request::get("/").body(Body::empty()).unwrap()).await;
    assert_eq!(
        (status.as_u16(), code.as_str()),
        (502, "urn:palisade:problem:upstream-unreachable")
    );
}

fn body_of(receiver: mpsc::Receiver<Result<&'static str, std::io::Error>>) -> Body {
    let frames = futures_util::stream::unfold(receiver, |mut receiver| async move {
        let piece = receiver.recv().await?;
        Some((
            piece.map(|text| Frame::data(Bytes::from_static(text.as_bytes()))),
            receiver,
        ))
    });
    Body::new(StreamBody::new(frames))
}

#[tokio::test]
async fn a_client_that_stops_or_breaks_off_is_told_so() {
    let router = Router::new().fallback(|body: Bytes| async move { body });
    let (url, _) = upstream(router).await;

    let (sender, receiver) = mpsc::channel(1);
    sender.send(Ok("half")).await.unwrap();
    let stopped = Request::post("/").body(body_of(receiver)).unwrap();
    let (status, code) = problem(gateway(&url), stopped).await;
    assert_eq!(
        (status.as_u16(), code.as_str()),
        (408, "urn:palisade:problem:body-timeout")
    );

    let (sender, receiver) = mpsc::channel(2);
    sender.send(Ok("half")).await.unwrap();
    sender.send(Err(std::io::Error::other("broken"))).await.unwrap();
    let broken = Request::post("/").body(body_of(receiver)).unwrap();
    let (status, code) = problem(gateway(&url), broken).await;
    assert_eq!(
        (status.as_u16(), code.as_str()),
        (400, "urn:palisade:problem:body-malformed")
    );
}

#[tokio::test]
async fn a_long_upload_that_moves_is_not_timed_out() {
    let router = Router::new().fallback(|body: Bytes| async move { body.len().to_string() });
    let (url, _) = upstream(router).await;
    let (sender, receiver) = mpsc::channel(1);
    tokio::spawn(async move {
        for _ in 0..4 {
            tokio::time::sleep(TIMEOUT / 2).await;
            sender.send(Ok("piece")).await.unwrap();
        }
    });
    let request = Request::post("/").body(body_of(receiver)).unwrap();
    let response = timeout(SOON, gateway(&url).oneshot(request))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "20");
}

#[tokio::test]
async fn an_answer_that_stands_still_is_cut_off() {
    let router = Router::new().fallback(|| async {
        let (sender, receiver) = mpsc::channel(1);
        sender.send(Ok("start")).await.unwrap();
        tokio::spawn(async move {
            tokio::time::sleep(SOON).await;
            drop(sender);
        });
        body_of(receiver)
    });
    let (url, _) = upstream(router).await;
    let response = gateway(&url)
        .oneshot(Request::get("/").body(Body::empty()).unwrap())
        .await
        .unwrap();
    let mut body = response.into_body();
    assert!(body.frame().await.unwrap().is_ok());
    assert!(
        timeout(TIMEOUT * 3, body.frame())
            .await
            .expect("an end")
            .unwrap()
            .is_err()
    );
}

#[tokio::test]
async fn both_bodies_stream_frame_by_frame_over_http1_and_http2() {
    let router = Router::new().fallback(|body: Body| async move { body });
    let (url, _) = upstream(router).await;
    for client in [ClientBuilder::new(), ClientBuilder::new().http2_only()] {
        let (sender, receiver) = mpsc::channel(1);
        let request = Request::post("/").body(body_of(receiver)).unwrap();
        sender.send(Ok("one")).await.unwrap();
        let response = timeout(SOON, gateway_with(&url, client).oneshot(request))
            .await
            .unwrap()
            .unwrap();
        let mut body = response.into_body();
        for (now, next) in [("one", "two"), ("two", "three"), ("three", "four")] {
            let frame = timeout(SOON, body.frame())
                .await
                .expect("a frame before the request ends")
                .unwrap()
                .unwrap();
            assert_eq!(frame.into_data().unwrap(), now);
            sender.send(Ok(next)).await.unwrap();
        }
    }
}

#[tokio::test]
async fn trailers_pass_both_ways() {
    let router = Router::new().fallback(|body: Body| async move {
        let collected = body.collect().await.unwrap();
        let came = collected.trailers().expect("the request's trailers").clone();
        let frames = [
            Ok::<_, Infallible>(Frame::data(Bytes::from_static(b"x"))),
            Ok(Frame::trailers(came)),
        ];
        Body::new(StreamBody::new(futures_util::stream::iter(frames)))
    });
    let (url, _) = upstream(router).await;
    let trailers: HeaderMap = [("x-sum".parse().unwrap(), "7".parse().unwrap())]
        .into_iter()
        .collect();
    let frames = [
        Ok::<_, Infallible>(Frame::data(Bytes::from_static(b"x"))),
        Ok(Frame::trailers(trailers.clone())),
    ];
    let body = Body::new(StreamBody::new(futures_util::stream::iter(frames)));
    let request = Request::post("/").header("te", "trailers").body(body).unwrap();
    let gateway = gateway_with(&url, ClientBuilder::new().http2_only());
    let response = timeout(SOON, gateway.oneshot(request)).await.unwrap().unwrap();
    assert_eq!(
        response.into_body().collect().await.unwrap().trailers(),
        Some(&trailers)
    );
}

#[tokio::test]
async fn connections_to_the_upstream_are_kept() {
    let (url, connections) = upstream(Router::new().fallback(|| async { "ok" })).await;
    let address = serve(gateway(&url)).await;
    for _ in 0..5 {
        let answer = exchange(address, "GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await;
        assert!(answer.ends_with("ok"), "{answer}");
    }
    assert_eq!(connections.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_client_that_goes_away_takes_its_upstream_request_with_it() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let patient = Upstream {
        client: ClientBuilder::new().allow_plain_http().build().unwrap(),
        target: Target::parse(&url).unwrap(),
        timeout: Duration::from_secs(60),
    };
    let address = serve(Gateway::new(patient)).await;
    let mut client = TcpStream::connect(address).await.unwrap();
    client
        .write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
        .await
        .unwrap();
    let (mut heard, _) = listener.accept().await.unwrap();
    let mut piece = [0; 4096];
    assert!(heard.read(&mut piece).await.unwrap() > 0);
    drop(client);
    let ended = timeout(SOON, heard.read(&mut piece))
        .await
        .expect("the upstream connection ends");
    assert!(matches!(ended, Ok(0) | Err(_)));
}

#[tokio::test]
async fn a_tunnel_is_refused() {
    let request = Request::builder()
        .method("CONNECT")
        .uri("a.example:443")
        .body(Body::empty())
        .unwrap();
    let (status, code) = problem(gateway("http://127.0.0.1:9"), request).await;
    assert_eq!(
        (status.as_u16(), code.as_str()),
        (501, "urn:palisade:problem:tunnel-not-offered")
    );
}

#[tokio::test]
async fn an_http2_client_reaches_an_http1_upstream() {
    let (url, heard) =
        raw_upstream("HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok").await;
    let address = serve(gateway(&url)).await;
    let stream = TokioIo::new(TcpStream::connect(address).await.unwrap());
    let (mut client, connection) = hyper::client::conn::http2::handshake(TokioExecutor::new(), stream)
        .await
        .unwrap();
    tokio::spawn(connection);
    let request = Request::get("http://public.example/x")
        .body(Body::empty())
        .unwrap();
    let response: Response<Incoming> = client.send_request(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let said = heard.await.unwrap();
    assert!(said.contains("x-forwarded-host: public.example\r\n"), "{said}");
    assert!(said.contains("via: 2 palisade\r\n"), "{said}");
}

#[tokio::test]
async fn the_length_of_what_head_does_not_send_passes() {
    let (url, _heard) = raw_upstream("HTTP/1.1 200 OK\r\ncontent-length: 5\r\netag: \"a\"\r\n\r\n").await;
    let address = serve(gateway(&url)).await;
    let answer = exchange(address, "HEAD / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await;
    assert!(
        answer.starts_with("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n"),
        "{answer}"
    );
    assert!(answer.ends_with("\r\n\r\n"), "{answer}");
}
