//! Reading a body whole, within bounds.

use bytes::Bytes;
use http_body::Body;
use http_body_util::{BodyExt, LengthLimitError, Limited};

use super::BoxError;
use crate::settings::ByteSize;

/// Why a body could not be read whole.
pub(super) enum Unread {
    TooLarge,
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
        Err(error) => Err(Unread::Broken(error)),
    }
}
