//! The stage as peers see it, and what it says of settings.

use std::error::Error;
use std::sync::Arc;

use http::Request;
use palisade_access::AccessSettings;
use palisade_core::{Context, FactKind, Pipeline, Principal, Severity};
use rstest::rstest;
use serde_json::{Value, json};

use crate::common::{ask, assert_refusal, build, caller, findings, guard, stage};

fn orders() -> Pipeline {
    let settings = json!({
        "read": ["role:reader", "role:clerk"],
        "create": ["role:clerk", "scope:orders.write"],
        "update": ["user:jane"],
        "methods": {"SEARCH": "read", "PURGE": "delete"},
    });
    stage(settings).into()
}

#[tokio::test]
async fn whom_a_rule_matches_comes_through() {
    let orders = orders();
    for (method, caller) in [
        ("GET", caller("joe", "reader", "")),
        ("SEARCH", caller("joe", "reader", "")),
        ("POST", caller("joe", "clerk", "")),
        ("POST", caller("robot", "", "orders.write")),
        ("PATCH", caller("jane", "", "")),
    ] {
        let response = ask(&orders, method, Some(caller)).await;
        assert_eq!(response.status(), 200, "{method}");
        assert_eq!(response.body(), method);
    }
}

#[tokio::test]
async fn whom_no_rule_matches_gets_403_and_the_same_answer_whoever_it_is() {
    let orders = orders();
    for (method, caller) in [
        ("GET", None),
        ("GET", Some(caller("joe", "Reader", "reader"))),
        ("POST", None),
        ("POST", Some(caller("joe", "reader", "orders.read"))),
        ("PUT", Some(caller("joe", "clerk reader", "orders.write"))),
        ("PUT", Some(Principal::new("jane", "certificate").as_tenant())),
    ] {
        assert_refusal(&ask(&orders, method, caller).await, 403, None);
    }
}

#[tokio::test]
async fn what_nobody_may_do_is_405_with_the_methods_that_somebody_may_use() {
    let orders = orders();
    let everything = || caller("jane", "reader clerk admin", "orders.write delete");
    for method in ["DELETE", "PURGE", "OPTIONS", "TRACE", "CONNECT", "REPORT", "get"] {
        for caller in [None, Some(everything())] {
            let allow = "GET, HEAD, PATCH, POST, PUT, SEARCH";
            assert_refusal(&ask(&orders, method, caller).await, 405, Some(allow));
        }
    }
}

#[tokio::test]
async fn where_nobody_may_do_anything_allow_is_there_and_empty() {
    let closed = stage(json!({"delete": ["deny"]})).into();
    for method in ["GET", "DELETE", "OPTIONS"] {
        let caller = caller("jane", "admin", "");
        assert_refusal(&ask(&closed, method, Some(caller)).await, 405, Some(""));
    }
}

#[tokio::test]
async fn an_answer_to_head_has_no_body() {
    let closed = stage(json!({"create": ["deny"]})).into();
    let response = ask(&closed, "HEAD", None).await;
    assert_eq!((response.status().as_u16(), response.body().len()), (405, 0));
    assert_eq!(response.headers()["allow"], "");
}

#[tokio::test]
async fn each_of_several_stages_refuses_on_its_own() {
    let both = Pipeline::from_iter([
        stage(json!({"read": ["allow"], "create": ["role:clerk"]})),
        stage(json!({"read": ["tenant:acme"], "create": ["tenant:acme"], "update": ["allow"]})),
    ]);
    let of_acme = |roles: &str| Some(caller("jane", roles, "").of_tenant(Some("acme".into())));
    assert_eq!(ask(&both, "GET", of_acme("")).await.status(), 200);
    assert_eq!(ask(&both, "POST", of_acme("clerk")).await.status(), 200);
    assert_refusal(&ask(&both, "POST", of_acme("")).await, 403, None);
    assert_refusal(
        &ask(&both, "GET", Some(caller("jane", "clerk", ""))).await,
        403,
        None,
    );
    assert_refusal(
        &ask(&both, "PUT", of_acme("clerk")).await,
        405,
        Some("GET, HEAD, POST"),
    );
}

#[rstest]
#[case(json!({"read": ["allow"], "create": ["deny"]}), &[])]
#[case(json!({"read": ["deny"]}), &[])]
#[case(json!({"read": ["allow"], "create": ["role:clerk"]}), &[FactKind::Principal])]
fn the_caller_is_read_only_where_there_are_rules(#[case] settings: Value, #[case] facts: &[FactKind]) {
    assert_eq!(guard(settings).reads(), facts);
}

#[test]
fn a_refusal_keeps_the_reason_for_the_log() {
    let guard = guard(json!({"create": ["role:clerk", "scope:orders.write"]}));
    let mut request = Request::post("/").body(()).unwrap();
    request
        .extensions_mut()
        .insert(Arc::new(caller("jane", "reader", "")));
    let (mut head, ()) = request.into_parts();
    let refused = guard.request(&mut Context::new(&head), &mut head).unwrap_err();
    let cause = refused.source().unwrap().to_string();
    assert_eq!(
        cause,
        "create: needs role:clerk or scope:orders.write; the caller is jane"
    );
    assert_eq!(guard.reason(&head), Some(cause));
}

