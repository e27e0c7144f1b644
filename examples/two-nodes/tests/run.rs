//! Runs the example: the whole demo, and every line that is printed for pasting.
#![expect(clippy::unwrap_used, reason = "helpers of tests may fail loudly")]

use std::fs;
use std::io::{BufRead as _, BufReader, Lines, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use tempfile::TempDir;

/// Set where a test must not pass for want of Redis.
const REQUIRE: &str = "PALISADE_REQUIRE_REDIS";
/// How many lines are for a shell, and how many kill or start something.
const LINES: usize = 28;
const ORDERS: usize = 4;

/// A copy of the configuration, at ports that are free.
struct Folder {
    folder: TempDir,
    ports: Vec<u16>,
}

impl Folder {
    /// Nothing where there is no Redis.
    fn new() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        if !redis_for(folder.path()) {
            assert!(
                std::env::var_os(REQUIRE).is_none(),
                "{REQUIRE} is set, and there is no redis-server"
            );
            let _ = writeln!(
                std::io::stderr(),
                "skipped: there is no redis-server on this machine"
            );
            return None;
        }
        let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("config");
        for name in ["application.properties", "redis.conf"] {
            fs::copy(config.join(name), folder.path().join(name)).unwrap();
        }
        let mut ports = Vec::new();
        for name in ["application-a.properties", "application-b.properties"] {
            let mut text = fs::read_to_string(config.join(name)).unwrap();
            for listener in ["listeners.main", "admin"] {
                let port = free_port(&ports);
                let key = format!("palisade.{listener}.bind=127.0.0.1:");
                assert!(text.contains(&key), "{text}");
                // The last one wins.
                text = format!("{text}{key}{port}\n");
                ports.push(port);
            }
            fs::write(folder.path().join(name), text).unwrap();
        }
        Some(Self { folder, ports })
    }

    fn command(&self, mode: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_two-nodes"));
        let path = std::env::var("PATH").unwrap();
        command
            .args(mode)
            .arg(self.folder.path())
            .env("PATH", format!("{}:{path}", self.folder.path().display()))
            // A day may end while this runs, and its totals with it.
            .env("PALISADE__INTERCEPTORS__PAYMENTS__AMOUNT_LIMIT__PER", "36500d")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        command
    }

    fn redis_port(&self) -> u16 {
        let file = self.folder.path().join("application-demo.properties");
        let text = fs::read_to_string(file).unwrap();
        let port = text
            .lines()
            .find_map(|line| line.strip_prefix("demo.redis.port="));
        port.unwrap().parse().unwrap()
    }

    /// Nothing listens any more, and nothing of it runs.
    fn assert_that_all_has_ended(&self) {
        for &port in self.ports.iter().chain(&[self.redis_port()]) {
            let connection = TcpStream::connect((Ipv4Addr::LOCALHOST, port));
            assert!(connection.is_err(), "something is left on {port}");
        }
    }

    /// No secret is in what was logged.
    fn assert_that_no_log_has_a_key(&self) {
        let demo = self.folder.path().join("demo");
        for caller in ["alice", "bob"] {
            let key = fs::read_to_string(demo.join(format!("callers/{caller}.api-key"))).unwrap();
            for part in ["a", "b", "redis"] {
                let log = fs::read_to_string(demo.join(format!("logs/{part}.log"))).unwrap();
                assert!(!log.contains(&key), "the key of {caller} is in the log of {part}");
            }
        }
    }
}

/// Whether there is a Redis on the path. On Debian `redis-tools` has it, under another of its names: then a link in the folder does.
fn redis_for(folder: &Path) -> bool {
    let path = std::env::var_os("PATH").unwrap();
    let find = |name: &str| -> Option<PathBuf> {
        std::env::split_paths(&path)
            .map(|folder| folder.join(name))
            .find(|program| program.exists())
    };
    if find("redis-server").is_some() {
        return true;
    }
    find("redis-check-rdb")
        .is_some_and(|program| std::os::unix::fs::symlink(program, folder.join("redis-server")).is_ok())
}

fn free_port(taken: &[u16]) -> u16 {
    loop {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        if !taken.contains(&port) {
            return port;
        }
    }
}

/// The running example; it ends with the test, and so does what it started.
struct Running {
    child: Child,
    printed: Lines<BufReader<ChildStdout>>,
}

