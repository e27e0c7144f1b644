//! PKCS#12 as `openssl` and, where it is installed, `keytool` write it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use palisade_core::Secret;
use palisade_keystore::{
    KeyAlgorithm, KeystoreSettings, Keystores, LoadErrors, LookupError, StoreError, StoreType,
};
use palisade_test::ca::{TestCa, TestCert};
use proptest::prelude::*;
use rstest::rstest;
use tempfile::TempDir;

use crate::support::run;

const PASSWORD: &str = "chángeit";

/// Writes the material and has `openssl pkcs12 -export` make `store.p12` of it.
fn export(folder: &TempDir, certificate: &TestCert, extra: &[&str]) {
    fs::write(folder.path().join("leaf.pem"), certificate.leaf_pem()).unwrap();
    fs::write(folder.path().join("key.pem"), certificate.key_pem()).unwrap();
    let pass = format!("pass:{PASSWORD}");
    let mut arguments = vec![
        "pkcs12",
        "-export",
        "-in",
        "leaf.pem",
        "-inkey",
        "key.pem",
        "-out",
        "store.p12",
        "-passout",
        &pass,
    ];
    arguments.extend_from_slice(extra);
    run(folder, "openssl", &arguments);
}

fn load(folder: &Path, password: Option<&str>) -> Result<Keystores, LoadErrors> {
    load_as(folder, password, StoreType::Auto)
}

fn load_as(folder: &Path, password: Option<&str>, store_type: StoreType) -> Result<Keystores, LoadErrors> {
    let mut settings = KeystoreSettings::new("store.p12").store_type(store_type);
    settings.password = password.map(Secret::new);
    Keystores::load(folder, &BTreeMap::from([("mine".to_owned(), settings)]))
}

fn error(result: Result<Keystores, LoadErrors>) -> StoreError {
    result.unwrap_err().0.remove(0).error
}

#[rstest]
#[case::current(&[])]
#[case::legacy(&["-legacy"])]
#[case::triple_des(&["-keypbe", "PBE-SHA1-3DES", "-certpbe", "PBE-SHA1-3DES", "-macalg", "sha1"])]
#[case::sha512(&["-macalg", "sha512", "-keypbe", "AES-128-CBC"])]
#[case::clear_certificates(&["-certpbe", "NONE"])]
fn a_store_made_by_openssl_opens(#[case] flags: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let root = TestCa::new("Root");
    let issuing = root.intermediate("Issuing");
    let server = issuing.server(&["localhost"]);
    fs::write(folder.path().join("above.pem"), root.pem() + &issuing.pem()).unwrap();
    let extra = [&["-name", "Server", "-certfile", "above.pem"], flags].concat();
    export(&folder, &server, &extra);
    let keystores = load(folder.path(), Some(PASSWORD)).unwrap();
    assert_eq!(keystores.aliases(), ["Server"]);
    let entry = keystores.identity("Server").unwrap();
    assert_eq!(entry.tls_chain(), server.chain());
    assert_eq!(entry.chain().len(), 3);
    assert_eq!(keystores.stores().next().unwrap().format(), StoreType::Pkcs12);
}

#[rstest]
#[case("rsa:2048", KeyAlgorithm::Rsa(2048))]
#[case("ed25519", KeyAlgorithm::Ed25519)]
fn other_kinds_of_keys_open_too(#[case] kind: &str, #[case] algorithm: KeyAlgorithm) {
    let folder = tempfile::tempdir().unwrap();
    let make = [
        "req",
        "-x509",
        "-nodes",
        "-subj",
        "/CN=server",
        "-newkey",
        kind,
        "-keyout",
        "k.pem",
        "-out",
        "c.pem",
    ];
    run(&folder, "openssl", &make);
    let pass = format!("pass:{PASSWORD}");
    let export = [
        "pkcs12", "-export", "-in", "c.pem", "-inkey", "k.pem", "-name", "server", "-passout", &pass,
    ];
    run(
        &folder,
        "openssl",
        &[&export[..], &["-out", "store.p12"]].concat(),
    );
    let keystores = load(folder.path(), Some(PASSWORD)).unwrap();
    assert_eq!(
        keystores.identity("server").unwrap().key().algorithm(),
        &algorithm
    );
}

#[test]
fn a_key_of_an_unsupported_kind_stops_nobody_who_does_not_ask_for_it() {
    let folder = tempfile::tempdir().unwrap();
    let make = [
        "req", "-x509", "-nodes", "-subj", "/CN=x", "-newkey", "ed448", "-keyout", "k.pem", "-out", "c.pem",
    ];
    run(&folder, "openssl", &make);
    let pass = format!("pass:{PASSWORD}");
    let export = [
        "pkcs12", "-export", "-in", "c.pem", "-inkey", "k.pem", "-name", "odd", "-passout", &pass,
    ];
    run(
        &folder,
        "openssl",
        &[&export[..], &["-out", "store.p12"]].concat(),
    );
    let keystores = load(folder.path(), Some(PASSWORD)).unwrap();
    let refused = keystores.key("odd").unwrap_err();
    assert!(matches!(refused, LookupError::Unusable { .. }));
    assert!(
        refused
            .to_string()
            .starts_with("alias `odd`: the private key is damaged or of an unsupported kind")
    );
}

