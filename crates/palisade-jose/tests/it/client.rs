//! The client's side, in front of the server's side and of servers that lie.
#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a helper of tests stops the test"
)]

use std::convert::Infallible;
use std::error::Error as _;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use palisade_core::outbound::OutboundError;
use palisade_core::{Pipeline, SecuredMessage};
use palisade_jose::{ClientMessageSecurity, Jwt, Writer};
use rstest::rstest;
use serde_json::{Value, json};
use tower::{ServiceBuilder, ServiceExt, service_fn};

use crate::exchange::{
    NOW, World, all_profiles, claims, client_profiles, encryption, json_answer, request, signing,
};

type Reply = Result<Response<Bytes>, OutboundError<Infallible>>;

/// Calls through the client's stages; what arrives is answered by `answer`.
async fn call<F, R>(client: &Pipeline, request: Request<Bytes>, answer: F) -> Reply
where
    F: Fn(Request<Bytes>) -> R + Clone + Send + 'static,
    R: Future<Output = Response<Full<Bytes>>> + Send,
{
    let partner = service_fn(move |request: Request<Full<Bytes>>| {
        let answer = answer.clone();
        async move {
            let (head, body) = request.into_parts();
            let body = body.collect().await.unwrap().to_bytes();
            Ok::<_, Infallible>(answer(Request::from_parts(head, body)).await)
        }
    });
    let service = ServiceBuilder::new().layer(client.outbound()).service(partner);
    let (head, body) = service.oneshot(request.map(Full::new)).await?.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Ok(Response::from_parts(head, body))
}

fn order(method: Method) -> Request<Bytes> {
    let body = if method == Method::GET {
        ""
    } else {
        r#"{"order": 1}"#
    };
    request(
        method,
        "https://bank.example/server/rest/pay/order?x=1",
        "application/json",
        body,
    )
}

/// A secured answer as a partner makes it, with these claims in place of the usual.
fn answered(claims_of: Value) -> Response<Full<Bytes>> {
    let writer = Writer::new(Arc::new(Jwt))
        .sign_with(signing("us"))
        .encrypt_with(encryption("partner"));
    let body = palisade_jose::Body {
        bytes: Bytes::from_static(b"{}"),
        media_type: Some("application/json".to_owned()),
    };
    let mut all = json!({"iat": NOW, "exp": NOW + 60, "jti": "answer"});
    if let (Some(all), Value::Object(claims_of)) = (all.as_object_mut(), claims_of) {
        all.extend(claims_of);
    }
    let message = writer.write(&claims(&all), &body).unwrap();
    Response::builder()
        .header("content-type", "application/jose")
        .body(Full::new(message))
        .unwrap()
}

fn refusal(reply: Reply) -> (u16, String, String) {
    let error = reply.expect_err("a refusal");
    let cause = error.source().map(ToString::to_string).unwrap_or_default();
    let OutboundError::Refused(rejection) = error;
    let problem = rejection.problem();
    (problem.status.as_u16(), problem.code.to_string(), cause)
}

