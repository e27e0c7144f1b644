//! Starts the example and pastes every line it prints.
#![expect(clippy::unwrap_used, reason = "helpers of tests may fail loudly")]

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// The running example; it ends with the test.
struct Running {
    child: Child,
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
    let mut child = Command::new(env!("CARGO_BIN_EXE_integration-server"))
        .arg(folder)
        .env("PALISADE__LISTENERS__MAIN__BIND", "127.0.0.1:0")
        .env("PALISADE__LISTENERS__PARTNERS__BIND", "127.0.0.1:0")
        .env("PALISADE__ADMIN__BIND", "127.0.0.1:0")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap())
        .lines()
        .map(Result::unwrap);
    let mut lines = Vec::new();
    while let Some(line) = out.next() {
        if let Some(what) = line.strip_prefix("# ") {
            lines.push((what.to_owned(), out.next().unwrap()));
        }
        if lines.len() == 12 {
            break;
        }
    }
    Running { child, lines }
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

/// Who comes too often is told the rule, how they stand, and when to come again.
fn check_limit(status: &str, answer: &str) {
    let field = |name: &str| {
        let mut fields = answer.split("\r\n").filter_map(|line| line.split_once(": "));
        fields.find_map(|(found, value)| (found == name).then_some(value))
    };
    let (policy, standing) = (field("ratelimit-policy"), field("ratelimit"));
    if status == "429" {
        let rule = "\"Seldom.rate-limit\";q=20;w=3600;palisade-burst=3";
        assert_eq!(policy, Some(rule), "{answer}");
        let wait: u64 = field("retry-after").unwrap().parse().unwrap();
        assert!((1..=180).contains(&wait), "{answer}");
        let expected = format!("\"Seldom.rate-limit\";r=0;t={wait}");
        assert_eq!(standing, Some(&*expected), "{answer}");
    } else {
        assert_eq!((policy, standing), (None, None), "{answer}");
    }
}

#[test]
fn every_line_it_prints_does_what_it_says() {
    let folder = tempfile::tempdir().unwrap();
    let running = start(folder.path());
    assert_eq!(running.lines.len(), 12);
    for (what, line) in &running.lines {
        let answer = paste(line);
        let expected = what
            .strip_prefix("refused, ")
            .and_then(|rest| rest.split_once(':'))
            .map(|(code, _)| code);
        match (expected.and_then(|code| code.split_once(' ')), &answer) {
            (Some(("a", "SOAP Fault")), Ok(answer)) => {
                assert!(
                    answer.starts_with("HTTP/2 500") && answer.contains("<faultcode>soap:Client</faultcode>"),
                    "{what}: {answer}"
                );
            }
            (Some((status, code)), Ok(answer)) => {
                assert!(
                    answer.starts_with(&format!("HTTP/2 {status}")),
                    "{what}: {answer}"
                );
                assert!(
                    answer.contains("content-type: application/problem+json"),
                    "{what}: {answer}"
                );
                assert!(
                    answer.contains(&format!("urn:palisade:problem:{code}")),
                    "{what}: {answer}"
                );
                check_limit(status, answer);
            }
            // How curl words it depends on which of the two ends notices first.
            (None, Err(complaint)) if what.contains("no connection") => {
                assert!(complaint.starts_with("curl: "), "{what}: {complaint}");
            }
            (None, Ok(answer)) if what.starts_with("accepted") => {
                assert!(answer.starts_with("HTTP/2 200"), "{what}: {answer}");
                assert!(answer.contains("cache-control: no-store"), "{what}: {answer}");
            }
            _ => panic!("{what}: {answer:?}"),
        }
    }
}
