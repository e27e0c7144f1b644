//! Accepted messages that servers share in Redis: each is accepted once, also by a Redis that forgot.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use palisade_core::{
    Clock as _, Replay, ReplayError, ReplayStore, Secret, SeenMessage, SharedReplay, SystemClock,
};
use palisade_store::{RedisConfig, RedisPool, RedisReplay};
use palisade_test::redis::{Data, Redis, start_cluster};
use tokio::task::JoinSet;

/// No answer is missed where the machine is busy.
const PATIENCE: Duration = Duration::from_secs(20);
const ABOUT: &str = "{palisade}:replay:about";

fn memory(redis: &Redis, max_entries: usize) -> RedisReplay {
    over(RedisConfig::new(Secret::new(redis.url())), max_entries)
}

fn over(mut config: RedisConfig, max_entries: usize) -> RedisReplay {
    config.timeout = PATIENCE;
    config.connect_timeout = PATIENCE;
    let pool = RedisPool::open(&config, Arc::new(SystemClock::new())).unwrap();
    RedisReplay::new(pool, max_entries)
}

/// The time of this machine, which is Redis's.
fn now() -> SystemTime {
    SystemClock::new().now()
}

fn message(id: &str, issued_at: SystemTime) -> SeenMessage<'_> {
    SeenMessage {
        sender: &[7; 32],
        id,
        issued_at,
        expires_at: issued_at + Duration::from_secs(300),
        max_clock_skew: Duration::from_secs(300),
        now: issued_at,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_fifty_calls_over_three_pools_one_is_fresh() {
    let Some(redis) = Redis::start() else { return };
    let memories: [RedisReplay; 3] = std::array::from_fn(|_| memory(&redis, 1000));
    memories[0].begin().await.unwrap();
    for id in ["one", "two", "three"] {
        let issued = now();
        let mut tasks = JoinSet::new();
        for number in 0..50 {
            let memory = memories[number % 3].clone();
            tasks.spawn(async move { memory.burn(message(id, issued)).await.unwrap() });
        }
        let answers = tasks.join_all().await;
        let fresh = answers.iter().filter(|answer| **answer == Replay::Fresh).count();
        let seen = answers.iter().filter(|answer| **answer == Replay::Seen).count();
        assert_eq!((fresh, seen), (1, 49));
    }
    assert!(memories.iter().any(|memory| memory.entries() == 3));
}

#[tokio::test]
async fn a_message_is_known_by_its_sender_and_its_identifier() {
    let Some(redis) = Redis::start() else { return };
    let memory = memory(&redis, 1000);
    memory.begin().await.unwrap();
    let issued = now();
    for (sender, id) in [([1; 32], "a"), ([2; 32], "a"), ([1; 32], "b"), ([1; 32], "")] {
        let message = SeenMessage {
            sender: &sender,
            ..message(id, issued)
        };
        assert_eq!(memory.burn(message).await.unwrap(), Replay::Fresh);
        assert_eq!(memory.burn(message).await.unwrap(), Replay::Seen);
    }
}

#[tokio::test]
async fn a_memory_that_begins_refuses_what_was_created_before() {
    let Some(redis) = Redis::start() else { return };
    let memory = memory(&redis, 1000);
    assert_eq!(
        memory.burn(message("first", now())).await.unwrap(),
        Replay::TooOld
    );
    assert_eq!(
        memory.burn(message("second", now())).await.unwrap(),
        Replay::Fresh
    );
    let earlier = now() - Duration::from_secs(1);
    assert_eq!(
        memory.burn(message("third", earlier)).await.unwrap(),
        Replay::TooOld
    );
}

#[tokio::test]
async fn opening_begins_it_where_redis_is_and_never_fails() {
    let Some(mut redis) = Redis::start() else { return };
    let shared = SharedReplay::new(memory(&redis, 1000));
    let opened = shared.open().unwrap();
    while redis.command(&["HEXISTS", ABOUT, "born"]).starts_with(":0") {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(opened.burn(message("a", now())).await.unwrap(), Replay::Fresh);
    redis.stop();
    assert!(memory(&redis, 1000).open().is_ok());
    let error = opened.burn(message("b", now())).await.unwrap_err();
    assert!(matches!(error, ReplayError::Unavailable(_)), "{error}");
}

#[tokio::test]
async fn an_emptied_redis_accepts_nothing_that_it_accepted_before() {
    let Some(mut redis) = Redis::start() else { return };
    let memory = memory(&redis, 1000);
    memory.begin().await.unwrap();
    let before = now();
    assert_eq!(memory.burn(message("a", before)).await.unwrap(), Replay::Fresh);
    assert!(redis.command(&["FLUSHALL"]).starts_with("+OK"));
    assert_eq!(memory.burn(message("a", before)).await.unwrap(), Replay::TooOld);
    let between = now();
    assert_eq!(memory.burn(message("b", between)).await.unwrap(), Replay::Fresh);

    redis.stop();
    redis.resume(Data::Emptied);
    while memory.pool().try_writing().await.is_err() {}
    for (id, issued) in [("a", before), ("b", between)] {
        assert_eq!(memory.burn(message(id, issued)).await.unwrap(), Replay::TooOld);
    }
    assert_eq!(memory.burn(message("c", now())).await.unwrap(), Replay::Fresh);
}

#[tokio::test]
async fn a_restart_with_its_data_forgets_nothing() {
    let Some(mut redis) = Redis::start() else { return };
    let memory = memory(&redis, 1000);
    memory.begin().await.unwrap();
    let issued = now();
    assert_eq!(memory.burn(message("a", issued)).await.unwrap(), Replay::Fresh);
    redis.stop();
    redis.resume(Data::Kept);
    while memory.pool().try_writing().await.is_err() {}
    assert_eq!(memory.burn(message("a", issued)).await.unwrap(), Replay::Seen);
    assert_eq!(memory.burn(message("b", issued)).await.unwrap(), Replay::Fresh);
}

#[tokio::test]
async fn a_redis_that_was_put_back_to_an_earlier_state_accepts_nothing_from_before() {
    let Some(mut redis) = Redis::start() else { return };
    let memory = memory(&redis, 1000);
    memory.begin().await.unwrap();
    let issued = now();
    assert_eq!(
        memory.burn(message("saved", issued)).await.unwrap(),
        Replay::Fresh
    );
    assert!(redis.command(&["SAVE"]).starts_with("+OK"));
    assert_eq!(memory.burn(message("lost", issued)).await.unwrap(), Replay::Fresh);
    redis.kill();
    redis.resume(Data::Kept);
    while memory.pool().try_writing().await.is_err() {}
    assert_eq!(
        memory.burn(message("lost", issued)).await.unwrap(),
        Replay::TooOld
    );
    assert_eq!(memory.burn(message("saved", issued)).await.unwrap(), Replay::Seen);
    assert_eq!(memory.burn(message("new", now())).await.unwrap(), Replay::Fresh);
}

#[tokio::test]
async fn a_full_memory_refuses_and_makes_room_only_for_what_is_over() {
    let Some(redis) = Redis::start() else { return };
    let memory = memory(&redis, 2);
    memory.begin().await.unwrap();
    let issued = now();
    // Over within two seconds or three, and accepted by nobody after that.
    let brief = SeenMessage {
        expires_at: issued,
        max_clock_skew: Duration::from_secs(2),
        ..message("brief", issued)
    };
    let long = |id| SeenMessage {
        max_clock_skew: Duration::from_secs(2),
        ..message(id, issued)
    };
    assert_eq!(memory.burn(brief).await.unwrap(), Replay::Fresh);
    assert_eq!(memory.burn(long("a")).await.unwrap(), Replay::Fresh);
    let mut refused = 0;
    while let Err(error) = memory.burn(long("b")).await {
        assert!(matches!(error, ReplayError::Full), "{error}");
        refused += 1;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(refused > 0);
    assert_eq!(memory.burn(brief).await.unwrap(), Replay::TooOld);
    assert_eq!(memory.burn(long("a")).await.unwrap(), Replay::Seen);
}

#[tokio::test]
async fn the_largest_skew_of_all_servers_counts_for_the_messages_of_each() {
    let Some(redis) = Redis::start() else { return };
    let (short, long) = (memory(&redis, 1000), memory(&redis, 1000));
    long.remember_for(Duration::from_secs(600));
    long.begin().await.unwrap();
    let issued = now();
    let brief = SeenMessage {
        expires_at: issued,
        max_clock_skew: Duration::from_secs(1),
        ..message("a", issued)
    };
    assert_eq!(short.burn(brief).await.unwrap(), Replay::Fresh);
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    let late = SeenMessage {
        max_clock_skew: Duration::from_secs(600),
        ..brief
    };
    assert_eq!(short.burn(brief).await.unwrap(), Replay::Seen);
    assert_eq!(long.burn(late).await.unwrap(), Replay::Seen);
}

#[tokio::test]
async fn the_messages_end_with_the_last_of_them_and_what_is_known_about_them_stays() {
    let Some(redis) = Redis::start() else { return };
    let memory = memory(&redis, 1000);
    memory.begin().await.unwrap();
    let issued = now();
    assert_eq!(memory.burn(message("a", issued)).await.unwrap(), Replay::Fresh);
    let ends = "local left = redis.call('TTL', KEYS[1]) return left > 600 and left <= 662";
    let answer = redis.command(&["EVAL", ends, "1", "{palisade}:replay"]);
    assert!(answer.starts_with(":1"), "{answer}");
    // As when that time has come.
    assert!(redis.command(&["DEL", "{palisade}:replay"]).starts_with(":1"));
    assert_eq!(memory.burn(message("a", issued)).await.unwrap(), Replay::TooOld);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_is_one_memory() {
    let Some(nodes) = start_cluster() else { return };
    let url = |node: &Redis| Secret::new(node.url());
    let memories: Vec<_> = nodes
        .iter()
        .map(|node| over(RedisConfig::cluster(vec![url(node)]), 1000))
        .collect();
    memories[0].begin().await.unwrap();
    let issued = now();
    let mut answers = Vec::new();
    for memory in &memories {
        answers.push(memory.burn(message("a", issued)).await.unwrap());
    }
    assert_eq!(answers, [Replay::Fresh, Replay::Seen, Replay::Seen]);
}
