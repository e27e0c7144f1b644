//! JWK Sets: what is read, what is refused, and why.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use palisade_keystore::{Entry, KeyAlgorithm, Keystores, LookupError, StoreError, StoreType, Usage};
use palisade_test::ca::{KeyKind, TestCa};
use proptest::prelude::*;
use rstest::rstest;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{load_one, parts, write};

/// RFC 7517 appendix A.2: public examples, not secrets.
const EC: &str = r#"{"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
 "y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM","d":"870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE"}"#;

/// RFC 8037 appendix A.1: a public example, not a secret.
const ED: &str = r#"{"kty":"OKP","crv":"Ed25519","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",
 "x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;

fn example(text: &str, changes: &Value) -> Value {
    let mut key: Value = serde_json::from_str(text).unwrap();
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            key.as_object_mut().unwrap().remove(name);
        } else {
            key[name] = value.clone();
        }
    }
    key
}

fn open(text: &str) -> Result<Keystores, StoreError> {
    let folder = tempfile::tempdir().unwrap();
    write(&folder, "keys.json", text);
    load_one(folder.path(), "keys.json")
}

fn set(keys: &[Value]) -> String {
    json!({ "keys": keys }).to_string()
}

/// The only entry of a store that holds one.
fn only(keystores: &Keystores) -> Entry {
    let entries = keystores.stores().next().unwrap().entries();
    assert_eq!(entries.len(), 1);
    entries[0].clone()
}

#[test]
fn a_set_of_every_kind_is_read_by_kid() {
    let rsa = TestCa::new("R").leaf("rsa").key_kind(KeyKind::Rsa2048).issue();
    let p384 = TestCa::new("R").leaf("ec").key_kind(KeyKind::EcP384).issue();
    let mut builder = palisade_keystore::KeystoreBuilder::new();
    for (alias, certificate) in [("rsa", &rsa), ("p384", &p384)] {
        let (key, chain) = parts(certificate);
        builder.add_key(alias, key, chain).unwrap();
    }
    let written = builder.jwk_set_with_private_keys().unwrap();
    let mut keys = serde_json::from_str::<Value>(&written).unwrap()["keys"]
        .as_array()
        .unwrap()
        .clone();
    keys.push(example(EC, &json!({ "kid": "partner/2026", "use": "sig" })));
    keys.push(example(ED, &json!({ "d": null, "alg": "EdDSA" })));
    let keystores = open(&set(&keys)).unwrap();
    assert_eq!(keystores.stores().next().unwrap().format(), StoreType::Jwks);
    assert_eq!(keystores.aliases().len(), 4);

    let partner = keystores.key("partner/2026").unwrap();
    assert_eq!(
        (partner.kid(), partner.usage()),
        ("partner/2026", Usage::Signature)
    );
    assert_eq!(partner.key().algorithm(), &KeyAlgorithm::EcP256);
    assert!(keystores.key("mine/partner/2026").is_ok());
    assert!(!partner.usage().allows_encryption() && partner.usage().allows_signature());

    let ed = keystores
        .public_key("kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k")
        .unwrap();
    assert_eq!(
        (ed.jose_algorithm(), ed.usage()),
        (Some("EdDSA"), Usage::Signature)
    );
    assert_eq!(
        keystores.key(ed.kid()).unwrap_err().to_string(),
        format!(
            "alias `{}` holds a public key without a private key (aliases with a key: `{}`)",
            ed.kid(),
            keystores
                .stores()
                .next()
                .unwrap()
                .entries()
                .iter()
                .filter(|entry| entry.has_key())
                .map(Entry::alias)
                .collect::<Vec<_>>()
                .join("`, `")
        )
    );
    for certificate in [&rsa, &p384] {
        let (key, _) = parts(certificate);
        let found = keystores.stores().next().unwrap().entries().iter().any(|entry| {
            matches!(entry, Entry::Key(entry) if entry.key().expose_pkcs8() == key.expose_pkcs8() && entry.tls_chain() == certificate.chain())
        });
        assert!(found);
    }
}

#[test]
fn a_single_key_needs_no_set() {
    let keystores = open(&format!("\u{feff}\n {EC}")).unwrap();
    assert!(matches!(only(&keystores), Entry::Key(_)));
    let keystores = open(EC).unwrap();
    assert_eq!(
        keystores.aliases(),
        ["cn-I_WNMClehiVp51i_0VpOENW1upEerA8sEam5hn-s"]
    );
}

