//! The server's replay memory, asked by a stage that accepts each `X-Id` once.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::body::Body;
use http::{HeaderMap, StatusCode, request};
use metrics_exporter_prometheus::PrometheusBuilder;
use palisade_config::Sources;
use palisade_core::{
    Bodies, BuildContext, BuildError, Clock, Context, Message, Phase, Rejection, Replay, ReplayStore,
    Resources, SeenMessage, SharedReplay, Stage, StageKind, Step, Transform,
};
use palisade_endpoint::Registry;
use palisade_server::status::Reload;
use palisade_server::{Loader, ServeError, Server};
use palisade_test::FakeClock;
use rstest::rstest;
use serde::Deserialize;
use tokio::time::{sleep, timeout};

use super::common::{Folder, OPEN, Running, SOON, Version, code};

/// Settings of [`Once`].
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct OnceOnly {
    enabled: bool,
    /// In seconds.
    skew: Option<u64>,
}

#[derive(Debug)]
struct Once {
    memory: Arc<dyn ReplayStore>,
    max_clock_skew: Duration,
    clock: Arc<dyn Clock>,
}

impl StageKind for Once {
    const ROOTS: &'static [&'static str] = &["once"];
    type Settings = OnceOnly;

    fn build(settings: OnceOnly, cx: &BuildContext<'_>) -> Result<Vec<(Phase, Stage)>, BuildError> {
        if !settings.enabled {
            return Ok(Vec::new());
        }
        let shared = cx
            .resources
            .find::<SharedReplay>()
            .expect("the server shares one");
        let stage = Self {
            memory: shared.open().map_err(|error| BuildError::at("", error))?,
            max_clock_skew: Duration::from_secs(settings.skew.unwrap_or(300)),
            clock: Arc::clone(cx.clock),
        };
        stage.memory.remember_for(stage.max_clock_skew);
        Ok(vec![(Phase::MessageSecurity, Stage::transform(stage))])
    }
}

impl Transform for Once {
    fn name(&self) -> &'static str {
        "once"
    }

    fn needs(&self) -> Bodies {
        Bodies::None
    }

    fn request<'a>(&'a self, _: &'a mut Context, message: &'a mut Message<request::Parts>) -> Step<'a> {
        let now = self.clock.now();
        Step::Wait(Box::pin(async move {
            let issued_at = created(&message.head.headers).unwrap_or(now);
            let id = message
                .head
                .headers
                .get("x-id")
                .map_or("", |id| id.to_str().unwrap());
            let seen = SeenMessage {
                sender: &[7; 32],
                id,
                issued_at,
                expires_at: issued_at + Duration::from_secs(300),
                max_clock_skew: self.max_clock_skew,
                now,
            };
            let (status, code) = match self.memory.burn(seen).await {
                Ok(Replay::Fresh) => return Ok(()),
                Ok(Replay::Seen) => (StatusCode::CONFLICT, "message-replayed"),
                Ok(_) => (StatusCode::CONFLICT, "message-too-old"),
                Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "store-unavailable"),
            };
            Err(Rejection::new(status, code, "Refused"))
        }))
    }
}

fn created(headers: &HeaderMap) -> Option<SystemTime> {
    let seconds = headers.get("x-created")?.to_str().ok()?.parse().ok()?;
    Some(UNIX_EPOCH + Duration::from_secs(seconds))
}

const ONCE: &str = "palisade.endpoints[0].paths=/a\n\
    palisade.endpoints[0].interceptors=A\n\
    palisade.endpoints[1].paths=/b\n\
    palisade.endpoints[1].interceptors=B\n\
    palisade.interceptors.A.once.enabled=true\n\
    palisade.interceptors.B.once.enabled=true\n";

fn load(folder: &Path) -> Server {
    let loader = Loader::new(Sources::new(folder), Registry::new().with::<Once>());
    loader
        .load()
        .unwrap_or_else(|errors| panic!("{errors}"))
        .without_signals()
}

async fn serve(folder: Folder) -> Running {
    let server = load(folder.folder.path());
    let handle = server.handle();
    Running::of(folder, handle, tokio::spawn(server.serve_echo())).await
}

