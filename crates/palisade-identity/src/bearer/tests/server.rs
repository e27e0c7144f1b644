//! A server of keys on loopback, whose answers can be changed.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use palisade_core::DocumentUrl;
use palisade_test::ca::{TestCa, TestCert};
use rustls_pki_types::PrivateKeyDer;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs::default_provider;

/// What the server does with a request.
#[derive(Clone, Debug)]
pub(super) enum Answer {
    /// Answers with that document and these fields.
    Document(String, &'static str),
    /// Fails.
    Error,
}

pub(super) struct KeyServer {
    pub(super) url: DocumentUrl,
    answer: Arc<Mutex<Answer>>,
    requests: Arc<AtomicUsize>,
}

impl KeyServer {
    pub(super) async fn start(keys: &[Value]) -> Self {
        Self::with_tls(keys, None).await
    }

    pub(super) async fn over_tls(keys: &[Value], ca: &TestCa) -> Self {
        let certificate = ca.server(&["localhost"]);
        Self::with_tls(keys, Some(acceptor(&certificate))).await
    }

    async fn with_tls(keys: &[Value], tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let scheme = if tls.is_some() { "https" } else { "http" };
        let server = Self {
            url: format!("{scheme}://localhost:{port}/keys").parse().unwrap(),
            answer: Arc::new(Mutex::new(Answer::Document(super::issuer::set(keys), ""))),
            requests: Arc::default(),
        };
        let (answer, requests) = (Arc::clone(&server.answer), Arc::clone(&server.requests));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (answer, requests, tls) = (Arc::clone(&answer), Arc::clone(&requests), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        None => respond(stream, &answer, &requests).await,
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                respond(stream, &answer, &requests).await;
                            }
                        }
                    }
                });
            }
        });
        server
    }

    pub(super) fn answer(&self, answer: Answer) {
        *self.answer.lock().unwrap() = answer;
    }

    pub(super) fn publish(&self, keys: &[Value]) {
        self.answer(Answer::Document(super::issuer::set(keys), ""));
    }

    pub(super) fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

async fn respond(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    answer: &Mutex<Answer>,
    requests: &AtomicUsize,
) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    requests.fetch_add(1, Ordering::SeqCst);
    let answer = answer.lock().unwrap().clone();
    let response = match answer {
        Answer::Document(document, fields) => format!(
            "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n{fields}\r\n{document}",
            document.len()
        ),
        Answer::Error => {
            "HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".to_owned()
        }
    };
    let _ = stream.write_all(response.as_bytes()).await;
    let _ = stream.shutdown().await;
}

fn acceptor(certificate: &TestCert) -> TlsAcceptor {
    let key: PrivateKeyDer<'static> = certificate.key();
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(certificate.chain().to_vec(), key)
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}
