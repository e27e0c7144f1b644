//! Requests and answers against an OpenAPI document, through the pipeline of a group.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request};
use http_body_util::Full;
use rstest::rstest;
use serde_json::Value;

use crate::common::{Answer, World, accepted, refused, to};

/// What groups have as paths.
const PATHS: &str = "/v2/{*rest},/eu/v2/{*rest},/orders";

const DOCUMENT: &str = r##"openapi: 3.0.3
info: {title: Orders, version: "2"}
servers:
  - url: https://api.example.com/v2
  - url: https://{host}/{region}/v2
    variables:
      host: {default: api.example.com}
      region: {default: eu, enum: [eu, us]}
security: [{key: []}]
paths:
  /orders:
    get:
      operationId: listOrders
      parameters:
        - {name: limit, in: query, schema: {type: integer, minimum: 1, maximum: 100}}
        - {name: state, in: query, explode: false, schema: {type: array, items: {enum: [open, shipped]}}}
        - {name: X-Trace, in: header, schema: {type: string, maxLength: 8}}
      responses:
        "200":
          description: the orders
          headers:
            X-Total: {required: true, schema: {type: integer}}
          content:
            application/json:
              schema: {type: array, items: {$ref: "#/components/schemas/Order"}}
        default:
          description: a problem
          content:
            application/problem+json: {schema: {type: object}}
    post:
      operationId: createOrder
      requestBody:
        required: true
        content:
          application/json: {schema: {$ref: "#/components/schemas/Order"}}
          application/x-www-form-urlencoded: {schema: {$ref: "#/components/schemas/Order"}}
          text/plain: {schema: {type: string, pattern: "^EUR [0-9]+$"}}
      responses:
        "201": {description: created}
  /orders/{id}:
    parameters:
      - {name: id, in: path, required: true, schema: {type: string, pattern: "^[A-Z]{2}[0-9]+$"}}
    get:
      responses:
        "200": {description: the order}
    delete:
      operationId: cancelOrder
      responses:
        "204": {description: gone}
  /orders/latest:
    get:
      operationId: latestOrder
      responses:
        "200": {description: the order}
components:
  securitySchemes:
    key: {type: apiKey, in: query, name: api_key}
  schemas:
    Order:
      type: object
      required: [id, customer, amount]
      properties:
        id: {type: string, readOnly: true}
        customer: {type: string, minLength: 1}
        amount: {type: number, exclusiveMinimum: true, minimum: 0}
        note: {type: string, nullable: true}
        secret: {type: string, writeOnly: true}
"##;

fn world(settings: &str) -> World {
    let settings = format!("validation.openapi=orders.yaml\n{settings}");
    World::at(PATHS, &settings, &[("orders.yaml", DOCUMENT)])
}

fn order(body: &str) -> Request<Full<Bytes>> {
    to(
        "/v2/orders",
        Method::POST,
        Some("application/json"),
        body.to_owned(),
    )
}

/// With an answer of the handler.
fn answered(
    method: Method,
    path: &str,
    status: u16,
    body: &str,
    fields: &[(&str, &str)],
) -> Request<Full<Bytes>> {
    let mut request = to(path, method, None, "");
    let headers = request.headers_mut();
    headers.insert("x-answer-status", status.into());
    headers.insert("x-answer", HeaderValue::from_str(body).expect("a value"));
    headers.insert("x-answer-type", HeaderValue::from_static("application/json"));
    for (name, value) in fields {
        headers.insert(
            HeaderName::from_bytes(format!("x-answer-field-{name}").as_bytes()).expect("a name"),
            HeaderValue::from_str(value).expect("a value"),
        );
    }
    request
}

fn pointers(answer: &Answer) -> Vec<String> {
    let document = answer.document();
    let errors = document.get("errors").and_then(Value::as_array);
    let text = |error: &Value, member: &str| {
        error
            .get(member)
            .and_then(Value::as_str)
            .unwrap_or("?")
            .to_owned()
    };
    errors
        .into_iter()
        .flatten()
        .map(|error| format!("{} {}", text(error, "pointer"), text(error, "keyword")))
        .collect()
}

