use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use http::{Method, Request};
use http_body_util::BodyExt;
use metrics_exporter_prometheus::PrometheusBuilder;
use palisade_config::{Config, Sources};
use palisade_core::{Alarms, Clock, Secret, SystemClock};
use palisade_endpoint::{Environment, PolicyHandle, Registry};
use rstest::rstest;
use serde_json::{Value, json};
use tower::ServiceExt;

use super::{Admin, Changes, is_loopback_host};
use crate::settings::AdminSettings;
use crate::status::{Applied, LifePhase, Reload, Status};

fn admin(status: &Arc<Status>, changes: Changes) -> Router {
    let folder = tempfile::tempdir().unwrap();
    let (config, _) = Config::load(&Sources::new(folder.path()));
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let policy = Registry::new().compile(&config, &Environment::new(Arc::clone(&clock)));
    let admin = Admin {
        status: Arc::clone(status),
        metrics: Some(PrometheusBuilder::new().build_recorder().handle()),
        policy: PolicyHandle::new(policy.unwrap()),
        clock,
        folder: folder.path().to_owned(),
        changes,
    };
    admin.router()
}

async fn get(status: &Arc<Status>, host: &str, path: &str) -> (u16, String) {
    send(status, Changes::Anybody, Request::get(path).header("host", host)).await
}

async fn send(status: &Arc<Status>, changes: Changes, request: http::request::Builder) -> (u16, String) {
    let request = request.body(Body::empty()).unwrap();
    let response = admin(status, changes).oneshot(request).await.unwrap();
    let code = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (code, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn readiness_follows_the_phase_and_health_does_not() {
    let status = Arc::new(Status::new(Applied::default()));
    for (phase, code) in [
        (None, 503),
        (Some(LifePhase::Ready), 200),
        (Some(LifePhase::Draining), 503),
    ] {
        if let Some(phase) = phase {
            status.enter(phase);
        }
        assert_eq!(get(&status, "localhost:9080", "/ready").await.0, code);
        assert_eq!(get(&status, "localhost:9080", "/health").await.0, 200);
    }
}

#[tokio::test]
async fn the_state_tells_how_the_last_reload_went() {
    let status = Arc::new(Status::new(Applied {
        groups: 3,
        findings: Vec::new(),
    }));
    status.reloaded(Reload::Refused {
        at: "2026-01-01T00:00:00Z".to_owned(),
        errors: vec!["application.properties:3: wrong".to_owned()],
    });
    let (code, text) = get(&status, "127.0.0.1", "/status").await;
    let state: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(code, 200);
    assert_eq!(state["groups"], 3);
    assert_eq!(state["last-reload"]["outcome"], "refused");
    assert_eq!(
        state["last-reload"]["errors"][0],
        "application.properties:3: wrong"
    );
}

#[tokio::test]
async fn what_is_wrong_is_told_until_it_is_over_and_the_server_stays_ready() {
    let alarms = Alarms::default();
    let slot = alarms.slot();
    let status = Arc::new(Status::new(Applied::default()).alarming(alarms));
    status.enter(LifePhase::Ready);
    let told = async || {
        let (_, text) = get(&status, "localhost", "/status").await;
        let state: Value = serde_json::from_str(&text).unwrap();
        state["alarms"].clone()
    };
    assert_eq!(told().await, json!([]));
    slot.raise("directory-stale", "the directory cannot be read");
    let expected = json!([{ "code": "directory-stale", "message": "the directory cannot be read" }]);
    assert_eq!(told().await, expected);
    assert_eq!(get(&status, "localhost", "/ready").await.0, 200);
    slot.clear();
    assert_eq!(told().await, json!([]));
}

#[tokio::test]
async fn a_name_of_somebody_else_is_refused() {
    let status = Arc::new(Status::new(Applied::default()));
    let (code, problem) = get(&status, "rebound.example", "/metrics").await;
    assert_eq!(code, 421);
    assert!(problem.contains("urn:palisade:problem:host-not-served"));
    assert_eq!(get(&status, "[::1]:9080", "/metrics").await.0, 200);
}

#[rstest]
#[case("origin", "http://localhost:9080", 403)]
#[case("origin", "null", 403)]
#[case("sec-fetch-site", "cross-site", 403)]
#[case("sec-fetch-site", "same-site", 403)]
#[case("sec-fetch-site", "same-origin", 200)]
#[case("sec-fetch-site", "none", 200)]
#[tokio::test]
async fn what_a_page_of_another_origin_sends_is_refused(
    #[case] field: &str,
    #[case] value: &str,
    #[case] expected: u16,
) {
    let status = Arc::new(Status::new(Applied::default()));
    for path in ["/status", "/limits"] {
        let request = Request::get(path)
            .header("host", "localhost")
            .header(field, value);
        let (code, problem) = send(&status, Changes::Anybody, request).await;
        assert_eq!(code, expected, "{path}");
        assert_eq!(
            problem.contains("urn:palisade:problem:origin-not-served"),
            expected == 403
        );
    }
    let preflight = Request::builder()
        .method(Method::OPTIONS)
        .uri("/limits")
        .header("host", "localhost")
        .header("access-control-request-method", "DELETE")
        .header(field, value);
    let (code, _) = send(&status, Changes::Anybody, preflight).await;
    assert!(code == 403 || code == 405, "{code}");
}

#[rstest]
#[case(None, "admin-token-invalid")]
#[case(Some("Bearer other"), "admin-token-invalid")]
#[case(Some("Basic token-of-admin"), "admin-token-invalid")]
#[case(Some("bearer token-of-admin"), "limit-not-found")]
#[case(Some("Bearer token-of-admin"), "limit-not-found")]
#[tokio::test]
async fn where_there_is_a_token_changes_have_to_show_it(#[case] shown: Option<&str>, #[case] expected: &str) {
    let status = Arc::new(Status::new(Applied::default()));
    let mut request = Request::delete("/limits?interceptor=A&all=true").header("host", "localhost");
    if let Some(shown) = shown {
        request = request.header("authorization", shown);
    }
    let changes = Changes::With(Secret::new("token-of-admin"));
    let (_, problem) = send(&status, changes.clone(), request).await;
    assert!(problem.contains(&format!("problem:{expected}\"")), "{problem}");
    let look = Request::get("/limits").header("host", "localhost");
    assert_eq!(send(&status, changes, look).await.0, 200, "looking needs none");
}

#[tokio::test]
async fn off_the_loopback_interface_nobody_changes_anything_without_a_token() {
    let mut settings = AdminSettings {
        bind: ([192, 0, 2, 1], 9080).into(),
        ..AdminSettings::default()
    };
    let status = Arc::new(Status::new(Applied::default()));
    let request = || Request::delete("/limits?interceptor=A&all=true").header("host", "localhost");
    let (code, problem) = send(&status, Changes::of(&settings), request()).await;
    assert_eq!(code, 403);
    assert!(problem.contains("admin-change-not-allowed"), "{problem}");
    settings.bind = ([127, 0, 0, 1], 9080).into();
    assert_eq!(send(&status, Changes::of(&settings), request()).await.0, 404);
}

#[rstest]
#[case("localhost", true)]
#[case("LOCALHOST:9080", true)]
#[case("127.0.0.1:9080", true)]
#[case("127.8.9.1", true)]
#[case("[::1]:9080", true)]
#[case("localhost.evil.example", false)]
#[case("evil@localhost", false)]
#[case("192.0.2.1", false)]
#[case("", false)]
fn only_names_of_this_machine_are_served(#[case] host: &str, #[case] served: bool) {
    assert_eq!(is_loopback_host(host), served);
}
