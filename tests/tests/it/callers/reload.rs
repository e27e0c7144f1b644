//! What files change, changed while connections live: the same requests on the same connection, before and after.

use palisade::core::Secret;
use palisade::directory::PasswordHash;
use palisade::server::status::Reload;
use rstest::rstest;
use serde_json::json;

use super::client::{Ask, Connection};
use super::issuer::Issuer;
use super::world::Credentials::{self, ApiKey, Basic, Bearer, Nothing};
use super::world::{MODES, Server, World, basic, bearer};

const INVALID: &str = "401 credentials-invalid";
const MISSING: &str = "401 credentials-missing";
const REQUIRED: &str = "403 client-certificate-required";
const NOT_ACCEPTED: &str = "403 client-certificate-not-accepted";

const ALL: [Credentials; 4] = [Nothing, Basic, Bearer, ApiKey];

/// The answers to alice with all that she has.
fn answers(world: &World, connection: &mut Connection, group: &str) -> [String; 4] {
    ALL.map(|credentials| connection.shown(&world.ask(group, credentials)))
}

fn connect(world: &World, server: &Server, listener: &str, certificate: Option<&str>) -> Connection {
    world.tls(certificate).connect(server.at(listener)).unwrap()
}

#[test]
fn a_mode_that_is_changed_holds_at_once() {
    let mut world = World::new();
    world.interceptor("Partners", &[]);
    world.group(
        3,
        "partners",
        &[("paths", "/partners/{*rest}"), ("interceptors", "Partners")],
    );
    let server = world.start();
    let mut without = connect(&world, &server, "asks", None);
    let mut with = connect(&world, &server, "asks", Some("alice"));
    let mut silent = connect(&world, &server, "silent", None);
    let by = |evidence: &str| format!("alice of acme by {evidence}");
    let alone = ["basic", "bearer", "api-key"].map(by);
    let both = ["basic+certificate", "bearer+certificate", "api-key+certificate"].map(by);
    for mode in ["default", "force", "exclusive", "force", "default"] {
        world.interceptor("Partners", &[("two-way-mode", mode)]);
        server.apply(&world);
        let (plain, forced) = (mode == "default", mode == "exclusive");
        let [nothing, rest @ ..] = answers(&world, &mut without, "partners");
        assert_eq!(nothing, if plain { MISSING } else { REQUIRED }, "{mode}");
        assert_eq!(
            rest,
            if plain {
                alone.clone()
            } else {
                [REQUIRED; 3].map(str::to_owned)
            },
            "{mode}"
        );
        let [nothing, rest @ ..] = answers(&world, &mut with, "partners");
        assert_eq!(nothing, by("certificate"), "{mode}");
        assert_eq!(rest, if plain { alone.clone() } else { both.clone() }, "{mode}");
        let [nothing, rest @ ..] = answers(&world, &mut silent, "partners");
        assert_eq!(nothing, if forced { REQUIRED } else { MISSING }, "{mode}");
        assert_eq!(
            rest,
            if forced {
                [REQUIRED; 3].map(str::to_owned)
            } else {
                alone.clone()
            },
            "{mode}"
        );
    }
}

#[test]
fn a_user_who_is_disabled_is_nobody_at_once_by_whatever_they_show() {
    let mut world = World::new();
    let server = world.start();
    let mut with = connect(&world, &server, "asks", Some("alice"));
    let mut without = connect(&world, &server, "asks", None);
    let mut tenant = connect(&world, &server, "asks", Some("acme"));
    let for_alice = Ask::get("/force/x").with("x-on-behalf-of", "alice");
    let mut seen = |world: &World| {
        let modes = MODES.map(|mode| answers(world, &mut with, mode));
        (
            modes,
            answers(world, &mut without, "default"),
            tenant.shown(&for_alice),
        )
    };
    let before = seen(&world);
    assert!(
        before
            .0
            .iter()
            .flatten()
            .all(|answer| answer.starts_with("alice of acme by ")),
        "{before:?}"
    );

    world.set("palisade.users.alice.active", "false");
    server.apply(&world);
    let expected = (
        MODES.map(|_| [NOT_ACCEPTED, INVALID, INVALID, INVALID].map(str::to_owned)),
        [MISSING, INVALID, INVALID, INVALID].map(str::to_owned),
        "403 on-behalf-of-not-allowed".to_owned(),
    );
    assert_eq!(seen(&world), expected);

    world.set("palisade.users.alice.active", "true");
    server.apply(&world);
    assert_eq!(seen(&world), before);
}

