//! The vocabulary of one exchange: facts, stages, the pipeline that runs them, and refusals.
//!
//! 1. A **stage** is a [`Guard`], which decides on heads alone, or a [`Transform`], which may wait and may ask for whole bodies.
//! 2. A [`Pipeline`] is an ordered list of stages and an ordinary [`tower_layer::Layer`]: the request passes the stages in
//!    order, the response in reverse, and a refusal unwinds only the stages already entered.
//! 3. A refusal is a response, [`Rejection`]; an `Err` of the inner service is broken plumbing and passes untouched.
//! 4. [`Pipeline::outbound`] puts the same stages around an HTTP client; there the caller is told of a refusal by an error.
//! 5. **Facts** ([`Connection`], [`TlsSession`], [`ClientCertificate`], [`MatchedGroup`], …) travel in request extensions and
//!    are plain types.
//!
//! What this crate does not do: it knows no configuration files, no TLS library and no single policy; those live in the crates
//! that depend on it.
//!
//! # Example
//! ```
//! use std::{convert::Infallible, sync::Arc};
//! use bytes::Bytes;
//! use http::{Request, Response, StatusCode, request};
//! use http_body_util::Full;
//! use palisade_core::{Context, Guard, Pipeline, Rejection, Stage};
//! use tower::{ServiceBuilder, ServiceExt, service_fn};
//!
//! #[derive(Debug)]
//! struct OfficeHours { open: bool }
//!
//! impl Guard for OfficeHours {
//!     fn name(&self) -> &'static str { "office-hours" }
//!     fn request(&self, _: &mut Context, _: &mut request::Parts) -> Result<(), Rejection> {
//!         if self.open { return Ok(()) }
//!         Err(Rejection::new(StatusCode::SERVICE_UNAVAILABLE, "office-closed", "The office is closed"))
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() {
//! let inner = service_fn(|_: Request<Full<Bytes>>| async {
//!     Ok::<_, Infallible>(Response::new(Full::new(Bytes::from("hello"))))
//! });
//! for (open, status) in [(true, StatusCode::OK), (false, StatusCode::SERVICE_UNAVAILABLE)] {
//!     let pipeline = Pipeline::from(Stage::guard(OfficeHours { open }));
//!     let service = ServiceBuilder::new().layer(pipeline).service(inner);
//!     let response = service.oneshot(Request::new(Full::default())).await.unwrap();
//!     assert_eq!(response.status(), status);
//! }
//! # }
//! ```

mod alarms;
mod background;
mod clock;
mod context;
pub mod facts;
mod fetch;
mod finding;
pub mod head;
mod kind;
mod limit;
pub mod media;
pub mod outbound;
pub mod pipeline;
pub mod pool;
mod problem;
mod rejection;
mod replay;
mod secret;
pub mod settings;
pub mod soap;
mod stage;
pub mod xml;

pub use alarms::{Alarm, AlarmSlot, Alarms};
pub use background::Background;
pub use clock::{Clock, SystemClock};
pub use context::{Context, RefusalFormat};
pub use facts::{
    CertificateSource, ClientAddress, ClientCertificate, Connection, EndpointName, FramingConflict,
    MatchedGroup, MessageTimes, PeerAddr, Principal, RequestId, SecuredMessage, SubjectAltName, TlsSession,
    TlsVersion,
};
pub use fetch::{BadDocumentUrl, DocumentUrl, Fetch, FetchError, FetchRequest, Fetched, SharedFetch};
pub use finding::{Finding, Severity};
pub use kind::{BuildContext, BuildError, Fault, Resources, StageKind, StateStore};
pub use limit::{
    CounterHandle, Demand, Limit, LimitCounter, LimitKey, LimitRule, LimitStore, LimitStoreError,
    LimitStores, OnFailure, Standing, Taking, WINDOW_SLICES, WindowKind,
};
pub use outbound::OutboundLayer;
pub use pipeline::{Pipeline, PipelineLimits, Rehearsed};
pub use problem::Problem;
pub use rejection::Rejection;
pub use replay::{Replay, ReplayError, ReplayStore, SeenMessage, SharedReplay};
pub use secret::Secret;
pub use stage::{
    Bodies, BoxFuture, Entry, FactKind, GroupOutline, Guard, Message, Need, Phase, Rehearsal, Stage, Step,
    Transform,
};
