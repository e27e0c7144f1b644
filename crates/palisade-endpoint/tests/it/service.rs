//! The service: around a router and inside one, before any group, and while policies change.

use crate::common::{config, environment, policy, registry};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::response::Response;
use axum::routing::{any, get};
use http::{Request, StatusCode};
use palisade_core::{EndpointName, MatchedGroup};
use palisade_endpoint::{EndpointGroupsLayer, PolicyHandle};
use rstest::rstest;
use serde_json::{Value, json};
use tower::{Layer, ServiceExt};

const TWO_GROUPS: &str = "\
palisade.endpoints[0].name=closed
palisade.endpoints[0].webservices=Closed
palisade.endpoints[0].interceptors=Refusing
palisade.endpoints[1].name=open
palisade.endpoints[1].webservices=Open
palisade.endpoints[1].interceptors=Stamping
palisade.interceptors.Refusing.stamp.word=no
palisade.interceptors.Refusing.stamp.refuse=true
palisade.interceptors.Stamping.stamp.word=yes
";

fn app() -> Router {
    let group = |group: Option<axum::Extension<MatchedGroup>>| async move {
        group.map_or_else(
            || "none".to_owned(),
            |group| format!("{} {}", group.name, group.position),
        )
    };
    Router::new()
        .route("/server/rest/{webservice}/{*rest}", any(group))
        .route("/declared", get(group))
}

fn handle(text: &str) -> PolicyHandle {
    PolicyHandle::new(policy(&registry(), text))
}

fn request(path: &str) -> Request<Body> {
    Request::builder()
        .uri(path)
        .header("host", "localhost")
        .body(Body::empty())
        .unwrap()
}

async fn json_of(response: Response) -> Value {
    serde_json::from_slice(&to_bytes(response.into_body(), 65_536).await.unwrap()).unwrap()
}

#[tokio::test]
async fn around_a_router_and_inside_one_the_verdicts_are_the_same() {
    let layer = EndpointGroupsLayer::new(handle(TWO_GROUPS));
    let inside = app().layer(layer.clone());
    let nested = Router::new().nest(
        "/server",
        Router::new()
            .route("/rest/{webservice}/{*rest}", any(wire_path))
            .layer(layer.clone()),
    );
    for (path, status) in [
        ("/server/rest/Open/Get", StatusCode::OK),
        ("/server/rest/Closed/Get", StatusCode::IM_A_TEAPOT),
        ("/server/rest/Other/Get", StatusCode::NOT_FOUND),
        ("/server/rest/Open/a/%2e%2e/b", StatusCode::BAD_REQUEST),
    ] {
        let around = layer.layer(app()).oneshot(request(path)).await.unwrap();
        assert_eq!(around.status(), status, "around {path}");
        let inside = inside.clone().oneshot(request(path)).await.unwrap();
        assert_eq!(inside.status(), status, "inside {path}");
        let nested = nested.clone().oneshot(request(path)).await.unwrap();
        assert_eq!(nested.status(), status, "nested {path}");
        if status == StatusCode::OK {
            // What stages compare paths with is what the client wrote, whatever the router has cut off.
            assert_eq!(to_bytes(nested.into_body(), 100).await.unwrap(), path);
            assert_eq!(inside.headers()["x-stamp"], "yes");
            assert_eq!(to_bytes(inside.into_body(), 100).await.unwrap(), "open 1");
        }
    }
}

#[tokio::test]
async fn a_refusal_is_a_whole_problem_document() {
    let mut request = request("/server/rest/Nothing/Here");
    request
        .extensions_mut()
        .insert(palisade_core::RequestId::parse(&"id-1".parse().unwrap()).unwrap());
    let response = EndpointGroupsLayer::new(handle(TWO_GROUPS))
        .layer(app())
        .oneshot(request)
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::NOT_FOUND);
    assert_eq!(response.headers()["content-type"], "application/problem+json");
    assert_eq!(response.headers()["x-request-id"], "id-1");
    let document = json_of(Response::new(Body::new(response.into_body()))).await;
    let expected = json!({
        "type": "urn:palisade:problem:endpoint-not-configured",
        "title": "No endpoint group covers this request",
        "status": 404,
        "detail": "No endpoint group covers this request",
        "instance": "id-1",
    });
    assert_eq!(document, expected);
}

