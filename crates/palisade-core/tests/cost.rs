//! What a pipeline costs: allocations, and the size of its future.
#![expect(clippy::expect_used, reason = "a helper of tests stops the test")]

use std::convert::Infallible;
use std::future::{Future, Ready, ready};
use std::hint::black_box;
use std::mem::size_of;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context as Waker, Poll};

use allocation_counter::measure;
use axum::body::Body;
use axum::routing::get;
use bytes::Bytes;
use http::{Request, Response, request, response};
use http_body_util::Full;
use palisade_core::pipeline::{ExchangeBody, ExchangeFuture};
use palisade_core::{
    Bodies, Connection, Context, Guard, Message, Pipeline, Rejection, Stage, Step, Transform, facts,
};
use tower::{Layer, Service, service_fn};

/// Looks at facts and fields in both directions, as real guards do.
#[derive(Debug)]
struct Looking;

impl Guard for Looking {
    fn name(&self) -> &'static str {
        "looking"
    }

    fn request(&self, _: &mut Context, head: &mut request::Parts) -> Result<(), Rejection> {
        black_box((
            facts::client_address(&head.extensions),
            head.headers.contains_key("x-secret"),
        ));
        Ok(())
    }

    fn response(&self, _: &mut Context, head: &mut response::Parts) -> Result<(), Rejection> {
        black_box(head.headers.remove("server"));
        Ok(())
    }
}

/// Looks at heads of requests, and could wait.
#[derive(Debug)]
struct Asking;

impl Transform for Asking {
    fn name(&self) -> &'static str {
        "asking"
    }

    fn needs(&self) -> Bodies {
        Bodies::None
    }

    fn answers(&self) -> bool {
        false
    }

    fn request<'a>(&'a self, _: &'a mut Context, message: &'a mut Message<request::Parts>) -> Step<'a> {
        black_box(message.head.headers.contains_key("authorization"));
        Step::Done(Ok(()))
    }
}

fn six_guards() -> Pipeline {
    (0..6).map(|_| Stage::guard(Looking)).collect()
}

fn request<B: Default>() -> Request<B> {
    let mut request = Request::builder()
        .uri("/")
        .header("host", "api.example")
        .body(B::default())
        .expect("a request");
    let peer = "192.0.2.1:40000".parse().expect("an address");
    request
        .extensions_mut()
        .insert(Arc::new(Connection::new("public", peer, peer)));
    request
}

/// Allocations of one exchange that needs no waiting, its response let go.
fn allocations<S, B>(service: &mut S) -> u64
where
    S: Service<Request<B>>,
    B: Default,
{
    let mut run = |request| {
        let mut waker = Waker::from_waker(std::task::Waker::noop());
        assert!(service.poll_ready(&mut waker).is_ready());
        let future = pin!(service.call(request));
        let Poll::Ready(outcome) = future.poll(&mut waker) else {
            unreachable!("nothing waits here");
        };
        drop(outcome);
    };
    run(request());
    let request = request();
    measure(|| run(request)).count_total
}

#[test]
fn guards_around_a_bare_service_allocate_nothing() {
    let bare = service_fn(|_: Request<Full<Bytes>>| {
        ready(Ok::<_, Infallible>(Response::new(Full::<Bytes>::default())))
    });
    assert_eq!(
        allocations(&mut six_guards().layer(bare)),
        allocations(&mut bare.clone())
    );
}

/// A router as a server runs it: with its state, so that the layers are applied once and not for each request.
fn router(change: impl FnOnce(axum::Router) -> axum::Router) -> axum::Router {
    change(axum::Router::new().route("/", get(|| async { "hello" }))).with_state(())
}

#[test]
fn a_transform_of_heads_that_need_not_wait_allocates_nothing() {
    let mixed: Pipeline = [
        Stage::guard(Looking),
        Stage::transform(Asking),
        Stage::guard(Looking),
    ]
    .into_iter()
    .collect();
    let without = allocations::<_, Body>(&mut router(|router| router));
    let with = allocations::<_, Body>(&mut mixed.layer(router(|router| router)));
    assert_eq!(with, without);
}

#[test]
fn guards_around_a_router_allocate_nothing() {
    let without = allocations::<_, Body>(&mut router(|router| router));
    let with = allocations::<_, Body>(&mut six_guards().layer(router(|router| router)));
    assert_eq!(with, without);
}

#[test]
fn guards_inside_a_router_add_at_most_three_allocations() {
    let without = allocations::<_, Body>(&mut router(|router| router));
    let with = allocations::<_, Body>(&mut router(|router| router.layer(six_guards())));
    assert!(with <= without + 3, "{with} against {without}");
}

type Answer = Response<Full<Bytes>>;
type Small = Ready<Result<Answer, Infallible>>;

/// A future of a kibibyte.
struct Large([u8; 1024]);

impl Future for Large {
    type Output = Result<Answer, Infallible>;

    fn poll(self: std::pin::Pin<&mut Self>, _: &mut Waker<'_>) -> Poll<Self::Output> {
        let _ = self.0;
        Poll::Pending
    }
}

#[test]
fn the_future_is_a_bounded_number_of_bytes_larger_than_the_inner_one() {
    let answer = size_of::<Response<ExchangeBody<Full<Bytes>>>>();
    let small = size_of::<ExchangeFuture<Small, Full<Bytes>, Infallible>>();
    assert!(small <= size_of::<Small>().max(answer) + 168, "{small}");
    let large = size_of::<ExchangeFuture<Large, Full<Bytes>, Infallible>>();
    assert!(large <= 1024 + 168, "{large}");
}