#[test]
fn a_certificate_that_does_not_fit_its_key_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let root = TestCa::new("Root");
    // `openssl` and `keytool` refuse to write a mismatch.
    let bytes = written_by_library("two", &root.server(&["two"]), &root.server(&["three"]));
    fs::write(folder.path().join("store.p12"), bytes).unwrap();
    let refused = error(load(folder.path(), Some(PASSWORD)));
    assert_eq!(
        refused.to_string(),
        "alias `two`: the private key (EC P-256) does not fit the certificate of `CN=three`"
    );
}

/// A store with the key of one certificate beside another certificate.
fn written_by_library(alias: &str, key: &TestCert, certificate: &TestCert) -> Vec<u8> {
    let key = p12_keystore::PrivateKey::from_der(key.key().secret_der()).unwrap();
    let certificate = p12_keystore::Certificate::from_der(certificate.certificate()).unwrap();
    let chain = p12_keystore::PrivateKeyChain::new("1", key, [certificate]);
    let mut store = p12_keystore::KeyStore::new();
    store.add_entry(alias, p12_keystore::KeyStoreEntry::PrivateKeyChain(chain));
    store
        .writer(PASSWORD)
        .encryption_iterations(1)
        .mac_iterations(1)
        .write()
        .unwrap()
}

#[test]
fn an_alias_is_found_without_regard_to_case_unless_an_exact_one_is_there() {
    let folder = tempfile::tempdir().unwrap();
    export(
        &folder,
        &TestCa::new("Root").server(&["localhost"]),
        &["-name", "Server"],
    );
    let keystores = load(folder.path(), Some(PASSWORD)).unwrap();
    assert!(keystores.identity("server").is_ok());
    assert!(keystores.identity("mine/SERVER").is_ok());
    let refused = keystores.identity("sever").unwrap_err().to_string();
    assert_eq!(
        refused,
        "there is no alias `sever`; did you mean `Server`? (aliases: `Server`)"
    );
}

#[test]
fn an_entry_without_a_name_is_known_by_its_keystore() {
    let folder = tempfile::tempdir().unwrap();
    export(&folder, &TestCa::new("Root").server(&["localhost"]), &[]);
    let keystores = load(folder.path(), Some(PASSWORD)).unwrap();
    assert!(keystores.identity("mine").is_ok());
}

#[test]
fn a_trust_store_made_by_openssl_is_a_bundle() {
    let folder = tempfile::tempdir().unwrap();
    let (one, two) = (TestCa::new("One"), TestCa::new("Two"));
    fs::write(folder.path().join("cas.pem"), one.pem() + &two.pem()).unwrap();
    let pass = format!("pass:{PASSWORD}");
    run(
        &folder,
        "openssl",
        &[
            "pkcs12",
            "-export",
            "-nokeys",
            "-in",
            "cas.pem",
            "-out",
            "store.p12",
            "-passout",
            &pass,
        ],
    );
    let keystores = load(folder.path(), Some(PASSWORD)).unwrap();
    let subjects: Vec<_> = keystores
        .certificates("mine")
        .unwrap()
        .iter()
        .map(|c| c.facts().subject.clone())
        .collect();
    assert_eq!(subjects, ["CN=One", "CN=Two"]);
    run(
        &folder,
        "openssl",
        &[
            "pkcs12",
            "-export",
            "-nokeys",
            "-in",
            "cas.pem",
            "-caname",
            "uno",
            "-caname",
            "dos",
            "-out",
            "store.p12",
            "-passout",
            &pass,
        ],
    );
    let keystores = load(folder.path(), Some(PASSWORD)).unwrap();
    assert!(matches!(
        keystores.identity(&keystores.aliases()[0]),
        Err(LookupError::NoPrivateKey { .. })
    ));
}

#[test]
fn a_wrong_or_missing_password_is_told_apart_from_damage() {
    let folder = tempfile::tempdir().unwrap();
    export(
        &folder,
        &TestCa::new("Root").server(&["localhost"]),
        &["-name", "server"],
    );
    let errors = load(folder.path(), Some("guess")).unwrap_err();
    assert!(matches!(errors.0[0].error, StoreError::WrongPassword { .. }));
    assert_eq!(errors.0[0].key(), "palisade.keystores.mine.password");
    assert!(!format!("{errors}{errors:?}").contains("guess"));
    assert!(matches!(
        error(load(folder.path(), None)),
        StoreError::PasswordMissing { .. }
    ));

    let path = folder.path().join("store.p12");
    let whole = fs::read(&path).unwrap();
    fs::write(&path, &whole[..whole.len() - 20]).unwrap();
    let damaged = error(load_as(folder.path(), Some(PASSWORD), StoreType::Pkcs12));
    assert!(!matches!(damaged, StoreError::WrongPassword { .. }), "{damaged}");
}

