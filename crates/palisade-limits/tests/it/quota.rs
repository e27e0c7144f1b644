//! `quota`: transactions in windows of time.

use http::{Method, Request};
use http_body_util::Full;
use rstest::rstest;
use serde_json::json;

use crate::common::{NOON, World, answered, by, get, with};

const FIVE_A_DAY: &str = "quota.transactions=5\nquota.store=memory";

#[tokio::test]
async fn a_caller_has_so_many_transactions_in_a_day_of_utc() {
    let world = World::of(FIVE_A_DAY);
    assert_eq!(
        world.statuses(6, || by("alice")).await,
        [200, 200, 200, 200, 200, 429]
    );
    assert_eq!(world.statuses(1, || by("bob")).await, [200]);
    let refused = world.send(by("alice")).await;
    assert_eq!(refused.code(), "quota-exceeded");
    assert_eq!(refused.document()["violated-policies"], json!(["P.quota"]));
    assert_eq!(refused.field("retry-after").as_deref(), Some("43200"));
    assert_eq!(
        refused.field("ratelimit-policy").as_deref(),
        Some(r#""P.quota";q=5;w=86400"#)
    );
    assert_eq!(
        refused.field("ratelimit").as_deref(),
        Some(r#""P.quota";r=0;t=43200"#)
    );
    world.advance(43_199);
    assert_eq!(world.statuses(1, || by("alice")).await, [429]);
    world.advance(1);
    assert_eq!(
        world.statuses(6, || by("alice")).await,
        [200, 200, 200, 200, 200, 429]
    );
}

#[rstest]
#[case("1m", 60)]
#[case("1h", 3600)]
#[case("1d", 86_400)]
#[case("30d", 2_592_000)]
#[tokio::test]
async fn calendar_windows_begin_at_multiples_of_their_length(#[case] per: &str, #[case] seconds: u64) {
    let world = World::of(&format!("{FIVE_A_DAY}\nquota.per={per}"));
    let left = seconds - NOON % seconds;
    let answer = world.send(by("alice")).await;
    assert_eq!(
        answer.field("ratelimit"),
        Some(format!(r#""P.quota";r=4;t={left}"#))
    );
    world.advance(left);
    let answer = world.send(by("alice")).await;
    assert_eq!(
        answer.field("ratelimit"),
        Some(format!(r#""P.quota";r=4;t={seconds}"#))
    );
}

#[tokio::test]
async fn a_sliding_window_ends_a_period_after_what_was_counted() {
    let world = World::of(&format!("{FIVE_A_DAY}\nquota.window=sliding\nquota.per=1h"));
    assert_eq!(world.statuses(3, || by("alice")).await, [200; 3]);
    world.advance(1800);
    assert_eq!(world.statuses(3, || by("alice")).await, [200, 200, 429]);
    world.advance(1799);
    assert_eq!(world.statuses(1, || by("alice")).await, [429]);
    // A sixtieth of the period later at most.
    world.advance(61);
    assert_eq!(world.statuses(4, || by("alice")).await, [200, 200, 200, 429]);
}

#[rstest]
#[case(200, 429)]
#[case(204, 429)]
#[case(303, 429)]
#[case(400, 200)]
#[case(404, 200)]
#[case(500, 200)]
#[case(503, 200)]
#[tokio::test]
async fn what_is_answered_with_an_error_is_given_back(#[case] status: u16, #[case] after: u16) {
    let world = World::of("quota.transactions=1\nquota.store=memory");
    let answer = world.send(answered(status)).await;
    assert_eq!(answer.status, status);
    let left = u8::from(after == 200);
    assert_eq!(
        answer.field("ratelimit"),
        Some(format!(r#""P.quota";r={left};t=43200"#))
    );
    assert_eq!(world.send(get()).await.status, after);
}

#[tokio::test]
async fn what_a_later_stage_refuses_is_given_back_and_a_rate_is_not() {
    let world = World::of(
        "quota.transactions=1\nquota.store=memory\nquota.key=peer\nrate-limit.requests=2\nrate-limit.per=1h",
    );
    let refused = world.send(by("nobody")).await;
    assert_eq!(refused.status, 401);
    assert_eq!(
        refused.field("ratelimit").as_deref(),
        Some(r#""P.rate-limit";r=1;t=1800, "P.quota";r=1;t=43200"#)
    );
    assert_eq!(world.send(get()).await.status, 200);
    assert_eq!(world.send(get()).await.code(), "rate-limit-exceeded");
}

const NAMED: &str = "quota.transactions=2\nquota.store=memory\nquota.idempotency-header=Idempotency-Key";

fn named(name: &str) -> Request<Full<bytes::Bytes>> {
    with("idempotency-key", name)
}

#[tokio::test]
async fn a_retry_is_counted_once() {
    let world = World::of(NAMED);
    assert_eq!(world.statuses(3, || named("a")).await, [200; 3]);
    assert_eq!(world.statuses(3, || named("b")).await, [200; 3]);
    assert_eq!(world.statuses(2, || named("c")).await, [429; 2]);
    // It passes although nothing is left.
    assert_eq!(world.statuses(1, || named("a")).await, [200]);
    world.advance(86_400);
    assert_eq!(world.statuses(2, || named("a")).await, [200; 2]);
    assert_eq!(world.statuses(2, || named("c")).await, [200; 2]);
    assert_eq!(world.statuses(2, || named("b")).await, [429; 2]);
}

#[tokio::test]
async fn a_retry_is_one_of_the_same_caller_to_the_same_operation() {
    let world = World::of(&NAMED.replace("transactions=2", "transactions=1"));
    assert_eq!(world.send(named("a")).await.status, 200);
    let mut other = named("a");
    *other.method_mut() = Method::POST;
    assert_eq!(world.send(other).await.status, 429);
    let mut other = named("a");
    *other.uri_mut() = "/server/rest/Pay/Order?x=1".parse().unwrap();
    assert_eq!(world.send(other).await.status, 429);
    let mut other = named("a");
    other.headers_mut().insert("x-caller", "alice".parse().unwrap());
    assert_eq!(world.send(other).await.status, 200);
}

#[tokio::test]
async fn a_retry_of_what_failed_is_counted_when_it_succeeds() {
    let world = World::of(&NAMED.replace("transactions=2", "transactions=1"));
    let mut failing = named("a");
    failing.headers_mut().insert("x-answer", "500".parse().unwrap());
    assert_eq!(world.send(failing).await.status, 500);
    assert_eq!(world.send(named("a")).await.status, 200);
    assert_eq!(world.send(named("b")).await.status, 429);
}

#[tokio::test]
async fn names_that_say_nothing_are_no_retries() {
    let world = World::of(NAMED);
    let twice = || {
        let mut request = named("a");
        request
            .headers_mut()
            .append("idempotency-key", "b".parse().unwrap());
        request
    };
    assert_eq!(world.statuses(3, twice).await, [200, 200, 429]);
    world.advance(86_400);
    assert_eq!(world.statuses(3, || named("")).await, [200, 200, 429]);
    world.advance(86_400);
    assert_eq!(world.statuses(3, get).await, [200, 200, 429]);
}
