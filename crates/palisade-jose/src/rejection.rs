//! What a refused message is answered.

use http::header::RETRY_AFTER;
use http::{HeaderValue, StatusCode};
use palisade_core::{Rejection, ReplayError};

use crate::binding::BindingFault;
use crate::message::{ReadError, WriteError};
use crate::times::TimeFault;
use palisade_core::pool::PoolError;

/// Why a message is refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    /// It is no secured message at all.
    #[error("the body is not secured: {0}")]
    NotSecured(&'static str),
    /// It could be read, and was refused after that.
    #[error("{steps}; {refused}")]
    After {
        /// How far it came, for the operator.
        steps: String,
        /// Why it was refused.
        refused: Box<Refused>,
    },
    /// It could not be read: not decrypted, not verified, not of the format.
    #[error(transparent)]
    Unreadable(#[from] ReadError),
    /// It asks for another SOAP action inside than outside, where policy chose by the one outside.
    #[error("the SOAP action inside the message is another than the one of the request")]
    SoapAction,
    /// It was made for another request.
    #[error(transparent)]
    Binding(#[from] BindingFault),
    /// It is not of now.
    #[error(transparent)]
    Times(#[from] TimeFault),
    /// It has no `jti`, which replay protection needs.
    #[error("the message has no jti")]
    NoId,
    /// It was accepted before.
    #[error("the message was accepted before")]
    Replayed,
    /// It was made before the replay memory began to remember.
    #[error("the message was made before the replay memory started")]
    BeforeMemory,
    /// The replay memory cannot tell.
    #[error(transparent)]
    Memory(#[from] ReplayError),
    /// There is no thread for it.
    #[error(transparent)]
    Pool(#[from] PoolError),
    /// Its answer is to be encrypted to the caller's certificate, and there is none.
    #[error("the caller has no certificate to encrypt the response to")]
    NoCallerCertificate,
    /// Its answer is to be encrypted to the caller's certificate, whose key does not do that.
    #[error("the key of the caller's certificate cannot be used to encrypt the response: {0}")]
    CallerCertificate(String),
    /// The body to secure is compressed or cut: inside a message nobody could tell.
    #[error("the body to secure has a content coding or is a range, and cannot be carried as it is")]
    Coded,
    /// The answer could not be secured.
    #[error("the response cannot be secured: {0}")]
    Unwritable(#[from] WriteError),
}

impl Refused {
    /// Refused after these steps had passed.
    pub(crate) fn after(self, steps: String) -> Self {
        if steps.is_empty() {
            return self;
        }
        Self::After {
            steps,
            refused: Box::new(self),
        }
    }

    /// The reason itself.
    pub(crate) fn innermost(&self) -> &Self {
        match self {
            Self::After { refused, .. } => refused.innermost(),
            refused => refused,
        }
    }

    /// Whether nothing can go on, also where the stage only reports: a message could not be worked on at all, or would leave in
    /// the clear.
    pub(crate) fn stands_in_reports(&self) -> bool {
        matches!(
            self.innermost(),
            Self::Pool(_) | Self::Coded | Self::Unwritable(_)
        )
    }
}

impl From<Refused> for Rejection {
    fn from(refused: Refused) -> Self {
        let new = |status, code, title| Self::new(status, code, title);
        let bad = |code, title| new(StatusCode::BAD_REQUEST, code, title);
        let rejection = match refused.innermost() {
            Refused::NotSecured(_) => bad("message-not-secured", "The message is not secured")
                .detail("This endpoint accepts messages in JOSE compact form only."),
            // One answer for every step: a peer that could tell them apart could ask questions.
            Refused::After { .. }
            | Refused::Unreadable(_)
            | Refused::Binding(_)
            | Refused::Times(TimeFault::Missing)
            | Refused::NoId => bad(
                "message-security-failed",
                "The security of the message is not accepted",
            ),
            Refused::SoapAction => bad("soap-action-mismatch", "The SOAP action is ambiguous"),
            Refused::Times(TimeFault::Expired) => bad("message-expired", "The message has expired"),
            Refused::Times(TimeFault::NotYetValid) => {
                bad("message-not-yet-valid", "The message is made in the future")
            }
            Refused::Times(TimeFault::TtlTooLong) => {
                bad("message-ttl-too-long", "The message lives too long")
            }
            Refused::Replayed | Refused::BeforeMemory => new(
                StatusCode::CONFLICT,
                "message-replayed",
                "The message may have been sent before",
            )
            .detail("Each message is accepted once; send a new one."),
            Refused::Memory(_) => new(
                StatusCode::SERVICE_UNAVAILABLE,
                "store-unavailable",
                "The replay memory is not available",
            )
            .header(RETRY_AFTER, HeaderValue::from_static("10")),
            Refused::Pool(PoolError::Full) => new(
                StatusCode::SERVICE_UNAVAILABLE,
                "message-security-busy",
                "Too many messages are being processed",
            )
            .header(RETRY_AFTER, HeaderValue::from_static("1")),
            Refused::NoCallerCertificate => new(
                StatusCode::FORBIDDEN,
                "client-certificate-required",
                "A client certificate is required",
            )
            .detail("The response is encrypted to the caller's certificate."),
            Refused::CallerCertificate(_) => new(
                StatusCode::FORBIDDEN,
                "client-certificate-not-accepted",
                "The client certificate is not accepted",
            )
            .detail("The response cannot be encrypted to the key of this certificate."),
            Refused::Pool(PoolError::Broken) | Refused::Coded | Refused::Unwritable(_) => new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "internal-error",
                "The server failed",
            ),
        };
        let stands = refused.stands_in_reports();
        let rejection = rejection.caused_by(refused);
        if stands {
            rejection.even_in_reports()
        } else {
            rejection
        }
    }
}
