use rstest::rstest;
use serde_json::{Value, json};

use super::{
    append, cert, files, json, keytool, mode, openssl, program, read, refused, with_authority, with_database,
};
use crate::support::Folder;

/// The starter folder with an authority, and with alice of acme in the property file.
fn with_alice() -> Folder {
    let folder = with_authority();
    append(
        &folder,
        "palisade.users.alice.tenant=acme\npalisade.tenants.acme.certificates=\n",
    );
    folder
}

#[test]
fn a_keystore_has_a_strong_password_in_a_file_of_its_own() {
    let folder = with_alice();
    let ended = folder.run(&["cert", "issue", "--user", "alice"]).with_status(0);
    assert_eq!(
        files(&folder),
        ["alice.p12", "alice.p12.password"].map(Into::<std::path::PathBuf>::into)
    );
    assert_eq!(
        (mode(&folder, "alice.p12"), mode(&folder, "alice.p12.password")),
        (0o600, 0o600)
    );
    let password = read(&folder, "alice.p12.password");
    let password = password.trim_end();
    assert!(password.len() >= 24 && password.is_ascii(), "{password}");
    for class in [
        |c: char| c.is_ascii_uppercase(),
        |c: char| c.is_ascii_lowercase(),
        |c: char| c.is_ascii_digit(),
        |c: char| c.is_ascii_punctuation(),
    ] {
        assert!(password.contains(class), "{password}");
    }
    assert!(!ended.out.contains(password) && !ended.err.contains(password));
    assert!(
        ended.out.contains("issued CN=alice,O=acme, valid until 20"),
        "{}",
        ended.out
    );

    let pass = "file:alice.p12.password";
    let shown = openssl(
        &folder,
        &["pkcs12", "-in", "alice.p12", "-passin", pass, "-nodes"],
    );
    assert_eq!(shown.matches("BEGIN CERTIFICATE").count(), 2);
    assert_eq!(shown.matches("BEGIN PRIVATE KEY").count(), 1);
    std::fs::write(folder.path().join("alice.pem"), shown).unwrap();
    openssl(
        &folder,
        &[
            "verify",
            "-x509_strict",
            "-purpose",
            "sslclient",
            "-CAfile",
            "config/ca/ca.crt",
            "alice.pem",
        ],
    );
    assert!(
        program(
            &folder,
            "openssl",
            &["pkcs12", "-in", "alice.p12", "-passin", "pass:changeit", "-nodes"]
        )
        .is_err()
    );
}

#[rstest]
#[case("p12", "PKCS12")]
#[case("pfx", "PKCS12")]
#[case("pkcs12", "PKCS12")]
#[case("jks", "JKS")]
fn java_lists_each_kind_of_keystore(#[case] form: &str, #[case] format: &str) {
    let folder = with_alice();
    let done = cert(
        &folder,
        &["issue", "--user", "alice", "--type", form, "--out", "made"],
    );
    assert_eq!(done["type"], form);
    assert_eq!(
        (&done["file"], &done["password-file"]),
        (&json!("made"), &json!("made.password"))
    );
    let store = [
        "-keystore",
        "made",
        "-storetype",
        format,
        "-storepass:file",
        "made.password",
    ];
    let Some(listed) = keytool(&folder, &[&["-list", "-v"], &store[..]].concat()) else {
        return;
    };
    for expected in [
        "Your keystore contains 1 entry",
        "Alias name: alice",
        "PrivateKeyEntry",
        "Certificate chain length: 2",
    ] {
        assert!(listed.contains(expected), "{expected} is not in\n{listed}");
    }
    // Java uses the key, too.
    keytool(
        &folder,
        &[&["-certreq", "-alias", "alice", "-file", "alice.csr"], &store[..]].concat(),
    );
    openssl(&folder, &["req", "-in", "alice.csr", "-verify", "-noout"]);
}

#[test]
fn pem_has_the_key_and_the_chain_and_text_the_details_besides() {
    let folder = with_alice();
    cert(&folder, &["issue", "--user", "alice", "--type", "pem"]);
    let pem = read(&folder, "alice.pem");
    assert!(pem.starts_with("-----BEGIN PRIVATE KEY-----\n"), "{pem}");
    assert_eq!(pem.matches("BEGIN CERTIFICATE").count(), 2);
    assert_eq!(mode(&folder, "alice.pem"), 0o600);
    openssl(&folder, &["pkey", "-in", "alice.pem", "-noout", "-check"]);

    let done = cert(&folder, &["issue", "--user", "alice", "--type", "txt"]);
    let text = read(&folder, "alice.txt");
    assert_eq!(mode(&folder, "alice.txt"), 0o600);
    for what in ["subject", "serial", "sha256", "not-after"] {
        let value = done["certificate"][what].as_str().unwrap();
        assert!(text.contains(value), "{what} {value} is not in\n{text}");
    }
    openssl(&folder, &["pkey", "-in", "alice.txt", "-noout", "-check"]);
}

