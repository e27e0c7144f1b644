//! `concurrency`: requests under way, to the last byte of their answers.

use http_body_util::BodyExt as _;

use crate::common::{World, by, from, get, waits, with};

#[tokio::test]
async fn a_place_is_taken_until_the_last_byte() {
    let world = World::of("concurrency.max=2");
    let first = world.begin(get()).await;
    let second = world.begin(get()).await;
    let refused = world.send(get()).await;
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (429, "too-many-in-flight")
    );
    assert_eq!(
        refused.field("ratelimit-policy").as_deref(),
        Some(r#""P.concurrency";q=2;qu="concurrent-requests""#)
    );
    assert_eq!(
        refused.field("ratelimit").as_deref(),
        Some(r#""P.concurrency";r=0"#)
    );
    assert_eq!(refused.field("retry-after").as_deref(), Some("1"));

    // The last frame ends it, though the body is still there.
    let mut body = std::pin::pin!(first.into_body());
    while body.frame().await.is_some() {}
    let third = world.begin(get()).await;
    assert_eq!(third.status(), 200);
    assert_eq!(world.send(get()).await.status, 429);

    // So does a client that goes away.
    drop((second, third));
    assert_eq!(world.statuses(5, get).await, [200; 5]);
}

#[tokio::test]
async fn a_request_that_is_given_up_before_its_answer_leaves_its_place() {
    let world = World::of("concurrency.max=1");
    let mut begun = Box::pin(world.begin(with("x-wait", "for ever")));
    assert!(waits(begun.as_mut()).await);
    assert_eq!(world.send(get()).await.status, 429);
    drop(begun);
    assert_eq!(world.send(get()).await.status, 200);
}

#[tokio::test]
async fn by_default_an_endpoint_is_shared_by_all_and_by_another_key_it_is_not() {
    let world = World::of("concurrency.max=1");
    let _held = world.begin(from("192.0.2.1")).await;
    assert_eq!(world.send(from("192.0.2.2")).await.status, 429);
    let world = World::of("concurrency.max=1\nconcurrency.key=principal");
    let _held = world.begin(by("alice")).await;
    assert_eq!(world.send(by("alice")).await.status, 429);
    assert_eq!(world.send(by("bob")).await.status, 200);
}

#[tokio::test]
async fn one_that_only_reports_takes_no_place_that_is_not_there() {
    let world = World::of("report-only=true\nconcurrency.max=1");
    let held = (world.begin(get()).await, world.begin(get()).await);
    assert_eq!(held.1.status(), 200);
    drop(held);
    // Had the second one taken and left a place too, there would be one too many now.
    world.reload(&crate::common::interceptor("concurrency.max=1"));
    let _held = world.begin(get()).await;
    assert_eq!(world.send(get()).await.status, 429);
}
