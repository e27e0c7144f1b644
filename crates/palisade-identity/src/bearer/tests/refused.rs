//! Which tokens are good, and why others are not.

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use rstest::rstest;
use serde_json::{Value, json};

use super::issuer::{
    AUDIENCE, ISSUER, NOW, Signer, at, builder, claims, claims_with, clock, ed25519, encoded, p256, p384,
    rsa, set, verifier,
};
use crate::bearer::TokenAlgorithm::{self, EdDsa, Es256, Es384, Ps256, Ps384, Ps512, Rs256, Rs384, Rs512};
use crate::bearer::{BadToken, Bearer, Token};

fn now(bearer: &Bearer, token: &str) -> Result<Arc<Token>, BadToken> {
    bearer.verify_now(token).expect("keys are at hand")
}

#[rstest]
#[case(Rs256)]
#[case(Rs384)]
#[case(Rs512)]
#[case(Ps256)]
#[case(Ps384)]
#[case(Ps512)]
#[case(Es256)]
#[case(Es384)]
#[case(EdDsa)]
fn each_algorithm_is_verified_where_it_is_accepted(#[case] algorithm: TokenAlgorithm) {
    let signer = &match algorithm {
        Es256 => p256(),
        Es384 => p384(),
        EdDsa => ed25519(),
        _ => rsa(),
    };
    let key = signer.jwk(&json!({"kid": "1"}));
    let token = signer.token(algorithm, &json!({"kid": "1"}), &claims());
    let build = |accepted: &[TokenAlgorithm]| {
        let builder = builder(&clock()).algorithms(accepted.iter().copied());
        builder
            .jwk_set(set(std::slice::from_ref(&key)).as_bytes())
            .unwrap()
            .build()
    };
    let accepting = build(&[algorithm]).unwrap();
    assert_eq!(&*now(&accepting, &token).unwrap().subject, "alice");
    let others: Vec<_> = TokenAlgorithm::ALL
        .into_iter()
        .filter(|other| *other != algorithm)
        .collect();
    if let Ok(refusing) = build(&others) {
        assert_eq!(
            now(&refusing, &token),
            Err(BadToken::Algorithm(algorithm.name().to_owned()))
        );
    }
}

#[test]
fn a_good_token_says_who_is_calling() {
    let key = p256();
    let bearer = verifier(&clock(), &[key.jwk(&json!({}))]);
    let thumbprint = [7; 32];
    let claims = claims_with(&json!({
        "nbf": NOW - 10, "roles": ["clerk", "auditor"], "scope": "orders.read  orders.write", "scp": ["ignored"],
        "cnf": {"x5t#S256": encoded(thumbprint)}, "unknown": {"a": [1, null, {"b": true}]}
    }));
    let token = now(&bearer, &key.token(Es256, &json!({"typ": "at+jwt"}), &claims)).unwrap();
    let names = |names: &[Arc<str>]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(&*token.subject, "alice");
    assert_eq!(names(&token.roles), ["clerk", "auditor"]);
    assert_eq!(names(&token.scopes), ["orders.read", "orders.write"]);
    assert_eq!(token.certificate, Some(thumbprint));
    assert_eq!(token.expires_at, at(NOW + 300));
}

#[rstest]
#[case::array(json!({"scp": ["a", "b"], "roles": "x y"}), &["a", "b"], &["x", "y"])]
#[case::list(json!({"scp": "a b"}), &["a", "b"], &[])]
#[case::array_as_scope(json!({"scope": ["a b"]}), &["a b"], &[])]
#[case::empty(json!({"scope": "", "roles": []}), &[], &[])]
fn scopes_and_roles_come_as_lists_or_arrays(
    #[case] changes: Value,
    #[case] scopes: &[&str],
    #[case] roles: &[&str],
) {
    let key = ed25519();
    let bearer = verifier(&clock(), &[key.jwk(&json!({}))]);
    let token = now(&bearer, &key.token(EdDsa, &json!({}), &claims_with(&changes))).unwrap();
    let names = |names: &[Arc<str>]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(names(&token.scopes), scopes);
    assert_eq!(names(&token.roles), roles);
}

