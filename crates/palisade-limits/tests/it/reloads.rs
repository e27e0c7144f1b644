//! A reload changes the rule, and keeps what was used.

use std::sync::Arc;

use crate::common::{World, by, get, interceptor};

const RATE: &str = "rate-limit.requests=10\nrate-limit.per=10h";
const QUOTA: &str = "quota.transactions=4\nquota.store=memory";

#[tokio::test]
async fn what_was_used_stays_used() {
    let world = World::of(RATE);
    world.statuses(6, get).await;
    world.reload(&interceptor(RATE));
    assert_eq!(world.statuses(5, get).await, [200, 200, 200, 200, 429]);
}

#[tokio::test]
async fn another_rate_counts_what_was_used_in_requests() {
    let world = World::of(RATE);
    world.statuses(6, get).await;
    world.reload(&interceptor("rate-limit.requests=8\nrate-limit.per=8m"));
    assert_eq!(world.statuses(3, get).await, [200, 200, 429]);
    // One comes back in each minute now.
    world.advance(60);
    assert_eq!(world.statuses(2, get).await, [200, 429]);
    world.reload(&interceptor("rate-limit.requests=20\nrate-limit.per=1h"));
    let accepted = world
        .statuses(20, get)
        .await
        .iter()
        .filter(|status| **status == 200)
        .count();
    assert_eq!(accepted, 12);
}

#[tokio::test]
async fn a_quota_keeps_its_count_under_another_number_and_in_another_window() {
    let world = World::of(QUOTA);
    world.statuses(3, || by("alice")).await;
    world.reload(&interceptor(&QUOTA.replace('4', "5")));
    assert_eq!(world.statuses(3, || by("alice")).await, [200, 200, 429]);
    world.reload(&interceptor(&QUOTA.replace('4', "3")));
    let refused = world.send(by("alice")).await;
    assert_eq!(
        refused.field("ratelimit").as_deref(),
        Some(r#""P.quota";r=0;t=43200"#)
    );
    // How much of it was used in this hour is not known: all of it, to be safe.
    world.reload(&interceptor(&format!(
        "{}\nquota.per=1h",
        QUOTA.replace('4', "6")
    )));
    assert_eq!(world.statuses(2, || by("alice")).await, [200, 429]);
    world.advance(3600);
    assert_eq!(world.statuses(1, || by("alice")).await, [200]);
}

#[tokio::test]
async fn a_renamed_interceptor_begins_anew_and_the_old_name_goes_on() {
    let world = World::of(QUOTA);
    world.statuses(4, || by("alice")).await;
    let renamed = interceptor(QUOTA)
        .replace(".P.", ".Q.")
        .replace("interceptors=P", "interceptors=Q");
    world.reload(&renamed);
    assert_eq!(world.send(by("alice")).await.status, 200);
    world.reload(&interceptor(QUOTA));
    assert_eq!(world.send(by("alice")).await.status, 429);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn fifty_callers_get_exactly_the_limit_while_the_policy_is_replaced() {
    const LIMIT: usize = 600;
    let texts = [
        interceptor(&format!(
            "quota.transactions={LIMIT}\nquota.store=memory\nquota.key=global"
        )),
        interceptor(&format!(
            "quota.transactions={LIMIT}\nquota.store=memory\nquota.key=global\nrate-limit.requests=1000000\nrate-limit.per=1s"
        )),
    ];
    let world = Arc::new(World::new(&texts[0]));
    let texts = Arc::new(texts);
    let tasks: Vec<_> = (0..50)
        .map(|task| {
            let (world, texts) = (Arc::clone(&world), Arc::clone(&texts));
            tokio::spawn(async move {
                let mut accepted = 0;
                for turn in 0..30 {
                    if turn % 10 == task % 10 {
                        world.reload(&texts[turn % 2]);
                    }
                    accepted += usize::from(world.send(get()).await.status == 200);
                }
                accepted
            })
        })
        .collect();
    let mut accepted = 0;
    for task in tasks {
        accepted += task.await.unwrap();
    }
    assert_eq!(accepted, LIMIT);
}
