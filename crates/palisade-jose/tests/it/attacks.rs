//! What somebody would try who can read and change messages under way, or who is a partner and lies.
#![expect(clippy::unwrap_used, reason = "a helper of tests stops the test")]

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::{Method, StatusCode};
use palisade_jose::{Body, encrypt, sign};
use proptest::prelude::*;
use rstest::rstest;
use serde_json::{Map, Value, json};

use crate::exchange::{
    Answer, Draft, KEYS, NOW, Server, World, all_profiles, all_request_profiles, at, code, encryption, post,
    request, signing,
};

/// A server that wants signatures alone, so that an attack on them needs no encryption around it.
fn signed_only() -> Value {
    json!({
        "request": {
            "signature": {"enabled": true, "key-alias": ["partner", "partner-old"]},
            "timestamp": {"enabled": true},
        }
    })
}

fn base64(text: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(text)
}

fn payload() -> String {
    json!({"iat": NOW, "exp": NOW + 60, "jti": "attack", "body": {"order": 1}}).to_string()
}

/// A JWS with any header, signed by whatever key for whatever it says.
fn forged(header: &Value, signature: &[u8]) -> String {
    format!(
        "{}.{}.{}",
        base64(header.to_string()),
        base64(payload()),
        base64(signature)
    )
}

/// The answer without what differs in every answer.
fn without_instance(answer: &Answer) -> (StatusCode, Value, Vec<(String, String)>) {
    let mut document: Value = serde_json::from_slice(&answer.2).unwrap_or_default();
    if let Some(members) = document.as_object_mut() {
        members.remove("instance");
    }
    let mut headers: Vec<_> = answer
        .1
        .iter()
        .filter(|(name, _)| *name != "x-request-id")
        .map(|(name, value)| (name.to_string(), format!("{value:?}")))
        .collect();
    headers.sort();
    (answer.0, document, headers)
}

async fn fails(server: &Server, body: impl Into<Bytes>) {
    let answer = server.send(post(body)).await;
    assert_eq!(
        (answer.0.as_u16(), code(&answer).as_str()),
        (400, "message-security-failed"),
        "{:?}",
        answer.2
    );
    assert!(server.seen().is_none());
}

#[rstest]
#[case::none(json!({"alg": "none"}))]
#[case::none_in_capitals(json!({"alg": "None"}))]
#[case::no_alg(json!({}))]
#[case::alg_is_no_text(json!({"alg": ["RS256"]}))]
#[tokio::test]
async fn a_message_that_says_it_needs_no_signature_is_refused(#[case] header: Value) {
    let server = World::new().server(signed_only());
    fails(&server, forged(&header, b"")).await;
    fails(&server, forged(&header, b"anything")).await;
}

#[tokio::test]
async fn the_public_key_is_no_secret_for_an_hmac() {
    let server = World::new().server(signed_only());
    let key = KEYS.public_key("partner").unwrap();
    let pem = format!(
        "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
        base64::engine::general_purpose::STANDARD.encode(key.spki_der())
    );
    for secret in [pem.as_bytes(), key.spki_der()] {
        for kid in [None, Some(key.kid())] {
            let mut header = json!({"alg": "HS256"});
            if let Some(kid) = kid {
                header["kid"] = kid.into();
            }
            let input = format!("{}.{}", base64(header.to_string()), base64(payload()));
            let hmac = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, secret);
            let tag = aws_lc_rs::hmac::sign(&hmac, input.as_bytes());
            fails(&server, format!("{input}.{}", base64(tag.as_ref()))).await;
        }
    }
}

#[rstest]
#[case::a_stranger(Draft::new("a").signed_by("stranger"))]
#[case::ourselves(Draft::new("a").signed_by("us"))]
#[case::encrypted_to_somebody_else(Draft::new("a").encrypted_to("stranger"))]
#[case::not_signed_inside(Draft::new("a").signed_by(None))]
#[tokio::test]
async fn other_keys_than_the_partners_are_refused(#[case] draft: Draft) {
    let server = World::new().server(all_request_profiles());
    fails(&server, draft.write()).await;
}

