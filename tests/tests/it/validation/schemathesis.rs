//! A server that follows an OpenAPI document, attacked by schemathesis: requests made from the document, good ones and others.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use rstest::rstest;
use serde_json::Value;

use crate::limits::node::Node;
use crate::limits::world::World;

/// What has to hold of every answer. The names are those of schemathesis.
const CHECKS: [&str; 6] = [
    "not_a_server_error",
    "negative_data_rejection",
    "positive_data_acceptance",
    "missing_required_header",
    "unsupported_method",
    "allow_header_conformance",
];

/// Which statuses say that a request was accepted, and which that it was not.
const STATUSES: &str = "\
[checks]
positive_data_acceptance.expected-statuses = [200]
negative_data_rejection.expected-statuses = [400, 404, 405, 415, 422]
";

/// A kind of complaint in which schemathesis is wrong, or we choose so.
struct Known {
    check: &'static str,
    operation: &'static str,
    /// What stands in the URL, or in our answer.
    mark: &'static str,
}

const fn known(check: &'static str, operation: &'static str, mark: &'static str) -> Known {
    Known {
        check,
        operation,
        mark,
    }
}

/// No complaint but these is made.
const KNOWN: [Known; 7] = [
    // It encodes the commas between members, and so makes them part of a value (RFC 3986 section 2.2).
    known("positive_data_acceptance", "GET /form/objects", "%2C"),
    // It writes the names of members alone, each as a parameter: OpenAPI 3.0.4, "Style Examples", has `R%7C100%7CG%7C200`.
    known(
        "positive_data_acceptance",
        "GET /pipe/objects",
        "given more than once",
    ),
    // It means the list of the number 0.5, and writes the list of 0 and 5.
    known(
        "negative_data_rejection",
        "GET /label/exploded-lists/{value}",
        "/.",
    ),
    // It writes null as the word. No text is standard for it; ours is the empty one (OpenAPI 3.1.1, Appendix B).
    known("positive_data_acceptance", "GET /labels", "state=null"),
    // A required body has a byte at least.
    known("positive_data_acceptance", "PUT /scans", "The body is empty."),
    // Where a schema lets any member be, it puts integers in that readers of JSON differ on (RFC 8259 section 6).
    known(
        "positive_data_acceptance",
        "POST ",
        "an integer beyond the range of 64 bits",
    ),
    known(
        "positive_data_acceptance",
        "GET /labels",
        "code=18446744073709551616",
    ),
];

/// The documents by which the stage is compared with other validators, too.
fn document(name: &str) -> PathBuf {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates");
    crates.join("palisade-validation/tests/openapi").join(name)
}

/// The schemathesis that `tests/run` installs.
fn schemathesis() -> PathBuf {
    // The folder of the test is `target/<profile>/deps`.
    let test = std::env::current_exe().unwrap();
    let target = test.ancestors().nth(3).unwrap();
    let program = target.join("tools/validators-python/bin/schemathesis");
    assert!(
        program.exists(),
        "{} is missing: ./tests/run -p palisade-tests installs it",
        program.display()
    );
    program
}

/// Without TLS, on loopback; what is asked is echoed.
fn world(document: &Path) -> World {
    let mut world = World::new();
    world.remove_all("palisade.listeners.main.tls.");
    world.set("palisade.listeners.main.tls.enabled", "false");
    world.put("openapi.yaml", std::fs::read_to_string(document).unwrap());
    world.limit(
        "Checked.validation",
        &[
            ("openapi", "openapi.yaml"),
            ("unknown-query", "reject"),
            ("response", "report"),
        ],
    );
    world.set("palisade.endpoints[0].name", "All");
    world.set("palisade.endpoints[0].paths", "/{*path}");
    world.set("palisade.endpoints[0].interceptors", "Checked");
    world
}

