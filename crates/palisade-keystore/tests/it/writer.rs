//! Keystores that we write, opened by Java, by OpenSSL, and by us.

use std::time::UNIX_EPOCH;

use palisade_core::Secret;
use palisade_keystore::{
    Certificate, KeystoreBuilder, KeystoreSettings, PrivateKey, PublicKey, StoreError, WriteError,
};
use palisade_test::ca::{KeyKind, TestCa, TestCert};
use rstest::rstest;
use serde_json::Value;

use crate::support::{assert_is, keytool_is_missing, load, load_one, openssl, parts, run, write};

const PASSWORD: &str = "correct horse";

struct Sample {
    server: TestCert,
    rsa: TestCert,
    builder: KeystoreBuilder,
}

fn sample() -> Sample {
    let server = TestCa::new("Root").intermediate("Issuing").server(&["localhost"]);
    let rsa = TestCa::new("Root 2")
        .leaf("rsa")
        .key_kind(KeyKind::Rsa2048)
        .issue();
    let mut builder = KeystoreBuilder::new();
    let (key, mut chain) = parts(&server);
    chain.reverse();
    builder.add_key("server", key, chain).unwrap();
    let (key, chain) = parts(&rsa);
    builder.add_key("rsa", key, chain).unwrap();
    let trusted = Certificate::from_der(TestCa::new("Partner").certificate().clone()).unwrap();
    builder.add_trusted("partner-ca", trusted).unwrap();
    Sample { server, rsa, builder }
}

fn settings(file: &str) -> KeystoreSettings {
    KeystoreSettings::new(file).password(Secret::new(PASSWORD))
}

#[rstest]
#[case("PKCS12")]
#[case("JKS")]
fn java_opens_what_we_write(#[case] format: &str) {
    let Sample { server, rsa, builder } = sample();
    let bytes = match format {
        "JKS" => builder.jks(&Secret::new(PASSWORD), UNIX_EPOCH),
        _ => builder.pkcs12(&Secret::new(PASSWORD)),
    }
    .unwrap();
    let folder = tempfile::tempdir().unwrap();
    write(&folder, "store", &*bytes);
    let keystores = load(folder.path(), &[("mine", settings("store"))]).unwrap();
    assert_eq!(keystores.aliases(), ["partner-ca", "rsa", "server"]);
    assert_is(&keystores, "server", &server);
    assert_is(&keystores, "rsa", &rsa);
    assert!(keystores.certificates("partner-ca").is_ok());
    if keytool_is_missing() {
        return;
    }
    let store = ["-keystore", "store", "-storetype", format, "-storepass", PASSWORD];
    let keytool = |arguments: &[&str]| {
        let english = ["-J-Duser.language=en"];
        run(
            &folder,
            "keytool",
            &[&english[..], arguments, &store[..]].concat(),
        )
    };
    let listed = keytool(&["-list", "-v"]);
    assert!(listed.contains("Your keystore contains 3 entries"), "{listed}");
    assert!(listed.contains("Certificate chain length: 2"), "{listed}");
    for kind in ["PrivateKeyEntry", "trustedCertEntry"] {
        assert!(listed.contains(kind), "{listed}");
    }
    // Java uses the key: it signs a request with it, and makes a store of its own from ours.
    keytool(&["-certreq", "-alias", "rsa", "-file", "request.pem"]);
    openssl(&folder, &["req", "-in", "request.pem", "-verify", "-noout"]);
    run(
        &folder,
        "keytool",
        &[
            "-importkeystore",
            "-noprompt",
            "-srckeystore",
            "store",
            "-srcstoretype",
            format,
            "-srcstorepass",
            PASSWORD,
            "-destkeystore",
            "java.p12",
            "-deststoretype",
            "PKCS12",
            "-deststorepass",
            PASSWORD,
        ],
    );
    let theirs = load(folder.path(), &[("mine", settings("java.p12"))]).unwrap();
    assert_eq!(theirs.aliases(), ["partner-ca", "rsa", "server"]);
    assert_is(&theirs, "server", &server);
}

#[test]
fn openssl_opens_our_pkcs12_and_finds_aes_and_sha_256() {
    let Sample { builder, .. } = sample();
    let folder = tempfile::tempdir().unwrap();
    write(
        &folder,
        "store.p12",
        &*builder.pkcs12(&Secret::new(PASSWORD)).unwrap(),
    );
    let pass = format!("pass:{PASSWORD}");
    openssl(
        &folder,
        &[
            "pkcs12",
            "-in",
            "store.p12",
            "-passin",
            &pass,
            "-nodes",
            "-out",
            "all.pem",
        ],
    );
    let all = std::fs::read_to_string(folder.path().join("all.pem")).unwrap();
    assert_eq!(all.matches("BEGIN PRIVATE KEY").count(), 2);
    let keystores = load(folder.path(), &[("mine", settings("store.p12"))]).unwrap();
    let codes: Vec<_> = keystores
        .findings(UNIX_EPOCH)
        .into_iter()
        .map(|finding| finding.code)
        .collect();
    assert!(
        codes.iter().all(|code| code != "keystore-format-weak"),
        "{codes:?}"
    );
}

