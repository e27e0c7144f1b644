//! Answers of handlers.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{self, Poll};

use axum::body::Body;
use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::{Method, Request, Response, StatusCode, request};
use http_body::Frame;
use http_body_util::{BodyExt as _, Full};
use metrics_exporter_prometheus::PrometheusBuilder;
use palisade_config::{Config, Sources};
use palisade_core::{
    BuildContext, BuildError, Context, Guard, Phase, Rejection, Stage, StageKind, SystemClock,
};
use palisade_endpoint::{EndpointGroupsLayer, Environment, PolicyHandle, Registry};
use palisade_validation::Validation;
use rstest::rstest;
use serde_json::Value;
use tempfile::TempDir;
use tower::{Layer as _, ServiceExt as _, service_fn};

use crate::common::{World, accepted, refused, request};

#[rstest]
#[case("off", "{\"a\":1,\"a\":2}", accepted())]
#[case("report", "{\"a\":1,\"a\":2}", accepted())]
#[case("enforce", "{\"a\":1,\"a\":2}", refused(500, "response-invalid"))]
#[case("enforce", "{\"a\":1}", accepted())]
#[case("enforce", "", accepted())]
#[tokio::test]
async fn answers_are_looked_at_as_far_as_is_asked_for(
    #[case] setting: &str,
    #[case] body: &str,
    #[case] verdict: (u16, String),
) {
    let world = World::of(&format!("validation.response={setting}"));
    let mut request = request(Method::GET, None, "");
    request.headers_mut().insert("x-answer", body.parse().unwrap());
    request
        .headers_mut()
        .insert("x-answer-type", "application/json".parse().unwrap());
    let answer = world.send(request).await;
    assert_eq!(answer.verdict(), verdict);
    if answer.status == 200 {
        assert_eq!(answer.body, body);
    } else {
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        assert!(!text.contains("twice") && !text.contains("line"), "{text}");
    }
}

