//! Files that change under a server that runs: rules are those of the new files, and what was used stays used.

use palisade_test::redis::Redis;
use rstest::rstest;

use super::fields::{assert_refused, left, told};
use super::world::{LONG, World, get, pay};
use crate::callers::client::Connection;

fn used(connection: &mut Connection, webservice: &str, policy: &str, count: usize) -> i64 {
    let mut rest = -1;
    for _ in 0..count {
        let answer = connection.ask(&get(webservice)).unwrap();
        assert_eq!(answer.status, 200, "{answer:?}");
        rest = left(&answer, policy);
    }
    rest
}

/// What a limit counts, as far as it can be raised and lowered.
#[rstest]
#[case::rate("rate-limit", "requests", "memory")]
#[case::quota("quota", "transactions", "memory")]
#[case::kept_rate("rate-limit", "requests", "embedded")]
#[case::kept_quota("quota", "transactions", "embedded")]
#[case::shared_rate("rate-limit", "requests", "redis")]
#[case::shared_quota("quota", "transactions", "redis")]
fn a_limit_that_is_raised_or_lowered_keeps_what_was_used(
    #[case] stage: &str,
    #[case] number: &str,
    #[case] store: &str,
) {
    let redis = (store == "redis").then(Redis::start).flatten();
    let mut world = World::new();
    if store == "redis" {
        let Some(redis) = &redis else { return };
        world.set("palisade.redis.url", &redis.url());
        world.set("palisade.redis.timeout", "20s");
    }
    let (limit, policy) = (format!("Each.{stage}"), format!("Each.{stage}"));
    world.limit(
        &limit,
        &[(number, "5"), ("per", LONG), ("key", "peer"), ("store", store)],
    );
    world.route("Orders", "Each");
    let node = world.start();
    let mut connection = world.connect(&node);
    assert_eq!(used(&mut connection, "Orders", &policy, 3), 2);

    world.limit(&limit, &[(number, "8")]);
    world.apply(&[&node]);
    assert_eq!(used(&mut connection, "Orders", &policy, 1), 4);

    world.limit(&limit, &[(number, "2")]);
    world.apply(&[&node]);
    let refused = connection.ask(&get("Orders")).unwrap();
    assert_eq!((refused.status, told(&refused)[&policy].quota), (429, 2));
    assert_eq!(left(&refused, &policy), 0);

    world.limit(&limit, &[(number, "5")]);
    world.apply(&[&node]);
    assert_eq!(used(&mut connection, "Orders", &policy, 1), 0);
    assert_eq!(connection.ask(&get("Orders")).unwrap().status, 429);
}

