//! Values that match a schema.

use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::string::string_regex;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::{Map, Value, json};

use super::contract::{Contract, members, texts};

/// Makes values, always the same ones.
pub(crate) struct Values<'c> {
    contract: &'c Contract,
    runner: TestRunner,
}

impl<'c> Values<'c> {
    pub(crate) fn new(contract: &'c Contract, seed: u8) -> Self {
        let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[seed; 32]);
        Self {
            contract,
            runner: TestRunner::new_with_rng(Config::default(), rng),
        }
    }

    pub(super) fn is_3_1(&self) -> bool {
        self.contract.is_3_1()
    }

    /// A number below that.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        (0..end).new_tree(&mut self.runner).unwrap().current()
    }

    fn pick<'v, T>(&mut self, list: &'v [T]) -> &'v T {
        &list[self.below(list.len())]
    }

    /// A value that matches, as a request may have it.
    pub(crate) fn good(&mut self, schema: &Value) -> Value {
        self.some(schema, false)
    }

    /// The same, or one with all members that it may have.
    fn some(&mut self, schema: &Value, is_full: bool) -> Value {
        let schema = self.merged(schema);
        if let Some(value) = schema.get("const") {
            return value.clone();
        }
        if let Some(values) = schema["enum"].as_array() {
            let values: Vec<&Value> = values.iter().filter(|value| !value.is_null()).collect();
            return (*self.pick(&values)).clone();
        }
        match self.kind(&schema) {
            "object" => self.object(&schema, is_full),
            "array" => self.array(&schema, is_full),
            "integer" => self.integer(&schema),
            "number" => self.number(&schema),
            "boolean" => json!(self.below(2) == 0),
            "null" => Value::Null,
            _ => json!(self.text(&schema)),
        }
    }

    /// A schema with what its references and alternatives say, as one: of alternatives, one.
    pub(super) fn merged(&mut self, schema: &Value) -> Value {
        let mut whole = Map::new();
        self.merge(schema, &mut whole);
        Value::Object(whole)
    }

    /// A schema as one, for each of the alternatives that it begins with, save for null.
    pub(super) fn alternatives(&mut self, schema: &Value) -> Vec<Value> {
        let schema = self.contract.resolve(schema).clone();
        for name in ["oneOf", "anyOf"] {
            if let Some(parts) = schema[name].as_array().filter(|parts| parts.len() > 1) {
                let one = |part: &Value| {
                    let mut schema = schema.clone();
                    schema[name] = json!([part]);
                    let mut one = self.merged(&schema);
                    one["nullable"] = json!(parts.iter().any(is_null) || one["nullable"] == true);
                    one
                };
                return parts.iter().filter(|part| !is_null(part)).map(one).collect();
            }
        }
        vec![self.merged(&schema)]
    }

    fn merge(&mut self, schema: &Value, whole: &mut Map<String, Value>) {
        if schema.get("$ref").is_some() {
            let target = self.contract.resolve(schema);
            return self.merge(target, whole);
        }
        for (name, value) in members(schema) {
            match name {
                "allOf" => {
                    for part in value.as_array().unwrap() {
                        self.merge(part, whole);
                    }
                }
                "oneOf" | "anyOf" => {
                    let parts = value.as_array().unwrap();
                    let part = self.pick(parts).clone();
                    self.merge(&part, whole);
                }
                // Of conditions, the case that they are about.
                "if" | "then" => self.merge(value, whole),
                "required" => {
                    let all = whole.entry(name).or_insert_with(|| json!([]));
                    all.as_array_mut()
                        .unwrap()
                        .extend(value.as_array().unwrap().clone());
                }
                "properties" => merge_properties(value, whole.entry(name).or_insert_with(|| json!({}))),
                _ => {
                    whole.insert(name.to_owned(), value.clone());
                }
            }
        }
    }

    pub(super) fn kind(&mut self, schema: &Value) -> &'static str {
        let names: Vec<&str> = match &schema["type"] {
            Value::String(name) => vec![name],
            Value::Array(_) => texts(&schema["type"]).collect(),
            _ if schema.get("properties").is_some() => vec!["object"],
            _ => vec!["string"],
        };
        let names: Vec<&str> = names.into_iter().filter(|name| *name != "null").collect();
        if names.is_empty() {
            "null"
        } else {
            known(self.pick::<&str>(&names))
        }
    }

    pub(super) fn object(&mut self, schema: &Value, is_full: bool) -> Value {
        let required: Vec<&str> = texts(&schema["required"]).collect();
        let least = count(schema, "minProperties").unwrap_or(0);
        let most = count(schema, "maxProperties").unwrap_or(usize::MAX);
        let mut object = Map::new();
        for (name, property) in members(&schema["properties"]) {
            let is_wanted = required.contains(&name) || is_full || object.len() < least || self.below(2) == 0;
            if is_wanted && object.len() < most && !self.is_read_only(property) {
                object.insert(name.to_owned(), self.some(property, is_full));
            }
        }
        for (name, needed) in members(&schema["dependentRequired"]) {
            for needed in texts(needed) {
                if object.contains_key(name) && !object.contains_key(needed) {
                    let value = self.good(&schema["properties"][needed]);
                    object.insert(needed.to_owned(), value);
                }
            }
        }
        if schema["additionalProperties"].is_object() && self.below(2) == 0 {
            object.insert("another".to_owned(), self.good(&schema["additionalProperties"]));
        }
        Value::Object(object)
    }

    pub(super) fn is_read_only(&self, schema: &Value) -> bool {
        self.contract.resolve(schema)["readOnly"] == true
    }

    pub(super) fn array(&mut self, schema: &Value, is_full: bool) -> Value {
        if let Some(first) = schema["prefixItems"].as_array() {
            return first.iter().map(|item| self.good(item)).collect();
        }
        let least = count(schema, "minItems").unwrap_or(1);
        let most = count(schema, "maxItems").unwrap_or(least + 2);
        let length = least + self.below(most - least + 1).min(2);
        self.items(schema, length, is_full || schema.get("contains").is_some())
    }

    /// An array of so many items, all different.
    pub(super) fn items(&mut self, schema: &Value, length: usize, is_full: bool) -> Value {
        let mut items: Vec<Value> = Vec::new();
        let mut attempts = 0;
        while items.len() < length && attempts < 1000 {
            attempts += 1;
            let item = self.some(&schema["items"], is_full);
            if schema["uniqueItems"] != true || !items.contains(&item) {
                items.push(item);
            }
        }
        Value::Array(items)
    }

    fn integer(&mut self, schema: &Value) -> Value {
        let (least, most) = bounds(schema, 1.0);
        json!(whole(least) + self.up_to(most - least))
    }

    /// One of the numbers that are halves.
    fn number(&mut self, schema: &Value) -> Value {
        let (least, most) = bounds(schema, 0.5);
        number(least + f64::from(self.up_to((most - least) * 2.0)) / 2.0)
    }

    fn up_to(&mut self, most: f64) -> i32 {
        let most = usize::try_from(whole(most)).unwrap();
        i32::try_from(self.below(most + 1)).unwrap()
    }

    pub(super) fn text(&mut self, schema: &Value) -> String {
        let least = count(schema, "minLength").unwrap_or(1).max(1);
        let most = count(schema, "maxLength").unwrap_or(least + 40);
        if let Some(pattern) = schema["pattern"].as_str() {
            let inner = pattern.trim_start_matches('^').trim_end_matches('$');
            let texts = string_regex(inner).unwrap();
            loop {
                let text = texts.new_tree(&mut self.runner).unwrap().current();
                if (least..=most).contains(&text.chars().count()) {
                    return text;
                }
            }
        }
        if let Some((good, _)) = schema["format"].as_str().and_then(format) {
            return (*self.pick(good)).to_owned();
        }
        let length = least + self.below((most - least + 1).min(9));
        let letters = (0..length).map(|_| *self.pick(b"abcdefghijklmnopqrstuvwxyz"));
        letters.map(char::from).collect()
    }
}

