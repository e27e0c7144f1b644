//! What is wrong with a document shows at start.

use rstest::rstest;
use serde_json::{Value, json};

use super::{check, compile, head};
use crate::settings::Unknown;

fn string(name: &str, place: &str) -> Value {
    json!({"name": name, "in": place, "required": place == "path", "schema": {"type": "string"}})
}

fn problems(of_path: &Value, of_operation: &Value, variables: &[&str]) -> Vec<String> {
    let errors = compile(of_path, of_operation, variables).map(|_| ()).unwrap_err();
    errors.list.into_iter().map(|error| error.problem).collect()
}

#[rstest]
#[case(json!([]), &["id"], "has no parameter for the variable `{id}` of its path")]
#[case(json!([string("ID", "path")]), &[], "the path has no variable `{ID}`")]
#[case(
    json!([{"name": "a", "in": "query", "content": {"application/xml": {"schema": {}}}}]), &[],
    "is not read in parameters: there are application/json and text/plain"
)]
#[case(
    json!([{"name": "a", "in": "query", "style": "deepObject", "schema": {"type": "array"}}]), &[],
    "`style: deepObject` is not defined for anything but objects"
)]
#[case(json!([string("not a field", "header")]), &[], "must be under the name of a header field")]
#[case(
    json!([string("Cookie", "header")]), &[],
    "must be `in: cookie`: HTTP/2 parts cookies into several fields (RFC 9113 section 8.2.3)"
)]
#[case(
    json!([string("R", "query"), {"name": "color", "in": "query", "schema": {"type": "object", "properties": {"R": {}}}}]), &[],
    "takes the name `R`, which another parameter takes too"
)]
fn a_document_that_cannot_be_kept_is_an_error(
    #[case] parameters: Value,
    #[case] variables: &[&str],
    #[case] expected: &str,
) {
    assert_eq!(problems(&json!([]), &parameters, variables), [expected]);
}

#[test]
fn names_differ_by_place_and_by_case_where_that_counts() {
    let parameters = json!([
        string("a", "query"),
        string("A", "query"),
        string("a", "header"),
        string("a", "cookie"),
        string("A", "cookie"),
    ]);
    assert!(compile(&json!([]), &parameters, &[]).is_ok());
}

#[test]
fn the_operation_stands_in_for_its_path() {
    let of_path = json!([
        {"name": "a", "in": "query", "required": true, "schema": {"const": "path"}},
        {"name": "X-B", "in": "header", "required": true, "schema": {"const": "path"}},
        {"name": "c", "in": "query", "schema": {"const": "path"}},
    ]);
    let of_operation = json!([
        {"name": "a", "in": "query", "schema": {"const": "operation"}},
        {"name": "x-b", "in": "header", "schema": {"const": "operation"}},
    ]);
    let parameters = compile(&of_path, &of_operation, &[]).unwrap();
    let accepts = |target: &str, fields: &[(&str, &str)]| {
        check(&parameters, &[], &head(target, fields), Unknown::Reject).is_ok()
    };
    assert!(accepts("/x", &[]));
    assert!(accepts("/x?a=operation&c=path", &[("x-b", "operation")]));
    assert!(!accepts("/x?a=path", &[]));
    assert!(!accepts("/x", &[("x-b", "path")]));
    assert!(!accepts("/x?c=operation", &[]));
}

#[test]
fn every_error_is_told() {
    let parameters = json!([
        {"name": "a", "in": "query", "style": "deepObject", "schema": {"type": "string"}},
        {"name": "b", "in": "cookie", "schema": {"type": "array"}},
    ]);
    assert_eq!(problems(&json!([]), &parameters, &["id"]).len(), 3);
}
