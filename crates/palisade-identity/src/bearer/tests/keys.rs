//! Which keys a token is tried against.

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{KeyPair as _, RsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use palisade_keystore::PublicKey;
use rstest::rstest;
use serde_json::{Value, json};
use std::time::Duration;

use super::issuer::{Signer, builder, claims, clock, ed25519, p256, rsa, set, verifier};
use crate::bearer::TokenAlgorithm::{EdDsa, Es256, Ps256, Rs256};
use crate::bearer::{BadToken, Bearer, BearerBuilder, BearerError};

/// What becomes of a token of that key and `kid`.
fn outcome(bearer: &Bearer, signer: &Signer, kid: Option<&str>) -> Result<(), BadToken> {
    let header = kid.map_or(json!({}), |kid| json!({"kid": kid}));
    let token = signer.token(EdDsa, &header, &claims());
    bearer.verify_now(&token).unwrap().map(drop)
}

#[test]
fn the_kid_selects_the_key() {
    let (one, two) = (ed25519(), ed25519());
    let bearer = verifier(
        &clock(),
        &[one.jwk(&json!({"kid": "1"})), two.jwk(&json!({"kid": "2"}))],
    );
    assert_eq!(outcome(&bearer, &one, Some("1")), Ok(()));
    assert_eq!(outcome(&bearer, &two, Some("2")), Ok(()));
    assert_eq!(outcome(&bearer, &one, Some("2")), Err(BadToken::Signature));
    assert_eq!(
        outcome(&bearer, &one, Some("3")),
        Err(BadToken::UnknownKey(Some("3".to_owned())))
    );
    assert_eq!(
        outcome(&bearer, &one, Some("")),
        Err(BadToken::UnknownKey(Some(String::new())))
    );
}

#[test]
fn a_token_without_kid_is_tried_against_each_key() {
    let (one, two) = (ed25519(), ed25519());
    let keys = [
        p256().jwk(&json!({})),
        one.jwk(&json!({"kid": "1"})),
        two.jwk(&json!({"kid": "2"})),
    ];
    let bearer = verifier(&clock(), &keys);
    assert_eq!(outcome(&bearer, &two, None), Ok(()));
    assert_eq!(
        outcome(&bearer, &ed25519(), None),
        Err(BadToken::UnknownKey(None))
    );
}

#[test]
fn no_more_than_eight_keys_are_tried() {
    let keys: Vec<_> = (0..9).map(|_| ed25519()).collect();
    // Keys of another kind are not tried, and do not count.
    let others = [p256().jwk(&json!({})), rsa().jwk(&json!({}))];
    let all: Vec<_> = others
        .into_iter()
        .chain(keys.iter().map(|key| key.jwk(&json!({}))))
        .collect();
    let bearer = verifier(&clock(), &all);
    assert_eq!(outcome(&bearer, &keys[7], None), Ok(()));
    assert_eq!(outcome(&bearer, &keys[8], None), Err(BadToken::UnknownKey(None)));
}

#[test]
fn keys_may_share_a_kid() {
    let (one, two, three) = (ed25519(), ed25519(), p256());
    let named = json!({"kid": "1"});
    let bearer = verifier(&clock(), &[three.jwk(&named), one.jwk(&named), two.jwk(&named)]);
    assert_eq!(outcome(&bearer, &two, Some("1")), Ok(()));
    let token = three.token(Es256, &named, &claims());
    assert!(bearer.verify_now(&token).unwrap().is_ok());
}

#[test]
fn a_key_without_kid_is_meant_by_tokens_that_name_no_other() {
    let (named, nameless) = (ed25519(), ed25519());
    let bearer = verifier(
        &clock(),
        &[named.jwk(&json!({"kid": "1"})), nameless.jwk(&json!({}))],
    );
    assert_eq!(outcome(&bearer, &nameless, Some("7")), Ok(()));
    assert_eq!(outcome(&bearer, &nameless, Some("1")), Err(BadToken::Signature));
    assert_eq!(
        outcome(&bearer, &named, Some("7")),
        Err(BadToken::UnknownKey(Some("7".to_owned())))
    );
}

#[rstest]
#[case::nothing(json!({}), true)]
#[case::signatures(json!({"use": "sig"}), true)]
#[case::verifying(json!({"key_ops": ["verify"]}), true)]
#[case::its_algorithm(json!({"alg": "PS256"}), true)]
#[case::another_algorithm(json!({"alg": "RS256"}), false)]
#[case::algorithm_of_encryption(json!({"alg": "RSA-OAEP-256"}), false)]
#[case::algorithm_of_tomorrow(json!({"alg": "PS1024"}), false)]
#[case::encryption(json!({"use": "enc"}), false)]
#[case::signing(json!({"key_ops": ["sign"]}), false)]
#[case::unknown_use(json!({"use": "tls"}), false)]
fn what_a_key_is_for_is_heeded(#[case] labels: Value, #[case] good: bool) {
    let (key, other) = (rsa(), ed25519());
    let bearer = verifier(&clock(), &[key.jwk(&labels), other.jwk(&json!({}))]);
    let token = key.token(Ps256, &json!({}), &claims());
    assert_eq!(bearer.verify_now(&token).unwrap().is_ok(), good);
}

#[test]
fn an_rsa_key_below_2048_bits_is_no_key() {
    // Made with openssl; only its length is at fault.
    let modulus = "6Zeddz-fFEbrKngTQNdFvkJTdquT4ri-Lx5R2bGjIvSsb-qo0rk5SuNvmf2ny6vWasX4ASzKhZ5a-aDuqD36\
        Di5a8ardjjiZ_aSW-Y3XNPNqZo3WpWlenBjvZ2IeYQIvDpwwMSpXSSO1_oqCVvkk6wAr0SLqMVU0ZmoZvUnYfj8";
    let weak = json!({"kty": "RSA", "e": "AQAB", "n": modulus});
    let builder = builder(&clock()).jwk_set(set(&[weak]).as_bytes()).unwrap();
    assert_eq!(builder.build().unwrap_err(), BearerError::NoUsableKey);
}

#[test]
fn long_rsa_keys_are_good() {
    let key = Signer::Rsa(RsaKeyPair::generate(KeySize::Rsa4096).unwrap().into());
    let bearer = verifier(&clock(), &[key.jwk(&json!({}))]);
    let token = key.token(Rs256, &json!({}), &claims());
    assert!(bearer.verify_now(&token).unwrap().is_ok());
}

#[test]
fn keys_are_given_in_der_and_pem_too() {
    let Signer::P256(pair) = p256() else {
        unreachable!()
    };
    let spki: aws_lc_rs::encoding::PublicKeyX509Der<'_> = pair.public_key().as_der().unwrap();
    let pem = format!(
        "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
        STANDARD.encode(spki.as_ref())
    );
    let key = PublicKey::from_spki("", spki.as_ref()).unwrap();
    let signer = Signer::P256(pair);
    let token = |kid: &str| signer.token(Es256, &json!({"kid": kid}), &claims());
    let verify =
        |builder: BearerBuilder, kid: &str| builder.build().unwrap().verify_now(&token(kid)).unwrap();

    assert!(verify(builder(&clock()).public_key_pem(pem.as_bytes()).unwrap(), "any").is_ok());
    assert!(verify(builder(&clock()).public_key(key.clone()), "any").is_ok());
    assert!(verify(builder(&clock()).named_public_key("2026", key.clone()), "2026").is_ok());
    let unknown = verify(builder(&clock()).named_public_key("2026", key), "2025");
    assert_eq!(unknown, Err(BadToken::UnknownKey(Some("2025".to_owned()))));
    for no_key in ["", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"] {
        assert!(builder(&clock()).public_key_pem(no_key.as_bytes()).is_err());
    }
}

#[rstest]
#[case::nothing(Bearer::builder(), BearerError::Issuer)]
#[case::no_audience(Bearer::builder().issuer("i"), BearerError::Audience)]
#[case::empty_audience(Bearer::builder().issuer("i").audience("a").audience(""), BearerError::Audience)]
#[case::no_keys(Bearer::builder().issuer("i").audience("a"), BearerError::NoKeys)]
#[case::no_algorithms(Bearer::builder().issuer("i").audience("a").algorithms([]), BearerError::Algorithms)]
#[case::skew(Bearer::builder().issuer("i").audience("a").clock_skew(Duration::from_secs(301)), BearerError::ClockSkew)]
fn what_a_verifier_lacks_is_an_error(#[case] builder: BearerBuilder, #[case] error: BearerError) {
    assert_eq!(builder.build().unwrap_err(), error);
}

#[test]
fn a_key_that_does_no_accepted_algorithm_is_an_error() {
    let document = set(&[ed25519().jwk(&json!({}))]);
    let builder = builder(&clock())
        .algorithms([Rs256])
        .jwk_set(document.as_bytes())
        .unwrap();
    assert_eq!(builder.build().unwrap_err(), BearerError::NoUsableKey);
}
