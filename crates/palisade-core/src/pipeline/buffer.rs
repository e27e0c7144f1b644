//! Reading a body whole, within bounds.

use bytes::Bytes;
use http::StatusCode;
use http_body::Body;
use http_body_util::{BodyExt, LengthLimitError, Limited};

use super::BoxError;
use crate::Rejection;
use crate::settings::ByteSize;

/// Why a body could not be read whole.
enum Unread {
    TooLarge,
    Broken(BoxError),
}

async fn read<B>(body: B, limit: ByteSize) -> Result<Bytes, Unread>
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

pub(super) async fn request_body<B>(body: B, limit: ByteSize) -> Result<Bytes, Rejection>
where
    B: Body<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    read(body, limit).await.map_err(|unread| match unread {
        Unread::TooLarge => Rejection::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "body-too-large",
            "The request's body is too large",
        )
        .member("limit", limit.get()),
        Unread::Broken(error) => Rejection::new(
            StatusCode::BAD_REQUEST,
            "body-malformed",
            "The request's body cannot be read",
        )
        .caused_by(error),
    })
}

pub(super) async fn response_body<B>(body: B, limit: ByteSize) -> Result<Bytes, Rejection>
where
    B: Body<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    read(body, limit).await.map_err(|unread| {
        let rejection = Rejection::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "response-unreadable",
            "The answer could not be processed",
        );
        match unread {
            Unread::TooLarge => rejection.caused_by(format!("the response's body exceeds {limit}")),
            Unread::Broken(error) => rejection.caused_by(error),
        }
    })
}
