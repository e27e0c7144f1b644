use std::collections::BTreeMap;

use palisade_core::{Secret, Severity};
use palisade_keystore::{KeystoreSettings, Keystores, fingerprint};
use palisade_test::ca::TestCa;
use tempfile::TempDir;

use super::from_settings;
use crate::{ApiKeyHash, PasswordHash, TenantSettings, UserSettings, print_fingerprint};

type Users = BTreeMap<String, UserSettings>;
type Tenants = BTreeMap<String, TenantSettings>;

fn users<const N: usize>(users: [(&str, UserSettings); N]) -> Users {
    users.map(|(name, user)| (name.to_owned(), user)).into()
}

fn tenants<const N: usize>(tenants: [(&str, &[&str]); N]) -> Tenants {
    tenants
        .map(|(name, certificates)| {
            (
                name.to_owned(),
                TenantSettings {
                    certificates: owned(certificates),
                },
            )
        })
        .into()
}

fn owned(texts: &[&str]) -> Vec<String> {
    texts.iter().copied().map(str::to_owned).collect()
}

fn with_certificates(certificates: &[&str]) -> UserSettings {
    UserSettings {
        certificates: owned(certificates),
        ..UserSettings::default()
    }
}

fn with_hash(hash: &str) -> UserSettings {
    UserSettings {
        password_hash: Some(Secret::new(hash)),
        ..UserSettings::default()
    }
}

/// A keystore folder with one client certificate, alias `alice`, and one chain, alias `carol`.
fn keystores() -> (TempDir, Keystores, [[u8; 32]; 2]) {
    let folder = tempfile::tempdir().unwrap();
    let root = TestCa::new("Example Root");
    let alice = root.client("alice");
    std::fs::write(folder.path().join("alice.crt"), alice.leaf_pem()).unwrap();
    let carol = root.intermediate("Example Issuing").client("carol");
    std::fs::write(folder.path().join("carol.crt"), carol.chain_pem()).unwrap();
    let settings = BTreeMap::from([("partners".to_owned(), KeystoreSettings::new("."))]);
    let keystores = Keystores::load(folder.path(), &settings).unwrap();
    let fingerprints = [&alice, &carol].map(|cert| fingerprint(cert.certificate()));
    (folder, keystores, fingerprints)
}

fn faults(users: &Users, tenants: &Tenants) -> Vec<(String, String)> {
    let (_folder, keystores, _) = keystores();
    from_settings(users, tenants, &keystores)
        .unwrap_err()
        .into_iter()
        .map(|fault| (fault.key, fault.reason.to_string()))
        .collect()
}

const CHEAP: &str =
    "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQxNmJ5dGVz$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

#[test]
fn settings_make_a_snapshot() {
    let (_folder, keystores, [alice, carol]) = keystores();
    let password = PasswordHash::hash(&Secret::new("Correct-Horse7")).unwrap();
    let configured = UserSettings {
        password_hash: Some(password.to_phc()),
        certificates: owned(&["alice", &print_fingerprint(&[1; 32])]),
        api_key_hashes: vec![Secret::new(format!(
            "{} orders.read",
            ApiKeyHash::of("key").to_text()
        ))],
        roles: owned(&["clerk", "buyer"]),
        tenant: Some("acme".to_owned()),
        active: true,
    };
    let bob = UserSettings {
        active: false,
        ..UserSettings::default()
    };
    let users = users([
        ("alice", configured),
        ("bob", bob),
        ("carol", with_certificates(&["partners/carol"])),
    ]);
    let tenants = tenants([("acme", &[&print_fingerprint(&[2; 32])])]);
    let (snapshot, findings) = from_settings(&users, &tenants, &keystores).unwrap();

    assert_eq!(findings, []);
    let user = snapshot.user("alice").unwrap();
    assert_eq!(user.tenant.as_deref(), Some("acme"));
    assert!(user.has_role("clerk") && user.has_role("buyer") && !user.has_role("admin"));
    assert!(user.has_certificate(&alice) && user.has_certificate(&[1; 32]));
    assert!(user.password_hash.as_ref().unwrap().verify(b"Correct-Horse7"));
    assert!(user.is_active && !snapshot.user("bob").unwrap().is_active);
    assert_eq!(&*snapshot.user_of_certificate(&carol).unwrap().name, "carol");
    assert_eq!(&*snapshot.tenant_of_certificate(&[2; 32]).unwrap().name, "acme");
    let found = snapshot.api_key("key", std::time::UNIX_EPOCH).unwrap();
    assert_eq!(
        (&*found.user.name, &*found.key.scopes[0]),
        ("alice", "orders.read")
    );
}

