//! Stage `access`: who may create, read, update and delete.
//!
//! 1. A method belongs to one operation at most: `POST` creates, `GET` and `HEAD` read, `PUT` and `PATCH` update, `DELETE`
//!    deletes. `methods.<METHOD>` gives a method another operation, or one to a method that has none (`methods.POST=read` for
//!    searches). `HEAD` follows `GET` unless it is named itself. All others (`OPTIONS`, `TRACE`, `CONNECT`, `REPORT`, …) belong
//!    to none. Names of methods are case-sensitive (RFC 9110 section 9.1): `get` is not `GET`.
//! 2. An operation is allowed to everybody, to nobody, or to whom one of its rules matches. One of which nothing is said is
//!    denied. At least one must be spoken of.
//! 3. `allow` admits whoever comes this far, also a caller of whom nothing is known.
//! 4. A rule matches one [`Principal`](palisade_core::Principal): `role:x` has the role, `scope:x` the scope, `user:x` is that
//!    user, `tenant:x` is that tenant itself or one of its users. Where no principal is known, no rule matches.
//! 5. `user:x` never matches a tenant that speaks for itself, whatever its name is.
//! 6. Names are compared byte for byte, in full: case counts, and there are no patterns.
//! 7. Where nobody may use the method, because its operation is denied or it has none, the answer is 405 `method-not-allowed`. Its
//!    field `Allow` (RFC 9110 section 10.2.1) names the methods that somebody may use, sorted; it is empty where there are none.
//! 8. Whom no rule matches gets 403 `operation-not-allowed`, known or not. The answer is the same for all, and names no rule; the
//!    log says which rules there are and who called.
//! 9. Several stages of one group all apply: each refuses on its own, and each `Allow` speaks of one stage.
//!
//! A decision to accept allocates nothing.
//!
//! What this does not protect against: a method that does something else than it says, such as a `GET` that deletes; one record
//! among many, for the rules know methods and callers and not what is asked for; a caller who is wrongly held for somebody else.
//! A name means what the source that vouches for the caller means by it: where a directory and an issuer of tokens both name
//! users, `user:jane` is the Jane of either.
//!
//! Caveats: the method is the one of the request. `X-HTTP-Method-Override` and its like are not looked at: a handler that obeys
//! them lets a creator delete, so have the stage `headers` refuse them, as it does by default. SOAP and other calls that are all
//! `POST` are all one operation. A preflight request of a browser is an `OPTIONS` without credentials; it needs
//! `methods.OPTIONS=read` and `read=allow`, or a group of its own.
//!
//! # As a layer
//! ```
//! use std::{convert::Infallible, sync::Arc};
//! use bytes::Bytes;
//! use http::{Request, Response, StatusCode};
//! use http_body_util::Full;
//! use palisade_access::{Access, Operation};
//! use palisade_core::Principal;
//! use tower::{ServiceBuilder, ServiceExt, service_fn};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let access = Access::builder()
//!     .allow_everybody(Operation::Read)
//!     .allow(Operation::Create, ["role:clerk", "scope:orders.write"])
//!     .deny(Operation::Delete)
//!     .build()?;
//! let service = ServiceBuilder::new().layer(access.layer()).service(service_fn(|_: Request<Full<Bytes>>| async {
//!     Ok::<_, Infallible>(Response::new(Full::new(Bytes::from("hello"))))
//! }));
//! let clerk = Arc::new(Principal::new("jane", "basic").with_roles(Arc::from(["clerk".into()])));
//! for (method, caller, status) in [
//!     ("GET", None, StatusCode::OK),
//!     ("POST", None, StatusCode::FORBIDDEN),
//!     ("POST", Some(&clerk), StatusCode::OK),
//!     ("DELETE", Some(&clerk), StatusCode::METHOD_NOT_ALLOWED),
//! ] {
//!     let mut request = Request::builder().method(method).body(Full::default())?;
//!     if let Some(caller) = caller {
//!         request.extensions_mut().insert(Arc::clone(caller));
//!     }
//!     let response = service.clone().oneshot(request).await?;
//!     assert_eq!(response.status(), status);
//!     if status == StatusCode::METHOD_NOT_ALLOWED {
//!         assert_eq!(response.headers()["allow"], "GET, HEAD, POST");
//!     }
//! }
//! # Ok(()) }
//! ```
//!
//! # In a configuration
//! The same, with searches by `POST` on a group of their own:
//! ```properties
//! palisade.interceptors.Orders.access.read=allow
//! palisade.interceptors.Orders.access.create=role:clerk,scope:orders.write
//! palisade.interceptors.Orders.access.delete=deny
//! palisade.interceptors.Searches.access.read=role:clerk,tenant:acme
//! palisade.interceptors.Searches.access.methods.POST=read
//! ```

mod access;
mod builder;
mod methods;
mod nearest;
mod operation;
mod rejection;
mod rule;
mod settings;
mod stage;

pub use access::{Access, Admitted, Denied, Rights};
pub use builder::{AccessBuilder, AccessError, AccessErrors};
pub use methods::AllowedMethods;
pub use operation::Operation;
pub use rule::{Rule, RuleError, Rules};
pub use settings::AccessSettings;