#[rstest]
#[case::no_issuer(json!({"iss": null}), BadToken::Missing("iss"))]
#[case::another_issuer(json!({"iss": "https://issuer.example/"}), BadToken::Issuer)]
#[case::case_of_issuer(json!({"iss": "https://ISSUER.example"}), BadToken::Issuer)]
#[case::issuers(json!({"iss": [ISSUER]}), BadToken::Malformed("iss"))]
#[case::no_audience(json!({"aud": null}), BadToken::Missing("aud"))]
#[case::another_audience(json!({"aud": "https://orders.example.org"}), BadToken::Audience)]
#[case::other_audiences(json!({"aud": ["a", "b"]}), BadToken::Audience)]
#[case::empty_audience(json!({"aud": []}), BadToken::Audience)]
#[case::audience_of_another_type(json!({"aud": {"0": AUDIENCE}}), BadToken::Malformed("aud"))]
#[case::audience_among_numbers(json!({"aud": [AUDIENCE, 7]}), BadToken::Malformed("aud"))]
#[case::no_subject(json!({"sub": null}), BadToken::Missing("sub"))]
#[case::empty_subject(json!({"sub": ""}), BadToken::Malformed("sub"))]
#[case::numeric_subject(json!({"sub": 7}), BadToken::Malformed("sub"))]
#[case::long_subject(json!({"sub": "x".repeat(513)}), BadToken::Malformed("sub"))]
#[case::subject_of_two_lines(json!({"sub": "alice\nbob"}), BadToken::Malformed("sub"))]
#[case::no_end(json!({"exp": null}), BadToken::Missing("exp"))]
#[case::end_as_text(json!({"exp": "1800000300"}), BadToken::Malformed("exp"))]
#[case::end_before_1970(json!({"exp": -1}), BadToken::Malformed("exp"))]
#[case::end_in_milliseconds(json!({"exp": (NOW + 300) * 1000}), BadToken::Malformed("exp"))]
#[case::endless(json!({"exp": 1e300}), BadToken::Malformed("exp"))]
#[case::expired(json!({"exp": NOW - 60}), BadToken::Expired)]
#[case::not_yet(json!({"nbf": NOW + 61}), BadToken::NotYetValid)]
#[case::not_before_as_text(json!({"nbf": "now"}), BadToken::Malformed("nbf"))]
#[case::from_the_future(json!({"iat": NOW + 61}), BadToken::IssuedInTheFuture)]
#[case::issued_as_flag(json!({"iat": true}), BadToken::Malformed("iat"))]
#[case::bound_by_proof(json!({"cnf": {"jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}}), BadToken::Confirmation)]
#[case::bound_twice(json!({"cnf": {"x5t#S256": encoded([0; 32]), "jkt": "0ZcO"}}), BadToken::Confirmation)]
#[case::bound_to_nothing(json!({"cnf": {}}), BadToken::Confirmation)]
#[case::bound_to_a_short_hash(json!({"cnf": {"x5t#S256": encoded([0; 20])}}), BadToken::Malformed("cnf"))]
#[case::bound_to_padding(json!({"cnf": {"x5t#S256": format!("{}=", encoded([0; 32]))}}), BadToken::Malformed("cnf"))]
#[case::bound_as_text(json!({"cnf": "x5t#S256"}), BadToken::Malformed("cnf"))]
#[case::roles_of_another_type(json!({"roles": {"a": 1}}), BadToken::Malformed("roles"))]
#[case::roles_among_numbers(json!({"roles": ["a", 1]}), BadToken::Malformed("roles"))]
#[case::scope_of_another_type(json!({"scope": 1, "scp": "a"}), BadToken::Malformed("scope"))]
fn a_claim_that_is_not_as_it_should_be_is_refused(#[case] changes: Value, #[case] why: BadToken) {
    let key = ed25519();
    let bearer = verifier(&clock(), &[key.jwk(&json!({}))]);
    assert!(now(&bearer, &key.token(EdDsa, &json!({}), &claims())).is_ok());
    assert_eq!(
        now(&bearer, &key.token(EdDsa, &json!({}), &claims_with(&changes))),
        Err(why)
    );
}

