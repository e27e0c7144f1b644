//! Heads that say twice how long their bodies are, over real sockets, before the stage `headers`.
#![expect(clippy::unwrap_used, reason = "a test that cannot set itself up must stop")]

mod support;

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use palisade_core::FramingConflict;
use palisade_core::pipeline::ExchangeBody;
use palisade_headers::HeaderRules;
use palisade_test::ca::ClientTls;
use palisade_tls::Acceptor;
use rstest::rstest;
use serde_json::{Value, json};
use support::{Server, World};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tower::{Layer as _, ServiceExt as _, service_fn};

/// Tells what the stage and the handler saw: the answer of the stage, else the size of the body and the fact.
async fn handle(rules: HeaderRules, request: Request<Incoming>) -> Response<ExchangeBody<Full<Bytes>>> {
    let (head, mut body) = request.into_parts();
    let mut size = 0;
    while let Some(frame) = body.frame().await {
        size += frame.unwrap().data_ref().map_or(0, Bytes::len);
    }
    let inner = service_fn(move |request: Request<Full<Bytes>>| async move {
        let conflict = request.extensions().get::<FramingConflict>();
        let told = json!({"size": size, "conflict": conflict.map(|conflict| format!("{conflict:?}"))});
        Ok::<_, Infallible>(Response::new(Full::new(Bytes::from(told.to_string()))))
    });
    let request = Request::from_parts(head, Full::default());
    rules.layer().layer(inner).oneshot(request).await.unwrap()
}

async fn serve(acceptor: Acceptor, faulty: Faulty) -> Server {
    let service = service_fn(move |request: Request<Incoming>| async move {
        let builder = HeaderRules::builder();
        let rules = match faulty {
            Faulty::Reject => builder,
            Faulty::Allow => builder.dangerously_allow_faulty(),
        };
        Ok::<_, Infallible>(handle(rules.build().unwrap(), request).await)
    });
    Server::start_with(acceptor, service).await
}

#[derive(Debug, Clone, Copy)]
enum Faulty {
    Reject,
    Allow,
}

#[derive(Debug, Clone, Copy)]
enum Over {
    Plain,
    /// TLS without an application protocol.
    Tls,
    /// A client that agrees on HTTP/2 and then speaks HTTP/1.1 all the same.
    TlsWithH2,
}

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// A raw connection.
struct Raw(Box<dyn Stream>);

impl Raw {
    async fn open(over: Over, faulty: Faulty) -> Self {
        let world = World::new();
        let settings = match over {
            Over::Plain => json!({"tls": {"enabled": false}}),
            Over::Tls | Over::TlsWithH2 => json!({}),
        };
        let server = serve(world.acceptor(settings).unwrap().0, faulty).await;
        let tcp = TcpStream::connect(server.address).await.unwrap();
        let tls = match over {
            Over::Plain => return Self(Box::new(tcp)),
            Over::Tls => ClientTls::trusting(&world.ca),
            Over::TlsWithH2 => ClientTls::trusting(&world.ca).alpn(&["h2"]),
        };
        Self(Box::new(
            support::secure(tcp, &tls.build(), "localhost").await.unwrap(),
        ))
    }

    async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.write_all(bytes.as_ref()).await.unwrap();
        self.0.flush().await.unwrap();
    }

    /// Status and document of the next answer.
    async fn answer(&mut self) -> (u16, Value) {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(self.0.read_u8().await.unwrap());
        }
        let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
        let (_, length) = head.split_once("content-length: ").unwrap();
        let mut body = vec![0; length.split("\r\n").next().unwrap().parse().unwrap()];
        self.0.read_exact(&mut body).await.unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
    }
}

fn assert_refused((status, mut document): (u16, Value), detail: &str) {
    assert_eq!(status, 400, "{document}");
    let instance = document.as_object_mut().unwrap().remove("instance").unwrap();
    assert_eq!(instance.as_str().map(str::len), Some(32), "{instance}");
    let expected = json!({
        "type": "urn:palisade:problem:header-faulty",
        "title": "The header fields are faulty",
        "status": 400,
        "detail": detail,
    });
    assert_eq!(document, expected);
}

