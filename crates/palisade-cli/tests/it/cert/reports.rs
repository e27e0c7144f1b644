use serde_json::{Value, json};

use super::{append, cert, files, json, openssl, read, refused, with_authority, with_database};
use crate::support::Folder;

/// Alice, bob and the tenant acme in a database, whose certificates end in 20, 400 and 200 days.
fn with_three() -> Folder {
    let folder = with_database();
    for (owner, name, days) in [
        ("--user", "alice", "20d"),
        ("--user", "bob", "400d"),
        ("--tenant", "acme", "200d"),
    ] {
        cert(&folder, &["issue", owner, name, "--create", "--valid", days]);
    }
    folder
}

/// Whose certificates a command shows, in its order.
fn owners(shown: &Value) -> Vec<String> {
    let all = shown["certificates"].as_array().unwrap().iter();
    all.map(|entry| {
        let owner = entry.get("user").or_else(|| entry.get("tenant"));
        owner.unwrap().as_str().unwrap().to_owned()
    })
    .collect()
}

#[test]
fn what_ends_soonest_stands_first() {
    let folder = with_three();
    let all = cert(&folder, &["list"]);
    assert_eq!(owners(&all), ["alice", "acme", "bob"]);
    let first = &all["certificates"][0];
    assert_eq!(
        (&first["status"], &first["issued-here"]),
        (&json!("valid"), &json!(true))
    );
    assert!((19..=20).contains(&first["days-left"].as_i64().unwrap()));
    let listed = |arguments: &[&str]| owners(&cert(&folder, &[&["list"], arguments].concat()));
    assert_eq!(listed(&["--expiring", "30d"]), ["alice"]);
    assert_eq!(listed(&["--expiring", "300d"]), ["alice", "acme"]);
    assert_eq!(listed(&["--expiring", "10d"]), Vec::<String>::new());
    assert_eq!(listed(&["--user", "bob"]), ["bob"]);
    assert_eq!(listed(&["--tenant", "acme"]), ["acme"]);
    assert_eq!(listed(&["--expired"]), Vec::<String>::new());
    assert_eq!(listed(&["--revoked"]), Vec::<String>::new());
    let text = folder.run(&["cert", "list"]).with_status(0).out;
    assert_eq!(text.lines().count(), 4, "{text}");
    assert!(text.contains("tenant acme"), "{text}");
    let none = folder
        .run(&["cert", "list", "--expiring", "1d"])
        .with_status(0)
        .out;
    assert_eq!(none, "no certificates\n");
    let unknown = refused(&folder, &["list", "--user", "carol"]);
    assert_eq!(unknown, "there is no user `carol` in sqlite:directory.db");
}

