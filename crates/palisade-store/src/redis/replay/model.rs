//! No message is accepted twice, whatever skews, and the clock of Redis, do; and what is new is accepted.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use palisade_core::{Replay, ReplayStore, Secret, SeenMessage, SystemClock};
use palisade_test::redis::Redis;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::TestRunner;

use super::{Inner, RedisReplay};
use crate::redis::script::Script;
use crate::{RedisConfig, RedisPool};

/// Far in the future of the clock by which Redis forgets, which goes on meanwhile.
const BEGIN: u64 = 4_000_000_000;
const SKEWS: [u64; 4] = [0, 3, 20, 90];

/// A message is its identifier and its end: a sender may give an identifier to another one.
type Sent = (u8, u64);

#[derive(Debug, Clone)]
enum Call {
    /// A new message, perhaps.
    Send { message: Sent, skew: u64 },
    /// One of those that were accepted, again.
    Again { which: Index, skew: u64 },
    /// The clock goes on, or back.
    Clock { now: u64 },
}

fn calls() -> impl Strategy<Value = Vec<Call>> {
    let skew = || prop::sample::select(&SKEWS[..]);
    let call = prop_oneof![
        6 => ((0..40_u8, 0..200_u64), skew()).prop_map(|(message, skew)| Call::Send { message, skew }),
        6 => (any::<Index>(), skew()).prop_map(|(which, skew)| Call::Again { which, skew }),
        3 => (0..300_u64).prop_map(|now| Call::Clock { now }),
    ];
    vec(call, 1..120)
}

#[derive(Debug, Default)]
struct Past {
    accepted: BTreeSet<Sent>,
    now: u64,
    /// The latest time there was, and the largest skew.
    latest: u64,
    reach: u64,
}

impl Past {
    /// Asks as an interceptor does: only for messages that it would accept for their age.
    async fn ask(&mut self, memory: &RedisReplay, message: Sent, skew: u64) -> Result<(), TestCaseError> {
        let (id, end) = message;
        if self.now > end + skew {
            return Ok(());
        }
        let at = |seconds: u64| UNIX_EPOCH + Duration::from_secs(BEGIN + seconds);
        let seen = SeenMessage {
            sender: &[7; 32],
            id: &id.to_string(),
            issued_at: at(1000),
            expires_at: at(end),
            max_clock_skew: Duration::from_secs(skew),
            now: at(self.now),
        };
        let answer = memory.burn(seen).await.expect("Redis answers");
        self.reach = self.reach.max(skew);
        match answer {
            Replay::Fresh => prop_assert!(self.accepted.insert(message), "{:?} is accepted twice", message),
            Replay::Seen => prop_assert!(
                self.accepted.iter().any(|(known, _)| *known == id),
                "{:?}",
                message
            ),
            // Only where one that ended no earlier may have been forgotten.
            Replay::TooOld => {
                let forgotten = |(_, other): &Sent| *other >= end && *other < self.latest;
                prop_assert!(self.accepted.iter().any(forgotten), "{:?}", message);
            }
            _ => prop_assert!(false, "{:?}", answer),
        }
        Ok(())
    }
}

#[test]
fn no_message_is_accepted_twice_and_none_is_refused_without_a_reason() {
    let Some(redis) = Redis::start() else { return };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let mut config = RedisConfig::new(Secret::new(redis.url()));
    config.timeout = Duration::from_secs(20);
    config.connect_timeout = Duration::from_secs(20);
    let pool = RedisPool::open(&config, Arc::new(SystemClock::new())).expect("a good URL");
    let clock = Script::new("redis.call('SET', KEYS[1], ARGV[1])");
    let mut runner = TestRunner::new(ProptestConfig::with_cases(150));
    let outcome = runner.run(&calls(), |calls| {
        runtime.block_on(async {
            redis.command(&["FLUSHALL"]);
            let memory = RedisReplay::new(pool.clone(), 1000);
            let inner = Inner {
                script: Script::new(
                    super::REPLAY.replace("redis.call('TIME')", "{redis.call('GET', '{palisade}:clock'), 0}"),
                ),
                ..Arc::into_inner(memory.0).expect("it is not shared yet")
            };
            let memory = RedisReplay(Arc::new(inner));
            let mut past = Past::default();
            let tell = |now: u64| {
                let mut call = clock.call(&["{palisade}:clock"]);
                call.arg(BEGIN + now);
                pool.run::<()>(call)
            };
            tell(0).await.expect("Redis answers");
            memory.begin().await.expect("Redis answers");
            for call in calls {
                match call {
                    Call::Send { message, skew } => past.ask(&memory, message, skew).await?,
                    Call::Again { which, skew } => {
                        let known: Vec<Sent> = past.accepted.iter().copied().collect();
                        if !known.is_empty() {
                            past.ask(&memory, *which.get(&known), skew).await?;
                        }
                    }
                    Call::Clock { now } => {
                        past.now = now;
                        past.latest = past.latest.max(now);
                        tell(now).await.expect("Redis answers");
                    }
                }
            }
            Ok(())
        })
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
}
