use palisade_test::ca::{TestCa, TestCert};
use serde_json::json;

use super::{append, cert, files, json, keytool, openssl, read, refused, with_authority, with_database};
use crate::support::Folder;

/// A partner's authority, which the listener trusts, and a certificate below it.
fn with_partner() -> (Folder, TestCa) {
    let folder = with_database();
    let partner = TestCa::new("Partner CA");
    let stores = folder.config().join("partners");
    std::fs::create_dir(&stores).unwrap();
    partner.write_pem(&stores, "partner-ca");
    append(
        &folder,
        "palisade.keystores.partners.location=partners\npalisade.listeners.main.tls.client-ca-aliases=demo-ca,partner-ca\n",
    );
    (folder, partner)
}

fn write(folder: &Folder, name: &str, certificate: &TestCert) {
    std::fs::write(folder.path().join(name), certificate.leaf_pem()).unwrap();
}

/// Why an import is refused, with the status that says so.
fn refusal(folder: &Folder, arguments: &[&str]) -> String {
    let ended = json(folder, &[&["import"], arguments].concat()).with_status(1);
    ended.json()["errors"][0]["message"].as_str().unwrap().to_owned()
}

#[test]
fn a_certificate_of_an_issuer_that_a_listener_trusts_is_registered() {
    let (folder, partner) = with_partner();
    let alice = partner.client("alice");
    write(&folder, "alice.crt", &alice);
    let done = cert(&folder, &["import", "alice.crt", "--user", "alice", "--create"]);
    assert_eq!(
        (&done["user"], &done["trusted-issuer"]),
        (&json!("alice"), &json!("CN=Partner CA"))
    );
    assert_eq!(done["certificate"]["subject"], "CN=alice");
    let shown = cert(&folder, &["show", "--user", "alice"]);
    let entry = &shown["certificates"][0];
    assert_eq!(
        (&entry["recognised"], &entry["issued-here"]),
        (&json!(true), &json!(false))
    );
    assert_eq!(entry["sha256"], done["certificate"]["sha256"]);
    // Twice it is refused, for it is somebody's already.
    let message = refused(&folder, &["import", "alice.crt", "--user", "bob", "--create"]);
    assert!(message.contains("is that of user `alice` already"), "{message}");
    // What comes out is what went in.
    cert(&folder, &["export", "--user", "alice", "--out", "out.crt"]);
    assert_eq!(
        openssl(&folder, &["x509", "-in", "out.crt"]),
        openssl(&folder, &["x509", "-in", "alice.crt"])
    );
}

#[test]
fn an_intermediate_beside_it_and_an_issuer_that_is_named_are_taken_into_account() {
    let (folder, partner) = with_partner();
    let issuing = partner.intermediate("Partner Issuing");
    let alice = issuing.client("alice");
    std::fs::write(folder.path().join("chain.pem"), alice.chain_pem()).unwrap();
    write(&folder, "alone.pem", &alice);
    let owner = ["--user", "alice", "--create"];
    let message = refusal(&folder, &[&["alone.pem"], &owner[..]].concat());
    assert_eq!(
        message,
        "alone.pem is refused: `CN=Partner Issuing`, which issued it, is none of the trusted issuers \
         (CN=Palisade demo authority; CN=Partner CA; CN=Palisade CA)"
    );
    issuing.write_pem(folder.path(), "issuing");
    let named = ["--issuer", "issuing.pem"];
    let done = cert(&folder, &[&["import", "alone.pem"], &owner[..], &named].concat());
    assert_eq!(done["trusted-issuer"], "CN=Partner Issuing");
    let bob = issuing.client("bob");
    std::fs::write(folder.path().join("bob.pem"), bob.chain_pem()).unwrap();
    let done = cert(&folder, &["import", "bob.pem", "--user", "bob", "--create"]);
    assert_eq!(done["trusted-issuer"], "CN=Partner CA");
}

