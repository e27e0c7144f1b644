//! A listener over a real socket that tells what a handler would see, and clients for it.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    unreachable_pub,
    dead_code,
    reason = "a test that cannot set itself up must stop, and each test file uses a part of this"
)]

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body, Incoming};
use hyper::client::conn::http1::SendRequest;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use palisade_core::{BuildError, Clock, Connection, Finding, RequestId, facts};
use palisade_keystore::{KeystoreSettings, Keystores};
use palisade_test::FakeClock;
use palisade_test::ca::{TestCa, TestCert};
use palisade_tls::{Acceptor, ListenerSettings};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tower::{Service, service_fn};

/// 2027-01-15, in seconds since 1970.
pub const TODAY: u64 = 1_800_000_000;
pub const DAY: u64 = 86_400;

/// That many seconds after 1970.
pub fn seconds(count: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(count)
}

/// A folder with keys and lists, and the authority behind them.
pub struct World {
    pub folder: TempDir,
    pub ca: TestCa,
    pub clock: Arc<FakeClock>,
}

impl World {
    /// `server.pem` for `localhost`, and `ca.pem`, in a folder of keys.
    pub fn new() -> Self {
        let (folder, ca) = (tempfile::tempdir().unwrap(), TestCa::new("Test Root"));
        let world = Self {
            folder,
            ca,
            clock: Arc::new(FakeClock::at(seconds(TODAY))),
        };
        std::fs::create_dir(world.keys()).unwrap();
        world.ca.server(&["localhost"]).write_pem(&world.keys(), "server");
        world.ca.write_pem(&world.keys(), "ca");
        world
    }

    pub fn keys(&self) -> PathBuf {
        self.path().join("keys")
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn keystores(&self) -> Keystores {
        let settings = BTreeMap::from([("keys".to_owned(), KeystoreSettings::new("keys"))]);
        Keystores::load(self.path(), &settings).expect("the keystore loads")
    }

    /// Compiles settings; the server's key is added where they name none.
    pub fn acceptor(&self, settings: Value) -> Result<(Acceptor, Vec<Finding>), BuildError> {
        let clock = Arc::clone(&self.clock) as Arc<dyn Clock>;
        Acceptor::new("main", &read(settings), &self.keystores(), clock, self.path())
    }

    pub fn faults(&self, settings: Value) -> BuildError {
        self.acceptor(settings).expect_err("the settings have a fault")
    }

    pub async fn start(&self, settings: Value) -> Server {
        let (acceptor, _) = self.acceptor(settings).expect("the settings are good");
        Server::start(acceptor).await
    }

    /// A revocation list of the authority, two days long, until `next_update`.
    pub fn revoke(&self, serials: &[&[u8]], next_update: u64) {
        let instant =
            |seconds: u64| time::OffsetDateTime::from_unix_timestamp(seconds.try_into().unwrap()).unwrap();
        self.ca
            .crl(serials, instant(next_update - 2 * DAY), instant(next_update))
            .write_pem(self.path(), "ca");
    }
}

pub fn read(mut settings: Value) -> ListenerSettings {
    let tls = settings
        .as_object_mut()
        .unwrap()
        .entry("tls")
        .or_insert_with(|| json!({}));
    let tls = tls.as_object_mut().unwrap();
    if !tls.contains_key("key-alias") && !tls.contains_key("sni") {
        tls.insert("key-alias".to_owned(), json!("server"));
    }
    serde_json::from_value(settings).expect("the settings are well-formed")
}

/// A running listener. It stops with the test's runtime.
pub struct Server {
    pub address: SocketAddr,
    pub acceptor: Acceptor,
}

impl Server {
    pub async fn start(acceptor: Acceptor) -> Self {
        Self::start_with(acceptor, service_fn(tell)).await
    }