#[rstest]
#[case(json!({"kty":"oct","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T","kid":"x"}), "it is symmetric (`oct`), and no party's own")]
#[case(json!({"kty":"OKP","crv":"X25519","x":"3p7bfXt9wbTTW2HC7OQ1Nz-DQ8hbeGdNrfx-FG-IK08","kid":"x"}), "its curve \"X25519\" is not supported")]
#[case(json!({"kty":"EC","crv":"secp256k1","x":"AA","y":"AA","kid":"x"}), "its curve \"secp256k1\" is not supported")]
#[case(json!({"kty":"new","kid":"x"}), "its kind \"new\" is not supported")]
#[case(example(EC, &json!({"kid":"x","use":"timestamp"})), "its `use` \"timestamp\" is neither `sig` nor `enc`")]
#[case(example(EC, &json!({"kid":"x","key_ops":["teleport"]})), "its `key_ops` allow nothing that is known")]
fn kinds_that_are_not_supported_stop_nobody(#[case] key: Value, #[case] reason: &str) {
    let keystores = open(&set(&[key, serde_json::from_str(ED).unwrap()])).unwrap();
    assert_eq!(keystores.aliases().len(), 2);
    for refused in [
        keystores.key("x").unwrap_err(),
        keystores.public_key("x").unwrap_err(),
    ] {
        assert!(matches!(refused, LookupError::Unusable { .. }));
        assert_eq!(
            refused.to_string(),
            format!("alias `x`: the JWK cannot be used: {reason}")
        );
    }
}

#[test]
fn a_key_without_kid_and_thumbprint_is_known_by_its_place() {
    let keystores = open(&set(&[
        serde_json::from_str(ED).unwrap(),
        json!({"kty":"oct","k":"AA"}),
    ]))
    .unwrap();
    assert!(keystores.aliases().contains(&"mine-2".to_owned()));
}

#[rstest]
#[case(example(EC, &json!({"kty": null})), "key 1: `kty` is missing")]
#[case(example(EC, &json!({"kid": 7})), "key 1: `kid` is no text, or empty")]
#[case(example(EC, &json!({"kid": "a\u{1b}[2J"})), "key 1 (`kid` \"a\\u{1b}[2J\"): `kid` has control characters")]
#[case(example(EC, &json!({"kid": "a", "x": "MKBC"})), "key 1 (`kid` \"a\"): `x` has 3 bytes where its curve wants 32")]
#[case(example(EC, &json!({"x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4="})), "key 1: `x` is no base64url without padding")]
#[case(example(EC, &json!({"y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyN"})), "key 1: `y` is no base64url without padding")]
#[case(example(EC, &json!({"y": "AEtl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"})), "key 1: its point is not on its curve")]
#[case(example(EC, &json!({"d": "AAAMB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE"})), "key 1: its private and public halves do not make one key")]
#[case(example(ED, &json!({"d": "AAAxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"})), "key 1: its private half belongs to another key")]
#[case(example(EC, &json!({"use":"sig","key_ops":["deriveKey"]})), "key 1: `use`, `key_ops` and `alg` contradict one another")]
#[case(example(EC, &json!({"use":"enc","alg":"ES256"})), "key 1: `use`, `key_ops` and `alg` contradict one another")]
#[case(example(EC, &json!({"x5c": []})), "key 1: `x5c` is empty")]
#[case(example(EC, &json!({"x5c": ["AAAA"]})), "key 1: `x5c`: not a well-formed X.509 certificate")]
fn what_is_malformed_or_contradicts_itself_is_an_error(#[case] key: Value, #[case] reason: &str) {
    let error = open(&set(&[key])).unwrap_err();
    assert!(matches!(error, StoreError::Damaged { .. }));
    assert!(
        error
            .to_string()
            .split_once(" is damaged: ")
            .unwrap()
            .1
            .starts_with(reason),
        "{error}"
    );
}

#[rstest]
#[case(r#"{"keys":[]}"#, "holds neither a private key nor a certificate")]
#[case(r#"{"keys":{}}"#, "`keys` is no array")]
#[case(r#"{"keys":[7]}"#, "`keys` holds something that is no object")]
#[case(r#"{"a":1}"#, "it is neither a JWK Set (no `keys`) nor a JWK (no `kty`)")]
#[case(r#"{"kty":"EC","kty":"RSA"}"#, "a member given twice")]
#[case(r#"{"keys":[{"kty":"oct","extra":{"a":1,"a":2}}]}"#, "a member given twice")]
#[case(r#"{"keys":["#, "an early end")]
fn a_file_that_is_no_set_is_refused(#[case] text: &str, #[case] reason: &str) {
    let error = open(text).unwrap_err().to_string();
    assert!(error.contains(reason), "{error}");
}

#[test]
fn two_keys_of_one_kid_are_an_error() {
    let key = |text| example(text, &json!({ "kid": "2026" }));
    assert_eq!(
        open(&set(&[key(EC), key(ED)])).unwrap_err(),
        StoreError::DuplicateAlias {
            alias: "2026".to_owned()
        }
    );
}

