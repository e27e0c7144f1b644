//! Several limits of one request: all are checked before any is taken from.

use serde_json::json;

use crate::common::{World, by, from, get, pay_json};

#[tokio::test]
async fn what_one_refuses_costs_the_others_nothing() {
    let world = World::of(
        "rate-limit.requests=2\nrate-limit.per=1h\n\
         quota.transactions=5\nquota.store=memory\nquota.key=global",
    );
    assert_eq!(
        world.statuses(6, || from("192.0.2.1")).await,
        [200, 200, 429, 429, 429, 429]
    );
    let answer = world.send(from("192.0.2.2")).await;
    assert_eq!(
        answer.field("ratelimit").as_deref(),
        Some(r#""P.rate-limit";r=1;t=1800, "P.quota";r=2;t=43200"#)
    );
}

const NOISY: &str = "\
palisade.endpoints[0].name=all
palisade.endpoints[0].interceptors=Shared,Each
palisade.interceptors.Each.believe.on=true
palisade.interceptors.Each.rate-limit.requests=2
palisade.interceptors.Each.rate-limit.per=1h
palisade.interceptors.Each.rate-limit.key=principal
palisade.interceptors.Shared.rate-limit.requests=6
palisade.interceptors.Shared.rate-limit.per=1h
palisade.interceptors.Shared.rate-limit.key=global
";

#[tokio::test]
async fn one_noisy_caller_cannot_use_up_what_all_share() {
    let world = World::new(NOISY);
    let statuses = world.statuses(50, || by("noisy")).await;
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 2);
    assert_eq!(world.statuses(2, || by("alice")).await, [200; 2]);
    assert_eq!(world.statuses(2, || by("bob")).await, [200; 2]);
    let refused = world.send(by("carol")).await;
    assert_eq!(
        refused.document()["violated-policies"],
        json!(["Shared.rate-limit"])
    );
}

