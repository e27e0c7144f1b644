//! What looking through JSON costs, beside parsing it with `serde_json` in the same run.

use std::fmt::Write as _;
use std::hint::black_box;
use std::io::{self, Write as _};
use std::time::{Duration, Instant};

use palisade_core::settings::ByteSize;
use palisade_validation::JsonSettings;
use palisade_validation::json::{JsonLimits, check};
use serde::de::IgnoredAny;
use serde_json::Value;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let limits = JsonLimits::compile(&JsonSettings::default(), ByteSize::mib(2))?;
    let mut out = io::stdout();
    writeln!(
        out,
        "{:<34} {:>9} {:>10} {:>10} {:>10} {:>8} {:>8}",
        "body", "bytes", "hygiene", "Value", "IgnoredAny", "/Value", "/Ignored"
    )?;
    for (name, body) in bodies()? {
        let body = body.as_bytes();
        check(body, &limits)?;
        let hygiene = nanoseconds(body, |body| check(body, &limits).is_ok());
        let value = nanoseconds(body, |body| serde_json::from_slice::<Value>(body).is_ok());
        let ignored = nanoseconds(body, |body| serde_json::from_slice::<IgnoredAny>(body).is_ok());
        writeln!(
            out,
            "{name:<34} {:>9} {:>7.1} us {:>7.1} us {:>7.1} us {:>8.2} {:>8.2}",
            body.len(),
            hygiene / 1e3,
            value / 1e3,
            ignored / 1e3,
            hygiene / value,
            hygiene / ignored
        )?;
    }
    let brackets = "[".repeat(100_000_000);
    let refused = nanoseconds(brackets.as_bytes(), |body| check(body, &limits).is_err());
    writeln!(out, "100 MB of brackets: refused in {:.1} us", refused / 1e3)?;
    Ok(())
}

fn bodies() -> Result<Vec<(&'static str, String)>, std::fmt::Error> {
    let order = order(5)?;
    let large = order_of(1024 * 1024)?;
    let indented = |text: &str| {
        serde_json::from_str::<Value>(text)
            .and_then(|value| serde_json::to_string_pretty(&value))
            .unwrap_or_default()
    };
    let mut names = String::from("{");
    for number in 0..9_999 {
        write!(names, "\"property-{number}\":{number},")?;
    }
    names.push_str("\"last\":0}");
    let mut numbers = String::from("[");
    for number in 0..9_999 {
        write!(numbers, "{}.{},", number * 7, number % 100)?;
    }
    numbers.push_str("0]");
    let texts = format!(
        "[{}\"\"]",
        format!("\"{}\",", "text without escapes ".repeat(3_000)).repeat(16)
    );
    let accents = format!("[{}\"\"]", "\"één geëerde cliënt, Łódź, 東京\",".repeat(9_000));
    let escapes = format!("[{}\"\"]", "\"a \\\"quoted\\\" \\u00e9\\n\",".repeat(9_000));
    Ok(vec![
        ("order", order.clone()),
        ("order, indented", indented(&order)),
        ("order", large.clone()),
        ("order, indented", indented(&large)),
        ("object of 10,000 members", names),
        ("array of 10,000 numbers", numbers),
        ("long texts", texts),
        ("texts beyond ASCII", accents),
        ("texts with escapes", escapes),
    ])
}

/// An order with so many lines.
fn order(lines: usize) -> Result<String, std::fmt::Error> {
    let mut body = String::from(
        r#"{"id":"2026-11-0001","created":"2026-11-29T12:00:00Z","customer":{"id":4711,"name":"Bakkerij De Korenschoof","email":"inkoop@korenschoof.example","address":{"street":"Prinsengracht 263","postal-code":"1016 GV","city":"Amsterdam","country":"NL"}},"currency":"EUR","lines":["#,
    );
    for line in 0..lines {
        if line > 0 {
            body.push(',');
        }
        write!(
            body,
            r#"{{"line":{line},"sku":"ART-{:06}","description":"Tarwebloem type 55, zak van 25 kg","quantity":{},"price":{}.{:02},"discount":null,"backorder":{}}}"#,
            line * 37,
            line % 12 + 1,
            line % 90 + 10,
            line % 100,
            line % 2 == 0
        )?;
    }
    body.push_str(r#"],"total":1234.56,"paid":false}"#);
    Ok(body)
}

/// An order of so many bytes at most.
fn order_of(bytes: usize) -> Result<String, std::fmt::Error> {
    let per_line = (order(2_000)?.len() - order(1_000)?.len()) / 1_000 + 1;
    order(bytes / per_line)
}

/// Nanoseconds for one body, the best of seven runs.
fn nanoseconds(body: &[u8], look: impl Fn(&[u8]) -> bool) -> f64 {
    let rounds = u32::try_from((4 * 1024 * 1024 / body.len()).clamp(3, 20_000)).unwrap_or(3);
    let mut best = Duration::MAX;
    for _ in 0..7 {
        let start = Instant::now();
        for _ in 0..rounds {
            black_box(look(black_box(body)));
        }
        best = best.min(start.elapsed());
    }
    best.as_secs_f64() * 1e9 / f64::from(rounds)
}
