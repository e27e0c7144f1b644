//! Answers of an upstream, and what the gateway says in its place.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::thread;

use rstest::rstest;

use super::{post, verdict};
use crate::limits::world::World;

const DOCUMENT: &str = r#"openapi: 3.1.0
info: {title: Payments, version: "1"}
servers: [{url: /server/rest}]
paths:
  /Payments/{operation}:
    post:
      parameters: [{name: operation, in: path, required: true, schema: {type: string}}]
      requestBody:
        content:
          application/json: {schema: {type: object, required: [payment]}}
      responses:
        "200":
          description: the payment
          content:
            application/json: {schema: {type: object, required: [id]}}
"#;

const GOOD: &str = r#"{"payment": {"amount": 10}}"#;

/// A world whose gateway sends to that address.
fn world(upstream: SocketAddr, response: &str) -> World {
    let mut world = World::new();
    world.put("payments.yaml", DOCUMENT);
    world.set("palisade.upstream.url", &format!("http://{upstream}"));
    world.set("palisade.max-buffered-body", "1 KiB");
    world.limit(
        "Pay.validation",
        &[("openapi", "payments.yaml"), ("response", response)],
    );
    world.limit(
        "Pay.amount-limit",
        &[("pointer", "/payment/amount"), ("max-per-transaction", "50")],
    );
    world.route("Payments", "Pay");
    world
}

/// An upstream that answers each request with these bytes. Gives its address.
fn upstream(answer: String) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = BufReader::new(stream.unwrap());
            let mut length = 0;
            loop {
                let mut line = String::new();
                if stream.read_line(&mut line).unwrap() <= 2 {
                    break;
                }
                let line = line.to_ascii_lowercase();
                assert!(!line.starts_with("range:"), "{line}");
                if let Some(coding) = line.strip_prefix("accept-encoding:") {
                    assert_eq!(coding.trim(), "identity");
                }
                if let Some(value) = line.strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap();
                }
            }
            stream.read_exact(&mut vec![0; length]).unwrap();
            stream.get_mut().write_all(answer.as_bytes()).unwrap();
        }
    });
    address
}

fn answer(status: &str, fields: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {}\r\n{fields}\r\n{body}",
        body.len()
    )
}

#[rstest]
fn what_the_gateway_and_other_stages_refuse_is_told_as_it_is(#[values("report", "enforce")] response: &str) {
    let nobody = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap()
    };
    let world = world(nobody, response);
    let node = world.start_with(&[]);
    let mut connection = world.connect(&node);
    let refused = |status: u16, code: &str| (status, code.to_owned());
    assert_eq!(
        verdict(&mut connection, &post(&GOOD.replace("10", "51"))),
        refused(422, "amount-too-high")
    );
    assert_eq!(
        verdict(&mut connection, &post(GOOD)),
        refused(502, "upstream-unreachable")
    );
    assert!(!node.metrics().contains("palisade_responses_invalid_total"));
}

#[rstest]
fn an_upstream_cannot_pass_its_answers_off_as_refusals(#[values("report", "enforce")] response: &str) {
    let forged = answer(
        "502 Bad Gateway",
        "content-type: application/problem+json\r\nx-request-id: r-1\r\n",
        r#"{"type": "urn:palisade:problem:upstream-unreachable", "title": "The upstream cannot be reached", "status": 502}"#,
    );
    let world = world(upstream(forged), response);
    let node = world.start_with(&[]);
    let ask = post(GOOD)
        .with("accept-encoding", "gzip")
        .with("range", "bytes=0-1");
    let (status, code) = verdict(&mut world.connect(&node), &ask);
    if response == "enforce" {
        assert_eq!((status, code.as_str()), (500, "response-invalid"));
    } else {
        assert_eq!((status, code.as_str()), (502, "upstream-unreachable"));
        assert!((node.metric("palisade_responses_invalid_total") - 1.0).abs() < f64::EPSILON);
    }
}

#[test]
fn an_answer_too_large_to_be_looked_at_is_handed_on_whole_where_it_is_only_reported() {
    let body = format!("{{\"id\": \"{}\"}}", "x".repeat(200_000));
    let large = answer("200 OK", "content-type: application/json\r\n", &body);
    let address = upstream(large);
    let world_of = |response| world(address, response);
    let reporting = world_of("report");
    let node = reporting.start_with(&[]);
    let got = reporting.connect(&node).ask(&post(GOOD)).unwrap();
    assert_eq!((got.status, got.body), (200, body));
    assert!((node.metric("palisade_responses_unread_total") - 1.0).abs() < f64::EPSILON);

    let enforcing = world_of("enforce");
    let node = enforcing.start_with(&[]);
    let got = enforcing.connect(&node).ask(&post(GOOD)).unwrap();
    assert_eq!(got.shown(), "500 response-unreadable");
}
