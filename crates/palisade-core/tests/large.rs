//! Bodies that are too large to be held: refused, or handed on untouched by stages that only report.
#![cfg(feature = "axum")]
#![expect(clippy::expect_used, reason = "a helper of tests stops the test")]

use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::ready;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{self, Poll};

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, request, response};
use http_body::{Frame, SizeHint};
use http_body_util::{BodyExt, Full};
use metrics_exporter_prometheus::PrometheusBuilder;
use palisade_core::settings::ByteSize;
use palisade_core::{
    Bodies, Context, Entry, Message, Need, Pipeline, PipelineLimits, Rehearsal, Stage, Step, Transform,
};
use rstest::rstest;
use tower::{Layer, ServiceExt, service_fn};

const LIMIT: u64 = 5;

/// Notes the bodies that it sees.
#[derive(Debug, Clone)]
struct Reader {
    bodies: Bodies,
    answer: Need,
    insists: bool,
    seen: Arc<Mutex<Vec<Option<Bytes>>>>,
}

impl Reader {
    fn of(bodies: Bodies) -> Self {
        Self {
            bodies,
            answer: if bodies.response() {
                Need::Whole
            } else {
                Need::Nothing
            },
            insists: false,
            seen: Arc::default(),
        }
    }

    fn see(&self, body: Option<&Bytes>) {
        self.seen.lock().expect("the list").push(body.cloned());
    }

    fn entry(&self, report_only: bool) -> Entry {
        Entry {
            report_only,
            ..Entry::from(Stage::transform(self.clone()))
        }
    }
}

impl Transform for Reader {
    fn name(&self) -> &'static str {
        "reader"
    }

    fn needs(&self) -> Bodies {
        self.bodies
    }

    fn needs_answer(&self, _: &Context, _: &response::Parts) -> Need {
        self.answer
    }

    fn insists(&self) -> bool {
        self.insists
    }

    fn request<'a>(&'a self, _: &'a mut Context, message: &'a mut Message<request::Parts>) -> Step<'a> {
        if self.bodies.request() {
            self.see(message.body());
        }
        Step::Done(Ok(()))
    }

    fn response<'a>(&'a self, _: &'a mut Context, message: &'a mut Message<response::Parts>) -> Step<'a> {
        if self.bodies.response() {
            self.see(message.body());
        }
        Step::Done(Ok(()))
    }
}

/// A body in frames, with a trailer or an error behind them, that tells its length where it is told to.
#[derive(Debug)]
struct Frames {
    frames: VecDeque<Result<Frame<Bytes>, std::io::Error>>,
    length: Option<u64>,
}

