//! reqwest as a service from [`http::Request`] to [`http::Response`].

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::{Request, Response, Version};
use reqwest::redirect::Policy;
use reqwest::{Body, Client, ClientBuilder};
use tower_service::Service;

/// A reqwest client that the stages of a client interceptor can go around.
///
/// reqwest's own `Service` speaks in types of its own; this one speaks in those of the crate `http`, as stages do. Redirects are
/// never followed: what the stages made was made for one target. The TLS floor, trust and timeouts are those of the builder.
///
/// ```
/// use bytes::Bytes;
/// use http::Request;
/// use palisade_client::ReqwestService;
/// use palisade_core::{Pipeline, outbound::OutboundError};
/// use reqwest::Body;
/// use tower::{Layer, ServiceExt};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
/// let client = ReqwestService::build(reqwest::Client::builder())?;
/// let stages = Pipeline::from_iter(Vec::<palisade_core::Stage>::new()).outbound();
/// let nobody = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?; // closed at once
///
/// let request = Request::get(format!("http://{nobody}/orders")).body(Body::from(Bytes::new()))?;
/// let error = stages.layer(client).oneshot(request).await.unwrap_err();
/// assert!(matches!(error, OutboundError::Inner(error) if error.is_connect()));
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct ReqwestService(Client);

impl ReqwestService {
    /// Builds a client that follows no redirects.
    pub fn build(builder: ClientBuilder) -> Result<Self, reqwest::Error> {
        Ok(Self(builder.redirect(Policy::none()).build()?))
    }
}

impl<B: Into<Body>> Service<Request<B>> for ReqwestService {
    type Response = Response<Body>;
    type Error = reqwest::Error;
    type Future = ReqwestFuture;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), reqwest::Error>> {
        Service::<reqwest::Request>::poll_ready(&mut self.0, cx)
    }

    fn call(&mut self, mut request: Request<B>) -> ReqwestFuture {
        // The version of the connection is the peer's to choose, not the request's.
        *request.version_mut() = Version::HTTP_11;
        let request = reqwest::Request::try_from(request);
        ReqwestFuture(match request {
            Ok(request) => State::Sent(Box::pin(self.0.call(request))),
            Err(error) => State::Unsent(Some(error)),
        })
    }
}

/// An answer under way.
pub struct ReqwestFuture(State);

enum State {
    Sent(Pin<Box<<Client as Service<reqwest::Request>>::Future>>),
    Unsent(Option<reqwest::Error>),
}

impl Future for ReqwestFuture {
    type Output = Result<Response<Body>, reqwest::Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.0 {
            State::Sent(sent) => {
                let answer = ready!(sent.as_mut().poll(cx))?;
                Poll::Ready(Ok(answer.into()))
            }
            State::Unsent(error) => match error.take() {
                Some(error) => Poll::Ready(Err(error)),
                None => Poll::Pending,
            },
        }
    }
}

impl fmt::Debug for ReqwestFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReqwestFuture").finish_non_exhaustive()
    }
}
