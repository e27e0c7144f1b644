//! What a limit costs a request.

use std::sync::Arc;

use allocation_counter::measure;
use palisade_core::Context;
use palisade_core::settings::Period;
use palisade_core::{Clock, Guard, Pipeline, Stage};
use palisade_limits::{ConcurrencySettings, Limits, RateLimitSettings};
use palisade_test::FakeClock;

use crate::common::get;

fn guard(pipeline: &Pipeline) -> Arc<dyn Guard> {
    match pipeline.entries().first().map(|entry| &entry.stage) {
        Some(Stage::Guard(guard)) => Arc::clone(guard),
        other => panic!("no guard: {other:?}"),
    }
}

fn builder() -> palisade_limits::LimitsBuilder {
    let clock: Arc<dyn Clock> = Arc::new(FakeClock::now_and_standing());
    Limits::builder().clock(clock)
}

/// One for what the exchange holds, and on the way back one for the value of `RateLimit`.
#[test]
fn an_accepted_request_costs_what_it_holds_and_the_field_of_its_answer() {
    let pipeline = builder()
        .rate_limit(RateLimitSettings::new(1_000, Period::seconds(1)))
        .layer()
        .expect("a limit");
    let guard = guard(&pipeline);
    let (mut head, _) = get().into_parts();
    let (mut answer, ()) = http::Response::new(()).into_parts();
    answer.headers.reserve(8);
    for turn in 0..3 {
        let mut cx = Context::new(&head);
        let way_in = measure(|| assert!(guard.request(&mut cx, &mut head).is_ok()));
        let way_back = measure(|| assert!(guard.response(&mut cx, &mut answer).is_ok()));
        answer.headers.clear();
        if turn > 0 {
            // The list of what is kept, and what is held.
            assert!(way_in.count_total <= 2, "{}", way_in.count_total);
            assert!(way_back.count_total <= 4, "{}", way_back.count_total);
        }
    }
}

#[test]
fn several_limits_cost_hardly_more_than_one() {
    let pipeline = builder()
        .rate_limit(RateLimitSettings::new(1_000, Period::seconds(1)))
        .concurrency(ConcurrencySettings::new(10))
        .layer()
        .expect("limits");
    let guard = guard(&pipeline);
    let (mut head, _) = get().into_parts();
    for turn in 0..3 {
        let mut cx = Context::new(&head);
        let way_in = measure(|| assert!(guard.request(&mut cx, &mut head).is_ok()));
        if turn > 0 {
            assert!(way_in.count_total <= 4, "{}", way_in.count_total);
        }
    }
}

#[test]
fn a_limit_in_memory_is_no_reason_to_box_an_exchange() {
    let pipeline = builder()
        .rate_limit(RateLimitSettings::new(1, Period::seconds(1)))
        .concurrency(ConcurrencySettings::new(1))
        .layer()
        .expect("limits");
    assert!(pipeline.is_guards_alone());
}
