//! Credentials: what is told to whom, and what it costs.

use std::sync::Arc;

use http::StatusCode;
use palisade_core::Clock;
use palisade_directory::{ApiKey, Directory, GeneratedApiKey, Snapshot, User};
use palisade_identity::Authentication;
use palisade_identity::TwoWayMode::Default;
use palisade_test::FakeClock;

use crate::common::{Brings, PASSWORD, ask, builder, hash, in_mode, key, shown, snapshot};

const INVALID: &str = "401 credentials-invalid";

#[tokio::test]
async fn whatever_is_wrong_the_answer_is_the_same() {
    let layer = in_mode(Default).layer();
    let two = Brings::basic("alice", PASSWORD).and("x-api-key", key().text().expose());
    let wrong = [
        Brings::basic("alice", "wrong"),
        Brings::basic("mallory", PASSWORD),
        Brings::basic("carol", PASSWORD),
        Brings::basic("nopass", PASSWORD),
        Brings::basic("nopass", ""),
        Brings::basic("", ""),
        Brings::nothing().and("authorization", "Basic ???"),
        Brings::key("plsd_guessed"),
        Brings::key(""),
        two,
    ];
    for brings in wrong {
        let outcome = ask(&layer, &brings).await;
        let challenges: Vec<_> = outcome.headers.get_all("www-authenticate").iter().collect();
        assert_eq!(
            challenges,
            [
                "Basic realm=\"palisade\", charset=\"UTF-8\"",
                "ApiKey realm=\"palisade\", header=\"x-api-key\"",
                "Certificate realm=\"palisade\"",
            ]
        );
        palisade_test::assert_problem!(
            (outcome.status, &outcome.headers, &outcome.body),
            401,
            "credentials-invalid",
            "The credentials are not accepted",
            "The credentials are not accepted",
        );
    }
}

#[tokio::test]
async fn whoever_brings_nothing_is_told_what_would_do() {
    let realm = builder().realm("Partners").build().unwrap().layer();
    let outcome = ask(&realm, &Brings::nothing()).await;
    assert_eq!(
        outcome.headers["www-authenticate"],
        "Basic realm=\"Partners\", charset=\"UTF-8\""
    );
    palisade_test::assert_problem!(
        (outcome.status, &outcome.headers, &outcome.body),
        401,
        "credentials-missing",
        "Credentials are required",
        "Credentials are required",
    );
}

#[tokio::test]
async fn a_key_brings_its_scopes_and_its_name_and_ends() {
    let clock = Arc::new(FakeClock::now_and_standing());
    let key = GeneratedApiKey::generate().unwrap();
    let ending = ApiKey::new(key.hash())
        .with_scopes(["orders.read"])
        .expiring_at(Some(clock.now() + std::time::Duration::from_secs(60)));
    let directory = Snapshot::builder().user(User::new("alice").with_api_key(ending.clone()));
    let layer = Authentication::builder()
        .fixed_directory(directory.build().unwrap())
        .accept_api_keys(http::HeaderName::from_static("x-partner-key"))
        .clock(Arc::clone(&clock) as Arc<dyn Clock>)
        .build()
        .unwrap()
        .layer();
    let brings = Brings::nothing().and("x-partner-key", key.text().expose());
    let principal = ask(&layer, &brings).await.principal.unwrap();
    assert_eq!(principal.api_key.as_deref(), Some(&*ending.name));
    assert!(principal.has_scope("orders.read") && principal.roles.is_empty());

    clock.advance(std::time::Duration::from_secs(60));
    assert_eq!(shown(&layer, &brings).await, INVALID);
}

#[tokio::test]
async fn a_key_without_scopes_stands_for_its_owner_and_one_with_scopes_for_these_alone() {
    let (whole, narrow) = (
        GeneratedApiKey::generate().unwrap(),
        GeneratedApiKey::generate().unwrap(),
    );
    let alice = User::new("alice")
        .with_roles(["clerk"])
        .with_api_key(ApiKey::new(whole.hash()))
        .with_api_key(ApiKey::new(narrow.hash()).with_scopes(["orders.read"]));
    let layer = Authentication::builder()
        .fixed_directory(Snapshot::builder().user(alice).build().unwrap())
        .accept_api_keys(http::HeaderName::from_static("x-api-key"))
        .build()
        .unwrap()
        .layer();
    let principal = async |key: &GeneratedApiKey| {
        ask(&layer, &Brings::key(key.text().expose()))
            .await
            .principal
            .unwrap()
    };
    let (whole, narrow) = (principal(&whole).await, principal(&narrow).await);
    assert!(whole.has_role("clerk") && whole.scopes.is_empty());
    assert!(narrow.roles.is_empty() && narrow.has_scope("orders.read"));
}

#[tokio::test]
async fn a_directory_that_changes_is_followed_at_the_next_request() {
    let directory = Arc::new(Directory::new(snapshot()));
    let layer = Authentication::builder()
        .directory(Arc::clone(&directory))
        .accept_certificates()
        .accept_basic()
        .build()
        .unwrap()
        .layer();
    let basic = Brings::basic("alice", PASSWORD);
    assert_eq!(shown(&layer, &basic).await, "alice acme basic");
    let disabled = User::new("alice").with_password_hash(hash()).disabled();
    directory.replace(Snapshot::builder().user(disabled).build().unwrap());
    assert_eq!(shown(&layer, &basic).await, INVALID);
    assert_eq!(
        shown(&layer, &Brings::certificate("alice")).await,
        "403 client-certificate-not-accepted"
    );
    let without = User::new("alice");
    directory.replace(Snapshot::builder().user(without).build().unwrap());
    assert_eq!(shown(&layer, &basic).await, INVALID);
}

#[tokio::test]
async fn what_an_outer_stage_found_out_is_not_taken_over() {
    let optional = builder().allow_unauthenticated().build().unwrap().layer();
    let mut request = Brings::nothing().request();
    let other = palisade_core::Principal::new("somebody", "elsewhere");
    request.extensions_mut().insert(Arc::new(other));
    let handler = tower::service_fn(
        |request: http::Request<http_body_util::Full<bytes::Bytes>>| async move {
            let is_known = request
                .extensions()
                .get::<Arc<palisade_core::Principal>>()
                .is_some();
            let mut response = http::Response::new(http_body_util::Full::<bytes::Bytes>::default());
            *response.status_mut() = if is_known {
                StatusCode::IM_A_TEAPOT
            } else {
                StatusCode::OK
            };
            Ok::<_, std::convert::Infallible>(response)
        },
    );
    let response = tower::ServiceExt::oneshot(tower::Layer::layer(&optional, handler), request).await;
    assert_eq!(response.unwrap().status(), StatusCode::OK);
}
