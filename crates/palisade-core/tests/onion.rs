//! The onion law: a pipeline of stages is the nested layers of those stages, one by one.
#![expect(clippy::expect_used, reason = "a helper of tests stops the test")]

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{self, Poll};

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue};
use http::{Request, Response, StatusCode, request, response};
use http_body::{Body, Frame};
use http_body_util::BodyExt;
use http_body_util::combinators::UnsyncBoxBody;
use palisade_core::settings::ByteSize;
use palisade_core::{
    Bodies, Context, Entry, Guard, Message, Pipeline, PipelineLimits, Rejection, RequestId, Stage, Step,
    Transform,
};
use proptest::collection::vec;
use proptest::prelude::*;
use tower::util::BoxCloneService;
use tower::{Layer, ServiceExt, service_fn};

type Log = Arc<Mutex<Vec<String>>>;
type Broken = Box<dyn std::error::Error + Send + Sync>;

/// A body that comes in pieces and may break at its end.
#[derive(Debug, Clone, Default)]
struct Pieces {
    pieces: VecDeque<Bytes>,
    breaks: bool,
}

impl From<Bytes> for Pieces {
    fn from(bytes: Bytes) -> Self {
        Self {
            pieces: [bytes].into(),
            breaks: false,
        }
    }
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut task::Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        match self.pieces.pop_front() {
            Some(piece) => Poll::Ready(Some(Ok(Frame::data(piece)))),
            None if std::mem::take(&mut self.breaks) => {
                Poll::Ready(Some(Err("the connection was lost".into())))
            }
            None => Poll::Ready(None),
        }
    }
}

impl Pieces {
    fn length(&self) -> usize {
        self.pieces.iter().map(Bytes::len).sum()
    }
}

/// What a stage does to a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Effect {
    Nothing,
    Mark,
    /// Puts another body in place, where the stage has it whole.
    Change,
    Refuse,
}

#[derive(Debug, Clone)]
struct Plan {
    /// `None` is a guard.
    transform: Option<(Bodies, bool)>,
    on_request: Effect,
    on_response: Effect,
    report_only: bool,
}

/// A stage that follows a plan and logs what it sees.
#[derive(Debug)]
struct Actor {
    id: usize,
    plan: Plan,
    log: Log,
}

impl Actor {
    fn log(&self, what: &str, headers: &HeaderMap, body: Option<&Bytes>) {
        let line = format!("{what} {} {:?} {body:?}", self.id, fields(headers));
        self.log.lock().expect("the log").push(line);
    }

    fn refusal(&self) -> Rejection {
        Rejection::new(StatusCode::IM_A_TEAPOT, format!("refused-{}", self.id), "Refused").header(
            HeaderName::from_static("x-refused-by"),
            HeaderValue::from(self.id),
        )
    }

    /// What both directions have in common; `Some` is the new body.
    fn act(
        &self,
        effect: Effect,
        headers: &mut HeaderMap,
        body: Option<&Bytes>,
    ) -> Result<Option<Bytes>, Rejection> {
        match effect {
            Effect::Nothing => Ok(None),
            Effect::Mark => {
                headers.append("x-mark", HeaderValue::from(self.id));
                Ok(None)
            }
            // One byte shorter, so that no body grows beyond a limit on its way.
            Effect::Change => {
                Ok(body.map(|body| body.iter().skip(1).map(|byte| byte.wrapping_add(1)).collect()))
            }
            Effect::Refuse => Err(self.refusal()),
        }
    }

    fn enter(
        &self,
        cx: &mut Context,
        head: &mut request::Parts,
        body: Option<&Bytes>,
    ) -> Result<Option<Bytes>, Rejection> {
        self.log("request", &head.headers, body);
        cx.keep(self.id);
        self.act(self.plan.on_request, &mut head.headers, body)
    }

    fn leave(
        &self,
        cx: &mut Context,
        head: &mut response::Parts,
        body: Option<&Bytes>,
    ) -> Result<Option<Bytes>, Rejection> {
        self.log(
            &format!("response {} kept {:?}", head.status, cx.kept::<usize>()),
            &head.headers,
            body,
        );
        self.act(self.plan.on_response, &mut head.headers, body)
    }

    fn step<'a, Head>(
        &'a self,
        message: &'a mut Message<Head>,
        act: impl FnOnce(&mut Message<Head>) -> Result<Option<Bytes>, Rejection> + Send + 'a,
    ) -> Step<'a>
    where
        Head: Send,
    {
        fn finish<Head>(
            message: &mut Message<Head>,
            act: impl FnOnce(&mut Message<Head>) -> Result<Option<Bytes>, Rejection>,
        ) -> Result<(), Rejection> {
            if let Some(body) = act(message)? {
                message.replace_body(body);
            }
            Ok(())
        }
        match self.plan.transform {
            Some((_, true)) => Step::Wait(Box::pin(async move {
                tokio::task::yield_now().await;
                finish(message, act)
            })),
            _ => Step::Done(finish(message, act)),
        }
    }
}

impl Guard for Actor {
    fn name(&self) -> &'static str {
        "actor"
    }

    fn request(&self, cx: &mut Context, head: &mut request::Parts) -> Result<(), Rejection> {
        self.enter(cx, head, None).map(drop)
    }

    fn response(&self, cx: &mut Context, head: &mut response::Parts) -> Result<(), Rejection> {
        self.leave(cx, head, None).map(drop)
    }
}

