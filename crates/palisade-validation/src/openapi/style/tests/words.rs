//! What single texts are, by their schemas.

use rstest::rstest;
use serde_json::{Value, json};

use super::{layout, readings, shape_of};
use crate::openapi::style::Kinds;
use crate::parameters::Place::Query;

/// Every reading of `color=text`, without those that cannot be.
fn all(schema: &Value, text: &str) -> Vec<Value> {
    let layout = layout(Query, None, None, schema).unwrap();
    readings(&layout, Query, &format!("color={text}"))
        .into_iter()
        .flatten()
        .collect()
}

#[rstest]
#[case("string", "5", json!("5"))]
#[case("string", "true", json!("true"))]
#[case("string", "", json!(""))]
#[case("integer", "5", json!(5))]
#[case("integer", "-5", json!(-5))]
#[case("integer", "0", json!(0))]
#[case("integer", "18446744073709551615", json!(u64::MAX))]
#[case("integer", "18446744073709551616", json!("18446744073709551616"))]
#[case("integer", "-9223372036854775809", json!("-9223372036854775809"))]
#[case("integer", "01", json!("01"))]
#[case("integer", "-0", json!("-0"))]
#[case("integer", "%2B1", json!("+1"))]
#[case("integer", "+1", json!(" 1"))]
#[case("integer", "1+", json!("1 "))]
#[case("integer", "1e3", json!("1e3"))]
#[case("integer", "1.0", json!("1.0"))]
#[case("integer", "", json!(""))]
#[case("integer", "0x10", json!("0x10"))]
#[case("integer", "%D9%A5", json!("٥"))]
#[case("number", "1.5", json!(1.5))]
#[case("number", "1e3", json!(1000.0))]
#[case("number", "5", json!(5))]
#[case("number", ".5", json!(".5"))]
#[case("number", "5.", json!("5."))]
#[case("number", "1e999", json!("1e999"))]
#[case("number", "1e-999", json!("1e-999"))]
#[case("number", "NaN", json!("NaN"))]
#[case("number", "Infinity", json!("Infinity"))]
#[case("boolean", "true", json!(true))]
#[case("boolean", "false", json!(false))]
#[case("boolean", "True", json!("True"))]
#[case("boolean", "1", json!("1"))]
#[case("boolean", "", json!(""))]
#[case("null", "", json!(null))]
#[case("null", "null", json!("null"))]
fn a_text_is_what_its_type_makes_of_it(#[case] kind: &str, #[case] text: &str, #[case] expected: Value) {
    assert_eq!(all(&json!({"type": kind}), text), [expected]);
}

#[rstest]
#[case(json!({"type": ["integer", "string"]}), "5", &[json!(5), json!("5")])]
#[case(json!({"type": ["integer", "string"]}), "a", &[json!("a"), json!("a")])]
#[case(json!({"type": ["integer", "null"]}), "", &[json!(null)])]
#[case(json!({"type": ["string", "null"]}), "", &[json!("")])]
#[case(json!({"type": "integer", "nullable": true}), "", &[json!(null)])]
#[case(json!({}), "5", &[json!(5), json!("5")])]
#[case(json!({"enum": ["5", "a"]}), "5", &[json!("5")])]
#[case(json!({"enum": [5]}), "5", &[json!(5)])]
#[case(json!({"const": true}), "true", &[json!(true)])]
#[case(json!({"anyOf": [{"type": "integer"}, {"type": "boolean"}]}), "true", &[json!(true)])]
#[case(json!({"oneOf": [{"type": "integer"}, {"$ref": "#/components/schemas/Text"}]}), "5", &[json!(5), json!("5")])]
#[case(json!({"allOf": [{"type": ["string", "integer"]}, {"type": "integer"}]}), "5", &[json!(5)])]
#[case(json!({"allOf": [{"minLength": 1}, {"$ref": "#/components/schemas/Text"}]}), "5", &[json!("5")])]
#[case(json!({"$ref": "#/components/schemas/Flag"}), "true", &[json!(true)])]
#[case(json!({"minimum": 3, "anyOf": [{"multipleOf": 3}, {"multipleOf": 5}]}), "5", &[json!(5), json!("5")])]
#[case(json!({"anyOf": [{"type": "array", "items": {"type": "integer"}}, {"type": "null"}]}), "5", &[json!([5])])]
#[case(json!({"anyOf": [{"type": "array", "items": {"type": "integer"}}, {"type": "null"}]}), "", &[json!([""])])]
#[case(json!({"anyOf": [{"type": "array", "items": {"type": "integer"}}, {"type": "integer"}]}), "5", &[json!([5]), json!(5)])]
#[case(json!({"anyOf": [{"type": "boolean"}, {"type": "null"}]}), "", &[json!(null)])]
#[case(json!({"items": {"type": "boolean"}}), "true", &[json!([true])])]
fn what_may_be_of_several_types_has_several_readings(
    #[case] schema: Value,
    #[case] text: &str,
    #[case] expected: &[Value],
) {
    assert_eq!(all(&schema, text), expected);
}

#[test]
fn items_are_what_their_place_says() {
    let schema = json!({
        "type": "array",
        "prefixItems": [{"type": "string"}, {"type": "integer"}],
        "items": {"type": "boolean"},
    });
    let layout = layout(Query, None, Some(false), &schema).unwrap();
    let read = readings(&layout, Query, "color=1,1,true,1");
    assert_eq!(read, [Ok(json!(["1", 1, true, "1"]))]);
}

#[test]
fn members_are_what_their_name_says() {
    let schema = json!({
        "allOf": [
            {"type": "object", "properties": {"a": {"type": "string"}, "x-b": {"type": "integer"}}},
            {"properties": {"c": {"$ref": "#/components/schemas/Flag"}}},
        ],
        "additionalProperties": {"type": "number"},
    });
    let layout = layout(Query, None, Some(false), &schema).unwrap();
    let read = readings(&layout, Query, "color=a,1,x-b,1,c,true,d,1.5");
    assert_eq!(read, [Ok(json!({"a": "1", "x-b": 1, "c": true, "d": 1.5}))]);
}

#[test]
fn nothing_is_null_where_it_is_no_empty_text() {
    let schema = json!({"type": ["object", "null"]});
    let layout = layout(Query, None, Some(false), &schema).unwrap();
    assert_eq!(readings(&layout, Query, "color=")[0], Ok(Value::Null));
}

#[test]
fn a_schema_that_leads_to_itself_is_of_any_type() {
    let schema = json!({"type": "array", "items": {"$ref": "#/components/schemas/S"}});
    assert!(shape_of(&schema, 3).is_nested());
    let schema = json!({"anyOf": [{"type": "string"}, {"$ref": "#/components/schemas/S"}]});
    assert_eq!(shape_of(&schema, 1).kinds, Kinds::ALL);
}

#[test]
fn schemas_that_lead_to_each_other_are_followed_once() {
    let children: Vec<Value> = (0..20)
        .map(|_| json!({"allOf": [{"$ref": "#/components/schemas/S"}, {"type": "object"}]}))
        .collect();
    assert_eq!(shape_of(&json!({"oneOf": children}), 1).kinds, Kinds::OBJECT);
}
