//! Counters in memory: what each rule grants, and what a call over several of them does.
#![expect(clippy::panic, clippy::unwrap_used, reason = "helpers of tests")]

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use palisade_core::{Demand, LimitCounter, LimitKey, LimitRule, LimitStore, Standing, Taking, WindowKind};
use palisade_store::MemoryLimits;
use rstest::rstest;

const ROOM: usize = 1000;

fn at(seconds: f64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_800_000_000) + Duration::from_secs_f64(seconds)
}

fn key(name: &str) -> LimitKey {
    LimitKey::name(name).unwrap()
}

fn rate(burst: u64, interval: f64) -> LimitRule {
    LimitRule::Rate {
        burst,
        interval: Duration::from_secs_f64(interval),
    }
}

fn window(limit: u128, seconds: u64, kind: WindowKind) -> LimitRule {
    LimitRule::Window {
        limit,
        period: Duration::from_secs(seconds),
        kind,
    }
}

fn calendar(limit: u128, seconds: u64) -> LimitRule {
    window(limit, seconds, WindowKind::Calendar)
}

fn sliding(limit: u128, seconds: u64) -> LimitRule {
    window(limit, seconds, WindowKind::Sliding)
}

fn counter(store: &MemoryLimits, name: &str, rule: LimitRule) -> Arc<LimitCounter> {
    Arc::new(LimitCounter::new(store, name, rule, ROOM))
}

fn done(taking: Taking<'_>) {
    match taking {
        Taking::Done(result) => result.unwrap(),
        Taking::Wait(_) => panic!("memory never waits"),
    }
}

/// Takes from one counter, and says how it stands.
fn take(
    store: &MemoryLimits,
    counter: &Arc<LimitCounter>,
    key: LimitKey,
    units: u128,
    seconds: f64,
) -> Standing {
    let mut demands = [Demand::new(Arc::clone(counter), key, units)];
    done(store.take(&mut demands, at(seconds)));
    demands[0].standing
}

fn left(store: &MemoryLimits, counter: &Arc<LimitCounter>, key: LimitKey, seconds: f64) -> u128 {
    let mut demands = [Demand::new(Arc::clone(counter), key, 0)];
    done(store.look(&mut demands, at(seconds)));
    demands[0].standing.remaining
}

