//! Passwords, and that two users have the same.

use palisade_core::{Secret, Severity};
use palisade_directory::sql::{NewUser, SqlError};

use super::opening::by_hand;
use super::{PASSWORD, add, at, on_both};

on_both! {
    async fn a_password_is_replaced(database: Database) {
        let directory = database.open().await;
        add(&directory, "alice").await;
        for (password, time) in [(PASSWORD, 5), ("Another-Horse8", 6)] {
            directory.set_password("alice", &Secret::new(password), at(time)).await.unwrap();
        }
        let snapshot = directory.snapshot().await.unwrap();
        let hash = snapshot.user("alice").unwrap().password_hash.clone().unwrap();
        assert!(hash.verify(b"Another-Horse8") && !hash.verify(PASSWORD.as_bytes()));
        let record = directory.users().await.unwrap().remove(0);
        assert_eq!(record.password.unwrap().set_at, at(6));
    }
}

on_both! {
    async fn a_weak_password_is_refused_and_the_old_one_stays(database: Database) {
        let directory = database.open().await;
        let new = NewUser::new("alice").with_password(Some(Secret::new(PASSWORD)));
        directory.add_user(&new, at(1)).await.unwrap();
        for weak in ["short", "alice-Alice-1", "Correct-Horse7\n"] {
            let error = directory.set_password("alice", &Secret::new(weak), at(2)).await.unwrap_err();
            assert!(matches!(error, SqlError::Weak(_)), "{error}");
        }
        let snapshot = directory.snapshot().await.unwrap();
        assert!(snapshot.user("alice").unwrap().password_hash.as_ref().unwrap().verify(PASSWORD.as_bytes()));
    }
}

on_both! {
    async fn one_password_of_two_users_is_seen_when_it_is_set_and_ever_after(database: Database) {
        let directory = database.open().await;
        let with = |name: &str, password: &str| NewUser::new(name).with_password(Some(Secret::new(password)));
        assert!(directory.add_user(&with("alice", PASSWORD), at(1)).await.unwrap().is_empty());
        assert!(directory.add_user(&with("bob", "Another-Horse8"), at(1)).await.unwrap().is_empty());
        assert_eq!(directory.add_user(&with("carol", PASSWORD), at(1)).await.unwrap(), ["alice"]);
        let set = directory.set_password("bob", &Secret::new(PASSWORD), at(2)).await.unwrap();
        assert_eq!(set, ["alice", "carol"]);

        let findings = directory.findings().await.unwrap();
        let [finding] = findings.as_slice() else { panic!("{findings:?}") };
        assert_eq!((finding.code.as_ref(), finding.severity), ("password-reused", Severity::Moderate));
        assert_eq!(finding.message, "user `alice` has the same password as `bob`, `carol`");
        let users = directory.users().await.unwrap();
        assert_eq!(users[1].password.as_ref().unwrap().shared_with, ["alice", "carol"]);

        directory.set_password("alice", &Secret::new("Another-Horse9"), at(3)).await.unwrap();
        directory.set_password("bob", &Secret::new("Another-Horse0"), at(3)).await.unwrap();
        assert_eq!(directory.findings().await.unwrap(), []);
    }
}

on_both! {
    async fn a_cheap_hash_that_was_brought_along_is_a_finding(database: Database) {
        let directory = database.open().await;
        add(&directory, "alice").await;
        by_hand(&database,
            "UPDATE palisade_users SET password_set_at = 1, password_mark = CAST('00000' AS BYTEA), password_hash = \
             '$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQxNmJ5dGVz$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'").await;
        let findings = directory.findings().await.unwrap();
        let codes: Vec<&str> = findings.iter().map(|finding| finding.code.as_ref()).collect();
        assert_eq!(codes, ["password-hash-weak"]);
    }
}
