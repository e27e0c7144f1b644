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
    let rules: Vec<Value> = (0..100)
        .map(|n| json!({"items": {"not": {"const": n}, "minLength": 1}}))
        .collect();
    let items: Value = (1_000..11_000).collect();
    assert!(schema(&json!({"allOf": rules})).check(&items).is_ok());

    let rules: Vec<Value> = (0..400)
        .map(|n| json!({"items": {"not": {"const": n}, "minLength": 1}}))
        .collect();
    assert_eq!(
        told(schema(&json!({"allOf": rules})).check(&items)),
        [" | schema | takes more work to check than its size allows"]
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