fn seconds(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

#[test]
fn a_rate_has_a_burst_and_refills_one_unit_at_a_time() {
    let store = MemoryLimits::new();
    let counter = counter(&store, "rate", rate(3, 10.0));
    let first = take(&store, &counter, key("a"), 2, 0.0);
    assert_eq!((first.exceeded, first.remaining, first.taken), (false, 1, 2));
    assert_eq!(first.resets_in, seconds(10.0));
    let refused = take(&store, &counter, key("a"), 2, 1.0);
    assert_eq!((refused.exceeded, refused.remaining, refused.taken), (true, 1, 0));
    assert_eq!(refused.retry_after, seconds(9.0), "then one has come back");
    assert_eq!(refused.resets_in, seconds(9.0));
    assert!(!take(&store, &counter, key("a"), 2, 10.0).exceeded);
    assert_eq!(
        take(&store, &counter, key("a"), 4, 10.0).retry_after,
        Duration::MAX
    );
    assert_eq!(left(&store, &counter, key("b"), 0.0), 3, "each key has its own");
    assert_eq!(
        left(&store, &counter, key("a"), 1000.0),
        3,
        "no more than the burst"
    );
}

#[test]
fn permits_are_there_as_long_as_they_are_not_given_back() {
    let store = MemoryLimits::new();
    let counter = counter(&store, "in flight", LimitRule::InFlight { max: 2 });
    let mut first = [Demand::new(Arc::clone(&counter), key("a"), 1)];
    done(store.take(&mut first, at(0.0)));
    assert!(!take(&store, &counter, key("a"), 1, 0.0).exceeded);
    assert!(
        take(&store, &counter, key("a"), 1, 1e6).exceeded,
        "time does not matter"
    );
    done(store.give_back(&mut first, at(1e6)));
    done(store.give_back(&mut first, at(1e6)));
    assert_eq!(left(&store, &counter, key("a"), 1e6), 1, "once");
    assert_eq!(
        take(&store, &counter, key("a"), 3, 1e6).retry_after,
        Duration::MAX
    );
}

#[test]
fn a_window_of_the_calendar_begins_at_multiples_of_its_period() {
    let store = MemoryLimits::new();
    let counter = counter(&store, "quota", calendar(10, 60));
    let taken = take(&store, &counter, key("a"), 10, 59.5);
    assert_eq!((taken.remaining, taken.resets_in), (0, seconds(0.5)));
    let refused = take(&store, &counter, key("a"), 1, 59.75);
    assert_eq!((refused.exceeded, refused.retry_after), (true, seconds(0.25)));
    assert_eq!(take(&store, &counter, key("a"), 10, 60.0).remaining, 0);
    assert_eq!(
        take(&store, &counter, key("a"), 11, 60.0).retry_after,
        Duration::MAX
    );
}

#[test]
fn a_sliding_window_forgets_a_period_after_the_slice() {
    let store = MemoryLimits::new();
    let counter = counter(&store, "quota", sliding(10, 60));
    assert_eq!(take(&store, &counter, key("a"), 4, 0.5).resets_in, seconds(60.5));
    assert_eq!(take(&store, &counter, key("a"), 6, 30.0).remaining, 0);
    let refused = take(&store, &counter, key("a"), 5, 60.75);
    assert_eq!((refused.exceeded, refused.retry_after), (true, seconds(30.25)));
    assert_eq!(
        take(&store, &counter, key("a"), 4, 60.75).retry_after,
        seconds(0.25)
    );
    assert!(!take(&store, &counter, key("a"), 4, 61.0).exceeded);
}

#[test]
fn a_limit_may_be_as_large_as_numbers_are() {
    let store = MemoryLimits::new();
    for kind in [WindowKind::Calendar, WindowKind::Sliding] {
        let counter = counter(&store, &format!("{kind:?}"), window(u128::MAX, 60, kind));
        assert_eq!(take(&store, &counter, key("a"), u128::MAX - 1, 0.0).remaining, 1);
        assert!(take(&store, &counter, key("a"), 2, 0.0).exceeded);
        assert!(!take(&store, &counter, key("a"), 1, 1.0).exceeded);
        assert!(take(&store, &counter, key("a"), u128::MAX, 1.0).exceeded);
    }
}

#[test]
fn what_would_come_back_after_2554_is_not_granted() {
    let store = MemoryLimits::new();
    let rule = |burst, interval| LimitRule::Rate { burst, interval };
    let forever = counter(&store, "forever", rule(u64::MAX, Duration::MAX));
    assert!(take(&store, &forever, key("a"), 1, 0.0).exceeded);
    let centuries = counter(
        &store,
        "centuries",
        rule(u64::MAX, Duration::from_secs(100 * 366 * 86_400)),
    );
    assert_eq!(take(&store, &centuries, key("a"), 5, 0.0).remaining, 0);
    assert!(take(&store, &centuries, key("a"), u128::MAX, 0.0).exceeded);
    assert_eq!(left(&store, &centuries, key("b"), 1.6e10), 0);
}

#[rstest]
#[case::rate(rate(10, 60.0), rate(20, 60.0), 13)]
#[case::slower(rate(10, 60.0), rate(10, 3600.0), 3)]
#[case::faster(rate(10, 60.0), rate(10, 1.0), 3)]
#[case::less_than_was_used(rate(10, 60.0), rate(5, 60.0), 0)]
#[case::permits(LimitRule::InFlight { max: 10 }, LimitRule::InFlight { max: 8 }, 1)]
#[case::quota(calendar(10, 3600), calendar(20, 3600), 13)]
#[case::shorter_windows(calendar(10, 3600), calendar(10, 60), 3)]
#[case::longer_windows(calendar(10, 60), calendar(10, 3600), 3)]
#[case::from_the_calendar(calendar(10, 60), sliding(10, 60), 3)]
#[case::to_the_calendar(sliding(10, 60), calendar(10, 60), 3)]
#[case::longer_slices(sliding(10, 60), sliding(10, 3600), 3)]
fn what_was_used_stays_used_when_the_rule_changes(
    #[case] before: LimitRule,
    #[case] after: LimitRule,
    #[case] remaining: u128,
) {
    let store = MemoryLimits::new();
    let first = counter(&store, "limit", before);
    assert_eq!(take(&store, &first, key("a"), 7, 0.0).taken, 7);
    let second = counter(&store, "limit", after);
    assert_eq!(left(&store, &second, key("a"), 0.0), remaining);
    assert!(take(&store, &second, key("a"), remaining + 1, 0.0).exceeded);
    assert_eq!(left(&store, &first, key("a"), 0.0), 3, "and when it changes back");
}

#[test]
fn a_clock_that_goes_back_gives_nothing_and_locks_nobody_out() {
    let store = MemoryLimits::new();
    let day = 86_400.0;
    let counter_of_rate = counter(&store, "rate", rate(10, 1.0));
    let quota = counter(&store, "calendar", calendar(10, 60));
    let slices = counter(&store, "sliding", sliding(10, 60));
    for counter in [&counter_of_rate, &quota, &slices] {
        assert_eq!(take(&store, counter, key("a"), 10, day).taken, 10);
        assert!(take(&store, counter, key("a"), 1, 0.0).exceeded);
    }
    assert!(!take(&store, &counter_of_rate, key("a"), 1, 1.0).exceeded);
    assert!(!take(&store, &counter_of_rate, key("a"), 9, 10.0).exceeded);
    assert!(!take(&store, &quota, key("a"), 10, 60.0).exceeded);
    assert!(!take(&store, &slices, key("a"), 10, 61.0).exceeded);
}

#[test]
fn a_step_back_into_the_last_window_does_not_open_the_next_one_twice() {
    let store = MemoryLimits::new();
    let counter = counter(&store, "quota", calendar(10, 60));
    assert_eq!(take(&store, &counter, key("a"), 10, 60.0).taken, 10);
    assert!(take(&store, &counter, key("a"), 1, 59.0).exceeded);
    assert!(take(&store, &counter, key("a"), 1, 61.0).exceeded);
}

#[test]
fn a_refusal_by_one_limit_costs_the_others_nothing() {
    let store = MemoryLimits::new();
    let plenty = counter(&store, "plenty", calendar(10, 60));
    let little = counter(&store, "little", rate(1, 10.0));
    let mut demands = [
        Demand::new(Arc::clone(&plenty), key("a"), 1),
        Demand::new(Arc::clone(&little), key("a"), 2),
        Demand::new(Arc::clone(&plenty), LimitKey::EVERYBODY, 4),
    ];
    done(store.take(&mut demands, at(0.0)));
    let stand: Vec<_> = demands.iter().map(|demand| demand.standing).collect();
    assert_eq!(
        stand
            .iter()
            .map(|standing| (standing.exceeded, standing.remaining, standing.taken))
            .collect::<Vec<_>>(),
        [(false, 10, 0), (true, 1, 0), (false, 10, 0)]
    );
    for seen in [key("a"), LimitKey::EVERYBODY] {
        assert_eq!(left(&store, &plenty, seen, 0.0), 10);
    }
    demands[1].units = 1;
    done(store.take(&mut demands, at(0.0)));
    assert_eq!(
        demands.each_ref().map(|demand| demand.standing.remaining),
        [9, 0, 6]
    );
}

#[test]
fn a_limit_that_only_reports_takes_nothing_and_stops_nothing() {
    let store = MemoryLimits::new();
    let plenty = counter(&store, "plenty", calendar(10, 60));
    let little = counter(&store, "little", calendar(1, 60));
    let mut demands = [
        Demand::new(Arc::clone(&little), key("a"), 2),
        Demand::new(Arc::clone(&plenty), key("a"), 2),
    ];
    demands[0].reports = true;
    done(store.take(&mut demands, at(0.0)));
    assert!(demands[0].standing.exceeded);
    assert_eq!(demands.each_ref().map(|demand| demand.standing.taken), [0, 2]);
    assert_eq!(left(&store, &little, key("a"), 0.0), 1);
    assert_eq!(left(&store, &plenty, key("a"), 0.0), 8);
}

#[rstest]
#[case(rate(3, 10.0))]
#[case(LimitRule::InFlight { max: 3 })]
#[case(calendar(3, 60))]
#[case(sliding(3, 60))]
fn two_demands_on_one_key_see_each_other(#[case] rule: LimitRule) {
    let store = MemoryLimits::new();
    let counter = counter(&store, "limit", rule);
    let mut demands = [2, 2].map(|units| Demand::new(Arc::clone(&counter), key("a"), units));
    done(store.take(&mut demands, at(0.0)));
    assert_eq!(
        demands.each_ref().map(|demand| demand.standing.exceeded),
        [false, true]
    );
    assert_eq!(left(&store, &counter, key("a"), 0.0), 3);
    demands[1].units = 1;
    done(store.take(&mut demands, at(0.0)));
    assert_eq!(demands.each_ref().map(|demand| demand.standing.taken), [2, 1]);
    assert_eq!(left(&store, &counter, key("a"), 0.0), 0);
}

#[test]
fn a_call_has_as_many_demands_as_it_likes() {
    let store = MemoryLimits::new();
    let counters: Vec<_> = (0..20)
        .map(|number| counter(&store, &number.to_string(), calendar(20 - number, 60)))
        .collect();
    let mut demands: Vec<_> = counters
        .iter()
        .map(|counter| Demand::new(Arc::clone(counter), key("a"), 1))
        .collect();
    done(store.take(&mut demands, at(0.0)));
    let stand: Vec<_> = demands.iter().map(|demand| demand.standing.remaining).collect();
    assert_eq!(stand, (0..20).rev().collect::<Vec<u128>>());
    done(store.take(&mut demands, at(0.0)));
    assert!(demands[19].standing.exceeded);
    assert_eq!(left(&store, &counters[0], key("a"), 0.0), 19);
}

#[rstest]
#[case(calendar(10, 60))]
#[case(sliding(10, 60))]
fn what_is_demanded_under_one_name_is_counted_once(#[case] rule: LimitRule) {
    let store = MemoryLimits::new();
    let counter = counter(&store, "quota", rule);
    let demand = |name: &str, id: u8, units| {
        let mut demand = Demand::new(Arc::clone(&counter), key(name), units);
        demand.once = Some([id; 16]);
        [demand]
    };
    let mut first = demand("a", 1, 10);
    done(store.take(&mut first, at(0.0)));
    assert_eq!(first[0].standing.taken, 10);
    let mut retry = demand("a", 1, 10);
    done(store.take(&mut retry, at(1.0)));
    let stand = retry[0].standing;
    assert_eq!((stand.exceeded, stand.taken, stand.remaining), (false, 0, 0));
    let mut other = demand("a", 2, 1);
    done(store.take(&mut other, at(1.0)));
    assert!(other[0].standing.exceeded);
    let mut of_another = demand("b", 1, 3);
    done(store.take(&mut of_another, at(1.0)));
    assert_eq!(of_another[0].standing.taken, 3, "names are private to their key");

    for failed in [&mut retry, &mut first] {
        done(store.give_back(failed, at(2.0)));
        assert_eq!(left(&store, &counter, key("a"), 2.0), 0, "another went on for it");
    }
    done(store.give_back(&mut of_another, at(2.0)));
    assert_eq!(left(&store, &counter, key("b"), 2.0), 10);
    done(store.take(&mut of_another, at(3.0)));
    assert_eq!(
        of_another[0].standing.taken, 3,
        "what was given back is not known"
    );
    done(store.take(&mut first, at(500.0)));
    assert_eq!(
        first[0].standing.taken, 10,
        "nor what was counted in another window"
    );
}

#[test]
fn a_refused_call_knows_no_names() {
    let store = MemoryLimits::new();
    let quota = counter(&store, "quota", calendar(10, 60));
    let nothing = counter(&store, "nothing", calendar(0, 60));
    let mut demands = [
        Demand::new(Arc::clone(&quota), key("a"), 1),
        Demand::new(Arc::clone(&nothing), key("a"), 1),
    ];
    demands[0].once = Some([1; 16]);
    done(store.take(&mut demands, at(0.0)));
    done(store.take(&mut demands[..1], at(0.0)));
    assert_eq!(demands[0].standing.taken, 1);
}

#[test]
fn a_window_that_is_over_gets_nothing_back() {
    let store = MemoryLimits::new();
    for rule in [calendar(10, 60), sliding(10, 60)] {
        let counter = counter(&store, "quota", rule);
        let mut old = [Demand::new(Arc::clone(&counter), key("a"), 5)];
        done(store.take(&mut old, at(0.0)));
        assert_eq!(take(&store, &counter, key("a"), 5, 70.0).taken, 5);
        done(store.give_back(&mut old, at(70.0)));
        assert_eq!(left(&store, &counter, key("a"), 70.0), 5);
        assert_eq!(old[0].standing.taken, 0);
    }
    let counter = counter(&store, "rate", rate(10, 1.0));
    let mut old = [Demand::new(Arc::clone(&counter), key("a"), 5)];
    done(store.take(&mut old, at(0.0)));
    assert_eq!(take(&store, &counter, key("a"), 7, 3.0).taken, 7);
    done(store.give_back(&mut old, at(3.0)));
    assert_eq!(
        left(&store, &counter, key("a"), 3.0),
        3,
        "two of five had not come back yet"
    );
}

#[tokio::test]
async fn what_was_reset_is_whole_and_gets_nothing_back() {
    let store = MemoryLimits::new();
    let counter = counter(&store, "quota", calendar(10, 60));
    let mut old = [Demand::new(Arc::clone(&counter), key("a"), 5)];
    old[0].once = Some([1; 16]);
    done(store.take(&mut old, at(0.0)));
    assert_eq!(take(&store, &counter, key("b"), 5, 0.0).taken, 5);
    assert_eq!(store.reset(&counter, Some(key("a"))).await.unwrap(), 1);
    assert_eq!(store.reset(&counter, Some(key("nobody"))).await.unwrap(), 0);
    assert_eq!(left(&store, &counter, key("a"), 0.0), 10);
    assert_eq!(left(&store, &counter, key("b"), 0.0), 5);
    let mut again = [old[0].clone()];
    done(store.take(&mut again, at(1.0)));
    assert_eq!(
        again[0].standing.taken, 5,
        "names are forgotten with what they stood for"
    );
    done(store.give_back(&mut old, at(1.0)));
    assert_eq!(left(&store, &counter, key("a"), 1.0), 5);
    assert_eq!(store.reset(&counter, None).await.unwrap(), 2);
    assert_eq!(store.keys(&counter, 10, at(1.0)).await.unwrap(), []);
}

#[tokio::test]
async fn keys_are_those_that_used_something() {
    let store = MemoryLimits::new();
    let counter = counter(&store, "rate", rate(10, 1.0));
    for (name, units) in [("a", 1), ("b", 5), ("c", 0)] {
        take(&store, &counter, key(name), units, 0.0);
    }
    let keys = |at_most, seconds| {
        let keys = store.keys(&counter, at_most, at(seconds));
        async { keys.await.unwrap().into_iter().collect::<BTreeSet<_>>() }
    };
    assert_eq!(keys(10, 0.5).await, BTreeSet::from([key("a"), key("b")]));
    assert_eq!(keys(10, 2.0).await, BTreeSet::from([key("b")]));
    assert_eq!(keys(1, 0.5).await.len(), 1);
}

#[test]
fn keys_beyond_the_bound_share_one_bucket_until_there_is_room() {
    let store = MemoryLimits::new();
    let counter = Arc::new(LimitCounter::new(&store, "rate", rate(3, 1.0), 2));
    for (name, units) in [("a", 1), ("b", 2)] {
        assert!(!take(&store, &counter, key(name), units, 0.0).overflowed);
    }
    let third = take(&store, &counter, key("c"), 2, 0.0);
    assert_eq!((third.overflowed, third.taken, third.remaining), (true, 2, 1));
    let fourth = take(&store, &counter, key("d"), 2, 0.0);
    assert_eq!((fourth.overflowed, fourth.exceeded), (true, true));
    assert_eq!(left(&store, &counter, LimitKey::OVERFLOW, 0.0), 1);
    assert_eq!(left(&store, &counter, key("d"), 0.0), 1, "as it would be asked");
    assert!(
        !take(&store, &counter, key("a"), 2, 0.0).overflowed,
        "who is known stays known"
    );

    let after = take(&store, &counter, key("d"), 3, 2.0);
    assert_eq!((after.overflowed, after.taken), (false, 3), "b is whole again");
    let full = take(&store, &counter, key("e"), 1, 2.0);
    assert!(full.overflowed);
    let more = Arc::new(LimitCounter::new(&store, "rate", rate(3, 1.0), 3));
    assert!(!take(&store, &more, key("e"), 1, 2.0).overflowed);
}

#[test]
fn what_a_bucket_shared_is_given_back_to_it() {
    let store = MemoryLimits::new();
    for rule in [LimitRule::InFlight { max: 2 }, calendar(2, 60)] {
        let counter = Arc::new(LimitCounter::new(&store, format!("{rule:?}"), rule, 1));
        let mut own = [Demand::new(Arc::clone(&counter), key("a"), 1)];
        done(store.take(&mut own, at(0.0)));
        let mut shared = [Demand::new(Arc::clone(&counter), key("b"), 2)];
        done(store.take(&mut shared, at(0.0)));
        assert!(shared[0].standing.overflowed);
        done(store.give_back(&mut own, at(0.0)));
        assert!(
            !take(&store, &counter, key("c"), 1, 0.0).overflowed,
            "a gave its room back"
        );
        done(store.give_back(&mut shared, at(0.0)));
        assert_eq!(left(&store, &counter, LimitKey::OVERFLOW, 0.0), 2);
    }
}

#[test]
fn counters_go_by_their_name() {
    let store = MemoryLimits::new();
    let [one, same, other] = ["one", "one", "other"].map(|name| counter(&store, name, rate(5, 1.0)));
    assert_eq!(take(&store, &one, key("a"), 5, 0.0).taken, 5);
    assert!(take(&store, &same, key("a"), 1, 0.0).exceeded);
    assert!(!take(&store, &other, key("a"), 1, 0.0).exceeded);
    assert!(!store.waits());
}

#[test]
fn a_counter_of_another_store_is_an_error() {
    #[derive(Debug)]
    struct Other;
    impl LimitStore for Other {
        fn counter(&self, _: &str, _: usize) -> palisade_core::CounterHandle {
            palisade_core::CounterHandle::new(Arc::new(0_u8))
        }
        fn take<'a>(&'a self, _: &'a mut [Demand], _: SystemTime) -> Taking<'a> {
            Taking::Done(Ok(()))
        }
        fn give_back<'a>(&'a self, _: &'a mut [Demand], _: SystemTime) -> Taking<'a> {
            Taking::Done(Ok(()))
        }
        fn look<'a>(&'a self, _: &'a mut [Demand], _: SystemTime) -> Taking<'a> {
            Taking::Done(Ok(()))
        }
        fn reset<'a>(
            &'a self,
            _: &'a LimitCounter,
            _: Option<LimitKey>,
        ) -> palisade_core::BoxFuture<'a, Result<u64, palisade_core::LimitStoreError>> {
            Box::pin(async { Ok(0) })
        }
        fn keys<'a>(
            &'a self,
            _: &'a LimitCounter,
            _: usize,
            _: SystemTime,
        ) -> palisade_core::BoxFuture<'a, Result<Vec<LimitKey>, palisade_core::LimitStoreError>> {
            Box::pin(async { Ok(Vec::new()) })
        }
    }
    let counter = Arc::new(LimitCounter::new(&Other, "other", rate(1, 1.0), 1));
    let mut demands = [Demand::new(counter, key("a"), 1)];
    let Taking::Done(Err(error)) = MemoryLimits::new().take(&mut demands, at(0.0)) else {
        panic!("it cannot count there");
    };
    assert_eq!(
        error.to_string(),
        "the store of counters is not available: the counter is one of another store"
    );
}
