//! The server's side, as partners and handlers see it.
#![expect(clippy::unwrap_used, reason = "a helper of tests stops the test")]

use std::sync::Arc;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use palisade_core::{CertificateSource, ClientCertificate, MessageTimes, SecuredMessage};
use palisade_jose::{Algorithms, Claims, DecryptionKey, Jwt, MessageSecurity, Raw, Reader, VerificationKey};
use palisade_test::assert_problem;
use rstest::rstest;
use serde_json::json;

use crate::exchange::{
    Draft, KEYS, NOW, World, all_profiles, all_request_profiles, at, code, json_answer, post, request,
};

/// Reads what the server sent to a partner.
fn reader(format: &str, decrypt: Option<&str>, verify: Option<&str>) -> Reader {
    let mut reader = match format {
        "raw" => Reader::new(Arc::new(Raw)),
        _ => Reader::new(Arc::new(Jwt)),
    };
    if let Some(alias) = decrypt {
        let key = DecryptionKey::new(&KEYS.key(alias).unwrap(), &Algorithms::default()).unwrap();
        reader = reader.decrypt_with([Arc::new(key)]);
    }
    if let Some(alias) = verify {
        let key = KEYS.public_key(alias).unwrap();
        let key = VerificationKey::new(alias, &key, &Algorithms::default()).unwrap();
        reader = reader.verify_with([Arc::new(key)]);
    }
    reader
}