#[test]
fn the_authority_s_own_dates_are_in_the_report() {
    let folder = Folder::initialised();
    folder.run(&["cert", "ca", "--valid", "40d"]).with_status(0);
    append(&folder, "palisade.users.alice.roles=clerk\n");
    let due = |arguments: &[&str]| {
        let shown = cert(&folder, &[&["list"], arguments].concat());
        let dues = shown["authority"].as_array().unwrap().clone();
        dues.iter()
            .map(|due| due["what"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(due(&["--expiring", "29d"]), Vec::<String>::new());
    assert_eq!(due(&["--expiring", "30d"]), ["crl"]);
    assert_eq!(due(&["--expiring", "40d"]), ["certificate", "crl"]);
    // It is not asked about, or not theirs.
    assert_eq!(due(&[]), Vec::<String>::new());
    assert_eq!(
        due(&["--expiring", "40d", "--user", "alice"]),
        Vec::<String>::new()
    );
    assert_eq!(due(&["--expiring", "40d", "--as", "alice"]), Vec::<String>::new());
    let text = folder
        .run(&["cert", "list", "--expiring", "40d"])
        .with_status(0)
        .out;
    assert!(
        text.starts_with("no certificates\ndue the authority's own certificate, config/ca/ca.crt, until 20"),
        "{text}"
    );
    assert!(
        text.contains("\ndue the revocation list, config/ca/ca.crl, until 20"),
        "{text}"
    );
    assert!(text.contains("palisade cert renew-crl"), "{text}");
    cert(&folder, &["renew-crl", "--crl-valid", "39d"]);
    assert_eq!(due(&["--expiring", "30d"]), Vec::<String>::new());
    // One that cannot be read is told of whenever it would be due.
    std::fs::write(folder.config().join("ca/ca.crl"), "lost").unwrap();
    let shown = cert(&folder, &["list", "--expiring", "1d"]);
    assert_eq!(shown["authority"][0]["what"], "crl");
    assert!(shown["authority"][0]["fault"].is_string(), "{shown:#}");
}

#[test]
fn what_has_ended_is_told_as_such() {
    let folder = with_database();
    // Made by OpenSSL, for no command of ours makes what has ended; registered while it was good.
    cert(
        &folder,
        &["issue", "--user", "alice", "--create", "--valid", "1s"],
    );
    let ended = || {
        let shown = cert(&folder, &["list", "--expired"]);
        owners(&shown) == ["alice"] && shown["certificates"][0]["status"] == "expired"
    };
    crate::support::until("the end of a certificate of one second", ended);
    assert_eq!(owners(&cert(&folder, &["list", "--expiring", "1d"])), ["alice"]);
    let message = refused(&folder, &["export", "--user", "alice"]);
    assert!(
        message.starts_with("none of the certificates on record is good"),
        "{message}"
    );
}

#[test]
fn one_is_shown_by_owner_serial_number_or_fingerprint_as_openssl_has_them() {
    let folder = with_three();
    let shown = cert(&folder, &["show", "--user", "alice"]);
    let alice = &shown["certificates"][0];
    assert_eq!(alice["subject"], "CN=alice");
    cert(&folder, &["export", "--user", "alice"]);
    let said = openssl(
        &folder,
        &[
            "x509",
            "-in",
            "alice.crt",
            "-noout",
            "-serial",
            "-fingerprint",
            "-sha256",
        ],
    );
    let value = |name: &str| {
        let line = said
            .lines()
            .find(|line| line.to_lowercase().starts_with(name))
            .unwrap();
        line.split_once('=').unwrap().1.to_owned()
    };
    for id in [
        value("serial"),
        format!("sha256:{}", value("sha256")),
        alice["sha256"].as_str().unwrap().to_owned(),
    ] {
        let found = cert(&folder, &["show", "--serial", &id]);
        assert_eq!(found["certificates"], shown["certificates"], "{id}");
    }
    let message = refused(&folder, &["show", "--serial", "abcdef"]);
    assert_eq!(
        message,
        "no certificate on record has the serial number or fingerprint abcdef"
    );
    let message = refused(&folder, &["show", "--serial", "hello"]);
    assert!(
        message.starts_with("expected a serial number in hexadecimal"),
        "{message}"
    );
    let text = folder
        .run(&["cert", "show", "--tenant", "acme"])
        .with_status(0)
        .out;
    assert!(
        text.starts_with("tenant acme  valid\n  subject        CN=acme,O=acme\n"),
        "{text}"
    );
}

#[test]
fn a_certificate_is_exported_without_a_key_in_each_form_that_needs_none() {
    let folder = with_three();
    let done = cert(&folder, &["export", "--user", "alice"]);
    assert_eq!(
        (&done["file"], &done["type"]),
        (&json!("alice.crt"), &json!("pem"))
    );
    let pem = read(&folder, "alice.crt");
    assert!(
        pem.starts_with("-----BEGIN CERTIFICATE-----\n") && !pem.contains("PRIVATE"),
        "{pem}"
    );
    cert(
        &folder,
        &["export", "--user", "alice", "--type", "der", "--out", "alice.der"],
    );
    let from_der = openssl(&folder, &["x509", "-inform", "DER", "-in", "alice.der"]);
    assert_eq!(from_der, openssl(&folder, &["x509", "-in", "alice.crt"]));
    cert(&folder, &["export", "--user", "alice", "--type", "txt"]);
    assert!(read(&folder, "alice.txt").contains("subject      CN=alice\n"));
    let out = folder
        .run(&["cert", "export", "--user", "alice", "--out", "-"])
        .with_status(0);
    assert_eq!((out.out, out.err), (pem, String::new()));
    for form in ["p12", "pfx", "pkcs12", "jks"] {
        let message = refused(&folder, &["export", "--user", "alice", "--type", form]);
        assert!(
            message.contains("the key is not here") && message.contains("choose pem, der or txt"),
            "{message}"
        );
    }
    let message = refused(&folder, &["export", "--user", "alice"]);
    assert_eq!(message, "alice.crt exists, and is not overwritten");
}

#[test]
fn of_several_certificates_the_one_that_is_meant_has_to_be_said() {
    let folder = with_three();
    cert(&folder, &["issue", "--user", "alice", "--out", "second.p12"]);
    let message = refused(&folder, &["export", "--user", "alice"]);
    assert!(
        message.starts_with("user `alice` has several certificates: "),
        "{message}"
    );
    let shown = cert(&folder, &["show", "--user", "alice"]);
    let all = shown["certificates"].as_array().unwrap();
    assert_eq!(all.len(), 2);
    // Where the other one is revoked, there is no question.
    cert(
        &folder,
        &["revoke", "--serial", all[0]["serial"].as_str().unwrap()],
    );
    let done = cert(&folder, &["export", "--user", "alice"]);
    assert_eq!(done["certificate"]["serial"], all[1]["serial"]);
    assert!(files(&folder).contains(&"alice.crt".into()));
}

#[test]
fn a_user_sees_their_own_and_an_administrator_everything() {
    let folder = with_authority();
    append(
        &folder,
        "palisade.users.alice.roles=clerk\npalisade.users.root.roles=administrator\npalisade.users.bob.roles=clerk\n",
    );
    cert(&folder, &["issue", "--user", "alice", "--as", "root"]);
    cert(&folder, &["issue", "--user", "bob", "--as", "root"]);
    append(&folder, "palisade.users.bob.active=false\n");
    assert_eq!(owners(&cert(&folder, &["list", "--as", "root"])).len(), 2);
    assert_eq!(owners(&cert(&folder, &["list", "--as", "alice"])), ["alice"]);
    cert(&folder, &["show", "--user", "alice", "--as", "alice"]);
    cert(&folder, &["export", "--user", "alice", "--as", "alice"]);
    let bobs = cert(&folder, &["show", "--user", "bob"]);
    let serial = bobs["certificates"][0]["serial"].as_str().unwrap();
    // What is somebody else's looks as if it were not there.
    let message = refused(&folder, &["show", "--serial", serial, "--as", "alice"]);
    assert!(message.starts_with("no certificate on record"), "{message}");
    let turned_away = |arguments: &[&str], name: &str| {
        let ended = json(&folder, &[arguments, &["--as", name]].concat()).with_status(1);
        ended.json()["errors"][0]["message"].as_str().unwrap().to_owned()
    };
    for arguments in [
        &["show", "--user", "bob"][..],
        &["list", "--user", "bob"],
        &["issue", "--user", "alice", "--out", "x.p12"],
        &["import", "alice.crt", "--user", "alice"],
        &["delete", "--serial", serial],
        &["revoke", "--user", "alice"],
        &["renew-crl"],
    ] {
        let message = turned_away(arguments, "alice");
        assert!(message.contains("that takes the role administrator"), "{message}");
    }
    assert_eq!(turned_away(&["list"], "bob"), "--as: user `bob` is disabled");
    assert_eq!(
        turned_away(&["list"], "nobody"),
        "--as: there is no user `nobody`"
    );
}

#[test]
fn what_the_property_files_have_is_in_the_report_with_what_is_known_of_it() {
    let folder = with_authority();
    let digits = "ab".repeat(32);
    append(
        &folder,
        &format!(
            "palisade.users.alice.certificates=sha256:{digits}\npalisade.tenants.acme.certificates=demo-server\n"
        ),
    );
    let shown = cert(&folder, &["list"]);
    assert_eq!(owners(&shown), ["acme", "alice"]);
    let [acme, alice] = [0, 1].map(|at| shown["certificates"][at].clone());
    assert_eq!(
        (&acme["subject"], &acme["status"]),
        (&json!("CN=localhost"), &json!("valid"))
    );
    assert_eq!(
        (&alice["sha256"], &alice["status"]),
        (&json!(digits), &json!("unknown"))
    );
    assert!(alice.get("subject").is_none());
    // To look makes nothing.
    assert!(!folder.config().join("data").exists());
    let message = refused(&folder, &["export", "--serial", &digits]);
    assert!(
        message.contains("its fingerprint alone is on record"),
        "{message}"
    );
    let done = cert(&folder, &["delete", "--serial", &digits]);
    assert_eq!(done["properties"], json!(["palisade.users.alice.certificates="]));
}
