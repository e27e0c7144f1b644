use base64::engine::general_purpose::STANDARD;
use rstest::rstest;
use serde::Deserialize;

use super::*;

const NAME: &str = "palisade.keystores.main.password";

fn password() -> Secret {
    Secret::new("correct horse battery staple")
}

#[derive(Deserialize)]
struct Vector {
    password: String,
    iterations: NonZeroU32,
    plaintext: String,
    value: String,
}

#[test]
fn values_made_by_java_decrypt() {
    let vectors = include_str!("../../tests/data/encryption/expected.jsonl");
    let mut count = 0;
    for line in vectors.lines() {
        let vector: Vector = serde_json::from_str(line).unwrap();
        let decryptor = Decryptor::new(Secret::new(vector.password)).with_iterations(vector.iterations);
        let plaintext = decryptor.decrypt("any.name", &vector.value).unwrap();
        assert_eq!(
            plaintext.expose().as_bytes(),
            STANDARD.decode(&vector.plaintext).unwrap(),
            "{line}"
        );
        count += 1;
    }
    assert_eq!(count, 90);
}

#[rstest]
#[case("")]
#[case("changeit")]
#[case("é€😀\n")]
fn what_is_encrypted_decrypts(#[case] text: &str) {
    let plaintext = Secret::new(text);
    let decryptor = Decryptor::new(password());
    let first = encrypt(NAME, &plaintext, &password()).unwrap();
    let jasypt = encrypt_jasypt(&plaintext, &password(), DEFAULT_ITERATIONS).unwrap();
    assert!(first.starts_with("ENC(v2:") && is_encrypted(&first));
    assert_eq!(decryptor.decrypt(NAME, &first).unwrap(), plaintext);
    assert_eq!(decryptor.decrypt(NAME, &jasypt).unwrap(), plaintext);
    assert_ne!(
        jasypt,
        encrypt_jasypt(&plaintext, &password(), DEFAULT_ITERATIONS).unwrap()
    );
}

#[test]
fn a_value_of_the_second_scheme_is_bound_to_its_name_and_password_and_every_byte() {
    let value = encrypt(NAME, &Secret::new("changeit"), &password()).unwrap();
    let decryptor = Decryptor::new(password());
    assert_eq!(
        decryptor.decrypt("palisade.other", &value),
        Err(EncryptionError::Undecryptable)
    );
    let other = Decryptor::new(Secret::new("another"));
    assert_eq!(other.decrypt(NAME, &value), Err(EncryptionError::Undecryptable));
    let bytes = STANDARD
        .decode(value.trim_start_matches("ENC(v2:").trim_end_matches(')'))
        .unwrap();
    // The salt is left alone: each changed one costs a whole derivation.
    for position in 16..bytes.len() {
        let mut changed = bytes.clone();
        changed[position] ^= 1;
        let changed = format!("ENC(v2:{})", STANDARD.encode(changed));
        assert_eq!(
            decryptor.decrypt(NAME, &changed),
            Err(EncryptionError::Undecryptable),
            "byte {position}"
        );
    }
}

#[rstest]
#[case("plain", EncryptionError::Malformed)]
#[case("ENC(", EncryptionError::Malformed)]
#[case("ENC(not base64!)", EncryptionError::Malformed)]
#[case("ENC()", EncryptionError::Undecryptable)]
#[case("ENC(v2:)", EncryptionError::Undecryptable)]
#[case("ENC(AAAA)", EncryptionError::Undecryptable)]
#[case("ENC(v2:AAAA)", EncryptionError::Undecryptable)]
fn a_value_that_is_none_is_refused(#[case] value: &str, #[case] error: EncryptionError) {
    assert_eq!(Decryptor::new(password()).decrypt(NAME, value), Err(error));
}

#[test]
fn white_space_around_and_inside_the_base64_is_ignored() {
    let value = encrypt_jasypt(&Secret::new("x"), &password(), DEFAULT_ITERATIONS).unwrap();
    let spaced = format!("  {}  ", value.replace("ENC(", "ENC( ").replace(')', "\n)"));
    assert_eq!(
        Decryptor::new(password())
            .decrypt(NAME, &spaced)
            .unwrap()
            .expose(),
        "x"
    );
}

#[test]
fn values_with_one_salt_cost_one_derivation() {
    let value = encrypt(NAME, &Secret::new("x"), &password()).unwrap();
    let decryptor = Decryptor::new(password());
    for _ in 0..50 {
        decryptor.decrypt(NAME, &value).unwrap();
    }
    assert_eq!(decryptor.keys.lock().unwrap().len(), 1);
}
