//! Stage `authentication`: who is calling.
//!
//! 1. What a request has to prove follows from the mode, the listener and what it brings: [`table`] is the whole rule. Chain, validity
//!    and revocation of a certificate were verified by the listener; here it has to be registered for the user, or else for the
//!    user's tenant.
//! 2. Schemes: `certificate`; `basic` (RFC 7617), against argon2id hashes; `bearer` (RFC 6750), signed tokens; `api-key`, random keys
//!    that are stored hashed.
//! 3. One credential at most: of two, good or not, neither counts (401). Several certificates cannot come about.
//! 4. A bearer token with `cnf.x5t#S256` (RFC 8705) is good only beside that certificate, in every mode.
//! 5. A token's subject that is a user of the directory has to be active; the user's tenant counts, and the roles of both. Another
//!    subject has the token's roles and scopes and no tenant. An API key without scopes stands for its owner, roles and all; one with
//!    scopes has these and no roles.
//! 6. The certificate of a tenant that is the sole evidence identifies the tenant, or the active user of that tenant whom
//!    `X-On-Behalf-Of` names. Any other use of that field is refused, and no handler ever sees it.
//! 7. Whoever is known is in the request's extensions as `Arc<`[`Principal`](palisade_core::Principal)`>`.
//! 8. Wrong user, wrong password, inactive user, unknown key: one answer, after the same work. The log tells them apart. A 401 names
//!    every scheme that is on in `WWW-Authenticate`.
//! 9. A password is verified on threads of their own, and the verdict is kept for ten minutes; a token that was seen before is not
//!    verified again. A request that need not wait costs no thread, no box and no look into a database.
//!
//! What this does not protect against: an issuer whose subjects have the names of other people in the directory, or whose tokens of
//! narrow scope are used on routes with rules about roles, because the roles of the user of that name count; a stolen key, password
//! or unbound token; guessing at passwords beyond what argon2 costs (limit
//! the rate in front of it); credentials in the clear, which are as safe as the listener's TLS. Credentials are not removed from the
//! request: handlers and upstreams see them.
//!
//! Caveats behind proxies: the certificate is the one that the listener settled on. A connection over which proxies carry many clients
//! must carry their certificates per request (`client-cert-header`).
//!
//! # As a layer
//! ```
//! use std::convert::Infallible;
//! use bytes::Bytes;
//! use http::{HeaderName, Request, Response, StatusCode};
//! use http_body_util::Full;
//! use palisade_directory::{ApiKey, GeneratedApiKey, Snapshot, User};
//! use palisade_identity::Authentication;
//! use tower::{ServiceBuilder, ServiceExt, service_fn};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let key = GeneratedApiKey::generate()?;
//! let directory = Snapshot::builder()
//!     .user(User::new("alice").with_api_key(ApiKey::new(key.hash()).with_scopes(["orders.read"])))
//!     .build()?;
//! let authentication = Authentication::builder()
//!     .fixed_directory(directory)
//!     .accept_api_keys(HeaderName::from_static("x-api-key"))
//!     .build()?;
//! let service = ServiceBuilder::new().layer(authentication.layer()).service(service_fn(|_: Request<Full<Bytes>>| async {
//!     Ok::<_, Infallible>(Response::new(Full::new(Bytes::from("hello"))))
//! }));
//!
//! for (key, status) in [(key.text().expose(), StatusCode::OK), ("plsd_guessed", StatusCode::UNAUTHORIZED)] {
//!     let request = Request::get("/").header("x-api-key", key).body(Full::default())?;
//!     assert_eq!(service.clone().oneshot(request).await?.status(), status);
//! }
//! # Ok(()) }
//! ```
//!
//! # In a configuration
//! ```properties
//! palisade.users.alice.password-hash=$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNoaGFzaGhhc2g
//! palisade.users.alice.roles=clerk
//! palisade.interceptors.Partners.authentication.schemes=certificate,basic
//! palisade.interceptors.Partners.authentication.two-way-mode=force
//! ```

mod authentication;
mod bearer;
mod builder;
mod challenges;
mod credentials;
mod denied;
mod how;
mod kind;
mod passwords;
mod rejection;
mod settings;
mod stage;
mod standing;
pub mod table;

pub use authentication::Authentication;
pub use bearer::{BadToken, Bearer, BearerBuilder, BearerError, BearerSettings, Token, TokenAlgorithm};
pub use builder::{AuthenticationBuilder, AuthenticationError};
pub use credentials::Unreadable;
pub use denied::{BadCertificate, BadCredentials, Denied, NotOnBehalf};
pub use settings::{ApiKeySettings, AuthenticationSettings, Scheme};
pub use table::TwoWayMode;
