//! The built-in upstream of `palisade serve --echo`: it answers with the request as a handler would see it.
//!
//! 1. The answer is 200 and JSON with `method`, `path`, `query`, `group`, `principal`, `tls`, `client`, `client-certificate`,
//!    `headers` and `body`; what is absent is `null`.
//! 2. A field that is repeated is an array of its values; bytes that are no text appear as `\xNN`.
//! 3. A body that is UTF-8 stands in `body`; any other in `body-base64`, and `body` is `null`.
//! 4. Bodies are bounded by [`BODY_LIMIT`].
//!
//! What this does not protect: the answer repeats every field, credentials included, to the caller. It is a tool for trying out
//! policies.

use std::convert::Infallible;
use std::error::Error;
use std::sync::Arc;
use std::task::{self, Poll};

use axum::body::Body;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderValue};
use http::{Method, Request, Response, StatusCode, request};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use palisade_core::facts::{client_address, client_certificate, tls_session};
use palisade_core::pipeline::StoodStill;
use palisade_core::{BoxFuture, ClientCertificate, Context, MatchedGroup, Principal, Rejection};
use serde_json::{Map, Value, json};
use tower_service::Service;

use crate::answer;

/// The largest body that is echoed.
pub const BODY_LIMIT: usize = 2 * 1024 * 1024;

/// A service that answers with the request.
#[derive(Debug, Clone, Copy, Default)]
pub struct Echo(());

impl Echo {
    /// The service.
    pub fn new() -> Self {
        Self(())
    }
}

impl Service<Request<Body>> for Echo {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut task::Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        Box::pin(async move { Ok(echo(request).await) })
    }
}

async fn echo(request: Request<Body>) -> Response<Body> {
    let (head, body) = request.into_parts();
    match Limited::new(body, BODY_LIMIT).collect().await {
        Ok(body) => described(&head, &body.to_bytes()),
        Err(error) => answer::refuse(&mut Context::new(&head), &unreadable(error), "echo"),
    }
}

fn unreadable(error: Box<dyn Error + Send + Sync>) -> Rejection {
    let rejection = if error.is::<LengthLimitError>() {
        Rejection::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "body-too-large",
            "The request body is too large",
        )
    } else if StoodStill::is_behind(error.as_ref()) {
        Rejection::new(
            StatusCode::REQUEST_TIMEOUT,
            "body-timeout",
            "The request body did not arrive in time",
        )
    } else {
        Rejection::new(
            StatusCode::BAD_REQUEST,
            "body-malformed",
            "The request body cannot be read",
        )
    };
    rejection.caused_by(error)
}

fn described(head: &request::Parts, body: &Bytes) -> Response<Body> {
    let text = std::str::from_utf8(body).ok();
    let mut members = json!({
        "method": head.method.as_str(),
        "path": head.uri.path(),
        "query": head.uri.query(),
        "group": head.extensions.get::<MatchedGroup>().map(|group| &group.name),
        "principal": head.extensions.get::<Arc<Principal>>(),
        "tls": tls_session(&head.extensions),
        "client": client_address(&head.extensions),
        "client-certificate": client_certificate(&head.extensions).map(|certificate| certificate_value(certificate)),
        "headers": fields(&head.headers),
        "body": text,
    });
    if let (None, Value::Object(members)) = (text, &mut members) {
        members.insert("body-base64".to_owned(), BASE64_STANDARD.encode(body).into());
    }
    let text = members.to_string();
    let length = text.len();
    // Over HTTP/2 nobody else leaves out the body of an answer to HEAD (RFC 9110 section 9.3.2).
    let body = if head.method == Method::HEAD {
        Body::empty()
    } else {
        Body::from(text)
    };
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn certificate_value(certificate: &ClientCertificate) -> Value {
    json!({
        "subject": certificate.subject,
        "issuer": certificate.issuer,
        "serial": certificate.serial_hex(),
        "sha256": certificate.fingerprint_hex(),
        "source": certificate.source,
    })
}

/// Names in order, each with its value, or its values.
fn fields(headers: &HeaderMap) -> Value {
    let mut names = Map::new();
    for name in headers.keys() {
        let mut values: Vec<Value> = headers.get_all(name).iter().map(field_value).collect();
        let value = if values.len() == 1 {
            values.remove(0)
        } else {
            Value::Array(values)
        };
        names.insert(name.as_str().to_owned(), value);
    }
    Value::Object(names)
}

fn field_value(value: &HeaderValue) -> Value {
    match std::str::from_utf8(value.as_bytes()) {
        Ok(text) => text.into(),
        Err(_) => value.as_bytes().escape_ascii().to_string().into(),
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use http::Request;
    use http_body_util::BodyExt;
    use serde_json::{Value, json};
    use tower::ServiceExt;

    use super::{BODY_LIMIT, Echo};

    async fn answer(request: Request<Body>) -> (u16, Value) {
        let response = Echo::new().oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&body).unwrap())
    }

    #[tokio::test]
    async fn the_request_is_answered_as_it_came() {
        let request = Request::post("/a/b?c=%20d")
            .header("x-one", "1")
            .header("x-two", "a")
            .header("x-two", "b")
            .body(Body::from("{\"a\":1}"))
            .unwrap();
        let expected = json!({
            "method": "POST", "path": "/a/b", "query": "c=%20d", "group": null, "principal": null, "tls": null,
            "client": "unknown", "client-certificate": null,
            "headers": { "x-one": "1", "x-two": ["a", "b"] },
            "body": "{\"a\":1}",
        });
        assert_eq!(answer(request).await, (200, expected));
    }

    #[tokio::test]
    async fn a_body_that_is_no_text_is_answered_in_base64() {
        let (_, echoed) = answer(Request::post("/").body(Body::from(vec![0xff, 0x00])).unwrap()).await;
        assert_eq!(echoed["body"], Value::Null);
        assert_eq!(echoed["body-base64"], "/wA=");
    }

    #[tokio::test]
    async fn a_body_beyond_the_bound_is_refused() {
        let (status, problem) = answer(
            Request::post("/")
                .body(Body::from(vec![b'a'; BODY_LIMIT + 1]))
                .unwrap(),
        )
        .await;
        assert_eq!(status, 413);
        assert_eq!(problem["type"], "urn:palisade:problem:body-too-large");
    }
}
