//! Validation, seen from outside: the command as it is built, over TLS, with property files.

#![expect(clippy::indexing_slicing, reason = "helpers of tests may fail loudly")]

mod answers;
mod buffered;
mod hostile;
mod schemathesis;

use serde_json::Value;

use crate::callers::client::{Ask, Connection};
use crate::limits::node::run;
use crate::limits::world::{World, path};

const ORDER: &str = r#"{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "type": "object",
  "required": ["payment"],
  "properties": {"payment": {"$ref": "payment.json"}}
}"#;
const PAYMENT: &str = r#"{
  "type": "object",
  "required": ["amount", "iban"],
  "additionalProperties": false,
  "properties": {"amount": {"type": "number"}, "iban": {"type": "string", "pattern": "^[A-Z]{2}[0-9]{2}[A-Z0-9]{10,30}$"}}
}"#;
const GOOD: &str = r#"{ "payment": {"amount": 10.00, "iban": "NL91ABNA0417164300"} }"#;

fn world() -> World {
    let mut world = World::new();
    world.put("order.json", ORDER);
    world.put("payment.json", PAYMENT);
    world.limit(
        "Pay.validation",
        &[
            ("content-types", "application/json"),
            ("schema", "order.json"),
            ("max-body", "1 KiB"),
            ("query.trace.type", "uuid"),
            ("unknown-query", "reject"),
        ],
    );
    world.limit(
        "Pay.amount-limit",
        &[("pointer", "/payment/amount"), ("max-per-transaction", "50")],
    );
    world.route("Payments", "Pay");
    world
}

fn post(body: &str) -> Ask {
    Ask::post(&path("Payments"), "application/json", body)
}

fn verdict(connection: &mut Connection, ask: &Ask) -> (u16, String) {
    let answer = connection.ask(ask).unwrap();
    let document = answer.json();
    let kind = document.get("type").and_then(Value::as_str).unwrap_or_default();
    (
        answer.status,
        kind.trim_start_matches("urn:palisade:problem:").to_owned(),
    )
}

#[test]
fn what_fits_reaches_the_handler_as_it_was_and_nothing_else_does() {
    let world = world();
    let node = world.start();
    let mut connection = world.connect(&node);
    let accepted = connection.ask(&post(GOOD)).unwrap();
    assert_eq!(accepted.status, 200, "{}", accepted.shown());
    assert_eq!(accepted.json()["body"].as_str(), Some(GOOD));

    let refused = |status: u16, code: &str| (status, code.to_owned());
    let bad_iban = GOOD.replace("NL91", "hidden");
    for (ask, expected) in [
        (post(&bad_iban), refused(422, "schema-violation")),
        (
            post(&GOOD.replace("10.00", "50.01")),
            refused(422, "amount-too-high"),
        ),
        (
            post(&GOOD.replace("10.00", "1, \"amount\": 2")),
            refused(400, "body-malformed"),
        ),
        (post(""), refused(400, "body-malformed")),
        (post(&"[".repeat(1000)), refused(400, "body-malformed")),
        (
            Ask::post(&path("Payments"), "text/plain", GOOD),
            refused(415, "media-type-not-accepted"),
        ),
        (
            Ask::post(
                &format!("{}?trace=1%27%20or%201=1", path("Payments")),
                "application/json",
                GOOD,
            ),
            refused(400, "parameter-invalid"),
        ),
        (
            Ask::post(&format!("{}?other=1", path("Payments")), "application/json", GOOD),
            refused(400, "parameter-invalid"),
        ),
    ] {
        assert_eq!(verdict(&mut world.connect(&node), &ask), expected);
    }
    let large = connection.ask(&post(&" ".repeat(1100))).unwrap();
    assert_eq!(large.status, 413);

    let told = world.connect(&node).ask(&post(&bad_iban)).unwrap();
    assert_eq!(told.json()["errors"][0]["pointer"], "/payment/iban");
    assert!(!told.shown().contains("hidden"));
}

#[test]
fn a_schema_is_checked_before_a_server_starts_and_watched_while_it_runs() {
    let mut world = world();
    world.put("payment.json", "{\n  \"type\": \"objekt\"\n}");
    world.write();
    let ended = run(world.path(), &["check"]).with_status(2);
    assert!(ended.err.contains("payment.json:2"), "{ended:#?}");

    world.put("payment.json", PAYMENT);
    let node = world.start();
    let mut connection = world.connect(&node);
    assert_eq!(verdict(&mut connection, &post(GOOD)).0, 200);
    world.put("payment.json", PAYMENT.replace("number", "string"));
    world.apply(&[&node]);
    assert_eq!(
        verdict(&mut world.connect(&node), &post(GOOD)).1,
        "schema-violation"
    );
}

/// Odd space, escapes, and one number in many ways.
const ODD: &str = "\r\n{ \"payment\" :\t{\"amount\":1.0e1 ,\n \"iban\": \"NL91\\u0041BNA0417164300\"}, \"others\":[1.0, 1e0,1,0.10E+1 ,-0.0] , \
                   \"note\":\"M\u{fc}\\u00dfig \\/ \\ud83d\\ude00\" }\n ";

#[test]
fn what_reaches_the_handler_is_byte_for_byte_what_was_sent() {
    let world = world();
    let node = world.start();
    let mut connection = world.connect(&node);
    let mut chunked = Vec::new();
    for chunk in ODD.as_bytes().chunks(7) {
        chunked.extend(format!("{:x}\r\n", chunk.len()).bytes());
        chunked.extend([chunk, b"\r\n"].concat());
    }
    chunked.extend(b"0\r\n\r\n");
    for ask in [
        post(ODD),
        Ask::chunked(&path("Payments"), "application/json", chunked),
    ] {
        let accepted = connection.ask(&ask).unwrap();
        assert_eq!(accepted.status, 200, "{}", accepted.shown());
        assert_eq!(accepted.json()["body"].as_str(), Some(ODD));
    }
}

#[test]
fn what_is_larger_than_may_be_held_is_refused_however_it_is_sent() {
    for (setting, value) in [
        ("palisade.max-buffered-body", "512 B"),
        ("palisade.interceptors.Pay.validation.max-body", "512 B"),
    ] {
        let mut world = world();
        world.set("palisade.interceptors.Pay.validation.max-body", "1 MiB");
        world.set(setting, value);
        let node = world.start();
        for length in [512, 513, 2_000] {
            let body = format!("{GOOD}{}", " ".repeat(length - GOOD.len()));
            let chunked = format!("{length:x}\r\n{body}\r\n0\r\n\r\n");
            for ask in [
                post(&body),
                Ask::chunked(&path("Payments"), "application/json", chunked),
            ] {
                let answer = world.connect(&node).ask(&ask).unwrap();
                if length == 512 {
                    assert_eq!(answer.status, 200, "{setting}");
                    continue;
                }
                assert_eq!(answer.shown(), "413 body-too-large", "{setting}: {length}");
                assert!(answer.body.contains("512"), "{setting}: {}", answer.body);
            }
        }
    }
}
