//! The verifier out of settings.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use palisade_client::HttpsFetch;
use palisade_core::{
    Background, BuildContext, BuildError, Clock, Finding, Resources, Severity, SharedFetch, StateStore,
};
use palisade_keystore::{KeystoreSettings, Keystores};
use palisade_test::ca::TestCa;
use rstest::rstest;
use serde_json::{Value, json};

use super::issuer::{AUDIENCE, ISSUER, claims, clock, ed25519, set};
use super::server::KeyServer;
use crate::bearer::TokenAlgorithm::{self, EdDsa, Es256};
use crate::bearer::{BadToken, Bearer, BearerSettings};

/// What came of settings, in a folder and with resources.
struct Built {
    bearer: Result<Bearer, BuildError>,
    findings: Vec<Finding>,
    files: Vec<std::path::PathBuf>,
}

fn build_with(settings: &Value, folder: &Path, resources: &Resources) -> Built {
    let clock: Arc<dyn Clock> = clock();
    let state = StateStore::default();
    let cx = BuildContext::new("Partners", folder, &clock, &state, resources);
    let settings: BearerSettings = serde_json::from_value(settings.clone()).unwrap();
    let bearer = Bearer::build(&settings, &cx);
    Built {
        bearer,
        findings: cx.take_findings(),
        files: cx.into_files(),
    }
}

fn shared() -> Resources {
    Resources::default().with(Arc::new(SharedFetch::new(HttpsFetch::new())))
}

/// Settings that are good, with these instead; null takes one away.
fn settings(changes: &Value) -> Value {
    let mut all =
        json!({"issuer": ISSUER, "audience": [AUDIENCE], "jwks-uri": "https://issuer.example/keys"});
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            all.as_object_mut().unwrap().remove(name);
        } else {
            all[name] = value.clone();
        }
    }
    all
}

fn faults(built: &Built) -> Vec<(&str, &str)> {
    let error = built.bearer.as_ref().err();
    let faults = error.into_iter().flat_map(|error| &error.faults);
    faults
        .map(|fault| (fault.key.as_str(), fault.expected.as_str()))
        .collect()
}

#[rstest]
#[case(json!({}), &[])]
#[case(json!({"jwks-uri": "http://127.0.0.1:8080/keys"}), &[])]
#[case(json!({"clock-skew": "5m", "algorithms": ["ES256", "EdDSA"]}), &[])]
#[case(json!({"issuer": null, "audience": null}), &[
    ("bearer.issuer", "the issuer, exactly as the tokens' `iss` has it"),
    ("bearer.audience", "whom the tokens are for, as their `aud` has it: without it, tokens for others would be good here"),
])]
#[case(json!({"issuer": ""}), &[("bearer.issuer", "the issuer, exactly as the tokens' `iss` has it")])]
#[case(json!({"audience": ["a", ""]}), &[
    ("bearer.audience", "whom the tokens are for, as their `aud` has it: without it, tokens for others would be good here"),
])]
#[case(json!({"jwks-uri": null}), &[("bearer.jwks-uri", "where the issuer's keys are: this, or bearer.jwks-file")])]
#[case(json!({"jwks-file": "keys.json"}), &[("bearer.jwks-file", "one source of keys: this, or bearer.jwks-uri")])]
#[case(json!({"algorithms": []}), &[("bearer.algorithms", "at least one algorithm, or no such setting")])]
#[case(json!({"clock-skew": "301s"}), &[("bearer.clock-skew", "at most 5m: for that long, tokens outlive their end")])]
#[case(json!({"jwks-uri": "http://issuer.example/keys"}), &[
    ("bearer.jwks-uri", "a URL of https: http is for loopback hosts alone"),
])]
#[case(json!({"jwks-uri": "issuer.example"}), &[
    ("bearer.jwks-uri", "a URL such as https://issuer.example/keys, without user, password and fragment"),
])]
#[case(json!({"jwks-trust-aliases": ["partner-ca"]}), &[
    ("bearer.jwks-trust-aliases", "keystores to take the authorities from"),
])]
fn settings_are_checked_all_at_once(#[case] changes: Value, #[case] expected: &[(&str, &str)]) {
    let folder = tempfile::tempdir().unwrap();
    let built = build_with(&settings(&changes), folder.path(), &shared());
    assert_eq!(faults(&built), expected);
    assert_eq!(built.findings, []);
}

