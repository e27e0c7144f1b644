//! What it costs to count a request: `cargo bench -p palisade-store --bench limits`.
//!
//! The check of one limit in memory beside that of `governor`, for the same keys and in turn, each with its own clock: times, their
//! ratio, and how often memory was asked for. Then the bytes of a key, with a million of them.

use std::hint::black_box;
use std::io::{self, Write as _};
use std::num::NonZeroU32;
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use governor::middleware::NoOpMiddleware;
use governor::state::keyed::DefaultKeyedStateStore;
use governor::{Quota, RateLimiter, clock};
use palisade_core::{
    Clock, Demand, LimitCounter, LimitKey, LimitRule, LimitStore, SystemClock, Taking, WindowKind,
};
use palisade_store::MemoryLimits;

/// How many checks are timed at once.
const CHECKS: usize = 400_000;
/// How often each side is timed; the best counts.
const ROUNDS: usize = 15;
/// How many keys are measured for their size.
const MANY: usize = 1_000_000;

const GOAL: f64 = 1.3;

fn say(line: &str) {
    // Whoever closed the pipe does not want to know.
    let _ = writeln!(io::stdout(), "{line}");
}

fn key(number: usize) -> LimitKey {
    LimitKey::name(&format!("caller-{number:010}")).unwrap_or(LimitKey::UNKNOWN)
}

/// The same rule for both: so much that nothing is refused, or so little that everything is.
#[derive(Clone, Copy)]
struct Plenty(bool);

impl Plenty {
    fn governor(self) -> Quota {
        if self.0 {
            Quota::per_second(NonZeroU32::MAX)
        } else {
            Quota::per_hour(NonZeroU32::MIN)
        }
    }

    fn ours(self) -> LimitRule {
        if self.0 {
            LimitRule::Rate {
                burst: u32::MAX.into(),
                interval: Duration::from_nanos(1),
            }
        } else {
            LimitRule::Rate {
                burst: 1,
                interval: Duration::from_secs(3600),
            }
        }
    }
}

fn check_governor<C: clock::Clock>(
    limiter: &RateLimiter<LimitKey, DefaultKeyedStateStore<LimitKey>, C, NoOpMiddleware<C::Instant>>,
    keys: &[LimitKey],
) {
    for key in keys {
        let _ = black_box(limiter.check_key(black_box(key)));
    }
}

/// With a look at the clock for each check, or all at one time, as the limits of a request share its time.
fn check_ours(
    store: &dyn LimitStore,
    counter: &Arc<LimitCounter>,
    now: impl Fn() -> SystemTime,
    keys: &[LimitKey],
) {
    let mut demands = [Demand::new(Arc::clone(counter), LimitKey::EVERYBODY, 1)];
    for key in keys {
        for demand in &mut demands {
            demand.key = *black_box(key);
        }
        let taking = store.take(black_box(&mut demands), now());
        assert!(matches!(taking, Taking::Done(Ok(()))), "{taking:?}");
    }
}

/// The time of one check, where so many threads make as many each.
fn time(threads: usize, work: &(dyn Fn(usize) + Sync)) -> f64 {
    let barrier = Barrier::new(threads + 1);
    let begin = thread::scope(|scope| {
        for number in 0..threads {
            let barrier = &barrier;
            scope.spawn(move || {
                barrier.wait();
                work(number);
            });
        }
        barrier.wait();
        Instant::now()
    });
    #[expect(clippy::cast_precision_loss, reason = "for people")]
    let checks = CHECKS as f64;
    begin.elapsed().as_secs_f64() * 1e9 / checks
}