fn assert_served((status, document): (u16, Value), size: usize) {
    assert_eq!((status, document), (200, json!({"size": size, "conflict": null})));
}

const BESIDE: &str = "content-length stands beside transfer-encoding.";
const REPEATED: &str = "The field content-length is repeated.";

/// A request with these fields.
fn post(fields: &str, body: &str) -> String {
    format!("POST /pay HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n\r\n{body}")
}

const CHUNKED: &str = "5\r\nhello\r\n0\r\n\r\n";

#[rstest]
#[case::length_first(
    "Content-Length: 5\r\nTransfer-Encoding: chunked",
    CHUNKED,
    BESIDE,
    "LengthBesideTransferEncoding"
)]
#[case::length_last(
    "Transfer-Encoding: chunked\r\nContent-Length: 5",
    CHUNKED,
    BESIDE,
    "LengthBesideTransferEncoding"
)]
#[case::length_no_number(
    "Transfer-Encoding: chunked\r\ncontent-length: x",
    CHUNKED,
    BESIDE,
    "LengthBesideTransferEncoding"
)]
#[case::equal_lengths(
    "Content-Length: 5\r\nAccept: */*\r\ncontent-length: 5",
    "hello",
    REPEATED,
    "RepeatedLength"
)]
#[tokio::test]
async fn a_head_that_says_its_length_twice_is_refused(
    #[case] fields: &str,
    #[case] body: &str,
    #[case] detail: &str,
    #[case] conflict: &str,
    #[values(Over::Plain, Over::Tls, Over::TlsWithH2)] over: Over,
) {
    let mut raw = Raw::open(over, Faulty::Reject).await;
    raw.send(post(fields, body)).await;
    assert_refused(raw.answer().await, detail);

    let mut raw = Raw::open(over, Faulty::Allow).await;
    raw.send(post(fields, body)).await;
    let seen = json!({"size": 5, "conflict": conflict});
    assert_eq!(raw.answer().await, (200, seen));
}

#[tokio::test]
async fn different_lengths_are_refused_by_the_library() {
    let mut raw = Raw::open(Over::Plain, Faulty::Allow).await;
    raw.send(post("Content-Length: 5\r\nContent-Length: 6", "hello!"))
        .await;
    assert_eq!(raw.answer().await, (400, Value::Null));
}

#[rstest]
#[tokio::test]
async fn later_requests_of_a_connection_are_judged_each_for_itself(
    #[values(Over::Plain, Over::Tls)] over: Over,
) {
    let mut raw = Raw::open(over, Faulty::Reject).await;
    for _ in 0..3 {
        raw.send(post("Content-Length: 5", "hello")).await;
        assert_served(raw.answer().await, 5);
        raw.send(post("Transfer-Encoding: chunked", CHUNKED)).await;
        assert_served(raw.answer().await, 5);
        raw.send(post("Content-Length: 5\r\nContent-Length: 5", "hello"))
            .await;
        assert_refused(raw.answer().await, REPEATED);
    }
    raw.send(post("Content-Length: 5\r\nTransfer-Encoding: chunked", CHUNKED))
        .await;
    assert_refused(raw.answer().await, BESIDE);
}

#[rstest]
#[tokio::test]
async fn pipelined_requests_are_judged_each_for_itself(#[values(1, 7, 100_000)] piece: usize) {
    let mut raw = Raw::open(Over::Plain, Faulty::Reject).await;
    let row = [
        post("Content-Length: 5", "hello"),
        post("Content-Length: 5\r\nContent-Length: 5", "hello"),
        post("Transfer-Encoding: chunked", CHUNKED),
        post("Content-Length: 0\r\nTransfer-Encoding: chunked", CHUNKED),
    ]
    .concat();
    for piece in row.as_bytes().chunks(piece) {
        raw.send(piece).await;
    }
    assert_served(raw.answer().await, 5);
    assert_refused(raw.answer().await, REPEATED);
    assert_served(raw.answer().await, 5);
    assert_refused(raw.answer().await, BESIDE);
}

