//! An issuer of tokens, with keys made in memory.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair,
    KeyPair as _, RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RSA_PSS_SHA256, RSA_PSS_SHA384,
    RSA_PSS_SHA512, RsaKeyPair, RsaPublicKeyComponents,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use palisade_core::Clock;
use palisade_test::FakeClock;
use serde_json::{Value, json};

use crate::bearer::TokenAlgorithm::EdDsa;
use crate::bearer::{BadToken, Bearer, BearerBuilder, TokenAlgorithm};

/// When tests take place, in seconds since 1970.
pub(super) const NOW: u64 = 1_800_000_000;
pub(super) const ISSUER: &str = "https://issuer.example";
pub(super) const AUDIENCE: &str = "https://orders.example";

pub(super) fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

pub(super) fn clock() -> Arc<FakeClock> {
    Arc::new(FakeClock::at(at(NOW)))
}

/// A key that signs. Clones share it.
#[derive(Clone)]
pub(super) enum Signer {
    Rsa(Arc<RsaKeyPair>),
    P256(Arc<EcdsaKeyPair>),
    P384(Arc<EcdsaKeyPair>),
    Ed25519(Arc<Ed25519KeyPair>),
}

/// One RSA key of 2048 bits for all tests of a process: making one takes long.
pub(super) fn rsa() -> Signer {
    static KEY: OnceLock<Arc<RsaKeyPair>> = OnceLock::new();
    let key = KEY.get_or_init(|| RsaKeyPair::generate(KeySize::Rsa2048).unwrap().into());
    Signer::Rsa(Arc::clone(key))
}

pub(super) fn p256() -> Signer {
    Signer::P256(
        EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)
            .unwrap()
            .into(),
    )
}

pub(super) fn p384() -> Signer {
    Signer::P384(
        EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING)
            .unwrap()
            .into(),
    )
}

pub(super) fn ed25519() -> Signer {
    Signer::Ed25519(Ed25519KeyPair::generate().unwrap().into())
}

pub(super) fn encoded(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

impl Signer {
    pub(super) fn sign(&self, algorithm: TokenAlgorithm, message: &[u8]) -> Vec<u8> {
        use TokenAlgorithm::{Es256, Es384, Ps256, Ps384, Ps512, Rs256, Rs384, Rs512};
        let random = SystemRandom::new();
        match self {
            Self::Rsa(key) => {
                let mut signature = vec![0; key.public_modulus_len()];
                let sign: &dyn aws_lc_rs::signature::RsaEncoding = match algorithm {
                    Rs256 => &RSA_PKCS1_SHA256,
                    Rs384 => &RSA_PKCS1_SHA384,
                    Rs512 => &RSA_PKCS1_SHA512,
                    Ps256 => &RSA_PSS_SHA256,
                    Ps384 => &RSA_PSS_SHA384,
                    Ps512 => &RSA_PSS_SHA512,
                    Es256 | Es384 | EdDsa => panic!("no algorithm of RSA"),
                };
                key.sign(sign, &random, message, &mut signature).unwrap();
                signature
            }
            Self::P256(key) | Self::P384(key) => key.sign(&random, message).unwrap().as_ref().to_vec(),
            Self::Ed25519(key) => key.sign(message).as_ref().to_vec(),
        }
    }

    /// The public half, as a JWK.
    pub(super) fn jwk(&self, more: &Value) -> Value {
        let point = |key: &EcdsaKeyPair, curve: &str, size: usize| {
            let point = key.public_key().as_ref().to_vec();
            json!({"kty": "EC", "crv": curve, "x": encoded(&point[1..=size]), "y": encoded(&point[size + 1..])})
        };
        let mut jwk = match self {
            Self::Rsa(key) => {
                let parts: RsaPublicKeyComponents<Vec<u8>> = key.public_key().into();
                json!({"kty": "RSA", "n": encoded(parts.n), "e": encoded(parts.e)})
            }
            Self::P256(key) => point(key, "P-256", 32),
            Self::P384(key) => point(key, "P-384", 48),
            Self::Ed25519(key) => json!({"kty": "OKP", "crv": "Ed25519", "x": encoded(key.public_key())}),
        };
        jwk.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        jwk
    }

    /// A token of that header and those claims.
    pub(super) fn token(&self, algorithm: TokenAlgorithm, header: &Value, claims: &Value) -> String {
        let mut full = json!({"alg": algorithm.name()});
        full.as_object_mut()
            .unwrap()
            .extend(header.as_object().unwrap().clone());
        self.raw(
            algorithm,
            full.to_string().as_bytes(),
            claims.to_string().as_bytes(),
        )
    }

    /// A token of exactly that header and payload.
    pub(super) fn raw(&self, algorithm: TokenAlgorithm, header: &[u8], payload: &[u8]) -> String {
        let signed = format!("{}.{}", encoded(header), encoded(payload));
        let signature = self.sign(algorithm, signed.as_bytes());
        format!("{signed}.{}", encoded(signature))
    }
}

/// A JWK Set of public keys.
pub(super) fn set(keys: &[Value]) -> String {
    json!({"keys": keys}).to_string()
}

/// Claims that are good.
pub(super) fn claims() -> Value {
    json!({"iss": ISSUER, "aud": AUDIENCE, "sub": "alice", "exp": NOW + 300, "iat": NOW})
}

/// Claims that are good, with these instead; null takes one away.
pub(super) fn claims_with(changes: &Value) -> Value {
    let mut claims = claims();
    let all = claims.as_object_mut().unwrap();
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            all.remove(name);
        } else {
            all.insert(name.clone(), value.clone());
        }
    }
    claims
}

pub(super) fn builder(clock: &Arc<FakeClock>) -> BearerBuilder {
    let clock: Arc<dyn Clock> = Arc::clone(clock) as _;
    Bearer::builder().issuer(ISSUER).audience(AUDIENCE).clock(clock)
}

/// A verifier of the keys of that set.
pub(super) fn verifier(clock: &Arc<FakeClock>, keys: &[Value]) -> Bearer {
    builder(clock)
        .jwk_set(set(keys).as_bytes())
        .unwrap()
        .build()
        .unwrap()
}

/// The key of that name, and a token of its.
pub(super) fn key(kid: &str) -> (Signer, Value, String) {
    let signer = ed25519();
    let jwk = signer.jwk(&json!({"kid": kid}));
    let token = signer.token(
        EdDsa,
        &json!({"kid": kid}),
        &claims_with(&json!({"exp": NOW + 10_000_000})),
    );
    (signer, jwk, token)
}

pub(super) fn unknown(kid: &str) -> BadToken {
    BadToken::UnknownKey(Some(kid.to_owned()))
}