impl Frames {
    fn of(pieces: &[&'static str], tells: bool) -> Self {
        let mut trailers = HeaderMap::new();
        trailers.insert("x-sum", HeaderValue::from_static("7"));
        let data = pieces
            .iter()
            .map(|piece| Frame::data(Bytes::from_static(piece.as_bytes())));
        let frames = data.chain([Frame::trailers(trailers)]).map(Ok).collect();
        let length = pieces.iter().map(|piece| piece.len() as u64).sum();
        Self {
            frames,
            length: tells.then_some(length),
        }
    }

    fn broken(pieces: &[&'static str]) -> Self {
        let mut frames = Self::of(pieces, false);
        frames.frames.pop_back();
        frames
            .frames
            .push_back(Err(std::io::Error::other("the connection was lost")));
        frames
    }
}

impl http_body::Body for Frames {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut task::Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        if let (Some(Ok(frame)), Some(length)) = (self.frames.front(), self.length) {
            let taken = frame.data_ref().map_or(0, |data| data.len() as u64);
            self.length = Some(length - taken);
        }
        Poll::Ready(self.frames.pop_front())
    }

    fn size_hint(&self) -> SizeHint {
        self.length.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

/// What arrived: the length that was told, the frames of data, and the trailer.
type Arrived = (Option<u64>, Vec<Bytes>, Option<HeaderValue>);

async fn arrived<B>(body: B) -> Result<Arrived, B::Error>
where
    B: http_body::Body<Data = Bytes>,
{
    let told = body.size_hint().exact();
    let mut body = Box::pin(body);
    let (mut data, mut trailer) = (Vec::new(), None);
    while let Some(frame) = body.frame().await {
        match frame?.into_data() {
            Ok(bytes) => data.push(bytes),
            Err(frame) => trailer = frame.into_trailers().unwrap_or_default().remove("x-sum"),
        }
    }
    Ok((told, data, trailer))
}

fn pipeline(entries: impl IntoIterator<Item = Entry>) -> Pipeline {
    Pipeline::new(entries, PipelineLimits::both(ByteSize::bytes(LIMIT)))
}

/// Sends that request to a handler; its answer, and what the handler got.
async fn send(pipeline: &Pipeline, body: Frames) -> (Response<()>, Option<Arrived>) {
    let got = Arc::new(Mutex::new(None));
    let inner = {
        let got = Arc::clone(&got);
        service_fn(move |request: Request<Body>| {
            let got = Arc::clone(&got);
            async move {
                let body = arrived(request.into_body()).await.expect("a whole body");
                *got.lock().expect("the place") = Some(body);
                Ok::<_, Infallible>(Response::new(Full::<Bytes>::default()))
            }
        })
    };
    let request = Request::new(Body::new(body));
    let response = pipeline
        .layer(inner)
        .oneshot(request)
        .await
        .expect("it cannot fail");
    let got = got.lock().expect("the place").take();
    (response.map(drop), got)
}

/// Has a handler answer with that.
async fn answer(pipeline: &Pipeline, body: Frames) -> (StatusCode, Arrived) {
    let body = Mutex::new(Some(body));
    let body = Arc::new(body);
    let inner = service_fn(move |_: Request<Full<Bytes>>| {
        let body = body.lock().expect("the place").take().expect("one request");
        ready(Ok::<_, Infallible>(Response::new(body)))
    });
    let request = Request::new(Full::<Bytes>::default());
    let response = pipeline
        .layer(inner)
        .oneshot(request)
        .await
        .expect("it cannot fail");
    let (head, body) = response.into_parts();
    (head.status, arrived(body).await.expect("a whole body"))
}

const PIECES: [&str; 3] = ["abc", "defg", "hi"];

fn untouched(tells: bool) -> Arrived {
    let data = PIECES.map(|piece| Bytes::from_static(piece.as_bytes()));
    (
        tells.then_some(9),
        data.to_vec(),
        Some(HeaderValue::from_static("7")),
    )
}

#[rstest]
#[tokio::test]
async fn a_large_request_passes_stages_that_only_report_with_nothing_lost(
    #[values(true, false)] tells: bool,
    #[values(1, 2)] stages: usize,
) {
    let recorder = PrometheusBuilder::new().build_recorder();
    let _guard = metrics::set_default_local_recorder(&recorder);
    let reader = Reader::of(Bodies::Request);
    let pipeline = pipeline((0..stages).map(|_| reader.entry(true)));
    let (response, got) = send(&pipeline, Frames::of(&PIECES, tells)).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(got, Some(untouched(tells)));
    assert!(reader.seen.lock().unwrap().is_empty());
    let counted = recorder.handle().render();
    let line = format!(
        "palisade_refusals_total{{code=\"body-too-large\",group=\"\",stage=\"reader\",verdict=\"reported\"}} {stages}"
    );
    assert!(counted.contains(&line), "{counted}");
}

#[rstest]
#[case::of_a_stage_that_refuses(false, false)]
#[case::of_one_that_insists(true, true)]
#[tokio::test]
async fn a_large_request_is_refused_where_one_stage_does_not_only_report(
    #[case] report_only: bool,
    #[case] insists: bool,
    #[values(true, false)] tells: bool,
    #[values(true, false)] is_first: bool,
) {
    let mut other = Reader::of(Bodies::Request);
    other.insists = insists;
    let mut entries = vec![Reader::of(Bodies::Request).entry(true), other.entry(report_only)];
    if is_first {
        entries.reverse();
    }
    let (response, got) = send(&pipeline(entries), Frames::of(&PIECES, tells)).await;
    assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(got, None);
}

#[tokio::test]
async fn a_request_that_breaks_off_is_refused_also_by_a_stage_that_only_reports() {
    let pipeline = pipeline([Reader::of(Bodies::Request).entry(true)]);
    let (response, got) = send(&pipeline, Frames::broken(&["abc"])).await;
    assert_eq!((response.status(), got), (StatusCode::BAD_REQUEST, None));
}

#[tokio::test]
async fn a_large_request_of_unknown_length_is_refused_where_nobody_can_put_it_together_again() {
    #[derive(Debug)]
    struct Other(Frames);

    impl From<Bytes> for Other {
        fn from(_: Bytes) -> Self {
            Self(Frames::of(&[], true))
        }
    }

    impl http_body::Body for Other {
        type Data = Bytes;
        type Error = std::io::Error;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            cx: &mut task::Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
            Pin::new(&mut self.0).poll_frame(cx)
        }

        fn size_hint(&self) -> SizeHint {
            self.0.size_hint()
        }
    }

    for (tells, status) in [(true, StatusCode::OK), (false, StatusCode::PAYLOAD_TOO_LARGE)] {
        let pipeline = pipeline([Reader::of(Bodies::Request).entry(true)]);
        let inner = service_fn(|_: Request<Other>| {
            ready(Ok::<_, Infallible>(Response::new(Full::<Bytes>::default())))
        });
        let request = Request::new(Other(Frames::of(&PIECES, tells)));
        let response = pipeline.layer(inner).oneshot(request).await.unwrap();
        assert_eq!(response.status(), status);
    }
}

#[rstest]
#[tokio::test]
async fn a_large_answer_passes_stages_that_only_report_with_nothing_lost(
    #[values(true, false)] tells: bool,
    #[values(1, 2)] stages: usize,
) {
    let reader = Reader::of(Bodies::Response);
    let pipeline = pipeline((0..stages).map(|_| reader.entry(true)));
    let (status, got) = answer(&pipeline, Frames::of(&PIECES, tells)).await;
    assert_eq!((status, got), (StatusCode::OK, untouched(tells)));
    assert!(reader.seen.lock().unwrap().is_empty());
}

#[rstest]
#[tokio::test]
async fn a_large_answer_goes_on_unseen_where_a_stage_needs_it_only_if_it_fits(
    #[values(true, false)] tells: bool,
) {
    let mut reader = Reader::of(Bodies::Response);
    reader.answer = Need::IfItFits;
    let pipeline = pipeline([reader.entry(false)]);
    let (status, got) = answer(&pipeline, Frames::of(&PIECES, tells)).await;
    assert_eq!((status, got), (StatusCode::OK, untouched(tells)));
    let (status, (_, data, _)) = answer(&pipeline, Frames::of(&["ab", "cde"], tells)).await;
    assert_eq!((status, data), (StatusCode::OK, vec![Bytes::from("abcde")]));
    let seen = reader.seen.lock().unwrap();
    assert_eq!(*seen, [None, Some(Bytes::from("abcde"))]);
}

#[rstest]
#[case::of_a_stage_that_refuses(false, false)]
#[case::of_one_that_insists(true, true)]
#[tokio::test]
async fn a_large_answer_is_replaced_where_one_stage_does_not_only_report(
    #[case] report_only: bool,
    #[case] insists: bool,
    #[values(true, false)] tells: bool,
    #[values(true, false)] is_first: bool,
) {
    let mut other = Reader::of(Bodies::Response);
    other.insists = insists;
    let mut entries = vec![Reader::of(Bodies::Response).entry(true), other.entry(report_only)];
    if is_first {
        entries.reverse();
    }
    let (status, (_, data, _)) = answer(&pipeline(entries), Frames::of(&PIECES, tells)).await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(
        data.concat()
            .windows(19)
            .any(|text| text == b"response-unreadable")
    );
}

#[rstest]
#[case(Need::Whole)]
#[case(Need::IfItFits)]
#[tokio::test]
async fn an_answer_that_breaks_off_is_replaced_also_by_a_stage_that_only_reports(#[case] need: Need) {
    let mut reader = Reader::of(Bodies::Response);
    reader.answer = need;
    let (status, _) = answer(&pipeline([reader.entry(true)]), Frames::broken(&["abc"])).await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
}

#[tokio::test]
async fn an_answer_that_no_stage_needs_is_not_held() {
    let mut reader = Reader::of(Bodies::Response);
    reader.answer = Need::Nothing;
    let (status, got) = answer(&pipeline([reader.entry(false)]), Frames::of(&PIECES, false)).await;
    assert_eq!((status, got), (StatusCode::OK, untouched(false)));
    assert_eq!(*reader.seen.lock().unwrap(), [None]);
}

#[test]
fn a_large_message_that_nobody_sends_is_refused_by_the_first_stage_that_does_not_only_report() {
    let reader = Reader::of(Bodies::Request);
    let pipeline = pipeline([true, false, false].map(|report_only| reader.entry(report_only)));
    let (head, ()) = Request::new(()).into_parts();
    let mut cx = Context::new(&head);
    let mut message = Message::new(head, Some(Bytes::from_static(b"abcdef")));
    let mut told = Vec::new();
    for position in 0..3 {
        let rehearsed = pipeline.rehearse(position, &mut cx, &mut message).unwrap();
        let code = match rehearsed.rehearsal {
            Rehearsal::Refused(rejection) => rejection.problem().code.clone().into_owned(),
            other => format!("{other:?}"),
        };
        told.push((code, rehearsed.decides));
    }
    let too_large = || "body-too-large".to_owned();
    assert_eq!(told[..2], [(too_large(), false), (too_large(), true)]);
    assert_ne!(told[2].0, too_large());
}
