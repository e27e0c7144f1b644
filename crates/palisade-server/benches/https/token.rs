//! A key, its public half as a JWK Set, and a token that it signed.

use std::path::Path;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair, RsaPublicKeyComponents};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use http::HeaderValue;
use palisade_core::{Clock as _, SystemClock};
use serde_json::{Value, json};

pub(crate) const ISSUER: &str = "https://login.partners.example";
pub(crate) const AUDIENCE: &str = "https://api.example.org";
pub(crate) const SCOPE: &str = "orders.read";
/// The file with the JWK Set.
pub(crate) const KEYS: &str = "jwks.json";

/// How long the token is good, in seconds.
const LIFE: u64 = 24 * 60 * 60;

/// Writes the JWK Set into that folder, and gives credentials out that it vouches for.
pub(crate) fn issue(folder: &Path) -> HeaderValue {
    let key = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    let public: RsaPublicKeyComponents<Vec<u8>> = key.public_key().into();
    let set = json!({ "keys": [{
        "kty": "RSA", "use": "sig", "alg": "RS256", "kid": "bench-1",
        "n": BASE64_URL_SAFE_NO_PAD.encode(public.n),
        "e": BASE64_URL_SAFE_NO_PAD.encode(public.e),
    }] });
    std::fs::write(folder.join(KEYS), set.to_string()).unwrap();

    let header = json!({ "alg": "RS256", "typ": "at+jwt", "kid": "bench-1" });
    let signed = format!("{}.{}", segment(&header), segment(&claims()));
    let mut signature = vec![0; key.public_modulus_len()];
    key.sign(
        &RSA_PKCS1_SHA256,
        &SystemRandom::new(),
        signed.as_bytes(),
        &mut signature,
    )
    .unwrap();
    bearer(&signed, &signature)
}

/// What the token servers of partners put into an access token (RFC 9068 section 2.2).
fn claims() -> Value {
    let now = SystemClock::new().now();
    let now = now.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    json!({
        "iss": ISSUER,
        "sub": "service-account-orders",
        "aud": [AUDIENCE],
        "exp": now + LIFE,
        "nbf": now,
        "iat": now,
        "jti": "0b6f3f0e-6b1d-4e6a-9d0e-2f4c8f6f7a11",
        "client_id": "partner-acme",
        "scope": format!("{SCOPE} orders.write"),
        "roles": ["partner"],
    })
}

/// The same credentials, signed by nobody.
pub(crate) fn unsigned(credentials: &HeaderValue) -> HeaderValue {
    let (signed, _) = credentials.to_str().unwrap().rsplit_once('.').unwrap();
    bearer(signed.strip_prefix("Bearer ").unwrap(), &[0; 256])
}

fn bearer(signed: &str, signature: &[u8]) -> HeaderValue {
    let signature = BASE64_URL_SAFE_NO_PAD.encode(signature);
    HeaderValue::try_from(format!("Bearer {signed}.{signature}")).unwrap()
}

fn segment(part: &Value) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(part.to_string())
}
