//! The memory that survives its process: its file, its directory, its answers.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::future::join_all;
use palisade_core::{Replay, ReplayError, ReplayStore, SeenMessage};
use palisade_store::{EmbeddedReplay, EmbeddedReplayConfig, OpenError};
use rstest::rstest;

const SENDER: [u8; 32] = [7; 32];

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

/// It lives for 300 seconds, and is remembered for 300 more.
fn message(id: &str, now: u64) -> SeenMessage<'_> {
    SeenMessage {
        sender: &SENDER,
        id,
        issued_at: at(now),
        expires_at: at(now + 300),
        max_clock_skew: Duration::from_secs(300),
        now: at(now),
    }
}

fn open(data_dir: &Path) -> Result<EmbeddedReplay, OpenError> {
    EmbeddedReplay::open(&EmbeddedReplayConfig::new(data_dir))
}

/// A file that knows the messages `0` to `count - 1` of second 1000.
async fn filled(data_dir: &Path, count: usize) {
    let memory = open(data_dir).unwrap();
    for id in 0..count {
        assert_eq!(burn(&memory, &id.to_string(), 1000).await, Replay::Fresh);
    }
}

async fn burn(memory: &EmbeddedReplay, id: &str, now: u64) -> Replay {
    memory.burn(message(id, now)).await.unwrap()
}

#[tokio::test]
async fn what_was_accepted_before_a_restart_is_refused_after_it() {
    let folder = tempfile::tempdir().unwrap();
    filled(folder.path(), 3).await;
    let memory = open(folder.path()).unwrap();
    assert_eq!(memory.entries(), 3);
    for id in ["0", "1", "2"] {
        assert_eq!(burn(&memory, id, 1001).await, Replay::Seen);
    }
    assert_eq!(burn(&memory, "3", 1001).await, Replay::Fresh);
    assert_eq!(burn(&memory, "0", 1601).await, Replay::Fresh, "its time is over");
}

#[tokio::test]
async fn messages_created_before_the_start_are_accepted() {
    let folder = tempfile::tempdir().unwrap();
    let memory = open(folder.path()).unwrap();
    let old = SeenMessage {
        issued_at: at(1),
        ..message("a", 1000)
    };
    assert_eq!(memory.burn(old).await.unwrap(), Replay::Fresh);
}

#[tokio::test]
async fn the_directory_and_its_files_are_for_the_servers_user_alone() {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = folder.path().join("deep/data");
    filled(&data_dir, 1).await;
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&data_dir), 0o700);
    let mut names = Vec::new();
    for entry in fs::read_dir(&data_dir).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
        names.push(path.file_name().unwrap().to_str().unwrap().to_owned());
    }
    names.sort();
    assert_eq!(names, ["palisade.lock", "replay.redb"]);
}

#[tokio::test]
async fn a_directory_has_one_server_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let first = open(folder.path()).unwrap();
    let error = open(folder.path()).unwrap_err();
    assert!(matches!(error, OpenError::InUse { .. }), "{error:?}");
    assert_eq!(
        error.to_string(),
        format!(
            "{} is in use by another server; give each server a data directory of its own",
            folder.path().display()
        )
    );
    drop(first);
    open(folder.path()).unwrap();
}

#[rstest]
#[case::no_place_for_a_directory("/proc/nowhere", "cannot be made")]
#[case::not_a_directory("/proc/self/status", "cannot be made")]
#[case::not_writable("/proc/self", "cannot be written to")]
fn a_directory_that_cannot_be_used_is_an_error(#[case] data_dir: &str, #[case] what: &str) {
    let error = open(Path::new(data_dir)).unwrap_err().to_string();
    assert!(error.starts_with(&format!("{data_dir} {what}: ")), "{error}");
}

