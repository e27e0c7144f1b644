//! What looking costs: memory, and depth of the stack.

use std::fmt::Write as _;

use allocation_counter::measure;

use super::super::{JsonFault, Unfit, check};
use super::{JsonSettings, limits, limits_of, wide};

/// An order as partners send it.
const ORDER: &str = r#"{
  "id": "2026-0001", "customer": {"name": "Caf\u00e9 de Bruin", "address": {"street": "Dam 1", "city": "Amsterdam"}},
  "lines": [
    {"sku": "A-1", "quantity": 2, "price": 12.50, "tags": ["new", "förderung"], "note": "say \"hello\"\n"},
    {"sku": "B-2", "quantity": 1, "price": 1.25e2, "tags": [], "note": null}
  ],
  "paid": true
}"#;

#[test]
fn a_plain_order_takes_no_memory_of_the_heap() {
    let limits = limits();
    let counted = measure(|| assert!(check(ORDER.as_bytes(), &limits).is_ok()));
    assert_eq!(counted.count_total, 0);
}

#[test]
fn a_hundred_megabytes_of_brackets_are_refused_at_the_first_level_too_many() {
    for unit in ["[", "{\"a\":", "[{\"\":"] {
        let body = unit.repeat(100_000_000 / unit.len());
        let limits = limits();
        let mut fault = None;
        let counted = measure(|| fault = check(body.as_bytes(), &limits).err());
        let JsonFault { unfit, line, column } = fault.expect("a fault");
        assert_eq!((unfit, line), (Unfit::TooDeep { limit: 64 }, 1));
        assert!(column <= 64 * 6 + 1, "it is not read further: {column}");
        assert!(counted.bytes_max < 16 * 1024, "{} bytes", counted.bytes_max);
    }
}

#[test]
fn an_unending_string_or_number_or_space_takes_no_memory() {
    for (start, more) in [
        ("\"", "x"),
        ("\"", "\\u0041"),
        ("1", "0"),
        ("0.", "0"),
        ("", " "),
        ("[", "\n"),
    ] {
        let body = format!("{start}{}", more.repeat(10_000_000 / more.len()));
        let limits = wide();
        let counted = measure(|| assert!(check(body.as_bytes(), &limits).is_err()));
        assert_eq!(counted.count_total, 0, "{more:?}");
    }
}

#[test]
fn names_take_memory_in_proportion_to_the_body() {
    let limits = limits_of(JsonSettings {
        max_items: 100_000,
        ..JsonSettings::default()
    });
    for escape in ["", "\\n"] {
        let mut body = String::from("{");
        for number in 0..50_000 {
            write!(body, "\"{escape}{number:x}\":0,").expect("memory");
        }
        body.push_str("\"z\":0}");
        let counted = measure(|| assert!(check(body.as_bytes(), &limits).is_ok()));
        let ratio = counted.bytes_max / body.len() as u64;
        assert!(ratio < 12, "{ratio} times the body, with {escape:?}");
    }
}
