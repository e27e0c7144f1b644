//! What operators write, and what they are told.

use std::path::Path;
use std::sync::Arc;

use palisade_core::{
    BuildContext, BuildError, Clock, Finding, Phase, Resources, Stage, StageKind, StateStore, SystemClock,
};
use palisade_directory::{Directory, Snapshot, User};
use palisade_identity::Authentication;
use rstest::rstest;
use serde_json::{Value, json};

use crate::common::snapshot;

type Built = Result<(Vec<(Phase, Stage)>, Vec<Finding>), BuildError>;

fn build_with(directory: Option<Snapshot>, settings: Value) -> Built {
    let settings = serde_json::from_value(settings).unwrap();
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let state = StateStore::default();
    let mut resources = Resources::default();
    if let Some(snapshot) = directory {
        resources = resources.with(Arc::new(Directory::new(snapshot)));
    }
    let cx = BuildContext::new("Partners", Path::new("."), &clock, &state, &resources);
    let findings = Authentication::guardrails(&settings, &cx);
    Authentication::build(settings, &cx).map(|built| (built, findings))
}

fn fault(directory: Option<Snapshot>, settings: Value) -> (String, String) {
    let error = build_with(directory, settings).unwrap_err();
    assert_eq!(error.faults.len(), 1, "{error}");
    (error.faults[0].key.clone(), error.faults[0].expected.clone())
}

#[test]
fn the_defaults_are_built_where_somebody_can_sign_in() {
    let (stages, findings) = build_with(Some(snapshot()), json!({})).unwrap();
    assert_eq!(stages.len(), 1);
    assert_eq!(stages[0].0, Phase::Authentication);
    assert_eq!(findings, []);
}

#[rstest]
#[case::nobody(json!({}), "")]
#[case::named_without_directory(json!({"schemes": ["basic"]}), "schemes[0]")]
#[case::bearer_without_settings(json!({"schemes": ["bearer"]}), "schemes[0]")]
#[case::no_scheme(json!({"schemes": []}), "schemes")]
fn a_scheme_that_nobody_can_use_is_an_error(#[case] settings: Value, #[case] key: &str) {
    assert_eq!(fault(None, settings).0, key);
}

#[test]
fn a_scheme_is_usable_where_a_user_has_what_it_takes() {
    let only_certificates = || {
        Snapshot::builder()
            .user(User::new("a").with_certificate([1; 32]))
            .build()
            .unwrap()
    };
    assert!(build_with(Some(only_certificates()), json!({"schemes": ["certificate"]})).is_ok());
    for (scheme, expected) in [
        ("basic", "users with a password-hash in the directory"),
        ("api-key", "users with api-key-hashes in the directory"),
    ] {
        let settings = json!({"schemes": ["certificate", scheme]});
        assert_eq!(
            fault(Some(only_certificates()), settings),
            ("schemes[1]".to_owned(), expected.to_owned())
        );
    }
}

#[rstest]
#[case(json!({"schemes": ["basic"], "two-way-mode": "force"}), "two-way-mode", "certificate among the schemes, or the mode default")]
#[case(json!({"schemes": ["basic"], "two-way-mode": "exclusive"}), "two-way-mode", "certificate among the schemes, or the mode default")]
#[case(json!({"realm": "a\nb"}), "realm", "printable ASCII")]
#[case(json!({"api-key": {"header": "a b"}}), "api-key.header", "the name of a field of its own, such as X-API-Key")]
#[case(json!({"api-key": {"header": "Authorization"}}), "api-key.header", "the name of a field of its own, such as X-API-Key")]
fn what_cannot_be_meant_is_an_error(#[case] settings: Value, #[case] key: &str, #[case] expected: &str) {
    assert_eq!(
        fault(Some(snapshot()), settings),
        (key.to_owned(), expected.to_owned())
    );
}

#[test]
fn settings_of_a_scheme_that_is_off_are_an_error() {
    let settings = json!({
        "schemes": ["basic"],
        "bearer": {"issuer": "https://issuer.example", "audience": ["orders"], "jwks-file": "keys.json"},
    });
    let (key, _) = fault(Some(snapshot()), settings);
    assert_eq!(key, "bearer");
}

#[test]
fn a_misspelt_key_is_an_error() {
    let wrong =
        serde_json::from_value::<<Authentication as StageKind>::Settings>(json!({"two-way": "force"}));
    assert!(wrong.unwrap_err().to_string().contains("two-way"));
}

#[test]
fn requests_without_a_name_are_a_finding() {
    let (_, findings) = build_with(Some(snapshot()), json!({"required": false})).unwrap();
    assert_eq!(findings[0].code, "authentication-optional");
}
