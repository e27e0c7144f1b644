//! The stage `tls-floor` behind a listener whose own floor is lower.
#![expect(clippy::unwrap_used, reason = "tests")]

mod support;

use std::convert::Infallible;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use palisade_core::pipeline::ExchangeBody;
use palisade_core::{
    BuildContext, Clock, Phase, Pipeline, Resources, Severity, StageKind as _, StateStore, SystemClock,
    TlsVersion,
};
use palisade_test::ca::ClientTls;
use palisade_tls::{TlsFloor, TlsFloorSettings};
use rstest::rstest;
use serde_json::{Value, json};
use support::{Server, World};
use tower::{Layer as _, ServiceExt as _, service_fn};

fn settings(version: &str) -> TlsFloorSettings {
    serde_json::from_value(json!({ "minimum-version": version })).unwrap()
}

fn with_context<T>(act: impl FnOnce(&BuildContext<'_>) -> T) -> T {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let (state, resources) = (StateStore::default(), Resources::default());
    act(&BuildContext::new(
        "Floor",
        Path::new("."),
        &clock,
        &state,
        &resources,
    ))
}

fn stage(version: &str) -> Pipeline {
    let mut stages = with_context(|cx| TlsFloor::build(settings(version), cx)).unwrap();
    let (phase, stage) = stages.pop().unwrap();
    assert_eq!((phase, stages.len()), (Phase::Connection, 0));
    stage.into()
}

async fn behind(
    pipeline: Pipeline,
    request: Request<Incoming>,
) -> Result<Response<ExchangeBody<Full<Bytes>>>, Infallible> {
    let (head, body) = request.into_parts();
    let body = Full::new(body.collect().await.unwrap().to_bytes());
    let hello = service_fn(|_: Request<Full<Bytes>>| async {
        Ok::<_, Infallible>(Response::new(Full::new(Bytes::from_static(b"{\"hello\":true}"))))
    });
    pipeline
        .layer(hello)
        .oneshot(Request::from_parts(head, body))
        .await
}

async fn serve(world: &World, listener: Value, floor: &str) -> Server {
    let pipeline = stage(floor);
    let (acceptor, _) = world.acceptor(listener).unwrap();
    Server::start_with(
        acceptor,
        service_fn(move |request| behind(pipeline.clone(), request)),
    )
    .await
}

#[tokio::test]
async fn one_listener_serves_both_versions_and_a_route_one_of_them() {
    let world = World::new();
    let server = serve(&world, json!({}), "TLSv1.3").await;
    let old = ClientTls::trusting(&world.ca).tls12_only().build();
    let new = ClientTls::trusting(&world.ca).tls13_only().build();

    let (status, document) = server.connect(&old).await.unwrap().get(&[]).await.unwrap();
    assert_eq!(status, 403);
    let id = document["answered-id"].clone();
    let expected = json!({
        "type": "urn:palisade:problem:tls-version-too-low",
        "title": "The TLS version is too low",
        "status": 403,
        "detail": "The TLS version is too low",
        "instance": id,
        "minimum-version": "TLSv1.3",
        "answered-id": id,
    });
    assert_eq!(document, expected);

    let (status, document) = server.connect(&new).await.unwrap().get(&[]).await.unwrap();
    assert_eq!((status, &document["hello"]), (200, &json!(true)));
}

#[tokio::test]
async fn plain_http_reaches_no_floor() {
    let world = World::new();
    let server = serve(&world, json!({"tls": {"enabled": false}}), "TLSv1.2").await;
    let (status, document) = server.connect_plain(b"").await.unwrap().get(&[]).await.unwrap();
    assert_eq!(
        (status, &document["type"]),
        (403, &json!("urn:palisade:problem:tls-required"))
    );
}

#[rstest]
#[case("TLSv1.3", 0)]
#[case("TLSv1.2", 0)]
#[case("TLSv1.1", 1)]
#[case("SSLv3", 1)]
fn a_floor_below_what_is_served_is_a_severe_finding(#[case] version: &str, #[case] findings: usize) {
    let found = with_context(|cx| TlsFloor::guardrails(&settings(version), cx));
    assert_eq!(found.len(), findings);
    for finding in found {
        assert_eq!(
            (&*finding.code, finding.severity),
            ("tls-floor-too-low", Severity::Severe)
        );
    }
    assert!(TlsFloor::new(version.parse().unwrap()).minimum() >= TlsVersion::Tls12);
}

#[test]
fn settings_are_strict() {
    for faulty in [
        json!({}),
        json!({"minimum-version": "TLSv9"}),
        json!({"minimum-version": "TLSv1.2", "maximum-version": "TLSv1.3"}),
    ] {
        assert!(serde_json::from_value::<TlsFloorSettings>(faulty).is_err());
    }
}
