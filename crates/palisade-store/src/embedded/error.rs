//! Why a replay memory on disk cannot be opened.

use std::io;
use std::path::{Path, PathBuf};

use redb::{DatabaseError, StorageError};

/// Why a replay memory on disk cannot be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Something about the directory or the file does not work: it cannot be made, read or written.
    #[error("{path} {what}: {source}", path = path.display())]
    Io {
        /// The directory or file.
        path: PathBuf,
        /// What cannot be done with it.
        what: &'static str,
        /// Why not.
        source: io::Error,
    },
    /// Another server has it.
    #[error("{path} is in use by another server; give each server a data directory of its own", path = path.display())]
    InUse {
        /// The directory.
        path: PathBuf,
    },
    /// The file is not what was written.
    #[error(
        "{path} is damaged ({detail}), so that messages accepted before cannot be told from new ones; once all of them have \
         expired, remove the file and start again",
        path = path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        detail: String,
    },
    /// The file was written by another version.
    #[error(
        "{path} was written in a format that this version does not know; start the version that wrote it, or, once all messages \
         accepted before have expired, remove the file and start again",
        path = path.display()
    )]
    OtherFormat {
        /// The file.
        path: PathBuf,
    },
}

impl OpenError {
    pub(super) fn io(path: &Path, what: &'static str, source: io::Error) -> Self {
        let path = path.to_owned();
        Self::Io { path, what, source }
    }

    pub(super) fn damaged(path: &Path, detail: &dyn ToString) -> Self {
        Self::Damaged {
            path: path.to_owned(),
            detail: detail.to_string(),
        }
    }

    pub(super) fn from_database(path: &Path, error: DatabaseError) -> Self {
        match error {
            DatabaseError::DatabaseAlreadyOpen | DatabaseError::LockProtocolMismatch => {
                let path = path.parent().unwrap_or(path).to_owned();
                Self::InUse { path }
            }
            DatabaseError::UpgradeRequired(_) => Self::OtherFormat {
                path: path.to_owned(),
            },
            DatabaseError::Storage(error) => Self::from_storage(path, error),
            error => Self::damaged(path, &error),
        }
    }

    pub(super) fn from_storage(path: &Path, error: StorageError) -> Self {
        match error {
            StorageError::Io(source) if !is_about_content(&source) => {
                Self::io(path, "cannot be read or written", source)
            }
            error => Self::damaged(path, &error),
        }
    }
}

/// The library tells of files that are none of its own, and of those that end too early, by these.
fn is_about_content(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof
    )
}
