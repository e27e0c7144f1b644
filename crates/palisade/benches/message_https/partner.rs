//! The partner: its messages, and a few connections that are kept.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use axum::body::Body;
use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use palisade::jose::{self, Algorithms, Claims, EncryptionKey, SigningKey, Writer};
use palisade::keystore::{KeystoreSettings, Keystores};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio_rustls::TlsConnector;

/// How many connections a load keeps busy.
const LOAD: usize = 32;

pub(crate) fn keystores(folder: &Path) -> Keystores {
    let settings = BTreeMap::from([("keys".to_owned(), KeystoreSettings::new("."))]);
    Keystores::load(folder, &settings).unwrap()
}

/// Makes messages of one size.
pub(crate) struct Messages {
    writer: Writer,
    body: jose::Body,
}

impl Messages {
    pub(crate) fn new(folder: &Path, size: usize) -> Self {
        let keystores = keystores(folder);
        let list = Algorithms::default();
        let signing = SigningKey::new(&keystores.key("partner").unwrap(), &list).unwrap();
        let encryption = EncryptionKey::new("us", &keystores.public_key("us").unwrap(), &list).unwrap();
        Self {
            writer: Writer::default()
                .sign_with(Arc::new(signing))
                .encrypt_with(Arc::new(encryption)),
            body: jose::Body {
                bytes: orders(size),
                media_type: Some("application/json".to_owned()),
            },
        }
    }

    #[expect(clippy::disallowed_methods, reason = "the server's clock is the machine's")]
    pub(crate) fn one(&self, id: &str) -> Bytes {
        let now = SystemTime::now();
        let mut claims = Claims::default();
        claims.issued_at = Some(now);
        claims.expires_at = Some(now + Duration::from_secs(300));
        claims.id = Some(id.to_owned());
        self.writer.write(&claims, &self.body).unwrap()
    }
}

/// A JSON text of about that many bytes, as business has it.
fn orders(size: usize) -> Bytes {
    let mut text = String::from("[");
    for number in 0.. {
        if text.len() + 100 > size {
            break;
        }
        let separator = if number == 0 { "" } else { "," };
        let order = serde_json::json!({
            "number": number, "customer": format!("C-{number:06}"), "amount": "125.50", "currency": "EUR", "paid": true
        });
        text.push_str(separator);
        text.push_str(&order.to_string());
    }
    text.push(']');
    text.into()
}

pub(crate) struct Partner {
    runtime: Runtime,
    senders: Vec<SendRequest<Body>>,
}

impl Partner {
    pub(crate) fn connect(address: SocketAddr, folder: &Path, connections: usize) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let mut roots = rustls::RootCertStore::empty();
        let pem = std::fs::read(folder.join("root.pem")).unwrap();
        roots.add(CertificateDer::from_pem_slice(&pem).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let connector = TlsConnector::from(Arc::new(config));
        let senders = (0..connections)
            .map(|_| {
                runtime.block_on(async {
                    let stream = TcpStream::connect(address).await.unwrap();
                    stream.set_nodelay(true).unwrap();
                    let name = ServerName::try_from("localhost").unwrap();
                    let io = TokioIo::new(connector.connect(name, stream).await.unwrap());
                    let (sender, connection) = http1::handshake(io).await.unwrap();
                    tokio::spawn(connection);
                    sender
                })
            })
            .collect();
        Self { runtime, senders }
    }

    /// Sends all messages, spread over the connections.
    pub(crate) fn send(&mut self, path: &'static str, messages: &[Bytes]) {
        let share = messages.len().div_ceil(self.senders.len());
        self.runtime.block_on(async {
            let work =
                self.senders
                    .iter_mut()
                    .zip(messages.chunks(share))
                    .map(|(sender, share)| async move {
                        for message in share {
                            exchange(sender, path, Some(message.clone())).await;
                        }
                    });
            futures_util::future::join_all(work).await;
        });
    }

    /// Asks for a route without message security, one request after the other; sorted times.
    pub(crate) fn probe(&mut self, path: &'static str, count: usize) -> Vec<Duration> {
        let mut times = Vec::with_capacity(count);
        for _ in 0..count {
            for sender in &mut self.senders {
                self.runtime.block_on(async {
                    let start = Instant::now();
                    exchange(sender, path, None).await;
                    times.push(start.elapsed());
                    // A steady client, not one that is always there: the server may sleep between requests.
                    tokio::time::sleep(Duration::from_micros(500)).await;
                });
            }
        }
        times.sort_unstable();
        times
    }
}

async fn exchange(sender: &mut SendRequest<Body>, path: &'static str, message: Option<Bytes>) {
    sender.ready().await.unwrap();
    let request = Request::builder().uri(path).header("host", "localhost");
    let request = match message {
        Some(message) => request
            .method("POST")
            .header("content-type", "application/jose")
            .body(Body::from(message)),
        None => request.body(Body::empty()),
    };
    let response = sender.send_request(request.unwrap()).await.unwrap();
    let status = response.status();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(status, StatusCode::OK, "{body:?}");
}

/// Keeps the server busy with one message over and over, until killed.
pub(crate) fn load(folder: &Path, address: SocketAddr) {
    let message = Messages::new(folder, 1024).one("load");
    let mut partner = Partner::connect(address, folder, LOAD);
    let batch = vec![message; LOAD * 50];
    super::println(format_args!("loading"));
    loop {
        partner.send(super::server::LOADED, &batch);
    }
}