/// Governor with the clock it has by itself, and with the time of day, beside ours, which goes by the time of day.
fn compare(what: &str, plenty: Plenty, keys: usize, threads: usize) {
    // Each thread begins elsewhere, and jumps about as callers do.
    let orders: Vec<Vec<LimitKey>> = (0..threads)
        .map(|thread| {
            (0..CHECKS)
                .map(|number| key((number * 7919 + thread * keys / 2) % keys))
                .collect()
        })
        .collect();
    let keys_of = |thread: usize| orders.get(thread).map_or(&[][..], Vec::as_slice);
    let state = DefaultKeyedStateStore::default;
    let own_clock = RateLimiter::new(plenty.governor(), state(), clock::DefaultClock::default());
    let time_of_day: RateLimiter<_, _, _, NoOpMiddleware<SystemTime>> =
        RateLimiter::new(plenty.governor(), state(), clock::SystemClock);
    let (store, clock) = (MemoryLimits::new(), SystemClock::new());
    let counter = Arc::new(LimitCounter::new(&store, "bench", plenty.ours(), MANY));
    let now = clock.now();
    let sides: [&(dyn Fn(usize) + Sync); 4] = [
        &|thread| check_governor(&own_clock, keys_of(thread)),
        &|thread| check_governor(&time_of_day, keys_of(thread)),
        &|thread| check_ours(&store, &counter, || clock.now(), keys_of(thread)),
        &|thread| check_ours(&store, &counter, || now, keys_of(thread)),
    ];
    let mut best = [f64::MAX; 4];
    for _ in 0..ROUNDS {
        for (best, side) in best.iter_mut().zip(sides) {
            *best = best.min(time(threads, side));
        }
    }
    let asked = allocation_counter::measure(|| check_ours(&store, &counter, || now, keys_of(0))).count_total;
    let [own, by_day, ours, given] = best;
    let verdict = |ratio: f64| if ratio <= GOAL { "met" } else { "MISSED" };
    say(&format!(
        "{what}, {keys} keys, {threads} threads, {asked} allocations:"
    ));
    for (side, ours, theirs) in [
        ("each asks for the time of day", ours, by_day),
        (
            "ours is told the time of the request, governor asks its own clock",
            given,
            own,
        ),
        ("ours asks for the time of day, governor its own clock", ours, own),
    ] {
        let ratio = ours / theirs;
        say(&format!(
            "  {side}: ours {ours:.0} ns, governor {theirs:.0} ns, ratio {ratio:.2} ({})",
            verdict(ratio)
        ));
    }
}

fn clocks() {
    let clock = SystemClock::new();
    let read = |_| {
        for _ in 0..CHECKS {
            black_box(clock.now());
        }
    };
    say(&format!(
        "the time of day: {:.0} ns; the goal is a ratio of {GOAL}",
        time(1, &read)
    ));
}

fn bytes(what: &str, rule: LimitRule) {
    let store = MemoryLimits::new();
    let counter = Arc::new(LimitCounter::new(&store, "bench", rule, MANY));
    let now = SystemClock::new().now();
    let mut demands = [Demand::new(counter, LimitKey::EVERYBODY, 1)];
    let info = allocation_counter::measure(|| {
        for number in 0..MANY {
            for demand in &mut demands {
                demand.key = key(number);
            }
            assert!(matches!(store.take(&mut demands, now), Taking::Done(Ok(()))));
        }
    });
    let many = i64::try_from(MANY).unwrap_or(i64::MAX);
    say(&format!(
        "{what}, {MANY} keys: {} bytes each, {} at most while it grew",
        info.bytes_current / many,
        info.bytes_max / MANY as u64
    ));
}

fn main() {
    clocks();
    for threads in [1, 2] {
        for keys in [1, 100_000] {
            compare("accepted", Plenty(true), keys, threads);
        }
    }
    compare("refused", Plenty(false), 100_000, 1);
    bytes("rate", Plenty(false).ours());
    let period = Duration::from_secs(86_400);
    for kind in [WindowKind::Calendar, WindowKind::Sliding] {
        let limit = 1_000_000;
        bytes(
            &format!("{kind:?} window"),
            LimitRule::Window { limit, period, kind },
        );
    }
}