#[test]
fn a_store_without_a_mac_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    export(&folder, &TestCa::new("Root").server(&["localhost"]), &["-nomac"]);
    assert!(matches!(
        error(load(folder.path(), Some(PASSWORD))),
        StoreError::NoMac { .. }
    ));
}

#[test]
fn a_configured_type_that_the_content_contradicts_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestCa::new("Root").server(&["localhost"]);
    export(&folder, &server, &[]);
    let refused = error(load_as(folder.path(), Some(PASSWORD), StoreType::Pem));
    assert!(
        refused
            .to_string()
            .ends_with("is not PEM, as `type` says: it is PKCS#12"),
        "{refused}"
    );
    fs::write(folder.path().join("store.p12"), server.key_pem()).unwrap();
    let refused = error(load_as(folder.path(), Some(PASSWORD), StoreType::Pkcs12));
    assert!(
        refused
            .to_string()
            .ends_with("is not PKCS#12, as `type` says: it is PEM"),
        "{refused}"
    );
    assert!(
        load(folder.path(), None).is_ok(),
        "auto reads the content, not the file's name"
    );
}

#[test]
fn a_trusted_certificate_of_openssl_is_found_with_and_without_javas_attribute() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("ca.pem"), TestCa::new("Partner").pem()).unwrap();
    let pass = format!("pass:{PASSWORD}");
    let make = [
        "pkcs12",
        "-export",
        "-nokeys",
        "-in",
        "ca.pem",
        "-name",
        "partner",
        "-out",
        "store.p12",
        "-passout",
        &pass,
    ];
    let supports = Command::new("openssl")
        .args(["pkcs12", "-help"])
        .output()
        .is_ok_and(|help| String::from_utf8_lossy(&help.stderr).contains("-jdktrust"));
    let attribute: &[&str] = &["-jdktrust", "anyExtendedKeyUsage"];
    if !supports {
        eprintln!("this openssl knows no -jdktrust: Java's attribute is tried with keytool alone");
    }
    for extra in [&[], attribute]
        .into_iter()
        .filter(|extra| extra.is_empty() || supports)
    {
        run(&folder, "openssl", &[&make[..], extra].concat());
        let keystores = load(folder.path(), Some(PASSWORD)).unwrap();
        let alias = keystores.aliases().remove(0);
        assert_eq!(
            keystores.certificates(&alias).unwrap()[0].facts().subject,
            "CN=Partner"
        );
    }
}

#[test]
fn keys_of_pkcs12_have_no_passwords_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    export(
        &folder,
        &TestCa::new("Root").server(&["localhost"]),
        &["-name", "server"],
    );
    let settings = KeystoreSettings::new("store.p12")
        .password(Secret::new(PASSWORD))
        .key_password("server", Secret::new("another"));
    let errors =
        Keystores::load(folder.path(), &BTreeMap::from([("mine".to_owned(), settings)])).unwrap_err();
    assert!(matches!(
        errors.0[0].error,
        StoreError::KeyPasswordNotPossible { .. }
    ));
    assert!(!format!("{errors}{errors:?}").contains("another"));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn hostile_files_are_errors_never_a_crash(bytes in proptest::collection::vec(any::<u8>(), 0..80), pfx: bool) {
        let folder = tempfile::tempdir().unwrap();
        let body = if pfx { [&[0x30, u8::try_from(bytes.len() + 3).unwrap(), 2, 1, 3], bytes.as_slice()].concat() } else { bytes };
        fs::write(folder.path().join("store.p12"), body).unwrap();
        for store_type in [StoreType::Auto, StoreType::Pem, StoreType::Pkcs12] {
            prop_assert!(load_as(folder.path(), Some("x"), store_type).is_err());
        }
    }

    #[test]
    fn an_altered_store_is_an_error_never_a_crash(place in any::<prop::sample::Index>(), bit in 0_u8..8) {
        let folder = tempfile::tempdir().unwrap();
        let mut bytes = sample().to_vec();
        let place = place.index(bytes.len());
        bytes[place] ^= 1 << bit;
        fs::write(folder.path().join("store.p12"), bytes).unwrap();
        // What the MAC does not cover may change without changing what it says.
        if let Ok(keystores) = load_as(folder.path(), Some(PASSWORD), StoreType::Pkcs12) {
            prop_assert_eq!(keystores.aliases(), ["server"]);
        }
    }
}

/// One store for all cases: making keys takes longer than reading them.
fn sample() -> &'static [u8] {
    static SAMPLE: OnceLock<Vec<u8>> = OnceLock::new();
    SAMPLE.get_or_init(|| {
        let certificate = TestCa::new("Root").server(&["localhost"]);
        written_by_library("server", &certificate, &certificate)
    })
}
