use serde_json::{Value, json};

use super::{BODY, CONFIG, folder, run};
use crate::support::{Ended, Folder};

const ROUTE: &str = "
palisade.endpoints[0].paths=/pay
palisade.endpoints[0].interceptors=Partner
palisade.interceptors.Partner.validation.content-types=application/json
palisade.interceptors.Partner.validation.schema=pay.json
";

/// A server that takes secured messages whose body has the schema.
fn guarded(schema: &str) -> Folder {
    let folder = folder();
    folder.write("application.properties", &format!("{CONFIG}{ROUTE}"));
    folder.write("pay.json", schema);
    let target = "--method POST --target /pay --output message.jose";
    run(&folder, &format!("encrypt --interceptor Bank {target}"), BODY).with_status(0);
    folder
}

fn explain(folder: &Folder, body: &str) -> Ended {
    let arguments = ["explain", "POST", "/pay", "--body", body, "--format", "json"];
    folder.run(&arguments)
}

/// The verdicts of the stages, each by its stage's name, and the refusals by their codes.
fn verdicts(explained: &Value) -> Vec<(&str, &str)> {
    let stages = explained["stages"].as_array().unwrap();
    stages
        .iter()
        .map(|stage| {
            let verdict = &stage["verdict"];
            let said = verdict["code"].as_str().or(verdict["verdict"].as_str());
            (stage["stage"].as_str().unwrap(), said.unwrap())
        })
        .collect()
}

#[test]
fn a_secured_body_is_opened_and_the_stages_behind_are_given_what_is_inside() {
    let folder = guarded(r#"{"properties": {"amount": {"type": "number"}}}"#);
    let explained = explain(&folder, "message.jose").with_status(0).json();
    assert_eq!(
        verdicts(&explained),
        [
            ("validation", "accepted"),
            ("message-security", "unknown"),
            ("validation", "accepted")
        ]
    );
    assert_eq!(
        explained["verdict"],
        json!({"verdict": "unknown", "hangs-on": "whether the message was there before"})
    );

    folder.write("pay.json", r#"{"properties": {"amount": {"maximum": 10}}}"#);
    let explained = explain(&folder, "message.jose").with_status(1).json();
    assert_eq!(explained["verdict"]["errors"][0]["pointer"], "/amount");
}

#[test]
fn a_body_that_is_not_secured_or_was_changed_is_refused_as_a_server_would() {
    let folder = guarded("{}");
    let message = std::fs::read_to_string(folder.path().join("message.jose")).unwrap();
    let mut changed = message.clone();
    let last = changed.pop().unwrap();
    changed.pop();
    changed.push(if last == 'A' { 'B' } else { 'A' });
    changed.push(last);
    std::fs::write(folder.path().join("changed.jose"), &changed).unwrap();
    for (body, code) in [
        ("body.json", "message-not-secured"),
        ("changed.jose", "message-security-failed"),
    ] {
        let explained = explain(&folder, body).with_status(1).json();
        assert_eq!(explained["verdict"]["code"], code);
        let [_, (_, at), (_, behind)] = verdicts(&explained)[..] else {
            panic!("{explained}");
        };
        assert_eq!((at, behind), (code, "not-reached"));
    }
}

#[test]
fn nothing_remembers_a_message_that_is_explained() {
    let folder = guarded("{}");
    let first = explain(&folder, "message.jose").with_status(0);
    assert_eq!(first.out, explain(&folder, "message.jose").with_status(0).out);
    assert!(!folder.path().join("data").exists() && !folder.config().join("data").exists());
}
