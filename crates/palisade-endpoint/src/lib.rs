//! Ordered endpoint groups: compiled, matched, explained, run, and replaced while requests run.
//!
//! 1. Groups are tried in order, and **the first that matches decides**; the cost of matching does not grow with their number.
//! 2. Every selector that a group gives must match, one that it leaves out matches all; names are case-sensitive.
//! 3. A request that no group covers is refused with 404 `endpoint-not-configured`, unless `palisade.unmatched=allow`.
//! 4. Before any group: exactly one well-formed `Host`, bounded fields ([`palisade_core::head`]), and a path in its one
//!    canonical form, else 400 or 431.
//! 5. A request is served wholly under the policy in force when it came; [`PolicyHandle::replace`] changes the policy for those
//!    after it.
//! 6. Client interceptors are compiled and replaced with the groups; [`PolicyHandle::client`] puts one around an HTTP client. One
//!    that a later policy does not have refuses to send.
//! 7. Paths are compared as axum's router compares them, and `GET` includes `HEAD` as it does there.
//!
//! What this does not protect against: routes that an application mounts outside the layer, and an upstream that reads a path
//! otherwise than we do.
//!
//! # Example
//! ```
//! use std::sync::Arc;
//! use axum::{Router, body::Body, routing::get};
//! use http::{Request, StatusCode};
//! use palisade_config::{Config, Sources};
//! use palisade_core::SystemClock;
//! use palisade_endpoint::{EndpointGroupsLayer, Environment, PolicyHandle, Registry};
//! use tower::ServiceExt;
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let folder = tempfile::tempdir()?;
//! std::fs::write(
//!     folder.path().join("application.properties"),
//!     "palisade.endpoints[0].paths=/orders/{id}\n\
//!      palisade.endpoints[0].methods=GET\n",
//! )?;
//! let (config, errors) = Config::load(&Sources::new(folder.path()));
//! assert!(errors.is_empty(), "{errors}");
//! let environment = Environment::new(Arc::new(SystemClock::new()));
//! let policy = Registry::new().compile(&config, &environment)?;
//! let app = Router::new()
//!     .route("/orders/{id}", get(|| async { "an order" }).delete(|| async { "gone" }))
//!     .layer(EndpointGroupsLayer::new(PolicyHandle::new(policy)));
//!
//! for (method, status) in [("GET", StatusCode::OK), ("DELETE", StatusCode::NOT_FOUND)] {
//!     let request = Request::builder().method(method).uri("/orders/7").header("host", "localhost").body(Body::empty())?;
//!     assert_eq!(app.clone().oneshot(request).await?.status(), status);
//! }
//! # Ok(()) }
//! ```

mod client;
mod compile;
mod explain;
mod group;
mod index;
mod interceptor;
mod later;
mod limits;
pub mod path;
mod pattern;
mod policy;
mod prefixed;
mod reach;
mod registry;
mod rights;
mod score;
mod selector;
mod service;

pub use client::{ClientInterceptor, ClientInterceptorLayer, ClientsNotTogether, UnknownClientInterceptor};
pub use compile::{Environment, OWN_NAMES};
pub use explain::{ExplainedLimit, ExplainedStage, Explanation, PassedOver, Probe, Verdict};
pub use group::GroupSettings;
pub use limits::{
    LimitDescription, LimitInForce, LimitLeftOut, LimitReport, LimitReset, LimitStanding, LimitsByKey,
};
pub use policy::{Changes, ClientChanges, Policy, PolicyHandle, Unmatched};
pub use registry::Registry;
pub use rights::GroupRights;
pub use score::{Assessment, Justification, Justified, assess, justifications};
pub use selector::{BasePaths, Mismatch};
pub use service::{EndpointGroups, EndpointGroupsFuture, EndpointGroupsLayer};
