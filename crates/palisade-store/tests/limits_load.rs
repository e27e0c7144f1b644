//! Counters in memory, under load: exact from any number of tasks, bounded, and frugal.
#![expect(clippy::panic, clippy::unwrap_used, reason = "helpers of tests")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use palisade_core::{Demand, LimitCounter, LimitKey, LimitRule, LimitStore, Taking, WindowKind};
use palisade_store::MemoryLimits;
use rstest::rstest;

const TASKS: u64 = 50;

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_800_000_000 + seconds)
}

fn key(name: &impl ToString) -> LimitKey {
    LimitKey::name(&name.to_string()).unwrap()
}

fn rate(burst: u64, interval: u64) -> LimitRule {
    let interval = Duration::from_secs(interval);
    LimitRule::Rate { burst, interval }
}

fn quota(limit: u128, kind: WindowKind) -> LimitRule {
    LimitRule::Window {
        limit,
        period: Duration::from_secs(86_400),
        kind,
    }
}

fn done(taking: Taking<'_>) {
    match taking {
        Taking::Done(result) => result.unwrap(),
        Taking::Wait(_) => panic!("memory never waits"),
    }
}

/// Whether the call was met.
fn take(store: &MemoryLimits, demands: &mut [Demand]) -> bool {
    done(store.take(demands, at(0)));
    demands.iter().all(|demand| !demand.standing.exceeded)
}

/// What each of fifty tasks does, at the same time. The sum of what they say.
async fn in_fifty_tasks(work: impl Fn(u64) -> u64 + Send + Sync + 'static) -> u64 {
    let work = Arc::new(work);
    let mut tasks = tokio::task::JoinSet::new();
    for task in 0..TASKS {
        let work = Arc::clone(&work);
        tasks.spawn_blocking(move || work(task));
    }
    tasks.join_all().await.into_iter().sum()
}

