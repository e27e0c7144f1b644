//! What operators write, and what they are told.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a helper of tests stops the test"
)]

use std::sync::Arc;

use bytes::Bytes;
use http_body_util::Full;
use palisade_core::{
    BuildContext, BuildError, Clock, Resources, Severity, StageKind, StateStore, SystemClock,
};
use palisade_jose::{ClientMessageSecurity, CryptoPool, Jwt, MessageFormat, MessageFormats, MessageSecurity};
use rstest::rstest;
use serde_json::{Value, json};

use crate::exchange::{World, all_profiles, all_request_profiles, client_profiles};

fn faults<K: StageKind>(settings: Value) -> Vec<(String, String)> {
    let error = World::new().build::<K>(settings).expect_err("an error");
    error
        .faults
        .into_iter()
        .map(|fault| (fault.key, fault.expected))
        .collect()
}

#[rstest]
#[case::no_alias(
    json!({"request": {"decryption": {"enabled": true}}}),
    "request.decryption.key-alias", "the alias of a key, for the profile is on"
)]
#[case::unknown_alias(
    json!({"request": {"signature": {"enabled": true, "key-alias": ["partnr"]}}}),
    "request.signature.key-alias", "another alias: there is no alias `partnr`; did you mean `partner`?"
)]
#[case::no_private_key_type(
    json!({"request": {"decryption": {"enabled": true, "key-alias": ["partner-ed"]}}}),
    "request.decryption.key-alias", "another alias: alias `partner-ed` is Ed25519, which does not do encryption"
)]
#[case::weak_algorithm(
    json!({"request": {"decryption": {"enabled": true, "key-alias": ["us"], "algorithms": ["RSA1_5"]}}}),
    "request.decryption.algorithms", "other algorithms: `RSA1_5` is not accepted: its padding can be attacked"
)]
#[case::unfit_algorithm(
    json!({"response": {"signature": {"enabled": true, "key-alias": "us", "algorithms": ["ES256"]}}}),
    "response.signature.key-alias", "another alias: alias `us` is RSA 2048, which does not do ES256; it does RS256, PS256"
)]
#[case::unknown_format(
    json!({"message": {"format": "xml"}}), "message.format", "one of jwt, raw"
)]
#[case::replay_without_signature(
    json!({"request": {"replay-protection": true, "timestamp": {"enabled": true}}}),
    "request.replay-protection", "request.signature and request.timestamp to be on, or false"
)]
#[case::rules_for_what_is_not_read(
    json!({"request": {"binding": "required"}}),
    "request.binding", "request.decryption or request.signature to be on"
)]
#[case::audience_of_what_is_not_read(
    json!({"request": {"audience": "us"}, "response": {"signature": {"enabled": true, "key-alias": "us"}}}),
    "request.audience", "request.decryption or request.signature to be on"
)]
#[case::more_keys_than_are_tried(
    json!({"request": {"signature": {"enabled": true, "key-alias": vec!["partner"; 17]}}}),
    "request.signature.key-alias", "at most 16 aliases"
)]
#[case::no_life(
    json!({"response": {"timestamp": {"enabled": true, "ttl": "100ms"}}}),
    "response.timestamp.ttl", "at least one second"
)]
#[case::no_life_of_what_is_read(
    json!({"request": {"timestamp": {"enabled": true, "max-ttl": 0}}}),
    "request.timestamp.max-ttl", "at least one second"
)]
#[case::nobody_as_the_audience(
    json!({"request": {"audience": "", "signature": {"enabled": true, "key-alias": ["partner"]}}}),
    "request.audience", "a name"
)]
#[case::two_keys_to_encrypt_with(
    json!({"response": {"encryption": {"enabled": true, "key-alias": "partner,us"}}}),
    "response.encryption.key-alias", "one alias"
)]
#[case::limits_where_messages_are_written(
    json!({"response": {"timestamp": {"max-ttl": "5s"}}}),
    "response.timestamp.max-ttl", "request.timestamp.max-ttl: messages are written here, and read there"
)]
#[case::raw_times_without_a_header(
    json!({"message": {"format": "raw"}, "response": {"timestamp": {"enabled": true}}}),
    "message.format", "another one: this message format needs encryption or signatures of responses"
)]
fn settings_that_cannot_be_used_say_why(#[case] settings: Value, #[case] key: &str, #[case] expected: &str) {
    let faults = faults::<MessageSecurity>(settings);
    assert_eq!(faults.len(), 1, "{faults:?}");
    assert_eq!(faults[0].0, key);
    assert!(faults[0].1.starts_with(expected), "{}", faults[0].1);
}

