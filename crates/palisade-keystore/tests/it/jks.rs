//! JKS as Java's `keytool` writes it, and as we do.

use std::fs;
use std::sync::OnceLock;
use std::time::UNIX_EPOCH;

use aws_lc_rs::digest;
use palisade_core::Secret;
use palisade_keystore::{
    KeyAlgorithm, KeystoreBuilder, KeystoreSettings, Keystores, LoadErrors, LookupError, StoreError,
    StoreType,
};
use palisade_test::ca::TestCa;
use proptest::prelude::*;
use rstest::rstest;
use tempfile::TempDir;

use crate::support::{assert_is, keytool_is_missing, load, parts, run, write};

const PASSWORD: &str = "pässwörd";

fn settings() -> KeystoreSettings {
    KeystoreSettings::new("store.jks").password(Secret::new(PASSWORD))
}

fn open(folder: &TempDir, settings: KeystoreSettings) -> Result<Keystores, LoadErrors> {
    load(folder.path(), &[("mine", settings)])
}

fn keytool(folder: &TempDir, arguments: &[&str]) -> String {
    let store = [
        "-keystore",
        "store.jks",
        "-storetype",
        "JKS",
        "-storepass",
        "secret1",
    ];
    run(
        folder,
        "keytool",
        &[&["-J-Duser.language=en"], arguments, &store[..]].concat(),
    )
}

/// A key with a chain of three and a trusted certificate, written by us.
fn sample(folder: &TempDir) -> palisade_test::ca::TestCert {
    let server = TestCa::new("Root").intermediate("Issuing").server(&["localhost"]);
    let (key, chain) = parts(&server);
    let trusted =
        palisade_keystore::Certificate::from_der(TestCa::new("Partner").certificate().clone()).unwrap();
    let mut builder = KeystoreBuilder::new();
    builder.add_key("Server", key, chain).unwrap();
    builder.add_trusted("partner-ca", trusted).unwrap();
    let bytes = builder.jks(&Secret::new(PASSWORD), UNIX_EPOCH).unwrap();
    write(folder, "store.jks", &*bytes);
    server
}

#[rstest]
#[case(StoreType::Auto)]
#[case(StoreType::Jks)]
fn a_store_is_read_whole(#[case] store_type: StoreType) {
    let folder = tempfile::tempdir().unwrap();
    let server = sample(&folder);
    let keystores = open(&folder, settings().store_type(store_type)).unwrap();
    assert_eq!(keystores.aliases(), ["partner-ca", "server"]);
    assert_is(&keystores, "SERVER", &server);
    assert_eq!(keystores.stores().next().unwrap().format(), StoreType::Jks);
    assert_eq!(
        keystores.certificates("partner-ca").unwrap()[0].facts().subject,
        "CN=Partner"
    );
    assert_eq!(
        keystores.key("partner-ca").unwrap_err().to_string(),
        "alias `partner-ca` holds a certificate without a private key (aliases with a key: `server`)"
    );
    let codes: Vec<_> = keystores
        .findings(UNIX_EPOCH + std::time::Duration::from_secs(1_700_000_000))
        .into_iter()
        .map(|finding| finding.code.into_owned())
        .collect();
    assert!(codes.contains(&"keystore-format-weak".to_owned()), "{codes:?}");
}

#[test]
fn a_wrong_password_and_none_are_told_apart_and_damage_looks_like_the_former() {
    let folder = tempfile::tempdir().unwrap();
    sample(&folder);
    let error = |settings| open(&folder, settings).unwrap_err().0.remove(0);
    let wrong = error(KeystoreSettings::new("store.jks").password(Secret::new("guess")));
    assert!(matches!(wrong.error, StoreError::WrongPassword { .. }));
    assert_eq!(wrong.key(), "palisade.keystores.mine.password");
    let none = error(KeystoreSettings::new("store.jks"));
    assert!(matches!(none.error, StoreError::PasswordMissing { .. }));
    let pem = error(settings().store_type(StoreType::Pem)).to_string();
    assert!(pem.ends_with("is not PEM, as `type` says: it is JKS"), "{pem}");

    let path = folder.path().join("store.jks");
    let mut bytes = fs::read(&path).unwrap();
    bytes[40] ^= 1;
    fs::write(&path, &bytes).unwrap();
    assert!(matches!(
        error(settings()).error,
        StoreError::WrongPassword { .. }
    ));
    fs::write(&path, &bytes[..16]).unwrap();
    assert!(matches!(error(settings()).error, StoreError::Damaged { .. }));
    // The file that has another reader abort its process.
    let hostile = [&b"\xfe\xed\xfe\xed\0\0\0\x02\x7f\xff\xff\xff"[..], &[0; 24]].concat();
    fs::write(&path, hostile).unwrap();
    assert!(matches!(
        error(settings()).error,
        StoreError::WrongPassword { .. }
    ));
    fs::write(&path, b"\xce\xce\xce\xce\0\0\0\x02\0\0\0\0").unwrap();
    let jceks = error(settings()).to_string();
    assert!(jceks.contains("JCEKS is not supported by this build"), "{jceks}");
}

