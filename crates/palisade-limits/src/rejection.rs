use std::time::Duration;

use http::header::RETRY_AFTER;
use http::{HeaderValue, StatusCode};
use palisade_core::{LimitStoreError, Rejection};

use crate::amount::Unreadable;
use crate::fields::seconds_up;
use crate::limiter::What;

/// Why a limit refuses.
#[derive(Debug)]
pub(crate) enum Refused<'a> {
    /// More than is left.
    Exceeded(&'a What),
    /// It cannot be counted.
    StoreUnavailable(LimitStoreError),
    /// One transaction is larger than any may be.
    AmountTooHigh,
    /// There is no amount that everybody would read alike.
    AmountUnreadable(Unreadable),
    /// The body is coded, so that nobody looked inside.
    CodedBody,
}

impl From<Unreadable> for Refused<'_> {
    fn from(unreadable: Unreadable) -> Self {
        Self::AmountUnreadable(unreadable)
    }
}

/// A body under `Content-Encoding` (RFC 9110 section 8.4).
#[derive(Debug, thiserror::Error)]
#[error("the body has a content coding")]
struct Coded;

impl From<Refused<'_>> for Rejection {
    fn from(refused: Refused<'_>) -> Self {
        match refused {
            Refused::Exceeded(what) => exceeded(what),
            Refused::StoreUnavailable(error) => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "store-unavailable",
                "The request cannot be counted now",
            )
            .header(RETRY_AFTER, HeaderValue::from(1))
            .caused_by(error),
            Refused::AmountTooHigh => Self::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "amount-too-high",
                "The amount of a transaction is too high",
            ),
            Refused::AmountUnreadable(unreadable) => unreadable_amount()
                .detail(unreadable.public())
                .caused_by(unreadable),
            Refused::CodedBody => unreadable_amount().caused_by(Coded),
        }
    }
}

fn unreadable_amount() -> Rejection {
    Rejection::new(
        StatusCode::UNPROCESSABLE_ENTITY,
        "amount-unreadable",
        "The amount of the transaction cannot be read",
    )
}

fn exceeded(what: &What) -> Rejection {
    match what {
        What::Requests => too_many_requests(),
        What::InFlight => too_many_in_flight(),
        What::Transactions { .. } => quota_exceeded(),
        What::Money { .. } => total_exceeded(),
    }
}

pub(crate) fn too_many_requests() -> Rejection {
    Rejection::new(
        StatusCode::TOO_MANY_REQUESTS,
        "rate-limit-exceeded",
        "Too many requests",
    )
}

pub(crate) fn too_many_in_flight() -> Rejection {
    Rejection::new(
        StatusCode::TOO_MANY_REQUESTS,
        "too-many-in-flight",
        "Too many requests are under way",
    )
}

pub(crate) fn quota_exceeded() -> Rejection {
    Rejection::new(
        StatusCode::TOO_MANY_REQUESTS,
        "quota-exceeded",
        "The quota of transactions is used up",
    )
}

pub(crate) fn total_exceeded() -> Rejection {
    Rejection::new(
        StatusCode::TOO_MANY_REQUESTS,
        "amount-total-exceeded",
        "The amounts of all transactions come to too much",
    )
}

/// `Retry-After` (RFC 9110 section 10.2.3), where waiting helps.
pub(crate) fn retry_after(time: Duration) -> Option<HeaderValue> {
    (time < Duration::MAX).then(|| HeaderValue::from(seconds_up(time).max(1)))
}
