//! The table over TLS handshakes, by curl, in HTTP/1.1 and HTTP/2.

use rstest::rstest;
use rustls::version::{TLS12, TLS13};
use serde_json::{Value, json};

use super::cells::{self, Row};
use super::client::{Ask, curl};
use super::pki::Pki;
use super::world::{Credentials, MODES, World};

/// The option of curl for a version of HTTP.
fn option(alpn: &str) -> &'static str {
    if alpn == "h2" { "--http2" } else { "--http1.1" }
}

#[rstest]
#[case::where_the_listener_asks("asks", cells::where_asked)]
#[case::where_it_does_not("silent", cells::where_not_asked)]
fn every_cell_holds(
    #[case] listener: &str,
    #[case] rows: fn(&str) -> [Row; 5],
    #[values("http/1.1", "h2")] alpn: &str,
) {
    let world = World::new();
    let server = world.start();
    cells::hold(rows, |mode, credentials, certificate| {
        let shows = certificate.map(|name| (&world.pki, name));
        let ask = world.ask(mode, credentials);
        let answer = curl(&[option(alpn)], &world.pki, shows, server.at(listener), &ask).unwrap();
        if answer.status == 200 {
            assert_eq!(answer.json()["tls"]["alpn"], alpn);
        }
        answer.shown()
    });
}

#[rstest]
fn every_cell_holds_where_the_listener_requires_certificates(#[values("http/1.1", "h2")] alpn: &str) {
    let world = World::new();
    let server = world.start();
    let asked = |mode: &str| {
        // Without a certificate nobody comes as far as the table.
        cells::where_asked(mode).map(|(credentials, [_, rest @ ..])| {
            let [alice, acme, carol, bob, stranger] = rest;
            (credentials, ["no handshake", alice, acme, carol, bob, stranger])
        })
    };
    cells::hold(asked, |mode, credentials, certificate| {
        let shows = certificate.map(|name| (&world.pki, name));
        let ask = world.ask(mode, credentials);
        let answer = curl(&[option(alpn)], &world.pki, shows, server.at("requires"), &ask);
        answer.map_or_else(|_| "no handshake".to_owned(), |answer| answer.shown())
    });
}

/// The root has the name of ours, and another key.
#[test]
fn a_certificate_of_another_authority_ends_the_handshake_in_every_mode() {
    let world = World::new();
    let server = world.start();
    let other = Pki::new();
    other.issue("alice");
    let shows = Some((&other, "alice"));
    for mode in MODES {
        let ask = world.ask(mode, Credentials::Basic);
        for listener in ["asks", "requires"] {
            let error = curl(
                &["--tls-max", "1.2"],
                &world.pki,
                shows,
                server.at(listener),
                &ask,
            )
            .unwrap_err();
            assert!(error.contains("alert"), "{error}");
            for alpn in ["http/1.1", "h2"] {
                curl(&[option(alpn)], &world.pki, shows, server.at(listener), &ask).unwrap_err();
            }
        }
        // A listener that does not ask never sees it.
        let answer = curl(&["--http2"], &world.pki, shows, server.at("silent"), &ask).unwrap();
        let (_, [expected, ..]) = cells::where_not_asked(mode)[1];
        assert_eq!(answer.shown(), expected);
    }
}

/// The user's certificate is looked up first; that the user is not active does not make it the tenant's.
#[test]
fn a_certificate_of_an_inactive_user_speaks_for_nobody_even_if_it_is_the_tenants_too() {
    let mut world = World::new();
    for also_the_tenants in [false, true] {
        if also_the_tenants {
            let both = format!(
                "{},{}",
                world.pki.fingerprint("acme"),
                world.pki.fingerprint("erin")
            );
            world.set("palisade.tenants.acme.certificates", &both);
        }
        let server = world.start();
        for mode in MODES {
            let ask = world.ask(mode, Credentials::Nothing);
            let answer = world.tls(Some("erin")).ask(server.at("asks"), &ask).unwrap();
            assert_eq!(answer.shown(), "403 client-certificate-not-accepted", "{mode}");
        }
    }
}

/// Contract, section 6: that a user has a certificate does not disable the tenant's, and the user's is looked up first.
#[test]
fn a_certificate_of_a_user_and_a_tenant_is_the_users_alone_and_the_tenants_beside_credentials() {
    let mut world = World::new();
    let both = format!(
        "{},{}",
        world.pki.fingerprint("acme"),
        world.pki.fingerprint("carol")
    );
    world.set("palisade.tenants.acme.certificates", &both);
    let server = world.start();
    let carol = world.tls(Some("carol"));
    let seen = |credentials| {
        carol
            .ask(server.at("asks"), &world.ask("force", credentials))
            .unwrap()
            .shown()
    };
    assert_eq!(seen(Credentials::Nothing), "carol of acme by certificate");
    assert_eq!(seen(Credentials::Basic), "alice of acme by basic+certificate");
}

