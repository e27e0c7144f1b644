//! What a bearer token costs: `cargo bench -p palisade-identity --bench bearer`.
//!
//! A token that was seen before, and one that is verified for the first time, against `jsonwebtoken::decode` of the same tokens in
//! the same run. Times are medians over rounds; ratios are over `jsonwebtoken`.

#![expect(clippy::expect_used, reason = "a bench that cannot make its keys must stop")]

use std::hint::black_box;
use std::io::{self, Write as _};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair,
    RsaPublicKeyComponents,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use palisade_identity::Bearer;
use palisade_test::Comparison;
use serde::Deserialize;
use serde_json::{Value, json};

const ISSUER: &str = "https://issuer.example/realms/partners";
const AUDIENCE: &str = "https://orders.example";
/// How many tokens are different from one another.
const TOKENS: usize = 500;

/// What somebody who glues it by hand reads.
#[derive(Deserialize)]
struct Claims {
    sub: String,
    #[serde(default)]
    roles: Vec<String>,
    #[serde(default)]
    scope: String,
}

/// Tokens of one algorithm, and what verifies them.
struct Contest {
    name: &'static str,
    jwk: Value,
    key: DecodingKey,
    rules: Validation,
    tokens: Vec<String>,
}

fn encoded(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn tokens(algorithm: &str, sign: impl Fn(&[u8]) -> Vec<u8>) -> Vec<String> {
    let header = json!({"alg": algorithm, "kid": "2026", "typ": "at+jwt"}).to_string();
    (0..TOKENS)
        .map(|number| {
            let claims = json!({
                "iss": ISSUER, "aud": [AUDIENCE], "sub": "partner-a", "client_id": "partner-a",
                "iat": 1_760_000_000, "nbf": 1_760_000_000, "exp": 4_102_444_800_u64, "jti": format!("{number:032}"),
                "roles": ["clerk", "auditor"], "scope": "orders.read orders.write"
            });
            let signed = format!("{}.{}", encoded(&header), encoded(claims.to_string()));
            let signature = encoded(sign(signed.as_bytes()));
            format!("{signed}.{signature}")
        })
        .collect()
}

impl Contest {
    fn rsa() -> Self {
        let (pair, random) = (
            RsaKeyPair::generate(KeySize::Rsa2048).expect("a key"),
            SystemRandom::new(),
        );
        let parts: RsaPublicKeyComponents<Vec<u8>> = pair.public_key().into();
        Self {
            name: "RS256",
            jwk: json!({"kty": "RSA", "kid": "2026", "n": encoded(&parts.n), "e": encoded(&parts.e)}),
            key: DecodingKey::from_rsa_raw_components(&parts.n, &parts.e),
            rules: rules(Algorithm::RS256),
            tokens: tokens("RS256", |message| {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature)
                    .expect("a signature");
                signature
            }),
        }
    }

    fn ec() -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key");
        let random = SystemRandom::new();
        let point = pair.public_key().as_ref();
        let (x, y) = point.get(1..).expect("a point").split_at(32);
        Self {
            name: "ES256",
            jwk: json!({"kty": "EC", "kid": "2026", "crv": "P-256", "x": encoded(x), "y": encoded(y)}),
            key: DecodingKey::from_ec_der(point),
            rules: rules(Algorithm::ES256),
            tokens: tokens("ES256", |message| {
                pair.sign(&random, message)
                    .expect("a signature")
                    .as_ref()
                    .to_vec()
            }),
        }
    }

    fn bearer(&self) -> Bearer {
        let builder = Bearer::builder().issuer(ISSUER).audience(AUDIENCE);
        let builder = builder.jwk_set(self.jwk.to_string().as_bytes()).expect("a JWK");
        builder.build().expect("a verifier")
    }

    fn run(&self) {
        let warm = self.bearer();
        let seen = self.tokens.first().expect("tokens");
        assert!(accepts(&warm, seen));
        let (mut fresh, mut turn, mut turn_of_library) =
            (self.bearer(), self.tokens.iter(), self.tokens.iter().cycle());
        let outcome = Comparison::new(20, 500).run(&mut [
            ("jsonwebtoken", &mut || {
                let token = turn_of_library.next().expect("tokens");
                let read =
                    jsonwebtoken::decode::<Claims>(token, &self.key, &self.rules).expect("a good token");
                black_box((read.claims.sub, read.claims.roles, read.claims.scope));
            }),
            ("first", &mut || {
                let token = turn.next().unwrap_or_else(|| {
                    // Nothing is new to one that has seen all of them.
                    fresh = self.bearer();
                    turn = self.tokens.iter();
                    seen
                });
                assert!(accepts(&fresh, token));
            }),
            ("seen before", &mut || assert!(accepts(&warm, seen))),
        ]);
        let time = |name: &str| {
            let found = outcome.times.iter().find(|(own, _)| *own == name);
            found.map(|(_, time)| time.as_nanos()).unwrap_or_default()
        };
        for name in ["jsonwebtoken", "first", "seen before"] {
            let (nanos, ratio) = (time(name), outcome.ratio(name));
            say(&format!(
                "{} of {} bytes, {name}: {nanos} ns, {ratio:.3}",
                self.name,
                seen.len()
            ));
        }
    }
}

fn rules(algorithm: Algorithm) -> Validation {
    let mut rules = Validation::new(algorithm);
    rules.set_issuer(&[ISSUER]);
    rules.set_audience(&[AUDIENCE]);
    rules.validate_nbf = true;
    rules
}

fn accepts(bearer: &Bearer, token: &str) -> bool {
    matches!(black_box(bearer.verify_now(black_box(token))), Some(Ok(_)))
}

fn say(line: &str) {
    // Whoever closed the pipe does not want to know.
    let _ = writeln!(io::stdout(), "{line}");
}

fn main() {
    Contest::rsa().run();
    Contest::ec().run();
}
