//! The server that a team builds without Palisade: the same checks of published layers and middleware functions.
//!
//! 1. `tower-http`: a request id that is set and propagated, `Authorization` marked as sensitive, panics caught, bodies limited.
//! 2. `tower_governor`: a limit per address, so high that it never refuses. Palisade's columns have no limit of a rate.
//! 3. Functions with `axum::middleware::from_fn`: the address against lists of `ipnet`; bounds on number and bytes of fields, a
//!    blocked prefix and a required field; the token, decoded by `jsonwebtoken` with a key that was parsed once, its caller left
//!    in the extensions; its scope against the method.
//! 4. The floor is the listener's own: it speaks TLS 1.3 alone.
//!
//! All layers stand in one `ServiceBuilder`, so that the router boxes once. It is the sum of what the documentation of each crate
//! shows, and leaves a good deal out: the catalogue of faulty heads, canonical paths, facts of the connection, `typ` and `crit` of
//! tokens, keys that rotate, problem documents, reload.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::extract::{ConnectInfo, Request, State};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::Response;
use http::header::AUTHORIZATION;
use http::{Extensions, HeaderMap, Method, StatusCode};
use ipnet::IpNet;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::Deserialize;
use tower::ServiceBuilder;
use tower_governor::GovernorLayer;
use tower_governor::governor::GovernorConfigBuilder;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer};
use tower_http::sensitive_headers::SetSensitiveRequestHeadersLayer;

use crate::{servers, token};

const MAX_BODY: usize = 2 * 1024 * 1024;
const MAX_FIELDS: usize = 100;
const MAX_FIELD_BYTES: usize = 16 * 1024;

/// The application behind the layers.
pub(crate) fn app(folder: &Path) -> Router {
    let limit = GovernorConfigBuilder::default()
        .per_nanosecond(1)
        .burst_size(1_000_000)
        .finish()
        .unwrap();
    servers::app().layer(
        ServiceBuilder::new()
            .layer(SetRequestIdLayer::x_request_id(MakeRequestUuid))
            .layer(PropagateRequestIdLayer::x_request_id())
            .layer(SetSensitiveRequestHeadersLayer::new([AUTHORIZATION]))
            .layer(CatchPanicLayer::new())
            .layer(from_fn_with_state(Arc::new(Addresses::new()), check_address))
            .layer(from_fn(check_fields))
            .layer(GovernorLayer::new(limit))
            .layer(from_fn_with_state(Arc::new(Tokens::new(folder)), authenticate))
            .layer(from_fn(authorize))
            .layer(RequestBodyLimitLayer::new(MAX_BODY)),
    )
}

struct Addresses {
    allow: Vec<IpNet>,
    deny: Vec<IpNet>,
}

impl Addresses {
    fn new() -> Self {
        let nets = |list: &str| list.split(',').map(|net| net.parse().unwrap()).collect();
        Self {
            allow: nets(servers::ALLOWED),
            deny: nets(servers::DENIED),
        }
    }

    fn admit(&self, address: IpAddr) -> bool {
        let among = |nets: &[IpNet]| nets.iter().any(|net| net.contains(&address));
        among(&self.allow) && !among(&self.deny)
    }
}

async fn check_address(
    State(addresses): State<Arc<Addresses>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
    next: Next,
) -> Result<Response, StatusCode> {
    if addresses.admit(peer.ip()) {
        Ok(next.run(request).await)
    } else {
        Err(StatusCode::FORBIDDEN)
    }
}

async fn check_fields(request: Request, next: Next) -> Result<Response, StatusCode> {
    let headers = request.headers();
    let bytes: usize = headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len())
        .sum();
    if headers.len() > MAX_FIELDS || bytes > MAX_FIELD_BYTES {
        return Err(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
    }
    let is_blocked = headers.keys().any(|name| name.as_str().starts_with("x-debug-"));
    if is_blocked || !headers.contains_key("x-partner") {
        return Err(StatusCode::BAD_REQUEST);
    }
    Ok(next.run(request).await)
}

/// What is good in a token.
struct Tokens {
    key: DecodingKey,
    validation: Validation,
}

impl Tokens {
    fn new(folder: &Path) -> Self {
        let text = std::fs::read(folder.join(token::KEYS)).unwrap();
        let set: JwkSet = serde_json::from_slice(&text).unwrap();
        let mut validation = Validation::new(Algorithm::RS256);
        validation.set_issuer(&[token::ISSUER]);
        validation.set_audience(&[token::AUDIENCE]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        validation.validate_nbf = true;
        Self {
            key: DecodingKey::from_jwk(set.keys.first().unwrap()).unwrap(),
            validation,
        }
    }

    fn caller(&self, headers: &HeaderMap) -> Option<Caller> {
        let credentials = headers.get(AUTHORIZATION)?.to_str().ok()?;
        let token = credentials.strip_prefix("Bearer ")?;
        let decoded = jsonwebtoken::decode(token, &self.key, &self.validation);
        decoded.ok().map(|decoded| decoded.claims)
    }
}

/// Who is calling.
#[derive(Debug, Clone, Deserialize)]
#[expect(dead_code, reason = "a handler would read them")]
struct Caller {
    sub: String,
    scope: String,
    roles: Vec<String>,
}

async fn authenticate(
    State(tokens): State<Arc<Tokens>>,
    mut request: Request,
    next: Next,
) -> Result<Response, StatusCode> {
    let caller = tokens.caller(request.headers()).ok_or(StatusCode::UNAUTHORIZED)?;
    request.extensions_mut().insert(Arc::new(caller));
    Ok(next.run(request).await)
}

async fn authorize(request: Request, next: Next) -> Result<Response, StatusCode> {
    if may(request.method(), request.extensions()) {
        Ok(next.run(request).await)
    } else {
        Err(StatusCode::FORBIDDEN)
    }
}

fn may(method: &Method, facts: &Extensions) -> bool {
    let reads = matches!(*method, Method::GET | Method::HEAD);
    let caller = facts.get::<Arc<Caller>>();
    reads && caller.is_some_and(|caller| caller.scope.split(' ').any(|scope| scope == token::SCOPE))
}
