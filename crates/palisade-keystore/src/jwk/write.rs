//! Keys as members of a JWK.

use aws_lc_rs::encoding::{AsBigEndian as _, Curve25519SeedBin, EcPrivateKeyBin};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, ECDSA_P521_SHA512_ASN1_SIGNING,
    EcdsaKeyPair, Ed25519KeyPair,
};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Map, Value};
use x509_parser::asn1_rs::{Any, FromDer as _};

use super::Usage;
use crate::der::without_leading_zeros;
use crate::entry::{Certificate, KeyEntry};
use crate::facts::KeyAlgorithm;
use crate::public_key::{Numbers, PublicKey, curve};

/// The public members, the labels, and the chain as `x5c`.
pub(crate) fn public_members(key: &PublicKey, chain: &[Certificate]) -> Map<String, Value> {
    let mut members = Map::new();
    let mut put = |name: &str, value: String| members.insert(name.to_owned(), Value::String(value));
    let curve = curve(key.algorithm()).unwrap_or_default().to_owned();
    match key.numbers() {
        Numbers::Rsa { n, e } => {
            put("kty", "RSA".to_owned());
            put("n", encode(n));
            put("e", encode(e));
        }
        Numbers::Ec { x, y } => {
            put("kty", "EC".to_owned());
            put("crv", curve);
            put("x", encode(x));
            put("y", encode(y));
        }
        Numbers::Okp { x } => {
            put("kty", "OKP".to_owned());
            put("crv", curve);
            put("x", encode(x));
        }
    }
    put("kid", key.kid().to_owned());
    match key.usage() {
        Usage::Any => {}
        Usage::Signature => {
            put("use", "sig".to_owned());
        }
        Usage::Encryption => {
            put("use", "enc".to_owned());
        }
    }
    if let Some(name) = key.jose_algorithm() {
        put("alg", name.to_owned());
    }
    if !chain.is_empty() {
        let chain = chain
            .iter()
            .map(|certificate| Value::String(STANDARD.encode(certificate.der())))
            .collect();
        members.insert("x5c".to_owned(), Value::Array(chain));
    }
    members
}

/// The private members beside the public ones. `None` where the key is of a kind that has no JWK.
pub(crate) fn private_members(entry: &KeyEntry) -> Option<Map<String, Value>> {
    let mut members = public_members(entry.public_key(), entry.chain());
    let pkcs8 = entry.key().expose_pkcs8();
    let signing = match entry.key().algorithm() {
        KeyAlgorithm::Rsa(_) => {
            let numbers = rsa_numbers(pkcs8)?;
            for (name, number) in ["d", "p", "q", "dp", "dq", "qi"].into_iter().zip(numbers) {
                members.insert(name.to_owned(), Value::String(encode(number)));
            }
            return Some(members);
        }
        KeyAlgorithm::Ed25519 => {
            let key = Ed25519KeyPair::from_pkcs8_maybe_unchecked(pkcs8).ok()?;
            let seed: Curve25519SeedBin<'_> = key.seed().ok()?.as_be_bytes().ok()?;
            members.insert("d".to_owned(), Value::String(encode(seed.as_ref())));
            return Some(members);
        }
        KeyAlgorithm::EcP256 => &ECDSA_P256_SHA256_ASN1_SIGNING,
        KeyAlgorithm::EcP384 => &ECDSA_P384_SHA384_ASN1_SIGNING,
        KeyAlgorithm::EcP521 => &ECDSA_P521_SHA512_ASN1_SIGNING,
        KeyAlgorithm::Other(_) => return None,
    };
    let key = EcdsaKeyPair::from_pkcs8(signing, pkcs8).ok()?;
    let d: EcPrivateKeyBin<'_> = key.private_key().as_be_bytes().ok()?;
    members.insert("d".to_owned(), Value::String(encode(d.as_ref())));
    Some(members)
}

/// From `d` on: what follows version, modulus and public exponent in an `RSAPrivateKey` (RFC 8017 appendix A.1.2).
fn rsa_numbers(pkcs8: &[u8]) -> Option<Vec<&[u8]>> {
    let (_, outer) = Any::from_der(pkcs8).ok()?;
    let (rest, _version) = Any::from_der(outer.data).ok()?;
    let (rest, _algorithm) = Any::from_der(rest).ok()?;
    let (_, key) = Any::from_der(rest).ok()?;
    let (_, key) = Any::from_der(key.data).ok()?;
    let mut numbers = Vec::new();
    let mut rest = key.data;
    while !rest.is_empty() {
        let (behind, number) = Any::from_der(rest).ok()?;
        numbers.push(without_leading_zeros(number.data));
        rest = behind;
    }
    (numbers.len() == 9).then(|| numbers.split_off(3))
}

fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
