//! What the head alone tells.

use http::Method;
use rstest::rstest;

use crate::common::{World, accepted, json, post, refused, request, to};

#[rstest]
#[case("application/json", accepted())]
#[case("application/json; charset=utf-8", accepted())]
#[case("application/vnd.orders+json", accepted())]
#[case("text/xml", refused(415, "media-type-not-accepted"))]
#[case("application/json, text/xml", refused(415, "media-type-not-accepted"))]
#[case(
    "application/json; charset=iso-8859-1",
    refused(415, "media-type-not-accepted")
)]
#[case("nonsense", refused(415, "media-type-not-accepted"))]
#[tokio::test]
async fn media_types_that_are_not_named_are_refused(
    #[case] media_type: &str,
    #[case] verdict: (u16, String),
) {
    let world = World::of("validation.content-types=application/json,application/*+json");
    let answer = world.send(post(media_type, "{}")).await;
    assert_eq!(answer.verdict(), verdict);
    if answer.status == 415 && !media_type.contains("charset") {
        assert_eq!(
            answer.headers.get("accept-post").expect("what is"),
            "application/json, application/*+json"
        );
    }
}

#[tokio::test]
async fn a_body_without_a_media_type_is_refused_where_types_are_named() {
    let world = World::of("validation.content-types=application/json");
    let bare = || request(Method::POST, None, "{}");
    assert_eq!(
        world.verdict(bare()).await,
        refused(415, "media-type-not-accepted")
    );
    let mut twice = json("{}");
    twice
        .headers_mut()
        .append("content-type", "application/json".parse().unwrap());
    assert_eq!(
        world.verdict(twice).await,
        refused(415, "media-type-not-accepted")
    );
    assert_eq!(world.verdict(request(Method::GET, None, "")).await, accepted());
    assert_eq!(
        World::of("validation.max-body=10").verdict(bare()).await,
        accepted()
    );
}

#[tokio::test]
async fn a_body_that_is_announced_as_too_large_is_not_read() {
    let world = World::of("validation.max-body=10");
    assert_eq!(world.verdict(json("[1,2,3,45]")).await, accepted());
    let answer = world.send(json("[1,2,3,456]")).await;
    assert_eq!(answer.verdict(), refused(413, "body-too-large"));
    assert_eq!(answer.document()["detail"], "The body may have 10 bytes at most.");
    // One that does not say how large it is.
    let mut silent = json("[1,2,3,456]");
    silent.headers_mut().remove("content-length");
    assert_eq!(world.verdict(silent).await, refused(413, "body-too-large"));
}

#[rstest]
#[case("gzip", refused(415, "media-type-not-accepted"))]
#[case("identity", accepted())]
#[case("br, identity", refused(415, "media-type-not-accepted"))]
#[tokio::test]
async fn bodies_that_are_coded_are_refused(#[case] coding: &str, #[case] verdict: (u16, String)) {
    let world = World::of("validation.max-body=1 MiB");
    let mut request = json("{}");
    request
        .headers_mut()
        .insert("content-encoding", coding.parse().unwrap());
    let answer = world.send(request).await;
    assert_eq!(answer.verdict(), verdict);
    if answer.status == 415 {
        assert_eq!(answer.headers["accept-encoding"], "identity");
    }
}

const PARAMETERS: &str = "\
validation.path.id.pattern=[A-Z]{2}[0-9]{4}
validation.query.limit.type=integer
validation.query.limit.min=1
validation.query.limit.max=100
validation.unknown-query=reject
validation.header.X-Trace.max-length=8
validation.header.X-Partner.required=true
";

#[rstest]
#[case("/orders/AB1234", accepted())]
#[case("/orders/AB1234?limit=100", accepted())]
#[case("/orders/ab1234", refused(400, "parameter-invalid"))]
#[case("/orders/AB1234?limit=0", refused(400, "parameter-invalid"))]
#[case("/orders/AB1234?limit=1%20or%201=1", refused(400, "parameter-invalid"))]
#[case("/orders/AB1234?limit=1&limit=2", refused(400, "parameter-invalid"))]
#[case("/orders/AB1234?page=1", refused(400, "parameter-invalid"))]
#[case("/orders", accepted())]
#[tokio::test]
async fn parameters_are_as_they_should_be(#[case] path: &str, #[case] verdict: (u16, String)) {
    let world = World::of(PARAMETERS);
    let mut request = to(path, Method::GET, None, "");
    request.headers_mut().insert("x-partner", "acme".parse().unwrap());
    assert_eq!(world.verdict(request).await, verdict);
}

#[tokio::test]
async fn a_refusal_of_a_parameter_names_it_and_never_its_value() {
    let world = World::of(PARAMETERS);
    let answer = world
        .send(to("/orders/secret-value", Method::GET, None, ""))
        .await;
    assert_eq!(answer.verdict(), refused(400, "parameter-invalid"));
    let text = String::from_utf8_lossy(&answer.body).into_owned();
    assert!(text.contains("id") && !text.contains("secret-value"), "{text}");
}
