//! Transactions: which requests are one, and which are the same one again.

use super::fields::{assert_refused, left, told};
use super::world::{LONG, World, get, path, pay};
use crate::callers::client::{Answer, Ask};

fn with_quota(transactions: &str, settings: &[(&str, &str)]) -> World {
    let mut world = World::with_callers();
    world.limit(
        "Each.quota",
        &[("transactions", transactions), ("per", LONG), ("store", "memory")],
    );
    world.limit("Each.quota", settings);
    world.route("Orders", "Known,Each");
    world.route("Invoices", "Known,Each");
    world
}

fn of(user: &str, ask: Ask) -> Ask {
    ask.with("x-api-key", &format!("plsd_{user}"))
}

fn remaining(answer: &Answer) -> i64 {
    assert_eq!(answer.status, 200, "{answer:?}");
    left(answer, "Each.quota")
}

#[test]
fn a_request_that_is_answered_with_an_error_is_no_transaction() {
    for window in ["calendar", "sliding"] {
        let world = with_quota("2", &[("window", window)]);
        let node = world.start();
        let mut connection = world.connect(&node);
        // The handler refuses a body beyond its bound.
        let large = of(
            "carol",
            Ask::post(&path("Orders"), "text/plain", vec![b'a'; 2 * 1024 * 1024 + 1]),
        );
        for _ in 0..4 {
            let mut connection = world.connect(&node);
            let refused = connection.ask(&large).unwrap();
            assert_eq!(refused.shown(), "413 body-too-large", "{window}");
            assert_eq!(left(&refused, "Each.quota"), 2, "{window}");
        }
        let ask = of("carol", get("Orders"));
        for expected in [1, 0] {
            assert_eq!(remaining(&connection.ask(&ask).unwrap()), expected);
        }
        assert_refused(&connection.ask(&ask).unwrap(), "quota-exceeded", &["Each.quota"]);
    }
}

#[test]
fn a_retry_is_counted_once_and_passes_even_where_nothing_is_left() {
    for window in ["calendar", "sliding"] {
        let world = with_quota(
            "3",
            &[("idempotency-header", "Idempotency-Key"), ("window", window)],
        );
        let node = world.start();
        let mut connection = world.connect(&node);
        let named = |user: &str, webservice: &str, name: &str| {
            of(user, pay(webservice, "{}")).with("idempotency-key", name)
        };
        let mut asked = |ask: &Ask| {
            let answer = connection.ask(ask).unwrap();
            if answer.status != 200 {
                assert_refused(&answer, "quota-exceeded", &["Each.quota"]);
                return None;
            }
            Some(left(&answer, "Each.quota"))
        };
        let rows = [
            (named("carol", "Orders", "a"), Some(2)),
            (named("carol", "Orders", "a"), Some(2)),
            (named("carol", "Orders", "b"), Some(1)),
            // Another operation, or another caller, names what it does for itself.
            (named("carol", "Invoices", "a"), Some(0)),
            (named("bob", "Orders", "a"), Some(2)),
            (named("carol", "Orders", "c"), None),
            (named("carol", "Orders", "a"), Some(0)),
            (named("carol", "Invoices", "a"), Some(0)),
            // Without a name each is another one, and an empty one is none.
            (of("carol", pay("Orders", "{}")), None),
            (named("bob", "Orders", ""), Some(1)),
            (named("bob", "Orders", ""), Some(0)),
        ];
        for (row, (ask, expected)) in rows.iter().enumerate() {
            assert_eq!(asked(ask), *expected, "row {row}, {window}");
        }
    }
}

/// Whoever failed has to be able to try again, and that is then counted.
#[test]
fn a_retry_of_what_failed_is_counted() {
    let world = with_quota("2", &[("idempotency-header", "Idempotency-Key")]);
    let node = world.start();
    let body = vec![b'a'; 2 * 1024 * 1024 + 1];
    let failing = of("carol", Ask::post(&path("Orders"), "text/plain", body)).with("idempotency-key", "a");
    assert_eq!(world.connect(&node).ask(&failing).unwrap().status, 413);
    let again = of("carol", pay("Orders", "{}")).with("idempotency-key", "a");
    let mut connection = world.connect(&node);
    assert_eq!(remaining(&connection.ask(&again).unwrap()), 1);
    assert_eq!(remaining(&connection.ask(&again).unwrap()), 1);
    // A retry that fails takes nothing back that the first one used.
    assert_eq!(world.connect(&node).ask(&failing).unwrap().status, 413);
    assert_eq!(
        remaining(&connection.ask(&of("carol", get("Orders"))).unwrap()),
        0
    );
}

#[test]
fn a_quota_tells_its_window_and_counts_by_principal_unless_told_otherwise() {
    let world = with_quota("5", &[]);
    let node = world.start();
    let mut connection = world.connect(&node);
    let answer = connection.ask(&of("bob", get("Orders"))).unwrap();
    let told = &told(&answer)["Each.quota"];
    assert_eq!(
        (told.quota, told.window, told.left),
        (5, Some(3650 * 24 * 60 * 60), Some(4))
    );
    assert_eq!(
        remaining(&connection.ask(&of("carol", get("Orders"))).unwrap()),
        4
    );
    // Groups that name the same interceptor share what it counts.
    assert_eq!(
        remaining(&connection.ask(&of("bob", get("Invoices"))).unwrap()),
        3
    );
}
