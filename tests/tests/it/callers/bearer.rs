//! Tokens: bound to certificates (RFC 8705), of users who are not active, and of subjects that the directory does not know.

use std::time::{Duration, UNIX_EPOCH};

use palisade::core::Clock as _;
use rstest::rstest;
use serde_json::{Value, json};

use super::client::{Ask, Connection};
use super::issuer::{Issuer, bound_to};
use super::proxied::{behind_proxies, client_cert, proxy_header};
use super::world::{MODES, World, bearer};

const INVALID: &str = "401 credentials-invalid";
const REQUIRED: &str = "403 client-certificate-required";
const NOT_ACCEPTED: &str = "403 client-certificate-not-accepted";
const ALONE: &str = "alice of acme by bearer";
const BOTH: &str = "alice of acme by bearer+certificate";

fn with(mode: &str, token: &str) -> Ask {
    Ask::get(&format!("/{mode}/x")).with_all(&[bearer(token)])
}

/// A token of alice's, bound to that certificate.
fn bound(world: &World, certificate: &str) -> String {
    world
        .issuer
        .token("alice", &bound_to(world.pki.digest(certificate)))
}

#[rstest]
#[case::her_own("asks", "alice", Some("alice"), [ALONE, BOTH, BOTH])]
#[case::her_tenants("asks", "acme", Some("acme"), [ALONE, BOTH, BOTH])]
#[case::her_own_and_shows_her_tenants("asks", "alice", Some("acme"), [INVALID; 3])]
#[case::her_tenants_and_shows_her_own("asks", "acme", Some("alice"), [INVALID; 3])]
#[case::her_own_and_shows_a_strangers("asks", "alice", Some("stranger"), [INVALID; 3])]
#[case::her_own_and_shows_none("asks", "alice", None, [INVALID, REQUIRED, REQUIRED])]
#[case::a_strangers_which_it_shows("asks", "stranger", Some("stranger"), [ALONE, NOT_ACCEPTED, NOT_ACCEPTED])]
#[case::her_own_where_nobody_asks("silent", "alice", Some("alice"), [INVALID, INVALID, REQUIRED])]
fn a_token_that_is_bound_is_good_beside_that_certificate_alone(
    #[case] listener: &str,
    #[case] bound_to: &str,
    #[case] shown: Option<&str>,
    #[case] expected: [&str; 3],
) {
    let world = World::new();
    let server = world.start();
    let mut connection = world.tls(shown).connect(server.at(listener)).unwrap();
    let token = bound(&world, bound_to);
    // Once more from the memory of tokens that were seen before.
    for _ in 0..2 {
        for (mode, expected) in MODES.into_iter().zip(expected) {
            assert_eq!(connection.shown(&with(mode, &token)), expected, "{mode}");
        }
    }
}

/// That a token was good on one connection says nothing of another, whatever is remembered.
#[test]
fn a_bound_token_that_was_stolen_is_good_nowhere_else() {
    let world = World::new();
    let server = world.start();
    let token = bound(&world, "alice");
    let mut owner = world.tls(Some("alice")).connect(server.at("asks")).unwrap();
    assert_eq!(owner.shown(&with("default", &token)), ALONE);
    for thief in [None, Some("bob"), Some("carol"), Some("stranger")] {
        let answer = world
            .tls(thief)
            .ask(server.at("asks"), &with("default", &token))
            .unwrap();
        assert_eq!(answer.shown(), INVALID);
        let challenge = answer.field("www-authenticate").unwrap();
        assert_eq!(challenge, "Bearer realm=\"palisade\", error=\"invalid_token\"");
    }
    assert_eq!(owner.shown(&with("default", &token)), ALONE);
}

/// Where certificates are no way to sign in, tokens are bound to them all the same.
#[test]
fn a_binding_counts_where_the_scheme_certificate_is_off() {
    let mut world = World::new();
    world.interceptor("Tokens", &[("schemes", "bearer")]);
    world.group(
        3,
        "tokens",
        &[("paths", "/tokens/{*rest}"), ("interceptors", "Tokens")],
    );
    let server = world.start();
    let ask = with("tokens", &bound(&world, "alice"));
    for (certificate, expected) in [(Some("alice"), ALONE), (Some("bob"), INVALID), (None, INVALID)] {
        let answer = world.tls(certificate).ask(server.at("asks"), &ask).unwrap();
        assert_eq!(answer.shown(), expected, "{certificate:?}");
    }
}

#[test]
fn a_binding_counts_behind_a_proxy_for_the_clients_certificate() {
    let world = behind_proxies("127.0.0.0/8");
    let server = world.start();
    let ask = with("force", &bound(&world, "alice"));
    let mut connection = Connection::plain(server.at("client-cert"), b"").unwrap();
    for (certificate, expected) in [("alice", BOTH), ("acme", INVALID), ("alice", BOTH)] {
        let ask = ask.clone().with_all(&[client_cert(&world.pki, certificate)]);
        assert_eq!(connection.shown(&ask), expected, "{certificate}");
    }
    assert_eq!(
        connection.shown(&with("default", &bound(&world, "alice"))),
        INVALID
    );
    for (certificate, expected) in [("alice", BOTH), ("acme", INVALID)] {
        let header = proxy_header(Some(&world.pki.der(certificate)), 0);
        let mut connection = Connection::plain(server.at("proxy"), &header).unwrap();
        assert_eq!(connection.shown(&ask), expected, "{certificate}");
    }
}

