//! Private keys in PEM: their kinds, their encryption, and how they fit certificates.

use std::fs;

use palisade_core::Secret;
use palisade_keystore::{BadPrivateKey, KeyAlgorithm, KeystoreSettings, LookupError, StoreError};
use palisade_test::ca::{KeyKind, TestCa};
use rstest::rstest;

use crate::support::{assert_is, load, load_one, openssl, write};

#[rstest]
#[case(KeyKind::EcP256, KeyAlgorithm::EcP256)]
#[case(KeyKind::EcP384, KeyAlgorithm::EcP384)]
#[case(KeyKind::Rsa2048, KeyAlgorithm::Rsa(2048))]
#[case(KeyKind::Ed25519, KeyAlgorithm::Ed25519)]
fn every_kind_of_key_is_read(#[case] kind: KeyKind, #[case] algorithm: KeyAlgorithm) {
    let folder = tempfile::tempdir().unwrap();
    let server = TestCa::new("Root").leaf("server").key_kind(kind).issue();
    server.write_pem(folder.path(), "server");
    let keystores = load_one(folder.path(), "server.pem").unwrap();
    let entry = keystores.identity("mine").unwrap();
    assert_eq!(entry.key().algorithm(), &algorithm);
    assert_eq!(entry.certificate().unwrap().facts().algorithm, algorithm);
    assert_is(&keystores, "mine", &server);
}

#[rstest]
#[case(&["ecparam", "-genkey", "-name", "prime256v1"], KeyAlgorithm::EcP256)]
#[case(&["ecparam", "-genkey", "-name", "secp521r1"], KeyAlgorithm::EcP521)]
#[case(&["genrsa", "-traditional", "2048"], KeyAlgorithm::Rsa(2048))]
#[case(&["genrsa", "3072"], KeyAlgorithm::Rsa(3072))]
#[case(&["genpkey", "-algorithm", "ed25519"], KeyAlgorithm::Ed25519)]
fn keys_written_by_openssl_are_read_with_their_certificate(
    #[case] make: &[&str],
    #[case] algorithm: KeyAlgorithm,
) {
    let folder = tempfile::tempdir().unwrap();
    let mut arguments = make.to_vec();
    arguments.insert(1, "-out");
    arguments.insert(2, "server.key");
    openssl(&folder, &arguments);
    openssl(
        &folder,
        &[
            "req",
            "-x509",
            "-new",
            "-key",
            "server.key",
            "-subj",
            "/O=Org/CN=server",
            "-days",
            "9",
            "-out",
            "server.crt",
        ],
    );
    let keystores = load_one(folder.path(), ".").unwrap();
    let entry = keystores.identity("server").unwrap();
    assert_eq!(entry.key().algorithm(), &algorithm);
    assert_eq!(entry.certificate().unwrap().facts().subject, "CN=server,O=Org");
}

#[test]
fn an_encrypted_key_opens_with_the_password_of_its_keystore() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestCa::new("Root").server(&["localhost"]);
    write(&folder, "plain.key", server.key_pem());
    write(&folder, "server.crt", server.chain_pem());
    openssl(
        &folder,
        &[
            "pkcs8",
            "-topk8",
            "-in",
            "plain.key",
            "-out",
            "server.key",
            "-passout",
            "pass:open sesame",
        ],
    );
    fs::remove_file(folder.path().join("plain.key")).unwrap();
    let settings = |password: &str| KeystoreSettings::new(".").password(Secret::new(password));
    let keystores = load(folder.path(), &[("mine", settings("open sesame"))]).unwrap();
    assert_is(&keystores, "server", &server);

    let errors = load(folder.path(), &[("mine", settings("guess"))]).unwrap_err();
    assert!(matches!(
        errors.0[0].error,
        StoreError::PrivateKey {
            reason: BadPrivateKey::WrongPassword,
            ..
        }
    ));
    assert_eq!(errors.0[0].key(), "palisade.keystores.mine.password");
    assert!(!format!("{errors} {errors:?}").contains("guess"));

    let error = load_one(folder.path(), ".").unwrap_err();
    assert!(matches!(
        error,
        StoreError::PrivateKey {
            reason: BadPrivateKey::PasswordMissing,
            ..
        }
    ));
}

