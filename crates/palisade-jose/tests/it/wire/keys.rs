//! Keys for tests, made anew or read from a JWK.

use std::collections::BTreeMap;
use std::sync::Arc;

use josekit::jwk::Jwk;
use josekit::jwk::alg::ec::EcKeyPair;
use josekit::jwk::alg::ed::EdKeyPair;
use josekit::jwk::alg::rsa::RsaKeyPair;
use palisade_jose::{Algorithms, DecryptionKey, EncryptionKey, SigningKey, VerificationKey};
use palisade_keystore::{KeyEntry, KeystoreSettings, Keystores};
use palisade_test::ca::{KeyKind, TestCa};

/// A new key with a certificate, known as `alias`.
pub(crate) fn fresh(kind: KeyKind, alias: &str) -> Arc<KeyEntry> {
    let cert = TestCa::new("Wire Test").leaf(alias).key_kind(kind).issue();
    read(alias, &format!("{}{}", cert.key_pem(), cert.leaf_pem()))
}

/// The key of a private JWK, known as `alias`.
pub(crate) fn of_jwk(alias: &str, jwk: &serde_json::Value) -> Arc<KeyEntry> {
    let parsed = Jwk::from_bytes(jwk.to_string()).unwrap();
    let pem = match (jwk["kty"].as_str().unwrap(), jwk["crv"].as_str()) {
        ("RSA", _) => RsaKeyPair::from_jwk(&parsed).unwrap().to_pem_private_key(),
        ("EC", _) => EcKeyPair::from_jwk(&parsed).unwrap().to_pem_private_key(),
        ("OKP", Some("Ed25519")) => EdKeyPair::from_jwk(&parsed).unwrap().to_pem_private_key(),
        other => panic!("no key of kind {other:?} is expected"),
    };
    read(alias, &String::from_utf8(pem).unwrap())
}

/// The key of a PEM text, known as `alias`.
pub(crate) fn read(alias: &str, pem: &str) -> Arc<KeyEntry> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("key.pem"), pem).unwrap();
    let settings = BTreeMap::from([(alias.to_owned(), KeystoreSettings::new("key.pem"))]);
    let keystores = Keystores::load(folder.path(), &settings).unwrap();
    keystores.key(alias).unwrap()
}

pub(crate) fn algorithms(names: &[&str]) -> Algorithms {
    Algorithms::parse(names).unwrap()
}

pub(crate) fn decryption(entry: &KeyEntry, names: &[&str]) -> Arc<DecryptionKey> {
    Arc::new(DecryptionKey::new(entry, &algorithms(names)).unwrap())
}

pub(crate) fn encryption(entry: &KeyEntry, names: &[&str]) -> EncryptionKey {
    EncryptionKey::new(entry.alias(), entry.public_key(), &algorithms(names)).unwrap()
}

pub(crate) fn signing(entry: &KeyEntry, names: &[&str]) -> SigningKey {
    SigningKey::new(entry, &algorithms(names)).unwrap()
}

pub(crate) fn verification(entry: &KeyEntry, names: &[&str]) -> Arc<VerificationKey> {
    Arc::new(VerificationKey::new(entry.alias(), entry.public_key(), &algorithms(names)).unwrap())
}
