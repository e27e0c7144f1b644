//! The same stages around an HTTP client: [`Pipeline::outbound`].
//!
//! 1. The request passes the stages in order, the client sends it, and the response passes back, as [`pipeline`](crate::pipeline)
//!    says: order, unwinding, limits of bodies, report-only.
//! 2. A refusal is [`OutboundError::Refused`] with the whole [`Rejection`]. On a server the peer must not learn its cause; here
//!    the caller is the one who runs the stages, so [`source`](std::error::Error::source) is the cause.
//! 3. A refusal stands: a stage that sees it on its way back cannot turn it into an answer.
//! 4. An error of the client is [`OutboundError::Inner`], untouched, and no stage sees it.
//! 5. Refusals are logged under `palisade::outbound` and counted in `palisade_outbound_refusals_total`: they are not refused
//!    requests of clients of ours.
//! 6. A [`RequestId`](crate::RequestId) in the request's extensions names the exchange in the log, so that a call made for an
//!    incoming request can be found by that one's id.
//!
//! What this does not protect against: a client below the stages that changes a request they have seen, follows a redirect with
//! it, or sends it twice. Clients with such habits must be told not to.
//!
//! # Example
//! ```
//! use std::{convert::Infallible, error::Error as _};
//! use bytes::Bytes;
//! use http::{Request, Response, StatusCode, request, response};
//! use http_body_util::Full;
//! use palisade_core::outbound::OutboundError;
//! use palisade_core::{Context, Guard, Pipeline, Rejection, Stage};
//! use tower::{ServiceBuilder, ServiceExt, service_fn};
//!
//! /// Asks for an answer in kind, and insists on it.
//! #[derive(Debug)]
//! struct Versioned;
//!
//! impl Guard for Versioned {
//!     fn name(&self) -> &'static str { "versioned" }
//!     fn request(&self, _: &mut Context, head: &mut request::Parts) -> Result<(), Rejection> {
//!         head.headers.insert("x-version", http::HeaderValue::from_static("2"));
//!         Ok(())
//!     }
//!     fn response(&self, _: &mut Context, head: &mut response::Parts) -> Result<(), Rejection> {
//!         if head.headers.contains_key("x-version") { return Ok(()) }
//!         Err(Rejection::new(StatusCode::BAD_GATEWAY, "version-unknown", "The answer has no version")
//!             .caused_by("no X-Version"))
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // In place of an HTTP client: a partner that answers in kind on one path only.
//! let client = service_fn(|request: Request<Full<Bytes>>| async move {
//!     let mut response = Response::new(Full::new(Bytes::from("hello")));
//!     if request.uri().path() == "/new" {
//!         response.headers_mut().extend(request.headers().clone());
//!     }
//!     Ok::<_, Infallible>(response)
//! });
//! let stages = Pipeline::from(Stage::guard(Versioned)).outbound();
//! let partner = ServiceBuilder::new().layer(stages).service(client);
//!
//! let answer = partner.clone().oneshot(Request::get("/new").body(Full::default())?).await?;
//! assert_eq!(answer.status(), StatusCode::OK);
//!
//! let error = partner.oneshot(Request::get("/old").body(Full::default())?).await.unwrap_err();
//! assert_eq!(error.source().map(ToString::to_string), Some("no X-Version".to_owned()));
//! let OutboundError::Refused(rejection) = error else { panic!("{error}") };
//! assert_eq!(rejection.problem().code, "version-unknown");
//! # Ok(()) }
//! ```

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{self, Poll, ready};

use bytes::Bytes;
use http::{Request, Response, request};
use http_body::Body;
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

use crate::pipeline::{BoxError, ExchangeBody, ExchangeFuture};
use crate::rejection::RefusedBy;
use crate::{Context, Pipeline, Rejection};

/// A [`Layer`] that puts the stages of a pipeline around an HTTP client.
#[derive(Debug, Clone)]
pub struct OutboundLayer(Pipeline);

/// An HTTP client behind the stages of a pipeline.
#[derive(Debug, Clone)]
pub struct Outbound<S> {
    inner: S,
    pipeline: Pipeline,
}

/// Why a request has no answer.
#[derive(Debug)]
pub enum OutboundError<E> {
    /// A stage refused the request, which was not sent then, or the answer.
    Refused(Rejection),
    /// The client's own error.
    Inner(E),
}

impl Pipeline {
    /// These stages as a layer for HTTP clients, where a refusal is an error.
    pub fn outbound(&self) -> OutboundLayer {
        OutboundLayer(self.clone())
    }

