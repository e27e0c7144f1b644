//! What the listener adds to each request.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod support;

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use allocation_counter::measure;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use palisade_core::FramingConflict;
use palisade_tls::ConnectionService;
use serde_json::json;
use support::{World, client};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tower::{Service, service_fn};

type Answer = Ready<Result<Response<Full<Bytes>>, Infallible>>;

fn request() -> Request<Full<Bytes>> {
    Request::builder()
        .header("host", "localhost")
        .header("accept", "*/*")
        .header("x-one", "1")
        .body(Full::default())
        .unwrap()
}

fn answer(request: Request<Full<Bytes>>) -> Answer {
    let (head, _) = request.into_parts();
    assert_eq!(head.extensions.get::<FramingConflict>(), None);
    ready(Ok(Response::new(Full::default())))
}

/// Brings the same request over the connection: the listener compares what is called with what came.
async fn arrive(client: &mut (impl AsyncWrite + Unpin), stream: &mut (impl AsyncRead + Unpin)) {
    let head = b"GET / HTTP/1.1\r\nhost: localhost\r\naccept: */*\r\nx-one: 1\r\n\r\n";
    client.write_all(head).await.unwrap();
    client.flush().await.unwrap();
    stream.read_exact(&mut vec![0; head.len()]).await.unwrap();
}

/// Allocations of one call, without those of the request itself.
fn cost<S>(service: &mut S) -> u64
where
    S: Service<Request<Full<Bytes>>, Response = Response<Full<Bytes>>, Error = Infallible>,
{
    let request = request();
    let info = measure(|| {
        let future = pin!(service.call(request));
        let Poll::Ready(response) = future.poll(&mut Context::from_waker(Waker::noop())) else {
            panic!("it waits for nothing")
        };
        assert_eq!(response.unwrap().status(), 200);
    });
    info.count_total
}

#[tokio::test]
async fn a_request_costs_few_allocations_with_or_without_a_client_certificate() {
    let world = World::new();
    let (acceptor, _) = world
        .acceptor(json!({"tls": {"client-auth": "request", "client-ca-aliases": ["ca"]}}))
        .unwrap();
    for identity in [None, Some(world.ca.client("partner"))] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let tls = client(&world, identity.as_ref());
        let tcp = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (server, _) = listener.accept().await.unwrap();
        let (accepted, client_stream) = tokio::join!(
            acceptor.handshake(server, service_fn(answer)),
            support::secure(tcp, &tls, "localhost")
        );
        let (mut stream, mut service): (_, ConnectionService<_>) = accepted.unwrap();
        let mut client = client_stream.unwrap();
        assert_eq!(service.connection().certificate.is_some(), identity.is_some());
        arrive(&mut client, &mut stream).await;
        cost(&mut service);

        let bare = cost(&mut service_fn(answer));
        arrive(&mut client, &mut stream).await;
        let added = cost(&mut service) - bare;
        // The map of facts, each of the two facts in it, the id as text, and the two heads' room for it.
        assert!(added <= 8, "{added} allocations");
    }
}
