//! The data directory, which belongs to one server at a time; that server may keep several files there.

use std::collections::BTreeMap;
use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use super::OpenError;

/// Who holds a lock on this file has the directory. It stays there: its content says nothing.
const LOCK: &str = "palisade.lock";

/// The directories that this process has, by their real paths.
static OPEN: Mutex<BTreeMap<PathBuf, Weak<Folder>>> = Mutex::new(BTreeMap::new());

/// A data directory that this server has for itself until this is dropped.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    _lock: File,
}

impl Folder {
    /// Makes the directory, for the server's own user alone, unless it is there. Whoever opens it in the same process shares it.
    pub(crate) fn open(path: &Path) -> Result<Arc<Self>, OpenError> {
        make(path).map_err(|source| OpenError::io(path, "cannot be made", source))?;
        let real = path.canonicalize();
        let real = real.map_err(|source| OpenError::io(path, "cannot be read", source))?;
        let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|_, folder| folder.strong_count() > 0);
        if let Some(folder) = open.get(&real).and_then(Weak::upgrade) {
            return Ok(folder);
        }
        let folder = Arc::new(Self::lock(path)?);
        open.insert(real, Arc::downgrade(&folder));
        Ok(folder)
    }

    fn lock(path: &Path) -> Result<Self, OpenError> {
        let lock = path.join(LOCK);
        let opened = private(
            OpenOptions::new()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false),
        )
        .open(&lock);
        let opened = opened.map_err(|source| OpenError::io(path, "cannot be written to", source))?;
        match opened.try_lock() {
            Ok(()) => Ok(Self {
                path: path.to_owned(),
                _lock: opened,
            }),
            Err(TryLockError::WouldBlock) => Err(OpenError::InUse {
                path: path.to_owned(),
            }),
            Err(TryLockError::Error(source)) => Err(OpenError::io(&lock, "cannot be locked", source)),
        }
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Makes sure that a new name in the directory is on disk.
    pub(crate) fn sync(&self) -> io::Result<()> {
        // Elsewhere directories cannot be opened, and need not be.
        if cfg!(unix) {
            File::open(&self.path)?.sync_all()?;
        }
        Ok(())
    }
}

fn make(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(path)
}

/// For files that nobody else should read.
pub(crate) fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options
}