#[test]
fn a_certificate_that_is_removed_is_nobodys_at_once() {
    let mut world = World::new();
    let server = world.start();
    let mut alice = connect(&world, &server, "asks", Some("alice"));
    let mut tenant = connect(&world, &server, "asks", Some("acme"));
    assert_eq!(
        alice.shown(&world.ask("force", Basic)),
        "alice of acme by basic+certificate"
    );
    assert_eq!(
        tenant.shown(&world.ask("force", Basic)),
        "alice of acme by basic+certificate"
    );

    world.remove("palisade.users.alice.certificates");
    server.apply(&world);
    for mode in ["force", "exclusive"] {
        assert_eq!(
            answers(&world, &mut alice, mode),
            [NOT_ACCEPTED; 4].map(str::to_owned),
            "{mode}"
        );
    }
    assert_eq!(alice.shown(&world.ask("default", Nothing)), NOT_ACCEPTED);
    assert_eq!(
        alice.shown(&world.ask("default", Basic)),
        "alice of acme by basic"
    );
    assert_eq!(
        tenant.shown(&world.ask("force", Basic)),
        "alice of acme by basic+certificate"
    );

    // Another one takes its place: hers by name, and the tenant's no longer.
    world.set(
        "palisade.users.alice.certificates",
        &world.pki.fingerprint("acme"),
    );
    world.remove("palisade.tenants.acme.certificates");
    world.set(
        "palisade.tenants.acme.certificates",
        &world.pki.fingerprint("alice"),
    );
    server.apply(&world);
    assert_eq!(
        tenant.shown(&world.ask("force", Nothing)),
        "alice of acme by certificate"
    );
    assert_eq!(
        alice.shown(&world.ask("force", Nothing)),
        "tenant acme of acme by certificate"
    );
}

/// Certificates that are written as aliases of keystores follow the files of these.
#[test]
fn a_certificate_by_alias_is_the_one_that_its_keystore_has_now() {
    let mut world = World::new();
    std::fs::create_dir(world.path().join("partners")).unwrap();
    world.put("partners/alice-2026.pem", world.pki.pem("alice"));
    world.set("palisade.keystores.partners.location", "partners");
    world.set("palisade.users.alice.certificates", "alice-2026");
    let server = world.start();
    let mut alice = connect(&world, &server, "asks", Some("alice"));
    let mut renewed = connect(&world, &server, "asks", Some("stranger"));
    let ask = Ask::get("/force/x");
    let mut both = || [alice.shown(&ask), renewed.shown(&ask)];
    assert_eq!(both(), ["alice of acme by certificate", NOT_ACCEPTED]);
    world.put("partners/alice-2026.pem", world.pki.pem("stranger"));
    server.apply(&world);
    assert_eq!(both(), [NOT_ACCEPTED, "alice of acme by certificate"]);
}

#[test]
fn a_user_who_changes_tenants_takes_nothing_along() {
    let mut world = World::new();
    let server = world.start();
    let mut tenant = connect(&world, &server, "asks", Some("acme"));
    let for_dave = Ask::get("/default/x").with("x-on-behalf-of", "dave");
    assert_eq!(
        tenant.shown(&for_dave),
        "dave of acme by certificate+on-behalf-of"
    );
    world.set("palisade.users.dave.tenant", "globex");
    world.set("palisade.users.alice.tenant", "globex");
    server.apply(&world);
    assert_eq!(tenant.shown(&for_dave), "403 on-behalf-of-not-allowed");
    assert_eq!(tenant.shown(&world.ask("force", Basic)), NOT_ACCEPTED);
}

/// Connections from before were never asked for a certificate, and are held to the new rule all the same.
#[rstest]
#[case::asked_for("request")]
#[case::required("require")]
fn a_listener_that_begins_to_ask_holds_connections_from_before_to_it(#[case] client_auth: &str) {
    let mut world = World::new();
    let server = world.start();
    let mut before = connect(&world, &server, "silent", Some("alice"));
    let plain = |evidence: &str| format!("alice of acme by {evidence}");
    let credentials = ["basic", "bearer", "api-key"].map(plain);
    let [nothing, rest @ ..] = answers(&world, &mut before, "force");
    assert_eq!((nothing.as_str(), rest), (MISSING, credentials.clone()));

    world.set("palisade.listeners.silent.tls.client-auth", client_auth);
    server.apply(&world);
    assert_eq!(
        answers(&world, &mut before, "force"),
        [REQUIRED; 4].map(str::to_owned)
    );
    assert_eq!(
        answers(&world, &mut before, "exclusive"),
        [REQUIRED; 4].map(str::to_owned)
    );
    let [nothing, rest @ ..] = answers(&world, &mut before, "default");
    assert_eq!((nothing.as_str(), rest), (MISSING, credentials.clone()));
    let mut after = connect(&world, &server, "silent", Some("alice"));
    assert_eq!(
        after.shown(&world.ask("force", Basic)),
        "alice of acme by basic+certificate"
    );

    // Back again: whoever showed a certificate has shown it.
    world.set("palisade.listeners.silent.tls.client-auth", "none");
    server.apply(&world);
    let [nothing, rest @ ..] = answers(&world, &mut before, "force");
    assert_eq!((nothing.as_str(), rest), (MISSING, credentials));
    assert_eq!(
        after.shown(&world.ask("force", Basic)),
        "alice of acme by basic+certificate"
    );
}

