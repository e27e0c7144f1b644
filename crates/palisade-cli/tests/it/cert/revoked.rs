use palisade_test::ca::TestCa;
use serde_json::json;

use super::{append, cert, json, openssl, program, refused, with_authority, with_database};
use crate::support::Folder;

/// What OpenSSL says of a PEM file, revocation included.
fn verdict(folder: &Folder, file: &str) -> Result<String, String> {
    let check = [
        "verify",
        "-crl_check",
        "-CAfile",
        "config/ca/ca.crt",
        "-CRLfile",
        "config/ca/ca.crl",
    ];
    program(folder, "openssl", &[&check[..], &[file]].concat())
}

fn with_alice_and_bob() -> Folder {
    let folder = with_database();
    for name in ["alice", "bob"] {
        cert(&folder, &["issue", "--user", name, "--create", "--type", "pem"]);
    }
    folder
}

#[test]
fn what_is_revoked_stands_in_the_list_and_the_record() {
    let folder = with_alice_and_bob();
    assert!(verdict(&folder, "alice.pem").is_ok());
    let done = cert(
        &folder,
        &[
            "revoke",
            "--user",
            "alice",
            "--reason",
            "keyCompromise",
            "--crl-valid",
            "7d",
        ],
    );
    let revoked = &done["revoked"][0];
    assert_eq!(
        (&revoked["status"], &revoked["in-crl"]),
        (&json!("revoked"), &json!(true))
    );
    assert_eq!(revoked["revocation-reason"], "keyCompromise");
    assert_eq!(
        (&done["crl"]["file"], &done["crl"]["revoked"]),
        (&json!("config/ca/ca.crl"), &json!(1))
    );
    assert!(
        verdict(&folder, "alice.pem")
            .unwrap_err()
            .contains("certificate revoked")
    );
    assert!(verdict(&folder, "bob.pem").is_ok());
    let text = openssl(&folder, &["crl", "-in", "config/ca/ca.crl", "-noout", "-text"]);
    assert!(text.contains("Key Compromise"), "{text}");
    let listed = cert(&folder, &["list", "--revoked"]);
    assert_eq!(listed["certificates"].as_array().unwrap().len(), 1);
    assert_eq!(listed["certificates"][0]["recognised"], false);
    // Once more changes neither day nor reason, and is no error: a command that was interrupted may be run again.
    let again = cert(&folder, &["revoke", "--user", "alice"]);
    assert_eq!(again["revoked"][0]["revoked-at"], revoked["revoked-at"]);
    assert_eq!(again["revoked"][0]["revocation-reason"], "keyCompromise");
    assert!(again["crl"]["number"].as_u64() > done["crl"]["number"].as_u64());
}

#[test]
fn all_certificates_of_an_owner_are_revoked_or_the_one_that_is_named() {
    let folder = with_alice_and_bob();
    cert(
        &folder,
        &["issue", "--user", "alice", "--type", "pem", "--out", "second.pem"],
    );
    let serial = openssl(&folder, &["x509", "-in", "second.pem", "-noout", "-serial"]);
    let serial = serial.trim().split_once('=').unwrap().1;
    let text = folder
        .run(&["cert", "revoke", "--serial", serial, "--reason", "superseded"])
        .with_status(0)
        .out;
    assert!(
        text.starts_with("user alice  revoked\n  revoked        20"),
        "{text}"
    );
    assert!(
        text.contains(", superseded\n") && text.contains("wrote config/ca/ca.crl, number "),
        "{text}"
    );
    assert!(verdict(&folder, "second.pem").is_err() && verdict(&folder, "alice.pem").is_ok());
    cert(&folder, &["revoke", "--user", "alice"]);
    assert!(verdict(&folder, "alice.pem").is_err() && verdict(&folder, "bob.pem").is_ok());
}

#[test]
fn a_certificate_that_is_not_registered_is_revoked_by_its_file() {
    let folder = with_alice_and_bob();
    cert(&folder, &["issue", "--server", "localhost"]);
    let done = cert(&folder, &["revoke", "--certificate", "localhost.pem"]);
    assert_eq!(
        (&done["revoked"][0]["subject"], &done["revoked"][0]["in-crl"]),
        (&json!("CN=localhost"), &json!(true))
    );
    assert!(
        verdict(&folder, "localhost.pem")
            .unwrap_err()
            .contains("certificate revoked")
    );
    // One that is registered is marked there as well.
    let done = cert(&folder, &["revoke", "--certificate", "alice.pem"]);
    assert_eq!(done["revoked"][0]["user"], "alice");
    assert_eq!(
        cert(&folder, &["show", "--user", "alice"])["certificates"][0]["status"],
        "revoked"
    );
    std::fs::write(
        folder.path().join("theirs.pem"),
        TestCa::new("Theirs").client("x").leaf_pem(),
    )
    .unwrap();
    let message = refused(&folder, &["revoke", "--certificate", "theirs.pem"]);
    assert_eq!(
        message,
        "theirs.pem: the authority in config/ca did not issue it, CN=Theirs did"
    );
}

