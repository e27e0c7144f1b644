//! How a directory comes to be, and what is said where it cannot.

use std::fs;

use palisade_directory::DirectorySource;
use palisade_directory::sql::{SqlDirectory, SqlError, load};
use palisade_test::ca::TestCa;
use palisade_test::postgres::{PASSWORD, Postgres};

use super::{Database, Kind, add, on_both};

on_both! {
    async fn a_new_directory_is_empty_and_opens_again(database: Database) {
        let directory = database.open().await;
        let version = directory.version().await.unwrap();
        add(&directory, "alice").await;
        directory.close().await;

        let directory = database.open().await;
        assert_eq!(directory.version().await.unwrap(), version + 1);
        let snapshot = directory.snapshot().await.unwrap();
        assert_eq!(snapshot.version(), version + 1);
        assert!(snapshot.user("alice").is_some());
    }
}

on_both! {
    async fn loading_makes_nothing_and_finds_nobody_where_there_is_nothing(database: Database) {
        let (snapshot, _) = load(&database.source(), database.folder()).unwrap();
        assert_eq!((snapshot.version(), snapshot.users().len()), (0, 0));
        assert_eq!(fs::read_dir(database.folder()).unwrap().count(), 0);
        let existing = SqlDirectory::open_existing(&database.source(), database.folder()).await;
        assert!(existing.unwrap().is_none());

        add(&database.open().await, "alice").await;
        // Inside a runtime, as here, and without one.
        let (snapshot, findings) = load(&database.source(), database.folder()).unwrap();
        assert!(snapshot.user("alice").is_some() && snapshot.version() > 0);
        assert_eq!(findings, []);
        let (source, folder) = (database.source(), database.folder().to_owned());
        let loaded = std::thread::spawn(move || load(&source, &folder).map(|(snapshot, _)| snapshot));
        assert!(loaded.join().unwrap().unwrap().user("alice").is_some());
    }
}

on_both! {
    async fn several_who_open_a_new_directory_at_once_do_not_collide(database: Database) {
        let mut opening = tokio::task::JoinSet::new();
        for _ in 0..8 {
            let (source, folder) = (database.source(), database.folder().to_owned());
            opening.spawn(async move { SqlDirectory::open(&source, &folder).await.map(drop) });
        }
        for opened in opening.join_all().await {
            opened.unwrap();
        }
        assert_eq!(database.open().await.version().await.unwrap(), 1);
    }
}

on_both! {
    async fn tables_of_a_newer_version_are_left_alone(database: Database) {
        database.open().await.close().await;
        by_hand(&database, "UPDATE palisade_directory SET schema_version = 1000").await;
        let error = SqlDirectory::open(&database.source(), database.folder()).await.unwrap_err();
        assert!(matches!(error, SqlError::Newer { .. }), "{error}");
        assert!(load(&database.source(), database.folder()).is_err());
    }
}

