//! What it costs to ask Redis: `cargo bench -p palisade-store --features redis --bench redis`.
//!
//! It starts a `redis-server` of its own on this machine, and compares, in turn, a bare `GET` with the check of one limit and of
//! three: latency of one caller, and calls in a second by many. On a machine with few cores the server, the callers and the
//! driver of the connection share them, so what counts are the ratios.

use std::io::{self, Write as _};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use palisade_core::{
    BoxFuture, Demand, LimitCounter, LimitKey, LimitRule, LimitStore, ReplayStore as _, Secret, SeenMessage,
    SystemClock, WindowKind,
};
use palisade_store::{RedisConfig, RedisLimits, RedisPool, RedisReplay};
use palisade_test::redis::Redis;
use redis::aio::MultiplexedConnection;
use tokio::runtime::Runtime;

const ROUNDS: usize = 5;
/// How many calls of one caller are timed in a round.
const CALLS: usize = 4_000;
/// How many callers ask at a time, and how long in a round.
const CALLERS: u64 = 50;
const TIME: Duration = Duration::from_millis(800);
/// How many keys callers have in turn.
const KEYS: u64 = 10_000;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// A call with that number, which chooses the key.
type Ask = Arc<dyn Fn(u64) -> BoxFuture<'static, Result<(), Failure>> + Send + Sync>;

fn say(line: &str) {
    // Whoever closed the pipe does not want to know.
    let _ = writeln!(io::stdout(), "{line}");
}

fn key(number: u64) -> LimitKey {
    let mut digest = [0; 16];
    for (to, from) in digest.iter_mut().zip((number % KEYS).to_be_bytes()) {
        *to = from;
    }
    LimitKey::digest(digest)
}

fn bare_get(connection: MultiplexedConnection) -> Ask {
    Arc::new(move |number| {
        let mut connection = connection.clone();
        Box::pin(async move {
            let mut command = redis::cmd("GET");
            command.arg(format!("bare:{}", number % KEYS));
            let found: Option<String> = command.query_async(&mut connection).await?;
            assert_eq!(found.as_deref(), Some("1"));
            Ok(())
        })
    })
}

fn take(limits: Arc<RedisLimits>, counters: Vec<Arc<LimitCounter>>, exceeded: bool) -> Ask {
    let counters = Arc::new(counters);
    Arc::new(move |number| {
        let (limits, counters) = (Arc::clone(&limits), Arc::clone(&counters));
        Box::pin(async move {
            let demand = |counter| Demand::new(Arc::clone(counter), key(number), 1);
            let mut demands: Vec<Demand> = counters.iter().map(demand).collect();
            limits.take(&mut demands, UNIX_EPOCH).outcome().await?;
            assert!(demands.iter().all(|demand| demand.standing.exceeded == exceeded));
            Ok(())
        })
    })
}

fn burn(memory: RedisReplay) -> Ask {
    let begin = Instant::now();
    Arc::new(move |number| {
        let memory = memory.clone();
        Box::pin(async move {
            let id = format!("{number}-{}", begin.elapsed().as_nanos());
            let end = SystemTime::UNIX_EPOCH + Duration::from_secs(4_000_000_000);
            let message = SeenMessage {
                sender: &[7; 32],
                id: &id,
                issued_at: end,
                expires_at: end,
                max_clock_skew: Duration::ZERO,
                now: end,
            };
            let _ = memory.burn(message).await?;
            Ok(())
        })
    })
}

#[derive(Debug, Default)]
struct Measured {
    latencies: Vec<Duration>,
    rates: Vec<f64>,
}

impl Measured {
    fn latency(&mut self, runtime: &Runtime, ask: &Ask) -> Result<(), Failure> {
        runtime.block_on(async {
            for number in 0..CALLS {
                let begin = Instant::now();
                ask(number as u64).await?;
                self.latencies.push(begin.elapsed());
            }
            Ok(())
        })
    }

    #[expect(clippy::cast_precision_loss, reason = "for people")]
    fn rate(&mut self, runtime: &Runtime, ask: &Ask) -> Result<(), Failure> {
        let begin = Instant::now();
        let calls: u64 = runtime.block_on(async {
            let mut tasks = tokio::task::JoinSet::new();
            for caller in 0..CALLERS {
                let ask = Arc::clone(ask);
                tasks.spawn(async move {
                    let mut calls = 0;
                    while begin.elapsed() < TIME {
                        ask(caller * 7919 + calls).await?;
                        calls += 1;
                    }
                    Ok::<_, Failure>(calls)
                });
            }
            tasks.join_all().await.into_iter().sum::<Result<u64, Failure>>()
        })?;
        self.rates.push(calls as f64 / begin.elapsed().as_secs_f64());
        Ok(())
    }

