//! A Redis that stops, is slow, or comes back empty: what callers see.

use std::time::{Duration, Instant};

use palisade_test::redis::{Data, Redis, SlowProxy};

use super::fields::{assert_refused, left, told};
use super::node::{Node, until};
use super::world::{LONG, World, get, pay};
use crate::callers::client::{Answer, Ask, Connection};

/// Much longer than any timeout here, and much shorter than what hangs.
const MARGIN: Duration = Duration::from_secs(10);

/// Routes `Denies` and `Allows` that count in Redis, as they are called when it fails; `Local`, which counts in memory, `Both`, which does both,
/// and `Free`, which counts nothing.
fn with_redis(url: &str) -> World {
    let mut world = World::new();
    world.set("palisade.redis.url", url);
    world.set("palisade.redis.timeout", "300ms");
    world.set("palisade.redis.connect-timeout", "300ms");
    for (name, on_failure) in [("Denies", "deny"), ("Allows", "allow")] {
        for (stage, settings) in [
            ("rate-limit", &[("requests", "5000")][..]),
            ("quota", &[("transactions", "5")]),
            ("amount-limit", &[("pointer", "/amount"), ("max-total", "100.00")]),
        ] {
            let stage = format!("{name}.{stage}");
            world.limit(&stage, settings);
            world.limit(
                &stage,
                &[("per", LONG), ("store", "redis"), ("on-failure", on_failure)],
            );
        }
        world.route(name, name);
    }
    world.limit("Local.rate-limit", &[("requests", "1000"), ("per", LONG)]);
    world.route("Local", "Local");
    world.route("Both", "Local,Denies");
    world.route("Free", "");
    world
}

