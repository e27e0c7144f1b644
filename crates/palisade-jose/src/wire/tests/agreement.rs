//! Key agreement with the points of Project Wycheproof: whole messages, made here with the shared secret that the vector names.

use std::sync::Arc;

use aws_lc_rs::agreement::{Algorithm, ECDH_P256, ECDH_P384, ECDH_P521, PrivateKey};
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::key_wrap::{AES_256, AesKek, KeyWrap as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use josekit::jwk::Jwk;
use josekit::jwk::alg::ec::EcKeyPair;
use serde_json::{Value, json};
use wycheproof::ecdh::{TestName, TestSet};

use super::wycheproof::{Exclusions, key};
use crate::algorithms::ContentEncryption;
use crate::keys::DecryptionKey;
use crate::wire::content::ContentCipher;
use crate::wire::decrypt;

const ALG: &str = "ECDH-ES+A256KW";

fn b64(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A point as a JWK; one that is not written in full has no `y`.
fn jwk(curve: &str, point: &[u8]) -> Value {
    match point.split_first() {
        Some((4, point)) => {
            let (x, y) = point.split_at(point.len() / 2);
            json!({"kty": "EC", "crv": curve, "x": b64(x), "y": b64(y)})
        }
        _ => json!({"kty": "EC", "crv": curve, "x": b64(point.get(1..).unwrap_or_default())}),
    }
}

fn private(curve: &str, algorithm: &'static Algorithm, length: usize, number: &[u8]) -> DecryptionKey {
    let start = number.iter().position(|byte| *byte != 0).unwrap();
    let mut padded = vec![0; length - (number.len() - start)];
    padded.extend_from_slice(&number[start..]);
    let public = PrivateKey::from_private_key(algorithm, &padded)
        .unwrap()
        .compute_public_key()
        .unwrap();
    let mut jwk = jwk(curve, public.as_ref());
    jwk["d"] = b64(&padded).into();
    let pair = EcKeyPair::from_jwk(&Jwk::from_bytes(jwk.to_string()).unwrap()).unwrap();
    key(std::str::from_utf8(&pair.to_pem_private_key()).unwrap())
}

/// RFC 7518 section 4.6.2, for a key of 256 bits and parties without names.
fn derive(shared: &[u8]) -> [u8; 32] {
    let mut input = vec![0, 0, 0, 1];
    input.extend_from_slice(shared);
    input.extend_from_slice(&[0, 0, 0, 14]);
    input.extend_from_slice(ALG.as_bytes());
    input.extend_from_slice(&[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0]);
    digest(&SHA256, &input).as_ref().try_into().unwrap()
}

fn message(epk: &Value, shared: &[u8]) -> String {
    let content_key = [5; 32];
    let kek = AesKek::new(&AES_256, &derive(shared)).unwrap();
    let mut wrapped = [0; 40];
    kek.wrap(&content_key, &mut wrapped).unwrap();
    let protected = b64(json!({"alg": ALG, "enc": "A256GCM", "epk": epk})
        .to_string()
        .as_bytes());
    let mut content = b"hello".to_vec();
    let tag = ContentCipher(ContentEncryption::A256Gcm)
        .seal(&content_key, &[6; 12], protected.as_bytes(), &mut content)
        .unwrap();
    [protected, b64(&wrapped), b64(&[6; 12]), b64(&content), b64(&tag)].join(".")
}

fn agreement(set: &str, name: TestName, curve: &str, algorithm: &'static Algorithm, length: usize) {
    let mut exclusions = Exclusions::of(set);
    for group in TestSet::load(name).unwrap().test_groups {
        for test in group.tests {
            let key = Arc::new(private(curve, algorithm, length, &test.private_key));
            let message = message(&jwk(curve, &test.public_key), &test.shared_secret);
            let opened = decrypt(&[key], message.as_bytes(), &[]);
            let accepted = opened.is_ok_and(|opened| opened.payload == "hello");
            let full = test.public_key.first() == Some(&4);
            let traits = if full {
                Vec::new()
            } else {
                vec!["compressed point".to_owned()]
            };
            exclusions.check(test.tc_id, test.result, &traits, accepted);
        }
    }
    exclusions.finish();
}

#[test]
fn p256() {
    agreement(
        "ecdh_secp256r1_ecpoint",
        TestName::EcdhSecp256r1Ecpoint,
        "P-256",
        &ECDH_P256,
        32,
    );
}

#[test]
fn p384() {
    agreement(
        "ecdh_secp384r1_ecpoint",
        TestName::EcdhSecp384r1Ecpoint,
        "P-384",
        &ECDH_P384,
        48,
    );
}

#[test]
fn p521() {
    agreement(
        "ecdh_secp521r1_ecpoint",
        TestName::EcdhSecp521r1Ecpoint,
        "P-521",
        &ECDH_P521,
        66,
    );
}
