//! A pipeline around a client does what it does around a service, and a refusal is an error.
#![expect(clippy::expect_used, reason = "a helper of tests stops the test")]

mod actors;

use std::convert::Infallible;
use std::error::Error as _;
use std::future::Future;
use std::mem::size_of;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context as Waker, Poll};

use bytes::Bytes;
use http::{Request, Response, StatusCode, request, response};
use http_body_util::{BodyExt, Full};
use metrics_exporter_prometheus::PrometheusBuilder;
use palisade_core::outbound::{OutboundError, OutboundFuture};
use palisade_core::pipeline::ExchangeFuture;
use palisade_core::settings::ByteSize;
use palisade_core::{
    Bodies, Context, Entry, Guard, Message, Pipeline, PipelineLimits, Rejection, Stage, Step, Transform,
};
use proptest::collection::vec;
use proptest::prelude::*;
use tower::{Layer, Service, ServiceExt, service_fn};

use self::actors::{Log, entries, handler, layered, pieces, plan, run};

/// The client's own failure.
type Lost = &'static str;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn a_client_behind_stages_differs_from_a_service_behind_them_in_refusals_alone(
        plans in vec(plan(), 0..7),
        request in pieces(),
        answer in pieces(),
        fails in prop::bool::weighted(0.1),
        limit in prop_oneof![Just(20_u64), Just(1_000)],
    ) {
        let mut limits = PipelineLimits::both(ByteSize::bytes(1_000));
        limits.request_body = ByteSize::bytes(limit);
        let log = Log::default();
        let answer = if fails { Err("the connection was lost") } else { Ok(answer) };
        let pipeline = Pipeline::new(entries(&plans, &log), limits);

        let (served, happened) =
            run(layered::<_, Lost, _, _>(&pipeline, handler(answer.clone(), &log)), &request, &log);
        let (called, happened_outbound) =
            run(layered::<_, Lost, _, _>(&pipeline.outbound(), handler(answer, &log)), &request, &log);

        prop_assert_eq!(happened, happened_outbound);
        match (served, called) {
            (Ok(served), Ok(called)) => {
                prop_assert_eq!(&served.problem, &None);
                prop_assert_eq!(served, called);
            }
            (Ok(served), Err(OutboundError::Refused(rejection))) => {
                prop_assert_eq!(served.problem.as_ref(), Some(rejection.problem()));
            }
            (Err(served), Err(OutboundError::Inner(called))) => prop_assert_eq!(served, called),
            (served, called) => prop_assert!(false, "{:?} became {:?}", served, called),
        }
    }
}

/// Refuses what it is told to, and watches answers.
#[derive(Debug, Default)]
struct Watch {
    refuse_request: bool,
    refuse_response: bool,
    /// Makes a success of whatever answer it sees.
    embellish: bool,
    seen: Arc<Mutex<Vec<StatusCode>>>,
}

impl Guard for Watch {
    fn name(&self) -> &'static str {
        "watch"
    }

    fn request(&self, _: &mut Context, _: &mut request::Parts) -> Result<(), Rejection> {
        refuse(self.refuse_request, "request-refused")
    }

    fn response(&self, _: &mut Context, head: &mut response::Parts) -> Result<(), Rejection> {
        self.seen.lock().expect("what was seen").push(head.status);
        if self.embellish {
            let (other, ()) = Response::new(()).into_parts();
            *head = other;
        }
        refuse(self.refuse_response, "response-refused")
    }
}

fn refuse(refuse: bool, code: &'static str) -> Result<(), Rejection> {
    if refuse {
        let rejection = Rejection::new(StatusCode::BAD_GATEWAY, code, "It is refused");
        return Err(rejection.member("limit", 7).caused_by(Cause));
    }
    Ok(())
}

#[derive(Debug, thiserror::Error)]
#[error("the key of 2025 is gone")]
struct Cause;

type Sent = Result<StatusCode, OutboundError<Lost>>;

async fn send(pipeline: &Pipeline, outcome: Result<StatusCode, Lost>) -> (Sent, bool) {
    let reached = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&reached);
    let client = service_fn(move |_: Request<Full<Bytes>>| {
        seen.store(true, Ordering::Relaxed);
        async move {
            let mut response = Response::new(Full::new(Bytes::from_static(b"hello")));
            *response.status_mut() = outcome?;
            Ok::<_, Lost>(response)
        }
    });
    let service = pipeline.outbound().layer(client);
    let answer = service.oneshot(Request::new(Full::default())).await;
    (
        answer.map(|answer| answer.status()),
        reached.load(Ordering::Relaxed),
    )
}

