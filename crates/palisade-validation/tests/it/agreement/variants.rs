//! Values that differ from ones that match a schema in one thing each.

use serde_json::{Map, Value, json};

use super::contract::{members, texts};
use super::values::{Values, bounds, count, format, number};

/// A value that differs from a good one in one thing.
#[derive(Debug, Clone)]
pub(crate) struct Variant {
    /// In which.
    pub(crate) label: &'static str,
    pub(crate) value: Value,
    /// Whether the schema accepts it.
    pub(crate) is_good: bool,
}

impl Variant {
    fn bad(label: &'static str, value: Value) -> Self {
        Self {
            label,
            value,
            is_good: false,
        }
    }

    fn good(label: &'static str, value: Value) -> Self {
        Self {
            label,
            value,
            is_good: true,
        }
    }
}

impl Values<'_> {
    /// Values that differ from good ones in one thing each. What is deep inside is, too.
    pub(crate) fn variants(&mut self, schema: &Value) -> Vec<Variant> {
        let mut all = Vec::new();
        for one in self.alternatives(schema) {
            all.extend(self.of_any_kind(&one));
            match self.kind(&one) {
                "object" => self.of_objects(&one, &mut all),
                "array" => self.of_arrays(&one, &mut all),
                "integer" => self.of_integers(&one, &mut all),
                "number" => of_numbers(&one, 0.5, &mut all),
                "string" => self.of_texts(&one, &mut all),
                _ => {}
            }
        }
        all
    }

    fn of_any_kind(&mut self, schema: &Value) -> Vec<Variant> {
        let kind = self.kind(schema);
        let other = match kind {
            "string" => json!(7),
            "object" => json!([]),
            "array" => json!({}),
            _ => json!("many"),
        };
        let mut all = Vec::new();
        // Without a type or values, anything is good.
        if schema.get("type").is_some() || schema.get("enum").is_some() || schema.get("const").is_some() {
            all.push(Variant::bad("wrong-type", other));
            let null = if takes_null(schema) {
                Variant::good("null-that-may-be", Value::Null)
            } else {
                Variant::bad("null", Value::Null)
            };
            all.push(null);
        }
        if let Some(first) = schema["enum"].as_array().and_then(|values| values[0].as_str()) {
            let other_case = in_another_case(first);
            all.push(Variant::bad("not-listed", json!("unheard")));
            all.push(Variant::bad("listed-in-another-case", json!(other_case)));
        }
        if schema.get("const").is_some_and(Value::is_string) {
            all.push(Variant::bad("not-the-constant", json!("unheard")));
        }
        all
    }

    fn of_integers(&mut self, schema: &Value, all: &mut Vec<Variant>) {
        if schema.get("enum").is_some() {
            return;
        }
        of_numbers(schema, 1.0, all);
        let (least, _) = bounds(schema, 1.0);
        all.push(Variant::bad("fraction", json!(least + 0.25)));
        // It is an integer since draft 6 of JSON Schema; OpenAPI 3.0 stands on draft 5.
        all.push(Variant {
            label: "integer-with-a-point",
            value: json!(least + 1.0),
            is_good: self.is_3_1(),
        });
    }

    fn of_texts(&mut self, schema: &Value, all: &mut Vec<Variant>) {
        if schema.get("enum").is_some() || schema.get("const").is_some() {
            return;
        }
        if schema["pattern"].is_string() {
            let good = self.text(schema);
            let other = format!("~{}", good.get(1..).unwrap_or_default());
            all.push(Variant::bad("pattern", json!(other)));
        } else if let Some((_, bad)) = schema["format"].as_str().and_then(format) {
            all.extend(bad.iter().map(|bad| Variant::bad("format", json!(bad))));
        }
        if schema["pattern"].is_string() || schema["format"].is_string() {
            return;
        }
        if let Some(least) = count(schema, "minLength").filter(|least| *least > 1) {
            all.push(Variant::bad("too-short", json!("a".repeat(least - 1))));
        }
        if let Some(most) = count(schema, "maxLength") {
            all.push(Variant::bad("too-long", json!("a".repeat(most + 1))));
            // Characters are counted, not bytes and not what UTF-16 makes of them.
            all.push(Variant::good("long-in-bytes", json!("\u{1F4D6}".repeat(most))));
        }
    }

    fn of_arrays(&mut self, schema: &Value, all: &mut Vec<Variant>) {
        let is_full = schema.get("contains").is_some();
        let first = &schema["prefixItems"];
        if let Some(least) = count(schema, "minItems").filter(|_| first.is_null()) {
            let few = self.items(schema, least - 1, is_full);
            all.push(Variant::bad("too-few-items", few));
        }
        if let Some(most) = count(schema, "maxItems") {
            let enough = self.items(schema, most, is_full);
            let many = self.items(schema, most + 1, is_full);
            all.push(Variant::good("as-many-items-as-may-be", enough));
            all.push(Variant::bad("too-many-items", many));
        }
        let good = self.array(schema, false);
        let good = good.as_array().unwrap();
        if schema["uniqueItems"] == true {
            all.push(Variant::bad("same-item-twice", json!([good[0], good[0]])));
        }
        if schema["items"] == false {
            let items = [good.as_slice(), &[json!(1)]].concat();
            all.push(Variant::bad("another-item", json!(items)));
        }
        if is_full {
            all.push(Variant::bad("contains-none", json!([{"name": "a"}])));
        }
        let item = first.get(0).unwrap_or(&schema["items"]);
        for variant in self.variants(item) {
            if good[1..].contains(&variant.value) {
                // It would be there twice, which is another fault.
                continue;
            }
            let value = json!([&[variant.value], &good[1..]].concat());
            all.push(Variant { value, ..variant });
        }
    }

    fn of_objects(&mut self, schema: &Value, all: &mut Vec<Variant>) {
        let has_few = schema["maxProperties"].is_u64();
        let good = self.object(schema, !has_few);
        let good = good.as_object().unwrap();
        for name in texts(&schema["required"]).filter(|name| good.contains_key(*name)) {
            all.push(Variant::bad("missing-member", without(good, name)));
        }
        for (_, needed) in members(&schema["dependentRequired"]) {
            let missing = texts(needed).map(|name| Variant::bad("missing-dependent", without(good, name)));
            all.extend(missing);
        }
        if has_few {
            all.push(Variant::bad("too-many-members", self.many(schema)));
        }
        if schema["minProperties"].is_u64() {
            all.push(Variant::bad("too-few-members", json!({})));
        }
        self.of_unknown_members(schema, good, all);
        for (name, property) in members(&schema["properties"]) {
            if self.is_read_only(property) {
                let value = self.good(property);
                all.push(Variant::bad("read-only-member", with(good, name, value)));
            } else if good.contains_key(name) || !has_few {
                for variant in self.variants(property) {
                    let value = with(good, name, variant.value);
                    all.push(Variant { value, ..variant });
                }
            }
        }
    }

    fn of_unknown_members(&mut self, schema: &Value, good: &Map<String, Value>, all: &mut Vec<Variant>) {
        let additional = &schema["additionalProperties"];
        let another = with(good, "another", json!("a"));
        if additional.is_object() {
            for variant in self.variants(additional) {
                let value = with(good, "another", variant.value);
                all.push(Variant { value, ..variant });
            }
        } else if additional == false || schema["unevaluatedProperties"] == false {
            all.push(Variant::bad("another-member", another));
        } else {
            all.push(Variant::good("another-member-that-may-be", another));
        }
        if schema.get("patternProperties").is_some() {
            all.push(Variant::good("member-by-pattern", with(good, "x-a", json!("a"))));
            all.push(Variant::bad("wrong-type", with(good, "x-a", json!(1))));
        }
    }

    /// An object with more members than it may have.
    fn many(&mut self, schema: &Value) -> Value {
        let mut many = Map::new();
        for (name, property) in members(&schema["properties"]) {
            many.insert(name.to_owned(), self.good(property));
        }
        for name in ["a", "b", "c"]
            .iter()
            .filter(|_| schema["additionalProperties"] != false)
        {
            many.insert((*name).to_owned(), json!(1));
        }
        Value::Object(many)
    }
}

