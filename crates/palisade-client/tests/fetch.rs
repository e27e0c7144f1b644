//! Documents from real servers on loopback.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::convert::Infallible;
use std::error::Error as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full, StreamBody, combinators::BoxBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use palisade_client::HttpsFetch;
use palisade_core::{DocumentUrl, Fetch, FetchRequest, Fetched};
use palisade_test::ca::TestCa;
use rstest::rstest;
use rustls::ServerConfig;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// A server whose answers hang on the path, and how many requests it had.
struct Server {
    port: u16,
    requests: Arc<AtomicUsize>,
}

impl Server {
    async fn start(tls: Option<ServerConfig>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let requests = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&requests);
        let acceptor = tls.map(|tls| TlsAcceptor::from(Arc::new(tls)));
        tokio::spawn(async move {
            while let Ok((tcp, _)) = listener.accept().await {
                let (acceptor, counted) = (acceptor.clone(), Arc::clone(&counted));
                tokio::spawn(async move {
                    let service = service_fn(move |request| {
                        counted.fetch_add(1, Ordering::SeqCst);
                        answer(request)
                    });
                    let http = auto::Builder::new(TokioExecutor::new());
                    match acceptor {
                        None => drop(http.serve_connection(TokioIo::new(tcp), service).await),
                        Some(acceptor) => {
                            if let Ok(tls) = acceptor.accept(tcp).await {
                                drop(http.serve_connection(TokioIo::new(tls), service).await);
                            }
                        }
                    }
                });
            }
        });
        Self { port, requests }
    }

    fn url(&self, scheme: &str, path: &str) -> DocumentUrl {
        format!("{scheme}://localhost:{}{path}", self.port)
            .parse()
            .unwrap()
    }

    fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

type Body = BoxBody<Bytes, Infallible>;

async fn answer(request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
    let whole = |text: &'static str| Full::new(Bytes::from_static(text.as_bytes())).boxed();
    let response = Response::builder();
    let response = match request.uri().path() {
        "/fresh" => response
            .header("cache-control", "max-age=600")
            .body(whole("keys")),
        "/moved" => response
            .status(302)
            .header("location", "/fresh")
            .body(whole("moved")),
        "/part" => response.status(206).body(whole("part")),
        "/missing" => response.status(404).body(whole("missing")),
        "/slow" => {
            tokio::time::sleep(Duration::from_secs(60)).await;
            response.body(whole("late"))
        }
        "/stalls" => response.body(never_ending(Duration::from_secs(60))),
        "/endless" => response.body(never_ending(Duration::ZERO)),
        _ => response.body(whole("keys")),
    };
    Ok(response.unwrap())
}

/// Kibibytes with a pause behind each.
fn never_ending(pause: Duration) -> Body {
    let (sender, receiver) = tokio::sync::mpsc::channel::<Bytes>(1);
    tokio::spawn(async move {
        while sender.send(Bytes::from_static(&[b' '; 1024])).await.is_ok() {
            tokio::time::sleep(pause).await;
        }
    });
    let frames = futures_util::stream::unfold(receiver, |mut receiver| async move {
        let bytes = receiver.recv().await?;
        Some((Ok(Frame::data(bytes)), receiver))
    });
    StreamBody::new(frames).boxed()
}

fn tls(ca: &TestCa) -> ServerConfig {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let certificate = ca.server(&["localhost"]);
    ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(certificate.chain().to_vec(), certificate.key())
        .unwrap()
}

fn root(ca: &TestCa) -> [Bytes; 1] {
    [Bytes::copy_from_slice(ca.root())]
}

/// The error with its causes.
async fn refused(request: FetchRequest<'_>) -> String {
    let error = HttpsFetch::new().fetch(request).await.unwrap_err();
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text = format!("{text}: {cause}");
        next = cause.source();
    }
    text
}

#[tokio::test]
async fn a_document_comes_with_its_freshness() {
    let server = Server::start(None).await;
    let fetch = HttpsFetch::new();
    let fresh = fetch
        .fetch(FetchRequest::new(&server.url("http", "/fresh")))
        .await
        .unwrap();
    assert_eq!(fresh, Fetched::new("keys").fresh_for(Duration::from_secs(600)));
    let silent = fetch
        .fetch(FetchRequest::new(&server.url("http", "/")))
        .await
        .unwrap();
    assert_eq!(silent, Fetched::new("keys"));
    assert_eq!(server.requests(), 2);
}

#[tokio::test]
async fn a_server_is_trusted_by_the_authorities_of_the_request_alone() {
    let ca = TestCa::new("Root");
    let server = Server::start(Some(tls(&ca))).await;
    let url = server.url("https", "/");
    let fetch = HttpsFetch::new();
    let own = root(&ca);
    let fetched = fetch.fetch(FetchRequest::new(&url).trusting(&own)).await.unwrap();
    assert_eq!(fetched.body, "keys");
    // What one request trusts, the next one does not.
    let public = fetch.fetch(FetchRequest::new(&url)).await.unwrap_err();
    assert!(
        format!("{:?}", public.source()).contains("UnknownIssuer"),
        "{public:?}"
    );
    let other = root(&TestCa::new("Root"));
    let refused = fetch.fetch(FetchRequest::new(&url).trusting(&other)).await;
    assert!(refused.is_err());
    let nonsense = [Bytes::from_static(b"no certificate")];
    assert!(
        fetch
            .fetch(FetchRequest::new(&url).trusting(&nonsense))
            .await
            .is_err()
    );
    assert_eq!(
        server.requests(),
        1,
        "nothing is asked of a server that is not trusted"
    );
}

#[rstest]
#[case::redirect("/moved", "the answer is 302 Found")]
#[case::part("/part", "the answer is 206 Partial Content")]
#[case::missing("/missing", "the answer is 404 Not Found")]
#[tokio::test]
async fn only_a_complete_answer_is_a_document(#[case] path: &str, #[case] reason: &str) {
    let server = Server::start(None).await;
    let url = server.url("http", path);
    assert_eq!(
        refused(FetchRequest::new(&url)).await,
        format!("{url} cannot be fetched: {reason}")
    );
    assert_eq!(server.requests(), 1, "a redirect is not followed");
}

#[rstest]
#[case::no_head("/slow")]
#[case::no_end("/stalls")]
#[tokio::test]
async fn the_time_spans_everything(#[case] path: &str) {
    let server = Server::start(None).await;
    let url = server.url("http", path);
    let mut request = FetchRequest::new(&url);
    request.timeout = Duration::from_millis(200);
    let reason = refused(request).await;
    assert_eq!(
        reason,
        format!("{url} cannot be fetched: it did not come within 200ms")
    );
}

#[rstest]
#[case::known_before("/", 3)]
#[case::never_ending("/endless", 10_000)]
#[tokio::test]
async fn a_document_that_is_too_long_is_given_up(#[case] path: &str, #[case] most: usize) {
    let server = Server::start(None).await;
    let url = server.url("http", path);
    let mut request = FetchRequest::new(&url);
    request.max_bytes = most;
    assert_eq!(
        refused(request).await,
        format!("{url} cannot be fetched: it has more than {most} bytes")
    );
    request.max_bytes = 4;
    assert_eq!(HttpsFetch::new().fetch(request).await.is_ok(), path == "/");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_an_error() {
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let url: DocumentUrl = format!("http://localhost:{port}/").parse().unwrap();
    let reason = refused(FetchRequest::new(&url)).await;
    assert!(reason.to_lowercase().contains("refused"), "{reason}");
}
