use serde_json::json;

use super::{append, cert, mode, openssl, read, refused, with_authority};
use crate::support::Folder;

#[test]
fn an_authority_is_made_with_a_list_and_the_settings_of_a_listener() {
    let folder = Folder::initialised();
    let text = read(&folder, "config/application.properties");
    let alone = text.lines().filter(|line| !line.contains("tls.client-"));
    folder.write("application.properties", &alone.collect::<Vec<_>>().join("\n"));
    let made = cert(
        &folder,
        &["ca", "--name", "Acme clients", "--organization", "Acme"],
    );
    assert_eq!(made["certificate"]["subject"], "CN=Acme clients,O=Acme");
    assert_eq!(made["certificate"]["is-authority"], true);
    assert_eq!(made["certificate-file"], "config/ca/ca.crt");
    let lines = [
        "palisade.keystores.ca.location=ca/ca.crt",
        "palisade.listeners.main.tls.client-auth=require",
        "palisade.listeners.main.tls.client-ca-aliases=ca",
        "palisade.listeners.main.tls.crl-files=ca/ca.crl",
    ];
    assert_eq!(made["properties"], json!(lines));
    assert_eq!(mode(&folder, "config/ca"), 0o700);
    assert_eq!(mode(&folder, "config/ca/ca.key"), 0o600);
    let list = openssl(
        &folder,
        &[
            "crl",
            "-in",
            "config/ca/ca.crl",
            "-CAfile",
            "config/ca/ca.crt",
            "-noout",
            "-text",
        ],
    );
    assert!(list.contains("No Revoked Certificates."), "{list}");
    // The lines are what the server takes.
    append(&folder, &lines.join("\n"));
    let checked = folder.run(&["check"]).with_status(0);
    assert!(checked.out.contains("ca-key-beside-server"), "{}", checked.out);
    assert!(checked.out.contains("not encrypted"), "{}", checked.out);
    std::fs::remove_file(folder.config().join("ca/ca.key")).unwrap();
    let checked = folder.run(&["check"]).with_status(0);
    assert!(!checked.out.contains("ca-key-beside-server"), "{}", checked.out);
}

#[test]
fn as_text_it_says_what_is_where_and_what_to_paste() {
    let folder = Folder::initialised();
    let made = folder.run(&["cert", "ca"]).with_status(0);
    for expected in [
        "made the authority CN=Palisade CA, valid until 20",
        "config/ca/ca.key  its private key: no server needs it",
        "\npalisade.keystores.ca.location=ca/ca.crt\n",
    ] {
        assert!(made.out.contains(expected), "{expected} is not in\n{}", made.out);
    }
    assert!(
        made.err.contains("--ca-password-file has it encrypted"),
        "{}",
        made.err
    );
    assert!(!made.out.contains("PRIVATE"));
}

#[test]
fn nothing_that_exists_is_overwritten() {
    let folder = with_authority();
    let key = read(&folder, "config/ca/ca.key");
    let message = refused(&folder, &["ca"]);
    assert_eq!(message, "config/ca/ca.key exists, and is not overwritten");
    assert_eq!(read(&folder, "config/ca/ca.key"), key);
}

#[test]
fn what_a_listener_has_already_stays_as_it_is() {
    let folder = Folder::initialised();
    let made = cert(&folder, &["ca", "--dir", "elsewhere"]);
    let whole = |name: &str| folder.path().join("elsewhere").join(name).display().to_string();
    let lines = [
        format!("palisade.keystores.ca.location={}", whole("ca.crt")),
        "palisade.listeners.main.tls.client-ca-aliases=demo-ca,ca".to_owned(),
        format!("palisade.listeners.main.tls.crl-files={}", whole("ca.crl")),
    ];
    assert_eq!(made["properties"], json!(lines));
    append(&folder, "palisade.listeners.second.bind=127.0.0.1:8444\n");
    let made = cert(&folder, &["ca"]);
    assert_eq!(
        made["properties"][1],
        "palisade.listeners.<listener>.tls.client-auth=require"
    );
}

#[test]
fn an_encrypted_key_needs_its_password_to_issue() {
    let folder = Folder::initialised();
    std::fs::write(folder.path().join("password"), "correct horse battery\n").unwrap();
    let with_password = ["--ca-password-file", "password"];
    cert(&folder, &[&["ca"], &with_password[..]].concat());
    assert!(read(&folder, "config/ca/ca.key").starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----"));
    let issue = ["issue", "--server", "localhost"];
    let message = refused(&folder, &issue);
    assert!(message.contains("give --ca-password-file"), "{message}");
    std::fs::write(folder.path().join("wrong"), "wrong\n").unwrap();
    let message = refused(&folder, &[&issue[..], &["--ca-password-file", "wrong"]].concat());
    assert_eq!(
        message,
        "config/ca/ca.key: the password does not open the private key"
    );
    cert(&folder, &[&issue[..], &with_password].concat());
}

#[test]
fn without_an_authority_it_is_told_how_to_make_one() {
    let folder = Folder::initialised();
    let message = refused(&folder, &["issue", "--server", "localhost"]);
    assert_eq!(
        message,
        "there is no certificate authority: config/ca/ca.crt is not there; palisade cert ca makes one, --dir says where it is"
    );
}
