//! The example at work, and what its partners are written with.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

pub(crate) const FOLDER: &str = env!("CARGO_MANIFEST_DIR");
/// How many lines to paste it prints.
const LINES: usize = 8;
const LOG: &str = "log";

/// The running example; it ends with the test.
pub(crate) struct Running {
    child: Child,
    /// The lines to paste, each with what becomes of it.
    pub(crate) lines: Vec<(String, String)>,
    /// Where it made its keys.
    pub(crate) demo: PathBuf,
    folder: tempfile::TempDir,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Running {
    pub(crate) fn start(python: &Path) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = Path::new(FOLDER).join("config/application.properties");
        fs::copy(config, folder.path().join("application.properties")).unwrap();
        let (child, lines) = spawn(folder.path(), python);
        let demo = folder.path().join("demo");
        let running = Self {
            child,
            lines,
            demo,
            folder,
        };
        assert_eq!(running.lines.len(), LINES, "it did not start: {}", running.log());
        running
    }

    /// Kills it, and starts it again with the same files.
    pub(crate) fn kill_and_start(&mut self, python: &Path) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        (self.child, self.lines) = spawn(self.folder.path(), python);
        assert_eq!(self.lines.len(), LINES, "it did not start: {}", self.log());
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join(LOG)).unwrap()
    }

    /// Why it refused requests, by their ids: what the operator sees, and no partner does.
    pub(crate) fn causes(&self) -> BTreeMap<String, String> {
        let log = self.log();
        let lines = log
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines
            .filter_map(|line| {
                Some((
                    line["request_id"].as_str()?.to_owned(),
                    line["cause"].as_str()?.to_owned(),
                ))
            })
            .collect()
    }

    /// `https://localhost:PORT/server/rest`, as the lines have it.
    pub(crate) fn url(&self) -> String {
        let (_, line) = &self.lines[0];
        let start = line.find("https://").unwrap();
        let end = start + line[start..].find("/server/rest").unwrap();
        format!("{}/server/rest", &line[start..end])
    }

    /// Calls with our own client; what it prints, or complains of.
    pub(crate) fn client(&self, keys: &str, arguments: &[&str]) -> Result<String, String> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_partner"));
        command
            .env("KEYS", self.demo.join(keys))
            .arg(Path::new(FOLDER).join("partners/rust/config"))
            .args(arguments);
        printed(command.output().unwrap())
    }
}

/// The example, and the lines that it prints.
fn spawn(folder: &Path, python: &Path) -> (Child, Vec<(String, String)>) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_jose-partner"))
        .arg(folder)
        .env("PALISADE__LISTENERS__MAIN__BIND", "127.0.0.1:0")
        .env("PALISADE__ADMIN__BIND", "127.0.0.1:0")
        .env("PALISADE__LOG__FORMAT", "json")
        .env("PARTNER_PYTHON", python)
        .stdout(Stdio::piped())
        .stderr(fs::File::create(folder.join(LOG)).unwrap())
        .spawn()
        .unwrap();
    let out = BufReader::new(child.stdout.take().unwrap());
    let mut out = out.lines().map(Result::unwrap);
    let mut lines = Vec::new();
    while lines.len() < LINES
        && let Some(line) = out.next()
    {
        if let Some(what) = line.strip_prefix("# ") {
            lines.push((what.to_owned(), out.next().unwrap()));
        }
    }
    (child, lines)
}

pub(crate) fn printed(output: Output) -> Result<String, String> {
    let text = |bytes| String::from_utf8(bytes).unwrap();
    if output.status.success() {
        Ok(text(output.stdout))
    } else {
        Err(text(output.stderr))
    }
}

/// Whether that program runs with these arguments.
fn runs(program: &Path, arguments: &[&str]) -> bool {
    let mut command = Command::new(program);
    command
        .args(arguments)
        .current_dir(Path::new(FOLDER).join("partners/node"));
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// A Python that has jwcrypto: the one of the environment, else the one that `tests/run` sets up.
pub(crate) fn python() -> PathBuf {
    let target = Path::new(env!("CARGO_BIN_EXE_jose-partner"))
        .ancestors()
        .nth(2)
        .unwrap();
    let set_up = target.join("tools/partner-python/bin/python");
    let python = std::env::var_os("PARTNER_PYTHON").map_or(set_up, PathBuf::from);
    assert!(
        runs(&python, &["-c", "import jwcrypto"]),
        "{} with jwcrypto is missing: ./tests/run -p jose-partner installs it",
        python.display()
    );
    python
}

pub(crate) fn node() -> &'static Path {
    let node = Path::new("node");
    assert!(
        runs(node, &["--input-type=module", "-e", "import 'jose'"]),
        "node with jose below examples/jose-partner/partners/node is missing: ./tests/run -p jose-partner installs it"
    );
    node
}
