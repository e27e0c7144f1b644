//! The same tokens, read and written by `jsonwebtoken`.

use std::collections::HashSet;

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::signature::{KeyPair as _, RsaPublicKeyComponents};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use rstest::rstest;
use serde_json::{Value, json};

use super::issuer::{AUDIENCE, ISSUER, Signer, claims, clock, ed25519, p256, p384, rsa, verifier};
use crate::bearer::TokenAlgorithm;

fn of_library(algorithm: TokenAlgorithm) -> Algorithm {
    algorithm.name().parse().unwrap()
}

fn signer(algorithm: TokenAlgorithm) -> Signer {
    match algorithm {
        TokenAlgorithm::Es256 => p256(),
        TokenAlgorithm::Es384 => p384(),
        TokenAlgorithm::EdDsa => ed25519(),
        _ => rsa(),
    }
}

fn decoding(signer: &Signer) -> DecodingKey {
    match signer {
        Signer::Rsa(key) => {
            let parts: RsaPublicKeyComponents<Vec<u8>> = key.public_key().into();
            DecodingKey::from_rsa_raw_components(&parts.n, &parts.e)
        }
        Signer::P256(key) | Signer::P384(key) => DecodingKey::from_ec_der(key.public_key().as_ref()),
        Signer::Ed25519(key) => DecodingKey::from_ed_der(key.public_key().as_ref()),
    }
}

fn encoding(signer: &Signer) -> EncodingKey {
    use aws_lc_rs::encoding::Pkcs8V1Der;
    match signer {
        Signer::Rsa(key) => {
            let der: Pkcs8V1Der<'_> = key.as_der().unwrap();
            // It wants the RSAPrivateKey (RFC 8017) that stands in the PKCS#8, behind 26 bytes for a key of this size.
            EncodingKey::from_rsa_der(&der.as_ref()[26..])
        }
        Signer::P256(key) | Signer::P384(key) => EncodingKey::from_ec_der(key.to_pkcs8v1().unwrap().as_ref()),
        Signer::Ed25519(key) => EncodingKey::from_ed_der(key.to_pkcs8v1().unwrap().as_ref()),
    }
}

#[rstest]
fn each_accepts_the_tokens_that_the_other_does(
    #[values(
        "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA"
    )]
    name: &str,
) {
    let algorithm = TokenAlgorithm::named(name).unwrap();
    let signer = signer(algorithm);
    let key = signer.jwk(&json!({"kid": "1"}));
    let bearer = super::issuer::builder(&clock())
        .algorithms([algorithm])
        .jwk_set(super::issuer::set(std::slice::from_ref(&key)).as_bytes())
        .unwrap()
        .build()
        .unwrap();

    let ours = signer.token(algorithm, &json!({"kid": "1", "typ": "JWT"}), &claims());
    let mut rules = Validation::new(of_library(algorithm));
    rules.set_issuer(&[ISSUER]);
    rules.set_audience(&[AUDIENCE]);
    rules.validate_exp = false;
    let read = jsonwebtoken::decode::<Value>(&ours, &decoding(&signer), &rules).unwrap();
    assert_eq!(read.claims, claims());
    assert!(bearer.verify_now(&ours).unwrap().is_ok());

    let mut header = Header::new(of_library(algorithm));
    header.kid = Some("1".to_owned());
    let theirs = jsonwebtoken::encode(&header, &claims(), &encoding(&signer)).unwrap();
    assert_eq!(&*bearer.verify_now(&theirs).unwrap().unwrap().subject, "alice");
}

/// Where it is lax, and our own code stands in: each of these tokens is good for it as it comes.
#[rstest]
#[case::no_issuer(json!({}), json!({"iss": null}))]
#[case::no_audience(json!({}), json!({"aud": null}))]
#[case::not_yet(json!({}), json!({"nbf": 1_900_000_000}))]
#[case::from_the_future(json!({}), json!({"iat": 1_900_000_000}))]
#[case::critical(json!({"crit": ["b64"], "b64": false}), json!({}))]
#[case::logout(json!({"typ": "logout+jwt"}), json!({}))]
#[case::bound(json!({}), json!({"cnf": {"jkt": "AA"}}))]
fn what_the_library_passes_is_refused_here(#[case] header: Value, #[case] changes: Value) {
    let key = ed25519();
    let token = key.token(
        TokenAlgorithm::EdDsa,
        &header,
        &super::issuer::claims_with(&changes),
    );
    let mut rules = Validation::new(Algorithm::EdDSA);
    rules.set_issuer(&[ISSUER]);
    rules.set_audience(&[AUDIENCE]);
    rules.validate_exp = false;
    rules.required_spec_claims = HashSet::new();
    assert!(jsonwebtoken::decode::<Value>(&token, &decoding(&key), &rules).is_ok());
    let bearer = verifier(&clock(), &[key.jwk(&json!({}))]);
    assert!(bearer.verify_now(&token).unwrap().is_err());
}
