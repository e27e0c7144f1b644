//! Rows that somebody made by hand, and that cannot be used.

use palisade_core::{Secret, Severity};
use palisade_directory::sql::{CertificateId, NewCertificate, Owner, UserRecord, load};
use rstest::rstest;

use super::opening::by_hand;
use super::{Database, Kind, PASSWORD, add, at, on_both};

const BCRYPT: &str = "$2b$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy";

on_both! {
    async fn a_hash_of_another_kind_ends_its_user_and_stands_in_nobodys_way(database: Database) {
        let directory = database.open().await;
        for name in ["alice", "bob", "carol"] {
            add(&directory, name).await;
        }
        directory.set_password("bob", &Secret::new(PASSWORD), at(2)).await.unwrap();
        by_hand(&database, "UPDATE palisade_users SET password_mark = CAST('00000' AS BYTEA), password_set_at = 1, password_hash = \
             '$2b$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy' WHERE name = 'alice'").await;

        let (snapshot, findings) = load(&database.source(), database.folder()).unwrap();
        let is_active = |name| snapshot.user(name).unwrap().is_active;
        assert!(!is_active("alice") && is_active("bob") && is_active("carol"));
        let [finding] = findings.as_slice() else { panic!("{findings:?}") };
        assert_eq!((finding.code.as_ref(), finding.severity), ("directory-row-unusable", Severity::Severe));
        assert!(finding.message.contains("user `alice` cannot sign in: expected a PHC string of argon2id"), "{finding:?}");
        assert!(!finding.message.contains(BCRYPT) && !finding.message.contains("N9qo"));

        // Everybody else can be administered, and so can she.
        let key = directory.create_api_key("bob", &[], None, at(3)).await.unwrap();
        directory.revoke_api_key(&key.hash().name(), at(4)).await.unwrap();
        directory.add_certificate(&NewCertificate::of_fingerprint(Owner::User("bob".to_owned()), [7; 32]), at(4)).await.unwrap();
        directory.revoke_certificate(&CertificateId::Fingerprint([7; 32]), "lost", at(5)).await.unwrap();
        directory.disable_user("bob", at(5)).await.unwrap();
        directory.enable_user("bob").await.unwrap();
        directory.disable_user("carol", at(5)).await.unwrap();
        let [alice, bob, carol] = directory.users().await.unwrap().try_into().unwrap();
        assert_eq!([&alice, &bob, &carol].map(UserRecord::is_active), [false, true, false]);
        assert!(!alice.is_usable && alice.password.unwrap().cost.is_none());
        assert!(directory.password_hash("alice").await.unwrap().is_none());
        assert!(directory.password_hash("bob").await.unwrap().is_some());

        directory.set_password("alice", &Secret::new("Another-Horse8"), at(6)).await.unwrap();
        assert!(directory.snapshot().await.unwrap().user("alice").unwrap().is_active);
        assert_eq!(directory.findings().await.unwrap(), []);
    }
}

/// Statements, and who is not active after them.
#[rstest]
#[case::too_costly(
    "UPDATE palisade_users SET password_mark = x'00', password_set_at = 1, password_hash = \
     '$argon2id$v=19$m=1048576,t=64,p=64$c29tZXNhbHQxNmJ5dGVz$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA' WHERE name = 'alice'",
    &["alice"]
)]
#[case::no_text(
    "UPDATE palisade_users SET password_mark = x'00', password_set_at = 1, password_hash = x'00ff' WHERE name = 'alice'",
    &["alice"]
)]
#[case::no_number("UPDATE palisade_users SET disabled_at = 'today' WHERE name = 'alice'", &["alice"])]
#[case::no_such_tenant(
    "PRAGMA foreign_keys = OFF; UPDATE palisade_users SET tenant = 'nobody' WHERE name = 'alice'",
    &["alice"]
)]
#[case::certificate_that_is_no_digest(
    "INSERT INTO palisade_certificates (owner_kind, sha256, user_name, is_issued, added_at) \
     VALUES ('user', printf('%064d', 0) || '', 'alice', 0, 1), ('user', replace(printf('%064d', 0), '0', 'x'), 'alice', 0, 1)",
    &["alice"]
)]
#[case::certificate_of_two(
    "INSERT INTO palisade_certificates (owner_kind, sha256, user_name, is_issued, added_at) \
     VALUES ('user', replace(printf('%064d', 0), '0', 'a'), 'alice', 0, 1), \
     ('user', replace(printf('%064d', 0), '0', 'A'), 'bob', 0, 1)",
    &["alice", "bob"]
)]
#[case::api_key_that_is_no_digest(
    "INSERT INTO palisade_api_keys (name, sha256, user_name, scopes, created_at) \
     VALUES ('x', replace(printf('%064d', 0), '0', 'x'), 'bob', '', 1)",
    &["bob"]
)]
#[case::name_that_is_none(
    "INSERT INTO palisade_users (name, added_at) VALUES ('a:b', 1)",
    &["a:b"]
)]
#[tokio::test]
async fn what_cannot_be_used_ends_its_user_alone(#[case] statement: &'static str, #[case] ended: &[&str]) {
    let database = Database::new(Kind::Sqlite).unwrap();
    let directory = database.open().await;
    for name in ["alice", "bob", "carol"] {
        add(&directory, name).await;
    }
    by_hand(&database, statement).await;
    let (snapshot, findings) = load(&database.source(), database.folder()).unwrap();
    let mut inactive: Vec<&str> = snapshot
        .users()
        .filter(|user| !user.is_active)
        .map(|user| &*user.name)
        .collect();
    inactive.sort_unstable();
    assert_eq!(inactive, ended);
    for name in ended {
        let is_told = |finding: &palisade_core::Finding| {
            finding.code == "directory-row-unusable"
                && finding.message.contains(&format!("user `{name}` cannot sign in"))
        };
        assert!(findings.iter().any(is_told), "{findings:?}");
    }
    let records = directory.users().await.unwrap();
    for record in &records {
        assert_eq!(
            record.is_active(),
            !ended.contains(&&*record.name),
            "{}",
            record.name
        );
    }
    directory.disable_user("carol", at(2)).await.unwrap();
    assert!(
        !directory
            .snapshot()
            .await
            .unwrap()
            .user("carol")
            .unwrap()
            .is_active
    );
}

#[tokio::test]
async fn the_certificate_of_a_user_whose_row_has_gone_speaks_for_no_tenant() {
    let database = Database::new(Kind::Sqlite).unwrap();
    let directory = database.open().await;
    add(&directory, "alice").await;
    directory.add_tenant("acme", at(1)).await.unwrap();
    for owner in [Owner::User("alice".to_owned()), Owner::Tenant("acme".to_owned())] {
        directory
            .add_certificate(&NewCertificate::of_fingerprint(owner, [7; 32]), at(2))
            .await
            .unwrap();
    }
    by_hand(&database, "PRAGMA foreign_keys = OFF; DELETE FROM palisade_users").await;
    let snapshot = directory.snapshot().await.unwrap();
    assert!(
        snapshot.user_of_certificate(&[7; 32]).is_none()
            && snapshot.tenant_of_certificate(&[7; 32]).is_none()
    );
}
