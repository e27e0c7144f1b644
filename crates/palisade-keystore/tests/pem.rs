//! PEM files and folders.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use palisade_core::Secret;
use palisade_keystore::{
    BadPrivateKey, KeyAlgorithm, KeystoreSettings, Keystores, LoadErrors, LookupError, StoreError, StoreType,
};
use palisade_test::ca::{KeyKind, TestCa, TestCert};
use rstest::rstest;
use tempfile::TempDir;

fn load(folder: &Path, stores: &[(&str, KeystoreSettings)]) -> Result<Keystores, LoadErrors> {
    let settings: BTreeMap<_, _> = stores
        .iter()
        .map(|(name, settings)| ((*name).to_owned(), settings.clone()))
        .collect();
    Keystores::load(folder, &settings)
}

fn load_one(folder: &Path, location: &str) -> Result<Keystores, StoreError> {
    load(folder, &[("mine", KeystoreSettings::new(location))]).map_err(|errors| errors.0[0].error.clone())
}

fn assert_is(keystores: &Keystores, alias: &str, certificate: &TestCert) {
    let entry = keystores.identity(alias).unwrap();
    assert_eq!(entry.tls_chain(), certificate.chain());
    let here = rustls_pki_types::PrivateKeyDer::try_from(entry.key().expose_pkcs8().to_vec()).unwrap();
    assert_eq!(entry.key_der(), here);
}

fn write(folder: &TempDir, name: &str, text: impl AsRef<[u8]>) {
    fs::write(folder.path().join(name), text).unwrap();
}

fn openssl(folder: &TempDir, arguments: &[&str]) {
    let output = Command::new("openssl")
        .args(arguments)
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "openssl {arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn a_single_file_is_known_by_the_name_of_its_keystore() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestCa::new("Root").intermediate("Issuing").server(&["localhost"]);
    server.write_pem(folder.path(), "file-name");
    let keystores = load_one(folder.path(), "file-name.pem").unwrap();
    assert_eq!(keystores.aliases(), ["mine"]);
    assert_is(&keystores, "mine", &server);
    assert_is(&keystores, "mine/mine", &server);
    assert_eq!(
        keystores.findings(std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_700_000_000)),
        []
    );
}

#[test]
fn a_folder_gives_one_alias_per_stem() {
    let folder = tempfile::tempdir().unwrap();
    let root = TestCa::new("Root");
    let (one, two) = (root.server(&["one"]), root.server(&["two"]));
    one.write_pem(folder.path(), "one");
    two.write_crt_and_key(folder.path(), "two");
    root.write_pem(folder.path(), "ca");
    write(&folder, "der.CER", root.certificate());
    write(&folder, ".hidden.pem", "-----BEGIN");
    write(&folder, "README.txt", "not a key");
    fs::create_dir(folder.path().join("folder.pem")).unwrap();
    let keystores = load_one(folder.path(), ".").unwrap();
    assert_eq!(keystores.aliases(), ["ca", "der", "one", "two"]);
    assert_is(&keystores, "one", &one);
    assert_is(&keystores, "mine/two", &two);
    assert_eq!(
        keystores.certificates("der").unwrap()[0].der(),
        root.certificate()
    );
}

#[test]
fn a_chain_is_put_in_order_and_its_root_is_not_sent() {
    let folder = tempfile::tempdir().unwrap();
    let root = TestCa::new("Root");
    let issuing = root.intermediate("Middle").intermediate("Issuing");
    let server = issuing.server(&["localhost"]);
    let chain: Vec<&str> = server
        .chain_pem()
        .split_inclusive("-----END CERTIFICATE-----\n")
        .collect();
    assert_eq!(chain.len(), 3);
    let text = [chain[2], &root.pem(), chain[1], &server.key_pem(), chain[0]].concat();
    write(&folder, "mixed.pem", text);
    let keystores = load_one(folder.path(), "mixed.pem").unwrap();
    assert_is(&keystores, "mine", &server);
    assert_eq!(keystores.key("mine").unwrap().chain().len(), 4);
}

#[test]
fn of_two_issuers_with_one_name_the_one_that_signed_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    let root = TestCa::new("Root");
    let (old, new) = (root.intermediate("Issuing"), root.intermediate("Issuing"));
    let server = new.server(&["localhost"]);
    write(
        &folder,
        "server.pem",
        [
            server.key_pem(),
            server.leaf_pem().to_owned(),
            old.pem(),
            new.pem(),
        ]
        .concat(),
    );
    let keystores = load_one(folder.path(), "server.pem").unwrap();
    assert_is(&keystores, "mine", &server);
    let findings = keystores.findings(std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_700_000_000));
    assert!(
        findings
            .iter()
            .any(|finding| finding.code == "certificate-outside-chain"),
        "{findings:?}"
    );
}

