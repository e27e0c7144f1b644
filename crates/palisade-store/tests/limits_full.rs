//! Counters in memory that are full: calls end, whatever they need, and identifiers never take the room of keys.
#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests"
)]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use palisade_core::{Demand, LimitCounter, LimitKey, LimitRule, LimitStore, Taking, WindowKind};
use palisade_store::MemoryLimits;
use proptest::collection::vec;
use proptest::prelude::*;
use rstest::rstest;

const LIMIT: u128 = 10;
const PERIOD: u64 = 60;

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_800_000_000 + seconds)
}

fn key(name: &impl ToString) -> LimitKey {
    LimitKey::name(&name.to_string()).unwrap()
}

fn quota(store: &MemoryLimits, kind: WindowKind, max_keys: usize) -> Arc<LimitCounter> {
    let rule = LimitRule::Window {
        limit: LIMIT,
        period: Duration::from_secs(PERIOD),
        kind,
    };
    Arc::new(LimitCounter::new(store, format!("{kind:?}"), rule, max_keys))
}

fn demand(counter: &Arc<LimitCounter>, name: &str, once: Option<u8>) -> Demand {
    let mut demand = Demand::new(Arc::clone(counter), key(&name), 1);
    demand.once = once.map(|id| [id; 16]);
    demand
}

fn done(taking: Taking<'_>) {
    match taking {
        Taking::Done(result) => result.unwrap(),
        Taking::Wait(_) => panic!("memory never waits"),
    }
}

/// Takes at that time; says of each demand what was taken, and whether in the bucket that is shared.
fn take(store: &MemoryLimits, demands: &mut [Demand], seconds: u64) -> Vec<(u128, bool)> {
    done(store.take(demands, at(seconds)));
    let stand = demands.iter().map(|demand| demand.standing);
    stand.map(|stand| (stand.taken, stand.overflowed)).collect()
}

fn left(store: &MemoryLimits, counter: &Arc<LimitCounter>, name: &str) -> u128 {
    let mut demands = [Demand::new(Arc::clone(counter), key(&name), 0)];
    done(store.look(&mut demands, at(0)));
    demands[0].standing.remaining
}

#[rstest]
fn a_new_key_with_a_name_is_met_by_the_last_place(#[values(1, 2, 3)] max_keys: usize) {
    for kind in [WindowKind::Calendar, WindowKind::Sliding] {
        let store = MemoryLimits::new();
        let counter = quota(&store, kind, max_keys);
        for number in 1..max_keys {
            let name = number.to_string();
            assert_eq!(
                take(&store, &mut [demand(&counter, &name, None)], 0),
                [(1, false)]
            );
        }
        for expected in [(1, false), (0, false)] {
            assert_eq!(take(&store, &mut [demand(&counter, "a", Some(1))], 0), [expected]);
        }
        for _ in 0..2 {
            let full = take(&store, &mut [demand(&counter, "b", Some(1))], 0);
            assert_eq!(full, [(1, true)], "in the bucket that is shared no name is known");
        }
    }
}

#[test]
fn two_new_keys_in_one_call_share_the_last_place() {
    let store = MemoryLimits::new();
    let counter = quota(&store, WindowKind::Calendar, 2);
    take(&store, &mut [demand(&counter, "there", None)], 0);
    for once in [None, Some(1)] {
        let mut demands = ["a", "b"].map(|name| demand(&counter, name, once));
        assert_eq!(take(&store, &mut demands, 0), [(1, false), (1, true)]);
        done(store.give_back(&mut demands, at(0)));
        assert_eq!(left(&store, &counter, "a"), LIMIT, "all of it is back");
    }
    let mut later = ["a", "b", "c"].map(|name| demand(&counter, name, Some(1)));
    assert_eq!(
        take(&store, &mut later, 2 * PERIOD),
        [(1, false), (1, false), (1, true)],
        "what was there is whole again"
    );
}

#[test]
fn names_have_a_bound_of_their_own_and_are_counted_again_beyond_it() {
    let store = MemoryLimits::new();
    let counter = quota(&store, WindowKind::Calendar, 2);
    for (id, taken) in [(1, 1), (2, 1), (1, 0), (2, 0), (3, 1), (3, 1)] {
        assert_eq!(
            take(&store, &mut [demand(&counter, "a", Some(id))], 0),
            [(taken, false)]
        );
    }
    assert_eq!(left(&store, &counter, "a"), LIMIT - 4);
    for (id, taken) in [(3, 1), (3, 0), (4, 1), (4, 0)] {
        let after = take(&store, &mut [demand(&counter, "a", Some(id))], 2 * PERIOD);
        assert_eq!(
            after,
            [(taken, false)],
            "names of a window that is over make room"
        );
    }
}

