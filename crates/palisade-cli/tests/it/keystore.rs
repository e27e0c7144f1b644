mod public_key;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use palisade_test::ca::TestCa;

use crate::support::Folder;

/// The starter folder with a second keystore: a chain of three under `partner`, and an alias that is in both keystores.
fn folder() -> Folder {
    let folder = Folder::initialised();
    let root = TestCa::new("Example Root");
    let partners = folder.config().join("partners");
    std::fs::create_dir(&partners).unwrap();
    root.intermediate("Example Issuing")
        .client("partner")
        .write_pem(&partners, "partner");
    root.write_pem(&partners, "demo-ca");
    folder.write(
        "application-two.properties",
        "palisade.keystores.partners.location=partners\n",
    );
    folder
}

#[test]
fn every_entry_of_every_keystore_is_listed() {
    let folder = folder();
    let list = folder
        .run(&["keystore", "list", "--profile", "two"])
        .with_status(0);
    assert_eq!(list.out.lines().count(), 5, "{}", list.out);
    assert!(list.out.contains("key (EC P-256)"), "{}", list.out);
    let json = folder
        .run(&["keystore", "list", "--profile", "two", "--format", "json"])
        .with_status(0)
        .json();
    let entries = json["entries"].as_array().unwrap();
    let names: Vec<String> = entries
        .iter()
        .map(|entry| {
            let text = |name: &str| entry[name].as_str().unwrap().to_owned();
            format!("{}/{} {}", text("keystore"), text("alias"), text("kind"))
        })
        .collect();
    let expected = [
        "demo/demo-ca certificate",
        "demo/demo-server key",
        "partners/demo-ca certificate",
        "partners/partner key",
    ];
    assert_eq!(names, expected);
    assert_eq!(entries[0]["certificates"][0]["is-authority"], true);
    assert!((363..=365).contains(&entries[0]["certificates"][0]["days-left"].as_i64().unwrap()));
}

#[test]
fn an_alias_is_shown_with_its_chain_names_and_usages_and_without_its_key() {
    let folder = folder();
    let partner = folder.run(&[
        "keystore",
        "show",
        "partner",
        "--profile",
        "two",
        "--format",
        "json",
    ]);
    let partner = partner.with_status(0);
    assert!(!partner.out.contains("PRIVATE"));
    let chain = partner.json()["certificates"].as_array().unwrap().clone();
    let subjects: Vec<&str> = chain
        .iter()
        .map(|certificate| certificate["subject"].as_str().unwrap())
        .collect();
    assert_eq!(subjects.first(), Some(&"CN=partner"));
    assert!(subjects.contains(&"CN=Example Issuing"), "{subjects:?}");

    let server = folder.run(&["keystore", "show", "demo-server"]).with_status(0);
    for expected in [
        "demo/demo-server",
        "kind           key (EC P-256)",
        "names          DNS:localhost, IP:127.0.0.1, IP:::1",
        "usages         digitalSignature, serverAuth",
        "authority      no",
    ] {
        assert!(
            server.out.contains(expected),
            "{expected} is not in\n{}",
            server.out
        );
    }
    assert!(!server.out.contains("PRIVATE"));
}

#[test]
fn the_fingerprint_is_that_of_openssl() {
    let folder = Folder::initialised();
    let shown = folder
        .run(&["keystore", "show", "demo-ca", "--format", "json"])
        .with_status(0)
        .json();
    let openssl = std::process::Command::new("openssl")
        .args(["x509", "-noout", "-fingerprint", "-sha256", "-in"])
        .arg(folder.config().join("keys/demo-ca.pem"))
        .output()
        .unwrap();
    let printed = String::from_utf8(openssl.stdout).unwrap();
    let fingerprint = printed
        .trim()
        .rsplit('=')
        .next()
        .unwrap()
        .replace(':', "")
        .to_lowercase();
    assert_eq!(shown["certificates"][0]["sha256"], fingerprint);
    let octets: Vec<u8> = (0..fingerprint.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&fingerprint[at..at + 2], 16).unwrap())
        .collect();
    let in_headers = URL_SAFE_NO_PAD.encode(octets);
    assert_eq!(shown["certificates"][0]["x5t#S256"], in_headers);
    let told = folder.run(&["keystore", "show", "demo-ca"]).with_status(0);
    assert!(
        told.out.contains(&format!("x5t#S256       {in_headers}")),
        "{}",
        told.out
    );
}

#[test]
fn an_alias_in_two_keystores_is_shown_where_it_was_named() {
    let folder = folder();
    let show = |alias: &str| folder.run(&["keystore", "show", alias, "--profile", "two", "--format", "json"]);
    let ambiguous = show("demo-ca").with_status(2).json();
    let message = ambiguous["errors"][0]["message"].as_str().unwrap();
    assert!(
        message.contains("`demo/demo-ca` or `partners/demo-ca`"),
        "{message}"
    );
    for keystore in ["demo", "partners"] {
        let shown = show(&format!("{keystore}/demo-ca")).with_status(0).json();
        assert_eq!(shown["keystore"], keystore);
    }
}

