//! `report-only`: the verdict is counted and logged, and the request goes on.

use rstest::rstest;

use super::fields::{assert_refused, left};
use super::node::Node;
use super::world::{LONG, World, get, pay};

/// An interceptor `Tried` with every limit, each of which has room for one request.
fn with_all() -> World {
    let mut world = World::new();
    world.limit("Tried.rate-limit", &[("requests", "1"), ("per", LONG)]);
    world.limit(
        "Tried.quota",
        &[("transactions", "1"), ("per", LONG), ("store", "memory")],
    );
    world.limit(
        "Tried.amount-limit",
        &[
            ("pointer", "/amount"),
            ("max-total", "1.00"),
            ("max-per-transaction", "5.00"),
            ("per", LONG),
            ("store", "memory"),
        ],
    );
    world
}

#[rstest]
#[case::interceptor("palisade.interceptors.Tried.report-only")]
#[case::group("palisade.endpoints[0].report-only")]
fn what_would_be_refused_goes_on_and_is_counted(#[case] key: &str) {
    let mut world = with_all();
    world.set(key, "true");
    world.route("Orders", "Tried");
    let node = world.start();
    let mut connection = world.connect(&node);
    for body in [
        r#"{"amount":1}"#,
        r#"{"amount":1}"#,
        r#"{"amount":1}"#,
        r#"{"amount":5.01}"#,
        "{}",
    ] {
        let answer = connection.ask(&pay("Orders", body)).unwrap();
        assert_eq!(answer.shown(), "nobody", "{body}");
        assert_eq!(answer.json()["body"], body);
        // A trial is not told to callers, who would go by it.
        assert_eq!(
            (answer.field("ratelimit-policy"), answer.field("ratelimit")),
            (None, None)
        );
    }
    let metrics = |code: &str| reported(&node, code);
    assert_eq!(metrics("rate-limit-exceeded"), 4);
    assert_eq!(metrics("quota-exceeded"), 4);
    assert_eq!(metrics("amount-total-exceeded"), 2);
    assert_eq!(metrics("amount-too-high"), 1);
    assert_eq!(metrics("amount-unreadable"), 1);
}

/// How often a verdict with that code was reported; none was a refusal.
fn reported(node: &Node, code: &str) -> u64 {
    let all = node.metrics();
    let lines = all.lines().filter(|line| {
        line.starts_with("palisade_refusals_total{") && line.contains(&format!("code=\"{code}\""))
    });
    let counts = lines.map(|line| {
        assert!(line.contains("verdict=\"reported\""), "{line}");
        line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()
    });
    counts.sum()
}

#[test]
fn a_limit_that_only_reports_does_not_keep_others_from_refusing() {
    let mut world = with_all();
    world.set("palisade.interceptors.Tried.report-only", "true");
    world.limit("Real.rate-limit", &[("requests", "3"), ("per", LONG)]);
    world.route("Orders", "Tried,Real");
    let node = world.start();
    let mut connection = world.connect(&node);
    for expected in [2, 1, 0] {
        let answer = connection.ask(&get("Orders")).unwrap();
        assert_eq!(answer.status, 200);
        assert_eq!(left(&answer, "Real.rate-limit"), expected);
    }
    let refused = connection.ask(&get("Orders")).unwrap();
    assert_eq!(refused.status, 429);
    assert_eq!(refused.shown(), "429 rate-limit-exceeded");
    let violated = refused.json()["violated-policies"].to_string();
    assert!(violated.contains("Real.rate-limit"), "{violated}");
}

#[test]
fn requests_under_way_are_reported_too() {
    let mut world = World::new();
    world.limit("Busy.concurrency", &[("max", "1")]);
    world.set("palisade.interceptors.Busy.report-only", "true");
    world.route("Orders", "Busy");
    let node = world.start();
    let mut holder = world.connect(&node);
    holder.send_head(&pay("Orders", "{}")).unwrap();
    node.until_under_way("Busy", 1);
    let mut connection = world.connect(&node);
    assert_eq!(connection.ask(&get("Orders")).unwrap().status, 200);
    assert_eq!(reported(&node, "too-many-in-flight"), 1);
}

/// Turning it off makes the very same counters refuse.
#[test]
fn what_was_counted_while_it_only_reported_counts_when_it_refuses() {
    let mut world = with_all();
    world.limit("Tried.rate-limit", &[("requests", "3")]);
    world.remove_all("palisade.interceptors.Tried.quota");
    world.remove_all("palisade.interceptors.Tried.amount-limit");
    world.set("palisade.interceptors.Tried.report-only", "true");
    world.route("Orders", "Tried");
    let node = world.start();
    let mut connection = world.connect(&node);
    for _ in 0..2 {
        assert_eq!(connection.ask(&get("Orders")).unwrap().status, 200);
    }
    world.set("palisade.interceptors.Tried.report-only", "false");
    world.apply(&[&node]);
    assert_eq!(
        left(&connection.ask(&get("Orders")).unwrap(), "Tried.rate-limit"),
        0
    );
    let refused = connection.ask(&get("Orders")).unwrap();
    assert_refused(&refused, "rate-limit-exceeded", &["Tried.rate-limit"]);
}
