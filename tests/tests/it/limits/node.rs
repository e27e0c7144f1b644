//! A server in a process of its own, and other uses of the command.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::NamedTempFile;

use crate::callers::client::{Ask, Connection};

/// How long something may take that has no reason to take long.
const PATIENCE: Duration = Duration::from_secs(30);

/// The command, without any variable of the environment that could matter.
fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_palisade-as-built"));
    command.args(arguments).arg("--config").arg(folder).env_clear();
    command.current_dir(folder).stdin(Stdio::null());
    command
}

/// A server; killed when it is dropped.
pub(crate) struct Node {
    child: Child,
    at: BTreeMap<String, SocketAddr>,
    /// Standard error goes there.
    log: PathBuf,
    _out: BufReader<ChildStdout>,
    _log: NamedTempFile,
}

impl Node {
    /// Starts it, and waits until it listens.
    pub(crate) fn start(folder: &Path, arguments: &[&str]) -> Self {
        let log = NamedTempFile::new().unwrap();
        let mut child = command(folder, &[&["serve", "--format", "json"], arguments].concat())
            .stdout(Stdio::piped())
            .stderr(File::create(log.path()).unwrap())
            .spawn()
            .unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        out.read_line(&mut line).unwrap();
        let document: Value = serde_json::from_str(&line).unwrap_or_default();
        let Some(all) = document["listening"].as_array() else {
            child.kill().unwrap();
            child.wait().unwrap();
            let log = std::fs::read_to_string(log.path()).unwrap();
            panic!("the server does not listen: {line}\n{log}");
        };
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let at = all.iter().map(|served| {
            let address = text(&served["address"]).parse().unwrap();
            (text(&served["listener"]), address)
        });
        Self {
            at: at.collect(),
            child,
            log: log.path().to_owned(),
            _out: out,
            _log: log,
        }
    }

    pub(crate) fn at(&self, listener: &str) -> SocketAddr {
        self.at[listener]
    }

    /// What it wrote to standard error.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    /// The most memory that it has had at once, in KiB.
    pub(crate) fn peak_memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        peak.unwrap().trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// What the admin listener answers.
    pub(crate) fn admin(&self, path: &str) -> Value {
        let mut connection = Connection::plain(self.at("admin"), b"").unwrap();
        connection.ask(&Ask::get(path)).unwrap().json()
    }

    /// Waits until so many requests of the one key that has any are under way at that interceptor.
    #[track_caller]
    pub(crate) fn until_under_way(&self, interceptor: &str, count: i64) {
        let path = format!("/limits?interceptor={interceptor}&stage=concurrency&keys=9");
        until(&format!("{count} requests under way"), || {
            let document = self.admin(&path);
            let key = &document["limits"][0]["keys"][0];
            let number = |name: &str| key[name].as_str().map_or(0, |text| text.parse::<i64>().unwrap());
            number("limit") - number("remaining") == count
        });
    }

    /// Everything that it counts, as Prometheus reads it.
    pub(crate) fn metrics(&self) -> String {
        let mut connection = Connection::plain(self.at("admin"), b"").unwrap();
        connection.ask(&Ask::get("/metrics")).unwrap().body
    }

    /// A metric as it is now: the sum over its labels.
    pub(crate) fn metric(&self, name: &str) -> f64 {
        let metrics = self.metrics();
        let values = metrics.lines().filter_map(|line| {
            let rest = line.strip_prefix(name)?;
            rest.starts_with(['{', ' '])
                .then_some(rest)?
                .rsplit(' ')
                .next()?
                .parse::<f64>()
                .ok()
        });
        values.sum()
    }

    /// The codes of its alarms.
    pub(crate) fn alarms(&self) -> Vec<String> {
        let status = self.admin("/status");
        let alarms = status["alarms"]
            .as_array()
            .unwrap_or_else(|| panic!("{status:#}"));
        let codes = alarms.iter().filter_map(|alarm| alarm["code"].as_str());
        codes.map(str::to_owned).collect()
    }

    /// Whether what its last reload changed names that group.
    pub(crate) fn has_applied(&self, group: &str) -> bool {
        let reload = &self.admin("/status")["last-reload"];
        let changes = reload["changes"].as_str().unwrap_or_default();
        changes.split([' ', ',', ';']).any(|word| word == group)
    }

    /// Ends it with SIGKILL.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Ends it as a service manager does, with SIGTERM.
    pub(crate) fn end(mut self) {
        self.signal("TERM");
        let mut status = None;
        until("the end of the server", || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        assert!(
            status.is_some_and(|status| status.success()),
            "{status:?}\n{}",
            self.log()
        );
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill")
            .args(["-s", name, &self.child.id().to_string()])
            .status()
            .unwrap();
        assert!(sent.success());
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("--- the log of a server\n{}", self.log());
        }
    }
}

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// Runs the command over that folder to its end.
pub(crate) fn run(folder: &Path, arguments: &[&str]) -> Ended {
    let output = command(folder, arguments).output().unwrap();
    Ended {
        status: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

impl Ended {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:#?}"))
    }

    /// Asserts the status, and shows everything where it is another.
    #[track_caller]
    pub(crate) fn with_status(self, status: i32) -> Self {
        assert_eq!(self.status, status, "{self:#?}");
        self
    }
}

/// Waits until something holds, and fails when that takes too long.
#[track_caller]
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "{what} does not come about");
        std::thread::sleep(Duration::from_millis(50));
    }
}
