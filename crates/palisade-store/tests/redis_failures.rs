//! A Redis that is away, late, shut or lost: what callers are told, and how soon.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::sync::Arc;
use std::time::{Duration, Instant, UNIX_EPOCH};

use palisade_core::{Demand, LimitCounter, LimitKey, LimitRule, LimitStore, LimitStoreError, Secret};
use palisade_store::{RedisConfig, RedisConfigError, RedisFailure, RedisLimits, RedisPool, RedisReplay};
use palisade_test::FakeClock;
use palisade_test::ca::TestCa;
use palisade_test::redis::{Data, PASSWORD, Redis, SlowProxy};
use rstest::rstest;
use tokio::task::JoinSet;

/// How long a call may take where Redis is late.
const BRIEF: Duration = Duration::from_millis(200);
/// Longer than any call may take; a call that hangs takes longer.
const ENDLESS: Duration = Duration::from_secs(10);

struct World {
    limits: RedisLimits,
    counter: Arc<LimitCounter>,
    /// By which the breaker cools down.
    clock: Arc<FakeClock>,
}

fn world(url: String, change: impl FnOnce(&mut RedisConfig)) -> World {
    let mut config = RedisConfig::new(Secret::new(url));
    config.timeout = ENDLESS * 2;
    config.connect_timeout = ENDLESS * 2;
    change(&mut config);
    let clock = Arc::new(FakeClock::at(UNIX_EPOCH));
    let limits = RedisLimits::new(RedisPool::open(&config, Arc::clone(&clock) as _).unwrap());
    let rule = LimitRule::Rate {
        burst: 1000,
        interval: Duration::from_secs(3600),
    };
    let counter = Arc::new(LimitCounter::new(&limits, "limit", rule, 10));
    World {
        limits,
        counter,
        clock,
    }
}

impl World {
    async fn take(&self) -> Result<u128, LimitStoreError> {
        let mut demands = [Demand::new(Arc::clone(&self.counter), LimitKey::EVERYBODY, 1)];
        self.limits.take(&mut demands, UNIX_EPOCH).outcome().await?;
        Ok(demands[0].standing.remaining)
    }

    /// Reads alone.
    async fn look(&self) -> Result<u128, LimitStoreError> {
        let mut demands = [Demand::new(Arc::clone(&self.counter), LimitKey::EVERYBODY, 1)];
        self.limits.look(&mut demands, UNIX_EPOCH).outcome().await?;
        Ok(demands[0].standing.remaining)
    }

    async fn failure(&self) -> RedisFailure {
        let error = self.take().await.unwrap_err();
        let cause = std::error::Error::source(&error).unwrap();
        cause.downcast_ref::<RedisFailure>().unwrap().clone()
    }

    fn cool_down(&self) {
        self.clock.advance(Duration::from_secs(1));
    }
}

/// A port at which nobody listens.
fn nowhere() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    format!("redis://127.0.0.1:{}", listener.local_addr().unwrap().port())
}

#[test]
fn opening_needs_neither_redis_nor_a_runtime() {
    let world = world(nowhere(), |_| ());
    assert!(world.limits.open().is_ok());
    assert!(!world.limits.pool().is_failing());
}

#[tokio::test]
async fn a_redis_that_is_away_is_an_error_and_after_some_of_them_is_left_alone() {
    let world = world(nowhere(), |_| ());
    for _ in 0..5 {
        assert!(!world.limits.pool().is_failing());
        assert!(matches!(world.failure().await, RedisFailure::Connect(_)));
    }
    assert!(world.limits.pool().is_failing());
    assert!(matches!(world.failure().await, RedisFailure::Open));
    world.cool_down();
    assert!(
        matches!(world.failure().await, RedisFailure::Connect(_)),
        "one tries"
    );
    assert!(matches!(world.failure().await, RedisFailure::Open));
    assert!(matches!(
        world.limits.pool().last_failure(),
        Some(RedisFailure::Connect(_))
    ));
}

