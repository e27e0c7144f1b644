//! Where a request leaves the protocol library: its body becomes the one type that all services here share.

use std::task::{self, Poll};
use std::time::Duration;

use axum::body::Body;
use http::{Request, Version};
use http_body::Body as _;
use hyper::body::Incoming;
use tower_service::Service;

use crate::idle::IdleBody;
use crate::linger::LingeringBody;

/// Hands requests to the inner service, with bodies that must not stand still.
#[derive(Debug, Clone)]
pub(crate) struct Entry<S> {
    inner: S,
    body_read_timeout: Duration,
}

impl<S> Entry<S> {
    pub(crate) fn new(inner: S, body_read_timeout: Duration) -> Self {
        Self {
            inner,
            body_read_timeout,
        }
    }
}

impl<S: Service<Request<Body>>> Service<Request<Incoming>> for Entry<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut task::Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Incoming>) -> S::Future {
        let limit = self.body_read_timeout;
        let is_http2 = request.version() == Version::HTTP_2;
        self.inner.call(request.map(|body| {
            if body.is_end_stream() {
                // Needs no memory, unlike the boxed body of the connection.
                Body::empty()
            } else if is_http2 {
                Body::new(LingeringBody::new(IdleBody::new(body, limit)))
            } else {
                Body::new(IdleBody::new(body, limit))
            }
        }))
    }
}
