use std::sync::Arc;

use josekit::jwe::enc::A128CBC_HS256;
use palisade_jose::{MAX_TRIED, Reason, decrypt, encrypt, sign, verify};
use palisade_test::ca::KeyKind;
use serde_json::Map;

use super::forge::{b64, jwe, jws};
use super::keys::{decryption, encryption, fresh, signing, verification};

#[test]
fn every_name_of_a_key_selects_it() {
    let (first, second) = (
        fresh(KeyKind::Rsa2048, "first"),
        fresh(KeyKind::Rsa2048, "second"),
    );
    let keys = [&first, &second].map(|entry| {
        let key = palisade_jose::VerificationKey::new(
            &format!("main/{}", entry.alias()),
            entry.public_key(),
            &palisade_jose::Algorithms::default(),
        );
        Arc::new(key.unwrap())
    });
    let fingerprint = b64(second.certificate().unwrap().facts().fingerprint);
    for kid in [second.kid(), "second", "main/second", &fingerprint] {
        let message = jws(&second, format!(r#"{{"alg":"RS256","kid":"{kid}"}}"#), b"hello");
        let opened = verify(&keys, message.as_bytes(), &[]).unwrap();
        assert_eq!((opened.key, &*opened.payload), (1, &b"hello"[..]), "{kid}");
    }
}

#[test]
fn a_configured_alias_selects_private_keys_too() {
    let entry = fresh(KeyKind::Rsa2048, "own");
    let key = palisade_jose::DecryptionKey::new(&entry, &palisade_jose::Algorithms::default())
        .unwrap()
        .known_as("main/own");
    assert_eq!(key.alias(), "main/own");
    let keys = [Arc::new(key)];
    for kid in [entry.kid(), "own", "main/own"] {
        let header = format!(r#"{{"alg":"RSA-OAEP-256","enc":"A128CBC-HS256","kid":"{kid}"}}"#);
        let message = jwe(&entry, &A128CBC_HS256, &header, b"hello");
        assert_eq!(decrypt(&keys, message.as_bytes(), &[]).unwrap().payload, "hello");
    }
}

#[test]
fn a_foreign_kid_is_refused_though_the_key_would_fit() {
    let entry = fresh(KeyKind::Rsa2048, "partner");
    let message = jws(&entry, r#"{"alg":"RS256","kid":"2026"}"#, b"hello");
    let failure = verify(&[verification(&entry, &[])], message.as_bytes(), &[]).unwrap_err();
    assert_eq!(failure.reason, Reason::UnknownKey("2026".to_owned()));
    assert_eq!(failure.to_string(), "signature: no key fits kid 2026");
    let message = jwe(
        &entry,
        &A128CBC_HS256,
        r#"{"alg":"RSA-OAEP-256","enc":"A128CBC-HS256","kid":"2026"}"#,
        b"hello",
    );
    let failure = decrypt(&[decryption(&entry, &[])], message.as_bytes(), &[]).unwrap_err();
    assert_eq!(failure.to_string(), "decryption: no key fits kid 2026");
}

#[test]
fn a_kid_is_bound_to_its_key() {
    let (first, second) = (
        fresh(KeyKind::Rsa2048, "first"),
        fresh(KeyKind::Rsa2048, "second"),
    );
    let keys = [verification(&first, &[]), verification(&second, &[])];
    let message = jws(&second, r#"{"alg":"RS256","kid":"first"}"#, b"hello");
    let failure = verify(&keys, message.as_bytes(), &[]).unwrap_err();
    assert_eq!(
        failure.to_string(),
        "signature: kid first → alias first: made with another key, or altered"
    );
}

#[test]
fn what_a_peer_writes_as_kid_is_cut_and_cleaned_for_the_log() {
    let entry = fresh(KeyKind::Rsa2048, "partner");
    let kid = format!("a\\nb\\u001b[31m\\u202e{}", "x".repeat(500));
    let message = jws(&entry, format!(r#"{{"alg":"RS256","kid":"{kid}"}}"#), b"hello");
    let failure = verify(&[verification(&entry, &[])], message.as_bytes(), &[]).unwrap_err();
    let text = failure.to_string();
    assert_eq!(
        text,
        format!("signature: no key fits kid a?b?[31m?{}…", "x".repeat(64 - 9))
    );
    assert_eq!(failure.kid.unwrap().chars().count(), 65);
}

#[test]
fn without_kid_each_key_is_tried_up_to_a_bound() {
    let entry = fresh(KeyKind::EcP256, "partner");
    let others: Vec<_> = (0..MAX_TRIED)
        .map(|index| fresh(KeyKind::EcP256, &format!("other-{index}")))
        .collect();
    let header = r#"{"alg":"ECDH-ES+A256KW","enc":"A128CBC-HS256","epk":EPK}"#;
    let message = jwe(&entry, &A128CBC_HS256, header, b"hello");
    let own = decryption(&entry, &[]);
    let mut keys: Vec<_> = others.iter().map(|entry| decryption(entry, &[])).collect();
    keys[MAX_TRIED - 1] = Arc::clone(&own);
    assert_eq!(
        decrypt(&keys, message.as_bytes(), &[]).unwrap().key,
        MAX_TRIED - 1
    );
    keys.insert(0, decryption(&others[MAX_TRIED - 1], &[]));
    let failure = decrypt(&keys, message.as_bytes(), &[]).unwrap_err();
    assert_eq!(
        failure.to_string(),
        "decryption: no kid, each key tried: made with another key, or altered"
    );
    // Keys that cannot be meant do not count.
    let rsa = fresh(KeyKind::Rsa2048, "rsa");
    let mut keys = vec![decryption(&rsa, &[]); 3 * MAX_TRIED];
    keys.push(own);
    assert_eq!(
        decrypt(&keys, message.as_bytes(), &[]).unwrap().key,
        3 * MAX_TRIED
    );
}

#[test]
fn without_keys_nothing_is_opened() {
    let entry = fresh(KeyKind::EcP256, "partner");
    let signed = sign(&signing(&entry, &[]), &Map::new(), b"x").unwrap();
    assert!(verify(&[], &signed, &[]).is_err());
    let sealed = encrypt(&encryption(&entry, &[]), &Map::new(), b"x").unwrap();
    assert!(decrypt(&[], &sealed, &[]).is_err());
}

/// The public RSA test key with one more member in its JWK.
fn jwk_with(member: &str, value: &str) -> std::sync::Arc<palisade_keystore::KeyEntry> {
    let folder = tempfile::tempdir().unwrap();
    let keys = std::fs::read(format!(
        "{}/tests/data/interop/keys.json",
        env!("CARGO_MANIFEST_DIR")
    ))
    .unwrap();
    let mut jwk = serde_json::from_slice::<serde_json::Value>(&keys).unwrap()["rsa"].take();
    jwk["kid"] = "2026".into();
    jwk[member] = value.into();
    let set = palisade_test::json!({"keys": [jwk]}).to_string();
    std::fs::write(folder.path().join("keys.json"), set).unwrap();
    let settings = palisade_keystore::KeystoreSettings::new("keys.json");
    let settings = [("partner".to_owned(), settings)].into();
    let keystores = palisade_keystore::Keystores::load(folder.path(), &settings).unwrap();
    keystores.key(&keystores.aliases()[0]).unwrap()
}

/// RFC 7517 section 4.4: the `alg` of a JWK is the one it is for, and takes the place of the default.
#[test]
fn a_jwk_is_bound_to_its_algorithm() {
    let list = |names: &[&str]| palisade_jose::Algorithms::parse(names).unwrap();
    let bound = jwk_with("alg", "PS256");
    let message = sign(&signing(&bound, &[]), &Map::new(), b"hello").unwrap();
    let opened = verify(&[verification(&bound, &[])], &message, &[]).unwrap();
    assert_eq!(opened.header.alg(), "PS256");
    assert!(palisade_jose::SigningKey::new(&bound, &list(&["RS256", "PS256"])).is_ok());
    let error = palisade_jose::SigningKey::new(&bound, &list(&["RS256"])).unwrap_err();
    assert_eq!(
        error.to_string(),
        "alias `2026` is bound to `PS256` by its JWK, which is not RS256"
    );
    assert!(palisade_jose::DecryptionKey::new(&bound, &list(&[])).is_err());
    let old = jwk_with("alg", "RSA-OAEP");
    assert!(palisade_jose::DecryptionKey::new(&old, &list(&[])).is_err());
    assert!(palisade_jose::DecryptionKey::new(&jwk_with("alg", "RSA-OAEP-256"), &list(&[])).is_ok());
}

/// A JWK says what it is called and what it is for (RFC 7517 sections 4.2 and 4.5).
#[test]
fn a_jwk_gives_its_kid_and_its_use() {
    let (signs, encrypts) = (jwk_with("use", "sig"), jwk_with("use", "enc"));
    let message = sign(&signing(&signs, &[]), &Map::new(), b"hello").unwrap();
    let opened = verify(&[verification(&signs, &[])], &message, &[]).unwrap();
    assert_eq!(opened.header.kid(), Some("2026"));
    let sealed = encrypt(&encryption(&encrypts, &[]), &Map::new(), b"hello").unwrap();
    assert_eq!(
        decrypt(&[decryption(&encrypts, &[])], &sealed, &[])
            .unwrap()
            .header
            .kid(),
        Some("2026")
    );
    let none = palisade_jose::Algorithms::default();
    let error = palisade_jose::DecryptionKey::new(&signs, &none).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "alias `{}` is reserved for signatures by its JWK, and cannot be used for encryption",
            signs.alias()
        )
    );
    assert!(palisade_jose::EncryptionKey::new("a", signs.public_key(), &none).is_err());
    assert!(palisade_jose::SigningKey::new(&encrypts, &none).is_err());
    assert!(palisade_jose::VerificationKey::new("a", encrypts.public_key(), &none).is_err());
}
