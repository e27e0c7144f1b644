use rstest::rstest;
use serde_json::{Value, json};

use super::super::{MAX_VIOLATIONS, Schema};
use super::{schema, told};

/// Expressions, as filters of searches are often given: every alternative leads to the operands again.
fn expressions(again: &Value) -> Schema {
    let operator = |name: &str| {
        json!({
            "type": "object", "required": ["op", "of"], "additionalProperties": false,
            "properties": {"op": {"const": name}, "of": {"type": "array", "items": again}}
        })
    };
    schema(&json!({
        "$dynamicAnchor": "expression",
        "oneOf": [operator("and"), operator("or"), operator("not"), {"type": "string"}]
    }))
}

fn expression(depth: usize, innermost: Value) -> Value {
    (0..depth).fold(innermost, |inner, _| json!({"op": "or", "of": [inner]}))
}

#[rstest]
#[case(json!({"$ref": "#"}))]
#[case(json!({"$dynamicRef": "#expression"}))]
fn alternatives_that_recurse_take_no_exponential_time(#[case] again: Value) {
    let schema = expressions(&again);
    assert!(schema.check(&expression(31, json!("a"))).is_ok());
    let violations = schema.check(&expression(31, json!(1))).unwrap_err();
    assert_eq!(violations.list.len(), 1);
    assert!(!violations.list[0].message.is_empty());
    assert_eq!(
        told(schema.check(&expression(3, json!(1)))),
        ["", "/of/0", "/of/0/of/0", "/of/0/of/0/of/0"]
            .map(|place| format!("{place} | oneOf | matches none of 4 alternatives"))
    );
    let wide = json!({"op": "and", "of": vec![expression(2, json!(null)); 2_000]});
    assert!(schema.check(&wide).is_err());
}

#[test]
fn many_errors_are_cut_short() {
    let rules = json!({"items": {"type": "object", "required": ["a", "b"], "minProperties": 2}});
    let violations = schema(&rules).check(&json!(vec![json!({}); 10_000])).unwrap_err();
    assert_eq!(violations.list.len(), MAX_VIOLATIONS);
    assert!(violations.has_more);
    assert_eq!(violations.list[31].pointer, "/10");
    assert!(violations.to_string().ends_with("; and more"));
}

#[test]
fn work_grows_with_the_instance_and_no_further() {
    let rules: Vec<Value> = (0..15)
        .map(|n| json!({"items": {"not": {"const": n}, "minLength": 1}}))
        .collect();
    let items: Value = (1_000..101_000).collect();
    assert!(schema(&json!({"allOf": rules})).check(&items).is_ok());

    let rules: Vec<Value> = (0..40)
        .map(|n| json!({"items": {"not": {"const": n}, "minLength": 1}}))
        .collect();
    assert_eq!(
        told(schema(&json!({"allOf": rules})).check(&items)),
        [" | schema | takes more work to check than its size allows"]
    );
}

/// Two ways to the same, twenty-six times over.
fn doubled(keyword: &str, innermost: &Value) -> Schema {
    let ways = |n: usize| {
        let next = json!({"$ref": format!("#/$defs/a{}", n + 1)});
        (format!("a{n}"), json!({keyword: [next.clone(), next]}))
    };
    let mut levels: serde_json::Map<String, Value> = (0..26).map(ways).collect();
    levels.insert("a26".to_owned(), innermost.clone());
    schema(&json!({"$ref": "#/$defs/a0", "$defs": levels}))
}

