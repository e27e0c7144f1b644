//! What is told of a fault.

use rstest::rstest;
use serde_json::json;

use super::{check, compiled, head};
use crate::settings::Unknown;

#[rstest]
#[case("/x?a=secret")]
#[case("/x?o[secret]=secret")]
#[case("/x?o[k]=secret&o[secret]=")]
#[case("/x?secret=secret")]
#[case("/x?j=%22secret")]
#[case("/x?j=%7B%22secret%22:1%7D")]
fn what_is_told_and_logged_has_nothing_of_the_peer(#[case] target: &str) {
    let parameters = compiled(&json!([
        {"name": "a", "in": "query", "schema": {"type": "integer"}},
        {"name": "o", "in": "query", "style": "deepObject", "schema": {
            "type": "object", "properties": {"k": {"const": "x"}}, "additionalProperties": false,
        }},
        {"name": "j", "in": "query", "content": {"application/json": {"schema": {"additionalProperties": false}}}},
    ]));
    let fault = check(&parameters, &[], &head(target, &[]), Unknown::Reject).unwrap_err();
    assert!(
        !format!("{fault} {fault:?} {}", fault.public()).contains("secret"),
        "{fault:?}"
    );
}
