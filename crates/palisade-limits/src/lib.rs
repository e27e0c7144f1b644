//! Stages `rate-limit`, `concurrency`, `quota` and `amount-limit`: how much each caller may use.
//!
//! 1. **`rate-limit`** counts requests by the generic cell rate algorithm: so many at once (`burst`), and then as many as come back.
//! 2. **`concurrency`** counts requests under way, each until the last byte of its answer, or until its client is gone.
//! 3. **`quota`** counts transactions in windows of time. One that is answered with 4xx or 5xx is given back. With an
//!    `idempotency-header` one that comes again is counted once.
//! 4. **`amount-limit`** reads amounts of money out of JSON and XML, exactly, and bounds each of them and their total in a window. The
//!    total is reserved before the handler runs and given back where it answers with 4xx or 5xx.
//! 5. Limits of one phase are checked together, and taken from together or not at all. Where a limit of a later phase has not enough
//!    left, earlier ones get back what they gave: a caller that is refused by its own limit uses nothing of what all share. What any
//!    other stage refuses is counted in rates.
//! 6. A request of which the key is not known shares one bucket with all others like it. Keys beyond `max-keys` share another.
//! 7. Counters belong to the interceptor and the stage. A reload changes the rule and keeps what was used.
//! 8. Every answer says how its caller stands: `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers-11). A refusal
//!    names the policies it violates, and when to come again (`Retry-After`, RFC 9110 section 10.2.3). Of amounts of money answers
//!    say nothing, because the draft has no unit for them.
//!
//! What this does not protect against: whoever changes the key at will, such as the value of a field, or addresses of several
//! networks, has a share under each. A client that names different transactions alike in an `idempotency-header` has them counted once;
//! the handler has to refuse that. A transaction whose client goes away while the handler works, or while a store is waited for, stays
//! counted.
//!
//! # As a layer
//! ```
//! use std::convert::Infallible;
//! use bytes::Bytes;
//! use http::{Request, Response, StatusCode};
//! use http_body_util::Full;
//! use palisade_core::settings::Period;
//! use palisade_limits::{Limits, RateLimitSettings};
//! use tower::{ServiceBuilder, ServiceExt, service_fn};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let limits = Limits::builder().rate_limit(RateLimitSettings::new(2, Period::seconds(60))).layer()?;
//! let service = ServiceBuilder::new().layer(limits).service(service_fn(|_: Request<Full<Bytes>>| async {
//!     Ok::<_, Infallible>(Response::new(Full::new(Bytes::from("hello"))))
//! }));
//! for (status, left) in [(StatusCode::OK, "1"), (StatusCode::OK, "0"), (StatusCode::TOO_MANY_REQUESTS, "0")] {
//!     let response = service.clone().oneshot(Request::new(Full::default())).await?;
//!     assert_eq!(response.status(), status);
//!     assert_eq!(response.headers()["ratelimit-policy"], r#""rate-limit";q=2;w=60"#);
//!     assert_eq!(response.headers()["ratelimit"], format!(r#""rate-limit";r={left};t=30"#));
//! }
//! # Ok(()) }
//! ```
//!
//! # In a configuration
//! ```properties
//! palisade.interceptors.Partners.rate-limit.requests=100
//! palisade.interceptors.Partners.rate-limit.per=1m
//! palisade.interceptors.Partners.amount-limit.pointer=/payment/amount
//! palisade.interceptors.Partners.amount-limit.max-total=10000.00
//! ```

mod amount;
mod compile;
mod fields;
mod key;
mod kind;
mod ledger;
mod limiter;
mod rejection;
mod run;
mod settings;
mod stage;

pub use amount::{Amount, DecimalError};
pub use key::{KeyBy, ParseKeyError};
pub use kind::{Limits, LimitsBuilder};
pub use settings::{
    AmountLimitSettings, ConcurrencySettings, LimitsSettings, QuotaSettings, RateLimitSettings, WindowSetting,
};
