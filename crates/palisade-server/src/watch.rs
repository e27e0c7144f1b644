//! Noticing that files change.
//!
//! 1. The folders of the files are watched, not the files: a file that is replaced by a rename, or through a symbolic link as
//!    Kubernetes does, is another file.
//! 2. Where a link leads elsewhere, the folder it leads to is watched as well.
//! 3. What counts is whether size, time or identity of a file differ; other files in the same folder are of no interest.
//! 4. File systems that tell nothing are looked at every few seconds.
//! 5. A file system may take its time, a network's above all: it is asked on threads that may block, never on those that serve.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep, timeout, timeout_at};

/// A change is taken up once nothing more happens for this long.
const QUIET: Duration = Duration::from_millis(200);
/// A change is taken up at the latest after this long.
const AT_LAST: Duration = Duration::from_secs(2);
/// How often files are looked at without being told.
const LOOK: Duration = Duration::from_secs(5);

/// Watches a set of files.
pub(crate) struct Watch {
    watcher: Option<RecommendedWatcher>,
    told: mpsc::Receiver<()>,
    folders: BTreeSet<PathBuf>,
    seen: Seen,
}

/// The state that files were seen in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Seen(BTreeMap<PathBuf, Stamp>);

/// What tells one state of a file from another.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Stamp {
    Absent,
    File {
        length: u64,
        modified: Option<SystemTime>,
        identity: u64,
    },
    Folder(BTreeMap<PathBuf, Stamp>),
}

impl Watch {
    /// Watches these files for states that differ from what was seen. This blocks.
    pub(crate) fn new(files: &[PathBuf], seen: Seen) -> Self {
        // One message that waits says as much as many.
        let (tell, told) = mpsc::channel(1);
        let watcher = notify::recommended_watcher(move |_| {
            let _ = tell.try_send(());
        });
        let watcher = watcher
            .inspect_err(|error| tracing::warn!(target: "palisade::reload", %error, "files are looked at by the clock"))
            .ok();
        let mut watch = Self {
            watcher,
            told,
            folders: BTreeSet::new(),
            seen,
        };
        watch.follow(files);
        watch
    }

    /// Watches these files instead; one that was watched before keeps the state it was last seen in. This
    /// blocks.
    pub(crate) fn follow(&mut self, files: &[PathBuf]) {
        let seen = files.iter().map(|file| {
            let stamp = self.seen.0.remove(file).unwrap_or_else(|| Stamp::of(file));
            (file.clone(), stamp)
        });
        self.seen = Seen(seen.collect());
        let folders: BTreeSet<PathBuf> = files.iter().flat_map(|file| folders_of(file)).collect();
        if let Some(watcher) = &mut self.watcher {
            for gone in self.folders.difference(&folders) {
                let _ = watcher.unwatch(gone);
            }
            for new in folders.difference(&self.folders) {
                // A folder that is not there yet is looked at by the clock.
                let _ = watcher.watch(new, RecursiveMode::NonRecursive);
            }
        }
        self.folders = folders;
    }

    /// Ends when a watched file has changed and things have calmed down.
    pub(crate) async fn changed(&mut self) {
        // A file may have changed before its folder was watched.
        let mut wait = Duration::ZERO;
        loop {
            if self.watcher.is_some() {
                let _ = timeout(wait, self.told.recv()).await;
            } else {
                sleep(wait).await;
            }
            wait = LOOK;
            let at_last = Instant::now() + AT_LAST;
            while let Ok(Some(())) = timeout_at(at_last.min(Instant::now() + QUIET), self.told.recv()).await {
                if Instant::now() >= at_last {
                    break;
                }
            }
            if self.look().await {
                return;
            }
        }
    }

    /// Takes note of the state of all files, and says whether one differs. It asks the file system for metadata alone.
    ///
    /// Nothing is noted when the future is dropped before its end.
    pub(crate) async fn look(&mut self) -> bool {
        let files: Vec<PathBuf> = self.seen.0.keys().cloned().collect();
        let Ok(now) = spawn_blocking(move || Seen::of(&files)).await else {
            // The runtime ends.
            return false;
        };
        let differs = now != self.seen;
        self.seen = now;
        differs
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch")
            .field("folders", &self.folders)
            .finish_non_exhaustive()
    }
}

impl Seen {
    /// The state that these files are in.
    pub(crate) fn of(files: &[PathBuf]) -> Self {
        Self(files.iter().map(|file| (file.clone(), Stamp::of(file))).collect())
    }
}

