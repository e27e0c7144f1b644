use std::collections::BTreeMap;
use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};

use palisade_core::Replay;
use proptest::prelude::*;
use rstest::rstest;

use super::{Full, Index};
use crate::identity::{Entry, MessageKey};

fn message(number: u64, expires: u64) -> Entry {
    let mut key = [0; 16];
    key[..8].copy_from_slice(&number.to_be_bytes());
    let key = MessageKey(key);
    Entry { key, expires }
}

/// One call, in a world of few messages and few seconds, so that they meet.
#[derive(Debug, Clone, Copy)]
enum Call {
    Burn {
        id: u64,
        expires: u64,
        skew: u64,
    },
    Withdraw {
        id: u64,
    },
    Reach {
        skew: u64,
    },
    Reclaim,
    /// The clock goes on, or back.
    Clock {
        now: u64,
    },
}

fn call() -> impl Strategy<Value = Call> {
    let skew = || prop_oneof![Just(0), Just(3), 0..40_u64];
    prop_oneof![
        16 => (0..24_u64, 0..60_u64, skew()).prop_map(|(id, expires, skew)| Call::Burn { id, expires, skew }),
        2 => (0..24_u64).prop_map(|id| Call::Withdraw { id }),
        1 => skew().prop_map(|skew| Call::Reach { skew }),
        2 => Just(Call::Reclaim),
        6 => (0..60_u64).prop_map(|now| Call::Clock { now }),
    ]
}

/// All that was ever accepted: the ends of each identifier. It takes nothing out, but for what was withdrawn.
#[derive(Debug, Default)]
struct Model {
    accepted: BTreeMap<u64, Vec<u64>>,
    reach: u64,
    /// Nothing that ends then or later can have been forgotten.
    horizon: u64,
}

impl Model {
    fn pass(&mut self, now: u64) {
        self.horizon = self.horizon.max(now.saturating_sub(self.reach));
    }

    fn latest(&self, id: u64) -> Option<u64> {
        self.accepted.get(&id).and_then(|ends| ends.iter().max().copied())
    }

