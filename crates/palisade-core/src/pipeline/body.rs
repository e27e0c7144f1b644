use std::collections::VecDeque;
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
        body: AnswerBody<B>,
        context: Option<Context>,
    }
}

pin_project! {
    /// The body of an answer, without what belongs to its exchange.
    #[derive(Debug)]
    #[project = AnswerBodyProjection]
    pub(super) enum AnswerBody<B> {
        Stream { #[pin] body: B },
        /// A stream of which some was read already.
        Resumed { resumed: Resumed<AnswerBody<B>> },
        Whole { bytes: Option<Bytes> },
    }
}

/// A body of which some was read, and put back in front of the rest: data alone, since trailers end a body.
#[derive(Debug)]
pub(super) struct Resumed<B> {
    pub(super) read: VecDeque<Bytes>,
    pub(super) rest: Pin<Box<B>>,
}

impl<B> ExchangeBody<B> {
    pub(super) fn new(body: AnswerBody<B>, context: Context) -> Self {
        Self {
            body,
            context: Some(context),
        }
    }

    /// The inner service's own body.
    pub(crate) fn stream(body: B, context: Context) -> Self {
        Self::new(AnswerBody::Stream { body }, context)
    }

    /// The refusal that this is the body of, in an outbound exchange.
    pub(crate) fn take_refusal(&mut self) -> Option<Rejection> {
        self.context.as_mut()?.take_refusal()
    }

    /// A body that is held whole.
    pub(crate) fn whole(bytes: Bytes, context: Context) -> Self {
        Self::new(AnswerBody::from(bytes), context)
    }
}

impl<B> From<Bytes> for ExchangeBody<B> {
    fn from(bytes: Bytes) -> Self {
        Self {
            body: AnswerBody::from(bytes),
            context: None,
        }
    }
}

impl<B> From<Bytes> for AnswerBody<B> {
    fn from(bytes: Bytes) -> Self {
        Self::Whole {
            bytes: Some(bytes).filter(|bytes| !bytes.is_empty()),
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

impl<B: Body<Data = Bytes>> Body for AnswerBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        match self.project() {
            AnswerBodyProjection::Stream { body } => body.poll_frame(cx),
            AnswerBodyProjection::Resumed { resumed } => Pin::new(resumed).poll_frame(cx),
            AnswerBodyProjection::Whole { bytes } => {
                Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Stream { body } => body.is_end_stream(),
            Self::Resumed { resumed } => resumed.is_end_stream(),
            Self::Whole { bytes } => bytes.is_none(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Stream { body } => body.size_hint(),
            Self::Resumed { resumed } => resumed.size_hint(),
            Self::Whole { bytes } => SizeHint::with_exact(bytes.as_ref().map_or(0, length)),
        }
    }
}

impl<B: Body<Data = Bytes>> Body for Resumed<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        match self.read.pop_front() {
            Some(bytes) => Poll::Ready(Some(Ok(Frame::data(bytes)))),
            None => self.rest.as_mut().poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.read.is_empty() && self.rest.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let read: u64 = self.read.iter().map(length).sum();
        let rest = self.rest.size_hint();
        let mut hint = SizeHint::new();
        hint.set_lower(read.saturating_add(rest.lower()));
        if let Some(upper) = rest.upper() {
            hint.set_upper(read.saturating_add(upper));
        }
        hint
    }
}

fn length(bytes: &Bytes) -> u64 {
    bytes.len() as u64
}

impl<B: Body<Data = Bytes>> Body for ExchangeBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let mut this = self.project();
        let frame = ready!(this.body.as_mut().poll_frame(cx));
        let Some(Ok(frame)) = frame else {
            if frame.is_none() {
                // The exchange ends with its last byte, also where the server keeps the body around.
                *this.context = None;
            }
            return Poll::Ready(frame);
        };
        if !frame.is_data() || !this.body.is_end_stream() {
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
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
