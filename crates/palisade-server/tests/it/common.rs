//! A server from real files, and clients that speak to it over real sockets.

use std::fs;
use std::net::SocketAddr;
use std::time::Duration;

use axum::body::Body;
use http::{Request, Response};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use palisade_config::{Errors, Sources};
use palisade_endpoint::Registry;
use palisade_server::{Bindings, Loader, ServeError, Server, ServerHandle};
use palisade_test::ca::{ClientTls, TestCa};
use palisade_tls::TlsFloor;
use rustls_pki_types::ServerName;
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

pub(crate) const SOON: Duration = Duration::from_secs(10);

/// A configuration folder with a server's key.
pub(crate) struct Folder {
    pub(crate) folder: TempDir,
    pub(crate) ca: TestCa,
}

/// What every test needs: a listener, its key, and an admin listener, all on free ports.
pub(crate) const BASE: &str = "palisade.listeners.main.bind=127.0.0.1:0\n\
    palisade.listeners.main.tls.key-alias=server\n\
    palisade.keystores.server.location=server.pem\n\
    palisade.admin.bind=127.0.0.1:0\n";

/// One group for everything.
pub(crate) const OPEN: &str = "palisade.endpoints[0].name=all\npalisade.endpoints[0].paths=/{*rest}\n";

pub(crate) fn registry() -> Registry {
    Registry::new().with::<TlsFloor>()
}

impl Folder {
    pub(crate) fn new(properties: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let ca = TestCa::new("Test Root");
        ca.server(&["localhost"]).write_pem(folder.path(), "server");
        let this = Self { folder, ca };
        this.write(properties);
        this
    }

    /// Replaces the properties behind [`BASE`], by a rename as careful editors do it.
    pub(crate) fn write(&self, properties: &str) {
        let next = self.folder.path().join("next");
        let properties = properties.strip_prefix(BASE).unwrap_or(properties);
        fs::write(&next, format!("{BASE}{properties}")).unwrap();
        fs::rename(next, self.folder.path().join("application.properties")).unwrap();
    }

    pub(crate) fn loader(&self) -> Loader {
        Loader::new(Sources::new(self.folder.path()), registry())
    }

    pub(crate) fn load(&self) -> Result<Server, Errors> {
        self.loader().load()
    }
}

/// A server that runs.
pub(crate) struct Running {
    pub(crate) folder: Folder,
    pub(crate) handle: ServerHandle,
    pub(crate) at: Bindings,
    pub(crate) ended: JoinHandle<Result<(), ServeError>>,
}

impl Running {
    pub(crate) async fn echo(properties: &str) -> Self {
        let folder = Folder::new(properties);
        let server = folder
            .load()
            .unwrap_or_else(|errors| panic!("{errors}"))
            .without_signals();
        let handle = server.handle();
        Self::of(folder, handle, tokio::spawn(server.serve_echo())).await
    }

    pub(crate) async fn gateway(properties: &str) -> Self {
        Self::gateway_of(Folder::new(properties)).await
    }

    pub(crate) async fn gateway_of(folder: Folder) -> Self {
        let server = folder
            .loader()
            .for_gateway()
            .load()
            .unwrap_or_else(|errors| panic!("{errors}"));
        let server = server.without_signals();
        let handle = server.handle();
        Self::of(folder, handle, tokio::spawn(server.serve_gateway())).await
    }

    pub(crate) async fn app(properties: &str, app: axum::Router) -> Self {
        let folder = Folder::new(properties);
        let server = folder
            .load()
            .unwrap_or_else(|errors| panic!("{errors}"))
            .without_signals();
        let handle = server.handle();
        Self::of(folder, handle, tokio::spawn(server.serve(app))).await
    }

