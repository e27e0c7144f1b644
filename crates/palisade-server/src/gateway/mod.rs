//! The gateway: a service whose answers come from an upstream server.
//!
//! 1. Both bodies stream, frame by frame, trailers included; nothing is buffered here.
//! 2. Path and query pass byte for byte, behind the path of the upstream's URL. `Host` is the upstream's own; what the client
//!    asked for is in `X-Forwarded-Host`. [`head`] has the rules for fields.
//! 3. Connections are pooled, HTTP/1.1 or HTTP/2 as the upstream agrees. A request is sent again only when a pooled connection
//!    turned out to be closed before any byte of it was written.
//! 4. No connection: 502 `upstream-unreachable`. No connection within `connect-timeout`, or no head of an answer while nothing
//!    moved for `timeout`: 504 `upstream-timeout`. An answer's body that stands still that long is cut off.
//! 5. A client that stops in the middle of its body: 408 `body-timeout`, or 400 `body-malformed` where it broke off. A client
//!    that goes away takes its upstream request with it.
//! 6. Upgrades are ignored and tunnels (`CONNECT`) refused with 501.
//!
//! What this does not protect against: an upstream that others can reach around the gateway.

mod body;
pub mod head;
mod progress;
mod rejection;

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{self, Poll};
use std::time::Duration;

use arc_swap::ArcSwap;
use axum::body::Body;
use http::{Extensions, Method, Request, Response, StatusCode};
use palisade_client::UpstreamClient;
use palisade_core::{BoxFuture, Context};
use tower_service::Service;

pub use self::body::UpstreamBody;
pub use self::head::Target;
use self::progress::Progress;
use self::rejection::Failure;
use crate::answer;
use crate::idle::IdleBody;

/// A service that answers with what an upstream answers. Clones share the upstream and its connections.
#[derive(Debug, Clone)]
pub struct Gateway(Arc<ArcSwap<Upstream>>);

/// Where a gateway sends requests, and how long it waits.
#[derive(Debug, Clone)]
pub struct Upstream {
    /// The pooled client.
    pub client: UpstreamClient<UpstreamBody>,
    /// The upstream's address.
    pub target: Target,
    /// How long to wait while nothing moves.
    pub timeout: Duration,
}

impl Gateway {
    /// A gateway to that upstream.
    pub fn new(upstream: Upstream) -> Self {
        Self(Arc::new(ArcSwap::from_pointee(upstream)))
    }

    /// Sends requests from now on to another upstream, or with another client; those under way end where they began.
    pub fn replace(&self, upstream: Upstream) {
        self.0.store(Arc::new(upstream));
    }
}

impl Service<Request<Body>> for Gateway {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut task::Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let upstream = self.0.load_full();
        Box::pin(async move { Ok(upstream.answer(request).await) })
    }
}

impl Upstream {
    async fn answer(&self, request: Request<Body>) -> Response<Body> {
        let (head, body) = request.into_parts();
        let mut cx = Context::new(&head);
        match self.forward(Request::from_parts(head, body)).await {
            Ok(response) => response,
            Err(failure) => answer::refuse(&mut cx, &failure.into(), "gateway"),
        }
    }

    async fn forward(&self, request: Request<Body>) -> Result<Response<Body>, Failure> {
        let (mut head, body) = request.into_parts();
        if head.method == Method::CONNECT {
            return Err(Failure::Tunnel);
        }
        head::to_upstream(&mut head, &self.target).map_err(Failure::Target)?;
        // Facts end here: they are for this process.
        head.extensions = Extensions::new();

        let progress = Progress::new();
        let request = Request::from_parts(head, UpstreamBody::new(body, progress.clone()));
        let response = tokio::select! {
            biased;
            response = self.client.clone().call(request) => {
                response.map_err(|error| progress.failure().unwrap_or_else(|| error.into()))?
            }
            stall = progress.stalled(self.timeout) => return Err(stall.into()),
        };
        let (mut head, body) = response.into_parts();
        // `Upgrade` is never passed on, so nobody can want this.
        if head.status == StatusCode::SWITCHING_PROTOCOLS {
            return Err(Failure::Switched);
        }
        head::to_client(&mut head);
        head.extensions = Extensions::new();
        Ok(Response::from_parts(
            head,
            Body::new(IdleBody::new(body, self.timeout)),
        ))
    }
}

#[cfg(test)]
mod tests;
