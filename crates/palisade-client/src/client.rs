//! The pooled client and its builder.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::{Request, Response, Version};
use http_body::Body;
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use palisade_core::TlsVersion;
use palisade_keystore::{Certificate, KeyEntry};
use tower_service::Service;

use crate::connector::{HttpsConnector, Protocols};
use crate::error::{BoxError, ClientError, ErrorKind};
use crate::mail::MailConnector;
use crate::tls::{self, TlsSetupError, Trust};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const IDLE_TIMEOUT: Duration = Duration::from_mins(1);
const MAX_IDLE_PER_HOST: usize = 64;
/// A dead HTTP/2 peer is noticed by pings that go unanswered.
const PING_INTERVAL: Duration = Duration::from_secs(20);
const PING_TIMEOUT: Duration = Duration::from_secs(10);

/// Chooses what an [`UpstreamClient`] or [`HttpsConnector`] may do.
///
/// Without a choice: TLS 1.2 or later, the public authorities, no client certificate, HTTP/2 or HTTP/1.1 by ALPN, `https` alone,
/// 10 seconds to connect, no response timeout, 64 idle connections per host for 60 seconds.
#[derive(Clone, Debug)]
pub struct ClientBuilder {
    floor: TlsVersion,
    trust: Trust,
    identity: Option<Arc<KeyEntry>>,
    plain_http: bool,
    http2_only: bool,
    connect_timeout: Duration,
    response_timeout: Option<Duration>,
    idle_timeout: Duration,
    max_idle_per_host: usize,
}

impl Default for ClientBuilder {
    fn default() -> Self {
        Self {
            floor: TlsVersion::LOWEST_SERVED,
            trust: Trust::default(),
            identity: None,
            plain_http: false,
            http2_only: false,
            connect_timeout: CONNECT_TIMEOUT,
            response_timeout: None,
            idle_timeout: IDLE_TIMEOUT,
            max_idle_per_host: MAX_IDLE_PER_HOST,
        }
    }
}

impl ClientBuilder {
    /// Starts from the defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Requires at least this TLS version of every `https` target. Below TLS 1.2 it stays TLS 1.2.
    #[must_use]
    pub fn minimum_version(mut self, floor: TlsVersion) -> Self {
        self.floor = floor.max(TlsVersion::LOWEST_SERVED);
        self
    }

    /// Trusts these authorities instead of the public ones. None at all is an error when the client is built.
    #[must_use]
    pub fn trust_authorities(mut self, authorities: impl IntoIterator<Item = Certificate>) -> Self {
        self.trust = Trust::Authorities(authorities.into_iter().collect());
        self
    }

    /// Trusts whatever certificate the peer shows: anybody on the way can read and change everything.
    #[must_use]
    pub fn insecure_trust_all(mut self) -> Self {
        self.trust = Trust::InsecureAll;
        self
    }

    /// Presents this key's certificate to peers that ask for one.
    #[must_use]
    pub fn identity(mut self, entry: Arc<KeyEntry>) -> Self {
        self.identity = Some(entry);
        self
    }

    /// Also connects to `http` targets, without TLS.
    #[must_use]
    pub fn allow_plain_http(mut self) -> Self {
        self.plain_http = true;
        self
    }

    /// Speaks HTTP/2 alone: on `https` it must be agreed on, on `http` it is taken for granted (RFC 9113 section 3.3).
    #[must_use]
    pub fn http2_only(mut self) -> Self {
        self.http2_only = true;
        self
    }

    /// Bounds name resolution, TCP and the TLS handshake together, and with mail servers the words before it.
    #[must_use]
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// Bounds the time from the request to the head of the response, connecting included.
    #[must_use]
    pub fn response_timeout(mut self, timeout: Duration) -> Self {
        self.response_timeout = Some(timeout);
        self
    }