#[rstest]
#[case::known("GET", "/v2/orders", accepted())]
#[case::head_is_get("HEAD", "/v2/orders", accepted())]
#[case::below_a_variable("GET", "/eu/v2/orders", accepted())]
#[case::fixed_before_variable("GET", "/v2/orders/latest", accepted())]
#[case::in_its_form("GET", "/v2/orders/DE17", accepted())]
#[case::in_another("GET", "/v2/orders/17", refused(400, "parameter-invalid"))]
#[case::no_such_path("GET", "/v2/invoices", refused(404, "operation-unknown"))]
#[case::not_below_a_server("GET", "/orders", refused(404, "operation-unknown"))]
#[case::no_such_method("PUT", "/v2/orders", refused(405, "method-not-allowed"))]
#[case::not_at_this_path("DELETE", "/v2/orders/latest", refused(405, "method-not-allowed"))]
#[case::a_slash_more("GET", "/v2/orders/", refused(404, "operation-unknown"))]
#[tokio::test]
async fn only_operations_of_the_document_pass(
    #[case] method: &str,
    #[case] path: &str,
    #[case] verdict: (u16, String),
) {
    let request = to(path, method.parse().unwrap(), None, "");
    let answer = world("").send(request).await;
    assert_eq!(answer.verdict(), verdict);
}

#[tokio::test]
async fn a_method_that_is_not_there_is_told_which_are() {
    let world = world("");
    for (path, allowed) in [
        ("/v2/orders", "GET, POST, HEAD"),
        ("/v2/orders/DE1", "GET, DELETE, HEAD"),
    ] {
        let answer = world.send(to(path, Method::PATCH, None, "")).await;
        assert_eq!(answer.headers["allow"], allowed);
    }
}

#[rstest]
#[case("limit=10", accepted())]
#[case("limit=0", refused(400, "parameter-invalid"))]
#[case("limit=ten", refused(400, "parameter-invalid"))]
#[case("limit=1&limit=2", refused(400, "parameter-invalid"))]
#[case("state=open,shipped", accepted())]
#[case("state=open%2Cshipped", refused(400, "parameter-invalid"))]
#[case("state=lost", refused(400, "parameter-invalid"))]
#[case("color=red", accepted())]
#[tokio::test]
async fn parameters_are_what_the_document_says(#[case] query: &str, #[case] verdict: (u16, String)) {
    let request = to(&format!("/v2/orders?{query}"), Method::GET, None, "");
    assert_eq!(world("").verdict(request).await, verdict);
}

#[rstest]
#[case::of_the_document("limit=10", accepted())]
#[case::of_its_security("api_key=k", accepted())]
#[case::of_settings("page=2", accepted())]
#[case::of_settings_too("page=two", refused(400, "parameter-invalid"))]
#[case::of_nobody("color=red", refused(400, "parameter-invalid"))]
#[tokio::test]
async fn unknown_parameters_are_those_that_nobody_names(#[case] query: &str, #[case] verdict: (u16, String)) {
    let world = world("validation.unknown-query=reject\nvalidation.query.page.type=integer");
    let request = to(&format!("/v2/orders?{query}"), Method::GET, None, "");
    assert_eq!(world.verdict(request).await, verdict);
}

#[rstest]
#[case::good(r#"{"customer":"a","amount":1.5,"note":null}"#, accepted(), &[])]
#[case::several(r#"{"amount":0}"#, refused(422, "schema-violation"), &[" required", "/amount exclusiveMinimum"])]
#[case::read_only(r#"{"id":"DE1","customer":"a","amount":1}"#, refused(422, "schema-violation"), &[" readOnly"])]
#[case::twice(r#"{"customer":"a","amount":1,"amount":2}"#, refused(400, "body-malformed"), &[])]
#[case::nothing("", refused(400, "body-malformed"), &[])]
#[tokio::test]
async fn bodies_are_what_the_document_says(
    #[case] body: &str,
    #[case] verdict: (u16, String),
    #[case] errors: &[&str],
) {
    let answer = world("").send(order(body)).await;
    assert_eq!(answer.verdict(), verdict);
    let mut found = pointers(&answer);
    found.sort_unstable();
    assert_eq!(found, errors);
}