#[rstest]
#[case::rate(rate(1000, 1_000_000))]
#[case::permits(LimitRule::InFlight { max: 1000 })]
#[case::calendar(quota(1000, WindowKind::Calendar))]
#[case::sliding(quota(1000, WindowKind::Sliding))]
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn fifty_tasks_get_exactly_the_limit(#[case] rule: LimitRule) {
    let store = Arc::new(MemoryLimits::new());
    let counter = Arc::new(LimitCounter::new(&*store, "limit", rule, 10));
    let met = in_fifty_tasks(move |_| {
        let mut demands = [Demand::new(Arc::clone(&counter), LimitKey::EVERYBODY, 1)];
        (0..100).map(|_| u64::from(take(&store, &mut demands))).sum()
    });
    assert_eq!(met.await, 1000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_limit_is_exact_while_the_rule_changes() {
    let store = Arc::new(MemoryLimits::new());
    for rules in [
        [rate(1000, 1_000_000), rate(400, 2_000_000), rate(900, 500_000)],
        [1000, 400, 900].map(|limit| quota(limit, WindowKind::Calendar)),
        [1000, 400, 900].map(|limit| quota(limit, WindowKind::Sliding)),
    ] {
        let counters =
            rules.map(|rule| Arc::new(LimitCounter::new(&*store, format!("{:?}", rules[0]), rule, 10)));
        let store = Arc::clone(&store);
        let met = in_fifty_tasks(move |task| {
            let mut met = 0;
            for call in 0..100 {
                let counter = counters[usize::try_from((task + call) % 3).unwrap()].clone();
                met += u64::from(take(&store, &mut [Demand::new(counter, LimitKey::EVERYBODY, 1)]));
            }
            met
        });
        assert_eq!(met.await, 1000, "the largest of them");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_refusal_by_one_of_several_limits_consumes_nothing_from_any_task() {
    let store = Arc::new(MemoryLimits::new());
    let shared = Arc::new(LimitCounter::new(
        &*store,
        "shared",
        quota(10_000, WindowKind::Calendar),
        10,
    ));
    let own = Arc::new(LimitCounter::new(&*store, "own", rate(20, 1_000_000), 100));
    let total = Arc::new(LimitCounter::new(
        &*store,
        "total",
        quota(600, WindowKind::Sliding),
        10,
    ));
    let limits = [Arc::clone(&shared), Arc::clone(&own), Arc::clone(&total)];
    let met = in_fifty_tasks({
        let store = Arc::clone(&store);
        move |task| {
            let [shared, own, total] = &limits;
            let mut demands = [
                Demand::new(Arc::clone(shared), LimitKey::EVERYBODY, 2),
                Demand::new(Arc::clone(own), key(&task), 1),
                Demand::new(Arc::clone(total), LimitKey::EVERYBODY, 1),
                Demand::new(Arc::clone(shared), LimitKey::EVERYBODY, 1),
            ];
            // No two tasks ask in the same order.
            let by = usize::try_from(task % 4).unwrap();
            demands.rotate_left(by);
            (0..100).map(|_| u64::from(take(&store, &mut demands))).sum()
        }
    });
    assert_eq!(met.await, 600);
    let mut look = [
        Demand::new(shared, LimitKey::EVERYBODY, 0),
        Demand::new(total, LimitKey::EVERYBODY, 0),
    ];
    done(store.look(&mut look, at(0)));
    assert_eq!(
        look.map(|demand| demand.standing.remaining),
        [10_000 - 3 * 600, 0]
    );
    let mut used = 0;
    for task in 0..TASKS {
        let mut look = [Demand::new(Arc::clone(&own), key(&task), 0)];
        done(store.look(&mut look, at(0)));
        used += 20 - look[0].standing.remaining;
    }
    assert_eq!(used, 600);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn permits_are_never_more_than_there_are_and_all_come_back() {
    let store = Arc::new(MemoryLimits::new());
    let counter = Arc::new(LimitCounter::new(
        &*store,
        "permits",
        LimitRule::InFlight { max: 7 },
        1,
    ));
    let (held, most) = (AtomicU64::new(0), Arc::new(AtomicU64::new(0)));
    let (in_task, seen) = (Arc::clone(&counter), Arc::clone(&most));
    let in_store = Arc::clone(&store);
    let met = in_fifty_tasks(move |_| {
        let mut met = 0;
        for _ in 0..500 {
            let mut demands = [Demand::new(Arc::clone(&in_task), LimitKey::EVERYBODY, 1)];
            if take(&in_store, &mut demands) {
                seen.fetch_max(held.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                std::thread::yield_now();
                held.fetch_sub(1, Ordering::SeqCst);
                done(in_store.give_back(&mut demands, at(0)));
                met += 1;
            }
        }
        met
    });
    assert!(met.await >= 7);
    assert!(most.load(Ordering::SeqCst) <= 7);
    assert!(
        store.keys(&counter, 10, at(0)).await.unwrap().is_empty(),
        "a key without permits is gone"
    );
}

#[tokio::test]
async fn a_million_addresses_never_take_more_room_than_there_is() {
    const MAX_KEYS: usize = 10_000;
    let store = MemoryLimits::new();
    let counter = Arc::new(LimitCounter::new(&store, "rate", rate(2, 3600), MAX_KEYS));
    let mut overflowed = 0;
    let info = allocation_counter::measure(|| {
        for number in 0..1_000_000_u32 {
            let address = LimitKey::address(std::net::Ipv4Addr::from(number).into());
            let mut demands = [Demand::new(Arc::clone(&counter), address, 1)];
            done(store.take(&mut demands, at(u64::from(number) / 1000)));
            overflowed += u32::from(demands[0].standing.overflowed);
        }
    });
    assert_eq!(overflowed, 1_000_000 - 10_000);
    assert!(info.bytes_max < 256 * MAX_KEYS as u64 + 65_536, "{info:?}");
    let keys = store.keys(&counter, usize::MAX, at(1000)).await.unwrap();
    assert_eq!(keys.len(), MAX_KEYS + 1, "and the bucket of all others");
}

#[test]
fn keys_that_are_whole_again_make_room_for_as_many_others() {
    let store = MemoryLimits::new();
    let counter = Arc::new(LimitCounter::new(&store, "rate", rate(2, 1), 500));
    let mut live = [Demand::new(Arc::clone(&counter), key(&"live"), 1)];
    for second in 0..1000 {
        done(store.take(&mut live, at(second)));
        assert!(!live[0].standing.overflowed);
        for number in 0..499 {
            let name = key(&format!("{second}-{number}"));
            let mut demands = [Demand::new(Arc::clone(&counter), name, 1)];
            done(store.take(&mut demands, at(second)));
            assert!(!demands[0].standing.overflowed, "{number} in second {second}");
        }
    }
}

#[test]
fn callers_with_many_names_in_turn_take_no_more_memory_than_is_written() {
    const MAX_KEYS: usize = 8_192;
    let store = MemoryLimits::new();
    let daily = quota(u128::MAX, WindowKind::Calendar);
    let info = allocation_counter::measure(|| {
        let counter = Arc::new(LimitCounter::new(&store, "quota", daily, MAX_KEYS));
        for day in 0..20_u64 {
            for number in 0..=MAX_KEYS as u128 {
                let mut demands = [Demand::new(Arc::clone(&counter), key(&day), 1)];
                demands[0].once = Some(number.to_le_bytes());
                done(store.take(&mut demands, at(day * 86_400)));
                assert!(!demands[0].standing.overflowed);
            }
        }
    });
    assert!(info.bytes_max < 320 * MAX_KEYS as u64 + 65_536, "{info:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn calls_on_a_full_counter_end_and_leave_every_place_free() {
    const ROOM: usize = 3;
    for kind in [WindowKind::Calendar, WindowKind::Sliding] {
        let store = Arc::new(MemoryLimits::new());
        let counter = Arc::new(LimitCounter::new(&*store, "quota", quota(1_000, kind), ROOM));
        let demand = |counter: &Arc<LimitCounter>, name: u64, once: u64| {
            let mut demand = Demand::new(Arc::clone(counter), key(&name), 1);
            demand.once = Some(u128::from(once).to_le_bytes());
            demand
        };
        let (here, of) = (Arc::clone(&store), Arc::clone(&counter));
        let met = in_fifty_tasks(move |task| {
            let mut met = 0;
            for round in 0..200 {
                let names = [round % 7, (round + task) % 7, (3 * round) % 7];
                // Nobody else has these identifiers, so that all can be given back.
                let mut demands = names.map(|name| demand(&of, name, task * 1_000 + round));
                demands[1].once = None;
                demands[2].once = demands[2]
                    .once
                    .map(|_| u128::from(1_000_000 + task * 1_000 + round).to_le_bytes());
                met += u64::from(take(&here, &mut demands));
                done(here.give_back(&mut demands, at(0)));
            }
            met
        })
        .await;
        assert_eq!(met, TASKS * 200);
        for name in 0..ROOM as u64 {
            let mut demands = [demand(&counter, name, 1)];
            for taken in [1, 0] {
                assert!(take(&store, &mut demands));
                let stand = demands[0].standing;
                assert_eq!((stand.taken, stand.overflowed), (taken, false), "{name}");
            }
        }
    }
}

#[test]
fn what_is_given_back_at_once_leaves_nothing_behind() {
    let store = MemoryLimits::new();
    let counter = Arc::new(LimitCounter::new(
        &store,
        "quota",
        quota(2, WindowKind::Calendar),
        100,
    ));
    let info = allocation_counter::measure(|| {
        for number in 0..100_000 {
            let mut demands = [Demand::new(Arc::clone(&counter), key(&number), 1)];
            demands[0].once = Some([1; 16]);
            done(store.take(&mut demands, at(0)));
            assert!(!demands[0].standing.overflowed);
            done(store.give_back(&mut demands, at(0)));
        }
    });
    assert!(info.bytes_max < 32_768, "{info:?}");
}

#[rstest]
#[case::one(1)]
#[case::eight(8)]
fn a_check_of_known_keys_allocates_nothing(#[case] count: u64) {
    let store = MemoryLimits::new();
    for rule in [
        rate(2, 3600),
        LimitRule::InFlight { max: 2 },
        quota(2, WindowKind::Calendar),
        quota(2, WindowKind::Sliding),
    ] {
        let mut demands: Vec<_> = (0..count)
            .map(|number| {
                let counter = LimitCounter::new(&store, format!("{number} of {rule:?}"), rule, 10);
                Demand::new(Arc::new(counter), LimitKey::EVERYBODY, 1)
            })
            .collect();
        assert!(take(&store, &mut demands));
        for is_met in [true, false, false] {
            let mut met = false;
            let info = allocation_counter::measure(|| met = take(&store, &mut demands));
            assert_eq!((met, info.count_total), (is_met, 0));
        }
    }
}

#[rstest]
#[case::rate(rate(2, 3600), 1, 256)]
#[case::permits(LimitRule::InFlight { max: 2 }, 1, 256)]
#[case::calendar(quota(2, WindowKind::Calendar), 1, 256)]
#[case::sliding(quota(200, WindowKind::Sliding), 61, 256 + 2048)]
fn a_key_takes_no_more_memory_than_is_written(
    #[case] rule: LimitRule,
    #[case] slices: u64,
    #[case] most: u64,
) {
    let store = MemoryLimits::new();
    // Just after tables have doubled, and just before.
    for keys in [4_000, 7_000, 12_000, 20_000] {
        let counter = Arc::new(LimitCounter::new(&store, format!("{keys}"), rule, keys));
        let info = allocation_counter::measure(|| {
            for slice in 0..slices {
                for number in 0..keys {
                    let mut demands = [Demand::new(Arc::clone(&counter), key(&number), 1)];
                    done(store.take(&mut demands, at(1440 * slice)));
                }
            }
        });
        let each = u64::try_from(info.bytes_current).unwrap() / keys as u64;
        assert!(each <= most, "{each} bytes for each of {keys}");
    }
}
