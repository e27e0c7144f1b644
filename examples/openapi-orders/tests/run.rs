//! Starts the example and pastes every line it prints.
#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "helpers of tests may fail loudly"
)]

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

/// What the log says of an answer that the document does not have.
const COMPLAINT: &str = "the answer is not as it should be";

/// The running example; it ends with the test.
struct Running {
    child: Child,
    /// What is pasted first.
    prelude: Vec<String>,
    /// Each line, and what is said of it.
    lines: Vec<(String, String)>,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The example's configuration, but for what was made at another start.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (path, name) = entry.map(|entry| (entry.path(), entry.file_name())).unwrap();
        if path.is_file() {
            fs::copy(&path, to.join(name)).unwrap();
        } else if name != "demo" && name != "data" {
            copy(&path, &to.join(name));
        }
    }
}

fn start(folder: &Path) -> Running {
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("config"), folder);
    let mut child = Command::new(env!("CARGO_BIN_EXE_openapi-orders"))
        .arg(folder)
        .env("PALISADE__LISTENERS__MAIN__BIND", "127.0.0.1:0")
        .env("PALISADE__ADMIN__BIND", "127.0.0.1:0")
        .stdout(Stdio::piped())
        .stderr(fs::File::create(folder.join("log")).unwrap())
        .spawn()
        .unwrap();
    let out = BufReader::new(child.stdout.take().unwrap());
    let mut out = out.lines().map(Result::unwrap);
    let (mut prelude, mut lines) = (Vec::new(), Vec::new());
    while let Some(line) = out.next() {
        if line.starts_with("Ctrl-C") {
            break;
        } else if line.starts_with("cd ") || line.starts_with("palisade() ") {
            prelude.push(line);
        } else if let Some(what) = line.strip_prefix("# ") {
            lines.push((what.to_owned(), out.next().unwrap()));
        }
    }
    assert!(!lines.is_empty(), "it did not start: {}", log(folder));
    Running {
        child,
        prelude,
        lines,
    }
}

fn log(folder: &Path) -> String {
    fs::read_to_string(folder.join("log")).unwrap()
}

impl Running {
    /// What a line prints.
    fn paste(&self, line: &str) -> String {
        let shell = format!("{}\n{line}", self.prelude.join("\n"));
        let output = Command::new("sh").args(["-c", &shell]).output().unwrap();
        String::from_utf8([output.stdout, output.stderr].concat()).unwrap()
    }
}

/// The body of an answer.
fn body(answer: &str) -> Value {
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    serde_json::from_str(body).unwrap()
}

fn check_refusal(what: &str, code: &str, answer: &str) {
    assert!(
        answer.contains("content-type: application/problem+json"),
        "{what}: {answer}"
    );
    let problem = body(answer);
    let kind = format!("urn:palisade:problem:{code}");
    assert_eq!(problem["type"].as_str(), Some(&*kind), "{what}: {answer}");
}

/// A parameter of the document is named, and nothing of what was sent is told.
fn check_parameter(what: &str, line: &str, answer: &str) {
    let detail = body(answer)["detail"].clone();
    let named = if line.contains("limt=") {
        "a parameter that is not known"
    } else if line.contains("limit=") {
        "parameter limit "
    } else {
        "field x-apideck-consumer-id is missing"
    };
    assert!(detail.as_str().unwrap().contains(named), "{what}: {answer}");
    for value in ["limt", "201", "ten", "till-7"] {
        assert!(!detail.as_str().unwrap().contains(value), "{what}: {answer}");
    }
}

/// What is wrong with `mistakes.json`.
const MISTAKES: [(&str, &str); 7] = [
    ("", "additionalProperties"),
    ("", "readOnly"),
    ("/currency", "enum"),
    ("/customers/0/emails/0/email", "format"),
    ("/line_items/0/quantity", "type"),
    ("/line_items/0/total_amount", "type"),
    ("/order_date", "format"),
];

