//! Why a server is not upgraded to TLS.

use std::io;

use super::lines::{MAX_LINE, MAX_LINES};
use crate::error::ErrorKind;

/// Why a server is not upgraded to TLS. Nothing here repeats what the server said.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error("the connection failed")]
    Lost(#[from] io::Error),
    #[error("the server closed the connection")]
    Closed,
    #[error("the server turns clients away")]
    TurnedAway,
    #[error("the server does not offer STARTTLS")]
    NotOffered,
    #[error("the server refuses STARTTLS")]
    Refused,
    #[error("the server says that the session is authenticated already, which forbids STARTTLS")]
    PreAuthenticated,
    #[error("the server sent more than its answer in the clear")]
    Injected,
    #[error("a line has more than {MAX_LINE} bytes")]
    LineTooLong,
    #[error("the server sent more than {MAX_LINES} lines")]
    TooManyLines,
    #[error("a line is not one of the protocol")]
    NotTheProtocol,
}

impl Failure {
    pub(super) fn kind(&self) -> ErrorKind {
        match self {
            Self::Lost(_) | Self::Closed => ErrorKind::Broken,
            Self::TurnedAway | Self::NotOffered | Self::Refused | Self::PreAuthenticated => {
                ErrorKind::UpgradeRefused
            }
            Self::Injected => ErrorKind::Injected,
            Self::LineTooLong | Self::TooManyLines | Self::NotTheProtocol => ErrorKind::NotTheProtocol,
        }
    }
}
