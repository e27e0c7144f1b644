//! What look-ups and loading cost: `cargo bench -p palisade-directory --features sql`.
//!
//! The time of one look-up by certificate and by API key among few and among many users, and the time to load 10,000 users, each
//! with a password, a role, a certificate and an API key, from an SQLite file.

use std::hint::black_box;
use std::io::{self, Write as _};
use std::time::{Duration, Instant, UNIX_EPOCH};

use palisade_directory::{ApiKey, ApiKeyHash, Directory, Snapshot, SnapshotBuilder, User};

/// How often a look-up is timed.
const LOOK_UPS: u32 = 1_000_000;
/// As many as the largest directory that is to be quick.
const MANY: u32 = 10_000;

fn say(line: &str) {
    // Whoever closed the pipe does not want to know.
    let _ = writeln!(io::stdout(), "{line}");
}

/// As spread as real ones.
fn fingerprint(number: u32) -> [u8; 32] {
    *ApiKeyHash::of(&format!("certificate {number}")).as_bytes()
}

fn key(number: u32) -> String {
    format!("plsd_{number:049}")
}

fn directory(users: u32) -> Directory {
    let users = (0..users).map(|number| {
        User::new(format!("user-{number}"))
            .with_certificate(fingerprint(number))
            .with_api_key(ApiKey::new(ApiKeyHash::of(&key(number))))
    });
    let snapshot = users.fold(Snapshot::builder(), SnapshotBuilder::user).build();
    Directory::new(snapshot.unwrap_or_default())
}

/// Nanoseconds of one look-up, over all users in turn.
fn time(users: u32, mut look_up: impl FnMut(usize) -> bool) -> f64 {
    let begin = Instant::now();
    for number in 0..LOOK_UPS {
        assert!(look_up((number % users) as usize), "everybody is found");
    }
    begin.elapsed().as_secs_f64() * 1e9 / f64::from(LOOK_UPS)
}

fn look_ups(users: u32) -> [f64; 2] {
    let directory = directory(users);
    let fingerprints: Vec<[u8; 32]> = (0..users).map(fingerprint).collect();
    let keys: Vec<String> = (0..users).map(key).collect();
    let by_certificate = time(users, |number| {
        let current = directory.current();
        let found = fingerprints
            .get(number)
            .and_then(|fingerprint| current.user_of_certificate(fingerprint));
        black_box(found).is_some()
    });
    let by_key = time(users, |number| {
        let current = directory.current();
        let found = keys.get(number).and_then(|key| current.api_key(key, UNIX_EPOCH));
        black_box(found).is_some()
    });
    say(&format!(
        "{users:>6} users: by certificate {by_certificate:.0} ns, by API key {by_key:.0} ns"
    ));
    [by_certificate, by_key]
}

fn main() {
    let [few, many] = [10, MANY].map(look_ups);
    let ratio = |which: usize| {
        many.get(which)
            .zip(few.get(which))
            .map_or(0.0, |(many, few)| many / few)
    };
    say(&format!(
        "many to few: by certificate {:.2}, by API key {:.2}",
        ratio(0),
        ratio(1)
    ));
    #[cfg(feature = "sql")]
    if let Err(error) = loading::run() {
        say(&error.to_string());
    }
    let begin = Instant::now();
    drop(black_box(directory(MANY)));
    say(&format!(
        "{MANY} users indexed from memory: {}",
        millis(begin.elapsed())
    ));
}

fn millis(time: Duration) -> String {
    format!("{:.0} ms", time.as_secs_f64() * 1e3)
}

#[cfg(feature = "sql")]
mod loading {
    use std::path::Path;
    use std::time::Instant;

    use palisade_core::Secret;
    use palisade_directory::sql::{SqlDirectory, load};
    use palisade_directory::{ApiKeyHash, DirectorySource, PasswordHash, print_fingerprint};
    use sqlx::sqlite::SqliteConnectOptions;
    use sqlx::{Connection as _, SqliteConnection, query};

    use super::{MANY, fingerprint, key, millis, say};

    /// A time is the best of so many.
    const ROUNDS: usize = 5;

    pub(super) fn run() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let source = DirectorySource::Sqlite("directory.db".into());
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        runtime.block_on(async {
            SqlDirectory::open(&source, folder.path()).await?.close().await;
            fill(&folder.path().join("directory.db")).await
        })?;
        let mut best = None;
        for _ in 0..ROUNDS {
            let begin = Instant::now();
            let directory = runtime.block_on(SqlDirectory::open(&source, folder.path()))?;
            let snapshot = runtime.block_on(directory.snapshot())?;
            let time = begin.elapsed();
            assert_eq!(snapshot.users().len(), MANY as usize);
            best = best.filter(|best| *best < time).or(Some(time));
        }
        say(&format!(
            "{MANY} users loaded from SQLite: {}",
            millis(best.unwrap_or_default())
        ));
        let begin = Instant::now();
        let (_, findings) = load(&source, folder.path())?;
        let time = millis(begin.elapsed());
        say(&format!(
            "{MANY} users loaded and looked at from SQLite: {time}, {} findings",
            findings.len()
        ));
        Ok(())
    }

    /// Many users at once, as nobody adds them.
    async fn fill(file: &Path) -> Result<(), Box<dyn std::error::Error>> {
        let password = PasswordHash::hash(&Secret::new("Correct-Horse7"))?.to_phc();
        let mut connection =
            SqliteConnection::connect_with(&SqliteConnectOptions::new().filename(file)).await?;
        let mut change = connection.begin().await?;
        for number in 0..MANY {
            let name = format!("user-{number}");
            query("INSERT INTO palisade_users (name, added_at, password_hash, password_mark, password_set_at) VALUES ($1, 1, $2, $3, 1)")
                .bind(&name)
                .bind(password.expose())
                .bind(number.to_be_bytes().to_vec())
                .execute(&mut *change)
                .await?;
            query("INSERT INTO palisade_roles (user_name, role) VALUES ($1, 'clerk')")
                .bind(&name)
                .execute(&mut *change)
                .await?;
            let digits =
                |digest: &[u8; 32]| print_fingerprint(digest).trim_start_matches("sha256:").to_owned();
            query("INSERT INTO palisade_certificates (owner_kind, sha256, user_name, is_issued, added_at) VALUES ('user', $1, $2, 0, 1)")
                .bind(digits(&fingerprint(number)))
                .bind(&name)
                .execute(&mut *change)
                .await?;
            let hash = ApiKeyHash::of(&key(number));
            query("INSERT INTO palisade_api_keys (name, sha256, user_name, scopes, created_at) VALUES ($1, $2, $3, 'orders.read', 1)")
                .bind(hash.name())
                .bind(digits(hash.as_bytes()))
                .bind(&name)
                .execute(&mut *change)
                .await?;
        }
        change.commit().await?;
        Ok(())
    }
}
