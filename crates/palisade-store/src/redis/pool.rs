//! A few connections, a time limit for each call, and a breaker.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use palisade_core::Clock;
use redis::{ErrorKind, FromRedisValue, RedisError, ServerErrorKind, Value};
use tokio::time::{Instant, timeout_at};

use super::breaker::{Breaker, Change, Entry};
use super::config::{RedisConfig, RedisConfigError};
use super::connect::{Connection, Connector};
use super::failure::RedisFailure;
use super::script::{Call, Script};
use super::slot::Slot;

const WATCH: &str = include_str!("watch.lua");

/// Connections to Redis that everything of a server shares; clones are one pool.
///
/// 1. Opening checks the settings and connects to nothing. Connections are made when they are first needed, and again after they
///    failed, by one call for all.
/// 2. A call ends within [`RedisConfig::timeout`]. Connecting may go on after that, for those that come later.
/// 3. A call is never made twice: whether Redis did what a call without an answer asked for is unknown.
/// 4. After [`RedisConfig::failures_to_open`] failures in a row calls fail at once, until one that tries succeeds. It tries to write
///    before it asks: a Redis that only refuses writes (it is full, or a replica) does not work.
///
/// It counts `palisade_redis_failures_total` by `reason` (`timeout`, `connect`, `command`, `open`), shows
/// `palisade_redis_breaker_open`, and logs under `palisade::redis` when Redis fails (`error`) and works again (`info`).
///
/// Redis 6 or later, or what speaks as it does.
///
/// # Settings of Redis that matter
///
/// `maxmemory-policy noeviction`: any other drops counters and accepted messages to make room. `appendonly yes` keeps them
/// over a restart, to within a second. A user for Palisade needs `~{<prefix>}:* +eval +evalsha +time +@read +@write +@connection`, and
/// in a cluster `+cluster|slots`.
///
/// # What this does not protect against
///
/// - A Redis that loses what it said was written (a restart without persistence, a failover to a replica that was behind) forgets
///   what limits had counted. The replay memory notices most of that and refuses what is older, see [`RedisReplay`](crate::RedisReplay).
/// - Whoever can write to Redis decides limits and replays. Use `rediss://`, a password, and a network of its own.
///
/// # Example
///
/// ```
/// use std::sync::Arc;
/// use palisade_core::{LimitStore, ReplayStore, Secret, SystemClock};
/// use palisade_store::{RedisConfig, RedisLimits, RedisPool, RedisReplay};
///
/// // Nobody listens there. That is no error yet: each request is answered as its limits say for a store that is away.
/// let config = RedisConfig::new(Secret::new("redis://palisade:correct-horse@127.0.0.1:1"));
/// let pool = RedisPool::open(&config, Arc::new(SystemClock::new()))?;
/// let limits = RedisLimits::new(pool.clone());
/// let replay = RedisReplay::new(pool.clone(), 1_000_000);
/// assert!(limits.open().is_ok() && replay.open().is_ok());
/// assert!(!pool.is_failing());
///
/// let config = RedisConfig::new(Secret::new("http://127.0.0.1"));
/// assert!(RedisPool::open(&config, Arc::new(SystemClock::new())).is_err());
/// # Ok::<(), palisade_store::RedisConfigError>(())
/// ```
#[derive(Debug, Clone)]
pub struct RedisPool(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    connector: Arc<Connector>,
    prefix: String,
    timeout: Duration,
    slots: Vec<Arc<Slot>>,
    next: AtomicUsize,
    breaker: Breaker,
    /// When a call failed last, and why.
    last_failure: Mutex<Option<(Duration, RedisFailure)>>,
    /// Writes a little, under this key.
    watch: Script,
    watch_key: String,
    clock: Arc<dyn Clock>,
}

impl RedisPool {
    /// Checks the settings. Redis need not be there.
    pub fn open(config: &RedisConfig, clock: Arc<dyn Clock>) -> Result<Self, RedisConfigError> {
        let connector = Connector::new(config)?;
        let size = if connector.is_cluster() {
            1
        } else {
            config.pool_size.max(1)
        };
        Ok(Self(Arc::new(Inner {
            connector: Arc::new(connector),
            prefix: config.prefix.clone(),
            timeout: config.timeout,
            slots: std::iter::repeat_with(Arc::default).take(size).collect(),
            next: AtomicUsize::new(0),
            breaker: Breaker::new(config.failures_to_open, config.cool_down),
            last_failure: Mutex::new(None),
            watch: Script::new(WATCH),
            watch_key: format!("{}:watch", tag(&config.prefix)),
            clock,
        })))
    }

    /// Whether Redis failed several times in a row and is left alone. It stays so until a call tries and succeeds.
    pub fn is_failing(&self) -> bool {
        self.0.breaker.is_open()
    }

    /// Why the last call that failed did. For operators, not for peers.
    pub fn last_failure(&self) -> Option<RedisFailure> {
        self.0.last_failure().clone().map(|(_, failure)| failure)
    }

    /// Why a call failed, where the last one that did is no longer ago than that. For operators, not for peers.
    pub fn failure_within(&self, recently: Duration) -> Option<RedisFailure> {
        let (at, failure) = self.0.last_failure().clone()?;
        let ago = self.0.clock.elapsed().saturating_sub(at);
        (ago <= recently).then_some(failure)
    }