    /// A listener in front of another service.
    pub async fn start_with<S, R>(acceptor: Acceptor, service: S) -> Self
    where
        S: Service<Request<Incoming>, Response = Response<R>, Error = Infallible> + Clone + Send + 'static,
        S::Future: Send,
        R: Body<Data = Bytes, Error = Infallible> + From<Bytes> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let own = acceptor.clone();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (acceptor, service) = (acceptor.clone(), service.clone());
                tokio::spawn(async move {
                    let Ok((stream, service)) = acceptor.handshake(stream, service).await else {
                        return;
                    };
                    let service = TowerToHyperService::new(service);
                    let _ = auto::Builder::new(TokioExecutor::new())
                        .serve_connection(TokioIo::new(stream), service)
                        .await;
                });
            }
        });
        Self {
            address,
            acceptor: own,
        }
    }

    pub fn reload(&self, world: &World, settings: Value) {
        self.acceptor
            .reload(&read(settings), &world.keystores())
            .expect("the settings are good");
    }

    /// A connection with TLS to `localhost`.
    pub async fn connect(&self, tls: &Arc<ClientConfig>) -> io::Result<Client> {
        self.connect_to(tls, "localhost").await
    }

    pub async fn connect_to(&self, tls: &Arc<ClientConfig>, host: &str) -> io::Result<Client> {
        let tcp = TcpStream::connect(self.address).await?;
        Client::over(secure(tcp, tls, host).await?).await
    }

    /// A connection that first sends these bytes, then goes on without TLS.
    pub async fn connect_plain(&self, first: &[u8]) -> io::Result<Client> {
        let mut tcp = TcpStream::connect(self.address).await?;
        tcp.write_all(first).await?;
        Client::over(tcp).await
    }

    /// What a handler sees of one request over a new connection; `Err` where the connection or the handshake fails.
    pub async fn seen(&self, tls: &Arc<ClientConfig>) -> io::Result<Value> {
        Ok(self.connect(tls).await?.get(&[]).await?.1)
    }
}

pub async fn secure(tcp: TcpStream, tls: &Arc<ClientConfig>, host: &str) -> io::Result<TlsStream<TcpStream>> {
    TlsConnector::from(Arc::clone(tls))
        .connect(ServerName::try_from(host.to_owned()).unwrap(), tcp)
        .await
}

/// An HTTP/1.1 connection.
#[derive(Debug)]
pub struct Client {
    sender: SendRequest<Full<Bytes>>,
}

impl Client {
    pub async fn over<I: AsyncRead + AsyncWrite + Unpin + Send + 'static>(stream: I) -> io::Result<Self> {
        let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .map_err(io::Error::other)?;
        tokio::spawn(connection);
        Ok(Self { sender })
    }

    /// Status and document of the answer, with the answer's own `X-Request-Id` as `answered-id`.
    pub async fn get(&mut self, headers: &[(&str, &str)]) -> io::Result<(u16, Value)> {
        let mut request = Request::builder().uri("/").header("host", "localhost");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::default()).unwrap();
        let answer = self
            .sender
            .send_request(request)
            .await
            .map_err(io::Error::other)?;
        let (head, body) = answer.into_parts();
        let bytes = body.collect().await.map_err(io::Error::other)?.to_bytes();
        let mut document: Value = serde_json::from_slice(&bytes).unwrap();
        document["answered-id"] = json!(head.headers["x-request-id"].to_str().unwrap());
        Ok((head.status.as_u16(), document))
    }
}

/// The handler: it answers with everything that it sees.
pub async fn tell(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let extensions = request.extensions();
    let connection = extensions.get::<Arc<Connection>>().expect("a connection");
    let headers: BTreeMap<&str, Vec<String>> = request
        .headers()
        .keys()
        .map(|name| {
            let values = request
                .headers()
                .get_all(name)
                .iter()
                .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
            (name.as_str(), values.collect())
        })
        .collect();
    let document = json!({
        "listener": &*connection.listener,
        "peer": connection.peer.ip().to_string(),
        "client": facts::client_address(extensions),
        "tls": facts::tls_session(extensions),
        "certificate": facts::client_certificate(extensions).map(|certificate| certificate.subject.clone()),
        "source": facts::client_certificate(extensions).map(|certificate| certificate.source),
        "id": extensions.get::<RequestId>().expect("a request id").as_str(),
        "headers": headers,
    });
    Ok(Response::new(Full::new(Bytes::from(document.to_string()))))
}

/// The configuration of a client with these certificates, and with a memory for sessions.
pub fn client(world: &World, identity: Option<&TestCert>) -> Arc<ClientConfig> {
    let tls = palisade_test::ca::ClientTls::trusting(&world.ca);
    match identity {
        Some(certificate) => tls.identity(certificate),
        None => tls,
    }
    .build()
}
