use std::pin::Pin;
use std::task::{Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use crate::{Context, Rejection};

pin_project! {
    /// The body of an answer: the inner service's own, or one that a stage made. It owns the exchange's [`Context`], and hands it on
    /// with the last bytes: protocol libraries drop a body that has ended, long before those are written to a client that is slow to
    /// read. Of a body that does not tell that a frame is its last one, what a library keeps for itself is not waited for.
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

/// The last bytes of an answer, which keep what stages kept until they are written.
struct LastBytes {
    bytes: Bytes,
    _context: Context,
}

impl AsRef<[u8]> for LastBytes {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl<B: Body<Data = Bytes>> Kind<B> {
    fn is_end_stream(&self) -> bool {
        match self {
            Self::Stream { body } => body.is_end_stream(),
            Self::Whole { bytes } => bytes.is_none(),
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
        let mut this = self.project();
        let frame = match this.kind.as_mut().project() {
            KindProjection::Stream { body } => ready!(body.poll_frame(cx)),
            KindProjection::Whole { bytes } => bytes.take().map(|bytes| Ok(Frame::data(bytes))),
        };
        let Some(Ok(frame)) = frame else {
            if frame.is_none() {
                // The exchange ends with its last byte, also where the server keeps the body around.
                *this.context = None;
            }
            return Poll::Ready(frame);
        };
        if !frame.is_data() || !this.kind.is_end_stream() {
            return Poll::Ready(Some(Ok(frame)));
        }
        let Some(context) = this.context.take_if(|context| context.keeps_anything()) else {
            return Poll::Ready(Some(Ok(frame)));
        };
        Poll::Ready(Some(Ok(frame.map_data(|bytes| {
            Bytes::from_owner(LastBytes {
                bytes,
                _context: context,
            })
        }))))
    }

    fn is_end_stream(&self) -> bool {
        self.kind.is_end_stream()
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