    /// Writes a little (the key `{<prefix>}:watch`, which ends by itself), as scripts do, and says whether Redis did it.
    ///
    /// It asks although Redis is left alone, and what comes of it is no call's outcome: [`is_failing`](Self::is_failing),
    /// [`last_failure`](Self::last_failure) and [`failure_within`](Self::failure_within) say nothing of it.
    pub async fn try_writing(&self) -> Result<(), RedisFailure> {
        let written = async { self.write(self.turn()?, self.deadline()).await };
        written.await.inspect_err(count)
    }

    /// With what every key begins: the prefix as a hash tag.
    pub(crate) fn tag(&self) -> String {
        tag(&self.0.prefix)
    }

    /// Runs a script.
    pub(crate) async fn run<T: FromRedisValue>(&self, call: Call<'_>) -> Result<T, RedisFailure> {
        let value = self.guarded(call).await?;
        T::from_redis_value(value).map_err(|_| RedisFailure::Answer)
    }

    /// Asks where the breaker permits.
    async fn guarded(&self, call: Call<'_>) -> Result<Value, RedisFailure> {
        let entry = self.0.breaker.enter(self.0.clock.elapsed());
        if entry == Entry::Refused {
            count(&RedisFailure::Open);
            return Err(RedisFailure::Open);
        }
        let pending = Pending {
            inner: &self.0,
            entry: Some(entry),
        };
        let answer = self.tried(&call, entry).await;
        pending.ended(answer.as_ref().err());
        answer
    }

    async fn tried(&self, call: &Call<'_>, entry: Entry) -> Result<Value, RedisFailure> {
        let (slot, deadline) = (self.turn()?, self.deadline());
        // Many a call succeeds where nothing can be written.
        if entry == Entry::Probe {
            self.write(slot, deadline).await?;
        }
        self.ask(call, slot, deadline).await
    }

    /// The place whose turn it is.
    fn turn(&self) -> Result<&Arc<Slot>, RedisFailure> {
        let turn = self.0.next.fetch_add(1, Ordering::Relaxed);
        let slot = self.0.slots.get(turn % self.0.slots.len().max(1));
        slot.ok_or(RedisFailure::Abandoned)
    }

    fn deadline(&self) -> Instant {
        Instant::now() + self.0.timeout
    }

    async fn write(&self, slot: &Arc<Slot>, deadline: Instant) -> Result<(), RedisFailure> {
        let call = self.0.watch.call(&[&self.0.watch_key]);
        self.ask(&call, slot, deadline).await.map(|_| ())
    }

    /// Asks within the time limit.
    async fn ask(&self, call: &Call<'_>, slot: &Arc<Slot>, deadline: Instant) -> Result<Value, RedisFailure> {
        let inner = &self.0;
        let late = |_| RedisFailure::Timeout(inner.timeout);
        let connecting = slot.connection(&inner.connector);
        let (connection, number) = timeout_at(deadline, connecting).await.map_err(late)??;
        let asking = timeout_at(deadline, put(call, connection)).await;
        let answer = asking.map_err(late).and_then(|answer| {
            let failed = |error: RedisError| RedisFailure::Command(error.into());
            answer.map_err(failed)
        });
        if answer.is_err() {
            slot.failed(number);
        }
        answer
    }
}

impl Inner {
    fn last_failure(&self) -> MutexGuard<'_, Option<(Duration, RedisFailure)>> {
        self.last_failure.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn put(call: &Call<'_>, mut connection: Connection) -> Result<Value, RedisError> {
    match connection.send(&call.by_name()).await {
        // It was not run: Redis was restarted, emptied of scripts, or is another one.
        Err(error) if is_unknown_script(&error) => connection.send(&call.with_text()).await,
        answer => answer,
    }
}

fn tag(prefix: &str) -> String {
    format!("{{{prefix}}}")
}

fn is_unknown_script(error: &RedisError) -> bool {
    error.kind() == ErrorKind::Server(ServerErrorKind::NoScript)
}

fn count(failure: &RedisFailure) {
    metrics::counter!("palisade_redis_failures_total", "reason" => failure.reason()).increment(1);
}

/// A call that was let through; dropped without an outcome, it tells the breaker so.
#[derive(Debug)]
struct Pending<'a> {
    inner: &'a Inner,
    entry: Option<Entry>,
}

impl Pending<'_> {
    fn ended(mut self, failure: Option<&RedisFailure>) {
        let Some(entry) = self.entry.take() else { return };
        let now = self.inner.clock.elapsed();
        let change = self.inner.breaker.outcome(entry, failure.is_none(), now);
        if let Some(failure) = failure {
            count(failure);
            *self.inner.last_failure() = Some((now, failure.clone()));
        }
        match (change, failure) {
            (Change::Opened, Some(failure)) => {
                metrics::gauge!("palisade_redis_breaker_open").set(1.0);
                tracing::error!(
                    target: "palisade::redis",
                    error = %failure,
                    "Redis failed several times in a row; calls fail at once until it works again"
                );
            }
            (Change::Closed, _) => {
                metrics::gauge!("palisade_redis_breaker_open").set(0.0);
                tracing::info!(target: "palisade::redis", "Redis works again");
            }
            (Change::Opened | Change::None, _) => {}
        }
    }
}

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        if self.entry == Some(Entry::Probe) {
            self.inner.breaker.abandoned();
        }
    }
}
