//! The specification of the message format, held to its vectors: whole messages that Palisade, npm `jose` and `jwcrypto` of
//! Python made, messages that have to be refused, and the example in the book.
//!
//! `UPDATE=1` writes Palisade's own anew; the scripts beside the vectors write the others.
#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test that cannot go on must stop"
)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use palisade_core::facts::SecuredMessage;
use palisade_core::{Clock, Replay, ReplayStore, SeenMessage};
use palisade_jose::{
    Algorithms, Body, Claims, DecryptionKey, EncryptionKey, Jwt, MessageFormat, MessageSecurity, Raw, Reader,
    SigningKey, Target, TimeRules, VerificationKey, Writer, check_audience, check_binding, decrypt, verify,
};
use palisade_keystore::KeyEntry;
use palisade_store::MemoryReplay;
use palisade_test::FakeClock;
use rstest::rstest;
use serde_json::{Value, json};
use tower::{ServiceExt, service_fn};

use crate::wire::keys::of_jwk;

const MAKERS: [&str; 3] = ["palisade.json", "jose.json", "jwcrypto.json"];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/wire-format")
}

fn load(name: &str) -> Value {
    serde_json::from_slice(&std::fs::read(folder().join(name)).unwrap()).unwrap()
}

static CASES: LazyLock<Value> = LazyLock::new(|| load("cases.json"));

static KEYS: LazyLock<BTreeMap<String, Arc<KeyEntry>>> = LazyLock::new(|| {
    let keys = load("../interop/keys.json");
    let keys = keys
        .as_object()
        .unwrap()
        .iter()
        .filter(|(_, key)| key.is_object());
    keys.map(|(kid, jwk)| (kid.clone(), of_jwk(kid, jwk))).collect()
});

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn cases() -> &'static [Value] {
    CASES["cases"].as_array().unwrap()
}

fn case(name: &str) -> &'static Value {
    cases().iter().find(|case| case["name"] == name).unwrap()
}

fn at(seconds: &Value) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds.as_u64().unwrap())
}

fn format(case: &Value) -> Arc<dyn MessageFormat> {
    match text(&case["format"]) {
        "jwt" => Arc::new(Jwt),
        "raw" => Arc::new(Raw),
        other => unreachable!("no format is called {other}"),
    }
}

fn decryption(kid: &str) -> DecryptionKey {
    DecryptionKey::new(&KEYS[kid], &Algorithms::default()).unwrap()
}

fn verification(kid: &str) -> VerificationKey {
    VerificationKey::new(kid, KEYS[kid].public_key(), &Algorithms::default()).unwrap()
}

fn reader(case: &Value) -> Reader {
    let mut reader = Reader::new(format(case));
    if let Some(kid) = case["encrypted-to"].as_str() {
        reader = reader.decrypt_with([Arc::new(decryption(kid))]);
    }
    if let Some(kid) = case["signed-by"].as_str() {
        reader = reader.verify_with([Arc::new(verification(kid))]);
    }
    reader
}

/// The claims of a case, as the types have them.
fn claims(value: &Value) -> Claims {
    let owned = |name: &str| value[name].as_str().map(str::to_owned);
    let mut claims = Claims::default();
    claims.issued_at = Some(at(&value["iat"]));
    claims.expires_at = Some(at(&value["exp"]));
    claims.id = owned("jti");
    claims.method = owned("htm");
    claims.target = owned("htu");
    claims.in_reply_to = owned("in-reply-to");
    claims.audience = owned("aud").into_iter().collect();
    claims
}

/// What the messages are bound to.
fn target() -> Target<'static> {
    let request = &CASES["request"];
    assert_eq!(request["method"], "POST");
    Target {
        method: &Method::POST,
        scheme: text(&request["scheme"]),
        authority: request["authority"].as_str(),
        path: text(&request["path"]),
    }
}

/// Makes every case with our own writer.
fn write_own() -> Value {
    let message = |case: &Value| {
        let mut writer = Writer::new(format(case));
        if let Some(kid) = case["signed-by"].as_str() {
            let key = SigningKey::new(&KEYS[kid], &Algorithms::default()).unwrap();
            writer = writer.sign_with(Arc::new(key));
        }
        if let Some(kid) = case["encrypted-to"].as_str() {
            let key = EncryptionKey::new(kid, KEYS[kid].public_key(), &Algorithms::default()).unwrap();
            writer = writer.encrypt_with(Arc::new(key));
        }
        let body = Body {
            bytes: Bytes::copy_from_slice(text(&case["body"]).as_bytes()),
            media_type: case["content-type"].as_str().map(str::to_owned),
        };
        writer.write(&claims(&case["claims"]), &body).unwrap()
    };
    let messages: serde_json::Map<String, Value> = cases()
        .iter()
        .map(|case| {
            let written = String::from_utf8(message(case).to_vec()).unwrap();
            (text(&case["name"]).to_owned(), written.into())
        })
        .collect();
    json!({"library": "Palisade", "messages": messages})
}