fn one(webservice: &str) -> Ask {
    pay(webservice, r#"{"amount":"1.00"}"#)
}

/// An answer that does not hang.
fn asked(connection: &mut Connection, ask: &Ask) -> Answer {
    let begin = Instant::now();
    let answer = connection.ask(ask).unwrap();
    let took = begin.elapsed();
    assert!(took < MARGIN, "{took:?}: {answer:?}");
    answer
}

/// What holds while Redis cannot be asked.
fn assert_without(world: &World, node: &Node) {
    let mut connection = world.connect(node);
    let mut local = left(&asked(&mut connection, &one("Local")), "Local.rate-limit");
    for _ in 0..12 {
        let denied = asked(&mut connection, &one("Denies"));
        assert_eq!(denied.shown(), "503 store-unavailable");
        assert!(denied.field("retry-after").is_some(), "{denied:?}");
        assert!(!denied.body.contains("127.0.0.1"), "{denied:?}");
        let both = asked(&mut connection, &one("Both"));
        assert_eq!(both.shown(), "503 store-unavailable");
        // More than the quota: nothing is counted.
        assert_eq!(asked(&mut connection, &one("Allows")).shown(), "nobody");
        // Nobody else has to wait, or to do without.
        assert_eq!(asked(&mut connection, &get("Free")).shown(), "nobody");
        let answer = asked(&mut connection, &one("Local"));
        assert_eq!(answer.shown(), "nobody");
        // What a rate counts is not given back for a store that is away; at most it is.
        let now = left(&answer, "Local.rate-limit");
        assert!((local - 2..=local - 1).contains(&now), "{now} after {local}");
        local = now;
    }
    until("the alarm", || {
        node.alarms().iter().any(|code| code.starts_with("redis"))
    });
    assert_eq!(node.admin("/status")["phase"], "ready");
}

/// Waits until Redis is asked again, and says how many transactions are left then.
fn left_of(connection: &mut Connection, webservice: &str) -> i64 {
    let mut left_then = None;
    until("Redis", || {
        // A question that takes nothing: there is no amount in it, and it is refused behind the other limits.
        let answer = asked(connection, &pay(webservice, "{}"));
        let has = told(&answer).contains_key(&format!("{webservice}.quota")) && answer.status == 422;
        left_then = has.then(|| left(&answer, &format!("{webservice}.quota")));
        has
    });
    left_then.unwrap()
}

#[test]
fn a_redis_that_stops_is_told_and_one_that_comes_back_with_its_data_goes_on() {
    let Some(mut redis) = Redis::start_with(&["--appendonly", "yes", "--appendfsync", "always"]) else {
        return;
    };
    let world = with_redis(&redis.url());
    let node = world.start();
    let mut connection = world.connect(&node);
    for webservice in ["Denies", "Allows"] {
        for expected in [4, 3] {
            let answer = asked(&mut connection, &one(webservice));
            assert_eq!(answer.status, 200);
            assert_eq!(left(&answer, &format!("{webservice}.quota")), expected);
        }
    }
    assert_eq!(node.alarms(), Vec::<String>::new());
    redis.stop();
    assert_without(&world, &node);
    redis.resume(Data::Kept);
    for webservice in ["Denies", "Allows"] {
        assert_eq!(left_of(&mut connection, webservice), 3);
        for _ in 0..3 {
            assert_eq!(asked(&mut connection, &one(webservice)).shown(), "nobody");
        }
        let refused = asked(&mut connection, &one(webservice));
        assert_refused(&refused, "quota-exceeded", &[&format!("{webservice}.quota")]);
    }
    until("the end of the alarm", || node.alarms().is_empty());
}

#[test]
fn a_redis_that_comes_back_empty_begins_anew() {
    let Some(mut redis) = Redis::start() else { return };
    let world = with_redis(&redis.url());
    let node = world.start();
    let mut connection = world.connect(&node);
    for _ in 0..5 {
        assert_eq!(asked(&mut connection, &one("Denies")).status, 200);
    }
    assert_eq!(asked(&mut connection, &one("Denies")).status, 429);
    redis.kill();
    redis.resume(Data::Emptied);
    // The script is not there any more either, and is loaded again.
    assert_eq!(left_of(&mut connection, "Denies"), 5);
    assert_eq!(asked(&mut connection, &one("Denies")).status, 200);
}

#[test]
fn a_redis_that_is_slow_is_as_one_that_is_away() {
    let Some(redis) = Redis::start() else { return };
    let proxy = SlowProxy::before(redis.port());
    let mut world = with_redis(&redis.url_at(proxy.port()));
    world.set("palisade.redis.timeout", "1s");
    let node = world.start();
    let mut connection = world.connect(&node);
    assert_eq!(left_of(&mut connection, "Denies"), 5);
    proxy.delay(Duration::from_secs(3));
    assert_without(&world, &node);
    proxy.delay(Duration::ZERO);
    // Those that were denied while it was slow may have been counted there: never less than was used, and perhaps more.
    let left = left_of(&mut connection, "Denies");
    assert!((0..=5).contains(&left), "{left}");
    until("the end of the alarm", || node.alarms().is_empty());
}

/// A server does not need Redis in order to start.
#[test]
fn a_server_starts_without_redis_and_finds_it_later() {
    let Some(mut redis) = Redis::start() else { return };
    redis.stop();
    let world = with_redis(&redis.url());
    let node = world.start();
    assert_without(&world, &node);
    redis.resume(Data::Emptied);
    let mut connection = world.connect(&node);
    assert_eq!(left_of(&mut connection, "Denies"), 5);
}

#[test]
fn many_requests_at_once_do_not_queue_up_behind_a_redis_that_is_slow() {
    let Some(redis) = Redis::start() else { return };
    let proxy = SlowProxy::before(redis.port());
    proxy.delay(Duration::from_secs(60));
    let world = with_redis(&redis.url_at(proxy.port()));
    let node = world.start();
    std::thread::scope(|scope| {
        for number in 0..20 {
            let (world, node) = (&world, &node);
            scope.spawn(move || {
                let mut connection = world.connect(node);
                for _ in 0..10 {
                    let (name, expected) = [("Denies", 503), ("Allows", 200)][number % 2];
                    assert_eq!(asked(&mut connection, &one(name)).status, expected);
                }
            });
        }
    });
}

/// `palisade.redis.on-failure` is for all limits that say nothing themselves, and applies at once when it changes.
#[test]
fn what_a_limit_does_not_say_is_said_for_all_and_can_be_changed() {
    let mut world = World::new();
    // Nobody listens there.
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    world.set("palisade.redis.url", &format!("redis://127.0.0.1:{port}"));
    world.set("palisade.redis.timeout", "300ms");
    world.limit(
        "Rate.rate-limit",
        &[("requests", "1"), ("per", LONG), ("store", "redis")],
    );
    world.limit(
        "Own.rate-limit",
        &[
            ("requests", "1"),
            ("per", LONG),
            ("store", "redis"),
            ("on-failure", "deny"),
        ],
    );
    world.route("Rate", "Rate");
    world.route("Own", "Own");
    let node = world.start();
    let mut connection = world.connect(&node);
    let mut both = |of_rate: u16| {
        for _ in 0..3 {
            let statuses = ["Rate", "Own"].map(|name| asked(&mut connection, &get(name)).status);
            assert_eq!(statuses, [of_rate, 503]);
        }
    };
    both(503);
    world.set("palisade.redis.on-failure", "allow");
    world.apply(&[&node]);
    both(200);
    world.set("palisade.redis.on-failure", "deny");
    world.apply(&[&node]);
    both(503);
}