impl Running {
    fn start(folder: &Folder) -> Self {
        let mut child = folder.command(&[]).spawn().unwrap();
        let printed = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, printed }
    }

    fn line(&mut self) -> String {
        self.printed.next().unwrap().unwrap()
    }

    /// What Ctrl-C does.
    fn interrupt(&self) {
        let pid = self.child.id().to_string();
        Command::new("kill").args(["-INT", &pid]).status().unwrap();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.interrupt();
        let _ = self.child.wait();
    }
}

/// What a line prints, in a shell into which the others were pasted before.
fn paste(before: &[String], line: &str) -> String {
    let shell = format!("{}\n{line}", before.join("\n"));
    let output = Command::new("sh").args(["-c", &shell]).output().unwrap();
    String::from_utf8([output.stdout, output.stderr].concat()).unwrap()
}

/// Whether the first thing that is expected holds of an answer.
fn fits(expected: &str, answer: &str) -> bool {
    let first = expected
        .trim_start_matches("in a moment, ")
        .split(", ")
        .next()
        .unwrap();
    if let Some(said) = first.strip_prefix("says ") {
        return answer.contains(said);
    }
    match first.split_once(' ') {
        Some(("no", "connection")) => answer.starts_with("curl: "),
        Some((status, code)) => {
            answer.starts_with(&format!("HTTP/2 {status} \r\n"))
                && answer.contains(&format!("\"urn:palisade:problem:{code}\""))
        }
        None => answer.starts_with(&format!("HTTP/2 {first} \r\n")),
    }
}

#[test]
fn the_demo_shows_what_callers_see_and_leaves_nothing_behind() {
    let Some(folder) = Folder::new() else {
        return;
    };
    let output = folder.command(&["demo"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}");
    assert_eq!(text.matches("    as expected: ").count(), LINES, "{text}");
    assert!(!text.contains("NOT AS EXPECTED"), "{text}");
    assert!(
        text.ends_with(&format!("All {LINES} answers are as expected.\n")),
        "{text}"
    );
    folder.assert_that_all_has_ended();
    folder.assert_that_no_log_has_a_key();
}

#[test]
fn the_demo_fails_at_the_first_answer_that_is_not_expected() {
    let Some(folder) = Folder::new() else {
        return;
    };
    let output = folder
        .command(&["demo"])
        .env("PALISADE__INTERCEPTORS__ORDERS__RATE_LIMIT__REQUESTS", "6")
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("\"Orders.rate-limit\";r=5"), "{text}");
    assert!(text.ends_with("    NOT AS EXPECTED: 200, 4 left\n"), "{text}");
    folder.assert_that_all_has_ended();
}

#[test]
fn every_line_it_prints_can_be_pasted_and_ctrl_c_ends_everything() {
    let Some(folder) = Folder::new() else {
        return;
    };
    let mut running = Running::start(&folder);
    let (mut prelude, mut lines) = (Vec::new(), Vec::new());
    loop {
        let line = running.line();
        if line.starts_with("Ctrl-C") {
            break;
        } else if line.starts_with("cd ") || line.starts_with("palisade() ") {
            prelude.push(line);
        } else if let Some(comment) = line.strip_prefix("# ") {
            lines.push((comment.to_owned(), running.line()));
        }
    }
    let paste = |line: &str| paste(&prelude, line);
    let (mut pasted, mut typed) = (0, 0);
    for (comment, line) in &lines {
        if let Some(order) = line.strip_prefix("> ") {
            writeln!(running.child.stdin.as_mut().unwrap(), "{line}").unwrap();
            assert_eq!(running.line(), format!("done: {order}"));
            typed += 1;
            continue;
        }
        let (expected, _) = comment.split_once(": ").unwrap();
        let mut answer = paste(line);
        for _ in 0..300 {
            if fits(expected, &answer) || !expected.starts_with("in a moment") {
                break;
            }
            sleep(Duration::from_millis(100));
            answer = paste(line);
        }
        assert!(fits(expected, &answer), "{comment}\n{line}\n{answer}");
        pasted += 1;
    }
    assert_eq!((pasted, typed), (LINES, ORDERS));

    running.interrupt();
    let status = running.child.wait().unwrap();
    assert_eq!((status.code(), status.signal()), (Some(130), None));
    folder.assert_that_all_has_ended();
}