#[rstest]
#[case(
    Some("application/x-www-form-urlencoded"),
    "customer=a&amount=1.5",
    accepted()
)]
#[case(
    Some("application/x-www-form-urlencoded"),
    "customer=a&amount=much",
    refused(422, "schema-violation")
)]
#[case(Some("text/plain"), "EUR 5", accepted())]
#[case(Some("text/plain; charset=utf-8"), "EUR 5", accepted())]
#[case(
    Some("text/plain; charset=latin1"),
    "EUR 5",
    refused(415, "media-type-not-accepted")
)]
#[case(Some("text/plain"), "5", refused(422, "schema-violation"))]
#[case(Some("application/xml"), "<order/>", refused(415, "media-type-not-accepted"))]
#[case(None, "EUR 5", refused(415, "media-type-not-accepted"))]
#[tokio::test]
async fn bodies_are_of_the_media_types_of_the_operation(
    #[case] media_type: Option<&str>,
    #[case] body: &str,
    #[case] verdict: (u16, String),
) {
    let request = to("/v2/orders", Method::POST, media_type, body.to_owned());
    let answer = world("").send(request).await;
    assert_eq!(answer.verdict(), verdict);
    if answer.status == 415 && !media_type.is_some_and(|media_type| media_type.starts_with("text")) {
        assert_eq!(
            answer.headers["accept-post"],
            "application/json, application/x-www-form-urlencoded, text/plain"
        );
    }
}

#[tokio::test]
async fn an_operation_without_a_body_takes_none() {
    let request = to("/v2/orders/DE1", Method::DELETE, Some("application/json"), "{}");
    assert_eq!(
        world("").verdict(request).await,
        refused(415, "media-type-not-accepted")
    );
    let request = to("/v2/orders/DE1", Method::DELETE, None, "");
    assert_eq!(world("").verdict(request).await, accepted());
}

const GOOD: &str = r#"[{"id":"DE1","customer":"a","amount":1}]"#;
const LEAKS: &str = r#"[{"id":"DE1","customer":"a","amount":1,"secret":"s"}]"#;

#[rstest]
#[case::good(Method::GET, 200, GOOD, &[("x-total", "1")], true)]
#[case::no_field(Method::GET, 200, GOOD, &[], false)]
#[case::no_number(Method::GET, 200, GOOD, &[("x-total", "one")], false)]
#[case::write_only(Method::GET, 200, LEAKS, &[("x-total", "1")], false)]
#[case::no_body(Method::GET, 200, "", &[("x-total", "1")], false)]
#[case::of_another_status(Method::GET, 500, "{}", &[], false)]
#[case::head(Method::HEAD, 200, "", &[("x-total", "1")], true)]
#[case::head_without(Method::HEAD, 200, "", &[], false)]
#[tokio::test]
async fn answers_are_what_the_document_says(
    #[case] method: Method,
    #[case] status: u16,
    #[case] body: &str,
    #[case] fields: &[(&str, &str)],
    #[case] is_good: bool,
) {
    let request = || answered(method.clone(), "/v2/orders", status, body, fields);
    let reported = world("validation.response=report").send(request()).await;
    assert_eq!((reported.status, &*reported.body), (status, body.as_bytes()));
    let enforced = world("validation.response=enforce").send(request()).await;
    assert_eq!(enforced.status, if is_good { status } else { 500 });
    let text = String::from_utf8_lossy(&enforced.body).into_owned();
    assert!(
        is_good || !text.contains("x-total") && !text.contains("secret"),
        "{text}"
    );
}