    pub(crate) async fn of(
        folder: Folder,
        handle: ServerHandle,
        ended: JoinHandle<Result<(), ServeError>>,
    ) -> Self {
        let at = timeout(SOON, handle.listening())
            .await
            .unwrap()
            .expect("the server listens");
        Self {
            folder,
            handle,
            at,
            ended,
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.at.listeners["main"]
    }

    pub(crate) async fn tls(&self, alpn: &[&str]) -> TlsStream<TcpStream> {
        self.tls_of("main", alpn).await
    }

    pub(crate) async fn tls_of(&self, listener: &str, alpn: &[&str]) -> TlsStream<TcpStream> {
        let stream = TcpStream::connect(self.at.listeners[listener]).await.unwrap();
        let config = ClientTls::trusting(&self.folder.ca).alpn(alpn).build();
        let name = ServerName::try_from("localhost").unwrap();
        TlsConnector::from(config).connect(name, stream).await.unwrap()
    }

    pub(crate) async fn client(&self, version: Version) -> Client {
        match version {
            Version::Http1 => {
                let io = TokioIo::new(self.tls(&["http/1.1"]).await);
                let (sender, connection) = http1::Builder::new()
                    .max_buf_size(1 << 20)
                    .handshake(io)
                    .await
                    .unwrap();
                tokio::spawn(connection);
                Client::Http1(sender)
            }
            Version::Http2 => {
                let io = TokioIo::new(self.tls(&["h2"]).await);
                let (sender, connection) = http2::handshake(TokioExecutor::new(), io).await.unwrap();
                tokio::spawn(connection);
                Client::Http2(sender)
            }
        }
    }

    /// Writes bytes over TLS, as HTTP/1.1, and reads until the server closes.
    pub(crate) async fn raw(&self, bytes: &[u8]) -> String {
        let mut stream = self.tls(&["http/1.1"]).await;
        stream.write_all(bytes).await.unwrap();
        let mut answer = Vec::new();
        timeout(SOON, stream.read_to_end(&mut answer))
            .await
            .expect("the connection ends")
            .unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    }

    pub(crate) async fn admin(&self, path: &str) -> (u16, Value) {
        self.ask_admin(Request::get(path)).await
    }

    pub(crate) async fn ask_admin(&self, request: http::request::Builder) -> (u16, Value) {
        let stream = TcpStream::connect(self.at.admin.expect("an admin listener"))
            .await
            .unwrap();
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let request = request.header("host", "localhost").body(Body::empty()).unwrap();
        let response = sender.send_request(request).await.unwrap();
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&body).unwrap())
    }

    /// Waits until the admin listener says that a reload came to this end.
    pub(crate) async fn until_reload(&self, outcome: &str) -> Value {
        let wait = async {
            loop {
                let state = self.admin("/status").await.1;
                if state["last-reload"]["outcome"] == outcome {
                    return state;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        timeout(SOON, wait).await.expect("the reload is noticed")
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Version {
    Http1,
    Http2,
}

/// One connection that is kept.
pub(crate) enum Client {
    Http1(http1::SendRequest<Body>),
    Http2(http2::SendRequest<Body>),
}

impl Client {
    pub(crate) async fn send(&mut self, request: Request<Body>) -> hyper::Result<Response<Incoming>> {
        match self {
            Self::Http1(sender) => {
                sender.ready().await?;
                sender.send_request(request).await
            }
            Self::Http2(sender) => {
                sender.ready().await?;
                sender.send_request(request).await
            }
        }
    }

    /// A request for that path; the answer's status and JSON.
    pub(crate) async fn get(&mut self, path: &str) -> (u16, Value) {
        let request = self.request(path).body(Body::empty()).unwrap();
        answer(timeout(SOON, self.send(request)).await.unwrap().unwrap()).await
    }

    /// A request with what its version needs to name the host.
    pub(crate) fn request(&self, path: &str) -> http::request::Builder {
        match self {
            Self::Http1(_) => Request::builder().uri(path).header("host", "localhost"),
            Self::Http2(_) => Request::builder().uri(format!("https://localhost{path}")),
        }
    }
}

pub(crate) async fn answer(response: Response<Incoming>) -> (u16, Value) {
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
}

/// The code of a problem document.
pub(crate) fn code(document: &Value) -> &str {
    let uri = document["type"].as_str().unwrap_or_default();
    uri.strip_prefix("urn:palisade:problem:").unwrap_or(uri)
}