#[test]
fn a_scrypt_encrypted_key_opens_and_the_old_encryption_is_refused_with_a_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestCa::new("Root").server(&["localhost"]);
    write(&folder, "plain", server.key_pem());
    openssl(
        &folder,
        &[
            "pkcs8", "-topk8", "-scrypt", "-in", "plain", "-out", "new.pem", "-passout", "pass:x",
        ],
    );
    openssl(
        &folder,
        &[
            "ec", "-aes256", "-in", "plain", "-out", "old.pem", "-passout", "pass:x",
        ],
    );
    let settings = |file: &str| KeystoreSettings::new(file).password(Secret::new("x"));
    assert!(
        load(folder.path(), &[("mine", settings("new.pem"))])
            .unwrap()
            .key("mine")
            .is_ok()
    );
    let errors = load(folder.path(), &[("mine", settings("old.pem"))]).unwrap_err();
    assert!(errors.to_string().contains("openssl pkcs8 -topk8"), "{errors}");
}

#[test]
fn a_key_that_does_not_fit_its_certificate_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let root = TestCa::new("Root");
    write(
        &folder,
        "server.pem",
        root.client("a").key_pem() + root.client("b").leaf_pem(),
    );
    let error = load_one(folder.path(), "server.pem").unwrap_err();
    assert_eq!(
        error.to_string(),
        "alias `mine`: the private key (EC P-256) does not fit the certificate of `CN=b`"
    );
}

#[test]
fn two_keys_under_one_alias_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let root = TestCa::new("Root");
    write(
        &folder,
        "server.pem",
        root.client("a").key_pem() + &root.client("b").key_pem(),
    );
    let error = load_one(folder.path(), "server.pem").unwrap_err();
    assert!(matches!(error, StoreError::SeveralKeys { count: 2, .. }));
}

#[test]
fn a_key_without_a_certificate_is_a_key_but_no_identity() {
    let folder = tempfile::tempdir().unwrap();
    write(&folder, "only.key", TestCa::new("Root").client("a").key_pem());
    let keystores = load_one(folder.path(), "only.key").unwrap();
    assert!(keystores.key("mine").is_ok());
    assert!(matches!(
        keystores.identity("mine"),
        Err(LookupError::NoCertificate { .. })
    ));
    assert!(matches!(
        keystores.certificates("mine"),
        Err(LookupError::NoCertificate { .. })
    ));
}

#[test]
fn a_key_that_others_may_read_is_a_finding() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let path = TestCa::new("Root")
        .server(&["localhost"])
        .write_pem(folder.path(), "server");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    let keystores = load_one(folder.path(), "server.pem").unwrap();
    let findings = keystores.findings(std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_600_000_000));
    assert_eq!(findings.len(), 1);
    assert_eq!(findings[0].code, "key-file-readable-by-others");
    assert_eq!(
        findings[0].key.as_deref(),
        Some("palisade.keystores.mine.location")
    );
}

#[test]
fn each_key_of_a_folder_may_have_a_password_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["one", "two"] {
        TestCa::new("Root")
            .server(&[name])
            .write_pem(folder.path(), "clear");
        let (out, pass) = (format!("keys/{name}.pem"), format!("pass:secret-of-{name}"));
        fs::create_dir_all(folder.path().join("keys")).unwrap();
        openssl(
            &folder,
            &[
                "pkcs8",
                "-topk8",
                "-in",
                "clear.pem",
                "-out",
                &out,
                "-passout",
                &pass,
            ],
        );
    }
    let settings = KeystoreSettings::new("keys").password(Secret::new("secret-of-one"));
    let refused = load(folder.path(), &[("mine", settings.clone())]).unwrap_err();
    assert_eq!(refused.0.len(), 1, "{refused}");
    let settings = settings.key_password("two", Secret::new("secret-of-two"));
    let keystores = load(folder.path(), &[("mine", settings.clone())]).unwrap();
    assert!(keystores.key("one").is_ok() && keystores.key("two").is_ok());
    assert!(!format!("{settings:?}").contains("secret-of"));
}
