//! What differs between the way in and the way out, so that the rest is written once.

use http::header::HeaderMap;
use http::{StatusCode, request, response};

use super::PipelineLimits;
use super::buffer::Unread;
use crate::settings::ByteSize;
use crate::stage::{Guard, Message, Need, Step, Transform};
use crate::{Context, Rejection};

/// The way in, or the way out.
pub(super) trait Direction: Sized {
    /// How a transform needs this direction's body.
    fn need(&self, transform: &dyn Transform, cx: &Context) -> Need;

    /// How much of this direction's body is held.
    fn limit(limits: PipelineLimits) -> ByteSize;

    /// The answer when the body cannot be held.
    fn refuse(unread: Unread, limit: ByteSize) -> Rejection;

    /// The fields of the head.
    fn headers(&mut self) -> &mut HeaderMap;

    /// Runs a guard.
    fn guard(&mut self, guard: &dyn Guard, cx: &mut Context) -> Result<(), Rejection>;

    /// Runs a transform.
    fn transform<'a>(
        message: &'a mut Message<Self>,
        transform: &'a dyn Transform,
        cx: &'a mut Context,
    ) -> Step<'a>;
}

impl Direction for request::Parts {
    fn need(&self, transform: &dyn Transform, _: &Context) -> Need {
        Need::whole_if(transform.needs().request())
    }

    fn limit(limits: PipelineLimits) -> ByteSize {
        limits.request_body
    }

    fn refuse(unread: Unread, limit: ByteSize) -> Rejection {
        match unread {
            Unread::TooLarge => Rejection::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "body-too-large",
                "The request body is too large",
            )
            .member("limit", limit.get()),
            Unread::StoodStill(error) => Rejection::new(
                StatusCode::REQUEST_TIMEOUT,
                "body-timeout",
                "The request body did not arrive in time",
            )
            .caused_by(error),
            Unread::Broken(error) => Rejection::new(
                StatusCode::BAD_REQUEST,
                "body-malformed",
                "The request body cannot be read",
            )
            .caused_by(error),
        }
    }

    fn headers(&mut self) -> &mut HeaderMap {
        &mut self.headers
    }

    fn guard(&mut self, guard: &dyn Guard, cx: &mut Context) -> Result<(), Rejection> {
        guard.request(cx, self)
    }

    fn transform<'a>(
        message: &'a mut Message<Self>,
        transform: &'a dyn Transform,
        cx: &'a mut Context,
    ) -> Step<'a> {
        transform.request(cx, message)
    }
}

impl Direction for response::Parts {
    fn need(&self, transform: &dyn Transform, cx: &Context) -> Need {
        transform.needs_answer(cx, self)
    }

    fn limit(limits: PipelineLimits) -> ByteSize {
        limits.response_body
    }

    fn refuse(unread: Unread, limit: ByteSize) -> Rejection {
        let rejection = Rejection::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "response-unreadable",
            "The answer could not be processed",
        );
        match unread {
            Unread::TooLarge => rejection.caused_by(format!("the response's body exceeds {limit}")),
            Unread::StoodStill(error) | Unread::Broken(error) => rejection.caused_by(error),
        }
    }

    fn headers(&mut self) -> &mut HeaderMap {
        &mut self.headers
    }

    fn guard(&mut self, guard: &dyn Guard, cx: &mut Context) -> Result<(), Rejection> {
        guard.response(cx, self)
    }

    fn transform<'a>(
        message: &'a mut Message<Self>,
        transform: &'a dyn Transform,
        cx: &'a mut Context,
    ) -> Step<'a> {
        transform.response(cx, message)
    }
}
