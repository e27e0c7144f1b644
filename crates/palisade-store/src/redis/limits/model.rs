//! The script beside counters in memory, which say the same to everybody at every time.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use palisade_core::{
    Demand, LimitCounter, LimitKey, LimitRule, LimitStore, Secret, Standing, SystemClock, WindowKind,
};
use palisade_test::redis::Redis;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use super::RedisLimits;
use crate::MemoryLimits;
use crate::redis::script::Script;
use crate::{RedisConfig, RedisPool};

const KEYS: u8 = 3;
/// The rules that each counter has in turn.
const RULES: [[LimitRule; 3]; 5] = [
    [
        rate(5, 1_000_000_000),
        rate(3, 1_000_000_000),
        rate(5, 300_000_000),
    ],
    [rate(4, 333_333_333), rate(6, 7), rate(2, 9_007_199_254)],
    [
        window(9, 60, WindowKind::Calendar),
        window(u128::MAX, 60, WindowKind::Calendar),
        window(4, 60, WindowKind::Calendar),
    ],
    [
        window(9, 120, WindowKind::Sliding),
        window(20, 60, WindowKind::Sliding),
        window(4, 120, WindowKind::Sliding),
    ],
    [
        window(9, 60, WindowKind::Sliding),
        window(20, 60, WindowKind::Sliding),
        window(4, 60, WindowKind::Sliding),
    ],
];

const fn rate(burst: u64, nanos: u64) -> LimitRule {
    let interval = Duration::from_nanos(nanos);
    LimitRule::Rate { burst, interval }
}

const fn window(limit: u128, seconds: u64, kind: WindowKind) -> LimitRule {
    let period = Duration::from_secs(seconds);
    LimitRule::Window { limit, period, kind }
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
    Look(Wanted),
    GiveBack(prop::sample::Index),
    /// In microseconds: Redis tells no less.
    Wait(u64),
    Rule {
        counter: usize,
        rule: usize,
    },
    Reset {
        counter: usize,
        key: Option<u8>,
    },
}

fn wanted() -> impl Strategy<Value = Wanted> {
    let once = prop::option::weighted(0.3, 0..3_u8);
    let wanted = (0..5_usize, 0..KEYS, 0..5_u128, once, prop::bool::weighted(0.1));
    wanted.prop_map(|(counter, key, units, once, reports)| Wanted {
        counter,
        key,
        units,
        once,
        reports,
    })
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        8 => vec(wanted(), 1..5).prop_map(Step::Take),
        1 => wanted().prop_map(Step::Look),
        3 => any::<prop::sample::Index>().prop_map(Step::GiveBack),
        4 => (0..18_u32, 1..1000_u64).prop_map(|(power, part)| Step::Wait((1 << power) * part)),
        1 => (0..5_usize, 0..3_usize).prop_map(|(counter, rule)| Step::Rule { counter, rule }),
        1 => (0..5_usize, prop::option::of(0..KEYS)).prop_map(|(counter, key)| Step::Reset { counter, key }),
    ];
    vec(step, 1..120)
}

struct Trial<'a> {
    shared: &'a RedisLimits,
    memory: MemoryLimits,
    clock: &'a Script,
    now: u64,
    rules: [usize; 5],
    /// What was demanded of each store.
    calls: Vec<(Vec<Demand>, Vec<Demand>)>,
}

impl Trial<'_> {
    fn time(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_micros(self.now)
    }

    async fn tell_time(&self) {
        let mut call = self.clock.call(&["{palisade}:clock"]);
        call.arg(self.now / 1_000_000).arg(self.now % 1_000_000);
        let () = self.shared.pool.run(call).await.expect("Redis answers");
    }

    fn counter(&self, store: &dyn LimitStore, counter: usize) -> Arc<LimitCounter> {
        let rule = RULES[counter][self.rules[counter]];
        Arc::new(LimitCounter::new(store, counter.to_string(), rule, 100))
    }

    fn demands(&self, store: &dyn LimitStore, wanted: &[Wanted]) -> Vec<Demand> {
        let demand = |wanted: &Wanted| {
            let counter = self.counter(store, wanted.counter);
            let mut demand = Demand::new(counter, key(wanted.key), wanted.units);
            // Where the period changes, what was counted once under the old one may be counted again.
            demand.once = wanted.once.filter(|_| wanted.counter != 3).map(|id| [id; 16]);
            demand.reports = wanted.reports;
            demand
        };
        wanted.iter().map(demand).collect()
    }

    async fn ask(&mut self, wanted: &[Wanted], takes: bool) -> Result<(), TestCaseError> {
        let (mut ours, mut theirs) = (
            self.demands(self.shared, wanted),
            self.demands(&self.memory, wanted),
        );
        for (store, demands) in [
            (self.shared as &dyn LimitStore, &mut ours),
            (&self.memory, &mut theirs),
        ] {
            let taking = if takes {
                store.take(demands, self.time())
            } else {
                store.look(demands, self.time())
            };
            taking.outcome().await.expect("the store answers");
        }
        for (ours, theirs) in ours.iter().zip(&theirs) {
            let (ours, theirs) = (&ours.standing, &theirs.standing);
            prop_assert_eq!(seen(ours), seen(theirs), "{:?} at {}", wanted, self.now);
            // Of several demands on one key, what times mean is no rule.
            if wanted.len() == 1 {
                let alike =
                    close(ours.resets_in, theirs.resets_in) && close(ours.retry_after, theirs.retry_after);
                prop_assert!(alike, "{:?} and {:?}: {:?} at {}", ours, theirs, wanted, self.now);
            }
        }
        if takes {
            self.calls.push((ours, theirs));
        }
        Ok(())
    }

    async fn follow(&mut self, step: Step) -> Result<(), TestCaseError> {
        match step {
            Step::Take(wanted) => self.ask(&wanted, true).await?,
            Step::Look(wanted) => self.ask(&[wanted], false).await?,
            Step::GiveBack(index) => {
                if self.calls.is_empty() {
                    return Ok(());
                }
                let (time, which) = (self.time(), index.index(self.calls.len()));
                let (ours, theirs) = &mut self.calls[which];
                let (shared, memory) = (self.shared, &self.memory);
                shared
                    .give_back(ours, time)
                    .outcome()
                    .await
                    .expect("Redis answers");
                memory
                    .give_back(theirs, time)
                    .outcome()
                    .await
                    .expect("memory answers");
            }
            Step::Wait(micros) => {
                self.now += micros;
                self.tell_time().await;
            }
            Step::Rule { counter, rule } => self.rules[counter] = rule,
            Step::Reset { counter, key: which } => {
                // Redis does not tell what is given back from before a reset from what was taken after it.
                self.calls.clear();
                for store in [self.shared as &dyn LimitStore, &self.memory] {
                    let of = self.counter(store, counter);
                    store.reset(&of, which.map(key)).await.expect("the store answers");
                }
            }
        }
        Ok(())
    }
}

