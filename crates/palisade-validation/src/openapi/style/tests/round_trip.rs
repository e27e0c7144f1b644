//! What is written as the standard has it reads back as it was.

use std::fmt::Write as _;

use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};

use super::{layout, read};
use crate::parameters::Place::{self, Cookie, Header, Path, Query};

/// Encodes all but letters and digits, as any client may.
fn encode(text: &str, place: Place) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        match byte {
            _ if place == Header => encoded.push(char::from(byte)),
            b' ' if place == Query => encoded.push('+'),
            byte if byte.is_ascii_alphanumeric() => encoded.push(char::from(byte)),
            byte => write!(encoded, "%{byte:02X}").unwrap(),
        }
    }
    encoded
}

fn word(value: &Value, place: Place) -> String {
    match value {
        Value::String(text) => encode(text, place),
        value => encode(&value.to_string(), place),
    }
}

/// Writes a value by RFC 6570, and by OpenAPI where that goes further.
fn write(place: Place, style: &str, explode: bool, value: &Value) -> String {
    let word = |value: &Value| word(value, place);
    let name = |name: &str| encode(name, place);
    let delimiter = match (style, explode) {
        ("matrix", true) => ";",
        ("label", true) => ".",
        ("spaceDelimited", false) => "%20",
        ("pipeDelimited", false) => "%7C",
        ("form" | "spaceDelimited" | "pipeDelimited" | "deepObject", true) => "&",
        _ => ",",
    };
    let is_named = |style: &str| matches!(style, "matrix" | "form" | "spaceDelimited" | "pipeDelimited");
    let own_name = if is_named(style) { "color=" } else { "" };
    let all: Vec<String> = match value {
        Value::Array(items) if explode => items
            .iter()
            .map(|item| format!("{own_name}{}", word(item)))
            .collect(),
        Value::Array(items) => items.iter().map(word).collect(),
        Value::Object(members) if style == "deepObject" => members
            .iter()
            .map(|(member, value)| format!("color%5B{}%5D={}", name(member), word(value)))
            .collect(),
        Value::Object(members) if explode => members
            .iter()
            .map(|(member, value)| format!("{}={}", name(member), word(value)))
            .collect(),
        Value::Object(members) => members
            .iter()
            .flat_map(|(member, value)| [name(member), word(value)])
            .collect(),
        value => vec![word(value)],
    };
    let is_single = !value.is_array() && !value.is_object();
    let prefix = match style {
        "matrix" => ";",
        "label" => ".",
        _ => "",
    };
    let own_name = if explode && !is_single { "" } else { own_name };
    format!("{prefix}{own_name}{}", all.join(delimiter))
}

/// Every place, style and `explode` for which an array, and an object, is defined.
const LAYOUTS: &[(Place, &str, bool, bool)] = &[
    (Path, "matrix", false, true),
    (Path, "matrix", true, true),
    (Path, "label", false, true),
    (Path, "label", true, true),
    (Path, "simple", false, true),
    (Path, "simple", true, true),
    (Header, "simple", false, true),
    (Header, "simple", true, true),
    (Query, "form", false, true),
    (Query, "form", true, true),
    (Query, "spaceDelimited", false, true),
    (Query, "spaceDelimited", true, false),
    (Query, "pipeDelimited", false, true),
    (Query, "pipeDelimited", true, false),
    (Query, "deepObject", true, true),
    (Cookie, "form", false, true),
];

/// A text that the style can carry.
fn text(place: Place, style: &str) -> BoxedStrategy<String> {
    match (place, style) {
        (Header, _) => "[!-+.-<>-~]{1,6}".boxed(),
        // Those two have no way to write their delimiter within a value.
        (_, "spaceDelimited" | "pipeDelimited") => "[^ |]{0,6}".boxed(),
        // Brackets in the name of a member are none of its own.
        (_, "deepObject") => "[^\\[\\]]{1,6}".boxed(),
        _ => any::<String>().boxed(),
    }
}

fn value() -> impl Strategy<Value = (Place, &'static str, bool, Value, Value)> {
    let layouts = select(LAYOUTS);
    layouts.prop_flat_map(|(place, style, explode, has_objects)| {
        let item = prop_oneof![
            text(place, style).prop_map(|text| (json!({"type": "string"}), json!(text))),
            any::<i64>().prop_map(|number| (json!({"type": "integer"}), json!(number))),
            any::<bool>().prop_map(|flag| (json!({"type": "boolean"}), json!(flag))),
        ];
        let items = prop::collection::vec(item, 1..5);
        let names = prop::collection::btree_set(text(place, style), 5);
        (items, names, any::<bool>()).prop_map(move |(items, names, is_object)| {
            if style == "deepObject" || is_object && has_objects {
                let names = || names.iter().cloned();
                let schemas: Map<String, Value> = names()
                    .zip(items.iter().map(|(schema, _)| schema.clone()))
                    .collect();
                let values: Map<String, Value> = names()
                    .zip(items.iter().map(|(_, value)| value.clone()))
                    .collect();
                let schema = json!({"type": "object", "properties": schemas});
                return (place, style, explode, schema, Value::Object(values));
            }
            let (schemas, values): (Vec<Value>, Vec<Value>) = items.into_iter().unzip();
            let schema = json!({"type": "array", "prefixItems": schemas, "items": {"type": "string"}});
            (place, style, explode, schema, Value::Array(values))
        })
    })
}

proptest! {
    #[test]
    fn what_is_written_reads_back((place, style, explode, schema, value) in value()) {
        let layout = layout(place, Some(style), Some(explode), &schema).unwrap();
        let text = write(place, style, explode, &value);
        prop_assert_eq!(read(&layout, place, &text), Ok(value), "{}", text);
    }

    #[test]
    fn single_values_read_back(
        (place, style) in select(&[(Path, "matrix"), (Path, "label"), (Path, "simple"), (Query, "form"), (Cookie, "form")][..]),
        explode in any::<bool>(),
        text in any::<String>(),
        number in any::<i64>(),
    ) {
        for (schema, value) in [(json!({"type": "string"}), json!(text)), (json!({"type": "integer"}), json!(number))] {
            let layout = layout(place, Some(style), Some(explode), &schema).unwrap();
            let text = write(place, style, explode, &value);
            prop_assert_eq!(read(&layout, place, &text), Ok(value), "{}", text);
        }
    }

    #[test]
    fn no_text_is_too_strange(
        (place, style, explode, _) in select(LAYOUTS),
        text in "[;.,=&+|%2C0a-c\\[\\]]{0,20}",
    ) {
        let schema = if style == "deepObject" { json!({"type": "object"}) } else { json!({"type": "array"}) };
        let layout = layout(place, Some(style), Some(explode), &schema).unwrap();
        for reading in layout.readings() {
            let _ = layout.read(&[("".into(), &text)], reading, 10);
        }
    }
}
