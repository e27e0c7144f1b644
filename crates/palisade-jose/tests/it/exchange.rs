//! A server and its partners: keys in real keystores, stages out of real settings, time that stands.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a helper of tests stops the test"
)]

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode, request};
use http_body_util::{BodyExt, Full};
use palisade_core::{
    BuildContext, BuildError, Clock, Finding, Phase, Pipeline, PipelineLimits, Resources, SharedReplay,
    Stage, StageKind, StateStore,
};
use palisade_jose::{
    Algorithms, Body, Claims, ClientMessageSecurity, EncryptionKey, Jwt, MessageFormat, MessageSecurity, Raw,
    SigningKey, Writer,
};
use palisade_keystore::{KeystoreSettings, Keystores};
use palisade_store::MemoryReplay;
use palisade_test::FakeClock;
use palisade_test::ca::{KeyKind, TestCa};
use serde_json::{Value, json};
use tower::{ServiceBuilder, ServiceExt, service_fn};

/// The time at which everything happens, unless a test moves the clock.
pub(crate) const NOW: u64 = 1_800_000_000;

pub(crate) fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

/// Keys made once for all tests: `us`, `partner`, `stranger`, and partners with other kinds of key.
pub(crate) static KEYS: LazyLock<Arc<Keystores>> = LazyLock::new(|| {
    let folder = keys_folder();
    let settings = BTreeMap::from([("keys".to_owned(), KeystoreSettings::new("."))]);
    Arc::new(Keystores::load(&folder, &settings).expect("the keystores load"))
});

/// The folder with the keys, made by the first test that runs: each runs in a process of its own, and RSA keys take their time.
fn keys_folder() -> PathBuf {
    let built = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let ready = built.join("exchange-keys");
    if ready.is_dir() {
        return ready;
    }
    let making = tempfile::tempdir_in(built).expect("a folder").keep();
    let ca = TestCa::new("Test Root");
    let kinds = [
        ("us", KeyKind::Rsa2048),
        ("partner", KeyKind::Rsa2048),
        ("partner-old", KeyKind::Rsa2048),
        ("stranger", KeyKind::Rsa2048),
        ("us-ec", KeyKind::EcP256),
        ("partner-ec", KeyKind::EcP256),
        ("partner-ed", KeyKind::Ed25519),
    ];
    for (name, kind) in kinds {
        ca.leaf(name).key_kind(kind).issue().write_pem(&making, name);
    }
    // Another test may have been faster; then its keys are the ones.
    let _ = std::fs::rename(&making, &ready);
    ready
}

pub(crate) fn signing(alias: &str) -> Arc<SigningKey> {
    let entry = KEYS.key(alias).expect("a key");
    Arc::new(SigningKey::new(&entry, &Algorithms::default()).expect("a signing key"))
}

pub(crate) fn encryption(alias: &str) -> Arc<EncryptionKey> {
    let key = KEYS.public_key(alias).expect("a key");
    Arc::new(EncryptionKey::new(alias, &key, &Algorithms::default()).expect("an encryption key"))
}

/// Settings of a server with every request profile on, and no response profile.
pub(crate) fn all_request_profiles() -> Value {
    json!({
        "request": {
            "decryption": {"enabled": true, "key-alias": ["us"]},
            "signature": {"enabled": true, "key-alias": ["partner", "partner-old"]},
            "timestamp": {"enabled": true},
        }
    })
}

/// Settings of a server with all six profiles on.
pub(crate) fn all_profiles() -> Value {
    let mut settings = all_request_profiles();
    settings["response"] = json!({
        "encryption": {"enabled": true, "key-alias": "partner"},
        "signature": {"enabled": true, "key-alias": "us"},
        "timestamp": {"enabled": true},
    });
    settings
}

/// Settings of a client of that server, with all six profiles on.
pub(crate) fn client_profiles() -> Value {
    json!({
        "request": {
            "encryption": {"enabled": true, "key-alias": "us"},
            "signature": {"enabled": true, "key-alias": "partner"},
            "timestamp": {"enabled": true},
        },
        "response": {
            "decryption": {"enabled": true, "key-alias": ["partner"]},
            "signature": {"enabled": true, "key-alias": ["us"]},
            "timestamp": {"enabled": true},
        }
    })
}