#[rstest]
#[case("")]
#[case("short")]
#[case("changeit")]
#[case("ChangeIt")]
fn passwords_that_everybody_tries_are_refused(#[case] password: &str) {
    let Sample { builder, .. } = sample();
    let password = Secret::new(password);
    assert_eq!(builder.pkcs12(&password).unwrap_err(), WriteError::WeakPassword);
    assert_eq!(
        builder.jks(&password, UNIX_EPOCH).unwrap_err(),
        WriteError::WeakPassword
    );
}

#[test]
fn what_java_could_not_open_or_would_mix_up_is_refused() {
    let Sample {
        mut builder,
        server,
        rsa,
    } = sample();
    let password = Secret::new("pässwörd");
    assert_eq!(
        builder.pkcs12(&password).unwrap_err(),
        WriteError::PasswordNotAscii
    );
    let (key, chain) = parts(&server);
    assert_eq!(
        builder.add_key("SERVER", key, chain).unwrap_err(),
        WriteError::DuplicateAlias {
            alias: "SERVER".to_owned()
        }
    );
    let (key, _) = parts(&server);
    let (_, chain) = parts(&rsa);
    assert!(matches!(
        builder.add_key("wrong", key, chain).unwrap_err(),
        WriteError::Entry(StoreError::KeyDoesNotFit { .. })
    ));
    let (key, mut chain) = parts(&server);
    chain.extend(parts(&rsa).1);
    assert_eq!(
        builder.add_key("more", key, chain).unwrap_err().to_string(),
        "alias `more`: the certificate of `CN=rsa` does not belong to the chain of the key"
    );
    let (key, _) = parts(&server);
    assert!(matches!(
        builder.add_key("", key, Vec::new()),
        Err(WriteError::EmptyAlias)
    ));
    let (key, _) = parts(&server);
    builder.add_key("bare", key, Vec::new()).unwrap();
    let refused = builder.jks(&Secret::new(PASSWORD), UNIX_EPOCH).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "alias `bare` has no certificate, and JKS holds no key without one"
    );
}

#[rstest]
#[case(KeyKind::EcP256)]
#[case(KeyKind::EcP384)]
#[case(KeyKind::Rsa2048)]
#[case(KeyKind::Ed25519)]
fn pem_and_jwk_set_are_read_back(#[case] kind: KeyKind) {
    let certificate = TestCa::new("Root").leaf("x").key_kind(kind).issue();
    let (key, chain) = parts(&certificate);
    let mut builder = KeystoreBuilder::new();
    builder.add_key("mine", key, chain).unwrap();
    let folder = tempfile::tempdir().unwrap();
    write(&folder, "mine.pem", builder.pem("mine").unwrap().as_bytes());
    openssl(&folder, &["pkey", "-in", "mine.pem", "-noout", "-check"]);
    assert_is(
        &load_one(folder.path(), "mine.pem").unwrap(),
        "mine",
        &certificate,
    );
    assert!(matches!(
        builder.pem("other"),
        Err(WriteError::NoSuchAlias { .. })
    ));

    write(&folder, "public.jwks", builder.jwk_set().unwrap());
    let public = load_one(folder.path(), "public.jwks").unwrap();
    let kid = public.aliases().remove(0);
    assert!(public.key(&kid).is_err());
    write(
        &folder,
        "private.jwks",
        builder.jwk_set_with_private_keys().unwrap().as_bytes(),
    );
    let private = load_one(folder.path(), "private.jwks").unwrap();
    assert_is(&private, &kid, &certificate);
    assert_eq!(
        private.key(&kid).unwrap().kid(),
        public.public_key(&kid).unwrap().kid()
    );

    let bare = PublicKey::from_spki("bare", public.public_key(&kid).unwrap().spki_der()).unwrap();
    let mut builder = KeystoreBuilder::new();
    builder.add_public_key(bare).unwrap();
    write(&folder, "bare.pem", builder.pem("bare").unwrap().as_bytes());
    assert_eq!(
        load_one(folder.path(), "bare.pem")
            .unwrap()
            .public_key("mine")
            .unwrap()
            .kid(),
        kid
    );
    let set: Value = serde_json::from_str(&builder.jwk_set().unwrap()).unwrap();
    assert_eq!(set["keys"][0]["kid"], *kid);
    assert!(matches!(
        builder.pkcs12(&Secret::new(PASSWORD)),
        Err(WriteError::NoCertificate { .. })
    ));
}

#[test]
fn an_entry_of_another_store_is_written_under_its_alias() {
    let Sample { server, .. } = sample();
    let folder = tempfile::tempdir().unwrap();
    server.write_pem(folder.path(), "server");
    let entry = load_one(folder.path(), "server.pem")
        .unwrap()
        .key("mine")
        .unwrap();
    let mut builder = KeystoreBuilder::new();
    builder.add_entry(entry).unwrap();
    let text = builder.pem("mine").unwrap();
    assert_eq!(text.matches("BEGIN CERTIFICATE").count(), server.chain().len());
    let der = PrivateKey::from_der(server.key().secret_der()).unwrap();
    assert!(!format!("{builder:?}").contains(&format!("{:?}", &der.expose_pkcs8()[36..44])));
}