#[tokio::test]
async fn a_foreign_kid_is_refused_and_no_other_key_is_tried() {
    let server = World::new().server(signed_only());
    let extra = Map::new();
    let good = sign(&signing("partner"), &extra, payload().as_bytes()).unwrap();
    let good = String::from_utf8(good).unwrap();
    let (_, rest) = good.split_once('.').unwrap();
    for kid in [
        "2026",
        "../../etc/passwd",
        "' or 1=1",
        "",
        KEYS.public_key("stranger").unwrap().kid(),
    ] {
        let header = json!({"alg": "RS256", "kid": kid});
        fails(&server, format!("{}.{rest}", base64(header.to_string()))).await;
    }
    // Correctly signed, under the name of a key that is configured and is another.
    let header = json!({"alg": "RS256", "kid": "partner-old"}).to_string();
    fails(&server, resigned("partner", &header)).await;
    let header = json!({"alg": "RS256", "kid": "partner"}).to_string();
    let (status, ..) = server.send(post(resigned("partner", &header))).await;
    assert_eq!(status, StatusCode::OK);
}

/// A JWS whose header is exactly that text, signed by a key of ours with RSA and SHA-256.
fn resigned(alias: &str, header: &str) -> String {
    let input = format!("{}.{}", base64(header), base64(payload()));
    let entry = KEYS.key(alias).unwrap();
    let key = aws_lc_rs::rsa::KeyPair::from_pkcs8(entry.key().expose_pkcs8()).unwrap();
    let mut signature = vec![0; key.public_modulus_len()];
    key.sign(
        &aws_lc_rs::signature::RSA_PKCS1_SHA256,
        &aws_lc_rs::rand::SystemRandom::new(),
        input.as_bytes(),
        &mut signature,
    )
    .unwrap();
    format!("{input}.{}", base64(signature))
}

#[rstest]
#[case::embedded_jwk(r#"{"alg":"RS256","jwk":{"kty":"RSA","n":"AQAB","e":"AQAB"}}"#)]
#[case::key_by_url(r#"{"alg":"RS256","jku":"https://evil.example/keys"}"#)]
#[case::certificate_by_url(r#"{"alg":"RS256","x5u":"https://evil.example/cert"}"#)]
#[case::unknown_crit(r#"{"alg":"RS256","crit":["acme"],"acme":1}"#)]
#[case::empty_crit(r#"{"alg":"RS256","crit":[]}"#)]
#[case::crit_of_a_missing_name(r#"{"alg":"RS256","crit":["exp"]}"#)]
#[case::crit_of_a_standard_name(r#"{"alg":"RS256","crit":["alg"]}"#)]
#[case::unencoded_payload(r#"{"alg":"RS256","b64":false,"crit":["b64"]}"#)]
#[case::compressed(r#"{"alg":"RS256","zip":"DEF"}"#)]
#[case::alg_twice(r#"{"alg":"none","alg":"RS256"}"#)]
#[case::kid_twice(r#"{"alg":"RS256","kid":"stranger","kid":"partner"}"#)]
#[case::twice_below(r#"{"alg":"RS256","x":{"a":1,"a":2}}"#)]
#[case::other_alg_of_the_same_key(r#"{"alg":"PS256"}"#)]
#[case::not_an_object(r#"["RS256"]"#)]
#[case::bytes_behind(r#"{"alg":"RS256"} {}"#)]
#[tokio::test]
async fn headers_with_a_trick_in_them_are_refused_however_well_they_are_signed(#[case] header: &str) {
    let server = World::new().server(signed_only());
    fails(&server, resigned("partner", header)).await;
}

