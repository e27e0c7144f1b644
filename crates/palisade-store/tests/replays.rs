//! No message is accepted twice, whatever skews, clocks and restarts do; and what is new is accepted.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use palisade_core::{Replay, ReplayStore, SeenMessage};
use palisade_store::{EmbeddedReplay, EmbeddedReplayConfig, MemoryReplay};
use proptest::prelude::*;
use rstest::rstest;

/// The messages live in a world of a few seconds, told in quarters.
fn at(quarters: u64) -> SystemTime {
    UNIX_EPOCH + span(quarters)
}

fn span(quarters: u64) -> Duration {
    Duration::from_millis(250 * quarters)
}

/// A message is its identifier and its end: a sender may give an identifier to another one.
type Sent = (u8, u64);

#[derive(Debug, Clone, Copy)]
enum Call {
    /// A new message.
    Send {
        message: Sent,
        skew: u64,
    },
    /// One of those that were accepted, again.
    Again {
        which: prop::sample::Index,
        skew: u64,
    },
    /// The clock goes on, or back.
    Clock {
        now: u64,
    },
    Reclaim,
    /// The process ends, and another begins.
    Restart,
}

const SKEWS: [u64; 4] = [0, 3, 20, 90];

fn call() -> impl Strategy<Value = Call> {
    let skew = || prop::sample::select(&SKEWS[..]);
    prop_oneof![
        6 => ((0..40_u8, 0..200_u64), skew()).prop_map(|(message, skew)| Call::Send { message, skew }),
        6 => (any::<prop::sample::Index>(), skew()).prop_map(|(which, skew)| Call::Again { which, skew }),
        3 => (0..300_u64).prop_map(|now| Call::Clock { now }),
        1 => Just(Call::Reclaim),
        1 => Just(Call::Restart),
    ]
}

/// A memory, and how it goes on after a restart.
trait Memory: ReplayStore + Sized {
    fn begin(folder: &Path) -> Self;
    fn forget(&self, now: SystemTime);
    /// After a restart; one that ends with its process goes on.
    fn again(self, folder: &Path) -> Self;
}

impl Memory for MemoryReplay {
    fn begin(_: &Path) -> Self {
        Self::new(1000, UNIX_EPOCH)
    }

    fn forget(&self, now: SystemTime) {
        self.reclaim(now);
    }

    fn again(self, _: &Path) -> Self {
        self
    }
}

impl Memory for EmbeddedReplay {
    fn begin(folder: &Path) -> Self {
        Self::open(&EmbeddedReplayConfig::new(folder)).unwrap()
    }

    fn forget(&self, now: SystemTime) {
        self.reclaim(now);
    }

    fn again(self, folder: &Path) -> Self {
        drop(self);
        Self::begin(folder)
    }
}

/// What is known of the past, without an end.
#[derive(Debug, Default)]
struct Past {
    accepted: BTreeSet<Sent>,
    /// The latest end that may have been forgotten, in whole seconds: later ones cannot have been.
    horizon: u64,
}

/// Asks as an interceptor does: only for messages that it would accept for their age.
async fn ask(
    memory: &impl ReplayStore,
    (id, expires): Sent,
    skew: u64,
    now: u64,
) -> Result<Option<Replay>, TestCaseError> {
    if now > expires + skew {
        return Ok(None);
    }
    let seen = SeenMessage {
        sender: &[7; 32],
        id: &id.to_string(),
        issued_at: at(now),
        expires_at: at(expires),
        max_clock_skew: span(skew),
        now: at(now),
    };
    let answer = memory.burn(seen).await;
    answer
        .map(Some)
        .map_err(|error| TestCaseError::fail(error.to_string()))
}

async fn run<M: Memory>(calls: Vec<Call>, said: Option<u64>) -> Result<(), TestCaseError> {
    let folder = tempfile::tempdir().unwrap();
    let mut memory = M::begin(folder.path());
    let (mut past, mut now, mut reach) = (Past::default(), 0, said.unwrap_or(0));
    memory.remember_for(span(reach));
    for call in calls {
        let (message, skew) = match call {
            Call::Clock { now: new } => {
                now = new;
                continue;
            }
            Call::Restart => {
                memory = memory.again(folder.path());
                reach = said.unwrap_or(0);
                memory.remember_for(span(reach));
                continue;
            }
            Call::Reclaim => {
                past.horizon = past.horizon.max(horizon(now, reach));
                memory.forget(at(now));
                continue;
            }
            Call::Send { message, skew } => (message, skew),
            Call::Again { which, skew } => {
                let accepted: Vec<Sent> = past.accepted.iter().copied().collect();
                if accepted.is_empty() {
                    continue;
                }
                (*which.get(&accepted), skew)
            }
        };
        let Some(answer) = ask(&memory, message, skew, now).await? else {
            continue;
        };
        reach = reach.max(skew);
        past.horizon = past.horizon.max(horizon(now, reach));
        let is_new = !past.accepted.iter().any(|(id, _)| *id == message.0);
        match answer {
            Replay::Fresh => prop_assert!(past.accepted.insert(message), "accepted twice"),
            Replay::Seen => prop_assert!(!is_new, "taken for another"),
            answer => {
                prop_assert_eq!(answer, Replay::TooOld);
                prop_assert!(
                    message.1.div_ceil(4) < past.horizon,
                    "nothing so late was forgotten"
                );
            }
        }
    }
    Ok(())
}

