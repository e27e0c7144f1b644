//! What happens when there is too much of it: memories and queues that are full, and the threads that do the work.
#![expect(clippy::unwrap_used, reason = "a helper of tests stops the test")]

use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use palisade_core::ReplayStore;
use palisade_jose::{
    Algorithms, Body, Claims, DecryptionKey, FormatError, Jwt, MessageFormat, MessageFormats,
    MessageSecurity, ProtectedHeader, TimeRules, VerificationKey, Written,
};
use palisade_test::FakeClock;
use rstest::rstest;
use serde_json::json;

use crate::exchange::{Draft, KEYS, NOW, World, all_profiles, all_request_profiles, at, code, post};

#[tokio::test]
async fn a_full_replay_memory_refuses_and_forgets_in_time() {
    let world = World::with_memory(palisade_store::MemoryReplay::new(1, at(NOW - 1000)));
    let server = world.server(all_request_profiles());
    assert_eq!(server.send(Draft::new("a").request()).await.0, StatusCode::OK);
    let refused = server.send(Draft::new("b").request()).await;
    assert_eq!(
        (refused.0.as_u16(), code(&refused).as_str()),
        (503, "store-unavailable")
    );
    assert!(server.seen().is_none());
    // The first ends at 60 seconds and 300 of skew.
    let later = NOW + 361;
    world.clock.set(at(later));
    let next = Draft::new("b").claim("iat", later).claim("exp", later + 60);
    assert_eq!(server.send(next.request()).await.0, StatusCode::OK);
}

#[tokio::test]
async fn a_memory_that_began_later_refuses_what_was_made_before() {
    let world = World::with_memory(palisade_store::MemoryReplay::new(10, at(NOW)));
    let server = world.server(all_request_profiles());
    let before = Draft::new("a").claim("iat", NOW - 1);
    let refused = server.send(before.request()).await;
    assert_eq!(
        (refused.0.as_u16(), code(&refused).as_str()),
        (409, "message-replayed")
    );
    assert_eq!(server.send(Draft::new("b").request()).await.0, StatusCode::OK);
}

#[tokio::test]
async fn a_full_queue_is_answered_503_and_nothing_is_burnt() {
    use palisade_jose::{CryptoPool, PoolError};

    let pool = Arc::new(CryptoPool::with_size(1, 1));
    let memory = Arc::new(palisade_store::MemoryReplay::new(10, at(NOW - 10)));
    let none = Algorithms::default();
    let decryption = DecryptionKey::new(&KEYS.key("us").unwrap(), &none).unwrap();
    let partner = KEYS.public_key("partner").unwrap();
    let stage = MessageSecurity::builder()
        .decrypt_requests([decryption])
        .verify_requests([VerificationKey::new("partner", &partner, &none).unwrap()])
        .check_times(TimeRules::default())
        .refuse_replays(Arc::clone(&memory) as Arc<dyn ReplayStore>)
        .clock(Arc::new(FakeClock::at(at(NOW))))
        .pool(Arc::clone(&pool))
        .build()
        .unwrap();
    let service = tower::ServiceBuilder::new()
        .layer(stage.layer())
        .service(tower::service_fn(|request: Request<Full<Bytes>>| async {
            Ok::<_, std::convert::Infallible>(Response::new(request.into_body()))
        }));
    let message = Draft::new("a").write();
    let ask = || tower::ServiceExt::oneshot(service.clone(), post(message.clone()).map(Full::new));

    // One piece of work holds the only thread, another the only place in the queue.
    let (release, released) = std::sync::mpsc::channel::<()>();
    let released = std::sync::Mutex::new(released);
    let (started, is_started) = tokio::sync::oneshot::channel();
    let holding = tokio::spawn({
        let pool = Arc::clone(&pool);
        async move {
            pool.admit(1, move || {
                let _ = started.send(());
                let _ = released.lock().map(|released| released.recv());
            })
            .await
        }
    });
    is_started.await.unwrap();
    let mut waiting = Box::pin(pool.admit(1, || ()));
    assert!(futures_util::poll!(&mut waiting).is_pending());
    let refused = ask().await.unwrap();
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(refused.headers()["retry-after"], "1");
    assert_eq!(memory.entries(), 0);
    release.send(()).unwrap();
    assert_eq!(holding.await.unwrap(), Ok(()));
    assert_eq!(waiting.await, Ok::<_, PoolError>(()));
    assert_eq!(ask().await.unwrap().status(), StatusCode::OK);
    assert_eq!(memory.entries(), 1);
}

/// The format `jwt`, which notes the threads it runs on: the same ones as the cryptography.
#[derive(Debug, Default)]
struct Noting(Arc<std::sync::Mutex<Vec<String>>>);

impl Noting {
    fn note(&self) {
        let name = std::thread::current().name().unwrap_or_default().to_owned();
        self.0.lock().unwrap().push(name);
    }
}

impl MessageFormat for Noting {
    fn name(&self) -> &'static str {
        "noting"
    }

    fn nested_type(&self) -> &'static str {
        "JWT"
    }

    fn write(&self, claims: &Claims, body: &Body) -> Result<Written, FormatError> {
        self.note();
        Jwt.write(claims, body)
    }

    fn read(&self, payload: Bytes, header: Option<&ProtectedHeader>) -> Result<(Claims, Body), FormatError> {
        self.note();
        Jwt.read(payload, header)
    }
}

#[tokio::test]
async fn cryptography_never_runs_on_the_threads_of_the_runtime() {
    let threads = Arc::default();
    let formats = MessageFormats::default().with(Noting(Arc::clone(&threads)));
    let mut settings = all_profiles();
    settings["message"] = json!({"format": "noting"});
    let server = World::new().share(Arc::new(formats)).server(settings);
    let (status, ..) = server.send(Draft::new("a").request()).await;
    assert_eq!(status, StatusCode::OK);
    let threads = threads.lock().unwrap();
    assert_eq!(threads.len(), 2, "one request, one response");
    for name in threads.iter() {
        assert!(name.starts_with("palisade-crypto-"), "{name}");
    }
}

#[rstest]
#[case::json(r#"{"a": 1.5, "b": [2.5, 3.5, 4.5]}"#)]
#[case::xml("<a>1.5 2.5 3.5 4.5</a>")]
#[tokio::test]
async fn what_only_has_as_many_dots_never_waits_for_cryptography(#[case] body: &'static str) {
    let pool = Arc::new(palisade_jose::CryptoPool::with_size(1, 1));
    let server = World::new()
        .share(Arc::clone(&pool))
        .server(all_request_profiles());
    let (release, released) = std::sync::mpsc::channel::<()>();
    let (started, is_started) = tokio::sync::oneshot::channel();
    let mut holding = Box::pin(pool.admit(1, move || {
        let _ = started.send(());
        let _ = released.recv();
    }));
    assert!(futures_util::poll!(&mut holding).is_pending());
    is_started.await.unwrap();
    let mut waiting = Box::pin(pool.admit(1, || ()));
    assert!(futures_util::poll!(&mut waiting).is_pending());
    let refused = server.send(post(body)).await;
    assert_eq!(code(&refused), "message-not-secured");
    assert_eq!(
        code(&server.send(Draft::new("a").request()).await),
        "message-security-busy"
    );
    release.send(()).unwrap();
    holding.await.unwrap();
    waiting.await.unwrap();
}
