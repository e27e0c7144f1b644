//! What several tests share.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use palisade_keystore::{Certificate, KeystoreSettings, Keystores, LoadErrors, PrivateKey, StoreError};
use palisade_test::ca::TestCert;
use tempfile::TempDir;

pub(crate) fn load(folder: &Path, stores: &[(&str, KeystoreSettings)]) -> Result<Keystores, LoadErrors> {
    let settings: BTreeMap<_, _> = stores
        .iter()
        .map(|(name, settings)| ((*name).to_owned(), settings.clone()))
        .collect();
    Keystores::load(folder, &settings)
}

pub(crate) fn load_one(folder: &Path, location: &str) -> Result<Keystores, StoreError> {
    load(folder, &[("mine", KeystoreSettings::new(location))]).map_err(|errors| errors.0[0].error.clone())
}

pub(crate) fn assert_is(keystores: &Keystores, alias: &str, certificate: &TestCert) {
    let entry = keystores.identity(alias).unwrap();
    assert_eq!(entry.tls_chain(), certificate.chain());
    let here = rustls_pki_types::PrivateKeyDer::try_from(entry.key().expose_pkcs8().to_vec()).unwrap();
    assert_eq!(entry.key_der(), here);
}

pub(crate) fn write(folder: &TempDir, name: &str, text: impl AsRef<[u8]>) {
    fs::write(folder.path().join(name), text).unwrap();
}

pub(crate) fn openssl(folder: &TempDir, arguments: &[&str]) {
    run(folder, "openssl", arguments);
}

/// Runs a program in the folder and returns what it prints.
pub(crate) fn run(folder: &TempDir, program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program)
        .args(arguments)
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{program} {arguments:?}: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Whether Java's `keytool` is there. Where it is not, the test says that it tries nothing.
pub(crate) fn keytool_is_missing() -> bool {
    let missing = Command::new("keytool").arg("-help").output().is_err();
    if missing {
        eprintln!("keytool is not installed: nothing is tried against Java here");
    }
    missing
}

/// A key with its chain, for the builder.
pub(crate) fn parts(certificate: &TestCert) -> (PrivateKey, Vec<Certificate>) {
    let key = PrivateKey::from_der(certificate.key().secret_der()).unwrap();
    let chain = certificate
        .chain()
        .iter()
        .map(|der| Certificate::from_der(der.clone()).unwrap());
    (key, chain.collect())
}
