//! The stage against a naive one that reads the settings anew for each request.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use http::Request;
use palisade_access::Operation;
use palisade_core::{Context, Guard, Principal, RefusalFormat, RequestId};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::{Map, Value, json};

use crate::common::{caller, guard};

const METHODS: [&str; 12] = [
    "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "REPORT", "get", "Post",
];
const OPERATIONS: [&str; 4] = ["create", "read", "update", "delete"];
const NAMES: [&str; 3] = ["a", "b", "A"];

/// What stands in a file.
#[derive(Debug, Clone)]
struct Written {
    operations: BTreeMap<&'static str, Vec<String>>,
    methods: BTreeMap<&'static str, &'static str>,
}

impl Written {
    fn settings(&self) -> Value {
        let operations = self.operations.iter();
        let mut settings: Map<String, Value> = operations
            .map(|(operation, said)| ((*operation).to_owned(), json!(said)))
            .collect();
        settings.insert("methods".to_owned(), json!(self.methods));
        Value::Object(settings)
    }

    fn operation(&self, method: &str) -> Option<&'static str> {
        if let Some(named) = self.methods.get(method) {
            return Some(named);
        }
        match method {
            "GET" => Some("read"),
            "HEAD" => self.operation("GET"),
            "POST" => Some("create"),
            "PUT" | "PATCH" => Some("update"),
            "DELETE" => Some("delete"),
            _ => None,
        }
    }

    fn said(&self, method: &str) -> &[String] {
        let said = self
            .operation(method)
            .and_then(|operation| self.operations.get(operation));
        said.map_or(&[], Vec::as_slice)
    }

    fn somebody_may(&self, method: &str) -> bool {
        self.said(method).iter().any(|word| word != "deny")
    }

    fn may(&self, method: &str, principal: Option<&Principal>) -> bool {
        self.said(method)
            .iter()
            .any(|word| match (word.split_once(':'), principal) {
                (None, _) => word == "allow",
                (Some(_), None) => false,
                (Some((kind, name)), Some(caller)) => match kind {
                    "role" => caller.roles.iter().any(|role| role.as_ref() == name),
                    "scope" => caller.scopes.iter().any(|scope| scope.as_ref() == name),
                    "user" => !caller.is_tenant && caller.subject.as_ref() == name,
                    _ => {
                        caller.tenant.as_deref() == Some(name)
                            || caller.is_tenant && caller.subject.as_ref() == name
                    }
                },
            })
    }

    /// The status, and the value of `Allow`.
    fn answer(&self, method: &str, principal: Option<&Principal>) -> (u16, Option<String>) {
        if self.may(method, principal) {
            return (200, None);
        }
        if self.somebody_may(method) {
            return (403, None);
        }
        let allowed: BTreeSet<&str> = METHODS
            .into_iter()
            .filter(|method| self.somebody_may(method))
            .collect();
        (405, Some(allowed.into_iter().collect::<Vec<_>>().join(", ")))
    }
}

fn said() -> impl Strategy<Value = Vec<String>> {
    let rule = (
        select(vec!["role", "scope", "user", "tenant"]),
        select(&NAMES[..]),
    )
        .prop_map(|(kind, name)| format!("{kind}:{name}"));
    prop_oneof![
        1 => Just(vec!["allow".to_owned()]),
        1 => Just(vec!["deny".to_owned()]),
        3 => prop::collection::vec(rule, 1..4),
    ]
}

fn written() -> impl Strategy<Value = Written> {
    let operations = prop::collection::btree_map(select(&OPERATIONS[..]), said(), 1..=4);
    // Names of methods are written in upper case.
    let methods = prop::collection::btree_map(select(&METHODS[..10]), select(&OPERATIONS[..]), 0..4);
    (operations, methods).prop_map(|(operations, methods)| Written { operations, methods })
}

fn principal() -> impl Strategy<Value = Principal> {
    let names = || subsequence(&NAMES[..], 0..=NAMES.len()).prop_map(|names| names.join(" "));
    let tenant = prop::option::of(select(&NAMES[..]));
    let principal = (select(&NAMES[..]), names(), names(), tenant, any::<bool>());
    principal.prop_map(|(subject, roles, scopes, tenant, is_tenant)| {
        let caller = caller(subject, &roles, &scopes).of_tenant(tenant.map(Into::into));
        if is_tenant { caller.as_tenant() } else { caller }
    })
}

/// What the stage answers, in the same words.
fn answer(guard: &dyn Guard, method: &str, principal: Option<&Principal>) -> (u16, Option<String>) {
    let (mut head, ()) = Request::builder()
        .method(method)
        .body(())
        .expect("a request")
        .into_parts();
    if let Some(principal) = principal {
        head.extensions.insert(Arc::new(principal.clone()));
    }
    let mut cx = Context::new(&head);
    let verdict = guard.request(&mut cx, &mut head);
    let rehearsed = guard.rehearse(&mut cx, &mut head);
    assert_eq!(verdict.is_ok(), rehearsed.is_ok());
    let Err(rejection) = verdict else {
        return (200, None);
    };
    let response = rejection.to_response(&RequestId::random(), RefusalFormat::Problem);
    let allow = response.headers().get("allow");
    let allow = allow.map(|value| value.to_str().expect("visible").to_owned());
    (response.status().as_u16(), allow)
}

proptest! {
    #[test]
    fn the_stage_agrees_with_a_naive_one(written in written(), principal in prop::option::of(principal())) {
        let guard = guard(written.settings());
        for method in METHODS {
            prop_assert_eq!(
                answer(&*guard, method, principal.as_ref()),
                written.answer(method, principal.as_ref()),
                "{}", method
            );
        }
    }

    #[test]
    fn a_reason_begins_with_the_operation_of_the_method(written in written()) {
        let guard = guard(written.settings());
        for method in METHODS {
            let (head, ()) = Request::builder().method(method).body(()).unwrap().into_parts();
            let reason = guard.reason(&head).unwrap_or_default();
            let told = Operation::ALL.into_iter().map(Operation::as_str);
            let told = told.into_iter().find(|operation| reason.starts_with(&format!("{operation}: ")));
            prop_assert_eq!(told, written.operation(method));
        }
    }
}
