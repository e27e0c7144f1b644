//! One listener, serving.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum_server::accept::Accept;
use axum_server::service::SendService;
use axum_server::{Handle, Server};
use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use palisade_core::pipeline::BoxError;
use tokio::io::{AsyncRead, AsyncWrite};
use tower::make::Shared;
use tower_service::Service;

use super::flow::FlowAcceptor;
use super::http::limit;
use super::stream::WRITE_STALL;
use super::{CappedAddress, CappedListener, ServedStream};

/// A listener that is bound and does not serve yet.
#[derive(Debug)]
pub struct Bound {
    name: Arc<str>,
    listener: CappedListener,
    local: SocketAddr,
    header_read_timeout: Duration,
    stall_limit: Duration,
}

/// Stops a listener.
#[derive(Clone)]
pub struct ListenerHandle(Handle<CappedAddress>);

impl Bound {
    /// Binds a listener with its cap on connections and its time for heads.
    pub async fn bind(
        name: impl Into<Arc<str>>,
        address: SocketAddr,
        max_connections: usize,
        header_read_timeout: Duration,
    ) -> io::Result<Self> {
        let listener = CappedListener::bind(address, max_connections).await?;
        Ok(Self {
            name: name.into(),
            local: listener.local()?,
            listener,
            header_read_timeout,
            stall_limit: WRITE_STALL,
        })
    }

    /// Cuts clients off that take nothing of their answers for that long, instead of a minute.
    #[must_use]
    pub fn cut_off_readers_after(mut self, limit: Duration) -> Self {
        self.stall_limit = limit;
        self
    }

    /// The listener's name.
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// The address that was bound.
    pub fn local(&self) -> SocketAddr {
        self.local
    }

    /// Serves until the handle stops it. The acceptor sees each connection first and wraps the service for it.
    pub async fn serve<A, S, B>(self, acceptor: A, service: S, handle: ListenerHandle) -> io::Result<()>
    where
        S: Service<Request<Incoming>, Response = Response<B>> + Clone + Send + 'static,
        S::Error: Into<BoxError>,
        S::Future: Send + 'static,
        B: Body + Send + 'static,
        B::Data: Send,
        B::Error: Into<BoxError>,
        A: Accept<ServedStream, S> + Clone + Send + Sync + 'static,
        A::Stream: AsyncRead + AsyncWrite + Unpin + Send,
        A::Service: SendService<Request<Incoming>> + Send,
        A::Future: Send,
    {
        let name = self.name;
        let mut server = Server::<CappedAddress>::from_listener(self.listener)
            .acceptor(FlowAcceptor {
                inner: acceptor,
                limit: self.stall_limit,
            })
            .handle(handle.0)
            .first_request_timeout(self.header_read_timeout)
            .accept_error_handler(move |peer, error| log_accept_error(&name, peer, error));
        limit(server.http_builder(), self.header_read_timeout);
        server.serve(Shared::new(service)).await
    }
}

impl ListenerHandle {
    /// A handle for one listener.
    pub fn new() -> Self {
        Self(Handle::new())
    }

    /// Stops accepting; requests under way have that long to finish.
    pub fn drain(&self, within: Duration) {
        self.0.graceful_shutdown(Some(within));
    }

    /// Stops at once.
    pub fn stop(&self) {
        self.0.shutdown();
    }

    /// How many connections are open.
    pub fn connections(&self) -> usize {
        self.0.connection_count()
    }
}

impl Default for ListenerHandle {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for ListenerHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ListenerHandle")
            .field("connections", &self.connections())
            .finish()
    }
}

/// A handshake that fails is the peer's affair; a listener that cannot accept is the operator's.
fn log_accept_error(listener: &str, peer: Option<&CappedAddress>, error: &io::Error) {
    if let Some(CappedAddress(peer)) = peer {
        tracing::debug!(target: "palisade::listener", listener, %peer, %error, "connection not accepted");
    } else {
        tracing::error!(target: "palisade::listener", listener, %error, "cannot accept connections");
    }
}