#[tokio::test]
async fn a_refusal_tells_the_caller_everything_and_the_request_is_not_sent() {
    let pipeline = Pipeline::from(Stage::guard(Watch {
        refuse_request: true,
        ..Watch::default()
    }));
    let (outcome, reached) = send(&pipeline, Ok(StatusCode::OK)).await;
    let error = outcome.unwrap_err();
    assert!(!reached);
    assert_eq!(
        error.to_string(),
        "refused by a stage of this client: It is refused (request-refused)"
    );
    let problem = error.rejection().unwrap().problem();
    assert_eq!(problem.status, StatusCode::BAD_GATEWAY);
    assert_eq!(problem.members["limit"], 7);
    assert!(lifted(&error).is_some(), "the cause keeps its type");
    let boxed = error.into_boxed();
    assert_eq!(
        boxed.downcast_ref::<Rejection>().unwrap().problem().code,
        "request-refused"
    );
}

/// The cause of an error, if it is the one of these tests.
fn lifted(error: &OutboundError<Lost>) -> Option<&Cause> {
    error.rejection()?.source()?.downcast_ref()
}

#[tokio::test]
async fn a_partners_own_error_is_an_answer() {
    let pipeline = Pipeline::from(Stage::guard(Watch::default()));
    for status in [StatusCode::BAD_REQUEST, StatusCode::BAD_GATEWAY] {
        let (outcome, _) = send(&pipeline, Ok(status)).await;
        assert_eq!(outcome.unwrap(), status);
    }
}

#[tokio::test]
async fn an_error_of_the_client_stays_itself_and_no_stage_sees_it() {
    let seen = Arc::default();
    let pipeline = Pipeline::from(Stage::guard(Watch {
        refuse_response: true,
        seen: Arc::clone(&seen),
        ..Watch::default()
    }));
    let (outcome, reached) = send(&pipeline, Err("the connection was lost")).await;
    let error = outcome.unwrap_err();
    assert!(reached && error.rejection().is_none());
    assert_eq!(error.to_string(), "the connection was lost");
    assert!(seen.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_refusal_stands_although_an_outer_stage_makes_an_answer_of_it() {
    let seen = Arc::default();
    let outer = Watch {
        embellish: true,
        seen: Arc::clone(&seen),
        ..Watch::default()
    };
    let inner = Watch {
        refuse_response: true,
        ..Watch::default()
    };
    let pipeline = Pipeline::from_iter([Stage::guard(outer), Stage::guard(inner)]);
    let (outcome, _) = send(&pipeline, Ok(StatusCode::OK)).await;
    assert_eq!(
        outcome.unwrap_err().rejection().unwrap().problem().code,
        "response-refused"
    );
    assert_eq!(*seen.lock().unwrap(), [StatusCode::BAD_GATEWAY]);
}

#[tokio::test]
async fn the_last_refusal_is_the_one_that_stands() {
    let outer = Watch {
        refuse_response: true,
        ..Watch::default()
    };
    let inner = Watch {
        refuse_request: true,
        ..Watch::default()
    };
    let pipeline = Pipeline::from_iter([Stage::guard(outer), Stage::guard(inner)]);
    let (outcome, reached) = send(&pipeline, Ok(StatusCode::OK)).await;
    assert!(!reached);
    assert_eq!(
        outcome.unwrap_err().rejection().unwrap().problem().code,
        "response-refused"
    );
}

#[tokio::test]
async fn what_only_reports_refuses_nothing() {
    let mut entry = Entry::from(Stage::guard(Watch {
        refuse_request: true,
        refuse_response: true,
        ..Watch::default()
    }));
    entry.report_only = true;
    let (outcome, reached) = send(&Pipeline::from_iter([entry]), Ok(StatusCode::OK)).await;
    assert_eq!(outcome.unwrap(), StatusCode::OK);
    assert!(reached);
}

/// Puts a body in place of another, in both directions.
#[derive(Debug)]
struct Envelope;

impl Transform for Envelope {
    fn name(&self) -> &'static str {
        "envelope"
    }

    fn needs(&self) -> Bodies {
        Bodies::Both
    }

    fn request<'a>(&'a self, _: &'a mut Context, message: &'a mut Message<request::Parts>) -> Step<'a> {
        message.replace_body("sealed");
        Step::Done(Ok(()))
    }

    fn response<'a>(&'a self, _: &'a mut Context, message: &'a mut Message<response::Parts>) -> Step<'a> {
        message.replace_body("opened");
        Step::Done(Ok(()))
    }
}

