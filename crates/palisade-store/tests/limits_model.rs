//! Counters in memory beside a naive model of them: a list of what was taken, added up anew for every question.
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

const SECOND: u128 = 1_000_000_000;

/// The rules that each counter has in turn. Rates change in every way, windows in how much they grant.
const RULES: [[LimitRule; 3]; 4] = [
    [rate(5, 1000), rate(3, 1000), rate(5, 300)],
    [
        LimitRule::InFlight { max: 6 },
        LimitRule::InFlight { max: 2 },
        LimitRule::InFlight { max: 9 },
    ],
    [
        window(9, WindowKind::Calendar),
        window(4, WindowKind::Calendar),
        window(20, WindowKind::Calendar),
    ],
    [
        window(9, WindowKind::Sliding),
        window(4, WindowKind::Sliding),
        window(20, WindowKind::Sliding),
    ],
];
const PERIOD: u64 = 7;

const fn rate(burst: u64, milliseconds: u64) -> LimitRule {
    let interval = Duration::from_millis(milliseconds);
    LimitRule::Rate { burst, interval }
}

const fn window(limit: u128, kind: WindowKind) -> LimitRule {
    LimitRule::Window {
        limit,
        period: Duration::from_secs(PERIOD),
        kind,
    }
}

#[derive(Debug, Clone)]
struct Wanted {
    counter: usize,
    key: u8,
    units: u128,
    once: Option<u8>,
    reports: bool,
}

#[derive(Debug, Clone)]
enum Step {
    Take(Vec<Wanted>),
    GiveBack(prop::sample::Index),
    Wait(u64),
    Rule { counter: usize, rule: usize },
    Reset { counter: usize, key: Option<u8> },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let wanted = (
        0..4_usize,
        0..3_u8,
        0..5_u128,
        prop::option::weighted(0.3, 0..3_u8),
        prop::bool::weighted(0.1),
    );
    let wanted = wanted.prop_map(|(counter, key, units, once, reports)| Wanted {
        counter,
        key,
        units,
        once,
        reports,
    });
    let step = prop_oneof![
        8 => vec(wanted, 1..4).prop_map(Step::Take),
        3 => any::<prop::sample::Index>().prop_map(Step::GiveBack),
        // From a millisecond to more than any window.
        4 => (0..14_u32, 1..1000_u64).prop_map(|(power, part)| Step::Wait((1 << power) * part * 1000)),
        1 => (0..4_usize, 0..3_usize).prop_map(|(counter, rule)| Step::Rule { counter, rule }),
        1 => (0..4_usize, prop::option::of(0..3_u8)).prop_map(|(counter, key)| Step::Reset { counter, key }),
    ];
    vec(step, 1..120)
}

/// Something that was taken.
#[derive(Debug, Clone)]
struct Taken {
    call: usize,
    at: u128,
    units: u128,
    once: Option<u8>,
    /// Whether another demand passed at no cost because of it.
    passed: bool,
}

/// What one key of one counter took.
#[derive(Debug, Clone, Default)]
struct Key {
    taken: Vec<Taken>,
    /// The time that a bucket misses, when that was, and at which interval it refills.
    debt: (u128, u128, u128),
}

impl Key {
    /// Refills a bucket until now, and goes over to that rule.
    fn refill(&mut self, rule: LimitRule, now: u128) {
        let LimitRule::Rate { interval, .. } = rule else {
            return;
        };
        let (debt, at, old) = self.debt;
        let debt = debt.saturating_sub(now - at);
        let interval = interval.as_nanos();
        let debt = if old == interval || debt == 0 {
            debt
        } else {
            (debt * interval).div_ceil(old)
        };
        self.debt = (debt, now, interval);
    }

    fn used(&self, rule: LimitRule, now: u128) -> u128 {
        match rule {
            LimitRule::Rate { interval, .. } => self.debt.0.div_ceil(interval.as_nanos()),
            _ => self.live(rule, now).map(|taken| taken.units).sum(),
        }
    }

    fn live(&self, rule: LimitRule, now: u128) -> impl Iterator<Item = &Taken> {
        self.taken.iter().filter(move |taken| counts(rule, taken.at, now))
    }
}

