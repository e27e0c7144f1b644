//! An application that panics.
//!
//! 1. A panic of the application, before its answer or while it works on it, is answered with 500 `internal-error` under the
//!    name of the exchange. Other exchanges, and the connection, go on.
//! 2. It is counted as refusals are. What the panic says is in the log alone, once, as an error.
//!
//! What this does not protect against: a panic in the body of an answer whose head is sent already, which breaks off; a build
//! that aborts on panics.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{self, Poll};

use axum::body::Body;
use bytes::Bytes;
use http::{Extensions, Request, Response, StatusCode};
use http_body::Body as HttpBody;
use http_body_util::{Either, Full};
use palisade_core::pipeline::BoxError;
use palisade_core::{Context, MatchedGroup, RefusalFormat, Rejection, RequestId};
use pin_project_lite::pin_project;
use tower_service::Service;

/// The application, whose panics are answered. Unlike `tower_http::catch_panic` it boxes no answer, and its own answers know
/// the exchange.
#[derive(Debug, Clone)]
pub(crate) struct Unpanicking<S>(pub(crate) S);

impl<S, R> Service<Request<Body>> for Unpanicking<S>
where
    S: Service<Request<Body>, Response = Response<R>>,
    R: HttpBody<Data = Bytes> + Send + 'static,
    R::Error: Into<BoxError>,
{
    type Response = Response<Either<R, Full<Bytes>>>;
    type Error = S::Error;
    type Future = UnpanickingFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut task::Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let mut exchange = Exchange::of(request.extensions());
        // What panicked is not used again: the service is a clone of this exchange alone.
        match catch_unwind(AssertUnwindSafe(|| self.0.call(request))) {
            Ok(future) => UnpanickingFuture {
                kind: Kind::Called { future, exchange },
            },
            Err(panic) => UnpanickingFuture {
                kind: Kind::Panicked {
                    answer: Some(exchange.answer(&*panic)),
                },
            },
        }
    }
}

pin_project! {
    /// The application's answer, or the one in its place.
    pub(crate) struct UnpanickingFuture<F> {
        #[pin]
        kind: Kind<F>,
    }
}

pin_project! {
    #[project = KindProjection]
    enum Kind<F> {
        Called { #[pin] future: F, exchange: Exchange },
        Panicked { answer: Option<Response<Bytes>> },
    }
}

impl<F, R, E> Future for UnpanickingFuture<F>
where
    F: Future<Output = Result<Response<R>, E>>,
{
    type Output = Result<Response<Either<R, Full<Bytes>>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Self::Output> {
        let answer = match self.project().kind.project() {
            KindProjection::Called { future, exchange } => {
                match catch_unwind(AssertUnwindSafe(|| future.poll(cx))) {
                    Ok(polled) => return polled.map_ok(|response| response.map(Either::Left)),
                    Err(panic) => Some(exchange.answer(&*panic)),
                }
            }
            KindProjection::Panicked { answer } => answer.take(),
        };
        // A future is not polled after it was ready; should it be, it waits for ever.
        answer.map_or(Poll::Pending, |answer| {
            Poll::Ready(Ok(answer.map(|bytes| Either::Right(Full::new(bytes)))))
        })
    }
}

/// What an answer in the application's place must know of the request.
#[derive(Debug, Clone)]
pub(crate) struct Exchange {
    id: Option<RequestId>,
    group: Option<MatchedGroup>,
    format: RefusalFormat,
}

impl Exchange {
    fn of(facts: &Extensions) -> Self {
        Self {
            id: facts.get().copied(),
            group: facts.get().cloned(),
            format: facts.get().copied().unwrap_or_default(),
        }
    }

    fn context(&mut self) -> Context {
        let (mut head, ()) = Request::new(()).into_parts();
        if let Some(id) = self.id {
            head.extensions.insert(id);
        }
        if let Some(group) = self.group.take() {
            head.extensions.insert(group);
        }
        Context::with_format(&head, self.format)
    }
}

impl Exchange {
    fn answer(&mut self, panic: &(dyn Any + Send)) -> Response<Bytes> {
        let mut cx = self.context();
        let request_id = cx.request_id();
        let said = said(panic);
        tracing::error!(target: "palisade::panic", %request_id, said, "the application panicked");
        let rejection = Rejection::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal-error",
            "The server failed",
        );
        rejection.refuse(&mut cx, "application")
    }
}

/// What `panic!` was given.
fn said(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&'static str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("something that is no text")
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::io;
    use std::sync::{Arc, Mutex};

    use axum::body::Body;
    use http::{Request, Response};
    use http_body_util::BodyExt as _;
    use palisade_core::RequestId;
    use rstest::rstest;
    use serde_json::{Value, json};
    use tower::{ServiceExt as _, service_fn};

    use super::Unpanicking;

    /// Where lines of the log go.
    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[rstest]
    #[case::in_its_call(true)]
    #[case::while_it_works(false)]
    #[tokio::test]
    async fn a_panic_is_a_problem_of_that_exchange_and_its_text_is_in_the_log_alone(#[case] at_once: bool) {
        let lines = Lines::default();
        let writer = lines.clone();
        let log = tracing_subscriber::fmt()
            .json()
            .with_max_level(tracing::Level::INFO)
            .with_writer(move || writer.clone());
        let _log = tracing::subscriber::set_default(log.finish());
        let app = service_fn(move |_: Request<Body>| {
            assert!(!at_once, "account {} is gone", 4711);
            async move {
                assert!(at_once, "account {} is gone", 4711);
                Ok::<_, Infallible>(Response::new(Body::empty()))
            }
        });
        let id = RequestId::random();
        let request = Request::get("/x").extension(id).body(Body::empty()).unwrap();
        let response = Unpanicking(app).oneshot(request).await.unwrap();
        assert_eq!(response.status(), 500);
        assert_eq!(response.headers()["content-type"], "application/problem+json");
        assert_eq!(response.headers()["x-request-id"], id.to_string());
        let body = response.into_body().collect().await.unwrap().to_bytes();
        let problem: Value = serde_json::from_slice(&body).unwrap();
        let expected = json!({
            "type": "urn:palisade:problem:internal-error",
            "title": "The server failed",
            "status": 500,
            "detail": "The server failed",
            "instance": id.to_string(),
        });
        assert_eq!(problem, expected);

        let lines = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        let lines: Vec<Value> = lines
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        let errors: Vec<&Value> = lines.iter().filter(|line| line["level"] == "ERROR").collect();
        assert_eq!(errors.len(), 1, "{lines:?}");
        assert_eq!(errors[0]["fields"]["said"], "account 4711 is gone");
        assert_eq!(errors[0]["fields"]["request_id"], id.to_string());
        let refusals = lines.iter().filter(|line| line["target"] == "palisade::refusal");
        assert_eq!(refusals.count(), 1, "{lines:?}");
    }
}