#[test]
fn stores_made_by_keytool_open() {
    if keytool_is_missing() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    for arguments in [
        &[
            "-alias",
            "Server",
            "-keyalg",
            "RSA",
            "-keysize",
            "2048",
            "-dname",
            "CN=java,O=Org",
        ][..],
        &[
            "-alias",
            "curve",
            "-keyalg",
            "EC",
            "-groupname",
            "secp384r1",
            "-dname",
            "CN=two",
        ],
        &[
            "-alias", "old", "-keyalg", "DSA", "-keysize", "2048", "-dname", "CN=dsa",
        ],
        &[
            "-alias",
            "own",
            "-keyalg",
            "EC",
            "-groupname",
            "secp256r1",
            "-dname",
            "CN=own",
            "-keypass",
            "another1",
        ],
    ] {
        keytool(&folder, &[&["-genkeypair"], arguments].concat());
    }
    TestCa::new("Java Root").write_pem(folder.path(), "ca");
    keytool(
        &folder,
        &[
            "-importcert",
            "-noprompt",
            "-alias",
            "Zürich 😀",
            "-file",
            "ca.pem",
        ],
    );
    let settings = KeystoreSettings::new("store.jks").password(Secret::new("secret1"));
    let errors = open(&folder, settings.clone()).unwrap_err();
    assert_eq!(errors.0.len(), 1);
    assert_eq!(
        errors.to_string(),
        "keystore `mine`: the password does not open the private key under alias `own`: \
         give its own as `key-passwords`, by alias"
    );
    let settings = settings.key_password("Own", Secret::new("another1"));
    let keystores = open(&folder, settings.clone()).unwrap();
    assert_eq!(keystores.aliases().len(), 5);
    let server = keystores.identity("server").unwrap();
    assert_eq!(server.chain()[0].facts().subject, "CN=java,O=Org");
    assert_eq!(server.key().algorithm(), &KeyAlgorithm::Rsa(2048));
    assert_eq!(
        keystores.identity("curve").unwrap().key().algorithm(),
        &KeyAlgorithm::EcP384
    );
    assert!(keystores.identity("OWN").is_ok());
    assert!(matches!(keystores.key("old"), Err(LookupError::Unusable { .. })));
    let trusted = keystores
        .aliases()
        .into_iter()
        .find(|alias| alias.starts_with('z'))
        .unwrap();
    assert_eq!(
        keystores.certificates(&trusted).unwrap()[0].facts().subject,
        "CN=Java Root"
    );
    // Every byte of the public key is what Java exports.
    keytool(
        &folder,
        &["-exportcert", "-rfc", "-alias", "server", "-file", "exported.pem"],
    );
    let exported = load(folder.path(), &[("mine", KeystoreSettings::new("exported.pem"))]).unwrap();
    assert_eq!(exported.public_key("mine").unwrap().kid(), server.kid(),);

    let errors = open(&folder, settings.key_password("nobody", Secret::new("x"))).unwrap_err();
    assert_eq!(
        errors.to_string(),
        "keystore `mine`: a password is given to the key under alias `nobody`, and there is none \
         (aliases: `curve`, `old`, `own`, `server`)"
    );
    assert_eq!(errors.0[0].key(), "palisade.keystores.mine.key-passwords.nobody");
}

#[test]
fn a_wrong_password_of_a_key_is_told_about_that_key() {
    let folder = tempfile::tempdir().unwrap();
    sample(&folder);
    let errors = open(&folder, settings().key_password("server", Secret::new("guess"))).unwrap_err();
    assert_eq!(errors.0[0].key(), "palisade.keystores.mine.key-passwords.server");
    assert!(!format!("{errors}{errors:?}").contains("guess"));
    let errors = open(
        &folder,
        settings().key_password("partner-ca", Secret::new("guess")),
    )
    .unwrap_err();
    assert!(matches!(errors.0[0].error, StoreError::UnknownKeyPassword { .. }));
}

#[test]
fn a_reload_keeps_the_last_good_state() {
    let folder = tempfile::tempdir().unwrap();
    let server = sample(&folder);
    let keystores = open(&folder, settings()).unwrap();
    let path = folder.path().join("store.jks");
    let good = fs::read(&path).unwrap();
    fs::write(&path, &good[..good.len() / 2]).unwrap();
    let (reloaded, alarms) = keystores.reload();
    assert_eq!(alarms.len(), 1);
    assert_is(&reloaded, "server", &server);
    fs::write(&path, &good).unwrap();
    let (_, alarms) = reloaded.reload();
    assert_eq!(alarms, []);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn a_hostile_store_with_a_right_digest_is_an_error_or_opens_and_never_crashes(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        end: prop::sample::Index,
        is_cut: bool,
    ) {
        static SAMPLE: OnceLock<Vec<u8>> = OnceLock::new();
        let whole = SAMPLE.get_or_init(|| {
            let folder = tempfile::tempdir().unwrap();
            sample(&folder);
            fs::read(folder.path().join("store.jks")).unwrap()
        });
        let mut content = whole[..whole.len() - 20].to_vec();
        for (place, byte) in changes {
            let place = place.index(content.len());
            content[place] = byte;
        }
        if is_cut {
            content.truncate(end.index(content.len()));
        }
        let digest = digest_of(&content);
        content.extend(digest);
        let folder = tempfile::tempdir().unwrap();
        write(&folder, "store.jks", content);
        let opened = open(&folder, settings().store_type(StoreType::Jks));
        prop_assert!(!(is_cut && opened.is_ok()));
    }
}

/// The digest that an attacker puts behind a file who knows the password.
fn digest_of(content: &[u8]) -> Vec<u8> {
    let mut sha1 = digest::Context::new(&digest::SHA1_FOR_LEGACY_USE_ONLY);
    for unit in PASSWORD.encode_utf16() {
        sha1.update(&unit.to_be_bytes());
    }
    sha1.update(b"Mighty Aphrodite");
    sha1.update(content);
    sha1.finish().as_ref().to_vec()
}
