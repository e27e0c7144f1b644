//! How often a body is held in memory on its way through message security, amounts and validation: once.

use std::cell::Cell;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{self, Poll};
use std::time::{Duration, SystemTime};

use allocation_counter::measure;
use bytes::Bytes;
use http::{Request, Response, StatusCode, request};
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt, Full};
use palisade::config::{Config, Sources};
use palisade::core::{
    Bodies, BuildContext, BuildError, Clock, Context, Message, Phase, Resources, SharedReplay, Stage, Step,
    Transform,
};
use palisade::endpoint::{Environment, PolicyHandle};
use palisade::jose::{self, Algorithms, Claims, EncryptionKey, SigningKey, Writer};
use palisade::keystore::Keystores;
use palisade::server::settings::ServerSettings;
use palisade::store::MemoryReplay;
use palisade::{EndpointGroupsLayer, Registry, StageKind, StandardRegistry};
use palisade_test::FakeClock;
use palisade_test::ca::TestCa;
use serde_json::Value;
use tower::{Layer, ServiceExt, service_fn};

const NOW: u64 = 1_800_000_000;

const PROPERTIES: &str = "\
palisade.keystores.keys.location=keys
palisade.max-buffered-body=1 MiB
palisade.endpoints[0].webservices=Secured
palisade.endpoints[0].interceptors=Secure,Valid,Pay,Watch
palisade.endpoints[1].webservices=Clear
palisade.endpoints[1].interceptors=Valid,Pay,Watch
palisade.endpoints[2].webservices=Free
palisade.endpoints[2].interceptors=Looked,Pay
palisade.interceptors.Secure.request.decryption.enabled=true
palisade.interceptors.Secure.request.decryption.key-alias=us
palisade.interceptors.Secure.request.signature.enabled=true
palisade.interceptors.Secure.request.signature.key-alias=partner
palisade.interceptors.Secure.request.timestamp.enabled=true
palisade.interceptors.Pay.amount-limit.pointer=/payment/amount
palisade.interceptors.Pay.amount-limit.max-per-transaction=50
palisade.interceptors.Valid.validation.schema=order.json
palisade.interceptors.Watch.watch=true
palisade.interceptors.Looked.validation.content-types=application/json
";

const SCHEMA: &str = r#"{
  "type": "object",
  "required": ["payment", "lines"],
  "properties": {
    "payment": {"type": "object", "required": ["amount"], "properties": {"amount": {"type": "number", "maximum": 60}}},
    "lines": {"type": "array", "items": {"type": "object", "properties": {"price": {"type": "number"}}}}
  }
}"#;

/// An order as nobody would write it, and everybody may: odd space, escapes, and one number in many ways.
const ODD: &str = "\r\n{ \"payment\" :\t{\"amount\":1.0e1 , \"\\u0063urrency\": \"\\u20ac \\/ \\ud83d\\ude00\"},\n\n \"lines\":[ \
                   {\"price\":1.0}, {\"price\" : 1e0},{\"price\":1},{\"price\":0.10E+1},{\"price\":-0.0} ] , \"note\":\"M\u{fc}\u{df}ig\"  }\n ";

thread_local! {
    /// Where the body is that stages of content see.
    static WATCHED: Cell<Option<(usize, usize)>> = const { Cell::new(None) };
}

fn place(bytes: &Bytes) -> (usize, usize) {
    (bytes.as_ptr().addr(), bytes.len())
}

/// Looks where the body is that the stages of its phase see.
#[derive(Debug)]
struct Watch;

impl Transform for Watch {
    fn name(&self) -> &'static str {
        "watch"
    }

    fn needs(&self) -> Bodies {
        Bodies::Request
    }

    fn request<'a>(&'a self, _: &'a mut Context, message: &'a mut Message<request::Parts>) -> Step<'a> {
        WATCHED.set(message.body().map(place));
        Step::Done(Ok(()))
    }
}

impl StageKind for Watch {
    const ROOTS: &'static [&'static str] = &["watch"];

    type Settings = bool;

    fn build(_: bool, _: &BuildContext<'_>) -> Result<Vec<(Phase, Stage)>, BuildError> {
        Ok(vec![(Phase::Content, Stage::transform(Watch))])
    }
}

/// A body in so many frames, which counts those that are taken.
#[derive(Default)]
struct Frames {
    frames: VecDeque<Bytes>,
    taken: Arc<AtomicUsize>,
}