#[rstest]
fn every_message_is_read_as_what_it_was_made_of(
    #[values("palisade.json", "jose.json", "jwcrypto.json")] file: &str,
) {
    let path = folder().join("palisade.json");
    if file == MAKERS[0] && std::env::var_os("UPDATE").is_some_and(|value| value == "1") {
        let mut written = serde_json::to_string_pretty(&write_own()).unwrap();
        written.push('\n');
        std::fs::write(path, written).unwrap();
    }
    let made = load(file);
    let messages = made["messages"].as_object().unwrap();
    assert_eq!(messages.len(), cases().len());
    for case in cases() {
        let name = text(&case["name"]);
        let message = Bytes::copy_from_slice(text(&messages[name]).as_bytes());
        let reader = reader(case);
        assert!(reader.is_secured(&message), "{file}: {name}");
        let read = reader
            .read(&message)
            .unwrap_or_else(|error| unreachable!("{file}: {name}: {error}"));
        assert_eq!(read.claims, claims(&case["claims"]), "{file}: {name}");
        assert_eq!(read.body.bytes, text(&case["body"]), "{file}: {name}");
        assert_eq!(
            read.body.media_type.as_deref(),
            case["content-type"].as_str(),
            "{file}: {name}"
        );
        let times = TimeRules::default().check(&read.claims, at(&CASES["now"]));
        assert!(times.is_ok(), "{file}: {name}");
        assert!(check_binding(&read.claims, &target(), case["direction"] == "request").is_ok());
        if case["direction"] == "request" {
            assert!(check_audience(&read.claims, CASES["audience"].as_str()).is_ok());
        }
    }
}

#[rstest]
fn a_message_is_refused_where_it_is_altered(
    #[values("palisade.json", "jose.json", "jwcrypto.json")] file: &str,
) {
    let made = load(file);
    for case in cases() {
        let reader = reader(case);
        let whole = text(&made["messages"][text(&case["name"])]);
        let segments: Vec<&str> = whole.split('.').collect();
        for index in 0..segments.len() {
            let mut altered: Vec<String> = segments.iter().map(|&text| text.to_owned()).collect();
            // The first character: it stands for bits of the first byte alone. An empty segment gets a byte.
            let rest = segments[index].get(1..).unwrap_or("A");
            let first = if segments[index].starts_with('A') {
                'B'
            } else {
                'A'
            };
            altered[index] = format!("{first}{rest}");
            let altered = Bytes::from(altered.join("."));
            assert!(
                reader.read(&altered).is_err(),
                "{file}: {}: {index}",
                case["name"]
            );
        }
    }
}

/// A server that demands what the refused messages fail: signed by p256, encrypted to rsa, of now, made for it, once.
fn server(memory: Arc<dyn ReplayStore>) -> MessageSecurity {
    let clock: Arc<dyn Clock> = Arc::new(FakeClock::at(at(&CASES["now"])));
    MessageSecurity::builder()
        .decrypt_requests([decryption("rsa")])
        .verify_requests([verification("p256")])
        .check_times(TimeRules::default())
        .require_binding()
        .audience(text(&CASES["audience"]))
        .refuse_replays(memory)
        .clock(clock)
        .build()
        .unwrap()
}

/// What the server answers, and what its handler would have seen.
async fn answer(server: MessageSecurity, message: &str) -> (StatusCode, Value) {
    let echo = service_fn(|request: Request<Full<Bytes>>| async {
        let id = request.extensions().get::<SecuredMessage>().unwrap().id.clone();
        assert!(id.is_some());
        Ok::<_, std::convert::Infallible>(Response::new(request.into_body()))
    });
    let service = tower::ServiceBuilder::new().layer(server.layer()).service(echo);
    let target = target();
    let request = Request::post(target.path)
        .header("host", target.authority.unwrap())
        .header("content-type", "application/jose")
        .body(Full::from(message.to_owned()))
        .unwrap();
    let response = service.oneshot(request).await.unwrap();
    let status = response.status();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&body).unwrap_or_default())
}

/// The step at which a message fails, taken by hand in the order of the specification; `None` for an accepted one.
fn failed_step(message: &str) -> Option<(&'static str, String)> {
    let reader = reader(case("jwt-both-json"));
    let message = Bytes::copy_from_slice(message.as_bytes());
    if !reader.is_secured(&message) {
        return Some(("compact", String::new()));
    }
    let read = match reader.read(&message) {
        Ok(read) => read,
        Err(error) => return Some((error.failed_step(), error.reason())),
    };
    let claims = &read.claims;
    if claims.in_reply_to.is_some() {
        return Some(("binding", "in-reply-to".to_owned()));
    }
    if let Err(fault) = check_binding(claims, &target(), true) {
        return Some(("binding", fault.to_string()));
    }
    if let Err(fault) = check_audience(claims, CASES["audience"].as_str()) {
        return Some(("audience", fault.to_string()));
    }
    if let Err(fault) = TimeRules::default().check(claims, at(&CASES["now"])) {
        return Some(("times", fault.to_string()));
    }
    claims.id.is_none().then(|| ("replay", "no jti".to_owned()))
}

