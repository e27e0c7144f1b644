//! Nothing that is done to an encrypted message tells more than that it does not open.

use std::collections::HashSet;
use std::sync::Arc;

use josekit::jwe::JweContentEncryption;
use josekit::jwe::enc::{A128CBC_HS256, A256GCM};
use palisade_jose::{DecryptionKey, Reason, decrypt};
use palisade_keystore::KeyEntry;
use palisade_test::ca::KeyKind;
use proptest::prelude::*;
use rstest::rstest;

use super::forge::{b64, jwe, jwe_with, replace, segment};
use super::keys::{decryption, fresh};

const RSA: &str = r#"{"alg":"RSA-OAEP-256","enc":"A128CBC-HS256"}"#;
const RSA_GCM: &str = r#"{"alg":"RSA-OAEP-256","enc":"A256GCM"}"#;
const EC: &str = r#"{"alg":"ECDH-ES+A256KW","enc":"A128CBC-HS256","epk":EPK}"#;

fn setting(kind: KeyKind, names: &[&str]) -> (Arc<KeyEntry>, [Arc<DecryptionKey>; 1]) {
    let entry = fresh(kind, "own");
    let keys = [decryption(&entry, names)];
    (entry, keys)
}

fn reason(keys: &[Arc<DecryptionKey>], message: &str) -> Reason {
    let failure = decrypt(keys, message.as_bytes(), &[]).expect_err("an altered message must not open");
    assert_eq!(failure.alias.as_deref(), Some("own"));
    failure.reason
}

/// josekit 0.10.3 answers differently to wrong padding and to a wrong tag, and so decrypts for whoever asks often enough.
#[test]
fn every_byte_of_vector_ciphertext_and_tag_fails_alike() {
    let (entry, keys) = setting(KeyKind::Rsa2048, &[]);
    let message = jwe(&entry, &A128CBC_HS256, RSA, b"attack at dawn, or at dusk");
    let mut reasons = HashSet::new();
    for part in 2..5 {
        let bytes = segment(&message, part);
        for at in 0..bytes.len() {
            for flip in [1, 0x80, 0xff] {
                let mut altered = bytes.clone();
                altered[at] ^= flip;
                reasons.insert(reason(&keys, &replace(&message, part, &b64(altered))).to_string());
            }
        }
    }
    assert_eq!(reasons, HashSet::from([Reason::NotAuthentic.to_string()]));
}

/// The query of Vaudenay's attack: every last byte before the last block, so that one of them makes the padding right.
#[test]
fn right_padding_under_a_wrong_tag_fails_like_wrong_padding() {
    let (entry, keys) = setting(KeyKind::Rsa2048, &[]);
    let message = jwe(&entry, &A128CBC_HS256, RSA, &[b'x'; 31]);
    let ciphertext = segment(&message, 3);
    for last in 0..=u8::MAX {
        let mut altered = ciphertext.clone();
        altered[15] = last;
        if altered != ciphertext {
            assert_eq!(
                reason(&keys, &replace(&message, 3, &b64(altered))),
                Reason::NotAuthentic
            );
        }
    }
}

/// josekit 0.10.3 takes a tag of one byte under AES-GCM, and panics on an empty vector.
#[rstest]
#[case(&A128CBC_HS256, RSA, &["A128CBC-HS256"])]
#[case(&A256GCM, RSA_GCM, &["A256GCM"])]
fn tags_and_vectors_of_any_other_length_fail_alike(
    #[case] cipher: &dyn JweContentEncryption,
    #[case] header: &str,
    #[case] names: &[&str],
) {
    let (entry, keys) = setting(KeyKind::Rsa2048, names);
    let message = jwe(&entry, cipher, header, b"hello");
    assert_eq!(decrypt(&keys, message.as_bytes(), &[]).unwrap().payload, "hello");
    for part in [2, 4] {
        let bytes = segment(&message, part);
        for len in (0..=40).filter(|len| *len != bytes.len()) {
            let altered: Vec<u8> = bytes.iter().copied().cycle().take(len).collect();
            assert_eq!(
                reason(&keys, &replace(&message, part, &b64(altered))),
                Reason::NotAuthentic,
                "segment {part} with {len} bytes"
            );
        }
    }
    let ciphertext = segment(&message, 3);
    for len in (0..=48).filter(|len| *len != ciphertext.len()) {
        let altered: Vec<u8> = ciphertext.iter().copied().cycle().take(len).collect();
        assert_eq!(
            reason(&keys, &replace(&message, 3, &b64(altered))),
            Reason::NotAuthentic
        );
    }
}

