//! What counters a process that is killed leaves behind, and what one does whose disk is full.
//!
//! The processes are this very program, told to run one ignored test.
#![expect(clippy::expect_used, clippy::unwrap_used, reason = "helpers of tests")]

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use palisade_core::{Demand, LimitCounter, LimitKey, LimitRule, LimitStore, LimitStoreError, WindowKind};
use palisade_store::{EmbeddedLimits, EmbeddedLimitsConfig};
use rstest::rstest;

const DATA_DIR: &str = "PALISADE_TEST_DATA_DIR";
const LIMIT: &str = "PALISADE_TEST_LIMIT";
const TASKS: u64 = 32;

fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_800_000_000)
}

fn key(name: &str) -> LimitKey {
    LimitKey::name(name).unwrap()
}

fn open(data_dir: &Path) -> EmbeddedLimits {
    EmbeddedLimits::open(&EmbeddedLimitsConfig::new(data_dir)).unwrap()
}

fn data_dir() -> PathBuf {
    std::env::var_os(DATA_DIR).unwrap().into()
}

/// The rule of that name, for that many units within the test.
fn rule(kind: &str, limit: u64) -> LimitRule {
    let period = Duration::from_secs(86_400);
    let window = |kind| LimitRule::Window {
        limit: limit.into(),
        period,
        kind,
    };
    match kind {
        "rate" => LimitRule::Rate {
            burst: limit,
            interval: Duration::from_secs(1000),
        },
        "calendar" => window(WindowKind::Calendar),
        _ => window(WindowKind::Sliding),
    }
}

fn counter(store: &dyn LimitStore, kind: &str, limit: u64) -> Arc<LimitCounter> {
    Arc::new(LimitCounter::new(store, kind, rule(kind, limit), 1000))
}

/// Whether the units were granted.
async fn take(store: &EmbeddedLimits, demands: &mut [Demand]) -> Result<bool, LimitStoreError> {
    store.take(demands, now()).outcome().await?;
    Ok(demands.iter().all(|demand| !demand.standing.exceeded))
}

async fn used(store: &EmbeddedLimits, counter: &Arc<LimitCounter>, name: &str, limit: u64) -> u64 {
    let mut demands = [Demand::new(Arc::clone(counter), key(name), 0)];
    store.look(&mut demands, now()).outcome().await.unwrap();
    limit - u64::try_from(demands[0].standing.remaining).unwrap()
}

fn say(line: &str) {
    // One write, so that a line is whole or not there.
    std::io::stdout()
        .lock()
        .write_all(format!("{line}\n").as_bytes())
        .unwrap();
}

fn start(test: &str, data_dir: &Path, limit: &str) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args([test, "--exact", "--ignored", "--nocapture"])
        .env(DATA_DIR, data_dir)
        .env(LIMIT, limit)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a process that another test starts and kills"]
async fn takes_until_it_is_killed() {
    let store = Arc::new(open(&data_dir()));
    let setting = std::env::var(LIMIT).unwrap();
    let (kind, limit) = setting.split_once(' ').unwrap();
    let counter = counter(&*store, kind, limit.parse().unwrap());
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..TASKS {
        let (store, counter) = (Arc::clone(&store), Arc::clone(&counter));
        tasks.spawn(async move {
            loop {
                let mut demands = [Demand::new(Arc::clone(&counter), key("busy"), 1)];
                if !take(&store, &mut demands).await.unwrap() {
                    say("exhausted");
                    std::future::pending::<()>().await;
                }
                say("granted");
            }
        });
    }
    tasks.join_all().await;
}

/// Lets a process take that many units, kills it, and says how many were granted.
fn take_and_kill(data_dir: &Path, setting: &str, at_least: u64) -> u64 {
    let mut child = start("takes_until_it_is_killed", data_dir, setting);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut granted = 0;
    while granted < at_least {
        match &*lines.next().expect("it takes until it is killed").unwrap() {
            // The first line of a test may stand before it.
            line if line.ends_with("granted") => granted += 1,
            line if line.ends_with("exhausted") => break,
            _ => {}
        }
    }
    child.kill().unwrap();
    // What it said before it died.
    let rest = lines.map_while(Result::ok);
    granted += u64::try_from(rest.filter(|line| line.ends_with("granted")).count()).unwrap();
    child.wait().unwrap();
    granted
}

#[rstest]
#[case::rate("rate")]
#[case::calendar("calendar")]
#[case::sliding("sliding")]
#[tokio::test]
async fn what_was_granted_before_a_kill_is_used_after_it(#[case] kind: &str) {
    const MANY: u64 = 10_000_000;
    let folder = tempfile::tempdir().unwrap();
    let (mut granted, mut known) = (0, 0);
    for round in 0..5 {
        let now = take_and_kill(folder.path(), &format!("{kind} {MANY}"), 300 + 301 * round);
        granted += now;
        let store = open(folder.path());
        let used = used(&store, &counter(&store, kind, MANY), "busy", MANY).await;
        assert!(used >= granted, "{used} of {granted} in round {round}");
        // A lease is no more than was used in a second; each task may have taken one of which it did not say.
        assert!(
            used <= known + 2 * (now + TASKS),
            "{used} after {known} and {now} in round {round}"
        );
        known = used;
    }
}

#[rstest]
#[case::rate("rate")]
#[case::calendar("calendar")]
#[case::sliding("sliding")]
#[tokio::test]
async fn crashes_never_add_to_a_limit(#[case] kind: &str) {
    const LIMIT: u64 = 2_000;
    let folder = tempfile::tempdir().unwrap();
    let mut granted = 0;
    for _ in 0..6 {
        granted += take_and_kill(folder.path(), &format!("{kind} {LIMIT}"), 250);
        assert!(granted <= LIMIT, "{granted}");
    }
    assert!(granted >= 250, "{granted}");
}