#[test]
fn a_password_that_is_given_encrypts_pem_and_one_that_everybody_tries_is_refused() {
    let folder = with_alice();
    let issue = ["cert", "issue", "--user", "alice", "--password-stdin", "--type"];
    folder
        .run_with_input(&[&issue[..], &["pem"]].concat(), "correct horse battery\n")
        .with_status(0);
    assert!(read(&folder, "alice.pem").starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----"));
    let pass = "pass:correct horse battery";
    openssl(
        &folder,
        &["pkey", "-in", "alice.pem", "-passin", pass, "-noout", "-check"],
    );
    for password in ["changeit\n", "short\n", "\n", ""] {
        let ended = folder
            .run_with_input(&[&issue[..], &["p12"]].concat(), password)
            .with_status(2);
        assert!(ended.err.contains("password"), "{}", ended.err);
    }
    assert_eq!(files(&folder).len(), 1);
    // What was refused is not on record.
    assert_eq!(
        cert(&folder, &["list"])["certificates"].as_array().unwrap().len(),
        1
    );
}

#[test]
fn a_password_is_printed_where_that_is_asked_for_and_written_nowhere() {
    let folder = with_alice();
    let done = cert(&folder, &["issue", "--user", "alice", "--print-password"]);
    let pass = format!("pass:{}", done["password"].as_str().unwrap());
    openssl(
        &folder,
        &["pkcs12", "-in", "alice.p12", "-passin", &pass, "-noout"],
    );
    assert_eq!(files(&folder), [std::path::PathBuf::from("alice.p12")]);
}

#[test]
fn standard_output_has_the_file_alone() {
    let folder = with_alice();
    let out = ["cert", "issue", "--user", "alice", "--out", "-", "--type"];
    let pem = folder.run(&[&out[..], &["pem"]].concat()).with_status(0);
    assert!(
        pem.out.starts_with("-----BEGIN PRIVATE KEY-----\n"),
        "{}",
        pem.out
    );
    assert!(pem.out.ends_with("-----END CERTIFICATE-----\n"), "{}", pem.out);
    assert!(
        pem.err.contains("palisade.users.alice.certificates=sha256:"),
        "{}",
        pem.err
    );
    let refused = folder.run(&[&out[..], &["p12"]].concat()).with_status(2);
    assert!(
        refused.err.contains("no place for the password"),
        "{}",
        refused.err
    );
    assert!(files(&folder).is_empty());
}

#[test]
fn with_property_files_the_line_to_write_is_told_and_keeps_what_stands_there() {
    let folder = with_alice();
    let first = cert(&folder, &["issue", "--user", "alice", "--out", "1.p12"]);
    let line = first["properties"][0].as_str().unwrap().to_owned();
    let sha256 = first["certificate"]["sha256"].as_str().unwrap();
    assert_eq!(line, format!("palisade.users.alice.certificates=sha256:{sha256}"));
    assert_eq!(cert(&folder, &["list"])["certificates"][0]["recognised"], false);
    append(&folder, &line);
    assert_eq!(cert(&folder, &["list"])["certificates"][0]["recognised"], true);
    let second = cert(&folder, &["issue", "--user", "alice", "--out", "2.p12"]);
    let both = second["properties"][0].as_str().unwrap();
    assert_eq!(both.matches("sha256:").count(), 2);
    assert!(both.starts_with(&line), "{both}");
    folder.run(&["check"]).with_status(0);
    let made = cert(&folder, &["issue", "--tenant", "new tenant", "--create"]);
    let line = made["properties"][0].as_str().unwrap();
    assert!(
        line.starts_with("palisade.tenants.new\\ tenant.certificates=sha256:"),
        "{line}"
    );
    assert_eq!(made["file"], "new_tenant.p12");
}

#[test]
fn the_owner_must_be_known_unless_it_is_made() {
    let folder = with_alice();
    let error = json(&folder, &["issue", "--user", "alise"]).with_status(2).json()["errors"][0].clone();
    assert_eq!(error["key"], "palisade.users.alise");
    assert_eq!(error["nearest"], "alice");
    let folder = with_database();
    let message = refused(&folder, &["issue", "--tenant", "acme"]);
    assert_eq!(
        message,
        "there is no tenant `acme` in sqlite:directory.db; --create makes it"
    );
    assert!(files(&folder).is_empty());
    let made = cert(&folder, &["issue", "--tenant", "acme", "--create"]);
    assert_eq!(made["tenant"], "acme");
    assert_eq!(made["certificate"]["subject"], "CN=acme,O=acme");
    // With a database there is nothing to paste: servers find it there.
    assert_eq!(made["properties"], json!([]));
    assert_eq!(cert(&folder, &["list"])["certificates"][0]["recognised"], true);
    let message = refused(&folder, &["issue", "--user", "a:b", "--create"]);
    assert!(message.contains("expected a name"), "{message}");
}

#[test]
fn the_key_of_a_request_stays_where_it_is() {
    let folder = with_alice();
    openssl(
        &folder,
        &[
            "req",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-keyout",
            "mine.key",
            "-out",
            "mine.csr",
            "-subj",
            "/CN=admin",
        ],
    );
    let keystore = refused(
        &folder,
        &["issue", "--user", "alice", "--csr", "mine.csr", "--type", "p12"],
    );
    assert!(keystore.contains("the key is not here"), "{keystore}");
    let done = cert(&folder, &["issue", "--user", "alice", "--csr", "mine.csr"]);
    assert_eq!(done["certificate"]["subject"], "CN=alice,O=acme");
    let pem = read(&folder, "alice.pem");
    assert!(!pem.contains("PRIVATE KEY"));
    assert_eq!(pem.matches("BEGIN CERTIFICATE").count(), 2);
    let of_key = openssl(&folder, &["pkey", "-in", "mine.key", "-pubout"]);
    let of_certificate = openssl(&folder, &["x509", "-in", "alice.pem", "-noout", "-pubkey"]);
    assert_eq!(of_key, of_certificate);

    std::fs::write(folder.path().join("no.csr"), "hello").unwrap();
    let message = refused(
        &folder,
        &["issue", "--user", "alice", "--csr", "no.csr", "--out", "x"],
    );
    assert!(
        message.starts_with("no.csr: it is no certificate signing request"),
        "{message}"
    );
}

#[test]
fn a_server_has_its_names_and_is_nobody_s() {
    let folder = with_authority();
    let done = cert(
        &folder,
        &[
            "issue",
            "--server",
            "api.example.org",
            "--server",
            "192.0.2.7",
            "--valid",
            "90d",
        ],
    );
    assert_eq!(
        done["certificate"]["names"],
        json!([{"type": "dns", "value": "api.example.org"}, {"type": "ip", "value": "192.0.2.7"}])
    );
    assert_eq!(
        done["certificate"]["usages"],
        json!(["digitalSignature", "serverAuth"])
    );
    assert_eq!(done["file"], "api.example.org.pem");
    assert!(done.get("user").is_none());
    openssl(
        &folder,
        &[
            "verify",
            "-purpose",
            "sslserver",
            "-verify_ip",
            "192.0.2.7",
            "-CAfile",
            "config/ca/ca.crt",
            "api.example.org.pem",
        ],
    );
    let message = refused(&folder, &["issue", "--server", "no host"]);
    assert!(message.contains("`no host` is no host name"), "{message}");
    folder
        .run(&["cert", "issue", "--server", "a", "--user", "alice"])
        .with_status(2);
    folder.run(&["cert", "issue"]).with_status(2);
}

#[test]
fn a_server_s_certificate_is_in_the_report_until_it_is_deleted() {
    let folder = with_database();
    cert(&folder, &["issue", "--user", "alice", "--create"]);
    let issue = ["issue", "--server", "api.example.org", "--valid", "90d", "--out"];
    let first = cert(&folder, &[&issue[..], &["first.pem"]].concat());
    let second = cert(&folder, &[&issue[..], &["second.pem"]].concat());
    let serial = |done: &Value| done["certificate"]["serial"].as_str().unwrap().to_owned();
    let (first, second) = (serial(&first), serial(&second));
    let listed = |arguments: &[&str]| cert(&folder, &[&["list"], arguments].concat())["certificates"].clone();
    let expiring = ["--expiring", "100d"];
    let entries = listed(&expiring);
    assert_eq!(entries.as_array().unwrap().len(), 2, "{entries:#}");
    assert_eq!(
        (
            &entries[0]["server"],
            &entries[0]["status"],
            &entries[0]["serial"]
        ),
        (&json!("api.example.org"), &json!("valid"), &json!(first))
    );
    assert_eq!(listed(&["--user", "alice"]).as_array().unwrap().len(), 1);
    let text = folder.run(&["cert", "list"]).with_status(0).out;
    assert!(text.contains("server api.example.org"), "{text}");
    assert!(!text.contains("not in the property file"), "{text}");
    assert_eq!(
        cert(&folder, &["show", "--serial", &first])["certificates"][0],
        entries[0]
    );
    // Nobody but an administrator sees what is nobody's.
    let own = listed(&["--as", "alice"]);
    assert_eq!(own.as_array().unwrap().len(), 1, "{own:#}");
    json(&folder, &["show", "--serial", &first, "--as", "alice"]).with_status(2);

    let done = cert(&folder, &["revoke", "--serial", &first]);
    assert_eq!(done["revoked"][0]["in-crl"], true);
    let revoked = listed(&["--revoked"]);
    assert_eq!(
        (&revoked[0]["serial"], &revoked[0]["status"]),
        (&json!(first), &json!("revoked"))
    );
    assert_eq!(listed(&expiring)[0]["serial"], json!(second));
    cert(&folder, &["delete", "--serial", &second]);
    assert_eq!(listed(&expiring), json!([]));
}

#[test]
fn a_long_name_is_cut_in_the_certificate_alone() {
    let folder = with_database();
    let name = format!("{}@partner.example", "l".repeat(65));
    let issue = ["cert", "issue", "--user", &name, "--create", "--out", "long.p12"];
    let ended = folder.run(&issue).with_status(0);
    let cut = format!("{}…", "l".repeat(63));
    assert!(
        ended.out.contains(&format!("issued CN={cut}, valid until")),
        "{}",
        ended.out
    );
    assert!(
        ended
            .err
            .contains("a certificate has room for 64 characters of a name"),
        "{}",
        ended.err
    );
    let shown = cert(&folder, &["show", "--user", &name]);
    assert_eq!(shown["certificates"][0]["user"], name);
    // OpenSSL and Java take it.
    let pass = "file:long.p12.password";
    openssl(
        &folder,
        &[
            "pkcs12", "-in", "long.p12", "-passin", pass, "-nodes", "-out", "long.pem",
        ],
    );
    openssl(
        &folder,
        &[
            "verify",
            "-x509_strict",
            "-purpose",
            "sslclient",
            "-CAfile",
            "config/ca/ca.crt",
            "long.pem",
        ],
    );
    keytool(
        &folder,
        &[
            "-list",
            "-v",
            "-keystore",
            "long.p12",
            "-storepass:file",
            "long.p12.password",
        ],
    );
}

#[test]
fn a_user_who_is_disabled_gets_no_certificate() {
    let folder = with_database();
    cert(
        &folder,
        &["issue", "--user", "alice", "--create", "--type", "pem"],
    );
    folder.run(&["user", "disable", "alice"]).with_status(0);
    let before = files(&folder);
    for arguments in [
        &["issue", "--user", "alice", "--out", "more.p12"][..],
        &["issue", "--user", "alice", "--create", "--out", "more.p12"],
        &["import", "alice.pem", "--user", "alice"],
    ] {
        let ended = json(&folder, arguments).with_status(1);
        assert!(ended.out.contains("user `alice` is disabled"), "{}", ended.out);
    }
    assert_eq!(files(&folder), before);
    folder.run(&["user", "enable", "alice"]).with_status(0);
    cert(&folder, &["issue", "--user", "alice", "--out", "more.p12"]);
}

#[test]
fn a_request_with_a_short_key_is_told_so() {
    let folder = with_alice();
    openssl(
        &folder,
        &[
            "req", "-newkey", "rsa:1024", "-nodes", "-keyout", "a.key", "-out", "a.csr", "-subj", "/CN=a",
        ],
    );
    let message = refused(&folder, &["issue", "--user", "alice", "--csr", "a.csr"]);
    assert_eq!(
        message,
        "a.csr: its RSA key has 1024 bits, and 2048 are the least: have it made anew with a longer key"
    );
}

#[test]
fn a_password_is_read_by_either_name_of_the_option() {
    let folder = with_alice();
    for option in ["--password-stdin", "--stdin"] {
        let out = format!("{}.pem", option.trim_start_matches('-'));
        let issue = [
            "cert", "issue", "--user", "alice", "--type", "pem", "--out", &out, option,
        ];
        folder
            .run_with_input(&issue, "correct horse battery")
            .with_status(0);
        assert!(read(&folder, &out).starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----"));
    }
}

#[test]
fn nothing_is_overwritten_and_nothing_is_recorded_then() {
    let folder = with_alice();
    for existing in ["alice.p12", "alice.p12.password"] {
        std::fs::write(folder.path().join(existing), "mine").unwrap();
        let message = refused(&folder, &["issue", "--user", "alice"]);
        assert_eq!(message, format!("{existing} exists, and is not overwritten"));
        assert_eq!(read(&folder, existing), "mine");
        std::fs::remove_file(folder.path().join(existing)).unwrap();
        assert!(files(&folder).is_empty());
    }
    assert_eq!(cert(&folder, &["list"])["certificates"], json!([]));
}

#[test]
fn nothing_outlives_the_authority() {
    let folder = Folder::initialised();
    append(&folder, "palisade.users.alice.roles=clerk\n");
    let made = cert(&folder, &["ca", "--valid", "10d"]);
    let done = cert(&folder, &["issue", "--user", "alice", "--valid", "3650d"]);
    assert_eq!(done["certificate"]["not-after"], made["certificate"]["not-after"]);
}
