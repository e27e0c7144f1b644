//! Counters that servers share in Redis: exact, whoever asks, and for all limits of a call together.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use palisade_core::{
    Demand, LimitCounter, LimitKey, LimitRule, LimitStore, Secret, Standing, SystemClock, WindowKind,
};
use palisade_store::{MemoryLimits, RedisConfig, RedisLimits, RedisPool};
use palisade_test::redis::{Data, Redis, start_cluster};
use rstest::rstest;
use tokio::task::JoinSet;

/// Time is Redis's: what a caller says does not matter.
const NOW: SystemTime = UNIX_EPOCH;
/// No answer is missed where the machine is busy.
const PATIENCE: Duration = Duration::from_secs(20);
const HOUR: Duration = Duration::from_secs(3600);

fn store(redis: &Redis) -> RedisLimits {
    let mut config = RedisConfig::new(Secret::new(redis.url()));
    config.timeout = PATIENCE;
    config.connect_timeout = PATIENCE;
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
    one_of(store, counter, alice(), units).await
}

async fn one_of(store: &RedisLimits, counter: &Arc<LimitCounter>, key: LimitKey, units: u128) -> Standing {
    let mut demands = [Demand::new(Arc::clone(counter), key, units)];
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

/// What a child does, see below.
const CHILD: &str = "PALISADE_TEST_REDIS_OF_CHILD";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_processes_get_exactly_the_limit() {
    let Some(redis) = Redis::start() else { return };
    let child = || {
        Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "one_of_three_processes", "--ignored", "--nocapture"])
            .env(CHILD, redis.url())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap()
    };
    let children = [child(), child(), child()];
    let met: u32 = children
        .into_iter()
        .map(|child| {
            let output = child.wait_with_output().unwrap();
            let text = String::from_utf8(output.stdout).unwrap();
            let number = text.split("met=").nth(1).unwrap().lines().next().unwrap();
            number.parse::<u32>().unwrap()
        })
        .sum();
    assert_eq!(met, 500);
}

