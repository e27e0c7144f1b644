//! What every answer says: fields, statuses, and problem documents, of each stage with its default key.

use std::time::UNIX_EPOCH;

use palisade::core::{Clock as _, SystemClock};

use super::fields::{Told, assert_refused, left, retry_after, told};
use super::world::{LONG, World, get, pay};
use crate::callers::client::{Answer, Ask};

const TEN_YEARS: i64 = 3650 * 24 * 60 * 60;

fn with_rate(settings: &[(&str, &str)]) -> World {
    let mut world = World::new();
    world.limit("Partners.rate-limit", settings);
    world.route("Orders", "Partners");
    world
}

#[test]
fn a_rate_is_told_on_every_answer_and_refused_beyond_its_burst() {
    let world = with_rate(&[("requests", "2"), ("per", LONG)]);
    let node = world.start();
    let mut connection = world.connect(&node);
    let policy = |answer: &Answer| {
        let all = told(answer);
        assert_eq!(all.len(), 1, "{answer:?}");
        all["Partners.rate-limit"].clone()
    };
    for expected in [1, 0] {
        let answer = connection.ask(&get("Orders")).unwrap();
        assert_eq!(answer.shown(), "nobody");
        let told = policy(&answer);
        assert_eq!(
            (told.quota, told.window, told.left),
            (2, Some(TEN_YEARS), Some(expected))
        );
        assert!((1..=TEN_YEARS / 2).contains(&told.resets_in.unwrap()), "{told:?}");
        assert_eq!(told.others.len(), 0, "the burst is the quota: {told:?}");
        assert_eq!(answer.field("retry-after"), None);
    }
    let refused = connection.ask(&get("Orders")).unwrap();
    assert_refused(&refused, "rate-limit-exceeded", &["Partners.rate-limit"]);
    assert_eq!(refused.json()["title"], "Too many requests");
    let wait = retry_after(&refused);
    // One comes back in half of the period.
    assert!((TEN_YEARS / 2 - 60..=TEN_YEARS / 2).contains(&wait), "{wait}");
    // Two ways of saying the same must not contradict.
    assert_eq!(policy(&refused).resets_in, Some(wait));

    // Over HTTP/2 it is the same, and the same client.
    let refused = world.curl(&node, &["--http2"], &get("Orders"));
    assert_refused(&refused, "rate-limit-exceeded", &["Partners.rate-limit"]);
}

#[test]
fn a_burst_that_is_not_the_quota_is_told_apart() {
    for burst in [1, 5] {
        let world = with_rate(&[("requests", "3"), ("per", LONG), ("burst", &burst.to_string())]);
        let node = world.start();
        let mut connection = world.connect(&node);
        for used in 1..=burst {
            let answer = connection.ask(&get("Orders")).unwrap();
            assert_eq!(answer.status, 200);
            let told = &told(&answer)["Partners.rate-limit"];
            assert_eq!((told.quota, told.left), (3, Some(burst - used)));
            assert_eq!(told.others.get("palisade-burst"), Some(&burst));
        }
        let refused = connection.ask(&get("Orders")).unwrap();
        assert_refused(&refused, "rate-limit-exceeded", &["Partners.rate-limit"]);
    }
}

#[test]
fn a_rate_gives_back_what_it_says_when_it_says() {
    let world = with_rate(&[("requests", "1"), ("per", "1s")]);
    let node = world.start();
    let mut connection = world.connect(&node);
    assert_eq!(connection.ask(&get("Orders")).unwrap().status, 200);
    // However slow this machine is: whoever waits as long as it is told is never refused.
    for _ in 0..2 {
        let wait = u64::try_from(retry_after(&until_refused(&mut connection))).unwrap();
        std::thread::sleep(std::time::Duration::from_secs(wait));
        assert_eq!(connection.ask(&get("Orders")).unwrap().status, 200);
    }
}

fn until_refused(connection: &mut crate::callers::client::Connection) -> Answer {
    loop {
        let answer = connection.ask(&get("Orders")).unwrap();
        if answer.status != 200 {
            return answer;
        }
    }
}

#[test]
fn requests_under_way_are_bounded_and_told_without_a_window() {
    let mut world = World::new();
    world.limit("Partners.concurrency", &[("max", "2")]);
    world.route("Orders", "Partners");
    let node = world.start();
    let mut holders = [world.connect(&node), world.connect(&node)];
    let mut connection = world.connect(&node);
    let answer = connection.ask(&get("Orders")).unwrap();
    node.until_under_way("Partners", 0);
    let expected = Told {
        quota: 2,
        unit: Some("concurrent-requests".to_owned()),
        left: Some(1),
        ..Told::default()
    };
    assert_eq!(told(&answer)["Partners.concurrency"], expected);
    let ask = pay("Orders", "{}");
    for holder in &mut holders {
        holder.send_head(&ask).unwrap();
    }
    node.until_under_way("Partners", 2);
    let refused = connection.ask(&get("Orders")).unwrap();
    assert_refused(&refused, "too-many-in-flight", &["Partners.concurrency"]);
    for holder in &mut holders {
        holder.send_body(&ask).unwrap();
        assert_eq!(holder.receive().unwrap().status, 200);
    }
    node.until_under_way("Partners", 0);
    assert_eq!(connection.ask(&get("Orders")).unwrap().status, 200);
}