/// Every event of an attack.
fn attack(node: &Node, document: &Path, base: &str) -> Vec<Value> {
    let folder = tempfile::tempdir().unwrap();
    let events = folder.path().join("events");
    std::fs::write(folder.path().join("schemathesis.toml"), STATUSES).unwrap();
    let output = Command::new(schemathesis())
        .current_dir(folder.path())
        .arg("run")
        .arg(document)
        .args(["--url", &format!("http://{}{base}", node.at("main"))])
        .args(["--checks", &CHECKS.join(",")])
        // It asks for the operations of one server; this one has its own.
        .args(["--exclude-path", "/status"])
        .args(["--phases", "examples,coverage,fuzzing", "--max-examples", "30"])
        .args(["--generation-deterministic", "--continue-on-failure"])
        .args(["--suppress-health-check", "all", "--no-color"])
        .args(["--report", "ndjson", "--report-ndjson-path"])
        .arg(&events)
        .output()
        .unwrap();
    // 1 stands for complaints.
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(matches!(output.status.code(), Some(0 | 1)), "{told}{output:?}");
    assert!(!told.contains("ERRORS"), "{told}");
    let events = std::fs::read_to_string(&events).unwrap();
    let events = events.lines().map(|line| serde_json::from_str(line).unwrap());
    events.collect()
}

/// What became of an attack.
#[derive(Debug, Default)]
struct Outcome {
    requests: usize,
    accepted: usize,
    complaints: String,
}

impl Outcome {
    fn of(events: &[Value]) -> Self {
        let mut outcome = Self::default();
        for event in events {
            let recorder = &event["ScenarioFinished"]["recorder"];
            let operation = recorder["label"].as_str().unwrap_or_default();
            for (case, checks) in recorder["checks"].as_object().into_iter().flatten() {
                outcome.case(operation, checks, &recorder["interactions"][case]);
            }
        }
        outcome
    }

    fn case(&mut self, operation: &str, checks: &Value, interaction: &Value) {
        self.requests += 1;
        let (request, response) = (&interaction["request"], &interaction["response"]);
        self.accepted += usize::from(response["status_code"] == 200);
        for check in checks.as_array().unwrap() {
            let name = check["name"].as_str().unwrap();
            let answer = text(&response["content"]);
            let url = request["uri"].as_str().unwrap();
            let is_known = KNOWN.iter().any(|known| {
                known.check == name
                    && operation.starts_with(known.operation)
                    && (url.contains(known.mark) || answer.contains(known.mark))
            });
            if check["status"] != "success" && !is_known {
                let failure = &check["failure_info"]["failure"]["message"];
                writeln!(
                    self.complaints,
                    "{operation}: {name}: {failure}\n  {request}\n  {answer}"
                )
                .unwrap();
            }
        }
    }
}

/// Bytes of an answer.
fn text(content: &Value) -> String {
    use base64::Engine as _;
    let encoded = content["$base64"].as_str().unwrap_or_default();
    let bytes = base64::engine::general_purpose::STANDARD.decode(encoded).unwrap();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Answers to `styles.yaml` have no body, so that the echo is never as it should be; those of the others are an object.
#[rstest]
#[case::styles_of_3_0("styles.yaml", "/v1", true)]
#[case::bodies_of_3_0("library.yaml", "/v1", false)]
#[case::bodies_of_3_1("parcels.yaml", "", false)]
fn what_schemathesis_makes_of_a_document_is_accepted_or_refused_as_it_says(
    #[case] name: &str,
    #[case] base: &str,
    #[case] is_reported: bool,
) {
    let document = document(name);
    let world = world(&document);
    let node = world.start();
    let outcome = Outcome::of(&attack(&node, &document, base));
    assert!(outcome.complaints.is_empty(), "{}", outcome.complaints);
    assert!(
        outcome.requests > 500 && outcome.accepted > 100,
        "{} of {}",
        outcome.accepted,
        outcome.requests
    );
    let reported = node.metric("palisade_responses_invalid_total");
    assert_eq!(reported > 0.0, is_reported, "{reported}");
}
