use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

/// A configuration folder, `config` in the working folder of every command that runs in it.
pub(crate) struct Folder(TempDir);

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ended {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap()
    }

    /// Asserts the status, and shows everything where it is another.
    #[track_caller]
    pub(crate) fn with_status(self, status: i32) -> Self {
        assert_eq!(self.status, status, "{self:#?}");
        self
    }
}

impl Folder {
    /// Files by name, in `config`.
    pub(crate) fn new(files: &[(&str, &str)]) -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        fs::create_dir(folder.config()).unwrap();
        for (name, text) in files {
            folder.write(name, text);
        }
        folder
    }

    /// What `palisade init` writes.
    pub(crate) fn initialised() -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        folder.run(&["init"]).with_status(0);
        folder
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn config(&self) -> std::path::PathBuf {
        self.path().join("config")
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.config().join(name), text).unwrap();
    }

    /// The command, without any variable of the environment that could matter.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_palisade"));
        command.args(arguments).current_dir(self.path()).env_clear();
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        ended(self.command(arguments).spawn().unwrap(), "")
    }

    pub(crate) fn run_with_input(&self, arguments: &[&str], input: &str) -> Ended {
        ended(
            self.command(arguments).stdin(Stdio::piped()).spawn().unwrap(),
            input,
        )
    }

    /// Starts `serve` on a free port, and waits until it listens.
    pub(crate) fn serve(&self, arguments: &[&str]) -> Serving {
        let common = [
            "serve",
            "--format",
            "json",
            "--set",
            "palisade.listeners.main.bind=127.0.0.1:0",
            "--set",
            "palisade.admin.bind=127.0.0.1:0",
        ];
        let mut child = self.command(&[&common, arguments].concat()).spawn().unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        out.read_line(&mut line).unwrap();
        let listening = match serde_json::from_str::<Value>(&line) {
            Ok(value) => value["listening"].clone(),
            Err(_) => Value::Null,
        };
        let serving = Serving {
            child,
            out,
            listening,
        };
        assert!(serving.listening.is_array(), "the server does not listen: {line}");
        serving
    }
}

pub(crate) fn ended(mut child: Child, input: &str) -> Ended {
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(input.as_bytes()).unwrap();
    }
    let output = child.wait_with_output().unwrap();
    Ended {
        status: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// A server in a process of its own; killed when dropped.
pub(crate) struct Serving {
    child: Child,
    out: BufReader<ChildStdout>,
    pub(crate) listening: Value,
}

impl Serving {
    /// The port of a listener.
    pub(crate) fn port(&self, listener: &str) -> u16 {
        let all = self.listening.as_array().unwrap();
        let found = all.iter().find(|served| served["listener"] == listener).unwrap();
        found["address"]
            .as_str()
            .unwrap()
            .rsplit(':')
            .next()
            .unwrap()
            .parse()
            .unwrap()
    }

    /// A request by curl to `localhost`, at the listener `main`: the status and the body.
    pub(crate) fn curl(&self, folder: &Folder, arguments: &[&str], path: &str) -> (u16, Value) {
        let port = self.port("main");
        let output = Command::new("curl")
            .args([
                "--silent",
                "--show-error",
                "--max-time",
                "20",
                "--write-out",
                "\n%{http_code}",
            ])
            .args(["--cacert", "config/keys/demo-ca.pem"])
            .args(["--resolve", &format!("localhost:{port}:127.0.0.1")])
            .args(arguments)
            .arg(format!("https://localhost:{port}{path}"))
            .current_dir(folder.path())
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let text = String::from_utf8(output.stdout).unwrap();
        let (body, status) = text.rsplit_once('\n').unwrap();
        (
            status.parse().unwrap(),
            serde_json::from_str(body).unwrap_or(Value::Null),
        )
    }

    /// What the admin listener answers.
    pub(crate) fn admin(&self, path: &str) -> Value {
        let url = format!("http://127.0.0.1:{}{path}", self.port("admin"));
        let output = Command::new("curl")
            .args(["--silent", "--show-error", "--max-time", "20", &url])
            .output()
            .unwrap();
        serde_json::from_slice(&output.stdout).unwrap_or(Value::Null)
    }

    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill")
            .args(["-s", name, &self.child.id().to_string()])
            .status()
            .unwrap();
        assert!(sent.success());
    }

    /// Waits for the end, and no longer than that takes.
    pub(crate) fn end(mut self) -> Ended {
        let deadline = Instant::now() + Duration::from_secs(30);
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(Instant::now() < deadline, "the server does not end");
            std::thread::sleep(Duration::from_millis(20));
        };
        let (mut out, mut err) = (String::new(), String::new());
        self.out.read_to_string(&mut out).unwrap();
        self.child
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut err)
            .unwrap();
        Ended {
            status: status.code().unwrap_or(-1),
            out,
            err,
        }
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits until something holds, and fails when that takes too long.
#[track_caller]
pub(crate) fn until(what: &str, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !holds() {
        assert!(Instant::now() < deadline, "{what} does not come about");
        std::thread::sleep(Duration::from_millis(50));
    }
}
