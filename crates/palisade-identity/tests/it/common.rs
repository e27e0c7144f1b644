//! A directory, and requests with whatever evidence a test gives them.

use std::convert::Infallible;
use std::sync::{Arc, OnceLock};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use palisade_core::facts::X_ON_BEHALF_OF;
use palisade_core::{CertificateSource, ClientCertificate, Connection, Principal, Secret};
use palisade_directory::{ApiKey, GeneratedApiKey, PasswordHash, Snapshot, Tenant, User};
use palisade_identity::{Authentication, AuthenticationBuilder, TwoWayMode};
use tower::{Layer, ServiceExt, service_fn};

pub(crate) const PASSWORD: &str = "Correct-Horse-7";

/// One hash for all tests: it takes a while to make.
pub(crate) fn hash() -> PasswordHash {
    static HASH: OnceLock<PasswordHash> = OnceLock::new();
    HASH.get_or_init(|| PasswordHash::hash(&Secret::new(PASSWORD)).unwrap())
        .clone()
}

pub(crate) fn key() -> &'static GeneratedApiKey {
    static KEY: OnceLock<GeneratedApiKey> = OnceLock::new();
    KEY.get_or_init(|| GeneratedApiKey::generate().unwrap())
}

/// A certificate of which the bytes are a name.
pub(crate) fn certificate(name: &str) -> Arc<ClientCertificate> {
    Arc::new(ClientCertificate::new(
        name.as_bytes(),
        CertificateSource::Handshake,
    ))
}

pub(crate) fn fingerprint(name: &str) -> [u8; 32] {
    certificate(name).fingerprint
}

/// - acme, a tenant with a certificate, and its users: alice with everything, carol with a certificate and inactive, dave with a
///   password;
/// - globex, a tenant without certificates, and its user bob with a password.
pub(crate) fn snapshot() -> Snapshot {
    Snapshot::builder()
        .tenant(Tenant::new("acme").with_certificate(fingerprint("acme")))
        .tenant(Tenant::new("globex"))
        .user(
            User::new("alice")
                .of_tenant("acme")
                .with_roles(["clerk", "reader"])
                .with_password_hash(hash())
                .with_certificate(fingerprint("alice"))
                .with_api_key(ApiKey::new(key().hash()).with_scopes(["orders.read"])),
        )
        .user(
            User::new("carol")
                .of_tenant("acme")
                .with_password_hash(hash())
                .with_certificate(fingerprint("carol"))
                .disabled(),
        )
        .user(User::new("dave").of_tenant("acme").with_password_hash(hash()))
        .user(User::new("bob").of_tenant("globex").with_password_hash(hash()))
        .user(User::new("nopass").of_tenant("globex"))
        .build()
        .unwrap()
}

pub(crate) fn builder() -> AuthenticationBuilder {
    Authentication::builder()
        .fixed_directory(snapshot())
        .accept_certificates()
        .accept_basic()
        .accept_api_keys(HeaderName::from_static("x-api-key"))
}

pub(crate) fn in_mode(mode: TwoWayMode) -> Authentication {
    builder().two_way_mode(mode).build().unwrap()
}

/// What a request brings.
#[derive(Debug, Default, Clone)]
pub(crate) struct Brings {
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) certificate: Option<&'static str>,
    pub(crate) not_asked: bool,
}

impl Brings {
    pub(crate) fn nothing() -> Self {
        Self::default()
    }

    pub(crate) fn basic(user: &str, password: &str) -> Self {
        Self::nothing().and_basic(user, password)
    }

    pub(crate) fn certificate(name: &'static str) -> Self {
        Self::nothing().and_certificate(name)
    }

    pub(crate) fn key(key: &str) -> Self {
        Self::nothing().and("x-api-key", key)
    }

    pub(crate) fn and(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    pub(crate) fn and_basic(self, user: &str, password: &str) -> Self {
        let encoded = BASE64_STANDARD.encode(format!("{user}:{password}"));
        self.and("authorization", &format!("Basic {encoded}"))
    }

    pub(crate) fn and_certificate(mut self, name: &'static str) -> Self {
        self.certificate = Some(name);
        self
    }

    /// At a listener that asks for no certificates.
    pub(crate) fn where_none_is_asked_for(mut self) -> Self {
        self.not_asked = true;
        self
    }

    pub(crate) fn request(&self) -> Request<Full<Bytes>> {
        let peer = "192.0.2.1:40000".parse().unwrap();
        let mut connection = Connection::new("main", peer, peer);
        connection.asks_for_certificates = !self.not_asked;
        if let Some(name) = self.certificate {
            connection = connection.with_certificate(certificate(name));
        }
        let request = Request::get("/").extension(Arc::new(connection));
        let request = self
            .headers
            .iter()
            .fold(request, |request, (name, value)| request.header(*name, value));
        request.body(Full::default()).unwrap()
    }
}

/// What came of a request.
pub(crate) struct Outcome {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// Whom the handler saw, where it was asked.
    pub(crate) principal: Option<Principal>,
}

impl Outcome {
    /// `subject tenant how`, or the code of the refusal.
    pub(crate) fn shown(&self) -> String {
        if self.status == StatusCode::OK {
            return self.principal.as_ref().map_or_else(
                || "nobody".to_owned(),
                |principal| {
                    let tenant = principal.tenant.as_deref().unwrap_or("-");
                    format!("{} {tenant} {}", principal.subject, principal.how)
                },
            );
        }
        let problem: serde_json::Value = serde_json::from_slice(&self.body).unwrap();
        let code = problem["type"].as_str().unwrap().rsplit(':').next().unwrap();
        format!("{} {code}", self.status.as_u16())
    }
}

/// Sends a request through the stage to a handler that notes whom it sees.
pub(crate) async fn ask(layer: &palisade_core::Pipeline, brings: &Brings) -> Outcome {
    let handler = service_fn(|request: Request<Full<Bytes>>| async move {
        assert!(
            !request.headers().contains_key(X_ON_BEHALF_OF),
            "no handler sees the field"
        );
        let principal = request.extensions().get::<Arc<Principal>>().cloned();
        let mut response = Response::new(Full::<Bytes>::default());
        if let Some(principal) = principal {
            response.extensions_mut().insert(principal);
        }
        Ok::<_, Infallible>(response)
    });
    let response = layer.layer(handler).oneshot(brings.request()).await;
    let (head, body) = response.unwrap().into_parts();
    Outcome {
        status: head.status,
        principal: head
            .extensions
            .get::<Arc<Principal>>()
            .map(|principal| Principal::clone(principal)),
        body: body.collect().await.unwrap().to_bytes(),
        headers: head.headers,
    }
}

pub(crate) async fn shown(layer: &palisade_core::Pipeline, brings: &Brings) -> String {
    ask(layer, brings).await.shown()
}
