//! Exactly as much as the limit says, from many connections at once, on one server and on three with one Redis, while policies change.

use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use palisade_test::redis::Redis;

use super::fields::left;
use super::node::Node;
use super::world::{LONG, World, get, pay};
use crate::callers::client::{Ask, Connection};

const CONNECTIONS: usize = 50;

/// Has fifty connections, over these nodes in turn, send such requests at once, and says how many of each were accepted. Everything
/// else must be refused with 429.
fn accepted(world: &World, nodes: &[&Node], each: usize, ask: impl Fn(usize) -> Ask + Sync) -> usize {
    let begin = Barrier::new(CONNECTIONS);
    thread::scope(|scope| {
        let clients: Vec<_> = (0..CONNECTIONS)
            .map(|number| {
                let (begin, ask) = (&begin, &ask);
                scope.spawn(move || {
                    let mut connection = world.connect(nodes[number % nodes.len()]);
                    begin.wait();
                    one_after_another(&mut connection, each, |turn| ask(number * each + turn))
                })
            })
            .collect();
        clients.into_iter().map(|client| client.join().unwrap()).sum()
    })
}

fn one_after_another(connection: &mut Connection, each: usize, ask: impl Fn(usize) -> Ask) -> usize {
    let mut accepted = 0;
    for turn in 0..each {
        let answer = connection.ask(&ask(turn)).unwrap();
        match answer.status {
            200 => accepted += 1,
            429 => {}
            _ => panic!("{answer:?}"),
        }
    }
    accepted
}

fn with_all(store: &str) -> World {
    let mut world = World::new();
    for (limit, settings) in [
        ("Rate.rate-limit", &[("requests", "137"), ("key", "global")][..]),
        ("Quota.quota", &[("transactions", "137"), ("key", "global")]),
        (
            "Slide.quota",
            &[("transactions", "137"), ("key", "global"), ("window", "sliding")],
        ),
        (
            "Pay.amount-limit",
            &[("max-total", "137.00"), ("pointer", "/amount"), ("key", "global")],
        ),
    ] {
        world.limit(limit, settings);
        world.limit(limit, &[("per", LONG), ("store", store)]);
    }
    for name in ["Rate", "Quota", "Slide", "Pay"] {
        world.route(name, name);
    }
    world
}

#[test]
fn fifty_connections_get_exactly_the_limit_of_one_server() {
    let world = with_all("memory");
    let node = world.start();
    for name in ["Rate", "Quota", "Slide"] {
        assert_eq!(accepted(&world, &[&node], 5, |_| get(name)), 137, "{name}");
    }
    let pay = |_| pay("Pay", r#"{"amount":"1.00"}"#);
    assert_eq!(accepted(&world, &[&node], 5, pay), 137);
}

/// Amounts of 1 to 997 cents, in an order that nobody foresees.
fn cents(number: usize) -> u64 {
    (u64::try_from(number).unwrap() * 7919) % 997 + 1
}

#[test]
fn whatever_amounts_come_first_the_total_is_exact_to_the_cent() {
    let mut world = with_all("memory");
    world.limit("Pay.amount-limit", &[("max-total", "789.01")]);
    let node = world.start();
    let granted = AtomicU64::new(0);
    let send = |number: usize, connection: &mut Connection| {
        let cents = cents(number);
        let body = format!(r#"{{"amount":{}.{:02}}}"#, cents / 100, cents % 100);
        if connection.ask(&pay("Pay", &body)).unwrap().status == 200 {
            granted.fetch_add(cents, Ordering::Relaxed);
        }
    };
    thread::scope(|scope| {
        for client in 0..10 {
            let (world, node, send) = (&world, &node, &send);
            scope.spawn(move || {
                let mut connection = world.connect(node);
                for turn in 0..50 {
                    send(client * 50 + turn, &mut connection);
                }
            });
        }
    });
    let rest = 78_901 - granted.into_inner();
    // The least of all that were refused did not fit.
    assert!(rest < 997, "{rest}");
    let mut connection = world.connect(&node);
    for (cents, status) in [(rest + 1, 429), (rest, 200), (1, 429)] {
        let body = format!(r#"{{"amount":"{}.{:02}"}}"#, cents / 100, cents % 100);
        assert_eq!(
            connection.ask(&pay("Pay", &body)).unwrap().status,
            status,
            "{body}"
        );
    }
}

#[test]
fn three_servers_with_one_redis_give_exactly_the_limit_together() {
    let Some(redis) = Redis::start() else { return };
    let mut world = with_all("redis");
    world.set("palisade.redis.url", &redis.url());
    // Under a debugger or on a busy machine nothing may be late.
    world.set("palisade.redis.timeout", "20s");
    let nodes: [Node; 3] = world.start_many();
    let all = nodes.each_ref();
    for name in ["Rate", "Quota", "Slide"] {
        assert_eq!(accepted(&world, &all, 5, |_| get(name)), 137, "{name}");
    }
    let one_each = |_| pay("Pay", r#"{"amount":"1.00"}"#);
    assert_eq!(accepted(&world, &all, 5, one_each), 137);
    for node in &nodes {
        let refused = world.connect(node).ask(&get("Rate")).unwrap();
        assert_eq!((refused.status, left(&refused, "Rate.rate-limit")), (429, 0));
    }
}

/// Sets a flag when it is dropped, so that threads end where a test fails.
struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// The limits are raised again and again while requests come: from when the last policy is in force they get what that one says, and
/// never more.
#[test]
fn three_servers_that_reload_all_the_time_give_exactly_the_limit_together() {
    let Some(redis) = Redis::start() else { return };
    let mut world = with_all("redis");
    world.set("palisade.redis.url", &redis.url());
    world.set("palisade.redis.timeout", "20s");
    let limits = |world: &mut World, number: u32| {
        world.limit(
            "Rate.rate-limit",
            &[("requests", "500"), ("burst", &number.to_string())],
        );
        world.limit("Quota.quota", &[("transactions", &number.to_string())]);
        world.limit("Pay.amount-limit", &[("max-total", &format!("{number}.00"))]);
    };
    limits(&mut world, 20);
    let nodes: [Node; 3] = world.start_many();
    let all = nodes.each_ref();
    let ended = AtomicBool::new(false);
    let names = ["Rate", "Quota", "Pay"];
    let ask = |name: &str| pay(name, r#"{"amount":1}"#);
    let mut connections: Vec<Connection> = (0..12).map(|number| world.connect(all[number / 4])).collect();
    let accepted = thread::scope(|scope| {
        let clients: Vec<_> = connections
            .iter_mut()
            .zip(names.into_iter().cycle())
            .map(|(connection, name)| {
                let (ended, ask) = (&ended, &ask);
                scope.spawn(move || {
                    let mut accepted = 0;
                    while !ended.load(Ordering::Relaxed) {
                        accepted += one_after_another(connection, 1, |_| ask(name));
                    }
                    // Whatever was reloaded, the connection is the same.
                    accepted += one_after_another(connection, 60, |_| ask(name));
                    (name, accepted)
                })
            })
            .collect();
        let end = End(&ended);
        for number in [40, 80, 60, 120] {
            limits(&mut world, number);
            world.apply(&all);
        }
        drop(end);
        let mut sums = [0; 3];
        for client in clients {
            let (name, accepted) = client.join().unwrap();
            sums[names.iter().position(|other| *other == name).unwrap()] += accepted;
        }
        sums
    });
    assert_eq!(accepted, [120; 3]);
}
