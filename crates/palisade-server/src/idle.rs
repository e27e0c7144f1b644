//! A body that must not stand still.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use palisade_core::pipeline::{BoxError, StoodStill};
use pin_project_lite::pin_project;
use tokio::time::{Sleep, sleep};

pin_project! {
    /// A body that ends with [`StoodStill`] when its source sends nothing for a while although more is asked for.
    ///
    /// The time runs only while the reader waits: a reader that takes its time is not the source's fault. No timer is made for
    /// a body whose frames are there when asked for.
    pub(crate) struct IdleBody<B> {
        #[pin]
        body: B,
        limit: Duration,
        timer: Option<Pin<Box<Sleep>>>,
    }
}

impl<B> IdleBody<B> {
    /// Gives the source that long for each next frame.
    pub(crate) fn new(body: B, limit: Duration) -> Self {
        Self {
            body,
            limit,
            timer: None,
        }
    }
}

impl<B> Body for IdleBody<B>
where
    B: Body<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = self.project();
        if let Poll::Ready(frame) = this.body.poll_frame(cx) {
            *this.timer = None;
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        let limit = *this.limit;
        let timer = this.timer.get_or_insert_with(|| Box::pin(sleep(limit)));
        ready!(timer.as_mut().poll(cx));
        Poll::Ready(Some(Err(StoodStill::new(limit).into())))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl<B> fmt::Debug for IdleBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IdleBody")
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::time::Duration;

    use bytes::Bytes;
    use futures_util::stream;
    use http_body::Frame;
    use http_body_util::{BodyExt, StreamBody};

    use super::{IdleBody, StoodStill};

    #[tokio::test(start_paused = true)]
    async fn a_source_that_stops_ends_the_body_with_an_error_and_a_slow_reader_does_not() {
        let pieces = stream::unfold(0_u32, |count| async move {
            match count {
                0..3 => tokio::time::sleep(Duration::from_secs(2)).await,
                _ => tokio::time::sleep(Duration::from_secs(100)).await,
            }
            Some((
                Ok::<_, Infallible>(Frame::data(Bytes::from_static(b"x"))),
                count + 1,
            ))
        });
        let mut body = Box::pin(IdleBody::new(StreamBody::new(pieces), Duration::from_secs(3)));
        for _ in 0..3 {
            tokio::time::sleep(Duration::from_secs(10)).await;
            assert!(body.frame().await.unwrap().is_ok());
        }
        let error = body.frame().await.unwrap().unwrap_err();
        assert!(error.is::<StoodStill>());
    }
}
