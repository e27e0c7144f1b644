//! Listeners over real sockets: slow clients, floods, and answers that must arrive.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum_server::accept::DefaultAcceptor;
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{Full, StreamBody};
use hyper::body::Incoming;
use palisade_server::listener::{Bound, ListenerHandle, STREAMS};
use rstest::rstest;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tower::service_fn;

const HEAD_TIMEOUT: Duration = Duration::from_secs(1);

/// A listener whose service refuses everything at once with 413, without reading any body; `/slow` never answers.
async fn refusing(max_connections: usize) -> (SocketAddr, ListenerHandle) {
    let bound = Bound::bind(
        "main",
        SocketAddr::from(([127, 0, 0, 1], 0)),
        max_connections,
        HEAD_TIMEOUT,
    )
    .await
    .unwrap();
    let address = bound.local();
    let handle = ListenerHandle::new();
    let service = service_fn(|request: Request<Incoming>| async move {
        if request.uri().path() == "/slow" {
            std::future::pending::<()>().await;
        }
        let mut response = Response::new(Full::new(Bytes::from_static(b"too large")));
        *response.status_mut() = StatusCode::PAYLOAD_TOO_LARGE;
        Ok::<_, Infallible>(response)
    });
    tokio::spawn(bound.serve(DefaultAcceptor::new(), service, handle.clone()));
    (address, handle)
}

async fn status_line(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    timeout(Duration::from_secs(15), stream.read_to_end(&mut answer))
        .await
        .expect("the connection ends")
        .unwrap();
    let text = String::from_utf8_lossy(&answer).into_owned();
    text.lines().next().unwrap_or_default().to_owned()
}

