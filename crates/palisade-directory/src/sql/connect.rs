//! How a database is reached.

use std::fs::{DirBuilder, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr as _;
use std::sync::Once;
use std::time::Duration;

use palisade_core::Secret;
use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::{AnyConnection, AnyPool, ConnectOptions as _, Executor as _};
use tokio::time::{sleep, timeout};

use super::error::{SqlError, reason};
use crate::source::DirectorySource;

/// How long one waits for a connection.
const PATIENCE: Duration = Duration::from_secs(5);
/// A server reads one snapshot at a time, and a command does one thing.
const CONNECTIONS: u32 = 3;

/// Options of a PostgreSQL URL. Others are refused: the library would log them, with a password among them that was misspelt.
const OPTIONS: [&str; 11] = [
    "sslmode",
    "sslrootcert",
    "sslcert",
    "sslkey",
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "password",
    "application_name",
];

/// The two kinds of database, where they differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    Sqlite,
    Postgres,
}

impl Dialect {
    /// Begins a change: SQLite says at once that it will write, or two who read first would be in each other's way.
    pub(super) fn begin_change(self) -> &'static str {
        match self {
            Self::Sqlite => "BEGIN IMMEDIATE",
            Self::Postgres => "BEGIN",
        }
    }

    /// Begins reading of several tables as they are at one moment.
    pub(super) fn begin_reading(self) -> &'static str {
        match self {
            Self::Sqlite => "BEGIN",
            Self::Postgres => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        }
    }
}

/// A database that can be reached.
pub(super) struct Place {
    pub(super) dialect: Dialect,
    /// For people.
    pub(super) name: String,
    options: AnyConnectOptions,
    file: Option<PathBuf>,
}

impl Place {
    /// Where a source says the database is; a relative path starts at `folder`.
    pub(super) fn of(source: &DirectorySource, folder: &Path) -> Result<Self, SqlError> {
        static DRIVERS: Once = Once::new();
        // It panics where drivers are installed already, which others in this process may have done.
        DRIVERS.call_once(sqlx::any::install_default_drivers);
        let name = source.to_string();
        match source {
            DirectorySource::Config => Err(SqlError::NotADatabase),
            DirectorySource::Sqlite(path) => {
                let file = std::path::absolute(folder.join(path)).map_err(|error| unusable(&name, &error))?;
                let url = sqlite_url(&file).ok_or_else(|| unusable(&name, &"its path is not UTF-8"))?;
                Ok(Self {
                    dialect: Dialect::Sqlite,
                    options: options(&url, &name)?,
                    name,
                    file: Some(file),
                })
            }
            DirectorySource::Postgres(url) => {
                check_options(url).map_err(|what| unusable(&name, &what))?;
                Ok(Self {
                    dialect: Dialect::Postgres,
                    options: options(url.expose(), &name)?,
                    name,
                    file: None,
                })
            }
        }
    }

    /// Whether there is a file, where it is a file.
    pub(super) fn is_there(&self) -> bool {
        self.file.as_ref().is_none_or(|file| file.exists())
    }

    /// Makes the file and its folder, where it is a file, for this user alone.
    pub(super) fn make(&self) -> Result<(), SqlError> {
        let Some(file) = &self.file else {
            return Ok(());
        };
        make_file(file).map_err(|error| unusable(&self.name, &error))
    }

    /// One connection, with the real reason where there is none.
    pub(super) async fn connect(&self) -> Result<AnyConnection, SqlError> {
        match timeout(PATIENCE, self.options.connect()).await {
            Ok(Ok(connection)) => Ok(connection),
            Ok(Err(error)) => Err(unusable(&self.name, &reason(&error))),
            Err(_) => Err(unusable(&self.name, &"it does not answer within 5 seconds")),
        }
    }

    /// A pool, which connects when it is asked.
    pub(super) fn pool(&self) -> AnyPool {
        AnyPoolOptions::new()
            .max_connections(CONNECTIONS)
            .acquire_timeout(PATIENCE)
            .connect_lazy_with(self.options.clone())
    }
}

