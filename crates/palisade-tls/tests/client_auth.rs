//! Client certificates: in the handshake, and at every request after it.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod support;

use std::sync::Arc;
use std::time::Duration;

use palisade_core::Severity;
use palisade_test::ca::{ClientTls, TestCa, TestCert};
use rstest::rstest;
use rustls::ClientConfig;
use serde_json::{Value, json};
use support::{DAY, Server, TODAY, World, client, seconds};
use time::OffsetDateTime;

fn instant(seconds: u64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(seconds.try_into().unwrap()).unwrap()
}

fn settings(mode: &str) -> Value {
    json!({"tls": {"client-auth": mode, "client-ca-aliases": ["ca"]}})
}

fn settings_with_list() -> Value {
    json!({"tls": {"client-auth": "request", "client-ca-aliases": ["ca"], "crl-files": ["ca.crl.pem"]}})
}

/// The whole answer to a certificate that is not, or no longer, accepted.
fn assert_refused((status, document): (u16, Value)) {
    assert_eq!(status, 403);
    let id = document["answered-id"].clone();
    let expected = json!({
        "type": "urn:palisade:problem:client-certificate-not-accepted",
        "title": "The client certificate is not accepted",
        "status": 403,
        "detail": "The client certificate is not accepted",
        "instance": id,
        "answered-id": id,
    });
    assert_eq!(document, expected);
}

#[derive(Debug, Clone, Copy)]
enum Shows {
    Nothing,
    Good,
    ThroughIntermediate,
    WrongIssuer,
    Expired,
    NotYetValid,
    Revoked,
    ForServers,
}

fn identity(world: &World, shows: Shows) -> Option<TestCert> {
    Some(match shows {
        Shows::Nothing => return None,
        Shows::Good => world.ca.client("partner"),
        Shows::ThroughIntermediate => world.ca.intermediate("Issuing").client("partner"),
        Shows::WrongIssuer => TestCa::new("Test Root").client("partner"),
        Shows::Expired => world
            .ca
            .leaf("partner")
            .for_clients()
            .not_after(instant(TODAY - 1))
            .issue(),
        Shows::NotYetValid => world
            .ca
            .leaf("partner")
            .for_clients()
            .not_before(instant(TODAY + 1))
            .issue(),
        Shows::Revoked => world.ca.leaf("partner").for_clients().serial(&[0x66]).issue(),
        Shows::ForServers => world.ca.server(&["partner"]),
    })
}

#[rstest]
#[tokio::test]
async fn each_mode_judges_what_the_client_shows(
    #[values("none", "request", "require")] mode: &str,
    #[values(
        Shows::Nothing,
        Shows::Good,
        Shows::ThroughIntermediate,
        Shows::WrongIssuer,
        Shows::Expired,
        Shows::NotYetValid,
        Shows::Revoked,
        Shows::ForServers
    )]
    shows: Shows,
    #[values(true, false)] tls13: bool,
) {
    let world = World::new();
    let mut settings = settings(mode);
    if matches!(shows, Shows::Good | Shows::Revoked) {
        world.revoke(&[&[0x66]], TODAY + DAY);
        settings["tls"]["crl-files"] = json!(["ca.crl.pem"]);
    }
    let server = world.start(settings).await;
    let identity = identity(&world, shows);
    let tls = ClientTls::trusting(&world.ca);
    let tls = if tls13 { tls.tls13_only() } else { tls.tls12_only() };
    let tls = match &identity {
        Some(identity) => tls.identity(identity).build(),
        None => tls.build(),
    };
    let certificate = server.seen(&tls).await.map(|seen| seen["certificate"].clone());

    match (mode, shows) {
        ("none", _) | ("request", Shows::Nothing) => assert_eq!(certificate.unwrap(), Value::Null),
        (_, Shows::Good | Shows::ThroughIntermediate) => assert_eq!(certificate.unwrap(), "CN=partner"),
        _ => assert!(certificate.is_err(), "{certificate:?}"),
    }
}

#[tokio::test]
async fn a_certificate_that_expires_ends_a_connection_s_welcome() {
    let world = World::new();
    let server = world.start(settings("request")).await;
    let partner = world
        .ca
        .leaf("partner")
        .for_clients()
        .not_after(instant(TODAY + 100))
        .issue();
    let mut connection = server.connect(&client(&world, Some(&partner))).await.unwrap();
    let mut other = server.connect(&client(&world, None)).await.unwrap();

    assert_eq!(connection.get(&[]).await.unwrap().0, 200);
    world.clock.set(seconds(TODAY + 100));
    assert_eq!(connection.get(&[]).await.unwrap().0, 200);
    world.clock.set(seconds(TODAY + 101));
    assert_refused(connection.get(&[]).await.unwrap());
    assert_refused(connection.get(&[]).await.unwrap());
    assert_eq!(other.get(&[]).await.unwrap().0, 200);
    // A clock that is put back is believed again.
    world.clock.set(seconds(TODAY));
    assert_eq!(connection.get(&[]).await.unwrap().0, 200);
}

