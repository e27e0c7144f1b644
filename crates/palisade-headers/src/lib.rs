//! Stage `headers`: which header fields are admitted, and which leave.
//!
//! 1. The fields of a request are bounded in number and in bytes: 431 `headers-too-large`.
//! 2. A request that carries a blocked field, or a field with a blocked value, is refused: 400 `header-blocked`.
//! 3. A request whose head breaks the standards in a way that attackers use is refused: 400 `header-faulty`. [`Fault`] lists the
//!    ways, one by one.
//! 4. A request without a required field is refused: 400 `header-missing`.
//! 5. Fields of the response are removed, and then set, for every response that passes: the handler's, and the refusals of stages
//!    behind this one.
//! 6. Names are compared without regard to case; `*` in a name stands for any characters. A blocked value is a regular expression
//!    that is looked for anywhere in the value, in time linear in its length.
//!
//! What the peer is told never quotes its own text: a fault names at most a standard field.
//!
//! What this does not protect against: what a well-formed value means to the application; a body sent with GET over HTTP/2
//! without `Content-Length`, which no head shows; fields of trailers.
//!
//! Caveats behind proxies: `X-Forwarded-*` and `Forwarded` belong to the listener, which knows the trusted proxies; they are no
//! fault here.
//!
//! # As a layer
//! ```
//! use std::convert::Infallible;
//! use bytes::Bytes;
//! use http::{Request, Response};
//! use http_body_util::Full;
//! use palisade_headers::HeaderRules;
//! use tower::{ServiceBuilder, ServiceExt, service_fn};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let rules = HeaderRules::builder()
//!     .block(["x-debug*"])
//!     .require(["x-partner"])
//!     .remove_from_response(["server"])
//!     .build()?;
//! let service = ServiceBuilder::new().layer(rules.layer()).service(service_fn(|_: Request<Full<Bytes>>| async {
//!     Ok::<_, Infallible>(Response::builder().header("server", "inner/1.0").body(Full::<Bytes>::default()).unwrap())
//! }));
//! let request = || Request::builder().header("host", "api.example").header("x-partner", "7");
//! let accepted = service.clone().oneshot(request().body(Full::default())?).await?;
//! assert!(accepted.status() == 200 && !accepted.headers().contains_key("server"));
//! let refused = service.oneshot(request().header("X-Debug-Level", "9").body(Full::default())?).await?;
//! assert_eq!(refused.status(), 400);
//! # Ok(()) }
//! ```
//!
//! # In a configuration
//! ```properties
//! palisade.interceptors.Partners.headers.block=x-debug*,x-internal-*
//! palisade.interceptors.Partners.headers.block-value.user-agent=(?i)sqlmap|nikto
//! palisade.interceptors.Partners.headers.response-set.cache-control=no-store
//! ```

mod faults;
mod pattern;
mod rejection;
mod rules;
mod settings;
mod stage;

pub use faults::Fault;
pub use pattern::{NamePattern, PatternError};
pub use rules::{HeaderRules, HeaderRulesBuilder, Refused, RuleError, RuleErrors};
pub use settings::{HeaderSettings, Verdict};
