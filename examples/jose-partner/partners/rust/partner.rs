//! A partner of the bank, with our own client: the property files say how messages are secured.
//!
//! `KEYS=FOLDER partner CONFIG Payments POST https://bank.example/server/rest/payments/order '{"amount":"10.00"}' [TYPE]`

use std::collections::BTreeMap;
use std::error::Error;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use axum::http::{Request, header::CONTENT_TYPE};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use palisade::client::ClientBuilder;
use palisade::config::{Config, Sources};
use palisade::core::SystemClock;
use palisade::endpoint::Environment;
use palisade::keystore::Keystores;
use palisade::{PolicyHandle, Registry, StandardRegistry};
use tower::{ServiceBuilder, ServiceExt};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, interceptor, method, url, rest @ ..] = arguments.as_slice() else {
        return Err("usage: partner CONFIG INTERCEPTOR METHOD URL [BODY [TYPE]]".into());
    };

    // What the files say: keys, and how messages are secured.
    let (config, errors) = Config::load(&Sources::from_process(Path::new(folder)));
    let config = errors.into_result(config)?;
    let locations: BTreeMap<_, _> = config.get("palisade.keystores")?.unwrap_or_default();
    let keys = Arc::new(Keystores::load(config.folder(), &locations)?);
    let mut environment = Environment::new(Arc::new(SystemClock::new()));
    environment.resources = environment.resources.with(Arc::clone(&keys));
    let policy = PolicyHandle::new(Registry::standard().compile(&config, &environment)?);

    // A pooled client over HTTPS, and the interceptor around it.
    let client = ClientBuilder::new()
        .trust_authorities(keys.certificates("ca")?)
        .identity(keys.identity("tls")?)
        .build::<Full<Bytes>>()?;
    let bank = ServiceBuilder::new()
        .layer(policy.client(interceptor)?)
        .service(client);

    let (body, media_type) = match rest {
        [] => ("", "application/json"),
        [body] => (body.as_str(), "application/json"),
        [body, media_type, ..] => (body.as_str(), media_type.as_str()),
    };
    let request = Request::builder()
        .method(method.as_str())
        .uri(url)
        .header(CONTENT_TYPE, media_type);
    let answer = bank
        .oneshot(request.body(Bytes::from(body.to_owned()).into())?)
        .await?;

    let (head, body) = answer.into_parts();
    let media_type = head.headers.get(CONTENT_TYPE).map(|value| value.to_str());
    let mut out = std::io::stdout();
    writeln!(
        out,
        "{} {}",
        head.status.as_u16(),
        media_type.transpose()?.unwrap_or_default()
    )?;
    out.write_all(&body.collect().await?.to_bytes())?;
    Ok(writeln!(out)?)
}
