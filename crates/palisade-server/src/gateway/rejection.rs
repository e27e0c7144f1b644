use http::StatusCode;
use palisade_client::{ClientError, ErrorKind};
use palisade_core::Rejection;

use super::progress::Stall;

/// Why the gateway has no answer of the upstream to pass on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(super) enum Failure {
    /// No connection, or one that broke before the answer.
    #[error("the upstream cannot be reached")]
    Unreachable(#[source] ClientError),
    /// No connection in time.
    #[error("connecting to the upstream took too long")]
    ConnectTimeout(#[source] ClientError),
    /// No head of an answer in time.
    #[error("the upstream did not answer in time")]
    AnswerTimeout,
    /// It switched to a protocol that nobody asked for.
    #[error("the upstream switched protocols unasked")]
    Switched,
    /// The client did not send its body in time.
    #[error("the client stopped in the middle of its body")]
    ClientStopped,
    /// The client's body cannot be read to its end.
    #[error("the client's body broke off")]
    ClientBroke,
    /// The request cannot be said to an upstream.
    #[error("the target cannot be joined to the upstream's address")]
    Target(#[source] http::Error),
    /// `CONNECT` asks for a tunnel.
    #[error("CONNECT is not offered")]
    Tunnel,
}

impl From<Stall> for Failure {
    fn from(stall: Stall) -> Self {
        match stall {
            Stall::Client => Self::ClientStopped,
            Stall::Upstream => Self::AnswerTimeout,
        }
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        match error.kind() {
            ErrorKind::ConnectTimeout => Self::ConnectTimeout(error),
            ErrorKind::ResponseTimeout => Self::AnswerTimeout,
            // Whatever else it is, there is no answer of the upstream.
            _ => Self::Unreachable(error),
        }
    }
}

impl From<Failure> for Rejection {
    fn from(failure: Failure) -> Self {
        let (status, code, title) = match &failure {
            Failure::Unreachable(_) | Failure::Switched => (
                StatusCode::BAD_GATEWAY,
                "upstream-unreachable",
                "The upstream cannot be reached",
            ),
            Failure::ConnectTimeout(_) | Failure::AnswerTimeout => (
                StatusCode::GATEWAY_TIMEOUT,
                "upstream-timeout",
                "The upstream did not answer in time",
            ),
            Failure::ClientStopped => (
                StatusCode::REQUEST_TIMEOUT,
                "body-timeout",
                "The request body did not arrive in time",
            ),
            Failure::ClientBroke => (
                StatusCode::BAD_REQUEST,
                "body-malformed",
                "The request body cannot be read",
            ),
            Failure::Target(_) => (
                StatusCode::BAD_REQUEST,
                "target-malformed",
                "The request target cannot be forwarded",
            ),
            Failure::Tunnel => (
                StatusCode::NOT_IMPLEMENTED,
                "tunnel-not-offered",
                "This server offers no tunnels",
            ),
        };
        Self::new(status, code, title).caused_by(failure)
    }
}