#[test]
fn an_unknown_alias_is_answered_with_what_there_is() {
    let unknown = Folder::initialised()
        .run(&["keystore", "show", "demo-sever"])
        .with_status(2);
    assert!(
        unknown.err.contains("did you mean `demo-server`?"),
        "{}",
        unknown.err
    );
    assert!(
        unknown.err.contains("(aliases: `demo-ca`, `demo-server`)"),
        "{}",
        unknown.err
    );
}

#[test]
fn a_keystore_that_does_not_load_does_not_hide_the_others() {
    let folder = folder();
    std::fs::remove_dir_all(folder.config().join("partners")).unwrap();
    let list = folder
        .run(&["keystore", "list", "--profile", "two"])
        .with_status(2);
    assert!(list.out.contains("demo-server"), "{}", list.out);
    assert!(
        list.err
            .contains("application-two.properties:1: palisade.keystores.partners.location"),
        "{}",
        list.err
    );
    let json = folder
        .run(&["keystore", "list", "--profile", "two", "--format", "json"])
        .with_status(2)
        .json();
    assert_eq!(json["entries"].as_array().unwrap().len(), 2);
    assert_eq!(json["errors"].as_array().unwrap().len(), 1);
    let show = folder
        .run(&["keystore", "show", "demo-server", "--profile", "two"])
        .with_status(2);
    assert!(show.err.contains("keystore `partners`"), "{}", show.err);
}

/// A PKCS#12 file made by openssl from a PEM file in the working folder.
fn export_pkcs12(folder: &Folder, name: &str, pem: &str, password: &str) {
    let exported = std::process::Command::new("openssl")
        .args([
            "pkcs12",
            "-export",
            "-name",
            name,
            "-passout",
            &format!("pass:{password}"),
        ])
        .args(["-in", pem, "-out", "config/store.p12"])
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert!(
        exported.status.success(),
        "{}",
        String::from_utf8_lossy(&exported.stderr)
    );
    folder.write(
        "application-p12.properties",
        "palisade.keystores.store.location=store.p12\n",
    );
}

#[test]
fn a_key_of_an_unknown_algorithm_is_described_and_stops_nobody() {
    let folder = Folder::initialised();
    let made = std::process::Command::new("openssl")
        .args([
            "req", "-x509", "-newkey", "ED448", "-nodes", "-subj", "/CN=odd", "-keyout", "odd.pem",
        ])
        .args(["-out", "odd.crt"])
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    std::fs::write(folder.path().join("odd.pem"), read("odd.pem") + &read("odd.crt")).unwrap();
    export_pkcs12(&folder, "odd", "odd.pem", "secret");
    let common = [
        "--profile",
        "p12",
        "--set",
        "palisade.keystores.store.password=secret",
    ];
    let shown = folder.run(&[&["keystore", "show", "odd", "--format", "json"], &common[..]].concat());
    let shown = shown.with_status(0);
    assert_eq!(shown.json()["kind"], "unusable key");
    assert!(!shown.out.contains("PRIVATE"));
    folder
        .run(&[&["keystore", "list"], &common[..]].concat())
        .with_status(0);
    folder.run(&[&["check"], &common[..]].concat()).with_status(0);
}

#[test]
fn pkcs12_is_listed_with_its_password_alone_and_that_is_not_shown() {
    let folder = Folder::initialised();
    export_pkcs12(
        &folder,
        "Partner",
        "config/demo-client.pem",
        "s3cret-of-the-store",
    );
    let show = |password: &str| {
        let password = format!("palisade.keystores.store.password={password}");
        folder.run(&[
            "keystore",
            "show",
            "partner",
            "--profile",
            "p12",
            "--set",
            &password,
        ])
    };
    let shown = show("s3cret-of-the-store").with_status(0);
    assert!(
        shown.out.contains("CN=Palisade demo client") && shown.out.contains("(pkcs12)"),
        "{}",
        shown.out
    );
    let wrong = show("another-s3cret").with_status(2);
    assert!(
        wrong.err.contains("palisade.keystores.store.password"),
        "{}",
        wrong.err
    );
    for ended in [shown, wrong] {
        assert!(
            !ended.out.contains("s3cret") && !ended.err.contains("s3cret"),
            "{ended:#?}"
        );
    }
}

/// RFC 8037 appendix A.1, with a name: a public example, not a secret.
const JWK_SET: &str = r#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"partner-2026","use":"sig",
 "d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},
 {"kty":"oct","kid":"shared","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T"}]}"#;

const THUMBPRINT: &str = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k";

