//! What several tests share: settings, callers, and a service to ask.

use std::convert::Infallible;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::{BodyExt, Full};
use palisade_access::{Access, AccessSettings};
use palisade_core::{
    BuildContext, BuildError, Clock, Finding, Guard, Phase, Pipeline, Principal, RequestId, Resources, Stage,
    StageKind, StateStore, SystemClock,
};
use serde_json::{Value, json};
use tower::{ServiceBuilder, ServiceExt, service_fn};

fn with_context<T>(run: impl FnOnce(&BuildContext<'_>) -> T) -> T {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::default());
    let (state, resources) = (StateStore::default(), Resources::default());
    run(&BuildContext::new(
        "Orders",
        Path::new("."),
        &clock,
        &state,
        &resources,
    ))
}

pub(crate) fn settings(settings: Value) -> AccessSettings {
    serde_json::from_value(settings).expect("the settings have the right shape")
}

pub(crate) fn build(value: Value) -> Result<Vec<(Phase, Stage)>, BuildError> {
    with_context(|cx| Access::build(settings(value), cx))
}

/// The one stage of these settings.
pub(crate) fn stage(settings: Value) -> Stage {
    let mut stages = build(settings).expect("the settings are right");
    assert_eq!(stages.len(), 1);
    let (phase, stage) = stages.remove(0);
    assert_eq!((phase, stage.name()), (Phase::Authorization, "access"));
    stage
}

/// The one stage of these settings, as the guard it is.
pub(crate) fn guard(settings: Value) -> Arc<dyn Guard> {
    match stage(settings) {
        Stage::Guard(guard) => guard,
        Stage::Transform(_) => panic!("it needs no body and does not wait"),
    }
}

pub(crate) fn findings(value: Value) -> Vec<Finding> {
    with_context(|cx| Access::guardrails(&settings(value), cx))
}

/// A caller with roles and scopes, each list separated by spaces.
pub(crate) fn caller(subject: &str, roles: &str, scopes: &str) -> Principal {
    let list = |text: &str| text.split_whitespace().map(Arc::from).collect::<Vec<Arc<str>>>();
    Principal::new(subject, "test")
        .with_roles(list(roles).into())
        .with_scopes(list(scopes).into())
}

/// Asks a service behind the stages, which answers with the method.
pub(crate) async fn ask(pipeline: &Pipeline, method: &str, caller: Option<Principal>) -> Response<Bytes> {
    let inner = service_fn(|request: Request<Full<Bytes>>| async move {
        Ok::<_, Infallible>(Response::new(Full::new(Bytes::from(
            request.method().to_string(),
        ))))
    });
    let mut request = Request::new(Full::default());
    *request.method_mut() = method.parse::<Method>().expect("a method");
    let id = RequestId::parse(&"r-1".parse().expect("a value")).expect("an id");
    request.extensions_mut().insert(id);
    if let Some(caller) = caller {
        request.extensions_mut().insert(Arc::new(caller));
    }
    let service = ServiceBuilder::new().layer(pipeline.clone()).service(inner);
    let (head, body) = service
        .oneshot(request)
        .await
        .expect("the service cannot fail")
        .into_parts();
    let body = body.collect().await.expect("the body cannot fail").to_bytes();
    Response::from_parts(head, body)
}

/// Checks a refusal whole: status, `Allow`, media type and document.
pub(crate) fn assert_refusal(response: &Response<Bytes>, status: u16, allow: Option<&str>) {
    let (code, title) = match status {
        405 => ("method-not-allowed", "The method is not allowed"),
        _ => ("operation-not-allowed", "The caller may not do this"),
    };
    let field = |name: &str| {
        let mut values = response.headers().get_all(name).iter();
        let value = values
            .next()
            .map(|value| value.to_str().expect("visible").to_owned());
        assert_eq!(values.next(), None, "{name} is there once at most");
        value
    };
    assert_eq!(response.status(), status);
    assert_eq!(field("allow").as_deref(), allow);
    assert_eq!(field("content-type").as_deref(), Some("application/problem+json"));
    assert_eq!(field("x-request-id").as_deref(), Some("r-1"));
    assert_eq!(
        serde_json::from_slice::<Value>(response.body()).expect("a document"),
        json!({
            "type": format!("urn:palisade:problem:{code}"),
            "title": title,
            "status": status,
            "detail": title,
            "instance": "r-1",
        })
    );
}
