//! What a process that is killed leaves behind, and what one does whose disk is full.
//!
//! The processes are this very program, told to run one ignored test.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::collections::HashSet;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use futures_util::future::join_all;
use palisade_core::{Replay, ReplayError, ReplayStore, SeenMessage};
use palisade_store::{EmbeddedReplay, EmbeddedReplayConfig};

const DATA_DIR: &str = "PALISADE_TEST_DATA_DIR";
const ROUND: &str = "PALISADE_TEST_ROUND";

const NOW: SystemTime = UNIX_EPOCH;

fn message(id: &str) -> SeenMessage<'_> {
    SeenMessage {
        sender: &[7; 32],
        id,
        issued_at: NOW,
        expires_at: NOW + Duration::from_secs(300),
        max_clock_skew: Duration::from_secs(300),
        now: NOW,
    }
}

fn open(data_dir: &Path) -> EmbeddedReplay {
    EmbeddedReplay::open(&EmbeddedReplayConfig::new(data_dir)).unwrap()
}

fn data_dir() -> PathBuf {
    std::env::var_os(DATA_DIR).unwrap().into()
}

fn say(line: &str) {
    // One write, so that a line is whole or not there.
    std::io::stdout()
        .lock()
        .write_all(format!("{line}\n").as_bytes())
        .unwrap();
}

fn start(test: &str, data_dir: &Path, round: usize) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args([test, "--exact", "--ignored", "--nocapture"])
        .env(DATA_DIR, data_dir)
        .env(ROUND, round.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a process that another test starts and kills"]
async fn burns_until_it_is_killed() {
    let memory = Arc::new(open(&data_dir()));
    let round = std::env::var(ROUND).unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    for task in 0..32 {
        let (memory, round) = (Arc::clone(&memory), round.clone());
        tasks.spawn(async move {
            for number in 0.. {
                let id = format!("burnt-{round}-{task}-{number}");
                assert_eq!(memory.burn(message(&id)).await.unwrap(), Replay::Fresh);
                say(&id);
            }
        });
    }
    tasks.join_all().await;
}

#[tokio::test]
async fn what_was_accepted_before_a_kill_is_refused_after_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut accepted = HashSet::new();
    for round in 0..6 {
        let mut child = start("burns_until_it_is_killed", folder.path(), round);
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut left = 200 + 77 * round;
        while left > 0 {
            let line = lines.next().expect("it burns until it is killed").unwrap();
            if line.starts_with("burnt-") {
                accepted.insert(line);
                left -= 1;
            }
        }
        child.kill().unwrap();
        // What it said before it died.
        accepted.extend(
            lines
                .map_while(Result::ok)
                .filter(|line| line.starts_with("burnt-")),
        );
        child.wait().unwrap();

        let memory = open(folder.path());
        assert!(memory.entries() >= accepted.len());
        for id in &accepted {
            assert_eq!(
                memory.burn(message(id)).await.unwrap(),
                Replay::Seen,
                "{id} after round {round}"
            );
        }
        assert_eq!(
            memory.burn(message(&format!("new-{round}"))).await.unwrap(),
            Replay::Fresh
        );
    }
}

#[tokio::test]
#[ignore = "a process that another test starts, without room on its disk"]
async fn burns_on_a_disk_that_becomes_full() {
    let memory = open(&data_dir());
    assert_eq!(memory.burn(message("before")).await.unwrap(), Replay::Fresh);
    // From here on no file can be written.
    limit_files("0");
    let mut accepted = Vec::new();
    let refused = loop {
        let ids: Vec<String> = (0..2000)
            .map(|number| format!("{}-{number}", accepted.len()))
            .collect();
        let answers = join_all(ids.iter().map(|id| memory.burn(message(id)))).await;
        let failed = answers.iter().position(Result::is_err);
        for (id, answer) in ids.iter().zip(answers) {
            match answer {
                Ok(answer) => {
                    assert_eq!(answer, Replay::Fresh);
                    accepted.push(id.clone());
                }
                Err(error) => assert!(matches!(error, ReplayError::Unavailable(_)), "{error}"),
            }
        }
        if let Some(failed) = failed {
            break ids[failed].clone();
        }
    };
    assert_eq!(
        memory.burn(message("before")).await.unwrap(),
        Replay::Seen,
        "what it knows it knows"
    );
    let error = memory.burn(message(&refused)).await.unwrap_err();
    assert!(
        matches!(error, ReplayError::Unavailable(_)),
        "it is not taken for a replay: {error}"
    );

    limit_files("unlimited");
    let patience = Instant::now();
    let answer = loop {
        match memory.burn(message(&refused)).await {
            Ok(answer) => break answer,
            Err(error) => assert!(patience.elapsed() < Duration::from_secs(20), "{error}"),
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    assert_eq!(
        answer,
        Replay::Fresh,
        "it works again, and the message was not accepted before"
    );
    say(&format!("refused {refused}"));
    for id in accepted {
        say(&format!("accepted {id}"));
    }
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
async fn a_full_disk_refuses_and_forgets_nothing() {
    let folder = tempfile::tempdir().unwrap();
    // A process that writes beyond its limit is sent SIGXFSZ, which ends it unless it is ignored; that is inherited.
    let output = Command::new("sh")
        .args(["-c", "trap '' XFSZ; exec \"$@\"", "sh"])
        .arg(std::env::current_exe().unwrap())
        .args([
            "burns_on_a_disk_that_becomes_full",
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
    let memory = open(folder.path());
    let mut known = 0;
    for line in text.lines() {
        let Some(id) = line
            .strip_prefix("accepted ")
            .or_else(|| line.strip_prefix("refused "))
        else {
            continue;
        };
        assert_eq!(memory.burn(message(id)).await.unwrap(), Replay::Seen, "{id}");
        known += 1;
    }
    assert!(known >= 1, "{text}");
}
