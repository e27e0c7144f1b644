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
mod tests;