#[rstest]
#[case::request_audience("/request/audience", json!(" "), "request.audience", "a name")]
#[case::response_audience("/response/audience", json!(""), "response.audience", "a name")]
#[case::no_life("/response/timestamp/max-ttl", json!("500ms"), "response.timestamp.max-ttl", "at least one second")]
#[case::two_keys("/request/encryption/key-alias", json!("partner,us"), "request.encryption.key-alias", "one alias")]
fn a_client_is_told_too(
    #[case] pointer: &str,
    #[case] value: Value,
    #[case] key: &str,
    #[case] expected: &str,
) {
    let mut settings = client_profiles();
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    settings.pointer_mut(parent).unwrap()[name] = value;
    let faults = faults::<ClientMessageSecurity>(settings);
    assert_eq!(faults.len(), 1, "{faults:?}");
    assert_eq!(faults[0].0, key);
    assert!(faults[0].1.starts_with(expected), "{}", faults[0].1);
}

#[test]
fn all_faults_are_told_at_once() {
    let mut settings = all_profiles();
    settings["request"]["decryption"]["key-alias"] = json!(["nobody", "us", "no one"]);
    settings["response"]["signature"]["key-alias"] = "nothing".into();
    settings["message"] = json!({"format": "soap"});
    let keys: Vec<_> = faults::<MessageSecurity>(settings)
        .into_iter()
        .map(|(key, _)| key)
        .collect();
    assert_eq!(
        keys,
        [
            "message.format",
            "request.decryption.key-alias",
            "request.decryption.key-alias",
            "response.signature.key-alias"
        ]
    );
}

#[test]
fn a_stage_needs_keystores_and_a_replay_memory() {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let (state, resources) = (StateStore::default(), Resources::default());
    let folder = std::path::Path::new(".");
    let cx = BuildContext::new("A", folder, &clock, &state, &resources);
    let build = |settings: Value| -> Result<_, BuildError> {
        MessageSecurity::build(serde_json::from_value(settings).unwrap(), &cx)
    };
    let keys: Vec<_> = build(all_request_profiles())
        .unwrap_err()
        .faults
        .into_iter()
        .map(|fault| fault.key)
        .collect();
    assert_eq!(
        keys,
        [
            "request.decryption.key-alias",
            "request.signature.key-alias",
            "request.replay-protection"
        ]
    );
}

/// With the name of the recipient in requests.
fn for_us(mut settings: Value) -> Value {
    settings["request"]["audience"] = "us".into();
    settings
}

#[rstest]
#[case::nothing(json!({}))]
#[case::off_and_otherwise_wrong(json!({"request": {"timestamp": {"enabled": false, "max-ttl": "1d"}}}))]
#[case::settings_without_a_profile(json!({"message": {"secure-errors": true}, "request": {"bodiless": "allow"}}))]
fn what_is_off_builds_nothing(#[case] settings: Value) {
    let (stages, findings) = World::new().build::<MessageSecurity>(settings).unwrap();
    assert!(stages.is_empty());
    assert!(findings.is_empty());
}

#[rstest]
#[case::good(for_us(all_profiles()), &[])]
#[case::for_anybody(
    all_profiles(), &[(Severity::Caution, "message-without-recipient", "request.signature.enabled")]
)]
#[case::a_profile_that_is_off(
    json!({"response": {"signature": {"key-alias": "us"}}}),
    &[(Severity::Caution, "profile-off", "response.signature.key-alias")]
)]
#[case::times_alone(
    json!({"request": {"timestamp": {"enabled": true}}}),
    &[(Severity::Severe, "timestamp-unprotected", "request.timestamp.enabled")]
)]
#[case::response_times_alone(
    json!({"response": {"timestamp": {"enabled": true}}}),
    &[(Severity::Severe, "timestamp-unprotected", "response.timestamp.enabled")]
)]
#[case::encryption_alone(
    json!({"request": {"decryption": {"enabled": true, "key-alias": ["us"]}}}),
    &[(Severity::Moderate, "message-not-signed", "request.decryption.enabled")]
)]
#[case::signature_alone(
    json!({"request": {"signature": {"enabled": true, "key-alias": ["partner"]}}}),
    &[(Severity::Moderate, "message-replayable", "request.signature.enabled")]
)]
#[case::replay_off(
    json!({"request": {"signature": {"enabled": true, "key-alias": ["partner"]}, "timestamp": {"enabled": true},
        "replay-protection": false}}),
    &[(Severity::Moderate, "message-replayable", "request.replay-protection")]
)]
#[case::ttl_under_its_older_name(
    json!({"request": {"timestamp": {"ttl": "60s"}}}),
    &[(Severity::Caution, "timestamp-ttl-misplaced", "request.timestamp.ttl")]
)]
fn what_is_unwise_is_found(#[case] settings: Value, #[case] expected: &[(Severity, &str, &str)]) {
    let (_, findings) = World::new().build::<MessageSecurity>(settings).unwrap();
    let found: Vec<_> = findings
        .iter()
        .map(|finding| {
            (
                finding.severity,
                finding.code.as_ref(),
                finding.key.as_deref().unwrap(),
            )
        })
        .collect();
    assert_eq!(found, expected);
}

