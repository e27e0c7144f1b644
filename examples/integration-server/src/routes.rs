//! The services themselves: what a team would write, and nothing about security.

use axum::extract::Path;
use axum::response::{IntoResponse, Json};
use axum::routing::{get, post};
use axum::{Router, http::header::CONTENT_TYPE};
use palisade::{ClientCertificate, MatchedGroup, PeerAddr, TlsSession};
use serde_json::{Value, json};

/// REST below `/server/rest`, SOAP below `/webservices`.
pub(crate) fn router() -> Router {
    Router::new()
        .route(
            "/server/rest/Catalogue/{operation}",
            get(catalogue).delete(catalogue),
        )
        .route("/server/rest/Payments/Create", post(create))
        .route("/server/rest/Payments/Status", get(status))
        .route("/webservices/Payments", post(soap))
        .route("/who-am-i", get(who_am_i))
}

async fn catalogue(Path(operation): Path<String>) -> Json<Value> {
    Json(json!({ "operation": operation, "products": ["account", "mortgage"] }))
}

async fn create(certificate: Option<ClientCertificate>, body: String) -> Json<Value> {
    let partner = certificate.map(|certificate| certificate.subject);
    Json(json!({ "created": true, "partner": partner, "received": body.len() }))
}

async fn status() -> Json<Value> {
    Json(json!({ "open": 0 }))
}

async fn soap() -> impl IntoResponse {
    let envelope = "<soap:Envelope xmlns:soap=\"http://schemas.xmlsoap.org/soap/envelope/\"><soap:Body/></soap:Envelope>";
    ([(CONTENT_TYPE, "text/xml; charset=utf-8")], envelope)
}

/// Everything a handler can know of its caller.
async fn who_am_i(
    PeerAddr(client): PeerAddr,
    tls: TlsSession,
    certificate: Option<ClientCertificate>,
    group: MatchedGroup,
) -> Json<Value> {
    let certificate = certificate.map(
        |certificate| json!({ "subject": certificate.subject, "fingerprint": certificate.fingerprint_hex() }),
    );
    Json(json!({ "client": client, "tls": tls, "certificate": certificate, "group": group.name }))
}