#[ignore = "a part of another test, which runs it in processes of its own"]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_three_processes() {
    let mut config = RedisConfig::new(Secret::new(std::env::var(CHILD).unwrap()));
    config.timeout = PATIENCE;
    config.connect_timeout = PATIENCE;
    let store = Arc::new(over(&config));
    let counter = counter(&store, "shared", rate(500, HOUR));
    let mut tasks = JoinSet::new();
    for _ in 0..17 {
        let (store, counter) = (Arc::clone(&store), Arc::clone(&counter));
        tasks.spawn(async move {
            let mut met = 0;
            for _ in 0..30 {
                met += u32::from(!one(&store, &counter, 1).await.exceeded);
            }
            met
        });
    }
    let met: u32 = tasks.join_all().await.into_iter().sum();
    writeln!(std::io::stdout(), "met={met}").unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_limit_is_exact_while_the_rule_changes_and_servers_differ_in_it() {
    let Some(redis) = Redis::start() else { return };
    let rules = [
        ("rate", rate(600, HOUR), rate(600, 3 * HOUR)),
        (
            "kind",
            window(600, WindowKind::Calendar),
            window(600, WindowKind::Sliding),
        ),
    ];
    for (name, old, new) in rules {
        let store = Arc::new(store(&redis));
        let mut tasks = JoinSet::new();
        for number in 0..50 {
            let store = Arc::clone(&store);
            tasks.spawn(async move {
                let mut met = 0;
                for round in 0..20 {
                    let rule = if (number + round) % 2 == 0 { old } else { new };
                    let counter = counter(&store, name, rule);
                    met += u32::from(!one(&store, &counter, 1).await.exceeded);
                }
                met
            });
        }
        let met: u32 = tasks.join_all().await.into_iter().sum();
        assert_eq!(met, 600, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_one_limit_refuses_costs_the_others_nothing() {
    let Some(redis) = Redis::start() else { return };
    let store = Arc::new(store(&redis));
    let total = counter(&store, "total", window(100, WindowKind::Sliding));
    let each = counter(&store, "each", rate(3, HOUR));
    let mut tasks = JoinSet::new();
    // One is noisy, and the others want one each.
    for number in 0..50_u8 {
        let (store, total, each) = (Arc::clone(&store), Arc::clone(&total), Arc::clone(&each));
        tasks.spawn(async move {
            let key = LimitKey::digest([number / 5; 16]);
            let mut met = 0;
            for _ in 0..10 {
                let mut demands = [
                    Demand::new(Arc::clone(&total), LimitKey::EVERYBODY, 1),
                    Demand::new(Arc::clone(&each), key, 1),
                ];
                take(&store, &mut demands).await;
                let [total, each] = demands.map(|demand| demand.standing);
                assert_eq!(total.taken, each.taken);
                met += each.taken;
            }
            met
        });
    }
    let met: u128 = tasks.join_all().await.into_iter().sum();
    assert_eq!(met, 30, "ten keys, three each");
    assert_eq!(one_of(&store, &total, LimitKey::EVERYBODY, 0).await.remaining, 70);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_thousand_amounts_of_128_bits_add_up_exactly() {
    const CALLS: u64 = 500;
    const EACH: u64 = 200;
    let Some(redis) = Redis::start() else { return };
    let store = store(&redis);
    let limits = [
        u128::MAX,
        u128::MAX / 3,
        90_071_992_547_409_930_000,
        99_999_999_999_999,
    ];
    let counters: Vec<_> = limits
        .iter()
        .enumerate()
        .map(|(number, limit)| {
            let kind = [WindowKind::Calendar, WindowKind::Sliding][number % 2];
            counter(&store, &format!("amounts-{number}"), window(*limit, kind))
        })
        .collect();
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let mut model = [0_u128; 4];
    for call in 0..CALLS {
        let mut expected = Vec::new();
        let mut demands = Vec::new();
        for _ in 0..EACH {
            let which = usize::try_from(random.next() % 4).unwrap();
            let wide = (u128::from(random.next()) << 64) | u128::from(random.next());
            // From a cent to all there is, mostly much less than what is left.
            let units = wide >> (random.next() % 128);
            let mut demand = Demand::new(Arc::clone(&counters[which]), alice(), units);
            demand.reports = true;
            demands.push(demand);
            let left = limits[which] - model[which];
            let taken = if units <= left { units } else { 0 };
            model[which] += taken;
            expected.push((units > left, left - taken, taken));
        }
        take(&store, &mut demands).await;
        let found: Vec<_> = demands
            .iter()
            .map(|demand| demand.standing)
            .map(|standing| (standing.exceeded, standing.remaining, standing.taken))
            .collect();
        assert_eq!(found, expected, "call {call}");
        if call % 3 == 0 {
            for demand in demands.iter().filter(|demand| demand.standing.taken > 0) {
                let which = counters
                    .iter()
                    .position(|counter| Arc::ptr_eq(counter, &demand.counter))
                    .unwrap();
                model[which] -= demand.standing.taken;
            }
            store.give_back(&mut demands, NOW).outcome().await.unwrap();
            assert!(demands.iter().all(|demand| demand.standing.taken == 0));
        }
    }
}

/// Numbers without a pattern, the same in each run: `SplitMix64`.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

#[tokio::test]
async fn keys_beyond_the_bound_share_one_bucket_and_none_is_forgotten_for_another() {
    let Some(redis) = Redis::start() else { return };
    let store = store(&redis);
    let counter = Arc::new(LimitCounter::new(&store, "few", rate(2, HOUR), 3));
    let key = |number: u8| LimitKey::digest([number; 16]);
    for number in 0..3 {
        assert!(!one_of(&store, &counter, key(number), 1).await.overflowed);
    }
    let mut exceeded = Vec::new();
    for number in 3..6 {
        let standing = one_of(&store, &counter, key(number), 1).await;
        assert!(standing.overflowed);
        exceeded.push(standing.exceeded);
    }
    assert_eq!(exceeded, [false, false, true], "they share two units");
    for number in 0..3 {
        let standing = one_of(&store, &counter, key(number), 1).await;
        assert_eq!((standing.exceeded, standing.remaining), (false, 0));
    }
    let mut keys = store.keys(&counter, 100, NOW).await.unwrap();
    keys.sort();
    assert_eq!(keys, [key(0), key(1), key(2), LimitKey::OVERFLOW]);
    assert_eq!(store.keys(&counter, 2, NOW).await.unwrap().len(), 2);

    // What shared the bucket gives back to it.
    let mut demands = [Demand::new(Arc::clone(&counter), key(7), 0)];
    demands[0].standing.taken = 1;
    demands[0].standing.overflowed = true;
    demands[0].standing.window = u64::MAX / 2;
    store.give_back(&mut demands, NOW).outcome().await.unwrap();
    assert_eq!(one_of(&store, &counter, key(8), 0).await.remaining, 1);

    // One that is whole makes room.
    assert_eq!(store.reset(&counter, Some(key(1))).await.unwrap(), 1);
    assert_eq!(store.reset(&counter, Some(key(1))).await.unwrap(), 0);
    assert!(!one_of(&store, &counter, key(9), 1).await.overflowed);
    assert!(one_of(&store, &counter, key(10), 1).await.overflowed);
    assert_eq!(store.reset(&counter, None).await.unwrap(), 4);
    assert_eq!(store.keys(&counter, 100, NOW).await.unwrap(), []);
}

#[tokio::test]
async fn a_key_that_is_whole_again_makes_room_for_another() {
    let Some(redis) = Redis::start() else { return };
    let store = store(&redis);
    let brief = Arc::new(LimitCounter::new(
        &store,
        "brief",
        rate(1, Duration::from_millis(1)),
        4,
    ));
    // Whatever comes and goes, the bound is not reached for long: shares last two milliseconds.
    for number in 0..200_u8 {
        one_of(&store, &brief, LimitKey::digest([number; 16]), 1).await;
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert!(!one_of(&store, &brief, alice(), 1).await.overflowed);
    let indexed = redis.command(&["ZCARD", "{palisade}:limit:brief"]);
    let indexed: u32 = indexed
        .trim_start_matches(':')
        .lines()
        .next()
        .unwrap()
        .parse()
        .unwrap();
    assert!(indexed <= 4, "{indexed}");
}

#[tokio::test]
async fn redis_forgets_what_is_idle() {
    let Some(redis) = Redis::start() else { return };
    let store = store(&redis);
    for (name, rule) in [
        ("rate", rate(5, HOUR)),
        ("calendar", window(5, WindowKind::Calendar)),
        ("sliding", window(5, WindowKind::Sliding)),
    ] {
        let mut demands = [Demand::new(counter(&store, name, rule), alice(), 2)];
        demands[0].once = Some([1; 16]);
        take(&store, &mut demands).await;
    }
    let counts = "local endless = 0; local all = redis.call('KEYS', '*') \
                  for _, key in ipairs(all) do if redis.call('PTTL', key) <= 0 then endless = endless + 1 end end \
                  return #all .. ' keys, ' .. endless .. ' without an end'";
    let answer = redis.command(&["EVAL", counts, "0"]);
    // A share and an index each, and of the windows what was counted once.
    assert!(answer.contains("8 keys, 0 without an end"), "{answer}");
    let answer = redis.command(&[
        "EVAL",
        "return redis.call('PTTL', KEYS[1]) <= 7200001",
        "1",
        &share("rate"),
    ]);
    assert!(
        answer.starts_with(":1"),
        "two units come back in two hours: {answer}"
    );

    let brief = counter(&store, "brief", rate(5, Duration::from_millis(2)));
    one(&store, &brief, 5).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(redis.command(&["EXISTS", &share("brief")]).starts_with(":0"));
}

fn share(counter: &str) -> String {
    let mut name = format!("{{palisade}}:limit:{counter}:");
    for byte in alice().as_bytes() {
        write!(name, "{byte:02x}").unwrap();
    }
    name
}

#[tokio::test]
async fn counters_never_meet_whatever_their_names() {
    let Some(redis) = Redis::start() else { return };
    let store = store(&redis);
    let names = [
        "a",
        "a:b",
        "a}",
        "{b}",
        "a%3Ab",
        "",
        "a b\r\nFLUSHALL\r\n",
        "ä",
        "a:once",
    ];
    for name in names {
        let standing = one(&store, &counter(&store, name, rate(1, HOUR)), 1).await;
        assert!(!standing.exceeded, "{name:?}");
    }
    for name in names {
        let standing = one(&store, &counter(&store, name, rate(1, HOUR)), 1).await;
        assert!(standing.exceeded, "{name:?}");
    }
}

#[tokio::test]
async fn prefixes_keep_installations_apart() {
    let Some(redis) = Redis::start() else { return };
    for prefix in ["one", "two"] {
        let mut config = RedisConfig::new(Secret::new(redis.url()));
        config.prefix = prefix.to_owned();
        config.timeout = PATIENCE;
        let store = over(&config);
        let counter = counter(&store, "limit", rate(1, HOUR));
        assert!(!one(&store, &counter, 1).await.exceeded);
        assert!(one(&store, &counter, 1).await.exceeded);
    }
}

#[tokio::test]
async fn scripts_that_redis_forgot_are_sent_again() {
    let Some(redis) = Redis::start() else { return };
    let store = store(&redis);
    let counter = counter(&store, "limit", rate(10, HOUR));
    for left in [9, 8, 7] {
        assert!(redis.command(&["SCRIPT", "FLUSH"]).starts_with("+OK"));
        assert_eq!(one(&store, &counter, 1).await.remaining, left);
    }
    assert!(redis.command(&["SCRIPT", "FLUSH"]).starts_with("+OK"));
    assert_eq!(store.keys(&counter, 10, NOW).await.unwrap(), [alice()]);
    assert!(redis.command(&["SCRIPT", "FLUSH"]).starts_with("+OK"));
    assert_eq!(store.reset(&counter, None).await.unwrap(), 1);
}

#[tokio::test]
async fn what_redis_does_not_keep_is_an_error() {
    let Some(redis) = Redis::start() else { return };
    let store = store(&redis);
    let mut demands = [
        Demand::new(counter(&store, "rate", rate(1, HOUR)), alice(), 1),
        Demand::new(
            counter(&store, "in-flight", LimitRule::InFlight { max: 5 }),
            alice(),
            1,
        ),
    ];
    let error = store.take(&mut demands, NOW).outcome().await.unwrap_err();
    assert!(error.to_string().contains("not kept in Redis"), "{error}");
    assert_eq!(demands[0].standing, Standing::default());

    let stranger = LimitCounter::new(&MemoryLimits::new(), "rate", rate(1, HOUR), 1);
    let mut demands = [Demand::new(Arc::new(stranger), alice(), 1)];
    let error = store.take(&mut demands, NOW).outcome().await.unwrap_err();
    assert!(error.to_string().contains("another store"), "{error}");
}

#[tokio::test]
async fn bursts_and_units_beyond_what_is_exact_are_never_more_than_asked_for() {
    let Some(redis) = Redis::start() else { return };
    let store = store(&redis);
    let huge = counter(&store, "huge", rate(u64::MAX, Duration::MAX));
    let standing = one(&store, &huge, u128::MAX).await;
    assert_eq!((standing.exceeded, standing.retry_after), (true, Duration::MAX));
    let standing = one(&store, &huge, 1 << 52).await;
    assert_eq!(
        (standing.exceeded, standing.remaining, standing.taken),
        (false, 0, 1 << 52)
    );
    assert!(one(&store, &huge, 1).await.exceeded);
    let quick = counter(&store, "quick", rate(1, Duration::ZERO));
    assert!(!one(&store, &quick, 1).await.exceeded);
}

#[rstest]
#[case(Data::Kept, 6)]
#[case(Data::Emptied, 9)]
#[tokio::test]
async fn a_restart_costs_nobody_more_than_a_connection(#[case] data: Data, #[case] left: u128) {
    let Some(mut redis) = Redis::start() else { return };
    let store = store(&redis);
    let counter = counter(&store, "limit", rate(10, HOUR));
    for left in [9, 8, 7] {
        assert_eq!(one(&store, &counter, 1).await.remaining, left);
    }
    redis.stop();
    redis.resume(data);
    // The end of the connections is on its way to those who hold them.
    while store.pool().try_writing().await.is_err() {}
    assert_eq!(one(&store, &counter, 1).await.remaining, left);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_counts_as_one() {
    let Some(nodes) = start_cluster() else { return };
    let mut met = 0;
    // Found by any of its nodes; each prefix is at home on one of them.
    for prefix in ["one", "two", "three", "four"] {
        for node in &nodes {
            let mut config = RedisConfig::cluster(vec![Secret::new(node.url())]);
            config.prefix = prefix.to_owned();
            config.timeout = PATIENCE;
            config.connect_timeout = PATIENCE;
            let store = over(&config);
            let total = counter(&store, "total", window(5, WindowKind::Calendar));
            let each = counter(&store, "each", rate(9, HOUR));
            for _ in 0..3 {
                let mut demands = [
                    Demand::new(Arc::clone(&total), LimitKey::EVERYBODY, 1),
                    Demand::new(Arc::clone(&each), alice(), 1),
                ];
                take(&store, &mut demands).await;
                met += u32::from(!demands[0].standing.exceeded);
            }
        }
    }
    assert_eq!(met, 4 * 5);
    let homes = nodes
        .iter()
        .filter(|node| node.command(&["DBSIZE"]).starts_with(":0"))
        .count();
    assert!(homes < 2, "four prefixes are on more than one of three nodes");
}
