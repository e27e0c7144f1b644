//! Tokens that were seen before.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use super::issuer::{NOW, at, claims, claims_with, clock, ed25519, verifier};
use crate::bearer::BadToken;
use crate::bearer::TokenAlgorithm::EdDsa;

#[test]
fn a_token_that_was_seen_before_is_found_again_without_an_allocation() {
    let (clock, key) = (clock(), ed25519());
    let bearer = verifier(&clock, &[key.jwk(&json!({}))]);
    let token = key.token(EdDsa, &json!({}), &claims());
    let first = bearer.verify_now(&token).unwrap().unwrap();
    let mut again = None;
    let hit = allocation_counter::measure(|| again = bearer.verify_now(&token));
    assert_eq!(hit.count_total, 0, "neither parsed nor verified");
    assert!(Arc::ptr_eq(&first, &again.unwrap().unwrap()));
    assert_eq!(bearer.remembered(), 1);
}

#[test]
fn a_token_that_is_refused_is_not_remembered() {
    let (clock, key) = (clock(), ed25519());
    let bearer = verifier(&clock, &[key.jwk(&json!({}))]);
    let early = key.token(EdDsa, &json!({}), &claims_with(&json!({"nbf": NOW + 100})));
    assert_eq!(bearer.verify_now(&early).unwrap(), Err(BadToken::NotYetValid));
    assert_eq!(bearer.remembered(), 0);
    clock.advance(Duration::from_secs(100));
    assert!(bearer.verify_now(&early).unwrap().is_ok());
}

#[test]
fn times_are_looked_at_each_time() {
    let (clock, key) = (clock(), ed25519());
    let bearer = verifier(&clock, &[key.jwk(&json!({}))]);
    let token = key.token(EdDsa, &json!({}), &claims_with(&json!({"nbf": NOW})));
    assert!(bearer.verify_now(&token).unwrap().is_ok());
    // The clock was set back, and right again.
    clock.set(at(NOW - 61));
    assert_eq!(bearer.verify_now(&token).unwrap(), Err(BadToken::NotYetValid));
    clock.set(at(NOW + 359));
    assert!(bearer.verify_now(&token).unwrap().is_ok());
    clock.set(at(NOW + 360));
    assert_eq!(bearer.verify_now(&token).unwrap(), Err(BadToken::Expired));
    assert_eq!(bearer.remembered(), 0, "what has ended is forgotten");
    assert_eq!(bearer.verify_now(&token).unwrap(), Err(BadToken::Expired));
}

#[test]
fn no_more_than_ten_thousand_tokens_are_remembered() {
    let (clock, key) = (clock(), ed25519());
    let bearer = verifier(&clock, &[key.jwk(&json!({}))]);
    for number in 0..10_500 {
        let claims = claims_with(&json!({"jti": number}));
        assert!(
            bearer
                .verify_now(&key.token(EdDsa, &json!({}), &claims))
                .unwrap()
                .is_ok()
        );
    }
    let remembered = bearer.remembered();
    assert!((5_000..=10_000).contains(&remembered), "{remembered}");
}