/// Each mistake is told by its place and its rule, and no value is.
fn check_mistakes(what: &str, answer: &str) {
    let problem = body(answer);
    let mut told: Vec<(&str, &str)> = problem["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| {
            (
                error["pointer"].as_str().unwrap(),
                error["keyword"].as_str().unwrap(),
            )
        })
        .collect();
    told.sort_unstable();
    if what.contains("all mistakes") {
        assert_eq!(told, MISTAKES, "{answer}");
        for value in ["29.11", "EURO", "ada at", "two", "55.5", "SUMMER"] {
            assert!(!answer.contains(value), "{value}: {answer}");
        }
    } else {
        assert_eq!(told, [("", "required")], "{answer}");
        assert!(answer.contains("merchant_id"), "{answer}");
    }
}

/// What the service itself says is what the document says it does.
fn check_answer(what: &str, answer: &str) {
    let answer = body(answer);
    let data = &answer["data"];
    if what.contains("there it is") {
        assert_eq!(data["created_by"], "alice", "{answer}");
        assert_eq!(data["line_items"][0]["modifiers"][0]["name"], "no cheese");
        assert_eq!(data["status"], "open", "{answer}");
    } else if what.contains("as it is now") {
        assert_eq!(data["status"], "delivered", "{answer}");
        assert_eq!(data["payment_status"], "paid", "{answer}");
        assert_eq!(data["tenders"][0]["card"]["card_brand"], "visa", "{answer}");
    } else if what.contains("of a page") {
        assert_eq!(answer["meta"]["cursors"]["next"], "2", "{answer}");
        assert_eq!(data.as_array().unwrap().len(), 2, "{answer}");
    }
}

/// What an answer of the server is to be: `422 schema-violation`, or `200, and the log complains`.
fn check(expected: &str, what: &str, line: &str, answer: &str) {
    let (status, code) = match expected.split_once(' ') {
        Some((status, code)) => (status, Some(code)),
        None => (expected, None),
    };
    let start = format!("HTTP/1.1 {status} ");
    assert!(answer.starts_with(&start), "{what}: {answer}");
    match code {
        None => check_answer(what, answer),
        Some(code) => check_refusal(what, code, answer),
    }
    match code {
        Some("parameter-invalid") => check_parameter(what, line, answer),
        Some("schema-violation") => check_mistakes(what, answer),
        Some("method-not-allowed") => assert!(answer.contains("\r\nallow: GET, POST, HEAD\r\n"), "{answer}"),
        Some("media-type-not-accepted") => {
            assert!(
                answer.contains("\r\naccept-post: application/json\r\n"),
                "{answer}"
            );
        }
        _ => {}
    }
}

#[test]
fn every_line_it_prints_does_what_it_says() {
    let folder = tempfile::tempdir().unwrap();
    let running = start(folder.path());
    let (mut answers, mut reports) = (0, 0);
    for (what, line) in &running.lines {
        let (expected, _) = what.split_once(": ").unwrap();
        let answer = running.paste(line);
        if let Some(words) = expected.strip_prefix("says ") {
            assert!(answer.contains(words), "{what}: {answer}");
            continue;
        }
        let reported = expected.strip_suffix(", and the log complains");
        check(reported.unwrap_or(expected), what, line, &answer);
        answers += 1;
        // The document has every answer but the one of which that is said.
        reports += usize::from(reported.is_some());
        let log = log(folder.path());
        assert_eq!(log.matches(COMPLAINT).count(), reports, "{what}: {log}");
    }
    assert_eq!((running.lines.len(), answers, reports), (26, 23, 1));
    assert_that_no_log_has_a_token(folder.path());
}

fn assert_that_no_log_has_a_token(folder: &Path) {
    let log = log(folder);
    for name in ["alice", "bob", "stranger"] {
        let token = fs::read_to_string(folder.join(format!("demo/{name}.token"))).unwrap();
        assert!(!log.contains(&token), "the token of {name} is in the log: {log}");
    }
}

#[test]
fn every_sample_is_used_by_a_line() {
    let example = Path::new(env!("CARGO_MANIFEST_DIR"));
    let lines = fs::read_to_string(example.join("src/lines.txt")).unwrap();
    let mut samples: Vec<PathBuf> = Vec::new();
    for entry in fs::read_dir(example.join("config/bodies")).unwrap() {
        samples.push(entry.unwrap().file_name().into());
    }
    assert!(!samples.is_empty());
    for sample in samples {
        let name = format!("@bodies/{}", sample.display());
        assert!(lines.contains(&name), "{name}");
    }
}
