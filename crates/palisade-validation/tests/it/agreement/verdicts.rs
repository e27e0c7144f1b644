//! Who is asked: the stage as it runs, npm `express-openapi-validator` and `openapi-core` of Python.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::thread;

use bytes::Bytes;
use http_body_util::Full;
use serde_json::Value;

use super::trials::Request;
use crate::common::World;

/// What one says of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    Accepted,
    /// With the reason, in its own words.
    Refused(String),
}

impl Verdict {
    pub(crate) fn is_accepted(&self) -> bool {
        *self == Self::Accepted
    }
}

/// Another validator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Other {
    Express,
    Core,
}

impl Other {
    pub(crate) const ALL: [Self; 2] = [Self::Express, Self::Core];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Express => "express-openapi-validator",
            Self::Core => "openapi-core",
        }
    }

    fn command(self, document: &Path) -> Command {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/openapi/validators");
        let mut command = match self {
            Self::Express => Command::new("node"),
            Self::Core => Command::new(tools().join("validators-python/bin/python")),
        };
        match self {
            Self::Express => command
                .arg(folder.join("node/validate.mjs"))
                .arg(document)
                .arg(packages()),
            Self::Core => command.arg(folder.join("python/validate.py")).arg(document),
        };
        command
    }

    /// What it says of each request.
    pub(crate) fn verdicts(self, document: &Path, requests: &[Request]) -> Vec<Verdict> {
        let mut running = Running::start(self.command(document));
        if self == Self::Express {
            running.line();
        }
        let verdicts = running.answers(requests);
        verdicts.iter().map(|line| read(line)).collect()
    }
}

/// A document as JSON, as the packages of node read it.
pub(crate) fn document(path: &Path) -> Value {
    let mut running = Running::start(Other::Express.command(path));
    let line = running.line();
    drop(running.input.take());
    running.end();
    serde_json::from_str(&line).unwrap()
}

/// A document of the package `@readme/oas-examples`.
pub(crate) fn packaged(name: &str) -> PathBuf {
    packages().join("node_modules/@readme/oas-examples").join(name)
}

/// Where `tests/run` installs what tests need.
fn tools() -> PathBuf {
    // The folder of the test is `target/<profile>/deps`.
    let test = std::env::current_exe().unwrap();
    test.ancestors().nth(3).unwrap().join("tools")
}

fn packages() -> PathBuf {
    tools().join("validators-node")
}

/// Fails where the validators are missing.
pub(crate) fn demand() {
    let wanted = [
        packages().join("node_modules/express-openapi-validator"),
        tools().join("validators-python/bin/python"),
    ];
    for path in wanted {
        assert!(
            path.exists(),
            "{} is missing: ./tests/run -p palisade-validation installs it",
            path.display()
        );
    }
}

fn read(line: &str) -> Verdict {
    let document: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    if let Some(reason) = document["refused"].as_str() {
        return Verdict::Refused(reason.to_owned());
    }
    assert_eq!(document["accepted"], true, "{line}");
    Verdict::Accepted
}

/// A program that answers a line with a line.
struct Running {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Running {
    fn start(mut command: Command) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        Self {
            input: child.stdin.take(),
            output: BufReader::new(child.stdout.take().unwrap()),
            child,
        }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        assert!(line.ends_with('\n'), "it ended after {line:?}");
        line
    }

    fn answers(mut self, requests: &[Request]) -> Vec<String> {
        let mut input = self.input.take().unwrap();
        let lines: Vec<String> = requests
            .iter()
            .map(|request| serde_json::to_string(request).unwrap())
            .collect();
        let count = lines.len();
        let writer = thread::spawn(move || {
            for line in lines {
                writeln!(input, "{line}").unwrap();
            }
        });
        let answers = (0..count).map(|_| self.line()).collect();
        writer.join().unwrap();
        self.end();
        answers
    }

    fn end(mut self) {
        assert!(self.child.wait().unwrap().success());
    }
}

/// The stage, over a document.
pub(crate) struct Ours(World);

impl Ours {
    pub(crate) fn new(document: &Path) -> Self {
        let name = document.file_name().unwrap().to_str().unwrap();
        let text = std::fs::read_to_string(document).unwrap();
        let settings = format!("validation.openapi={name}\nvalidation.unknown-query=reject\n");
        Self(World::at("/{*path}", &settings, &[(name, &text)]))
    }

    pub(crate) async fn verdict(&self, request: &Request) -> Verdict {
        let body = request.body.clone().unwrap_or_default();
        let mut built = http::Request::builder()
            .method(&*request.method)
            .uri(&request.target)
            .header("host", "localhost");
        for (name, value) in &request.headers {
            built = built.header(name, value);
        }
        if request.body.is_some() {
            built = built.header("content-length", body.len());
        }
        let answer = self
            .0
            .send(built.body(Full::new(Bytes::from(body))).unwrap())
            .await;
        match answer.verdict() {
            (200, _) => Verdict::Accepted,
            (_, code) => Verdict::Refused(code),
        }
    }
}

/// How many say what.
#[derive(Debug, Default)]
pub(crate) struct Table(BTreeMap<(Other, bool, bool), usize>);

impl Table {
    pub(crate) fn count(&mut self, other: Other, ours: &Verdict, theirs: &Verdict) {
        *self
            .0
            .entry((other, ours.is_accepted(), theirs.is_accepted()))
            .or_default() += 1;
    }
}

impl std::fmt::Display for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let word = |is_accepted: &bool| if *is_accepted { "accept" } else { "refuse" };
        for ((other, ours, theirs), count) in &self.0 {
            writeln!(
                f,
                "we {}, {} does {}: {count}",
                word(ours),
                other.name(),
                word(theirs)
            )?;
        }
        Ok(())
    }
}