const RULE: &str = "role:, scope:, user: or tenant: with a name, or allow or deny alone";
const ALONE: &str = "rules alone, for allow and deny stand by themselves";
const METHOD: &str = "the name of a method in upper case such as POST or REPORT (RFC 9110 section 9.1)";
const NONE: &str = "at least one of create, read, update and delete";

#[rstest]
#[case::nothing(json!({}), &[("", NONE, "")])]
#[case::methods_alone(json!({"methods": {"POST": "read"}}), &[("", NONE, "")])]
#[case::empty(json!({"read": []}), &[("read", "at least one rule; deny is for nobody", "")])]
#[case::misspelt(json!({"read": ["rol:x"]}), &[("read[0]", RULE, "; did you mean `role:x`?")])]
#[case::misspelt_allow(json!({"read": ["alow"]}), &[("read[0]", RULE, "; did you mean `allow`?")])]
#[case::no_name(json!({"read": ["role:a", "role:"]}), &[("read[1]", "a name behind role:", "")])]
#[case::allow_beside_rules(json!({"read": ["role:a", "allow"]}), &[("read[1]", ALONE, "")])]
#[case::deny_beside_rules(json!({"read": ["deny", "role:a"]}), &[("read[0]", ALONE, "")])]
#[case::allow_twice(json!({"read": ["allow", "allow"]}), &[("read[0]", ALONE, ""), ("read[1]", ALONE, "")])]
#[case::lower_case(
    json!({"read": ["allow"], "methods": {"post": "read"}}),
    &[("methods.post", METHOD, "; did you mean `POST`?")]
)]
#[case::near_miss(
    json!({"read": ["allow"], "methods": {"POTS": "read"}}),
    &[("methods.POTS", METHOD, "; did you mean `POST`?")]
)]
#[case::malformed(json!({"read": ["allow"], "methods": {"*": "read"}}), &[("methods.*", METHOD, "")])]
#[case::all_at_once(
    json!({"create": ["x"], "delete": [], "methods": {"get": "read"}}),
    &[
        ("create[0]", RULE, ""),
        ("delete", "at least one rule; deny is for nobody", ""),
        ("methods.get", METHOD, "; did you mean `GET`?"),
    ]
)]
fn settings_that_cannot_be_used_say_why(#[case] settings: Value, #[case] expected: &[(&str, &str, &str)]) {
    let told: Vec<(String, String)> = build(settings.clone())
        .unwrap_err()
        .faults
        .into_iter()
        .map(|fault| (fault.key, fault.expected))
        .collect();
    let expected: Vec<(String, String)> = expected
        .iter()
        .map(|(key, what, suggestion)| ((*key).to_owned(), format!("{what}{suggestion}")))
        .collect();
    assert_eq!(told, expected);
    assert!(findings(settings).is_empty(), "errors are told once");
}

#[rstest]
#[case(json!({"raed": ["allow"]}), "raed")]
#[case(json!({"read": ["allow"], "methods": {"POST": "reed"}}), "reed")]
fn settings_that_nobody_knows_are_errors(#[case] value: Value, #[case] named: &str) {
    let error = serde_json::from_value::<AccessSettings>(value).unwrap_err();
    assert!(error.to_string().contains(named), "{error}");
}

#[rstest]
#[case(json!({"read": ["allow"]}), &[])]
#[case(json!({"read": ["allow"], "create": ["role:a"], "update": ["role:a"], "delete": ["deny"]}), &[])]
#[case(json!({"read": ["allow"], "methods": {"POST": "read"}}), &[])]
#[case(
    json!({"create": ["allow"], "update": ["allow"], "delete": ["allow"]}),
    &[
        ("access-allows-everyone", Severity::Moderate, "create"),
        ("access-allows-everyone", Severity::Moderate, "update"),
        ("access-allows-everyone", Severity::Moderate, "delete"),
    ]
)]
#[case(
    json!({"read": ["role:a"], "create": ["role:b"], "methods": {"POST": "read"}}),
    &[("access-operation-unused", Severity::Caution, "create")]
)]
#[case(json!({"read": ["role:a"], "create": ["deny"], "methods": {"POST": "read"}}), &[])]
#[case(
    json!({"read": ["role:a"], "methods": {"DELETE": "read", "PUT": "create"}}),
    &[("access-write-counts-as-read", Severity::Moderate, "methods.DELETE")]
)]
fn what_a_careful_operator_would_not_allow_is_a_finding(
    #[case] settings: Value,
    #[case] expected: &[(&str, Severity, &str)],
) {
    let found = findings(settings);
    let found: Vec<(&str, Severity, &str)> = found
        .iter()
        .map(|finding| {
            (
                finding.code.as_ref(),
                finding.severity,
                finding.key.as_deref().unwrap_or_default(),
            )
        })
        .collect();
    assert_eq!(found, expected);
}