/// `null`, or a binding of a kind that is not verified here, must not make a token unbound.
#[rstest]
#[case::proof_of_possession(json!({ "cnf": { "jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I" } }))]
#[case::both_kinds(json!({ "cnf": { "x5t#S256": "bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2", "jkt": "0ZcO" } }))]
#[case::an_empty_one(json!({ "cnf": {} }))]
#[case::nothing(json!({ "cnf": null }))]
#[case::a_text(json!({ "cnf": "x5t#S256" }))]
#[case::a_short_one(json!({ "cnf": { "x5t#S256": "AAAA" } }))]
#[case::another_audience(json!({ "aud": "payments" }))]
#[case::another_issuer(json!({ "iss": "https://issuer.example/" }))]
#[case::past(json!({ "exp": 1_700_000_000 }))]
fn a_token_that_says_something_else_is_refused_in_every_mode(#[case] claims: Value) {
    let world = World::new();
    let server = world.start();
    let token = world.issuer.token("alice", &claims);
    let mut connection = world.tls(Some("alice")).connect(server.at("asks")).unwrap();
    for mode in MODES {
        assert_eq!(connection.shown(&with(mode, &token)), INVALID, "{mode}");
    }
}

/// A token that was seen before is not verified again; its time is looked at each time.
#[test]
fn a_token_that_was_good_ends_at_its_time() {
    let world = World::new();
    let server = world.start();
    let now = server.clock.now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let token = world.issuer.token("alice", &json!({ "exp": now + 3600 }));
    let mut connection = world.tls(None).connect(server.at("asks")).unwrap();
    for _ in 0..2 {
        assert_eq!(connection.shown(&with("default", &token)), ALONE);
    }
    // An hour, and the minute by which clocks may differ.
    server.clock.advance(Duration::from_secs(3600 + 59));
    assert_eq!(connection.shown(&with("default", &token)), ALONE);
    server.clock.advance(Duration::from_secs(1));
    for _ in 0..2 {
        assert_eq!(connection.shown(&with("default", &token)), INVALID);
    }
}

#[test]
fn a_token_of_another_key_is_refused() {
    let world = World::new();
    let server = world.start();
    let mut connection = world.tls(Some("alice")).connect(server.at("asks")).unwrap();
    let forged = Issuer::new().token("alice", &json!({}));
    for mode in MODES {
        assert_eq!(connection.shown(&with(mode, &forged)), INVALID, "{mode}");
    }
}

/// Erin is a user who is not active; neither her token nor her certificate nor her tenant's makes her so.
#[test]
fn a_token_of_an_inactive_user_is_refused() {
    let world = World::new();
    let server = world.start();
    let token = world.issuer.token("erin", &json!({ "roles": ["clerk"] }));
    for (certificate, expected) in [
        (None, [INVALID, REQUIRED, REQUIRED]),
        (Some("erin"), [INVALID; 3]),
        (Some("acme"), [INVALID; 3]),
    ] {
        let mut connection = world.tls(certificate).connect(server.at("asks")).unwrap();
        for (mode, expected) in MODES.into_iter().zip(expected) {
            assert_eq!(
                connection.shown(&with(mode, &token)),
                expected,
                "{mode}, {certificate:?}"
            );
        }
    }
}

/// Who is in no directory has no certificate there, and no tenant.
#[test]
fn a_token_of_a_subject_outside_the_directory_has_its_own_roles_and_no_certificate() {
    let world = World::new();
    let server = world.start();
    let claims = json!({ "roles": ["reader"], "scope": "orders.read orders.write" });
    let token = world.issuer.token("zoe", &claims);
    let answer = world
        .tls(None)
        .ask(server.at("asks"), &with("default", &token))
        .unwrap();
    let expected = json!({
        "subject": "zoe", "tenant": null, "roles": ["reader"], "scopes": ["orders.read", "orders.write"], "how": "bearer"
    });
    assert_eq!(answer.json()["principal"], expected);
    for certificate in ["alice", "acme", "stranger"] {
        let mut connection = world.tls(Some(certificate)).connect(server.at("asks")).unwrap();
        assert_eq!(connection.shown(&with("default", &token)), "zoe by bearer");
        assert_eq!(
            connection.shown(&with("force", &token)),
            NOT_ACCEPTED,
            "{certificate}"
        );
        assert_eq!(
            connection.shown(&with("exclusive", &token)),
            NOT_ACCEPTED,
            "{certificate}"
        );
    }
    // The tenant has the name of a subject; the subject is not the tenant for that.
    let token = world.issuer.token("acme", &json!({}));
    let mut connection = world.tls(Some("acme")).connect(server.at("asks")).unwrap();
    assert_eq!(connection.shown(&with("default", &token)), "acme by bearer");
    assert_eq!(connection.shown(&with("force", &token)), NOT_ACCEPTED);
}

#[test]
fn a_token_of_a_user_has_the_roles_of_both_and_the_tenant_of_the_directory() {
    let world = World::new();
    let server = world.start();
    let token = world.issuer.token(
        "alice",
        &json!({ "roles": ["reader", "clerk"], "tenant": "globex" }),
    );
    let answer = world
        .tls(None)
        .ask(server.at("asks"), &with("default", &token))
        .unwrap();
    let expected = json!({
        "subject": "alice", "tenant": "acme", "roles": ["clerk", "reader"], "scopes": [], "how": "bearer"
    });
    assert_eq!(answer.json()["principal"], expected);
}
