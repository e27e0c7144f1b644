use proptest::prelude::*;
use rstest::rstest;
use serde_json::{Map, Value, json};

use super::super::MAX_VIOLATIONS;
use super::{schema, told};

fn order() -> Value {
    json!({
        "type": "object",
        "required": ["id", "lines"],
        "additionalProperties": false,
        "properties": {
            "id": {"type": "string", "pattern": "^[A-Z]{2}-[0-9]{6}$"},
            "placed": {"type": "string", "format": "date-time"},
            "labels": {"type": "object", "additionalProperties": {"type": "string", "maxLength": 5}},
            "lines": {
                "type": "array", "minItems": 1,
                "items": {
                    "type": "object",
                    "required": ["sku", "price"],
                    "properties": {
                        "sku": {"type": "string"},
                        "price": {"type": "number", "exclusiveMinimum": 0, "multipleOf": 0.01},
                        "a/b~c": {"type": "boolean"}
                    }
                }
            }
        }
    })
}

#[test]
fn violations_tell_place_and_rule() {
    let body = json!({
        "id": "nonsense", "placed": "yesterday", "surprise": 1,
        "lines": [{"sku": "a", "price": 1}, {"sku": "b", "price": 0.001, "a/b~c": 1}, {"price": -1}]
    });
    let expected = [
        "/id | pattern | must match the pattern `^[A-Z]{2}-[0-9]{6}$`",
        "/placed | format | must be in the format `date-time`",
        "/lines/1/price | multipleOf | must be a multiple of 0.01",
        "/lines/1/a~1b~0c | type | must be a boolean",
        "/lines/2 | required | must have the member `sku`",
        "/lines/2/price | exclusiveMinimum | must be more than 0",
        " | additionalProperties | has 1 member that the schema does not expect: member 3",
    ];
    assert_eq!(told(schema(&order()).check(&body)), expected);
}

#[test]
fn every_run_and_every_compilation_tells_the_same_in_the_same_order() {
    let names: Vec<String> = (0..60).map(|n| format!("name{n}")).collect();
    let properties: Map<String, Value> = names
        .iter()
        .map(|name| (name.clone(), json!({"type": "string", "minLength": 3})))
        .collect();
    let rules = json!({"properties": properties, "required": ["missing", "gone"], "patternProperties": {"^name1": {"maxLength": 0}, "5$": false}});
    let body: Map<String, Value> = names.iter().rev().map(|name| (name.clone(), json!(7))).collect();
    let body = Value::Object(body);
    let first = schema(&rules).check(&body).unwrap_err();
    assert!(first.has_more);
    assert_eq!(first.list.len(), MAX_VIOLATIONS);
    for _ in 0..20 {
        assert_eq!(schema(&rules).check(&body).unwrap_err(), first);
    }
}

#[test]
fn names_that_the_schema_does_not_know_are_told_by_their_place() {
    let body = json!({"id": "AB-123456", "lines": [{"sku": "a", "price": 1}],
        "labels": {"fine": "short", "jane.doe@example.com": "too long a label"}});
    assert_eq!(
        told(schema(&order()).check(&body)),
        ["/labels | maxLength | in member 2: must have at most 5 characters"]
    );
    let rules =
        json!({"additionalProperties": {"additionalProperties": {"properties": {"id": {"type": "null"}}}}});
    assert_eq!(
        told(schema(&rules).check(&json!({"x": {}, "secret": {"also secret": {"id": 1}}}))),
        [" | type | in member 2 member 1/id: must be null"]
    );
}

#[rstest]
#[case::meant_by_constant(json!({"kind": "date", "on": "soon"}), &["/on | format | must be in the format `date`"])]
#[case::meant_by_members(json!({"days": "3"}), &["/days | type | must be an integer"])]
#[case::nothing_is_meant(json!({"kind": "week"}), &[])]
#[case::another_type(json!(5), &[])]
fn of_alternatives_the_one_that_was_meant_is_told(#[case] body: Value, #[case] more: &[&str]) {
    for keyword in ["oneOf", "anyOf"] {
        let rules = json!({keyword: [
            {"type": "object", "required": ["kind"], "properties": {"kind": {"const": "date"}, "on": {"type": "string", "format": "date"}}},
            {"type": "object", "required": ["days"], "additionalProperties": false, "properties": {"days": {"type": "integer"}}},
            {"type": "null"}
        ]});
        let mut expected = vec![format!(" | {keyword} | matches none of 3 alternatives")];
        expected.extend(more.iter().map(|told| (*told).to_owned()));
        assert_eq!(told(schema(&rules).check(&body)), expected);
    }
}

