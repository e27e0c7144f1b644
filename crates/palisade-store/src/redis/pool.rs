//! A few connections, a time limit for each call, and a breaker.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use palisade_core::Clock;
use redis::{ErrorKind, FromRedisValue, RedisError, ServerErrorKind, Value};
use tokio::time::{Instant, timeout_at};

use super::breaker::{Breaker, Change, Entry};
use super::config::{RedisConfig, RedisConfigError};
use super::connect::{Connection, Connector};
use super::failure::RedisFailure;
use super::script::Call;
use super::slot::Slot;

/// Connections to Redis that everything of a server shares; clones are one pool.
///
/// 1. Opening checks the settings and connects to nothing. Connections are made when they are first needed, and again after they
///    failed, by one call for all.
/// 2. A call ends within [`RedisConfig::timeout`]. Connecting may go on after that, for those that come later.
/// 3. A call is never made twice: whether Redis did what a call without an answer asked for is unknown.
/// 4. After [`RedisConfig::failures_to_open`] failures in a row calls fail at once, until one that tries succeeds.
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
///   what limits had counted. The replay memory notices most of that and refuses what is older, see [`RedisReplay`].
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
    last_failure: Mutex<Option<RedisFailure>>,
    clock: Arc<dyn Clock>,
}

/// What is asked.
#[derive(Debug)]
enum Question<'a> {
    Ping,
    Script(Call<'a>),
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
            clock,
        })))
    }

    /// Whether Redis failed several times in a row and is left alone. It stays so until a call tries and succeeds.
    pub fn is_failing(&self) -> bool {
        self.0.breaker.is_open()
    }

    /// Why the last call that failed did. For operators, not for peers.
    pub fn last_failure(&self) -> Option<RedisFailure> {
        self.0
            .last_failure
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Asks for a sign of life.
    pub async fn ping(&self) -> Result<(), RedisFailure> {
        self.guarded(Question::Ping).await.map(|_| ())
    }

    /// With what every key begins: the prefix as a hash tag.
    pub(crate) fn tag(&self) -> String {
        format!("{{{}}}", self.0.prefix)
    }

    /// Runs a script.
    pub(crate) async fn run<T: FromRedisValue>(&self, call: Call<'_>) -> Result<T, RedisFailure> {
        let value = self.guarded(Question::Script(call)).await?;
        T::from_redis_value(value).map_err(|_| RedisFailure::Answer)
    }

    /// Asks where the breaker permits.
    async fn guarded(&self, question: Question<'_>) -> Result<Value, RedisFailure> {
        let entry = self.0.breaker.enter(self.0.clock.elapsed());
        if entry == Entry::Refused {
            count(&RedisFailure::Open);
            return Err(RedisFailure::Open);
        }
        let pending = Pending {
            inner: &self.0,
            entry: Some(entry),
        };
        let answer = self.ask(question).await;
        pending.ended(answer.as_ref().err());
        answer
    }

    /// Asks within the time limit.
    async fn ask(&self, question: Question<'_>) -> Result<Value, RedisFailure> {
        let inner = &self.0;
        let late = |_| RedisFailure::Timeout(inner.timeout);
        let deadline = Instant::now() + inner.timeout;
        let turn = inner.next.fetch_add(1, Ordering::Relaxed);
        let slot = inner
            .slots
            .get(turn % inner.slots.len().max(1))
            .ok_or(RedisFailure::Abandoned)?;
        let connecting = slot.connection(&inner.connector);
        let (connection, number) = timeout_at(deadline, connecting).await.map_err(late)??;
        let asking = timeout_at(deadline, question.put(connection)).await;
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

impl Question<'_> {
    async fn put(self, mut connection: Connection) -> Result<Value, RedisError> {
        match self {
            Self::Ping => connection.send(&redis::cmd("PING")).await,
            Self::Script(call) => match connection.send(&call.by_name()).await {
                // It was not run: Redis was restarted, emptied of scripts, or is another one.
                Err(error) if is_unknown_script(&error) => connection.send(&call.with_text()).await,
                answer => answer,
            },
        }
    }
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
            let mut last = self
                .inner
                .last_failure
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            *last = Some(failure.clone());
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
