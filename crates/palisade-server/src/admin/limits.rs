//! `/limits`: what keys have left, and giving it back to them.
//!
//! | parameter | meaning |
//! |---|---|
//! | `interceptor`, `stage` | these limits alone; `DELETE` needs the interceptor |
//! | `key` | how that key stands: an address, a name, the value of a field; of `DELETE` the key to forget |
//! | `keys` | how that many keys stand that have used something, at most 1000 |
//! | `all=true` | `DELETE` forgets every key |
//!
//! Showing takes nothing from anybody. Stores that several servers share are reset for all of them. Limits of the interceptor that have
//! no such key are left out, and named in the answer; where none has it, nothing is reset.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Json, Response};
use http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode, request};
use palisade_core::{Context, LimitStoreError, Rejection, Secret};
use palisade_endpoint::{LimitInForce, LimitsByKey, Policy};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Admin, Changes};
use crate::answer;

/// How many keys are listed at most.
const MOST_KEYS: usize = 1000;

/// What a request asks for.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    interceptor: Option<String>,
    stage: Option<String>,
    key: Option<String>,
    #[serde(default)]
    keys: usize,
    #[serde(default)]
    all: bool,
}

/// Why a request is not answered.
#[derive(Debug)]
enum Denied {
    /// Its parameters are not understood; what was expected.
    Query(&'static str),
    /// There is no such limit.
    NotFound,
    /// No limit that is meant has the key; what was expected.
    Key(String),
    /// It may not change anything: nobody may.
    NoChanges,
    /// It does not show the token.
    Token,
    /// The counters cannot be asked.
    Store(LimitStoreError),
}

impl From<Denied> for Rejection {
    fn from(denied: Denied) -> Self {
        match denied {
            Denied::Query(expected) => Self::new(
                StatusCode::BAD_REQUEST,
                "parameter-not-understood",
                "The parameters are not understood",
            )
            .detail(expected),
            Denied::NotFound => Self::new(
                StatusCode::NOT_FOUND,
                "limit-not-found",
                "No limit in force has that name",
            ),
            Denied::Key(expected) => Self::new(
                StatusCode::BAD_REQUEST,
                "limit-key-not-understood",
                "The key is none of this limit",
            )
            .detail(format!("Expected {expected}.")),
            Denied::NoChanges => Self::new(
                StatusCode::FORBIDDEN,
                "admin-change-not-allowed",
                "The admin listener changes nothing off the loopback interface without palisade.admin.token",
            ),
            Denied::Token => Self::new(
                StatusCode::UNAUTHORIZED,
                "admin-token-invalid",
                "The token of the admin listener is missing or wrong",
            )
            .header(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer")),
            Denied::Store(error) => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "store-unavailable",
                "The counters cannot be asked now",
            )
            .caused_by(error),
        }
    }
}

/// `GET /limits`.
pub(super) async fn show(State(admin): State<Admin>, request: Request) -> Response {
    let (head, _) = request.into_parts();
    answered(&head, admin.limits(&head).await)
}

/// `DELETE /limits`.
pub(super) async fn reset(State(admin): State<Admin>, request: Request) -> Response {
    let (head, _) = request.into_parts();
    answered(&head, admin.forget(&head).await)
}

fn answered(head: &request::Parts, result: Result<Value, Denied>) -> Response {
    match result {
        Ok(document) => Json(document).into_response(),
        Err(denied) => answer::refuse(&mut Context::new(head), &denied.into(), "admin"),
    }
}

impl Admin {
    async fn limits(&self, head: &request::Parts) -> Result<Value, Denied> {
        let asked = Asked::of(head)?;
        if asked.all {
            return Err(Denied::Query("The parameter all is for DELETE."));
        }
        let policy = self.policy.current();
        let now = self.clock.now();
        let at_most = asked.keys.min(MOST_KEYS);
        let mut limits = Vec::new();
        for limit in asked.select(&policy)? {
            limits.push(limit.report(asked.key.as_deref(), at_most, now).await);
        }
        Ok(json!({ "config": self.folder.display().to_string(), "limits": limits }))
    }

    async fn forget(&self, head: &request::Parts) -> Result<Value, Denied> {
        self.may_change(head)?;
        let asked = Asked::of(head)?;
        if asked.interceptor.is_none() {
            return Err(Denied::Query("The parameter interceptor is needed."));
        }
        if asked.keys > 0 || asked.key.is_some() == asked.all {
            return Err(Denied::Query(
                "Either the parameter key is needed, or all=true; and not keys.",
            ));
        }
        let policy = self.policy.current();
        let wanted = LimitsByKey::of(asked.select(&policy)?, asked.key.as_deref());
        if let Some(expected) = wanted.mismatch() {
            return Err(Denied::Key(expected));
        }
        let mut reset = Vec::new();
        for (limit, key) in wanted.fitting {
            let keys = limit.reset(key).await.map_err(Denied::Store)?;
            let (interceptor, stage) = (limit.interceptor(), limit.stage());
            let key = key.map_or_else(|| "(all)".to_owned(), |key| key.to_string());
            // At the level of errors, so that it is seen whatever is logged: it is the record of who was given what.
            tracing::error!(
                target: "palisade::limits", interceptor, stage, key = key.as_str(), keys,
                "what was used is forgotten, as the admin listener was asked to"
            );
            reset.push(json!({ "interceptor": interceptor, "stage": stage, "keys": keys }));
        }
        Ok(json!({
            "config": self.folder.display().to_string(), "reset": reset, "left-out": wanted.left_out,
        }))
    }

    fn may_change(&self, head: &request::Parts) -> Result<(), Denied> {
        match &self.changes {
            Changes::Anybody => Ok(()),
            Changes::Nobody => Err(Denied::NoChanges),
            Changes::With(token) => {
                let mut shown = head.headers.get_all(AUTHORIZATION).iter();
                let is_shown = shown.next().is_some_and(|field| shows(field, token));
                if is_shown && shown.next().is_none() {
                    Ok(())
                } else {
                    Err(Denied::Token)
                }
            }
        }
    }
}

/// Whether a field shows the token (RFC 6750 section 2.1).
fn shows(field: &HeaderValue, token: &Secret) -> bool {
    let Some((scheme, shown)) = field.to_str().ok().and_then(|field| field.split_once(' ')) else {
        return false;
    };
    scheme.eq_ignore_ascii_case("bearer") && Secret::new(shown.trim_matches(' ')) == *token
}

impl Asked {
    fn of(head: &request::Parts) -> Result<Self, Denied> {
        let query = head.uri.query().unwrap_or_default();
        serde_urlencoded::from_str(query).map_err(|_| {
            Denied::Query("Known are interceptor, stage, key, keys (a number) and all (true), each once.")
        })
    }

    /// The limits that are meant; where any is named, there has to be one.
    fn select<'a>(&self, policy: &'a Arc<Policy>) -> Result<Vec<LimitInForce<'a>>, Denied> {
        let mut limits = policy.limits();
        limits.retain(|limit| {
            let is_it =
                |wanted: &Option<String>, name: &str| wanted.as_deref().is_none_or(|wanted| wanted == name);
            is_it(&self.interceptor, limit.interceptor()) && is_it(&self.stage, limit.stage())
        });
        if limits.is_empty() && (self.interceptor.is_some() || self.stage.is_some()) {
            return Err(Denied::NotFound);
        }
        Ok(limits)
    }
}
