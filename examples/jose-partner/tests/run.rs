//! Starts the example, and lets partners call it: with jose, with jwcrypto, and with our own client. Each sends good and bad messages
//! in both formats; every answer is looked at.
#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests may fail loudly"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;
use std::thread;

use serde_json::Value;

use self::expected::{GOOD, NODE, OWN_CHECKS, PYTHON, PYTHON_EC, PYTHON_RSA, Row};
use self::running::{FOLDER, Running, node, printed, python};

mod expected;
mod running;

/// An answer, as a partner tells of it.
#[derive(Debug)]
struct Answer {
    case: String,
    status: u64,
    media_type: Option<String>,
    body: String,
}

impl Answer {
    fn problem(&self) -> Option<Value> {
        let is_problem = self.media_type.as_deref() == Some("application/problem+json");
        is_problem.then(|| serde_json::from_str(&self.body).unwrap())
    }

    /// In short: the status, and the code of the problem, or the type and the body, of which each character is a byte.
    fn told(&self) -> String {
        if let Some(problem) = self.problem() {
            let code = problem["type"].as_str().unwrap();
            return format!(
                "{} {}",
                self.status,
                code.strip_prefix("urn:palisade:problem:").unwrap()
            );
        }
        let media_type = self.media_type.as_deref().unwrap_or_default();
        let body = match serde_json::from_str::<Value>(&self.body) {
            // One of the libraries writes JSON with spaces.
            Ok(json) => json.to_string(),
            Err(_) if self.body.chars().eq('\0'..='\u{ff}') => "EVERY BYTE".to_owned(),
            Err(_) => self.body.clone(),
        };
        format!("{} {media_type} {body}", self.status)
    }
}

/// What a driver prints, by service.
fn drive(mut command: Command) -> BTreeMap<String, Vec<Answer>> {
    let lines = printed(command.output().unwrap()).unwrap_or_else(|complaint| panic!("{complaint}"));
    let mut answers: BTreeMap<String, Vec<Answer>> = BTreeMap::new();
    for line in lines.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let text = |name: &str| line[name].as_str().map(str::to_owned);
        let case = text("case").unwrap();
        let (service, case) = case.split_once('/').unwrap();
        answers.entry(service.to_owned()).or_default().push(Answer {
            case: case.to_owned(),
            status: line["status"].as_u64().unwrap(),
            media_type: text("type"),
            body: text("body").unwrap(),
        });
    }
    answers
}

/// The cases of one partner, and why the server refused them.
struct Told<'a> {
    partner: &'static str,
    answers: &'a BTreeMap<String, Vec<Answer>>,
    causes: &'a BTreeMap<String, String>,
}

impl Told<'_> {
    /// Compares what was told of each case of a service, in order, with what is expected.
    fn compare(&self, service: &str, expected: &[Row]) {
        let of = format!("{}, {service}", self.partner);
        let answers = self.answers.get(service).map(Vec::as_slice).unwrap_or_default();
        for (answer, (case, told, cause)) in answers.iter().zip(expected) {
            assert_eq!((&*answer.case, &*answer.told()), (*case, *told), "{of}");
            if let Some(problem) = answer.problem() {
                let logged = self.causes.get(problem["instance"].as_str().unwrap());
                let logged = logged.unwrap_or_else(|| {
                    panic!("{of}: {case}: not in the log, of {} causes", self.causes.len())
                });
                assert!(
                    fits(cause, logged),
                    "{of}: {case}: {cause:?}, but the log says {logged}"
                );
            }
        }
        assert_eq!(answers.len(), expected.len(), "{of}: the number of cases");
    }
}

/// Whether the pieces between the `*` of a pattern stand in a text, in that order.
fn fits(pattern: &str, text: &str) -> bool {
    let mut pieces = pattern.split('*');
    pieces
        .try_fold(text, |rest, piece| {
            rest.split_once(piece).map(|(_, behind)| behind)
        })
        .is_some()
}

