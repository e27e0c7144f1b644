//! Directories in databases: the same tests on an SQLite file and on a PostgreSQL server.

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use palisade_core::Secret;
use palisade_directory::DirectorySource;
use palisade_directory::sql::{NewUser, SqlDirectory};
use palisade_test::postgres::Postgres;
use tempfile::TempDir;

mod administration;
mod certificates;
mod following;
mod opening;
mod passwords;
mod unusable;

const PASSWORD: &str = "Correct-Horse7";

/// Which database a test runs on.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Sqlite,
    Postgres,
}

/// An empty database.
struct Database {
    folder: TempDir,
    server: Option<Postgres>,
}

impl Database {
    /// `None` where there is no such database on this machine.
    fn new(kind: Kind) -> Option<Self> {
        let server = match kind {
            Kind::Sqlite => None,
            Kind::Postgres => Some(Postgres::start()?),
        };
        let folder = tempfile::tempdir().unwrap();
        Some(Self { folder, server })
    }

    fn source(&self) -> DirectorySource {
        match &self.server {
            None => DirectorySource::Sqlite("data/directory.db".into()),
            Some(server) => DirectorySource::Postgres(Secret::new(server.url())),
        }
    }

    fn folder(&self) -> &Path {
        self.folder.path()
    }

    async fn open(&self) -> SqlDirectory {
        SqlDirectory::open(&self.source(), self.folder()).await.unwrap()
    }
}

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

fn owned(texts: &[&str]) -> Vec<String> {
    texts.iter().copied().map(str::to_owned).collect()
}

async fn add(directory: &SqlDirectory, name: &str) {
    directory.add_user(&NewUser::new(name), at(1)).await.unwrap();
}

/// Runs a test on both databases.
macro_rules! on_both {
    ($(#[$attribute:meta])* async fn $name:ident($database:ident: Database) $body:block) => {
        #[rstest::rstest]
        #[case::sqlite($crate::sql::Kind::Sqlite)]
        #[case::postgres($crate::sql::Kind::Postgres)]
        #[tokio::test]
        $(#[$attribute])*
        async fn $name(#[case] kind: $crate::sql::Kind) {
            if let Some($database) = $crate::sql::Database::new(kind) $body
        }
    };
}
use on_both;