/// What is sent, and 200 or the code of the refusal.
async fn send(server: &Running, path: &str, id: &str, created: Option<u64>) -> String {
    let mut client = server.client(Version::Http1).await;
    let mut request = client.request(path).header("x-id", id);
    if let Some(created) = created {
        request = request.header("x-created", created);
    }
    let response = client.send(request.body(Body::empty()).unwrap()).await.unwrap();
    let (status, document) = super::common::answer(response).await;
    match status {
        200 => "200".to_owned(),
        _ => code(&document).to_owned(),
    }
}

async fn stop(server: Running) -> Folder {
    server.handle.stop();
    timeout(SOON, server.ended).await.unwrap().unwrap().unwrap();
    server.folder
}

async fn serve_again(folder: Folder) -> Running {
    serve(free(folder).await).await
}

/// A directory that a server in this process has just left: what holds it may end a moment later.
async fn free(folder: Folder) -> Folder {
    let data_dir = folder.folder.path().join("data");
    let free = async {
        while fs::File::open(data_dir.join("palisade.lock"))
            .unwrap()
            .try_lock()
            .is_err()
        {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(SOON, free).await.unwrap();
    folder
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_accepted_once_by_all_interceptors_over_reloads_and_restarts() {
    let server = serve(Folder::new(ONCE)).await;
    assert_eq!(send(&server, "/a", "one", None).await, "200");
    assert_eq!(send(&server, "/a", "one", None).await, "message-replayed");
    assert_eq!(send(&server, "/b", "one", None).await, "message-replayed");

    server.folder.write(&format!("{ONCE}palisade.unmatched=deny\n"));
    assert!(matches!(
        server.handle.reload().await,
        Some(Reload::Applied { .. })
    ));
    assert_eq!(send(&server, "/a", "one", None).await, "message-replayed");
    assert_eq!(send(&server, "/a", "two", None).await, "200");

    let server = serve_again(stop(server).await).await;
    for id in ["one", "two"] {
        assert_eq!(send(&server, "/b", id, None).await, "message-replayed");
    }
    assert_eq!(send(&server, "/b", "three", None).await, "200");
}

async fn serve_at(folder: Folder, clock: &Arc<FakeClock>) -> Running {
    let loader = Loader::new(Sources::new(folder.folder.path()), Registry::new().with::<Once>());
    let server = loader
        .environment(Arc::clone(clock) as Arc<dyn Clock>, Resources::default())
        .load()
        .unwrap_or_else(|errors| panic!("{errors}"))
        .without_signals();
    let handle = server.handle();
    Running::of(folder, handle, tokio::spawn(server.serve_echo())).await
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_larger_skew_accepts_nothing_twice_whoever_permits_it(
    #[values("memory", "embedded")] store: &str,
    #[values("/a", "/b")] larger: &str,
) {
    const NOW: u64 = 1_800_000_000;
    let base = format!("{ONCE}palisade.replay.store={store}\n");
    let clock = Arc::new(FakeClock::at(UNIX_EPOCH + Duration::from_secs(NOW - 2)));
    let server = serve_at(Folder::new(&base), &clock).await;
    clock.set(UNIX_EPOCH + Duration::from_secs(NOW));
    assert_eq!(send(&server, "/a", "one", Some(NOW)).await, "200");
    // It is over, and what comes now has it forgotten.
    let later = NOW + 601;
    clock.set(UNIX_EPOCH + Duration::from_secs(later));
    for id in 0..40 {
        let id = format!("other-{id}");
        assert_eq!(send(&server, "/a", &id, Some(later)).await, "200");
    }

    let interceptor = if larger == "/a" { "A" } else { "B" };
    server.folder.write(&format!(
        "{base}palisade.interceptors.{interceptor}.once.skew=3600\n"
    ));
    let reloaded = server.handle.reload().await;
    assert!(matches!(reloaded, Some(Reload::Applied { .. })), "{reloaded:?}");
    let refused = ["message-replayed", "message-too-old"];
    for _ in 0..2 {
        let answer = send(&server, larger, "one", Some(NOW)).await;
        assert!(refused.contains(&answer.as_str()), "{answer}");
    }
    assert_eq!(send(&server, larger, "new", Some(NOW + 1)).await, "200");
    if store == "embedded" {
        let server = serve_at(free(stop(server).await).await, &clock).await;
        let answer = send(&server, larger, "one", Some(NOW)).await;
        assert!(refused.contains(&answer.as_str()), "{answer} after a restart");
        assert_eq!(
            send(&server, larger, "new", Some(NOW + 1)).await,
            "message-replayed"
        );
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_smaller_skew_beside_a_larger_one_forgets_nothing_early(
    #[values("memory", "embedded")] store: &str,
) {
    const NOW: u64 = 1_800_000_000;
    let skews = "palisade.interceptors.A.once.skew=5\npalisade.interceptors.B.once.skew=3600\n";
    let clock = Arc::new(FakeClock::at(UNIX_EPOCH + Duration::from_secs(NOW - 2)));
    let folder = Folder::new(&format!("{ONCE}{skews}palisade.replay.store={store}\n"));
    let server = serve_at(folder, &clock).await;
    for step in 0..20 {
        let now = NOW + 100 * step;
        clock.set(UNIX_EPOCH + Duration::from_secs(now));
        let id = format!("strict-{step}");
        assert_eq!(send(&server, "/a", &id, Some(now)).await, "200");
        assert_eq!(send(&server, "/a", &id, Some(now)).await, "message-replayed");
    }
    // The first of them are over for A, and not for B, which accepts new ones as late as they are.
    assert_eq!(send(&server, "/b", "late", Some(NOW)).await, "200");
    for id in ["strict-0", "strict-1", "late"] {
        assert_eq!(send(&server, "/b", id, Some(NOW)).await, "message-replayed");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn loading_makes_no_file_and_takes_nothing_from_a_server_that_runs() {
    let folder = Folder::new(ONCE);
    drop(load(folder.folder.path()));
    assert!(!folder.folder.path().join("data").exists());

    let server = serve(folder).await;
    assert!(server.folder.folder.path().join("data/replay.redb").exists());
    let second = load(server.folder.folder.path());
    assert_eq!(send(&server, "/a", "one", None).await, "200");

    let error = timeout(SOON, second.serve_echo()).await.unwrap().unwrap_err();
    assert!(matches!(error, ServeError::Replay(_)), "{error:?}");
    let error = error.to_string();
    assert!(
        error.starts_with("palisade.data-dir: ") && error.contains("is in use by another server"),
        "{error}"
    );
    assert_eq!(send(&server, "/a", "one", None).await, "message-replayed");
}

#[test]
fn a_directory_that_takes_no_files_is_an_error_of_loading_where_a_stage_asks_for_one() {
    let load = |properties: &str, place: &str| {
        let folder = Folder::new(&format!("{properties}palisade.data-dir={place}\n"));
        fs::write(folder.folder.path().join("file"), "").unwrap();
        let sources = Sources::new(folder.folder.path());
        Loader::new(sources, Registry::new().with::<Once>()).load()
    };
    let places: &[&str] = if cfg!(target_os = "linux") {
        &["file", "file/data", "/proc/palisade"]
    } else {
        &["file", "file/data"]
    };
    for place in places {
        let errors = load(ONCE, place).expect_err(place);
        let errors: Vec<_> = errors.iter().map(ToString::to_string).collect();
        assert_eq!(errors.len(), 1, "{errors:?}");
        assert!(
            errors[0].contains("palisade.data-dir: expected a directory"),
            "{errors:?}"
        );
    }
    assert!(load(ONCE, "new/data").is_ok());
    assert!(load(OPEN, "file/data").is_ok(), "nobody asks for one");
    let in_memory = format!("{ONCE}palisade.replay.store=memory\n");
    assert!(load(&in_memory, "file/data").is_ok(), "no file is made");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_whose_stages_do_not_ask_makes_no_file() {
    let server = serve(Folder::new(OPEN)).await;
    assert_eq!(send(&server, "/a", "one", None).await, "200");
    assert!(!server.folder.folder.path().join("data").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stage_that_comes_with_a_reload_has_the_memory_opened_or_is_refused() {
    let server = serve(Folder::new(OPEN)).await;
    let data_dir = server.folder.folder.path().join("data");
    fs::create_dir(&data_dir).unwrap();
    let other = fs::File::create(data_dir.join("palisade.lock")).unwrap();
    other.try_lock().unwrap();
    server.folder.write(ONCE);
    let Some(Reload::Refused { errors, .. }) = server.handle.reload().await else {
        panic!("applied");
    };
    assert!(
        errors
            .iter()
            .any(|error| error.contains("is in use by another server")),
        "{errors:?}"
    );
    assert_eq!(
        send(&server, "/a", "one", None).await,
        "200",
        "what applied before still does"
    );

    drop(other);
    assert!(matches!(
        server.handle.reload().await,
        Some(Reload::Applied { .. })
    ));
    assert_eq!(send(&server, "/a", "one", None).await, "200");
    assert_eq!(send(&server, "/a", "one", None).await, "message-replayed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_memory_in_the_process_refuses_messages_created_before_the_start() {
    let now = || {
        palisade_core::SystemClock::new()
            .now()
            .duration_since(UNIX_EPOCH)
            .unwrap()
            .as_secs()
    };
    let before = now();
    let server = serve(Folder::new(&format!("{ONCE}palisade.replay.store=memory\n"))).await;
    assert_eq!(send(&server, "/a", "old", Some(before)).await, "message-too-old");
    assert_eq!(
        send(&server, "/a", "new", Some(now())).await,
        "200",
        "whole seconds are enough"
    );
    assert_eq!(send(&server, "/a", "new", Some(now())).await, "message-replayed");
    assert!(!server.folder.folder.path().join("data").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn another_memory_needs_a_restart() {
    let server = serve(Folder::new(ONCE)).await;
    let change = "palisade.data-dir=elsewhere\npalisade.replay.max-entries=5\n";
    server.folder.write(&format!("{ONCE}{change}"));
    let Some(Reload::Applied { needs_restart, .. }) = server.handle.reload().await else {
        panic!("refused");
    };
    assert_eq!(needs_restart, ["palisade.data-dir", "palisade.replay"]);
    assert!(!server.folder.folder.path().join("elsewhere").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_it_holds_and_what_it_refuses_is_measured() {
    let metrics = PrometheusBuilder::new().install_recorder().unwrap();
    let server = serve(Folder::new(&format!("{ONCE}palisade.replay.max-entries=1\n"))).await;
    assert_eq!(send(&server, "/a", "one", None).await, "200");
    assert_eq!(send(&server, "/a", "two", None).await, "store-unavailable");
    let counted = metrics.render();
    assert!(counted.contains("palisade_replay_full_total 1"), "{counted}");
    let shown = async {
        while !metrics.render().contains("palisade_replay_entries 1") {
            sleep(Duration::from_millis(100)).await;
        }
    };
    timeout(SOON, shown).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_may_share_a_memory_of_its_own() {
    let folder = Folder::new(ONCE);
    let memory = palisade_store::MemoryReplay::new(10, UNIX_EPOCH);
    let resources = Resources::default().with(Arc::new(SharedReplay::new(memory)));
    let loader = Loader::new(Sources::new(folder.folder.path()), Registry::new().with::<Once>());
    let server = loader
        .environment(Arc::new(palisade_core::SystemClock::new()), resources)
        .load()
        .unwrap_or_else(|errors| panic!("{errors}"))
        .without_signals();
    let handle = server.handle();
    let server = Running::of(folder, handle, tokio::spawn(server.serve_echo())).await;
    assert_eq!(send(&server, "/a", "one", None).await, "200");
    assert_eq!(send(&server, "/b", "one", None).await, "message-replayed");
    assert!(!server.folder.folder.path().join("data").exists());
}

#[cfg(feature = "redis")]
#[tokio::test(flavor = "multi_thread")]
async fn servers_that_share_a_redis_accept_a_message_once() {
    let Some(mut redis) = palisade_test::redis::Redis::start() else {
        return;
    };
    let url = redis.url();
    let properties = format!("{ONCE}palisade.replay.store=redis\npalisade.redis.url={url}\n");
    let one = serve(Folder::new(&properties)).await;
    let other = serve(Folder::new(&properties)).await;
    // A Redis that was never asked refuses what was created before it was.
    let mut id = 0;
    let accepted = async {
        while send(&one, "/a", &format!("message-{id}"), None).await != "200" {
            id += 1;
            sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(SOON, accepted).await.unwrap();
    for server in [&one, &other] {
        let answer = send(server, "/b", &format!("message-{id}"), None).await;
        assert_eq!(answer, "message-replayed");
    }
    assert_eq!(send(&other, "/a", "another", None).await, "200");
    assert!(!one.folder.folder.path().join("data").exists());
    redis.stop();
    assert_eq!(send(&other, "/a", "third", None).await, "store-unavailable");
}