#[test]
fn a_caller_with_many_names_pushes_nobody_out() {
    let store = MemoryLimits::new();
    let counter = quota(&store, WindowKind::Sliding, 3);
    for id in 0..9 {
        take(&store, &mut [demand(&counter, "a", Some(id))], 0);
    }
    for name in ["b", "c"] {
        assert_eq!(
            take(&store, &mut [demand(&counter, name, Some(1))], 0),
            [(1, false)],
            "{name}"
        );
    }
    assert_eq!(take(&store, &mut [demand(&counter, "d", None)], 0), [(1, true)]);
}

#[rstest]
#[case(WindowKind::Calendar)]
#[case(WindowKind::Sliding)]
fn what_others_passed_under_stays_taken_when_its_own_exchange_fails(#[case] kind: WindowKind) {
    let store = MemoryLimits::new();
    let counter = quota(&store, kind, 100);
    let mut first = [demand(&counter, "a", Some(1))];
    assert_eq!(take(&store, &mut first, 0), [(1, false)]);
    let mut twin = [demand(&counter, "a", Some(1))];
    assert_eq!(take(&store, &mut twin, 0), [(0, false)]);
    for failed in [&mut first, &mut twin] {
        done(store.give_back(failed, at(0)));
        assert_eq!(failed[0].standing.taken, 0);
    }
    assert_eq!(left(&store, &counter, "a"), LIMIT - 1);
    assert_eq!(
        take(&store, &mut [demand(&counter, "a", Some(1))], 0),
        [(0, false)],
        "it is counted, and known"
    );
    let mut alone = [demand(&counter, "a", Some(2))];
    take(&store, &mut alone, 0);
    done(store.look(&mut [demand(&counter, "a", Some(2))], at(0)));
    done(store.give_back(&mut alone, at(0)));
    assert_eq!(left(&store, &counter, "a"), LIMIT - 1, "to look is not to pass");
}

#[test]
fn a_retry_that_another_limit_refuses_did_not_pass() {
    let store = MemoryLimits::new();
    let counter = quota(&store, WindowKind::Calendar, 100);
    let nothing = LimitRule::InFlight { max: 0 };
    let nothing = Arc::new(LimitCounter::new(&store, "nothing", nothing, 1));
    let mut first = [demand(&counter, "a", Some(1))];
    take(&store, &mut first, 0);
    let mut retry = [demand(&counter, "a", Some(1)), demand(&nothing, "a", None)];
    done(store.take(&mut retry, at(0)));
    assert!(retry[1].standing.exceeded);
    done(store.give_back(&mut first, at(0)));
    assert_eq!(left(&store, &counter, "a"), LIMIT);
}

#[derive(Debug, Clone)]
struct Wanted {
    counter: usize,
    name: u8,
    units: u128,
    once: Option<u8>,
}

#[derive(Debug, Clone)]
enum Step {
    Take(Vec<Wanted>),
    GiveBack(prop::sample::Index),
    /// All windows end.
    Next,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let wanted = (
        0..2_usize,
        0..6_u8,
        0..5_u128,
        prop::option::weighted(0.6, 0..4_u8),
    );
    let wanted = wanted.prop_map(|(counter, name, units, once)| Wanted {
        counter,
        name,
        units,
        once,
    });
    let step = prop_oneof![
        8 => vec(wanted, 1..5).prop_map(Step::Take),
        3 => any::<prop::sample::Index>().prop_map(Step::GiveBack),
        1 => Just(Step::Next),
    ];
    vec(step, 1..60)
}

/// What one counter knows of one window.
#[derive(Debug, Clone, Default)]
struct Model {
    /// What was used, by key; `None` is the bucket that is shared.
    used: BTreeMap<Option<u8>, u128>,
    /// Names by key, and whether somebody passed.
    names: BTreeMap<(u8, u8), bool>,
}

impl Model {
    fn left(&self, bucket: Option<u8>) -> u128 {
        LIMIT - self.used.get(&bucket).copied().unwrap_or_default()
    }

    fn keys(&self) -> usize {
        self.used.keys().flatten().count()
    }