#[rstest]
#[case(&["a", "b"], 400, "host-ambiguous")]
#[case(&["a b"], 400, "host-malformed")]
#[case(&[], 400, "host-ambiguous")]
#[tokio::test]
async fn the_host_is_checked_before_any_group(
    #[case] hosts: &[&str],
    #[case] status: u16,
    #[case] code: &str,
) {
    for path in ["/server/rest/Open/Get", "/nowhere"] {
        let mut request = Request::builder().uri(path);
        for host in hosts {
            request = request.header("host", *host);
        }
        let request = request.body(Body::empty()).unwrap();
        let response = EndpointGroupsLayer::new(handle(TWO_GROUPS))
            .layer(app())
            .oneshot(request)
            .await
            .unwrap();
        assert_eq!(response.status().as_u16(), status);
        let document = json_of(Response::new(Body::new(response.into_body()))).await;
        assert_eq!(document["type"], format!("urn:palisade:problem:{code}"));
    }
}

#[tokio::test]
async fn a_field_of_200_kib_is_refused_on_every_route() {
    for path in ["/server/rest/Open/Get", "/nowhere"] {
        let mut request = request(path);
        request
            .headers_mut()
            .insert("x-long", "v".repeat(200 * 1024).parse().unwrap());
        let response = EndpointGroupsLayer::new(handle(TWO_GROUPS))
            .layer(app())
            .oneshot(request)
            .await
            .unwrap();
        assert_eq!(response.status(), StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
    }
}

#[tokio::test]
async fn a_route_may_declare_its_names_in_code() {
    let layer = EndpointGroupsLayer::new(handle(TWO_GROUPS));
    let app = app()
        .layer(layer)
        .layer(axum::Extension(EndpointName::new("Open", "Get")));
    let response = app.oneshot(request("/declared")).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(to_bytes(response.into_body(), 100).await.unwrap(), "open 1");
}

#[tokio::test]
async fn head_is_governed_by_the_group_of_get() {
    let text = "palisade.endpoints[0].methods=GET\n\
                palisade.endpoints[0].interceptors=Refusing\n\
                palisade.endpoints[1].name=rest\n\
                palisade.interceptors.Refusing.stamp.word=no\n\
                palisade.interceptors.Refusing.stamp.refuse=true\n";
    let mut head = request("/server/rest/Open/Get");
    *head.method_mut() = http::Method::HEAD;
    let response = app()
        .layer(EndpointGroupsLayer::new(handle(text)))
        .oneshot(head)
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::IM_A_TEAPOT);
}

#[tokio::test]
async fn unmatched_allow_lets_a_request_pass_unguarded() {
    let text = format!("{TWO_GROUPS}palisade.unmatched=allow\n");
    let response = app()
        .layer(EndpointGroupsLayer::new(handle(&text)))
        .oneshot(request("/server/rest/Other/x"))
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(to_bytes(response.into_body(), 100).await.unwrap(), "none");
}

#[tokio::test]
async fn report_only_lets_the_request_go_on() {
    for key in [
        "palisade.endpoints[0].report-only=true",
        "palisade.interceptors.Refusing.report-only=true",
    ] {
        let text = format!("{TWO_GROUPS}{key}\n");
        let response = app()
            .layer(EndpointGroupsLayer::new(handle(&text)))
            .oneshot(request("/server/rest/Closed/x"))
            .await
            .unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["x-stamp"], "no");
    }
}

