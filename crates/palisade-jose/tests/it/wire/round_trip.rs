use josekit::jwe::{JweContext, RSA_OAEP_256};
use josekit::jwk::alg::rsa::RsaKeyPair;
use palisade_jose::{decrypt, encrypt, is_compact, sign, verify};
use palisade_test::ca::KeyKind;
use palisade_test::json;
use rstest::rstest;
use serde_json::Map;

use super::forge::{b64, segment};
use super::keys::{decryption, encryption, fresh, read, signing, verification};

const SIZES: [usize; 11] = [0, 1, 15, 16, 17, 31, 32, 33, 47, 1024, 65_536];

fn payload(len: usize) -> Vec<u8> {
    (0..len)
        .map(|index| u8::try_from(index * 7 % 251).unwrap())
        .collect()
}

#[rstest]
#[case(KeyKind::Rsa2048, &["RSA-OAEP-256", "A128CBC-HS256"])]
#[case(KeyKind::Rsa2048, &["RSA-OAEP-256", "A256GCM"])]
#[case(KeyKind::EcP256, &["ECDH-ES+A256KW", "A128CBC-HS256"])]
#[case(KeyKind::EcP256, &["ECDH-ES+A256KW", "A256GCM"])]
#[case(KeyKind::EcP384, &["ECDH-ES+A256KW", "A256GCM"])]
fn what_is_encrypted_is_decrypted(#[case] kind: KeyKind, #[case] names: &[&str]) {
    let entry = fresh(kind, "partner");
    let sender = encryption(&entry, names);
    let receiver = [decryption(&entry, names)];
    let extra = json!({"cty": "JWT", "n": {"a": [1, 2.5, null, true]}});
    for len in SIZES {
        let payload = payload(len);
        let compact = encrypt(&sender, extra.as_object().unwrap(), &payload).unwrap();
        assert_eq!(
            compact.capacity(),
            compact.len(),
            "one allocation of the exact size"
        );
        assert!(is_compact(&compact, 4));
        let opened = decrypt(&receiver, &compact, &[]).unwrap();
        assert_eq!(opened.payload, payload);
        assert_eq!(opened.key, 0);
        assert_eq!(opened.header.alg(), names[0]);
        assert_eq!(opened.header.enc(), Some(names[1]));
        assert_eq!(opened.header.kid(), Some(entry.kid()));
        assert_eq!(opened.header.cty(), Some("JWT"));
        assert_eq!(opened.header.get("n"), extra.get("n"));
        assert_eq!(opened.header.typ(), None);
    }
}

#[rstest]
#[case(KeyKind::Rsa2048, "RS256")]
#[case(KeyKind::Rsa2048, "PS256")]
#[case(KeyKind::EcP256, "ES256")]
#[case(KeyKind::Ed25519, "EdDSA")]
fn what_is_signed_is_verified(#[case] kind: KeyKind, #[case] name: &str) {
    let entry = fresh(kind, "partner");
    let sender = signing(&entry, &[name]);
    let receiver = [verification(&entry, &[name])];
    for len in SIZES {
        let payload = payload(len);
        let compact = sign(&sender, &Map::new(), &payload).unwrap();
        assert_eq!(
            compact.capacity(),
            compact.len(),
            "one allocation of the exact size"
        );
        assert!(is_compact(&compact, 2));
        let opened = verify(&receiver, &compact, &[]).unwrap();
        assert_eq!(opened.payload, payload);
        assert_eq!(opened.header.alg(), name);
        assert_eq!(opened.header.kid(), Some(entry.kid()));
    }
    assert_eq!(receiver[0].thumbprint(), entry.public_key().thumbprint());
}

#[test]
fn a_library_as_published_reads_what_is_written() {
    let entry = fresh(KeyKind::Rsa2048, "partner");
    let compact = encrypt(&encryption(&entry, &[]), &Map::new(), b"hello").unwrap();
    let decrypter = RSA_OAEP_256
        .decrypter_from_der(entry.key().expose_pkcs8())
        .unwrap();
    let (payload, header) = JweContext::new()
        .deserialize_compact(std::str::from_utf8(&compact).unwrap(), &decrypter)
        .unwrap();
    assert_eq!(payload, b"hello");
    assert_eq!(header.content_encryption(), Some("A128CBC-HS256"));
}

#[test]
fn nothing_repeats_between_two_messages() {
    let entry = fresh(KeyKind::EcP256, "partner");
    let key = encryption(&entry, &[]);
    let [first, second] =
        [(); 2].map(|()| String::from_utf8(encrypt(&key, &Map::new(), b"same").unwrap()).unwrap());
    for part in 0..5 {
        assert_ne!(segment(&first, part), segment(&second, part), "segment {part}");
    }
}

