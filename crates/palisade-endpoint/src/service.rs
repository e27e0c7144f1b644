//! Endpoint groups as one ordinary tower service.

use std::sync::Arc;
use std::task::{self, Poll};

use axum::extract::OriginalUri;
use bytes::Bytes;
use http::{Request, Response, StatusCode, request};
use http_body::Body;
use palisade_core::facts::{WireUri, X_ON_BEHALF_OF, wire_path};
use palisade_core::head::{self, HeadLimits};
use palisade_core::pipeline::{BoxError, ExchangeBody, ExchangeFuture};
use palisade_core::{Context, EndpointName, MatchedGroup, Pipeline, RefusalFormat, Rejection};
use tower_layer::Layer;
use tower_service::Service;

use crate::path;
use crate::policy::{Policy, PolicyHandle, Unmatched};
use crate::selector::Target;

/// Guards every request by the endpoint group that matches it first.
///
/// It may be mounted around a router, or inside one with `Router::layer`, also below `Router::nest`: it looks at the path as
/// it came over the wire.
///
/// `X-On-Behalf-Of` goes no further than the stage that judges it: where a group has no stage of the phase
/// [`Authentication`](palisade_core::Phase::Authentication), the field is removed here.
#[derive(Debug, Clone)]
pub struct EndpointGroupsLayer {
    policy: PolicyHandle,
    limits: HeadLimits,
}

impl EndpointGroupsLayer {
    /// Guards by the policy in force behind that handle.
    pub fn new(policy: PolicyHandle) -> Self {
        Self {
            policy,
            limits: HeadLimits::default(),
        }
    }

    /// Bounds heads otherwise than by [`HeadLimits::default`].
    #[must_use]
    pub fn bound_heads(mut self, limits: HeadLimits) -> Self {
        self.limits = limits;
        self
    }
}

impl<S> Layer<S> for EndpointGroupsLayer {
    type Service = EndpointGroups<S>;

    fn layer(&self, inner: S) -> EndpointGroups<S> {
        EndpointGroups {
            inner,
            policy: self.policy.clone(),
            limits: self.limits,
        }
    }
}

/// A service behind endpoint groups.
#[derive(Debug, Clone)]
pub struct EndpointGroups<S> {
    inner: S,
    policy: PolicyHandle,
    limits: HeadLimits,
}

/// The future of [`EndpointGroups`].
pub type EndpointGroupsFuture<F, R, E> = ExchangeFuture<F, R, E>;

impl<S, B, R> Service<Request<B>> for EndpointGroups<S>
where
    S: Service<Request<B>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send,
    B: Body<Data = Bytes> + From<Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
    R: Body<Data = Bytes> + Send + 'static,
    R::Error: Into<BoxError>,
{
    type Response = Response<ExchangeBody<R>>;
    type Error = S::Error;
    type Future = EndpointGroupsFuture<S::Future, R, S::Error>;

    fn poll_ready(&mut self, cx: &mut task::Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let (mut head, body) = request.into_parts();
        let (pipeline, context) = {
            let policy = self.policy.snapshot();
            match choose(&policy, self.limits, &mut head) {
                Ok(chosen) => chosen,
                Err(response) => return ExchangeFuture::answered(*response),
            }
        };
        pipeline.exchange(context, &mut self.inner, head, body)
    }
}

/// The pipeline for a request, or the answer where there is none.
fn choose(
    policy: &Policy,
    limits: HeadLimits,
    head: &mut request::Parts,
) -> Result<(Pipeline, Context), Box<Response<Bytes>>> {
    if let Some(OriginalUri(uri)) = head.extensions.get::<OriginalUri>()
        && uri.path() != head.uri.path()
    {
        let uri = WireUri(uri.clone());
        head.extensions.insert(uri);
    }
    let path = wire_path(head);
    let format = policy.refusal_format(path, &head.headers);
    let decision = decide(policy, limits, head, path);
    if format != RefusalFormat::Problem {
        // Whoever refuses further inside, writes as we do.
        head.extensions.insert(format);
    }
    match decision {
        Ok(Some((position, group))) => {
            head.extensions.insert(MatchedGroup {
                name: group.name.clone(),
                position,
                paths: Arc::clone(&group.paths),
            });
            if !group.authenticates {
                head.headers.remove(X_ON_BEHALF_OF);
            }
            Ok((group.pipeline.clone(), Context::with_format(head, format)))
        }
        Ok(None) => {
            head.headers.remove(X_ON_BEHALF_OF);
            Ok((policy.passing.clone(), Context::with_format(head, format)))
        }
        Err(rejection) => Err(Box::new(
            rejection.refuse(&mut Context::with_format(head, format), "endpoint-groups"),
        )),
    }
}

type Found<'a> = Option<(u32, &'a crate::policy::CompiledGroup)>;

/// The group for a request; `Ok(None)` where one may pass without.
pub(crate) fn decide<'a>(
    policy: &'a Policy,
    limits: HeadLimits,
    head: &request::Parts,
    path: &str,
) -> Result<Found<'a>, Rejection> {
    head::check(head, limits)?;
    path::check(path).map_err(not_canonical)?;
    let declared = head.extensions.get::<EndpointName>();
    let target =
        Target::new(&policy.bases, &head.method, path, &head.headers, declared).map_err(|fault| {
            Rejection::new(
                StatusCode::BAD_REQUEST,
                "soap-action-mismatch",
                "The SOAP action is ambiguous",
            )
            .caused_by(fault)
        })?;
    match (policy.find(&target).map_err(not_canonical)?, policy.unmatched) {
        (Some(found), _) => Ok(Some(found)),
        (None, Unmatched::Allow) => Ok(None),
        (None, Unmatched::Deny) => Err(not_configured()),
    }
}

fn not_canonical(fault: path::NotCanonical) -> Rejection {
    Rejection::new(
        StatusCode::BAD_REQUEST,
        "path-not-canonical",
        "The path is not in its canonical form",
    )
    .caused_by(fault)
}

fn not_configured() -> Rejection {
    Rejection::new(
        StatusCode::NOT_FOUND,
        "endpoint-not-configured",
        "No endpoint group covers this request",
    )
}