#[tokio::test]
async fn it_works_again_as_soon_as_redis_does() {
    let Some(mut redis) = Redis::start() else { return };
    let world = world(redis.url(), |_| ());
    assert_eq!(world.take().await.unwrap(), 999);
    redis.stop();
    while !world.limits.pool().is_failing() {
        world.take().await.unwrap_err();
    }
    redis.resume(Data::Kept);
    assert!(
        matches!(world.failure().await, RedisFailure::Open),
        "it is not asked yet"
    );
    world.cool_down();
    assert_eq!(world.take().await.unwrap(), 998);
    assert!(!world.limits.pool().is_failing());
    assert_eq!(world.take().await.unwrap(), 997);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_call_hangs_on_a_redis_that_is_late() {
    let Some(redis) = Redis::start() else { return };
    let proxy = SlowProxy::before(redis.port());
    let world = Arc::new(world(redis.url_at(proxy.port()), |config| config.timeout = BRIEF));
    // Connected before it is late, where the machine lets it.
    while world.take().await.is_err() {
        world.cool_down();
    }
    proxy.delay(ENDLESS * 3);
    let begin = Instant::now();
    let mut tasks = JoinSet::new();
    for _ in 0..50 {
        let world = Arc::clone(&world);
        tasks.spawn(async move { world.failure().await });
    }
    let failures = tasks.join_all().await;
    assert!(begin.elapsed() < ENDLESS, "{:?}", begin.elapsed());
    let expected =
        |failure: &RedisFailure| matches!(failure, RedisFailure::Timeout(BRIEF) | RedisFailure::Open);
    assert!(failures.iter().all(expected), "{failures:?}");
    assert!(world.limits.pool().is_failing());

    // Connections that were made late are late; what is connected to anew is not.
    proxy.delay(Duration::ZERO);
    let mut tries = 0;
    while world.take().await.is_err() {
        world.cool_down();
        tries += 1;
        assert!(tries < 100, "{:?}", world.limits.pool().last_failure());
    }
}

#[tokio::test]
async fn no_call_hangs_on_a_redis_that_does_not_even_let_connect() {
    let Some(redis) = Redis::start() else { return };
    let proxy = SlowProxy::before(redis.port());
    proxy.delay(ENDLESS * 3);
    let world = world(redis.url_at(proxy.port()), |config| config.timeout = BRIEF);
    let begin = Instant::now();
    assert!(matches!(world.failure().await, RedisFailure::Timeout(BRIEF)));
    assert!(begin.elapsed() < ENDLESS, "{:?}", begin.elapsed());
}

#[tokio::test]
async fn a_call_that_is_given_up_hurts_nobody_and_lets_another_try() {
    let Some(redis) = Redis::start() else { return };
    let proxy = SlowProxy::before(redis.port());
    let world = world(redis.url_at(proxy.port()), |_| ());
    assert_eq!(world.take().await.unwrap(), 999);
    proxy.delay(BRIEF);
    for _ in 0..10 {
        let given_up = tokio::time::timeout(Duration::from_millis(1), world.take()).await;
        assert!(given_up.is_err());
    }
    assert!(world.take().await.is_ok());
    assert!(world.limits.pool().last_failure().is_none());
}

#[tokio::test]
async fn what_cannot_be_given_back_is_not_given_back_later() {
    let Some(mut redis) = Redis::start() else { return };
    let world = world(redis.url(), |_| ());
    let mut demands = [Demand::new(Arc::clone(&world.counter), LimitKey::EVERYBODY, 5)];
    world
        .limits
        .take(&mut demands, UNIX_EPOCH)
        .outcome()
        .await
        .unwrap();
    redis.stop();
    assert!(
        world
            .limits
            .give_back(&mut demands, UNIX_EPOCH)
            .outcome()
            .await
            .is_err()
    );
    assert_eq!(demands[0].standing.taken, 0);
    redis.resume(Data::Kept);
    while world.limits.pool().try_writing().await.is_err() {
        world.cool_down();
    }
    world
        .limits
        .give_back(&mut demands, UNIX_EPOCH)
        .outcome()
        .await
        .unwrap();
    assert_eq!(world.take().await.unwrap(), 994);
}

#[tokio::test]
async fn a_password_opens_redis_and_is_told_to_nobody() {
    let Some(redis) = Redis::start_with_password() else {
        return;
    };
    let right = world(redis.url(), |_| ());
    assert_eq!(right.take().await.unwrap(), 999);
    assert!(!format!("{:?}", right.limits).contains(PASSWORD));

    let wrong_url = redis.url().replace(PASSWORD, "Wrong-Horse8");
    let none_url = redis.url().replace(&format!(":{PASSWORD}@"), "");
    for url in [wrong_url, none_url] {
        let world = world(url, |_| ());
        let error = world.take().await.unwrap_err();
        let told = format!("{error} {error:?} {:?} {:?}", world.limits, world.failure().await);
        assert!(!told.contains("Horse"), "{told}");
    }
}

#[tokio::test]
async fn redis_that_refuses_is_an_error_too() {
    let Some(redis) = Redis::start_with(&["--maxmemory", "1"]) else {
        return;
    };
    let world = world(redis.url(), |_| ());
    assert!(matches!(world.failure().await, RedisFailure::Command(_)));
    assert!(
        redis
            .command(&["CONFIG", "SET", "maxmemory", "0"])
            .starts_with("+OK")
    );
    assert_eq!(world.take().await.unwrap(), 999);
}

/// What makes a Redis refuse every write while it answers, and what ends that.
#[rstest]
#[case::of_a_replica(&["REPLICAOF", "127.0.0.1", "1"], &["REPLICAOF", "NO", "ONE"])]
#[case::that_is_full(&["CONFIG", "SET", "maxmemory", "1"], &["CONFIG", "SET", "maxmemory", "0"])]
#[tokio::test]
async fn a_redis_that_can_only_be_read_works_for_nobody(#[case] shut: &[&str], #[case] open: &[&str]) {
    let Some(redis) = Redis::start() else { return };
    let world = world(redis.url(), |_| ());
    let pool = world.limits.pool();
    assert_eq!(world.take().await.unwrap(), 999);
    pool.try_writing().await.unwrap();

    assert!(redis.command(shut).starts_with("+OK"));
    while !pool.is_failing() {
        assert!(matches!(world.failure().await, RedisFailure::Command(_)));
    }
    for _ in 0..3 {
        world.cool_down();
        // What would succeed by itself does not say that it works again.
        world.look().await.unwrap_err();
        assert!(matches!(pool.try_writing().await, Err(RedisFailure::Command(_))));
        assert!(pool.is_failing());
    }

    assert!(redis.command(open).starts_with("+OK"));
    pool.try_writing().await.unwrap();
    assert!(pool.is_failing(), "that is no call");
    world.cool_down();
    assert_eq!(world.look().await.unwrap(), 999);
    assert!(!pool.is_failing());
    assert_eq!(world.take().await.unwrap(), 998);
}

#[tokio::test]
async fn a_failure_is_told_for_a_some_timewhatever_succeeds_meanwhile() {
    let Some(redis) = Redis::start() else { return };
    let world = world(redis.url(), |_| ());
    let pool = world.limits.pool();
    let some_time = Duration::from_secs(5);
    assert_eq!(world.take().await.unwrap(), 999);
    assert!(pool.failure_within(some_time).is_none());
    let full = ["CONFIG", "SET", "maxmemory", "1"];
    assert!(redis.command(&full).starts_with("+OK"));
    world.take().await.unwrap_err();
    let roomy = ["CONFIG", "SET", "maxmemory", "0"];
    assert!(redis.command(&roomy).starts_with("+OK"));
    pool.try_writing().await.unwrap();
    assert_eq!(world.take().await.unwrap(), 998);
    world.clock.advance(some_time);
    assert!(matches!(
        pool.failure_within(some_time),
        Some(RedisFailure::Command(_))
    ));
    world.clock.advance(Duration::from_millis(1));
    assert!(pool.failure_within(some_time).is_none());
}

#[tokio::test]
async fn tls_is_verified() {
    let ca = TestCa::new("Redis CA");
    let Some((_redis, port)) = Redis::start_with_tls(&ca.server(&["localhost"])) else {
        return;
    };
    let trusting = |authority: &TestCa| Some(authority.pem().into_bytes());
    let url = format!("rediss://localhost:{port}");
    let right = world(url.clone(), |config| config.trust = trusting(&ca));
    assert_eq!(right.take().await.unwrap(), 999);
    let stranger = TestCa::new("Another CA");
    let wrong = world(url, |config| config.trust = trusting(&stranger));
    assert!(matches!(wrong.failure().await, RedisFailure::Connect(_)));
    let another_name = world(format!("rediss://127.0.0.1:{port}"), |config| {
        config.trust = trusting(&ca);
    });
    assert!(matches!(another_name.failure().await, RedisFailure::Connect(_)));
    let mut config = RedisConfig::new(Secret::new("rediss://localhost"));
    config.trust = Some(b"-----BEGIN CERTIFICATE-----\nno\n-----END CERTIFICATE-----\n".to_vec());
    let clock = Arc::new(FakeClock::at(UNIX_EPOCH));
    assert_eq!(
        RedisPool::open(&config, clock).err(),
        Some(RedisConfigError::Trust)
    );
}

#[tokio::test]
async fn a_user_with_few_rights_is_enough() {
    let Some(redis) = Redis::start() else { return };
    let rights = "ACL SETUSER palisade on >Correct-Horse9 ~{palisade}:* +eval +evalsha +time +@read +@write +@connection";
    let words: Vec<&str> = rights.split(' ').collect();
    assert!(redis.command(&words).starts_with("+OK"));
    assert!(
        redis
            .command(&["ACL", "SETUSER", "default", "off"])
            .starts_with("+OK")
    );
    let url = redis
        .url()
        .replace("redis://", "redis://palisade:Correct-Horse9@");
    let world = world(url, |_| ());
    assert_eq!(world.take().await.unwrap(), 999);
    let keys = world.limits.keys(&world.counter, 10, UNIX_EPOCH).await.unwrap();
    assert_eq!(keys, [LimitKey::EVERYBODY]);
    assert_eq!(world.limits.reset(&world.counter, None).await.unwrap(), 1);
    let replay = RedisReplay::new(world.limits.pool().clone(), 10);
    replay.begin().await.unwrap();
    world.limits.pool().try_writing().await.unwrap();
}

#[tokio::test]
async fn failures_are_counted_and_the_breaker_is_shown() {
    let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
    let _metrics = metrics::set_default_local_recorder(&recorder);
    let Some(mut redis) = Redis::start() else { return };
    let world = world(redis.url(), |_| ());
    world.take().await.unwrap();
    redis.stop();
    while !world.limits.pool().is_failing() {
        world.take().await.unwrap_err();
    }
    world.take().await.unwrap_err();
    let shown = recorder.handle().render();
    assert!(
        shown.contains("palisade_redis_failures_total{reason=\"connect\"}"),
        "{shown}"
    );
    assert!(
        shown.contains("palisade_redis_failures_total{reason=\"open\"} 1"),
        "{shown}"
    );
    assert!(shown.contains("palisade_redis_breaker_open 1"), "{shown}");
    redis.resume(Data::Kept);
    world.cool_down();
    world.take().await.unwrap();
    let shown = recorder.handle().render();
    assert!(shown.contains("palisade_redis_breaker_open 0"), "{shown}");
}
