//! Stage `validation`: what requests, and answers, look like.
//!
//! 1. **Before a byte of a body is read** the head is looked at: parameters of path, query and header; what the client
//!    accepts; the media type, and its charset;
//!    the length that is announced. A body under a content coding is refused, because nobody would look inside.
//! 2. **The whole body** is looked at by its media type, in one pass and before any tree is built: JSON (RFC 8259), XML 1.0 without
//!    document types, forms and `multipart/form-data`. What two readers could read differently is refused.
//! 3. **A schema** says what JSON must be. Where there is one, a body of another media type is refused: it would pass by.
//! 4. **An OpenAPI document** says which operations there are, and what parameters, bodies and answers are in each.
//! 5. **On SOAP routes** a body is an envelope of the version that its media type tells, and holds the element of its action.
//! 6. **Answers** are looked at for their syntax, and for what the document says, where that is asked for.
//! 7. The handler gets byte for byte what was looked at. A refusal tells where and which rule, and never the peer's own text.
//!
//! What this does not protect against: values that fit and mean harm all the same. There is no guessing at attacks; patterns say what is
//! expected. Bodies of media types that nobody knows here, such as `image/png`, pass as they are where they are accepted.
//!
//! # As a layer
//! ```
//! use std::{convert::Infallible, path::Path};
//! use bytes::Bytes;
//! use http::{Request, Response, StatusCode};
//! use http_body_util::Full;
//! use palisade_validation::{Validation, ValidationSettings};
//! use tower::{ServiceBuilder, ServiceExt, service_fn};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut settings = ValidationSettings::default();
//! settings.content_types = Some(vec!["application/json".to_owned()]);
//! let layer = Validation::layer(&settings, Path::new("."))?;
//! let service = ServiceBuilder::new().layer(layer).service(service_fn(|request: Request<Full<Bytes>>| async {
//!     Ok::<_, Infallible>(Response::new(request.into_body()))
//! }));
//! for (body, status) in [(r#"{"a":1}"#, StatusCode::OK), (r#"{"a":1,"a":2}"#, StatusCode::BAD_REQUEST)] {
//!     let request = Request::post("/").header("content-type", "application/json").body(Full::from(body))?;
//!     assert_eq!(service.clone().oneshot(request).await?.status(), status);
//! }
//! # Ok(()) }
//! ```
//!
//! # In a configuration
//! ```properties
//! palisade.interceptors.Orders.validation.content-types=application/json
//! palisade.interceptors.Orders.validation.query.limit.type=integer
//! palisade.interceptors.Orders.validation.schema=order.json
//! ```

mod accept;
pub mod form;
mod hygiene;
pub mod json;
mod media;
pub mod multipart;
mod openapi;
pub mod parameters;
mod pattern;
mod rejection;
pub mod schema;
mod settings;
mod soap;
mod stage;
mod validator;
mod xml;
mod xsd;

pub use settings::{
    JsonSettings, MultipartSettings, ParameterSettings, ParameterType, ResponseSetting, Unknown,
    ValidationSettings, XmlSettings,
};
pub use stage::{MatchedOperation, Validation};
