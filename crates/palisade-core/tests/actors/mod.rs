//! Stages that follow a plan, for laws about any stages: what they do, what they see, and a handler behind them.
#![expect(clippy::expect_used, reason = "a helper of tests stops the test")]

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{self, Poll};

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue};
use http::{Request, Response, StatusCode, request, response};
use http_body::{Body, Frame};
use http_body_util::BodyExt;
use http_body_util::combinators::UnsyncBoxBody;
use palisade_core::{
    Bodies, Context, Entry, Guard, Message, Problem, Rejection, RequestId, Stage, Step, Transform,
};
use proptest::collection::vec;
use proptest::prelude::*;
use tower::util::BoxCloneService;
use tower::{Layer, Service, ServiceExt, service_fn};

pub(crate) type Log = Arc<Mutex<Vec<String>>>;
pub(crate) type Broken = Box<dyn std::error::Error + Send + Sync>;

/// A body that comes in pieces and may break at its end.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pieces {
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
    pub(crate) fn length(&self) -> usize {
        self.pieces.iter().map(Bytes::len).sum()
    }
}

/// What a stage does to a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    Nothing,
    Mark,
    /// Puts another body in place, where the stage has it whole.
    Change,
    Refuse,
}

#[derive(Debug, Clone)]
pub(crate) struct Plan {
    /// `None` is a guard.
    pub(crate) transform: Option<(Bodies, bool)>,
    /// Whether a transform looks at responses.
    pub(crate) answers: bool,
    pub(crate) on_request: Effect,
    pub(crate) on_response: Effect,
    pub(crate) report_only: bool,
}

/// A stage that follows a plan and logs what it sees.
#[derive(Debug)]
pub(crate) struct Actor {
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

    fn answers(&self) -> bool {
        self.plan.answers
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

pub(crate) fn entries(plans: &[Plan], log: &Log) -> Vec<Entry> {
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

pub(crate) type Inner<E> = BoxCloneService<Request<Pieces>, Response<UnsyncBoxBody<Bytes, Broken>>, E>;

/// Logs the request that reached it and answers with its own body, or fails.
pub(crate) fn handler<E>(answer: Result<Pieces, E>, log: &Log) -> Inner<E>
where
    E: Clone + Send + Sync + 'static,
{
    let log = Arc::clone(log);
    BoxCloneService::new(service_fn(move |request: Request<Pieces>| {
        let (answer, log) = (answer.clone(), Arc::clone(&log));
        async move {
            let (head, body) = request.into_parts();
            let body = read(body).await;
            let line = format!(
                "handler {} {} {:?} {body:?}",
                head.method,
                head.uri,
                fields(&head.headers)
            );
            log.lock().expect("the log").push(line);
            let answer = answer?;
            let response = Response::builder()
                .header(CONTENT_LENGTH, answer.length())
                .body(UnsyncBoxBody::new(answer));
            Ok(response.expect("a response"))
        }
    }))
}

async fn read<B>(body: B) -> Result<Bytes, String>
where
    B: Body<Data = Bytes, Error = Broken>,
{
    let collected = body.collect().await;
    collected
        .map(http_body_util::Collected::to_bytes)
        .map_err(|error| error.to_string())
}

/// What came out.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) fields: Vec<(String, HeaderValue)>,
    pub(crate) body: Result<Bytes, String>,
    /// What a refusal leaves with its answer.
    pub(crate) problem: Option<Problem>,
}

/// What came out, and everything that happened.
pub(crate) fn run<E>(service: Inner<E>, body: &Pieces, log: &Log) -> (Result<Answer, E>, Vec<String>) {
    let mut request = Request::post("/server/rest/pay")
        .header(CONTENT_LENGTH, body.length())
        .body(body.clone())
        .expect("a request");
    let id = RequestId::parse(&HeaderValue::from_static("r-1")).expect("an id");
    request.extensions_mut().insert(id);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime");
    let outcome = runtime.block_on(async move {
        let (head, body) = service.oneshot(request).await?.into_parts();
        Ok(Answer {
            status: head.status,
            fields: fields(&head.headers),
            body: read(body).await,
            problem: head.extensions.get().cloned(),
        })
    });
    (outcome, std::mem::take(&mut *log.lock().expect("the log")))
}

/// A client or handler behind that layer.
pub(crate) fn layered<L, E, F, R>(layer: &L, inner: Inner<E>) -> Inner<F>
where
    L: Layer<Inner<E>>,
    L::Service:
        Service<Request<Pieces>, Response = Response<R>, Error = F, Future: Send> + Clone + Send + 'static,
    R: Body<Data = Bytes, Error = Broken> + Send + 'static,
{
    let boxed = |response: Response<R>| response.map(UnsyncBoxBody::new);
    BoxCloneService::new(layer.layer(inner).map_response(boxed))
}

fn effect() -> impl Strategy<Value = Effect> {
    prop_oneof![
        2 => Just(Effect::Nothing),
        4 => Just(Effect::Mark),
        3 => Just(Effect::Change),
        1 => Just(Effect::Refuse),
    ]
}

pub(crate) fn plan() -> impl Strategy<Value = Plan> {
    let bodies = prop_oneof![
        Just(Bodies::None),
        Just(Bodies::Request),
        Just(Bodies::Response),
        Just(Bodies::Both)
    ];
    let transform = prop_oneof![Just(None), (bodies, any::<bool>()).prop_map(Some)];
    let answers = any::<bool>();
    (transform, answers, effect(), effect(), prop::bool::weighted(0.2)).prop_map(
        |(transform, answers, on_request, on_response, report_only)| Plan {
            transform,
            answers,
            on_request,
            on_response,
            report_only,
        },
    )
}

pub(crate) fn pieces() -> impl Strategy<Value = Pieces> {
    let pieces = vec(vec(any::<u8>(), 1..12).prop_map(Bytes::from), 0..4);
    (pieces, prop::bool::weighted(0.1)).prop_map(|(pieces, breaks)| Pieces {
        pieces: pieces.into(),
        breaks,
    })
}
