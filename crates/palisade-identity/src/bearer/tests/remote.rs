//! Keys that are fetched: rotation, floods, servers that are dead or slow.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use metrics_exporter_prometheus::PrometheusBuilder;
use palisade_client::HttpsFetch;
use palisade_core::{
    Background, BoxFuture, BuildContext, Clock, Fetch, FetchError, FetchRequest, Fetched, Resources,
    SharedFetch, StateStore,
};
use rstest::rstest;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::issuer::{AUDIENCE, ISSUER, NOW, Signer, at, builder, claims, claims_with, clock, ed25519, set};
use super::server::{Answer, KeyServer};
use crate::bearer::TokenAlgorithm::EdDsa;
use crate::bearer::{BadToken, Bearer, BearerSettings};

/// The key of that name, and a token of its.
fn key(kid: &str) -> (Signer, Value, String) {
    let signer = ed25519();
    let jwk = signer.jwk(&json!({"kid": kid}));
    let token = signer.token(
        EdDsa,
        &json!({"kid": kid}),
        &claims_with(&json!({"exp": NOW + 10_000_000})),
    );
    (signer, jwk, token)
}

fn unknown(kid: &str) -> BadToken {
    BadToken::UnknownKey(Some(kid.to_owned()))
}

#[tokio::test]
async fn keys_are_fetched_when_the_first_token_comes() {
    let (_, jwk, token) = key("1");
    let server = KeyServer::start(&[jwk]).await;
    let bearer = builder(&clock())
        .fetched_keys(server.url.clone(), HttpsFetch::new())
        .build()
        .unwrap();
    assert_eq!(server.requests(), 0);
    assert!(bearer.verify_now(&token).is_none(), "it has to be waited for");
    assert!(bearer.verify(&token).await.is_ok());
    assert!(bearer.verify_now(&token).unwrap().is_ok());
    assert_eq!(server.requests(), 1);
}

