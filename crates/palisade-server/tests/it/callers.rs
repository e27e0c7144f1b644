//! Users and tenants of a server: of its files, and of a database that others change.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum::body::Body;
use palisade_config::Sources;
use palisade_core::{Clock, Secret, SystemClock};
use palisade_directory::sql::{NewUser, SqlDirectory};
use palisade_directory::{DirectorySource, GeneratedApiKey};
use palisade_endpoint::Registry;
use palisade_identity::Authentication;
use palisade_server::Server;
use serde_json::Value;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection as _, SqliteConnection};
use tokio::time::{sleep, timeout};

use crate::common::{Client, Folder, Running, SOON, Version, answer, code};

const GROUPS: &str = "palisade.endpoints[0].name=all\n\
    palisade.endpoints[0].paths=/{*rest}\n\
    palisade.endpoints[0].interceptors=Known\n\
    palisade.interceptors.Known.authentication.schemes=api-key\n";

fn load(folder: &Folder) -> Result<Server, String> {
    let registry = Registry::new().with::<Authentication>();
    Server::load(Sources::new(folder.folder.path()), registry).map_err(|errors| errors.to_string())
}

async fn serve(properties: &str) -> Running {
    serve_folder(Folder::new(properties)).await
}

async fn serve_folder(folder: Folder) -> Running {
    let server = load(&folder).unwrap().without_signals();
    let handle = server.handle();
    Running::of(folder, handle, tokio::spawn(server.serve_echo())).await
}

fn now() -> SystemTime {
    SystemClock::new().now()
}

async fn ask(client: &mut Client, key: &GeneratedApiKey) -> (u16, Value) {
    let request = client.request("/a").header("x-api-key", key.text().expose());
    let response = client.send(request.body(Body::empty()).unwrap()).await.unwrap();
    answer(response).await
}

/// Waits until that key is answered so.
async fn until(client: &mut Client, key: &GeneratedApiKey, status: u16) -> Value {
    let wait = async {
        loop {
            let (found, body) = ask(client, key).await;
            if found == status {
                return body;
            }
            sleep(Duration::from_millis(100)).await;
        }
    };
    timeout(SOON, wait).await.expect("the change is seen")
}

fn user(name: &str, key: &GeneratedApiKey) -> String {
    format!("palisade.users.{name}.api-key-hashes={}\n", key.hash().to_text())
}

