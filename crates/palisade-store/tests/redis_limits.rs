//! Counters that servers share in Redis: exact, whoever asks, and for all limits of a call together.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use palisade_core::{
    Demand, LimitCounter, LimitKey, LimitRule, LimitStore, Secret, Standing, SystemClock, WindowKind,
};
use palisade_store::{RedisConfig, RedisLimits, RedisPool};
use palisade_test::redis::Redis;
use tokio::task::JoinSet;

/// Time is Redis's: what a caller says does not matter.
const NOW: SystemTime = UNIX_EPOCH;
const HOUR: Duration = Duration::from_secs(3600);

fn store(redis: &Redis) -> RedisLimits {
    let mut config = RedisConfig::new(Secret::new(redis.url()));
    // No answer is missed where the machine is busy.
    config.timeout = Duration::from_secs(20);
    config.connect_timeout = Duration::from_secs(20);
    over(&config)
}

fn over(config: &RedisConfig) -> RedisLimits {
    RedisLimits::new(RedisPool::open(config, Arc::new(SystemClock::new())).unwrap())
}

fn rate(burst: u64, interval: Duration) -> LimitRule {
    LimitRule::Rate { burst, interval }
}

fn window(limit: u128, kind: WindowKind) -> LimitRule {
    LimitRule::Window {
        limit,
        // Longer than any test takes: three years.
        period: Duration::from_secs(100_000_000),
        kind,
    }
}

fn counter(store: &RedisLimits, name: &str, rule: LimitRule) -> Arc<LimitCounter> {
    Arc::new(LimitCounter::new(store, name, rule, 1000))
}

fn alice() -> LimitKey {
    LimitKey::name("alice").unwrap()
}

async fn take(store: &RedisLimits, demands: &mut [Demand]) {
    store.take(demands, NOW).outcome().await.unwrap();
}

async fn one(store: &RedisLimits, counter: &Arc<LimitCounter>, units: u128) -> Standing {
    let mut demands = [Demand::new(Arc::clone(counter), alice(), units)];
    take(store, &mut demands).await;
    demands[0].standing
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_tasks_over_three_pools_get_exactly_the_limit() {
    let Some(redis) = Redis::start() else { return };
    for rule in [
        rate(1000, HOUR),
        window(1000, WindowKind::Calendar),
        window(1000, WindowKind::Sliding),
    ] {
        let stores: [Arc<RedisLimits>; 3] = std::array::from_fn(|_| Arc::new(store(&redis)));
        let mut tasks = JoinSet::new();
        for number in 0..50 {
            let store = Arc::clone(&stores[number % 3]);
            tasks.spawn(async move {
                let counter = counter(&store, &format!("{rule:?}"), rule);
                let mut met = 0;
                for _ in 0..30 {
                    met += u32::from(!one(&store, &counter, 1).await.exceeded);
                }
                met
            });
        }
        let met: u32 = tasks.join_all().await.into_iter().sum();
        assert_eq!(met, 1000, "{rule:?}");
    }
}