/// Numbers at their bounds, and one such step beyond.
fn of_numbers(schema: &Value, step: f64, all: &mut Vec<Variant>) {
    let (least, most) = bounds(schema, step);
    let is_bound = |names: [&str; 2]| names.iter().any(|name| schema[*name].is_number());
    if is_bound(["minimum", "exclusiveMinimum"]) {
        all.push(Variant::good("at-the-minimum", number(least)));
        all.push(Variant::bad("below-the-minimum", number(least - step)));
    }
    if is_bound(["maximum", "exclusiveMaximum"]) {
        all.push(Variant::good("at-the-maximum", number(most)));
        all.push(Variant::bad("above-the-maximum", number(most + step)));
    }
    if schema["multipleOf"].is_number() {
        all.push(Variant::bad("not-a-multiple", json!(least + 0.25)));
    }
}

fn with(object: &Map<String, Value>, name: &str, value: Value) -> Value {
    let mut object = object.clone();
    object.insert(name.to_owned(), value);
    Value::Object(object)
}

fn without(object: &Map<String, Value>, name: &str) -> Value {
    let mut object = object.clone();
    object.remove(name);
    Value::Object(object)
}

fn in_another_case(text: &str) -> String {
    let upper = text.to_uppercase();
    if upper == text { text.to_lowercase() } else { upper }
}

/// Whether a schema says that null is good.
fn takes_null(schema: &Value) -> bool {
    let values = schema["enum"].as_array();
    let is_listed = values.is_none_or(|values| values.contains(&Value::Null));
    let is_type = match &schema["type"] {
        _ if schema["nullable"] == true => true,
        Value::Array(types) => types.contains(&json!("null")),
        Value::String(name) => name == "null",
        _ => true,
    };
    is_listed && is_type && schema.get("const").is_none_or(Value::is_null)
}
