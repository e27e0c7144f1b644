//! `amount-limit`: money in JSON and XML.

use bytes::Bytes;
use http::{Method, Request};
use http_body_util::Full;
use rstest::rstest;

use crate::common::{World, by, pay, pay_json};

const LIMIT: &str = "\
amount-limit.pointer=/payment/amount
amount-limit.currency-pointer=/payment/currency
amount-limit.currency=EUR
amount-limit.max-per-transaction=5000.00
amount-limit.max-total=10000.00
amount-limit.store=memory
";

#[tokio::test]
async fn each_transaction_and_all_of_a_day_are_bounded_to_the_cent() {
    let world = World::of(LIMIT);
    for (amount, status) in [
        ("5000.01", 422),
        ("5000.00", 200),
        ("\"4999.99\"", 200),
        ("0.02", 429),
        ("0.01", 200),
        ("0.00", 200),
        ("0.000000000000000001", 429),
    ] {
        assert_eq!(
            world.send(pay_json("alice", amount)).await.status,
            status,
            "{amount}"
        );
    }
    assert_eq!(world.send(pay_json("bob", "5e3")).await.status, 200);
    let refused = world.send(pay_json("alice", "1")).await;
    assert_eq!(refused.code(), "amount-total-exceeded");
    assert_eq!(refused.field("retry-after").as_deref(), Some("43200"));
    assert_eq!(
        refused.document()["violated-policies"],
        serde_json::json!(["P.amount-limit"])
    );
    world.advance(43_200);
    assert_eq!(world.send(pay_json("alice", "5000")).await.status, 200);
}

#[rstest]
#[case(400)]
#[case(409)]
#[case(500)]
#[tokio::test]
async fn what_the_handler_refuses_is_given_back(#[case] status: u16) {
    let world = World::of(LIMIT);
    for _ in 0..5 {
        let mut request = pay_json("alice", "5000");
        request
            .headers_mut()
            .insert("x-answer", status.to_string().parse().unwrap());
        assert_eq!(world.send(request).await.status, status);
    }
    assert_eq!(
        world.statuses(3, || pay_json("alice", "5000")).await,
        [200, 200, 429]
    );
}

#[rstest]
#[case::no_body("application/json", "")]
#[case::no_json("application/json", "amount=1")]
#[case::another_type("text/plain", r#"{"payment":{"amount":1,"currency":"EUR"}}"#)]
#[case::missing("application/json", r#"{"payment":{"currency":"EUR"}}"#)]
#[case::negative("application/json", r#"{"payment":{"amount":-1,"currency":"EUR"}}"#)]
#[case::twice("application/json", r#"{"payment":{"amount":1,"amount":2,"currency":"EUR"}}"#)]
#[case::another_currency("application/json", r#"{"payment":{"amount":1,"currency":"USD"}}"#)]
#[case::no_currency("application/json", r#"{"payment":{"amount":1}}"#)]
#[case::doctype(
    "application/xml",
    "<!DOCTYPE payment><payment><amount>1</amount><currency>EUR</currency></payment>"
)]
#[tokio::test]
async fn what_cannot_be_read_is_refused_and_costs_nothing(
    #[case] media_type: &str,
    #[case] body: &'static str,
) {
    let world = World::of(LIMIT);
    let refused = world.send(pay("alice", media_type, body)).await;
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (422, "amount-unreadable")
    );
    assert_eq!(world.statuses(2, || pay_json("alice", "5000")).await, [200, 200]);
}

#[tokio::test]
async fn a_coded_body_and_two_media_types_are_refused() {
    let world = World::of(LIMIT);
    let mut request = pay_json("alice", "1");
    request
        .headers_mut()
        .insert("content-encoding", "gzip".parse().unwrap());
    assert_eq!(world.send(request).await.code(), "amount-unreadable");
    let mut request = pay_json("alice", "1");
    request
        .headers_mut()
        .append("content-type", "application/xml".parse().unwrap());
    assert_eq!(world.send(request).await.code(), "amount-unreadable");
}

#[tokio::test]
async fn requests_that_are_safe_and_have_no_body_have_no_amount() {
    let world = World::of(LIMIT);
    let request = |method: Method| {
        let mut request: Request<Full<Bytes>> = by("alice");
        *request.method_mut() = method;
        request
    };
    for method in [Method::GET, Method::HEAD, Method::OPTIONS] {
        assert_eq!(world.send(request(method)).await.status, 200);
    }
    for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
        assert_eq!(world.send(request(method)).await.status, 422);
    }
    let mut with_body = pay_json("alice", "5000.01");
    *with_body.method_mut() = Method::GET;
    assert_eq!(world.send(with_body).await.code(), "amount-too-high");
}

#[tokio::test]
async fn transactions_of_an_array_are_bounded_each_and_together() {
    let world = World::of(
        "amount-limit.pointer=/payments/amount\namount-limit.max-per-transaction=100\n\
         amount-limit.max-total=250\namount-limit.store=memory",
    );
    let batch = |amounts: &[&str]| {
        let payments: Vec<String> = amounts
            .iter()
            .map(|amount| format!(r#"{{"amount":{amount}}}"#))
            .collect();
        pay(
            "alice",
            "application/json",
            format!(r#"{{"payments":[{}]}}"#, payments.join(",")),
        )
    };
    assert_eq!(
        world.send(batch(&["1", "100.01"])).await.code(),
        "amount-too-high"
    );
    assert_eq!(
        world.send(batch(&["100", "100", "50.01"])).await.code(),
        "amount-total-exceeded"
    );
    assert_eq!(world.send(batch(&["100", "100", "49.99"])).await.status, 200);
    assert_eq!(
        world.send(batch(&["0.01", "0.01"])).await.code(),
        "amount-total-exceeded"
    );
    assert_eq!(world.send(batch(&["0.01"])).await.status, 200);
    assert_eq!(world.send(batch(&[])).await.status, 200);
}

#[tokio::test]
async fn xml_is_read_by_the_same_path() {
    let world = World::of(LIMIT);
    let body = |amount: &str| {
        format!(
            "<p:payment xmlns:p=\"urn:pay\"><p:amount>{amount}</p:amount><p:currency>EUR</p:currency></p:payment>"
        )
    };
    assert_eq!(
        world.send(pay("alice", "text/xml", body("5000.01"))).await.code(),
        "amount-too-high"
    );
    assert_eq!(
        world
            .send(pay("alice", "application/soap+xml", body("5000")))
            .await
            .status,
        200
    );
    assert_eq!(world.send(pay_json("alice", "5000")).await.status, 200);
    assert_eq!(
        world
            .send(pay("alice", "application/xml", body("0.01")))
            .await
            .code(),
        "amount-total-exceeded"
    );
}

#[tokio::test]
async fn what_the_handler_gets_is_what_was_read() {
    let world = World::of(LIMIT);
    let body = "{ \"payment\" : {\"amount\":1.10, \"currency\":\"EUR\"}}\n";
    let answer = world.send(pay("alice", "application/json", body)).await;
    assert_eq!(answer.body, body);
}

#[tokio::test]
async fn one_that_only_reports_lets_through_what_it_cannot_read() {
    let world = World::of(&format!("report-only=true\n{LIMIT}"));
    assert_eq!(
        world.send(pay("alice", "text/plain", "1000000")).await.status,
        200
    );
    assert_eq!(world.send(pay_json("alice", "1000000")).await.status, 200);
}