impl Frames {
    fn of(body: &Bytes, size: usize) -> Self {
        let starts = (0..body.len()).step_by(size);
        Self {
            // Memory of their own, as what comes from a socket has it.
            frames: starts
                .map(|start| Bytes::copy_from_slice(&body[start..body.len().min(start + size)]))
                .collect(),
            taken: Arc::default(),
        }
    }
}

impl From<Bytes> for Frames {
    fn from(bytes: Bytes) -> Self {
        Self {
            frames: VecDeque::from([bytes]),
            taken: Arc::default(),
        }
    }
}

impl Body for Frames {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut task::Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let frame = self.frames.pop_front();
        self.taken
            .fetch_add(usize::from(frame.is_some()), Ordering::Relaxed);
        Poll::Ready(frame.map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.frames.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.frames.iter().map(|frame| frame.len() as u64).sum())
    }
}

/// What a handler was given.
#[derive(Debug, Clone, Default)]
struct Seen(Arc<Mutex<Vec<Bytes>>>);

impl Seen {
    /// The frames of the one body that came, or none where none did.
    fn take(&self) -> Vec<Bytes> {
        std::mem::take(&mut self.0.lock().unwrap())
    }

    /// The one frame that came.
    #[track_caller]
    fn take_one(&self) -> Bytes {
        let mut frames = self.take();
        assert_eq!(frames.len(), 1, "{frames:?}");
        frames.remove(0)
    }
}

struct World {
    handle: PolicyHandle,
    keystores: Arc<Keystores>,
    seen: Seen,
    _folder: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let keys = folder.path().join("keys");
        std::fs::create_dir(&keys).unwrap();
        let ca = TestCa::new("Example Root");
        ca.server(&["bank.example"]).write_pem(&keys, "us");
        ca.client("partner").write_pem(&keys, "partner");
        std::fs::write(folder.path().join("application.properties"), PROPERTIES).unwrap();
        std::fs::write(folder.path().join("order.json"), SCHEMA).unwrap();
        let (config, errors) = Config::load(&Sources::new(folder.path()));
        assert!(errors.is_empty(), "{errors}");
        let (settings, errors) = ServerSettings::read(&config);
        assert!(errors.is_empty(), "{errors}");
        let keystores = Arc::new(Keystores::load(config.folder(), &settings.keystores).unwrap());
        let clock: Arc<dyn Clock> = Arc::new(FakeClock::at(at(NOW)));
        let mut environment = Environment::new(clock);
        environment.resources = Resources::default()
            .with(Arc::clone(&keystores))
            .with(Arc::new(SharedReplay::new(MemoryReplay::new(100, at(0)))));
        let policy = Registry::standard()
            .with::<Watch>()
            .compile(&config, &environment);
        Self {
            handle: PolicyHandle::new(policy.unwrap_or_else(|errors| panic!("{errors}"))),
            keystores,
            seen: Seen::default(),
            _folder: folder,
        }
    }

    /// A message for the group `Secured`, signed and encrypted.
    fn message(&self, body: &Bytes) -> Bytes {
        let list = Algorithms::default();
        let signing = SigningKey::new(&self.keystores.key("partner").unwrap(), &list).unwrap();
        let public = self.keystores.public_key("us").unwrap();
        let encryption = EncryptionKey::new("us", &public, &list).unwrap();
        let mut claims = Claims::default();
        claims.issued_at = Some(at(NOW));
        claims.expires_at = Some(at(NOW + 60));
        claims.id = Some("j-1".to_owned());
        let body = jose::Body {
            bytes: body.clone(),
            media_type: Some("application/json".to_owned()),
        };
        Writer::default()
            .sign_with(Arc::new(signing))
            .encrypt_with(Arc::new(encryption))
            .write(&claims, &body)
            .unwrap()
    }

    /// Status and body of the answer.
    fn send(&self, webservice: &str, media_type: &str, body: Frames) -> (StatusCode, Bytes) {
        let request = Request::post(format!("/server/rest/{webservice}/Do"))
            .header("host", "localhost")
            .header("content-type", media_type)
            .body(body)
            .unwrap();
        let seen = self.seen.clone();
        let handler = service_fn(move |request: Request<Frames>| {
            let frames = request.into_body().frames;
            seen.0.lock().unwrap().extend(frames);
            async { Ok::<_, Infallible>(Response::new(Full::new(Bytes::new()))) }
        });
        let service = EndpointGroupsLayer::new(self.handle.clone()).layer(handler);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let response = service.oneshot(request).await.unwrap();
            let status = response.status();
            let body = response.into_body().collect().await.unwrap().to_bytes();
            (status, body)
        })
    }
}

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

