//! The service itself: what a team would write, and nothing about security. What the document says of requests it takes for granted.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Response};
use axum::routing::{get, post};
use palisade::Principal;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::store::{Order, PaymentStatus, Store};

type Orders = State<Arc<Store>>;
type Answer = Json<Map<String, Value>>;

/// The operations that the document has for orders.
pub(crate) fn router() -> Router {
    Router::new()
        .route("/pos/orders", get(all).post(add))
        .route("/pos/orders/{id}", get(one).patch(update).delete(remove))
        .route("/pos/orders/{id}/pay", post(pay))
        .with_state(Arc::new(Store::new()))
}

/// What a list can be asked for.
#[derive(Debug, Deserialize)]
struct Asked {
    #[serde(default = "twenty")]
    limit: usize,
    cursor: Option<String>,
    location_id: Option<String>,
}

/// How many orders are listed where nobody says, by the document.
const fn twenty() -> usize {
    20
}

/// Which members of orders are wanted.
#[derive(Debug, Deserialize)]
struct Wanted {
    /// Their names, with commas between them.
    fields: Option<String>,
}

async fn all(
    State(store): Orders,
    Query(asked): Query<Asked>,
    Query(wanted): Query<Wanted>,
) -> Result<Answer, Failure> {
    let behind = match &asked.cursor {
        Some(cursor) => cursor.parse().map_err(|_| Failure::NoCursor)?,
        None => 0,
    };
    let page = store.page(behind, asked.limit, asked.location_id.as_deref());
    let orders: Vec<Value> = page.orders.iter().map(|order| wanted.of(order)).collect();
    let next = page.next.map(|number| number.to_string());
    let meta = json!({ "items_on_page": orders.len(), "cursors": { "current": asked.cursor, "next": next } });
    let mut answer = done(StatusCode::OK, "all", orders.into());
    answer.insert("meta".to_owned(), meta);
    Ok(Json(answer))
}

async fn add(State(store): Orders, caller: Principal, Json(mut order): Json<Order>) -> Response {
    order.created_by = Some(caller.subject.to_string());
    created("add", &store.add(order))
}

async fn one(
    State(store): Orders,
    Path(id): Path<String>,
    Query(wanted): Query<Wanted>,
) -> Result<Answer, Failure> {
    let order = store.one(&id).ok_or(Failure::NoOrder)?;
    Ok(Json(done(StatusCode::OK, "one", wanted.of(&order))))
}

async fn update(
    State(store): Orders,
    Path(id): Path<String>,
    caller: Principal,
    Json(later): Json<Order>,
) -> Result<Answer, Failure> {
    let changed = store.change(&id, |order| {
        order.change(later);
        order.updated_by = Some(caller.subject.to_string());
    });
    changed.ok_or(Failure::NoOrder)?;
    Ok(Json(done(StatusCode::OK, "update", json!({ "id": id }))))
}

async fn remove(State(store): Orders, Path(id): Path<String>) -> Result<Answer, Failure> {
    store.remove(&id).ok_or(Failure::NoOrder)?;
    Ok(Json(done(StatusCode::OK, "delete", json!({ "id": id }))))
}

async fn pay(
    State(store): Orders,
    Path(id): Path<String>,
    caller: Principal,
    Json(paid): Json<Order>,
) -> Result<Response, Failure> {
    let changed = store.change(&id, |order| {
        order.change(paid);
        order.payment_status = Some(PaymentStatus::Paid);
        order.updated_by = Some(caller.subject.to_string());
    });
    changed.ok_or(Failure::NoOrder)?;
    Ok(created("pay", &id))
}

impl Wanted {
    /// An order, or the members of it that are wanted.
    fn of(&self, order: &Order) -> Value {
        let order = json!(order);
        let Some(fields) = &self.fields else {
            return order;
        };
        let wanted = |name: &str| order.get(name).map(|value| (name.to_owned(), value.clone()));
        fields.split(',').filter_map(wanted).collect::<Map<_, _>>().into()
    }
}

fn created(operation: &str, id: &str) -> Response {
    let answer = done(StatusCode::CREATED, operation, json!({ "id": id }));
    (StatusCode::CREATED, Json(answer)).into_response()
}

/// What the document puts around every answer.
fn done(status: StatusCode, operation: &str, data: Value) -> Map<String, Value> {
    let members = [
        ("status_code", status.as_u16().into()),
        ("status", status.canonical_reason().into()),
        ("service", "openapi-orders".into()),
        ("resource", "orders".into()),
        ("operation", operation.into()),
        ("data", data),
    ];
    members
        .map(|(name, value)| (name.to_owned(), value))
        .into_iter()
        .collect()
}

/// What only the service can know.
#[derive(Debug, Clone, Copy)]
enum Failure {
    NoOrder,
    NoCursor,
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let (status, kind, message) = match self {
            Self::NoOrder => (StatusCode::NOT_FOUND, "EntityNotFoundError", "Unknown Order"),
            Self::NoCursor => (
                StatusCode::BAD_REQUEST,
                "RequestValidationError",
                "Unknown Cursor",
            ),
        };
        let answer = json!({
            "status_code": status.as_u16(),
            "error": status.canonical_reason(),
            "type_name": kind,
            "message": message,
        });
        (status, Json(answer)).into_response()
    }
}