#[tokio::test]
async fn both_limits_are_told_where_a_later_one_refuses() {
    let world = World::new(NOISY);
    world.statuses(2, || by("noisy")).await;
    let refused = world.send(by("noisy")).await;
    assert_eq!(
        refused.field("ratelimit-policy").as_deref(),
        Some(r#""Each.rate-limit";q=2;w=3600, "Shared.rate-limit";q=6;w=3600"#)
    );
    assert_eq!(
        refused.field("ratelimit").as_deref(),
        Some(r#""Each.rate-limit";r=0;t=1800, "Shared.rate-limit";r=4;t=600"#)
    );
    assert_eq!(refused.field("retry-after").as_deref(), Some("1800"));
}

#[tokio::test]
async fn who_cannot_sign_in_is_counted() {
    let world = World::new(NOISY);
    assert_eq!(
        world.statuses(7, || by("nobody")).await,
        [401, 401, 401, 401, 401, 401, 429]
    );
}

#[tokio::test]
async fn what_is_violated_together_is_named_together_and_waits_for_the_longest() {
    let world = World::of(
        "rate-limit.requests=1\nrate-limit.per=10s\nrate-limit.key=endpoint\n\
         quota.transactions=1\nquota.store=memory\nquota.key=peer",
    );
    assert_eq!(world.send(get()).await.status, 200);
    let refused = world.send(get()).await;
    assert_eq!(refused.code(), "rate-limit-exceeded");
    assert_eq!(
        refused.document()["violated-policies"],
        json!(["P.rate-limit", "P.quota"])
    );
    assert_eq!(refused.field("retry-after").as_deref(), Some("43200"));
    world.advance(10);
    let refused = world.send(get()).await;
    assert_eq!(refused.code(), "quota-exceeded");
    assert_eq!(refused.document()["violated-policies"], json!(["P.quota"]));
}

#[tokio::test]
async fn one_that_only_reports_stands_in_nobodys_way() {
    let text = format!("{NOISY}palisade.interceptors.Shared.report-only=true\n");
    let world = World::new(&text.replace("Shared.rate-limit.requests=6", "Shared.rate-limit.requests=1"));
    assert_eq!(world.statuses(3, || by("noisy")).await, [200, 200, 429]);
    assert_eq!(world.statuses(3, || by("alice")).await, [200, 200, 429]);
}

#[tokio::test]
async fn two_of_one_stage_in_one_phase_both_apply() {
    let world = World::new(
        "palisade.endpoints[0].name=all\n\
         palisade.endpoints[0].interceptors=A,B\n\
         palisade.interceptors.A.rate-limit.requests=3\n\
         palisade.interceptors.A.rate-limit.per=1h\n\
         palisade.interceptors.A.rate-limit.key=endpoint\n\
         palisade.interceptors.B.rate-limit.requests=2\n\
         palisade.interceptors.B.rate-limit.per=1h\n",
    );
    assert_eq!(world.statuses(3, || from("192.0.2.1")).await, [200, 200, 429]);
    assert_eq!(world.statuses(2, || from("192.0.2.2")).await, [200, 429]);
    let refused = world.send(from("192.0.2.2")).await;
    assert_eq!(refused.document()["violated-policies"], json!(["A.rate-limit"]));
}

const MONEY: &str = "\
rate-limit.requests=4
rate-limit.per=1h
quota.transactions=9
quota.store=memory
amount-limit.pointer=/payment/amount
amount-limit.max-per-transaction=100
amount-limit.max-total=150
amount-limit.store=memory
";

#[tokio::test]
async fn a_total_that_is_used_up_costs_earlier_limits_nothing() {
    let world = World::of(MONEY);
    assert_eq!(world.send(pay_json("alice", "100")).await.status, 200);
    for _ in 0..5 {
        let refused = world.send(pay_json("alice", "51")).await;
        assert_eq!(refused.code(), "amount-total-exceeded");
        assert_eq!(
            refused.field("ratelimit").as_deref(),
            Some(r#""P.quota";r=8;t=43200, "P.rate-limit";r=3;t=900"#)
        );
    }
    assert_eq!(world.send(pay_json("alice", "50")).await.status, 200);
}

#[tokio::test]
async fn what_is_wrong_with_an_amount_is_counted_in_rates_and_is_no_transaction() {
    let world = World::of(MONEY);
    for (amount, left) in [("101", 3), ("\"x\"", 2), ("-1", 1)] {
        let refused = world.send(pay_json("alice", amount)).await;
        assert_eq!(refused.status, 422);
        let standings = format!(r#""P.quota";r=9;t=43200, "P.rate-limit";r={left};t=900"#);
        assert_eq!(refused.field("ratelimit"), Some(standings));
    }
    assert_eq!(world.send(pay_json("alice", "100")).await.status, 200);
    assert_eq!(
        world.send(pay_json("alice", "50")).await.code(),
        "rate-limit-exceeded"
    );
}

/// What is refused is refused at its own place, whatever the order of the limits.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn fifty_callers_at_once_get_exactly_the_limit_of_each_key_and_of_all() {
    let world = std::sync::Arc::new(World::new(
        "palisade.endpoints[0].name=all\n\
         palisade.endpoints[0].interceptors=A,B\n\
         palisade.interceptors.A.quota.transactions=700\n\
         palisade.interceptors.A.quota.key=global\n\
         palisade.interceptors.A.quota.store=memory\n\
         palisade.interceptors.B.rate-limit.requests=90\n\
         palisade.interceptors.B.rate-limit.per=1d\n",
    ));
    let tasks = (0..50).map(|task: usize| {
        let world = std::sync::Arc::clone(&world);
        tokio::spawn(async move {
            let mut accepted = [0_u32; 10];
            for turn in 0..40 {
                let peer = (task + turn) % 10;
                let answer = world.send(from(&format!("192.0.2.{peer}"))).await;
                accepted[peer] += u32::from(answer.status == 200);
            }
            accepted
        })
    });
    let mut accepted = [0; 10];
    for task in tasks.collect::<Vec<_>>() {
        for (sum, of_task) in accepted.iter_mut().zip(task.await.unwrap()) {
            *sum += of_task;
        }
    }
    assert_eq!(accepted.iter().sum::<u32>(), 700, "{accepted:?}");
    assert!(accepted.iter().all(|of_peer| *of_peer <= 90), "{accepted:?}");
}
