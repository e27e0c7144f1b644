//! `palisade keystore show --public-key`: what is handed to partners.

use std::process::Command;

use palisade_test::ca::{KeyKind, TestCa};
use serde_json::{Value, json};

use super::{JWK_SET, THUMBPRINT};
use crate::support::{Ended, Folder};

/// Three keys of an own keystore, and the set of a partner with names, uses and a key that nobody can use.
fn folder() -> Folder {
    let folder = Folder::new(&[(
        "application.properties",
        "palisade.keystores.keys.location=keys\npalisade.keystores.partner.location=partner.jwks\n",
    )]);
    let keys = folder.config().join("keys");
    std::fs::create_dir(&keys).unwrap();
    let ca = TestCa::new("Example Root");
    ca.client("ec").write_pem(&keys, "ec");
    let rsa = ca.leaf("rsa").for_clients().key_kind(KeyKind::Rsa2048).issue();
    rsa.write_pem(&keys, "rsa");
    ca.write_pem(&keys, "ca");
    folder.write("partner.jwks", JWK_SET);
    folder
}

fn show(folder: &Folder, alias: &str, form: &str, more: &[&str]) -> Ended {
    folder.run(&[&["keystore", "show", alias, "--public-key", form], more].concat())
}

#[test]
fn a_jwk_has_the_kid_and_what_the_keystore_says_of_its_use_and_nothing_private() {
    let folder = folder();
    let partner = show(&folder, "partner-2026", "jwk", &[]).with_status(0).json();
    let expected = json!({
        "kty": "OKP",
        "crv": "Ed25519",
        "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
        "kid": "partner-2026",
        "use": "sig",
    });
    assert_eq!(partner, expected);
    for (alias, kty, size) in [("ec", "EC", 5), ("rsa", "RSA", 4), ("keys/ca", "EC", 5)] {
        let jwk = show(&folder, alias, "jwk", &[]).with_status(0).json();
        assert_eq!(jwk["kty"], kty);
        assert_eq!(jwk.as_object().unwrap().len(), size, "{jwk}");
        let described = folder
            .run(&["keystore", "show", alias, "--format", "json"])
            .json();
        assert_eq!(described["jwk"], jwk);
        assert_eq!(described["kid"], jwk["kid"]);
    }
    let list = folder.run(&["keystore", "list", "--format", "json"]).json();
    let entries = list["entries"].as_array().unwrap();
    let of = |alias: &str| entries.iter().find(|entry| entry["alias"] == alias).unwrap();
    assert_eq!(of("partner-2026")["jwk"], expected);
    assert_eq!(of("shared")["jwk"], Value::Null);
}

#[test]
fn a_printed_jwk_is_a_keystore_of_the_same_key() {
    let folder = folder();
    for alias in ["ec", "rsa"] {
        let jwk = show(&folder, alias, "jwk", &[]).with_status(0);
        folder.write("given.jwk", &jwk.out);
        folder.write(
            "application-given.properties",
            "palisade.keystores.given.location=given.jwk\n",
        );
        let kid = jwk.json()["kid"].as_str().unwrap().to_owned();
        let name = format!("given/{kid}");
        let again = show(&folder, &name, "pem", &["--profile", "given"]).with_status(0);
        assert_eq!(again.out, show(&folder, alias, "pem", &[]).out);
    }
}

#[test]
fn a_pem_is_the_key_that_openssl_finds_in_the_certificate() {
    let folder = folder();
    for alias in ["ec", "rsa"] {
        let openssl = Command::new("openssl")
            .args(["x509", "-noout", "-pubkey", "-in"])
            .arg(folder.config().join(format!("keys/{alias}.pem")))
            .output()
            .unwrap();
        let shown = show(&folder, alias, "pem", &[]).with_status(0);
        assert_eq!(shown.out, String::from_utf8(openssl.stdout).unwrap());
        let json = show(&folder, alias, "pem", &["--format", "json"])
            .with_status(0)
            .json();
        assert_eq!(json, json!({ "pem": shown.out }));
    }
}

#[test]
fn a_key_that_cannot_be_used_has_no_public_half_to_show() {
    let folder = folder();
    for form in ["jwk", "pem"] {
        let ended = show(&folder, "shared", form, &[]).with_status(2);
        assert!(ended.out.is_empty(), "{ended:#?}");
        let expected = "`shared` has no public key that can be used: ";
        assert!(ended.err.contains(expected), "{}", ended.err);
    }
    let listed = folder.run(&["keystore", "show", "partner/partner-2026", "--format", "json"]);
    assert_eq!(listed.json()["thumbprint"], THUMBPRINT);
}
