//! Reading a body whole, within bounds.

use std::collections::VecDeque;
use std::error::Error;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body::Body;
use http_body_util::BodyExt;

use super::BoxError;
use super::body::{AnswerBody, Resumed};
use crate::settings::ByteSize;

/// The error of a body whose source sent nothing for too long.
///
/// Whoever limits the time gives its bodies this error, so that a client that stops is told that (408 `body-timeout`), and not
/// that what it sent cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the body stood still for {limit:?}")]
pub struct StoodStill {
    limit: Duration,
}

impl StoodStill {
    /// Nothing came for that long.
    pub const fn new(limit: Duration) -> Self {
        Self { limit }
    }

    /// Whether it is that error, or was caused by it.
    pub fn is_behind(error: &(dyn Error + 'static)) -> bool {
        let mut next = Some(error);
        while let Some(error) = next {
            if error.is::<Self>() {
                return true;
            }
            next = error.source();
        }
        false
    }
}

/// Why a body could not be read whole.
pub(super) enum Unread {
    TooLarge,
    StoodStill(BoxError),
    Broken(BoxError),
}

/// A body that is not held.
pub(super) enum Unheld<B> {
    /// It says itself that it is too large, and was not read.
    Untouched(B),
    /// It was found to be too large.
    TooLarge(Resumed<B>),
    /// It could not be read.
    Failed(Unread),
}

/// How what was read of a body is put back; `None` where it cannot be.
pub(super) type PutBack<B> = fn(Resumed<B>) -> Option<B>;

/// Reads a body whole. No more of it is held than the limit and one frame.
pub(super) async fn read<B>(body: B, limit: ByteSize) -> Result<Bytes, Unheld<B>>
where
    B: Body<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    if body.size_hint().lower() > limit.get() {
        return Err(Unheld::Untouched(body));
    }
    let mut rest = Box::pin(body);
    let mut read = VecDeque::new();
    let mut length = 0_usize;
    while let Some(frame) = rest.frame().await {
        let frame = frame.map_err(|error| Unheld::Failed(Unread::of(error.into())))?;
        let Ok(bytes) = frame.into_data() else {
            continue;
        };
        length = length.saturating_add(bytes.len());
        read.push_back(bytes);
        if length > limit.as_usize() {
            return Err(Unheld::TooLarge(Resumed { read, rest }));
        }
    }
    Ok(joined(read, length))
}

impl Unread {
    fn of(error: BoxError) -> Self {
        if StoodStill::is_behind(error.as_ref()) {
            Self::StoodStill(error)
        } else {
            Self::Broken(error)
        }
    }
}

/// The bytes in one piece: not copied, where they came in one.
fn joined(mut read: VecDeque<Bytes>, length: usize) -> Bytes {
    if read.len() < 2 {
        return read.pop_front().unwrap_or_default();
    }
    let mut whole = BytesMut::with_capacity(length);
    for bytes in read {
        whole.extend_from_slice(&bytes);
    }
    whole.freeze()
}

/// Puts back what was read of an answer.
#[expect(clippy::unnecessary_wraps, reason = "it is a `PutBack`")]
pub(super) fn resume_answer<B>(resumed: Resumed<AnswerBody<B>>) -> Option<AnswerBody<B>> {
    Some(AnswerBody::Resumed { resumed })
}

/// Puts back what was read of a request. The inner service wants a body of the type that came, and of types that there are, axum's
/// is one that can be made of another body.
#[cfg(feature = "axum")]
pub(super) fn resume_request<B>(resumed: Resumed<B>) -> Option<B>
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    let mut body = Some(axum_core::body::Body::new(resumed));
    let body: &mut dyn std::any::Any = &mut body;
    body.downcast_mut::<Option<B>>()?.take()
}

/// Puts back what was read of a request, which takes axum's type of bodies.
#[cfg(not(feature = "axum"))]
pub(super) fn resume_request<B>(_: Resumed<B>) -> Option<B> {
    None
}
