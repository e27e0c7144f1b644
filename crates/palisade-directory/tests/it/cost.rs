//! What look-ups cost.

use std::time::UNIX_EPOCH;

use allocation_counter::measure;
use palisade_directory::{ApiKey, Cost, Directory, GeneratedApiKey, Snapshot, SnapshotBuilder, Tenant, User};

/// A directory of that many users, each with a certificate and an API key, and the key of one in the middle.
fn directory(users: u32) -> (Directory, GeneratedApiKey) {
    let key = GeneratedApiKey::generate().unwrap();
    let users = (0..users).map(|number| {
        let key = if number == users / 2 {
            key.clone()
        } else {
            GeneratedApiKey::generate().unwrap()
        };
        User::new(format!("user-{number}"))
            .of_tenant("acme")
            .with_certificate(fingerprint(number))
            .with_api_key(ApiKey::new(key.hash()).with_scopes(["orders.read"]))
    });
    let builder = Snapshot::builder().tenant(Tenant::new("acme").with_certificate([0xff; 32]));
    let snapshot = users.fold(builder, SnapshotBuilder::user).build().unwrap();
    (Directory::new(snapshot), key)
}

fn fingerprint(number: u32) -> [u8; 32] {
    let mut fingerprint = [0; 32];
    fingerprint[..4].copy_from_slice(&number.to_be_bytes());
    fingerprint
}

#[test]
fn a_look_up_allocates_nothing() {
    let (directory, key) = directory(10_000);
    let key = key.text().expose();
    // A thread's first look allocates its slot.
    assert!(directory.current().decoy_for("nobody").cost().is_sufficient());
    let spent = measure(|| {
        let current = directory.current();
        assert!(current.user("user-5000").is_some());
        assert!(current.user("nobody").is_none());
        assert_eq!(current.decoy_for("nobody").cost(), Cost::RECOMMENDED);
        assert!(
            current
                .user_of_certificate(&fingerprint(5_000))
                .is_some_and(|user| *user.name == *"user-5000")
        );
        assert!(current.user_of_certificate(&[0xff; 32]).is_none());
        assert!(current.tenant_of_certificate(&[0xff; 32]).is_some());
        assert!(
            current
                .api_key(key, UNIX_EPOCH)
                .is_some_and(|found| *found.user.name == *"user-5000")
        );
        assert!(current.api_key("plsd_", UNIX_EPOCH).is_none());
    });
    assert_eq!(spent.count_total, 0);
}
