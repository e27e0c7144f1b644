//! An issuer of tokens, as an authorization server is one.

use std::error::Error;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use palisade::keystore::{Certificate, KeyKind, KeystoreBuilder, PrivateKey};
use serde_json::{Value, json};

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
    pub(crate) fn new(now: SystemTime) -> Result<Self, Box<dyn Error>> {
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

    /// A token of that subject, for whoever has it; or, bound to a certificate, for whoever has the key of that alone (RFC 8705).
    pub(crate) fn token(
        &self,
        subject: &str,
        scope: &str,
        bound_to: Option<&Certificate>,
    ) -> Result<String, Box<dyn Error>> {
        let now = self.now.duration_since(UNIX_EPOCH)?;
        let mut claims = json!({
            "iss": "https://issuer.example",
            "aud": "https://orders.example",
            "sub": subject,
            "scope": scope,
            "iat": now.as_secs(),
            "exp": (now + LIFE).as_secs(),
        });
        if let (Some(certificate), Some(claims)) = (bound_to, claims.as_object_mut()) {
            let thumbprint = BASE64_URL_SAFE_NO_PAD.encode(certificate.facts().fingerprint);
            claims.insert("cnf".to_owned(), json!({ "x5t#S256": thumbprint }));
        }
        Ok(jsonwebtoken::encode(&self.header, &claims, &self.key)?)
    }
}
