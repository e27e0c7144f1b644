//! The client: a few connections that are kept, a request at a time on each.
//!
//! It never sleeps while it waits: to wake a process is work of whoever answers it, and a real client is on another machine.

use std::net::SocketAddr;
use std::pin::pin;

use axum::body::Body;
use http::header::AUTHORIZATION;
use http::{HeaderValue, Request, StatusCode};
use http_body_util::BodyExt as _;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use palisade_test::ca::{ClientTls, TestCa};
use rustls_pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio_rustls::TlsConnector;

const CONNECTIONS: usize = 8;

pub(crate) struct Client {
    runtime: Runtime,
    senders: Vec<Sender>,
    credentials: Option<HeaderValue>,
}

enum Sender {
    Http1(http1::SendRequest<Body>),
    Http2(http2::SendRequest<Body>),
}

impl Client {
    pub(crate) fn connect(address: SocketAddr, ca: &TestCa, protocol: &str) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let connector = TlsConnector::from(ClientTls::trusting(ca).alpn(&[protocol]).build());
        let mut senders = Vec::new();
        for _ in 0..CONNECTIONS {
            senders.push(runtime.block_on(async {
                let stream = TcpStream::connect(address).await.unwrap();
                stream.set_nodelay(true).unwrap();
                let name = ServerName::try_from("localhost").unwrap();
                let io = TokioIo::new(connector.connect(name, stream).await.unwrap());
                if protocol == "h2" {
                    let (sender, connection) = http2::handshake(TokioExecutor::new(), io).await.unwrap();
                    tokio::spawn(connection);
                    Sender::Http2(sender)
                } else {
                    let (sender, connection) = http1::handshake(io).await.unwrap();
                    tokio::spawn(connection);
                    Sender::Http1(sender)
                }
            }));
        }
        Self {
            runtime,
            senders,
            credentials: None,
        }
    }

    /// Brings these credentials with each request.
    pub(crate) fn bring(&mut self, credentials: &HeaderValue) {
        self.credentials = Some(credentials.clone());
    }

    /// Sends one request with these credentials, or none, and says what it is answered with.
    pub(crate) fn status(&mut self, credentials: Option<&HeaderValue>) -> StatusCode {
        let sender = self.senders.first_mut().unwrap();
        self.runtime.block_on(sender.exchange(credentials))
    }

    pub(crate) fn requests(&mut self, count: usize) {
        let each = count / self.senders.len();
        let credentials = self.credentials.as_ref();
        self.runtime.block_on(async {
            let work = self.senders.iter_mut().map(|sender| async move {
                for _ in 0..each {
                    assert_eq!(sender.exchange(credentials).await, StatusCode::OK);
                }
            });
            let work = futures_util::future::join_all(work);
            futures_util::future::select(pin!(work), pin!(stay_awake())).await;
        });
    }
}

async fn stay_awake() {
    loop {
        tokio::task::yield_now().await;
    }
}

impl Sender {
    async fn exchange(&mut self, credentials: Option<&HeaderValue>) -> StatusCode {
        let request = |uri: &'static str| {
            let request = Request::get(uri)
                .header("accept", "application/json")
                .header("user-agent", "bench/1")
                .header("x-partner", "acme");
            match credentials {
                Some(credentials) => request.header(AUTHORIZATION, credentials),
                None => request,
            }
        };
        let response = match self {
            Self::Http1(sender) => {
                sender.ready().await.unwrap();
                let request = request("/server/rest/Orders/Find").header("host", "localhost");
                sender.send_request(request.body(Body::empty()).unwrap()).await
            }
            Self::Http2(sender) => {
                sender.ready().await.unwrap();
                let request = request("https://localhost/server/rest/Orders/Find");
                sender.send_request(request.body(Body::empty()).unwrap()).await
            }
        };
        let (head, body) = response.unwrap().into_parts();
        body.collect().await.unwrap();
        head.status
    }
}