/// What the handler answers, by the path of the request.
const ANSWERS: [(&str, &str, &str); 9] = [
    ("json", "200 application/json", r#"{"a":1}"#),
    ("twice", "200 application/json", r#"{"a":1,"a":2}"#),
    ("coded", "200 application/json gzip", r#"{"a":1}"#),
    ("identity", "200 application/json identity", r#"{"a":1}"#),
    ("part", "206 application/json", r#"{"a":1}"#),
    ("untyped", "200", r#"{"a":1}"#),
    ("picture", "200 image/png gzip", "not a picture"),
    ("unchanged", "304", ""),
    ("forged", "409 application/problem+json", FORGED),
];

/// As a refusal is, but for its name that stands there twice.
const FORGED: &str = r#"{"type":"urn:palisade:problem:closed","status":1,"status":1}"#;

const DOCUMENT: &str = r#"openapi: 3.1.0
info: {title: Answers, version: "1"}
paths:
  /{kind}:
    get:
      parameters: [{name: kind, in: path, required: true, schema: {type: string}}]
      responses:
        "200":
          description: an answer
          content:
            application/json: {schema: {type: object, required: [a]}}
            text/event-stream: {schema: {type: string}}
        "206":
          description: a part
          content:
            application/json: {schema: {type: object, required: [a]}}
"#;

/// Refuses requests that ask for it.
#[derive(Debug)]
struct Closed;

impl Guard for Closed {
    fn name(&self) -> &'static str {
        "closed"
    }

    fn request(&self, _: &mut Context, head: &mut request::Parts) -> Result<(), Rejection> {
        if head.headers.contains_key("x-closed") {
            return Err(Rejection::new(StatusCode::CONFLICT, "closed", "It is closed"));
        }
        Ok(())
    }
}

impl StageKind for Closed {
    const ROOTS: &'static [&'static str] = &["closed"];

    type Settings = bool;

    fn build(_: bool, _: &BuildContext<'_>) -> Result<Vec<(Phase, Stage)>, BuildError> {
        Ok(vec![(Phase::Content, Stage::guard(Closed))])
    }
}

/// A group whose interceptor `V` looks at answers, with the stage [`Closed`] behind it.
struct Service {
    policy: PolicyHandle,
    _folder: TempDir,
}

impl Service {
    fn of(settings: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut text = "\
palisade.max-buffered-body=64 B
palisade.endpoints[0].name=rest
palisade.endpoints[0].paths=/{kind}
palisade.endpoints[0].interceptors=V,C
palisade.interceptors.C.closed=true
"
        .to_owned();
        for line in settings.split_whitespace() {
            text.push_str("palisade.interceptors.V.");
            text.push_str(line);
            text.push('\n');
        }
        std::fs::write(folder.path().join("application.properties"), text).expect("the file can be written");
        std::fs::write(folder.path().join("answers.yaml"), DOCUMENT).expect("the file can be written");
        let (config, errors) = Config::load(&Sources::new(folder.path()));
        assert!(errors.is_empty(), "{errors}");
        let registry = Registry::new().with::<Validation>().with::<Closed>();
        let policy = registry
            .compile(&config, &Environment::new(Arc::new(SystemClock::new())))
            .unwrap_or_else(|errors| panic!("{errors}"));
        Self {
            policy: PolicyHandle::new(policy),
            _folder: folder,
        }
    }

    /// Sends a request to that handler; status, code where it is a refusal, and body.
    async fn send<F, R>(&self, request: Request<Body>, handler: F) -> (u16, String, Bytes)
    where
        F: Fn(Request<Body>) -> Response<R> + Clone + Send + 'static,
        R: http_body::Body<Data = Bytes, Error = Infallible> + Send + 'static,
    {
        let inner = service_fn(move |request| std::future::ready(Ok::<_, Infallible>(handler(request))));
        let service = EndpointGroupsLayer::new(self.policy.clone()).layer(inner);
        let (head, body) = service
            .oneshot(request)
            .await
            .expect("it cannot fail")
            .into_parts();
        let body = body.collect().await.expect("a whole body").to_bytes();
        let document: Value = serde_json::from_slice(&body).unwrap_or_default();
        let kind = document.get("type").and_then(Value::as_str).unwrap_or_default();
        let code = kind.trim_start_matches("urn:palisade:problem:").to_owned();
        (head.status.as_u16(), code, body)
    }
}

fn get(path: &str) -> Request<Body> {
    let request = Request::get(format!("/{path}")).header("host", "localhost");
    request.body(Body::empty()).expect("a request")
}

/// The answer that [`ANSWERS`] has for the path.
fn handler(request: &Request<Body>) -> Response<Full<Bytes>> {
    let kind = request.uri().path().trim_start_matches('/');
    let (_, head, body) = ANSWERS
        .iter()
        .find(|(name, ..)| *name == kind)
        .expect("an answer for the path");
    let mut words = head.split(' ');
    let mut response = Response::builder().status(words.next().expect("a status"));
    for (name, value) in [CONTENT_TYPE, CONTENT_ENCODING].iter().zip(words) {
        response = response.header(name, value);
    }
    response.body(Full::from(*body)).expect("a response")
}

const INVALID: &str = "palisade_responses_invalid_total{group=\"rest\"}";
const UNREAD: &str = "palisade_responses_unread_total{group=\"rest\"}";

#[rstest]
#[case::fits("json", true, true)]
#[case::is_no_json("twice", false, false)]
#[case::under_a_coding("coded", false, false)]
#[case::under_none_by_name("identity", true, true)]
#[case::a_part("part", false, false)]
#[case::of_no_type("untyped", false, false)]
#[case::of_a_type_that_nobody_looks_at("picture", true, false)]
#[case::unchanged("unchanged", true, true)]
#[case::as_if_refused("forged", false, false)]
#[tokio::test]
async fn what_cannot_be_looked_at_is_not_as_it_should_be_with_a_document_and_without(
    #[case] kind: &str,
    #[case] without: bool,
    #[case] with: bool,
    #[values(false, true)] has_document: bool,
    #[values("report", "enforce")] response: &str,
) {
    let recorder = PrometheusBuilder::new().build_recorder();
    let _guard = metrics::set_default_local_recorder(&recorder);
    let document = if has_document {
        "validation.openapi=answers.yaml"
    } else {
        ""
    };
    // What is asked under a condition may be unchanged.
    let mut request = get(kind);
    request
        .headers_mut()
        .insert("if-none-match", "\"1\"".parse().unwrap());
    let service = Service::of(&format!("validation.response={response} {document}"));
    let (status, code, body) = service.send(request, |request| handler(&request)).await;
    let is_good = if has_document { with } else { without };
    if is_good || response == "report" {
        let (_, head, expected) = ANSWERS.iter().find(|(name, ..)| *name == kind).unwrap();
        assert!(head.starts_with(&status.to_string()));
        assert_eq!(body, expected);
    } else {
        assert_eq!((status, code.as_str()), (500, "response-invalid"));
    }
    let is_counted = recorder.handle().render().contains(INVALID);
    assert_eq!(is_counted, !is_good && response == "report");
}

#[rstest]
#[tokio::test]
async fn a_refusal_by_another_stage_is_no_answer_of_the_service(
    #[values("report", "enforce")] response: &str,
    #[values("", "validation.openapi=answers.yaml")] document: &str,
) {
    let recorder = PrometheusBuilder::new().build_recorder();
    let _guard = metrics::set_default_local_recorder(&recorder);
    let service = Service::of(&format!("validation.response={response} {document}"));
    let mut request = get("json");
    request.headers_mut().insert("x-closed", "1".parse().unwrap());
    let (status, code, _) = service.send(request, |request| handler(&request)).await;
    assert_eq!((status, code.as_str()), (409, "closed"));
    assert!(!recorder.handle().render().contains(INVALID));
}

#[rstest]
#[case("off", ["gzip, br", "bytes=0-4", "\"1\""])]
#[case("report", ["identity", "", ""])]
#[case("enforce", ["identity", "", ""])]
#[tokio::test]
async fn where_answers_are_looked_at_they_are_asked_for_as_they_are(
    #[case] response: &str,
    #[case] expected: [&'static str; 3],
    #[values("", "report-only=true")] mode: &str,
) {
    let service = Service::of(&format!("validation.response={response} {mode}"));
    let mut request = get("json");
    for (name, value) in [
        ("accept-encoding", "gzip, br"),
        ("range", "bytes=0-4"),
        ("if-range", "\"1\""),
        ("if-none-match", "\"1\""),
    ] {
        request.headers_mut().insert(name, value.parse().unwrap());
    }
    let (status, _, _) = service
        .send(request, move |request: Request<Body>| {
            let field = |name: &str| {
                request
                    .headers()
                    .get(name)
                    .map_or("", |value| value.to_str().unwrap())
            };
            let fields = ["accept-encoding", "range", "if-range"].map(field);
            assert_eq!(fields, expected);
            assert_eq!(field("if-none-match"), "\"1\"");
            handler(&request)
        })
        .await;
    assert_eq!(status, 200);
}

/// A body in two frames, of which only the first is there before somebody asks for more.
struct Two {
    frames: VecDeque<&'static str>,
    taken: Arc<AtomicUsize>,
}

impl http_body::Body for Two {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut task::Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let frame = self.frames.pop_front();
        self.taken
            .fetch_add(usize::from(frame.is_some()), Ordering::Relaxed);
        Poll::Ready(frame.map(|text| Ok(Frame::data(Bytes::from_static(text.as_bytes())))))
    }
}

/// Forty bytes each: one is held, and both are too large.
const HALVES: [&str; 2] = [
    "[\"twice twenty bytes are forty of them\",",
    "\"twice twenty bytes are forty of them\"] ",
];

#[rstest]
#[case("validation.response=report", Some(UNREAD))]
#[case("validation.response=report report-only=true", Some(UNREAD))]
#[case(
    "validation.response=enforce report-only=true",
    Some(
        "palisade_refusals_total{code=\"response-unreadable\",group=\"rest\",stage=\"validation\",verdict=\"reported\"}"
    )
)]
#[case("validation.response=enforce", None)]
#[tokio::test]
async fn an_answer_too_large_to_be_held_goes_on_whole_where_nothing_is_enforced(
    #[case] settings: &str,
    #[case] counted: Option<&str>,
) {
    let recorder = PrometheusBuilder::new().build_recorder();
    let _guard = metrics::set_default_local_recorder(&recorder);
    let answer = |_: Request<Body>| {
        let body = Two {
            frames: HALVES.into(),
            taken: Arc::default(),
        };
        let response = Response::builder().header(CONTENT_TYPE, "application/json");
        response.body(body).unwrap()
    };
    let (status, code, body) = Service::of(settings).send(get("json"), answer).await;
    let metrics = recorder.handle().render();
    match counted {
        Some(counted) => {
            assert_eq!((status, body), (200, Bytes::from(HALVES.concat())));
            assert!(metrics.contains(&format!("{counted} 1")), "{metrics}");
        }
        None => assert_eq!((status, code.as_str()), (500, "response-unreadable")),
    }
    assert!(!metrics.contains(INVALID));
}

#[rstest]
#[case::events("text/event-stream", "validation.response=report", 0)]
#[case::events_of_a_document(
    "text/event-stream",
    "validation.response=report validation.openapi=answers.yaml",
    0
)]
#[case::events_where_refusals_are_reported(
    "text/event-stream",
    "validation.response=enforce report-only=true",
    0
)]
#[case::what_nobody_looks_at("image/png", "validation.response=report", 0)]
#[case::a_type_of_no_answer("image/png", "validation.response=report validation.openapi=answers.yaml", 2)]
#[case::enforced("text/event-stream", "validation.response=enforce", 2)]
#[case::json("application/json", "validation.response=report", 2)]
#[tokio::test]
async fn what_nobody_looks_at_streams_past_a_stage_that_only_reports(
    #[case] media_type: &'static str,
    #[case] settings: &str,
    #[case] taken_before: usize,
) {
    let taken = Arc::new(AtomicUsize::new(0));
    let service = Service::of(settings);
    let answer = {
        let taken = Arc::clone(&taken);
        move |_: Request<Body>| {
            let body = Two {
                frames: ["[1,", "2]"].into(),
                taken: Arc::clone(&taken),
            };
            let response = Response::builder().header(CONTENT_TYPE, media_type);
            Ok::<_, Infallible>(response.body(body).unwrap())
        }
    };
    let inner = service_fn(move |request| std::future::ready(answer(request)));
    let layered = EndpointGroupsLayer::new(service.policy.clone()).layer(inner);
    let response = layered.oneshot(get("json")).await.unwrap();
    assert_eq!(taken.load(Ordering::Relaxed), taken_before);
    assert_eq!(response.status(), 200);
    let body = response.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(body, "[1,2]");
}

