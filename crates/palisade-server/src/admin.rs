//! The admin listener: health, readiness, metrics and state, over plain HTTP on the loopback interface.
//!
//! | path | answer |
//! |---|---|
//! | `GET /health` | 200 as long as the process answers |
//! | `GET /ready` | 200 while the server accepts requests, else 503 |
//! | `GET /status` | JSON: phase, version, groups, findings, alarms, how the last reload went |
//! | `GET /metrics` | Prometheus text, where the application records metrics |
//! | `GET /limits` | JSON: the limits in force, and how keys stand with them |
//! | `DELETE /limits` | forgets what keys have used |
//!
//! 1. `Host` must be a loopback address or `localhost`, so that a web page cannot reach it through a name of its own (DNS
//!    rebinding).
//! 2. What a web page of another origin has a browser send is refused: it has an `Origin`, or `Sec-Fetch-Site` says so. No answer
//!    lets such a page read it, and no preflight is granted.
//! 3. What changes something has to show `palisade.admin.token`, where there is one, and is refused off the loopback interface where
//!    there is none. Every change is logged. Nothing but `DELETE` changes anything.
//!
//! What this does not protect against: other users of the same machine read it, and where there is no token they change what may
//! be changed. Browsers that send neither `Origin` nor `Sec-Fetch-Site` with requests of pages, of which there are none today.

use std::convert::Infallible;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::get;
use http::header::{CONTENT_TYPE, HOST, HeaderName, ORIGIN};
use http::{HeaderMap, StatusCode, Uri};
use hyper::body::Incoming;
use metrics_exporter_prometheus::PrometheusHandle;
use palisade_core::{Clock, Context, Rejection, Secret};
use palisade_endpoint::PolicyHandle;
use serde_json::json;
use tower::ServiceExt as _;
use tower_http::catch_panic::CatchPanicLayer;

use crate::answer;
use crate::reload::Running;
use crate::settings::AdminSettings;
use crate::status::{LifePhase, Status};

mod limits;

/// Where browsers say whose page sends a request (Fetch Metadata Request Headers, section 2.3).
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// What the admin listener can tell, and change.
#[derive(Clone)]
pub(crate) struct Admin {
    status: Arc<Status>,
    metrics: Option<PrometheusHandle>,
    policy: PolicyHandle,
    clock: Arc<dyn Clock>,
    /// The configuration folder, by which clients tell one server from another.
    folder: PathBuf,
    changes: Changes,
}

/// Who may change something.
#[derive(Clone)]
enum Changes {
    Anybody,
    /// Whoever shows this.
    With(Secret),
    Nobody,
}

impl Changes {
    fn of(settings: &AdminSettings) -> Self {
        match &settings.token {
            Some(token) => Self::With(token.clone()),
            None if settings.bind.ip().to_canonical().is_loopback() => Self::Anybody,
            None => Self::Nobody,
        }
    }
}

impl Admin {
    pub(crate) fn new(running: &Running, metrics: Option<PrometheusHandle>) -> Self {
        let folder = running.folder();
        Self {
            status: Arc::clone(&running.status),
            metrics,
            policy: running.policy.clone(),
            clock: running.clock(),
            folder: folder.canonicalize().unwrap_or(folder),
            changes: Changes::of(&running.started.admin),
        }
    }

    /// The service of the admin listener.
    pub(crate) fn service(
        self,
    ) -> impl tower_service::Service<
        http::Request<Incoming>,
        Response = Response,
        Error = Infallible,
        Future: Send + 'static,
    > + Clone
    + Send
    + 'static {
        self.router()
            .map_request(|request: http::Request<Incoming>| request.map(Body::new))
    }

    fn router(self) -> Router {
        Router::new()
            .route("/health", get(health))
            .route("/ready", get(ready))
            .route("/status", get(state))
            .route("/metrics", get(prometheus))
            .route("/limits", get(limits::show).delete(limits::reset))
            .layer(from_fn(only_for_this_machine))
            .layer(CatchPanicLayer::new())
            .with_state(self)
    }
}

async fn health() -> Json<serde_json::Value> {
    Json(json!({ "status": "up" }))
}

async fn ready(State(known): State<Admin>) -> Response {
    let phase = known.status.phase();
    let status = match phase {
        LifePhase::Ready => StatusCode::OK,
        LifePhase::Starting | LifePhase::Draining => StatusCode::SERVICE_UNAVAILABLE,
    };
    (status, Json(json!({ "status": phase }))).into_response()
}

async fn state(State(known): State<Admin>) -> Json<serde_json::Value> {
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

async fn prometheus(State(known): State<Admin>) -> Response {
    match known.metrics {
        Some(metrics) => {
            metrics.run_upkeep();
            let text = "text/plain; version=0.0.4; charset=utf-8";
            ([(CONTENT_TYPE, text)], metrics.render()).into_response()
        }
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn only_for_this_machine(request: Request, next: Next) -> Response {
    let rejection = if !names_loopback(request.headers(), request.uri()) {
        Rejection::new(
            StatusCode::MISDIRECTED_REQUEST,
            "host-not-served",
            "The admin listener does not serve this host",
        )
    } else if is_of_web_page(request.headers()) {
        Rejection::new(
            StatusCode::FORBIDDEN,
            "origin-not-served",
            "The admin listener does not serve web pages of other origins",
        )
    } else {
        return next.run(request).await;
    };
    let (head, _) = request.into_parts();
    answer::refuse(&mut Context::new(&head), &rejection, "admin")
}

/// Whether a page of another origin may have had a browser send it.
fn is_of_web_page(headers: &HeaderMap) -> bool {
    let own = |site: &http::HeaderValue| site == "none" || site == "same-origin";
    headers.contains_key(ORIGIN) || !headers.get_all(SEC_FETCH_SITE).iter().all(own)
}

/// Whether every host that the request names is this machine.
fn names_loopback(headers: &HeaderMap, uri: &Uri) -> bool {
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
    async fn where_there_is_a_token_changes_have_to_show_it(
        #[case] shown: Option<&str>,
        #[case] expected: &str,
    ) {
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
}
