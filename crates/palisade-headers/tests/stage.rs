//! The stage as operators and peers see it.
#![expect(clippy::expect_used, reason = "a helper of tests stops the test")]

use std::convert::Infallible;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use palisade_core::{
    BuildContext, BuildError, Clock, Phase, Pipeline, RequestId, Resources, Severity, Stage, StageKind,
    StateStore, SystemClock,
};
use palisade_headers::{HeaderRules, HeaderSettings};
use rstest::rstest;
use serde_json::{Value, json};
use tower::{ServiceBuilder, ServiceExt, service_fn};

fn with_context<T>(run: impl FnOnce(&BuildContext<'_>) -> T) -> T {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::default());
    let (state, resources) = (StateStore::default(), Resources::default());
    run(&BuildContext::new(
        "Partners",
        Path::new("."),
        &clock,
        &state,
        &resources,
    ))
}

fn settings(settings: Value) -> HeaderSettings {
    serde_json::from_value(settings).expect("the settings have the right shape")
}

fn build(value: Value) -> Result<Vec<(Phase, Stage)>, BuildError> {
    with_context(|cx| HeaderRules::build(settings(value), cx))
}

fn pipeline(settings: Value) -> Pipeline {
    let mut stages = build(settings).expect("the settings are right");
    assert_eq!(stages.len(), 1);
    let (phase, stage) = stages.remove(0);
    assert_eq!((phase, stage.name()), (Phase::Head, "headers"));
    stage.into()
}

/// Asks a service that answers with fields of its own.
async fn ask(pipeline: &Pipeline, fields: &[(&str, &str)]) -> Response<Bytes> {
    let inner = service_fn(|_: Request<Full<Bytes>>| async {
        let response = Response::builder()
            .header("server", "inner/1.0")
            .header("x-powered-by", "magic")
            .header("x-debug-a", "1")
            .header("x-debug-b", "2")
            .header("x-debug-b", "3")
            .header("cache-control", "public")
            .header("cache-control", "max-age=1")
            .header("content-length", "5");
        Ok::<_, Infallible>(
            response
                .body(Full::new(Bytes::from("hello")))
                .expect("a response"),
        )
    });
    let mut request = Request::builder().header("host", "api.example");
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    let mut request = request.body(Full::default()).expect("a request");
    let id = RequestId::parse(&"r-1".parse().expect("a value")).expect("an id");
    request.extensions_mut().insert(id);
    let service = ServiceBuilder::new().layer(pipeline.clone()).service(inner);
    let (head, body) = service
        .oneshot(request)
        .await
        .expect("the service cannot fail")
        .into_parts();
    Response::from_parts(
        head,
        body.collect().await.expect("the body cannot fail").to_bytes(),
    )
}

fn problem(code: &str, status: u16, title: &str, detail: &str) -> Value {
    json!({
        "type": format!("urn:palisade:problem:{code}"),
        "title": title,
        "status": status,
        "detail": detail,
        "instance": "r-1",
    })
}

async fn assert_problem(pipeline: &Pipeline, fields: &[(&str, &str)], expected: Value) {
    let response = ask(pipeline, fields).await;
    assert_eq!(response.headers()["content-type"], "application/problem+json");
    assert_eq!(
        serde_json::from_slice::<Value>(response.body()).expect("a document"),
        expected
    );
    assert_eq!(
        Value::from(response.status().as_u16()),
        expected.get("status").cloned().unwrap_or_default()
    );
}

#[tokio::test]
async fn blocked_names_and_values_are_refused() {
    let pipeline = pipeline(json!({
        "block": ["X-Debug-*", "x-secret"],
        "block-value": {"User-Agent": "(?i)sqlmap|nikto{1,2}"},
    }));
    let refusal = problem(
        "header-blocked",
        400,
        "A header field is not admitted",
        "A header field is not admitted",
    );
    for (name, value) in [
        ("x-debug-level", "9"),
        ("X-Secret", ""),
        ("user-agent", "Mozilla SQLMap/1.8"),
        ("user-agent", "Nikto"),
    ] {
        assert_problem(&pipeline, &[(name, value)], refusal.clone()).await;
    }
    for (name, value) in [
        ("x-debug", "9"),
        ("x-secrets", "1"),
        ("user-agent", "curl/8"),
        ("x-agent", "sqlmap"),
    ] {
        assert_eq!(
            ask(&pipeline, &[(name, value)]).await.status(),
            200,
            "{name}: {value}"
        );
    }
}

#[tokio::test]
async fn every_value_of_a_field_is_looked_at() {
    let pipeline = pipeline(json!({"block-value": {"x-mode": "^off$"}}));
    assert_eq!(
        ask(&pipeline, &[("x-mode", "on"), ("x-mode", "off")])
            .await
            .status(),
        400
    );
    assert_eq!(
        ask(&pipeline, &[("x-mode", "on"), ("x-mode", "offside")])
            .await
            .status(),
        200
    );
}

#[tokio::test]
async fn required_names_that_are_missing_are_listed() {
    let pipeline = pipeline(json!({"require": ["X-Partner", "x-trace-*", "host"]}));
    let mut refusal = problem(
        "header-missing",
        400,
        "A required header field is missing",
        "A required header field is missing",
    );
    refusal["headers"] = json!(["x-partner", "x-trace-*"]);
    assert_problem(&pipeline, &[("x-trace", "1")], refusal.clone()).await;
    refusal["headers"] = json!(["x-partner"]);
    assert_problem(&pipeline, &[("x-trace-id", "1")], refusal).await;
    assert_eq!(
        ask(&pipeline, &[("x-trace-id", "1"), ("x-partner", "7")])
            .await
            .status(),
        200
    );
}

#[tokio::test]
async fn a_faulty_head_is_refused_without_the_peers_own_text() {
    let rules = pipeline(json!({}));
    let refusal = |detail| problem("header-faulty", 400, "The header fields are faulty", detail);
    assert_problem(
        &rules,
        &[("content-type", "<script>")],
        refusal("The field content-type is malformed."),
    )
    .await;
    assert_problem(
        &rules,
        &[("x-http-method-override", "DELETE")],
        refusal("The field x-http-method-override must not override the method."),
    )
    .await;
    assert_problem(
        &rules,
        &[("x_forwarded_for", "::1")],
        refusal("A name with an underscore shadows another field."),
    )
    .await;
    assert_eq!(
        ask(
            &pipeline(json!({"faulty": "allow"})),
            &[("content-type", "<script>")]
        )
        .await
        .status(),
        200
    );
    assert_eq!(
        ask(
            &pipeline(json!({"body-on-get": "reject"})),
            &[("content-length", "9")]
        )
        .await
        .status(),
        400
    );
}

#[tokio::test]
async fn fields_are_bounded_in_number_and_in_bytes() {
    let refusal = problem(
        "headers-too-large",
        431,
        "The header fields are too large",
        "The header fields are too large",
    );
    let many: Vec<String> = (0..100).map(|number| format!("x-{number}")).collect();
    let many: Vec<(&str, &str)> = many.iter().map(|name| (name.as_str(), "v")).collect();
    let rules = pipeline(json!({}));
    assert_problem(&rules, &many, refusal.clone()).await;
    assert_eq!(
        ask(&rules, &many[1..]).await.status(),
        200,
        "99 and the host are 100"
    );
    // `host: api.example` is 15 bytes, `x-long` 6.
    let long = "v".repeat(16 * 1024 - 15 - 6);
    assert_eq!(ask(&rules, &[("x-long", &long)]).await.status(), 200);
    assert_problem(&rules, &[("x-long", &format!("{long}v"))], refusal.clone()).await;
    assert_problem(
        &pipeline(json!({"max-count": 1})),
        &[("accept", "*/*")],
        refusal.clone(),
    )
    .await;
    assert_problem(
        &pipeline(json!({"max-bytes": "20"})),
        &[("accept", "*/*")],
        refusal,
    )
    .await;
}

#[tokio::test]
async fn fields_of_the_response_are_removed_and_then_set() {
    let pipeline = pipeline(json!({
        "response-remove": ["Server", "x-debug-*", "*powered*", "content-*"],
        "response-set": {"Cache-Control": "no-store", "x-debug-new": "kept"},
    }));
    let response = ask(&pipeline, &[]).await;
    let mut names: Vec<&str> = response.headers().iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(
        names,
        ["cache-control", "content-length", "x-debug-new"],
        "what frames the message stays"
    );
    assert_eq!(response.headers()["cache-control"], "no-store");
    assert_eq!(response.body(), "hello");
}

#[tokio::test]
async fn refusals_behind_the_stage_are_mended_too() {
    let outer = build(json!({"response-set": {"x-frame-options": "DENY"}}))
        .unwrap()
        .remove(0)
        .1;
    let inner = build(json!({"require": ["x-partner"]})).unwrap().remove(0).1;
    let pipeline = Pipeline::from_iter([outer, inner]);
    let response = ask(&pipeline, &[]).await;
    assert_eq!(
        (response.status().as_u16(), &response.headers()["x-frame-options"]),
        (400, &"DENY".parse().unwrap())
    );
}

#[test]
fn everything_that_is_wrong_is_reported_with_its_key() {
    let error = build(json!({
        "block": ["x-fine", "not a name"],
        "require": ["naïve"],
        "block-value": {"x-a": "(", "x b": "a", "x-c": "a{1000}{1000}"},
        "response-remove": ["x y", "Transfer-Encoding"],
        "response-set": {"Content-Length": "5", "x-d": "caf\u{e9}", "x-e": "a\r\nset-cookie: b"},
    }))
    .unwrap_err();
    let keys: Vec<&str> = error.faults.iter().map(|fault| fault.key.as_str()).collect();
    assert_eq!(
        keys,
        [
            "block[1]",
            "require[0]",
            "response-remove[0]",
            "response-remove[1]",
            "block-value.x b",
            "block-value.x-a",
            "block-value.x-c",
            "response-set.content-length",
            "response-set.x-d",
            "response-set.x-e",
        ]
    );
    assert!(error.faults[5].expected.contains("unclosed group"), "{error}");
}

#[rstest]
#[case(json!({"blok": ["x"]}), "blok")]
#[case(json!({"faulty": "perhaps"}), "perhaps")]
#[case(json!({"max-count": "many"}), "many")]
fn settings_that_nobody_knows_are_errors(#[case] value: Value, #[case] named: &str) {
    let error = serde_json::from_value::<HeaderSettings>(value).unwrap_err();
    assert!(error.to_string().contains(named), "{error}");
}

#[test]
fn allowing_faults_is_a_finding() {
    let findings = |value| with_context(|cx| HeaderRules::guardrails(&settings(value), cx));
    let found = findings(json!({"faulty": "allow"}));
    assert_eq!(found.len(), 1);
    assert_eq!(
        (&*found[0].code, found[0].severity),
        ("faulty-headers-allowed", Severity::Moderate)
    );
    assert!(findings(json!({})).is_empty());
}

#[tokio::test]
async fn a_body_on_get_is_refused_also_where_no_field_announces_it() {
    let inner = service_fn(|_: Request<Full<Bytes>>| async {
        Ok::<_, Infallible>(Response::new(Full::<Bytes>::default()))
    });
    let service = ServiceBuilder::new()
        .layer(pipeline(json!({"body-on-get": "reject"})))
        .service(inner);
    for (method, body, status) in [
        ("GET", "", 200),
        ("GET", "body", 400),
        ("HEAD", "body", 400),
        ("POST", "body", 200),
    ] {
        let request = Request::builder()
            .method(method)
            .header("host", "api.example")
            .body(Full::new(Bytes::from(body)))
            .unwrap();
        assert_eq!(
            service.clone().oneshot(request).await.unwrap().status(),
            status,
            "{method} {body}"
        );
    }
}
