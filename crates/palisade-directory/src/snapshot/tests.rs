use std::time::{Duration, SystemTime, UNIX_EPOCH};

use palisade_core::Secret;

use crate::{ApiKey, ApiKeyHash, Cost, PasswordHash, Snapshot, SnapshotError, Tenant, User};

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

fn errors(builder: crate::SnapshotBuilder) -> Vec<String> {
    let errors = builder.build().unwrap_err().errors;
    errors.iter().map(ToString::to_string).collect()
}

fn cheap(passes: u32) -> PasswordHash {
    format!(
        "$argon2id$v=19$m=64,t={passes},p=1$c29tZXNhbHQxNmJ5dGVz$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
    )
    .parse()
    .unwrap()
}

#[test]
fn users_and_tenants_are_found_by_name_and_by_certificate() {
    let snapshot = Snapshot::builder()
        .user(
            User::new("alice")
                .of_tenant("acme")
                .with_certificate([1; 32])
                .with_certificate([2; 32]),
        )
        .user(User::new("bob").with_certificate([3; 32]))
        .tenant(Tenant::new("acme").with_certificate([4; 32]))
        .version(7)
        .build()
        .unwrap();
    assert_eq!(snapshot.version(), 7);
    assert_eq!((snapshot.users().len(), snapshot.tenants().len()), (2, 1));
    let user = |byte| snapshot.user_of_certificate(&[byte; 32]).map(|user| &*user.name);
    assert_eq!(
        [1, 2, 3, 4].map(user),
        [Some("alice"), Some("alice"), Some("bob"), None]
    );
    let tenant = |byte| {
        snapshot
            .tenant_of_certificate(&[byte; 32])
            .map(|tenant| &*tenant.name)
    };
    assert_eq!([1, 4].map(tenant), [None, Some("acme")]);
    assert_eq!(snapshot.user("alice").unwrap().tenant.as_deref(), Some("acme"));
    assert!(snapshot.user("Alice").is_none() && snapshot.tenant("alice").is_none());
}

#[test]
fn users_who_are_not_active_are_found_and_say_so() {
    let snapshot = Snapshot::builder()
        .user(
            User::new("alice")
                .with_certificate([1; 32])
                .with_api_key(ApiKey::new(ApiKeyHash::of("key")))
                .disabled(),
        )
        .build()
        .unwrap();
    assert!(!snapshot.user("alice").unwrap().is_active);
    assert!(!snapshot.user_of_certificate(&[1; 32]).unwrap().is_active);
    assert!(!snapshot.api_key("key", at(0)).unwrap().user.is_active);
}

#[test]
fn an_api_key_is_found_until_its_end() {
    let key = ApiKey::new(ApiKeyHash::of("key"))
        .with_scopes(["orders.read"])
        .expiring_at(Some(at(100)));
    let snapshot = Snapshot::builder()
        .user(User::new("alice").with_api_key(key))
        .build()
        .unwrap();
    let found = snapshot.api_key("key", at(99)).unwrap();
    assert_eq!(
        (&*found.user.name, &*found.key.scopes[0]),
        ("alice", "orders.read")
    );
    assert_eq!(&*found.key.name, ApiKeyHash::of("key").name());
    assert!(snapshot.api_key("key", at(100)).is_none());
    assert!(snapshot.api_key("kez", at(99)).is_none());
    assert!(snapshot.api_key("", at(99)).is_none());
}

#[test]
fn keys_whose_hashes_begin_alike_are_told_apart() {
    let real = ApiKeyHash::of("key");
    let mut alike = *real.as_bytes();
    alike[8] ^= 1;
    let alike = ApiKeyHash::from_bytes(alike);
    assert_eq!(real.prefix(), alike.prefix());
    let snapshot = Snapshot::builder()
        .user(User::new("alice").with_api_key(ApiKey::new(alike)))
        .user(User::new("bob").with_api_key(ApiKey::new(real)))
        .build()
        .unwrap();
    assert_eq!(&*snapshot.api_key("key", at(0)).unwrap().user.name, "bob");

    let snapshot = Snapshot::builder()
        .user(User::new("alice").with_api_key(ApiKey::new(alike)))
        .build()
        .unwrap();
    assert!(snapshot.api_key("key", at(0)).is_none());
}

