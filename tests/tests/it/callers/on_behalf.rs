//! `X-On-Behalf-Of`: a tenant acts for its users, and nobody else for anybody.

use rstest::rstest;
use serde_json::json;

use super::client::Ask;
use super::world::Credentials::{self, ApiKey, Basic, Bearer, Nothing, WrongPassword};
use super::world::{MODES, World, bearer};

const FIELD: &str = "x-on-behalf-of";
const NOT_ALLOWED: &str = "403 on-behalf-of-not-allowed";
const NOT_ACCEPTED: &str = "403 client-certificate-not-accepted";

#[rstest]
#[case::a_user_without_anything_else(Some("acme"), Nothing, &["dave"], "dave of acme by certificate+on-behalf-of")]
#[case::a_user_with_everything(Some("acme"), Nothing, &["alice"], "alice of acme by certificate+on-behalf-of")]
#[case::an_inactive_user(Some("acme"), Nothing, &["erin"], NOT_ALLOWED)]
#[case::a_user_of_another_tenant(Some("acme"), Nothing, &["bob"], NOT_ALLOWED)]
#[case::nobody_we_know(Some("acme"), Nothing, &["mallory"], NOT_ALLOWED)]
#[case::the_tenant_itself(Some("acme"), Nothing, &["acme"], NOT_ALLOWED)]
#[case::in_other_letters(Some("acme"), Nothing, &["Dave"], NOT_ALLOWED)]
#[case::several_in_one_field(Some("acme"), Nothing, &["dave, carol"], NOT_ALLOWED)]
#[case::no_name(Some("acme"), Nothing, &[""], NOT_ALLOWED)]
#[case::several(Some("acme"), Nothing, &["dave", "dave"], NOT_ALLOWED)]
#[case::no_text(Some("acme"), Nothing, &["d\u{e4}ve"], NOT_ALLOWED)]
#[case::a_users_certificate(Some("alice"), Nothing, &["carol"], NOT_ALLOWED)]
#[case::a_users_certificate_for_that_user(Some("alice"), Nothing, &["alice"], NOT_ALLOWED)]
#[case::a_strangers_certificate(Some("stranger"), Nothing, &["alice"], NOT_ACCEPTED)]
#[case::an_inactive_users_certificate(Some("erin"), Nothing, &["alice"], NOT_ACCEPTED)]
#[case::with_basic_beside_it(Some("acme"), Basic, &["alice"], NOT_ALLOWED)]
#[case::with_a_token_beside_it(Some("acme"), Bearer, &["alice"], NOT_ALLOWED)]
#[case::with_a_key_beside_it(Some("acme"), ApiKey, &["dave"], NOT_ALLOWED)]
#[case::with_a_wrong_password_beside_it(Some("acme"), WrongPassword, &["dave"], NOT_ALLOWED)]
#[case::basic_alone(None, Basic, &["alice"], NOT_ALLOWED)]
#[case::a_token_alone(None, Bearer, &["alice"], NOT_ALLOWED)]
#[case::a_key_alone(None, ApiKey, &["alice"], NOT_ALLOWED)]
#[case::nothing_at_all(None, Nothing, &["alice"], NOT_ALLOWED)]
fn only_the_certificate_of_a_tenant_alone_acts_for_its_active_users(
    #[case] certificate: Option<&str>,
    #[case] credentials: Credentials,
    #[case] names: &[&str],
    #[case] expected: &str,
) {
    let world = World::new();
    let server = world.start();
    let mut connection = world.tls(certificate).connect(server.at("asks")).unwrap();
    for mode in MODES {
        let ask = world.ask(mode, credentials);
        let ask = names.iter().fold(ask, |ask, name| ask.with(FIELD, name));
        assert_eq!(connection.shown(&ask), expected, "{mode}");
    }
}