#[tokio::test]
async fn a_status_that_the_document_does_not_have_is_no_good_answer() {
    let request = || answered(Method::GET, "/v2/orders/DE1", 418, "", &[]);
    let answer = world("validation.response=enforce").send(request()).await;
    assert_eq!(answer.verdict(), refused(500, "response-invalid"));
}

#[tokio::test]
async fn a_refusal_names_the_parameter_and_not_its_value() {
    let request = to("/v2/orders?limit=4711", Method::GET, None, "");
    let answer = world("").send(request).await;
    let document = answer.document();
    let detail = document["detail"].as_str().unwrap();
    assert!(detail.contains("limit") && detail.contains("100"), "{detail}");
    assert!(
        !String::from_utf8_lossy(&answer.body).contains("4711"),
        "{detail}"
    );
    assert_eq!(pointers(&answer), [" maximum"]);
}

#[rstest]
#[case::a_form(Some("application/x-www-form-urlencoded"), refused(422, "schema-violation"))]
#[case::parts(Some("multipart/form-data; boundary=b"), refused(400, "body-malformed"))]
#[case::a_text(Some("text/plain"), accepted())]
#[case::another(Some("text/html"), refused(415, "media-type-not-accepted"))]
#[case::nothing(None, accepted())]
#[tokio::test]
async fn an_empty_form_is_one_without_fields_even_where_no_body_is_asked_for(
    #[case] media_type: Option<&str>,
    #[case] verdict: (u16, String),
) {
    let document = r"openapi: 3.1.0
info: {title: Orders, version: '1'}
paths:
  /orders:
    post:
      requestBody:
        content:
          application/x-www-form-urlencoded: {schema: {type: object, required: [id]}}
          multipart/form-data: {schema: {type: object, required: [id]}}
          text/plain: {}
";
    let world = World::at(
        "/orders",
        "validation.openapi=orders.yaml",
        &[("orders.yaml", document)],
    );
    let request = to("/orders", Method::POST, media_type, "");
    assert_eq!(world.verdict(request).await, verdict);
}

/// A document of that version with one operation, whose request body is `body`.
fn small(version: &str, security: &str, body: &str) -> String {
    format!(
        r#"openapi: {version}
info: {{title: Small, version: "1"}}
security: {security}
paths:
  /orders:
    post:
      requestBody: {{content: {body}}}
      responses: {{"200": {{description: done}}}}
components:
  securitySchemes: {{key: {{type: apiKey, in: header, name: X-Key}}}}
"#
    )
}

const ANYTHING: &str = "{application/json: {schema: {type: object}}}";

#[rstest]
#[case::nothing("3.0.4", "[]", ANYTHING, &[])]
#[case::security("3.0.4", "[{key: []}]", ANYTHING, &["openapi-security-not-enforced"])]
#[case::security_that_may_be_left_out("3.0.4", "[{key: []}, {}]", ANYTHING, &[])]
#[case::xml("3.0.4", "[]", "{application/xml: {schema: {type: object}}}", &["openapi-body-unchecked"])]
#[case::any_media_type("3.0.4", "[]", "{'*/*': {schema: {type: object}}}", &[])]
#[case::bytes("3.0.4", "[]", "{image/png: {schema: {type: string, format: binary}}}", &[])]
#[case::nullable("3.0.4", "[]", "{application/json: {schema: {type: string, nullable: true}}}", &[])]
#[case::nullable_of_old("3.1.1", "[]", "{application/json: {schema: {type: string, nullable: true}}}", &["openapi-nullable-ignored"])]
fn what_is_unwise_in_a_document_is_a_finding(
    #[case] version: &str,
    #[case] security: &str,
    #[case] body: &str,
    #[case] codes: &[&str],
) {
    let document = small(version, security, body);
    let world = World::with_files("validation.openapi=small.yaml", &[("small.yaml", &document)]);
    let policy = world.policy();
    let found: Vec<&str> = policy.findings().iter().map(|finding| &*finding.code).collect();
    assert_eq!(found, codes);
}