#[test]
fn a_certificate_of_two_is_an_error_that_names_both() {
    let builder = Snapshot::builder()
        .user(User::new("alice").with_certificate([0xab; 32]))
        .user(User::new("bob").with_certificate([0xab; 32]))
        .tenant(Tenant::new("acme").with_certificate([0xcd; 32]))
        .tenant(Tenant::new("globex").with_certificate([0xcd; 32]));
    let (users, tenants) = ("ab".repeat(32), "cd".repeat(32));
    assert_eq!(
        errors(builder),
        [
            format!("certificate sha256:{tenants} belongs to both tenant `acme` and tenant `globex`"),
            format!("certificate sha256:{users} belongs to both user `alice` and user `bob`"),
        ]
    );
}

#[test]
fn everything_else_that_makes_no_directory_is_an_error_too() {
    let key = ApiKey::new(ApiKeyHash::of("key"));
    let builder = Snapshot::builder()
        .user(User::new("alice").of_tenant("acme").with_api_key(key.clone()))
        .user(User::new("alice").with_api_key(key))
        .user(User::new("b:b"))
        .tenant(Tenant::new("globex"))
        .tenant(Tenant::new("globex"));
    let found = builder.build().unwrap_err().errors;
    assert!(matches!(
        found.as_slice(),
        [
            SnapshotError::TwoTenants { .. },
            SnapshotError::UnknownTenant { .. },
            SnapshotError::SharedApiKey { .. },
            SnapshotError::TwoUsers { .. },
            SnapshotError::BadName { .. },
        ]
    ));
}

#[test]
fn a_certificate_that_a_user_has_twice_is_one() {
    let user = User::new("alice")
        .with_certificate([1; 32])
        .with_certificate([1; 32]);
    assert!(Snapshot::builder().user(user).build().is_ok());
}

#[test]
fn a_decoy_costs_what_some_user_costs() {
    let costs = |passes: &[u32]| {
        let users = passes
            .iter()
            .zip(b'a'..)
            .map(|(passes, name)| User::new(char::from(name).to_string()).with_password_hash(cheap(*passes)));
        let builder = users.fold(Snapshot::builder(), crate::SnapshotBuilder::user);
        let snapshot = builder.build().unwrap();
        let costs = (0..1000).map(|number| snapshot.decoy_for(&format!("nobody-{number}")).cost());
        costs.collect::<std::collections::BTreeSet<_>>()
    };
    assert_eq!(costs(&[]), [Cost::RECOMMENDED].into());
    assert_eq!(costs(&[2, 2]), [cheap(2).cost()].into());
    assert_eq!(
        costs(&[1, 2, 2, 3]),
        [1, 2, 3].map(|passes| cheap(passes).cost()).into()
    );
}

#[test]
fn snapshots_without_a_given_version_differ_in_it() {
    let [one, two] = [(); 2].map(|()| Snapshot::default().version());
    assert_ne!(one, two);
}

#[test]
fn nothing_shows_a_hash() {
    let user = User::new("alice")
        .with_password_hash(PasswordHash::hash(&Secret::new("Correct-Horse7")).unwrap())
        .with_certificate([0xab; 32])
        .with_api_key(ApiKey::new(ApiKeyHash::of("key")));
    let shown = format!("{user:?}");
    assert!(
        shown.contains("alice") && shown.contains("has_password: true"),
        "{shown}"
    );
    assert!(
        !shown.contains("argon2") && !shown.contains(&ApiKeyHash::of("key").name()),
        "{shown}"
    );
    let snapshot = Snapshot::builder().user(user).build().unwrap();
    assert!(!format!("{snapshot:?}").contains("alice"));
}