fn is_null(schema: &Value) -> bool {
    schema["type"] == "null"
}

fn merge_properties(properties: &Value, into: &mut Value) {
    for (name, property) in members(properties) {
        let known = into
            .as_object_mut()
            .unwrap()
            .entry(name)
            .or_insert_with(|| json!({}));
        known
            .as_object_mut()
            .unwrap()
            .extend(property.as_object().unwrap().clone());
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "numbers in the documents are small"
)]
fn whole(value: f64) -> i32 {
    value as i32
}

/// The type of that name.
fn known(name: &str) -> &'static str {
    let all = [
        "object", "array", "integer", "number", "boolean", "null", "string",
    ];
    all.into_iter().find(|known| *known == name).unwrap()
}

pub(super) fn count(schema: &Value, name: &str) -> Option<usize> {
    schema[name].as_u64().map(|count| usize::try_from(count).unwrap())
}

/// A number as people write it: 2 rather than 2.0.
pub(super) fn number(value: f64) -> Value {
    if value.fract() == 0.0 {
        json!(whole(value))
    } else {
        json!(value)
    }
}

/// The bounds of numbers that are one such step apart.
pub(super) fn bounds(schema: &Value, step: f64) -> (f64, f64) {
    let bound = |inclusive: &str, exclusive: &str, inwards: f64| {
        let plain = schema[inclusive].as_f64();
        match &schema[exclusive] {
            Value::Bool(true) => plain.map(|bound| bound + inwards),
            Value::Number(bound) => bound.as_f64().map(|bound| bound + inwards),
            _ => plain,
        }
    };
    let least = bound("minimum", "exclusiveMinimum", step);
    let most = bound("maximum", "exclusiveMaximum", -step);
    let least = least.unwrap_or_else(|| most.map_or(0.0, |most| most.min(0.0)));
    (least, most.unwrap_or(least + 100.0))
}

/// Texts of a format, and texts that are none.
pub(super) fn format(name: &str) -> Option<(&'static [&'static str], &'static [&'static str])> {
    Some(match name {
        "date" => (&["2024-02-29", "1999-12-31"], &["2023-02-29", "2024-1-1"]),
        "date-time" => (
            &["2024-02-29T23:59:59Z", "1999-12-31T00:00:00.5+01:00"],
            &["2024-02-29 23.59", "2024-02-29"],
        ),
        "uuid" => (
            &["4f6a3b0e-6a0c-4c5e-9f43-8d8e7c1f2a10"],
            &["4f6a3b0e-6a0c-4c5e-9f43-8d8e7c1f2a1g", "4f6a3b0e"],
        ),
        "email" => (&["jo@example.org"], &["jo.example.org"]),
        "uri" => (&["https://example.org/a?b=c"], &["//example.org/a b"]),
        "ipv4" => (&["192.0.2.7"], &["192.0.2.256"]),
        "byte" => (&["aGVsbG8="], &["aGVsbG8*"]),
        _ => return None,
    })
}
