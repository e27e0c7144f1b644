//! Files that a command makes: all of them, or none, and none over another.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::PathBuf;

use palisade_config::{Error, Errors};
use zeroize::Zeroizing;

use crate::outcome::Failure;

/// A file to make.
pub(super) struct NewFile {
    path: PathBuf,
    bytes: Zeroizing<Vec<u8>>,
    is_private: bool,
}

impl NewFile {
    /// One that everybody may read.
    pub(super) fn public(path: impl Into<PathBuf>, bytes: impl Into<Vec<u8>>) -> Self {
        Self {
            path: path.into(),
            bytes: Zeroizing::new(bytes.into()),
            is_private: false,
        }
    }

    /// One that its owner alone may read.
    pub(super) fn private(path: impl Into<PathBuf>, bytes: impl Into<Vec<u8>>) -> Self {
        Self {
            is_private: true,
            ..Self::public(path, bytes)
        }
    }

    pub(super) fn path(&self) -> &PathBuf {
        &self.path
    }

    fn write(&self) -> io::Result<()> {
        if let Some(parent) = self.path.parent() {
            fs::create_dir_all(parent)?;
        }
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        if self.is_private {
            use std::os::unix::fs::OpenOptionsExt as _;
            options.mode(0o600);
        }
        let written = options.open(&self.path)?.write_all(&self.bytes);
        written.inspect_err(|_| {
            // Half of a file is of no use.
            let _ = fs::remove_file(&self.path);
        })
    }
}

/// An error for each file that is there already.
pub(super) fn check<'a>(paths: impl IntoIterator<Item = &'a PathBuf>) -> Result<(), Failure> {
    let existing = paths
        .into_iter()
        .filter(|path| path.symlink_metadata().is_ok())
        .map(|path| Error::general(format!("{} exists, and is not overwritten", path.display())));
    existing
        .collect::<Errors>()
        .into_result(())
        .map_err(Failure::from)
}

/// Writes every file, or none.
pub(super) fn write(files: &[NewFile]) -> Result<(), Failure> {
    check(files.iter().map(NewFile::path))?;
    for (done, file) in files.iter().enumerate() {
        if let Err(error) = file.write() {
            remove(files.get(..done).unwrap_or_default());
            return Err(Failure::wrong(format!("{}: {error}", file.path.display())));
        }
    }
    Ok(())
}

/// Takes files back that this run has made.
pub(super) fn remove(files: &[NewFile]) {
    for file in files {
        // What cannot be removed was at least made by this run.
        let _ = fs::remove_file(&file.path);
    }
}
