use std::sync::Arc;

use allocation_counter::measure;
use http::Request;
use palisade_access::{Access, Operation};
use palisade_core::{Context, Guard};

use crate::common::caller;

#[test]
fn accepting_a_request_allocates_nothing() {
    let access = Access::builder()
        .allow(
            Operation::Read,
            ["user:joe", "tenant:acme", "scope:orders.read", "role:clerk"],
        )
        .allow_everybody(Operation::Create)
        .map_method("A-METHOD-WITH-A-LONG-NAME".parse().unwrap(), Operation::Read)
        .build()
        .unwrap();
    for method in ["GET", "HEAD", "POST", "A-METHOD-WITH-A-LONG-NAME"] {
        let (mut head, ()) = Request::builder().method(method).body(()).unwrap().into_parts();
        head.extensions
            .insert(Arc::new(caller("jane", "a b c clerk", "x y z")));
        let mut cx = Context::new(&head);
        let spent = measure(|| assert!(Guard::request(&access, &mut cx, &mut head).is_ok()));
        assert_eq!(spent.count_total, 0, "{method}");
    }
}

#[test]
fn asking_for_rights_allocates_nothing() {
    let access = Access::builder()
        .allow(Operation::Read, ["role:clerk"])
        .build()
        .unwrap();
    let jane = caller("jane", "clerk", "");
    let spent = measure(|| assert!(access.rights(Some(&jane)).read));
    assert_eq!(spent.count_total, 0);
}
