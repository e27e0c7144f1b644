//! What is accepted is what axum hands to a handler, value for value.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Path, Query};
use axum::routing::get;
use http::{Request, StatusCode, Uri};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};
use tower::ServiceExt;

use super::super::Parameters;
use super::{check, compile, head};
use crate::settings::Unknown;

/// Pieces of which texts are made that readers may take in different ways.
const PIECES: &[&str] = &[
    "a", "b", "=", "&", "+", "%20", "%2B", "%26", "%3D", "%25", "%2525", "%00", "%2F", "%2C", ",", ";",
    "%C3%A9", "%C3", "%", "%zz", ".", "5", "-",
];

fn pieces() -> impl Strategy<Value = String> {
    prop::collection::vec(select(PIECES), 0..8).prop_map(|pieces| pieces.concat())
}

/// Accepts that very value under the name `a` or, of the path, `id`.
fn only(place: &str, schema: &Value) -> Parameters {
    let is_path = place == "path";
    let name = if is_path { "id" } else { "a" };
    let parameter = json!([{"name": name, "in": place, "required": true, "schema": schema}]);
    let variables: &[&str] = if is_path { &["id"] } else { &[] };
    compile(&json!([]), &parameter, variables).unwrap()
}

/// What axum makes of `/x/{id}`.
fn by_axum(target: &str) -> Option<String> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let router: Router = Router::new().route("/x/{id}", get(|Path(id): Path<String>| async { id }));
        let request = Request::get(target).body(Body::empty()).unwrap();
        let response = router.oneshot(request).await.unwrap();
        let is_found = response.status() == StatusCode::OK;
        let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        is_found.then(|| String::from_utf8(body.to_vec()).unwrap())
    })
}

/// Whether each percent sign introduces two hexadecimal digits.
fn is_escaped_well(text: &str) -> bool {
    let digits = |rest: &str| rest.len() >= 2 && rest.bytes().take(2).all(|byte| byte.is_ascii_hexdigit());
    text.split('%').skip(1).all(digits)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_query_is_read_as_axum_reads_it(query in pieces()) {
        let target = format!("/x?a={query}");
        let uri: Uri = target.parse().unwrap();
        let Query(pairs) = Query::<Vec<(String, String)>>::try_from_uri(&uri).unwrap();
        let values: Vec<&str> = pairs.iter().filter(|(name, _)| name == "a").map(|(_, value)| value.as_str()).collect();
        let head = head(&target, &[]);
        let accepts = |schema: &Value| check(&only("query", schema), &[], &head, Unknown::Allow).is_ok();
        if is_escaped_well(&query) && !pairs.iter().any(|(name, value)| name.contains('\u{FFFD}') || value.contains('\u{FFFD}')) {
            let is_one = values.len() == 1;
            prop_assert_eq!(accepts(&json!({"type": "string", "const": values[0]})), is_one);
            prop_assert_eq!(accepts(&json!({"type": "array", "const": values})), true);
        } else {
            prop_assert_eq!(accepts(&json!({"type": "string"})), false);
            prop_assert_eq!(accepts(&json!({"type": "array"})), false);
        }
    }

    #[test]
    fn a_variable_of_the_path_is_read_as_axum_reads_it(text in pieces()) {
        let target = format!("/x/{text}");
        let Some(value) = by_axum(&target) else { return Ok(()) };
        let head = head(&target, &[]);
        let accepts = |schema: &Value| check(&only("path", schema), &[("id", &text)], &head, Unknown::Allow).is_ok();
        if is_escaped_well(&text) {
            prop_assert_eq!(accepts(&json!({"type": "string", "const": value})), true);
            prop_assert_eq!(accepts(&json!({"type": "string", "const": format!("{value}x")})), false);
        } else {
            prop_assert_eq!(accepts(&json!({"type": "string"})), false);
        }
    }

    #[test]
    fn nothing_is_accepted_that_was_not_looked_at(query in pieces()) {
        let parameters = json!([
            {"name": "a", "in": "query", "schema": {"type": "array", "items": {"type": "string"}}},
            {"name": "b", "in": "query", "schema": {"type": "object", "properties": {"5": {}, "-": {}}}},
        ]);
        let parameters = compile(&json!([]), &parameters, &[]).unwrap();
        let target = format!("/x?{query}");
        let uri: Uri = target.parse().unwrap();
        if check(&parameters, &[], &head(&target, &[]), Unknown::Reject).is_ok() {
            let Query(pairs) = Query::<Vec<(String, String)>>::try_from_uri(&uri).unwrap();
            prop_assert!(pairs.iter().all(|(name, _)| matches!(name.as_str(), "a" | "5" | "-" | "api_key")));
            prop_assert!(is_escaped_well(&query));
        }
    }
}