    /// Of a hundred calls, so many are no slower.
    fn percentile(&mut self, percent: usize) -> Duration {
        self.latencies.sort_unstable();
        let at = self.latencies.len() * percent / 100;
        self.latencies.get(at).copied().unwrap_or_default()
    }

    fn median_rate(&mut self) -> f64 {
        self.rates.sort_unstable_by(f64::total_cmp);
        self.rates.get(self.rates.len() / 2).copied().unwrap_or(f64::NAN)
    }
}

fn rate(burst: u64, interval: Duration) -> LimitRule {
    LimitRule::Rate { burst, interval }
}

fn window(kind: WindowKind) -> LimitRule {
    LimitRule::Window {
        limit: u128::MAX,
        period: Duration::from_secs(86_400),
        kind,
    }
}

fn contestants(runtime: &Runtime, url: &str) -> Result<Vec<(&'static str, Ask)>, Failure> {
    let connection = runtime.block_on(redis::Client::open(url)?.get_multiplexed_async_connection())?;
    for number in 0..KEYS {
        let mut connection = connection.clone();
        runtime.block_on(async move {
            let mut command = redis::cmd("SET");
            command.arg(format!("bare:{number}")).arg(1);
            command.query_async::<()>(&mut connection).await
        })?;
    }
    let mut config = RedisConfig::new(Secret::new(url));
    // As many connections as the bare one has.
    config.pool_size = 1;
    config.timeout = Duration::from_secs(20);
    let pool = RedisPool::open(&config, Arc::new(SystemClock::new()))?;
    let memory = RedisReplay::new(pool.clone(), 10_000_000);
    let limits = Arc::new(RedisLimits::new(pool.clone()));
    let counter = |name: &str, rule| Arc::new(LimitCounter::new(&*limits, name, rule, 1_000_000));
    // Shares last, and never run out.
    let fine = || rate(1 << 50, Duration::from_secs(60));
    // Each share is whole again, and forgotten, before it is asked for again.
    let brief = counter("brief", rate(1 << 50, Duration::from_micros(1)));
    let three = vec![
        counter("rate", fine()),
        counter("quota", window(WindowKind::Calendar)),
        counter("total", window(WindowKind::Sliding)),
    ];
    let rates = ["a", "b", "c"].map(|name| counter(name, fine())).to_vec();
    let shut = counter("shut", rate(0, Duration::from_secs(1)));
    Ok(vec![
        ("a bare GET", bare_get(connection)),
        (
            "one limit, a rate",
            take(Arc::clone(&limits), vec![counter("one", fine())], false),
        ),
        (
            "one limit, a rate, each key new",
            take(Arc::clone(&limits), vec![brief], false),
        ),
        ("one limit, refused", take(Arc::clone(&limits), vec![shut], true)),
        ("three limits, rates", take(Arc::clone(&limits), rates, false)),
        (
            "three limits, a rate and two windows",
            take(Arc::clone(&limits), three, false),
        ),
        ("a message accepted once", burn(memory)),
    ])
}

fn main() -> Result<(), Failure> {
    let Some(redis) = Redis::start() else {
        return Err("there is no redis-server to measure".into());
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let contestants = contestants(&runtime, &redis.url())?;
    let mut measured: Vec<Measured> = contestants.iter().map(|_| Measured::default()).collect();
    for _ in 0..ROUNDS {
        for ((_, ask), measured) in contestants.iter().zip(&mut measured) {
            measured.latency(&runtime, ask)?;
            measured.rate(&runtime, ask)?;
        }
    }
    let mut bare: Option<(Duration, Duration, f64)> = None;
    for ((name, _), measured) in contestants.iter().zip(&mut measured) {
        let (p50, p99, rate) = (
            measured.percentile(50),
            measured.percentile(99),
            measured.median_rate(),
        );
        let (first50, first99, first) = *bare.get_or_insert((p50, p99, rate));
        say(&format!(
            "{name:<38} p50 {p50:>9.1?} (+{:>7.1?})  p99 {p99:>9.1?} (+{:>7.1?})  {rate:>7.0}/s by {CALLERS} callers, ratio {:.2}",
            p50.saturating_sub(first50),
            p99.saturating_sub(first99),
            rate / first,
        ));
    }
    Ok(())
}
