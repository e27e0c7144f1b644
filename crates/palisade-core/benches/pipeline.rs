//! What a pipeline of six guards costs, beside the same guards as nested layers and none at all, in the same run.

use std::convert::Infallible;
use std::future::{Future, ready};
use std::hint::black_box;
use std::io::{self, Write as _};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context as Waker, Poll};
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::routing::get;
use bytes::Bytes;
use http::{Request, Response, request, response};
use http_body_util::Full;
use palisade_core::{Connection, Context, Guard, Pipeline, Rejection, Stage, facts};
use tower::{Layer, Service, service_fn};

const ROUNDS: u32 = 200_000;

/// Looks at a fact and a field in each direction.
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
        black_box(head.headers.contains_key("server"));
        Ok(())
    }
}

fn one() -> Pipeline {
    Stage::guard(Looking).into()
}

fn six() -> Pipeline {
    (0..6).map(|_| Stage::guard(Looking)).collect()
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let bare = service_fn(|_: Request<Full<Bytes>>| {
        ready(Ok::<_, Infallible>(Response::new(Full::<Bytes>::default())))
    });
    let nested = one().layer(one().layer(one().layer(one().layer(one().layer(one().layer(bare))))));
    let alone = nanoseconds(bare)?;
    let pipeline = nanoseconds(six().layer(bare))?;
    let layers = nanoseconds(nested)?;
    report("a bare service", alone, pipeline, layers)?;

    let router: axum::Router = axum::Router::new().route("/", get(|| async { "hello" }));
    let layered = (0..6)
        .fold(router.clone(), |router, _| router.layer(one()))
        .with_state(());
    let router = router.with_state(());
    let alone = nanoseconds::<_, Body>(router.clone())?;
    let pipeline = nanoseconds::<_, Body>(six().layer(router))?;
    let layers = nanoseconds::<_, Body>(layered)?;
    report("an axum Router", alone, pipeline, layers)
}

fn report(around: &str, alone: f64, pipeline: f64, layers: f64) -> Result<(), Box<dyn std::error::Error>> {
    writeln!(
        io::stdout(),
        "around {around} of {alone:.0} ns, six guards add {:.0} ns as a pipeline and {:.0} ns as layers (ratio {:.2})",
        pipeline - alone,
        layers - alone,
        (pipeline - alone) / (layers - alone)
    )?;
    Ok(())
}

/// Nanoseconds of one exchange, its request built outside the clock's sight as far as possible; the best of five runs.
fn nanoseconds<S, B>(mut service: S) -> Result<f64, Box<dyn std::error::Error>>
where
    S: Service<Request<B>>,
    B: Default,
{
    let peer = "192.0.2.1:40000".parse()?;
    let connection = Arc::new(Connection::new("public", peer, peer));
    let mut waker = Waker::from_waker(std::task::Waker::noop());
    let mut best = Duration::MAX;
    for _ in 0..5 {
        let start = Instant::now();
        for _ in 0..ROUNDS {
            let mut request = Request::new(B::default());
            request.extensions_mut().insert(Arc::clone(&connection));
            if service.poll_ready(&mut waker).is_pending() {
                return Err("the service is never ready".into());
            }
            let future = pin!(service.call(request));
            if let Poll::Ready(outcome) = future.poll(&mut waker) {
                black_box(outcome.is_ok());
            }
        }
        best = best.min(start.elapsed());
    }
    Ok(best.as_secs_f64() * 1e9 / f64::from(ROUNDS))
}