/// Whether what was taken then still counts.
fn counts(rule: LimitRule, at: u128, now: u128) -> bool {
    let LimitRule::Window { period, kind, .. } = rule else {
        return true;
    };
    let period = period.as_nanos();
    match kind {
        WindowKind::Sliding => {
            let slice = period / 60;
            now < (at / slice + 1) * slice + period
        }
        _ => at / period == now / period,
    }
}

fn limit(rule: LimitRule) -> u128 {
    match rule {
        LimitRule::Rate { burst, .. } => burst.into(),
        LimitRule::InFlight { max } => max.into(),
        LimitRule::Window { limit, .. } => limit,
        _ => unreachable!("no other rule is tried"),
    }
}

#[derive(Debug, Default, Clone)]
struct Model {
    keys: BTreeMap<(usize, u8), Key>,
    rules: [usize; 4],
}

impl Model {
    fn rule(&self, counter: usize) -> LimitRule {
        RULES[counter][self.rules[counter]]
    }

    /// What is expected of each demand: whether it is exceeded, how much is left, and how much was taken.
    fn take(&mut self, wanted: &[Wanted], call: usize, now: u128) -> Vec<(bool, u128, u128)> {
        for wanted in wanted {
            let rule = self.rule(wanted.counter);
            self.keys
                .entry((wanted.counter, wanted.key))
                .or_default()
                .refill(rule, now);
        }
        let before = self.clone();
        let mut refused = false;
        let mut expected = Vec::new();
        for wanted in wanted {
            let rule = self.rule(wanted.counter);
            let key = self.keys.get_mut(&(wanted.counter, wanted.key)).unwrap();
            let left = limit(rule).saturating_sub(key.used(rule, now));
            let was_counted = matches!(rule, LimitRule::Window { .. })
                && wanted.once.is_some()
                && key.live(rule, now).any(|taken| taken.once == wanted.once);
            if was_counted {
                for taken in &mut key.taken {
                    taken.passed |= counts(rule, taken.at, now) && taken.once == wanted.once;
                }
                expected.push((false, left, 0));
            } else if wanted.units > left {
                refused |= !wanted.reports;
                expected.push((true, left, 0));
            } else {
                if let LimitRule::Rate { interval, .. } = rule {
                    key.debt.0 += wanted.units * interval.as_nanos();
                } else if wanted.units > 0 {
                    key.taken.push(Taken {
                        call,
                        at: now,
                        units: wanted.units,
                        once: wanted.once,
                        passed: false,
                    });
                }
                expected.push((false, left - wanted.units, wanted.units));
            }
        }
        if refused {
            *self = before;
            for (expected, wanted) in expected.iter_mut().zip(wanted) {
                let rule = self.rule(wanted.counter);
                let used = self.keys[&(wanted.counter, wanted.key)].used(rule, now);
                *expected = (expected.0, limit(rule).saturating_sub(used), 0);
            }
        }
        expected
    }

    fn give_back(&mut self, wanted: &[Wanted], call: usize, now: u128) {
        for wanted in wanted {
            let rule = self.rule(wanted.counter);
            let key = self.keys.entry((wanted.counter, wanted.key)).or_default();
            key.taken
                .retain(|taken| taken.call != call || taken.passed || !counts(rule, taken.at, now));
        }
    }
}

fn key(number: u8) -> LimitKey {
    LimitKey::name(&number.to_string()).unwrap()
}

fn at(now: u128) -> SystemTime {
    UNIX_EPOCH + Duration::from_nanos_u128(now)
}

fn done(taking: Taking<'_>) {
    match taking {
        Taking::Done(result) => result.unwrap(),
        Taking::Wait(_) => panic!("memory never waits"),
    }
}

struct Trial {
    store: MemoryLimits,
    model: Model,
    now: u128,
    calls: Vec<(Vec<Wanted>, Vec<Demand>)>,
}

impl Trial {
    fn counter(&self, counter: usize) -> Arc<LimitCounter> {
        let rule = self.model.rule(counter);
        Arc::new(LimitCounter::new(&self.store, counter.to_string(), rule, 100))
    }

