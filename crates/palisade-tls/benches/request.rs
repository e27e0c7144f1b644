//! What the listener adds to one request: facts, the check of the client certificate, removed fields, the request's name.
#![expect(
    clippy::unwrap_used,
    reason = "a benchmark that cannot set itself up must stop"
)]

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::future::{Ready, ready};
use std::hint::black_box;
use std::sync::Arc;
use std::task::{Context, Waker};

use bytes::Bytes;
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use http::{Request, Response};
use http_body_util::Full;
use palisade_core::SystemClock;
use palisade_keystore::{KeystoreSettings, Keystores};
use palisade_test::ca::{ClientTls, TestCa};
use palisade_tls::{Acceptor, ListenerSettings};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsConnector;
use tower::{Service, service_fn};

type Answer = Ready<Result<Response<Full<Bytes>>, Infallible>>;

fn answer(_: Request<Full<Bytes>>) -> Answer {
    ready(Ok(Response::new(Full::default())))
}

const HEAD: &[u8] = b"GET / HTTP/1.1\r\nhost: localhost\r\naccept: */*\r\nuser-agent: bench\r\n\r\n";

fn request() -> Request<Full<Bytes>> {
    let request = Request::builder()
        .header("host", "localhost")
        .header("accept", "*/*");
    request
        .header("user-agent", "bench")
        .header("content-type", "application/json")
        .body(Full::default())
        .unwrap()
}

fn run<S>(service: &mut S, request: Request<Full<Bytes>>)
where
    S: Service<Request<Full<Bytes>>, Response = Response<Full<Bytes>>, Error = Infallible>,
{
    let mut future = std::pin::pin!(service.call(request));
    let _ = black_box(future.as_mut().poll(&mut Context::from_waker(Waker::noop())));
}

fn bench(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().unwrap();
    let ca = TestCa::new("Root");
    ca.write_pem(folder.path(), "ca");
    ca.server(&["localhost"]).write_pem(folder.path(), "server");
    let stores = BTreeMap::from([("keys".to_owned(), KeystoreSettings::new("."))]);
    let keystores = Keystores::load(folder.path(), &stores).unwrap();
    let settings = serde_json::json!({"tls": {"key-alias": "server", "client-auth": "require", "client-ca-aliases": ["ca"]}});
    let settings: ListenerSettings = serde_json::from_value(settings).unwrap();
    let clock = Arc::new(SystemClock::new());
    let (acceptor, _) = Acceptor::new("main", &settings, &keystores, clock, folder.path()).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (mut stream, mut service, mut client) = runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let tcp = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (server, _) = listener.accept().await.unwrap();
        let connector = TlsConnector::from(ClientTls::trusting(&ca).identity(&ca.client("partner")).build());
        let client = connector.connect(ServerName::try_from("localhost").unwrap(), tcp);
        let (accepted, client) = tokio::join!(acceptor.handshake(server, service_fn(answer)), client);
        let (stream, service) = accepted.unwrap();
        (stream, service, client.unwrap())
    });

    let mut group = criterion.benchmark_group("request");
    let mut bare = service_fn(answer);
    group.bench_function("bare", |b| {
        b.iter_batched(request, |request| run(&mut bare, request), BatchSize::SmallInput);
    });
    group.bench_function("listener", |b| {
        b.iter_batched(
            || {
                // The listener compares what is called with what came.
                runtime.block_on(async {
                    client.write_all(HEAD).await.unwrap();
                    client.flush().await.unwrap();
                    stream.read_exact(&mut [0; HEAD.len()]).await.unwrap();
                });
                request()
            },
            |request| run(&mut service, request),
            BatchSize::NumIterations(512),
        );
    });
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
