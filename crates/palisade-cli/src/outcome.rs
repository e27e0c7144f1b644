//! How a command ends.

use std::io;
use std::process::ExitCode;

use palisade_config::{Error, Errors};

/// The exit status of a command that could do its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// 0: all is well.
    Fine,
    /// 1: a request would be refused, a score is too low, or two configurations differ.
    Refused,
    /// 2: wrong use, or a configuration that is not sound.
    Wrong,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        match exit {
            Exit::Fine => Self::SUCCESS,
            Exit::Refused => Self::from(1),
            Exit::Wrong => Self::from(2),
        }
    }
}

/// Why a command could not do its work.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// Everything that is wrong with the configuration or the use.
    #[error(transparent)]
    Errors(#[from] Errors),
    /// What was asked for is refused.
    #[error("{0}")]
    Refused(String),
    /// The results cannot be written.
    #[error("cannot write the results: {0}")]
    Output(#[from] io::Error),
}

impl Failure {
    /// Wrong use, or a circumstance that has no key in the configuration.
    pub(crate) fn wrong(message: impl Into<String>) -> Self {
        Self::Errors(Error::general(message).into())
    }

    /// What may not be, or is not as it would have to be: nothing is wrong with how it was asked for.
    pub(crate) fn refused(message: impl Into<String>) -> Self {
        Self::Refused(message.into())
    }

    /// The exit status that tells of it.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Refused(_) => Exit::Refused,
            Self::Errors(_) | Self::Output(_) => Exit::Wrong,
        }
    }

    pub(crate) fn into_errors(self) -> Errors {
        match self {
            Self::Errors(errors) => errors,
            other @ (Self::Refused(_) | Self::Output(_)) => Error::general(other.to_string()).into(),
        }
    }
}

/// What a command comes to.
pub(crate) type Outcome = Result<Exit, Failure>;
