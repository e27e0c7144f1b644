//! What whole bodies tell.

use http::Method;
use rstest::rstest;
use serde_json::{Value, json as value};

use crate::common::{World, accepted, json, post, refused, request};

#[rstest]
#[case("{\"a\":[1,2.5e3,\"\\u00e9\",true,null]}", accepted())]
#[case("[]", accepted())]
#[case("", refused(400, "body-malformed"))]
#[case("{\"a\":1,\"a\":2}", refused(400, "body-malformed"))]
#[case("{\"a\":1,\"\\u0061\":2}", refused(400, "body-malformed"))]
#[case("{\"a\":1", refused(400, "body-malformed"))]
#[case("{'a':1}", refused(400, "body-malformed"))]
#[case("[1] [2]", refused(400, "body-malformed"))]
#[case("\"\\ud800\"", refused(400, "body-malformed"))]
#[case("NaN", refused(400, "body-malformed"))]
#[tokio::test]
async fn json_is_json(#[case] body: &'static str, #[case] verdict: (u16, String)) {
    let world = World::of("validation.max-body=1 MiB");
    assert_eq!(world.verdict(json(body)).await, verdict);
    assert_eq!(
        world.verdict(post("application/problem+json", body)).await,
        verdict
    );
    // What is no JSON by its type is not looked at as such.
    assert_eq!(world.verdict(post("text/plain", "{'a':1}")).await, accepted());
}

#[tokio::test]
async fn json_has_bounds() {
    let world = World::of(
        "validation.json.max-depth=3\nvalidation.json.max-items=4\nvalidation.json.max-string=5\n\
         validation.json.duplicate-keys=allow",
    );
    for (body, fits) in [
        ("[[[1]]]", true),
        ("[[[[1]]]]", false),
        ("[1,2,3,4]", true),
        ("[1,2,3,4,5]", false),
        ("\"12345\"", true),
        ("\"123456\"", false),
        ("{\"a\":1,\"a\":2}", true),
    ] {
        let verdict = if fits {
            accepted()
        } else {
            refused(400, "body-malformed")
        };
        assert_eq!(world.verdict(json(body)).await, verdict, "{body}");
    }
}

#[rstest]
#[case("<a><b c='d'/></a>", accepted())]
#[case("", refused(400, "body-malformed"))]
#[case("<a>", refused(400, "body-malformed"))]
#[case(
    "<!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><a>&x;</a>",
    refused(400, "body-malformed")
)]
#[tokio::test]
async fn xml_is_xml(#[case] body: &'static str, #[case] verdict: (u16, String)) {
    let world = World::of("validation.max-body=1 MiB");
    for media_type in [
        "application/xml",
        "text/xml; charset=utf-8",
        "application/vnd.x+xml",
    ] {
        assert_eq!(
            world.verdict(post(media_type, body)).await,
            verdict,
            "{media_type}"
        );
    }
}

#[tokio::test]
async fn xml_has_bounds() {
    let world =
        World::of("validation.xml.max-depth=2\nvalidation.xml.max-attributes=1\nvalidation.xml.max-nodes=5");
    for (body, fits) in [
        ("<a><b/></a>", true),
        ("<a><b><c/></b></a>", false),
        ("<a b='1'/>", true),
        ("<a b='1' c='2'/>", false),
        ("<a><b/><b/><b/><b/></a>", true),
        ("<a><b/><b/><b/><b/><b/></a>", false),
    ] {
        let verdict = if fits {
            accepted()
        } else {
            refused(400, "body-malformed")
        };
        assert_eq!(world.verdict(post("text/xml", body)).await, verdict, "{body}");
    }
}

#[tokio::test]
async fn forms_and_parts_are_as_they_should_be() {
    let world = World::of("validation.multipart.max-parts=1\nvalidation.multipart.max-part=4");
    let form = "application/x-www-form-urlencoded";
    assert_eq!(world.verdict(post(form, "a=1&b=%C3%A9")).await, accepted());
    assert_eq!(
        world.verdict(post(form, "a=%C3")).await,
        refused(400, "body-malformed")
    );
    assert_eq!(
        world.verdict(post(form, "a=%zz")).await,
        refused(400, "body-malformed")
    );
    let part =
        |content: &str| format!("--x\r\ncontent-disposition: form-data; name=\"a\"\r\n\r\n{content}\r\n");
    let parts = "multipart/form-data; boundary=x";
    let one = format!("{}--x--\r\n", part("1234"));
    assert_eq!(world.verdict(post(parts, one.clone())).await, accepted());
    let large = format!("{}--x--\r\n", part("12345"));
    assert_eq!(
        world.verdict(post(parts, large)).await,
        refused(400, "body-malformed")
    );
    let two = format!("{}{}--x--\r\n", part("1"), part("2"));
    assert_eq!(
        world.verdict(post(parts, two)).await,
        refused(400, "body-malformed")
    );
    assert_eq!(
        world.verdict(post("multipart/form-data", one)).await,
        refused(400, "body-malformed")
    );
}

