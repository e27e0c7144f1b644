//! Accepted messages that servers share in Redis.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use palisade_core::{BoxFuture, Replay, ReplayError, ReplayStore, SeenMessage};

use super::failure::RedisFailure;
use super::pool::RedisPool;
use super::script::Script;
use crate::identity::{Entry, seconds_up};

const REPLAY: &str = include_str!("replay.lua");

/// Remembers accepted messages for all servers that share a Redis.
///
/// 1. [`burn`](ReplayStore::burn) is one script and one round trip: of all servers together, one is answered that a message is fresh.
/// 2. A message is kept until its end and the largest skew that any of the servers permits, and then forgotten by the script, which
///    keeps the latest end that was forgotten: what ended no later is refused. So neither a larger skew nor a clock of Redis that
///    goes back opens anything.
/// 3. At most as many messages are kept as it was told; more are refused. Each takes about 120 bytes of Redis.
/// 4. **A Redis that lost its data** knows nothing of what came before, and so refuses messages that were created before it was first
///    asked again. An emptied one is told by the lack of a date of birth; one that was restored from the past, or failed over to a
///    replica that was behind, by the number of messages it accepted, which is less than a server saw. So the first start of all
///    refuses what was created before it, too.
/// 5. Time is Redis's. Servers whose clocks differ from it accept messages created just before an emptied Redis was first asked, or
///    refuse a little more.
///
/// What it does not protect against: a Redis that lost messages, and has accepted as many others before any server that saw more
/// asks. A sender whose clock runs ahead: its messages may say that they were created after the loss. Keep Redis persistent.
#[derive(Debug, Clone)]
pub struct RedisReplay(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    pool: RedisPool,
    script: Script,
    keys: [String; 2],
    max_entries: usize,
    /// Seconds, as [`ReplayStore::remember_for`] was told.
    reach: AtomicU64,
    /// How many messages Redis had accepted when it was last asked.
    count: AtomicU64,
    /// How many it kept.
    entries: AtomicU64,
}

impl RedisReplay {
    /// A memory for that many messages over those connections.
    pub fn new(pool: RedisPool, max_entries: usize) -> Self {
        let tag = pool.tag();
        Self(Arc::new(Inner {
            keys: [format!("{tag}:replay"), format!("{tag}:replay:about")],
            pool,
            script: Script::new(REPLAY),
            max_entries,
            reach: AtomicU64::new(0),
            count: AtomicU64::new(0),
            entries: AtomicU64::new(0),
        }))
    }

    /// The connections.
    pub fn pool(&self) -> &RedisPool {
        &self.0.pool
    }

    /// How many messages all servers remember together, as of the last call; some of them may be due to be forgotten.
    pub fn entries(&self) -> u64 {
        self.0.entries.load(Ordering::Relaxed)
    }

    /// Begins the memory where there is none: messages created from now on are accepted. Without it, it begins with the first
    /// message, which it then refuses, because that was created before.
    pub async fn begin(&self) -> Result<(), ReplayError> {
        match self.0.ask(None).await.map_err(ReplayError::unavailable)? {
            Answer::Ready => Ok(()),
            _ => Err(ReplayError::unavailable(RedisFailure::Answer)),
        }
    }
}

enum Answer {
    Ready,
    Known(Replay),
    Full,
}

impl Inner {
    async fn ask(&self, message: Option<&SeenMessage<'_>>) -> Result<Answer, RedisFailure> {
        let mut call = self.script.call(&self.keys);
        match message {
            Some(message) => {
                let entry = Entry::of(message);
                call.arg(&entry.key.0[..])
                    .arg(entry.expires)
                    .arg(seconds_up(message.max_clock_skew))
                    .arg(microseconds(message.issued_at));
            }
            None => {
                call.arg("").arg(0).arg(0).arg(0);
            }
        }
        call.arg(self.reach.load(Ordering::Relaxed))
            .arg(self.max_entries)
            .arg(self.count.load(Ordering::Relaxed));
        let (word, count, entries): (String, u64, u64) = self.pool.run(call).await?;
        self.count.fetch_max(count, Ordering::Relaxed);
        self.entries.store(entries, Ordering::Relaxed);
        match word.as_str() {
            "ready" => Ok(Answer::Ready),
            "fresh" => Ok(Answer::Known(Replay::Fresh)),
            "seen" => Ok(Answer::Known(Replay::Seen)),
            "old" => Ok(Answer::Known(Replay::TooOld)),
            "full" => Ok(Answer::Full),
            _ => Err(RedisFailure::Answer),
        }
    }
}

impl ReplayStore for RedisReplay {
    fn burn<'a>(&'a self, message: SeenMessage<'a>) -> BoxFuture<'a, Result<Replay, ReplayError>> {
        Box::pin(async move {
            match self
                .0
                .ask(Some(&message))
                .await
                .map_err(ReplayError::unavailable)?
            {
                Answer::Known(replay) => Ok(replay),
                Answer::Full => Err(ReplayError::Full),
                Answer::Ready => Err(ReplayError::unavailable(RedisFailure::Answer)),
            }
        })
    }

    /// Never fails: Redis need not be there yet. Where a runtime is, the memory begins in the background.
    fn open(&self) -> Result<(), ReplayError> {
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            let memory = self.clone();
            // What fails is counted and logged by the pool; the first message tries again.
            runtime.spawn(async move { memory.begin().await });
        }
        Ok(())
    }

    fn remember_for(&self, max_clock_skew: Duration) {
        self.0
            .reach
            .fetch_max(seconds_up(max_clock_skew), Ordering::Relaxed);
    }
}

/// Whole microseconds since 1970, rounded down.
fn microseconds(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod model;