#[test]
fn a_client_that_accepts_unsecured_answers_is_a_severe_finding() {
    let mut settings = client_profiles();
    settings["request"]["audience"] = "bank".into();
    settings["response"]["accept-unsecured-messages"] = true.into();
    let (_, findings) = World::new().build::<ClientMessageSecurity>(settings).unwrap();
    assert_eq!(findings.len(), 1);
    assert_eq!(findings[0].code, "unsecured-responses-accepted");
    assert_eq!(findings[0].severity, Severity::Severe);
}

#[test]
fn misspelt_settings_are_unknown() {
    for settings in [
        json!({"request": {"decrypton": {}}}),
        json!({"request": {"encryption": {}}}),
        json!({"response": {"signature": {"enable": true}}}),
        json!({"message": {"fromat": "jwt"}}),
    ] {
        let read = serde_json::from_value::<palisade_jose::MessageSecuritySettings>(settings.clone());
        assert!(read.is_err(), "{settings}");
    }
    let read = serde_json::from_value::<palisade_jose::ClientMessageSecuritySettings>(
        json!({"request": {"decryption": {}}}),
    );
    assert!(read.is_err());
}

#[tokio::test]
async fn a_format_of_ones_own_is_named_in_the_settings() {
    #[derive(Debug)]
    struct Acme;
    impl MessageFormat for Acme {
        fn name(&self) -> &'static str {
            "acme"
        }
        fn nested_type(&self) -> &'static str {
            "JWT"
        }
        fn write(
            &self,
            claims: &palisade_jose::Claims,
            body: &palisade_jose::Body,
        ) -> Result<palisade_jose::Written, palisade_jose::FormatError> {
            let mut written = Jwt.write(claims, body)?;
            written.payload = [b"acme:", written.payload.as_ref()].concat().into();
            Ok(written)
        }
        fn read(
            &self,
            payload: bytes::Bytes,
            header: Option<&palisade_jose::ProtectedHeader>,
        ) -> Result<(palisade_jose::Claims, palisade_jose::Body), palisade_jose::FormatError> {
            let inner = payload
                .strip_prefix(b"acme:")
                .ok_or_else(|| palisade_jose::FormatError::Other("no acme".to_owned()))?;
            Jwt.read(payload.slice_ref(inner), header)
        }
    }
    let world = World::new().share(Arc::new(MessageFormats::default().with(Acme)));
    let mut settings = all_request_profiles();
    settings["message"] = json!({"format": "acme"});
    let server = world.server(settings);
    let plain = crate::exchange::Draft::new("a");
    let refused = server.send(plain.request()).await;
    assert_eq!(crate::exchange::code(&refused), "message-security-failed");
    let mut draft = crate::exchange::Draft::new("b");
    draft.format = Arc::new(Acme);
    let (status, ..) = server.send(draft.request()).await;
    assert_eq!(status, 200);
}

#[tokio::test]
async fn both_sides_share_the_same_threads() {
    let pool = Arc::new(CryptoPool::with_size(1, 1));
    let world = World::new().share(Arc::clone(&pool));
    let (server, client) = (world.server(all_profiles()), world.client(client_profiles()));
    // The only thread is held, and so is the only place in the queue.
    let (release, released) = std::sync::mpsc::channel::<()>();
    let (started, is_started) = tokio::sync::oneshot::channel();
    let mut holding = Box::pin(pool.admit(1, move || {
        let _ = started.send(());
        let _ = released.recv();
    }));
    assert!(futures_util::poll!(&mut holding).is_pending());
    is_started.await.unwrap();
    let mut waiting = Box::pin(pool.admit(1, || ()));
    assert!(futures_util::poll!(&mut waiting).is_pending());

    let refused = server.send(crate::exchange::Draft::new("a").request()).await;
    assert_eq!(crate::exchange::code(&refused), "message-security-busy");
    let partner = tower::service_fn(|request: http::Request<Full<Bytes>>| async {
        Ok::<_, std::convert::Infallible>(http::Response::new(request.into_body()))
    });
    let call = tower::Layer::layer(&client.outbound(), partner);
    let order = http::Request::post("/order").body(Full::from("{}")).unwrap();
    let error = tower::ServiceExt::oneshot(call, order).await.unwrap_err();
    let palisade_core::outbound::OutboundError::Refused(rejection) = error;
    assert_eq!(rejection.problem().code, "message-security-busy");

    release.send(()).unwrap();
    holding.await.unwrap();
    waiting.await.unwrap();
    assert!(Arc::ptr_eq(&CryptoPool::shared(), &CryptoPool::shared()));
}
