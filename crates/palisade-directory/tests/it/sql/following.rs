//! Servers that follow a database while others change it.

use std::sync::{Arc, Mutex};
use std::time::Duration;
use std::{fs, io};

use palisade_core::Secret;
use palisade_directory::Directory;
use palisade_directory::sql::{NewUser, Refresher, load};
use tokio::time::{sleep, timeout};
use tracing_subscriber::fmt::MakeWriter;

use super::{Database, Kind, PASSWORD, add, at, on_both};

/// Often enough for a test.
const EACH: Duration = Duration::from_millis(50);
/// Much longer than anything here takes; a test that waits so long has failed.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server, as far as its directory goes.
fn server(database: &Database) -> Directory {
    let (snapshot, _) = load(&database.source(), database.folder()).unwrap();
    let directory = Directory::followed(snapshot);
    tokio::spawn(Refresher::new(database.source(), database.folder(), &directory, EACH).run());
    directory
}

async fn until(what: &str, holds: impl Fn() -> bool) {
    let wait = async {
        while !holds() {
            sleep(EACH).await;
        }
    };
    assert!(timeout(PATIENCE, wait).await.is_ok(), "not seen: {what}");
}

/// What was logged.
#[derive(Debug, Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// How many lines have that text in them.
    fn count(&self, text: &str) -> usize {
        let written = String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned();
        written.lines().filter(|line| line.contains(text)).count()
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

on_both! {
    async fn two_servers_see_what_is_changed_beside_them(database: Database) {
        // Both begin before there is anything; the database is made by whoever comes first.
        let servers = [server(&database), server(&database)];
        let administration = database.open().await;
        let both = |holds: fn(&Directory) -> bool| { let servers = &servers; move || servers.iter().all(holds) };

        let new = NewUser::new("alice").with_password(Some(Secret::new(PASSWORD)));
        administration.add_user(&new, at(1)).await.unwrap();
        until("a new user", both(|server| server.current().user("alice").is_some_and(|user| user.is_active))).await;
        let key = administration.create_api_key("alice", &[], None, at(1)).await.unwrap();
        until("a new key", || servers.iter().all(|server| server.current().api_key(key.text().expose(), at(2)).is_some())).await;
        administration.revoke_api_key(&key.hash().name(), at(2)).await.unwrap();
        until("its end", || servers.iter().all(|server| server.current().api_key(key.text().expose(), at(2)).is_none())).await;
        administration.disable_user("alice", at(3)).await.unwrap();
        until("the user's end", both(|server| server.current().user("alice").is_some_and(|user| !user.is_active))).await;
    }
}

#[tokio::test]
async fn a_server_keeps_the_last_good_state_while_its_database_is_away() {
    let Some(mut database) = Database::new(Kind::Postgres) else {
        return;
    };
    let administration = database.open().await;
    add(&administration, "alice").await;
    let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
    let metrics = recorder.handle();
    let _guard = metrics::set_default_local_recorder(&recorder);
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt().with_writer(log.clone()).finish();
    let _subscribed = tracing::subscriber::set_default(subscriber);
    let server = server(&database);
    let failures = || {
        metrics
            .render()
            .lines()
            .any(|line| line.starts_with("palisade_directory_failures_total") && !line.ends_with(" 0"))
    };
    until("the first look", || {
        metrics.render().contains("palisade_directory_version 2")
    })
    .await;
    assert!(!failures());

    database.server.as_mut().unwrap().stop();
    until("a failure", failures).await;
    sleep(EACH * 10).await;
    assert_eq!(
        (log.count("directory-stale"), log.count("directory-back")),
        (1, 0)
    );
    assert!(server.current().user("alice").is_some());

    database.server.as_mut().unwrap().resume();
    let administration = database.open().await;
    add(&administration, "bob").await;
    until("the change after it", || server.current().user("bob").is_some()).await;
    assert_eq!(
        (log.count("directory-stale"), log.count("directory-back")),
        (1, 1)
    );
    assert_eq!(log.count(palisade_test::postgres::PASSWORD), 0);
    until("the metric of it", || {
        metrics.render().contains("palisade_directory_version 3")
    })
    .await;
}

#[tokio::test]
async fn a_row_that_turns_bad_ends_its_user_and_no_others() {
    let database = Database::new(Kind::Sqlite).unwrap();
    let administration = database.open().await;
    add(&administration, "alice").await;
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt().with_writer(log.clone()).finish();
    let _subscribed = tracing::subscriber::set_default(subscriber);
    let server = server(&database);
    let is_active = |name: &str| server.current().user(name).is_some_and(|user| user.is_active);
    until("alice", || is_active("alice")).await;
    super::opening::by_hand(
        &database,
        "UPDATE palisade_users SET password_hash = 'hunter22', password_mark = 'x', password_set_at = 1",
    )
    .await;
    add(&administration, "bob").await;
    until("bob, and the end of alice", || {
        is_active("bob") && !is_active("alice")
    })
    .await;
    assert_eq!(
        (log.count("directory-row-unusable"), log.count("hunter22")),
        (1, 0)
    );
    administration.disable_user("bob", at(3)).await.unwrap();
    until("the end of bob", || !is_active("bob")).await;
    administration
        .set_password("alice", &Secret::new(super::PASSWORD), at(4))
        .await
        .unwrap();
    until("the repair", || is_active("alice")).await;
}

#[tokio::test]
async fn a_file_that_was_removed_is_not_taken_for_an_empty_directory() {
    let database = Database::new(Kind::Sqlite).unwrap();
    add(&database.open().await, "alice").await;
    let (snapshot, _) = load(&database.source(), database.folder()).unwrap();
    let directory = Directory::followed(snapshot);
    let work = Refresher::new(database.source(), database.folder(), &directory, EACH).run();
    let work = tokio::spawn(work);
    sleep(EACH * 4).await;
    fs::remove_dir_all(database.folder().join("data")).unwrap();
    sleep(EACH * 10).await;
    assert!(directory.current().user("alice").is_some());
    work.abort();
}

#[tokio::test]
async fn following_ends_with_the_directory() {
    let database = Database::new(Kind::Sqlite).unwrap();
    let directory = Directory::followed(load(&database.source(), database.folder()).unwrap().0);
    let work = tokio::spawn(Refresher::new(database.source(), database.folder(), &directory, EACH).run());
    sleep(EACH * 2).await;
    assert!(!work.is_finished());
    drop(directory);
    timeout(PATIENCE, work).await.unwrap().unwrap();
}
