//! An issuer of tokens, as an authorization server is one.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use palisade::keystore::{KeyKind, KeystoreBuilder, PrivateKey};
use serde_json::{Value, json};

use crate::Failure;

/// How long a token is good.
const LIFE: Duration = Duration::from_hours(8);

/// Signs tokens with a key of its own.
pub(crate) struct Issuer {
    key: EncodingKey,
    header: Header,
    /// Its public key, a JWK Set: all that a server needs of it.
    pub(crate) published: String,
    now: SystemTime,
}

impl Issuer {
    pub(crate) fn new(now: SystemTime) -> Result<Self, Failure> {
        let key = PrivateKey::generate(KeyKind::EcP256)?;
        let signing = EncodingKey::from_ec_der(key.expose_pkcs8());
        let mut keystore = KeystoreBuilder::new();
        keystore.add_key("issuer", key, Vec::new())?;
        let published = keystore.jwk_set()?;
        let mut header = Header::new(Algorithm::ES256);
        header.typ = Some("at+jwt".to_owned());
        let set: Value = serde_json::from_str(&published)?;
        header.kid = set
            .pointer("/keys/0/kid")
            .and_then(Value::as_str)
            .map(str::to_owned);
        Ok(Self {
            key: signing,
            header,
            published,
            now,
        })
    }

    /// A token of that subject, for whoever has it.
    pub(crate) fn token(&self, subject: &str) -> Result<String, Failure> {
        let now = self.now.duration_since(UNIX_EPOCH)?;
        let claims = json!({
            "iss": "https://issuer.example",
            "aud": "https://pos.example",
            "sub": subject,
            "iat": now.as_secs(),
            "exp": (now + LIFE).as_secs(),
        });
        Ok(jsonwebtoken::encode(&self.header, &claims, &self.key)?)
    }
}