    /// How many are live by this clock: what a table is full of.
    fn live(&self, now: u64) -> usize {
        let horizon = now.saturating_sub(self.reach);
        self.accepted
            .keys()
            .filter(|id| self.latest(**id) >= Some(horizon))
            .count()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn it_answers_as_a_memory_without_end_would(calls in prop::collection::vec(call(), 1..200), max in 1..12_usize) {
        let index = Index::new(max);
        let mut model = Model::default();
        let mut now = 0;
        for call in calls {
            match call {
                Call::Clock { now: new } => now = new,
                Call::Reach { skew } => {
                    index.reach(skew);
                    model.reach = model.reach.max(skew);
                }
                Call::Reclaim => {
                    index.reclaim(now);
                    model.pass(now);
                }
                // As a failed commit does: what it takes out was put in last.
                Call::Withdraw { id } => {
                    if let Some(expires) = model.accepted.get_mut(&id).and_then(Vec::pop) {
                        index.withdraw(message(id, expires));
                    }
                }
                Call::Burn { id, expires, skew } => {
                    model.reach = model.reach.max(skew);
                    model.pass(now);
                    let latest = model.latest(id);
                    let is_kept = latest >= Some(model.horizon);
                    match index.burn(message(id, expires), skew, now) {
                        Ok(Replay::Fresh) => {
                            prop_assert!(expires + skew >= now);
                            prop_assert!(!is_kept, "{latest:?} is accepted");
                            // Whatever skews and clocks did meanwhile, no message is accepted twice.
                            prop_assert!(latest < Some(expires));
                            model.accepted.entry(id).or_default().push(expires);
                        }
                        Ok(Replay::Seen) => prop_assert!(latest.is_some()),
                        // New messages are refused only if they are late, or as late as what was forgotten.
                        Ok(Replay::TooOld) => {
                            prop_assert!(!is_kept);
                            prop_assert!(expires + skew < now || expires < model.horizon);
                        }
                        Ok(answer) => prop_assert!(false, "{answer:?}"),
                        Err(Full) => prop_assert!(!is_kept && model.live(now) >= max),
                    }
                }
            }
            prop_assert!(index.len() <= max);
        }
    }
}

#[test]
fn a_larger_skew_opens_nothing() {
    let index = Index::new(10);
    assert_eq!(index.burn(message(1, 100), 300, 50), Ok(Replay::Fresh));
    for _ in 0..2 {
        assert_eq!(index.burn(message(1, 100), 3600, 450), Ok(Replay::Seen));
    }

    let index = Index::new(10);
    assert_eq!(index.burn(message(1, 100), 300, 50), Ok(Replay::Fresh));
    index.reclaim(450);
    assert_eq!(index.len(), 0);
    assert_eq!(index.burn(message(1, 100), 3600, 450), Ok(Replay::TooOld));
    assert_eq!(index.burn(message(2, 101), 3600, 450), Ok(Replay::Fresh));
}

#[test]
fn different_skews_at_once_refuse_nothing_new_once_they_are_known() {
    let index = Index::new(10);
    index.reach(3600);
    assert_eq!(index.burn(message(1, 100), 5, 50), Ok(Replay::Fresh));
    assert_eq!(index.burn(message(2, 400), 5, 390), Ok(Replay::Fresh));
    index.reclaim(1000);
    assert_eq!(index.len(), 2);
    assert_eq!(index.burn(message(3, 90), 3600, 1000), Ok(Replay::Fresh));
    assert_eq!(index.burn(message(1, 100), 3600, 1000), Ok(Replay::Seen));
    assert_eq!(index.burn(message(4, 90), 5, 1000), Ok(Replay::TooOld));
}

#[test]
fn a_full_table_refuses_and_forgets_nothing_before_its_time() {
    let index = Index::new(100);
    for number in 0..100 {
        assert_eq!(
            index.burn(message(number, 10 + number % 2), 0, 0),
            Ok(Replay::Fresh)
        );
    }
    assert_eq!(index.burn(message(100, 20), 0, 0), Err(Full));
    assert_eq!(
        index.burn(message(100, 20), 0, 10),
        Err(Full),
        "10 is the last second of half of them"
    );
    assert_eq!(
        index.burn(message(7, 20), 0, 10),
        Ok(Replay::Seen),
        "a known message is known also then"
    );
    for number in 100..150 {
        assert_eq!(index.burn(message(number, 20), 0, 11), Ok(Replay::Fresh));
    }
    assert_eq!(index.burn(message(150, 20), 0, 11), Err(Full));
    assert_eq!(index.len(), 100);
}

#[test]
fn a_clock_that_goes_back_opens_nothing() {
    let index = Index::new(10);
    assert_eq!(index.burn(message(1, 100), 0, 50), Ok(Replay::Fresh));
    index.reclaim(1_000);
    assert_eq!(index.len(), 0);
    assert_eq!(index.burn(message(1, 100), 0, 50), Ok(Replay::TooOld));
    assert_eq!(
        index.burn(message(2, 1_060), 0, 1_000),
        Ok(Replay::Fresh),
        "it goes on working"
    );
}

#[test]
fn a_message_may_come_again_after_it_was_forgotten_or_withdrawn() {
    let index = Index::new(10);
    assert_eq!(index.burn(message(1, 100), 0, 50), Ok(Replay::Fresh));
    assert_eq!(index.burn(message(1, 200), 0, 100), Ok(Replay::Seen));
    assert_eq!(index.burn(message(1, 200), 0, 101), Ok(Replay::Fresh));
    index.withdraw(message(1, 200));
    assert_eq!(index.len(), 0);
    assert_eq!(index.burn(message(1, 200), 0, 101), Ok(Replay::Fresh));
}

#[test]
fn what_is_restored_counts_and_may_be_more_than_there_is_room_for() {
    let index = Index::new(2);
    for number in 0..3 {
        index.restore(message(number, 100));
    }
    index.restore_forgotten(90);
    assert_eq!(index.len(), 3);
    assert_eq!(index.burn(message(0, 100), 0, 50), Ok(Replay::Seen));
    assert_eq!(index.burn(message(3, 100), 0, 50), Err(Full));
    assert_eq!(index.burn(message(3, 90), 0, 50), Ok(Replay::TooOld));
    assert_eq!(index.burn(message(3, 200), 0, 101), Ok(Replay::Fresh));
}

#[test]
fn of_many_at_once_exactly_one_is_fresh_and_the_bound_holds() {
    const THREADS: usize = 50;
    const MESSAGES: u64 = 200;
    const ROOM: usize = 150;
    let index = Index::new(ROOM);
    let fresh: Vec<AtomicUsize> = (0..MESSAGES).map(|_| AtomicUsize::new(0)).collect();
    let barrier = Barrier::new(THREADS);
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                barrier.wait();
                for (number, fresh) in (0..).zip(&fresh) {
                    if index.burn(message(number, 100), 0, 50) == Ok(Replay::Fresh) {
                        fresh.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    let fresh: Vec<usize> = fresh.iter().map(|count| count.load(Ordering::Relaxed)).collect();
    assert!(fresh.iter().all(|count| *count <= 1), "{fresh:?}");
    assert_eq!(fresh.iter().sum::<usize>(), ROOM);
    assert_eq!(index.len(), ROOM);
}

#[test]
fn it_is_never_full_while_something_is_due() {
    const ROOM: u64 = 500;
    let index = Index::new(usize::try_from(ROOM).unwrap());
    let refused = AtomicUsize::new(0);
    // Each second all that came in the second before is due.
    for now in 1..20_u64 {
        std::thread::scope(|scope| {
            for thread in 0..10 {
                let (index, refused) = (&index, &refused);
                scope.spawn(move || {
                    for number in 0..ROOM / 10 {
                        let id = (now * 10 + thread) * ROOM + number;
                        if index.burn(message(id, now), 0, now).is_err() {
                            refused.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                });
            }
        });
    }
    assert_eq!(refused.load(Ordering::Relaxed), 0);
}

/// As messages of five minutes come, with a few thousand in each second; and the worst that senders can do.
#[rstest]
#[case::many_in_a_second(2_000, 128)]
#[case::each_in_a_second_of_its_own(1, 256)]
fn an_entry_takes_few_bytes(#[case] in_a_second: u64, #[case] bytes: i64) {
    const ENTRIES: u64 = 100_000;
    let index = Index::new(usize::try_from(ENTRIES).unwrap());
    let info = allocation_counter::measure(|| {
        for number in 0..ENTRIES {
            let last = 300 + number / in_a_second;
            assert_eq!(index.burn(message(number, last), 0, 0), Ok(Replay::Fresh));
        }
    });
    let each = info.bytes_current / i64::try_from(ENTRIES).unwrap();
    assert!(each < bytes, "{each} bytes each");
}
