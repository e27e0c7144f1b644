//! Requests under way: each holds its place to the last byte of its answer, or until its client is gone.

use std::future::poll_fn;
use std::sync::Arc;

use bytes::Bytes;
use h2::RecvStream;
use h2::client::{Builder, SendRequest};
use http::Request;
use rstest::rstest;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::node::Node;
use super::world::{World, get, path};
use crate::callers::client::{Ask, Connection};

fn with_room_for(max: &str) -> (World, Node) {
    let mut world = World::new();
    world.limit("Busy.concurrency", &[("max", max)]);
    world.route("Orders", "Busy");
    let node = world.start();
    (world, node)
}

/// A request whose echo is about nine mebibytes: more than any buffer on the way takes.
fn large() -> Ask {
    Ask::post(&path("Orders"), "text/plain", vec![1; 1_572_864])
}

/// How a reader that reads nothing ends.
#[derive(Debug, Clone, Copy)]
enum End {
    Reads,
    Disconnects,
}

#[rstest]
fn a_client_that_does_not_read_holds_its_place_to_the_last_byte(
    #[values(End::Reads, End::Disconnects)] end: End,
) {
    let (world, node) = with_room_for("1");
    let mut reader = world.tls().connect_with_small_buffer(node.at("main")).unwrap();
    let mut other = world.connect(&node);
    reader.send(&large()).unwrap();
    // The handler has done its work; what is left is to be read.
    let mut answer = reader.receive_head().unwrap();
    assert_eq!(answer.status, 200);
    for _ in 0..20 {
        assert_eq!(other.shown(&get("Orders")), "429 too-many-in-flight");
    }
    match end {
        End::Reads => {
            reader.receive_body(&mut answer).unwrap();
            assert!(answer.body.len() > 9_000_000, "{}", answer.body.len());
        }
        End::Disconnects => drop(reader),
    }
    node.until_under_way("Busy", 0);
    assert_eq!(other.shown(&get("Orders")), "nobody");
}

/// A body that does not come is a request under way, too.
#[test]
fn a_client_that_goes_away_in_the_middle_of_its_request_frees_its_place() {
    let (world, node) = with_room_for("3");
    let mut other = world.connect(&node);
    let ask = large();
    let holders: Vec<Connection> = (0..3)
        .map(|_| {
            let mut holder = world.connect(&node);
            holder.send_head(&ask).unwrap();
            holder
        })
        .collect();
    node.until_under_way("Busy", 3);
    assert_eq!(other.shown(&get("Orders")), "429 too-many-in-flight");
    drop(holders);
    node.until_under_way("Busy", 0);
    assert_eq!(other.shown(&get("Orders")), "nobody");
}

/// A connection of HTTP/2 whose streams do not stand in each other's way: each has a window of its own, which nobody opens further.
async fn connect_h2(world: &World, node: &Node) -> SendRequest<Bytes> {
    let tcp = TcpStream::connect(node.at("main")).await.unwrap();
    let connector = TlsConnector::from(Arc::new(world.tls().with_alpn(b"h2")));
    let name = ServerName::try_from("localhost").unwrap();
    let tls = connector.connect(name, tcp).await.unwrap();
    let mut builder = Builder::new();
    builder.initial_window_size(65_535);
    builder.initial_connection_window_size(16 * 1024 * 1024);
    let (client, connection) = builder.handshake(tls).await.unwrap();
    tokio::spawn(async move {
        // It ends with the test.
        let _ = connection.await;
    });
    client.ready().await.unwrap()
}

/// The status and the body of an answer; of the body, nobody has read anything.
async fn asked(client: &SendRequest<Bytes>, body: &[u8]) -> (u16, RecvStream) {
    let mut client = client.clone().ready().await.unwrap();
    let request = Request::post(format!("https://localhost{}", path("Orders")));
    let (answer, mut stream) = client.send_request(request.body(()).unwrap(), false).unwrap();
    let mut body = Bytes::copy_from_slice(body);
    while !body.is_empty() {
        stream.reserve_capacity(body.len());
        let capacity = poll_fn(|cx| stream.poll_capacity(cx)).await.unwrap().unwrap();
        let part = body.split_to(capacity.min(body.len()));
        stream.send_data(part, false).unwrap();
    }
    stream.send_data(Bytes::new(), true).unwrap();
    let (head, body) = answer.await.unwrap().into_parts();
    (head.status.as_u16(), body)
}

async fn read(mut body: RecvStream) -> usize {
    let mut length = 0;
    while let Some(part) = body.data().await {
        let part = part.unwrap();
        length += part.len();
        body.flow_control().release_capacity(part.len()).unwrap();
    }
    length
}

/// One connection carries many requests: each has a place, and frees its own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_http2_each_stream_holds_a_place_until_it_ends_or_is_reset() {
    let (world, node) = with_room_for("2");
    let client = connect_h2(&world, &node).await;
    let many = vec![1; 200_000];
    let (status, first) = asked(&client, &many).await;
    assert_eq!(status, 200);
    node.until_under_way("Busy", 1);
    let (status, second) = asked(&client, &many).await;
    assert_eq!(status, 200);
    for _ in 0..20 {
        let (status, body) = asked(&client, b"").await;
        assert_eq!(status, 429);
        read(body).await;
    }
    // One is reset.
    drop(first);
    node.until_under_way("Busy", 1);
    let (status, third) = asked(&client, &many).await;
    assert_eq!(status, 200);
    assert_eq!(asked(&client, b"").await.0, 429);
    // One is read to its end.
    let length = read(second).await;
    assert!(length > 1_000_000, "{length}");
    node.until_under_way("Busy", 1);
    drop(third);
    node.until_under_way("Busy", 0);
}
