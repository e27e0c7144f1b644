//! Where users are kept: ten thousand of them in property files or in a database, and a database that changes while it is followed.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::sync::{Mutex, PoisonError};

use palisade::core::{Clock as _, Secret};
use palisade::directory::DirectorySource;
use palisade::directory::sql::{NewCertificate, NewUser, Owner, SqlDirectory};
use palisade_test::FakeClock;
use sqlx::{Connection as _, SqliteConnection};

use super::client::Ask;
use super::log::Log;
use super::pki::fingerprint;
use super::world::{PASSWORD, World, basic, until, wait_for};

const USERS: usize = 10_000;
/// Those whose certificates are real; of all others there are fingerprints.
const REAL: [usize; 3] = [0, 4_999, 9_999];
/// What a server asks a database from time to time.
const LOOK: &str = "SELECT version FROM palisade_directory";
const FAILURES: &str = "palisade_directory_failures_total";

fn name(number: usize) -> String {
    format!("user-{number:05}")
}

fn world() -> World {
    let world = World::new();
    for number in REAL {
        world.pki.issue(&name(number));
    }
    world
}

#[test]
fn each_of_ten_thousand_users_of_property_files_is_known_by_certificate() {
    let mut world = world();
    for number in 0..USERS {
        let name = name(number);
        let certificate = if REAL.contains(&number) {
            world.pki.fingerprint(&name)
        } else {
            fingerprint(name.as_bytes())
        };
        world.set(&format!("palisade.users.{name}.certificates"), &certificate);
    }
    let server = world.start();
    for number in REAL {
        let name = name(number);
        let answer = world
            .tls(Some(&name))
            .ask(server.at("asks"), &Ask::get("/exclusive/x"))
            .unwrap();
        assert_eq!(answer.shown(), format!("{name} by certificate"));
    }
    let answer = world
        .tls(Some("stranger"))
        .ask(server.at("asks"), &Ask::get("/exclusive/x"))
        .unwrap();
    assert_eq!(answer.shown(), "403 client-certificate-not-accepted");
}

/// All but the real ones, in one go.
const OTHERS: [&str; 2] = [
    "INSERT INTO palisade_users (name, added_at)
     WITH RECURSIVE numbers (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n < 9999)
     SELECT printf('user-%05d', n), 0 FROM numbers WHERE n NOT IN (0, 4999, 9999)",
    "INSERT INTO palisade_certificates (owner_kind, sha256, user_name, is_issued, added_at)
     SELECT 'user', lower(hex(randomblob(32))), name, 0, 0 FROM palisade_users",
];

/// Has the world's users in a database, which is empty so far.
fn with_database(mut world: World) -> World {
    world.remove_all("palisade.users.");
    world.remove_all("palisade.tenants.");
    world.set("palisade.directory", "sqlite:directory.db");
    world
}

/// Opens the database as commands do.
async fn database(world: &World) -> SqlDirectory {
    let source: DirectorySource = "sqlite:directory.db".parse().unwrap();
    SqlDirectory::open(&source, world.path()).await.unwrap()
}

/// Adds the users to a database: the real ones as the commands would, after the others.
async fn fill(world: &World) {
    let directory = database(world).await;
    let url = format!("sqlite://{}/directory.db", world.path().display());
    let mut database = SqliteConnection::connect(&url).await.unwrap();
    for statement in OTHERS {
        sqlx::query(statement).execute(&mut database).await.unwrap();
    }
    database.close().await.unwrap();
    let now = FakeClock::now_and_standing().now();
    for number in REAL {
        let name = name(number);
        directory
            .add_user(&NewUser::new(name.as_str()), now)
            .await
            .unwrap();
        let digest = world.pki.digest(&name);
        let certificate = NewCertificate::of_fingerprint(Owner::User(name), digest);
        directory.add_certificate(&certificate, now).await.unwrap();
    }
    assert_eq!(directory.snapshot().await.unwrap().users().len(), USERS);
    directory.close().await;
}