#[rstest]
#[case(json!({"algorithms": ["HS256"]}), "unknown variant `HS256`")]
#[case(json!({"algorithms": ["none"]}), "unknown variant `none`")]
#[case(json!({"algorithms": ["rs256"]}), "unknown variant `rs256`")]
#[case(json!({"jwks-url": "https://issuer.example"}), "unknown field `jwks-url`")]
#[case(json!({"clock-skew": "soon"}), "a period such as")]
fn what_cannot_be_meant_is_an_error(#[case] settings: Value, #[case] why: &str) {
    let error = serde_json::from_value::<BearerSettings>(settings)
        .unwrap_err()
        .to_string();
    assert!(error.contains(why), "{error}");
}

#[test]
fn without_a_client_to_share_a_url_is_a_consequence() {
    let folder = tempfile::tempdir().unwrap();
    let built = build_with(&settings(&json!({})), folder.path(), &Resources::default());
    let error = built.bearer.unwrap_err();
    assert_eq!(error.faults.len(), 1);
    assert_eq!(error.faults[0].key, "bearer.jwks-uri");
    assert!(error.faults[0].is_consequence);
}

#[test]
fn building_fetches_nothing_and_hands_work_over() {
    let folder = tempfile::tempdir().unwrap();
    let background = Arc::new(Background::default());
    let built = build_with(
        &settings(&json!({})),
        folder.path(),
        &shared().with(Arc::clone(&background)),
    );
    assert!(built.bearer.is_ok());
    assert_eq!(background.take().len(), 1);
}

/// Settings with that file of keys.
fn with_file(document: &str) -> (Built, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("keys.json"), document).unwrap();
    let settings = settings(&json!({"jwks-uri": null, "jwks-file": "keys.json"}));
    (
        build_with(&settings, folder.path(), &Resources::default()),
        folder,
    )
}

#[test]
fn keys_of_a_file_are_used_and_the_file_is_watched() {
    let key = ed25519();
    let symmetric = json!({"kty": "oct", "k": "AA"});
    let tomorrow = json!({"kty": "AKP", "kid": "2"});
    let (built, folder) = with_file(&set(&[tomorrow, symmetric, key.jwk(&json!({"kid": "1"}))]));
    assert_eq!(built.files, [folder.path().join("keys.json")]);
    let finding = &built.findings[..];
    assert_eq!(finding.len(), 1, "{finding:?}");
    assert_eq!(
        (&*finding[0].code, finding[0].severity),
        ("jwks-key-unusable", Severity::Moderate)
    );
    assert_eq!(finding[0].key.as_deref(), Some("bearer.jwks-file"));
    assert!(
        finding[0].message.contains("key 2: it is private or symmetric"),
        "{}",
        finding[0].message
    );

    let bearer = built.bearer.unwrap();
    let token = |algorithm: TokenAlgorithm| key.token(algorithm, &json!({"kid": "1"}), &claims());
    assert!(bearer.verify_now(&token(EdDsa)).unwrap().is_ok());
    let unknown = key.token(EdDsa, &json!({"kid": "3"}), &claims());
    assert_eq!(
        bearer.verify_now(&unknown),
        Some(Err(BadToken::UnknownKey(Some("3".to_owned()))))
    );
    assert_eq!(
        bearer.verify_now(&token(Es256)),
        Some(Err(BadToken::AlgorithmOfAnotherKey))
    );
}

