//! Matching with 10 and with 10,000 groups: the goal is the same time. The baseline is 10 groups.
#![expect(clippy::unwrap_used, reason = "a benchmark may fail loudly")]

use std::convert::Infallible;
use std::fmt::Write as _;
use std::hint::black_box;
use std::io::Write as _;
use std::sync::Arc;
use std::task::Poll;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use palisade_config::{Config, Sources};
use palisade_core::SystemClock;
use palisade_endpoint::{EndpointGroups, EndpointGroupsLayer, Environment, PolicyHandle, Registry};
use palisade_test::Comparison;
use tower_layer::Layer;
use tower_service::Service;

/// The service behind the groups.
#[derive(Clone)]
struct Inner;

impl Service<Request<Full<Bytes>>> for Inner {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = std::future::Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<Full<Bytes>>) -> Self::Future {
        std::future::ready(Ok(Response::new(Full::default())))
    }
}

fn groups(count: usize) -> EndpointGroups<Inner> {
    let folder = tempfile::tempdir().unwrap();
    let mut text = String::new();
    for number in 0..count {
        let selector = match number % 3 {
            0 => format!("webservices=Service{number}"),
            1 => format!("paths=/orders/{{id}}/lines-{number}"),
            _ => format!("paths=/orders/{{id}}/part{number}-{{part}}"),
        };
        writeln!(text, "palisade.endpoints[{number}].{selector}").unwrap();
    }
    std::fs::write(folder.path().join("application.properties"), text).unwrap();
    let (config, errors) = Config::load(&Sources::new(folder.path()));
    assert!(errors.is_empty(), "{errors}");
    let policy = Registry::new()
        .compile(&config, &Environment::new(Arc::new(SystemClock::new())))
        .unwrap();
    EndpointGroupsLayer::new(PolicyHandle::new(policy)).layer(Inner)
}

fn request(path: &str) -> Request<Full<Bytes>> {
    Request::builder()
        .uri(path)
        .header("host", "localhost")
        .body(Full::default())
        .unwrap()
}

fn call<S: Service<Request<Full<Bytes>>>>(service: &mut S, request: Request<Full<Bytes>>) {
    let mut future = std::pin::pin!(service.call(request));
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    assert!(black_box(future.as_mut().poll(&mut cx)).is_ready());
}

fn main() -> std::io::Result<()> {
    let (ten, many) = (groups(10), groups(10_000));
    let (first, last) = ("/server/rest/Service6/Get", "/server/rest/Service9999/Get");
    let (part, part_last) = ("/orders/7/part8-a", "/orders/7/part9998-a");
    let (path, path_last) = ("/orders/7/lines-7", "/orders/7/lines-9997");
    let outcome = Comparison::new(41, 20_000).run(&mut [
        ("10 groups, by name", &mut || {
            call(&mut ten.clone(), request(first));
        }),
        ("10,000 groups, by name, the first", &mut || {
            call(&mut many.clone(), request(first));
        }),
        ("10,000 groups, by name, the last", &mut || {
            call(&mut many.clone(), request(last));
        }),
        ("10 groups, by path", &mut || {
            call(&mut ten.clone(), request(path));
        }),
        ("10,000 groups, by path, the last", &mut || {
            call(&mut many.clone(), request(path_last));
        }),
        ("10 groups, by a parameter's prefix", &mut || {
            call(&mut ten.clone(), request(part));
        }),
        ("10,000 groups, by a parameter's prefix, the last", &mut || {
            call(&mut many.clone(), request(part_last));
        }),
        ("no groups: the bare service", &mut || {
            call(&mut Inner, request(first));
        }),
    ]);
    writeln!(std::io::stdout(), "one request, its making included\n{outcome}")
}
