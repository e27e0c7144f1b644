//! Bodies on their way through the gateway. Both stream: a frame in, the same frame out.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::body::Body;
use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use palisade_core::pipeline::StoodStill;

use super::progress::Progress;

/// The client's body on its way to the upstream.
#[derive(Debug)]
pub struct UpstreamBody {
    body: Body,
    progress: Progress,
}

impl UpstreamBody {
    pub(super) fn new(body: Body, progress: Progress) -> Self {
        Self { body, progress }
    }
}

impl HttpBody for UpstreamBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        match &polled {
            Poll::Pending => self.progress.waits_for_client(),
            Poll::Ready(Some(Err(error))) => self.progress.failed(StoodStill::is_behind(error)),
            Poll::Ready(_) => self.progress.moved(),
        }
        let frame = ready!(polled);
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
