//! Attacks on JOSE that are known by name.

use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use josekit::jwe::enc::A128CBC_HS256;
use josekit::jws::{ES256, EdDSA, HS256, JwsSigner, PS256};
use palisade_jose::{BadHeader, Reason, decrypt, encrypt, sign, verify};
use palisade_test::ca::KeyKind;
use palisade_test::json;
use rstest::rstest;
use serde_json::Map;

use super::forge::{b64, jwe, jws, jws_by, replace, segment, unb64};
use super::keys::{decryption, encryption, fresh, signing, verification};

#[rstest]
#[case("none")]
#[case("None")]
#[case("NONE")]
#[case("nOnE")]
#[case("")]
fn a_message_that_says_it_is_not_signed_is_refused(#[case] alg: &str) {
    let entry = fresh(KeyKind::Rsa2048, "partner");
    let keys = [verification(&entry, &["RS256", "PS256"])];
    for signature in ["", "AAAA"] {
        let message = format!(
            "{}.{}.{signature}",
            b64(format!(r#"{{"alg":"{alg}"}}"#)),
            b64("{}")
        );
        let failure = verify(&keys, message.as_bytes(), &[]).unwrap_err();
        assert!(matches!(failure.reason, Reason::Algorithm { .. }), "{failure}");
    }
}

#[test]
fn a_public_key_is_no_secret_of_an_hmac() {
    let entry = fresh(KeyKind::Rsa2048, "partner");
    let keys = [verification(&entry, &["RS256", "PS256"])];
    let der = entry.public_key().spki_der();
    let pem = format!(
        "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
        STANDARD.encode(der)
    );
    for secret in [der, pem.as_bytes(), pem.trim_end().as_bytes()] {
        let signer = HS256.signer_from_bytes(secret).unwrap();
        let message = jws_by(&signer, r#"{"alg":"HS256"}"#, b"{}");
        let failure = verify(&keys, message.as_bytes(), &[]).unwrap_err();
        assert_eq!(
            failure.to_string(),
            "signature: no kid → alias partner: `HS256` is not what the key does (RS256 or PS256)"
        );
    }
}

/// Each is refused for its name: a count of 2 147 483 647 is never counted to.
#[rstest]
#[case("RSA1_5", "")]
#[case("RSA-OAEP", "")]
#[case("dir", "")]
#[case("A256KW", "")]
#[case("ECDH-ES", "")]
#[case("PBES2-HS256+A128KW", r#","p2c":2147483647,"p2s":"AAAAAAAAAAA""#)]
#[case("PBES2-HS512+A256KW", r#","p2c":1e300,"p2s":"AAAAAAAAAAA""#)]
fn key_managements_that_are_not_spoken_are_refused_by_name(#[case] alg: &str, #[case] more: &str) {
    let entry = fresh(KeyKind::Rsa2048, "own");
    let header = format!(r#"{{"alg":"{alg}","enc":"A128CBC-HS256"{more}}}"#);
    let message = jwe(&entry, &A128CBC_HS256, &header, b"hello");
    let failure = decrypt(&[decryption(&entry, &[])], message.as_bytes(), &[]).unwrap_err();
    assert_eq!(
        failure.to_string(),
        format!(
            "decryption: no kid → alias own: `{alg} + A128CBC-HS256` is not what the key does (RSA-OAEP-256 + A128CBC-HS256)"
        )
    );
}

#[test]
fn a_content_encryption_that_is_not_listed_is_refused() {
    let entry = fresh(KeyKind::Rsa2048, "own");
    let message = encrypt(&encryption(&entry, &["A256GCM"]), &Map::new(), b"hello").unwrap();
    let failure = decrypt(&[decryption(&entry, &[])], &message, &[]).unwrap_err();
    assert!(matches!(failure.reason, Reason::Algorithm { .. }), "{failure}");
    assert!(
        decrypt(
            &[decryption(&entry, &["A128CBC-HS256", "A256GCM"])],
            &message,
            &[]
        )
        .is_ok()
    );
}

#[test]
fn the_algorithm_belongs_to_the_key() {
    let entry = fresh(KeyKind::Rsa2048, "partner");
    let message = sign(&signing(&entry, &["PS256"]), &Map::new(), b"hello").unwrap();
    let failure = verify(&[verification(&entry, &[])], &message, &[]).unwrap_err();
    assert!(matches!(failure.reason, Reason::Algorithm { .. }), "{failure}");
    assert!(verify(&[verification(&entry, &["RS256", "PS256"])], &message, &[]).is_ok());
    // A signature of the one algorithm under the name of the other.
    let signer = PS256.signer_from_der(entry.key().expose_pkcs8()).unwrap();
    let message = jws_by(&signer, r#"{"alg":"RS256"}"#, b"hello");
    let failure = verify(
        &[verification(&entry, &["RS256", "PS256"])],
        message.as_bytes(),
        &[],
    )
    .unwrap_err();
    assert_eq!(failure.reason, Reason::NotAuthentic);
}

#[test]
fn a_key_that_a_message_brings_is_not_used() {
    let (partner, mallory) = (
        fresh(KeyKind::EcP256, "partner"),
        fresh(KeyKind::EcP256, "mallory"),
    );
    let keys = [verification(&partner, &[])];
    let signer = ES256.signer_from_der(mallory.key().expose_pkcs8()).unwrap();
    let spki = mallory.public_key().spki_der();
    let (x, y) = spki[spki.len() - 64..].split_at(32);
    let jwk = json!({"kty": "EC", "crv": "P-256", "x": b64(x), "y": b64(y), "kid": partner.kid()});
    let embedded = json!({"alg": "ES256", "kid": partner.kid(), "jwk": jwk}).to_string();
    let failure = verify(&keys, jws_by(&signer, embedded, b"{}").as_bytes(), &[]).unwrap_err();
    assert_eq!(failure.reason, Reason::Header(BadHeader::Forbidden("jwk")));
    // A certificate in the message is neither believed nor refused: it is as if it were not there.
    let chain = [STANDARD.encode(mallory.certificate().unwrap().der())];
    let certified = json!({"alg": "ES256", "kid": partner.kid(), "x5c": chain}).to_string();
    let failure = verify(&keys, jws_by(&signer, certified, b"{}").as_bytes(), &[]).unwrap_err();
    assert_eq!(failure.reason, Reason::NotAuthentic);
    let thumbprint = b64(mallory.certificate().unwrap().facts().fingerprint);
    let pointed = json!({"alg": "ES256", "x5t#S256": thumbprint}).to_string();
    let failure = verify(&keys, jws_by(&signer, pointed, b"{}").as_bytes(), &[]).unwrap_err();
    assert_eq!(failure.reason, Reason::NotAuthentic);
}

#[test]
fn an_inner_signature_cannot_be_swapped() {
    let own = fresh(KeyKind::Rsa2048, "own");
    let (partner, mallory) = (
        fresh(KeyKind::Rsa2048, "partner"),
        fresh(KeyKind::Rsa2048, "mallory"),
    );
    let (receiver, trusted) = ([decryption(&own, &[])], [verification(&partner, &[])]);
    let open = |inner: &[u8]| {
        let message = encrypt(&encryption(&own, &[]), &Map::new(), inner).unwrap();
        let inner = decrypt(&receiver, &message, &[]).unwrap().payload;
        verify(&trusted, &inner, &[]).map_err(|failure| failure.reason)
    };
    let genuine = sign(&signing(&partner, &[]), &Map::new(), b"{\"pay\":1}").unwrap();
    assert_eq!(open(&genuine).unwrap().payload, "{\"pay\":1}");
    // Anybody can encrypt to a public key: only the signature tells who wrote.
    let other = sign(&signing(&mallory, &[]), &Map::new(), b"{\"pay\":1}").unwrap();
    assert!(matches!(open(&other), Err(Reason::UnknownKey(_))));
    let pretending = jws(
        &mallory,
        format!(r#"{{"alg":"RS256","kid":"{}"}}"#, partner.kid()),
        b"{\"pay\":1}",
    );
    assert_eq!(open(pretending.as_bytes()).unwrap_err(), Reason::NotAuthentic);
    let genuine = String::from_utf8(genuine).unwrap();
    assert_eq!(
        open(replace(&genuine, 1, &b64("{\"pay\":9}")).as_bytes()).unwrap_err(),
        Reason::NotAuthentic
    );
    assert!(open(b"{\"pay\":9}").is_err(), "not signed at all");
}

#[rstest]
#[case(KeyKind::Rsa2048, "RS256")]
#[case(KeyKind::EcP256, "ES256")]
#[case(KeyKind::Ed25519, "EdDSA")]
fn no_bit_of_the_three_segments_can_be_flipped(#[case] kind: KeyKind, #[case] name: &str) {
    let entry = fresh(kind, "partner");
    let keys = [verification(&entry, &[name])];
    let message = sign(&signing(&entry, &[name]), &Map::new(), b"hello").unwrap();
    for at in 0..message.len() {
        for bit in 0..8 {
            let mut altered = message.clone();
            altered[at] ^= 1 << bit;
            assert!(verify(&keys, &altered, &[]).is_err(), "bit {bit} of {at}");
        }
    }
}

#[test]
fn signatures_of_other_lengths_and_encodings_are_refused() {
    let entry = fresh(KeyKind::EcP256, "partner");
    let keys = [verification(&entry, &[])];
    let signer = ES256.signer_from_der(entry.key().expose_pkcs8()).unwrap();
    let message = jws_by(&signer, r#"{"alg":"ES256"}"#, b"hello");
    let signature = segment(&message, 2);
    // As an ASN.1 sequence of two numbers, as TLS would have it.
    let (r, s) = signature.split_at(32);
    let mut der = vec![0x30, 70, 2, 33, 0];
    der.extend_from_slice(r);
    der.extend_from_slice(&[2, 33, 0]);
    der.extend_from_slice(s);
    let mut longer = signature.clone();
    longer.push(0);
    for forged in [
        der,
        vec![0; 64],
        longer,
        signature[..63].to_vec(),
        Vec::new(),
        vec![0xff; 64],
    ] {
        let failure = verify(&keys, replace(&message, 2, &b64(forged)).as_bytes(), &[]).unwrap_err();
        assert_eq!(failure.reason, Reason::NotAuthentic);
    }
    // Half a signature of zero (CVE-2022-21449).
    for half in [[&[0; 32], s].concat(), [r, &[0; 32]].concat()] {
        assert!(verify(&keys, replace(&message, 2, &b64(half)).as_bytes(), &[]).is_err());
    }
    let rsa = fresh(KeyKind::Rsa2048, "rsa");
    let message = jws(&rsa, r#"{"alg":"RS256"}"#, b"hello");
    let mut longer = segment(&message, 2);
    longer.insert(0, 0);
    let keys = [verification(&rsa, &[])];
    assert!(verify(&keys, replace(&message, 2, &b64(longer)).as_bytes(), &[]).is_err());
}

#[test]
fn ed25519_signatures_are_not_malleable() {
    let entry = fresh(KeyKind::Ed25519, "partner");
    let signer = EdDSA.signer_from_der(entry.key().expose_pkcs8()).unwrap();
    let message = jws_by(&signer, r#"{"alg":"EdDSA"}"#, b"hello");
    let order = hex("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010");
    let mut signature = segment(&message, 2);
    let mut carry = 0;
    for (byte, add) in signature[32..].iter_mut().zip(order) {
        let sum = u16::from(*byte) + u16::from(add) + carry;
        *byte = u8::try_from(sum & 0xff).unwrap();
        carry = sum >> 8;
    }
    let keys = [verification(&entry, &[])];
    assert!(verify(&keys, message.as_bytes(), &[]).is_ok());
    assert!(verify(&keys, replace(&message, 2, &b64(signature)).as_bytes(), &[]).is_err());
}

fn hex(text: &str) -> Vec<u8> {
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
        .collect()
}

/// josekit 0.10.3 turns 696 KB into 512 MiB.
#[test]
fn a_bomb_is_refused_unopened() {
    let entry = fresh(KeyKind::Rsa2048, "own");
    let mut bomb = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
    for _ in 0..64 {
        bomb.write_all(&vec![0; 1 << 20]).unwrap();
    }
    let header = r#"{"alg":"RSA-OAEP-256","enc":"A128CBC-HS256","zip":"DEF"}"#;
    let message = jwe(&entry, &A128CBC_HS256, header, &bomb.finish().unwrap());
    let keys = [decryption(&entry, &[])];
    let mut failure = None;
    let cost = allocation_counter::measure(|| failure = decrypt(&keys, message.as_bytes(), &[]).err());
    assert_eq!(
        failure.unwrap().reason,
        Reason::Header(BadHeader::Forbidden("zip"))
    );
    assert!(cost.bytes_max < 16 * 1024, "{} bytes", cost.bytes_max);
}

/// A point that lies on another curve gives the private key away, a few bits at a time.
#[test]
fn a_point_off_the_curve_is_refused() {
    let entry = fresh(KeyKind::EcP256, "own");
    let keys = [decryption(&entry, &[])];
    let header = r#"{"alg":"ECDH-ES+A256KW","enc":"A128CBC-HS256","epk":EPK}"#;
    let message = jwe(&entry, &A128CBC_HS256, header, b"hello");
    let given: serde_json::Value = serde_json::from_slice(&segment(&message, 0)).unwrap();
    let with = |change: &dyn Fn(&mut serde_json::Value)| {
        let mut header = given.clone();
        change(&mut header);
        let message = replace(&message, 0, &b64(header.to_string()));
        decrypt(&keys, message.as_bytes(), &[]).unwrap_err().reason
    };
    let zero = b64([0; 32]);
    let point = |x: String, y: String| {
        move |header: &mut serde_json::Value| {
            header["epk"]["x"] = x.clone().into();
            header["epk"]["y"] = y.clone().into();
        }
    };
    let (x, y) = (
        given["epk"]["x"].as_str().unwrap(),
        given["epk"]["y"].as_str().unwrap(),
    );
    let mut other = unb64(y);
    other[31] ^= 1;
    for (x, y) in [
        (x.to_owned(), b64(other)),
        (zero.clone(), zero.clone()),
        (b64([0xff; 32]), b64([0xff; 32])),
        (y.to_owned(), x.to_owned()),
    ] {
        assert_eq!(with(&point(x, y)), Reason::NotAuthentic);
    }
    let bad = Reason::Header(BadHeader::EphemeralKey);
    assert_eq!(with(&point(b64([1; 31]), y.to_owned())), bad);
    assert_eq!(with(&point(b64([1; 33]), y.to_owned())), bad);
    assert_eq!(with(&point(format!("{x}="), y.to_owned())), bad);
    assert_eq!(with(&|header| header["epk"]["crv"] = "P-384".into()), bad);
    assert_eq!(with(&|header| header["epk"]["crv"] = "secp256k1".into()), bad);
    assert_eq!(with(&|header| header["epk"]["kty"] = "OKP".into()), bad);
    assert_eq!(with(&|header| header["epk"] = "text".into()), bad);
    assert_eq!(
        with(&|header| drop(header.as_object_mut().unwrap().remove("epk"))),
        Reason::Header(BadHeader::Missing("epk"))
    );
    assert_eq!(
        with(&|header| header["apu"] = 1.into()),
        Reason::Header(BadHeader::NotText("apu"))
    );
}

#[test]
fn the_names_of_the_parties_take_part_in_the_agreement() {
    let entry = fresh(KeyKind::EcP256, "own");
    let keys = [decryption(&entry, &[])];
    let header = r#"{"alg":"ECDH-ES+A256KW","enc":"A128CBC-HS256","apu":"QWxpY2U","apv":"Qm9i","epk":EPK}"#;
    let message = jwe(&entry, &A128CBC_HS256, header, b"hello");
    assert_eq!(decrypt(&keys, message.as_bytes(), &[]).unwrap().payload, "hello");
    let given = String::from_utf8(segment(&message, 0)).unwrap();
    for altered in [
        given.replace("QWxpY2U", "QWxpY2Y"),
        given.replace(r#","apv":"Qm9i""#, ""),
    ] {
        let message = replace(&message, 0, &b64(altered));
        assert_eq!(
            decrypt(&keys, message.as_bytes(), &[]).unwrap_err().reason,
            Reason::NotAuthentic
        );
    }
}

#[test]
fn a_signature_is_not_moved_to_another_kind_of_message() {
    let entry = fresh(KeyKind::Rsa2048, "own");
    let signed = sign(&signing(&entry, &[]), &Map::new(), b"hello").unwrap();
    let sealed = encrypt(&encryption(&entry, &[]), &Map::new(), b"hello").unwrap();
    assert!(decrypt(&[decryption(&entry, &[])], &signed, &[]).is_err());
    assert!(verify(&[verification(&entry, &[])], &sealed, &[]).is_err());
    let pss: &dyn JwsSigner = &PS256.signer_from_der(entry.key().expose_pkcs8()).unwrap();
    let detached = jws_by(pss, r#"{"alg":"RS256"}"#, b"");
    assert!(verify(&[verification(&entry, &[])], detached.as_bytes(), &[]).is_err());
}