#[tokio::test]
async fn the_same_header_without_the_trick_is_accepted() {
    let server = World::new().server(signed_only());
    let (status, ..) = server
        .send(post(resigned("partner", r#"{"alg":"RS256","x":{"a":1}}"#)))
        .await;
    assert_eq!(status, StatusCode::OK);
}

#[tokio::test]
async fn claims_given_twice_are_refused() {
    let server = World::new().server(signed_only());
    let payload = format!(
        r#"{{"iat":{NOW},"exp":{},"jti":"x","exp":{}}}"#,
        NOW + 1,
        NOW + 60
    );
    fails(
        &server,
        sign(&signing("partner"), &Map::new(), payload.as_bytes()).unwrap(),
    )
    .await;
}

#[tokio::test]
async fn the_signed_part_of_another_message_does_not_fit_into_this_one() {
    let server = World::new().server(all_request_profiles());
    // An attacker who has seen a signed message in the clear encrypts it to us himself, for another operation.
    let inner = Draft::new("a")
        .encrypted_to(None)
        .claim("htu", "/server/rest/pay/refund")
        .write();
    let cty = Map::from_iter([("cty".to_owned(), "JWT".into())]);
    let rewrapped = encrypt(&encryption("us"), &cty, &inner).unwrap();
    fails(&server, rewrapped).await;
    // Two honest messages with their insides exchanged.
    let (one, two) = (Draft::new("b").write(), Draft::new("c").write());
    let segments = |message: &Bytes| -> Vec<String> {
        std::str::from_utf8(message)
            .unwrap()
            .split('.')
            .map(str::to_owned)
            .collect()
    };
    let (one, two) = (segments(&one), segments(&two));
    for swapped in 1..5 {
        let mut mixed = one.clone();
        mixed[swapped].clone_from(&two[swapped]);
        fails(&server, mixed.join(".")).await;
    }
}

#[rstest]
#[case(Method::GET)]
#[case(Method::DELETE)]
#[case(Method::HEAD)]
#[case(Method::POST)]
#[tokio::test]
async fn leaving_the_signature_out_does_not_help(#[case] method: Method) {
    let server = World::new().server(all_profiles());
    // The answer to HEAD has no body to read the code from.
    let is_head = method == Method::HEAD;
    let of_a_body = |code: &'static str| if is_head { "" } else { code };
    for body in ["", "{}", " "] {
        let answer = server
            .send(request(
                method.clone(),
                "/server/rest/pay/order",
                "application/json",
                body,
            ))
            .await;
        assert_eq!(answer.0, StatusCode::BAD_REQUEST);
        assert_eq!(code(&answer), of_a_body("message-not-secured"));
        assert!(server.seen().is_none());
    }
    // Encrypted by whoever has our certificate, and signed by nobody.
    let stripped = Draft::new("a")
        .signed_by(None)
        .claim("htm", method.as_str())
        .write();
    let answer = server
        .send(request(
            method,
            "/server/rest/pay/order",
            "application/jose",
            stripped,
        ))
        .await;
    assert_eq!(answer.0, StatusCode::BAD_REQUEST);
    assert_eq!(code(&answer), of_a_body("message-security-failed"));
    assert!(server.seen().is_none());
}

#[tokio::test]
async fn an_empty_signature_segment_is_no_signature() {
    let server = World::new().server(signed_only());
    let good = Draft::new("a").encrypted_to(None).write();
    let text = std::str::from_utf8(&good).unwrap();
    let (unsigned, _) = text.rsplit_once('.').unwrap();
    fails(&server, format!("{unsigned}.")).await;
}

#[tokio::test]
async fn a_message_is_accepted_once() {
    let server = World::new().server(all_request_profiles());
    let message = Draft::new("once").write();
    assert_eq!(server.send(post(message.clone())).await.0, StatusCode::OK);
    for _ in 0..3 {
        let answer = server.send(post(message.clone())).await;
        assert_eq!(
            (answer.0.as_u16(), code(&answer).as_str()),
            (409, "message-replayed")
        );
        assert!(server.seen().is_none());
    }
    // The same name by another partner is another message; encrypted anew, it is the same.
    assert_eq!(
        server
            .send(Draft::new("once").signed_by("partner-old").request())
            .await
            .0,
        StatusCode::OK
    );
    assert_eq!(
        code(&server.send(Draft::new("once").request()).await),
        "message-replayed"
    );
}

/// Another interceptor, or the same one after a reload, that permits an hour where the first permits five minutes.
#[rstest]
#[case::known_before(true)]
#[case::that_comes_later(false)]
#[tokio::test]
async fn a_larger_skew_accepts_nothing_twice(#[case] known: bool) {
    let lenient = || {
        let mut settings = all_request_profiles();
        settings["request"]["timestamp"] = json!({"enabled": true, "max-clock-skew": "1h"});
        settings
    };
    let world = World::new();
    let strict = world.server(all_request_profiles());
    let known = known.then(|| world.server(lenient()));
    if let Some(server) = &known {
        // A stage makes itself known to the memory with its first message: one that is built may never come into force.
        assert_eq!(server.send(Draft::new("first").request()).await.0, StatusCode::OK);
    }
    let message = Draft::new("once").write();
    assert_eq!(strict.send(post(message.clone())).await.0, StatusCode::OK);
    let later = NOW + 60 + 301;
    world.clock.set(at(later));
    for id in 0..40 {
        let other = Draft::new(&format!("other-{id}"))
            .claim("iat", later)
            .claim("exp", later + 60);
        assert_eq!(strict.send(other.request()).await.0, StatusCode::OK);
    }
    assert_eq!(code(&strict.send(post(message.clone())).await), "message-expired");
    let is_known = known.is_some();
    let server = known.unwrap_or_else(|| world.server(lenient()));
    for _ in 0..2 {
        let answer = server.send(post(message.clone())).await;
        assert_eq!(
            (answer.0.as_u16(), code(&answer).as_str()),
            (409, "message-replayed")
        );
        assert!(server.seen().is_none());
    }
    // One that is new and as late may be refused as well where messages were forgotten, and is not where none was.
    if is_known {
        assert_eq!(server.send(Draft::new("late").request()).await.0, StatusCode::OK);
    }
    let new = Draft::new("new").claim("iat", NOW + 1).claim("exp", NOW + 61);
    assert_eq!(server.send(new.request()).await.0, StatusCode::OK);
}

#[tokio::test]
async fn a_message_that_fails_is_not_burnt() {
    let world = World::new();
    let server = world.server(all_request_profiles());
    let message = Draft::new("a").write();
    let elsewhere = request(
        Method::POST,
        "/server/rest/pay/refund",
        "application/jose",
        message.clone(),
    );
    assert_eq!(code(&server.send(elsewhere).await), "message-security-failed");
    assert_eq!(server.send(post(message)).await.0, StatusCode::OK);
}

#[rstest]
#[case::method(Method::PUT, "/server/rest/pay/order")]
#[case::operation(Method::POST, "/server/rest/pay/refund")]
#[case::webservice(Method::POST, "/server/rest/admin/order")]
#[tokio::test]
async fn a_message_for_another_operation_is_refused(
    #[case] method: Method,
    #[case] path: &str,
    #[values("jwt", "raw")] format: &str,
) {
    let mut settings = all_request_profiles();
    settings["message"] = json!({"format": format});
    let server = World::new().server(settings);
    let draft = if format == "raw" {
        Draft::new("a").raw()
    } else {
        Draft::new("a")
    };
    let answer = server
        .send(request(method, path, "application/jose", draft.write()))
        .await;
    assert_eq!(code(&answer), "message-security-failed");
}

#[tokio::test]
async fn a_message_that_names_no_operation_is_refused_where_that_is_required() {
    let unbound = || Draft::new("a").without("htm").without("htu").request();
    let server = World::new().server(all_request_profiles());
    assert_eq!(server.send(unbound()).await.0, StatusCode::OK);
    let mut settings = all_request_profiles();
    settings["request"]["binding"] = "required".into();
    let server = World::new().server(settings);
    assert_eq!(code(&server.send(unbound()).await), "message-security-failed");
    assert_eq!(server.send(Draft::new("b").request()).await.0, StatusCode::OK);
}

#[tokio::test]
async fn all_failures_are_answered_the_same() {
    let server = World::new().server(all_request_profiles());
    let good = Draft::new("a").write();
    let good = std::str::from_utf8(&good).unwrap();
    let mut bodies: Vec<Bytes> = vec![
        Draft::new("a").encrypted_to("stranger").write(),
        Draft::new("a").signed_by("stranger").write(),
        Draft::new("a").signed_by(None).write(),
        Draft::new("a").claim("htu", "/elsewhere").write(),
        Draft::new("a").without("exp").write(),
        Draft::new("a").without("jti").write(),
        Draft::new("a").claim("aud", "somebody").write(),
        Draft::new("a").raw().write(),
        "....".into(),
    ];
    let segments: Vec<&str> = good.split('.').collect();
    for emptied in 0..5 {
        let mut some = segments.clone();
        some[emptied] = "";
        bodies.push(some.join(".").into());
    }
    let mut answers = Vec::new();
    for body in bodies {
        answers.push(without_instance(&server.send(post(body)).await));
    }
    for answer in &answers {
        assert_eq!(answer, &answers[0]);
    }
    assert_eq!(
        answers[0].1["type"],
        "urn:palisade:problem:message-security-failed"
    );
}

#[tokio::test]
async fn a_bit_flipped_in_any_segment_is_answered_the_same() {
    let server = World::new().server(all_request_profiles());
    let good = Draft::new("a").write();
    let mut expected = None;
    let mut start = 0;
    for segment in std::str::from_utf8(&good).unwrap().split('.') {
        let decoded = URL_SAFE_NO_PAD.decode(segment).unwrap();
        // A stride over the segment, and its very ends.
        let stride = (decoded.len() / 6).max(1);
        let positions = (0..decoded.len()).step_by(stride).chain([decoded.len() - 1]);
        for position in positions {
            for bit in [0, 7] {
                let mut changed = decoded.clone();
                changed[position] ^= 1 << bit;
                let mut message = good.to_vec();
                message.splice(start..start + segment.len(), base64(&changed).into_bytes());
                let answer = without_instance(&server.send(post(message)).await);
                assert!(server.seen().is_none());
                assert_eq!(answer.1["type"], "urn:palisade:problem:message-security-failed");
                assert_eq!(expected.get_or_insert_with(|| answer.clone()), &answer);
            }
        }
        start += segment.len() + 1;
    }
    assert_eq!(server.send(post(good)).await.0, StatusCode::OK);
}

#[tokio::test]
async fn an_answer_to_somebody_is_no_request() {
    // The partner also answers requests of ours, and signs with the same key.
    let server = World::new().server(all_request_profiles());
    let answer = Draft::new("a")
        .without("htm")
        .without("htu")
        .claim("in-reply-to", "r-1");
    fails(&server, answer.write()).await;
}

#[tokio::test]
async fn a_body_cannot_bring_claims_of_its_own() {
    let server = World::new().server(all_request_profiles());
    let mut draft = Draft::new("a");
    draft.body = Body {
        bytes: Bytes::from(format!(r#"1,"exp":{}"#, NOW + 9999)),
        media_type: Some("application/json".to_owned()),
    };
    let (status, ..) = server.send(draft.request()).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(server.seen().unwrap().body, draft.body.bytes);
}

#[tokio::test]
async fn a_nested_message_is_refused_where_nobody_verifies_it() {
    let mut settings = all_request_profiles();
    settings["request"]["signature"]["enabled"] = false.into();
    for format in ["jwt", "raw"] {
        settings["message"] = json!({"format": format});
        let server = World::new().server(settings.clone());
        let draft = if format == "raw" {
            Draft::new("a").raw()
        } else {
            Draft::new("a")
        };
        fails(&server, draft.write()).await;
    }
}

#[tokio::test]
async fn fifty_tasks_with_one_message_get_it_accepted_once() {
    let server = World::new().server(all_request_profiles());
    let message = Draft::new("race").write();
    let tasks: Vec<_> = (0..50)
        .map(|_| {
            let (server, message) = (server.clone(), message.clone());
            tokio::spawn(async move { server.send(post(message)).await.0 })
        })
        .collect();
    let mut accepted = 0;
    for task in tasks {
        match task.await.unwrap() {
            StatusCode::OK => accepted += 1,
            status => assert_eq!(status, StatusCode::CONFLICT),
        }
    }
    assert_eq!(accepted, 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn no_body_makes_it_answer_otherwise_than_by_the_rules(
        body in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..200),
            "[A-Za-z0-9_-]{0,20}(\\.[A-Za-z0-9_-]{0,40}){0,6}".prop_map(String::into_bytes),
        ],
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let server = World::new().server(all_request_profiles());
            let answer = server.send(post(body.clone())).await;
            let dots = memchr::memchr_iter(b'.', &body).count();
            let is_compact = dots == 4
                && body.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(byte));
            let expected = if is_compact { "message-security-failed" } else { "message-not-secured" };
            assert_eq!(code(&answer), expected);
        });
    }
}
