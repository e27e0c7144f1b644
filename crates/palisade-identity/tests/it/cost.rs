//! What authentication costs.

use std::convert::Infallible;
use std::future::{Future, ready};
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use allocation_counter::measure;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use palisade_core::Pipeline;
use palisade_identity::TwoWayMode;
use tower::{Layer, Service, service_fn};

use crate::common::{Brings, PASSWORD, in_mode, key, shown};

/// Allocations of a request that need not wait.
fn allocations(layer: &Pipeline, brings: &Brings) -> u64 {
    let inner = service_fn(|_: Request<Full<Bytes>>| {
        ready(Ok::<_, Infallible>(Response::new(Full::<Bytes>::default())))
    });
    let mut service = layer.layer(inner);
    let mut run = |request| {
        let mut waker = Context::from_waker(Waker::noop());
        assert!(service.poll_ready(&mut waker).is_ready());
        let future = pin!(service.call(request));
        let Poll::Ready(outcome) = future.poll(&mut waker) else {
            unreachable!("nothing waits here");
        };
        assert_eq!(outcome.unwrap().status(), http::StatusCode::OK);
    };
    run(brings.request());
    let request = brings.request();
    measure(|| run(request)).count_total
}

/// A principal, and its place among the extensions; Basic decodes besides.
#[tokio::test]
async fn a_caller_who_need_not_be_waited_for_costs_a_principal_and_nothing_else() {
    let layer = in_mode(TwoWayMode::Force).layer();
    let certificate = Brings::certificate("alice");
    let tenant = Brings::certificate("acme");
    let by_key = Brings::key(key().text().expose()).and_certificate("alice");
    for brings in [&certificate, &tenant, &by_key] {
        assert_eq!(allocations(&layer, brings), 2, "{brings:?}");
    }
    let basic = Brings::basic("alice", PASSWORD).and_certificate("alice");
    assert_eq!(shown(&layer, &basic).await, "alice acme basic+certificate");
    let decoding = 2;
    assert_eq!(
        allocations(&layer, &basic),
        2 + decoding,
        "a verdict that is known"
    );
}