    /// Runs one outbound exchange over `inner`, which must be ready.
    ///
    /// This is what [`Outbound`] does; a client that chooses a pipeline for each request calls it itself.
    pub fn exchange_outbound<S, B, R>(
        &self,
        inner: &mut S,
        request: Request<B>,
    ) -> OutboundFuture<S::Future, R, S::Error>
    where
        S: Service<Request<B>, Response = Response<R>> + Clone + Send + 'static,
        S::Future: Send,
        B: Body<Data = Bytes> + From<Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
        R: Body<Data = Bytes> + Send + 'static,
        R::Error: Into<BoxError>,
    {
        let (head, body) = request.into_parts();
        let context = Context::outbound(&head);
        let exchange = self.exchange(context, inner, head, body);
        OutboundFuture {
            state: State::Exchange { exchange },
        }
    }
}

impl<S> Layer<S> for OutboundLayer {
    type Service = Outbound<S>;

    fn layer(&self, inner: S) -> Outbound<S> {
        Outbound {
            inner,
            pipeline: self.0.clone(),
        }
    }
}

impl<S, B, R> Service<Request<B>> for Outbound<S>
where
    S: Service<Request<B>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send,
    B: Body<Data = Bytes> + From<Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
    R: Body<Data = Bytes> + Send + 'static,
    R::Error: Into<BoxError>,
{
    type Response = Response<ExchangeBody<R>>;
    type Error = OutboundError<S::Error>;
    type Future = OutboundFuture<S::Future, R, S::Error>;

    fn poll_ready(&mut self, cx: &mut task::Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx).map_err(OutboundError::Inner)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        self.pipeline.exchange_outbound(&mut self.inner, request)
    }
}

pin_project! {
    /// An outbound exchange under way.
    pub struct OutboundFuture<F, R, E> {
        #[pin]
        state: State<F, R, E>,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<F, R, E> {
        Exchange { #[pin] exchange: ExchangeFuture<F, R, E> },
        Refused { rejection: Option<Rejection> },
    }
}

impl<F, R, E> OutboundFuture<F, R, E> {
    /// An exchange that is refused before any stage: by whoever looks for the stages. `by` is named in the log as the stage,
    /// beside the interceptor.
    pub fn refused(rejection: Rejection, head: &request::Parts, by: &'static str, interceptor: &str) -> Self {
        let refused_by = RefusedBy {
            stage: by,
            interceptor,
            report_only: false,
        };
        rejection.record(&mut Context::outbound(head), &refused_by);
        Self {
            state: State::Refused {
                rejection: Some(rejection),
            },
        }
    }
}

impl<F, R, E> Future for OutboundFuture<F, R, E>
where
    F: Future<Output = Result<Response<R>, E>>,
{
    type Output = Result<Response<ExchangeBody<R>>, OutboundError<E>>;

    fn poll(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Self::Output> {
        match self.project().state.project() {
            StateProjection::Exchange { exchange } => {
                let mut response = ready!(exchange.poll(cx)).map_err(OutboundError::Inner)?;
                Poll::Ready(match response.body_mut().take_refusal() {
                    None => Ok(response),
                    Some(rejection) => Err(OutboundError::Refused(rejection)),
                })
            }
            StateProjection::Refused { rejection } => match rejection.take() {
                Some(rejection) => Poll::Ready(Err(OutboundError::Refused(rejection))),
                None => Poll::Pending,
            },
        }
    }
}

impl<F, R, E> fmt::Debug for OutboundFuture<F, R, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutboundFuture").finish_non_exhaustive()
    }
}

impl<E> OutboundError<E> {
    /// The refusal, if a stage refused.
    pub fn rejection(&self) -> Option<&Rejection> {
        match self {
            Self::Refused(rejection) => Some(rejection),
            Self::Inner(_) => None,
        }
    }

    /// In a box, for clients whose errors are boxed already. A refusal is a [`Rejection`] in there.
    pub fn into_boxed(self) -> BoxError
    where
        E: Into<BoxError>,
    {
        match self {
            Self::Refused(rejection) => Box::new(rejection),
            Self::Inner(error) => error.into(),
        }
    }
}

impl<E: fmt::Display> fmt::Display for OutboundError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(rejection) => {
                let problem = rejection.problem();
                write!(f, "refused by a stage of this client: {}", problem.title)?;
                write!(f, " ({})", problem.code)
            }
            Self::Inner(error) => error.fmt(f),
        }
    }
}

impl<E: Error> Error for OutboundError<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Refused(rejection) => rejection.source(),
            Self::Inner(error) => error.source(),
        }
    }
}
