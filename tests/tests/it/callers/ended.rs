//! Certificates that end while connections live: revoked, or past their time.

use std::time::Duration;

use rstest::rstest;
use rustls::SupportedProtocolVersion;
use rustls::version::{TLS12, TLS13};

use super::client::{Ask, Connection, curl};
use super::world::Credentials::{self, ApiKey, Basic, Bearer, Nothing, WrongPassword};
use super::world::{MODES, Server, World, until};

const NOT_ACCEPTED: &str = "403 client-certificate-not-accepted";
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Whatever comes with it, and whatever the mode: also where a certificate beside credentials is not looked at.
fn is_refused_everywhere(world: &World, connection: &mut Connection) {
    for mode in MODES {
        for credentials in [Nothing, Basic, Bearer, ApiKey, WrongPassword] {
            let shown = connection.shown(&world.ask(mode, credentials));
            assert_eq!(shown, NOT_ACCEPTED, "{mode}, {credentials:?}");
        }
    }
}

fn is_accepted_everywhere(world: &World, connection: &mut Connection, subject: &str) {
    for mode in MODES {
        let shown = connection.shown(&world.ask(mode, Nothing));
        assert_eq!(shown, format!("{subject} by certificate"), "{mode}");
    }
}

fn handshakes_fail(world: &World, server: &Server, version: &'static SupportedProtocolVersion) {
    for listener in ["asks", "requires"] {
        let ask = world.ask("default", Credentials::Basic);
        let fresh = world
            .tls_of(Some("alice"), &[version])
            .ask(server.at(listener), &ask);
        assert!(fresh.is_err(), "{listener}: {fresh:?}");
        for options in [&["--http1.1", "--tls-max", "1.2"][..], &["--http2"]] {
            let shows = Some((&world.pki, "alice"));
            curl(options, &world.pki, shows, server.at(listener), &ask).unwrap_err();
        }
    }
}

#[rstest]
#[case::tls_1_2(&TLS12)]
#[case::tls_1_3(&TLS13)]
fn a_certificate_that_is_revoked_is_refused_on_the_same_connection(
    #[case] version: &'static SupportedProtocolVersion,
) {
    let mut world = World::new();
    for listener in ["asks", "requires"] {
        world.set(&format!("palisade.listeners.{listener}.tls.crl-files"), "ca.crl");
    }
    world.put("ca.crl", world.pki.revocation_list());
    let server = world.start();
    let alice = world.tls_of(Some("alice"), &[version]);
    let mut connection = alice.connect(server.at("asks")).unwrap();
    let mut other = world.tls(Some("bob")).connect(server.at("asks")).unwrap();
    let mut without = world.tls(None).connect(server.at("asks")).unwrap();
    is_accepted_everywhere(&world, &mut connection, "alice of acme");
    is_accepted_everywhere(&world, &mut other, "bob of globex");
    let mut resumed = alice.connect(server.at("asks")).unwrap();
    assert!(resumed.is_resumed());
    is_accepted_everywhere(&world, &mut resumed, "alice of acme");

    world.pki.revoke("alice");
    world.put("ca.crl", world.pki.revocation_list());
    // Nobody tells the server: it watches the file.
    until("the revocation", || {
        connection.shown(&Ask::get("/default/x")) == NOT_ACCEPTED
    });

    is_refused_everywhere(&world, &mut connection);
    is_refused_everywhere(&world, &mut resumed);
    let mut resumed = alice.connect(server.at("asks")).unwrap();
    assert!(resumed.is_resumed());
    is_refused_everywhere(&world, &mut resumed);
    handshakes_fail(&world, &server, version);
    // Others go on.
    is_accepted_everywhere(&world, &mut other, "bob of globex");
    assert_eq!(
        without.shown(&world.ask("default", Basic)),
        "alice of acme by basic"
    );
}

#[rstest]
#[case::tls_1_2(&TLS12)]
#[case::tls_1_3(&TLS13)]
fn a_certificate_that_expires_is_refused_on_the_same_connection(
    #[case] version: &'static SupportedProtocolVersion,
) {
    let mut world = World::new();
    world.pki.issue_for("alice", 1);
    world.set(
        "palisade.users.alice.certificates",
        &world.pki.fingerprint("alice"),
    );
    let server = world.start();
    let alice = world.tls_of(Some("alice"), &[version]);
    let mut connection = alice.connect(server.at("asks")).unwrap();
    let mut other = world.tls(Some("bob")).connect(server.at("asks")).unwrap();
    is_accepted_everywhere(&world, &mut connection, "alice of acme");

    server.clock.advance(2 * DAY);

    is_refused_everywhere(&world, &mut connection);
    let mut resumed = alice.connect(server.at("asks")).unwrap();
    assert!(resumed.is_resumed());
    is_refused_everywhere(&world, &mut resumed);
    handshakes_fail(&world, &server, version);
    is_accepted_everywhere(&world, &mut other, "bob of globex");
}