pub(super) fn unusable(place: &str, reason: &dyn std::fmt::Display) -> SqlError {
    SqlError::Unusable {
        place: place.to_owned(),
        reason: reason.to_string(),
    }
}

fn options(url: &str, name: &str) -> Result<AnyConnectOptions, SqlError> {
    AnyConnectOptions::from_str(url).map_err(|_| unusable(name, &"its URL cannot be read"))
}

/// The URL of a file, with everything encoded that could mean something else in it.
fn sqlite_url(file: &Path) -> Option<String> {
    use std::fmt::Write as _;
    let mut url = String::from("sqlite://");
    for byte in file.to_str()?.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'.' | b'_' | b'-') {
            url.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(url, "%{byte:02X}");
        }
    }
    Some(url)
}

fn check_options(url: &Secret) -> Result<(), String> {
    let options = url.expose().split_once('?').map_or("", |(_, options)| options);
    let names = options
        .split('&')
        .filter(|option| !option.is_empty())
        .map(|option| option.split_once('=').map_or(option, |(name, _)| name));
    for name in names {
        if !OPTIONS.contains(&name) {
            return Err(format!(
                "its URL has an option that is none of {}, or a `?` that ought to be written `%3F`",
                OPTIONS.join(", ")
            ));
        }
    }
    Ok(())
}

/// The directory holds hashes: nobody else has to read them. SQLite gives the files it makes beside this one the same mode.
fn make_file(file: &Path) -> io::Result<()> {
    if let Some(folder) = file.parent() {
        let mut builder = DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.recursive(true).create(folder)?;
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(file) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

/// Has an SQLite file keep a log beside it, so that a server reads while a command writes. That stays with the file.
pub(super) async fn keep_log(connection: &mut AnyConnection) -> Result<(), sqlx::Error> {
    const PAUSE: Duration = Duration::from_millis(50);
    const ATTEMPTS: u32 = 100;
    for _ in 1..ATTEMPTS {
        // SQLite does not wait for this lock by itself.
        match connection.execute("PRAGMA journal_mode = WAL").await {
            Err(sqlx::Error::Database(_)) => sleep(PAUSE).await,
            other => return other.map(drop),
        }
    }
    connection.execute("PRAGMA journal_mode = WAL").await.map(drop)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use palisade_core::Secret;
    use rstest::rstest;

    use super::{Place, check_options, sqlite_url};
    use crate::source::DirectorySource;

    #[test]
    fn the_path_of_a_file_is_encoded() {
        assert_eq!(
            sqlite_url(Path::new("/a b/ü?#%.db")).unwrap(),
            "sqlite:///a%20b/%C3%BC%3F%23%25.db"
        );
    }

    #[rstest]
    #[case("postgres://u:p@h/db", true)]
    #[case("postgres://u:p@h/db?sslmode=verify-full&sslrootcert=/etc/ca.pem", true)]
    #[case("postgres:///db?host=/run/postgresql&user=u", true)]
    #[case("postgres://u@h/db?pasword=hunter22", false)]
    #[case("postgres://u:hunter22?@h/db", false)]
    #[case("postgres://u@h/db?hunter22", false)]
    fn options_that_are_not_known_are_refused_and_not_repeated(#[case] url: &str, #[case] accepted: bool) {
        let checked = check_options(&Secret::new(url));
        assert_eq!(checked.is_ok(), accepted);
        assert!(!format!("{checked:?}").contains("hunter22"));
    }

    #[rstest]
    #[case("postgres://u:hunter22@h:99999/db")]
    #[case("postgres://u:hunter22@[/db")]
    #[case("postgres://u:hunter22@h/db?nothing=1")]
    fn a_url_that_cannot_be_read_is_not_repeated(#[case] url: &str) {
        let source: DirectorySource = url.parse().unwrap();
        let error = Place::of(&source, Path::new(".")).err().unwrap();
        assert!(!format!("{error} {error:?}").contains("hunter22"), "{error}");
    }

    #[test]
    fn property_files_are_no_database() {
        let error = Place::of(&DirectorySource::Config, Path::new(".")).err().unwrap();
        assert!(error.to_string().contains("property files"));
    }
}
