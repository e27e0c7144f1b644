//! What a peer is told: whole documents in each format.

use bytes::Bytes;
use http::header::{HeaderName, HeaderValue, RETRY_AFTER};
use http::{Request, Response, StatusCode};
use palisade_core::{Context, Problem, RefusalFormat, Rejection, RequestId};
use rstest::rstest;
use serde_json::{Value, json};

fn refusal(status: u16) -> Rejection {
    Rejection::new(
        StatusCode::from_u16(status).unwrap_or_default(),
        "limit-reached",
        "The limit <x> & more is reached",
    )
    .detail("At most 5.")
    .member("limit", 5)
    .header(RETRY_AFTER, HeaderValue::from_static("7"))
    .caused_by("the secret reason")
}

fn request_id() -> RequestId {
    RequestId::parse(&HeaderValue::from_static("r-1")).unwrap_or_else(RequestId::random)
}

fn answer(status: u16, format: RefusalFormat) -> Response<Bytes> {
    let (mut head, ()) = Request::new(()).into_parts();
    head.extensions.insert(request_id());
    refusal(status).refuse(&mut Context::with_format(&head, format), "tests")
}

#[test]
fn the_answer_to_head_is_the_head_of_the_answer() {
    let (mut head, ()) = Request::head("/").body(()).unwrap().into_parts();
    head.extensions.insert(request_id());
    let whole = answer(429, RefusalFormat::Problem);
    let response = refusal(429).refuse(&mut Context::new(&head), "tests");
    assert_eq!(response.status(), 429);
    assert_eq!(response.headers(), whole.headers());
    assert!(response.body().is_empty());
}

#[test]
fn a_problem_document_has_every_member_and_the_cause_stays_inside() {
    let response = answer(429, RefusalFormat::Problem);
    assert_eq!(response.status(), 429);
    let mut fields: Vec<(&HeaderName, &HeaderValue)> = response.headers().iter().collect();
    fields.sort_by_key(|(name, _)| name.as_str());
    let length = HeaderValue::from(response.body().len());
    let expected = [
        ("content-length", &length),
        (
            "content-type",
            &HeaderValue::from_static("application/problem+json"),
        ),
        ("retry-after", &HeaderValue::from_static("7")),
        ("x-request-id", &HeaderValue::from_static("r-1")),
    ];
    assert!(
        fields
            .into_iter()
            .map(|(name, value)| (name.as_str(), value))
            .eq(expected),
        "{:?}",
        response.headers()
    );
    assert_eq!(
        serde_json::from_slice::<Value>(response.body()).unwrap(),
        json!({
            "type": "urn:palisade:problem:limit-reached",
            "title": "The limit <x> & more is reached",
            "status": 429,
            "detail": "At most 5.",
            "instance": "r-1",
            "limit": 5,
        })
    );
    assert_eq!(
        response
            .extensions()
            .get::<Problem>()
            .map(|problem| &*problem.code),
        Some("limit-reached")
    );
}

#[rstest]
#[case(400, 500)]
#[case(401, 401)]
#[case(403, 403)]
#[case(409, 500)]
#[case(413, 413)]
#[case(415, 415)]
#[case(422, 500)]
#[case(429, 429)]
#[case(503, 503)]
fn a_soap_11_fault_has_status_500_save_where_the_status_steers_the_client(
    #[case] status: u16,
    #[case] sent: u16,
) {
    let response = answer(status, RefusalFormat::Soap11);
    assert_eq!(response.status(), sent);
    assert_eq!(response.headers()["content-type"], "text/xml; charset=utf-8");
    let side = if status == 503 { "Server" } else { "Client" };
    assert_eq!(
        response.body(),
        &format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><soap:Envelope \
             xmlns:soap=\"http://schemas.xmlsoap.org/soap/envelope/\"><soap:Body><soap:Fault>\
             <faultcode>soap:{side}</faultcode><faultstring>The limit &lt;x&gt; &amp; more is reached</faultstring>\
             <detail><problem xmlns=\"urn:ietf:rfc:9457\"><type>urn:palisade:problem:limit-reached</type>\
             <title>The limit &lt;x&gt; &amp; more is reached</title><status>{status}</status><detail>At most 5.</detail>\
             <instance>r-1</instance><limit>5</limit></problem></detail></soap:Fault></soap:Body></soap:Envelope>"
        )
    );
}

#[test]
fn a_soap_12_fault_keeps_its_status() {
    let response = answer(422, RefusalFormat::Soap12);
    assert_eq!(response.status(), 422);
    assert_eq!(
        response.headers()["content-type"],
        "application/soap+xml; charset=utf-8"
    );
    assert_eq!(
        response.body(),
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><soap:Envelope \
         xmlns:soap=\"http://www.w3.org/2003/05/soap-envelope\"><soap:Body><soap:Fault>\
         <soap:Code><soap:Value>soap:Sender</soap:Value></soap:Code>\
         <soap:Reason><soap:Text xml:lang=\"en\">The limit &lt;x&gt; &amp; more is reached</soap:Text></soap:Reason>\
         <soap:Detail><problem xmlns=\"urn:ietf:rfc:9457\"><type>urn:palisade:problem:limit-reached</type>\
         <title>The limit &lt;x&gt; &amp; more is reached</title><status>422</status><detail>At most 5.</detail>\
         <instance>r-1</instance><limit>5</limit></problem></soap:Detail></soap:Fault></soap:Body></soap:Envelope>"
    );
}

#[test]
fn further_members_are_elements_of_a_fault() {
    let refusal = refusal(400)
        .member("headers", json!(["x-partner", "<x>"]))
        .member("errors", json!([{"pointer": "/a b", "2nd": null}]))
        .member("1 odd:näme", true)
        .member("text", "a & b\r\u{1}");
    let response = refusal.to_response(&request_id(), RefusalFormat::Soap12);
    let body = std::str::from_utf8(response.body()).unwrap();
    let (_, members) = body.split_once("</instance>").unwrap();
    let (members, _) = members.split_once("</problem>").unwrap();
    for element in [
        "<limit>5</limit>",
        "<headers><i>x-partner</i><i>&lt;x&gt;</i></headers>",
        "<errors><i>",
        "<pointer>/a b</pointer>",
        "<_2nd></_2nd>",
        "<_1_odd_n_me>true</_1_odd_n_me>",
        "<text>a &amp; b&#13;\u{fffd}</text>",
    ] {
        assert!(members.contains(element), "{element} in {members}");
    }
}

#[rstest]
#[case(RefusalFormat::Problem)]
#[case(RefusalFormat::Soap11)]
#[case(RefusalFormat::Soap12)]
fn members_of_the_standard_cannot_be_replaced(#[case] format: RefusalFormat) {
    let forged = ["type", "title", "status", "detail", "instance"]
        .into_iter()
        .fold(refusal(403), |refusal, name| refusal.member(name, "forged"));
    let id = request_id();
    assert_eq!(
        forged.to_response(&id, format).body(),
        refusal(403).to_response(&id, format).body()
    );
}

#[test]
fn an_exchange_without_a_name_is_given_one() {
    let (head, ()) = Request::new(()).into_parts();
    let mut cx = Context::new(&head);
    let response = refusal(403).refuse(&mut cx, "tests");
    let id = cx.request_id();
    assert_eq!(response.headers()["x-request-id"], id.as_str());
    assert_eq!(
        serde_json::from_slice::<Value>(response.body()).unwrap()["instance"],
        id.as_str()
    );
}