impl Transform for Actor {
    fn name(&self) -> &'static str {
        "actor"
    }

    fn needs(&self) -> Bodies {
        self.plan.transform.map(|(bodies, _)| bodies).unwrap_or_default()
    }

    fn request<'a>(&'a self, cx: &'a mut Context, message: &'a mut Message<request::Parts>) -> Step<'a> {
        self.step(message, move |message| {
            // A body that another stage asked for is not this stage's to see.
            let body = message
                .body()
                .cloned()
                .filter(|_| Transform::needs(self).request());
            self.enter(cx, &mut message.head, body.as_ref())
        })
    }

    fn response<'a>(&'a self, cx: &'a mut Context, message: &'a mut Message<response::Parts>) -> Step<'a> {
        self.step(message, move |message| {
            let body = message
                .body()
                .cloned()
                .filter(|_| Transform::needs(self).response());
            self.leave(cx, &mut message.head, body.as_ref())
        })
    }
}

fn fields(headers: &HeaderMap) -> Vec<(String, HeaderValue)> {
    let mut fields: Vec<_> = headers
        .iter()
        .map(|(name, value)| (name.to_string(), value.clone()))
        .collect();
    fields.sort();
    fields
}

fn entries(plans: &[Plan], log: &Log) -> Vec<Entry> {
    let numbered = plans.iter().cloned().enumerate();
    numbered
        .map(|(id, plan)| {
            let report_only = plan.report_only;
            let is_guard = plan.transform.is_none();
            let actor = Actor {
                id,
                plan,
                log: Arc::clone(log),
            };
            let stage = if is_guard {
                Stage::guard(actor)
            } else {
                Stage::transform(actor)
            };
            Entry {
                report_only,
                ..Entry::from(stage)
            }
        })
        .collect()
}

type Inner = BoxCloneService<Request<Pieces>, Response<UnsyncBoxBody<Bytes, Broken>>, Infallible>;

/// Answers with its own body and logs the request that reached it.
fn handler(answer: &Pieces, log: &Log) -> Inner {
    let (answer, log) = (answer.clone(), Arc::clone(log));
    BoxCloneService::new(service_fn(move |request: Request<Pieces>| {
        let (answer, log) = (answer.clone(), Arc::clone(&log));
        async move {
            let (head, body) = request.into_parts();
            let body = body
                .collect()
                .await
                .map(http_body_util::Collected::to_bytes)
                .map_err(|error| error.to_string());
            let line = format!(
                "handler {} {} {:?} {body:?}",
                head.method,
                head.uri,
                fields(&head.headers)
            );
            log.lock().expect("the log").push(line);
            let response = Response::builder()
                .header(CONTENT_LENGTH, answer.length())
                .body(UnsyncBoxBody::new(answer));
            Ok(response.expect("a response"))
        }
    }))
}

/// What came out, and everything that happened.
type Outcome = (
    StatusCode,
    Vec<(String, HeaderValue)>,
    Result<Bytes, String>,
    Vec<String>,
);

fn run(service: Inner, body: &Pieces, log: &Log) -> Outcome {
    let mut request = Request::post("/server/rest/pay")
        .header(CONTENT_LENGTH, body.length())
        .body(body.clone())
        .expect("a request");
    let id = RequestId::parse(&HeaderValue::from_static("r-1")).expect("an id");
    request.extensions_mut().insert(id);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime");
    runtime.block_on(async move {
        let (head, body) = service
            .oneshot(request)
            .await
            .expect("the handler cannot fail")
            .into_parts();
        let body = body
            .collect()
            .await
            .map(http_body_util::Collected::to_bytes)
            .map_err(|error| error.to_string());
        (
            head.status,
            fields(&head.headers),
            body,
            std::mem::take(&mut *log.lock().expect("the log")),
        )
    })
}

fn layered(pipeline: &Pipeline, inner: Inner) -> Inner {
    BoxCloneService::new(
        pipeline
            .layer(inner)
            .map_response(|response| response.map(UnsyncBoxBody::new)),
    )
}

fn effect() -> impl Strategy<Value = Effect> {
    prop_oneof![
        2 => Just(Effect::Nothing),
        4 => Just(Effect::Mark),
        3 => Just(Effect::Change),
        1 => Just(Effect::Refuse),
    ]
}

fn plan() -> impl Strategy<Value = Plan> {
    let bodies = prop_oneof![
        Just(Bodies::None),
        Just(Bodies::Request),
        Just(Bodies::Response),
        Just(Bodies::Both)
    ];
    let transform = prop_oneof![Just(None), (bodies, any::<bool>()).prop_map(Some)];
    (transform, effect(), effect(), prop::bool::weighted(0.2)).prop_map(
        |(transform, on_request, on_response, report_only)| Plan {
            transform,
            on_request,
            on_response,
            report_only,
        },
    )
}

fn pieces() -> impl Strategy<Value = Pieces> {
    let pieces = vec(vec(any::<u8>(), 1..12).prop_map(Bytes::from), 0..4);
    (pieces, prop::bool::weighted(0.1)).prop_map(|(pieces, breaks)| Pieces {
        pieces: pieces.into(),
        breaks,
    })
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
        let at_once = run(layered(&pipeline, handler(&answer, &log)), &request, &log);

        let nested = entries.into_iter().rev().fold(handler(&answer, &log), |inner, entry| {
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
        on_request: Effect::Mark,
        on_response: Effect::Change,
        report_only: false,
    };
    let plans = [mark(None), mark(Some((Bodies::Both, true)))];
    let pipeline = Pipeline::from_iter(entries(&plans, &log));
    let answer = Pieces::from(Bytes::from_static(b"abc"));
    let (status, fields, body, happened) = run(layered(&pipeline, handler(&answer, &log)), &answer, &log);
    assert_eq!((status, body), (StatusCode::OK, Ok(Bytes::from_static(b"cd"))));
    assert_eq!(fields, [("content-length".to_owned(), HeaderValue::from(2))]);
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