#[test]
fn pointers_are_bounded() {
    let name = "n".repeat(300);
    let rules = json!({"$ref": "#/$defs/a", "$defs": {"a": {"properties": {name.as_str(): {"$ref": "#/$defs/a"}, "end": false}}}});
    let mut body = json!({"end": 1});
    for _ in 0..50 {
        body = json!({name.as_str(): body});
    }
    let told = told(schema(&rules).check(&body));
    assert_eq!(told, [format!("/{name} | false | far below: must not be there")]);
}

#[rstest]
#[case::kind(json!({"type": ["integer", "null"]}), json!("secret"))]
#[case::constant(json!({"const": {"a": 1}}), json!({"secret": "secret"}))]
#[case::enumeration(json!({"enum": ["a", {"b": 1}]}), json!({"secret": ["secret"]}))]
#[case::names(json!({"propertyNames": {"maxLength": 2}}), json!({"secret": 1}))]
#[case::names_pattern(json!({"propertyNames": {"pattern": "^x", "enum": ["x"]}}), json!({"secret": 1}))]
#[case::unexpected(json!({"additionalProperties": false}), json!({"secret": 1}))]
#[case::unevaluated(json!({"unevaluatedProperties": false}), json!({"secret": 1}))]
#[case::unevaluated_item(json!({"unevaluatedItems": false}), json!(["secret"]))]
#[case::unevaluated_deep(json!({"unevaluatedProperties": {"type": "null"}}), json!({"secret": "secret"}))]
#[case::alternatives(json!({"anyOf": [{"const": 1}, {"properties": {"a": {"maxLength": 1}}, "minProperties": 2}]}), json!({"a": "secret"}))]
#[case::one_of(json!({"oneOf": [{"type": "array"}, {"additionalProperties": false}]}), json!({"secret": "secret"}))]
#[case::both(json!({"oneOf": [{}, true]}), json!("secret"))]
#[case::negation(json!({"not": {"type": "string"}}), json!("secret"))]
#[case::format(json!({"format": "email"}), json!("secret"))]
#[case::pattern(json!({"patternProperties": {"^s": {"pattern": "^x"}}}), json!({"secret": "secret"}))]
#[case::contains(json!({"contains": {"const": 1}}), json!(["secret"]))]
#[case::unique(json!({"uniqueItems": true}), json!(["secret", "secret"]))]
#[case::dependent(json!({"dependentRequired": {"a": ["b"]}}), json!({"a": "secret", "secret": 1}))]
#[case::condition(json!({"if": true, "then": {"additionalProperties": {"maxLength": 1}}}), json!({"secret": "secret"}))]
#[case::encoded(json!({"$schema": "http://json-schema.org/draft-07/schema#", "contentEncoding": "base64", "contentMediaType": "application/json"}), json!("secret!"))]
#[case::draft_4(json!({"$schema": "http://json-schema.org/draft-04/schema#", "items": [{}], "additionalItems": false}), json!([1, "secret"]))]
#[case::limits(json!({"maximum": 5, "multipleOf": 2}), json!(5_318_008.5))]
fn what_was_sent_is_never_told(#[case] rules: Value, #[case] body: Value) {
    let violations = schema(&rules).check(&body).unwrap_err();
    let everything = format!("{violations} {violations:?} {}", violations.public());
    assert!(!everything.contains("secret"), "{everything}");
    assert!(!everything.contains("5318008"), "{everything}");
    assert_ne!(violations.list[0].keyword, "schema");
}

#[test]
fn every_cent_is_a_multiple_of_a_cent_and_no_other_is() {
    let cents = schema(&json!({"multipleOf": 0.01}));
    for amount in 0..200_000 {
        let text = format!("{}.{:02}", amount / 100, amount % 100);
        let value: Value = serde_json::from_str(&text).unwrap();
        assert!(cents.check(&value).is_ok(), "{text}");
        let value: Value = serde_json::from_str(&format!("{text}5")).unwrap();
        assert!(cents.check(&value).is_err(), "{text}5");
    }
    for text in ["1e300", "9007199254740993", "123456789012.34", "-0.07", "0"] {
        assert!(
            cents.check(&serde_json::from_str(text).unwrap()).is_ok(),
            "{text}"
        );
    }
}

