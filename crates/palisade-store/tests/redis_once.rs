//! What is counted once in Redis: retries cost nothing, within a bound, and never so that nobody pays.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use palisade_core::{
    Demand, LimitCounter, LimitKey, LimitRule, LimitStore, Secret, Standing, SystemClock, WindowKind,
};
use palisade_store::{RedisConfig, RedisLimits, RedisPool};
use palisade_test::redis::Redis;
use rstest::rstest;

/// Time is Redis's: what a caller says does not matter.
const NOW: SystemTime = UNIX_EPOCH;
/// No answer is missed where the machine is busy.
const PATIENCE: Duration = Duration::from_secs(20);

struct World {
    redis: Redis,
    store: RedisLimits,
    counter: Arc<LimitCounter>,
}

/// A counter for so many keys, each of which may use a thousand units.
fn world(kind: WindowKind, max_keys: usize) -> Option<World> {
    let redis = Redis::start()?;
    let mut config = RedisConfig::new(Secret::new(redis.url()));
    config.timeout = PATIENCE;
    config.connect_timeout = PATIENCE;
    let pool = RedisPool::open(&config, Arc::new(SystemClock::new())).unwrap();
    let store = RedisLimits::new(pool);
    let rule = LimitRule::Window {
        limit: 1000,
        // Longer than any test takes: three years.
        period: Duration::from_secs(100_000_000),
        kind,
    };
    let counter = Arc::new(LimitCounter::new(&store, "counter", rule, max_keys));
    Some(World {
        redis,
        store,
        counter,
    })
}

fn key(name: &str) -> LimitKey {
    LimitKey::name(name).unwrap()
}

impl World {
    async fn demand(&self, name: &str, once: u128) -> Demand {
        let mut demands = [Demand::new(Arc::clone(&self.counter), key(name), 1)];
        demands[0].once = Some(once.to_be_bytes());
        self.store.take(&mut demands, NOW).outcome().await.unwrap();
        let [demand] = demands;
        demand
    }

    async fn take(&self, name: &str, once: u128) -> Standing {
        self.demand(name, once).await.standing
    }

    async fn give_back(&self, demand: Demand) {
        let mut demands = [demand];
        self.store.give_back(&mut demands, NOW).outcome().await.unwrap();
    }

    async fn used(&self, name: &str) -> u128 {
        let mut demands = [Demand::new(Arc::clone(&self.counter), key(name), 0)];
        self.store.look(&mut demands, NOW).outcome().await.unwrap();
        1000 - demands[0].standing.remaining
    }

    /// How much of what was counted once Redis keeps, of all keys together.
    fn remembered(&self) -> usize {
        let count = "local all = 0 for _, key in ipairs(redis.call('KEYS', '*:once')) do \
                     all = all + redis.call('ZCARD', key) end return all";
        let answer = self.redis.command(&["EVAL", count, "0"]);
        let number = answer.strip_prefix(':').and_then(|rest| rest.lines().next());
        number.unwrap().parse().unwrap()
    }
}

#[rstest]
#[case(WindowKind::Calendar)]
#[case(WindowKind::Sliding)]
#[tokio::test]
async fn what_is_counted_once_is_remembered_within_a_bound_and_counted_again_beyond_it(
    #[case] kind: WindowKind,
) {
    let Some(world) = world(kind, 2) else { return };
    for once in 0..50 {
        assert_eq!(world.take("alice", once).await.taken, 1);
    }
    assert_eq!(world.remembered(), 2);
    let mut again = Vec::new();
    for once in 0..4 {
        again.push(world.take("alice", once).await.taken);
    }
    assert_eq!(again, [0, 0, 1, 1]);
    assert_eq!(world.used("alice").await, 52);

    // Keys have room of their own, and what is remembered of one takes that of another.
    let bob = world.take("bob", 0).await;
    assert_eq!((bob.taken, bob.overflowed), (1, false));
    assert_eq!(world.take("bob", 0).await.taken, 1);
    let carol = world.take("carol", 0).await;
    assert_eq!((carol.taken, carol.overflowed), (1, true));
    assert_eq!(world.remembered(), 2);

    // What is given back makes room.
    assert_eq!(world.store.reset(&world.counter, None).await.unwrap(), 3);
    assert_eq!(world.remembered(), 0);
    let alice = world.demand("alice", 1).await;
    world.take("alice", 2).await;
    world.give_back(alice).await;
    assert_eq!(world.take("alice", 3).await.taken, 1);
    assert_eq!(world.take("alice", 3).await.taken, 0);
}

#[tokio::test]
async fn those_who_share_the_bucket_of_the_overflow_never_pass_by_what_another_was_counted_for() {
    let Some(world) = world(WindowKind::Calendar, 1) else {
        return;
    };
    assert_eq!(world.take("alice", 1).await.taken, 1);
    for name in ["bob", "carol", "bob"] {
        let standing = world.take(name, 7).await;
        assert_eq!((standing.taken, standing.overflowed), (1, true), "{name}");
    }
}

#[rstest]
#[case(WindowKind::Calendar)]
#[case(WindowKind::Sliding)]
#[tokio::test]
async fn what_somebody_passed_by_is_not_given_back(#[case] kind: WindowKind) {
    let Some(world) = world(kind, 100) else { return };
    let first = world.demand("alice", 7).await;
    let retry = world.demand("alice", 7).await;
    assert_eq!((first.standing.taken, retry.standing.taken), (1, 0));
    // The first fails, and the retry does not.
    world.give_back(first).await;
    assert_eq!(world.used("alice").await, 1);
    assert_eq!(world.take("alice", 7).await.taken, 0, "it is still known");
    // Nor is it when all fail.
    world.give_back(retry).await;
    assert_eq!(world.used("alice").await, 1);
}

#[rstest]
#[case(WindowKind::Calendar)]
#[case(WindowKind::Sliding)]
#[tokio::test]
async fn what_nobody_passed_by_is_given_back_and_counted_when_it_is_tried_again(#[case] kind: WindowKind) {
    let Some(world) = world(kind, 100) else { return };
    // Neither looking, nor passing with another key, nor a request that is refused is a pass.
    let first = world.demand("alice", 7).await;
    world.take("bob", 7).await;
    let mut look = [first.clone()];
    world.store.look(&mut look, NOW).outcome().await.unwrap();
    let mut refused = [
        first.clone(),
        Demand::new(Arc::clone(&world.counter), key("carol"), 1001),
    ];
    world.store.take(&mut refused, NOW).outcome().await.unwrap();
    assert!(refused[1].standing.exceeded);
    world.give_back(first).await;
    assert_eq!(world.used("alice").await, 0);
    assert_eq!(world.take("alice", 7).await.taken, 1);
    assert_eq!(world.take("bob", 7).await.taken, 0);
}

#[tokio::test]
async fn a_key_that_is_reset_forgets_what_it_was_counted_for_and_no_other_does() {
    let Some(world) = world(WindowKind::Calendar, 5000) else {
        return;
    };
    // More than are looked through at a time.
    for once in 0..800 {
        world.take("alice", once).await;
        world.take("bob", once).await;
    }
    assert_eq!(world.remembered(), 1600);
    assert_eq!(
        world
            .store
            .reset(&world.counter, Some(key("alice")))
            .await
            .unwrap(),
        1
    );
    assert_eq!(world.remembered(), 800);
    assert_eq!(world.take("alice", 799).await.taken, 1);
    assert_eq!(world.take("bob", 799).await.taken, 0);
}
