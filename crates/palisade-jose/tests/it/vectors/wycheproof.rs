//! What of Project Wycheproof is written as JOSE: messages under keys that come as JWK, as partners send them. Its vectors of the
//! algorithms themselves are tried below the wire.
//!
//! 1. What is valid is accepted, unless `tests/data/exclusions.json` says why not: then it is refused.
//! 2. What is invalid is refused, without exception.
//! 3. A message whose `alg` is not spoken is refused under its own key too, with nothing in the JWK to forbid it.
//! 4. Each test of the whole files is here or excluded, and each exclusion is needed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use palisade_jose::{DecryptionKey, VerificationKey, decrypt, verify};
use palisade_keystore::{KeystoreSettings, Keystores};
use rstest::rstest;
use serde_json::{Map, Value, json};

use super::{data, json as read};
use crate::wire::keys::algorithms;

const SIGNATURES: [&str; 4] = ["RS256", "PS256", "ES256", "EdDSA"];
const CONTENTS: [&str; 2] = ["A128CBC-HS256", "A256GCM"];
const KEY_MANAGEMENT: [&str; 2] = ["RSA-OAEP-256", "ECDH-ES+A256KW"];
/// The members of a JWK that limit what its key is for.
const LIMITS: [&str; 3] = ["alg", "use", "key_ops"];

/// The tests of a file for which a reason stands in the exclusions.
struct Exclusions {
    tests: BTreeMap<u64, usize>,
    used: BTreeSet<usize>,
    reasons: Vec<String>,
}

impl Exclusions {
    fn of(file: &str) -> Self {
        let mut found = Self {
            tests: BTreeMap::new(),
            used: BTreeSet::new(),
            reasons: Vec::new(),
        };
        for entry in read(&data("exclusions.json"))["wycheproof-jose"]
            .as_array()
            .unwrap()
        {
            if entry["file"] != file {
                continue;
            }
            let reason = entry["reason"].as_str().unwrap();
            assert!(!reason.is_empty());
            for range in entry["tests"].as_str().unwrap().split(", ") {
                let (first, last) = range.split_once('-').unwrap_or((range, range));
                for test in first.parse().unwrap()..=last.parse().unwrap() {
                    let before = found.tests.insert(test, found.reasons.len());
                    assert_eq!(before, None, "{file}: test {test} is excluded twice");
                }
            }
            found.reasons.push(reason.to_owned());
        }
        found
    }

    fn cover(&mut self, test: u64) -> bool {
        self.tests
            .get(&test)
            .map(|reason| self.used.insert(*reason))
            .is_some()
    }
}

/// The keys of a group, as a set: those that are named, else the private ones.
fn key_set(group: &Value, name: &str, limited: bool) -> Value {
    let key = if group[name].is_null() {
        &group["private"]
    } else {
        &group[name]
    };
    let mut set = if key["keys"].is_null() {
        json!({ "keys": [key] })
    } else {
        key.clone()
    };
    if !limited {
        for key in set["keys"].as_array_mut().unwrap() {
            let members = key.as_object_mut().unwrap();
            members.retain(|name, _| !LIMITS.contains(&name.as_str()));
        }
    }
    set
}

/// The keystore that holds a set, if it is one.
fn keystores(set: &Value) -> Option<Keystores> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("keys.jwks"), set.to_string()).unwrap();
    let settings = BTreeMap::from([("partner".to_owned(), KeystoreSettings::new("keys.jwks"))]);
    Keystores::load(folder.path(), &settings).ok()
}

/// What a message says under the keys of a set that can be used.
fn open(set: &Value, test: &Value) -> Option<Vec<u8>> {
    let keystores = keystores(set)?;
    let aliases = keystores.aliases();
    if let Some(jwe) = test["jwe"].as_str() {
        let keys: Vec<_> = aliases
            .iter()
            .filter_map(|alias| keystores.key(alias).ok())
            .filter_map(|entry| DecryptionKey::new(&entry, &algorithms(&CONTENTS)).ok())
            .map(Arc::new)
            .collect();
        decrypt(&keys, jwe.as_bytes(), &[])
            .ok()
            .map(|opened| opened.payload.to_vec())
    } else {
        let keys: Vec<_> = aliases
            .iter()
            .filter_map(|alias| Some((alias, keystores.public_key(alias).ok()?)))
            .filter_map(|(alias, key)| VerificationKey::new(alias, &key, &algorithms(&SIGNATURES)).ok())
            .map(Arc::new)
            .collect();
        verify(&keys, test["jws"].as_str().unwrap().as_bytes(), &[])
            .ok()
            .map(|opened| opened.payload.to_vec())
    }
}

/// What a valid message says.
fn expected(test: &Value) -> Vec<u8> {
    let Some(hex) = test["pt"].as_str() else {
        let payload = test["jws"].as_str().unwrap().split('.').nth(1).unwrap();
        return URL_SAFE_NO_PAD.decode(payload).unwrap();
    };
    (0..hex.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
        .collect()
}

/// The `alg` of a message, if it has one.
fn alg(test: &Value) -> Option<String> {
    let message = test["jwe"].as_str().or(test["jws"].as_str()).unwrap();
    let header = URL_SAFE_NO_PAD.decode(message.split('.').next().unwrap()).ok()?;
    let header: Map<String, Value> = serde_json::from_slice(&header).ok()?;
    header["alg"].as_str().map(str::to_owned)
}

#[rstest]
#[case("json_web_encryption_test.json", 4)]
#[case("json_web_signature_test.json", 16)]
#[case("json_web_key_test.json", 1)]
fn messages_are_accepted_or_refused_as_project_wycheproof_says(#[case] file: &str, #[case] valid: usize) {
    let whole = read(&data("wycheproof").join(file));
    let mut exclusions = Exclusions::of(file);
    let mut here = BTreeSet::new();
    let mut accepted = 0;
    for group in whole["testGroups"].as_array().unwrap() {
        for test in group["tests"].as_array().unwrap() {
            let id = test["tcId"].as_u64().unwrap();
            let label = format!("{file}: test {id}, {}", test["comment"]);
            assert!(here.insert(id), "{label} stands twice");
            let name = if test["jwe"].is_null() {
                "public"
            } else {
                "private"
            };
            let opened = open(&key_set(group, name, true), test);
            if test["result"] == "valid" && !exclusions.cover(id) {
                assert_eq!(opened, Some(expected(test)), "{label}");
                accepted += 1;
            } else {
                assert_eq!(opened, None, "{label}");
            }
            let alg = alg(test).unwrap_or_default();
            if !SIGNATURES.iter().chain(&KEY_MANAGEMENT).any(|name| *name == alg) {
                assert_eq!(
                    open(&key_set(group, name, false), test),
                    None,
                    "{label}, with a key for anything"
                );
            }
        }
    }
    assert_eq!(accepted, valid);
    for id in 1..=whole["numberOfTests"].as_u64().unwrap() {
        assert!(
            here.contains(&id) || exclusions.cover(id),
            "{file}: test {id} is missing"
        );
    }
    for (reason, text) in exclusions.reasons.iter().enumerate() {
        assert!(
            exclusions.used.contains(&reason),
            "{file}: nothing needs {text:?}"
        );
    }
}
