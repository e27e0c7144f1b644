//! The admin listener: health, readiness, metrics and state, over plain HTTP on the loopback interface.
//!
//! | path | answer |
//! |---|---|
//! | `GET /health` | 200 as long as the process answers |
//! | `GET /ready` | 200 while the server accepts requests, else 503 |
//! | `GET /status` | JSON: phase, version, groups, findings, alarms, how the last reload went |
//! | `GET /metrics` | Prometheus text, where the application records metrics |
//!
//! 1. `Host` must be a loopback address or `localhost`, so that a web page cannot reach it through a name of its own (DNS
//!    rebinding).
//! 2. Nothing here changes anything.
//!
//! What this does not protect against: other users of the same machine read it.

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::get;
use http::header::{CONTENT_TYPE, HOST};
use http::{StatusCode, Uri};
use hyper::body::Incoming;
use metrics_exporter_prometheus::PrometheusHandle;
use palisade_core::{Context, Rejection};
use serde_json::json;
use tower::ServiceExt as _;
use tower_http::catch_panic::CatchPanicLayer;

use crate::answer;
use crate::status::{LifePhase, Status};

/// What the admin listener can tell.
#[derive(Clone)]
struct Known {
    status: Arc<Status>,
    metrics: Option<PrometheusHandle>,
}

/// The service of the admin listener.
pub(crate) fn service(
    status: Arc<Status>,
    metrics: Option<PrometheusHandle>,
) -> impl tower_service::Service<
    http::Request<Incoming>,
    Response = Response,
    Error = Infallible,
    Future: Send + 'static,
> + Clone
+ Send
+ 'static {
    router(status, metrics).map_request(|request: http::Request<Incoming>| request.map(Body::new))
}

fn router(status: Arc<Status>, metrics: Option<PrometheusHandle>) -> Router {
    Router::new()
        .route("/health", get(health))
        .route("/ready", get(ready))
        .route("/status", get(state))
        .route("/metrics", get(prometheus))
        .layer(from_fn(only_for_loopback_names))
        .layer(CatchPanicLayer::new())
        .with_state(Known { status, metrics })
}

async fn health() -> Json<serde_json::Value> {
    Json(json!({ "status": "up" }))
}

async fn ready(State(known): State<Known>) -> Response {
    let phase = known.status.phase();
    let status = match phase {
        LifePhase::Ready => StatusCode::OK,
        LifePhase::Starting | LifePhase::Draining => StatusCode::SERVICE_UNAVAILABLE,
    };
    (status, Json(json!({ "status": phase }))).into_response()
}

async fn state(State(known): State<Known>) -> Json<serde_json::Value> {
    let applied = known.status.applied();
    Json(json!({
        "phase": known.status.phase(),
        "version": env!("CARGO_PKG_VERSION"),
        "groups": applied.groups,
        "findings": applied.findings,
        "alarms": known.status.alarms(),
        "last-reload": *known.status.reload(),
    }))
}

async fn prometheus(State(known): State<Known>) -> Response {
    match known.metrics {
        Some(metrics) => {
            metrics.run_upkeep();
            let text = "text/plain; version=0.0.4; charset=utf-8";
            ([(CONTENT_TYPE, text)], metrics.render()).into_response()
        }
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn only_for_loopback_names(request: Request, next: Next) -> Response {
    let named = names_loopback(request.headers(), request.uri());
    if named {
        return next.run(request).await;
    }
    let (head, _) = request.into_parts();
    let rejection = Rejection::new(
        StatusCode::MISDIRECTED_REQUEST,
        "host-not-served",
        "The admin listener does not serve this host",
    );
    answer::refuse(&mut Context::new(&head), &rejection, "admin")
}

/// Whether every host that the request names is this machine.
fn names_loopback(headers: &http::HeaderMap, uri: &Uri) -> bool {
    let mut hosts: Vec<&str> = uri
        .authority()
        .map(http::uri::Authority::as_str)
        .into_iter()
        .collect();
    for host in headers.get_all(HOST) {
        match host.to_str() {
            Ok(host) => hosts.push(host),
            Err(_) => return false,
        }
    }
    !hosts.is_empty() && hosts.into_iter().all(is_loopback_host)
}

fn is_loopback_host(host: &str) -> bool {
    let Ok(authority) = host.parse::<http::uri::Authority>() else {
        return false;
    };
    let name = authority.host();
    let bare = name.trim_start_matches('[').trim_end_matches(']');
    !authority.as_str().contains('@')
        && (name.eq_ignore_ascii_case("localhost")
            || bare
                .parse::<IpAddr>()
                .is_ok_and(|ip| ip.to_canonical().is_loopback()))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use axum::body::Body;
    use http::Request;
    use http_body_util::BodyExt;
    use metrics_exporter_prometheus::PrometheusBuilder;
    use palisade_core::Alarms;
    use rstest::rstest;
    use serde_json::{Value, json};
    use tower::ServiceExt;

    use super::{is_loopback_host, router};
    use crate::status::{Applied, LifePhase, Reload, Status};

    async fn get(status: &Arc<Status>, host: &str, path: &str) -> (u16, String) {
        let metrics = PrometheusBuilder::new().build_recorder().handle();
        let request = Request::get(path)
            .header("host", host)
            .body(Body::empty())
            .unwrap();
        let response = router(Arc::clone(status), Some(metrics))
            .oneshot(request)
            .await
            .unwrap();
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
}
