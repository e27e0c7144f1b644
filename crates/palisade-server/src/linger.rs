//! A request body over HTTP/2 that nobody reads to its end.
//!
//! Dropping it resets the stream (RFC 9113 section 8.1), and clients take that reset for a failure although the answer, a 413
//! say, came right before it. So the rest is read and thrown away for a while, as a connection's close lingers.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use palisade_core::pipeline::BoxError;
use tokio::runtime::Handle;
use tokio::time::timeout;

use crate::idle::IdleBody;

/// How long the rest of a body is read at most.
const WHOLE: Duration = Duration::from_secs(10);
/// How much of the rest is read at most.
const BYTES: usize = 64 * 1024 * 1024;

/// A body whose rest is read when it is dropped.
#[derive(Debug)]
pub(crate) struct LingeringBody(Option<IdleBody<Incoming>>);

impl LingeringBody {
    pub(crate) fn new(body: IdleBody<Incoming>) -> Self {
        Self(Some(body))
    }
}

impl Body for LingeringBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let Some(body) = &mut self.0 else {
            return Poll::Ready(None);
        };
        let frame = ready!(Pin::new(body).poll_frame(cx));
        if !matches!(frame, Some(Ok(_))) {
            self.0 = None;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.0.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.0.as_ref().map_or(SizeHint::with_exact(0), Body::size_hint)
    }
}

impl Drop for LingeringBody {
    fn drop(&mut self) {
        if let Some(body) = self.0.take()
            && !body.is_end_stream()
            && let Ok(runtime) = Handle::try_current()
        {
            runtime.spawn(timeout(WHOLE, discard(body)));
        }
    }
}

async fn discard(mut body: IdleBody<Incoming>) {
    let mut left = BYTES;
    while let Some(Ok(frame)) = body.frame().await {
        left = left.saturating_sub(frame.data_ref().map_or(0, Bytes::len));
        if left == 0 {
            return;
        }
    }
}