#[tokio::test]
async fn a_policy_is_replaced_whole_and_state_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let environment = environment();
    let text = "palisade.endpoints[0].name=a\npalisade.endpoints[0].interceptors=S\npalisade.interceptors.S.stamp.word=one\n";
    let first = registry()
        .compile(&config(folder.path(), text), &environment)
        .unwrap();
    let handle = PolicyHandle::new(first);
    let app = app().layer(EndpointGroupsLayer::new(handle.clone()));
    for count in ["1", "2"] {
        let response = app.clone().oneshot(request("/server/rest/Open/x")).await.unwrap();
        assert_eq!(
            (&response.headers()["x-stamp"], &response.headers()["x-count"]),
            (&"one".parse().unwrap(), &count.parse().unwrap())
        );
    }
    // The group moves down one place, and its word changes; what the interceptor counted stays.
    let text = "palisade.endpoints[0].name=new\npalisade.endpoints[0].webservices=New\n\
                palisade.endpoints[1].name=a\npalisade.endpoints[1].interceptors=S\n\
                palisade.interceptors.S.stamp.word=two\n";
    let changes = handle.replace(
        registry()
            .compile(&config(folder.path(), text), &environment)
            .unwrap(),
    );
    assert_eq!(changes.to_string(), "added: new; moved: a");
    let response = app.oneshot(request("/server/rest/Open/x")).await.unwrap();
    assert_eq!(
        (&response.headers()["x-stamp"], &response.headers()["x-count"]),
        (&"two".parse().unwrap(), &"3".parse().unwrap())
    );
}

#[rstest]
#[case(
    "text/xml",
    Some("\"urn:pay\""),
    418,
    "text/xml; charset=utf-8",
    "<faultcode>soap:Client</faultcode>"
)]
#[case(
    "application/soap+xml; action=\"urn:pay\"",
    None,
    418,
    "application/soap+xml; charset=utf-8",
    "soap:Sender"
)]
#[case(
    "application/soap+xml;action=urn:pay;charset=utf-8",
    None,
    418,
    "application/soap+xml; charset=utf-8",
    "stamp-refused"
)]
#[case(
    "application/soap+xml;charset=\"a;action=urn:other\";action=urn:pay",
    None,
    418,
    "application/soap+xml; charset=utf-8",
    "stamp-refused"
)]
#[case(
    "text/xml",
    Some("urn:other"),
    404,
    "text/xml; charset=utf-8",
    "endpoint-not-configured"
)]
#[case(
    "application/soap+xml;action=urn:pay",
    Some("urn:other"),
    400,
    "application/soap+xml; charset=utf-8",
    "soap-action-mismatch"
)]
#[tokio::test]
async fn soap_groups_select_by_action_and_refuse_with_faults(
    #[case] content_type: &str,
    #[case] action: Option<&str>,
    #[case] status: u16,
    #[case] answered: &str,
    #[case] contains: &str,
) {
    let text = "palisade.endpoints[0].soap-actions=urn:pay\n\
                palisade.endpoints[0].interceptors=Refusing\n\
                palisade.interceptors.Refusing.stamp.word=no\n\
                palisade.interceptors.Refusing.stamp.refuse=true\n";
    let mut request = request("/webservices/Payments");
    request
        .headers_mut()
        .insert("content-type", content_type.parse().unwrap());
    if let Some(action) = action {
        request
            .headers_mut()
            .insert("soapaction", action.parse().unwrap());
    }
    let response = app()
        .layer(EndpointGroupsLayer::new(handle(text)))
        .oneshot(request)
        .await
        .unwrap();
    // SOAP 1.1 has 500 for faults, save for a few.
    let soap11 = answered.starts_with("text/xml");
    assert_eq!(response.status().as_u16(), if soap11 { 500 } else { status });
    assert_eq!(response.headers()["content-type"], answered);
    let body = to_bytes(response.into_body(), 65_536).await.unwrap();
    assert!(String::from_utf8_lossy(&body).contains(contains), "{body:?}");
}

