//! What the command says of limits: `check`, `explain`, `diff`, and `limits show` and `reset`, with and without a server that runs.

use palisade_test::redis::Redis;
use serde_json::{Value, json};

use super::fields::left;
use super::node::{Ended, Node, run};
use super::world::{LONG, World, path, pay};
use crate::callers::client::Ask;

/// An interceptor `Each` with a rate, a quota and a total; each counts in that store.
fn with_all(store: &str) -> World {
    let mut world = World::with_callers();
    for (stage, settings) in [
        ("rate-limit", &[("requests", "9")][..]),
        ("quota", &[("transactions", "5")]),
        ("amount-limit", &[("max-total", "10.00"), ("pointer", "/amount")]),
    ] {
        let stage = format!("Each.{stage}");
        world.limit(&stage, settings);
        world.limit(&stage, &[("per", LONG), ("store", store), ("key", "principal")]);
    }
    world.route("Orders", "Known,Each");
    world.write();
    world
}

fn paid(user: &str, amount: &str) -> Ask {
    let body = format!(r#"{{"amount":{amount}}}"#);
    pay("Orders", &body).with("x-api-key", &format!("plsd_{user}"))
}

/// Bob uses two transactions and 3.50, carol one and 1.00.
fn use_some(world: &World, node: &Node) {
    let mut connection = world.connect(node);
    for ask in [paid("bob", "1.50"), paid("bob", "2"), paid("carol", "1")] {
        assert_eq!(connection.ask(&ask).unwrap().status, 200);
    }
}

/// The command over the folder of a server, which is asked where one is given.
fn about(world: &World, node: Option<&Node>, arguments: &[&str]) -> Ended {
    let admin = node.map_or_else(
        || "palisade.admin.enabled=false".to_owned(),
        |node| format!("palisade.admin.bind={}", node.at("admin")),
    );
    run(
        world.path(),
        &[arguments, &["--format", "json", "--set", &admin]].concat(),
    )
}

/// What is left to a key, by stage.
fn standings(document: &Value) -> Vec<(String, String)> {
    let limits = document["limits"]
        .as_array()
        .unwrap_or_else(|| panic!("{document:#}"));
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    limits
        .iter()
        .map(|limit| (text(&limit["stage"]), text(&limit["standing"]["remaining"])))
        .collect()
}

fn left_to(world: &World, node: Option<&Node>, key: &str) -> Vec<(String, String)> {
    let shown = about(world, node, &["limits", "show", "Each", "--key", key]);
    standings(&shown.with_status(0).json())
}

fn expected(rate: &str, quota: &str, amount: &str) -> Vec<(String, String)> {
    let rows = [("rate-limit", rate), ("quota", quota), ("amount-limit", amount)];
    rows.map(|(stage, left)| (stage.to_owned(), left.to_owned()))
        .into()
}

#[test]
fn limits_of_a_server_that_runs_are_shown_and_reset() {
    let world = with_all("memory");
    let node = world.start();
    use_some(&world, &node);
    assert_eq!(left_to(&world, Some(&node), "bob"), expected("7", "3", "6.5"));
    assert_eq!(left_to(&world, Some(&node), "carol"), expected("8", "4", "9"));
    assert_eq!(left_to(&world, Some(&node), "nobody"), expected("9", "5", "10"));

    // Without a key all that used something are shown.
    let shown = about(
        &world,
        Some(&node),
        &["limits", "show", "Each", "--stage", "quota"],
    );
    let shown = shown.with_status(0).json();
    let mut keys: Vec<&str> = shown["limits"][0]["keys"]
        .as_array()
        .unwrap()
        .iter()
        .map(|key| key["key"].as_str().unwrap())
        .collect();
    keys.sort_unstable();
    assert_eq!(keys, ["bob", "carol"]);
    assert_eq!(shown["limits"].as_array().unwrap().len(), 1);

    let reset = ["limits", "reset", "Each", "--stage", "quota", "--key", "bob"];
    let reset = about(&world, Some(&node), &reset).with_status(0).json();
    assert_eq!(
        reset["reset"],
        json!([{ "interceptor": "Each", "stage": "quota", "keys": 1 }])
    );
    assert_eq!(left_to(&world, Some(&node), "bob"), expected("7", "5", "6.5"));
    assert_eq!(left_to(&world, Some(&node), "carol"), expected("8", "4", "9"));
    let answer = world.connect(&node).ask(&paid("bob", "0")).unwrap();
    assert_eq!(left(&answer, "Each.quota"), 4);

    about(&world, Some(&node), &["limits", "reset", "Each", "--all"]).with_status(0);
    for user in ["bob", "carol"] {
        assert_eq!(left_to(&world, Some(&node), user), expected("9", "5", "10"));
    }
}

#[test]
fn what_cannot_be_shown_or_reset_is_not_taken_for_done() {
    let world = with_all("memory");
    let node = world.start();
    use_some(&world, &node);
    for arguments in [
        &["limits", "show", "Nobody"][..],
        &["limits", "show", "Each", "--stage", "headers"],
        &["limits", "reset", "Nobody", "--all"],
        &["limits", "reset", "Each", "--stage", "concurrency", "--all"],
        // Whose is not said, or said twice.
        &["limits", "reset", "Each"],
        &["limits", "reset"],
        &["limits", "reset", "Each", "--all", "--key", "bob"],
    ] {
        let ended = about(&world, Some(&node), arguments);
        assert_ne!(ended.status, 0, "{arguments:?}: {ended:#?}");
        assert!(ended.json()["errors"].is_array(), "{arguments:?}: {ended:#?}");
    }
    assert_eq!(left_to(&world, Some(&node), "bob"), expected("7", "3", "6.5"));
    // What memory counted ended with the server.
    node.kill();
    about(&world, None, &["limits", "reset", "Each", "--all"]).with_status(1);
}

#[test]
fn without_a_server_the_file_is_shown_and_reset_and_the_next_server_goes_on_with_it() {
    let world = with_all("embedded");
    let node = world.start();
    use_some(&world, &node);
    assert_eq!(left_to(&world, Some(&node), "bob"), expected("7", "3", "6.5"));
    node.end();
    assert_eq!(left_to(&world, None, "bob"), expected("7", "3", "6.5"));
    let reset = [
        "limits",
        "reset",
        "Each",
        "--stage",
        "amount-limit",
        "--key",
        "bob",
    ];
    about(&world, None, &reset).with_status(0);
    assert_eq!(left_to(&world, None, "bob"), expected("7", "3", "10"));
    assert_eq!(left_to(&world, None, "carol"), expected("8", "4", "9"));
    let node = world.start();
    let answer = world.connect(&node).ask(&paid("bob", "10.00")).unwrap();
    assert_eq!((answer.status, left(&answer, "Each.quota")), (200, 2));
    assert_eq!(left_to(&world, Some(&node), "bob"), expected("6", "2", "0"));
}

/// Whoever resets by hand while a server runs elsewhere, or another one, changes what all of them count.
#[test]
fn in_redis_a_reset_holds_for_all_servers() {
    let Some(redis) = Redis::start() else { return };
    let mut world = with_all("redis");
    world.set("palisade.redis.url", &redis.url());
    world.set("palisade.redis.timeout", "20s");
    let nodes: [Node; 2] = world.start_many();
    let [one, two] = &nodes;
    use_some(&world, one);
    for node in [Some(one), Some(two), None] {
        assert_eq!(left_to(&world, node, "bob"), expected("7", "3", "6.5"));
    }
    about(&world, None, &["limits", "reset", "Each", "--key", "bob"]).with_status(0);
    for node in [Some(one), Some(two), None] {
        assert_eq!(left_to(&world, node, "bob"), expected("9", "5", "10"));
        assert_eq!(left_to(&world, node, "carol"), expected("8", "4", "9"));
    }
    about(&world, Some(two), &["limits", "reset", "Each", "--all"]).with_status(0);
    let answer = world.connect(one).ask(&paid("carol", "10.00")).unwrap();
    assert_eq!((answer.status, left(&answer, "Each.quota")), (200, 4));
}

/// A web page that a browser shows must not be able to give limits back.
#[test]
fn the_admin_listener_resets_nothing_for_web_pages_or_without_its_token() {
    let mut world = with_all("memory");
    world.set("palisade.admin.token", "Correct-Horse-of-admin-7");
    let node = world.start();
    use_some(&world, &node);
    let reset = "/limits?interceptor=Each&all=true";
    let mut connection = crate::callers::client::Connection::plain(node.at("admin"), b"").unwrap();
    for (ask, status) in [
        (Ask::new("DELETE", reset), 401),
        (
            Ask::new("DELETE", reset).with("authorization", "Bearer wrong"),
            401,
        ),
        (Ask::post(reset, "application/json", "{}"), 405),
    ] {
        assert_eq!(connection.ask(&ask).unwrap().status, status, "{ask:?}");
    }
    assert_eq!(left_to(&world, Some(&node), "bob"), expected("7", "3", "6.5"));
    // The command shows the token that is in the files.
    about(&world, Some(&node), &["limits", "reset", "Each", "--all"]).with_status(0);
    assert_eq!(left_to(&world, Some(&node), "bob"), expected("9", "5", "10"));
}

#[test]
fn explain_tells_what_a_request_has_left_and_takes_nothing() {
    let world = with_all("memory");
    let node = world.start();
    use_some(&world, &node);
    let explain = ["explain", "POST", &path("Orders"), "--user", "bob"];
    for _ in 0..3 {
        let told = about(&world, Some(&node), &explain).with_status(0).json();
        let stages = told["stages"].as_array().unwrap();
        let limits: Vec<(&str, &str, &str)> = stages
            .iter()
            .filter(|stage| !stage["limit"].is_null())
            .map(|stage| {
                let standing = &stage["limit"]["standing"];
                (
                    stage["stage"].as_str().unwrap(),
                    standing["key"].as_str().unwrap(),
                    standing["remaining"].as_str().unwrap(),
                )
            })
            .collect();
        assert_eq!(
            limits,
            [
                ("rate-limit", "bob", "7"),
                ("quota", "bob", "3"),
                ("amount-limit", "bob", "6.5")
            ]
        );
    }
    let mut connection = world.connect(&node);
    for _ in 0..3 {
        assert_eq!(connection.ask(&paid("bob", "0")).unwrap().status, 200);
    }
    // What is used up is a refusal, with the status of one.
    let told = about(&world, Some(&node), &explain).with_status(1).json();
    assert_eq!(told["verdict"]["verdict"], "refused");
    assert_eq!(told["verdict"]["code"], "quota-exceeded");
}

#[test]
fn diff_tells_of_routes_that_lose_a_limit() {
    let world = with_all("memory");
    let mut after = with_all("memory");
    after.unroute();
    after.route("Orders", "Known");
    after.write();
    let ended = run(
        world.path(),
        &[
            "diff",
            world.path().to_str().unwrap(),
            after.path().to_str().unwrap(),
            "--format",
            "json",
        ],
    );
    let told = ended.json();
    assert_eq!(
        told["routes"][0]["lost"],
        json!(["rate-limit", "quota", "amount-limit"]),
        "{told:#}"
    );
}

/// Each row: a stage, one of its settings, a value that makes no sense, and the key that is complained of.
const NONSENSE: [(&str, &str, &str, &str); 31] = [
    ("rate-limit", "requests", "0", "requests"),
    ("rate-limit", "requests", "-1", "requests"),
    ("rate-limit", "requests", "1.5", "requests"),
    ("rate-limit", "requests", "many", "requests"),
    ("rate-limit", "burst", "0", "burst"),
    ("rate-limit", "per", "0s", "per"),
    ("rate-limit", "per", "1 fortnight", "per"),
    ("rate-limit", "key", "nobody", "key"),
    ("rate-limit", "key", "header:", "key"),
    ("rate-limit", "key", "header:no such", "key"),
    ("rate-limit", "max-keys", "0", "max-keys"),
    ("rate-limit", "store", "attic", "store"),
    ("rate-limit", "store", "redis", "store"),
    ("rate-limit", "on-failure", "maybe", "on-failure"),
    ("rate-limit", "request", "5", "request"),
    ("concurrency", "max", "0", "max"),
    ("concurrency", "key", "nobody", "key"),
    ("concurrency", "store", "memory", "store"),
    ("quota", "transactions", "0", "transactions"),
    ("quota", "per", "0d", "per"),
    ("quota", "per", "1500ms", "per"),
    ("quota", "window", "fixed", "window"),
    ("quota", "idempotency-header", "not a name", "idempotency-header"),
    ("amount-limit", "pointer", "amount", "pointer"),
    ("amount-limit", "pointer", "/a~2b", "pointer"),
    ("amount-limit", "currency", "EUR", "currency-pointer"),
    ("amount-limit", "currency-pointer", "/c", "currency"),
    ("amount-limit", "max-total", "-1", "max-total"),
    ("amount-limit", "max-total", "1,50", "max-total"),
    ("amount-limit", "max-total", "NaN", "max-total"),
    (
        "amount-limit",
        "max-per-transaction",
        "0.0000000000000000001",
        "max-per-transaction",
    ),
];

#[test]
fn settings_that_make_no_sense_stop_the_start_and_are_named() {
    let mut world = World::new();
    for (stage, whole) in [
        ("rate-limit", &[("requests", "5"), ("per", "1m")][..]),
        ("concurrency", &[("max", "5")]),
        ("quota", &[("transactions", "5")]),
        ("amount-limit", &[("pointer", "/amount"), ("max-total", "5")]),
    ] {
        world.limit(&format!("Each.{stage}"), whole);
    }
    world.route("Orders", "Each");
    world.write();
    run(world.path(), &["check"]).with_status(0);
    for (stage, key, value, complained) in NONSENSE {
        let before = world.properties();
        world.limit(&format!("Each.{stage}"), &[(key, value)]);
        world.write();
        let document = run(world.path(), &["check", "--format", "json"])
            .with_status(2)
            .json();
        let errors = document["errors"].as_array().unwrap();
        let key = format!("palisade.interceptors.Each.{stage}.{complained}");
        let found = errors.iter().find(|error| error["key"] == key.as_str());
        let found = found.unwrap_or_else(|| panic!("{key} is not in {document:#}"));
        let origin = found["origin"].as_str().unwrap_or_default();
        assert!(origin.starts_with("application.properties:"), "{found:#}");
        world.restore(before);
    }
    world.limit("Each.rate-limit", &[("key", "nobody")]);
    world.write();
    run(world.path(), &["serve", "--echo"]).with_status(2);
}

#[test]
fn what_is_unwise_is_found() {
    let mut world = with_all("memory");
    world.limit(
        "Header.rate-limit",
        &[("requests", "5"), ("per", "1m"), ("key", "header:x")],
    );
    world.set("palisade.redis.url", "redis://redis.example:6379");
    world.limit(
        "Open.rate-limit",
        &[
            ("requests", "5"),
            ("per", "1m"),
            ("store", "redis"),
            ("on-failure", "allow"),
        ],
    );
    world.limit(
        "Element.amount-limit",
        &[("pointer", "/all/0/amount"), ("max-total", "5"), ("key", "peer")],
    );
    world.route("Other", "Header,Open,Element");
    world.write();
    let document = run(world.path(), &["check", "--format", "json"])
        .with_status(0)
        .json();
    let findings = document["findings"].as_array().unwrap();
    for (code, key) in [
        ("limit-forgets", "Each.quota.store"),
        ("limit-forgets", "Each.amount-limit.store"),
        ("limit-key-chosen-by-client", "Header.rate-limit.key"),
        ("limit-fails-open", "Open.rate-limit.on-failure"),
        ("amount-of-one-element", "Element.amount-limit.pointer"),
    ] {
        let key = format!("palisade.interceptors.{key}");
        let found = findings
            .iter()
            .any(|finding| finding["code"] == code && finding["key"] == key.as_str());
        assert!(found, "{code} of {key} is not in {document:#}");
    }
    let fails = run(world.path(), &["check", "--fail-below", "100"]);
    fails.with_status(1);
    // Looking takes nothing away from a server, and makes no file.
    assert!(!world.path().join("data").exists());
}
