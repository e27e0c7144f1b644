//! A handler behind an endpoint group that a property file describes.

use std::convert::Infallible;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use palisade_config::{Config, Errors, Sources};
use palisade_core::SystemClock;
use palisade_endpoint::{EndpointGroupsLayer, Environment, Policy, PolicyHandle, Registry};
use palisade_validation::Validation;
use serde_json::Value;
use tempfile::TempDir;
use tower::{Layer as _, ServiceExt as _, service_fn};

/// Takes requests as settings of the interceptor `V` allow.
pub(crate) struct World {
    handle: PolicyHandle,
    _folder: TempDir,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    /// Status and code of a refusal; the code is empty where it is none.
    pub(crate) fn verdict(&self) -> (u16, String) {
        let document = self.document();
        let kind = document.get("type").and_then(Value::as_str).unwrap_or_default();
        (
            self.status,
            kind.trim_start_matches("urn:palisade:problem:").to_owned(),
        )
    }

    pub(crate) fn document(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

pub(crate) fn compile(folder: &Path, settings: &str) -> Result<Policy, Errors> {
    compile_at("/orders,/orders/{id},/webservices/bank", folder, settings)
}

fn compile_at(paths: &str, folder: &Path, settings: &str) -> Result<Policy, Errors> {
    let mut text = format!(
        "\
palisade.endpoints[0].name=rest
palisade.endpoints[0].paths={paths}
palisade.endpoints[0].interceptors=V
"
    );
    for line in settings.lines().filter(|line| !line.trim().is_empty()) {
        text.push_str("palisade.interceptors.V.");
        text.push_str(line.trim());
        text.push('\n');
    }
    compile_all(folder, &text)
}

/// With a property file as it is.
pub(crate) fn compile_all(folder: &Path, text: &str) -> Result<Policy, Errors> {
    std::fs::write(folder.join("application.properties"), text).expect("the file can be written");
    let (config, errors) = Config::load(&Sources::new(folder));
    assert!(errors.is_empty(), "{errors}");
    let registry = Registry::new().with::<Validation>();
    registry.compile(&config, &Environment::new(Arc::new(SystemClock::new())))
}

impl World {
    pub(crate) fn of(settings: &str) -> Self {
        Self::with_files(settings, &[])
    }

    pub(crate) fn with_files(settings: &str, files: &[(&str, &str)]) -> Self {
        Self::at("/orders,/orders/{id},/webservices/bank", settings, files)
    }

    /// With those paths in place of the usual ones.
    pub(crate) fn at(paths: &str, settings: &str, files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, text) in files {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("it can be made");
            std::fs::write(path, text).expect("the file can be written");
        }
        let policy = compile_at(paths, folder.path(), settings).unwrap_or_else(|errors| panic!("{errors}"));
        Self::running(policy, folder)
    }

    fn running(policy: Policy, folder: TempDir) -> Self {
        Self {
            handle: PolicyHandle::new(policy),
            _folder: folder,
        }
    }

    pub(crate) fn policy(&self) -> Arc<Policy> {
        self.handle.current()
    }

    /// The handler answers with the body it got, or with the text and type in `X-Answer` and `X-Answer-Type`, the status in
    /// `X-Answer-Status`, and the fields in `X-Answer-Field-…`.
    pub(crate) async fn send(&self, request: Request<Full<Bytes>>) -> Answer {
        let handler = service_fn(|request: Request<Full<Bytes>>| async move {
            let (head, body) = request.into_parts();
            let body = body.collect().await.expect("a whole body").to_bytes();
            let mut response = Response::new(Full::new(body));
            if let Some(answer) = head.headers.get("x-answer") {
                *response.body_mut() = Full::new(Bytes::copy_from_slice(answer.as_bytes()));
            }
            if let Some(media_type) = head.headers.get("x-answer-type") {
                response.headers_mut().insert("content-type", media_type.clone());
            }
            let status = head.headers.get("x-answer-status");
            let status = status.map(|status| StatusCode::from_bytes(status.as_bytes()).expect("a status"));
            *response.status_mut() = status.unwrap_or(StatusCode::OK);
            for (name, value) in &head.headers {
                if let Some(name) = name.as_str().strip_prefix("x-answer-field-") {
                    let name = http::HeaderName::from_bytes(name.as_bytes()).expect("a name");
                    response.headers_mut().insert(name, value.clone());
                }
            }
            Ok::<_, Infallible>(response)
        });
        let service = EndpointGroupsLayer::new(self.handle.clone()).layer(handler);
        let response = service.oneshot(request).await.expect("it cannot fail");
        let (head, body) = response.into_parts();
        Answer {
            status: head.status.as_u16(),
            headers: head.headers,
            body: body.collect().await.expect("a whole body").to_bytes(),
        }
    }

    pub(crate) async fn verdict(&self, request: Request<Full<Bytes>>) -> (u16, String) {
        self.send(request).await.verdict()
    }
}

/// A request to `/orders` as a client sends it: with a length where there is a body.
pub(crate) fn request(
    method: Method,
    media_type: Option<&str>,
    body: impl Into<Bytes>,
) -> Request<Full<Bytes>> {
    to("/orders", method, media_type, body)
}

pub(crate) fn to(
    path: &str,
    method: Method,
    media_type: Option<&str>,
    body: impl Into<Bytes>,
) -> Request<Full<Bytes>> {
    let body = body.into();
    let mut request = Request::builder()
        .method(method)
        .uri(path)
        .header("host", "localhost");
    if let Some(media_type) = media_type {
        request = request.header("content-type", media_type);
    }
    if !body.is_empty() {
        request = request.header("content-length", body.len());
    }
    request.body(Full::new(body)).expect("a request")
}

pub(crate) fn post(media_type: &str, body: impl Into<Bytes>) -> Request<Full<Bytes>> {
    request(Method::POST, Some(media_type), body)
}

pub(crate) fn json(body: impl Into<Bytes>) -> Request<Full<Bytes>> {
    post("application/json", body)
}

pub(crate) fn refused(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

pub(crate) fn accepted() -> (u16, String) {
    (200, String::new())
}