#[test]
fn one_of_another_authority_is_not_recognised_any_more_and_stands_in_no_list() {
    let folder = with_alice_and_bob();
    let theirs = TestCa::new("Theirs");
    theirs.write_pem(folder.path(), "theirs");
    std::fs::write(folder.path().join("carol.pem"), theirs.client("carol").leaf_pem()).unwrap();
    cert(
        &folder,
        &[
            "import",
            "carol.pem",
            "--user",
            "carol",
            "--create",
            "--issuer",
            "theirs.pem",
        ],
    );
    let ended = folder.run(&["cert", "revoke", "--user", "carol"]).with_status(0);
    assert!(
        ended.err.contains("this authority did not issue it"),
        "{}",
        ended.err
    );
    let shown = cert(&folder, &["show", "--user", "carol"]);
    assert_eq!(
        (
            &shown["certificates"][0]["status"],
            &shown["certificates"][0]["recognised"]
        ),
        (&json!("revoked"), &json!(false))
    );
    let list = openssl(&folder, &["crl", "-in", "config/ca/ca.crl", "-noout", "-text"]);
    assert!(list.contains("No Revoked Certificates."), "{list}");
}

#[test]
fn without_the_authority_that_issued_it_nothing_is_marked() {
    let folder = with_alice_and_bob();
    std::fs::rename(folder.config().join("ca"), folder.path().join("moved")).unwrap();
    let message = refused(&folder, &["revoke", "--user", "alice"]);
    assert_eq!(
        message,
        "CN=alice was issued by the authority CN=Palisade CA, which is not in config/ca: say where it is by --dir"
    );
    assert_eq!(
        cert(&folder, &["show", "--user", "alice"])["certificates"][0]["status"],
        "valid"
    );
    cert(&folder, &["revoke", "--user", "alice", "--dir", "moved"]);
    assert_eq!(
        cert(&folder, &["show", "--user", "alice"])["certificates"][0]["status"],
        "revoked"
    );
}

#[test]
fn a_registration_that_is_taken_away_is_gone_and_one_that_is_revoked_stays() {
    let folder = with_alice_and_bob();
    let serial = |name: &str| {
        let shown = cert(&folder, &["show", "--user", name]);
        shown["certificates"][0]["serial"].as_str().unwrap().to_owned()
    };
    let (alice, bob) = (serial("alice"), serial("bob"));
    let ended = folder.run(&["cert", "delete", "--serial", &alice]).with_status(0);
    assert!(
        ended.out.contains("deleted CN=alice of user `alice`"),
        "{}",
        ended.out
    );
    assert!(
        ended.err.contains("palisade cert revoke ends that"),
        "{}",
        ended.err
    );
    assert_eq!(
        refused(&folder, &["show", "--user", "alice"]),
        "user `alice` has no certificate on record"
    );
    cert(&folder, &["revoke", "--serial", &bob]);
    let message = refused(&folder, &["delete", "--serial", &bob]);
    assert!(
        message.starts_with("the certificate of user `bob` is revoked"),
        "{message}"
    );
}

#[test]
fn with_property_files_the_line_without_what_is_revoked_is_told() {
    let folder = with_authority();
    append(&folder, "palisade.users.alice.roles=clerk\n");
    let issue = |name: &str| {
        let done = cert(&folder, &["issue", "--user", "alice", "--out", name]);
        let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
        (text(&done["properties"][0]), text(&done["certificate"]["serial"]))
    };
    let (first, _) = issue("1");
    // A line that was never written is not lost: the next one has both.
    let (both, second) = issue("2");
    assert!(both.contains(first.split_once('=').unwrap().1), "{both}");
    append(&folder, &both);
    let done = cert(&folder, &["revoke", "--serial", &second]);
    assert_eq!(done["properties"], json!([first]));
    let done = cert(&folder, &["revoke", "--user", "alice"]);
    assert_eq!(done["properties"], json!(["palisade.users.alice.certificates="]));
}

#[test]
fn the_list_is_renewed_and_takes_up_what_the_directory_knows() {
    let folder = with_alice_and_bob();
    let first = cert(&folder, &["revoke", "--user", "alice"]);
    let renewed = cert(&folder, &["renew-crl", "--crl-valid", "60d"]);
    assert!(renewed["crl"]["number"].as_u64() > first["crl"]["number"].as_u64());
    assert_eq!(renewed["crl"]["revoked"], 1);
    assert!(verdict(&folder, "alice.pem").is_err());
    // The list is lost: an empty one does not take its place by itself.
    std::fs::remove_file(folder.config().join("ca/ca.crl")).unwrap();
    let message = refused(&folder, &["renew-crl"]);
    assert!(
        message.contains("an empty one would forget what was revoked") && message.contains("--rebuild"),
        "{message}"
    );
    let rebuilt = cert(&folder, &["renew-crl", "--rebuild"]);
    assert_eq!(rebuilt["crl"]["revoked"], 1);
    assert!(rebuilt["crl"]["number"].as_u64() > first["crl"]["number"].as_u64());
    assert!(verdict(&folder, "alice.pem").is_err() && verdict(&folder, "bob.pem").is_ok());
    let message = refused(&folder, &["renew-crl", "--rebuild"]);
    assert_eq!(message, "config/ca/ca.crl exists, and is not overwritten");
}

#[test]
fn a_reason_that_the_standard_does_not_know_is_refused() {
    let folder = with_authority();
    let ended = json(&folder, &["revoke", "--user", "alice", "--reason", "boredom"]).with_status(2);
    let message = ended.json()["errors"][0]["message"].as_str().unwrap().to_owned();
    assert!(message.contains("keyCompromise"), "{message}");
}