#[rstest]
#[case::in_the_path("https://api.example.com{base}", "/sell/v1")]
#[case::open("/{tenant}/api", "/north")]
#[tokio::test]
async fn variables_of_servers_make_paths(#[case] url: &str, #[case] default: &str) {
    let name = if url.contains("base") { "base" } else { "tenant" };
    let default = default.trim_start_matches(if name == "tenant" { "/" } else { "" });
    let servers =
        format!("servers: [{{url: '{url}', variables: {{{name}: {{default: {default}}}}}}}]\npaths:");
    let document = small("3.0.4", "[]", ANYTHING).replace("paths:", &servers);
    let world = World::at(
        "/{*rest}",
        "validation.openapi=small.yaml",
        &[("small.yaml", &document)],
    );
    let good = if name == "base" {
        "/sell/v1/orders"
    } else {
        "/south/api/orders"
    };
    for (path, verdict) in [(good, accepted()), ("/orders", refused(404, "operation-unknown"))] {
        let request = to(path, Method::POST, Some("application/json"), "{}");
        assert_eq!(world.verdict(request).await, verdict, "{path}");
    }
}

#[rstest]
#[case::checked(
    "{'*/*': {schema: {type: object, required: [a]}}}",
    "application/json",
    r#"{"a":1}"#,
    accepted()
)]
#[case::wrong(
    "{'*/*': {schema: {type: object, required: [a]}}}",
    "application/json",
    "{}",
    refused(422, "schema-violation")
)]
#[case::of_another_kind(
    "{'*/*': {schema: {type: object, required: [a]}}}",
    "image/png",
    "{}",
    refused(415, "media-type-not-accepted")
)]
#[case::xml(
    "{'application/*': {schema: {type: object}}}",
    "application/xml",
    "<a/>",
    refused(415, "media-type-not-accepted")
)]
#[case::bytes(
    "{'image/*': {schema: {type: string, format: binary}}}",
    "image/png",
    "x",
    accepted()
)]
#[case::json_by_another_name("{'text/json': {schema: {type: object}}}", "text/json", "{}", accepted())]
#[case::another_charset(
    "{application/x-www-form-urlencoded: {schema: {type: object}}}",
    "application/x-www-form-urlencoded; charset=utf-16",
    "a=1",
    refused(415, "media-type-not-accepted")
)]
#[tokio::test]
async fn a_peer_cannot_choose_that_a_schema_does_not_hold(
    #[case] content: &str,
    #[case] media_type: &str,
    #[case] body: &'static str,
    #[case] verdict: (u16, String),
) {
    let document = small("3.0.4", "[]", content);
    let world = World::with_files("validation.openapi=small.yaml", &[("small.yaml", &document)]);
    let request = to("/orders", Method::POST, Some(media_type), body);
    assert_eq!(world.verdict(request).await, verdict);
}

#[tokio::test]
async fn a_media_type_without_a_body_is_no_body() {
    let request = to("/v2/orders/DE1", Method::DELETE, Some("application/json"), "");
    assert_eq!(world("").verdict(request).await, accepted());
}

#[rstest]
#[case::another_server("servers: [{url: /v9}]\npaths:", &["openapi-no-operation"])]
#[case::the_same("servers: [{url: /}]\npaths:", &[])]
#[case::any_tenant("servers: [{url: '/{tenant}', variables: {tenant: {default: a}}}]\npaths:", &[])]
fn a_group_that_serves_no_operation_is_a_finding(#[case] servers: &str, #[case] codes: &[&str]) {
    let document = small("3.0.4", "[]", ANYTHING).replace("paths:", servers);
    let world = World::at(
        "/orders,/{tenant}/other/orders,/north/orders",
        "validation.openapi=small.yaml",
        &[("small.yaml", &document)],
    );
    let policy = world.policy();
    let found: Vec<&str> = policy.findings().iter().map(|finding| &*finding.code).collect();
    assert_eq!(found, codes);
}
