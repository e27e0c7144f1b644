//! Bodies: read whole within bounds where a stage asks for them, streamed where none does.
#![expect(clippy::expect_used, reason = "a helper of tests stops the test")]

use std::convert::Infallible;
use std::future::ready;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{self, Poll};

use bytes::Bytes;
use http::{Request, Response, StatusCode, request, response};
use http_body::{Body, Frame};
use http_body_util::{BodyExt, Full};
use palisade_core::settings::ByteSize;
use palisade_core::{Bodies, Context, Message, Pipeline, PipelineLimits, RequestId, Stage, Step, Transform};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tower::{Layer, ServiceExt, service_fn};

/// Waits once in each direction.
#[derive(Debug)]
struct Waiting(Bodies);

impl Transform for Waiting {
    fn name(&self) -> &'static str {
        "waiting"
    }

    fn needs(&self) -> Bodies {
        self.0
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

/// A body that is fed from elsewhere.
#[derive(Debug)]
struct Channel(mpsc::UnboundedReceiver<Bytes>);

impl From<Bytes> for Channel {
    fn from(bytes: Bytes) -> Self {
        let (sender, receiver) = mpsc::unbounded_channel();
        sender.send(bytes).expect("the receiver is here");
        Self(receiver)
    }
}

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

/// Sends four bytes through the pipeline to a handler that answers with five.
async fn ask(pipeline: Pipeline) -> Response<Bytes> {
    let mut request = Request::new(Full::<Bytes>::from("ping"));
    let id = RequestId::parse(&"r-1".parse().expect("a value")).expect("an id");
    request.extensions_mut().insert(id);
    let hello = service_fn(|_: Request<Full<Bytes>>| {
        ready(Ok::<_, Infallible>(Response::new(Full::<Bytes>::from("hello"))))
    });
    let (head, body) = pipeline
        .layer(hello)
        .oneshot(request)
        .await
        .expect("the handler cannot fail")
        .into_parts();
    Response::from_parts(head, body.collect().await.expect("the body is whole").to_bytes())
}

#[tokio::test]
async fn a_request_body_beyond_the_limit_is_refused_and_the_limit_named() {
    let pipeline = |limit| {
        Pipeline::new(
            [Stage::transform(Waiting(Bodies::Request))],
            PipelineLimits::both(ByteSize::bytes(limit)),
        )
    };
    assert_eq!(ask(pipeline(4)).await.status(), StatusCode::OK);
    let response = ask(pipeline(3)).await;
    assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(
        serde_json::from_slice::<Value>(response.body()).unwrap(),
        json!({
            "type": "urn:palisade:problem:body-too-large",
            "title": "The request body is too large",
            "status": 413,
            "detail": "The request body is too large",
            "instance": "r-1",
            "limit": 3,
        })
    );
}

#[tokio::test]
async fn a_response_body_beyond_the_limit_is_an_error_without_details() {
    let pipeline = |limit| {
        Pipeline::new(
            [Stage::transform(Waiting(Bodies::Response))],
            PipelineLimits::both(ByteSize::bytes(limit)),
        )
    };
    assert_eq!(ask(pipeline(5)).await.body(), "hello");
    let response = ask(pipeline(4)).await;
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(
        serde_json::from_slice::<Value>(response.body()).unwrap(),
        json!({
            "type": "urn:palisade:problem:response-unreadable",
            "title": "The answer could not be processed",
            "status": 500,
            "detail": "The answer could not be processed",
            "instance": "r-1",
        })
    );
}

#[tokio::test]
async fn a_stage_that_waits_but_needs_no_body_causes_no_buffering() {
    let (to_handler, request_body) = mpsc::unbounded_channel();
    let (to_client, response_body) = mpsc::unbounded_channel();
    let channels = Arc::new(Mutex::new(Some((to_handler, to_client.clone(), response_body))));
    let inner = service_fn(move |request: Request<Channel>| {
        let (to_handler, to_client, response_body) = channels.lock().unwrap().take().unwrap();
        async move {
            // The body does not end before the handler, which reads it, lets it go on.
            let mut body = request.into_body();
            to_handler.send(Bytes::from_static(b"one")).unwrap();
            assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "one");
            drop(to_handler);
            assert!(body.frame().await.is_none());
            to_client.send(Bytes::from_static(b"two")).unwrap();
            Ok::<_, Infallible>(Response::new(Channel(response_body)))
        }
    });
    let pipeline = Pipeline::from_iter([
        Stage::transform(Waiting(Bodies::None)),
        Stage::transform(Waiting(Bodies::None)),
    ]);
    let response = pipeline
        .layer(inner)
        .oneshot(Request::new(Channel(request_body)))
        .await
        .unwrap();
    // The response has not ended either: its sender is still here.
    let mut body = response.into_body();
    assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "two");
    drop(to_client);
    assert!(body.frame().await.is_none());
}
