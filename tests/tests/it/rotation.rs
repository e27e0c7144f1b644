//! Keys are changed as the guide says, on a server that runs, with the same requests on the same connection.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::post;
use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use palisade::config::Sources;
use palisade::core::{Clock, SystemClock};
use palisade::jose::{Algorithms, Body, Claims, Jwt, SigningKey, Writer};
use palisade::keystore::{KeystoreSettings, Keystores};
use palisade::server::status::Reload;
use palisade::{Registry, SecuredMessage, Server, StandardRegistry};
use palisade_test::ca::TestCa;

const PATH: &str = "/server/rest/Payments/Create";

const BASE: &str = "palisade.listeners.main.bind=127.0.0.1:0\n\
    palisade.listeners.main.tls.enabled=false\n\
    palisade.admin.enabled=false\n\
    palisade.keystores.keys.location=keys\n\
    palisade.endpoints[0].webservices=Payments\n\
    palisade.endpoints[0].interceptors=Acme\n\
    palisade.interceptors.Acme.request.signature.enabled=true\n\
    palisade.interceptors.Acme.request.timestamp.enabled=true\n";

/// The partner, who signs with whichever of its keys.
struct Partner {
    keys: std::path::PathBuf,
    client: Client<HttpConnector, Full<Bytes>>,
    url: String,
}

impl Partner {
    fn message(&self, alias: &str, id: &str) -> Bytes {
        let settings = [("keys".to_owned(), KeystoreSettings::new("."))].into();
        let keystores = Keystores::load(&self.keys, &settings).unwrap();
        let key = SigningKey::new(&keystores.key(alias).unwrap(), &Algorithms::default()).unwrap();
        let mut claims = Claims::default();
        let now = SystemClock::new().now();
        claims.issued_at = Some(now);
        claims.expires_at = Some(now + Duration::from_secs(60));
        claims.id = Some(id.to_owned());
        let writer = Writer::new(Arc::new(Jwt)).sign_with(Arc::new(key));
        writer.write(&claims, &Body::default()).unwrap()
    }

    /// The status and the body of the answer.
    async fn send(&self, message: Bytes) -> (u16, String) {
        let request = Request::post(&self.url)
            .header("content-type", "application/jose")
            .body(Full::new(message))
            .unwrap();
        let response = self.client.request(request).await.unwrap();
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    /// Who signed, as the handler saw it; or the code of the refusal.
    async fn signed_by(&self, alias: &str, id: &str) -> String {
        let (status, body) = self.send(self.message(alias, id)).await;
        if status == 200 {
            return body;
        }
        let code = body.split_once("urn:palisade:problem:").unwrap().1;
        code.split('"').next().unwrap().to_owned()
    }
}

#[tokio::test]
async fn the_key_of_a_partner_is_changed_without_a_gap() {
    let folder = tempfile::tempdir().unwrap();
    let keys = folder.path().join("keys");
    std::fs::create_dir(&keys).unwrap();
    let theirs = tempfile::tempdir().unwrap();
    let ca = TestCa::new("Example Root");
    for alias in ["partner-2025", "partner-2026"] {
        ca.client(alias).write_pem(theirs.path(), alias);
    }
    let learn = |alias: &str| {
        let name = format!("{alias}.pem");
        std::fs::copy(theirs.path().join(&name), keys.join(&name)).unwrap();
    };
    let write = |aliases: &str| {
        let text = format!("{BASE}palisade.interceptors.Acme.request.signature.key-alias={aliases}\n");
        std::fs::write(folder.path().join("application.properties"), text).unwrap();
    };
    learn("partner-2025");
    write("partner-2025");
    let server = Server::load(Sources::new(folder.path()), Registry::standard())
        .unwrap_or_else(|errors| panic!("{errors}"))
        .without_signals();
    let handle = server.handle();
    let who = |message: SecuredMessage| async move { message.signed_by.unwrap_or_default().to_string() };
    let serving = tokio::spawn(server.serve(Router::new().route(PATH, post(who))));
    let bound = handle.listening().await.unwrap();
    let partner = Partner {
        keys: theirs.path().to_owned(),
        client: Client::builder(TokioExecutor::new()).build_http(),
        url: format!("http://{}{PATH}", bound.listeners["main"]),
    };
    let applied = || async { matches!(handle.reload().await, Some(Reload::Applied { .. })) };

    assert_eq!(partner.signed_by("partner-2025", "a").await, "partner-2025");
    assert_eq!(
        partner.signed_by("partner-2026", "a").await,
        "message-security-failed"
    );

    // An alias that no keystore has yet: nothing is applied, and what was before stays in force.
    write("partner-2025,partner-2026");
    assert!(!applied().await);
    assert_eq!(partner.signed_by("partner-2025", "b").await, "partner-2025");

    learn("partner-2026");
    assert!(applied().await);
    assert_eq!(partner.signed_by("partner-2025", "c").await, "partner-2025");
    assert_eq!(partner.signed_by("partner-2026", "c").await, "partner-2026");

    // What was accepted before is remembered, whatever was reloaded.
    for (alias, id) in [("partner-2025", "a"), ("partner-2026", "c")] {
        assert_eq!(partner.signed_by(alias, id).await, "message-replayed");
    }

    write("partner-2026");
    assert!(applied().await);
    assert_eq!(
        partner.signed_by("partner-2025", "d").await,
        "message-security-failed"
    );
    assert_eq!(partner.signed_by("partner-2026", "d").await, "partner-2026");

    // Without any key the profile does not load.
    write("");
    assert!(!applied().await);
    assert_eq!(partner.signed_by("partner-2026", "e").await, "partner-2026");

    handle.stop();
    serving.await.unwrap().unwrap();
}
