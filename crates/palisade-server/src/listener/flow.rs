//! Whether the answers of a connection get anywhere.
//!
//! 1. What waits for the reader is counted: a body that is not asked for its next frame, and a frame whose bytes are not all
//!    written. A body whose source takes its time waits for the source, not for the reader.
//! 2. HTTP/1.1 needs no counting: there a reader that takes nothing blocks the next write, which has its own time.
//! 3. When something waits and nothing moves for the limit, the connection is cut off. Over HTTP/2 nothing else notices: a peer
//!    that grants no window has no write to block on, answers every ping, and would hold its answers for ever.
//!
//! Counting takes no clock and no timer; the connection's stream looks now and then while something waits.

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum_server::accept::Accept;
use axum_server::service::SendService;
use bytes::Buf;
use http::{Request, Response, Version};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use pin_project_lite::pin_project;
use tower_service::Service;

use super::ServedStream;

/// The answers of one connection.
#[derive(Debug, Default)]
pub(crate) struct Flow {
    waiting: AtomicUsize,
    has_moved: AtomicBool,
}

impl Flow {
    /// Whether something waits for the reader.
    pub(super) fn waits(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) > 0
    }

    /// Whether something moved since this was asked before.
    pub(super) fn take_moved(&self) -> bool {
        self.has_moved.swap(false, Ordering::Relaxed)
    }

    fn moved(&self) {
        self.has_moved.store(true, Ordering::Relaxed);
    }
}

/// Something that waits for the reader, as long as it lives.
#[derive(Debug)]
struct Waiting(Arc<Flow>);

impl Waiting {
    fn new(flow: &Arc<Flow>) -> Self {
        flow.waiting.fetch_add(1, Ordering::Relaxed);
        flow.moved();
        Self(Arc::clone(flow))
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

/// An acceptor whose connections are cut off when their answers get nowhere.
#[derive(Debug, Clone)]
pub(super) struct FlowAcceptor<A> {
    pub(super) inner: A,
    pub(super) limit: Duration,
}

impl<A, S> Accept<ServedStream, S> for FlowAcceptor<A>
where
    A: Accept<ServedStream, S>,
    A::Service: SendService<Request<Incoming>>,
{
    type Stream = A::Stream;
    type Service = FlowService<<A::Service as SendService<Request<Incoming>>>::Service>;
    type Future = AcceptFuture<A::Future>;

    fn accept(&self, mut stream: ServedStream, service: S) -> Self::Future {
        let flow = Arc::new(Flow::default());
        stream.watch(Arc::clone(&flow), self.limit);
        AcceptFuture {
            inner: self.inner.accept(stream, service),
            flow: Some(flow),
        }
    }
}

pin_project! {
    /// A connection on its way to being accepted.
    pub(super) struct AcceptFuture<F> {
        #[pin]
        inner: F,
        flow: Option<Arc<Flow>>,
    }
}

impl<F, I, S> Future for AcceptFuture<F>
where
    F: Future<Output = io::Result<(I, S)>>,
    S: SendService<Request<Incoming>>,
{
    type Output = io::Result<(I, FlowService<S::Service>)>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let (stream, service) = ready!(this.inner.poll(cx))?;
        let service = FlowService {
            inner: service.into_service(),
            flow: this.flow.take().unwrap_or_default(),
        };
        Poll::Ready(Ok((stream, service)))
    }
}

/// The service of one connection, whose answers are watched.
#[derive(Debug, Clone)]
pub(super) struct FlowService<S> {
    inner: S,
    flow: Arc<Flow>,
}

impl<S, Q, B> Service<Request<Q>> for FlowService<S>
where
    S: Service<Request<Q>, Response = Response<B>>,
    B: Body,
{
    type Response = Response<FlowBody<B>>;
    type Error = S::Error;
    type Future = FlowFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Q>) -> Self::Future {
        let request_version = request.version();
        FlowFuture {
            inner: self.inner.call(request),
            flow: (request_version == Version::HTTP_2).then(|| Arc::clone(&self.flow)),
        }
    }
}

pin_project! {
    /// An answer on its way.
    pub(super) struct FlowFuture<F> {
        #[pin]
        inner: F,
        flow: Option<Arc<Flow>>,
    }
}

impl<F, B, E> Future for FlowFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
    B: Body,
{
    type Output = Result<Response<FlowBody<B>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let response = ready!(this.inner.poll(cx))?;
        Poll::Ready(Ok(response.map(|body| FlowBody {
            waiting: this
                .flow
                .as_ref()
                .filter(|_| !body.is_end_stream())
                .map(Waiting::new),
            flow: this.flow.take(),
            body,
        })))
    }
}

pin_project! {
    /// The body of an answer.
    pub(super) struct FlowBody<B> {
        #[pin]
        body: B,
        flow: Option<Arc<Flow>>,
        waiting: Option<Waiting>,
    }
}

impl<B: Body> Body for FlowBody<B> {
    type Data = Piece<B::Data>;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, B::Error>>> {
        let this = self.project();
        let polled = this.body.poll_frame(cx);
        let Poll::Ready(Some(Ok(frame))) = polled else {
            *this.waiting = None;
            return polled.map(|end| end.and_then(Result::err).map(Err));
        };
        if this.waiting.is_none() {
            *this.waiting = this.flow.as_ref().map(Waiting::new);
        }
        let flow = this.flow.as_ref();
        Poll::Ready(Some(Ok(frame.map_data(|data| Piece {
            data,
            waiting: flow.map(Waiting::new),
        }))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Bytes of an answer that are not all written.
#[derive(Debug)]
pub(super) struct Piece<D> {
    data: D,
    waiting: Option<Waiting>,
}

impl<D: Buf> Buf for Piece<D> {
    fn remaining(&self) -> usize {
        self.data.remaining()
    }

    fn chunk(&self) -> &[u8] {
        self.data.chunk()
    }

    fn chunks_vectored<'a>(&'a self, into: &mut [io::IoSlice<'a>]) -> usize {
        self.data.chunks_vectored(into)
    }

    fn advance(&mut self, count: usize) {
        if let Some(Waiting(flow)) = &self.waiting {
            flow.moved();
        }
        self.data.advance(count);
    }
}

impl<F> fmt::Debug for FlowFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FlowFuture").finish_non_exhaustive()
    }
}

impl<F> fmt::Debug for AcceptFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AcceptFuture").finish_non_exhaustive()
    }
}

impl<B> fmt::Debug for FlowBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FlowBody")
            .field("waiting", &self.waiting.is_some())
            .finish_non_exhaustive()
    }
}