/// RFC 7516 section 11.5: an encrypted key that does not unwrap fails where an altered message fails.
#[rstest]
#[case(KeyKind::Rsa2048, RSA)]
#[case(KeyKind::EcP256, EC)]
fn an_encrypted_key_that_does_not_unwrap_fails_alike(#[case] kind: KeyKind, #[case] header: &str) {
    let (entry, keys) = setting(kind, &[]);
    let message = jwe(&entry, &A128CBC_HS256, header, b"hello");
    let encrypted_key = segment(&message, 1);
    for at in 0..encrypted_key.len() {
        let mut altered = encrypted_key.clone();
        altered[at] ^= 1;
        assert_eq!(
            reason(&keys, &replace(&message, 1, &b64(altered))),
            Reason::NotAuthentic
        );
    }
    for len in [0, 1, 7, 8, encrypted_key.len() - 1, encrypted_key.len() + 1, 4096] {
        let altered: Vec<u8> = encrypted_key.iter().copied().cycle().take(len).collect();
        assert_eq!(
            reason(&keys, &replace(&message, 1, &b64(altered))),
            Reason::NotAuthentic,
            "{len}"
        );
    }
    for bytes in [0, 0xff] {
        let altered = vec![bytes; encrypted_key.len()];
        assert_eq!(
            reason(&keys, &replace(&message, 1, &b64(altered))),
            Reason::NotAuthentic
        );
    }
}

/// A content encryption key of another length, rightly wrapped.
#[test]
fn a_content_key_of_the_wrong_length_fails_alike() {
    let (entry, keys) = setting(KeyKind::Rsa2048, &["A256GCM", "A128CBC-HS256"]);
    for (cipher, enc, len) in [
        (
            &josekit::jwe::enc::A128GCM as &dyn JweContentEncryption,
            "A256GCM",
            16,
        ),
        (&josekit::jwe::enc::A256CBC_HS512, "A128CBC-HS256", 64),
        (&josekit::jwe::enc::A192CBC_HS384, "A128CBC-HS256", 48),
    ] {
        let content_key: Vec<u8> = (0..len).collect();
        let header = format!(r#"{{"alg":"RSA-OAEP-256","enc":"{enc}"}}"#);
        let message = jwe_with(&entry, cipher, &header, &content_key, b"hello");
        assert_eq!(
            reason(&keys, &message),
            Reason::NotAuthentic,
            "{enc} with {len} bytes"
        );
    }
}

/// Each bit of each character of each of the five segments.
#[rstest]
#[case(KeyKind::Rsa2048, &A128CBC_HS256, RSA)]
#[case(KeyKind::EcP256, &A256GCM, r#"{"alg":"ECDH-ES+A256KW","enc":"A256GCM","epk":EPK}"#)]
fn no_bit_of_the_five_segments_can_be_flipped(
    #[case] kind: KeyKind,
    #[case] cipher: &dyn JweContentEncryption,
    #[case] header: &str,
) {
    let (entry, keys) = setting(kind, &["A128CBC-HS256", "A256GCM"]);
    let message = jwe(&entry, cipher, header, b"hello").into_bytes();
    assert!(decrypt(&keys, &message, &[]).is_ok());
    let header_len = message.iter().position(|byte| *byte == b'.').unwrap();
    for at in 0..message.len() {
        for bit in 0..8 {
            let mut altered = message.clone();
            altered[at] ^= 1 << bit;
            let failure = decrypt(&keys, &altered, &[]).expect_err("a flipped bit must not pass");
            if at > header_len {
                assert!(
                    matches!(failure.reason, Reason::NotAuthentic | Reason::Malformed(_)),
                    "bit {bit} of {at}: {failure}"
                );
            }
        }
    }
}

#[test]
fn a_segment_of_another_message_does_not_fit() {
    let (entry, keys) = setting(KeyKind::Rsa2048, &[]);
    let message = jwe_with(&entry, &A128CBC_HS256, RSA, &[7; 32], b"first");
    let other = jwe_with(&entry, &A128CBC_HS256, RSA, &[8; 32], b"other, and longer");
    for part in [1, 3, 4] {
        let swapped = replace(&message, part, &b64(segment(&other, part)));
        assert_eq!(reason(&keys, &swapped), Reason::NotAuthentic);
    }
    let header = r#"{"alg":"RSA-OAEP-256","enc":"A128CBC-HS256","cty":"JWT"}"#;
    assert_eq!(
        reason(&keys, &replace(&message, 0, &b64(header))),
        Reason::NotAuthentic
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn whatever_is_read_never_panics(text in proptest::collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(decrypt(&[], &text, &[]).is_err());
        prop_assert!(palisade_jose::verify(&[], &text, &[]).is_err());
    }

    #[test]
    fn whatever_looks_compact_never_panics(text in "[A-Za-z0-9_-]{0,60}(\\.[A-Za-z0-9_-]{0,60}){2,4}") {
        prop_assert!(decrypt(&[], text.as_bytes(), &[]).is_err());
        prop_assert!(palisade_jose::verify(&[], text.as_bytes(), &[]).is_err());
    }
}
