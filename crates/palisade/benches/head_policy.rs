//! A whole head policy (TLS floor, 100,000 prefixes, header rules) over the bare axum service, in-process, in one run.
#![expect(clippy::unwrap_used, reason = "a benchmark may fail loudly")]

use std::fmt::Write as _;
use std::hint::black_box;
use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use http::Request;
use palisade::config::{Config, Sources};
use palisade::core::SystemClock;
use palisade::endpoint::Environment;
use palisade::{
    Connection, EndpointGroupsLayer, HeaderRules, IpFilter, PolicyHandle, Registry, StandardRegistry,
    TlsFloor, TlsSession, TlsVersion,
};
use palisade_test::Comparison;
use tower_layer::Layer;
use tower_service::Service;

const PATH: &str = "/server/rest/Payments/Status";

fn prefixes() -> String {
    let mut text = String::new();
    for number in 0..100_000_u32 {
        // Every other /24 from 11.0.0.0 on; the client stands in 127.0.0.0/8.
        writeln!(text, "{}/24", Ipv4Addr::from_bits(0x0B00_0000 + (number << 9))).unwrap();
    }
    text
}

fn policy() -> PolicyHandle {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("blocked.txt"), prefixes()).unwrap();
    let text = "palisade.endpoints[0].webservices=Payments\n\
                palisade.endpoints[0].interceptors=Head\n\
                palisade.interceptors.Head.tls-floor.minimum-version=TLSv1.3\n\
                palisade.interceptors.Head.ip-filter.deny-file=blocked.txt\n\
                palisade.interceptors.Head.headers.require=X-Partner\n\
                palisade.interceptors.Head.headers.block=X-Debug-*\n";
    std::fs::write(folder.path().join("application.properties"), text).unwrap();
    let (config, errors) = Config::load(&Sources::new(folder.path()));
    assert!(errors.is_empty(), "{errors}");
    let environment = Environment::new(Arc::new(SystemClock::new()));
    PolicyHandle::new(Registry::standard().compile(&config, &environment).unwrap())
}

fn request(connection: &Arc<Connection>) -> Request<Body> {
    let mut request = Request::builder()
        .uri(PATH)
        .header("host", "localhost:8443")
        .header("user-agent", "partner/1.0")
        .header("accept", "application/json")
        .header("x-partner", "acme")
        .body(Body::empty())
        .unwrap();
    request.extensions_mut().insert(Arc::clone(connection));
    request
}

fn call<S: Service<Request<Body>>>(service: &mut S, request: Request<Body>) {
    let mut future = std::pin::pin!(service.call(request));
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    assert!(black_box(future.as_mut().poll(&mut cx)).is_ready());
}

fn main() -> std::io::Result<()> {
    let here = SocketAddr::from(([127, 0, 0, 1], 8443));
    let session = TlsSession::new(TlsVersion::Tls13, "TLS_AES_128_GCM_SHA256");
    let connection = Arc::new(Connection::new("main", here, here).with_tls(session));

    let router = || Router::new().route(PATH, get(|| async { "an answer" }));
    let mut bare = router();
    let mut groups = EndpointGroupsLayer::new(policy()).layer(router());
    let headers = HeaderRules::builder()
        .require(["X-Partner"])
        .block(["X-Debug-*"])
        .build()
        .unwrap();
    let filter = IpFilter::builder()
        .deny_lines(prefixes().as_bytes())
        .unwrap()
        .build()
        .unwrap();
    let mut layered = router()
        .layer(headers.layer())
        .layer(filter.layer())
        .layer(TlsFloor::new(TlsVersion::Tls13).layer());

    let outcome = Comparison::new(41, 20_000).run(&mut [
        ("bare axum router", &mut || call(&mut bare, request(&connection))),
        ("endpoint groups around it", &mut || {
            call(&mut groups, request(&connection));
        }),
        ("the same stages, each by Router::layer", &mut || {
            call(&mut layered, request(&connection));
        }),
        ("making the request", &mut || {
            drop(black_box(request(&connection)));
        }),
    ]);
    writeln!(std::io::stdout(), "one request, its making included\n{outcome}")
}
