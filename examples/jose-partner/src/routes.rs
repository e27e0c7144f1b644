//! The services themselves: what a team would write. Bodies are clear here, in both directions.

use axum::Router;
use axum::body::Bytes;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Json};
use axum::routing::{delete, get, post};
use palisade::SecuredMessage;
use serde_json::{Value, json};

pub(crate) fn router() -> Router {
    Router::new()
        .route("/server/rest/payments/order", post(order))
        .route("/server/rest/payments/copy", post(copy))
        .route("/server/rest/payments/status", get(status))
        .route("/server/rest/payments/cancel", delete(cancel))
        .route("/server/rest/documents/copy", post(copy))
        .route("/server/rest/documents/status", get(status))
        .route("/server/rest/trades/copy", post(copy))
        .route("/server/rest/trades/status", get(status))
        .route("/server/rest/accounts/statement", get(statement))
}

/// Confirms an order, and says by whom it is signed.
async fn order(message: SecuredMessage, Json(order): Json<Value>) -> Json<Value> {
    Json(json!({ "accepted": true, "order": order, "signed-by": message.signed_by }))
}

async fn status() -> Json<Value> {
    Json(json!({ "open": 0 }))
}

async fn cancel() -> StatusCode {
    StatusCode::NO_CONTENT
}

/// Sends back what came, under the same type: XML, pictures, anything.
async fn copy(headers: HeaderMap, body: Bytes) -> impl IntoResponse {
    let media_type = headers.get(CONTENT_TYPE).cloned();
    (media_type.map(|value| [(CONTENT_TYPE, value)]), body)
}

async fn statement() -> Json<Value> {
    Json(json!({ "balance": "1024.00" }))
}