#[rstest]
#[case::limit_of_i64(json!({"maximum": 9_223_372_036_854_775_806_i64}), "9223372036854775807", false)]
#[case::u64(json!({"maximum": 18_446_744_073_709_551_614_u64}), "18446744073709551615", false)]
#[case::above_u64(json!({"type": "integer"}), "18446744073709551616", true)]
#[case::whole_float(json!({"type": "integer"}), "1.0", true)]
#[case::whole_float_in_draft_4(json!({"$schema": "http://json-schema.org/draft-04/schema#", "type": "integer"}), "1.0", false)]
#[case::beyond_u64_is_rounded(json!({"maximum": 18_446_744_073_709_551_616_f64}), "18446744073709551617", true)]
#[case::above_u64_in_draft_4(json!({"$schema": "http://json-schema.org/draft-04/schema#", "type": "integer"}), "18446744073709551616", true)]
#[case::equal_however_written(json!({"const": 100}), "1e2", true)]
#[case::fraction(json!({"type": "integer"}), "1.5", false)]
fn numbers_are_as_documented(#[case] rules: Value, #[case] text: &str, #[case] passes: bool) {
    assert_eq!(
        schema(&rules).check(&serde_json::from_str(text).unwrap()).is_ok(),
        passes
    );
}

#[rstest]
#[case(r"^\d+$", "١", false)]
#[case(r"^\w+$", "é", false)]
#[case(r"\p{L}", "é", true)]
#[case("b", "abc", true)]
#[case(r"^\S+$", "a\u{feff}b", false)]
#[case("^a$", "a\n", false)]
fn patterns_are_those_of_ecma_262(#[case] pattern: &str, #[case] text: &str, #[case] passes: bool) {
    assert_eq!(
        schema(&json!({"pattern": pattern})).check(&json!(text)).is_ok(),
        passes
    );
}

#[rstest]
#[case("int32", "not a number", true)]
#[case("email", "jane@example.com", true)]
#[case("email", "Jane Doe <jane@example.com>", false)]
#[case("email", "jane", false)]
#[case("date", "2024-02-30", false)]
#[case("uuid", "urn:uuid:123e4567-e89b-12d3-a456-426614174000", false)]
#[case("ipv4", "127.1", false)]
fn formats_of_the_drafts_are_asserted(#[case] format: &str, #[case] text: &str, #[case] passes: bool) {
    assert_eq!(
        schema(&json!({"format": format})).check(&json!(text)).is_ok(),
        passes
    );
}

/// Values with few different ones, so that some are equal.
fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (0_i64..4).prop_map(Value::from),
        (0_i32..8).prop_map(|n| Value::from(f64::from(n) / 2.0)),
        "[ab]{0,2}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 30, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::hash_map("[abc]", inner, 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn unique_is_what_the_crate_takes_for_unique(items in prop::collection::vec(values(), 0..40)) {
        let rules = json!({"uniqueItems": true});
        let own = jsonschema::validator_for(&rules).unwrap().is_valid(&Value::from(items.clone()));
        prop_assert_eq!(schema(&rules).check(&Value::from(items)).is_ok(), own);
    }

    #[test]
    fn a_place_leads_to_the_value_it_is_of(value in values(), pretty: bool) {
        let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) }.unwrap();
        let mut open = vec![(String::new(), &value)];
        while let Some((pointer, value)) = open.pop() {
            let place = super::super::place::locate(&text, &pointer);
            let line = text.lines().skip(place.line - 1).collect::<Vec<_>>().join("\n");
            let found = serde_json::Deserializer::from_str(&line[place.column - 1..]).into_iter::<Value>().next();
            prop_assert_eq!(&found.unwrap().unwrap(), value);
            match value {
                Value::Array(items) => open.extend(items.iter().enumerate().map(|(n, item)| (format!("{pointer}/{n}"), item))),
                Value::Object(members) => open.extend(members.iter().map(|(name, member)| (format!("{pointer}/{name}"), member))),
                _ => (),
            }
        }
    }
}