    /// Closes connections that are idle for so long.
    #[must_use]
    pub fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.idle_timeout = timeout;
        self
    }

    /// Keeps at most so many idle connections to one host.
    #[must_use]
    pub fn max_idle_per_host(mut self, count: usize) -> Self {
        self.max_idle_per_host = count;
        self
    }

    /// Builds the connector alone, for another client.
    pub fn build_connector(&self) -> Result<HttpsConnector, TlsSetupError> {
        let protocols = Protocols {
            plain_http: self.plain_http,
            http2_only: self.http2_only,
        };
        let alpn = if self.http2_only {
            tls::H2_ONLY
        } else {
            tls::H2_AND_HTTP1
        };
        let config = tls::config(self.floor, &self.trust, self.identity.as_deref(), alpn)?;
        Ok(HttpsConnector::new(
            config,
            self.floor,
            self.connect_timeout,
            protocols,
        ))
    }

    /// Builds what opens connections to mail servers. What is chosen about HTTP does not matter to it.
    pub fn build_mail(&self) -> Result<MailConnector, TlsSetupError> {
        let config = tls::config(self.floor, &self.trust, self.identity.as_deref(), &[])?;
        Ok(MailConnector::new(config, self.floor, self.connect_timeout))
    }

    /// Builds the pooled client.
    pub fn build<B>(&self) -> Result<UpstreamClient<B>, TlsSetupError>
    where
        B: Body + Send + 'static + Unpin,
        B::Data: Send,
        B::Error: Into<BoxError>,
    {
        let connector = self.build_connector()?;
        let pool = Client::builder(TokioExecutor::new())
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(self.idle_timeout)
            .pool_max_idle_per_host(self.max_idle_per_host)
            .http2_only(self.http2_only)
            .http2_keep_alive_interval(PING_INTERVAL)
            .http2_keep_alive_timeout(PING_TIMEOUT)
            .build(connector);
        Ok(UpstreamClient {
            pool,
            floor: self.floor,
            response_timeout: self.response_timeout,
        })
    }
}

/// A client with a pool of connections. Clones share the pool.
///
/// The request's version does not matter: HTTP/2 is used where the peer agrees to it, else HTTP/1.1. A request whose pooled
/// connection turns out closed before anything was sent is sent anew on another one.
pub struct UpstreamClient<B> {
    pool: Client<HttpsConnector, B>,
    floor: TlsVersion,
    response_timeout: Option<Duration>,
}

impl<B> Clone for UpstreamClient<B> {
    fn clone(&self) -> Self {
        Self {
            pool: self.pool.clone(),
            floor: self.floor,
            response_timeout: self.response_timeout,
        }
    }
}

impl<B> fmt::Debug for UpstreamClient<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UpstreamClient")
            .field("floor", &self.floor)
            .field("response_timeout", &self.response_timeout)
            .finish_non_exhaustive()
    }
}

impl<B> Service<Request<B>> for UpstreamClient<B>
where
    B: Body + Send + 'static + Unpin,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    type Response = Response<Incoming>;
    type Error = ClientError;
    type Future = UpstreamFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<B>) -> UpstreamFuture {
        // The version of the connection is the peer's to choose, not the request's.
        *request.version_mut() = Version::HTTP_11;
        let target = request.uri().clone();
        let answer = self.pool.request(request);
        let (floor, timeout) = (self.floor, self.response_timeout);
        UpstreamFuture(Box::pin(async move {
            let outcome = match timeout {
                None => answer.await,
                Some(timeout) => tokio::time::timeout(timeout, answer).await.map_err(|elapsed| {
                    ClientError::new(ErrorKind::ResponseTimeout, &target, Some(elapsed.into()))
                })?,
            };
            outcome.map_err(|error| ClientError::exchanging(error, &target, floor))
        }))
    }
}

/// An answer under way.
pub struct UpstreamFuture(Pin<Box<dyn Future<Output = Result<Response<Incoming>, ClientError>> + Send>>);

impl Future for UpstreamFuture {
    type Output = Result<Response<Incoming>, ClientError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(cx)
    }
}

impl fmt::Debug for UpstreamFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UpstreamFuture").finish_non_exhaustive()
    }
}
