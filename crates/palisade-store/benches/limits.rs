//! What it costs to count a request: `cargo bench -p palisade-store --bench limits`.
//!
//! The check of one limit in memory beside that of `governor`, for the same keys and in turn, each with its own clock: times, their
//! ratio, and how often memory was asked for. Then the bytes of a key, with a million of them.

use std::hint::black_box;
use std::io::{self, Write as _};
use std::num::NonZeroU32;
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
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

fn check_governor(limiter: &DefaultKeyedRateLimiter<LimitKey>, keys: &[LimitKey]) {
    for key in keys {
        let _ = black_box(limiter.check_key(black_box(key)));
    }
}

fn check_ours(store: &dyn LimitStore, counter: &Arc<LimitCounter>, clock: &SystemClock, keys: &[LimitKey]) {
    let mut demands = [Demand::new(Arc::clone(counter), LimitKey::EVERYBODY, 1)];
    for key in keys {
        for demand in &mut demands {
            demand.key = *black_box(key);
        }
        let taking = store.take(black_box(&mut demands), clock.now());
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

fn compare(what: &str, plenty: Plenty, keys: usize, threads: usize) {
    // Each thread begins elsewhere, and jumps about as callers do.
    let orders: Vec<Vec<LimitKey>> = (0..threads)
        .map(|thread| {
            (0..CHECKS)
                .map(|n| key((n * 7919 + thread * keys / 2) % keys))
                .collect()
        })
        .collect();
    let limiter = RateLimiter::keyed(plenty.governor());
    let (store, clock) = (MemoryLimits::new(), SystemClock::new());
    let counter = Arc::new(LimitCounter::new(&store, "bench", plenty.ours(), MANY));
    let bare = |thread: usize| {
        if let Some(keys) = orders.get(thread) {
            check_governor(&limiter, keys);
        }
    };
    let ours = |thread: usize| {
        if let Some(keys) = orders.get(thread) {
            check_ours(&store, &counter, &clock, keys);
        }
    };
    bare(0);
    ours(0);
    let (mut best_bare, mut best_ours) = (f64::MAX, f64::MAX);
    for _ in 0..ROUNDS {
        best_bare = best_bare.min(time(threads, &bare));
        best_ours = best_ours.min(time(threads, &ours));
    }
    let asked = allocation_counter::measure(|| ours(0)).count_total;
    let ratio = best_ours / best_bare;
    let verdict = if ratio <= GOAL { "met" } else { "MISSED" };
    say(&format!(
        "{what}, {keys} keys, {threads} threads: governor {best_bare:.0} ns, ours {best_ours:.0} ns, ratio {ratio:.2} \
         (goal {GOAL}: {verdict}), {} allocations in {CHECKS} checks",
        asked.saturating_sub(1).min(asked)
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
