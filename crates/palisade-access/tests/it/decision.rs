//! The decision, row by row.

use http::Method;
use palisade_access::{Access, Operation, Rights};
use palisade_core::Principal;
use rstest::rstest;

use crate::common::caller;

/// Reading for all, creating for clerks and a scope, updating for one user and one tenant, deleting for nobody.
fn orders() -> Access {
    Access::builder()
        .allow_everybody(Operation::Read)
        .allow(Operation::Create, ["role:clerk"])
        .allow(Operation::Create, ["scope:orders.write", "role:clerk"])
        .allow(Operation::Update, ["user:jane", "tenant:acme"])
        .deny(Operation::Delete)
        .map_method(Method::from_bytes(b"REPORT").expect("a method"), Operation::Read)
        .build()
        .expect("the rules are right")
}

fn clerk() -> Principal {
    caller("joe", "clerk", "")
}

fn jane() -> Principal {
    caller("jane", "reader", "orders.read")
}

fn writer() -> Principal {
    caller("robot", "", "orders.read orders.write")
}

fn acme() -> Principal {
    Principal::new("acme", "certificate").as_tenant()
}

fn jane_the_tenant() -> Principal {
    Principal::new("jane", "certificate").as_tenant()
}

#[rstest]
#[case("GET", None, Ok("read: everybody may"))]
#[case("HEAD", None, Ok("read: everybody may"))]
#[case("REPORT", Some(jane()), Ok("read: everybody may"))]
#[case("POST", Some(clerk()), Ok("create: role:clerk matches"))]
#[case("POST", Some(writer()), Ok("create: scope:orders.write matches"))]
#[case(
    "POST",
    Some(jane()),
    Err("create: needs role:clerk or scope:orders.write; the caller is jane")
)]
#[case(
    "POST",
    None,
    Err("create: needs role:clerk or scope:orders.write; the caller is not known")
)]
#[case("PUT", Some(jane()), Ok("update: user:jane matches"))]
#[case("PATCH", Some(jane()), Ok("update: user:jane matches"))]
#[case("PATCH", Some(acme()), Ok("update: tenant:acme matches"))]
#[case(
    "PUT",
    Some(jane_the_tenant()),
    Err("update: needs user:jane or tenant:acme; the caller is jane")
)]
#[case(
    "PUT",
    Some(clerk()),
    Err("update: needs user:jane or tenant:acme; the caller is joe")
)]
#[case("DELETE", Some(clerk()), Err("delete: nobody may"))]
#[case("DELETE", None, Err("delete: nobody may"))]
#[case("OPTIONS", Some(clerk()), Err("the method belongs to no operation"))]
#[case("TRACE", Some(clerk()), Err("the method belongs to no operation"))]
#[case("CONNECT", Some(clerk()), Err("the method belongs to no operation"))]
#[case("get", Some(clerk()), Err("the method belongs to no operation"))]
#[case("SEARCH", Some(clerk()), Err("the method belongs to no operation"))]
fn the_verdict_tells_the_rule_that_decides(
    #[case] method: Method,
    #[case] principal: Option<Principal>,
    #[case] reason: Result<&str, &str>,
) {
    let access = orders();
    let verdict = access.admits(&method, principal.as_ref());
    let told = verdict
        .map(|admitted| admitted.to_string())
        .map_err(|denied| denied.to_string());
    assert_eq!(told, reason.map(str::to_owned).map_err(str::to_owned));
}

#[rstest]
#[case(None, [false, true, false, false])]
#[case(Some(clerk()), [true, true, false, false])]
#[case(Some(writer()), [true, true, false, false])]
#[case(Some(jane()), [false, true, true, false])]
#[case(Some(acme()), [false, true, true, false])]
#[case(Some(jane_the_tenant()), [false, true, false, false])]
fn rights_say_what_a_caller_may_do(#[case] principal: Option<Principal>, #[case] expected: [bool; 4]) {
    let [create, read, update, delete] = expected;
    let expected = Rights {
        create,
        read,
        update,
        delete,
    };
    assert_eq!(orders().rights(principal.as_ref()), expected);
}

#[test]
fn methods_and_operations_are_told_both_ways() {
    let access = orders();
    let of = |operation| {
        access
            .methods_of(operation)
            .map(Method::as_str)
            .collect::<Vec<_>>()
    };
    assert_eq!(of(Operation::Create), ["POST"]);
    assert_eq!(of(Operation::Read), ["GET", "REPORT", "HEAD"]);
    assert_eq!(of(Operation::Update), ["PUT", "PATCH"]);
    assert_eq!(of(Operation::Delete), ["DELETE"]);
    assert_eq!(
        access.allowed_methods().to_string(),
        "GET, HEAD, PATCH, POST, PUT, REPORT"
    );
}

#[test]
fn what_is_not_spoken_of_is_denied() {
    let access = Access::builder().deny(Operation::Create).build().unwrap();
    let anybody = caller("jane", "create read update delete", "create read update delete");
    assert_eq!(access.rights(Some(&anybody)), Rights::default());
    assert_eq!(access.allowed_methods().as_slice(), [] as [Method; 0]);
    for method in [Method::GET, Method::POST, Method::PUT, Method::DELETE] {
        assert!(access.admits(&method, Some(&anybody)).is_err());
    }
}

#[test]
fn what_cannot_be_meant_is_told_all_at_once() {
    let errors = Access::builder()
        .allow(Operation::Create, ["role:a", "rol:b", "allow"])
        .allow(Operation::Read, [""; 0])
        .allow_everybody(Operation::Update)
        .allow(Operation::Update, ["role:a"])
        .deny(Operation::Delete)
        .allow_everybody(Operation::Delete)
        .build()
        .unwrap_err();
    let told: Vec<(&str, &str)> = errors
        .errors()
        .iter()
        .map(|error| (error.key.as_str(), error.expected.as_str()))
        .collect();
    assert_eq!(
        told,
        [
            (
                "create[1]",
                "role:, scope:, user: or tenant: with a name, or allow or deny alone; did you mean `role:b`?"
            ),
            ("create[2]", "rules alone, for allow and deny stand by themselves"),
            ("read", "at least one rule; deny is for nobody"),
            ("update", "one of allow, deny and rules, not several"),
            ("delete", "one of allow, deny and rules, not several"),
        ]
    );
}

#[test]
fn rules_that_say_nothing_are_not_built() {
    let errors = Access::builder()
        .map_method(Method::POST, Operation::Read)
        .build()
        .unwrap_err();
    assert_eq!(
        errors.to_string(),
        ": expected at least one of create, read, update and delete"
    );
}

#[test]
fn the_same_said_twice_is_said_once() {
    let access = Access::builder()
        .allow_everybody(Operation::Read)
        .allow_everybody(Operation::Read)
        .deny(Operation::Create)
        .deny(Operation::Create)
        .build()
        .unwrap();
    assert!(access.rights(None).read && !access.rights(None).create);
}
