use std::pin::Pin;
use std::task::{Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use crate::{Context, Rejection};

pin_project! {
    /// The body of an answer: the inner service's own, or one that a stage made. It owns the exchange's [`Context`].
    #[derive(Debug)]
    pub struct ExchangeBody<B> {
        #[pin]
        kind: Kind<B>,
        context: Option<Context>,
    }
}

pin_project! {
    #[derive(Debug)]
    #[project = KindProjection]
    enum Kind<B> {
        Stream { #[pin] body: B },
        Whole { bytes: Option<Bytes> },
    }
}

impl<B> ExchangeBody<B> {
    /// The inner service's own body.
    pub(crate) fn stream(body: B, context: Context) -> Self {
        Self {
            kind: Kind::Stream { body },
            context: Some(context),
        }
    }

    /// The refusal that this is the body of, in an outbound exchange.
    pub(crate) fn take_refusal(&mut self) -> Option<Rejection> {
        self.context.as_mut()?.take_refusal()
    }

    /// A body that is held whole.
    pub(crate) fn whole(bytes: Bytes, context: Context) -> Self {
        Self {
            context: Some(context),
            ..Self::from(bytes)
        }
    }
}

impl<B> From<Bytes> for ExchangeBody<B> {
    fn from(bytes: Bytes) -> Self {
        Self {
            kind: Kind::Whole {
                bytes: Some(bytes).filter(|bytes| !bytes.is_empty()),
            },
            context: None,
        }
    }
}

impl<B: Body<Data = Bytes>> Body for ExchangeBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let this = self.project();
        let frame = match this.kind.project() {
            KindProjection::Stream { body } => ready!(body.poll_frame(cx)),
            KindProjection::Whole { bytes } => bytes.take().map(|bytes| Ok(Frame::data(bytes))),
        };
        if frame.is_none() {
            // The exchange ends with its last byte, also where the server keeps the body around.
            *this.context = None;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        match &self.kind {
            Kind::Stream { body } => body.is_end_stream(),
            Kind::Whole { bytes } => bytes.is_none(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            Kind::Stream { body } => body.size_hint(),
            Kind::Whole { bytes } => {
                SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
            }
        }
    }
}
