use std::collections::BTreeMap;
use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};

use palisade_core::Replay;
use proptest::prelude::*;
use rstest::rstest;

use super::{Full, Index};
use crate::identity::MessageKey;

fn key(number: u64) -> MessageKey {
    let mut key = [0; 16];
    key[..8].copy_from_slice(&number.to_be_bytes());
    MessageKey(key)
}

/// One call, in a world of few messages and few seconds, so that they meet.
#[derive(Debug, Clone, Copy)]
enum Call {
    Burn {
        message: u64,
        last: u64,
    },
    Withdraw {
        message: u64,
    },
    Reclaim,
    /// The clock goes on, or back.
    Clock {
        now: u64,
    },
}

fn call() -> impl Strategy<Value = Call> {
    prop_oneof![
        8 => (0..24_u64, 0..60_u64).prop_map(|(message, last)| Call::Burn { message, last }),
        1 => (0..24_u64).prop_map(|message| Call::Withdraw { message }),
        1 => Just(Call::Reclaim),
        3 => (0..60_u64).prop_map(|now| Call::Clock { now }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// The model never takes anything out: it knows all that was ever accepted.
    #[test]
    fn it_answers_as_a_memory_without_end_would(calls in prop::collection::vec(call(), 1..200), max in 1..12_usize) {
        let index = Index::new(max);
        let mut model: BTreeMap<u64, u64> = BTreeMap::new();
        let (mut now, mut latest) = (0, 0);
        for call in calls {
            match call {
                Call::Clock { now: new } => now = new,
                Call::Reclaim => index.reclaim(now),
                Call::Withdraw { message } => {
                    if let Some(last) = model.remove(&message) {
                        index.withdraw(key(message), last);
                    }
                }
                Call::Burn { message, last } => {
                    let live = model.values().filter(|last| **last >= now).count();
                    let accepted = model.get(&message).is_some_and(|known| *known >= now);
                    match index.burn(key(message), last, now) {
                        Ok(Replay::Fresh) => {
                            prop_assert!(last >= now);
                            prop_assert!(model.get(&message).is_none_or(|known| *known < now || *known != last));
                            // What it forgot before the clock went back takes no room, and its identifier may come again
                            // in another message.
                            prop_assert!(now < latest || (!accepted && live < max));
                            model.insert(message, last);
                        }
                        Ok(Replay::Seen) => prop_assert!(accepted),
                        // A message is told from a forgotten one unless the clock went back.
                        Ok(Replay::TooOld) => prop_assert!(last < now || now < latest),
                        Ok(answer) => prop_assert!(false, "{answer:?}"),
                        Err(Full) => prop_assert!(live >= max && (now < latest || !accepted)),
                    }
                }
            }
            latest = latest.max(now);
            prop_assert!(index.len() <= max);
        }
    }
}

#[test]
fn a_full_table_refuses_and_forgets_nothing_before_its_time() {
    let index = Index::new(100);
    for number in 0..100 {
        assert_eq!(index.burn(key(number), 10 + number % 2, 0), Ok(Replay::Fresh));
    }
    assert_eq!(index.burn(key(100), 20, 0), Err(Full));
    assert_eq!(
        index.burn(key(100), 20, 10),
        Err(Full),
        "10 is the last second of half of them"
    );
    assert_eq!(
        index.burn(key(7), 20, 10),
        Ok(Replay::Seen),
        "a known message is known also then"
    );
    for number in 100..150 {
        assert_eq!(index.burn(key(number), 20, 11), Ok(Replay::Fresh));
    }
    assert_eq!(index.burn(key(150), 20, 11), Err(Full));
    assert_eq!(index.len(), 100);
}

#[test]
fn a_clock_that_goes_back_opens_nothing() {
    let index = Index::new(10);
    assert_eq!(index.burn(key(1), 100, 50), Ok(Replay::Fresh));
    index.reclaim(1_000);
    assert_eq!(index.len(), 0);
    assert_eq!(index.burn(key(1), 100, 50), Ok(Replay::TooOld));
    assert_eq!(
        index.burn(key(2), 1_060, 1_000),
        Ok(Replay::Fresh),
        "it goes on working"
    );
}

#[test]
fn a_message_may_come_again_after_it_was_forgotten_or_withdrawn() {
    let index = Index::new(10);
    assert_eq!(index.burn(key(1), 100, 50), Ok(Replay::Fresh));
    assert_eq!(index.burn(key(1), 200, 100), Ok(Replay::Seen));
    assert_eq!(index.burn(key(1), 200, 101), Ok(Replay::Fresh));
    index.withdraw(key(1), 200);
    assert_eq!(index.len(), 0);
    assert_eq!(index.burn(key(1), 200, 101), Ok(Replay::Fresh));
}

#[test]
fn what_is_restored_counts_and_may_be_more_than_there_is_room_for() {
    let index = Index::new(2);
    for number in 0..3 {
        index.restore(key(number), 100);
    }
    index.restore_forgotten(90);
    assert_eq!(index.len(), 3);
    assert_eq!(index.burn(key(0), 100, 50), Ok(Replay::Seen));
    assert_eq!(index.burn(key(3), 100, 50), Err(Full));
    assert_eq!(index.burn(key(3), 90, 50), Ok(Replay::TooOld));
    assert_eq!(index.burn(key(3), 200, 101), Ok(Replay::Fresh));
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
                    if index.burn(key(number), 100, 50) == Ok(Replay::Fresh) {
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
                        let message = key((now * 10 + thread) * ROOM + number);
                        if index.burn(message, now, now).is_err() {
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
            assert_eq!(index.burn(key(number), last, 0), Ok(Replay::Fresh));
        }
    });
    let each = info.bytes_current / i64::try_from(ENTRIES).unwrap();
    assert!(each < bytes, "{each} bytes each");
}
