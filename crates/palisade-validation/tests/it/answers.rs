//! Answers of handlers.

use http::Method;
use rstest::rstest;

use crate::common::{World, accepted, refused, request};

#[rstest]
#[case("off", "{\"a\":1,\"a\":2}", accepted())]
#[case("report", "{\"a\":1,\"a\":2}", accepted())]
#[case("enforce", "{\"a\":1,\"a\":2}", refused(500, "response-invalid"))]
#[case("enforce", "{\"a\":1}", accepted())]
#[case("enforce", "", accepted())]
#[tokio::test]
async fn answers_are_looked_at_as_far_as_is_asked_for(
    #[case] setting: &str,
    #[case] body: &str,
    #[case] verdict: (u16, String),
) {
    let world = World::of(&format!("validation.response={setting}"));
    let mut request = request(Method::GET, None, "");
    request.headers_mut().insert("x-answer", body.parse().unwrap());
    request
        .headers_mut()
        .insert("x-answer-type", "application/json".parse().unwrap());
    let answer = world.send(request).await;
    assert_eq!(answer.verdict(), verdict);
    if answer.status == 200 {
        assert_eq!(answer.body, body);
    } else {
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        assert!(!text.contains("twice") && !text.contains("line"), "{text}");
    }
}
