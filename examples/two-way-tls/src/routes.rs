//! The services themselves. Each answers with whom it sees: what a team would write, and nothing about security.

use axum::Router;
use axum::response::Json;
use axum::routing::get;
use palisade::Principal;

pub(crate) fn router() -> Router {
    Router::new()
        .route("/server/rest/{mode}/WhoAmI", get(who_am_i))
        .route(
            "/server/rest/Orders/Order",
            get(who_am_i).post(who_am_i).delete(who_am_i),
        )
}

/// The caller, as every handler behind authentication can ask for them.
async fn who_am_i(caller: Principal) -> Json<Principal> {
    Json(caller)
}