#[rstest]
#[tokio::test]
async fn both_sides_fit_each_other(
    #[values("jwt", "raw")] format: &'static str,
    #[values(Method::POST, Method::GET, Method::DELETE)] method: Method,
) {
    let world = World::new();
    let (mut ours, mut theirs) = (client_profiles(), all_profiles());
    ours["message"] = json!({"format": format});
    theirs["message"] = json!({"format": format});
    theirs["request"]["binding"] = "required".into();
    ours["response"]["binding"] = "required".into();
    let (client, server) = (world.client(ours), world.server(theirs));
    let reply = call(&client, order(method.clone()), {
        let server = server.clone();
        move |request| {
            let server = server.clone();
            async move {
                assert_eq!(request.headers()["content-type"], "application/jose");
                let (status, headers, body) = server.answering(request, json_answer()).await;
                let mut response = Response::new(Full::new(body));
                *response.status_mut() = status;
                *response.headers_mut() = headers;
                response
            }
        }
    })
    .await
    .unwrap();
    assert_eq!(reply.status(), StatusCode::OK);
    assert_eq!(reply.headers()["content-type"], "application/json");
    assert_eq!(reply.body(), r#"{"answer": 42}"#);
    let message = reply.extensions().get::<SecuredMessage>().unwrap();
    assert_eq!(message.signed_by.as_deref(), Some("us"));
    let seen = server.seen().unwrap();
    assert_eq!(seen.body, order(method).into_body());
}

#[rstest]
#[case::of_now(json!({}), None)]
#[case::expired(json!({"iat": NOW - 400, "exp": NOW - 301}), Some("message-expired"))]
#[case::future(json!({"iat": NOW + 301, "exp": NOW + 302}), Some("message-not-yet-valid"))]
#[case::too_long(json!({"exp": NOW + 301}), Some("message-ttl-too-long"))]
#[case::other_request(json!({"in-reply-to": "another"}), Some("message-security-failed"))]
#[case::a_request(json!({"htm": "POST"}), Some("message-security-failed"))]
#[case::other_audience(json!({"aud": "somebody"}), Some("message-security-failed"))]
#[tokio::test]
async fn answers_are_checked(#[case] claims: Value, #[case] refused: Option<&str>) {
    let client = World::new().client(client_profiles());
    let reply = call(&client, order(Method::POST), move |_| {
        let answer = answered(claims.clone());
        async move { answer }
    })
    .await;
    match refused {
        None => assert_eq!(reply.unwrap().body(), "{}"),
        Some(expected) => {
            let (status, code, cause) = refusal(reply);
            assert_eq!((status, code.as_str()), (502, expected));
            assert!(!cause.is_empty());
        }
    }
}

#[tokio::test]
async fn an_answer_that_names_no_request_is_refused_where_that_is_required() {
    let mut settings = client_profiles();
    settings["response"]["binding"] = "required".into();
    let client = World::new().client(settings);
    let reply = call(&client, order(Method::POST), |_| async { answered(json!({})) }).await;
    assert_eq!(refusal(reply).1, "message-security-failed");
}

#[tokio::test]
async fn an_answer_in_the_clear_is_refused_unless_it_is_accepted() {
    let client = World::new().client(client_profiles());
    let reply = call(&client, order(Method::POST), |_| async { json_answer() }).await;
    let (status, code, _) = refusal(reply);
    assert_eq!((status, code.as_str()), (502, "message-not-secured"));

    let mut settings = client_profiles();
    settings["response"]["accept-unsecured-messages"] = true.into();
    let lenient = World::new().client(settings);
    let reply = call(&lenient, order(Method::POST), |_| async { json_answer() })
        .await
        .unwrap();
    assert_eq!(reply.body(), r#"{"answer": 42}"#);
    assert!(reply.extensions().get::<SecuredMessage>().is_none());
}

#[tokio::test]
async fn errors_in_the_clear_pass_unless_they_have_to_be_secured() {
    let broken = |_| async {
        let mut answer = json_answer();
        *answer.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
        answer
    };
    let client = World::new().client(client_profiles());
    let reply = call(&client, order(Method::POST), broken).await.unwrap();
    assert_eq!(reply.status(), 422);
    assert_eq!(reply.body(), r#"{"answer": 42}"#);

    let mut settings = client_profiles();
    settings["message"] = json!({"secure-errors": true});
    let strict = World::new().client(settings);
    let error = call(&strict, order(Method::POST), broken).await.unwrap_err();
    let OutboundError::Refused(rejection) = error;
    assert_eq!(rejection.problem().code, "message-not-secured");
    assert_eq!(rejection.problem().members["upstream-status"], 422);
}

#[rstest]
#[case(204)]
#[case(304)]
#[tokio::test]
async fn answers_without_a_body_pass(#[case] status: u16) {
    let client = World::new().client(client_profiles());
    let reply = call(&client, order(Method::POST), move |_| async move {
        Response::builder().status(status).body(Full::default()).unwrap()
    })
    .await
    .unwrap();
    assert_eq!(reply.status(), status);
}

#[tokio::test]
async fn an_answer_signed_by_somebody_else_is_refused_with_its_reason_for_us() {
    let client = World::new().client(client_profiles());
    let reply = call(&client, order(Method::POST), |_| async {
        let writer = Writer::default()
            .sign_with(signing("stranger"))
            .encrypt_with(encryption("partner"));
        let message = writer
            .write(
                &claims(&json!({"iat": NOW, "exp": NOW + 1})),
                &palisade_jose::Body::default(),
            )
            .unwrap();
        Response::new(Full::new(message))
    })
    .await;
    let (status, code, cause) = refusal(reply);
    assert_eq!((status, code.as_str()), (502, "message-security-failed"));
    assert!(cause.starts_with("decrypt ok, kid "), "{cause}");
    assert!(cause.contains("no key fits kid"), "{cause}");
}

#[tokio::test]
async fn a_request_without_a_body_is_secured_unless_told_otherwise() {
    for (bodiless, is_secured) in [("reject", true), ("allow", false)] {
        let mut settings = client_profiles();
        settings["request"]["bodiless"] = bodiless.into();
        let client = World::new().client(settings);
        let sent = Arc::new(Mutex::new(Bytes::new()));
        let noted = Arc::clone(&sent);
        let reply = call(&client, order(Method::GET), move |request| {
            *noted.lock().unwrap() = request.into_body();
            async { answered(json!({})) }
        })
        .await;
        assert!(reply.is_ok());
        assert_eq!(palisade_jose::is_compact(&sent.lock().unwrap(), 4), is_secured);
    }
}

#[tokio::test]
async fn times_and_target_of_a_request_are_written() {
    let mut settings = client_profiles();
    settings["request"]["timestamp"] = json!({"enabled": true, "ttl": "30s"});
    settings["request"]["encryption"]["enabled"] = false.into();
    settings["request"]["audience"] = "bank".into();
    let client = World::new().client(settings);
    let sent = Arc::new(Mutex::new(Bytes::new()));
    let noted = Arc::clone(&sent);
    let _ = call(&client, order(Method::POST), move |request| {
        *noted.lock().unwrap() = request.into_body();
        async { answered(json!({})) }
    })
    .await;
    let sent = sent.lock().unwrap().clone();
    let payload = std::str::from_utf8(&sent)
        .unwrap()
        .split('.')
        .nth(1)
        .unwrap()
        .to_owned();
    let payload = base64::Engine::decode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, payload).unwrap();
    let mut payload: Value = serde_json::from_slice(&payload).unwrap();
    let id = payload.as_object_mut().unwrap().remove("jti").unwrap();
    assert_eq!(id.as_str().unwrap().len(), 32);
    assert_eq!(
        payload,
        json!({
            "iat": NOW, "exp": NOW + 30, "htm": "POST", "htu": "/server/rest/pay/order", "aud": "bank",
            "body": {"order": 1}
        })
    );
}

#[test]
fn no_profile_is_no_stage() {
    let (stages, _) = World::new().build::<ClientMessageSecurity>(json!({})).unwrap();
    assert!(stages.is_empty());
}

#[tokio::test]
async fn what_cannot_be_secured_is_not_sent_even_by_a_stage_that_only_reports() {
    let world = World::new();
    let pipeline = world.client(client_profiles());
    let entries = pipeline
        .entries()
        .iter()
        .cloned()
        .map(|entry| palisade_core::Entry {
            report_only: true,
            ..entry
        });
    let client = Pipeline::new(entries, pipeline.limits());
    let sent = Arc::new(Mutex::new(0));
    let noted = Arc::clone(&sent);
    let mut coded = order(Method::POST);
    coded
        .headers_mut()
        .insert("content-encoding", "gzip".parse().unwrap());
    let reply = call(&client, coded, move |_| {
        *noted.lock().unwrap() += 1;
        async { json_answer() }
    })
    .await;
    assert_eq!(refusal(reply).1, "internal-error");
    assert_eq!(*sent.lock().unwrap(), 0);
}

#[tokio::test]
async fn a_client_that_only_reports_decrypts_what_it_would_refuse() {
    let pipeline = World::new().client(client_profiles());
    let entries = pipeline
        .entries()
        .iter()
        .cloned()
        .map(|entry| palisade_core::Entry {
            report_only: true,
            ..entry
        });
    let client = Pipeline::new(entries, pipeline.limits());
    let reply = call(&client, order(Method::POST), |_| async {
        answered(json!({"iat": NOW - 400, "exp": NOW - 301}))
    })
    .await
    .unwrap();
    assert_eq!(reply.headers()["content-type"], "application/json");
    assert_eq!(reply.body(), "{}");
}

#[tokio::test]
async fn the_soap_action_of_a_request_is_shown_to_the_server_that_chooses_by_it() {
    let world = World::new();
    let (client, server) = (world.client(client_profiles()), world.server(all_profiles()));
    let media_type = "application/soap+xml; action=\"urn:rates\"";
    let soap = request(
        Method::POST,
        "https://bank.example/webservices/pay",
        media_type,
        "<e/>",
    );
    let reply = call(&client, soap, move |mut request| {
        let server = server.clone();
        async move {
            assert_eq!(request.headers()["soapaction"], "\"urn:rates\"");
            request
                .extensions_mut()
                .insert(palisade_core::RefusalFormat::Soap12);
            let (status, headers, body) = server.answering(request, json_answer()).await;
            assert_eq!(server.seen().unwrap().media_type(), Some(media_type));
            let mut response = Response::new(Full::new(body));
            *response.status_mut() = status;
            *response.headers_mut() = headers;
            response
        }
    })
    .await
    .unwrap();
    assert_eq!(reply.body(), r#"{"answer": 42}"#);
}