#[tokio::test]
async fn an_intermediate_that_expires_counts_as_well() {
    let world = World::new();
    let server = world.start(settings("require")).await;
    let partner = world
        .ca
        .intermediate("Issuing")
        .leaf("partner")
        .for_clients()
        .issue();
    let mut connection = server.connect(&client(&world, Some(&partner))).await.unwrap();
    assert_eq!(connection.get(&[]).await.unwrap().0, 200);
    // Everything made by the test's authority ends in 2100.
    world.clock.set(seconds(4_102_444_801));
    assert_refused(connection.get(&[]).await.unwrap());
}

#[tokio::test]
async fn a_certificate_that_is_revoked_is_refused_on_the_same_connection() {
    let world = World::new();
    world.revoke(&[], TODAY + DAY);
    let server = world.start(settings_with_list()).await;
    let (bad, good) = (world.ca.client("bad"), world.ca.client("good"));
    let mut bad_connection = server.connect(&client(&world, Some(&bad))).await.unwrap();
    let mut good_connection = server.connect(&client(&world, Some(&good))).await.unwrap();
    assert_eq!(bad_connection.get(&[]).await.unwrap().1["certificate"], "CN=bad");
    assert_eq!(
        good_connection.get(&[]).await.unwrap().1["certificate"],
        "CN=good"
    );

    world.revoke(&[bad.serial()], TODAY + DAY);
    server.reload(&world, settings_with_list());

    assert_refused(bad_connection.get(&[]).await.unwrap());
    assert_eq!(
        good_connection.get(&[]).await.unwrap().1["certificate"],
        "CN=good"
    );
    assert!(server.seen(&client(&world, Some(&bad))).await.is_err());
}

/// A client that has a session to resume.
async fn with_session(server: &Server, tls: &Arc<ClientConfig>) {
    let seen = server.seen(tls).await.unwrap();
    assert_eq!(
        (&seen["tls"]["resumed"], &seen["certificate"]),
        (&json!(false), &json!("CN=partner"))
    );
    let seen = server.seen(tls).await.unwrap();
    assert_eq!(
        (&seen["tls"]["resumed"], &seen["certificate"]),
        (&json!(true), &json!("CN=partner"))
    );
}

fn resuming(world: &World, partner: &TestCert, tls13: bool) -> Arc<ClientConfig> {
    let tls = ClientTls::trusting(&world.ca).identity(partner);
    if tls13 { tls.tls13_only() } else { tls.tls12_only() }.build()
}

#[rstest]
#[tokio::test]
async fn a_resumed_session_does_not_outlive_a_revocation(#[values(true, false)] tls13: bool) {
    let world = World::new();
    world.revoke(&[], TODAY + DAY);
    let server = world.start(settings_with_list()).await;
    let partner = world.ca.client("partner");
    let tls = resuming(&world, &partner, tls13);
    with_session(&server, &tls).await;
    let mut before = server.connect(&tls).await.unwrap();
    assert_eq!(before.get(&[]).await.unwrap().1["tls"]["resumed"], true);

    world.revoke(&[partner.serial()], TODAY + DAY);
    server.reload(&world, settings_with_list());

    assert_refused(before.get(&[]).await.unwrap());
    let mut after = server.connect(&tls).await.unwrap();
    assert_refused(after.get(&[]).await.unwrap());
}

#[rstest]
#[tokio::test]
async fn a_resumed_session_does_not_outlive_its_certificate(#[values(true, false)] tls13: bool) {
    let world = World::new();
    let server = world.start(settings("require")).await;
    let partner = world
        .ca
        .leaf("partner")
        .for_clients()
        .not_after(instant(TODAY + 100))
        .issue();
    let tls = resuming(&world, &partner, tls13);
    with_session(&server, &tls).await;
    world.clock.set(seconds(TODAY + 101));
    let mut after = server.connect(&tls).await.unwrap();
    assert_refused(after.get(&[]).await.unwrap());
}

#[rstest]
#[tokio::test]
async fn a_resumed_session_does_not_outlive_the_trust_in_its_issuer(#[values(true, false)] tls13: bool) {
    let world = World::new();
    let server = world.start(settings("require")).await;
    let tls = resuming(&world, &world.ca.client("partner"), tls13);
    with_session(&server, &tls).await;
    let mut before = server.connect(&tls).await.unwrap();
    before.get(&[]).await.unwrap();

    TestCa::new("Another Root").write_pem(&world.keys(), "ca");
    server.reload(&world, settings("require"));

    assert_refused(before.get(&[]).await.unwrap());
    let mut after = server.connect(&tls).await.unwrap();
    assert_refused(after.get(&[]).await.unwrap());
}