/// The statements that went to databases of this process.
fn statements(log: &str) -> Vec<&str> {
    log.lines().filter(|line| line.contains("sqlx::query")).collect()
}

/// The log is that of the whole process: one test at a time asks databases.
static ALONE: Mutex<()> = Mutex::new(());

#[test]
fn no_request_asks_the_database() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let log = Log::of_this_process();
    let world = with_database(world());
    wait_for(fill(&world));
    let server = world.start();
    let clients = REAL.map(|number| (name(number), world.tls(Some(&name(number)))));
    let mut connections = clients.map(|(name, tls)| (name, tls.connect(server.at("asks")).unwrap()));
    let mut everybody = || {
        for (name, connection) in &mut connections {
            assert_eq!(
                connection.shown(&Ask::get("/exclusive/x")),
                format!("{name} by certificate")
            );
        }
    };
    everybody();
    // A look that calls for a reading is followed by a look of the reading itself; those behind come when all was read.
    let looks = || {
        let text = log.text();
        let looks = statements(&text)
            .into_iter()
            .filter(|statement| statement.contains(LOOK));
        looks.count()
    };
    let first = looks();
    until("following", || looks() >= first + 4);
    let before = statements(&log.text()).len();
    for _ in 0..200 {
        everybody();
    }
    // The server asks for the version of the directory from time to time, whether there are requests or not.
    let text = log.text();
    let statements = statements(&text);
    let (earlier, since) = statements.split_at(before);
    assert!(!earlier.is_empty(), "statements are logged");
    assert!(since.len() < 100, "{} statements for 600 requests", since.len());
    for statement in since {
        assert!(statement.contains(LOOK), "{statement}");
    }

    // Nothing is left to be asked. The files keep their length: the server has them open.
    for file in ["directory.db", "directory.db-wal", "directory.db-shm"] {
        let mut file = OpenOptions::new()
            .write(true)
            .open(world.path().join(file))
            .unwrap();
        let length = usize::try_from(file.metadata().unwrap().len()).unwrap();
        file.write_all(&vec![0xff; length]).unwrap();
    }
    until("the failure", || server.counter(FAILURES) > 0);
    everybody();
}

/// A directory in a database is followed: nobody tells the server, and its files stay as they are.
#[test]
fn a_user_who_is_disabled_in_the_database_is_nobody_soon_on_the_same_connection() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let world = with_database(World::new());
    let now = FakeClock::now_and_standing().now();
    wait_for(async {
        let database = database(&world).await;
        let alice = NewUser::new("alice").with_password(Some(Secret::new(PASSWORD)));
        database.add_user(&alice, now).await.unwrap();
        let owner = Owner::User("alice".to_owned());
        let certificate = NewCertificate::of_fingerprint(owner, world.pki.digest("alice"));
        database.add_certificate(&certificate, now).await.unwrap();
        database.close().await;
    });
    let server = world.start();
    let mut connection = world.tls(Some("alice")).connect(server.at("asks")).unwrap();
    let mut seen = || {
        let with_password = Ask::get("/force/x").with_all(&[basic("alice", PASSWORD)]);
        [
            connection.shown(&Ask::get("/force/x")),
            connection.shown(&with_password),
        ]
    };
    let before = ["alice by certificate", "alice by basic+certificate"];
    assert_eq!(seen(), before);

    wait_for(async {
        let database = database(&world).await;
        database.disable_user("alice", now).await.unwrap();
        database.close().await;
    });
    until("the change", || {
        seen() == ["403 client-certificate-not-accepted", "401 credentials-invalid"]
    });
    wait_for(async {
        let database = database(&world).await;
        database.enable_user("alice").await.unwrap();
        database.close().await;
    });
    until("the change", || seen() == before);
    assert_eq!(server.status()["last-reload"]["outcome"], "none");
}
