//! A PostgreSQL server of a test's own.
//!
//! 1. It is real: `initdb` and `postgres` of this machine, found on the path or where Debian's packages put them.
//! 2. It has a folder and a port of its own, listens on the loopback interface alone, and is gone when it is dropped.
//! 3. PostgreSQL refuses to run as root: where the tests do, it runs as `nobody`.
//! 4. Where there is none, [`Postgres::start`] says so and returns `None`; with `PALISADE_REQUIRE_POSTGRES` set that is a failure.
//!
//! It protects nothing: it is for tests only.

#![expect(
    clippy::expect_used,
    clippy::missing_panics_doc,
    clippy::panic,
    reason = "a test that cannot start its database must stop"
)]

use std::ffi::OsStr;
use std::fs;
use std::io::Write as _;
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use tempfile::TempDir;

use crate::ca::TestCert;

/// The password of its user, which is that of the database: `palisade`.
pub const PASSWORD: &str = "Correct-Horse7-of-the-database";
/// The user `nobody`, on every Linux.
const NOBODY: u32 = 65_534;
/// Set where a test must not pass for want of a server.
const REQUIRE: &str = "PALISADE_REQUIRE_POSTGRES";

/// A running server.
#[derive(Debug)]
pub struct Postgres {
    folder: TempDir,
    programs: PathBuf,
    port: u16,
    extra: Vec<String>,
    server: Option<Child>,
}

impl Postgres {
    /// Starts a server without TLS.
    pub fn start() -> Option<Self> {
        Self::begin(|_| Vec::new())
    }

    /// Starts a server that speaks TLS with that certificate.
    pub fn start_with_tls(certificate: &TestCert) -> Option<Self> {
        Self::begin(|postgres| {
            postgres.write("server.crt", certificate.chain_pem().as_bytes());
            postgres.write("server.key", certificate.key_pem().as_bytes());
            let path = |name| postgres.folder.path().join(name).display().to_string();
            vec![
                "ssl=on".to_owned(),
                format!("ssl_cert_file={}", path("server.crt")),
                format!("ssl_key_file={}", path("server.key")),
            ]
        })
    }

    fn begin(options: impl FnOnce(&Self) -> Vec<String>) -> Option<Self> {
        let Some(programs) = programs() else {
            assert!(
                std::env::var_os(REQUIRE).is_none(),
                "{REQUIRE} is set, and there is no PostgreSQL"
            );
            let _ = writeln!(
                std::io::stderr(),
                "there is no PostgreSQL on this machine: not tried"
            );
            return None;
        };
        let folder = tempfile::tempdir().expect("a folder can be made");
        let mut postgres = Self {
            folder,
            programs,
            port: free_port(),
            extra: Vec::new(),
            server: None,
        };
        give(postgres.folder.path());
        postgres.write("password", PASSWORD.as_bytes());
        postgres.extra = options(&postgres);
        postgres.init();
        postgres.resume();
        Some(postgres)
    }

    /// The URL of its database.
    pub fn url(&self) -> String {
        format!("postgres://palisade:{PASSWORD}@127.0.0.1:{}/postgres", self.port)
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Ends the server, and every connection with it; what was committed stays.
    pub fn stop(&mut self) {
        if let Some(mut server) = self.server.take() {
            let data = self.data();
            let mut stop = self.command("pg_ctl", [OsStr::new("stop"), OsStr::new("-D"), data.as_os_str()]);
            let _ = stop.args(["-m", "fast"]).status();
            let _ = server.kill();
            let _ = server.wait();
        }
    }

    /// Starts the server again, at the same port.
    pub fn resume(&mut self) {
        let log = fs::File::create(self.folder.path().join("log")).expect("a log can be made");
        let data = self.data();
        let mut command = self.command("postgres", [OsStr::new("-D"), data.as_os_str()]);
        command
            .arg("-k")
            .arg(self.folder.path())
            .args(["-p", &self.port.to_string()]);
        for option in ["listen_addresses=127.0.0.1", "fsync=off"] {
            command.args(["-c", option]);
        }
        for option in &self.extra {
            command.args(["-c", option]);
        }
        self.server = Some(command.stderr(log).spawn().expect("postgres can be started"));
        self.wait();
    }

    fn wait(&mut self) {
        let state = self.data().join("postmaster.pid");
        for _ in 0..600 {
            if fs::read_to_string(&state).is_ok_and(|text| text.contains("ready")) {
                return;
            }
            let ended = self
                .server
                .as_mut()
                .and_then(|server| server.try_wait().ok().flatten());
            assert!(ended.is_none(), "postgres ended: {}", self.log());
            sleep(Duration::from_millis(50));
        }
        panic!("postgres does not get ready: {}", self.log());
    }

    /// What the server logged since it was started last.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    fn init(&self) {
        let data = self.data();
        let password = self.folder.path().join("password");
        let output = self
            .command("initdb", [OsStr::new("-D"), data.as_os_str()])
            .args([
                "-U",
                "palisade",
                "-A",
                "scram-sha-256",
                "-E",
                "UTF8",
                "--locale=C",
                "--no-sync",
                "--pwfile",
            ])
            .arg(password)
            .output()
            .expect("initdb can be run");
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Writes a file that the server's user alone may read.
    fn write(&self, name: &str, content: &[u8]) {
        let path = self.folder.path().join(name);
        fs::write(&path, content).expect("a file can be written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("its mode can be set");
        give(&path);
    }

    fn command<'a>(&self, program: &str, arguments: impl IntoIterator<Item = &'a OsStr>) -> Command {
        let mut command = Command::new(self.programs.join(program));
        command.args(arguments).current_dir(self.folder.path());
        command
            .env("LC_ALL", "C")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        if is_root() {
            command.uid(NOBODY).gid(NOBODY);
        }
        command
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The folder of `initdb` and `postgres`.
fn programs() -> Option<PathBuf> {
    let on_path = std::env::var_os("PATH").unwrap_or_default();
    let debian = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten();
    let mut installed: Vec<PathBuf> = debian.map(|entry| entry.path().join("bin")).collect();
    installed.sort();
    // With all its programs: Debian puts some of them on the path.
    std::env::split_paths(&on_path)
        .chain(installed.into_iter().rev())
        .find(|folder| {
            ["initdb", "postgres", "pg_ctl"]
                .iter()
                .all(|name| folder.join(name).exists())
        })
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|metadata| metadata.uid() == 0)
}

/// Makes something the server's user's own.
fn give(path: &Path) {
    if is_root() {
        chown(path, Some(NOBODY), Some(NOBODY)).expect("root can give things away");
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("there is a free port");
    listener.local_addr().expect("it has an address").port()
}
