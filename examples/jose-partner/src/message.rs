//! A message ready to be sent, for trying the server with curl.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use palisade::core::{Clock as _, RequestId, SystemClock};
use palisade::jose::{Algorithms, Body, Claims, EncryptionKey, Jwt, SigningKey, Writer};
use palisade::keystore::{KeystoreSettings, Keystores};

/// How long it may be used.
const LIFE: Duration = Duration::from_secs(300);

/// Writes an order as acme would: signed with its key, encrypted to ours.
pub(crate) fn write(demo: &Path) -> Result<PathBuf, Box<dyn Error>> {
    let locations = [("own", "keys.jwks"), ("bank", "bank-encrypt.crt")];
    let settings = locations
        .map(|(name, location)| (name.to_owned(), KeystoreSettings::new(location)))
        .into();
    let keys = Keystores::load(&demo.join("acme"), &settings)?;
    let defaults = Algorithms::default();
    let signing = SigningKey::new(&*keys.key("own/acme-sign")?, &defaults)?;
    let encryption = EncryptionKey::new("bank", &keys.public_key("bank")?, &defaults)?;

    let now = SystemClock::new().now();
    let mut claims = Claims::default();
    claims.issued_at = Some(now);
    claims.expires_at = Some(now + LIFE);
    claims.id = Some(RequestId::random().to_string());
    claims.method = Some("POST".to_owned());
    claims.target = Some("/server/rest/payments/order".to_owned());
    let body = Body {
        bytes: r#"{"amount":"10.00"}"#.into(),
        media_type: Some("application/json".to_owned()),
    };
    let writer = Writer::new(Arc::new(Jwt))
        .sign_with(Arc::new(signing))
        .encrypt_with(Arc::new(encryption));
    let path = demo.join("order.jose");
    std::fs::write(&path, writer.write(&claims, &body)?)?;
    Ok(path)
}
