//! Refusals that the server itself makes.

use axum::body::Body;
use http::Response;
use palisade_core::{Context, Rejection};

/// Writes and records a refusal.
pub(crate) fn refuse(cx: &mut Context, rejection: &Rejection, by: &'static str) -> Response<Body> {
    rejection.refuse(cx, by).map(Body::from)
}
