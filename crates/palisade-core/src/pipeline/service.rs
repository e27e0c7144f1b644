use std::mem;
use std::task::{self, Poll};

use bytes::Bytes;
use http::{Method, Request, Response, request};
use http_body::Body;
use tower_layer::Layer;
use tower_service::Service;

use super::body::ExchangeBody;
use super::future::ExchangeFuture;
use super::guards::{self, Passage};
use super::transforms::Exchange;
use super::{BoxError, Pipeline};
use crate::Context;
use crate::facts::BodyOnGet;
use crate::stage::Message;

/// A service behind a [`Pipeline`].
#[derive(Debug, Clone)]
pub struct Guarded<S> {
    inner: S,
    pipeline: Pipeline,
}

impl<S> Layer<S> for Pipeline {
    type Service = Guarded<S>;

    fn layer(&self, inner: S) -> Guarded<S> {
        Guarded {
            inner,
            pipeline: self.clone(),
        }
    }
}

impl<S, B, R> Service<Request<B>> for Guarded<S>
where
    S: Service<Request<B>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send,
    B: Body<Data = Bytes> + From<Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
    R: Body<Data = Bytes> + Send + 'static,
    R::Error: Into<BoxError>,
{
    type Response = Response<ExchangeBody<R>>;
    type Error = S::Error;
    type Future = ExchangeFuture<S::Future, R, S::Error>;

    fn poll_ready(&mut self, cx: &mut task::Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let (head, body) = request.into_parts();
        let context = Context::new(&head);
        self.pipeline.exchange(context, &mut self.inner, head, body)
    }
}

impl Pipeline {
    /// Runs one exchange over `inner`, which must be ready.
    ///
    /// This is what the pipeline's own service does; a service that chooses a pipeline for each request calls it itself. The
    /// request comes in its parts, as whoever looked at it has them: a head is large, and not moved for nothing.
    pub fn exchange<S, B, R>(
        &self,
        mut context: Context,
        inner: &mut S,
        mut head: request::Parts,
        body: B,
    ) -> ExchangeFuture<S::Future, R, S::Error>
    where
        S: Service<Request<B>, Response = Response<R>> + Clone + Send + 'static,
        S::Future: Send,
        B: Body<Data = Bytes> + From<Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
        R: Body<Data = Bytes> + Send + 'static,
        R::Error: Into<BoxError>,
    {
        if matches!(head.method, Method::GET | Method::HEAD) && !body.is_end_stream() {
            head.extensions.insert(BodyOnGet);
        }
        let count = self.entries().len();
        let leading = self.entries().get(..self.0.leading).unwrap_or_default();
        let mut message = Message::new(head, None);
        let entered = match guards::request(leading, &mut context, &mut message) {
            Passage::Refused(refusal) => {
                return ExchangeFuture::with_answer(refusal.map(|bytes| ExchangeBody::whole(bytes, context)));
            }
            Passage::Through if leading.len() == count => {
                let (head, whole) = message.into_parts();
                let body = whole.map_or(body, B::from);
                context.calls();
                let future = inner.call(Request::from_parts(head, body));
                return ExchangeFuture::guards(future, self.clone(), context);
            }
            Passage::Through => leading.len(),
            Passage::Waits(position) => position,
        };
        // The service that was ready is the one to be called (tower_service::Service, "Be careful when cloning inner services").
        let clone = inner.clone();
        let ready = mem::replace(inner, clone);
        let exchange = Exchange {
            pipeline: self.clone(),
            context,
            entered,
            message,
            body,
        };
        ExchangeFuture::boxed(Box::pin(exchange.run(ready)))
    }
}