#[rstest]
#[case::json_type(json!({"type": "integer"}), json!("xx"))]
#[case::types(json!({"type": ["integer", "null", "boolean"]}), json!("xx"))]
#[case::minimum(json!({"minimum": 2}), json!(1))]
#[case::multiple_of(json!({"multipleOf": 2}), json!(1))]
#[case::max_length(json!({"maxLength": 1}), json!("xx"))]
#[case::min_length(json!({"minLength": 3}), json!("xx"))]
#[case::constant(json!({"const": "x"}), json!("xx"))]
#[case::one_of_few(json!({"enum": ["x", 1, null]}), json!("xx"))]
#[case::pattern(json!({"pattern": "^y"}), json!("xx"))]
#[case::format(json!({"format": "date"}), json!("xx"))]
#[case::null(json!({"type": "null"}), json!(true))]
#[case::required(json!({"required": ["a"]}), json!({}))]
#[case::items(json!({"minItems": 1}), json!([]))]
fn alternatives_that_multiply_come_to_an_end_with_scalars(#[case] innermost: Value, #[case] instance: Value) {
    for keyword in ["anyOf", "oneOf"] {
        assert_eq!(
            told(doubled(keyword, &innermost).check(&instance)),
            [" | schema | takes more work to check than its size allows"],
            "{keyword}"
        );
    }
}

#[test]
fn a_pattern_spends_what_it_takes() {
    let rules = schema(&json!({
        "additionalProperties": {"pattern": r"^(\s*[0-9A-F]{1,16}\s*,?){1,100}$"},
        "propertyNames": {"pattern": "^[a-z]{1,3}[0-9]{0,9}$"}
    }));
    let too_much = [" | schema | takes more work to check than its size allows"];
    let short = "0".repeat(400);
    assert!(rules.check(&json!({"a": "12,AB", "b": 5, "c": &short})).is_ok());
    assert_eq!(
        told(rules.check(&json!({"a": "12;AB"}))),
        [r" | pattern | in member 1: must match the pattern `^(\s*[0-9A-F]{1,16}\s*,?){1,100}$`"]
    );
    assert_eq!(told(rules.check(&json!({"a": "0".repeat(8_000)}))), too_much);
    let many: Value = (0..20).map(|n| (format!("a{n}"), json!(&short))).collect();
    assert_eq!(told(rules.check(&many)), too_much);
    assert_eq!(
        told(rules.check(&json!({"A": "1"}))),
        [" | propertyNames | has a member whose name must match the pattern `^[a-z]{1,3}[0-9]{0,9}$`"]
    );
}

#[test]
fn ten_thousand_items_are_compared_in_linear_work() {
    let rules = schema(&json!({"uniqueItems": true, "items": {"uniqueItems": true}}));
    let mut items: Vec<Value> = (0..10_000)
        .map(|n| json!({"n": n, "at": [n, {"also": n.to_string()}]}))
        .collect();
    assert!(rules.check(&json!(items)).is_ok());
    items.push(json!({"at": [77.0, {"also": "77"}], "n": 77}));
    assert_eq!(
        told(rules.check(&json!(items))),
        [" | uniqueItems | must not have two equal items"]
    );
    let close: Vec<Value> = (0..5_000_u64).map(|n| json!(u64::MAX - n)).collect();
    assert!(rules.check(&json!(close)).is_ok());
}

/// The stack of a worker thread is 2 MiB; tests are not optimised, so theirs is the hard case.
#[test]
fn sixty_four_levels_fit_into_half_the_stack_of_a_worker() {
    let worker = std::thread::Builder::new().stack_size(1 << 20).spawn(|| {
        let rules = schema(&json!({
            "$ref": "#/$defs/tree",
            "$defs": {
                "tree": {
                    "anyOf": [{"allOf": [{"$ref": "#/$defs/node"}]}, {"type": "integer"}],
                    "unevaluatedProperties": false
                },
                "node": {
                    "if": {"required": ["next"]},
                    "then": {"properties": {"next": {"$ref": "#/$defs/tree"}}, "dependentSchemas": {"next": {"$ref": "#/$defs/named"}}},
                    "properties": {"items": {"items": {"$ref": "#/$defs/tree"}}},
                    "type": "object"
                },
                "named": {"oneOf": [{"properties": {"name": {"type": "string"}}, "required": ["name"]}]}
            }
        }));
        let deep = |innermost: Value| {
            (0..32).fold(innermost, |inner, _| json!({"name": "a", "next": {"items": [inner]}}))
        };
        assert!(rules.check(&deep(json!(1))).is_ok());
        assert!(rules.check(&deep(json!(null))).is_err());
    });
    worker.unwrap().join().unwrap();
}
