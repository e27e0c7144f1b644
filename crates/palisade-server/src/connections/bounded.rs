//! A pooled client whose answers do not stand still.

use std::task::{self, Poll};
use std::time::Duration;

use axum::body::Body;
use http::{Request, Response};
use hyper::body::Incoming;
use palisade_client::{ClientError, UpstreamClient};
use palisade_core::BoxFuture;
use tower_service::Service;

use crate::idle::IdleBody;

/// A pooled client that bounds the head of an answer itself, and whose bodies end with an error when they stand still.
#[derive(Debug, Clone)]
pub(super) struct Bounded {
    client: UpstreamClient<Body>,
    limit: Duration,
}

impl Bounded {
    pub(super) fn new(client: UpstreamClient<Body>, limit: Duration) -> Self {
        Self { client, limit }
    }
}

impl Service<Request<Body>> for Bounded {
    type Response = Response<IdleBody<Incoming>>;
    type Error = ClientError;
    type Future = BoxFuture<'static, Result<Self::Response, ClientError>>;

    fn poll_ready(&mut self, cx: &mut task::Context<'_>) -> Poll<Result<(), ClientError>> {
        self.client.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let answer = self.client.call(request);
        let limit = self.limit;
        Box::pin(async move { Ok(answer.await?.map(|body| IdleBody::new(body, limit))) })
    }
}