#[tokio::test]
async fn what_has_to_be_refused_is_refused_at_its_step_with_its_code() {
    let refused = load("refused.json");
    let messages = refused["messages"].as_array().unwrap();
    let mut answers = BTreeMap::new();
    for vector in messages {
        let (name, message) = (text(&vector["name"]), text(&vector["message"]));
        let (step, why) = failed_step(message).unwrap_or_else(|| unreachable!("{name} is accepted"));
        assert_eq!(step, vector["step"], "{name}: {why}");
        let because = vector["because"].as_str().unwrap_or_default();
        assert!(why.contains(because), "{name}: {why}");
        let memory = Arc::new(MemoryReplay::new(16, at(&json!(0))));
        let (status, mut problem) = answer(server(Arc::clone(&memory) as _), message).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{name}");
        assert_eq!(
            problem["type"],
            format!("urn:palisade:problem:{}", text(&vector["code"])),
            "{name}"
        );
        // Failures of one code differ in nothing but the name of the exchange.
        problem["instance"] = Value::Null;
        let first = answers
            .entry(text(&vector["code"]))
            .or_insert_with(|| problem.clone());
        assert_eq!(*first, problem, "{name}");
        // What was refused has not taken the place of the message that it pretends to be.
        let good = text(&load("jose.json")["messages"]["jwt-both-json"]).to_owned();
        assert_eq!(answer(server(memory), &good).await.0, StatusCode::OK, "{name}");
    }
    assert!(messages.len() > 40);
}

#[tokio::test]
async fn a_message_is_accepted_once_whoever_made_it() {
    let memory: Arc<dyn ReplayStore> = Arc::new(MemoryReplay::new(16, at(&json!(0))));
    let made = |file| text(&load(file)["messages"]["jwt-both-json"]).to_owned();
    let (status, body) = answer(server(Arc::clone(&memory)), &made(MAKERS[0])).await;
    assert_eq!((status, &body["to"]), (StatusCode::OK, &json!("Zoë")));
    // The others carry the same `jti`, and are signed by the same key.
    for file in MAKERS {
        let (status, problem) = answer(server(Arc::clone(&memory)), &made(file)).await;
        assert_eq!(status, StatusCode::CONFLICT);
        assert_eq!(problem["type"], "urn:palisade:problem:message-replayed");
    }
    let signer = verification("p256");
    let seen = SeenMessage {
        sender: signer.thumbprint(),
        id: "jwt-both-json-1",
        issued_at: at(&CASES["now"]),
        expires_at: at(&json!(1_800_000_300)),
        max_clock_skew: Duration::from_secs(300),
        now: at(&CASES["now"]),
    };
    assert_eq!(memory.burn(seen).await.unwrap(), Replay::Seen);
}

/// The page without white space, so that it may break lines where it likes.
fn page() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/wire-format.md");
    let text = std::fs::read_to_string(path).unwrap();
    text.split_whitespace().collect()
}

fn squeezed(bytes: &[u8]) -> String {
    std::str::from_utf8(bytes).unwrap().split_whitespace().collect()
}

#[rstest]
#[case::request("jwt-both-json")]
#[case::response("jwt-both-response")]
#[case::raw("raw-signed-json")]
fn the_example_of_the_specification_is_a_vector(#[case] name: &str) {
    let page = page();
    let message = text(&load("jose.json")["messages"][name]).as_bytes().to_vec();
    assert!(page.contains(&squeezed(&message)), "the message");
    let case = case(name);
    let mut signed = message;
    if let Some(kid) = case["encrypted-to"].as_str() {
        let opened = decrypt(&[Arc::new(decryption(kid))], &signed, &[]).unwrap();
        signed = opened.payload.to_vec();
        assert!(page.contains(&squeezed(&signed)), "the signed message in it");
    }
    let understood: Vec<&str> = case["claims"]
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    let opened = verify(
        &[Arc::new(verification(text(&case["signed-by"])))],
        &signed,
        &understood,
    )
    .unwrap();
    assert!(page.contains(&squeezed(&opened.payload)), "its payload");
    // Every header that the page shows is that of the message, member by member.
    for member in ["alg", "kid"] {
        let shown = format!("\"{member}\":{}", opened.header.get(member).unwrap());
        assert!(page.contains(&shown), "{shown}");
    }
}
