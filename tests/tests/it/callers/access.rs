//! The whole chain: who is calling, and what they may do.

use rstest::rstest;
use serde_json::json;

use super::client::Ask;
use super::world::Credentials::{self, ApiKey, Basic, Bearer, Nothing, WrongPassword};
use super::world::{World, bearer};

const NOT_ALLOWED: &str = "403 operation-not-allowed";
const NO_METHOD: &str = "405 method-not-allowed";

/// Alice is a clerk, and her key is for `orders.read`; bob is a reader.
fn world() -> World {
    let mut world = World::new();
    world.set("palisade.users.bob.roles", "reader");
    world.interceptor("Orders", &[]);
    for (operation, rules) in [
        ("read", "role:reader,scope:orders.read"),
        ("create", "role:clerk"),
        ("update", "user:alice,user:acme"),
        ("delete", "deny"),
    ] {
        world.set(&format!("palisade.interceptors.Orders.access.{operation}"), rules);
    }
    world.group(
        3,
        "orders",
        &[("paths", "/orders/{*rest}"), ("interceptors", "Orders")],
    );
    world
}

#[rstest]
#[case::a_reader_reads("GET", Some("bob"), Nothing, "bob of globex by certificate")]
#[case::a_reader_creates_nothing("POST", Some("bob"), Nothing, NOT_ALLOWED)]
#[case::a_clerk_creates("POST", None, Basic, "alice of acme by basic")]
#[case::a_key_with_scopes_has_not_the_roles_of_a_clerk("POST", None, ApiKey, NOT_ALLOWED)]
#[case::a_clerk_is_no_reader("GET", None, Basic, NOT_ALLOWED)]
#[case::a_key_has_its_scope("GET", None, ApiKey, "alice of acme by api-key")]
#[case::a_user_updates("PUT", None, Bearer, "alice of acme by bearer")]
#[case::in_either_way("PATCH", Some("alice"), Nothing, "alice of acme by certificate")]
#[case::another_user_does_not("PUT", Some("bob"), Nothing, NOT_ALLOWED)]
#[case::a_tenant_is_no_user_of_its_name("PUT", Some("acme"), Nothing, NOT_ALLOWED)]
#[case::without_roles("GET", Some("carol"), Nothing, NOT_ALLOWED)]
#[case::nobody_deletes("DELETE", None, Basic, NO_METHOD)]
#[case::not_even_by_certificate("DELETE", Some("alice"), Nothing, NO_METHOD)]
#[case::a_method_of_no_operation("OPTIONS", None, Basic, NO_METHOD)]
#[case::who_comes_before_what("DELETE", None, Nothing, "401 credentials-missing")]
#[case::and_so_does_a_wrong_password("GET", None, WrongPassword, "401 credentials-invalid")]
#[case::and_a_strangers_certificate("GET", Some("stranger"), Nothing, "403 client-certificate-not-accepted")]
fn who_is_calling_decides_what_they_may_do(
    #[case] method: &'static str,
    #[case] certificate: Option<&str>,
    #[case] credentials: Credentials,
    #[case] expected: &str,
) {
    let world = world();
    let server = world.start();
    let ask = Ask::new(method, "/orders/7").with_all(&world.fields(credentials));
    let answer = world.tls(certificate).ask(server.at("asks"), &ask).unwrap();
    assert_eq!(answer.shown(), expected);
    let allow = (answer.status == 405).then_some("GET, HEAD, PATCH, POST, PUT");
    assert_eq!(answer.field("allow"), allow);
}

#[test]
fn whoever_is_acted_for_may_do_what_they_may_and_not_what_the_tenant_may() {
    let mut world = world();
    world.set(
        "palisade.interceptors.Orders.access.read",
        "role:reader,tenant:acme",
    );
    let server = world.start();
    let mut tenant = world.tls(Some("acme")).connect(server.at("asks")).unwrap();
    let ask = |method, name: Option<&str>| {
        let ask = Ask::new(method, "/orders/7");
        name.into_iter()
            .fold(ask, |ask, name| ask.with("x-on-behalf-of", name))
    };
    assert_eq!(
        tenant.shown(&ask("GET", None)),
        "tenant acme of acme by certificate"
    );
    assert_eq!(tenant.shown(&ask("POST", None)), NOT_ALLOWED);
    assert_eq!(
        tenant.shown(&ask("POST", Some("alice"))),
        "alice of acme by certificate+on-behalf-of"
    );
    assert_eq!(tenant.shown(&ask("POST", Some("dave"))), NOT_ALLOWED);
    assert_eq!(tenant.shown(&ask("DELETE", Some("alice"))), NO_METHOD);
    assert_eq!(
        tenant.shown(&ask("DELETE", Some("bob"))),
        "403 on-behalf-of-not-allowed"
    );
}

#[test]
fn scopes_of_tokens_count_and_are_those_of_one_token() {
    let world = world();
    let server = world.start();
    let mut connection = world.tls(None).connect(server.at("asks")).unwrap();
    let mut read = |claims| {
        let token = world.issuer.token("zoe", &claims);
        connection.shown(&Ask::get("/orders/7").with_all(&[bearer(&token)]))
    };
    assert_eq!(
        read(json!({ "scope": "orders.write orders.read" })),
        "zoe by bearer"
    );
    assert_eq!(read(json!({ "scope": "orders.write" })), NOT_ALLOWED);
    assert_eq!(read(json!({ "scope": "orders.read.all" })), NOT_ALLOWED);
    assert_eq!(read(json!({})), NOT_ALLOWED);
    assert_eq!(read(json!({ "roles": ["reader"] })), "zoe by bearer");
}

#[test]
fn rules_and_roles_that_are_changed_hold_at_once() {
    let mut world = world();
    let server = world.start();
    let mut bob = world.tls(Some("bob")).connect(server.at("asks")).unwrap();
    let (read, create) = (Ask::get("/orders/7"), Ask::new("POST", "/orders/7"));
    assert_eq!(
        [bob.shown(&read), bob.shown(&create)],
        ["bob of globex by certificate", NOT_ALLOWED]
    );
    world.set("palisade.users.bob.roles", "clerk");
    server.apply(&world);
    assert_eq!(
        [bob.shown(&read), bob.shown(&create)],
        [NOT_ALLOWED, "bob of globex by certificate"]
    );
    world.set("palisade.interceptors.Orders.access.create", "deny");
    server.apply(&world);
    assert_eq!([bob.shown(&read), bob.shown(&create)], [NOT_ALLOWED, NO_METHOD]);
}
