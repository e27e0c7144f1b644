//! The server's replay memory: one for its life, whatever is reloaded.
//!
//! 1. Nothing is opened and no file is made unless a stage asks for it, and not before the server serves: checking a
//!    configuration takes nothing away from the server that runs with it.
//! 2. When a server begins to serve, what its stages asked for is opened before anything listens. A stage that comes with a reload
//!    has it opened then; if that fails, the reload is refused.
//! 3. A memory in this process begins at a whole second before the first request, so that messages that say in which second they
//!    were created are not refused for it.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use palisade_core::{BoxFuture, Clock, Replay, ReplayError, ReplayStore, SeenMessage};
use palisade_store::{EmbeddedReplay, EmbeddedReplayConfig, MemoryReplay};
#[cfg(feature = "redis")]
use palisade_store::{RedisPool, RedisReplay};
use tokio::task::spawn_blocking;

use crate::data_dir;
use crate::settings::{ReplaySettings, ReplayStoreKind};

/// How often what is due is forgotten, and counted what remains.
const UPKEEP: Duration = Duration::from_secs(5);

/// The replay memory that stages share.
#[derive(Debug)]
pub(crate) struct ReplayMemory {
    settings: ReplaySettings,
    data_dir: PathBuf,
    clock: Arc<dyn Clock>,
    /// Where there is a Redis.
    #[cfg(feature = "redis")]
    redis: Option<RedisPool>,
    wanted: Mutex<Wanted>,
    opened: OnceLock<Opened>,
}

/// It is opened once both are so.
#[derive(Debug, Default)]
struct Wanted {
    by_a_stage: bool,
    by_the_server: bool,
    /// The largest skew that any stage said it permits.
    max_clock_skew: Duration,
}

#[derive(Debug)]
enum Opened {
    Memory(MemoryReplay),
    Embedded(EmbeddedReplay),
    #[cfg(feature = "redis")]
    Redis(RedisReplay),
}

impl Opened {
    fn store(&self) -> &dyn ReplayStore {
        match self {
            Self::Memory(memory) => memory,
            Self::Embedded(memory) => memory,
            #[cfg(feature = "redis")]
            Self::Redis(memory) => memory,
        }
    }
}

impl ReplayMemory {
    pub(crate) fn new(settings: ReplaySettings, data_dir: PathBuf, clock: Arc<dyn Clock>) -> Self {
        Self {
            settings,
            data_dir,
            clock,
            #[cfg(feature = "redis")]
            redis: None,
            wanted: Mutex::default(),
            opened: OnceLock::new(),
        }
    }

    /// Has those connections for the store `redis`.
    #[cfg(feature = "redis")]
    pub(crate) fn over(mut self, redis: Option<RedisPool>) -> Self {
        self.redis = redis;
        self
    }

    /// Opens what stages asked for, and lets those to come have it opened at once.
    pub(crate) async fn begin(self: &Arc<Self>) -> Result<(), ReplayError> {
        let this = Arc::clone(self);
        let opened = spawn_blocking(move || this.want(|wanted| wanted.by_the_server = true));
        opened.await.map_err(ReplayError::unavailable)??;
        if let Some(Opened::Memory(_)) = self.opened.get() {
            tokio::time::sleep(until_the_next_second(self.clock.now())).await;
        }
        Ok(())
    }

    /// Forgets what is due and counts what remains, until it is dropped.
    pub(crate) async fn keep_up(self: Arc<Self>) {
        let mut interval = tokio::time::interval(UPKEEP);
        loop {
            interval.tick().await;
            let this = Arc::clone(&self);
            // There may be a million of them.
            let _ = spawn_blocking(move || this.reclaim()).await;
        }
    }

    fn want(&self, say: impl FnOnce(&mut Wanted)) -> Result<(), ReplayError> {
        let mut wanted = self.wanted.lock().unwrap_or_else(PoisonError::into_inner);
        say(&mut wanted);
        if wanted.by_a_stage && wanted.by_the_server && self.opened.get().is_none() {
            let opened = self.make()?;
            opened.store().remember_for(wanted.max_clock_skew);
            // Nobody else sets it without the lock.
            let _ = self.opened.set(opened);
        }
        Ok(())
    }

