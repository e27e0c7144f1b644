//! What it costs to accept a message once: `cargo bench -p palisade-store`.
//!
//! In memory: the time of one call, and the bytes of one message, with few and with a million messages remembered. On disk:
//! messages accepted in a second, by how many callers wait at a time, and the time to open a file of a million.

use std::hint::black_box;
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use palisade_core::{Replay, ReplayError, ReplayStore, SeenMessage};
use palisade_store::{EmbeddedReplay, EmbeddedReplayConfig, MemoryReplay};
use tokio::runtime::{Builder, Runtime};

const SENDER: [u8; 32] = [7; 32];
/// How many calls are timed in memory.
const CALLS: u64 = 100_000;
/// How long callers burn messages on disk.
const TIME: Duration = Duration::from_secs(4);

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

/// Messages live for ten minutes, and come at a rate that fills a million in that time.
fn message(id: &str, number: u64) -> SeenMessage<'_> {
    let now = 1_000 + number / 1_700;
    SeenMessage {
        sender: &SENDER,
        id,
        issued_at: at(now),
        expires_at: at(now + 300),
        max_clock_skew: Duration::from_secs(300),
        now: at(now),
    }
}

fn identifier(number: u64) -> String {
    format!("4f0c2c1e-6d1b-4f6e-9d5e-{number:012x}")
}

fn say(line: &str) {
    // Whoever closed the pipe does not want to know.
    let _ = writeln!(io::stdout(), "{line}");
}

async fn burn(store: &dyn ReplayStore, number: u64) -> Result<Replay, ReplayError> {
    store.burn(message(&identifier(number), number)).await
}

fn in_memory(runtime: &Runtime, live: u64) -> Result<(), ReplayError> {
    let info = allocation_counter::measure(|| {
        let memory = MemoryReplay::new(1_000_000 + 200_000, at(0));
        runtime
            .block_on(async {
                for number in 0..live {
                    let _ = burn(&memory, number).await?;
                }
                Ok::<_, ReplayError>(())
            })
            .unwrap_or_else(|error| say(&error.to_string()));
        std::mem::forget(black_box(memory));
    });
    let memory = MemoryReplay::new(1_000_000 + 200_000, at(0));
    runtime.block_on(async {
        for number in 0..live {
            let _ = burn(&memory, number).await?;
        }
        let identifiers: Vec<String> = (live..live + CALLS).map(identifier).collect();
        let mut times = Vec::new();
        for (which, known) in [("fresh", false), ("seen", true)] {
            let begin = Instant::now();
            for (number, id) in (live..).zip(&identifiers) {
                let answer = memory.burn(message(id, number)).await?;
                assert_eq!(answer == Replay::Seen, known);
            }
            times.push(format!(
                "{which} {} ns",
                begin.elapsed().as_nanos() / u128::from(CALLS)
            ));
        }
        let each = info.bytes_current / i64::try_from(live).unwrap_or(i64::MAX);
        say(&format!(
            "memory, {live} live: {}, {each} bytes each",
            times.join(", ")
        ));
        Ok(())
    })
}

fn on_disk(
    runtime: &Runtime,
    data_dir: &Path,
    callers: u64,
    numbers: &Arc<AtomicU64>,
) -> Result<(), Box<dyn std::error::Error>> {
    let store = Arc::new(EmbeddedReplay::open(&EmbeddedReplayConfig::new(data_dir))?);
    let begin = Instant::now();
    let accepted: u64 = runtime.block_on(async {
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..callers {
            let (store, numbers) = (Arc::clone(&store), Arc::clone(numbers));
            tasks.spawn(async move {
                let mut accepted = 0;
                while begin.elapsed() < TIME {
                    let number = numbers.fetch_add(1, Ordering::Relaxed);
                    let answer = burn(&*store, number).await;
                    assert!(matches!(answer, Ok(Replay::Fresh)), "{answer:?}");
                    accepted += 1;
                }
                accepted
            });
        }
        tasks.join_all().await.into_iter().sum()
    });
    let seconds = begin.elapsed().as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "for people")]
    let rate = accepted as f64 / seconds;
    say(&format!("embedded, {callers} callers: {rate:.0} messages/s"));
    Ok(())
}

/// Fills a file with a million messages and opens it again.
fn opening(runtime: &Runtime, data_dir: &Path) -> Result<(), Box<dyn std::error::Error>> {
    const BATCH: u64 = 10_000;
    {
        let store = EmbeddedReplay::open(&EmbeddedReplayConfig::new(data_dir))?;
        for batch in 0..1_000_000 / BATCH {
            let calls = (batch * BATCH..(batch + 1) * BATCH).map(|number| burn(&store, number));
            for answer in runtime.block_on(futures_util::future::join_all(calls)) {
                assert_eq!(answer?, Replay::Fresh);
            }
        }
    }
    let bytes = data_dir.join("replay.redb").metadata()?.len();
    let begin = Instant::now();
    let store = EmbeddedReplay::open(&EmbeddedReplayConfig::new(data_dir))?;
    let (entries, time) = (store.entries(), begin.elapsed());
    say(&format!(
        "embedded, opening {entries} messages: {time:.2?}, {bytes} bytes of file"
    ));
    Ok(())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let runtime = Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    for live in [1_000, 1_000_000] {
        in_memory(&runtime, live)?;
    }
    // Not in memory, where many a folder for temporary files is.
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let numbers = Arc::new(AtomicU64::new(0));
    for callers in [1, 50, 500] {
        on_disk(&runtime, &folder.path().join("rates"), callers, &numbers)?;
    }
    opening(&runtime, &folder.path().join("opening"))
}
