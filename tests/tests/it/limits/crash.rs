//! The store `embedded`: what is remembered after a server was killed.

use std::thread::sleep;
use std::time::Duration;

use super::fields::left;
use super::node::Node;
use super::world::{LONG, World, get, pay};
use crate::callers::client::Connection;

/// Longer than what is counted may stay unwritten.
const IDLE: Duration = Duration::from_millis(2500);

/// `quota` and `amount-limit` count in the store `embedded` unless told otherwise; `rate-limit` does where it is told so.
fn with_embedded() -> World {
    let mut world = World::with_callers();
    world.limit("Quota.quota", &[("transactions", "100"), ("per", LONG)]);
    world.limit(
        "Pay.amount-limit",
        &[("pointer", "/amount"), ("max-total", "100.00"), ("per", LONG)],
    );
    world.limit(
        "Rate.rate-limit",
        &[("requests", "100"), ("per", LONG), ("store", "embedded")],
    );
    for name in ["Quota", "Pay", "Rate"] {
        world.route(name, &format!("Known,{name}"));
    }
    world
}

/// How many requests, each of one transaction or one unit of money, are accepted until one is refused.
fn until_refused(connection: &mut Connection, name: &str) -> usize {
    let ask = pay(name, r#"{"amount":"1.00"}"#).with("x-api-key", "plsd_bob");
    for accepted in 0..=1000 {
        match connection.ask(&ask).unwrap().status {
            200 => {}
            429 => return accepted,
            other => panic!("{other}"),
        }
    }
    panic!("nothing is ever refused");
}

fn use_some(connection: &mut Connection, name: &str, count: usize) {
    let ask = pay(name, r#"{"amount":"1.00"}"#).with("x-api-key", "plsd_bob");
    for _ in 0..count {
        connection.send(&ask).unwrap();
    }
    for _ in 0..count {
        assert_eq!(connection.receive().unwrap().status, 200);
    }
}

#[test]
fn a_server_that_is_killed_never_grants_more_than_the_limit_in_total() {
    let world = with_embedded();
    let mut granted = [0; 3];
    // Killed in the middle of it, three times.
    for _ in 0..3 {
        let node = world.start();
        let mut connection = world.connect(&node);
        for (name, granted) in ["Quota", "Pay", "Rate"].into_iter().zip(&mut granted) {
            use_some(&mut connection, name, 7);
            *granted += 7;
        }
        node.kill();
    }
    let node = world.start();
    let mut connection = world.connect(&node);
    for (name, granted) in ["Quota", "Pay", "Rate"].into_iter().zip(granted) {
        let rest = until_refused(&mut connection, name);
        assert!(granted + rest <= 100, "{name}: {granted} and then {rest}");
    }
}

#[test]
fn after_a_rest_exactly_what_was_used_is_remembered() {
    let world = with_embedded();
    let node = world.start();
    let mut connection = world.connect(&node);
    for name in ["Quota", "Pay", "Rate"] {
        use_some(&mut connection, name, 30);
    }
    sleep(IDLE);
    node.kill();

    let node = world.start();
    let mut connection = world.connect(&node);
    for name in ["Quota", "Pay", "Rate"] {
        assert_eq!(until_refused(&mut connection, name), 70, "{name}");
    }
    // Nobody else has used anything.
    let other = connection
        .ask(&get("Quota").with("x-api-key", "plsd_carol"))
        .unwrap();
    assert_eq!(left(&other, "Quota.quota"), 99);
}

#[test]
fn a_server_that_ends_in_peace_remembers_exactly_what_was_used() {
    let world = with_embedded();
    let node = world.start();
    let mut connection = world.connect(&node);
    for name in ["Quota", "Pay", "Rate"] {
        use_some(&mut connection, name, 1);
    }
    drop(connection);
    node.end();
    let node = world.start();
    let mut connection = world.connect(&node);
    for name in ["Quota", "Pay", "Rate"] {
        assert_eq!(until_refused(&mut connection, name), 99, "{name}");
    }
}

/// Two servers cannot count in one file: the second one says so, and the first one goes on.
#[test]
fn a_second_server_on_the_same_data_does_not_start() {
    let world = with_embedded();
    let node = world.start();
    let ended = super::node::run(
        world.path(),
        &["serve", "--echo", "--set", "palisade.admin.enabled=false"],
    );
    assert_ne!(ended.status, 0, "{ended:?}");
    assert!(
        ended.err.contains("palisade.data-dir") || ended.err.contains("limits"),
        "{ended:?}"
    );
    let mut connection: Connection = world.connect(&node);
    use_some(&mut connection, "Quota", 1);
    let _: Node = node;
}