/// What comes out of settings.
type Built = (Vec<(Phase, Stage)>, Vec<Finding>);

/// What stages are built in: one clock, one replay memory, one pool.
pub(crate) struct World {
    pub(crate) clock: Arc<FakeClock>,
    shared: Arc<dyn Clock>,
    state: StateStore,
    resources: Resources,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with_memory(MemoryReplay::new(1000, at(NOW - 1000)))
    }

    pub(crate) fn with_memory(memory: impl palisade_core::ReplayStore) -> Self {
        let clock = Arc::new(FakeClock::at(at(NOW)));
        Self {
            shared: Arc::clone(&clock) as Arc<dyn Clock>,
            clock,
            state: StateStore::default(),
            resources: Resources::default()
                .with(Arc::clone(&KEYS))
                .with(Arc::new(SharedReplay::new(memory))),
        }
    }

    pub(crate) fn share<T: Send + Sync + 'static>(mut self, value: Arc<T>) -> Self {
        self.resources = self.resources.with(value);
        self
    }

    /// The stages and findings of a kind under these settings.
    pub(crate) fn build<K: StageKind>(&self, settings: Value) -> Result<Built, BuildError> {
        let settings: K::Settings = serde_json::from_value(settings).expect("settings of the right shape");
        let folder = std::path::Path::new(".");
        let cx = BuildContext::new("Partners", folder, &self.shared, &self.state, &self.resources);
        let findings = K::guardrails(&settings, &cx);
        Ok((K::build(settings, &cx)?, findings))
    }

    pub(crate) fn server(&self, settings: Value) -> Server {
        self.server_that(settings, false)
    }

    pub(crate) fn reporting_server(&self, settings: Value) -> Server {
        self.server_that(settings, true)
    }

    fn server_that(&self, settings: Value, report_only: bool) -> Server {
        let (stages, _) = self
            .build::<MessageSecurity>(settings)
            .expect("the settings are right");
        let entries = stages.into_iter().map(|(phase, stage)| {
            assert_eq!(
                (phase, stage.name()),
                (Phase::MessageSecurity, "message-security")
            );
            palisade_core::Entry {
                report_only,
                ..stage.into()
            }
        });
        Server {
            pipeline: Pipeline::new(entries, PipelineLimits::default()),
            seen: Arc::default(),
        }
    }

    pub(crate) fn client(&self, settings: Value) -> Pipeline {
        let (stages, _) = self
            .build::<ClientMessageSecurity>(settings)
            .expect("the settings are right");
        stages.into_iter().map(|(_, stage)| stage).collect()
    }
}

/// What a handler saw.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) head: request::Parts,
    pub(crate) body: Bytes,
}

impl Seen {
    pub(crate) fn media_type(&self) -> Option<&str> {
        self.head.headers.get("content-type")?.to_str().ok()
    }
}

/// A server whose handler answers with what it saw, unless told otherwise.
#[derive(Clone)]
pub(crate) struct Server {
    pipeline: Pipeline,
    seen: Arc<Mutex<Option<Seen>>>,
}

/// An answer, whole.
pub(crate) type Answer = (StatusCode, HeaderMap, Bytes);