#[rstest]
#[case::no_json("keys", "malformed JSON at line 1, column 1")]
#[case::no_set("{}", "it is neither a JWK Set (no `keys`) nor a JWK (no `kty`)")]
#[case::too_long(&" ".repeat(256 * 1024 + 1), "it has more than 262144 bytes")]
#[case::empty(r#"{"keys":[]}"#, "a key that does one of the algorithms")]
#[case::nothing_usable(
    r#"{"keys":[{"kty":"oct","k":"AA","kid":"a"}]}"#,
    "a key that does one of the algorithms: key 1 (`kid` \"a\"): it is private or symmetric, and no longer a secret"
)]
fn a_file_that_has_no_keys_is_an_error_that_says_why(#[case] document: &str, #[case] why: &str) {
    let (built, _folder) = with_file(document);
    let faults = faults(&built);
    assert_eq!(faults.len(), 1, "{faults:?}");
    assert_eq!(faults[0].0, "bearer.jwks-file");
    assert!(faults[0].1.ends_with(why), "{}", faults[0].1);
    assert_eq!(built.files.len(), 1, "it is watched all the same");
}

#[test]
fn a_file_that_is_not_there_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["missing.json", "."] {
        let settings = settings(&json!({"jwks-uri": null, "jwks-file": name}));
        let built = build_with(&settings, folder.path(), &Resources::default());
        let faults = faults(&built);
        assert_eq!(faults.len(), 1);
        assert!(faults[0].1.starts_with("a JWK Set at "), "{}", faults[0].1);
    }
}

#[tokio::test]
async fn the_authorities_of_a_url_come_from_keystores() {
    let (ca, key) = (TestCa::new("Partner Root"), ed25519());
    let server = KeyServer::over_tls(&[key.jwk(&json!({}))], &ca).await;
    let folder = tempfile::tempdir().unwrap();
    ca.write_pem(folder.path(), "partner-ca");
    TestCa::new("Other Root").write_pem(folder.path(), "other-ca");
    let stores = ["partner-ca", "other-ca"]
        .map(|name| (name.to_owned(), KeystoreSettings::new(format!("{name}.pem"))));
    let keystores = Keystores::load(folder.path(), &stores.into_iter().collect()).unwrap();
    let resources = shared().with(Arc::new(keystores));
    let token = key.token(EdDsa, &json!({}), &claims());
    let verify = async |aliases: Value| {
        let settings =
            settings(&json!({"jwks-uri": server.url.uri().to_string(), "jwks-trust-aliases": aliases}));
        let built = build_with(&settings, folder.path(), &resources);
        built.bearer.unwrap().verify(&token).await.map(drop)
    };
    assert_eq!(verify(json!(["other-ca", "partner-ca"])).await, Ok(()));
    assert_eq!(verify(json!(["other-ca"])).await, Err(BadToken::NoKeys));
    assert_eq!(
        verify(json!([])).await,
        Err(BadToken::NoKeys),
        "public authorities do not know it"
    );
    assert_eq!(server.requests(), 1);

    let settings = settings(&json!({"jwks-trust-aliases": ["partner-co", "partner-ca"]}));
    let built = build_with(&settings, folder.path(), &resources);
    let faults = faults(&built);
    assert_eq!(faults.len(), 1);
    assert_eq!(faults[0].0, "bearer.jwks-trust-aliases");
    assert!(
        faults[0].1.contains("did you mean `partner-ca`?"),
        "{}",
        faults[0].1
    );
}

#[test]
fn authorities_without_a_url_are_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let changes = json!({"jwks-uri": null, "jwks-file": "missing", "jwks-trust-aliases": ["a"]});
    let built = build_with(&settings(&changes), folder.path(), &Resources::default());
    assert!(
        faults(&built)
            .iter()
            .any(|(key, _)| *key == "bearer.jwks-trust-aliases")
    );
}

#[test]
fn what_is_not_said_has_a_default() {
    let defaults: BearerSettings = serde_json::from_value(json!({})).unwrap();
    assert_eq!(defaults, BearerSettings::default());
    assert_eq!(defaults.clock_skew.get(), Duration::from_secs(60));
}