#[tokio::test]
async fn bodies_are_changed_with_their_length_and_an_answer_too_large_is_refused() {
    let client = service_fn(|request: Request<Full<Bytes>>| async move {
        let length = request.headers().get("content-length").cloned();
        let body = request.into_body().collect().await?.to_bytes();
        assert_eq!((&*body, length.unwrap().to_str().unwrap()), (&b"sealed"[..], "6"));
        Ok::<_, Infallible>(Response::new(Full::new(Bytes::from_static(b"a long answer"))))
    });
    let request = || Request::post("/").body(Full::from("clear")).unwrap();
    let pipeline = |limit| {
        let mut limits = PipelineLimits::default();
        limits.response_body = ByteSize::bytes(limit);
        Pipeline::new([Stage::transform(Envelope)], limits)
    };
    let service = pipeline(20).outbound().layer(client);
    let response = service.oneshot(request()).await.unwrap();
    assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "opened");

    let service = pipeline(5).outbound().layer(client);
    let error = service.oneshot(request()).await.unwrap_err();
    assert_eq!(error.rejection().unwrap().problem().code, "response-unreadable");
    assert_eq!(
        error.source().unwrap().to_string(),
        "the response's body exceeds 5"
    );
}

/// A client that may be called once after each time it was ready.
#[derive(Debug, Default)]
struct Strict {
    is_ready: bool,
}

impl Clone for Strict {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl Service<Request<Full<Bytes>>> for Strict {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = std::future::Ready<Result<Response<Full<Bytes>>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Waker<'_>) -> Poll<Result<(), Infallible>> {
        self.is_ready = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<Full<Bytes>>) -> Self::Future {
        assert!(std::mem::take(&mut self.is_ready), "called without being ready");
        std::future::ready(Ok(Response::default()))
    }
}

#[tokio::test]
async fn the_client_that_was_ready_is_the_one_that_is_called() {
    for stage in [Stage::guard(Watch::default()), Stage::transform(Envelope)] {
        let mut service = Pipeline::from(stage).outbound().layer(Strict::default());
        for _ in 0..2 {
            let ready = service.ready().await.unwrap();
            let (answer, other) = (ready.call(Request::default()), service.clone());
            drop(other);
            answer.await.unwrap();
        }
    }
}

#[test]
fn a_refusal_is_counted_apart_from_refused_requests() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    let mut entry = Entry::from(Stage::guard(Watch {
        refuse_request: true,
        ..Watch::default()
    }));
    entry.interceptor = Arc::from("Partner");
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    metrics::with_local_recorder(&recorder, || {
        for report_only in [false, true, true] {
            entry.report_only = report_only;
            let pipeline = Pipeline::from_iter([entry.clone()]);
            let (outcome, _) = runtime.block_on(send(&pipeline, Ok(StatusCode::OK)));
            assert_eq!(outcome.is_ok(), report_only);
        }
    });
    let told = handle.render();
    let counters: Vec<&str> = told.lines().filter(|line| !line.starts_with('#')).collect();
    let counted = |verdict: &str, count: u64| {
        format!(
            "palisade_outbound_refusals_total{{code=\"request-refused\",interceptor=\"Partner\",\
             stage=\"watch\",verdict=\"{verdict}\"}} {count}"
        )
    };
    for line in [counted("refused", 1), counted("reported", 2)] {
        assert!(counters.contains(&line.as_str()), "{line} is not in {told}");
    }
    assert!(!told.contains("palisade_refusals_total"), "{told}");
}

/// Accepts everything.
#[derive(Debug)]
struct Open;

impl Guard for Open {
    fn name(&self) -> &'static str {
        "open"
    }

    fn request(&self, _: &mut Context, _: &mut request::Parts) -> Result<(), Rejection> {
        Ok(())
    }
}

#[test]
fn guards_around_a_client_allocate_nothing() {
    let client = service_fn(|_: Request<Full<Bytes>>| {
        std::future::ready(Ok::<_, Infallible>(Response::new(Full::<Bytes>::default())))
    });
    let pipeline: Pipeline = (0..6).map(|_| Stage::guard(Open)).collect();
    let mut service = pipeline.outbound().layer(client);
    let request = Request::new(Full::<Bytes>::default());
    let counted = allocation_counter::measure(|| {
        let mut waker = Waker::from_waker(std::task::Waker::noop());
        assert!(Service::<Request<Full<Bytes>>>::poll_ready(&mut service, &mut waker).is_ready());
        let future = pin!(service.call(request));
        assert!(matches!(future.poll(&mut waker), Poll::Ready(Ok(_))));
    });
    assert_eq!(counted.count_total, 0);
}

#[test]
fn the_future_is_that_of_the_pipeline() {
    type Inner = std::future::Ready<Result<Response<Full<Bytes>>, Infallible>>;
    let bare = size_of::<ExchangeFuture<Inner, Full<Bytes>, Infallible>>();
    let outbound = size_of::<OutboundFuture<Inner, Full<Bytes>, Infallible>>();
    assert!(outbound <= bare + 16, "{outbound} {bare}");
}
