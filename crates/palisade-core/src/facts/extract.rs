//! Extractors for axum handlers.

use std::convert::Infallible;
use std::sync::Arc;

use axum_core::extract::{FromRequestParts, OptionalFromRequestParts};
use axum_core::response::{IntoResponse, Response};
use http::request::Parts;
use http::{Extensions, StatusCode};

use super::{
    ClientCertificate, MatchedGroup, MessageTimes, PeerAddr, Principal, RequestId, SecuredMessage, TlsSession,
};
use crate::{RefusalFormat, Rejection};

/// A handler asks for a fact that this exchange does not have; extract `Option<_>` where that is expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("this exchange has no {fact}")]
pub struct FactMissing {
    fact: &'static str,
    request_id: RequestId,
    format: RefusalFormat,
}

impl FactMissing {
    fn new(fact: &'static str, facts: &Extensions) -> Self {
        Self {
            fact,
            request_id: RequestId::of(facts),
            format: facts.get().copied().unwrap_or_default(),
        }
    }
}

impl IntoResponse for FactMissing {
    fn into_response(self) -> Response {
        let (id, format) = (self.request_id, self.format);
        let rejection = Rejection::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal-error",
            "The server failed",
        )
        .caused_by(self);
        rejection
            .to_response(&id, format)
            .map(axum_core::body::Body::from)
    }
}

/// Both extractors of a fact: required, and optional.
macro_rules! extract {
    ($type:ty, $name:literal, $find:expr) => {
        impl<S: Send + Sync> FromRequestParts<S> for $type {
            type Rejection = FactMissing;

            async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, FactMissing> {
                let find: fn(&http::Extensions) -> Option<Self> = $find;
                find(&parts.extensions).ok_or_else(|| FactMissing::new($name, &parts.extensions))
            }
        }

        impl<S: Send + Sync> OptionalFromRequestParts<S> for $type {
            type Rejection = Infallible;

            async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Infallible> {
                let find: fn(&http::Extensions) -> Option<Self> = $find;
                Ok(find(&parts.extensions))
            }
        }
    };
}

extract!(TlsSession, "TLS session", |facts| super::tls_session(facts)
    .cloned());
extract!(ClientCertificate, "client certificate", |facts| {
    super::client_certificate(facts).map(|certificate| ClientCertificate::clone(certificate))
});
extract!(MatchedGroup, "endpoint group", |facts| facts
    .get::<MatchedGroup>()
    .cloned());
extract!(Principal, "principal", |facts| facts
    .get::<Arc<Principal>>()
    .map(|principal| Principal::clone(principal)));
extract!(MessageTimes, "times of a secured message", |facts| facts
    .get::<MessageTimes>()
    .copied());
extract!(SecuredMessage, "secured message", |facts| facts
    .get::<SecuredMessage>()
    .cloned());
extract!(RequestId, "request id", |facts| facts.get::<RequestId>().copied());

impl<S: Send + Sync> FromRequestParts<S> for PeerAddr {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self(super::client_address(&parts.extensions)))
    }
}
