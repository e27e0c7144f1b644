//! PEM files and folders.

use std::fs;

use palisade_keystore::{KeystoreSettings, StoreError, StoreType};
use palisade_test::ca::TestCa;

use crate::support::{assert_is, load, load_one, openssl, write};

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
        keystores.findings(std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_600_000_000)),
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
    let now = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_600_000_000);
    let revoked = root.crl(
        &[],
        now.into(),
        (now + std::time::Duration::from_secs(86_400)).into(),
    );
    write(&folder, "revoked.pem", revoked.pem());
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
    let findings = keystores.findings(std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_600_000_000));
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
            KeystoreSettings::new("keys.json").store_type(StoreType::Jks),
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
    assert_eq!(found[1].1, "palisade.keystores.jks.password");
    assert_eq!(found[3].1, "palisade.keystores.named.type");
    let text = errors.to_string();
    for part in [
        "No such file",
        "keystore.jks needs a password",
        "keys.json holds neither a private key nor a certificate",
        "keys.json is not JKS, as `type` says: it is a JWK Set",
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