#[tokio::test]
async fn a_session_is_not_resumed_under_other_settings() {
    let world = World::new();
    let server = world.start(settings("request")).await;
    let tls = client(&world, None);
    server.seen(&tls).await.unwrap();
    assert_eq!(server.seen(&tls).await.unwrap()["tls"]["resumed"], true);
    // Had the session gone on, a client without a certificate would now pass.
    server.reload(&world, settings("require"));
    assert!(server.seen(&tls).await.is_err());
}

#[tokio::test]
async fn what_another_acceptor_compiled_is_adopted_without_its_files() {
    let world = World::new();
    world.revoke(&[], TODAY + DAY);
    let server = world.start(settings_with_list()).await;
    let (good, bad) = (world.ca.client("partner"), world.ca.client("bad"));
    let (tls, bad_tls) = (client(&world, Some(&good)), client(&world, Some(&bad)));
    let mut good_connection = server.connect(&tls).await.unwrap();
    let mut bad_connection = server.connect(&bad_tls).await.unwrap();
    assert_eq!(good_connection.get(&[]).await.unwrap().0, 200);
    assert_eq!(bad_connection.get(&[]).await.unwrap().0, 200);

    world.revoke(&[bad.serial()], TODAY + DAY);
    let (anew, _) = world.acceptor(settings_with_list()).unwrap();
    let files = server.acceptor.files();
    std::fs::remove_dir_all(world.path()).unwrap();
    server.acceptor.adopt(&anew);

    assert_eq!(server.acceptor.files(), files);
    assert_refused(bad_connection.get(&[]).await.unwrap());
    assert_eq!(good_connection.get(&[]).await.unwrap().0, 200);
    assert!(server.seen(&client(&world, Some(&bad))).await.is_err());
    assert_eq!(server.seen(&tls).await.unwrap()["tls"]["resumed"], true);
}

#[tokio::test]
async fn a_session_is_not_resumed_under_adopted_settings_that_differ() {
    let world = World::new();
    let server = world.start(settings("request")).await;
    let tls = client(&world, None);
    server.seen(&tls).await.unwrap();
    assert_eq!(server.seen(&tls).await.unwrap()["tls"]["resumed"], true);
    let (anew, _) = world.acceptor(settings("require")).unwrap();
    server.acceptor.adopt(&anew);
    assert!(server.seen(&tls).await.is_err());
}

#[tokio::test]
async fn a_list_past_its_date_refuses_until_it_is_renewed() {
    let world = World::new();
    world.revoke(&[], TODAY + 100);
    let server = world.start(settings_with_list()).await;
    let partner = world.ca.client("partner");
    let tls = client(&world, Some(&partner));
    let mut connection = server.connect(&tls).await.unwrap();
    assert_eq!(connection.get(&[]).await.unwrap().0, 200);

    world.clock.set(seconds(TODAY + 101));
    assert_refused(connection.get(&[]).await.unwrap());
    let fresh = client(&world, Some(&partner));
    assert!(server.seen(&fresh).await.is_err());
    assert!(server.seen(&client(&world, None)).await.is_ok());

    world.revoke(&[], TODAY + DAY);
    server.reload(&world, settings_with_list());
    assert_eq!(connection.get(&[]).await.unwrap().0, 200);
    assert!(server.seen(&fresh).await.is_ok());
}

#[tokio::test]
async fn a_list_of_somebody_else_vouches_for_nobody() {
    let world = World::new();
    // The same name, another key.
    let forger = TestCa::new("Test Root");
    forger
        .crl(&[], instant(TODAY - DAY), instant(TODAY + DAY))
        .write_pem(world.path(), "ca");
    let server = world.start(settings_with_list()).await;
    assert!(
        server
            .seen(&client(&world, Some(&world.ca.client("partner"))))
            .await
            .is_err()
    );
}

#[tokio::test]
async fn of_two_lists_the_newer_one_counts() {
    let world = World::new();
    let partner = world.ca.client("partner");
    let old = world.ca.crl(&[], instant(TODAY - 2 * DAY), instant(TODAY + DAY));
    std::fs::write(world.path().join("old.crl"), old.der()).unwrap();
    world.revoke(&[partner.serial()], TODAY + DAY);
    for order in [["old.crl", "ca.crl.pem"], ["ca.crl.pem", "old.crl"]] {
        let mut settings = settings_with_list();
        settings["tls"]["crl-files"] = json!(order);
        let server = world.start(settings).await;
        assert!(server.seen(&client(&world, Some(&partner))).await.is_err());
        assert!(
            server
                .seen(&client(&world, Some(&world.ca.client("other"))))
                .await
                .is_ok()
        );
    }
}

