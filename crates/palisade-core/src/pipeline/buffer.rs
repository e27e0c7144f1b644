//! Reading a body whole, within bounds.

use std::error::Error;
use std::time::Duration;

use bytes::Bytes;
use http_body::Body;
use http_body_util::{BodyExt, LengthLimitError, Limited};

use super::BoxError;
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

pub(super) async fn read<B>(body: B, limit: ByteSize) -> Result<Bytes, Unread>
where
    B: Body<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    if body.size_hint().lower() > limit.get() {
        return Err(Unread::TooLarge);
    }
    match Limited::new(body, limit.as_usize()).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(Unread::TooLarge),
        Err(error) if StoodStill::is_behind(error.as_ref()) => Err(Unread::StoodStill(error)),
        Err(error) => Err(Unread::Broken(error)),
    }
}
