//! The peer's address from axum's own `ConnectInfo`, where no Palisade listener accepts the connections.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::extract::ConnectInfo;
use http::Request;
use palisade_core::Connection;
use tower_layer::Layer;
use tower_service::Service;

/// Turns axum's `ConnectInfo<SocketAddr>` into the fact that stages read.
///
/// For routers served by `axum::serve` with `into_make_service_with_connect_info::<SocketAddr>()`; Palisade's own listeners record
/// more by themselves. Nothing is overwritten, and without `ConnectInfo` the client stays unknown, which `ip-filter` refuses.
#[derive(Debug, Clone, Copy, Default)]
pub struct ConnectInfoLayer;

impl<S> Layer<S> for ConnectInfoLayer {
    type Service = ConnectInfoFacts<S>;

    fn layer(&self, inner: S) -> ConnectInfoFacts<S> {
        ConnectInfoFacts { inner }
    }
}

/// The service of [`ConnectInfoLayer`].
#[derive(Debug, Clone)]
pub struct ConnectInfoFacts<S> {
    inner: S,
}

impl<S: Service<Request<B>>, B> Service<Request<B>> for ConnectInfoFacts<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> S::Future {
        let facts = request.extensions_mut();
        if facts.get::<Arc<Connection>>().is_none()
            && let Some(ConnectInfo(peer)) = facts.get::<ConnectInfo<SocketAddr>>().copied()
        {
            let unknown = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
            facts.insert(Arc::new(Connection::new("axum", peer, unknown)));
        }
        self.inner.call(request)
    }
}