#[tokio::test]
async fn an_empty_body_is_refused_where_its_type_says_that_there_is_something() {
    let world = World::of("validation.max-body=1 MiB");
    for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
        let empty = request(method.clone(), Some("application/json"), "");
        assert_eq!(
            world.verdict(empty).await,
            refused(400, "body-malformed"),
            "{method}"
        );
        assert_eq!(world.verdict(request(method, None, "")).await, accepted());
    }
    assert_eq!(
        world
            .verdict(request(Method::GET, Some("application/json"), ""))
            .await,
        accepted()
    );
}

#[tokio::test]
async fn what_the_handler_gets_is_byte_for_byte_what_was_looked_at() {
    let world = World::of("validation.max-body=1 MiB");
    let body = "{ \"b\" : 1.50,\n\t\"a\":\"\\u0041\" }\r\n";
    assert_eq!(world.send(json(body)).await.body, body);
}

const ORDER: &str = r#"{
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "required": ["id", "lines"],
    "additionalProperties": false,
    "properties": {
        "id": {"type": "string", "pattern": "^[A-Z]{2}[0-9]+$"},
        "lines": {"type": "array", "minItems": 1, "items": {"$ref": "line.json"}}
    }
}"#;
const LINE: &str = r#"{"type": "object", "required": ["amount"], "properties": {"amount": {"type": "number", "minimum": 0}}}"#;

fn with_schema() -> World {
    World::with_files(
        "validation.schema=order.json",
        &[("order.json", ORDER), ("line.json", LINE)],
    )
}

#[tokio::test]
async fn a_body_matches_its_schema_or_is_told_where_it_does_not() {
    let world = with_schema();
    assert_eq!(
        world
            .verdict(json(r#"{"id":"AB1","lines":[{"amount":1.5}]}"#))
            .await,
        accepted()
    );
    let answer = world
        .send(json(
            r#"{"id":"hidden-1","lines":[{"amount":1},{"amount":-7}],"x":1}"#,
        ))
        .await;
    assert_eq!(answer.verdict(), refused(422, "schema-violation"));
    let document = answer.document();
    let errors = document["errors"].as_array().expect("a list");
    let told: Vec<(&str, &str)> = errors
        .iter()
        .map(|error| {
            let text = |name: &str| error.get(name).and_then(Value::as_str).unwrap_or_default();
            (text("pointer"), text("keyword"))
        })
        .collect();
    assert!(told.contains(&("/id", "pattern")), "{told:?}");
    assert!(told.contains(&("/lines/1/amount", "minimum")), "{told:?}");
    assert!(
        told.iter().any(|(_, keyword)| *keyword == "additionalProperties"),
        "{told:?}"
    );
    let text = document.to_string();
    assert!(!text.contains("hidden-1") && !text.contains("-7"), "{text}");
    assert_eq!(document["status"], value!(422));
}

#[tokio::test]
async fn what_a_schema_is_about_cannot_be_passed_by() {
    let world = with_schema();
    for media_type in [
        "text/plain",
        "application/xml",
        "application/x-www-form-urlencoded",
    ] {
        let verdict = world.verdict(post(media_type, "<a/>")).await;
        assert_eq!(verdict, refused(415, "media-type-not-accepted"), "{media_type}");
    }
    assert_eq!(
        world.verdict(request(Method::POST, None, "{}")).await,
        refused(415, "media-type-not-accepted")
    );
    assert_eq!(
        world.verdict(request(Method::POST, None, "")).await,
        refused(400, "body-malformed")
    );
    assert_eq!(world.verdict(request(Method::GET, None, "")).await, accepted());
    assert_eq!(world.verdict(request(Method::DELETE, None, "")).await, accepted());
}

/// Such bodies are looked at on other threads than those that serve requests.
#[rstest]
#[case::good(3000, "", accepted())]
#[case::good_and_larger(18_000, "", accepted())]
#[case::not_in_its_last_item(3000, ",{\"sku\":7}", refused(422, "schema-violation"))]
#[case::not_json(3000, ",{", refused(400, "body-malformed"))]
#[case::too_large(30_000, "", refused(413, "body-too-large"))]
#[tokio::test]
async fn large_bodies_are_looked_at_as_small_ones_are(
    #[case] items: usize,
    #[case] last: &str,
    #[case] verdict: (u16, String),
) {
    let schema = r#"{"items": {"properties": {"sku": {"type": "string"}}}}"#;
    let settings = "validation.schema=lines.json\nvalidation.json.max-items=100000";
    let world = World::with_files(settings, &[("lines.json", schema)]);
    let item = r#"{"sku":"0123456789ABCDEF","count":1234567,"note":"x"}"#;
    let body = format!("[{}{last}]", vec![item; items].join(","));
    let answer = world.send(json(body.clone())).await;
    assert_eq!(answer.verdict(), verdict);
    assert!(answer.status != 200 || answer.body == body);
}