#[test]
fn a_bundle_of_authorities_is_one_alias() {
    let folder = tempfile::tempdir().unwrap();
    let (one, two) = (TestCa::new("One"), TestCa::new("Two"));
    write(&folder, "bundle.pem", one.pem() + &two.pem() + &one.pem());
    let keystores = load_one(folder.path(), "bundle.pem").unwrap();
    let subjects: Vec<_> = keystores
        .certificates("mine")
        .unwrap()
        .iter()
        .map(|c| c.facts().subject.clone())
        .collect();
    assert_eq!(subjects, ["CN=One", "CN=Two"]);
    let refused = keystores.identity("mine").unwrap_err();
    assert_eq!(
        refused.to_string(),
        "alias `mine` holds a certificate without a private key (aliases with a key: none)"
    );
}

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
fn every_faulty_file_of_every_keystore_is_reported() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("keys")).unwrap();
    for (name, text) in [
        (
            "a.pem",
            "-----BEGIN CERTIFICATE-----\nAAEC\n-----END CERTIFICATE-----",
        ),
        (
            "b.pem",
            "-----BEGIN PRIVATE KEY-----\nAAEC\n-----END PRIVATE KEY-----",
        ),
        ("c.pem", "-----BEGIN CERTIFICATE-----\nAAEC"),
        ("d.pem", "nothing"),
    ] {
        write(&folder, &format!("keys/{name}"), text);
    }
    write(&folder, "keystore.jks", b"\xfe\xed\xfe\xed\0\0\0\x02");
    write(&folder, "keys.json", "{\"keys\": []}");
    let stores = [
        ("gone", KeystoreSettings::new("file:///no/such/file.pem")),
        ("jks", KeystoreSettings::new("file://keystore.jks")),
        ("jwks", KeystoreSettings::new("keys.json")),
        (
            "named",
            KeystoreSettings::new("anything").store_type(StoreType::Jks),
        ),
        ("pem", KeystoreSettings::new("keys")),
        ("remote", KeystoreSettings::new("https://example.org/a.p12")),
    ];
    let errors = load(folder.path(), &stores).unwrap_err();
    let found: Vec<(&str, String)> = errors
        .0
        .iter()
        .map(|error| (error.store.as_str(), error.key()))
        .collect();
    let stores: Vec<&str> = found.iter().map(|(store, _)| *store).collect();
    assert_eq!(
        stores,
        [
            "gone", "jks", "jwks", "named", "pem", "pem", "pem", "pem", "remote"
        ]
    );
    assert_eq!(found[1].1, "palisade.keystores.jks.type");
    let text = errors.to_string();
    for part in [
        "No such file",
        "JKS is not supported by this build",
        "JWK Set is not supported",
        "a.pem",
        "b.pem",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert!(text.contains("c.pem is damaged: the section that starts at line 1 does not end"));
    assert!(text.contains("`https:` is not supported"));
}

#[cfg(unix)]
#[test]
fn a_key_that_others_may_read_is_a_finding() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let path = TestCa::new("Root")
        .server(&["localhost"])
        .write_pem(folder.path(), "server");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    let keystores = load_one(folder.path(), "server.pem").unwrap();
    let findings = keystores.findings(std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_700_000_000));
    assert_eq!(findings.len(), 1);
    assert_eq!(findings[0].code, "key-file-readable-by-others");
    assert_eq!(
        findings[0].key.as_deref(),
        Some("palisade.keystores.mine.location")
    );
}

#[test]
fn bare_der_files_are_read_too() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestCa::new("Root").server(&["localhost"]);
    write(&folder, "server.der", server.certificate());
    write(&folder, "server.key", server.key().secret_der());
    assert_is(&load_one(folder.path(), ".").unwrap(), "server", &server);
}

#[test]
fn what_is_no_plain_certificate_is_refused_with_a_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let ca = TestCa::new("Root");
    write(&folder, "ca.pem", ca.pem());
    openssl(
        &folder,
        &[
            "x509",
            "-in",
            "ca.pem",
            "-addtrust",
            "clientAuth",
            "-trustout",
            "-out",
            "trusted.pem",
        ],
    );
    let refused = load_one(folder.path(), "trusted.pem").unwrap_err();
    assert!(
        refused.to_string().contains("`openssl x509` writes a plain one"),
        "{refused}"
    );
}

#[cfg(unix)]
#[test]
fn devices_and_folders_are_no_files() {
    let folder = tempfile::tempdir().unwrap();
    let refused = load_one(folder.path(), "/dev/zero").unwrap_err();
    assert_eq!(refused.to_string(), "/dev/zero is not a regular file");
    let as_pkcs12 = KeystoreSettings::new(".").store_type(StoreType::Pkcs12);
    let errors = load(folder.path(), &[("mine", as_pkcs12)]).unwrap_err();
    assert!(
        errors.to_string().ends_with("is not a file: it is a folder"),
        "{errors}"
    );
    assert!(matches!(
        load_one(folder.path(), ".").unwrap_err(),
        StoreError::Empty { .. }
    ));
}