#[rstest]
#[case::among_others(json!({"aud": ["a", AUDIENCE]}))]
#[case::with_parts_of_seconds(json!({"exp": 1_800_000_300.5, "iat": 1_799_999_999.25}))]
#[case::within_the_skew(json!({"exp": NOW - 59, "nbf": NOW + 60, "iat": NOW + 60}))]
#[case::without_issued_at(json!({"iat": null}))]
#[case::last_second(json!({"exp": 253_402_300_799_u64}))]
#[case::longest_subject(json!({"sub": "x".repeat(512)}))]
fn claims_at_the_edge_are_good(#[case] changes: Value) {
    let key = ed25519();
    let bearer = verifier(&clock(), &[key.jwk(&json!({}))]);
    assert!(now(&bearer, &key.token(EdDsa, &json!({}), &claims_with(&changes))).is_ok());
}

#[test]
fn without_skew_the_moment_of_the_end_is_too_late() {
    let key = ed25519();
    let document = set(&[key.jwk(&json!({}))]);
    let bearer = builder(&clock())
        .clock_skew(Duration::ZERO)
        .jwk_set(document.as_bytes())
        .unwrap()
        .build()
        .unwrap();
    let ending = |exp: u64| key.token(EdDsa, &json!({}), &claims_with(&json!({"exp": exp})));
    assert!(now(&bearer, &ending(NOW + 1)).is_ok());
    assert_eq!(now(&bearer, &ending(NOW)), Err(BadToken::Expired));
}

#[rstest]
#[case::jwt(json!("JWT"), true)]
#[case::small(json!("jwt"), true)]
#[case::access_token(json!("at+jwt"), true)]
#[case::full_name(json!("application/at+jwt"), true)]
#[case::full_name_of_jwt(json!("Application/JWT"), true)]
#[case::logout(json!("logout+jwt"), false)]
#[case::event(json!("secevent+jwt"), false)]
#[case::proof(json!("dpop+jwt"), false)]
#[case::jose(json!("JOSE"), false)]
#[case::prefix_twice(json!("application/application/jwt"), false)]
#[case::empty(json!(""), false)]
fn other_kinds_of_tokens_are_refused(#[case] kind: Value, #[case] good: bool) {
    let key = ed25519();
    let bearer = verifier(&clock(), &[key.jwk(&json!({}))]);
    let outcome = now(&bearer, &key.token(EdDsa, &json!({"typ": kind}), &claims()));
    if good {
        assert!(outcome.is_ok(), "{outcome:?}");
    } else {
        assert_eq!(outcome, Err(BadToken::Type(kind.as_str().unwrap().to_owned())));
    }
}

#[rstest]
#[case::nothing(r"{}", BadToken::Header("alg"))]
#[case::none(r#"{"alg":"none"}"#, BadToken::Algorithm("none".to_owned()))]
#[case::small(r#"{"alg":"eddsa"}"#, BadToken::Algorithm("eddsa".to_owned()))]
#[case::symmetric(r#"{"alg":"HS256"}"#, BadToken::Algorithm("HS256".to_owned()))]
#[case::not_accepted(r#"{"alg":"RS512"}"#, BadToken::Algorithm("RS512".to_owned()))]
#[case::as_number(r#"{"alg":1}"#, BadToken::Header("alg"))]
#[case::hostile_text(r#"{"alg":"a\nb\u00e9"}"#, BadToken::Algorithm("a?b?".to_owned()))]
#[case::of_another_key(r#"{"alg":"ES256","kid":"1"}"#, BadToken::AlgorithmOfAnotherKey)]
#[case::of_no_key(r#"{"alg":"ES256"}"#, BadToken::UnknownKey(None))]
#[case::unknown_key(r#"{"alg":"EdDSA","kid":"2"}"#, BadToken::UnknownKey(Some("2".to_owned())))]
#[case::key_as_number(r#"{"alg":"EdDSA","kid":1}"#, BadToken::Header("kid"))]
#[case::kind_as_null(r#"{"alg":"EdDSA","kid":"1","typ":null}"#, BadToken::Header("typ"))]
#[case::critical(r#"{"alg":"EdDSA","kid":"1","crit":["exp"]}"#, BadToken::Critical)]
#[case::critical_and_empty(r#"{"alg":"EdDSA","kid":"1","crit":[]}"#, BadToken::Critical)]
#[case::algorithm_twice(r#"{"alg":"none","alg":"EdDSA"}"#, BadToken::DuplicateName("header"))]
#[case::escaped_twice(
    r#"{"kid":"2","alg":"EdDSA","k\u0069d":"1"}"#,
    BadToken::DuplicateName("header")
)]
#[case::twice_below(
    r#"{"alg":"EdDSA","kid":"1","jwk":{"kty":"a","kty":"b"}}"#,
    BadToken::DuplicateName("header")
)]
#[case::array(r#"["EdDSA"]"#, BadToken::NotJson("header"))]
#[case::no_json("alg=EdDSA", BadToken::NotJson("header"))]
#[case::two_values(r#"{"alg":"EdDSA"}{}"#, BadToken::NotJson("header"))]
fn a_header_that_is_not_as_it_should_be_is_refused(#[case] header: &str, #[case] why: BadToken) {
    let key = ed25519();
    let bearer = verifier(&clock(), &[key.jwk(&json!({"kid": "1"}))]);
    let good = key.raw(
        EdDsa,
        br#"{"alg":"EdDSA","kid":"1"}"#,
        claims().to_string().as_bytes(),
    );
    assert!(now(&bearer, &good).is_ok());
    let token = key.raw(EdDsa, header.as_bytes(), claims().to_string().as_bytes());
    assert_eq!(now(&bearer, &token), Err(why));
}

