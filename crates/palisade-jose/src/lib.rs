//! Message security: whole messages signed, encrypted and given times, as JOSE in compact form, on both sides.
//!
//! [`MessageSecurity`] is the server's side: it opens requests and secures responses. [`ClientMessageSecurity`] is the client's
//! side, and mirrors it. Both are ordinary stages of a pipeline, built in code or from settings. [`Reader`] and [`Writer`] are
//! the same operations without HTTP, and [`decrypt`], [`verify`], [`encrypt`], [`sign`] the single steps.
//!
//! 1. A request is read in this order: is it a compact form at all, decrypt, verify, method and target, audience, times, replay.
//!    Its identifier is remembered only once everything else was right.
//! 2. Whatever cannot be decrypted, verified or read is answered the same: 400 `message-security-failed`. The reason is in the
//!    log alone.
//! 3. A signature that is required is required of every request, whatever its method, with and without a body, unless
//!    `bodiless` says otherwise.
//! 4. The algorithm belongs to the key, and a message chooses neither: its `kid` selects among the configured keys.
//! 5. Limits come before work: the size of the body, the number of segments, the length of the header. Nothing is decompressed,
//!    fetched, or derived from a password.
//! 6. Cryptography runs on a [`CryptoPool`] as wide as the machine; when too much waits there, requests are refused with 503.
//! 7. What is inside is a [`MessageFormat`]: [`Jwt`] or [`Raw`], or your own.
//!
//! What it does not protect against: the URL, the query and the header fields are not secured, and neither are error answers
//! unless that is asked for. The length of a message, its time and its parties are visible. A partner who signs can say what it
//! likes. Whoever changes an answer to 204 or 304 makes its body disappear.
//!
//! Behind a proxy that ends TLS, `htu` as an absolute `https` URI does not fit what this server sees; partners then write the
//! path. A proxy that rewrites paths needs `htu` to be the path after rewriting.
//!
//! # Example
//! ```
//! use std::collections::BTreeMap;
//!
//! use bytes::Bytes;
//! use http::{Request, Response, StatusCode};
//! use http_body_util::Full;
//! use palisade_jose::{Algorithms, DecryptionKey, EncryptionKey, MessageSecurity, encrypt};
//! use palisade_keystore::{KeystoreSettings, Keystores};
//! use palisade_test::ca::TestCa;
//! use tower::{ServiceBuilder, ServiceExt, service_fn};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # TestCa::new("Example Root").server(&["bank.example"]).write_pem(folder.path(), "bank");
//! let settings = BTreeMap::from([("keys".to_owned(), KeystoreSettings::new("."))]);
//! let keystores = Keystores::load(folder.path(), &settings)?;
//! let key = DecryptionKey::new(&*keystores.key("bank")?, &Algorithms::default())?;
//! let security = MessageSecurity::builder().decrypt_requests([key]).build()?;
//!
//! let handler = service_fn(|request: Request<Full<Bytes>>| async {
//!     assert_eq!(request.headers()["content-type"], "application/json");
//!     Ok::<_, std::convert::Infallible>(Response::new(request.into_body()))
//! });
//! let service = ServiceBuilder::new().layer(security.layer()).service(handler);
//!
//! // What a partner does with the public key, in whatever language.
//! let key = EncryptionKey::new("bank", &keystores.public_key("bank")?, &Algorithms::default())?;
//! let message = encrypt(&key, &serde_json::Map::new(), br#"{"body": {"amount": 5}}"#)?;
//! let accepted = service.clone().oneshot(Request::post("/pay").body(Full::from(message))?).await?;
//! assert_eq!(accepted.status(), StatusCode::OK);
//!
//! let in_the_clear = Request::post("/pay").body(Full::from(r#"{"amount": 5}"#))?;
//! assert_eq!(service.oneshot(in_the_clear).await?.status(), StatusCode::BAD_REQUEST);
//! # Ok(()) }
//! ```

mod algorithms;
mod binding;
mod claims;
mod client;
mod format;
mod head;
mod json;
mod keys;
mod message;
mod parts;
mod profiles;
mod rejection;
mod server;
mod settings;
mod times;
mod wire;

pub use algorithms::{Algorithms, ContentEncryption, KeyManagement, SignatureAlgorithm, UnknownAlgorithm};
pub use binding::{BindingFault, Target, check_audience, check_binding};
pub use claims::{BadClaim, Claims, LONGEST_ID};
pub use client::{ClientMessageSecurity, ClientMessageSecurityBuilder};
pub use format::{Body, FormatError, Jwt, MessageFormat, MessageFormats, Raw, Written};
pub use keys::{DecryptionKey, EncryptionKey, KeyError, SigningKey, VerificationKey};
pub use message::{Passed, ReadError, ReadMessage, Reader, WriteError, Writer};
pub use palisade_core::pool::{CryptoPool, PoolError};
pub use parts::{Incoming, Outgoing, unverified_header};
pub use rejection::Refused;
pub use server::{MessageSecurity, MessageSecurityBuilder, Unusable};
pub use settings::{
    Binding, Bodiless, ClientMessageSecuritySettings, ClientRequestSettings, ClientResponseSettings,
    MessageSecuritySettings, MessageSettings, ReadProfileSettings, RequestSettings, ResponseSettings,
    TimestampSettings, WriteProfileSettings,
};
pub use times::{TimeFault, TimeRules};
pub use wire::{
    BadHeader, FailedStep, Failure, MAX_TRIED, Opened, ProtectedHeader, Reason, decrypt, encrypt, is_compact,
    sign, verify,
};