#[rstest]
#[case("report-only=true", 200, "reported")]
#[case("", 413, "refused")]
#[tokio::test]
async fn a_request_too_large_to_be_held_reaches_the_handler_whole_where_refusals_are_reported(
    #[case] mode: &str,
    #[case] expected: u16,
    #[case] verdict: &str,
    #[values(false, true)] tells_length: bool,
) {
    let recorder = PrometheusBuilder::new().build_recorder();
    let _guard = metrics::set_default_local_recorder(&recorder);
    let service = Service::of(&format!("validation.content-types=application/json {mode}"));
    let body = if tells_length {
        Body::from(HALVES.concat())
    } else {
        Body::new(Two {
            frames: HALVES.into(),
            taken: Arc::default(),
        })
    };
    let request = Request::post("/json")
        .header("host", "localhost")
        .header(CONTENT_TYPE, "application/json");
    let echo = |request: Request<Body>| Response::new(request.into_body().map_err(|error| panic!("{error}")));
    let (status, _, got) = service.send(request.body(body).unwrap(), echo).await;
    assert_eq!(status, expected);
    assert_eq!(got == HALVES.concat(), expected == 200);
    let counted = format!(
        "palisade_refusals_total{{code=\"body-too-large\",group=\"rest\",stage=\"validation\",verdict=\"{verdict}\"}} 1"
    );
    let metrics = recorder.handle().render();
    assert!(metrics.contains(&counted), "{metrics}");
}