#[test]
fn a_quota_ends_with_its_window_of_the_calendar() {
    let mut world = World::new();
    // Nobody is known here: all of them share a bucket.
    world.limit(
        "Partners.quota",
        &[("transactions", "2"), ("per", "1d"), ("store", "memory")],
    );
    world.route("Orders", "Partners");
    let node = world.start();
    let mut connection = world.connect(&node);
    let now = || {
        let now = SystemClock::new().now().duration_since(UNIX_EPOCH).unwrap();
        i64::try_from(now.as_secs()).unwrap()
    };
    let day = 24 * 60 * 60;
    loop {
        let before = now();
        let answers = [(); 3].map(|()| connection.ask(&get("Orders")).unwrap());
        if now() / day != before / day {
            // It was just midnight.
            continue;
        }
        for (answer, expected) in answers.iter().zip([1, 0]) {
            assert_eq!(answer.status, 200);
            let told = &told(answer)["Partners.quota"];
            assert_eq!(
                (told.quota, told.window, told.left),
                (2, Some(day), Some(expected))
            );
            let midnight = (before / day + 1) * day;
            let end = told.resets_in.unwrap();
            assert!((midnight - now()..=midnight - before).contains(&end), "{end}");
        }
        let [.., refused] = &answers;
        assert_refused(refused, "quota-exceeded", &["Partners.quota"]);
        assert_eq!(refused.json()["title"], "The quota of transactions is used up");
        assert_eq!(
            told(refused)["Partners.quota"].resets_in,
            Some(retry_after(refused))
        );
        return;
    }
}

#[test]
fn all_limits_of_a_group_are_told_at_once_and_one_that_refuses_costs_the_others_nothing() {
    let mut world = World::with_callers();
    world.limit(
        "Wide.rate-limit",
        &[("requests", "100"), ("per", LONG), ("key", "global")],
    );
    world.limit("Wide.concurrency", &[("max", "10")]);
    world.limit(
        "Wide.quota",
        &[
            ("transactions", "50"),
            ("per", LONG),
            ("key", "global"),
            ("store", "memory"),
        ],
    );
    world.limit(
        "Narrow.rate-limit",
        &[("requests", "40"), ("per", LONG), ("key", "header:x-one")],
    );
    world.limit(
        "Narrow.quota",
        &[
            ("transactions", "3"),
            ("per", LONG),
            ("window", "sliding"),
            ("store", "memory"),
        ],
    );
    world.route("Orders", "Wide,Known,Narrow");
    let node = world.start();
    let mut connection = world.connect(&node);
    let ask = |key: &str| get("Orders").with("x-api-key", key);
    let standings = |answer: &Answer| {
        let all = told(answer);
        all.into_iter()
            .map(|(name, told)| (name, told.left))
            .collect::<Vec<_>>()
    };
    let expected = |total: i64, own: i64| {
        [
            ("Narrow.quota", own),
            ("Narrow.rate-limit", 40 - (100 - total)),
            ("Wide.concurrency", 9),
            ("Wide.quota", 50 - (100 - total)),
            ("Wide.rate-limit", total),
        ]
        .map(|(name, left)| (name.to_owned(), Some(left)))
    };
    for used in 1..=3 {
        let answer = connection.ask(&ask("plsd_alice-1")).unwrap();
        assert_eq!(standings(&answer), expected(100 - used, 3 - used));
    }
    for _ in 0..20 {
        let refused = connection.ask(&ask("plsd_alice-1")).unwrap();
        assert_refused(&refused, "quota-exceeded", &["Narrow.quota"]);
    }
    // What alice tried in vain is missing nowhere.
    let answer = connection.ask(&ask("plsd_bob")).unwrap();
    assert_eq!(standings(&answer), expected(96, 2));
    // A wrong key is refused by another stage: it is no transaction, but a request.
    let refused = connection.ask(&ask("plsd_nobody")).unwrap();
    assert_eq!(refused.shown(), "401 credentials-invalid");
    assert_eq!(
        (left(&refused, "Wide.rate-limit"), left(&refused, "Wide.quota")),
        (95, 46)
    );
}

#[test]
fn a_refusal_names_every_policy_that_is_violated() {
    let mut world = World::new();
    for name in ["One", "Two"] {
        world.limit(&format!("{name}.rate-limit"), &[("requests", "1"), ("per", LONG)]);
    }
    world.limit("Three.rate-limit", &[("requests", "9"), ("per", LONG)]);
    world.route("Orders", "One,Three,Two");
    let node = world.start();
    let mut connection = world.connect(&node);
    assert_eq!(connection.ask(&get("Orders")).unwrap().status, 200);
    for _ in 0..3 {
        let refused = connection.ask(&get("Orders")).unwrap();
        assert_refused(
            &refused,
            "rate-limit-exceeded",
            &["One.rate-limit", "Two.rate-limit"],
        );
        assert_eq!(left(&refused, "Three.rate-limit"), 8);
    }
}

#[test]
fn answers_of_routes_without_limits_say_nothing_of_them() {
    let mut world = with_rate(&[("requests", "2"), ("per", LONG)]);
    world.route("Free", "");
    let node = world.start();
    let mut connection = world.connect(&node);
    for ask in [get("Free"), Ask::get("/server/rest/Unknown/Do")] {
        let answer = connection.ask(&ask).unwrap();
        assert_eq!(told(&answer).len(), 0, "{answer:?}");
    }
}

#[test]
fn names_of_interceptors_are_strings_of_structured_fields_whatever_they_are() {
    let mut world = World::new();
    world.set(
        "palisade.interceptors.Grüße\\ an\\ \"alle\".rate-limit.requests",
        "5",
    );
    world.set("palisade.interceptors.Grüße\\ an\\ \"alle\".rate-limit.per", LONG);
    world.route("Orders", "Grüße an \"alle\"");
    let node = world.start();
    let answer = world.connect(&node).ask(&get("Orders")).unwrap();
    let names: Vec<String> = told(&answer).into_keys().collect();
    assert_eq!(names.len(), 1, "{names:?}");
    assert!(names[0].ends_with(" an \"alle\".rate-limit"), "{names:?}");
}