    /// Why what stages asked for cannot be opened, as far as that shows without opening it.
    pub(crate) fn check(&self) -> Result<(), String> {
        let is_wanted = {
            let wanted = self.wanted.lock().unwrap_or_else(PoisonError::into_inner);
            wanted.by_a_stage && !wanted.by_the_server
        };
        if is_wanted && self.settings.store == ReplayStoreKind::Embedded {
            data_dir::check(&self.data_dir)
        } else {
            Ok(())
        }
    }

    fn make(&self) -> Result<Opened, ReplayError> {
        let max_entries = self.settings.max_entries;
        Ok(match self.settings.store {
            ReplayStoreKind::Memory => Opened::Memory(MemoryReplay::new(max_entries, self.clock.now())),
            ReplayStoreKind::Embedded => {
                let config = EmbeddedReplayConfig::new(&self.data_dir).max_entries(max_entries);
                Opened::Embedded(EmbeddedReplay::open(&config).map_err(ReplayError::unavailable)?)
            }
            ReplayStoreKind::Redis => self.over_redis()?,
        })
    }

    #[cfg(feature = "redis")]
    fn over_redis(&self) -> Result<Opened, ReplayError> {
        let pool = self.redis.clone();
        let pool = pool.ok_or_else(|| ReplayError::unavailable("palisade.redis.url is not set"))?;
        Ok(Opened::Redis(RedisReplay::new(pool, self.settings.max_entries)))
    }

    #[cfg(not(feature = "redis"))]
    fn over_redis(&self) -> Result<Opened, ReplayError> {
        Err(ReplayError::unavailable("this build has no Redis"))
    }

    fn reclaim(&self) {
        let now = self.clock.now();
        let entries = match self.opened.get() {
            Some(Opened::Memory(memory)) => {
                memory.reclaim(now);
                memory.entries()
            }
            Some(Opened::Embedded(memory)) => {
                memory.reclaim(now);
                memory.entries()
            }
            #[cfg(feature = "redis")]
            Some(Opened::Redis(memory)) => usize::try_from(memory.entries()).unwrap_or(usize::MAX),
            None => return,
        };
        #[expect(clippy::cast_precision_loss, reason = "there are not that many")]
        metrics::gauge!("palisade_replay_entries").set(entries as f64);
    }
}

impl ReplayStore for ReplayMemory {
    fn burn<'a>(&'a self, message: SeenMessage<'a>) -> BoxFuture<'a, Result<Replay, ReplayError>> {
        let answer = match self.opened.get() {
            Some(opened) => opened.store().burn(message),
            None => Box::pin(async { Err(ReplayError::unavailable("the server does not serve yet")) }),
        };
        Box::pin(async move {
            let answer = answer.await;
            if matches!(answer, Err(ReplayError::Full)) {
                metrics::counter!("palisade_replay_full_total").increment(1);
            }
            answer
        })
    }

    fn open(&self) -> Result<(), ReplayError> {
        self.want(|wanted| wanted.by_a_stage = true)
    }

    fn remember_for(&self, max_clock_skew: Duration) {
        let mut wanted = self.wanted.lock().unwrap_or_else(PoisonError::into_inner);
        wanted.max_clock_skew = wanted.max_clock_skew.max(max_clock_skew);
        if let Some(opened) = self.opened.get() {
            opened.store().remember_for(max_clock_skew);
        }
    }
}

fn until_the_next_second(now: SystemTime) -> Duration {
    let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    Duration::from_nanos(1_000_000_000 - u64::from(since.subsec_nanos().max(1)))
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use rstest::rstest;

    use super::until_the_next_second;

    #[rstest]
    #[case(0, 999_999_999)]
    #[case(1, 999_999_999)]
    #[case(999_999_999, 1)]
    fn the_next_second_is_never_far(#[case] nanos: u32, #[case] left: u64) {
        let now = UNIX_EPOCH + Duration::new(7, nanos);
        assert_eq!(until_the_next_second(now), Duration::from_nanos(left));
    }
}
