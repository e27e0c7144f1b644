//! Several keystores together, their ages, and their reload.

use std::collections::BTreeMap;
use std::fs;
use std::time::SystemTime;

use palisade_core::{CertificateSource, Severity, SubjectAltName};
use palisade_keystore::{
    KeystoreSettings, Keystores, LookupError, StoreType, certificate_facts, client_certificate,
};
use palisade_test::ca::{TestCa, certificates_of_pem};
use rstest::rstest;
use time::macros::datetime;

fn stores(names: &[&str]) -> BTreeMap<String, KeystoreSettings> {
    names
        .iter()
        .map(|name| ((*name).to_owned(), KeystoreSettings::new(*name)))
        .collect()
}

#[test]
fn an_alias_in_two_keystores_must_be_written_in_full() {
    let folder = tempfile::tempdir().unwrap();
    let root = TestCa::new("Root");
    for store in ["a", "b"] {
        fs::create_dir(folder.path().join(store)).unwrap();
        root.server(&[store])
            .write_pem(&folder.path().join(store), "server");
    }
    root.write_pem(&folder.path().join("b"), "ca");
    let keystores = Keystores::load(folder.path(), &stores(&["a", "b"])).unwrap();
    assert_eq!(keystores.aliases(), ["a/server", "ca", "b/server"]);
    let refused = keystores.identity("server").unwrap_err();
    assert_eq!(
        refused.to_string(),
        "alias `server` is in more than one keystore: write `a/server` or `b/server`"
    );
    for store in ["a", "b"] {
        let entry = keystores.identity(&format!("{store}/server")).unwrap();
        assert_eq!(entry.chain()[0].facts().subject, format!("CN={store}"));
    }
    assert!(keystores.certificates("ca").is_ok());
    assert!(matches!(
        keystores.certificates("a/ca"),
        Err(LookupError::NoSuchAlias { .. })
    ));
    let refused = keystores.identity("nothing-like-it").unwrap_err();
    assert_eq!(
        refused.to_string(),
        "there is no alias `nothing-like-it` (aliases: `a/server`, `ca`, `b/server`)"
    );
}

#[test]
fn a_keystore_named_in_front_is_the_only_one_that_is_asked() {
    let folder = tempfile::tempdir().unwrap();
    let root = TestCa::new("Root");
    fs::create_dir(folder.path().join("acme")).unwrap();
    root.write_pem(&folder.path().join("acme"), "2025");
    // Another partner calls its key so that it reads like one of acme's.
    let set = r#"{"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "acme/2026",
        "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;
    fs::write(folder.path().join("other"), set).unwrap();
    let keystores = Keystores::load(folder.path(), &stores(&["acme", "other"])).unwrap();
    assert!(matches!(
        keystores.public_key("acme/2026"),
        Err(LookupError::NoSuchAlias { .. })
    ));
    assert!(keystores.public_key("acme/2025").is_ok());
    assert_eq!(keystores.aliases(), ["2025", "other/acme/2026"]);
    assert!(keystores.public_key("other/acme/2026").is_ok());
}

#[test]
fn a_reload_takes_what_loads_and_keeps_the_last_good_state_of_what_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let root = TestCa::new("Root");
    for store in ["a", "b"] {
        root.server(&["old"]).write_pem(folder.path(), store);
    }
    let settings = ["a", "b"].map(|name| (name.to_owned(), KeystoreSettings::new(format!("{name}.pem"))));
    let keystores = Keystores::load(folder.path(), &BTreeMap::from(settings)).unwrap();
    let subject = |keystores: &Keystores, alias: &str| {
        keystores.identity(alias).unwrap().chain()[0]
            .facts()
            .subject
            .clone()
    };
    let now = SystemTime::from(datetime!(2021-01-01 00:00 UTC));

    root.server(&["new"]).write_pem(folder.path(), "a");
    fs::write(folder.path().join("b.pem"), "half wri").unwrap();
    let (reloaded, alarms) = keystores.reload();
    assert_eq!(subject(&reloaded, "a"), "CN=new");
    assert_eq!(subject(&reloaded, "b"), "CN=old");
    assert_eq!(subject(&keystores, "a"), "CN=old", "the old snapshot stays whole");
    assert_eq!(alarms.len(), 1);
    assert_eq!(alarms[0].store, "b");
    assert!(
        alarms[0]
            .message()
            .starts_with("keystore `b` keeps its last good state: keystore `b`: ")
    );
    let findings = reloaded.findings(now);
    assert_eq!(
        (findings[0].code.as_ref(), findings[0].severity),
        ("keystore-stale", Severity::Severe)
    );

    root.server(&["newer"]).write_pem(folder.path(), "b");
    let (again, alarms) = reloaded.reload();
    assert_eq!(alarms, []);
    assert_eq!(subject(&again, "b"), "CN=newer");
    assert_eq!(again.findings(now), []);
    assert_eq!(
        again.paths(),
        [folder.path().join("a.pem"), folder.path().join("b.pem")]
    );
}

#[rstest]
#[case(datetime!(2025-01-01 00:00 UTC), None)]
#[case(datetime!(2025-05-01 00:00 UTC), None)]
#[case(datetime!(2025-05-02 12:00 UTC), Some(("certificate-expires-soon", Severity::Moderate)))]
#[case(datetime!(2025-06-01 00:00 UTC), Some(("certificate-expires-soon", Severity::Moderate)))]
#[case(datetime!(2025-06-01 00:01 UTC), Some(("certificate-expired", Severity::Severe)))]
#[case(datetime!(2023-01-01 00:00 UTC), Some(("certificate-not-yet-valid", Severity::Severe)))]
fn the_age_of_a_certificate_is_a_finding(
    #[case] now: time::OffsetDateTime,
    #[case] expected: Option<(&str, Severity)>,
) {
    let folder = tempfile::tempdir().unwrap();
    TestCa::new("Root")
        .leaf("server")
        .not_before(datetime!(2024-01-01 00:00 UTC))
        .not_after(datetime!(2025-06-01 00:00 UTC))
        .issue()
        .write_pem(folder.path(), "server");
    let settings = BTreeMap::from([("server".to_owned(), KeystoreSettings::new("server.pem"))]);
    let findings = Keystores::load(folder.path(), &settings)
        .unwrap()
        .findings(now.into());
    let found = findings
        .first()
        .map(|finding| (finding.code.as_ref(), finding.severity));
    assert_eq!(found, expected);
}

