//! `palisade explain --body`: what would be refused of a body.

use std::fs;

use rstest::rstest;
use serde_json::{Value, json};

use crate::support::{Ended, Folder};

const CONFIG: &str = "\
palisade.endpoints[0].name=orders
palisade.endpoints[0].paths=/server/rest/orders/{id}
palisade.endpoints[0].interceptors=Orders
palisade.endpoints[1].name=soap
palisade.endpoints[1].soap-actions=urn:pay
palisade.endpoints[1].interceptors=Soap

palisade.interceptors.Orders.validation.content-types=application/json
palisade.interceptors.Orders.validation.schema=order.json
palisade.interceptors.Orders.validation.max-body=1 KiB
palisade.interceptors.Orders.amount-limit.pointer=/lines/*/amount
palisade.interceptors.Orders.amount-limit.max-per-transaction=50

palisade.interceptors.Soap.validation.content-types=text/xml
";

const SCHEMA: &str = r#"{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "type": "object",
  "required": ["lines"],
  "properties": {"lines": {"type": "array", "items": {"properties": {
    "amount": {"type": "number", "exclusiveMinimum": 0},
    "article": {"type": "string", "pattern": "^[A-Z]{2}[0-9]{4}$"}
  }}}}
}"#;

const PATH: &str = "/server/rest/orders/7";
const GOOD: &str = r#"{"lines": [{"amount": 12.5, "article": "AB1234"}]}"#;
const BAD: &str = r#"{"lines": [{"amount": 1, "article": "AB1234"}, {"amount": 0, "article": "s3cret"}]}"#;

fn folder() -> Folder {
    Folder::new(&[("application.properties", CONFIG), ("order.json", SCHEMA)])
}

/// Explains a `POST` with that body, in a file of that name.
fn explain(folder: &Folder, name: &str, body: &str, more: &[&str]) -> Ended {
    fs::write(folder.path().join(name), body).unwrap();
    folder.run(&[&["explain", "POST", PATH, "--body", name], more].concat())
}

#[test]
fn a_violation_is_told_as_the_client_would_be_told() {
    let told = explain(&folder(), "order.json", BAD, &["--format", "json"]).with_status(1);
    let explained = told.json();
    assert_eq!(
        explained["verdict"],
        json!({
            "verdict": "refused",
            "status": 422,
            "code": "schema-violation",
            "title": "The body does not match its schema",
            "detail": "The body does not match its schema.",
            "errors": [
                {"pointer": "/lines/1/amount", "keyword": "exclusiveMinimum", "message": "must be more than 0"},
                {"pointer": "/lines/1/article", "keyword": "pattern", "message": "must match the pattern `^[A-Z]{2}[0-9]{4}$`"},
            ],
        })
    );
    assert_eq!(
        explained["body"],
        json!({"bytes": BAD.len(), "content-type": "application/json", "is-by-name": true})
    );
    assert!(!told.out.contains("s3cret"));
}

#[test]
fn people_read_where_a_body_breaks_which_rule() {
    let told = explain(&folder(), "order.json", BAD, &[]).with_status(1);
    for expected in [
        "  body         83 bytes, application/json (by the name of the file)\n",
        "  1. validation (Orders): accepted\n",
        "  2. validation (Orders): refused: 422 schema-violation\n",
        "  3. amount-limit (Orders): not reached\n",
        "Verdict: refused: 422 schema-violation\n  The body does not match its schema\n    /lines/1/amount: exclusiveMinimum: must be more than 0\n",
    ] {
        assert!(
            told.out.contains(expected),
            "{expected:?} is not in\n{}",
            told.out
        );
    }
}

#[rstest]
#[case::good(GOOD, "accepted")]
#[case::high(r#"{"lines": [{"amount": 50.01}]}"#, "amount-too-high")]
#[case::no_amount(r#"{"lines": [{}]}"#, "amount-unreadable")]
#[case::twice(r#"{"lines": [], "lines": []}"#, "body-malformed")]
#[case::no_json("lines=1", "body-malformed")]
#[case::empty("", "body-malformed")]
fn every_stage_that_looks_at_bodies_is_asked(#[case] body: &str, #[case] expected: &str) {
    let explained = explain(&folder(), "order.json", body, &["--format", "json"]).json();
    let verdict = &explained["verdict"];
    let said = verdict["code"].as_str().or(verdict["verdict"].as_str());
    assert_eq!(said, Some(expected), "{explained:#}");
}

#[test]
fn a_body_of_unknown_type_is_explained_under_the_type_that_is_given() {
    let folder = folder();
    let explained = explain(&folder, "order", GOOD, &["--format", "json"])
        .with_status(1)
        .json();
    assert_eq!(explained["verdict"]["code"], "media-type-not-accepted");
    assert!(
        explained["body"]["hint"]
            .as_str()
            .unwrap()
            .contains("--header content-type:TYPE")
    );
    let typed = ["--header", "content-type: application/json; charset=utf-8"];
    explain(&folder, "order", GOOD, &typed).with_status(0);
    // What is given wins over the file's name.
    let other = ["--header", "content-type: text/plain"];
    explain(&folder, "order.json", GOOD, &other).with_status(1);
}

#[test]
fn a_body_may_come_from_standard_input_and_a_file_must_be_there() {
    let folder = folder();
    let arguments = [
        "explain",
        "POST",
        PATH,
        "--body",
        "-",
        "--header",
        "content-type:application/json",
        "--format",
        "json",
    ];
    for (body, status) in [(GOOD, 0), (BAD, 1)] {
        folder.run_with_input(&arguments, body).with_status(status);
    }
    let missing = folder
        .run(&["explain", "POST", PATH, "--body", "none.json"])
        .with_status(2);
    assert!(missing.err.contains("none.json: "), "{}", missing.err);
}

#[test]
fn a_body_that_is_too_large_is_refused_by_whoever_would_refuse_it() {
    let folder = folder();
    let large = " ".repeat(2000);
    let at = |more: &[&str], status: i32| {
        let all = [&["--format", "json"], more].concat();
        let explained = explain(&folder, "large.json", &large, &all)
            .with_status(status)
            .json();
        let code = explained["verdict"]["code"].as_str();
        assert_eq!(code, (status == 1).then_some("body-too-large"));
        let stages = explained["stages"].as_array().unwrap();
        stages
            .iter()
            .position(|stage| stage["verdict"]["verdict"] == "refused")
    };
    // By what its length says; or, where that is not known, once it is there.
    assert_eq!(at(&[], 1), Some(0));
    assert_eq!(at(&["--header", "transfer-encoding: chunked"], 1), Some(1));
    // No more of it is held than is allowed, whatever stages would say.
    let mut held = vec![
        "--set",
        "palisade.max-buffered-body=1 KiB",
        "--set",
        "palisade.interceptors.Orders.validation.max-body=1 MiB",
    ];
    assert_eq!(at(&held, 1), Some(1));
    // Where they only report, it goes on, and nobody has looked at it.
    held.extend(["--set", "palisade.interceptors.Orders.report-only=true"]);
    assert_eq!(at(&held, 0), Some(1));
}

#[test]
fn an_xml_file_is_an_envelope_on_a_soap_route() {
    let folder = folder();
    let envelope = r#"<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body><pay/></e:Body></e:Envelope>"#;
    fs::write(folder.path().join("good.xml"), envelope).unwrap();
    fs::write(
        folder.path().join("bad.xml"),
        envelope.replace("<pay/>", "<steal/>"),
    )
    .unwrap();
    let explain = |body: &str| {
        let request = [
            "explain",
            "POST",
            "/webservices/bank",
            "--header",
            "SOAPAction: urn:pay",
        ];
        folder.run(&[&request[..], &["--body", body, "--format", "json"]].concat())
    };
    let explained = explain("good.xml").with_status(0).json();
    assert_eq!(explained["body"]["content-type"], "text/xml; charset=utf-8");
    let explained = explain("bad.xml").with_status(1).json();
    assert_eq!(explained["verdict"]["code"], "soap-action-mismatch");
}

#[test]
fn a_request_that_hardly_ever_has_a_body_is_remarked_on() {
    let folder = folder();
    fs::write(folder.path().join("good.json"), GOOD).unwrap();
    let explained = folder
        .run(&["explain", "GET", PATH, "--body", "good.json"])
        .with_status(0);
    assert!(explained.out.contains("was POST meant?"), "{}", explained.out);
}

#[test]
fn what_is_explained_of_a_body_is_what_a_server_does() {
    let folder = Folder::initialised();
    let settings = "\
        palisade.interceptors.Input.validation.content-types=application/json,application/xml\n\
        palisade.interceptors.Input.validation.json.max-depth=3\n\
        palisade.interceptors.Input.validation.max-body=1 KiB\n\
        palisade.max-buffered-body=2 KiB\n";
    folder.write("application-body.properties", settings);
    let server = folder.serve(&["--echo", "--profile", "body"]);
    let path = "/server/rest/orders/create";
    let rows = [
        ("application/json", GOOD.to_owned(), 200),
        ("application/json", "[[[[]]]]".to_owned(), 400),
        ("application/json", String::new(), 400),
        ("application/json; charset=utf-16", "[]".to_owned(), 415),
        ("application/xml", "<!DOCTYPE a><a/>".to_owned(), 400),
        ("application/xml", "<a/>".to_owned(), 200),
        ("text/plain", "a".to_owned(), 415),
        ("application/json", format!("[{}]", " ".repeat(1100)), 413),
        ("application/json", format!("[{}]", " ".repeat(2100)), 413),
    ];
    for (media_type, body, status) in rows {
        fs::write(folder.path().join("body"), &body).unwrap();
        let field = format!("content-type: {media_type}");
        let request = ["explain", "POST", path, "--peer", "127.0.0.1", "--body", "body"];
        let common = ["--header", &field, "--profile", "body", "--format", "json"];
        let explained = folder.run(&[&request[..], &common].concat()).json();
        let verdict = &explained["verdict"];

        let sent = ["--header", &field, "--data-binary", "@body"];
        let (answered, problem) = server.curl(&folder, &sent, path);
        assert_eq!(answered, status, "{media_type} {body}");
        assert_eq!(
            verdict["status"].as_u64().unwrap_or(200),
            u64::from(status),
            "{media_type} {body}"
        );
        if status != 200 {
            let told = ["title", "detail", "errors"].map(|member| &problem[member]);
            assert_eq!(told, ["title", "detail", "errors"].map(|member| &verdict[member]));
            assert_eq!(
                problem["type"],
                format!("urn:palisade:problem:{}", verdict["code"].as_str().unwrap())
            );
        }
    }
}

#[test]
fn totals_of_amounts_are_compared_with_what_is_left_and_nothing_is_taken() {
    let folder = Folder::initialised();
    let total = "\
        palisade.interceptors.Local.amount-limit.pointer=/amount\n\
        palisade.interceptors.Local.amount-limit.max-total=100\n\
        palisade.interceptors.Local.amount-limit.key=peer\n\
        palisade.interceptors.Local.amount-limit.store=memory\n";
    folder.write("application-money.properties", total);
    let server = folder.serve(&["--echo", "--profile", "money"]);
    let admin = format!("palisade.admin.bind=127.0.0.1:{}", server.port("admin"));
    let path = "/server/rest/orders/create";
    let explain = |amount: &str| -> Value {
        fs::write(
            folder.path().join("order.json"),
            format!("{{\"amount\": {amount}}}"),
        )
        .unwrap();
        let request = [
            "explain",
            "POST",
            path,
            "--peer",
            "127.0.0.1",
            "--body",
            "order.json",
        ];
        let common = ["--profile", "money", "--set", &admin, "--format", "json"];
        let mut verdict = folder.run(&[&request[..], &common].concat()).json()["verdict"].take();
        let code = verdict["code"].take();
        if code.is_null() {
            verdict["verdict"].take()
        } else {
            code
        }
    };
    assert_eq!(explain("100"), "accepted");
    assert_eq!(explain("100.01"), "amount-total-exceeded");

    let body = ["--json", r#"{"amount": 40.5}"#];
    assert_eq!(server.curl(&folder, &body, path).0, 200);
    assert_eq!(explain("59.5"), "accepted");
    assert_eq!(explain("59.6"), "amount-total-exceeded");
    assert_eq!(explain("59.50"), "accepted");
}