#[rstest]
#[case::certificate(Credentials::Nothing, Some("alice"), json!({
    "subject": "alice", "tenant": "acme", "roles": ["clerk"], "scopes": [], "how": "certificate"
}))]
#[case::tenant(Credentials::Nothing, Some("acme"), json!({
    "subject": "acme", "tenant": "acme", "roles": [], "scopes": [], "how": "certificate", "is_tenant": true
}))]
#[case::basic(Credentials::Basic, None, json!({
    "subject": "alice", "tenant": "acme", "roles": ["clerk"], "scopes": [], "how": "basic"
}))]
#[case::bearer(Credentials::Bearer, None, json!({
    "subject": "alice", "tenant": "acme", "roles": ["clerk"], "scopes": [], "how": "bearer"
}))]
#[case::api_key(Credentials::ApiKey, None, json!({
    "subject": "alice", "tenant": "acme", "roles": [], "scopes": ["orders.read"], "how": "api-key"
}))]
fn the_handler_learns_who_calls(
    #[case] credentials: Credentials,
    #[case] certificate: Option<&str>,
    #[case] mut expected: Value,
) {
    let world = World::new();
    let server = world.start();
    let answer = world
        .tls(certificate)
        .ask(server.at("asks"), &world.ask("default", credentials))
        .unwrap();
    let seen = answer.json();
    if credentials == Credentials::ApiKey {
        // Keys are told apart by the start of their hash.
        let hash = super::pki::fingerprint(world.api_key.as_bytes());
        expected["api_key"] = json!(hash["sha256:".len()..][..12]);
    }
    assert_eq!(seen["principal"], expected);
    let subject = certificate.map_or(Value::Null, |name| json!(format!("CN={name}")));
    assert_eq!(
        seen["client-certificate"].get("subject").unwrap_or(&Value::Null),
        &subject
    );
}

#[test]
fn a_refusal_for_want_of_credentials_names_every_scheme() {
    let world = World::new();
    let server = world.start();
    let challenges = |ask: &Ask| {
        let answer = world.tls(None).ask(server.at("asks"), ask).unwrap();
        assert_eq!(answer.status, 401);
        answer
            .all("www-authenticate")
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let others = [
        "Basic realm=\"palisade\", charset=\"UTF-8\"",
        "ApiKey realm=\"palisade\", header=\"x-api-key\"",
        "Certificate realm=\"palisade\"",
    ];
    let with = |bearer: &'static str| [&[bearer][..], &others].concat();
    // RFC 6750 section 3.1: without a token there is no error to tell.
    let plain = with("Bearer realm=\"palisade\"");
    let ask = Ask::get("/default/x");
    assert_eq!(challenges(&ask), plain);
    assert_eq!(
        challenges(&world.ask("default", Credentials::WrongPassword)),
        plain
    );
    let invalid = with("Bearer realm=\"palisade\", error=\"invalid_token\"");
    assert_eq!(
        challenges(&ask.clone().with("authorization", "Bearer e30.e30.AAAA")),
        invalid
    );
}

/// Both versions of TLS, without resumption: curl speaks whichever is newest.
#[rstest]
#[case::tls_1_2(&TLS12, "TLSv1.2")]
#[case::tls_1_3(&TLS13, "TLSv1.3")]
fn both_versions_of_tls_show_certificates(
    #[case] version: &'static rustls::SupportedProtocolVersion,
    #[case] name: &str,
) {
    let world = World::new();
    let server = world.start();
    cells::hold(cells::where_asked, |mode, credentials, certificate| {
        let tls = world.tls_of(certificate, &[version]);
        let answer = tls.ask(server.at("asks"), &world.ask(mode, credentials)).unwrap();
        if answer.status == 200 {
            assert_eq!(answer.json()["tls"]["version"], name);
            assert_eq!(answer.json()["tls"]["resumed"], false);
        }
        answer.shown()
    });
}

/// Two credentials leave open for whom the request is.
#[test]
fn of_two_credentials_neither_counts() {
    let world = World::new();
    let server = world.start();
    let [basic, bearer, key] =
        [Credentials::Basic, Credentials::Bearer, Credentials::ApiKey].map(|of| world.fields(of));
    for (one, two) in [
        (&basic, &bearer),
        (&basic, &key),
        (&bearer, &key),
        (&key, &key),
        (&basic, &basic),
    ] {
        for mode in MODES {
            let ask = Ask::get(&format!("/{mode}/x")).with_all(one).with_all(two);
            let answer = world.tls(Some("alice")).ask(server.at("asks"), &ask).unwrap();
            assert_eq!(answer.shown(), "401 credentials-invalid", "{mode}");
        }
    }
}
