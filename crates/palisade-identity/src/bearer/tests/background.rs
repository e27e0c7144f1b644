//! Keys that are kept fresh beside requests, over reloads and outages.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use metrics_exporter_prometheus::PrometheusBuilder;
use rstest::rstest;
use serde_json::json;
use tokio::time::Instant;

use super::issuer::{claims, key, unknown};
use super::world::{Next, Told, World};
use crate::bearer::BadToken;
use crate::bearer::TokenAlgorithm::EdDsa;

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

#[tokio::test(start_paused = true)]
async fn an_outage_is_an_alarm_as_long_as_it_lasts_and_anybody_wants_the_keys() {
    let (_, jwk, _) = key("1");
    let told = Told::new(Next::Failure);
    let world = World::new(&told);
    let raised = || {
        let raised = world.alarms.raised().into_iter();
        raised
            .map(|alarm| (alarm.code, alarm.message))
            .collect::<Vec<_>>()
    };
    let alarm = |code, rest: &str| {
        let text = "the keys of bearer tokens of A cannot be fetched from https://issuer.example/keys";
        vec![(code, format!("{text}; {rest}"))]
    };
    let (bearer, _work) = world.build("A", URI);
    assert_eq!(raised(), []);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(raised(), alarm("jwks-missing", "no bearer token is accepted"));
    told.answer(Next::Keys(vec![jwk], None));
    tokio::time::sleep(Duration::from_secs(MINUTE)).await;
    assert_eq!(raised(), []);
    told.answer(Next::Failure);
    tokio::time::sleep(Duration::from_secs(2 * HOUR)).await;
    assert_eq!(raised(), alarm("jwks-stale", "those at hand stay in use"));
    drop(bearer);
    tokio::time::sleep(Duration::from_secs(10 * MINUTE)).await;
    assert_eq!(raised(), []);
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
