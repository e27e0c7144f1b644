//! Client interceptors around the pooled client, and around hyper-util's own.

#![expect(clippy::panic, clippy::unwrap_used, reason = "tests")]

use bytes::Bytes;
use http_body_util::Full;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use palisade_client::{ClientBuilder, ErrorKind};
use palisade_core::outbound::OutboundError;
use palisade_keystore::Certificate;
use palisade_test::ca::TestCa;
use tower::{Layer, Service, ServiceBuilder, ServiceExt};

use self::partner::{Partner, calls, stages};

mod partner;

fn trusting(ca: &TestCa) -> ClientBuilder {
    ClientBuilder::new().trust_authorities([Certificate::from_der(ca.root().clone()).unwrap()])
}

#[tokio::test]
async fn the_pooled_client_runs_behind_stages_over_https() {
    let ca = TestCa::new("Root");
    let partner = Partner::start(Some(&ca)).await;
    let client = trusting(&ca).build::<Full<Bytes>>().unwrap();
    let service = ServiceBuilder::new().layer(stages()).service(client);
    calls(service, &partner).await;
}

#[tokio::test]
async fn the_errors_of_the_pooled_client_keep_their_kind() {
    let ca = TestCa::new("Root");
    let partner = Partner::start(Some(&TestCa::new("Root"))).await;
    let client = trusting(&ca).build::<Full<Bytes>>().unwrap();
    let mut service = ServiceBuilder::new().layer(stages()).service(client);
    let request = http::Request::get(partner.url("/orders"))
        .body(Full::default())
        .unwrap();
    let error = service.ready().await.unwrap().call(request).await.unwrap_err();
    let OutboundError::Inner(error) = error else {
        panic!("the client fails")
    };
    assert_eq!(error.kind(), ErrorKind::NotTrusted);
    assert_eq!(partner.requests(), 0);
}

#[tokio::test]
async fn the_client_of_hyper_util_runs_behind_stages() {
    let partner = Partner::start(None).await;
    let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
    calls(stages().layer(client), &partner).await;
}

#[tokio::test]
async fn the_client_of_hyper_util_runs_behind_stages_over_our_connector() {
    let ca = TestCa::new("Root");
    let partner = Partner::start(Some(&ca)).await;
    let connector = trusting(&ca).build_connector().unwrap();
    let client = Client::builder(TokioExecutor::new()).build::<_, Full<Bytes>>(connector);
    calls(stages().layer(client), &partner).await;
}