#[test]
fn a_private_rsa_key_needs_its_factors() {
    let (key, _) = parts(&TestCa::new("R").leaf("rsa").key_kind(KeyKind::Rsa2048).issue());
    let mut builder = palisade_keystore::KeystoreBuilder::new();
    builder.add_key("rsa", key, Vec::new()).unwrap();
    let written = builder.jwk_set_with_private_keys().unwrap();
    let whole = serde_json::from_str::<Value>(&written).unwrap()["keys"][0].clone();
    let alias = whole["kid"].as_str().unwrap().to_owned();
    assert!(
        open(&set(std::slice::from_ref(&whole)))
            .unwrap()
            .key(&alias)
            .is_ok()
    );
    for name in ["p", "q", "dp", "dq", "qi"] {
        let mut key = whole.clone();
        key.as_object_mut().unwrap().remove(name);
        let refused = open(&set(&[key])).unwrap().key(&alias).unwrap_err().to_string();
        assert!(
            refused.ends_with("it is a private RSA key without `p`, `q`, `dp`, `dq` and `qi`"),
            "{refused}"
        );
    }
    let mut broken = whole.clone();
    broken["p"] = whole["q"].clone();
    assert!(open(&set(&[broken])).is_err());
    let mut small = whole;
    small["n"] = json!(URL_SAFE_NO_PAD.encode([0xff; 128]));
    let refused = open(&set(&[small])).unwrap();
    assert!(matches!(only(&refused), Entry::Unusable { .. }));
}

#[test]
fn certificates_of_x5c_must_fit_the_key() {
    let server = TestCa::new("Root").intermediate("Issuing").server(&["localhost"]);
    let (key, chain) = parts(&server);
    let mut builder = palisade_keystore::KeystoreBuilder::new();
    builder.add_key("server", key, chain).unwrap();
    let key = serde_json::from_str::<Value>(&builder.jwk_set().unwrap()).unwrap()["keys"][0].clone();
    assert!(key.get("d").is_none(), "a set is public");
    let keystores = open(&set(std::slice::from_ref(&key))).unwrap();
    let alias = keystores.aliases().remove(0);
    let public = keystores.public_key(&alias).unwrap();
    assert_eq!(public.certificate().unwrap().der(), server.certificate());
    assert_eq!(
        keystores.certificates(&alias).unwrap()[0].der(),
        server.certificate()
    );
    let mut other = key;
    other["x5c"] = json!([STANDARD.encode(TestCa::new("Other").certificate())]);
    let error = open(&set(&[other])).unwrap_err().to_string();
    assert!(
        error.ends_with("the first certificate of `x5c` carries another key"),
        "{error}"
    );
}

#[cfg(unix)]
#[test]
fn private_keys_that_others_may_read_are_a_finding() {
    use std::os::unix::fs::PermissionsExt as _;
    let codes = |folder: &TempDir, mode: u32| {
        let path = folder.path().join("keys.json");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        let keystores = load_one(folder.path(), "keys.json").unwrap();
        keystores
            .findings(std::time::UNIX_EPOCH)
            .into_iter()
            .map(|finding| finding.code.into_owned())
            .collect::<Vec<_>>()
    };
    let folder = tempfile::tempdir().unwrap();
    write(&folder, "keys.json", EC);
    assert_eq!(codes(&folder, 0o644), ["key-file-readable-by-others"]);
    assert_eq!(codes(&folder, 0o600), Vec::<String>::new());
    write(
        &folder,
        "keys.json",
        example(ED, &json!({ "d": null })).to_string(),
    );
    assert_eq!(codes(&folder, 0o644), Vec::<String>::new());
}

#[test]
fn a_reload_keeps_the_last_good_state() {
    let folder = tempfile::tempdir().unwrap();
    write(&folder, "keys.json", EC);
    let keystores = load_one(folder.path(), "keys.json").unwrap();
    write(&folder, "keys.json", &EC[..60]);
    let (reloaded, alarms) = keystores.reload();
    assert_eq!(alarms.len(), 1);
    assert_eq!(reloaded.aliases(), keystores.aliases());
    write(&folder, "keys.json", ED);
    let (reloaded, alarms) = reloaded.reload();
    assert_eq!(alarms, []);
    assert_ne!(reloaded.aliases(), keystores.aliases());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn an_altered_set_never_crashes(place: prop::sample::Index, byte: u8, length: prop::sample::Index) {
        let mut bytes = set(&[serde_json::from_str(EC).unwrap(), serde_json::from_str(ED).unwrap()]).into_bytes();
        let place = place.index(bytes.len());
        bytes[place] = byte;
        let folder = tempfile::tempdir().unwrap();
        write(&folder, "keys.json", &bytes);
        let _ = load_one(folder.path(), "keys.json");
        bytes.truncate(length.index(bytes.len()));
        write(&folder, "keys.json", &bytes);
        prop_assert!(load_one(folder.path(), "keys.json").is_err());
    }
}
