//! The parser against `java.util.Properties` itself; `data/properties/generate.sh` makes the expectations.
#![expect(clippy::unwrap_used, reason = "a test helper fails by panicking")]

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use palisade_config::properties::{SyntaxErrorKind, parse};
use serde::Deserialize;

#[derive(Deserialize)]
struct Case {
    r#in: String,
    out: Option<BTreeMap<String, String>>,
    error: Option<String>,
}

fn decode(text: &str) -> Vec<u8> {
    STANDARD.decode(text).unwrap()
}

fn decode_text(text: &str) -> String {
    String::from_utf8(decode(text)).unwrap()
}

/// What a file holds by our parser, in the terms of the expectations.
fn ours(bytes: &[u8]) -> Result<BTreeMap<String, String>, String> {
    let parsed = parse(bytes);
    match parsed
        .errors
        .iter()
        .map(|error| error.kind)
        .max_by_key(|kind| *kind == SyntaxErrorKind::MalformedEscape)
    {
        Some(SyntaxErrorKind::MalformedEscape) => Err("malformed".to_owned()),
        Some(SyntaxErrorKind::LoneSurrogate) => Err("surrogate".to_owned()),
        Some(other) => Err(other.to_string()),
        None => Ok(parsed
            .properties
            .into_iter()
            .map(|property| (property.key, property.value))
            .collect()),
    }
}

fn expected(case: Case) -> Result<BTreeMap<String, String>, String> {
    match (case.out, case.error) {
        (Some(out), None) => Ok(out
            .iter()
            .map(|(key, value)| (decode_text(key), decode_text(value)))
            .collect()),
        (None, Some(error)) => Err(error),
        _ => Err("the expectation itself is broken".to_owned()),
    }
}

#[test]
fn every_generated_file_is_read_as_java_reads_it() {
    let mut differences = Vec::new();
    let mut counts = BTreeMap::<_, usize>::new();
    for line in include_str!("data/properties/expected.jsonl").lines() {
        let case: Case = serde_json::from_str(line).unwrap();
        let bytes = decode(&case.r#in);
        let (expected, ours) = (expected(case), ours(&bytes));
        *counts
            .entry(expected.as_ref().map(|_| ()).map_err(Clone::clone))
            .or_default() += 1;
        if ours != expected {
            differences.push(format!(
                "{:?}\n  Java {expected:?}\n  ours {ours:?}",
                String::from_utf8_lossy(&bytes)
            ));
        }
    }
    assert!(
        differences.is_empty(),
        "{} differences:\n{}",
        differences.len(),
        differences.join("\n")
    );
    assert!(
        counts[&Ok(())] > 4000 && counts.len() == 3,
        "the expectations cover too little: {counts:?}"
    );
}
