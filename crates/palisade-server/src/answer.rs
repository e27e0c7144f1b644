//! Refusals that the server itself makes.

use axum::body::Body;
use http::{Response, request};
use palisade_core::{Context, RefusalFormat, Rejection};

/// The memory of an exchange, in which refusals are written in the format of the request's route.
pub(crate) fn context(head: &request::Parts) -> Context {
    let format = head
        .extensions
        .get::<RefusalFormat>()
        .copied()
        .unwrap_or_default();
    Context::with_format(head, format)
}

/// Writes and records a refusal.
pub(crate) fn refuse(cx: &mut Context, rejection: &Rejection, by: &'static str) -> Response<Body> {
    rejection.refuse(cx, by).map(Body::from)
}
