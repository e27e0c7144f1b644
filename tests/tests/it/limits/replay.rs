//! Messages that several servers accept once together, because they remember them in Redis.

use std::time::Duration;

use palisade_test::redis::{Data, Redis};

use super::node::{Node, run};
use super::world::{World, path};
use crate::callers::client::Ask;

/// Servers that accept messages that `partner` signed, and remember them in Redis.
fn with_replay(url: &str) -> World {
    let mut world = World::new();
    world.pki.issue("partner");
    let identity =
        world.pki.pem("partner") + &std::fs::read_to_string(world.pki.file("partner.key")).unwrap();
    world.put("partner.pem", identity);
    world.put("body.json", r#"{"amount":1}"#);
    for (key, value) in [
        ("keystores.partner.location", "partner.pem"),
        ("replay.store", "redis"),
        ("redis.url", url),
        ("redis.timeout", "5s"),
        ("interceptors.Signed.request.signature.enabled", "true"),
        ("interceptors.Signed.request.signature.key-alias", "partner"),
        ("interceptors.Signed.request.timestamp.enabled", "true"),
    ] {
        world.set(&format!("palisade.{key}"), value);
    }
    world.route("Orders", "Signed");
    world.route("Free", "");
    world
}

/// A message of its own, as a partner sends it.
fn message(world: &World) -> Ask {
    let target = path("Orders");
    let signed = run(
        world.path(),
        &[
            "message",
            "sign",
            "body.json",
            "--key-alias",
            "partner",
            "--method",
            "POST",
            "--target",
            &target,
        ],
    );
    Ask::post(&target, "application/jose", signed.with_status(0).out.trim_end())
}

fn sent(world: &World, node: &Node, message: &Ask) -> String {
    let answer = world.connect(node).ask(message).unwrap();
    if answer.status == 200 {
        return "200".to_owned();
    }
    answer.shown()
}

/// A message that was accepted, and is the first one. A memory that has just begun refuses what was created before, in whole seconds.
fn first_accepted(world: &World, node: &Node) -> Ask {
    let mut accepted = None;
    super::node::until("an accepted message", || {
        let message = message(world);
        let answer = sent(world, node, &message);
        assert!(
            ["200", "409 message-replayed", "503 store-unavailable"].contains(&&*answer),
            "{answer}"
        );
        accepted = Some(message);
        answer == "200"
    });
    accepted.unwrap()
}

#[test]
fn a_message_is_accepted_once_by_two_servers_together() {
    let Some(mut redis) = Redis::start_with(&["--appendonly", "yes", "--appendfsync", "always"]) else {
        return;
    };
    let world = with_replay(&redis.url());
    let nodes: [Node; 2] = world.start_many();
    let [one, two] = &nodes;
    let first = first_accepted(&world, one);
    for node in [two, one, two] {
        assert_eq!(sent(&world, node, &first), "409 message-replayed");
    }
    // At once, at both of them: one is the first.
    for _ in 0..5 {
        let message = message(&world);
        let mut answers: Vec<String> = std::thread::scope(|scope| {
            let all: Vec<_> = (0..8)
                .map(|number| {
                    let (world, node, message) = (&world, &nodes[number % 2], &message);
                    scope.spawn(move || sent(world, node, message))
                })
                .collect();
            all.into_iter().map(|sent| sent.join().unwrap()).collect()
        });
        answers.sort();
        assert_eq!(answers[0], "200");
        assert!(
            answers[1..].iter().all(|answer| answer == "409 message-replayed"),
            "{answers:?}"
        );
    }
    // A server that begins later, and a Redis that was away, forget nothing.
    redis.stop();
    redis.resume(Data::Kept);
    let third = world.start();
    super::node::until("the memory of Redis", || {
        [one, two, &third]
            .iter()
            .all(|node| sent(&world, node, &first) == "409 message-replayed")
    });
}

/// Who cannot know whether a message is new accepts none, however the limits would fail.
#[test]
fn without_redis_no_message_is_accepted_and_nothing_else_suffers() {
    let Some(mut redis) = Redis::start() else { return };
    let mut world = with_replay(&redis.url());
    world.set("palisade.redis.timeout", "300ms");
    world.set("palisade.redis.on-failure", "allow");
    let node = world.start();
    first_accepted(&world, &node);
    redis.stop();
    let begin = std::time::Instant::now();
    let refused = message(&world);
    assert_eq!(sent(&world, &node, &refused), "503 store-unavailable");
    assert!(begin.elapsed() < Duration::from_secs(10), "it hangs");
    assert_eq!(sent(&world, &node, &super::world::get("Free")), "200");
    redis.resume(Data::Emptied);
    first_accepted(&world, &node);
    // What it was sent before it lost everything may have been accepted: nobody knows.
    assert_eq!(sent(&world, &node, &refused), "409 message-replayed");
}