#[tokio::test]
async fn a_key_that_is_new_is_fetched_without_a_restart_and_one_that_is_gone_is_forgotten() {
    let (clock, (_, old, of_old), (_, new, of_new)) = (clock(), key("old"), key("new"));
    let server = KeyServer::start(std::slice::from_ref(&old)).await;
    let bearer = builder(&clock)
        .fetched_keys(server.url.clone(), HttpsFetch::new())
        .build()
        .unwrap();
    assert!(bearer.verify(&of_old).await.is_ok());
    server.publish(&[old, new.clone()]);
    assert!(bearer.verify(&of_new).await.is_ok());
    assert_eq!(server.requests(), 2);
    assert!(bearer.verify_now(&of_old).unwrap().is_ok());

    server.publish(&[new]);
    clock.advance(Duration::from_hours(1));
    // The request that finds keys due does not wait for them.
    assert!(bearer.verify_now(&of_old).unwrap().is_ok());
    while server.requests() < 3 || bearer.verify_now(&of_old).is_some_and(|outcome| outcome.is_ok()) {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(
        bearer.verify(&of_old).await,
        Err(unknown("old")),
        "what was remembered of it is void"
    );
    assert!(bearer.verify(&of_new).await.is_ok());
}

#[tokio::test]
async fn a_token_without_kid_has_keys_fetched_too() {
    let ((old, old_key, _), (new, new_key, _)) = (key("old"), key("new"));
    let server = KeyServer::start(&[old_key]).await;
    let bearer = builder(&clock())
        .fetched_keys(server.url.clone(), HttpsFetch::new())
        .build()
        .unwrap();
    assert!(
        bearer
            .verify(&old.token(EdDsa, &json!({}), &claims()))
            .await
            .is_ok()
    );
    server.publish(&[new_key]);
    assert!(
        bearer
            .verify(&new.token(EdDsa, &json!({}), &claims()))
            .await
            .is_ok()
    );
    assert_eq!(server.requests(), 2);
}

#[tokio::test]
async fn a_flood_of_unknown_keys_makes_one_fetch_per_cool_down() {
    let (clock, (signer, jwk, token)) = (clock(), key("1"));
    let server = KeyServer::start(&[jwk]).await;
    let bearer = Arc::new(
        builder(&clock)
            .fetched_keys(server.url.clone(), HttpsFetch::new())
            .build()
            .unwrap(),
    );
    assert!(bearer.verify(&token).await.is_ok());
    let flood = |round: u32| {
        let mut tasks = tokio::task::JoinSet::new();
        for number in 0..1_000 {
            let kid = format!("{round}-{number}");
            let token = signer.token(EdDsa, &json!({"kid": kid}), &claims());
            let bearer = Arc::clone(&bearer);
            tasks.spawn(async move { assert_eq!(bearer.verify(&token).await, Err(unknown(&kid))) });
        }
        tasks.join_all()
    };
    flood(1).await;
    assert_eq!(server.requests(), 2, "one for the first token, one for the flood");
    flood(2).await;
    let late = signer.token(EdDsa, &json!({"kid": "late"}), &claims());
    assert_eq!(
        bearer.verify_now(&late),
        Some(Err(unknown("late"))),
        "refused at once"
    );
    clock.advance(Duration::from_millis(29_999));
    flood(3).await;
    assert_eq!(server.requests(), 2);
    clock.advance(Duration::from_millis(1));
    assert_eq!(bearer.verify_now(&late), None);
    flood(4).await;
    assert_eq!(server.requests(), 3);
    assert!(
        bearer.verify_now(&token).unwrap().is_ok(),
        "known keys do not notice"
    );
}

#[tokio::test]
async fn a_flood_before_there_are_keys_makes_one_fetch() {
    let (signer, jwk, token) = key("1");
    let server = KeyServer::start(&[jwk]).await;
    let bearer = Arc::new(
        builder(&clock())
            .fetched_keys(server.url.clone(), HttpsFetch::new())
            .build()
            .unwrap(),
    );
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..1_000 {
        let header = json!({"kid": format!("x{number}")});
        let token = if number == 500 {
            token.clone()
        } else {
            signer.token(EdDsa, &header, &claims())
        };
        let bearer = Arc::clone(&bearer);
        tasks.spawn(async move { assert_eq!(bearer.verify(&token).await.is_ok(), number == 500) });
    }
    tasks.join_all().await;
    assert_eq!(server.requests(), 1);
}

#[tokio::test]
async fn a_request_that_goes_away_does_not_end_the_flight() {
    let (_, jwk, token) = key("1");
    let server = KeyServer::start(&[jwk]).await;
    let bearer = builder(&clock())
        .fetched_keys(server.url.clone(), HttpsFetch::new())
        .build()
        .unwrap();
    let abandoned = tokio::time::timeout(Duration::ZERO, bearer.verify(&token)).await;
    assert!(abandoned.is_err());
    assert!(bearer.verify(&token).await.is_ok());
    assert_eq!(server.requests(), 1);
}

#[rstest]
#[case::dead(Answer::Error)]
#[case::no_document(Answer::Document("<html>".to_owned(), ""))]
#[case::no_keys(Answer::Document(set(&[]), ""))]
#[case::no_usable_key(Answer::Document(set(&[json!({"kty": "oct", "k": "AA"})]), ""))]
#[case::too_long(Answer::Document(" ".repeat(256 * 1024 + 1), ""))]
#[case::too_many(Answer::Document(set(&vec![json!({}); 101]), ""))]
#[tokio::test]
async fn a_server_that_fails_stops_nobody_whose_key_is_known(#[case] failure: Answer) {
    let (clock, (signer, jwk, token)) = (clock(), key("1"));
    let server = KeyServer::start(&[jwk.clone()]).await;
    let bearer = builder(&clock)
        .fetched_keys(server.url.clone(), HttpsFetch::new())
        .build()
        .unwrap();
    assert!(bearer.verify(&token).await.is_ok());

    server.answer(failure);
    let other = signer.token(
        EdDsa,
        &json!({"kid": "2"}),
        &claims_with(&json!({"exp": NOW + 1_000_000})),
    );
    let known = |number: u64| {
        let claims = claims_with(&json!({"jti": number, "exp": NOW + 1_000_000}));
        signer.token(EdDsa, &json!({"kid": "1"}), &claims)
    };
    // The first failure, and then one more behind each pause, which grows to five minutes.
    let mut requests = 1;
    for pause in [0, 30, 60, 120, 240, 300, 300] {
        if pause > 0 {
            clock.advance(Duration::from_millis(pause * 1000 - 1));
            assert_eq!(bearer.verify(&other).await, Err(unknown("2")));
            assert_eq!(
                server.requests(),
                requests,
                "nothing is fetched in the pause of {pause} s"
            );
            clock.advance(Duration::from_millis(1));
        }
        assert_eq!(bearer.verify(&other).await, Err(unknown("2")));
        requests += 1;
        assert_eq!(server.requests(), requests);
        assert!(bearer.verify_now(&token).unwrap().is_ok(), "seen before");
        assert!(bearer.verify_now(&known(pause)).unwrap().is_ok(), "verified anew");
    }

    let (_, new, of_new) = key("3");
    server.publish(&[jwk, new]);
    clock.advance(Duration::from_mins(5));
    assert!(bearer.verify(&of_new).await.is_ok(), "it is alive again");
    assert!(bearer.verify_now(&token).unwrap().is_ok());
}

#[tokio::test]
async fn without_any_keys_tokens_are_refused_at_once_until_it_is_time_to_ask_again() {
    let (clock, (_, jwk, token)) = (clock(), key("1"));
    let server = KeyServer::start(&[]).await;
    server.answer(Answer::Error);
    let bearer = builder(&clock)
        .fetched_keys(server.url.clone(), HttpsFetch::new())
        .build()
        .unwrap();
    assert_eq!(bearer.verify(&token).await, Err(BadToken::NoKeys));
    assert_eq!(bearer.verify_now(&token), Some(Err(BadToken::NoKeys)));
    server.publish(&[jwk]);
    clock.advance(Duration::from_secs(30));
    assert!(bearer.verify(&token).await.is_ok());
    assert_eq!(server.requests(), 2);
}

#[test]
fn nothing_panics_where_there_is_no_runtime() {
    let (_, _, token) = key("1");
    let url = "https://issuer.example/keys".parse().unwrap();
    let bearer = builder(&clock())
        .fetched_keys(url, HttpsFetch::new())
        .build()
        .unwrap();
    assert_eq!(bearer.verify_now(&token), None);
}

// --- time that moves by itself

/// The runtime's time, which tests let pass at once.
#[derive(Debug)]
struct RuntimeClock(Instant);

impl Clock for RuntimeClock {
    fn now(&self) -> SystemTime {
        at(NOW) + self.elapsed()
    }

    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

/// A client that answers as it is told, and remembers when it was asked.
#[derive(Debug, Clone)]
struct Told(Arc<Mutex<Script>>);

#[derive(Debug)]
struct Script {
    answer: Next,
    asked: Vec<Duration>,
    start: Instant,
}

#[derive(Debug, Clone)]
enum Next {
    Keys(Vec<Value>, Option<Duration>),
    Failure,
    Silence,
    Panic,
}

impl Told {
    fn new(answer: Next) -> Self {
        Self(Arc::new(Mutex::new(Script {
            answer,
            asked: Vec::new(),
            start: Instant::now(),
        })))
    }

    fn answer(&self, answer: Next) {
        self.0.lock().unwrap().answer = answer;
    }

    /// The seconds at which it was asked.
    fn asked(&self) -> Vec<u64> {
        self.0
            .lock()
            .unwrap()
            .asked
            .iter()
            .map(Duration::as_secs)
            .collect()
    }
}

impl Fetch for Told {
    fn fetch<'a>(&'a self, request: FetchRequest<'a>) -> BoxFuture<'a, Result<Fetched, FetchError>> {
        let answer = {
            let mut script = self.0.lock().unwrap();
            let at = script.start.elapsed();
            script.asked.push(at);
            script.answer.clone()
        };
        Box::pin(async move {
            match answer {
                Next::Keys(keys, None) => Ok(Fetched::new(set(&keys))),
                Next::Keys(keys, Some(max_age)) => Ok(Fetched::new(set(&keys)).fresh_for(max_age)),
                Next::Failure => Err(FetchError::new(request.url, "no route to host")),
                Next::Silence => std::future::pending().await,
                Next::Panic => panic!("a client that breaks"),
            }
        })
    }
}

/// An application that shares a client and runs background work.
struct World {
    clock: Arc<dyn Clock>,
    state: StateStore,
    resources: Resources,
    background: Arc<Background>,
}

impl World {
    fn new(told: &Told) -> Self {
        let background = Arc::new(Background::default());
        Self {
            clock: Arc::new(RuntimeClock(Instant::now())),
            state: StateStore::default(),
            resources: Resources::default()
                .with(Arc::new(SharedFetch::new(told.clone())))
                .with(Arc::clone(&background)),
            background,
        }
    }

    /// Builds a verifier, and begins what it wants done.
    fn build(&self, interceptor: &str, uri: &str) -> (Bearer, tokio::task::JoinHandle<()>) {
        let folder = std::env::temp_dir();
        let cx = BuildContext::new(interceptor, &folder, &self.clock, &self.state, &self.resources);
        let settings = BearerSettings {
            issuer: Some(ISSUER.to_owned()),
            audience: vec![AUDIENCE.to_owned()],
            jwks_uri: Some(uri.to_owned()),
            ..BearerSettings::default()
        };
        let bearer = Bearer::build(&settings, &cx).unwrap();
        let mut work = self.background.take();
        assert_eq!(work.len(), 1);
        (bearer, tokio::spawn(work.remove(0)))
    }
}

const URI: &str = "https://issuer.example/keys";
const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;

#[tokio::test(start_paused = true)]
async fn background_work_fetches_keys_before_the_first_token_comes() {
    let (_, jwk, token) = key("1");
    let told = Told::new(Next::Keys(vec![jwk], None));
    let world = World::new(&told);
    let (bearer, _work) = world.build("A", URI);
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert!(bearer.verify_now(&token).unwrap().is_ok());
    assert_eq!(told.asked(), [0]);
}

#[rstest]
#[case::silent(None, HOUR)]
#[case::as_it_says(Some(10 * MINUTE), 10 * MINUTE)]
#[case::at_least(Some(0), 5 * MINUTE)]
#[case::at_most(Some(1000 * HOUR), 24 * HOUR)]
#[tokio::test(start_paused = true)]
async fn keys_are_fetched_again_as_their_server_says(#[case] max_age: Option<u64>, #[case] period: u64) {
    let told = Told::new(Next::Keys(vec![key("1").1], max_age.map(Duration::from_secs)));
    let world = World::new(&told);
    let (_bearer, _work) = world.build("A", URI);
    tokio::time::sleep(Duration::from_secs(3 * period + MINUTE)).await;
    let asked = told.asked();
    assert_eq!(asked.len(), 4, "{asked:?}");
    for (turn, at) in (0..).zip(asked) {
        assert!(
            (turn * period..=turn * period + 3).contains(&at),
            "turn {turn} at {at} s"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn background_work_goes_on_after_failures_and_panics() {
    let (_, jwk, token) = key("1");
    let told = Told::new(Next::Failure);
    let world = World::new(&told);
    let (bearer, _work) = world.build("A", URI);
    tokio::time::sleep(Duration::from_secs(100)).await;
    assert_eq!(
        told.asked().len(),
        3,
        "at the start, and after 30 and 60 seconds more"
    );
    assert_eq!(bearer.verify_now(&token), Some(Err(BadToken::NoKeys)));
    told.answer(Next::Panic);
    tokio::time::sleep(Duration::from_secs(121)).await;
    told.answer(Next::Keys(vec![jwk], None));
    tokio::time::sleep(Duration::from_secs(100)).await;
    assert!(bearer.verify_now(&token).unwrap().is_ok());
}

#[tokio::test(start_paused = true)]
async fn background_work_ends_with_its_verifier() {
    let told = Told::new(Next::Keys(vec![key("1").1], None));
    let world = World::new(&told);
    let (bearer, work) = world.build("A", URI);
    tokio::time::sleep(Duration::from_mins(10)).await;
    assert!(!work.is_finished());
    drop(bearer);
    tokio::time::timeout(Duration::from_mins(1), work)
        .await
        .unwrap()
        .unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_silent_is_waited_for_five_seconds_by_those_alone_who_need_it() {
    let (signer, jwk, token) = key("1");
    let told = Told::new(Next::Keys(vec![jwk], None));
    let world = World::new(&told);
    let (bearer, _work) = world.build("A", URI);
    assert!(bearer.verify(&token).await.is_ok());
    told.answer(Next::Silence);
    let other = signer.token(EdDsa, &json!({"kid": "2"}), &claims());
    let begin = Instant::now();
    let (refused, good) = tokio::join!(bearer.verify(&other), async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        bearer.verify_now(&token).unwrap()
    });
    assert_eq!(refused, Err(unknown("2")));
    assert!(good.is_ok());
    assert_eq!(begin.elapsed(), Duration::from_secs(5));
    assert_eq!(bearer.verify_now(&other), Some(Err(unknown("2"))));
}

#[tokio::test(start_paused = true)]
async fn a_reload_keeps_the_keys() {
    let (_, jwk, token) = key("1");
    let told = Told::new(Next::Keys(vec![jwk], None));
    let world = World::new(&told);
    let (before, work) = world.build("A", URI);
    assert!(before.verify(&token).await.is_ok());
    told.answer(Next::Failure);

    let (after, _work) = world.build("A", URI);
    drop(before);
    assert!(
        after.verify_now(&token).unwrap().is_ok(),
        "though its server is dead by now"
    );
    assert_eq!(told.asked(), [0]);
    work.await.unwrap();
    tokio::time::sleep(Duration::from_secs(HOUR)).await;
    assert!(told.asked().len() > 1, "the new verifier keeps them fresh");
    assert!(after.verify_now(&token).unwrap().is_ok());

    let (elsewhere, _work) = world.build("A", "https://issuer.example/other");
    assert_eq!(
        elsewhere.verify(&token).await,
        Err(BadToken::NoKeys),
        "keys belong to their URL"
    );
    let (another, _work) = world.build("B", URI);
    assert_eq!(
        another.verify(&token).await,
        Err(BadToken::NoKeys),
        "and to their interceptor"
    );
    drop(after);
    let (again, _work) = world.build("A", URI);
    assert_eq!(
        again.verify(&token).await,
        Err(BadToken::NoKeys),
        "they go with the last verifier"
    );
}

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Lines {
    fn take(&self) -> String {
        String::from_utf8(std::mem::take(&mut *self.0.lock().unwrap())).unwrap()
    }
}

#[tokio::test(start_paused = true)]
async fn an_outage_is_told_once_and_counted_each_time() {
    let lines = Lines::default();
    let log = tracing_subscriber::fmt()
        .json()
        .with_max_level(tracing::Level::INFO)
        .with_writer({
            let lines = lines.clone();
            move || lines.clone()
        })
        .finish();
    let recorder = PrometheusBuilder::new().build_recorder();
    let _log = tracing::subscriber::set_default(log);
    let _metrics = metrics::set_default_local_recorder(&recorder);
    let failures = || {
        let rendered = recorder.handle().render();
        let line = rendered
            .lines()
            .find(|line| line.starts_with("palisade_jwks_failures_total{"));
        line.map(str::to_owned)
    };

    let (_, jwk, token) = key("1");
    let told = Told::new(Next::Failure);
    let world = World::new(&told);
    let (bearer, _work) = world.build("A", URI);
    assert_eq!(bearer.verify(&token).await, Err(BadToken::NoKeys));
    let missing = lines.take();
    assert_eq!(
        missing.matches("\"code\":\"jwks-missing\"").count(),
        1,
        "{missing}"
    );
    assert!(
        missing.contains("https://issuer.example/keys cannot be fetched: no route to host"),
        "{missing}"
    );
    assert_eq!(
        failures().as_deref(),
        Some("palisade_jwks_failures_total{interceptor=\"A\"} 1")
    );

    told.answer(Next::Keys(vec![jwk], None));
    tokio::time::sleep(Duration::from_secs(MINUTE)).await;
    assert!(bearer.verify_now(&token).unwrap().is_ok());
    assert!(lines.take().contains("keys are fetched again"));

    for _ in 0..2 {
        told.answer(Next::Failure);
        tokio::time::sleep(Duration::from_secs(2 * HOUR)).await;
        let stale = lines.take();
        assert_eq!(stale.matches("\"code\":\"jwks-stale\"").count(), 1, "{stale}");
        assert_eq!(stale.lines().count(), 1, "nothing else is told: {stale}");
        told.answer(Next::Keys(vec![key("1").1], None));
        tokio::time::sleep(Duration::from_secs(10 * MINUTE)).await;
        assert!(lines.take().contains("keys are fetched again"));
    }
    let counted = failures().unwrap();
    let counted: usize = counted.rsplit(' ').next().unwrap().parse().unwrap();
    assert!(counted > 20, "each failure is counted: {counted}");
}
