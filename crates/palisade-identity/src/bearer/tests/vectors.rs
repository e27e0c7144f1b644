//! Tokens of other implementations.

use rstest::rstest;
use serde::Deserialize;
use serde_json::Value;

use super::issuer::{builder, clock, set};
use crate::bearer::TokenAlgorithm;

#[derive(Deserialize)]
struct Vectors {
    library: String,
    keys: Vec<Value>,
    tokens: Vec<Made>,
}

#[derive(Deserialize)]
struct Made {
    alg: String,
    accepted: bool,
    why: Option<String>,
    token: String,
}

#[rstest]
#[case::jose(include_str!("../../../tests/data/tokens/jose.json"))]
#[case::jwcrypto(include_str!("../../../tests/data/tokens/jwcrypto.json"))]
fn tokens_of_other_implementations_are_read(#[case] vectors: &str) {
    let vectors: Vectors = serde_json::from_str(vectors).unwrap();
    let bearer = builder(&clock())
        .algorithms(TokenAlgorithm::ALL)
        .jwk_set(set(&vectors.keys).as_bytes())
        .unwrap()
        .build()
        .unwrap();
    for made in &vectors.tokens {
        let outcome = bearer.verify_now(&made.token).unwrap();
        let what = format!("{} {} {:?}: {outcome:?}", vectors.library, made.alg, made.why);
        assert_eq!(outcome.is_ok(), made.accepted, "{what}");
        if let Ok(token) = outcome {
            assert_eq!(&*token.subject, "alice", "{what}");
            assert_eq!(token.roles.len(), 1, "{what}");
            assert_eq!(token.scopes.len(), 2, "{what}");
        }
    }
    for algorithm in TokenAlgorithm::ALL {
        let of = |accepted: bool| {
            vectors
                .tokens
                .iter()
                .filter(move |made| made.accepted == accepted)
        };
        assert!(
            of(true).any(|made| made.alg == algorithm.name()),
            "{}",
            algorithm.name()
        );
        assert!(
            of(false).any(|made| made.alg == algorithm.name()),
            "{}",
            algorithm.name()
        );
    }
}
