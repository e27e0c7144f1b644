//! What the groups cost in memory, counted.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use palisade_core::Connection;
use palisade_endpoint::{EndpointGroups, EndpointGroupsLayer, PolicyHandle};
use tower::{Layer, Service};

use crate::common::{policy, registry};

/// Answers at once, and allocates nothing.
#[derive(Debug, Clone)]
struct Inner;

impl Service<Request<Full<Bytes>>> for Inner {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<Full<Bytes>>) -> Self::Future {
        ready(Ok(Response::new(Full::default())))
    }
}

fn groups() -> EndpointGroups<Inner> {
    let text = "palisade.endpoints[0].webservices=Other\n\
                palisade.endpoints[1].webservices=Open\n\
                palisade.endpoints[1].methods=GET\n\
                palisade.endpoints[1].interceptors=Once\n\
                palisade.interceptors.Once.once.on=true\n";
    EndpointGroupsLayer::new(PolicyHandle::new(policy(&registry(), text))).layer(Inner)
}

/// A request as it leaves a listener: with facts.
fn request() -> Request<Full<Bytes>> {
    let here = SocketAddr::from(([127, 0, 0, 1], 8443));
    Request::builder()
        .uri("/server/rest/Open/Get")
        .header("host", "localhost")
        .extension(Arc::new(Connection::new("main", here, here)))
        .body(Full::default())
        .unwrap()
}

#[test]
fn an_accepted_request_allocates_the_record_of_its_group_and_nothing_else() {
    let mut groups = groups();
    let mut call = |request| {
        let mut future = std::pin::pin!(groups.call(request));
        assert!(
            future
                .as_mut()
                .poll(&mut Context::from_waker(Waker::noop()))
                .is_ready()
        );
    };
    // The first snapshot of a thread allocates that thread's slot.
    call(request());
    let next = request();
    let counted = allocation_counter::measure(|| call(next));
    assert!(counted.count_total <= 1, "{counted:?}");
}