/// A small exchange on a connection of its own, for "others are served meanwhile".
async fn is_served(address: SocketAddr) -> bool {
    let exchange = async {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = b"GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
        stream.write_all(request).await.unwrap();
        status_line(&mut stream).await
    };
    timeout(Duration::from_secs(5), exchange)
        .await
        .is_ok_and(|line| line.starts_with("HTTP/1.1 413"))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_reaches_a_client_that_writes_megabytes_before_it_reads() {
    let (address, _handle) = refusing(10).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    let length = 20 * 1024 * 1024;
    let head = format!("POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: {length}\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let piece = vec![b'x'; 64 * 1024];
    for _ in 0..(length / piece.len()) {
        stream.write_all(&piece).await.unwrap();
    }
    assert!(status_line(&mut stream).await.starts_with("HTTP/1.1 413"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_of_a_byte_now_and_then_is_cut_off_and_others_are_served_meanwhile() {
    let (address, _handle) = refusing(10).await;
    let started = Instant::now();
    let mut stream = TcpStream::connect(address).await.unwrap();
    let mut served = 0;
    for byte in b"GET / HTTP/1.1\r\nhost: localhost\r\nx-slow: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
        .iter()
        .cycle()
    {
        if stream.write_all(&[*byte]).await.is_err() {
            break;
        }
        assert!(is_served(address).await);
        served += 1;
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert!(
            started.elapsed() < Duration::from_secs(10),
            "the slow client is still connected"
        );
    }
    assert!(served > 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_says_nothing_is_cut_off() {
    let (address, handle) = refusing(10).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    let read = timeout(HEAD_TIMEOUT * 5, stream.read(&mut [0; 16]))
        .await
        .unwrap();
    assert!(matches!(read, Ok(0) | Err(_)));
    assert!(is_served(address).await);
    assert!(handle.connections() <= 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn half_an_http2_preface_or_head_is_cut_off() {
    let (address, _handle) = refusing(10).await;
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    let settings = [0_u8, 0, 0, 4, 0, 0, 0, 0, 0];
    // A HEADERS frame that announces 16,384 bytes, of which four come.
    let half_a_frame = [0_u8, 0x40, 0, 1, 4, 0, 0, 0, 1, 0x82, 0x84, 0x86, 0x41];
    let started = [&preface[..], &settings, &half_a_frame].concat();
    for sent in [&preface[..12], &started] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(sent).await.unwrap();
        let mut answer = Vec::new();
        let ended = timeout(Duration::from_secs(8), stream.read_to_end(&mut answer)).await;
        assert!(ended.is_ok(), "still connected after {} bytes", sent.len());
        assert!(is_served(address).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_stalls_inside_a_frame_after_its_first_request_is_cut_off() {
    let (address, _handle) = refusing(10).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    let settings = [0_u8, 0, 0, 4, 0, 0, 0, 0, 0];
    // GET / with http and an authority of one letter: a whole request on stream 1.
    let request = [0_u8, 0, 6, 1, 5, 0, 0, 0, 1, 0x82, 0x84, 0x86, 0x41, 0x01, b'a'];
    let half_a_frame = [0_u8, 0x40, 0, 1, 4, 0, 0, 0, 3, 0x82];
    for part in [&preface[..], &settings, &request, &half_a_frame] {
        stream.write_all(part).await.unwrap();
    }
    let mut answer = Vec::new();
    let ended = timeout(Duration::from_secs(10), stream.read_to_end(&mut answer)).await;
    assert!(ended.is_ok(), "still connected");
    assert!(
        answer.windows(9).any(|bytes| bytes == b"too large"),
        "the first request was answered"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn beyond_the_cap_clients_wait_and_are_served_when_one_leaves() {
    let (address, _handle) = refusing(2).await;
    let mut held = Vec::new();
    for _ in 0..2 {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream
            .write_all(b"GET /slow HTTP/1.1\r\nhost: localhost\r\n\r\n")
            .await
            .unwrap();
        held.push(stream);
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    let waiting = tokio::spawn(is_served(address));
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(
        !waiting.is_finished(),
        "the third is not served while two are connected"
    );
    held.pop();
    assert!(waiting.await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn rapid_resets_end_the_connection_and_others_are_served() {
    let (address, _handle) = refusing(10).await;
    let stream = TcpStream::connect(address).await.unwrap();
    let (client, connection) = h2::client::handshake(stream).await.unwrap();
    let mut client = client.ready().await.unwrap();
    // Nothing is written while the connection is not polled: the server then finds requests and resets in one piece.
    let mut resets = 0;
    for _ in 0..90 {
        let request = Request::get("http://localhost/slow").body(()).unwrap();
        let Ok((_answer, mut sending)) = client.send_request(request, false) else {
            break;
        };
        sending.send_reset(h2::Reason::CANCEL);
        resets += 1;
    }
    assert!(resets > 40, "{resets} requests were written");
    let ended = timeout(Duration::from_secs(5), connection).await;
    let error = ended.expect("the connection ends").expect_err("with an error");
    assert_eq!(error.reason(), Some(h2::Reason::ENHANCE_YOUR_CALM));
    assert!(is_served(address).await);
}

/// How long a client may take nothing of its answers, in these tests.
const STALL: Duration = Duration::from_secs(1);

/// What [`answering`] lets go of with each body.
struct Held(Arc<AtomicUsize>);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// A listener that cuts off stalled readers after [`STALL`]. `/whole` answers with one frame of 100 bytes, `/pieces` with one of
/// a byte every half second, `/late` with one after three times the limit. The number counts the bodies that live.
async fn answering() -> (SocketAddr, Arc<AtomicUsize>) {
    let local = SocketAddr::from(([127, 0, 0, 1], 0));
    let bound = Bound::bind("main", local, 10, HEAD_TIMEOUT).await.unwrap();
    let bound = bound.cut_off_readers_after(STALL);
    let address = bound.local();
    let bodies = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&bodies);
    let service = service_fn(move |request: Request<Incoming>| {
        counter.fetch_add(1, Ordering::SeqCst);
        let held = Held(Arc::clone(&counter));
        let (pieces, pause, size) = match request.uri().path() {
            "/pieces" => (6, STALL / 2, 1),
            "/late" => (1, STALL * 3, 1),
            _ => (1, Duration::ZERO, 100),
        };
        let frames = futures_util::stream::unfold((0, held), move |(count, held)| async move {
            tokio::time::sleep(pause).await;
            let data = Bytes::from(vec![b'x'; size]);
            (count < pieces).then(|| {
                (
                    Ok::<_, Infallible>(http_body::Frame::data(data)),
                    (count + 1, held),
                )
            })
        });
        std::future::ready(Ok::<_, Infallible>(Response::new(StreamBody::new(frames))))
    });
    tokio::spawn(bound.serve(DefaultAcceptor::new(), service, ListenerHandle::new()));
    (address, bodies)
}

/// An HTTP/2 client that grants its answers that window, never more, and answers pings.
async fn reader_of(
    address: SocketAddr,
    window: u32,
) -> (h2::client::SendRequest<Bytes>, JoinHandle<Result<(), h2::Error>>) {
    let stream = TcpStream::connect(address).await.unwrap();
    let mut builder = h2::client::Builder::new();
    let (client, connection) = builder
        .initial_window_size(window)
        .handshake(stream)
        .await
        .unwrap();
    (client, tokio::spawn(connection))
}

#[rstest]
#[case::no_window(0)]
#[case::a_window_that_is_too_small(1)]
#[tokio::test(flavor = "multi_thread")]
async fn an_http2_client_that_takes_nothing_of_its_answers_is_cut_off(#[case] window: u32) {
    let (address, bodies) = answering().await;
    let (client, connection) = reader_of(address, window).await;
    let mut client = client.ready().await.unwrap();
    let mut answers = Vec::new();
    for path in ["/whole", "/pieces", "/whole"] {
        let request = Request::get(format!("http://localhost{path}")).body(()).unwrap();
        let (answer, _) = client.send_request(request, true).unwrap();
        answers.push(answer.await.unwrap());
    }
    let ended = timeout(STALL * 10, connection).await;
    let _ = ended.expect("the connection ends");
    let none_left = async {
        while bodies.load(Ordering::SeqCst) > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(Duration::from_secs(2), none_left)
        .await
        .expect("what the answers held is let go");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_takes_its_time_is_not_the_readers_fault() {
    let (address, _) = answering().await;
    let (client, _connection) = reader_of(address, 65_535).await;
    let mut client = client.ready().await.unwrap();
    for path in ["/late", "/pieces", "/whole"] {
        let request = Request::get(format!("http://localhost{path}")).body(()).unwrap();
        let (answer, _) = client.send_request(request, true).unwrap();
        let mut body = answer.await.unwrap().into_body();
        while let Some(data) = body.data().await {
            data.expect(path);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_takes_a_little_now_and_then_is_not_cut_off() {
    let (address, _) = answering().await;
    let (client, _connection) = reader_of(address, 20).await;
    let mut client = client.ready().await.unwrap();
    let request = Request::get("http://localhost/whole").body(()).unwrap();
    let (answer, _) = client.send_request(request, true).unwrap();
    let mut body = answer.await.unwrap().into_body();
    let mut taken = 0;
    while let Some(data) = body.data().await {
        let length = data.expect("a piece").len();
        taken += length;
        tokio::time::sleep(STALL / 2).await;
        body.flow_control().release_capacity(length).unwrap();
    }
    assert_eq!(taken, 100);
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_on_one_connection_are_bounded() {
    let (address, _handle) = refusing(10).await;
    let stream = TcpStream::connect(address).await.unwrap();
    let (client, mut connection) = h2::client::handshake(stream).await.unwrap();
    let mut pings = connection.ping_pong().unwrap();
    let task = tokio::spawn(connection);
    // Once a ping is answered, the server's settings are known.
    pings.ping(h2::Ping::opaque()).await.unwrap();
    assert_eq!(client.current_max_send_streams(), STREAMS as usize);
    task.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drain_lets_requests_finish_and_accepts_no_more() {
    let (address, handle) = refusing(10).await;
    let mut busy = TcpStream::connect(address).await.unwrap();
    busy.write_all(b"POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 2\r\n")
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    handle.drain(Duration::from_secs(5));
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(TcpStream::connect(address).await.is_err(), "no more connections");
    drop(busy);
}