/// What ends before that second may be forgotten.
fn horizon(now: u64, reach: u64) -> u64 {
    (now / 4).saturating_sub(reach.div_ceil(4))
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(work)
}

fn said() -> impl Strategy<Value = Option<u64>> {
    prop_oneof![Just(None), Just(Some(20)), Just(Some(90))]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn in_memory_no_message_is_accepted_twice(calls in prop::collection::vec(call(), 1..200), said in said()) {
        block_on(run::<MemoryReplay>(calls, said))?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn on_disk_no_message_is_accepted_twice(calls in prop::collection::vec(call(), 1..80), said in said()) {
        block_on(run::<EmbeddedReplay>(calls, said))?;
    }
}

fn message(id: &str, expires: u64, skew: u64, now: u64) -> SeenMessage<'_> {
    SeenMessage {
        sender: &[7; 32],
        id,
        issued_at: at(4 * now),
        expires_at: at(4 * expires),
        max_clock_skew: span(4 * skew),
        now: at(4 * now),
    }
}

/// A message that ends at 100 is accepted with a skew of 300, and comes again at 450 with one of 3600.
async fn a_larger_skew_opens_nothing<M: Memory>(others: bool, restart: bool) {
    let folder = tempfile::tempdir().unwrap();
    let mut memory = M::begin(folder.path());
    assert_eq!(
        memory.burn(message("a", 100, 300, 50)).await.unwrap(),
        Replay::Fresh
    );
    if others {
        for id in 0..40 {
            let id = format!("other-{id}");
            assert_eq!(
                memory.burn(message(&id, 500, 300, 450)).await.unwrap(),
                Replay::Fresh
            );
        }
        memory.forget(at(4 * 450));
    }
    if restart {
        memory = memory.again(folder.path());
    }
    // What is left of it is known, and what was forgotten is too old.
    let answer = if others { Replay::TooOld } else { Replay::Seen };
    for _ in 0..3 {
        assert_eq!(memory.burn(message("a", 100, 3600, 450)).await.unwrap(), answer);
    }
    assert_eq!(
        memory.burn(message("b", 101, 3600, 450)).await.unwrap(),
        Replay::Fresh
    );
}

#[rstest]
#[tokio::test]
async fn a_larger_skew_opens_nothing_in_memory(#[values(false, true)] others: bool) {
    a_larger_skew_opens_nothing::<MemoryReplay>(others, false).await;
}

#[rstest]
#[tokio::test]
async fn a_larger_skew_opens_nothing_on_disk(
    #[values(false, true)] others: bool,
    #[values(false, true)] restart: bool,
) {
    a_larger_skew_opens_nothing::<EmbeddedReplay>(others, restart).await;
}

/// One that permits 5 seconds and one that permits an hour share a memory: a partner whose clock is slow gets through.
async fn late_messages_that_are_new_are_accepted<M: Memory>() {
    let folder = tempfile::tempdir().unwrap();
    let mut memory = M::begin(folder.path());
    memory.remember_for(span(4 * 3600));
    for second in 0..60 {
        let now = 10_000 + 20 * second;
        if second % 20 == 19 {
            memory = memory.again(folder.path());
            memory.remember_for(span(4 * 3600));
        }
        memory.forget(at(4 * now));
        let (strict, late) = (format!("strict-{second}"), format!("late-{second}"));
        let (strict, late) = (
            message(&strict, now + 10, 5, now),
            message(&late, now - 3500, 3600, now),
        );
        for message in [strict, late] {
            assert_eq!(memory.burn(message).await.unwrap(), Replay::Fresh);
            assert_eq!(memory.burn(message).await.unwrap(), Replay::Seen);
        }
    }
}

#[tokio::test]
async fn late_messages_that_are_new_are_accepted_in_memory() {
    late_messages_that_are_new_are_accepted::<MemoryReplay>().await;
}

#[tokio::test]
async fn late_messages_that_are_new_are_accepted_on_disk() {
    late_messages_that_are_new_are_accepted::<EmbeddedReplay>().await;
}