#[test]
fn everything_that_is_wrong_is_told_at_once_with_its_key() {
    let sound = print_fingerprint(&[1; 32]);
    let key = Secret::new(ApiKeyHash::of("key").to_text());
    let alice = UserSettings {
        password_hash: Some(Secret::new("hunter22")),
        certificates: owned(&[&sound, "sha256:00", "nobody"]),
        api_key_hashes: vec![key.clone(), Secret::new("plsd_key")],
        roles: owned(&["clerk", ""]),
        tenant: Some("acmee".to_owned()),
        active: true,
    };
    let bob = UserSettings {
        certificates: owned(&[&sound]),
        api_key_hashes: vec![key],
        ..UserSettings::default()
    };
    let users = users([("alice", alice), ("b:b", bob)]);
    let found = faults(&users, &tenants([("acme", &[&sound, &sound])]));
    let keys: Vec<&str> = found.iter().map(|(key, _)| key.as_str()).collect();
    assert_eq!(
        keys,
        [
            "palisade.tenants.acme.certificates[1]",
            "palisade.users.alice.roles[1]",
            "palisade.users.alice.tenant",
            "palisade.users.alice.password-hash",
            "palisade.users.alice.api-key-hashes[1]",
            "palisade.users.alice.certificates[1]",
            "palisade.users.alice.certificates[2]",
            "palisade.users.b:b",
            "palisade.users.b:b.api-key-hashes[0]",
            "palisade.users.b:b.certificates[0]",
        ]
    );
    assert_eq!(
        found[0].1,
        "expected another one than `palisade.tenants.acme.certificates[0]` has"
    );
    assert_eq!(
        found[2].1,
        "expected a tenant of `palisade.tenants`, which has no `acmee`"
    );
    assert!(
        found[6].1.contains("there is no alias `nobody`"),
        "{}",
        found[6].1
    );
    assert_eq!(
        found[8].1,
        "expected another one than `palisade.users.alice.api-key-hashes[0]` has"
    );
    assert_eq!(
        found[9].1,
        "expected another one than `palisade.users.alice.certificates[0]` has"
    );
    for (_, reason) in &found {
        assert!(
            !reason.contains("hunter22") && !reason.contains("plsd_"),
            "{reason}"
        );
    }
}

#[test]
fn a_certificate_may_be_a_users_and_a_tenants() {
    let sound = print_fingerprint(&[1; 32]);
    let users = users([("alice", with_certificates(&[&sound]))]);
    let (snapshot, _) =
        from_settings(&users, &tenants([("acme", &[&sound])]), &Keystores::default()).unwrap();
    assert_eq!(&*snapshot.user_of_certificate(&[1; 32]).unwrap().name, "alice");
    assert_eq!(&*snapshot.tenant_of_certificate(&[1; 32]).unwrap().name, "acme");
}

#[test]
fn one_certificate_named_by_alias_and_by_digest_is_one() {
    let (_folder, keystores, [alice, _]) = keystores();
    let users = users([
        ("alice", with_certificates(&["alice"])),
        ("bob", with_certificates(&[&print_fingerprint(&alice)])),
    ]);
    let found = from_settings(&users, &Tenants::new(), &keystores).unwrap_err();
    assert_eq!(found[0].key, "palisade.users.bob.certificates[0]");
}

#[test]
fn copied_cheap_and_odd_hashes_are_findings() {
    let [one, two, three] = ["Correct-Horse7", "Correct-Horse8", "Correct-Horse9"]
        .map(|text| PasswordHash::hash(&Secret::new(text)).unwrap());
    let dear = CHEAP.replace("m=64,t=1", "m=65536,t=3");
    let users = users([
        ("alice", with_hash(one.to_phc().expose())),
        ("bob", with_hash(one.to_phc().expose())),
        ("carol", with_hash(two.to_phc().expose())),
        ("dave", with_hash(three.to_phc().expose())),
        ("erin", with_hash(CHEAP)),
        ("frank", with_hash(&dear)),
        // One who signs in with a token alone.
        ("grace", UserSettings::default()),
    ]);
    let (_, findings) = from_settings(&users, &Tenants::new(), &Keystores::default()).unwrap();
    let found: Vec<_> = findings
        .iter()
        .map(|finding| {
            (
                finding.code.as_ref(),
                finding.severity,
                finding.key.as_deref().unwrap_or_default(),
            )
        })
        .collect();
    assert_eq!(
        found,
        [
            (
                "password-reused",
                Severity::Moderate,
                "palisade.users.bob.password-hash"
            ),
            (
                "password-hash-weak",
                Severity::Moderate,
                "palisade.users.erin.password-hash"
            ),
            (
                "password-hash-cost-differs",
                Severity::Moderate,
                "palisade.users.erin.password-hash"
            ),
            (
                "password-hash-costly",
                Severity::Moderate,
                "palisade.users.frank.password-hash"
            ),
            (
                "password-hash-cost-differs",
                Severity::Moderate,
                "palisade.users.frank.password-hash"
            ),
        ]
    );
    assert!(findings[0].message.contains("`alice` and `bob`"));
    assert!(findings[1].message.contains("m=64,t=1,p=1"));
}
