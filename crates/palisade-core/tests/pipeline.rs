//! What a pipeline promises, one promise a test.
#![expect(clippy::expect_used, reason = "a helper of tests stops the test")]

use std::convert::Infallible;
use std::future::{Future, poll_fn, ready};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{self, Poll};

use bytes::Bytes;
use http::{Request, Response, StatusCode, request, response};
use http_body::{Body, Frame};
use http_body_util::{BodyExt, Full};
use palisade_core::{
    Bodies, Context, Entry, Guard, Message, Pipeline, Rejection, RequestId, Stage, Step, Transform,
};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tower::{Layer, Service, ServiceExt, service_fn};

type Log = Arc<Mutex<Vec<String>>>;

fn said(log: &Log) -> Vec<String> {
    std::mem::take(&mut *log.lock().expect("the log"))
}

fn say(log: &Log, what: impl Into<String>) {
    log.lock().expect("the log").push(what.into());
}

/// Logs both directions, and its own end; refuses requests if it is told to.
#[derive(Debug)]
struct Witness {
    id: u8,
    refuses: bool,
    log: Log,
}

impl Witness {
    fn stage(id: u8, log: &Log) -> Stage {
        Stage::guard(Self {
            id,
            refuses: false,
            log: Arc::clone(log),
        })
    }

    fn refusing(id: u8, log: &Log) -> Stage {
        Stage::guard(Self {
            id,
            refuses: true,
            log: Arc::clone(log),
        })
    }
}

/// Says when it is dropped.
struct Permit(String, Log);

impl Drop for Permit {
    fn drop(&mut self) {
        say(&self.1, format!("released {}", self.0));
    }
}

impl Guard for Witness {
    fn name(&self) -> &'static str {
        "witness"
    }

    fn request(&self, cx: &mut Context, _: &mut request::Parts) -> Result<(), Rejection> {
        say(&self.log, format!("request {}", self.id));
        cx.keep(Permit(self.id.to_string(), Arc::clone(&self.log)));
        if self.refuses {
            return Err(Rejection::new(StatusCode::FORBIDDEN, "not-today", "Not today"));
        }
        Ok(())
    }

    fn response(&self, _: &mut Context, head: &mut response::Parts) -> Result<(), Rejection> {
        say(
            &self.log,
            format!("response {} {}", self.id, head.status.as_u16()),
        );
        Ok(())
    }
}

/// Waits once in each direction.
#[derive(Debug)]
struct Waiting;

impl Transform for Waiting {
    fn name(&self) -> &'static str {
        "waiting"
    }

    fn needs(&self) -> Bodies {
        Bodies::None
    }

    fn request<'a>(&'a self, _: &'a mut Context, _: &'a mut Message<request::Parts>) -> Step<'a> {
        Step::Wait(Box::pin(async {
            tokio::task::yield_now().await;
            Ok(())
        }))
    }

    fn response<'a>(&'a self, _: &'a mut Context, _: &'a mut Message<response::Parts>) -> Step<'a> {
        Step::Wait(Box::pin(async {
            tokio::task::yield_now().await;
            Ok(())
        }))
    }
}

fn request() -> Request<Full<Bytes>> {
    let mut request = Request::new(Full::from("ping"));
    let id = RequestId::parse(&"r-1".parse().expect("a value")).expect("an id");
    request.extensions_mut().insert(id);
    request
}

fn hello(
    log: &Log,
) -> impl Service<Request<Full<Bytes>>, Response = Response<Full<Bytes>>, Error = Infallible, Future: Send>
+ Clone
+ Send
+ use<> {
    let log = Arc::clone(log);
    service_fn(move |_| {
        say(&log, "handler");
        ready(Ok(Response::new(Full::from("hello"))))
    })
}

/// Each of the two ways a pipeline is run: guards alone, and with a transform among them.
fn both_ways(stages: &[Stage]) -> [Vec<Entry>; 2] {
    let guards: Vec<Entry> = stages.iter().cloned().map(Entry::from).collect();
    let mut boxed = vec![Entry::from(Stage::transform(Waiting))];
    boxed.extend(guards.iter().cloned());
    [guards, boxed]
}

#[tokio::test]
async fn a_refusal_unwinds_only_the_stages_already_entered() {
    let log = Log::default();
    let stages = [
        Witness::stage(1, &log),
        Witness::stage(2, &log),
        Witness::refusing(3, &log),
        Witness::stage(4, &log),
    ];
    for entries in both_ways(&stages) {
        let service = Pipeline::from_iter(entries).layer(hello(&log));
        let response = service.oneshot(request()).await.unwrap();
        assert_eq!(response.status(), StatusCode::FORBIDDEN);
        assert_eq!(
            said(&log),
            [
                "request 1",
                "request 2",
                "request 3",
                "response 2 403",
                "response 1 403"
            ]
        );
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(
            serde_json::from_slice::<Value>(&body).unwrap(),
            json!({
                "type": "urn:palisade:problem:not-today",
                "title": "Not today",
                "status": 403,
                "detail": "Not today",
                "instance": "r-1",
            })
        );
        // What was kept goes with the last bytes: whoever writes them may take its time.
        assert_eq!(said(&log), Vec::<String>::new());
        drop(body);
        assert_eq!(said(&log), ["released 3", "released 2", "released 1"]);
    }
}

