//! Servers on loopback, and clients for them.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use palisade_client::{ClientBuilder, ClientError, ErrorKind, UpstreamClient};
use palisade_keystore::{Certificate, KeystoreSettings, Keystores};
use palisade_test::ca::{TestCa, TestCert};
use rustls::server::WebPkiClientVerifier;
use rustls::{ServerConfig, SupportedProtocolVersion};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt;

pub(crate) type Client = UpstreamClient<Full<Bytes>>;

/// A server and how many connections it took.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    connections: Arc<AtomicUsize>,
}

impl Server {
    pub(crate) fn url(&self) -> String {
        format!("https://localhost:{}/", self.address.port())
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

pub(crate) fn server_config(
    ca: &TestCa,
    versions: &[&'static SupportedProtocolVersion],
    alpn: &[&str],
    wants_client: bool,
) -> ServerConfig {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(versions)
        .unwrap();
    let builder = if wants_client {
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(ca.root_store()), provider);
        builder.with_client_cert_verifier(verifier.build().unwrap())
    } else {
        builder.with_no_client_auth()
    };
    let certificate = ca.server(&["localhost"]);
    let mut config = builder
        .with_single_cert(certificate.chain().to_vec(), certificate.key())
        .unwrap();
    config.alpn_protocols = alpn.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
    config
}

/// Answers with the version of HTTP and the number of client certificates.
pub(crate) async fn answer(
    request: Request<Incoming>,
    certificates: usize,
) -> Result<Response<Full<Bytes>>, Infallible> {
    if request.uri().path() == "/slow" {
        tokio::time::sleep(Duration::from_secs(30)).await;
    }
    Ok(Response::new(Full::from(format!(
        "{:?} {certificates}",
        request.version()
    ))))
}

pub(crate) async fn serve(config: Option<ServerConfig>) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let connections = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&connections);
    let acceptor = config.map(|config| TlsAcceptor::from(Arc::new(config)));
    tokio::spawn(async move {
        while let Ok((tcp, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(serve_one(tcp, acceptor.clone()));
        }
    });
    Server { address, connections }
}

pub(crate) async fn serve_one(tcp: TcpStream, acceptor: Option<TlsAcceptor>) {
    let http = auto::Builder::new(TokioExecutor::new());
    let Some(acceptor) = acceptor else {
        let _ = http
            .serve_connection(TokioIo::new(tcp), service_fn(|request| answer(request, 0)))
            .await;
        return;
    };
    if let Ok(tls) = acceptor.accept(tcp).await {
        let certificates = tls.get_ref().1.peer_certificates().map_or(0, <[_]>::len);
        let service = service_fn(move |request| answer(request, certificates));
        let _ = http.serve_connection(TokioIo::new(tls), service).await;
    }
}

pub(crate) const BOTH: &[&SupportedProtocolVersion] = &[&rustls::version::TLS13, &rustls::version::TLS12];

pub(crate) fn trusting(ca: &TestCa) -> ClientBuilder {
    ClientBuilder::new().trust_authorities([Certificate::from_der(ca.root().clone()).unwrap()])
}

pub(crate) async fn get(client: &Client, url: &str) -> Result<String, ClientError> {
    let request = Request::get(url).body(Full::default()).unwrap();
    let response = client.clone().oneshot(request).await?;
    assert_eq!(response.status(), StatusCode::OK);
    Ok(String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap())
}

pub(crate) async fn kind(client: &Client, url: &str) -> ErrorKind {
    get(client, url).await.unwrap_err().kind()
}

pub(crate) fn identity(ca: &TestCa, certificate: &TestCert) -> ClientBuilder {
    let folder = tempfile::tempdir().unwrap();
    certificate.write_pem(folder.path(), "me");
    let settings = BTreeMap::from([("me".to_owned(), KeystoreSettings::new("me.pem"))]);
    let keystores = Keystores::load(folder.path(), &settings).unwrap();
    trusting(ca).identity(keystores.identity("me").unwrap())
}

/// `openssl s_server`, ended when dropped.
pub(crate) struct Openssl(std::process::Child, pub(crate) u16);

impl Openssl {
    pub(crate) async fn serve(certificate: &TestCert, flags: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = certificate.write_pem(folder.path(), "server");
        let port = std::net::TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let accept = format!("127.0.0.1:{port}");
        let child = Command::new("openssl")
            .args([
                "s_server",
                "-quiet",
                "-www",
                "-accept",
                &accept,
                "-cert",
                path.to_str().unwrap(),
                "-key",
            ])
            .arg(&path)
            .args(flags)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        for _ in 0..100 {
            if TcpStream::connect(&accept).await.is_ok() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Self(child, port)
    }
}

impl Drop for Openssl {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