#[tokio::test]
async fn an_action_outside_the_soap_routes_selects_nothing() {
    let text = "palisade.endpoints[0].soap-actions=urn:pay\n\
                palisade.endpoints[1].interceptors=Refusing\n\
                palisade.interceptors.Refusing.stamp.word=no\n\
                palisade.interceptors.Refusing.stamp.refuse=true\n";
    let mut request = request("/server/rest/Open/x");
    request
        .headers_mut()
        .insert("soapaction", "urn:pay".parse().unwrap());
    let response = app()
        .layer(EndpointGroupsLayer::new(handle(text)))
        .oneshot(request)
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::IM_A_TEAPOT);
}

#[tokio::test]
async fn who_refuses_behind_a_soap_group_writes_a_fault_too() {
    let text = "palisade.endpoints[0].webservices=Payments\n";
    let app = Router::new()
        .route(
            "/webservices/Payments",
            any(|_: palisade_core::TlsSession| async {}),
        )
        .layer(palisade_core::Pipeline::from_iter(
            Vec::<palisade_core::Stage>::new(),
        ))
        .layer(EndpointGroupsLayer::new(handle(text)));
    let mut request = request("/webservices/Payments");
    request
        .headers_mut()
        .insert("content-type", "application/soap+xml".parse().unwrap());
    let response = app.oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(
        response.headers()["content-type"],
        "application/soap+xml; charset=utf-8"
    );
    let body = to_bytes(response.into_body(), 65_536).await.unwrap();
    assert!(
        String::from_utf8_lossy(&body).contains("soap:Receiver"),
        "{body:?}"
    );
}

#[rstest]
#[case("/v1/items:delete", 418)]
#[case("/v1/items%3Adelete", 400)]
#[case("/v1/items%3adelete", 400)]
#[case("/caf%C3%A9", 418)]
#[case("/caf%c3%a9", 400)]
#[case("/v1/items%3Aother", 200)]
#[case("/v1/a%40b", 200)]
#[case("/server/rest/Closed/x", 418)]
#[case("/server/rest/Closed;a/x", 400)]
#[case("/server/rest/Open;a/x", 200)]
#[case("/server/rest/Open/x;a=1", 200)]
#[case("/server/rest/Open/..;/Closed/x", 400)]
#[tokio::test]
async fn a_path_that_others_read_into_another_group_is_refused(#[case] path: &str, #[case] status: u16) {
    let text = "palisade.endpoints[0].paths=/v1/items:delete,/caf%C3%A9\n\
                palisade.endpoints[0].interceptors=Refusing\n\
                palisade.endpoints[1].webservices=Closed\n\
                palisade.endpoints[1].interceptors=Refusing\n\
                palisade.endpoints[2].name=rest\n\
                palisade.interceptors.Refusing.stamp.word=no\n\
                palisade.interceptors.Refusing.stamp.refuse=true\n";
    let app = Router::new()
        .fallback(any(|| async {}))
        .layer(EndpointGroupsLayer::new(handle(text)));
    let response = app.oneshot(request(path)).await.unwrap();
    assert_eq!(response.status().as_u16(), status, "{path}");
}

/// The path as stages see it.
async fn wire_path(request: axum::extract::Request) -> String {
    let (head, _) = request.into_parts();
    palisade_core::facts::wire_path(&head).to_owned()
}

#[tokio::test]
async fn the_fact_of_the_group_has_its_path_patterns_in_order() {
    let text = "\
palisade.endpoints[0].paths=/orders/{id},/files/{*rest}
palisade.endpoints[0].interceptors=Stamping
palisade.endpoints[1].interceptors=Stamping
palisade.interceptors.Stamping.stamp.word=yes
";
    let patterns =
        |axum::Extension(group): axum::Extension<MatchedGroup>| async move { group.paths.join(" ") };
    let app = Router::new()
        .fallback(patterns)
        .layer(EndpointGroupsLayer::new(handle(text)));
    for (path, expected) in [("/orders/7", "/orders/{id} /files/{*rest}"), ("/other", "")] {
        let response = app.clone().oneshot(request(path)).await.unwrap();
        let body = to_bytes(response.into_body(), 65_536).await.unwrap();
        assert_eq!(body, expected);
    }
}
