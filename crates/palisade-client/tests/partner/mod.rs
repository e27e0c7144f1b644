//! A partner that wants messages in an envelope, and the stages that know of it.

use std::error::Error as _;
use std::fmt::Debug;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, LOCATION};
use http::{Request, Response, StatusCode, request, response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use palisade_core::outbound::{OutboundError, OutboundLayer};
use palisade_core::{Bodies, Context, Message, Pipeline, Rejection, Stage, Step, Transform};
use palisade_test::ca::TestCa;
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tower::{Service, ServiceExt};

/// Puts requests between brackets, and wants answers so.
#[derive(Debug)]
struct Brackets;

impl Transform for Brackets {
    fn name(&self) -> &'static str {
        "brackets"
    }

    fn needs(&self) -> Bodies {
        Bodies::Both
    }

    fn request<'a>(&'a self, _: &'a mut Context, message: &'a mut Message<request::Parts>) -> Step<'a> {
        Step::Wait(Box::pin(async move {
            tokio::task::yield_now().await;
            let clear = message.body().cloned().unwrap_or_default();
            message.replace_body([b"[", &clear[..], b"]"].concat());
            Ok(())
        }))
    }

    fn response<'a>(&'a self, _: &'a mut Context, message: &'a mut Message<response::Parts>) -> Step<'a> {
        let body = message.body().cloned().unwrap_or_default();
        let clear = body.strip_prefix(b"[").and_then(|body| body.strip_suffix(b"]"));
        Step::Done(match clear {
            Some(clear) => {
                message.replace_body(clear.to_vec());
                Ok(())
            }
            None => Err(
                Rejection::new(StatusCode::BAD_GATEWAY, "brackets-missing", "No brackets")
                    .caused_by(format!("the answer has status {}", message.head.status)),
            ),
        })
    }
}

pub(crate) fn stages() -> OutboundLayer {
    Pipeline::from(Stage::transform(Brackets)).outbound()
}

/// A partner, and how many requests it got.
pub(crate) struct Partner {
    pub(crate) address: SocketAddr,
    scheme: &'static str,
    requests: Arc<AtomicUsize>,
}

impl Partner {
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}://localhost:{}{path}", self.scheme, self.address.port())
    }

    pub(crate) fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }

    /// One that speaks TLS with a certificate of that authority, or plain HTTP.
    pub(crate) async fn start(ca: Option<&TestCa>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&requests);
        let acceptor = ca.map(acceptor);
        tokio::spawn(async move {
            while let Ok((tcp, _)) = listener.accept().await {
                let (acceptor, counted) = (acceptor.clone(), Arc::clone(&counted));
                tokio::spawn(async move {
                    match acceptor {
                        None => serve(tcp, counted).await,
                        Some(acceptor) => {
                            if let Ok(tls) = acceptor.accept(tcp).await {
                                serve(tls, counted).await;
                            }
                        }
                    }
                });
            }
        });
        let scheme = if ca.is_some() { "https" } else { "http" };
        Self {
            address,
            scheme,
            requests,
        }
    }
}

fn acceptor(ca: &TestCa) -> TlsAcceptor {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let certificate = ca.server(&["localhost"]);
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(certificate.chain().to_vec(), certificate.key())
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    TlsAcceptor::from(Arc::new(config))
}

async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, requests: Arc<AtomicUsize>) {
    let service = service_fn(move |request| {
        requests.fetch_add(1, Ordering::SeqCst);
        answer(request)
    });
    let http = auto::Builder::new(TokioExecutor::new());
    let _ = http.serve_connection(TokioIo::new(stream), service).await;
}

/// Says what it got, in brackets; not so at `/clear`. `/moved` leads elsewhere.
async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, hyper::Error> {
    let (head, body) = request.into_parts();
    let body = body.collect().await?.to_bytes();
    let length = head
        .headers
        .get(CONTENT_LENGTH)
        .map(|value| value.to_str().unwrap());
    let said = format!(
        "{} {} {:?} {}",
        head.method,
        head.uri.path(),
        length,
        String::from_utf8_lossy(&body)
    );
    let mut response = Response::new(Full::default());
    *response.body_mut() = match head.uri.path() {
        "/clear" => Full::from(said),
        "/moved" => {
            *response.status_mut() = StatusCode::PERMANENT_REDIRECT;
            response
                .headers_mut()
                .insert(LOCATION, "/elsewhere".parse().unwrap());
            Full::from("[moved]")
        }
        _ => Full::from(format!("[{said}]")),
    };
    Ok(response)
}

/// Calls through the stages: an answer that fits, one that leads elsewhere, and one that does not fit.
pub(crate) async fn calls<S, B, R, F>(service: S, partner: &Partner)
where
    S: Service<Request<B>, Response = Response<R>, Error = OutboundError<F>> + Clone,
    B: From<Bytes>,
    R: http_body::Body<Data = Bytes, Error: Debug>,
    F: Debug,
{
    let call = async |path| {
        let body = B::from(Bytes::from_static(b"42"));
        let request = Request::post(partner.url(path)).body(body).unwrap();
        let response = service.clone().oneshot(request).await?;
        let status = response.status();
        let length = response.headers()[CONTENT_LENGTH].clone();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(length, body.len().to_string());
        Ok::<_, OutboundError<F>>((status, String::from_utf8(body.to_vec()).unwrap()))
    };
    assert_eq!(
        call("/orders").await.unwrap(),
        (StatusCode::OK, "POST /orders Some(\"4\") [42]".to_owned())
    );
    assert_eq!(
        call("/moved").await.unwrap(),
        (StatusCode::PERMANENT_REDIRECT, "moved".to_owned())
    );
    let OutboundError::Refused(rejection) = call("/clear").await.unwrap_err() else {
        panic!("a stage refuses")
    };
    assert_eq!(rejection.problem().code, "brackets-missing");
    assert_eq!(
        rejection.source().unwrap().to_string(),
        "the answer has status 200 OK"
    );
    assert_eq!(partner.requests(), 3);
}