#[rstest]
#[tokio::test]
async fn text_in_a_body_is_no_head(#[values(Over::Plain, Over::Tls)] over: Over) {
    let part = "--x\r\nContent-Type: text/plain\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello\r\n";
    let text = format!(
        "{part}{}{part}--x--\r\n",
        post("Content-Length: 5\r\nTransfer-Encoding: chunked", CHUNKED)
    );
    let mut raw = Raw::open(over, Faulty::Reject).await;
    let chunked = format!("{:x}\r\n{text}\r\n0\r\n\r\n", text.len());
    let length = format!(
        "Content-Type: multipart/mixed; boundary=x\r\nContent-Length: {}",
        text.len()
    );
    for _ in 0..2 {
        raw.send(post("Transfer-Encoding: chunked", &chunked)).await;
        assert_served(raw.answer().await, text.len());
        raw.send(post(&length, &text)).await;
        assert_served(raw.answer().await, text.len());
    }
}

#[rstest]
#[tokio::test]
async fn a_large_body_streams_and_the_next_request_is_judged(#[values(Over::Plain, Over::Tls)] over: Over) {
    const SIZE: usize = 24 << 20;
    let mut raw = Raw::open(over, Faulty::Reject).await;
    let block = vec![b'\n'; 1 << 20];
    raw.send(post(&format!("Content-Length: {SIZE}"), "")).await;
    for _ in 0..SIZE / block.len() {
        raw.send(&block).await;
    }
    assert_served(raw.answer().await, SIZE);

    raw.send(post("Transfer-Encoding: chunked", "")).await;
    for _ in 0..SIZE / block.len() {
        raw.send("100000\r\n").await;
        raw.send(&block).await;
        raw.send("\r\n").await;
    }
    raw.send(format!(
        "0\r\nX: y\r\n\r\n{}",
        post("Content-Length: 5\r\nContent-Length: 5", "hello")
    ))
    .await;
    assert_served(raw.answer().await, SIZE);
    assert_refused(raw.answer().await, REPEATED);
}

#[tokio::test]
async fn a_body_that_waits_for_leave_is_counted_as_well() {
    let mut raw = Raw::open(Over::Plain, Faulty::Reject).await;
    raw.send(post("Expect: 100-continue\r\nContent-Length: 5", ""))
        .await;
    let mut leave = [0; 25];
    raw.0.read_exact(&mut leave).await.unwrap();
    assert_eq!(&leave, b"HTTP/1.1 100 Continue\r\n\r\n");
    raw.send("hello").await;
    assert_served(raw.answer().await, 5);
    raw.send(post("Content-Length: 5", "hello")).await;
    assert_served(raw.answer().await, 5);
}

#[rstest]
#[case("GET http://LOCALHOST/a?b#c HTTP/1.1\r\nHost: LOCALHOST\r\n\r\n")]
#[case("\r\n\r\nGET /a/%2e%2e/b?c=%00#d HTTP/1.1\r\nHost: localhost\r\n\r\n")]
#[case("GET / HTTP/1.0\r\nHost: localhost\r\n\r\n")]
#[case("GET / HTTP/1.1\nHost: localhost\n\n")]
#[case("OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n")]
#[case("X-WORD / HTTP/1.1\r\nHost: localhost\r\n\r\n")]
#[tokio::test]
async fn heads_of_every_form_are_recognised(#[case] head: &str) {
    let mut raw = Raw::open(Over::Plain, Faulty::Reject).await;
    raw.send(head).await;
    let answer = tokio::time::timeout(Duration::from_secs(10), raw.answer());
    assert_served(answer.await.unwrap(), 0);
}
