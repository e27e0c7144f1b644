//! The stage behaves as one that came with Palisade.
#![expect(clippy::unwrap_used, reason = "helpers of tests may fail loudly")]

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use http::{Request, StatusCode};
use http_body_util::BodyExt;
use palisade::config::{Config, Sources};
use palisade::core::Clock;
use palisade::endpoint::{EndpointGroupsLayer, Environment, PolicyHandle};
use tower::ServiceExt;

/// A clock that stands.
#[derive(Debug)]
struct At(u64);

impl Clock for At {
    fn now(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(self.0 * 3_600)
    }

    fn elapsed(&self) -> Duration {
        Duration::ZERO
    }
}

async fn call(hour: u64, service: &str) -> (StatusCode, String) {
    let (config, errors) = Config::load(&Sources::new(concat!(env!("CARGO_MANIFEST_DIR"), "/config")));
    assert!(errors.is_empty(), "{errors}");
    let policy = custom_stage::registry()
        .compile(&config, &Environment::new(Arc::new(At(hour))))
        .unwrap();
    let app = Router::new()
        .route("/server/rest/{service}/Get", get(|| async { "an order" }))
        .layer(EndpointGroupsLayer::new(PolicyHandle::new(policy)));
    let uri = format!("/server/rest/{service}/Get");
    let request = Request::builder()
        .uri(uri)
        .header("host", "localhost")
        .body(Body::empty())
        .unwrap();
    let response = app.oneshot(request).await.unwrap();
    let status = response.status();
    (
        status,
        String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap(),
    )
}

#[tokio::test]
async fn calls_are_taken_within_the_hours_and_refused_outside() {
    for (hour, service, status) in [
        (3, "Archive", StatusCode::OK),
        (4, "Archive", StatusCode::SERVICE_UNAVAILABLE),
        (2, "Archive", StatusCode::SERVICE_UNAVAILABLE),
        (2, "Orders", StatusCode::OK),
    ] {
        let (found, body) = call(hour, service).await;
        assert_eq!(found, status, "{service} at {hour}: {body}");
        assert_eq!(
            status.is_success(),
            !body.contains("urn:palisade:problem:office-closed"),
            "{body}"
        );
    }
}

#[test]
fn its_settings_are_checked_like_all_others() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("application.properties"),
        "palisade.interceptors.A.office-hours.opens=9\n\
         palisade.interceptors.A.office-hours.closes=5\n\
         palisade.interceptors.B.office-hours.opens=nine\n\
         palisade.interceptors.B.office-hours.closed=17\n\
         palisade.interceptors.C.ofice-hours.opens=9\n",
    )
    .unwrap();
    let (config, errors) = Config::load(&Sources::new(folder.path()));
    assert!(errors.is_empty(), "{errors}");
    let errors = custom_stage::registry()
        .compile(&config, &Environment::new(Arc::new(At(0))))
        .unwrap_err()
        .to_string();
    for expected in [
        "application.properties:2: palisade.interceptors.A.office-hours.closes: expected an hour after opens (9), at most 24",
        "application.properties:3: palisade.interceptors.B.office-hours.opens: expected",
        "application.properties:4: palisade.interceptors.B.office-hours.closed",
        "did you mean \"closes\"",
        "application.properties:5: palisade.interceptors.C.ofice-hours",
        "did you mean \"office-hours\"",
    ] {
        assert!(errors.contains(expected), "missing {expected:?} in:\n{errors}");
    }
}