#[test]
fn a_key_that_was_not_replaced_for_two_years_is_a_finding_and_its_issuer_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let begin = datetime!(2024-01-01 00:00 UTC);
    let leaf = TestCa::new("Root").leaf("server").not_before(begin).issue();
    leaf.write_pem(folder.path(), "server");
    fs::write(folder.path().join("partner.pem"), leaf.leaf_pem()).unwrap();
    let settings = BTreeMap::from([("keys".to_owned(), KeystoreSettings::new("."))]);
    let keystores = Keystores::load(folder.path(), &settings).unwrap();
    let now = |days| (begin + time::Duration::days(days)).into();
    assert_eq!(keystores.findings(now(730)), []);
    let findings = keystores.findings(now(731));
    assert_eq!(findings.len(), 1);
    assert_eq!(
        (findings[0].code.as_ref(), findings[0].severity),
        ("certificate-old", Severity::Caution)
    );
    assert!(
        findings[0]
            .message
            .contains("under alias `server` is 731 days old")
    );
}

#[test]
fn facts_of_a_certificate_are_read_whole() {
    let issuing = TestCa::new("Root").intermediate("Issuing, \"the\" CA");
    let client = issuing
        .leaf("partner\na")
        .organization("Org+Co")
        .names(&["partner.example", "192.0.2.1", "2001:db8::1"])
        .uri("urn:partner:a")
        .email("ops@partner.example")
        .serial(&[0x7f, 0, 1])
        .issue();
    let facts = certificate_facts(client.certificate()).unwrap();
    assert_eq!(facts.subject, "O=Org\\+Co,CN=partner\\0Aa");
    assert_eq!(facts.issuer, "CN=Issuing\\, \\\"the\\\" CA");
    assert_eq!(facts.serial_hex(), "7f0001");
    assert_eq!(facts.not_after, SystemTime::from(datetime!(2100-01-01 00:00 UTC)));
    assert!(!facts.is_ca && !facts.is_self_issued());
    assert_eq!(
        facts.names,
        [
            SubjectAltName::Dns("partner.example".into()),
            SubjectAltName::Ip("192.0.2.1".parse().unwrap()),
            SubjectAltName::Ip("2001:db8::1".parse().unwrap()),
            SubjectAltName::Uri("urn:partner:a".into()),
            SubjectAltName::Email("ops@partner.example".into()),
        ]
    );
    let fact = client_certificate(client.chain(), CertificateSource::Handshake).unwrap();
    assert_eq!(fact.intermediates.len(), 1);
    assert_eq!(fact.fingerprint, facts.fingerprint);
    assert_eq!(fact.serial_hex(), "7f0001");
    assert!(certificate_facts(issuing.certificate()).unwrap().is_ca);
    assert!(client_certificate(&[], CertificateSource::Handshake).is_err());

    let mut longer = client.certificate().to_vec();
    longer.push(0);
    assert!(
        certificate_facts(&longer).is_err(),
        "bytes behind a certificate are no part of it"
    );
}

#[test]
fn settings_are_read_as_they_are_written() {
    let read = serde_json::from_str::<KeystoreSettings>;
    let settings = read(r#"{"location": "a.p12", "password": "s3cret", "type": "pkcs12"}"#).unwrap();
    assert_eq!(settings.store_type, StoreType::Pkcs12);
    assert!(!format!("{settings:?}").contains("s3cret"));
    assert_eq!(read(r#"{"location": "a"}"#).unwrap().store_type, StoreType::Auto);
    assert!(read(r#"{"location": "a", "pasword": "x"}"#).is_err());
    let settings = read(r#"{"location": "a.jks", "key-passwords": {"server": "s3cret"}}"#).unwrap();
    assert_eq!(settings.key_passwords["server"].expose(), "s3cret");
    assert!(!format!("{settings:?}").contains("s3cret"));
    assert!(read(r#"{"location": "a", "type": "p12"}"#).is_err());
}

#[test]
fn a_private_key_is_never_shown() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestCa::new("Root").server(&["localhost"]);
    server.write_pem(folder.path(), "server");
    let settings = BTreeMap::from([("server".to_owned(), KeystoreSettings::new("server.pem"))]);
    let keystores = Keystores::load(folder.path(), &settings).unwrap();
    let entry = keystores.identity("server").unwrap();
    assert_eq!(
        format!("{:?}", entry.key()),
        "PrivateKey { algorithm: EcP256, .. }"
    );
    // The private number starts at byte 36 of a P-256 key in PKCS#8; any part of it would be a leak.
    let secret = entry.key().expose_pkcs8()[36..44].to_vec();
    let shown = format!("{keystores:?}").replace(['\n', ' '], "");
    assert!(!shown.contains(&format!("{secret:?}").replace(' ', "").replace(['[', ']'], "")));
    let hex: Vec<String> = secret.iter().map(|byte| format!("{byte:02x}")).collect();
    assert!(!shown.contains(&hex.concat()));
    assert_eq!(certificates_of_pem(server.chain_pem()), entry.tls_chain());
}