#[test]
fn an_amount_that_is_raised_or_lowered_keeps_what_was_used() {
    for store in ["memory", "embedded"] {
        let mut world = World::new();
        let limit = "Pay.amount-limit";
        world.limit(
            limit,
            &[
                ("pointer", "/amount"),
                ("max-total", "10.00"),
                ("per", LONG),
                ("store", store),
            ],
        );
        world.route("Payments", "Pay");
        let node = world.start();
        let mut connection = world.connect(&node);
        let mut paid = |text: &str| {
            let body = format!(r#"{{"amount":{text},"sum":{text}}}"#);
            connection.ask(&pay("Payments", &body)).unwrap().status
        };
        assert_eq!([paid("7.50"), paid("2.51")], [200, 429]);
        world.limit(limit, &[("max-total", "20.00"), ("pointer", "/sum")]);
        world.apply(&[&node]);
        assert_eq!([paid("12.51"), paid("5.00")], [429, 200]);
        world.limit(limit, &[("max-total", "12.00")]);
        world.apply(&[&node]);
        assert_eq!(paid("0.01"), 429);
        world.limit(limit, &[("max-total", "12.51")]);
        world.apply(&[&node]);
        assert_eq!([paid("0.02"), paid("0.01")], [429, 200]);
    }
}

#[test]
fn an_interceptor_that_moves_takes_its_counters_along() {
    let mut world = World::new();
    for name in ["One", "Two"] {
        world.limit(&format!("{name}.rate-limit"), &[("requests", "9"), ("per", LONG)]);
        world.limit(
            &format!("{name}.quota"),
            &[("transactions", "9"), ("per", LONG), ("store", "memory")],
        );
    }
    world.route("Orders", "One");
    world.route("Invoices", "Two");
    let node = world.start();
    let mut connection = world.connect(&node);
    assert_eq!(used(&mut connection, "Orders", "One.quota", 3), 6);
    assert_eq!(used(&mut connection, "Invoices", "Two.quota", 1), 8);

    // Groups in another order, and each has the other's interceptor.
    world.unroute();
    world.route("Before", "");
    world.route("Invoices", "One");
    world.route("Orders", "Two");
    world.apply(&[&node]);
    assert_eq!(used(&mut connection, "Invoices", "One.quota", 1), 5);
    assert_eq!(used(&mut connection, "Orders", "Two.rate-limit", 1), 7);

    // Both in one group, the last one first.
    world.unroute();
    world.route("Orders", "Two,One");
    world.apply(&[&node]);
    let answer = connection.ask(&get("Orders")).unwrap();
    let all = told(&answer);
    let left: Vec<_> = ["One.rate-limit", "One.quota", "Two.rate-limit", "Two.quota"]
        .map(|policy| all[policy].left.unwrap())
        .into();
    assert_eq!(left, [4, 4, 6, 6]);

    // Another name is another counter.
    world.limit("Three.rate-limit", &[("requests", "9"), ("per", LONG)]);
    world.unroute();
    world.route("Orders", "Three,One");
    world.apply(&[&node]);
    assert_eq!(used(&mut connection, "Orders", "Three.rate-limit", 1), 8);
    assert_eq!(used(&mut connection, "Orders", "One.rate-limit", 1), 2);
}

#[test]
fn files_that_are_wrong_change_nothing() {
    let mut world = World::new();
    world.limit("Each.rate-limit", &[("requests", "2"), ("per", LONG)]);
    world.route("Orders", "Each");
    let node = world.start();
    let mut connection = world.connect(&node);
    assert_eq!(used(&mut connection, "Orders", "Each.rate-limit", 1), 1);
    for (key, value) in [
        ("requests", "0"),
        ("per", "soon"),
        ("key", "nobody"),
        ("store", "attic"),
    ] {
        let mut wrong = vec![
            ("requests", "9"),
            ("per", LONG),
            ("key", "peer"),
            ("store", "memory"),
        ];
        wrong.push((key, value));
        world.limit("Each.rate-limit", &wrong);
        world.write();
        super::node::until("the refusal of the files", || {
            let reload = &node.admin("/status")["last-reload"];
            let errors = reload["errors"].to_string();
            reload["outcome"] == "refused" && errors.contains(&format!("Each.rate-limit.{key}"))
        });
    }
    assert_eq!(used(&mut connection, "Orders", "Each.rate-limit", 1), 0);
    let refused = connection.ask(&get("Orders")).unwrap();
    assert_refused(&refused, "rate-limit-exceeded", &["Each.rate-limit"]);
}

#[test]
fn requests_under_way_are_counted_by_the_new_rule_too() {
    let mut world = World::new();
    world.limit("Busy.concurrency", &[("max", "1")]);
    world.route("Orders", "Busy");
    let node = world.start();
    let mut connection = world.connect(&node);
    let mut holder = world.connect(&node);
    let ask = pay("Orders", "{}");
    holder.send_head(&ask).unwrap();
    node.until_under_way("Busy", 1);
    assert_eq!(connection.ask(&get("Orders")).unwrap().status, 429);
    world.limit("Busy.concurrency", &[("max", "2")]);
    world.apply(&[&node]);
    let mut second = world.connect(&node);
    second.send_head(&ask).unwrap();
    node.until_under_way("Busy", 2);
    assert_eq!(connection.ask(&get("Orders")).unwrap().status, 429);
    // The first one began under the old rule, and frees its place under the new one.
    holder.send_body(&ask).unwrap();
    assert_eq!(holder.receive().unwrap().status, 200);
    node.until_under_way("Busy", 1);
    assert_eq!(connection.ask(&get("Orders")).unwrap().status, 200);
}
