//! Stores of the application's own: several in one request, and ones that fail.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::SystemTime;

use palisade_core::{
    BoxFuture, CounterHandle, Demand, LimitCounter, LimitKey, LimitStore, LimitStoreError, LimitStores,
    Taking,
};
use palisade_store::MemoryLimits;
use rstest::rstest;

use crate::common::{World, by, from, get, interceptor, pay_json, waits};

/// A store that answers later, like one behind a network, and can be broken.
#[derive(Debug, Clone, Default)]
struct Remote {
    memory: Arc<MemoryLimits>,
    broken: Arc<AtomicBool>,
    asked: Arc<AtomicUsize>,
}

impl Remote {
    fn later<'a>(&'a self, answer: impl FnOnce() -> Taking<'a> + Send + 'a) -> Taking<'a> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        Taking::Wait(Box::pin(async move {
            tokio::task::yield_now().await;
            if self.broken.load(Ordering::Relaxed) {
                return Err(LimitStoreError::new("it is broken"));
            }
            answer().outcome().await
        }))
    }
}

impl LimitStore for Remote {
    fn counter(&self, name: &str, max_keys: usize) -> CounterHandle {
        self.memory.counter(name, max_keys)
    }

    fn take<'a>(&'a self, demands: &'a mut [Demand], now: SystemTime) -> Taking<'a> {
        self.later(move || self.memory.take(demands, now))
    }

    fn give_back<'a>(&'a self, demands: &'a mut [Demand], now: SystemTime) -> Taking<'a> {
        self.later(move || self.memory.give_back(demands, now))
    }

    fn look<'a>(&'a self, demands: &'a mut [Demand], now: SystemTime) -> Taking<'a> {
        self.later(move || self.memory.look(demands, now))
    }

    fn reset<'a>(
        &'a self,
        counter: &'a LimitCounter,
        key: Option<LimitKey>,
    ) -> BoxFuture<'a, Result<u64, LimitStoreError>> {
        self.memory.reset(counter, key)
    }

    fn keys<'a>(
        &'a self,
        counter: &'a LimitCounter,
        at_most: usize,
        now: SystemTime,
    ) -> BoxFuture<'a, Result<Vec<LimitKey>, LimitStoreError>> {
        self.memory.keys(counter, at_most, now)
    }
}

const OWN: &str = "rate-limit.requests=2\nrate-limit.per=1h\nrate-limit.store=own\nrate-limit.key=principal";