pub(crate) fn json_answer() -> Response<Full<Bytes>> {
    Response::builder()
        .header("content-type", "application/json")
        .body(Full::from(r#"{"answer": 42}"#))
        .expect("a response")
}

impl Server {
    pub(crate) async fn send(&self, request: Request<Bytes>) -> Answer {
        self.answering(request, json_answer()).await
    }

    pub(crate) async fn answering(&self, request: Request<Bytes>, answer: Response<Full<Bytes>>) -> Answer {
        let seen = Arc::clone(&self.seen);
        *seen.lock().expect("a lock") = None;
        let answer = Arc::new(Mutex::new(Some(answer)));
        let inner = service_fn(move |request: Request<Full<Bytes>>| {
            let (seen, answer) = (Arc::clone(&seen), Arc::clone(&answer));
            async move {
                let (head, body) = request.into_parts();
                let body = body.collect().await.expect("a whole body").to_bytes();
                *seen.lock().expect("a lock") = Some(Seen { head, body });
                Ok::<_, Infallible>(answer.lock().expect("a lock").take().expect("one request"))
            }
        });
        let service = ServiceBuilder::new().layer(self.pipeline.clone()).service(inner);
        let response = service.oneshot(request.map(Full::new)).await.expect("an answer");
        let (head, body) = response.into_parts();
        let body = body.collect().await.expect("a whole body").to_bytes();
        (head.status, head.headers, body)
    }

    /// What the handler saw of the last request; nothing where it did not run.
    pub(crate) fn seen(&self) -> Option<Seen> {
        self.seen.lock().expect("a lock").take()
    }
}

/// A message as a partner makes it.
#[derive(Clone)]
pub(crate) struct Draft {
    pub(crate) claims: Value,
    pub(crate) format: Arc<dyn MessageFormat>,
    pub(crate) body: Body,
    pub(crate) signed_by: Option<&'static str>,
    pub(crate) encrypted_to: Option<&'static str>,
}

impl Draft {
    /// Signed by the partner, encrypted to us, of now, bound to `POST /server/rest/pay/order`.
    pub(crate) fn new(id: &str) -> Self {
        Self {
            claims: json!({
                "iat": NOW, "exp": NOW + 60, "jti": id, "htm": "POST", "htu": "/server/rest/pay/order"
            }),
            format: Arc::new(Jwt),
            body: Body {
                bytes: Bytes::from_static(br#"{"order": [1, 2.50]}"#),
                media_type: Some("application/json".to_owned()),
            },
            signed_by: Some("partner"),
            encrypted_to: Some("us"),
        }
    }

    pub(crate) fn raw(mut self) -> Self {
        self.format = Arc::new(Raw);
        self
    }

    pub(crate) fn claim(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.claims[name] = value.into();
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.claims.as_object_mut().expect("an object").remove(name);
        self
    }

    pub(crate) fn signed_by(mut self, alias: impl Into<Option<&'static str>>) -> Self {
        self.signed_by = alias.into();
        self
    }

    pub(crate) fn encrypted_to(mut self, alias: impl Into<Option<&'static str>>) -> Self {
        self.encrypted_to = alias.into();
        self
    }

    pub(crate) fn write(&self) -> Bytes {
        let mut writer = Writer::new(Arc::clone(&self.format));
        if let Some(alias) = self.signed_by {
            writer = writer.sign_with(signing(alias));
        }
        if let Some(alias) = self.encrypted_to {
            writer = writer.encrypt_with(encryption(alias));
        }
        writer
            .write(&claims(&self.claims), &self.body)
            .expect("a message")
    }

    /// The message in a request to where it belongs.
    pub(crate) fn request(&self) -> Request<Bytes> {
        post(self.write())
    }
}

/// A request as the message of a [`Draft`] is bound to.
pub(crate) fn post(body: impl Into<Bytes>) -> Request<Bytes> {
    request(Method::POST, "/server/rest/pay/order", "application/jose", body)
}

pub(crate) fn request(
    method: Method,
    path: &str,
    media_type: &str,
    body: impl Into<Bytes>,
) -> Request<Bytes> {
    Request::builder()
        .method(method)
        .uri(path)
        .header("host", "bank.example")
        .header("content-type", media_type)
        .body(body.into())
        .expect("a request")
}

/// Claims out of JSON, by way of the format that reads them.
pub(crate) fn claims(value: &Value) -> Claims {
    let payload = Bytes::from(value.to_string());
    Jwt.read(payload, None).expect("claims").0
}

/// The code of a refusal.
pub(crate) fn code(answer: &Answer) -> String {
    let document: Value = serde_json::from_slice(&answer.2).unwrap_or_default();
    let code = document["type"].as_str().unwrap_or_default();
    code.trim_start_matches("urn:palisade:problem:").to_owned()
}