fn key(number: u8) -> LimitKey {
    LimitKey::name(&number.to_string()).expect("it is short")
}

fn seen(standing: &Standing) -> (bool, u128, u128) {
    (standing.exceeded, standing.remaining, standing.taken)
}

/// When the interval changes, the part of a unit that is over may round to a nanosecond less.
fn close(one: Duration, other: Duration) -> bool {
    one.abs_diff(other) <= Duration::from_nanos(2)
}

/// Counters that go by a time they are told, and what tells it.
fn told_the_time(redis: &Redis) -> (RedisLimits, Script) {
    let mut config = RedisConfig::new(Secret::new(redis.url()));
    config.timeout = Duration::from_secs(20);
    config.connect_timeout = Duration::from_secs(20);
    let pool = RedisPool::open(&config, Arc::new(SystemClock::new())).expect("a good URL");
    let time = "redis.call('HMGET', '{palisade}:clock', 's', 'u')";
    let tell = Script::new("redis.call('HSET', KEYS[1], 's', ARGV[1], 'u', ARGV[2])");
    (RedisLimits::at_a_time_of(pool, time), tell)
}

#[tokio::test]
async fn a_share_that_goes_over_to_another_rule_is_told_at_every_nanosecond() {
    let Some(redis) = Redis::start() else { return };
    let (store, tell) = told_the_time(&redis);
    let at = async |seconds: u64, micros: u64| {
        let mut call = tell.call(&["{palisade}:clock"]);
        call.arg(seconds).arg(micros);
        let () = store.pool.run(call).await.expect("Redis answers");
    };
    let demand = |nanos: u64| {
        let counter = LimitCounter::new(&store, "rate", rate(5, nanos), 10);
        [Demand::new(Arc::new(counter), key(1), 1)]
    };
    at(1_850_000_000, 0).await;
    let mut demands = demand(1_469_667_703_338_660);
    let taking = store.take(&mut demands, UNIX_EPOCH);
    taking.outcome().await.expect("the answer is read");
    // Of the other unit 1795296754042347 nanoseconds and a part are over by now, in doubles. That it is whole the same part before a
    // second begins was told with ten digits in place of nine.
    at(1_850_669_335, 10_193).await;
    let mut demands = demand(3_941_956_743_849_347);
    let taking = store.look(&mut demands, UNIX_EPOCH);
    taking.outcome().await.expect("the answer is read");
    let standing = demands[0].standing;
    assert_eq!(standing.resets_in.as_nanos(), 2_146_659_989_807_000);
    assert_eq!(standing.window, 1_852_815_995_000_000_000);
}

#[test]
fn redis_and_memory_say_the_same_to_the_same_questions() {
    let Some(redis) = Redis::start() else { return };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let (shared, clock) = told_the_time(&redis);
    let mut runner = TestRunner::new(ProptestConfig::with_cases(150));
    let outcome = runner.run(&steps(), |steps| {
        runtime.block_on(async {
            redis.command(&["FLUSHALL"]);
            let mut trial = Trial {
                shared: &shared,
                memory: MemoryLimits::new(),
                clock: &clock,
                now: 1_800_000_000_000_000,
                rules: [0; 5],
                calls: Vec::new(),
            };
            trial.tell_time().await;
            for step in steps {
                trial.follow(step).await?;
            }
            Ok(())
        })
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
}