/// An order of about 256 KiB.
fn large() -> Bytes {
    let lines = r#"{"price": 1.0, "text": "St\u00fchle, geölt"},"#.repeat(5_500);
    Bytes::from(format!(
        r#"{{"payment": {{"amount": 1e1}}, "lines": [{lines}{{}}]}}"#
    ))
}

#[test]
fn a_body_that_came_in_one_piece_is_never_copied() {
    let world = World::new();
    for body in [Bytes::from_static(ODD.as_bytes()), large()] {
        let frames = Frames::from(body.clone());
        assert_eq!(world.send("Clear", "application/json", frames).0, StatusCode::OK);
        assert_eq!(WATCHED.take(), Some(place(&body)));
        assert_eq!(place(&world.seen.take_one()), place(&body));
    }
}

#[test]
fn a_body_that_came_in_many_pieces_is_put_together_once_for_all() {
    let world = World::new();
    let body = large();
    for size in [1_000, 16_384, body.len() - 1] {
        let frames = Frames::of(&body, size);
        let (count, taken) = (frames.frames.len(), Arc::clone(&frames.taken));
        assert_eq!(world.send("Clear", "application/json", frames).0, StatusCode::OK);
        assert_eq!(taken.load(Ordering::Relaxed), count);
        let handed = world.seen.take_one();
        assert_eq!(WATCHED.take(), Some(place(&handed)));
        assert_eq!(handed, body);
    }
}

#[test]
fn what_is_looked_at_without_a_schema_takes_the_memory_of_one_body() {
    let world = World::new();
    let body = large();
    let mut taken = Vec::new();
    for frames in [Frames::from(body.clone()), Frames::of(&body, 16_384)] {
        let mut frames = Some(frames);
        let counted = measure(|| {
            let answer = world.send("Free", "application/json", frames.take().unwrap());
            assert_eq!(answer.0, StatusCode::OK);
        });
        assert_eq!(world.seen.take_one(), body);
        taken.push(counted.bytes_total);
    }
    let length = body.len() as u64;
    assert!(taken[0] < length / 4, "{} bytes for one of {length}", taken[0]);
    assert!(
        taken[1] > length && taken[1] < length * 5 / 4,
        "{} bytes for one of {length}",
        taken[1]
    );
}

#[test]
fn what_was_decrypted_is_what_is_validated_and_what_the_handler_gets() {
    for body in [Bytes::from_static(ODD.as_bytes()), large()] {
        for size in [usize::MAX, 1_000] {
            let world = World::new();
            let message = world.message(&body);
            let frames = Frames::of(&message, size.min(message.len()));
            let (count, taken) = (frames.frames.len(), Arc::clone(&frames.taken));
            let (status, answer) = world.send("Secured", "application/jose", frames);
            assert_eq!(status, StatusCode::OK, "{answer:?}");
            assert_eq!(taken.load(Ordering::Relaxed), count);
            let handed = world.seen.take_one();
            assert_eq!(WATCHED.take(), Some(place(&handed)));
            // In a token the body is the value of a claim, and space around it belongs to the token.
            assert_eq!(handed, body.trim_ascii());
        }
    }
}

#[test]
fn what_does_not_fit_reaches_no_handler_in_the_clear_or_encrypted() {
    for (good, bad, code) in [
        ("1.0e1", "5.01e1", "amount-too-high"),
        ("1.0e1", "61", "schema-violation"),
        ("-0.0", "\"-0.0\"", "schema-violation"),
        ("-0.0", "-.0", "body-malformed"),
        ("note", "lines", "body-malformed"),
    ] {
        let world = World::new();
        let body = Bytes::from(ODD.replace(good, bad));
        for (webservice, media_type, body) in [
            ("Clear", "application/json", body.clone()),
            ("Secured", "application/jose", world.message(&body)),
        ] {
            let (status, answer) = world.send(webservice, media_type, Frames::of(&body, 100));
            let document: Value = serde_json::from_slice(&answer).unwrap();
            assert_eq!(
                document["type"],
                format!("urn:palisade:problem:{code}"),
                "{webservice}"
            );
            assert!(status.is_client_error());
            assert!(world.seen.take().is_empty());
        }
    }
}
