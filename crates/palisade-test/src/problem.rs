use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

/// Asserts that an answer is a whole problem document with that status, code, title and detail: media type, length, request id and
/// every member. Use it as [`assert_problem!`](crate::assert_problem!).
///
/// # Panics
/// When it is not; the message shows what differs.
#[track_caller]
#[expect(clippy::panic, reason = "an assertion")]
pub fn assert_problem(
    (status, headers, body): (StatusCode, &HeaderMap, &[u8]),
    (expected, code, title, detail): (u16, &str, &str, &str),
    members: &Value,
) {
    let text = |name: &str| {
        headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    };
    assert_eq!(status.as_u16(), expected, "{}", String::from_utf8_lossy(body));
    assert_eq!(text("content-type"), "application/problem+json");
    let id = text("x-request-id");
    assert!(!id.is_empty(), "a refusal names its exchange in X-Request-Id");
    let mut document = json!({
        "type": format!("urn:palisade:problem:{code}"),
        "title": title,
        "status": expected,
        "detail": detail,
        "instance": id,
    });
    if let (Value::Object(document), Value::Object(members)) = (&mut document, members) {
        document.extend(members.clone());
    }
    match serde_json::from_slice::<Value>(body) {
        Ok(found) => assert_eq!(found, document),
        Err(error) => panic!("no JSON: {error}"),
    }
}

/// Asserts that `(status, headers, body)` is a whole problem document.
///
/// ```
/// use palisade_core::{RefusalFormat, Rejection, RequestId};
/// use palisade_test::assert_problem;
///
/// let refusal = Rejection::new(http::StatusCode::FORBIDDEN, "ip-not-allowed", "No").detail("Not from there.");
/// let (head, body) = refusal.to_response(&RequestId::random(), RefusalFormat::Problem).into_parts();
/// assert_problem!((head.status, &head.headers, &body), 403, "ip-not-allowed", "No", "Not from there.");
/// ```
#[macro_export]
macro_rules! assert_problem {
    ($answer:expr, $status:expr, $code:expr, $title:expr, $detail:expr $(,)?) => {
        $crate::assert_problem!($answer, $status, $code, $title, $detail, {})
    };
    ($answer:expr, $status:expr, $code:expr, $title:expr, $detail:expr, $members:tt $(,)?) => {{
        let (status, headers, body) = $answer;
        $crate::assert_problem(
            (status, headers, &body[..]),
            ($status, $code, $title, $detail),
            &$crate::json!($members),
        )
    }};
}