#[tokio::test]
async fn a_handler_sees_the_clear_body_and_who_vouched_for_it() {
    let server = World::new().server(all_request_profiles());
    let (status, headers, body) = server.send(Draft::new("j-1").request()).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(headers["content-type"], "application/json");
    assert_eq!(body, r#"{"answer": 42}"#);

    let seen = server.seen().unwrap();
    assert_eq!(seen.body, r#"{"order": [1, 2.50]}"#);
    assert_eq!(seen.media_type(), Some("application/json"));
    assert_eq!(seen.head.headers["content-length"], "20");
    let message = seen.head.extensions.get::<SecuredMessage>().unwrap();
    assert_eq!(message.signed_by.as_deref(), Some("partner"));
    assert_eq!(message.decrypted_with.as_deref(), Some("us"));
    assert_eq!(message.id.as_deref(), Some("j-1"));
    let times = seen.head.extensions.get::<MessageTimes>().unwrap();
    assert_eq!((times.issued_at, times.expires_at), (at(NOW), at(NOW + 60)));
}

#[rstest]
#[case::both("jwt", true, true)]
#[case::both_raw("raw", true, true)]
#[case::signature_alone("jwt", false, true)]
#[case::signature_alone_raw("raw", false, true)]
#[case::encryption_alone("jwt", true, false)]
#[case::encryption_alone_raw("raw", true, false)]
#[tokio::test]
async fn each_mix_of_profiles_reads_and_answers_in_kind(
    #[case] format: &str,
    #[case] encrypted: bool,
    #[case] signed: bool,
    #[values("application/json", "text/xml; charset=utf-8")] media_type: &'static str,
) {
    let mut settings = all_profiles();
    settings["message"] = json!({"format": format});
    settings["request"]["decryption"]["enabled"] = encrypted.into();
    settings["response"]["encryption"]["enabled"] = encrypted.into();
    settings["request"]["signature"]["enabled"] = signed.into();
    settings["response"]["signature"]["enabled"] = signed.into();
    let server = World::new().server(settings);
    let mut draft = Draft::new("j-1")
        .signed_by(signed.then_some("partner"))
        .encrypted_to(encrypted.then_some("us"));
    draft.body.media_type = Some(media_type.to_owned());
    if format == "raw" {
        draft = draft.raw();
    }
    let answer = Response::builder()
        .status(201)
        .header("content-type", media_type)
        .body(Full::from("<answer/>"))
        .unwrap();
    let (status, headers, body) = server.answering(draft.request(), answer).await;
    assert_eq!(status, StatusCode::CREATED, "{body:?}");
    assert_eq!(headers["content-type"], "application/jose");
    assert_eq!(headers["content-length"], body.len().to_string());
    let seen = server.seen().unwrap();
    assert_eq!(seen.body, draft.body.bytes);
    assert_eq!(seen.media_type(), Some(media_type));

    let read = reader(format, encrypted.then_some("partner"), signed.then_some("us"))
        .read(&body)
        .unwrap();
    assert_eq!(read.body.bytes, "<answer/>");
    assert_eq!(read.body.media_type.as_deref(), Some(media_type));
    assert_eq!(read.claims.in_reply_to.as_deref(), Some("j-1"));
    assert_eq!(read.claims.issued_at, Some(at(NOW)));
    assert_eq!(read.claims.expires_at, Some(at(NOW + 300)));
    assert!(read.claims.id.is_some_and(|id| id != "j-1"));
    assert_eq!((read.claims.method, read.claims.target), (None, None));
}

#[tokio::test]
async fn a_secured_message_under_its_own_type_is_answered_under_that_type() {
    let server = World::new().server(all_profiles());
    let message = Draft::new("j-1").write();
    let request = request(
        Method::POST,
        "/server/rest/pay/order",
        "application/json",
        message,
    );
    let (status, headers, body) = server.send(request).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(headers["content-type"], "application/json");
    let read = reader("jwt", Some("partner"), Some("us")).read(&body).unwrap();
    assert_eq!(read.body.bytes, r#"{"answer": 42}"#);
}

#[rstest]
#[case::no_content(Method::POST, 204)]
#[case::not_modified(Method::POST, 304)]
#[case::head(Method::HEAD, 200)]
#[case::not_found(Method::POST, 404)]
#[case::broken(Method::POST, 500)]
#[tokio::test]
async fn answers_without_a_body_and_errors_stay_as_they_are(#[case] method: Method, #[case] status: u16) {
    let server = World::new().server(all_profiles());
    let message = Draft::new("j-1").claim("htm", method.as_str()).write();
    let request = request(method, "/server/rest/pay/order", "application/jose", message);
    let answer = Response::builder()
        .status(status)
        .header("content-type", "application/json")
        .body(Full::from("{}"))
        .unwrap();
    let (found, headers, body) = server.answering(request, answer).await;
    assert_eq!(found, status);
    assert_eq!(headers["content-type"], "application/json");
    assert_eq!(body, "{}");
}

#[tokio::test]
async fn errors_are_secured_where_that_is_asked_for() {
    let mut settings = all_profiles();
    settings["message"] = json!({"secure-errors": true});
    let server = World::new().server(settings);
    let answer = Response::builder()
        .status(422)
        .header("content-type", "application/problem+json")
        .body(Full::from(r#"{"title":"no"}"#))
        .unwrap();
    let (status, headers, body) = server.answering(Draft::new("j-1").request(), answer).await;
    assert_eq!(status, 422);
    assert_eq!(headers["content-type"], "application/jose");
    let read = reader("jwt", Some("partner"), Some("us")).read(&body).unwrap();
    assert_eq!(read.body.media_type.as_deref(), Some("application/problem+json"));
    assert_eq!(read.body.bytes, r#"{"title":"no"}"#);
}

#[rstest]
#[case::get(Method::GET, true)]
#[case::head(Method::HEAD, true)]
#[case::delete(Method::DELETE, true)]
#[case::post(Method::POST, false)]
#[case::put(Method::PUT, false)]
#[tokio::test]
async fn a_body_is_required_unless_bodiless_requests_are_allowed(
    #[case] method: Method,
    #[case] may_pass: bool,
) {
    let empty = |method: &Method| {
        Request::builder()
            .method(method)
            .uri("/server/rest/pay/order")
            .header("host", "bank.example")
            .body(Bytes::new())
            .unwrap()
    };
    let strict = World::new().server(all_profiles());
    let refused = strict.send(empty(&method)).await;
    assert_eq!(refused.0, StatusCode::BAD_REQUEST);
    if method != Method::HEAD {
        assert_eq!(code(&refused), "message-not-secured");
    }
    assert!(strict.seen().is_none());

    let mut settings = all_profiles();
    settings["request"]["bodiless"] = "allow".into();
    let lenient = World::new().server(settings);
    let (status, headers, body) = lenient.send(empty(&method)).await;
    assert_eq!(status.is_success(), may_pass);
    assert_eq!(lenient.seen().is_some(), may_pass);
    if may_pass && method != Method::HEAD {
        assert_eq!(headers["content-type"], "application/jose");
        let read = reader("jwt", Some("partner"), Some("us")).read(&body).unwrap();
        assert_eq!(read.claims.in_reply_to, None);
    }
}

#[tokio::test]
async fn a_get_may_carry_a_message_without_a_body_in_it() {
    let server = World::new().server(all_profiles());
    let mut draft = Draft::new("j-1").claim("htm", "GET");
    draft.body = palisade_jose::Body::default();
    let get = request(
        Method::GET,
        "/server/rest/pay/order",
        "application/jose",
        draft.write(),
    );
    let (status, _, _) = server.send(get).await;
    assert_eq!(status, StatusCode::OK);
    let seen = server.seen().unwrap();
    assert_eq!((seen.body.len(), seen.media_type()), (0, None));
    assert_eq!(seen.head.headers["content-length"], "0");
}

#[tokio::test]
async fn what_was_true_of_the_bytes_outside_is_not_said_of_those_inside() {
    let server = World::new().server(all_profiles());
    let mut request = Draft::new("j-1").request();
    for (name, value) in [
        ("content-encoding", "gzip"),
        ("content-digest", "sha-256=:AA==:"),
        ("accept-encoding", "gzip"),
        ("range", "bytes=0-1"),
        ("x-kept", "yes"),
    ] {
        request.headers_mut().insert(name, value.parse().unwrap());
    }
    let mut answer = json_answer();
    answer
        .headers_mut()
        .insert("repr-digest", "sha-256=:AA==:".parse().unwrap());
    let (_, headers, _) = server.answering(request, answer).await;
    assert!(headers.get("repr-digest").is_none());
    let seen = server.seen().unwrap().head.headers;
    for gone in ["content-encoding", "content-digest", "accept-encoding", "range"] {
        assert!(seen.get(gone).is_none(), "{gone}");
    }
    assert_eq!(seen["x-kept"], "yes");
}

#[tokio::test]
async fn a_whole_refusal_reads_so() {
    let server = World::new().server(all_profiles());
    let (status, headers, body) = server.send(post("{}")).await;
    assert_problem!(
        (status, &headers, &body),
        400,
        "message-not-secured",
        "The message is not secured",
        "This endpoint accepts messages in JOSE compact form only."
    );
    let first = server.send(Draft::new("j-1").request()).await;
    assert_eq!(first.0, StatusCode::OK);
    let (status, headers, body) = server.send(Draft::new("j-1").request()).await;
    assert_problem!(
        (status, &headers, &body),
        409,
        "message-replayed",
        "The message may have been sent before",
        "Each message is accepted once; send a new one."
    );
}

#[rstest]
#[case::a_json_body(r#"{"a":1}"#)]
#[case::three_segments("e30.e30.c2ln")]
#[case::six_segments("e30.a.b.c.d.e")]
#[case::a_line_end("e30.a.b.c.d\n")]
#[case::padding("e30=.a.b.c.d")]
#[case::empty("")]
#[tokio::test]
async fn what_is_no_compact_form_is_not_secured(#[case] body: &'static str) {
    let server = World::new().server(all_profiles());
    let refused = server.send(post(body)).await;
    assert_eq!(
        (refused.0.as_u16(), code(&refused).as_str()),
        (400, "message-not-secured")
    );
}

#[rstest]
#[case::empty_segments("....")]
#[case::header_alone("e30....")]
#[case::nonsense("AAAA.AAAA.AAAA.AAAA.AAAA")]
#[tokio::test]
async fn a_compact_form_that_cannot_be_read_fails(#[case] body: &'static str) {
    let server = World::new().server(all_profiles());
    let refused = server.send(post(body)).await;
    assert_eq!(
        (refused.0.as_u16(), code(&refused).as_str()),
        (400, "message-security-failed")
    );
}

#[rstest]
#[case::of_now(Draft::new("a"), None)]
#[case::expired(Draft::new("a").claim("iat", NOW - 400).claim("exp", NOW - 301), Some("message-expired"))]
#[case::future(Draft::new("a").claim("iat", NOW + 301).claim("exp", NOW + 302), Some("message-not-yet-valid"))]
#[case::far_away(Draft::new("a").claim("exp", NOW + 301), Some("message-ttl-too-long"))]
#[case::end_of_time(Draft::new("a").claim("exp", 253_402_300_799_u64), Some("message-ttl-too-long"))]
#[case::no_iat(Draft::new("a").without("iat"), Some("message-security-failed"))]
#[case::no_exp(Draft::new("a").without("exp"), Some("message-security-failed"))]
#[case::no_jti(Draft::new("a").without("jti"), Some("message-security-failed"))]
#[case::other_audience(Draft::new("a").claim("aud", "somebody"), Some("message-security-failed"))]
#[case::a_response(Draft::new("a").claim("in-reply-to", "r"), Some("message-security-failed"))]
#[tokio::test]
async fn times_and_claims_are_checked(
    #[case] draft: Draft,
    #[case] refused: Option<&str>,
    #[values("jwt", "raw")] format: &str,
) {
    let mut settings = all_request_profiles();
    settings["message"] = json!({"format": format});
    let server = World::new().server(settings);
    let draft = if format == "raw" { draft.raw() } else { draft };
    let answer = server.send(draft.request()).await;
    assert_eq!(answer.0.is_success(), refused.is_none(), "{:?}", answer.2);
    assert_eq!(server.seen().is_some(), refused.is_none());
    if let Some(expected) = refused {
        assert_eq!(code(&answer), expected);
    }
}

#[tokio::test]
async fn the_clock_decides_and_not_the_message() {
    let world = World::new();
    let server = world.server(all_request_profiles());
    let message = Draft::new("j-1").request();
    let again = || message.clone();
    world.clock.set(at(NOW + 60 + 301));
    assert_eq!(code(&server.send(again()).await), "message-expired");
    world.clock.set(at(NOW - 301));
    assert_eq!(code(&server.send(again()).await), "message-not-yet-valid");
    world.clock.set(at(NOW));
    assert_eq!(server.send(again()).await.0, StatusCode::OK);
}

#[tokio::test]
async fn skew_and_longest_life_are_configured() {
    let mut settings = all_request_profiles();
    settings["request"]["timestamp"] = json!({"enabled": true, "max-clock-skew": "5s", "max-ttl": "10s"});
    let server = World::new().server(settings);
    let long = Draft::new("a").claim("exp", NOW + 11);
    assert_eq!(code(&server.send(long.request()).await), "message-ttl-too-long");
    let old = Draft::new("b").claim("iat", NOW - 10).claim("exp", NOW - 6);
    assert_eq!(code(&server.send(old.request()).await), "message-expired");
    let good = Draft::new("c").claim("exp", NOW + 10);
    assert_eq!(server.send(good.request()).await.0, StatusCode::OK);
}

#[tokio::test]
async fn an_audience_that_is_configured_is_demanded() {
    let mut settings = all_request_profiles();
    settings["request"]["audience"] = "bank".into();
    let server = World::new().server(settings);
    let other = Draft::new("a").claim("aud", json!(["shop", "insurer"]));
    assert_eq!(
        code(&server.send(other.request()).await),
        "message-security-failed"
    );
    let none = Draft::new("b");
    assert_eq!(
        code(&server.send(none.request()).await),
        "message-security-failed"
    );
    let ours = Draft::new("c").claim("aud", json!(["shop", "bank"]));
    assert_eq!(server.send(ours.request()).await.0, StatusCode::OK);
}

#[tokio::test]
async fn a_response_to_the_caller_is_encrypted_to_the_certificate_of_the_connection() {
    let mut settings = all_profiles();
    settings["response"]["encryption"]["key-alias"] = "caller".into();
    let server = World::new().server(settings);
    let refused = server.send(Draft::new("j-1").request()).await;
    assert_problem!(
        (refused.0, &refused.1, &refused.2),
        403,
        "client-certificate-required",
        "A client certificate is required",
        "The response is encrypted to the caller's certificate."
    );
    assert!(server.seen().is_none());

    let with_certificate = |alias: &str| {
        let certificate = KEYS
            .public_key(alias)
            .unwrap()
            .certificate()
            .unwrap()
            .der()
            .to_vec();
        let mut request = Draft::new(alias).request();
        let fact = ClientCertificate::new(certificate, CertificateSource::Handshake);
        request.extensions_mut().insert(Arc::new(fact));
        request
    };
    for alias in ["partner", "partner-ec"] {
        let (status, _, body) = server.send(with_certificate(alias)).await;
        assert_eq!(status, StatusCode::OK);
        let other = if alias == "partner" {
            "partner-ec"
        } else {
            "partner"
        };
        assert!(reader("jwt", Some(alias), Some("us")).read(&body).is_ok());
        assert!(reader("jwt", Some(other), Some("us")).read(&body).is_err());
    }
    let refused = server.send(with_certificate("partner-ed")).await;
    assert_eq!(
        (refused.0.as_u16(), code(&refused).as_str()),
        (403, "client-certificate-not-accepted")
    );
}

#[tokio::test]
async fn a_report_only_stage_decrypts_and_lets_everything_pass() {
    let world = World::new();
    let server = world.reporting_server(all_request_profiles());
    for draft in [
        Draft::new("a").signed_by("stranger"),
        Draft::new("b").claim("exp", NOW + 9999),
        Draft::new("c").claim("htu", "/elsewhere"),
        Draft::new("d"),
        Draft::new("d"),
    ] {
        let (status, _, _) = server.send(draft.request()).await;
        assert_eq!(status, StatusCode::OK);
        let seen = server.seen().unwrap();
        assert_eq!(seen.body, r#"{"order": [1, 2.50]}"#);
        assert_eq!(seen.media_type(), Some("application/json"));
    }
    // What is not secured, or cannot be decrypted, goes on as it came.
    for body in [
        Bytes::from_static(b"{}"),
        Draft::new("e").encrypted_to("stranger").write(),
    ] {
        let (status, _, _) = server.send(post(body.clone())).await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!(server.seen().unwrap().body, body);
    }
}

#[tokio::test]
async fn a_report_only_stage_refuses_what_is_too_large_for_it() {
    let server = World::new().reporting_server(all_profiles());
    let large = vec![b'x'; (2 << 20) + 1];
    let (status, _, _) = server.send(post(Bytes::from(large.clone()))).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
    assert!(server.seen().is_none());

    let mut answer = json_answer();
    *answer.body_mut() = large.into();
    let (status, _, body) = server.answering(Draft::new("a").request(), answer).await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(body.len() < 1_000);
}

#[tokio::test]
async fn a_report_only_stage_answers_those_who_do_not_take_part_in_the_clear() {
    let server = World::new().reporting_server(all_profiles());
    let clear = request(Method::POST, "/server/rest/pay/order", "application/json", "{}");
    let (_, headers, body) = server.send(clear).await;
    assert_eq!(headers["content-type"], "application/json");
    assert_eq!(body, r#"{"answer": 42}"#);
    let (_, headers, _) = server.send(Draft::new("a").request()).await;
    assert_eq!(headers["content-type"], "application/jose");
}

#[tokio::test]
async fn the_stage_is_usable_as_a_plain_layer() {
    let key = |alias: &str| KEYS.key(alias).unwrap();
    let decryption = DecryptionKey::new(&key("us"), &Algorithms::default()).unwrap();
    let stage = MessageSecurity::builder()
        .decrypt_requests([decryption])
        .build()
        .unwrap();
    let service = tower::ServiceBuilder::new()
        .layer(stage.layer())
        .service(tower::service_fn(|request: Request<Full<Bytes>>| async {
            Ok::<_, std::convert::Infallible>(Response::new(request.into_body()))
        }));
    let message = Draft::new("a").signed_by(None).write();
    let answer = tower::ServiceExt::oneshot(service, post(message).map(Full::new))
        .await
        .unwrap();
    let body = http_body_util::BodyExt::collect(answer.into_body())
        .await
        .unwrap()
        .to_bytes();
    assert_eq!(body, r#"{"order": [1, 2.50]}"#);
}

#[test]
fn claims_of_nobody_are_empty() {
    assert_eq!(crate::exchange::claims(&json!({})), Claims::default());
}

#[rstest]
#[case::coded("content-encoding", "gzip", false)]
#[case::coded_twice("content-encoding", "identity, gzip", false)]
#[case::a_range("content-range", "bytes 0-1/2", false)]
#[case::uncoded("content-encoding", "identity", true)]
#[tokio::test]
async fn an_answer_that_cannot_be_carried_as_it_is_is_not_sent(
    #[case] name: &'static str,
    #[case] value: &'static str,
    #[case] is_sent: bool,
    #[values(false, true)] report_only: bool,
) {
    let world = World::new();
    let server = if report_only {
        world.reporting_server(all_profiles())
    } else {
        world.server(all_profiles())
    };
    let mut answer = json_answer();
    answer.headers_mut().insert(name, value.parse().unwrap());
    let (status, _, body) = server.answering(Draft::new("a").request(), answer).await;
    assert_eq!(status == StatusCode::OK, is_sent);
    assert!(!body.windows(6).any(|bytes| bytes == b"answer"), "{body:?}");
}

#[tokio::test]
async fn a_report_only_stage_decrypts_for_callers_without_a_certificate() {
    let mut settings = all_profiles();
    settings["response"]["encryption"]["key-alias"] = "caller".into();
    let server = World::new().reporting_server(settings);
    let (status, headers, _) = server.send(Draft::new("a").request()).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(headers["content-type"], "application/json");
    assert_eq!(server.seen().unwrap().body, r#"{"order": [1, 2.50]}"#);
}

#[tokio::test]
async fn a_report_only_stage_leaves_the_heads_of_others_alone() {
    let server = World::new().reporting_server(all_profiles());
    let mut clear = request(Method::POST, "/server/rest/pay/order", "application/json", "{}");
    for name in ["accept-encoding", "range", "if-range"] {
        clear.headers_mut().insert(name, "x".parse().unwrap());
    }
    server.send(clear).await;
    let seen = server.seen().unwrap();
    for name in ["accept-encoding", "range", "if-range"] {
        assert!(seen.head.headers.contains_key(name), "{name}");
    }
}

#[rstest]
#[case::the_same(
    "application/soap+xml; action=\"urn:rates\"",
    Some("application/soap+xml; action=urn:rates"),
    true
)]
#[case::left_to_the_outside(
    "application/soap+xml; action=\"urn:rates\"",
    Some("application/soap+xml"),
    true
)]
#[case::another(
    "application/soap+xml; action=\"urn:rates\"",
    Some("application/soap+xml; action=urn:transfer"),
    false
)]
#[case::one_inside_alone("application/jose", Some("application/soap+xml; action=urn:transfer"), false)]
#[case::twice(
    "application/soap+xml; action=urn:a",
    Some("application/soap+xml; action=urn:a; action=urn:b"),
    false
)]
#[case::none("application/jose", Some("text/xml"), true)]
#[tokio::test]
async fn the_soap_action_inside_is_the_one_that_policy_chose_by(
    #[case] outer: &'static str,
    #[case] inner: Option<&str>,
    #[case] accepted: bool,
) {
    let server = World::new().server(all_request_profiles());
    let mut draft = Draft::new("a");
    draft.body.media_type = inner.map(str::to_owned);
    draft.body.bytes = Bytes::from_static(b"<e/>");
    let mut request = request(Method::POST, "/server/rest/pay/order", outer, draft.write());
    request
        .extensions_mut()
        .insert(palisade_core::RefusalFormat::Soap12);
    let (status, _, body) = server.send(request).await;
    assert_eq!(status == StatusCode::OK, accepted, "{body:?}");
    assert_eq!(server.seen().is_some(), accepted);
}

#[rstest]
#[case("JWT", true)]
#[case("application/jose", true)]
#[case("at+jwt", false)]
#[case("dpop+jwt", false)]
#[tokio::test]
async fn what_a_partner_signs_for_other_purposes_is_no_message(#[case] typ: &str, #[case] accepted: bool) {
    let mut settings = all_request_profiles();
    settings["request"]["decryption"]["enabled"] = false.into();
    let server = World::new().server(settings);
    let payload = json!({"iat": NOW, "exp": NOW + 60, "jti": "a"}).to_string();
    let header = serde_json::Map::from_iter([("typ".to_owned(), typ.into())]);
    let message =
        palisade_jose::sign(&crate::exchange::signing("partner"), &header, payload.as_bytes()).unwrap();
    let (status, ..) = server.send(post(message)).await;
    assert_eq!(status == StatusCode::OK, accepted);
}

#[tokio::test]
async fn a_message_is_bound_to_the_path_on_the_wire() {
    let server = World::new().server(all_request_profiles());
    let below_a_nest = |wire: &str, draft: Draft| {
        let mut request = request(Method::POST, "/order", "application/jose", draft.write());
        let uri = palisade_core::facts::WireUri(wire.parse().unwrap());
        request.extensions_mut().insert(uri);
        request
    };
    let good = below_a_nest("/server/rest/pay/order?x=1", Draft::new("a"));
    assert_eq!(server.send(good).await.0, StatusCode::OK);
    let cut = below_a_nest("/server/rest/other/order", Draft::new("b").claim("htu", "/order"));
    assert_eq!(code(&server.send(cut).await), "message-security-failed");
}
