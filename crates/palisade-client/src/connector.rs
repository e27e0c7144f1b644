//! Connections: TCP, then TLS, within one timeout.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use http::uri::Scheme;
use hyper_rustls::DefaultServerNameResolver;
use hyper_util::client::legacy::connect::HttpConnector;
use palisade_core::TlsVersion;
use rustls::ClientConfig;
use tower_service::Service;

use crate::error::{ClientError, ErrorKind};
use crate::stream::Stream;

/// Connects to `https` targets no lower than a TLS floor, and to `http` ones where that is allowed.
///
/// The timeout spans everything: the name's resolution, TCP to every address in turn, and the TLS handshake.
#[derive(Clone, Debug)]
pub struct HttpsConnector {
    inner: hyper_rustls::HttpsConnector<HttpConnector>,
    floor: TlsVersion,
    timeout: Duration,
    protocols: Protocols,
}

/// What besides HTTP/1.1 over TLS is allowed or required.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Protocols {
    pub(crate) plain_http: bool,
    pub(crate) http2_only: bool,
}

impl HttpsConnector {
    pub(crate) fn new(tls: ClientConfig, floor: TlsVersion, timeout: Duration, protocols: Protocols) -> Self {
        let tcp = tcp(timeout);
        let names = Arc::new(DefaultServerNameResolver::default());
        let inner = hyper_rustls::HttpsConnector::new(tcp, Arc::new(tls), false, names);
        Self {
            inner,
            floor,
            timeout,
            protocols,
        }
    }

    fn allows(&self, target: &Uri) -> bool {
        match target.scheme() {
            Some(scheme) if *scheme == Scheme::HTTPS => true,
            Some(scheme) => *scheme == Scheme::HTTP && self.protocols.plain_http,
            None => false,
        }
    }
}

/// Connects to every address of a name in turn.
pub(crate) fn tcp(timeout: Duration) -> HttpConnector {
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    // Shared out among a name's addresses, so that one dead address leaves time for the next.
    tcp.set_connect_timeout(Some(timeout));
    tcp
}

impl Service<Uri> for HttpsConnector {
    type Response = Stream;
    type Error = ClientError;
    type Future = ConnectFuture;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        let Self { inner, floor, .. } = self;
        inner
            .poll_ready(cx)
            .map_err(|error| ClientError::connecting(error, &Uri::default(), *floor))
    }

    fn call(&mut self, target: Uri) -> ConnectFuture {
        if !self.allows(&target) {
            let refused = ClientError::new(ErrorKind::SchemeNotAllowed, &target, None);
            return ConnectFuture(Box::pin(std::future::ready(Err(refused))));
        }
        let (floor, timeout) = (self.floor, self.timeout);
        let http2_only = self.protocols.http2_only;
        let connecting = self.inner.call(target.clone());
        ConnectFuture(Box::pin(async move {
            let stream = tokio::time::timeout(timeout, connecting)
                .await
                .map_err(|elapsed| {
                    ClientError::new(ErrorKind::ConnectTimeout, &target, Some(elapsed.into()))
                })?
                .map_err(|error| ClientError::connecting(error, &target, floor))
                .map(Stream::new)?;
            if http2_only && !stream.may_speak_http2() {
                let reason = "the peer did not agree to HTTP/2";
                return Err(ClientError::new(
                    ErrorKind::Handshake,
                    &target,
                    Some(reason.into()),
                ));
            }
            Ok(stream)
        }))
    }
}

/// A connection under way.
pub struct ConnectFuture(Pin<Box<dyn Future<Output = Result<Stream, ClientError>> + Send>>);

impl Future for ConnectFuture {
    type Output = Result<Stream, ClientError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(cx)
    }
}

impl std::fmt::Debug for ConnectFuture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ConnectFuture").finish_non_exhaustive()
    }
}