#[tokio::test(flavor = "multi_thread")]
async fn users_of_files_apply_with_a_reload_or_not_at_all() {
    let (one, other) = (
        GeneratedApiKey::generate().unwrap(),
        GeneratedApiKey::generate().unwrap(),
    );
    let server = serve(&format!("{GROUPS}{}", user("alice", &one))).await;
    let mut client = server.client(Version::Http1).await;
    let (status, body) = ask(&mut client, &one).await;
    assert_eq!(
        (status, body["principal"]["subject"].as_str()),
        (200, Some("alice"))
    );
    assert_eq!(ask(&mut client, &other).await.0, 401);

    let broken = format!(
        "{GROUPS}{}palisade.users.alice.tenant=nobody\n",
        user("bob", &other)
    );
    server.folder.write(&broken);
    server.until_reload("refused").await;
    assert_eq!(ask(&mut client, &one).await.0, 200);
    assert_eq!(ask(&mut client, &other).await.0, 401);

    server.folder.write(&format!("{GROUPS}{}", user("bob", &other)));
    server.until_reload("applied").await;
    assert_eq!(code(&ask(&mut client, &one).await.1), "credentials-invalid");
    assert_eq!(ask(&mut client, &other).await.1["principal"]["subject"], "bob");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_is_followed_without_a_reload_and_reloads_go_on_with_it() {
    let folder = Folder::new(&format!("{GROUPS}palisade.directory=sqlite:data/directory.db\n"));
    let source = DirectorySource::Sqlite("data/directory.db".into());
    let path = folder.folder.path().join("data/directory.db");
    assert!(load(&folder).is_ok());
    assert!(!path.exists(), "loading makes nothing");

    let server = serve_folder(folder).await;
    let mut client = server.client(Version::Http2).await;
    let sql = SqlDirectory::open(&source, server.folder.folder.path())
        .await
        .unwrap();
    sql.add_user(&NewUser::new("alice"), now()).await.unwrap();
    let key = sql.create_api_key("alice", &[], None, now()).await.unwrap();
    let body = until(&mut client, &key, 200).await;
    assert_eq!(body["principal"]["subject"], "alice");

    server.handle.reload().await;
    assert_eq!(ask(&mut client, &key).await.0, 200);
    sql.disable_user("alice", now()).await.unwrap();
    until(&mut client, &key, 401).await;

    // Back to files, and to the database again, while the server runs.
    let other = GeneratedApiKey::generate().unwrap();
    server.folder.write(&format!("{GROUPS}{}", user("bob", &other)));
    until(&mut client, &other, 200).await;
    server
        .folder
        .write(&format!("{GROUPS}palisade.directory=sqlite:data/directory.db\n"));
    until(&mut client, &other, 401).await;
    sql.enable_user("alice").await.unwrap();
    until(&mut client, &key, 200).await;
}

/// Waits until that list of `/status` has exactly these among the codes of the directory.
async fn until_status(server: &Running, list: &str, codes: &[&str]) -> Value {
    let wait = async {
        loop {
            let mut state = server.admin("/status").await.1;
            let items = state[list].as_array_mut().unwrap();
            items.retain(|item| {
                let code = item["code"].as_str().unwrap();
                code.starts_with("directory-") || code.starts_with("password-")
            });
            if items.iter().map(|item| &item["code"]).eq(codes) {
                return state;
            }
            sleep(Duration::from_millis(50)).await;
        }
    };
    let seen = timeout(SOON, wait).await;
    seen.unwrap_or_else(|_| panic!("{list} never were {codes:?}"))
}

async fn by_hand(file: &Path, statement: &'static str) {
    let options = SqliteConnectOptions::new().filename(file);
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    sqlx::query(statement).execute(&mut connection).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_goes_away_is_an_alarm_until_it_is_back_and_its_findings_follow_it() {
    let folder = Folder::new(&format!("{GROUPS}palisade.directory=sqlite:data/directory.db\n"));
    let source = DirectorySource::Sqlite("data/directory.db".into());
    let server = serve_folder(folder).await;
    let state = until_status(&server, "findings", &["directory-empty"]).await;
    assert_eq!(state["alarms"], Value::Array(Vec::new()));
    assert_eq!(state["findings"][0]["key"], "palisade.directory");
    let origin = state["findings"][0]["origin"].as_str().unwrap();
    assert!(origin.starts_with("application.properties:"), "{origin}");

    let root = server.folder.folder.path().to_owned();
    let sql = SqlDirectory::open(&source, &root).await.unwrap();
    for name in ["alice", "bob"] {
        let password = Some(Secret::new("Correct-Horse-Battery-1"));
        let user = NewUser::new(name).with_password(password);
        sql.add_user(&user, now()).await.unwrap();
    }
    let key = sql.create_api_key("alice", &[], None, now()).await.unwrap();
    until_status(&server, "findings", &["password-reused"]).await;
    // A reload goes on with what is known now, and not with what was known at the start.
    server.handle.reload().await;
    until_status(&server, "findings", &["password-reused"]).await;
    let other = Secret::new("Battery-Staple-Correct-2");
    sql.set_password("bob", &other, now()).await.unwrap();
    until_status(&server, "findings", &[]).await;
    let mut client = server.client(Version::Http1).await;
    until(&mut client, &key, 200).await;
    sql.close().await;

    let file = root.join("data/directory.db");
    by_hand(&file, "ALTER TABLE palisade_directory RENAME TO elsewhere").await;
    let state = until_status(&server, "alarms", &["directory-stale"]).await;
    let message = state["alarms"][0]["message"].as_str().unwrap();
    assert!(
        message.starts_with("the directory cannot be read; its last good state stays in use: "),
        "{message}"
    );
    assert_eq!(server.admin("/ready").await.0, 200);
    assert_eq!(ask(&mut client, &key).await.0, 200);
    by_hand(&file, "ALTER TABLE elsewhere RENAME TO palisade_directory").await;
    until_status(&server, "alarms", &[]).await;
    assert_eq!(ask(&mut client, &key).await.0, 200);
}

#[test]
fn a_database_that_cannot_be_read_stops_the_start() {
    let folder = Folder::new(&format!("{GROUPS}palisade.directory=sqlite:directory.db\n"));
    std::fs::write(
        folder.folder.path().join("directory.db"),
        "no database at all, and long enough to tell",
    )
    .unwrap();
    let error = load(&folder).unwrap_err();
    assert!(error.contains("palisade.directory: "), "{error}");

    let folder = Folder::new(&format!(
        "{GROUPS}palisade.directory=postgres://palisade:hunter22@127.0.0.1:1/palisade\n"
    ));
    let error = load(&folder).unwrap_err();
    assert!(
        error.contains("palisade.directory: ") && !error.contains("hunter22"),
        "{error}"
    );
}

#[test]
fn what_follows_from_users_that_cannot_be_read_is_not_told() {
    let folder = Folder::new(&format!("{GROUPS}palisade.users.alice.api-key-hash=sha256:00\n"));
    let error = load(&folder).unwrap_err();
    assert_eq!(error.lines().count(), 1, "{error}");
    assert!(error.contains("did you mean \"api-key-hashes\"?"), "{error}");
}

#[test]
fn users_beside_a_database_are_an_error_for_one_of_the_two_would_be_ignored() {
    let key = GeneratedApiKey::generate().unwrap();
    let folder = Folder::new(&format!(
        "{GROUPS}palisade.directory=sqlite:directory.db\n{}palisade.tenants.acme.certificates=sha256:{}\n",
        user("alice", &key),
        "0".repeat(64)
    ));
    let error = load(&folder).unwrap_err();
    for part in ["palisade.users", "palisade.tenants"] {
        let told = |line: &str| line.contains(part) && line.contains("either remove them here");
        assert!(error.lines().any(told), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stages_want_done_beside_requests_is_done_once_they_are_in_force() {
    use palisade_core::{Background, BuildContext, BuildError, Phase, Stage, StageKind};
    use std::sync::atomic::{AtomicUsize, Ordering};

    struct Working;
    #[derive(Default)]
    struct Count(AtomicUsize);

    impl StageKind for Working {
        const ROOTS: &'static [&'static str] = &["working"];
        type Settings = std::collections::BTreeMap<String, String>;

        fn build(_: Self::Settings, cx: &BuildContext<'_>) -> Result<Vec<(Phase, Stage)>, BuildError> {
            let background = cx.resources.find::<Background>().expect("somebody who runs it");
            let count = cx.state.keep(cx.interceptor, "working", Count::default);
            // The state outlives reloads; a probe of it is shared with the test below.
            let total = Arc::clone(&count);
            background.add(async move {
                total.0.fetch_add(1, Ordering::SeqCst);
                TOTAL.fetch_add(1, Ordering::SeqCst);
            });
            Ok(Vec::new())
        }
    }

    static TOTAL: AtomicUsize = AtomicUsize::new(0);
    let group = "palisade.endpoints[0].paths=/{*rest}\npalisade.endpoints[0].interceptors=A\n";
    let properties = format!("{group}palisade.interceptors.A.working.x=1\n");
    let folder = Folder::new(&properties);
    let registry = Registry::new().with::<Working>();
    let server = Server::load(Sources::new(folder.folder.path()), registry)
        .unwrap()
        .without_signals();
    let handle = server.handle();
    assert_eq!(
        TOTAL.load(Ordering::SeqCst),
        0,
        "nothing is done before the server serves"
    );
    let server = Running::of(folder, handle, tokio::spawn(server.serve_echo())).await;
    let done = async |count: usize| {
        let wait = async {
            while TOTAL.load(Ordering::SeqCst) < count {
                sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(SOON, wait).await.expect("it is done");
    };
    done(1).await;
    server
        .folder
        .write(&format!("{properties}palisade.unmatchd=deny\n"));
    server.until_reload("refused").await;
    server.folder.write(&properties.replace("x=1", "x=2"));
    server.until_reload("applied").await;
    done(2).await;
    assert_eq!(
        TOTAL.load(Ordering::SeqCst),
        2,
        "what a refused reload wanted is not done"
    );
}
