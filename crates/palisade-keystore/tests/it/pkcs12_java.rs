//! PKCS#12 as `keytool` writes it, with the defaults of several releases of Java.

use std::fs;

use palisade_core::Secret;
use palisade_keystore::{KeyAlgorithm, KeystoreSettings, Keystores};
use palisade_test::ca::TestCa;
use rstest::rstest;
use tempfile::TempDir;

use crate::support::{keytool_is_missing, run};

fn open(folder: &TempDir, password: &str) -> Keystores {
    let settings = KeystoreSettings::new("store.p12").password(Secret::new(password));
    crate::support::load(folder.path(), &[("mine", settings)]).unwrap()
}

/// The defaults of Java's releases, as their `java.security` has them.
const JAVA_8: &[&str] = &["-J-Dkeystore.pkcs12.legacy"];
const JAVA_11: &[&str] = &[
    "-J-Dkeystore.pkcs12.certProtectionAlgorithm=PBEWithSHA1AndRC2_40",
    "-J-Dkeystore.pkcs12.certPbeIterationCount=50000",
    "-J-Dkeystore.pkcs12.keyProtectionAlgorithm=PBEWithSHA1AndDESede",
    "-J-Dkeystore.pkcs12.keyPbeIterationCount=50000",
    "-J-Dkeystore.pkcs12.macAlgorithm=HmacPBESHA1",
    "-J-Dkeystore.pkcs12.macIterationCount=100000",
];
const JAVA_17: &[&str] = &[
    "-J-Dkeystore.pkcs12.certProtectionAlgorithm=PBEWithHmacSHA256AndAES_256",
    "-J-Dkeystore.pkcs12.keyProtectionAlgorithm=PBEWithHmacSHA256AndAES_256",
    "-J-Dkeystore.pkcs12.macAlgorithm=HmacPBESHA256",
];
const SHA_512: &[&str] = &[
    "-J-Dkeystore.pkcs12.certProtectionAlgorithm=PBEWithHmacSHA512AndAES_128",
    "-J-Dkeystore.pkcs12.keyProtectionAlgorithm=PBEWithHmacSHA512AndAES_256",
    "-J-Dkeystore.pkcs12.macAlgorithm=HmacPBESHA512",
];
const CLEAR_CERTIFICATES: &[&str] = &["-J-Dkeystore.pkcs12.certProtectionAlgorithm=NONE"];

#[rstest]
#[case::java_8(JAVA_8, true)]
#[case::java_11(JAVA_11, true)]
#[case::java_17_and_21(JAVA_17, false)]
#[case::sha_512(SHA_512, false)]
#[case::clear_certificates(CLEAR_CERTIFICATES, false)]
fn stores_made_by_keytool_open(#[case] java: &[&str], #[case] is_weak: bool) {
    if keytool_is_missing() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let shared = [
        "-keystore",
        "store.p12",
        "-storetype",
        "PKCS12",
        "-storepass",
        "changeit",
    ];
    let with = |arguments: &[&str]| run(&folder, "keytool", &[java, arguments, &shared[..]].concat());
    with(&[
        "-genkeypair",
        "-alias",
        "Server",
        "-keyalg",
        "RSA",
        "-keysize",
        "2048",
        "-dname",
        "CN=java,O=Org",
    ]);
    with(&[
        "-genkeypair",
        "-alias",
        "second",
        "-keyalg",
        "EC",
        "-groupname",
        "secp384r1",
        "-dname",
        "CN=two",
    ]);
    TestCa::new("Java Root").write_pem(folder.path(), "ca");
    with(&[
        "-importcert",
        "-noprompt",
        "-alias",
        "partner-ca",
        "-file",
        "ca.pem",
    ]);
    with(&[
        "-genseckey",
        "-alias",
        "secret",
        "-keyalg",
        "AES",
        "-keysize",
        "256",
    ]);
    let keystores = open(&folder, "changeit");
    assert_eq!(keystores.aliases(), ["partner-ca", "second", "server"]);
    let server = keystores.identity("Server").unwrap();
    assert_eq!(server.chain()[0].facts().subject, "CN=java,O=Org");
    assert_eq!(
        keystores.identity("second").unwrap().key().algorithm(),
        &KeyAlgorithm::EcP384
    );
    assert_eq!(
        keystores.certificates("partner-ca").unwrap()[0].facts().subject,
        "CN=Java Root"
    );
    let refused = keystores.identity("partner-ca").unwrap_err().to_string();
    assert_eq!(
        refused,
        "alias `partner-ca` holds a certificate without a private key (aliases with a key: `second`, `server`)"
    );
    let findings = keystores.findings(std::time::UNIX_EPOCH);
    let found = findings
        .iter()
        .any(|finding| finding.code == "keystore-format-weak");
    assert_eq!(found, is_weak, "{findings:?}");
}

#[test]
fn the_issuers_that_java_names_after_their_subjects_are_no_entries_of_their_own() {
    if keytool_is_missing() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let root = TestCa::new("Root");
    let server = root.intermediate("Issuing").server(&["localhost"]);
    fs::write(
        folder.path().join("above.pem"),
        root.intermediate("Issuing").pem(),
    )
    .unwrap();
    fs::write(folder.path().join("chain.pem"), server.chain_pem()).unwrap();
    fs::write(folder.path().join("key.pem"), server.key_pem()).unwrap();
    let pass = format!("pass:{}", "chang3it");
    run(
        &folder,
        "openssl",
        &[
            "pkcs12",
            "-export",
            "-in",
            "chain.pem",
            "-inkey",
            "key.pem",
            "-name",
            "server",
            "-out",
            "openssl.p12",
            "-passout",
            &pass,
        ],
    );
    run(
        &folder,
        "keytool",
        &[
            "-importkeystore",
            "-noprompt",
            "-srckeystore",
            "openssl.p12",
            "-srcstorepass",
            "chang3it",
            "-destkeystore",
            "store.p12",
            "-deststoretype",
            "PKCS12",
            "-deststorepass",
            "chang3it",
        ],
    );
    let keystores = open(&folder, "chang3it");
    assert_eq!(keystores.aliases(), ["server"]);
    assert_eq!(
        keystores.identity("server").unwrap().chain().len(),
        server.chain().len()
    );
}