#[tokio::test]
#[ignore = "a process that another test starts and kills"]
async fn takes_now_and_then_until_it_is_killed() {
    let store = open(&data_dir());
    let slow = counter(&store, "calendar", 100);
    for name in ["a", "b"] {
        for _ in 0..7 {
            assert!(
                take(&store, &mut [Demand::new(Arc::clone(&slow), key(name), 3)])
                    .await
                    .unwrap()
            );
        }
    }
    let mut demands = [Demand::new(Arc::clone(&slow), key("c"), 5)];
    demands[0].once = Some([7; 16]);
    assert!(take(&store, &mut demands).await.unwrap());
    say("done");
    std::future::pending::<()>().await;
}

#[tokio::test]
async fn keys_with_few_calls_lose_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = start("takes_now_and_then_until_it_is_killed", folder.path(), "");
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().ends_with("done")));
    child.kill().unwrap();
    child.wait().unwrap();
    let store = open(folder.path());
    let slow = counter(&store, "calendar", 100);
    for (name, expected) in [("a", 21), ("b", 21), ("c", 5)] {
        assert_eq!(used(&store, &slow, name, 100).await, expected, "{name}");
    }
    let mut retry = [Demand::new(slow, key("c"), 5)];
    retry[0].once = Some([7; 16]);
    assert!(take(&store, &mut retry).await.unwrap());
    assert_eq!(retry[0].standing.taken, 0);
}

#[tokio::test]
#[ignore = "a process that another test starts and kills"]
async fn is_busy_and_then_idle_until_it_is_killed() {
    let store = open(&data_dir());
    let counter = counter(&store, "calendar", 1_000_000);
    for _ in 0..500 {
        assert!(
            take(&store, &mut [Demand::new(Arc::clone(&counter), key("busy"), 1)])
                .await
                .unwrap()
        );
    }
    say("idle");
    std::future::pending::<()>().await;
}

#[tokio::test]
async fn a_key_that_is_idle_is_written_exactly() {
    let patience = Instant::now();
    for wait in [3, 6, 12] {
        let folder = tempfile::tempdir().unwrap();
        let mut child = start("is_busy_and_then_idle_until_it_is_killed", folder.path(), "");
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert!(lines.any(|line| line.unwrap().ends_with("idle")));
        tokio::time::sleep(Duration::from_secs(wait)).await;
        child.kill().unwrap();
        child.wait().unwrap();
        let store = open(folder.path());
        let used = used(&store, &counter(&store, "calendar", 1_000_000), "busy", 1_000_000).await;
        assert!(used >= 500);
        if used == 500 {
            return;
        }
    }
    panic!("never, in {:?}", patience.elapsed());
}

#[tokio::test]
#[ignore = "a process that another test starts, without room on its disk"]
async fn takes_on_a_disk_that_becomes_full() {
    let store = open(&data_dir());
    let counter = counter(&store, "calendar", 1_000_000);
    let demand = |name: &str| [Demand::new(Arc::clone(&counter), key(name), 5)];
    assert!(take(&store, &mut demand("before")).await.unwrap());
    assert!(!store.is_failing());
    // From here on no file can be written.
    limit_files("0");
    let mut granted = 0;
    let refused = loop {
        let name = format!("key-{granted}");
        let mut demands = demand(&name);
        match take(&store, &mut demands).await {
            Ok(met) => {
                assert!(met);
                say(&format!("granted {name}"));
                granted += 1;
            }
            Err(error) => {
                assert!(error.to_string().contains("not available"), "{error}");
                assert_eq!(demands[0].standing.taken, 0, "it was given back");
                break name;
            }
        }
    };
    assert_eq!(used(&store, &counter, &refused, 1_000_000).await, 0);
    assert_eq!(used(&store, &counter, "before", 1_000_000).await, 5);
    assert!(take(&store, &mut demand("another")).await.is_err());
    assert!(store.is_failing());
    assert!(store.last_failure().is_some());

    limit_files("unlimited");
    let patience = Instant::now();
    while let Err(error) = take(&store, &mut demand(&refused)).await {
        assert!(patience.elapsed() < Duration::from_secs(20), "{error}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    // It is told that it is written before it is known that writing works.
    while store.is_failing() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(store.last_failure(), None);
    say(&format!("granted {refused}"));
    say("granted before");
}

/// Limits the size of the files that this process writes, as a full disk would.
fn limit_files(bytes: &str) {
    let limited = Command::new("prlimit")
        .arg(format!("--pid={}", std::process::id()))
        .arg(format!("--fsize={bytes}:unlimited"))
        .status();
    assert!(limited.unwrap().success());
}

#[tokio::test]
async fn a_full_disk_grants_nothing_and_forgets_nothing() {
    let folder = tempfile::tempdir().unwrap();
    // A process that writes beyond its limit is sent SIGXFSZ, which ends it unless it is ignored; that is inherited.
    let output = Command::new("sh")
        .args(["-c", "trap '' XFSZ; exec \"$@\"", "sh"])
        .arg(std::env::current_exe().unwrap())
        .args([
            "takes_on_a_disk_that_becomes_full",
            "--exact",
            "--ignored",
            "--nocapture",
        ])
        .env(DATA_DIR, folder.path())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{text}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let store = open(folder.path());
    let counter = counter(&store, "calendar", 1_000_000);
    let mut known = 0;
    for line in text.lines() {
        if let Some((_, name)) = line.split_once("granted ") {
            assert_eq!(used(&store, &counter, name, 1_000_000).await, 5, "{name}");
            known += 1;
        }
    }
    assert!(known >= 2, "{text}");
    assert_eq!(used(&store, &counter, "another", 1_000_000).await, 0);
}
