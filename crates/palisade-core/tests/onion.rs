//! The onion law: a pipeline of stages is the nested layers of those stages, one by one.

mod actors;

use std::convert::Infallible;

use bytes::Bytes;
use http::{HeaderValue, StatusCode};
use palisade_core::settings::ByteSize;
use palisade_core::{Bodies, Pipeline, PipelineLimits};
use proptest::collection::vec;
use proptest::prelude::*;

use self::actors::{Effect, Inner, Log, Pieces, Plan, entries, handler, layered, pieces, plan, run};

fn answering(answer: &Pieces, log: &Log) -> Inner<Infallible> {
    handler(Ok(answer.clone()), log)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn a_pipeline_is_the_nested_layers_of_its_stages(
        plans in vec(plan(), 0..7),
        request in pieces(),
        answer in pieces(),
        // Refusals written along the way are larger than bodies here, and fit.
        limit in prop_oneof![Just(20_u64), Just(1_000)],
    ) {
        let mut limits = PipelineLimits::both(ByteSize::bytes(1_000));
        limits.request_body = ByteSize::bytes(limit);
        let log = Log::default();
        let entries = entries(&plans, &log);

        let pipeline = Pipeline::new(entries.clone(), limits);
        let at_once = run(layered(&pipeline, answering(&answer, &log)), &request, &log);

        let nested = entries.into_iter().rev().fold(answering(&answer, &log), |inner, entry| {
            layered(&Pipeline::new([entry], limits), inner)
        });
        let one_by_one = run(nested, &request, &log);

        prop_assert_eq!(at_once, one_by_one);
    }
}

#[test]
fn the_law_is_seen_to_compare_something() {
    let log = Log::default();
    let mark = |transform| Plan {
        transform,
        answers: true,
        on_request: Effect::Mark,
        on_response: Effect::Change,
        report_only: false,
    };
    let plans = [mark(None), mark(Some((Bodies::Both, true)))];
    let pipeline = Pipeline::from_iter(entries(&plans, &log));
    let answer = Pieces::from(Bytes::from_static(b"abc"));
    let (answered, happened) = run(layered(&pipeline, answering(&answer, &log)), &answer, &log);
    let Ok(answered) = answered;
    assert_eq!(
        (answered.status, answered.body),
        (StatusCode::OK, Ok(Bytes::from_static(b"cd")))
    );
    assert_eq!(
        answered.fields,
        [("content-length".to_owned(), HeaderValue::from(2))]
    );
    let order: Vec<&str> = happened
        .iter()
        .map(|line| line.split(['[', '"']).next().unwrap_or_default().trim())
        .collect();
    assert_eq!(
        order,
        [
            "request 0",
            "request 1",
            "handler POST /server/rest/pay",
            "response 200 OK kept Some(1) 1",
            "response 200 OK kept Some(0) 0",
        ]
    );
}