#[tokio::test]
async fn an_issuer_without_a_list_is_refused_where_lists_are_given() {
    let world = World::new();
    world.revoke(&[], TODAY + DAY);
    let other = TestCa::new("Other Root");
    other.write_pem(&world.keys(), "other");
    let mut settings = settings_with_list();
    settings["tls"]["client-ca-aliases"] = json!(["ca", "other"]);
    let (_, findings) = world.acceptor(settings.clone()).unwrap();
    assert_eq!(
        findings.iter().map(|finding| &*finding.code).collect::<Vec<_>>(),
        ["crl-missing"]
    );
    let server = world.start(settings).await;
    assert!(
        server
            .seen(&client(&world, Some(&other.client("partner"))))
            .await
            .is_err()
    );
    assert!(
        server
            .seen(&client(&world, Some(&world.ca.client("partner"))))
            .await
            .is_ok()
    );
}

#[test]
fn a_list_that_is_past_its_date_at_the_start_is_a_severe_finding() {
    let world = World::new();
    world.revoke(&[], TODAY - 1);
    let (_, findings) = world.acceptor(settings_with_list()).unwrap();
    assert_eq!(findings.len(), 1);
    assert_eq!(&*findings[0].code, "crl-expired");
    assert_eq!(findings[0].key.as_deref(), Some("tls.crl-files[0]"));
}

#[test]
fn a_list_that_grows_old_under_a_listener_is_found_when_it_is_asked() {
    let world = World::new();
    world.revoke(&[], TODAY + DAY);
    let (acceptor, findings) = world.acceptor(settings_with_list()).unwrap();
    assert_eq!(findings, []);
    let found = |ahead: u64| {
        world.clock.advance(Duration::from_secs(ahead));
        let findings = acceptor.findings_of_lists().into_iter();
        let findings = findings.map(|finding| (finding.code.into_owned(), finding.severity, finding.key));
        findings.collect::<Vec<_>>()
    };
    let told = |code: &str, severity| vec![(code.to_owned(), severity, Some("tls.crl-files[0]".to_owned()))];
    assert_eq!(found(DAY / 4), []);
    assert_eq!(found(DAY / 4), told("crl-expires-soon", Severity::Caution));
    assert_eq!(found(DAY / 2 - 60), told("crl-expires-soon", Severity::Moderate));
    assert_eq!(found(60), told("crl-expired", Severity::Severe));

    world.revoke(&[], TODAY + 3 * DAY);
    let mut settings = settings_with_list();
    acceptor
        .reload(&support::read(settings.clone()), &world.keystores())
        .unwrap();
    assert_eq!(found(0), []);
    settings["tls"].as_object_mut().unwrap().remove("crl-files");
    acceptor
        .reload(&support::read(settings), &world.keystores())
        .unwrap();
    assert_eq!(found(3 * DAY), []);
}

#[tokio::test]
async fn a_reload_that_fails_changes_nothing() {
    let world = World::new();
    world.revoke(&[], TODAY + DAY);
    let server = world.start(settings_with_list()).await;
    std::fs::write(world.path().join("ca.crl.pem"), "damaged").unwrap();
    let faults = server
        .acceptor
        .reload(&support::read(settings_with_list()), &world.keystores())
        .unwrap_err();
    assert_eq!(faults.faults[0].key, "tls.crl-files[0]");
    assert!(
        server
            .seen(&client(&world, Some(&world.ca.client("partner"))))
            .await
            .is_ok()
    );
    assert_eq!(server.acceptor.files(), [world.path().join("ca.crl.pem")]);
}

#[rstest]
#[case("SHA256withECDSA")]
#[case("EC keySize < 384")]
#[tokio::test]
async fn disabled_algorithms_hold_for_client_certificates(#[case] word: &str) {
    use palisade_test::ca::KeyKind;
    let world = World::new();
    let ca = TestCa::with_key_kind("P-384 Root", KeyKind::EcP384);
    ca.write_pem(&world.keys(), "ca");
    world
        .ca
        .leaf("localhost")
        .names(&["localhost"])
        .for_servers()
        .key_kind(KeyKind::EcP384)
        .issue()
        .write_pem(&world.keys(), "server");
    let mut settings = settings("require");
    settings["tls"]["disabled-algorithms"] = json!([word]);
    let server = world.start(settings).await;
    let weak = ca.leaf("weak").for_clients().key_kind(KeyKind::EcP256).issue();
    let strong = ca.leaf("strong").for_clients().key_kind(KeyKind::EcP384).issue();
    assert!(server.seen(&client(&world, Some(&weak))).await.is_err());
    assert_eq!(
        server.seen(&client(&world, Some(&strong))).await.unwrap()["certificate"],
        "CN=strong"
    );
}