/// What an operator might do by hand; the words are those of PostgreSQL.
pub(super) async fn by_hand(database: &Database, statement: &'static str) {
    use sqlx::Connection as _;
    if let DirectorySource::Postgres(url) = database.source() {
        let mut connection = sqlx::PgConnection::connect(url.expose()).await.unwrap();
        sqlx::query(statement).execute(&mut connection).await.unwrap();
    } else {
        let file = database.folder().join("data/directory.db");
        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(file);
        let mut connection = sqlx::SqliteConnection::connect_with(&options).await.unwrap();
        let statement = sqlx::AssertSqlSafe(statement.replace("BYTEA", "BLOB"));
        sqlx::query(statement).execute(&mut connection).await.unwrap();
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_file_is_made_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let database = Database::new(Kind::Sqlite).unwrap();
    let directory = database.open().await;
    add(&directory, "alice").await;
    let mode = |path: &str| {
        fs::metadata(database.folder().join(path))
            .unwrap()
            .permissions()
            .mode()
            & 0o777
    };
    assert_eq!(mode("data"), 0o700);
    assert_eq!(mode("data/directory.db"), 0o600);
    assert_eq!(mode("data/directory.db-wal"), 0o600);
}

#[cfg(unix)]
#[tokio::test]
async fn a_file_that_others_can_read_is_a_finding() {
    use std::os::unix::fs::PermissionsExt as _;
    let database = Database::new(Kind::Sqlite).unwrap();
    database.open().await.close().await;
    let file = database.folder().join("data/directory.db");
    for (mode, codes) in [
        (0o600, &[][..]),
        (0o640, &[]),
        (0o644, &["directory-file-readable-by-others"]),
        (0o602, &["directory-file-readable-by-others"]),
    ] {
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        let (_, findings) = load(&database.source(), database.folder()).unwrap();
        let found: Vec<&str> = findings.iter().map(|finding| finding.code.as_ref()).collect();
        assert_eq!(found, codes, "{mode:o}");
    }
}

#[tokio::test]
async fn a_file_may_have_any_name() {
    let folder = tempfile::tempdir().unwrap();
    let source = DirectorySource::Sqlite("a b/ü#%41&.db".into());
    let directory = SqlDirectory::open(&source, folder.path()).await.unwrap();
    add(&directory, "alice").await;
    assert!(folder.path().join("a b/ü#%41&.db").is_file());
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused_and_stays() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("directory.db");
    fs::write(&file, "palisade.users.alice.active=true\n".repeat(100)).unwrap();
    let source = DirectorySource::Sqlite("directory.db".into());
    let error = SqlDirectory::open(&source, folder.path())
        .await
        .unwrap_err()
        .to_string();
    assert_eq!(error, "sqlite:directory.db: file is not a database");
    assert!(fs::read_to_string(&file).unwrap().starts_with("palisade.users"));
}

#[tokio::test]
async fn a_server_that_is_not_there_is_an_error_with_its_reason_and_without_its_password() {
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let source: DirectorySource = format!("postgres://palisade:hunter22@127.0.0.1:{port}/db")
        .parse()
        .unwrap();
    let error = load(&source, ".".as_ref()).unwrap_err();
    let text = error.to_string();
    assert!(
        text.starts_with(&format!("postgres://127.0.0.1:{port}/db: ")) && text.contains("refused"),
        "{text}"
    );
    assert!(!format!("{error:?}").contains("hunter22"));
}

#[tokio::test]
async fn a_wrong_password_of_the_database_is_an_error_that_does_not_show_it() {
    let Some(database) = Database::new(Kind::Postgres) else {
        return;
    };
    let url = database
        .server
        .as_ref()
        .unwrap()
        .url()
        .replace(PASSWORD, "hunter22");
    let source: DirectorySource = url.parse().unwrap();
    let error = SqlDirectory::open(&source, database.folder()).await.unwrap_err();
    assert!(
        error.to_string().contains("password authentication failed"),
        "{error}"
    );
    assert!(!format!("{error} {error:?}").contains("hunter22"));
}

#[tokio::test]
async fn a_server_needs_no_more_than_to_read_what_is_there() {
    let Some(database) = Database::new(Kind::Postgres) else {
        return;
    };
    let administration = database.open().await;
    add(&administration, "alice").await;
    by_hand(&database, "CREATE ROLE reader LOGIN PASSWORD 'Reading-Horse7'").await;
    by_hand(&database, "GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader").await;
    let url = database.server.as_ref().unwrap().url();
    let url = url.replace(&format!("palisade:{PASSWORD}"), "reader:Reading-Horse7");
    let reader = SqlDirectory::open(&url.parse().unwrap(), database.folder())
        .await
        .unwrap();
    assert!(reader.snapshot().await.unwrap().user("alice").is_some());
    let error = reader.enable_user("alice").await.unwrap_err().to_string();
    assert!(error.contains("permission denied"), "{error}");
}

#[tokio::test]
async fn a_link_is_verified_as_its_url_says() {
    let (root, other) = (TestCa::new("Database Root"), TestCa::new("Another Root"));
    let Some(server) = Postgres::start_with_tls(&root.server(&["localhost"])) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    for (name, root) in [("root", &root), ("other", &other)] {
        fs::write(folder.path().join(name).with_extension("pem"), root.pem()).unwrap();
    }
    let open = async |host: &str, root: &str| {
        let root = folder.path().join(root);
        let url = server.url().replace("127.0.0.1", host);
        let url = format!("{url}?sslmode=verify-full&sslrootcert={}", root.display());
        SqlDirectory::open(&url.parse().unwrap(), folder.path()).await
    };
    let directory = open("localhost", "root.pem").await.unwrap();
    add(&directory, "alice").await;
    for (host, root) in [("localhost", "other.pem"), ("127.0.0.1", "root.pem")] {
        let error = open(host, root).await.unwrap_err().to_string();
        assert!(
            error.contains("certificate") && !error.contains(PASSWORD),
            "{error}"
        );
    }
}
