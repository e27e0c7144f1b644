//! `rate-limit`: so many at once, and then as many as come back.

use serde_json::json;

use crate::common::{World, from, get};

#[tokio::test]
async fn so_many_at_once_and_then_as_many_as_come_back() {
    let world = World::of("rate-limit.requests=60\nrate-limit.per=1m\nrate-limit.burst=3");
    assert_eq!(world.statuses(5, get).await, [200, 200, 200, 429, 429]);
    world.advance(1);
    assert_eq!(world.statuses(2, get).await, [200, 429]);
    world.advance(2);
    assert_eq!(world.statuses(3, get).await, [200, 200, 429]);
    world.advance(3600);
    assert_eq!(world.statuses(4, get).await, [200, 200, 200, 429]);
}

#[tokio::test]
async fn without_a_burst_all_of_a_period_may_come_at_once() {
    let world = World::of("rate-limit.requests=4\nrate-limit.per=1h");
    assert_eq!(world.statuses(5, get).await, [200, 200, 200, 200, 429]);
    world.advance(899);
    assert_eq!(world.statuses(1, get).await, [429]);
    world.advance(1);
    assert_eq!(world.statuses(2, get).await, [200, 429]);
}

#[tokio::test]
async fn every_answer_says_how_its_caller_stands() {
    let world = World::of("rate-limit.requests=2\nrate-limit.per=1m");
    for (status, left) in [(200, 1), (200, 0), (429, 0)] {
        let answer = world.send(get()).await;
        assert_eq!(answer.status, status);
        assert_eq!(
            answer.field("ratelimit-policy").as_deref(),
            Some(r#""P.rate-limit";q=2;w=60"#)
        );
        let standing = format!(r#""P.rate-limit";r={left};t=30"#);
        assert_eq!(answer.field("ratelimit"), Some(standing));
    }
    world.advance(7);
    let refused = world.send(get()).await;
    assert_eq!(refused.field("retry-after").as_deref(), Some("23"));
    assert_eq!(
        refused.field("ratelimit").as_deref(),
        Some(r#""P.rate-limit";r=0;t=23"#)
    );
    assert_eq!(refused.code(), "rate-limit-exceeded");
    assert_eq!(refused.document()["violated-policies"], json!(["P.rate-limit"]));
    assert_eq!(refused.document()["status"], 429);
    let other = world.send(from("192.0.2.2")).await;
    assert_eq!(
        other.field("ratelimit").as_deref(),
        Some(r#""P.rate-limit";r=1;t=30"#)
    );
}

#[tokio::test]
async fn a_burst_and_a_period_below_a_second_are_told_as_far_as_the_fields_can() {
    let world = World::of("rate-limit.requests=5\nrate-limit.per=250ms\nrate-limit.burst=40");
    let answer = world.send(get()).await;
    assert_eq!(
        answer.field("ratelimit-policy").as_deref(),
        Some(r#""P.rate-limit";q=20;w=1;palisade-burst=40"#)
    );
    assert_eq!(
        answer.field("ratelimit").as_deref(),
        Some(r#""P.rate-limit";r=39;t=1"#)
    );
}

#[tokio::test]
async fn a_clock_that_goes_back_locks_nobody_out_for_longer_than_a_period() {
    let world = World::of("rate-limit.requests=2\nrate-limit.per=1m");
    assert_eq!(world.statuses(3, get).await, [200, 200, 429]);
    let back = world.clock_at() - std::time::Duration::from_secs(86_400);
    world.clock.set(back);
    assert_eq!(world.statuses(1, get).await, [429]);
    world.advance(30);
    assert_eq!(world.statuses(2, get).await, [200, 429]);
}

#[tokio::test]
async fn what_only_reports_refuses_nobody_and_tells_nobody() {
    let world = World::of("report-only=true\nrate-limit.requests=2\nrate-limit.per=1m");
    for _ in 0..4 {
        let answer = world.send(get()).await;
        assert_eq!(answer.status, 200);
        // A client that goes by the fields would stop, and a trial would change what it is to try.
        assert_eq!(
            (answer.field("ratelimit-policy"), answer.field("ratelimit")),
            (None, None)
        );
    }
}