/// Every problem document of that code, without its instance.
fn documents<'a>(answers: impl Iterator<Item = &'a Answer>, code: &str) -> BTreeSet<String> {
    answers
        .filter_map(Answer::problem)
        .filter(|problem| problem["type"] == format!("urn:palisade:problem:{code}"))
        .map(|mut problem| {
            let members = problem.as_object_mut().unwrap();
            let instance = members.remove("instance").unwrap();
            assert!(instance.as_str().is_some_and(|id| id.len() == 32), "{instance}");
            problem.to_string()
        })
        .collect()
}

#[test]
fn partners_are_understood_and_attackers_learn_nothing() {
    let (node, python) = (node(), python());
    let running = Running::start(&python);
    let partners = Path::new(FOLDER).join("partners");
    let drivers = Path::new(FOLDER).join("tests/partners");

    let mut with_jose = Command::new(node);
    with_jose
        .arg(drivers.join("drive.mjs"))
        .arg(partners.join("node/partner.mjs"));
    let mut with_jwcrypto = Command::new(&python);
    with_jwcrypto
        .arg(drivers.join("drive.py"))
        .arg(partners.join("python"));
    for command in [&mut with_jose, &mut with_jwcrypto] {
        command.arg(&running.demo).arg(running.url());
    }
    let at_the_same_time = thread::spawn(move || drive(with_jwcrypto));
    let with_jose = drive(with_jose);
    let with_jwcrypto = at_the_same_time.join().unwrap();

    let causes = running.causes();
    let told = |partner, answers| Told {
        partner,
        answers,
        causes: &causes,
    };
    let (jose, jwcrypto) = (told("jose", &with_jose), told("jwcrypto", &with_jwcrypto));
    for service in ["payments", "documents", "trades"] {
        jose.compare(service, &[GOOD, OWN_CHECKS, NODE].concat());
        let keys = if service == "trades" {
            PYTHON_EC
        } else {
            PYTHON_RSA
        };
        jwcrypto.compare(service, &[GOOD, OWN_CHECKS, PYTHON, keys].concat());
    }
    let statement = ("statement", r#"200 application/json {"balance":"1024.00"}"#, "");
    let stranger = (
        "without a certificate",
        "403 client-certificate-required",
        "certificate",
    );
    jose.compare("accounts", &[statement, stranger]);
    jwcrypto.compare("accounts", &[statement]);

    let answers = || with_jose.values().chain(with_jwcrypto.values()).flatten();
    for (code, document) in expected::documents() {
        assert_eq!(documents(answers(), code), BTreeSet::from([document.to_string()]));
    }
}

#[test]
fn our_own_client_is_a_partner_too() {
    let running = Running::start(Path::new("python3"));
    let url = running.url();
    let payments = format!("{url}/payments/copy");
    let documents = format!("{url}/documents/copy");
    let trades = format!("{url}/trades/copy");
    let statement = format!("{url}/accounts/statement");
    let (json, xml) = (r#"{"amount":"10.00"}"#, "<deed>é</deed>");
    let (json_type, xml_type) = ("application/json", "application/xml");
    let table: &[(&str, &[&str], &str)] = &[
        (
            "acme",
            &["Payments", "POST", &payments, json],
            "200 application/json\n{\"amount\":\"10.00\"}\n",
        ),
        (
            "acme",
            &["Payments", "POST", &payments, xml, xml_type],
            "200 application/xml\n<deed>é</deed>\n",
        ),
        ("acme", &["Payments", "POST", &payments], "200 \n\n"),
        (
            "acme",
            &["Payments", "GET", &format!("{url}/payments/status")],
            "200 application/json\n{\"open\":0}\n",
        ),
        (
            "acme",
            &["Payments", "DELETE", &format!("{url}/payments/cancel")],
            "204 \n\n",
        ),
        (
            "acme",
            &["Documents", "POST", &documents, json, json_type],
            "200 application/json\n{\"amount\":\"10.00\"}\n",
        ),
        (
            "acme",
            &["Documents", "POST", &documents, xml, xml_type],
            "200 application/xml\n<deed>é</deed>\n",
        ),
        (
            "acme-ec",
            &["Trades", "POST", &trades, xml, xml_type],
            "200 application/xml\n<deed>é</deed>\n",
        ),
        (
            "acme",
            &["Accounts", "GET", &statement],
            "200 application/json\n{\"balance\":\"1024.00\"}\n",
        ),
    ];
    for (keys, arguments, expected) in table {
        assert_eq!(
            running.client(keys, arguments).as_deref(),
            Ok(*expected),
            "{arguments:?}"
        );
    }

    // Refused by the server: another format, other keys, an algorithm that is not agreed on.
    for (keys, arguments) in [
        ("acme", ["Documents", "POST", &payments, json]),
        ("acme-ec", ["Payments", "POST", &payments, json]),
        ("acme", ["Trades", "POST", &documents, json]),
    ] {
        let answer = running.client(keys, &arguments).unwrap();
        assert!(
            answer.starts_with("400 application/problem+json\n"),
            "{arguments:?}: {answer}"
        );
        assert!(
            answer.contains("urn:palisade:problem:message-security-failed"),
            "{arguments:?}: {answer}"
        );
    }
    // Refused by the client: an answer that is not encrypted to the key that this interceptor decrypts with.
    let complaint = running
        .client("acme", &["Accounts", "POST", &payments, json])
        .unwrap_err();
    assert!(complaint.contains("message-security-failed"), "{complaint}");
}

#[test]
fn every_line_it_prints_does_what_it_says() {
    node();
    let running = Running::start(&python());
    for (what, line) in &running.lines {
        // Built already: by way of cargo it would be built again, with the features of this package alone.
        let cargo = "cargo run -q -p jose-partner --bin partner --";
        let line = line.replace(cargo, env!("CARGO_BIN_EXE_partner"));
        let answer = printed(Command::new("sh").args(["-c", &line]).output().unwrap());
        let answer = answer.unwrap_or_else(|complaint| panic!("{what}: {complaint}"));
        let refusal = what
            .strip_prefix("refused, ")
            .and_then(|rest| rest.split_once(':'))
            .and_then(|(code, _)| code.split_once(' '));
        if let Some((status, code)) = refusal {
            assert!(
                answer.starts_with(&format!("HTTP/2 {status}")),
                "{what}: {answer}"
            );
            assert!(
                answer.contains(&format!("urn:palisade:problem:{code}")),
                "{what}: {answer}"
            );
        } else {
            assert!(what.starts_with("accepted: "), "{what}");
            assert!(
                answer.starts_with("200 ") || answer.starts_with("HTTP/2 200"),
                "{what}: {answer}"
            );
        }
    }
}

#[test]
fn a_message_is_accepted_once_even_where_the_server_is_killed_in_between() {
    let python = Path::new("python3");
    let mut running = Running::start(python);
    // Another is made at each start.
    let order = running.demo.join("kept.jose");
    std::fs::copy(running.demo.join("order.jose"), &order).unwrap();
    let send = |running: &Running| {
        let mut curl = Command::new("curl");
        curl.args(["-sS", "-i", "-H", "Content-Type: application/jose", "--cacert"])
            .arg(running.demo.join("tls/ca.pem"))
            .args(["--data-binary", &format!("@{}", order.display())])
            .arg(format!("{}/payments/order", running.url()));
        printed(curl.output().unwrap()).unwrap()
    };
    let accepted = send(&running);
    assert!(accepted.starts_with("HTTP/2 200"), "{accepted}");
    running.kill_and_start(python);
    let refused = send(&running);
    assert!(
        refused.starts_with("HTTP/2 409") && refused.contains("message-replayed"),
        "{refused}"
    );
}