    fn take(&mut self, wanted: Vec<Wanted>) {
        let mut demands: Vec<_> = wanted
            .iter()
            .map(|wanted| {
                let mut demand = Demand::new(self.counter(wanted.counter), key(wanted.key), wanted.units);
                demand.once = wanted.once.map(|id| [id; 16]);
                demand.reports = wanted.reports;
                demand
            })
            .collect();
        done(self.store.take(&mut demands, at(self.now)));
        let expected = self.model.take(&wanted, self.calls.len(), self.now);
        let stand = demands.iter().map(|demand| demand.standing);
        let found: Vec<_> = stand
            .map(|stand| (stand.exceeded, stand.remaining, stand.taken))
            .collect();
        assert_eq!(found, expected, "{wanted:?} at {}", self.now);
        self.retry_as_it_says(&wanted, &demands);
        self.calls.push((wanted, demands));
    }

    /// A call that was refused is met after the time it was told, and not a nanosecond before.
    fn retry_as_it_says(&self, wanted: &[Wanted], demands: &[Demand]) {
        let ([wanted], [demand]) = (wanted, demands) else {
            return;
        };
        let wait = demand.standing.retry_after;
        let rule = self.model.rule(wanted.counter);
        if !demand.standing.exceeded || matches!(rule, LimitRule::InFlight { .. }) {
            return;
        }
        assert_eq!(wait == Duration::MAX, wanted.units > limit(rule));
        if wait == Duration::MAX {
            return;
        }
        for (early, is_exceeded) in [(1, true), (0, false)] {
            let mut demands = [demand.clone()];
            done(
                self.store
                    .look(&mut demands, at(self.now + wait.as_nanos() - early)),
            );
            assert_eq!(demands[0].standing.exceeded, is_exceeded, "{wanted:?}, {wait:?}");
        }
    }

    fn follow(&mut self, step: Step) {
        match step {
            Step::Take(wanted) => self.take(wanted),
            Step::GiveBack(index) => {
                if self.calls.is_empty() {
                    return;
                }
                let call = index.index(self.calls.len());
                let (wanted, demands) = &mut self.calls[call];
                // What a rate gets back has a test of its own.
                let kept: Vec<_> = wanted.iter().map(|wanted| wanted.counter != 0).collect();
                let mut kept = kept.into_iter();
                let mut returned = demands.clone();
                returned.retain(|_| kept.next().unwrap());
                done(self.store.give_back(&mut returned, at(self.now)));
                for demand in demands {
                    demand.standing.taken = 0;
                }
                self.model.give_back(wanted, call, self.now);
            }
            Step::Wait(nanos) => self.now += u128::from(nanos),
            Step::Rule { counter, rule } => self.model.rules[counter] = rule,
            Step::Reset { counter, key: which } => {
                let of = self.counter(counter);
                let reset = self.store.reset(&of, which.map(key));
                futures_util::FutureExt::now_or_never(reset).unwrap().unwrap();
                self.model
                    .keys
                    .retain(|(of, key), _| *of != counter || which.is_some_and(|which| which != *key));
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]
    #[test]
    fn every_answer_is_that_of_the_model(steps in steps()) {
        let mut trial = Trial {
            store: MemoryLimits::new(),
            model: Model::default(),
            now: 1_800_000_000 * SECOND,
            calls: Vec::new(),
        };
        for step in steps {
            trial.follow(step);
        }
    }

    #[test]
    fn in_no_period_of_a_sliding_window_is_more_used_than_the_limit(
        calls in vec((0..3_000_000_000_u64, 1..4_u128), 1..200),
    ) {
        let store = MemoryLimits::new();
        let rule = window(10, WindowKind::Sliding);
        let counter = Arc::new(LimitCounter::new(&store, "limit", rule, 1));
        let mut now = 1_800_000_000 * SECOND;
        let mut taken: Vec<(u128, u128)> = Vec::new();
        for (wait, units) in calls {
            now += u128::from(wait);
            let mut demands = [Demand::new(Arc::clone(&counter), LimitKey::EVERYBODY, units)];
            done(store.take(&mut demands, at(now)));
            let period = u128::from(PERIOD) * SECOND;
            let in_last = |longer| -> u128 {
                let since = taken.iter().filter(|(at, _)| at + period + longer > now);
                since.map(|(_, units)| units).sum()
            };
            if demands[0].standing.exceeded {
                prop_assert!(in_last(period / 60) + units > 10);
            } else {
                prop_assert!(in_last(0) + units <= 10);
                taken.push((now, units));
            }
        }
    }
}
