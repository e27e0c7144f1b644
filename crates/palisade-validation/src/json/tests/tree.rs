//! The tree of a text, beside what `serde_json` makes of it.

use allocation_counter::measure;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::{Kind, Tree, check, read};
use super::agreement::{damaged, soup, texts};
use super::{Unknown, limits, wide};
use crate::json::JsonLimits;

/// Limits that no text in a test reaches; no name stands twice.
fn unique() -> JsonLimits {
    JsonLimits {
        duplicate_names: Unknown::Reject,
        ..wide()
    }
}

/// Equal to the last bit of a double, which `serde_json` does not always get right.
fn is_as_read(ours: &Value, theirs: &Value) -> bool {
    match (ours, theirs) {
        (Value::Number(one), Value::Number(other)) if one.is_f64() && other.is_f64() => {
            let [one, other] = [one, other].map(|number| number.as_f64().unwrap_or(f64::NAN));
            [one, one.next_up(), one.next_down()]
                .map(f64::to_bits)
                .contains(&other.to_bits())
        }
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| is_as_read(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            let is_same = |((name, one), (known, other)): ((&String, &Value), (&String, &Value))| {
                name == known && is_as_read(one, other)
            };
            one.len() == other.len() && one.iter().zip(other).all(is_same)
        }
        _ => ours == theirs,
    }
}

proptest! {
    #[test]
    fn a_tree_is_what_serde_json_reads(text in texts()) {
        if let Ok(tree) = read(text.as_bytes(), &unique()) {
            let theirs: Value = serde_json::from_str(&text).expect("JSON");
            let ours = tree.root().to_value();
            prop_assert!(is_as_read(&ours, &theirs), "{} is not {}", ours, theirs);
            let again = Tree::from(&ours);
            prop_assert_eq!(&again.root().to_value(), &ours);
            prop_assert!(again.root().equals(tree.root()));
            prop_assert_eq!(again.root().values(), tree.root().values());
        }
    }

    #[test]
    fn a_text_has_a_tree_exactly_where_nothing_is_wrong_with_it(
        body in prop_oneof![texts().prop_map(String::into_bytes), damaged(), soup()]
    ) {
        prop_assert_eq!(read(&body, &unique()).map(drop), check(&body, &unique()).map(drop));
        // The limits may allow names to stand twice; a tree does not.
        prop_assert_eq!(read(&body, &wide()).map(drop), check(&body, &unique()).map(drop));
    }

    #[test]
    fn members_are_found_however_many_there_are(
        names in prop::collection::hash_set("[ab\"é]{0,6}", 0..120),
        others in prop::collection::vec("[ab\"é]{0,6}", 0..20),
    ) {
        let inner: Value = names.iter().map(|name| (name.clone(), json!({"of": name}))).collect();
        let value = json!([{"a": inner.clone()}, inner]);
        let text = value.to_string();
        let tree = read(text.as_bytes(), &unique()).expect("a tree");
        let object = tree.root().children().nth(1).expect("an object");
        for (name, member) in value[1].as_object().expect("an object") {
            let found = object.member(name).expect("a member");
            prop_assert_eq!(found.name(), name);
            prop_assert!(found.is(member));
        }
        for other in others {
            prop_assert_eq!(object.member(&other).is_some(), names.contains(&other));
        }
        prop_assert!(tree.root().is(&value));
        prop_assert!(object.equals(tree.root().children().next().and_then(|first| first.member("a")).expect("it")));
    }
}

#[test]
fn numbers_are_integers_where_they_are_written_so_and_else_the_nearest_double() {
    for (text, value) in [
        ("0", json!(0)),
        ("-0", json!(-0.0)),
        ("-1", json!(-1)),
        ("18446744073709551615", json!(u64::MAX)),
        ("-9223372036854775808", json!(i64::MIN)),
        ("1.0", json!(1.0)),
        ("1e0", json!(1.0)),
        ("19.99", json!(19.99)),
        ("0.1000000000000000055511151231257827", json!(0.1)),
        (
            "123456789012345678901234567890.0",
            json!(123_456_789_012_345_678_901_234_567_890.0),
        ),
    ] {
        let tree = read(text.as_bytes(), &limits()).expect("a number");
        assert_eq!(tree.root().to_value().to_string(), value.to_string(), "{text}");
        let Kind::Number(number) = tree.root().kind() else {
            panic!("{text} is no number");
        };
        assert_eq!(number.is_f64(), value.is_f64(), "{text}");
    }
}

#[test]
fn a_tree_takes_one_piece_of_memory_and_one_for_each_string_with_escapes() {
    let order = r#"{"id": "2026-0001", "customer": {"name": "Müßig", "address": {"street": "Dam 1", "city": "Amsterdam"}},
        "lines": [{"sku": "A-1", "quantity": 2, "price": 12.50, "tags": ["new", "förderung"]}], "paid": true}"#;
    let limits = limits();
    for (body, pieces) in [
        (order.to_owned(), 1),
        (order.replace("Dam 1", "say \\\"hello\\\""), 2),
        (order.replace("A-1", "\\u0041-1").replace("new", "\\n"), 3),
    ] {
        let counted = measure(|| assert!(read(body.as_bytes(), &limits).is_ok()));
        assert_eq!(counted.count_total, pieces, "{body}");
        assert_eq!(counted.count_current, 0);
    }
}

#[test]
fn a_tree_takes_memory_in_proportion_to_the_body() {
    for unit in ["1,", "{},", "\"\\n\",", "{\"a\":[]},"] {
        let body = format!("[{}0]", unit.repeat(9_999));
        let limits = limits();
        let counted = measure(|| assert!(read(body.as_bytes(), &limits).is_ok()));
        let ratio = counted.bytes_max / body.len() as u64;
        assert!(ratio < 64, "{ratio} times the body, of {unit:?}");
    }
}