#[test]
fn each_fault_is_told_by_its_name_and_nothing_is_registered() {
    let (folder, partner) = with_partner();
    write(&folder, "server.pem", &partner.server(&["api.example.org"]));
    write(
        &folder,
        "namesake.pem",
        &TestCa::new("Partner CA").client("alice"),
    );
    write(&folder, "stranger.pem", &TestCa::new("Stranger").client("alice"));
    partner.write_pem(folder.path(), "authority");
    let below_client = partner.client("no authority");
    write(&folder, "leaf.pem", &below_client);
    for (file, reason) in [
        (
            "server.pem",
            "it is not for clients: its extended key usage lacks clientAuth",
        ),
        ("namesake.pem", "its signature is not that of `CN=Partner CA`"),
        (
            "stranger.pem",
            "`CN=Stranger`, which issued it, is none of the trusted issuers",
        ),
        ("authority.pem", "it is the certificate of an authority"),
    ] {
        let message = refusal(&folder, &[file, "--user", "alice", "--create"]);
        assert!(
            message.starts_with(&format!("{file} is refused: {reason}")),
            "{message}"
        );
    }
    let message = refusal(
        &folder,
        &[
            "server.pem",
            "--user",
            "alice",
            "--create",
            "--issuer",
            "leaf.pem",
        ],
    );
    assert!(
        message.contains("is none of the trusted issuers (CN=no authority)"),
        "{message}"
    );
    assert_eq!(cert(&folder, &["list"])["certificates"], json!([]));
}

/// A certificate of OpenSSL's making below an authority of its making, `ca.pem`; with these extensions, where there are any.
fn by_openssl(folder: &Folder, name: &str, key: &[&str], extensions: Option<&str>) {
    let subject = format!("/CN={name}");
    let (csr, private, certificate) = (
        format!("{name}.csr"),
        format!("{name}.key"),
        format!("{name}.pem"),
    );
    let new = [
        "req", "-nodes", "-subj", &subject, "-keyout", &private, "-out", &csr,
    ];
    openssl(folder, &[&new[..], key].concat());
    let sign = [
        "x509",
        "-req",
        "-CA",
        "ca.pem",
        "-CAkey",
        "ca.key",
        "-CAcreateserial",
    ];
    let files = ["-in", &csr, "-out", &certificate];
    let extensions: &[&str] = match extensions {
        Some(text) => {
            std::fs::write(folder.path().join("extensions"), text).unwrap();
            &["-extfile", "extensions"]
        }
        None => &[],
    };
    openssl(folder, &[&sign[..], &files, extensions].concat());
}

#[test]
fn what_no_listener_takes_is_not_registered() {
    let folder = with_database();
    let p256 = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"];
    let root = [
        "req", "-x509", "-nodes", "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=Root",
    ];
    let constraint = "nameConstraints=critical,permitted;DNS:example.org";
    openssl(&folder, &[&root[..], &p256, &["-addext", constraint]].concat());
    let client = "extendedKeyUsage=clientAuth";
    let outside = format!("{client}\nsubjectAltName=DNS:alice.example.com");
    by_openssl(&folder, "good", &p256, Some(client));
    by_openssl(&folder, "short", &["-newkey", "rsa:1024"], Some(client));
    by_openssl(&folder, "old", &p256, None);
    by_openssl(&folder, "outside", &p256, Some(&outside));
    let import = |file: &'static str| [file, "--user", "alice", "--create", "--issuer", "ca.pem"];
    for (file, reason) in [
        (
            "short.pem",
            "its RSA key has 1024 bits, and 2048 are the least: no handshake succeeds with it",
        ),
        (
            "old.pem",
            "it is of X.509 version 1, and listeners take version 3 alone: have it issued anew",
        ),
        ("outside.pem", "a listener refuses it: "),
    ] {
        let message = refusal(&folder, &import(file));
        assert!(
            message.starts_with(&format!("{file} is refused: {reason}")),
            "{message}"
        );
    }
    assert_eq!(cert(&folder, &["list"])["certificates"], json!([]));
    cert(&folder, &[&["import"], &import("good.pem")[..]].concat());
}

#[test]
fn one_that_has_ended_is_refused() {
    let folder = with_database();
    cert(
        &folder,
        &[
            "issue", "--user", "alice", "--create", "--valid", "1s", "--type", "pem",
        ],
    );
    let ended = || {
        let ended = json(&folder, &["import", "alice.pem", "--tenant", "acme", "--create"]);
        ended.out.contains("alice.pem is refused: it has expired")
    };
    crate::support::until("the end of a certificate of one second", ended);
}

#[test]
fn one_that_the_authority_revoked_does_not_come_back() {
    let folder = with_database();
    cert(
        &folder,
        &["issue", "--user", "alice", "--create", "--type", "pem"],
    );
    cert(&folder, &["revoke", "--user", "alice"]);
    let message = refusal(&folder, &["alice.pem", "--tenant", "acme", "--create"]);
    assert!(
        message.starts_with("alice.pem is refused: the authority revoked it on 20"),
        "{message}"
    );
}