/// One in 128 ephemeral keys has a coordinate that starts with a zero byte, which must be written too.
#[test]
fn the_coordinates_of_ephemeral_keys_are_written_in_full_length() {
    let entry = fresh(KeyKind::EcP256, "partner");
    let (sender, receiver) = (encryption(&entry, &[]), [decryption(&entry, &[])]);
    for _ in 0..600 {
        let compact = encrypt(&sender, &Map::new(), b"").unwrap();
        let opened = decrypt(&receiver, &compact, &[]).unwrap();
        let epk = opened.header.get("epk").unwrap().clone();
        for name in ["x", "y"] {
            assert_eq!(epk[name].as_str().map(str::len), Some(43));
        }
        assert_eq!(epk.get("d"), None);
    }
}

#[test]
fn compact_is_told_by_dots_and_alphabet_alone() {
    for (body, dots, expected) in [
        ("", 2, false),
        ("..", 2, true),
        ("....", 4, true),
        ("....", 2, false),
        ("..", 4, false),
        ("a.b.c", 2, true),
        ("a.b.c.", 2, false),
        ("a.b", 2, false),
        ("A-_z0.9.c", 2, true),
        ("a+b.b.c", 2, false),
        ("a/b.b.c", 2, false),
        ("abcd=.b.c", 2, false),
        ("a.b.c ", 2, false),
        ("a.b.c\n", 2, false),
        ("\u{feff}a.b.c", 2, false),
        ("a.b.é", 2, false),
        ("{}", 0, false),
    ] {
        assert_eq!(
            is_compact(body.as_bytes(), dots),
            expected,
            "{body:?} with {dots} dots"
        );
    }
    for byte in 0..=u8::MAX {
        for at in 0..70 {
            let mut body = vec![b'a'; 70];
            body[at] = byte;
            let fits = byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
            assert_eq!(is_compact(&body, 0), fits, "{byte} at {at}");
        }
    }
}

#[test]
fn what_the_key_sets_is_not_set_by_the_caller() {
    let entry = fresh(KeyKind::Rsa2048, "partner");
    for name in [
        "alg", "enc", "kid", "epk", "apu", "apv", "zip", "jku", "jwk", "x5u", "b64",
    ] {
        let extra = json!({name: "x"});
        let extra = extra.as_object().unwrap();
        assert!(encrypt(&encryption(&entry, &[]), extra, b"").is_err(), "{name}");
        assert!(sign(&signing(&entry, &[]), extra, b"").is_err(), "{name}");
    }
    let extra = json!({"crit": ["iat"]});
    let failure = sign(&signing(&entry, &[]), extra.as_object().unwrap(), b"").unwrap_err();
    assert_eq!(
        failure.to_string(),
        "signing: no kid → alias partner: `crit` in the header lists a name that does not stand in the header"
    );
    let long = json!({"x": "y".repeat(8 * 1024)});
    assert!(sign(&signing(&entry, &[]), long.as_object().unwrap(), b"").is_err());
}

/// Names and texts are escaped as JSON demands, so that a caller's text cannot add members.
#[test]
fn a_kid_with_quotes_stays_one_member() {
    let entry = fresh(KeyKind::Rsa2048, "partner");
    let extra = json!({"x\",\"alg\":\"none": "\"}"});
    let compact = sign(&signing(&entry, &[]), extra.as_object().unwrap(), b"p").unwrap();
    let opened = verify(&[verification(&entry, &[])], &compact, &[]).unwrap();
    assert_eq!(opened.header.alg(), "RS256");
    assert_eq!(opened.header.get("x\",\"alg\":\"none"), Some(&json!("\"}")));
    assert!(
        compact.starts_with(
            b64("{\"alg\":\"RS256\",\"kid\":")
                .trim_end_matches('0')
                .as_bytes()[..20]
                .as_ref()
        )
    );
}

#[test]
fn a_modulus_need_not_fill_its_first_byte() {
    let pem = RsaKeyPair::generate(2050).unwrap().to_pem_private_key();
    let entry = read("odd", &String::from_utf8(pem).unwrap());
    for name in ["RS256", "PS256"] {
        let signed = sign(&signing(&entry, &[name]), &Map::new(), b"foo").unwrap();
        let opened = verify(&[verification(&entry, &[name])], &signed, &[]).unwrap();
        assert_eq!(opened.payload, "foo");
    }
    let sealed = encrypt(&encryption(&entry, &[]), &Map::new(), b"foo").unwrap();
    let opened = decrypt(&[decryption(&entry, &[])], &sealed, &[]).unwrap();
    assert_eq!(opened.payload, "foo");
}