#[test]
fn what_a_header_says_of_keys_is_not_looked_at() {
    let (key, own) = (ed25519(), ed25519());
    let bearer = verifier(&clock(), &[key.jwk(&json!({"kid": "1"}))]);
    let brought =
        json!({"kid": "1", "jwk": own.jwk(&json!({})), "jku": "http://localhost/keys", "x5c": ["AA"]});
    assert!(now(&bearer, &key.token(EdDsa, &brought, &claims())).is_ok());
    assert_eq!(
        now(&bearer, &own.token(EdDsa, &brought, &claims())),
        Err(BadToken::Signature)
    );
}

#[rstest]
#[case::claim_twice(r#"{"sub":"alice","sub":"bob"}"#, BadToken::DuplicateName("payload"))]
#[case::unknown_twice(r#"{"x":1,"x":1}"#, BadToken::DuplicateName("payload"))]
#[case::array("[]", BadToken::NotJson("payload"))]
#[case::no_json("alice", BadToken::NotJson("payload"))]
#[case::empty("", BadToken::NotJson("payload"))]
fn a_payload_that_is_no_claims_set_is_refused(#[case] payload: &str, #[case] why: BadToken) {
    let key = ed25519();
    let bearer = verifier(&clock(), &[key.jwk(&json!({}))]);
    let token = key.raw(EdDsa, br#"{"alg":"EdDSA"}"#, payload.as_bytes());
    assert_eq!(now(&bearer, &token), Err(why));
}

#[test]
fn a_public_key_is_no_shared_secret() {
    // The classic: the text of the public key as the key of an HMAC.
    let bearer = verifier(&clock(), &[rsa().jwk(&json!({}))]);
    let document = set(&[rsa().jwk(&json!({}))]);
    let hmac = jsonwebtoken::EncodingKey::from_secret(document.as_bytes());
    let token = jsonwebtoken::encode(&jsonwebtoken::Header::default(), &claims(), &hmac).unwrap();
    assert_eq!(now(&bearer, &token), Err(BadToken::Algorithm("HS256".to_owned())));
}

#[test]
fn the_form_is_strict() {
    let key = ed25519();
    let bearer = verifier(&clock(), &[key.jwk(&json!({}))]);
    let token = key.token(EdDsa, &json!({}), &claims());
    assert!(now(&bearer, &token).is_ok());
    let parts: Vec<&str> = token.split('.').collect();
    let (header, payload, signature) = (parts[0], parts[1], parts[2]);
    let rows = [
        (String::new(), BadToken::NotAToken),
        ("=".to_owned(), BadToken::NotAToken),
        (format!(" {token}"), BadToken::NotAToken),
        (format!("{token}\n"), BadToken::NotAToken),
        (format!("{token},{token}"), BadToken::NotAToken),
        (format!("{header}.{payload}.\u{e9}"), BadToken::NotAToken),
        (format!("{header}.{payload}"), BadToken::NotCompact),
        (format!("{token}."), BadToken::NotCompact),
        (format!("{token}.{payload}.{signature}"), BadToken::NotCompact),
        (format!(".{payload}.{signature}"), BadToken::NotJson("header")),
        (format!("{header}.{payload}."), BadToken::UnknownKey(None)),
        (format!("{header}..{signature}"), BadToken::UnknownKey(None)),
        (format!("{token}=="), BadToken::Encoding("signature")),
        (format!("{header}=.{payload}.{signature}"), BadToken::NotAToken),
        (
            format!("{header}A.{payload}.{signature}"),
            BadToken::Encoding("header"),
        ),
        (
            format!("{header}.{payload}.+{signature}"),
            BadToken::Encoding("signature"),
        ),
        (
            format!("{}.{payload}.{signature}", "A".repeat(16 * 1024)),
            BadToken::TooLong,
        ),
    ];
    for (token, why) in rows {
        assert_eq!(now(&bearer, &token), Err(why), "{token}");
    }
}

#[test]
fn a_token_may_have_16_kib_and_no_byte_more() {
    let key = ed25519();
    let bearer = verifier(&clock(), &[key.jwk(&json!({}))]);
    let of = |fill: usize| {
        key.token(
            EdDsa,
            &json!({}),
            &claims_with(&json!({"fill": "x".repeat(fill)})),
        )
    };
    let empty = of(0).len();
    // Three bytes are four characters.
    let most = (16 * 1024 - empty) / 4 * 3;
    assert!(now(&bearer, &of(most)).is_ok());
    assert_eq!(now(&bearer, &of(most + 6)), Err(BadToken::TooLong));
}

#[test]
fn everything_that_has_the_form_of_a_token_is_an_invalid_token() {
    assert_eq!(BadToken::NotAToken.error_code(), "invalid_request");
    for bad in [
        BadToken::TooLong,
        BadToken::NotCompact,
        BadToken::Signature,
        BadToken::NoKeys,
        BadToken::Expired,
    ] {
        assert_eq!(bad.error_code(), "invalid_token");
    }
}

#[test]
fn nothing_that_is_shown_has_the_token_in_it() {
    let key = ed25519();
    let bearer = verifier(&clock(), &[key.jwk(&json!({}))]);
    let token = key.token(EdDsa, &json!({}), &claims());
    let _ = now(&bearer, &token).unwrap();
    let shown = format!("{bearer:?}");
    assert!(!token.split('.').any(|part| shown.contains(part)), "{shown}");
    assert!(shown.contains(ISSUER));
}

/// A token of each kind of signature, and its verifier.
fn samples() -> Vec<(Bearer, String)> {
    let sample = |signer: &Signer, algorithm| {
        let bearer = verifier(&clock(), &[signer.jwk(&json!({"kid": "1"}))]);
        let token = signer.token(algorithm, &json!({"kid": "1", "typ": "at+jwt"}), &claims());
        assert!(now(&bearer, &token).is_ok());
        (bearer, token)
    };
    vec![
        sample(&rsa(), Rs256),
        sample(&rsa(), Ps256),
        sample(&p256(), Es256),
        sample(&p384(), Es384),
        sample(&ed25519(), EdDsa),
    ]
}

#[test]
fn any_other_last_character_is_refused() {
    // Where base64 has bits to spare, a lenient reader would take several texts for one.
    for (bearer, token) in samples() {
        let (head, last) = token.split_at(token.len() - 1);
        for other in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=".chars() {
            let changed = format!("{head}{other}");
            assert_eq!(
                now(&bearer, &changed).is_ok(),
                last.starts_with(other),
                "{changed}"
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn any_change_of_one_byte_is_refused(changes in prop::collection::vec((any::<prop::sample::Index>(), 0_u8..128), 64)) {
        for (bearer, token) in samples() {
            for (index, byte) in &changes {
                let mut changed = token.clone().into_bytes();
                let index = index.index(changed.len());
                if changed[index] == *byte {
                    continue;
                }
                changed[index] = *byte;
                let changed = String::from_utf8(changed).unwrap();
                prop_assert!(now(&bearer, &changed).is_err(), "{} at {}", changed, index);
            }
        }
    }

    #[test]
    fn no_text_panics(text in ".{0,200}") {
        let bearer = verifier(&clock(), &[ed25519().jwk(&json!({}))]);
        prop_assert!(now(&bearer, &text).is_err());
        let dotted = format!("{}.{}.{}", encoded(&text), encoded(&text), encoded(&text));
        prop_assert!(now(&bearer, &dotted).is_err());
    }
}