/// Whose certificates nobody vouches for any more, is not taken for a client without one.
#[test]
fn an_authority_that_is_trusted_no_longer_takes_its_clients_along() {
    let mut world = World::new();
    let server = world.start();
    let mut alice = connect(&world, &server, "asks", Some("alice"));
    assert_eq!(
        alice.shown(&world.ask("default", Basic)),
        "alice of acme by basic"
    );
    world.set("palisade.listeners.asks.tls.client-auth", "none");
    world.remove("palisade.listeners.asks.tls.client-ca-aliases");
    server.apply(&world);
    for mode in MODES {
        assert_eq!(
            answers(&world, &mut alice, mode),
            [NOT_ACCEPTED; 4].map(str::to_owned),
            "{mode}"
        );
    }
}

/// A verdict on a password is remembered; one on another password of the same user is another verdict.
#[test]
fn a_password_that_is_changed_is_wrong_at_once() {
    let mut world = World::new();
    let server = world.start();
    let mut connection = connect(&world, &server, "asks", None);
    let old = world.ask("default", Basic);
    let new = Ask::get("/default/x").with_all(&[basic("alice", "Another-Horse-9")]);
    let mut both = || [connection.shown(&old), connection.shown(&new)];
    assert_eq!(both(), ["alice of acme by basic", INVALID]);
    assert_eq!(both(), ["alice of acme by basic", INVALID]);

    let hash = PasswordHash::hash(&Secret::new("Another-Horse-9")).unwrap();
    let before = world.password_hash.clone();
    world.set("palisade.users.alice.password-hash", hash.to_phc().expose());
    server.apply(&world);
    assert_eq!(both(), [INVALID, "alice of acme by basic"]);

    world.set("palisade.users.alice.password-hash", &before);
    server.apply(&world);
    assert_eq!(both(), ["alice of acme by basic", INVALID]);
    world.remove("palisade.users.alice.password-hash");
    server.apply(&world);
    assert_eq!(both(), [INVALID, INVALID]);
}

#[test]
fn a_key_that_is_removed_is_unknown_at_once() {
    let mut world = World::new();
    let server = world.start();
    let mut connection = connect(&world, &server, "asks", None);
    let ask = world.ask("default", ApiKey);
    assert_eq!(connection.shown(&ask), "alice of acme by api-key");
    world.remove("palisade.users.alice.api-key-hashes");
    server.apply(&world);
    assert_eq!(connection.shown(&ask), INVALID);
}

/// Tokens that were verified before are remembered, and not beyond the key that verified them.
#[test]
fn a_token_that_was_seen_before_ends_with_its_key() {
    let mut world = World::new();
    let server = world.start();
    let mut connection = connect(&world, &server, "asks", None);
    let old = world.issuer.token("alice", &json!({}));
    let next = Issuer::new();
    let new = next.token("alice", &json!({}));
    let mut both =
        || [&old, &new].map(|token| connection.shown(&Ask::get("/default/x").with_all(&[bearer(token)])));
    for _ in 0..2 {
        assert_eq!(both(), ["alice of acme by bearer", INVALID]);
    }
    world.put("jwks.json", next.key_set());
    server.apply(&world);
    for _ in 0..2 {
        assert_eq!(both(), [INVALID, "alice of acme by bearer"]);
    }
    // A rule that changes ends them as well.
    world.interceptor("default", &[("bearer.audience", "payments")]);
    server.apply(&world);
    assert_eq!(both(), [INVALID, INVALID]);
}

#[rstest]
#[case::no_hash("palisade.users.alice.password-hash", "nonsense")]
#[case::no_fingerprint("palisade.users.alice.certificates", "sha256:00")]
#[case::no_key("palisade.users.alice.api-key-hashes", "plsd_nonsense")]
#[case::a_tenant_that_is_not_there("palisade.users.alice.tenant", "initech")]
#[case::a_name_that_is_mistyped("palisade.users.alice.actve", "false")]
#[case::no_truth("palisade.users.alice.active", "no")]
#[case::a_tenants_certificate("palisade.tenants.acme.certificates", "acme-2026")]
fn a_broken_line_about_callers_applies_nothing(#[case] key: &str, #[case] value: &str) {
    let mut world = World::new();
    let server = world.start();
    let mut with = connect(&world, &server, "asks", Some("alice"));
    let mut bob = connect(&world, &server, "asks", Some("bob"));
    let mut seen = |world: &World| {
        let modes = MODES.map(|mode| answers(world, &mut with, mode));
        (modes, bob.shown(&world.ask("default", Nothing)))
    };
    let before = seen(&world);
    // What is right beside it does not apply either.
    world.set("palisade.users.bob.active", "false");
    world.interceptor("default", &[("two-way-mode", "exclusive")]);
    let good = world.property(key);
    world.set(key, value);
    world.write();
    let Reload::Refused { errors, .. } = server.reload() else {
        panic!("{key}={value} was applied");
    };
    let told = errors
        .iter()
        .any(|error| error.contains(key) || error.contains("actve"));
    assert!(told, "{errors:?}");
    assert_eq!(seen(&world), before);
    assert_eq!(server.status()["last-reload"]["outcome"], "refused");

    // Put right, all of it applies.
    match good {
        Some(value) => world.set(key, &value),
        None => world.remove(key),
    }
    server.apply(&world);
    let (modes, bob) = seen(&world);
    assert_eq!(bob, NOT_ACCEPTED);
    assert_eq!(modes[0][1], "alice of acme by basic+certificate");
}
