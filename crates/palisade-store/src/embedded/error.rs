//! Why a memory on disk cannot be opened.

use std::io;
use std::path::{Path, PathBuf};

use redb::{DatabaseError, StorageError};

use super::data_file::FileKind;

/// Why a memory on disk cannot be opened: of accepted messages, or of what limits count.
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
    #[error("{path} is damaged ({detail}), {advice}", path = path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        detail: String,
        /// What that means, and what to do.
        advice: &'static str,
    },
    /// The file was written by another version.
    #[error(
        "{path} was written in a format that this version does not know; start the version that wrote it, or, {advice}",
        path = path.display()
    )]
    OtherFormat {
        /// The file.
        path: PathBuf,
        /// What else can be done.
        advice: &'static str,
    },
}

impl OpenError {
    pub(crate) fn io(path: &Path, what: &'static str, source: io::Error) -> Self {
        let path = path.to_owned();
        Self::Io { path, what, source }
    }

    pub(crate) fn damaged(path: &Path, kind: &FileKind, detail: &dyn ToString) -> Self {
        Self::Damaged {
            path: path.to_owned(),
            detail: detail.to_string(),
            advice: kind.damaged,
        }
    }

    pub(super) fn other_format(path: &Path, kind: &FileKind) -> Self {
        Self::OtherFormat {
            path: path.to_owned(),
            advice: kind.other_format,
        }
    }

    pub(super) fn from_database(path: &Path, kind: &FileKind, error: DatabaseError) -> Self {
        match error {
            DatabaseError::DatabaseAlreadyOpen | DatabaseError::LockProtocolMismatch => {
                let path = path.parent().unwrap_or(path).to_owned();
                Self::InUse { path }
            }
            DatabaseError::UpgradeRequired(_) => Self::other_format(path, kind),
            DatabaseError::Storage(error) => Self::from_storage(path, kind, error),
            error => Self::damaged(path, kind, &error),
        }
    }

    fn from_storage(path: &Path, kind: &FileKind, error: StorageError) -> Self {
        match error {
            StorageError::Io(source) if !is_about_content(&source) => {
                Self::io(path, "cannot be read or written", source)
            }
            error => Self::damaged(path, kind, &error),
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