#[test]
fn keystores_of_java_and_openssl_are_read_and_their_keys_left_alone() {
    let folder = with_database();
    cert(
        &folder,
        &["issue", "--user", "alice", "--create", "--type", "jks"],
    );
    let password = read(&folder, "alice.jks.password");
    let serial = cert(&folder, &["show", "--user", "alice"])["certificates"][0]["serial"].clone();
    cert(&folder, &["delete", "--serial", serial.as_str().unwrap()]);
    let import = |file: &str, owner: &str| {
        let arguments = [
            "cert",
            "import",
            file,
            "--user",
            owner,
            "--create",
            "--password-stdin",
        ];
        folder.run_with_input(&arguments, &password)
    };
    import("alice.jks", "alice").with_status(0);
    let wrong = folder.run_with_input(
        &[
            "cert",
            "import",
            "alice.jks",
            "--user",
            "bob",
            "--create",
            "--password-stdin",
        ],
        "wrong password",
    );
    assert!(wrong.with_status(2).err.contains("the password does not open"));

    let store = |name: &'static str| ["-keystore", name, "-storepass:file", "alice.jks.password"];
    let generate = [
        "-genkeypair",
        "-alias",
        "carol",
        "-keyalg",
        "EC",
        "-groupname",
        "secp256r1",
        "-dname",
        "CN=carol",
    ];
    if keytool(
        &folder,
        &[&generate[..], &store("carol.p12"), &["-storetype", "PKCS12"]].concat(),
    )
    .is_none()
    {
        return;
    }
    keytool(
        &folder,
        &[
            &["-certreq", "-alias", "carol", "-file", "carol.csr"][..],
            &store("carol.p12"),
        ]
        .concat(),
    );
    cert(
        &folder,
        &["issue", "--user", "carol", "--create", "--csr", "carol.csr"],
    );
    let import_reply = ["-importcert", "-noprompt", "-alias"];
    keytool(
        &folder,
        &[
            &import_reply[..],
            &["ca", "-file", "config/ca/ca.crt"],
            &store("carol.p12"),
        ]
        .concat(),
    );
    openssl(&folder, &["x509", "-in", "carol.pem", "-out", "reply.crt"]);
    keytool(
        &folder,
        &[
            &import_reply[..],
            &["carol", "-file", "reply.crt"],
            &store("carol.p12"),
        ]
        .concat(),
    );
    let serial = cert(&folder, &["show", "--user", "carol"])["certificates"][0]["serial"].clone();
    cert(&folder, &["delete", "--serial", serial.as_str().unwrap()]);
    import("carol.p12", "carol").with_status(0);
    let again = cert(&folder, &["show", "--user", "carol"]);
    assert_eq!(again["certificates"][0]["serial"], serial);
}

#[test]
fn what_holds_no_certificate_or_several_is_refused() {
    let (folder, partner) = with_partner();
    let two = format!(
        "{}{}",
        partner.client("alice").leaf_pem(),
        partner.client("bob").leaf_pem()
    );
    std::fs::write(folder.path().join("two.pem"), two).unwrap();
    std::fs::write(folder.path().join("none.txt"), "hello").unwrap();
    let import = |file: &str| refused(&folder, &["import", file, "--user", "alice", "--create"]);
    let message = import("two.pem");
    assert!(
        message.contains("holds 2 certificates that are no authority's"),
        "{message}"
    );
    assert!(import("none.txt").contains("none.txt"));
    assert!(import("missing.pem").contains("missing.pem"));
    assert_eq!(files(&folder).len(), 2);
}

#[test]
fn without_any_issuer_one_has_to_be_named() {
    let folder = Folder::new(&[("application.properties", "palisade.users.alice.roles=clerk\n")]);
    write(&folder, "alice.crt", &TestCa::new("Partner CA").client("alice"));
    let message = refused(&folder, &["import", "alice.crt", "--user", "alice"]);
    assert!(message.ends_with("give --issuer"), "{message}");
    let with_own = with_authority();
    append(&with_own, "palisade.users.alice.roles=clerk\n");
    cert(&with_own, &["issue", "--server", "localhost"]);
    let message = refusal(&with_own, &["localhost.pem", "--user", "alice"]);
    assert!(message.contains("it is not for clients"), "{message}");
}
