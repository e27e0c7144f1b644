//! The memory that ends with its process.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use palisade_core::{Replay, ReplayError, ReplayStore, SeenMessage, SharedReplay};
use palisade_store::MemoryReplay;
use rstest::rstest;

fn at(seconds: f64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs_f64(seconds)
}

fn message<'a>(sender: &'a [u8; 32], id: &'a str, now: f64) -> SeenMessage<'a> {
    SeenMessage {
        sender,
        id,
        issued_at: at(now),
        expires_at: at(now + 300.0),
        max_clock_skew: Duration::from_secs(300),
        now: at(now),
    }
}

#[tokio::test]
async fn a_message_is_known_by_its_sender_and_its_identifier() {
    let memory = MemoryReplay::new(10, at(1000.0));
    assert_eq!(
        memory.burn(message(&[1; 32], "a", 1000.0)).await.unwrap(),
        Replay::Fresh
    );
    assert_eq!(
        memory.burn(message(&[1; 32], "a", 1001.0)).await.unwrap(),
        Replay::Seen
    );
    assert_eq!(
        memory.burn(message(&[2; 32], "a", 1000.0)).await.unwrap(),
        Replay::Fresh
    );
    assert_eq!(
        memory.burn(message(&[1; 32], "b", 1000.0)).await.unwrap(),
        Replay::Fresh
    );
    assert_eq!(memory.entries(), 3);
    memory.reclaim(at(1600.9));
    assert_eq!(
        memory.entries(),
        3,
        "1601.0 is the end of the last second of one of them"
    );
    memory.reclaim(at(1601.0));
    assert_eq!(memory.entries(), 0);
}

#[rstest]
#[case::before(999.0, Replay::TooOld)]
#[case::in_the_second_of_the_start(1000.0, Replay::TooOld)]
#[case::just_after(1000.5, Replay::Fresh)]
#[case::after(1001.0, Replay::Fresh)]
#[tokio::test]
async fn messages_created_before_the_start_are_refused(#[case] issued: f64, #[case] answer: Replay) {
    let memory = MemoryReplay::new(10, at(1000.3));
    let message = SeenMessage {
        issued_at: at(issued),
        ..message(&[1; 32], "a", 1002.0)
    };
    assert_eq!(memory.burn(message).await.unwrap(), answer);
}

#[tokio::test]
async fn a_full_memory_refuses() {
    let memory = MemoryReplay::new(1, at(0.0));
    assert_eq!(
        memory.burn(message(&[1; 32], "a", 1000.0)).await.unwrap(),
        Replay::Fresh
    );
    let full = memory.burn(message(&[1; 32], "b", 1000.0)).await.unwrap_err();
    assert!(matches!(full, ReplayError::Full), "{full}");
    assert_eq!(
        memory.burn(message(&[1; 32], "b", 1601.0)).await.unwrap(),
        Replay::Fresh
    );
}

#[tokio::test]
async fn it_is_remembered_through_the_last_instant_in_which_it_could_be_accepted() {
    let memory = MemoryReplay::new(10, at(0.0));
    let message = SeenMessage {
        expires_at: at(1200.25),
        ..message(&[1; 32], "a", 1000.0)
    };
    assert_eq!(memory.burn(message).await.unwrap(), Replay::Fresh);
    let late = SeenMessage {
        now: at(1500.25),
        ..message
    };
    assert_eq!(memory.burn(late).await.unwrap(), Replay::Seen);
    let over = SeenMessage {
        now: at(1502.0),
        ..message
    };
    assert_eq!(
        memory.burn(over).await.unwrap(),
        Replay::TooOld,
        "it could not be remembered"
    );
}

#[tokio::test]
async fn shared_handles_are_one_memory() {
    let shared = SharedReplay::new(MemoryReplay::new(10, at(0.0)));
    let (first, second) = (shared.open().unwrap(), shared.clone().open().unwrap());
    assert_eq!(
        first.burn(message(&[1; 32], "a", 1000.0)).await.unwrap(),
        Replay::Fresh
    );
    assert_eq!(
        second.burn(message(&[1; 32], "a", 1000.0)).await.unwrap(),
        Replay::Seen
    );
}
