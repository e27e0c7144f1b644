//! Starts the example and pastes every line it prints.
#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "helpers of tests may fail loudly"
)]

use std::ffi::OsString;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::thread;
use std::time::Duration;

use serde_json::Value;

/// The running example; it ends with the test.
struct Running {
    child: Child,
    /// The folder to paste in.
    callers: PathBuf,
    /// Each line, and what is said of it.
    lines: Vec<(String, String)>,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn start(folder: &Path) -> Running {
    let config = concat!(env!("CARGO_MANIFEST_DIR"), "/config/application.properties");
    fs::copy(config, folder.join("application.properties")).unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_two-way-tls"))
        .arg(folder)
        .env("PALISADE__LISTENERS__ASKING__BIND", "127.0.0.1:0")
        .env("PALISADE__LISTENERS__SILENT__BIND", "127.0.0.1:0")
        .env("PALISADE__ADMIN__BIND", "127.0.0.1:0")
        .stdout(Stdio::piped())
        .stderr(fs::File::create(folder.join("log")).unwrap())
        .spawn()
        .unwrap();
    let out = BufReader::new(child.stdout.take().unwrap());
    let mut out = out.lines().map(Result::unwrap);
    let (mut callers, mut lines) = (PathBuf::new(), Vec::new());
    while let Some(line) = out.next() {
        if line.starts_with("Ctrl-C") {
            break;
        } else if let Some(path) = line.strip_prefix("cd ") {
            callers = path.into();
        } else if let Some(what) = line.strip_prefix("# ") {
            lines.push((what.to_owned(), out.next().unwrap()));
        }
    }
    assert!(!lines.is_empty(), "it did not start: {}", log(folder));
    Running {
        child,
        callers,
        lines,
    }
}

fn log(folder: &Path) -> String {
    fs::read_to_string(folder.join("log")).unwrap()
}

/// Pastes a line into a shell; the head and body of the answer, or what curl complains about.
fn paste(line: &str) -> Result<String, String> {
    let output = Command::new("sh").args(["-c", line]).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    if output.status.success() {
        Ok(text(output.stdout))
    } else {
        Err(text(output.stderr))
    }
}

/// Runs a line for the command, which is built in here: by way of cargo it would be built again.
fn command(line: &str) {
    let arguments = line
        .strip_prefix("cargo run -q -p palisade-cli -- ")
        .and_then(|line| line.strip_suffix(" && sleep 2"))
        .unwrap();
    let words = ["palisade"].into_iter().chain(arguments.split(' '));
    assert_eq!(
        palisade_cli::run(words.map(OsString::from)),
        ExitCode::SUCCESS,
        "{line}"
    );
}

/// `accepted as alice of acme, by basic`, as the principal in an answer has it.
fn shown(answer: &str) -> String {
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    let principal: Value = serde_json::from_str(body).unwrap();
    let text = |name: &str| principal[name].as_str();
    let (subject, how) = (text("subject").unwrap(), text("how").unwrap());
    match (text("tenant"), principal["is_tenant"].as_bool()) {
        (Some(tenant), Some(true)) => {
            assert_eq!(subject, tenant);
            format!("accepted as tenant {tenant}, by {how}")
        }
        (Some(tenant), _) => format!("accepted as {subject} of {tenant}, by {how}"),
        (None, _) => format!("accepted as {subject}, by {how}"),
    }
}

fn check_refusal(what: &str, status: &str, code: &str, answer: &str) {
    assert!(
        answer.starts_with(&format!("HTTP/2 {status}")),
        "{what}: {answer}"
    );
    assert!(
        answer.contains("content-type: application/problem+json"),
        "{what}: {answer}"
    );
    assert!(
        answer.contains(&format!("\"urn:palisade:problem:{code}\"")),
        "{what}: {answer}"
    );
    let challenges = answer.matches("\r\nwww-authenticate: ").count();
    assert_eq!(
        challenges,
        if status == "401" { 4 } else { 0 },
        "{what}: {answer}"
    );
    let allow = answer.contains("\r\nallow: GET, HEAD, POST\r\n");
    assert_eq!(allow, status == "405", "{what}: {answer}");
}

/// Revocation is told by the file, which is watched: until it is taken the answer is the one from before.
fn paste_until_refused(line: &str) -> String {
    for _ in 0..100 {
        match paste(line) {
            Ok(_) => thread::sleep(Duration::from_millis(100)),
            Err(complaint) => return complaint,
        }
    }
    paste(line).unwrap_err()
}

#[test]
fn every_line_it_prints_does_what_it_says() {
    let folder = tempfile::tempdir().unwrap();
    let running = start(folder.path());
    std::env::set_current_dir(&running.callers).unwrap();
    let (mut accepted, mut refused, mut others) = (0, 0, 0);
    for (what, line) in &running.lines {
        let (answer, _) = what.split_once([':', ';']).unwrap();
        if answer == "it is revoked" {
            command(line);
            others += 1;
        } else if answer == "refused, no connection" {
            let complaint = paste_until_refused(line);
            assert!(complaint.starts_with("curl: "), "{what}: {complaint}");
            others += 1;
        } else if let Some(refusal) = answer.strip_prefix("refused, ") {
            let (status, code) = refusal.split_once(' ').unwrap();
            check_refusal(what, status, code, &paste(line).unwrap());
            refused += 1;
        } else {
            let told = paste(line).unwrap();
            assert!(told.starts_with("HTTP/2 200"), "{what}: {told}");
            assert_eq!(shown(&told), answer, "{what}: {told}");
            accepted += 1;
        }
    }
    assert_eq!((accepted, refused, others), (22, 26, 2));
    check_log(folder.path(), &running.callers);
}

/// The log tells apart what the answers do not, and shows no secret.
fn check_log(folder: &Path, callers: &Path) {
    let log = log(folder);
    for cause in [
        "the password of user alice is wrong",
        "there is no such user",
        "several credentials were sent",
        "the token is bound to a certificate that the connection does not have",
        "it is registered neither for carol nor for their tenant",
        "its user dave is not active",
    ] {
        assert!(log.contains(cause), "{cause}: {log}");
    }
    let mut secrets = 0;
    for entry in fs::read_dir(callers).unwrap() {
        let path = entry.unwrap().path();
        let is_secret = ["password", "token", "api-key"]
            .iter()
            .any(|end| path.extension() == Some(end.as_ref()));
        if is_secret {
            secrets += 1;
            let secret = fs::read_to_string(&path).unwrap();
            assert!(!log.contains(&secret), "{} is in the log", path.display());
        }
    }
    assert_eq!(secrets, 12, "{}", callers.display());
}