#[rstest]
#[case::empty(|_: Vec<u8>| Vec::new())]
#[case::something_else(|_: Vec<u8>| b"a file of somebody else".repeat(1000))]
#[case::cut_in_half(|file: Vec<u8>| file[..file.len() / 2].to_vec())]
#[case::cut_to_a_page(|file: Vec<u8>| file[..4096].to_vec())]
#[case::zeros(|file: Vec<u8>| vec![0; file.len()])]
#[tokio::test]
async fn a_damaged_file_is_an_error_and_stays(#[case] damage: fn(Vec<u8>) -> Vec<u8>) {
    let folder = tempfile::tempdir().unwrap();
    filled(folder.path(), 5).await;
    let file = folder.path().join("replay.redb");
    fs::write(&file, damage(fs::read(&file).unwrap())).unwrap();
    for _ in 0..2 {
        let error = open(folder.path()).unwrap_err();
        assert!(matches!(error, OpenError::Damaged { .. }), "{error:?}");
        assert!(
            error.to_string().contains("once all of them have expired"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_database_of_somebody_else_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    redb::Database::create(folder.path().join("replay.redb")).unwrap();
    let error = open(folder.path()).unwrap_err();
    assert!(matches!(error, OpenError::Damaged { .. }), "{error:?}");
}

#[tokio::test]
async fn a_file_of_another_format_is_an_error_and_stays() {
    let folder = tempfile::tempdir().unwrap();
    filled(folder.path(), 1).await;
    let file = folder.path().join("replay.redb");
    for format in [1, 3] {
        let database = redb::Database::open(&file).unwrap();
        let transaction = database.begin_write().unwrap();
        let state = redb::TableDefinition::<&str, u64>::new("state");
        transaction
            .open_table(state)
            .unwrap()
            .insert("format", format)
            .unwrap();
        transaction.commit().unwrap();
        drop(database);
        let error = open(folder.path()).unwrap_err();
        assert!(matches!(error, OpenError::OtherFormat { .. }), "{error:?}");
        let text = error.to_string();
        assert!(
            text.starts_with(&file.display().to_string())
                && text.contains("in a format that this version does not know"),
            "{text}"
        );
    }
}

#[tokio::test]
async fn a_file_with_changed_bytes_is_an_error_or_knows_everything() {
    let folder = tempfile::tempdir().unwrap();
    filled(folder.path(), 40).await;
    let file = folder.path().join("replay.redb");
    let whole = fs::read(&file).unwrap();
    let (mut refused, mut opened) = (0, 0);
    // Much of the file is free space.
    let written = (0..whole.len()).filter(|place| whole[*place] != 0);
    for place in written.step_by(307) {
        let mut changed = whole.clone();
        changed[place] ^= 0x10;
        fs::write(&file, changed).unwrap();
        match open(folder.path()) {
            Err(error) => {
                assert!(!matches!(error, OpenError::InUse { .. }), "{error:?}");
                refused += 1;
            }
            Ok(memory) => {
                for id in 0..40 {
                    let answer = burn(&memory, &id.to_string(), 1001).await;
                    assert_eq!(answer, Replay::Seen, "byte {place} was changed");
                }
                opened += 1;
            }
        }
    }
    assert!(refused > 3, "{refused} refused, {opened} opened");
}

#[tokio::test]
async fn a_file_half_made_before_a_crash_is_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("replay.redb.new"), b"half").unwrap();
    filled(folder.path(), 1).await;
    assert!(!folder.path().join("replay.redb.new").exists());
}

#[tokio::test]
async fn the_bound_counts_what_was_there_before() {
    let folder = tempfile::tempdir().unwrap();
    filled(folder.path(), 3).await;
    let memory = EmbeddedReplay::open(&EmbeddedReplayConfig::new(folder.path()).max_entries(2)).unwrap();
    assert_eq!(burn(&memory, "0", 1001).await, Replay::Seen);
    let full = memory.burn(message("3", 1001)).await.unwrap_err();
    assert!(matches!(full, ReplayError::Full), "{full}");
    assert_eq!(burn(&memory, "3", 1601).await, Replay::Fresh);
    memory.reclaim(at(1601));
    assert_eq!(memory.entries(), 1);
}

#[tokio::test]
async fn a_clock_that_goes_back_opens_nothing_after_a_restart_either() {
    let folder = tempfile::tempdir().unwrap();
    filled(folder.path(), 1).await;
    let memory = open(folder.path()).unwrap();
    assert_eq!(burn(&memory, "later", 100_000).await, Replay::Fresh);
    drop(memory);
    let memory = open(folder.path()).unwrap();
    assert_eq!(memory.entries(), 1, "what was due was taken out of the file");
    assert_eq!(burn(&memory, "0", 1000).await, Replay::TooOld);
    assert_eq!(burn(&memory, "new", 1001).await, Replay::Fresh);
}

#[tokio::test]
async fn the_file_holds_what_is_live_and_little_more() {
    let folder = tempfile::tempdir().unwrap();
    let memory = open(folder.path()).unwrap();
    let size = || fs::metadata(folder.path().join("replay.redb")).unwrap().len();
    let mut early = 0;
    // Ten thousand are live at a time.
    for second in 0..150 {
        let ids: Vec<String> = (0..500).map(|number| format!("{second}-{number}")).collect();
        let calls = ids.iter().map(|id| {
            memory.burn(SeenMessage {
                expires_at: at(1000 + second + 20),
                max_clock_skew: Duration::ZERO,
                ..message(id, 1000 + second)
            })
        });
        for answer in join_all(calls).await {
            assert_eq!(answer.unwrap(), Replay::Fresh);
        }
        if second == 40 {
            early = size();
        }
    }
    assert!(size() <= early * 2, "{early} bytes early, {} late", size());
    drop(memory);
    let memory = open(folder.path()).unwrap();
    assert!(memory.entries() <= 11_000, "{}", memory.entries());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_at_once_exactly_one_is_fresh() {
    let folder = tempfile::tempdir().unwrap();
    let memory = Arc::new(open(folder.path()).unwrap());
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let memory = Arc::clone(&memory);
        tasks.spawn(async move {
            let mut fresh = Vec::new();
            for id in 0..40 {
                if burn(&memory, &id.to_string(), 1000).await == Replay::Fresh {
                    fresh.push(id);
                }
            }
            fresh
        });
    }
    let mut fresh: Vec<i32> = tasks.join_all().await.into_iter().flatten().collect();
    fresh.sort_unstable();
    assert_eq!(fresh, (0..40).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_call_that_is_dropped_has_burnt_its_message() {
    let folder = tempfile::tempdir().unwrap();
    let memory = open(folder.path()).unwrap();
    let call = tokio::time::timeout(Duration::ZERO, memory.burn(message("a", 1000)));
    // The disk is hardly ever that fast; if it is, the message is burnt all the same.
    let _ = call.await;
    assert_eq!(burn(&memory, "a", 1000).await, Replay::Seen);
    drop(memory);
    assert_eq!(burn(&open(folder.path()).unwrap(), "a", 1000).await, Replay::Seen);
}