#[test]
fn keys_of_a_jwk_set_are_shown_with_kid_thumbprint_and_usage() {
    let folder = Folder::initialised();
    folder.write("partner.jwks", JWK_SET);
    folder.write(
        "application-jwks.properties",
        "palisade.keystores.partner.location=partner.jwks\n",
    );
    let list = folder
        .run(&["keystore", "list", "--profile", "jwks", "--format", "json"])
        .with_status(0);
    let entries = list.json()["entries"].as_array().unwrap().clone();
    let partner = entries
        .iter()
        .find(|entry| entry["alias"] == "partner-2026")
        .unwrap();
    assert_eq!(partner["kind"], "key");
    assert_eq!(partner["key"], "Ed25519");
    assert_eq!(partner["format"], "jwks");
    assert_eq!(partner["kid"], "partner-2026");
    assert_eq!(partner["thumbprint"], THUMBPRINT);
    assert_eq!(partner["usage"], "signature");
    let shared = entries.iter().find(|entry| entry["alias"] == "shared").unwrap();
    assert_eq!(shared["kind"], "unusable key");
    let shown = folder
        .run(&["keystore", "show", "partner/partner-2026", "--profile", "jwks"])
        .with_status(0);
    for expected in [
        "kind           key (Ed25519)",
        "kid            partner-2026",
        &format!("thumbprint     {THUMBPRINT}"),
        "usage          signature",
        "(jwks)",
    ] {
        assert!(
            shown.out.contains(expected),
            "{expected} is not in\n{}",
            shown.out
        );
    }
    for ended in [list, shown] {
        assert!(
            !ended.out.contains("nWGxne") && !ended.out.contains("AyM1Sys"),
            "{ended:#?}"
        );
    }
}

#[test]
fn a_bare_public_key_is_shown_as_such() {
    let folder = Folder::initialised();
    let made = std::process::Command::new("openssl")
        .args([
            "pkey",
            "-in",
            "demo-client.pem",
            "-pubout",
            "-out",
            "partner-key.pem",
        ])
        .current_dir(folder.config())
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    folder.write(
        "application-bare.properties",
        "palisade.keystores.partner.location=partner-key.pem\n",
    );
    let show = |alias: &str| {
        folder
            .run(&["keystore", "show", alias, "--profile", "bare", "--format", "json"])
            .with_status(0)
            .json()
    };
    let shown = show("partner");
    assert_eq!(shown["kind"], "public key");
    assert_eq!(shown["key"], "EC P-256");
    assert_eq!(shown["certificates"], serde_json::json!([]));
    assert_eq!(shown["kid"].as_str().unwrap().len(), 43);
    let list = folder
        .run(&["keystore", "list", "--profile", "bare"])
        .with_status(0);
    assert!(list.out.contains("public key (EC P-256)"), "{}", list.out);
    let kid = shown["kid"].as_str().unwrap();
    assert!(
        list.out.contains(kid),
        "a kid is listed whole, to be copied\n{}",
        list.out
    );
}

#[test]
fn a_java_keystore_is_shown_and_its_passwords_are_not() {
    let folder = Folder::initialised();
    let server = TestCa::new("Example Root").server(&["localhost"]);
    let mut builder = palisade_keystore::KeystoreBuilder::new();
    let key = palisade_keystore::PrivateKey::from_der(server.key().secret_der()).unwrap();
    let chain = server
        .chain()
        .iter()
        .map(|der| palisade_keystore::Certificate::from_der(der.clone()).unwrap());
    builder.add_key("Server", key, chain.collect()).unwrap();
    let password = palisade_core::Secret::new("s3cret-of-the-store");
    let file = builder.jks(&password, std::time::UNIX_EPOCH).unwrap();
    std::fs::write(folder.config().join("store.jks"), &*file).unwrap();
    let run = |key_password: &str, arguments: &[&str]| {
        folder.write(
            "application-java.properties",
            &format!(
                "palisade.keystores.java.location=store.jks\npalisade.keystores.java.password=s3cret-of-the-store\n\
                 palisade.keystores.java.key-passwords.server={key_password}\n"
            ),
        );
        folder.run(&[arguments, &["--profile", "java"]].concat())
    };
    let shown = run("s3cret-of-the-store", &["keystore", "show", "SERVER"]).with_status(0);
    for expected in [
        "java/server",
        "(jks)",
        "CN=localhost",
        "DNS:localhost",
        "days left)",
        "days old)",
    ] {
        assert!(
            shown.out.contains(expected),
            "{expected} is not in\n{}",
            shown.out
        );
    }
    let wrong = run("another-s3cret", &["keystore", "list"]).with_status(2);
    assert!(
        wrong
            .err
            .contains("application-java.properties:3: palisade.keystores.java.key-passwords.server"),
        "{}",
        wrong.err
    );
    let check = run("s3cret-of-the-store", &["check"]).with_status(0);
    assert!(check.out.contains("keystore-format-weak"), "{}", check.out);
    assert!(check.out.contains("certificate-old"), "{}", check.out);
    let json = run("another-s3cret", &["check", "--format", "json"]);
    for ended in [shown, wrong, check, json] {
        assert!(
            !ended.out.contains("s3cret") && !ended.err.contains("s3cret"),
            "{ended:#?}"
        );
    }
}