#[test]
fn whoever_is_acted_for_has_their_own_roles_and_not_the_tenants_name() {
    let world = World::new();
    let server = world.start();
    let ask = Ask::get("/exclusive/x").with(FIELD, "alice");
    let answer = world.tls(Some("acme")).ask(server.at("asks"), &ask).unwrap();
    let expected = json!({
        "subject": "alice", "tenant": "acme", "roles": ["clerk"], "scopes": [], "how": "certificate+on-behalf-of"
    });
    assert_eq!(answer.json()["principal"], expected);
    // The next request on the same connection is nobody's but the tenant's.
    let mut connection = world.tls(Some("acme")).connect(server.at("asks")).unwrap();
    assert_eq!(
        connection.shown(&ask),
        "alice of acme by certificate+on-behalf-of"
    );
    assert_eq!(
        connection.shown(&Ask::get("/exclusive/x")),
        "tenant acme of acme by certificate"
    );
}

/// Credentials of a scheme that is off, or that nobody knows, are none of ours: the certificate is the sole evidence.
#[test]
fn what_is_no_credential_here_stands_in_nobodys_way() {
    let mut world = World::new();
    let schemes = "palisade.interceptors.Certificates.authentication.schemes";
    world.set(schemes, "certificate,api-key");
    world.group(
        3,
        "certificates",
        &[
            ("paths", "/certificates/{*rest}"),
            ("interceptors", "Certificates"),
        ],
    );
    let server = world.start();
    let mut tenant = world.tls(Some("acme")).connect(server.at("asks")).unwrap();
    let for_dave = Ask::get("/certificates/x").with(FIELD, "dave");
    for credentials in [Basic, Bearer, WrongPassword] {
        let ask = for_dave.clone().with_all(&world.fields(credentials));
        let shown = tenant.shown(&ask);
        assert_eq!(
            shown, "dave of acme by certificate+on-behalf-of",
            "{credentials:?}"
        );
    }
    let with_key = for_dave.with_all(&world.fields(ApiKey));
    assert_eq!(tenant.shown(&with_key), NOT_ALLOWED);
}

/// [`Answer::shown`](super::client::Answer::shown) asserts that the field is gone.
#[test]
fn no_handler_sees_the_field_also_where_nobody_authenticates() {
    let mut world = World::new();
    world.group(3, "open", &[("paths", "/open/{*rest}")]);
    world.interceptor("Optional", &[("required", "false")]);
    world.group(
        4,
        "optional",
        &[("paths", "/optional/{*rest}"), ("interceptors", "Optional")],
    );
    world.set("palisade.unmatched", "allow");
    let server = world.start();
    let mut connection = world.tls(Some("acme")).connect(server.at("asks")).unwrap();
    for name in ["dave", "", "mallory"] {
        for spelling in ["x-on-behalf-of", "X-On-Behalf-Of"] {
            for path in ["/open/x", "/elsewhere"] {
                assert_eq!(
                    connection.shown(&Ask::get(path).with(spelling, name)),
                    "nobody",
                    "{path}"
                );
            }
        }
    }
    let mut nobody = world.tls(None).connect(server.at("asks")).unwrap();
    assert_eq!(nobody.shown(&Ask::get("/optional/x")), "nobody");
    assert_eq!(
        nobody.shown(&Ask::get("/optional/x").with(FIELD, "dave")),
        NOT_ALLOWED
    );
    let for_dave = Ask::get("/optional/x").with(FIELD, "dave");
    assert_eq!(
        connection.shown(&for_dave),
        "dave of acme by certificate+on-behalf-of"
    );
}

#[test]
fn a_verdict_that_is_only_reported_removes_the_field_as_well() {
    let mut world = World::new();
    world.set("palisade.interceptors.force.report-only", "true");
    let server = world.start();
    let mut connection = world.tls(Some("alice")).connect(server.at("asks")).unwrap();
    assert_eq!(
        connection.shown(&Ask::get("/force/x").with(FIELD, "dave")),
        "nobody"
    );
    let token = world.issuer.token("alice", &json!({}));
    let ask = Ask::get("/force/x")
        .with_all(&[bearer(&token)])
        .with(FIELD, "dave");
    assert_eq!(connection.shown(&ask), "nobody");
}
