//! Attackers who change the key of a limit with each request: bounded memory, right answers, and never an error.

use std::collections::BTreeMap;

use palisade_test::redis::Redis;

use super::fields::{assert_refused, left};
use super::node::Node;
use super::world::{LONG, World, get};
use crate::callers::client::Ask;

const KEYS: usize = 100;
const REQUESTS: usize = 5_000;
/// Requests that are sent before an answer is read.
const AHEAD: usize = 200;

fn with_few_keys(key: &str, store: &str) -> World {
    let mut world = World::new();
    world.limit(
        "Each.rate-limit",
        &[
            ("requests", "2"),
            ("per", LONG),
            ("key", key),
            ("max-keys", &KEYS.to_string()),
            ("store", store),
        ],
    );
    world.route("Orders", "Each");
    world
}

/// The statuses of many requests over one connection, each with how many there were.
fn statuses(world: &World, node: &Node, asks: impl Iterator<Item = Ask>) -> BTreeMap<u16, usize> {
    let mut connection = world.connect(node);
    let mut statuses = BTreeMap::new();
    let asks: Vec<Ask> = asks.collect();
    for batch in asks.chunks(AHEAD) {
        for ask in batch {
            connection.send(ask).unwrap();
        }
        for _ in batch {
            let answer = connection.receive().unwrap();
            *statuses.entry(answer.status).or_default() += 1;
        }
    }
    statuses
}

/// A hundred keys have a share each, and all others have one together.
fn assert_bounded(statuses: &BTreeMap<u16, usize>, requests: usize) {
    let accepted = KEYS + 2;
    let expected = BTreeMap::from([(200, accepted), (429, requests - accepted)]);
    assert_eq!(*statuses, expected);
}

#[test]
fn values_of_a_field_beyond_the_bound_share_one_bucket() {
    let world = with_few_keys("header:x-client", "memory");
    let node = world.start();
    let of = |name: &str| get("Orders").with("x-client", name);
    let first = || world.connect(&node).ask(&of("first")).unwrap();
    assert_eq!(left(&first(), "Each.rate-limit"), 1);
    let flood = (1..REQUESTS).map(|number| of(&format!("client {number}")));
    let mut statuses = statuses(&world, &node, flood);
    *statuses.entry(200).or_default() += 1;
    assert_bounded(&statuses, REQUESTS);
    // Whoever has a share has it still: nobody pushed it out, and nobody got another one.
    assert_eq!(left(&first(), "Each.rate-limit"), 0);
    assert_refused(&first(), "rate-limit-exceeded", &["Each.rate-limit"]);
    let overflowed = node.metric("palisade_limit_overflow_total");
    assert!(overflowed > 4_000.0, "{overflowed}");
}

#[test]
fn addresses_beyond_the_bound_share_one_bucket() {
    let mut world = with_few_keys("peer", "memory");
    world.set("palisade.listeners.main.forwarded-header", "x-forwarded-for");
    world.set("palisade.listeners.main.trusted-proxies", "127.0.0.0/8");
    let node = world.start();
    let flood = (0..3_000).map(|number: u32| {
        let address = std::net::Ipv4Addr::from(0x0a00_0000 + number);
        get("Orders").with("x-forwarded-for", &address.to_string())
    });
    assert_bounded(&statuses(&world, &node, flood), 3_000);
    // One network of IPv6 is one key, however many addresses it has.
    let flood =
        (0..300).map(|number: u16| get("Orders").with("x-forwarded-for", &format!("2001:db8::{number:x}")));
    assert_eq!(statuses(&world, &node, flood), BTreeMap::from([(429, 300)]));
}

#[test]
fn in_a_file_keys_are_bounded_too() {
    let world = with_few_keys("header:x-client", "embedded");
    let node = world.start();
    let flood = (0..3_000).map(|number| get("Orders").with("x-client", &number.to_string()));
    assert_bounded(&statuses(&world, &node, flood), 3_000);
}

#[test]
fn in_redis_a_flood_of_keys_is_answered_right() {
    let Some(redis) = Redis::start() else { return };
    let mut world = with_few_keys("header:x-client", "redis");
    world.set("palisade.redis.url", &redis.url());
    world.set("palisade.redis.timeout", "20s");
    let nodes: [Node; 2] = world.start_many();
    let flood = |node: &Node| {
        let flood = (0..1_000).map(|number| get("Orders").with("x-client", &number.to_string()));
        statuses(&world, node, flood)
    };
    let [one, two] = nodes.each_ref().map(flood);
    let sum = |status: u16| one.get(&status).unwrap_or(&0) + two.get(&status).unwrap_or(&0);
    assert_eq!(sum(200) + sum(429), 2_000, "{one:?} {two:?}");
    // Each key has its share once, whichever server it comes to.
    assert!((KEYS..=2 * KEYS + 2).contains(&sum(200)), "{one:?} {two:?}");
}