impl Stamp {
    fn of(path: &Path) -> Self {
        let Ok(metadata) = fs::metadata(path) else {
            return Self::Absent;
        };
        if metadata.is_dir() {
            let entries = fs::read_dir(path).into_iter().flatten().flatten();
            let stamps = entries.map(|entry| (entry.path(), Self::of_file(&entry.path())));
            return Self::Folder(stamps.collect());
        }
        Self::known(&metadata)
    }

    fn of_file(path: &Path) -> Self {
        fs::metadata(path).map_or(Self::Absent, |metadata| Self::known(&metadata))
    }

    fn known(metadata: &fs::Metadata) -> Self {
        Self::File {
            length: metadata.len(),
            modified: metadata.modified().ok(),
            identity: identity(metadata),
        }
    }
}

#[cfg(unix)]
fn identity(metadata: &fs::Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(metadata)
}

#[cfg(not(unix))]
fn identity(_: &fs::Metadata) -> u64 {
    0
}

/// The folders in which something happens when the file changes: its own, and that of what it leads to. A folder is its own.
fn folders_of(file: &Path) -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = file.parent().map(Path::to_owned).into_iter().collect();
    if let Ok(real) = fs::canonicalize(file) {
        folders.extend(real.parent().map(Path::to_owned));
        if real.is_dir() {
            folders.push(real);
        }
    }
    folders.retain(|folder| folder.is_dir());
    folders
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::Duration;

    use tokio::time::timeout;

    use super::{Seen, Watch};

    const SOON: Duration = Duration::from_secs(3);

    #[tokio::test]
    async fn a_file_that_is_written_appears_or_is_replaced_is_noticed_and_its_neighbour_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let (file, absent) = (folder.path().join("a"), folder.path().join("b"));
        fs::write(&file, "1").unwrap();
        let files = [file.clone(), absent.clone()];
        let mut watch = Watch::new(&files, Seen::of(&files));

        fs::write(&file, "22").unwrap();
        timeout(SOON, watch.changed()).await.expect("written");
        fs::write(&absent, "1").unwrap();
        timeout(SOON, watch.changed()).await.expect("appeared");
        let other = folder.path().join("other");
        fs::write(&other, "33").unwrap();
        assert!(
            timeout(Duration::from_secs(1), watch.changed()).await.is_err(),
            "a neighbour"
        );
        fs::rename(&other, &file).unwrap();
        timeout(SOON, watch.changed()).await.expect("replaced");
    }

    #[test]
    fn a_file_system_that_takes_its_time_holds_up_no_thread_that_serves() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .max_blocking_threads(1)
            .enable_time()
            .build()
            .unwrap();
        let folder = tempfile::tempdir().unwrap();
        let files = [folder.path().join("a")];
        let seen = Seen::of(&files);
        fs::write(&files[0], "1").unwrap();
        let mut watch = Watch::new(&files, seen);
        runtime.block_on(async {
            // The one thread that may block is busy, so that who needs it waits.
            let (release, released) = std::sync::mpsc::channel::<()>();
            let busy = tokio::task::spawn_blocking(move || released.recv());
            let early = timeout(Duration::from_millis(200), watch.look()).await;
            assert!(early.is_err(), "the thread of the runtime asked the file system");
            release.send(()).unwrap();
            busy.await.unwrap().unwrap();
            assert!(
                timeout(SOON, watch.look()).await.unwrap(),
                "the change is not lost"
            );
        });
    }

    #[tokio::test]
    async fn a_file_that_changed_before_it_was_watched_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let files = [folder.path().join("a")];
        let seen = Seen::of(&files);
        fs::write(&files[0], "1").unwrap();
        let mut watch = Watch::new(&files, seen);
        timeout(SOON, watch.changed()).await.expect("changed before");
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_link_that_is_swapped_above_the_file_is_noticed() {
        use std::os::unix::fs::symlink;
        let folder = tempfile::tempdir().unwrap();
        for (version, text) in [("one", "1"), ("two", "2")] {
            fs::create_dir(folder.path().join(version)).unwrap();
            fs::write(folder.path().join(version).join("a"), text).unwrap();
        }
        let data = folder.path().join("..data");
        symlink(folder.path().join("one"), &data).unwrap();
        let file = folder.path().join("a");
        symlink(data.join("a"), &file).unwrap();
        let files = [file];
        let mut watch = Watch::new(&files, Seen::of(&files));

        let next = folder.path().join("..next");
        symlink(folder.path().join("two"), &next).unwrap();
        fs::rename(&next, &data).unwrap();
        timeout(SOON, watch.changed()).await.expect("swapped");
    }
}
