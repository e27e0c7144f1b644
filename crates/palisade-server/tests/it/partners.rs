//! An application that calls a partner through a client interceptor of its property files, both over HTTPS.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Router};
use bytes::Bytes;
use http::{HeaderValue, Request, StatusCode, request, response};
use http_body_util::{BodyExt, Full};
use palisade_client::{ClientBuilder, ClientError, UpstreamClient};
use palisade_core::outbound::OutboundError;
use palisade_core::{
    BuildContext, BuildError, Context, Guard, Phase, Rejection, RequestId, Stage, StageKind,
};
use palisade_endpoint::{ClientInterceptor, Registry};
use palisade_keystore::{Certificate, Keystores};
use palisade_server::status::Reload;
use palisade_server::{Loader, Server};
use serde::Deserialize;
use tower::{ServiceBuilder, ServiceExt};

use crate::common::{BASE, Folder, OPEN, Running, Version};

/// Shows the partner a certificate's fingerprint, and wants to see it again.
#[derive(Debug)]
struct Badge(HeaderValue);

impl Guard for Badge {
    fn name(&self) -> &'static str {
        "badge"
    }

    fn request(&self, _: &mut Context, head: &mut request::Parts) -> Result<(), Rejection> {
        head.headers.insert("x-badge", self.0.clone());
        Ok(())
    }

    fn response(&self, _: &mut Context, head: &mut response::Parts) -> Result<(), Rejection> {
        match head.headers.get("x-badge") {
            Some(badge) if *badge == self.0 => Ok(()),
            _ => Err(Rejection::new(
                StatusCode::BAD_GATEWAY,
                "badge-missing",
                "The badge is missing",
            )),
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct BadgeSettings {
    key_alias: Option<String>,
}

struct BadgeKind;

impl StageKind for BadgeKind {
    const ROOTS: &'static [&'static str] = &["badge"];
    type Settings = BadgeSettings;

    fn build(settings: BadgeSettings, cx: &BuildContext<'_>) -> Result<Vec<(Phase, Stage)>, BuildError> {
        let keystores = cx.resources.find::<Keystores>();
        let keystores = keystores.ok_or_else(|| BuildError::at("key-alias", "keystores"))?;
        let alias = settings.key_alias.as_deref().unwrap_or("server");
        let key = keystores
            .key(alias)
            .map_err(|error| BuildError::at("key-alias", error))?;
        let certificate = key
            .certificate()
            .ok_or_else(|| BuildError::at("key-alias", "a certificate"))?;
        let badge = HeaderValue::from_str(&certificate.facts().fingerprint_hex());
        let badge = badge.map_err(|error| BuildError::at("key-alias", error))?;
        Ok(vec![(Phase::MessageSecurity, Stage::guard(Badge(badge)))])
    }
}

type Partner = ClientInterceptor<UpstreamClient<Full<Bytes>>>;

/// Answers with the badge it was shown; not so below `/rude`.
fn partner() -> Router {
    let badge = |headers: &HeaderMap| headers.get("x-badge").cloned();
    Router::new()
        .route(
            "/kind",
            get(move |headers: HeaderMap| async move {
                let seen = badge(&headers).unwrap_or(HeaderValue::from_static("none"));
                (
                    [("x-badge", seen.clone())],
                    seen.to_str().unwrap_or_default().to_owned(),
                )
            }),
        )
        .route("/rude", get(|| async { "no badge" }))
}

/// A server whose handlers call the partner under the same path.
async fn relay(partner: &Running, properties: &str) -> (Running, String) {
    let folder = Folder::new("");
    let second = folder.ca.server(&["localhost"]);
    second.write_pem(folder.folder.path(), "second");
    folder.write(properties);
    let registry = Registry::new().with_client::<BadgeKind>();
    let sources = palisade_config::Sources::new(folder.folder.path());
    let server = Loader::new(sources, registry)
        .load()
        .unwrap_or_else(|errors| panic!("{errors}"))
        .without_signals();
    let app = Router::new()
        .route("/{*path}", get(call))
        .with_state((client(&server, partner), partner.address().port()));
    let handle = server.handle();
    let running = Running::of(folder, handle, tokio::spawn(server.serve(app))).await;
    let second = Certificate::from_der(second.certificate().clone()).unwrap();
    (running, second.facts().fingerprint_hex())
}

fn client(server: &Server, partner: &Running) -> Partner {
    let authority = Certificate::from_der(partner.folder.ca.root().clone()).unwrap();
    let client = ClientBuilder::new()
        .trust_authorities([authority])
        .build()
        .unwrap();
    ServiceBuilder::new()
        .layer(server.client("Partner").unwrap())
        .service(client)
}

async fn call(
    State((partner, port)): State<(Partner, u16)>,
    Extension(id): Extension<RequestId>,
    uri: http::Uri,
) -> Response {
    let target = format!("https://localhost:{port}{}", uri.path());
    let mut request = Request::get(target).body(Full::<Bytes>::default()).unwrap();
    request.extensions_mut().insert(id);
    match partner.oneshot(request).await {
        Ok(answer) => {
            let body = answer.into_body().collect().await.unwrap().to_bytes();
            let text = String::from_utf8_lossy(&body).into_owned();
            axum::Json(text).into_response()
        }
        Err(error) => (StatusCode::BAD_GATEWAY, axum::Json(told(&error))).into_response(),
    }
}

fn told(error: &OutboundError<ClientError>) -> String {
    match error {
        OutboundError::Refused(rejection) => rejection.problem().code.to_string(),
        OutboundError::Inner(error) => error.to_string(),
    }
}

const UNDER_BLUERIQS_NAME: &str = "blueriq.rest.interceptor.client.security.Partner.badge";

#[tokio::test(flavor = "multi_thread")]
async fn a_partner_is_called_through_the_interceptor_in_force() {
    let partner = Running::app(OPEN, partner()).await;
    let second_key = "palisade.keystores.second.location=second.pem\n";
    // Its keys are those of the server; the default alias is the kind's own.
    let base = format!("{OPEN}{second_key}{UNDER_BLUERIQS_NAME}.key-alias=second\n");
    let (server, second) = relay(&partner, &base).await;
    let mut client = server.client(Version::Http1).await;
    assert_eq!(client.get("/kind").await, (200, second.clone().into()));
    assert_eq!(client.get("/rude").await, (502, "badge-missing".into()));

    // Another key, by a reload: the client that exists uses it.
    let first = fingerprint(&server);
    server.folder.write(&base.replace("=second\n", "=server\n"));
    let Some(Reload::Applied { changes, .. }) = server.handle.reload().await else {
        panic!("not applied")
    };
    assert_eq!(changes, "client interceptors changed: Partner");
    assert_eq!(client.get("/kind").await, (200, first.clone().into()));
    assert_ne!(first, second);

    // A reload that is refused changes nothing.
    server.folder.write(&base.replace("=second\n", "=third\n"));
    let Some(Reload::Refused { errors, .. }) = server.handle.reload().await else {
        panic!("applied")
    };
    assert!(
        errors.iter().any(|error| error.contains(UNDER_BLUERIQS_NAME)),
        "{errors:?}"
    );
    assert_eq!(client.get("/kind").await, (200, first.into()));

    // Without the interceptor nothing is sent.
    server.folder.write(&format!("{OPEN}{second_key}"));
    let applied = server.handle.reload().await;
    assert!(matches!(applied, Some(Reload::Applied { .. })), "{applied:?}");
    assert_eq!(
        client.get("/kind").await,
        (502, "client-interceptor-missing".into())
    );
}

fn fingerprint(server: &Running) -> String {
    let pem = std::fs::read_to_string(server.folder.folder.path().join("server.pem")).unwrap();
    let chain = palisade_test::ca::certificates_of_pem(&pem);
    Certificate::from_der(chain[0].clone())
        .unwrap()
        .facts()
        .fingerprint_hex()
}

#[test]
fn an_interceptor_that_is_not_declared_is_an_error_when_the_client_is_made() {
    let folder = Folder::new(BASE);
    let server = folder.load().unwrap_or_else(|errors| panic!("{errors}"));
    assert_eq!(
        server.client("Partner").unwrap_err().to_string(),
        "palisade.client.interceptors.Partner is not configured"
    );
}