    /// Which bucket is asked, and whether it is exceeded, what is left, and what was taken.
    fn take(&mut self, wanted: &Wanted, max_keys: usize) -> (Option<u8>, (bool, u128, u128)) {
        let own = Some(wanted.name);
        let name = wanted.once.map(|once| (wanted.name, once));
        if let Some(passed) = name.and_then(|name| self.names.get_mut(&name)) {
            *passed = true;
            return (own, (false, self.left(own), 0));
        }
        let lacks = !self.used.contains_key(&own) && self.keys() >= max_keys && wanted.units > 0;
        let bucket = if lacks { None } else { own };
        let left = self.left(bucket);
        if wanted.units > left {
            return (bucket, (true, left, 0));
        }
        if wanted.units > 0 {
            *self.used.entry(bucket).or_default() += wanted.units;
            if let (Some(name), Some(_)) = (name, bucket)
                && self.names.len() < max_keys
            {
                self.names.insert(name, false);
            }
        }
        (bucket, (false, left - wanted.units, wanted.units))
    }

    fn give_back(&mut self, wanted: &Wanted, bucket: Option<u8>, taken: u128) {
        let name = wanted
            .once
            .map(|once| (wanted.name, once))
            .filter(|_| bucket.is_some());
        if taken == 0 || name.is_some_and(|name| self.names.get(&name) == Some(&true)) {
            return;
        }
        let used = self.used.get_mut(&bucket).unwrap();
        *used -= taken;
        if *used == 0 {
            self.used.remove(&bucket);
        }
        name.map(|name| self.names.remove(&name));
    }
}

/// A call that was made: in which window, what was wanted, where it went, and what the store said.
struct Call {
    window: u64,
    wanted: Vec<Wanted>,
    buckets: Vec<Option<u8>>,
    demands: Vec<Demand>,
}

struct Trial {
    store: MemoryLimits,
    max_keys: usize,
    models: [Model; 2],
    window: u64,
    calls: Vec<Call>,
}

impl Trial {
    fn now(&self) -> u64 {
        self.window * 3 * PERIOD
    }

    fn counter(&self, which: usize) -> Arc<LimitCounter> {
        let kind = [WindowKind::Calendar, WindowKind::Sliding][which];
        quota(&self.store, kind, self.max_keys)
    }

    fn take(&mut self, wanted: Vec<Wanted>) {
        let mut demands: Vec<_> = wanted
            .iter()
            .map(|wanted| {
                let counter = self.counter(wanted.counter);
                let mut demand = demand(&counter, &wanted.name.to_string(), wanted.once);
                demand.units = wanted.units;
                demand
            })
            .collect();
        done(self.store.take(&mut demands, at(self.now())));
        let before = self.models.clone();
        let (buckets, mut expected): (Vec<_>, Vec<_>) = wanted
            .iter()
            .map(|wanted| self.models[wanted.counter].take(wanted, self.max_keys))
            .unzip();
        if expected.iter().any(|(is_exceeded, ..)| *is_exceeded) {
            self.models = before;
            for ((expected, wanted), bucket) in expected.iter_mut().zip(&wanted).zip(&buckets) {
                *expected = (expected.0, self.models[wanted.counter].left(*bucket), 0);
            }
        }
        let stand = demands.iter().map(|demand| demand.standing);
        let found: Vec<_> = stand
            .map(|stand| (stand.exceeded, stand.remaining, stand.taken))
            .collect();
        assert_eq!(found, expected, "{wanted:?} with {}", self.max_keys);
        self.calls.push(Call {
            window: self.window,
            wanted,
            buckets,
            demands,
        });
    }

    fn give_back(&mut self, index: prop::sample::Index) {
        if self.calls.is_empty() {
            return;
        }
        let now = at(self.now());
        let which = index.index(self.calls.len());
        let call = &mut self.calls[which];
        for ((wanted, bucket), demand) in call.wanted.iter().zip(&call.buckets).zip(&call.demands) {
            if call.window == self.window {
                self.models[wanted.counter].give_back(wanted, *bucket, demand.standing.taken);
            }
        }
        done(self.store.give_back(&mut call.demands, now));
    }

    fn follow(&mut self, step: Step) {
        match step {
            Step::Take(wanted) => self.take(wanted),
            Step::GiveBack(index) => self.give_back(index),
            Step::Next => {
                self.window += 1;
                self.models = Default::default();
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(800))]
    #[test]
    fn every_answer_of_a_full_counter_is_that_of_the_model(max_keys in 1..5_usize, steps in steps()) {
        let mut trial = Trial {
            store: MemoryLimits::new(),
            max_keys,
            models: Default::default(),
            window: 0,
            calls: Vec::new(),
        };
        for step in steps {
            trial.follow(step);
        }
    }
}