#[tokio::test]
async fn a_store_of_ones_own_counts() {
    let world = World::with_store(OWN, Remote::default());
    assert_eq!(world.statuses(3, || by("alice")).await, [200, 200, 429]);
    let answer = world.send(by("bob")).await;
    assert_eq!(
        answer.field("ratelimit").as_deref(),
        Some(r#""P.rate-limit";r=1;t=1800"#)
    );
}

#[rstest]
#[case("", 503)]
#[case("rate-limit.on-failure=deny", 503)]
#[case("rate-limit.on-failure=allow", 200)]
#[tokio::test]
async fn a_store_that_fails_is_dealt_with_as_written(#[case] setting: &str, #[case] status: u16) {
    let remote = Remote::default();
    let world = World::with_store(&format!("{OWN}\n{setting}"), remote.clone());
    assert_eq!(world.statuses(2, || by("alice")).await, [200, 200]);
    remote.broken.store(true, Ordering::Relaxed);
    let answer = world.send(by("alice")).await;
    assert_eq!(answer.status, status);
    assert_eq!(answer.field("ratelimit"), None);
    if status == 503 {
        assert_eq!(answer.code(), "store-unavailable");
        assert_eq!(answer.field("retry-after").as_deref(), Some("1"));
    }
    remote.broken.store(false, Ordering::Relaxed);
    assert_eq!(world.send(by("alice")).await.status, 429);
}

#[tokio::test]
async fn what_holds_for_all_stores_can_be_said_once() {
    let remote = Remote::default();
    let stores = LimitStores::default()
        .with("own", Arc::new(remote.clone()))
        .with_on_failure(palisade_core::OnFailure::Allow);
    remote.broken.store(true, Ordering::Relaxed);
    let world = World::with_stores(&interceptor(OWN), stores.clone());
    assert_eq!(world.send(by("alice")).await.status, 200);
    let world = World::with_stores(
        &interceptor(&format!("{OWN}\nrate-limit.on-failure=deny")),
        stores,
    );
    assert_eq!(world.send(by("alice")).await.status, 503);
}

#[tokio::test]
async fn a_store_that_fails_where_it_only_reports_stops_nobody() {
    let remote = Remote::default();
    remote.broken.store(true, Ordering::Relaxed);
    let world = World::with_store(&format!("report-only=true\n{OWN}"), remote);
    assert_eq!(world.send(by("alice")).await.status, 200);
}

const BOTH: &str = "\
rate-limit.requests=2
rate-limit.per=1h
concurrency.max=1
concurrency.key=peer
quota.transactions=3
quota.key=global
quota.store=own
";

#[tokio::test]
async fn what_memory_refuses_is_not_asked_elsewhere() {
    let remote = Remote::default();
    let world = World::with_store(BOTH, remote.clone());
    assert_eq!(world.statuses(2, get).await, [200, 200]);
    let asked = remote.asked.load(Ordering::Relaxed);
    assert_eq!(world.statuses(5, get).await, [429; 5]);
    assert_eq!(remote.asked.load(Ordering::Relaxed), asked);
    // The total that all share is as it was: one is left.
    assert_eq!(world.send(from("192.0.2.2")).await.status, 200);
    assert_eq!(world.send(from("192.0.2.2")).await.code(), "quota-exceeded");
}

#[tokio::test]
async fn what_another_store_refuses_costs_nothing_in_memory() {
    let world = World::with_store(
        &BOTH.replace("transactions=3", "transactions=1"),
        Remote::default(),
    );
    assert_eq!(world.send(get()).await.status, 200);
    let refused = world.send(get()).await;
    assert_eq!(refused.code(), "quota-exceeded");
    for _ in 0..5 {
        assert_eq!(world.send(get()).await.code(), "quota-exceeded");
    }
    world.advance(43_200);
    let answer = world.send(get()).await;
    assert_eq!(answer.status, 200);
    assert!(
        answer
            .field("ratelimit")
            .unwrap()
            .contains(r#""P.rate-limit";r=1"#)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn fifty_callers_get_exactly_the_limit_of_each_store() {
    let settings = "rate-limit.requests=400\nrate-limit.per=1d\nrate-limit.key=global\n\
                    quota.transactions=50\nquota.key=peer\nquota.store=own";
    let world = Arc::new(World::with_store(settings, Remote::default()));
    let tasks: Vec<_> = (0..50)
        .map(|task: usize| {
            let world = Arc::clone(&world);
            tokio::spawn(async move {
                let peer = format!("192.0.2.{}", task % 5);
                let statuses = world.statuses(20, || from(&peer)).await;
                statuses.iter().filter(|status| **status == 200).count()
            })
        })
        .collect();
    let mut accepted = 0;
    for task in tasks {
        accepted += task.await.unwrap();
    }
    // Of five peers each has fifty, which is less than all have together.
    assert_eq!(accepted, 250);
}

const GIVEN_UP: &str = "\
quota.transactions=2
quota.key=global
quota.store=memory
rate-limit.requests=5
rate-limit.per=1h
concurrency.max=1
amount-limit.pointer=/payment/amount
amount-limit.max-total=10
amount-limit.store=own
";

#[tokio::test]
async fn what_is_given_up_before_the_handler_is_called_is_no_transaction() {
    let world = World::with_store(GIVEN_UP, Remote::default());
    for _ in 0..3 {
        let mut begun = Box::pin(world.begin(pay_json("alice", "10")));
        // Past the limits in memory, and waiting for the other store.
        assert!(waits(begun.as_mut()).await);
        assert_eq!(world.send(get()).await.code(), "too-many-in-flight");
        drop(begun);
    }
    let answer = world.send(get()).await;
    assert_eq!(answer.status, 200);
    // Those three were counted in the rate, and nowhere else.
    let told = answer.field("ratelimit").unwrap();
    assert!(
        told.contains(r#""P.rate-limit";r=1;t=720"#) && told.contains(r#""P.quota";r=1;t=43200"#),
        "{told}"
    );
}

#[tokio::test]
async fn what_is_given_up_while_the_handler_works_stays_counted() {
    let world = World::with_store(&GIVEN_UP.replace("memory", "own"), Remote::default());
    let mut request = pay_json("alice", "10");
    request
        .headers_mut()
        .insert("x-wait", "for ever".parse().unwrap());
    let mut begun = Box::pin(world.begin(request));
    for _ in 0..10 {
        assert!(waits(begun.as_mut()).await);
        tokio::task::yield_now().await;
    }
    drop(begun);
    let answer = world.send(get()).await;
    assert!(answer.field("ratelimit").unwrap().contains(r#""P.quota";r=0"#));
    // Whoever keeps its bytes keeps its place.
    drop(answer);
    assert_eq!(world.send(pay_json("alice", "1")).await.code(), "quota-exceeded");
}
