//! The table on resumed sessions: what a handshake does not look at again is looked at all the same.

use std::collections::HashMap;
use std::io::Write as _;
use std::process::{Command, Stdio};

use rstest::rstest;
use rustls::SupportedProtocolVersion;
use rustls::version::{TLS12, TLS13};

use super::cells;
use super::client::{Ask, Tls};
use super::world::{Credentials, MODES, Server, World};

/// A client with a session to resume.
fn with_session(
    world: &World,
    server: &Server,
    certificate: Option<&str>,
    version: &'static SupportedProtocolVersion,
) -> Tls {
    let tls = world.tls_of(certificate, &[version]);
    let mut first = tls.connect(server.at("asks")).unwrap();
    first.ask(&Ask::get("/default/x")).unwrap();
    assert!(!first.is_resumed());
    tls
}

#[rstest]
#[case::tls_1_2(&TLS12)]
#[case::tls_1_3(&TLS13)]
fn every_cell_holds_on_resumed_sessions(#[case] version: &'static SupportedProtocolVersion) {
    let world = World::new();
    let server = world.start();
    let mut clients = HashMap::new();
    cells::hold(cells::where_asked, |mode, credentials, certificate| {
        let client = clients.entry(certificate.map(str::to_owned));
        let client = client.or_insert_with(|| with_session(&world, &server, certificate, version));
        let mut connection = client.connect(server.at("asks")).unwrap();
        assert!(connection.is_resumed(), "{certificate:?}");
        let answer = connection.ask(&world.ask(mode, credentials)).unwrap();
        if answer.status == 200 {
            assert_eq!(answer.json()["tls"]["resumed"], true);
        }
        answer.shown()
    });
}

/// A client that is none of ours: `openssl s_client`.
#[rstest]
#[case::tls_1_2("-tls1_2", "TLSv1.2")]
#[case::tls_1_3("-tls1_3", "TLSv1.3")]
fn a_session_of_openssl_is_resumed_with_the_certificate_of_its_first_handshake(
    #[case] option: &str,
    #[case] version: &str,
) {
    let world = World::new();
    let server = world.start();
    let session = world.path().join("session.pem");
    let client = |session_option: &str| {
        let address = server.at("asks").to_string();
        let mut command = Command::new("openssl");
        command.args([
            "s_client",
            "-connect",
            &address,
            "-servername",
            "localhost",
            "-ign_eof",
            option,
        ]);
        command.arg("-CAfile").arg(world.pki.file("ca.pem"));
        command.arg("-cert").arg(world.pki.file("alice.pem"));
        command.arg("-key").arg(world.pki.file("alice.key"));
        command.arg(session_option).arg(&session);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut running = command.spawn().unwrap();
        let request = b"GET /exclusive/x HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
        running.stdin.take().unwrap().write_all(request).unwrap();
        String::from_utf8_lossy(&running.wait_with_output().unwrap().stdout).into_owned()
    };
    let known = "\"principal\":{\"subject\":\"alice\",\"tenant\":\"acme\"";
    let first = client("-sess_out");
    assert!(
        first.contains(&format!("New, {version}")) && first.contains(known),
        "{first}"
    );
    assert!(first.contains("\"resumed\":false"), "{first}");
    let second = client("-sess_in");
    assert!(
        second.contains(&format!("Reused, {version}")) && second.contains(known),
        "{second}"
    );
    assert!(second.contains("\"resumed\":true"), "{second}");
}

/// Everything that is decided per request is decided anew: users and certificates change, sessions do not.
#[rstest]
#[case::tls_1_2(&TLS12)]
#[case::tls_1_3(&TLS13)]
fn a_resumed_session_does_not_bring_back_what_was_taken_away(
    #[case] version: &'static SupportedProtocolVersion,
) {
    let mut world = World::new();
    let server = world.start();
    let alice = with_session(&world, &server, Some("alice"), version);
    let mut before = alice.connect(server.at("asks")).unwrap();
    assert_eq!(
        before.shown(&Ask::get("/force/x")),
        "alice of acme by certificate"
    );

    world.set(
        "palisade.users.alice.certificates",
        &world.pki.fingerprint("stranger"),
    );
    server.apply(&world);
    let mut after = alice.connect(server.at("asks")).unwrap();
    assert!(before.is_resumed() && after.is_resumed());
    for connection in [&mut before, &mut after] {
        for mode in MODES {
            let ask = world.ask(mode, Credentials::Nothing);
            assert_eq!(
                connection.shown(&ask),
                "403 client-certificate-not-accepted",
                "{mode}"
            );
        }
        let ask = world.ask("force", Credentials::Basic);
        assert_eq!(connection.shown(&ask), "403 client-certificate-not-accepted");
    }
}

/// A listener that asks less must not lend its sessions to one that asks more.
#[rstest]
#[case::tls_1_2(&TLS12)]
#[case::tls_1_3(&TLS13)]
fn a_session_of_one_listener_says_nothing_at_another(#[case] version: &'static SupportedProtocolVersion) {
    let world = World::new();
    let server = world.start();
    let nobody = with_session(&world, &server, None, version);
    let elsewhere = nobody.ask(server.at("requires"), &Ask::get("/default/x"));
    assert!(
        elsewhere.is_err(),
        "a session without a certificate is none where one is required"
    );
    let alice = with_session(&world, &server, Some("alice"), version);
    let mut silent = alice.connect(server.at("silent")).unwrap();
    assert!(!silent.is_resumed());
    assert_eq!(silent.shown(&Ask::get("/default/x")), "401 credentials-missing");
    assert_eq!(
        silent.shown(&Ask::get("/exclusive/x")),
        "403 client-certificate-required"
    );
}