#[tokio::test]
async fn a_stage_that_only_reports_lets_the_exchange_go_on() {
    let log = Log::default();
    for entries in both_ways(&[Witness::refusing(1, &log)]) {
        let entries = entries.into_iter().map(|entry| Entry {
            report_only: true,
            ..entry
        });
        let service = entries.collect::<Pipeline>().layer(hello(&log));
        assert_eq!(service.oneshot(request()).await.unwrap().status(), StatusCode::OK);
        assert_eq!(
            said(&log),
            ["request 1", "handler", "response 1 200", "released 1"]
        );
    }
}

/// A body that is fed from elsewhere.
#[derive(Debug)]
struct Channel(mpsc::UnboundedReceiver<Bytes>);

impl Body for Channel {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut task::Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0
            .poll_recv(cx)
            .map(|bytes| bytes.map(|bytes| Ok(Frame::data(bytes))))
    }
}

/// Answers with a body that is fed from outside.
fn streaming(
    answer: Channel,
) -> impl Service<Request<Full<Bytes>>, Response = Response<Channel>, Error = Infallible, Future: Send>
+ Clone
+ Send
+ use<> {
    let answer = Arc::new(Mutex::new(Some(answer)));
    service_fn(move |_| {
        let answer = answer.lock().expect("the answer").take().expect("one request");
        ready(Ok(Response::new(answer)))
    })
}

#[tokio::test]
async fn what_a_stage_keeps_lives_to_the_last_byte() {
    let log = Log::default();
    for entries in both_ways(&[Witness::stage(1, &log), Witness::stage(2, &log)]) {
        let (sender, receiver) = mpsc::unbounded_channel();
        let service = Pipeline::from_iter(entries).layer(streaming(Channel(receiver)));
        let mut body = service.oneshot(request()).await.unwrap().into_body();
        said(&log);
        sender.send(Bytes::from_static(b"one")).unwrap();
        assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "one");
        assert!(said(&log).is_empty(), "the body goes on");
        drop(sender);
        assert!(body.frame().await.is_none());
        assert_eq!(
            said(&log),
            ["released 2", "released 1"],
            "before the server lets go of the body"
        );
        drop(body);
        assert!(said(&log).is_empty());
    }
}

#[tokio::test]
async fn what_a_stage_keeps_is_released_when_the_client_goes_away() {
    let log = Log::default();
    for entries in both_ways(&[Witness::stage(1, &log), Witness::stage(2, &log)]) {
        let (sender, receiver) = mpsc::unbounded_channel();
        let pipeline = Pipeline::from_iter(entries);
        let mut body = pipeline
            .layer(streaming(Channel(receiver)))
            .oneshot(request())
            .await
            .unwrap()
            .into_body();
        sender.send(Bytes::from_static(b"one")).unwrap();
        body.frame().await.unwrap().unwrap();
        said(&log);
        drop(body);
        assert_eq!(
            said(&log),
            ["released 2", "released 1"],
            "half way through the body"
        );

        let never = service_fn(|_: Request<Full<Bytes>>| {
            std::future::pending::<Result<Response<Full<Bytes>>, Infallible>>()
        });
        {
            let mut exchange = pin!(pipeline.layer(never).oneshot(request()));
            for _ in 0..4 {
                assert!(
                    poll_fn(|cx| Poll::Ready(exchange.as_mut().poll(cx)))
                        .await
                        .is_pending()
                );
            }
            assert_eq!(said(&log), ["request 1", "request 2"]);
        }
        assert_eq!(
            said(&log),
            ["released 2", "released 1"],
            "before there was a response"
        );
    }
}

/// A service that must be ready before each call; a clone starts unready.
#[derive(Debug, Default)]
struct Touchy {
    ready: bool,
    polled: Arc<AtomicUsize>,
}

impl Clone for Touchy {
    fn clone(&self) -> Self {
        Self {
            ready: false,
            polled: Arc::clone(&self.polled),
        }
    }
}

impl Service<Request<Full<Bytes>>> for Touchy {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = std::future::Ready<Result<Response<Full<Bytes>>, Infallible>>;

    fn poll_ready(&mut self, cx: &mut task::Context<'_>) -> Poll<Result<(), Infallible>> {
        if self.polled.fetch_add(1, Ordering::Relaxed).is_multiple_of(2) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        self.ready = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<Full<Bytes>>) -> Self::Future {
        assert!(std::mem::take(&mut self.ready), "called without being ready");
        ready(Ok(Response::new(Full::default())))
    }
}

#[tokio::test]
async fn readiness_is_forwarded_and_the_ready_instance_is_the_one_called() {
    let log = Log::default();
    for entries in both_ways(&[Witness::stage(1, &log)]) {
        let inner = Touchy::default();
        let polled = Arc::clone(&inner.polled);
        let mut service = Pipeline::from_iter(entries).layer(inner);
        let pending = poll_fn(|cx| Poll::Ready(service.poll_ready(cx))).await;
        assert!(pending.is_pending(), "the inner service is not ready yet");
        for calls in 1..4 {
            service.ready().await.unwrap().call(request()).await.unwrap();
            assert_eq!(polled.load(Ordering::Relaxed), 2 * calls);
        }
    }
}

#[tokio::test]
async fn an_error_of_the_inner_service_passes_untouched_and_no_stage_sees_it() {
    let log = Log::default();
    for entries in both_ways(&[Witness::stage(1, &log)]) {
        let broken =
            service_fn(|_: Request<Full<Bytes>>| ready(Err::<Response<Full<Bytes>>, &str>("broken pipe")));
        let error = Pipeline::from_iter(entries)
            .layer(broken)
            .oneshot(request())
            .await
            .unwrap_err();
        assert_eq!(error, "broken pipe");
        assert_eq!(said(&log), ["request 1", "released 1"]);
    }
}
