//! Users, tenants and API keys.

use std::time::UNIX_EPOCH;

use palisade_core::Secret;
use palisade_directory::sql::{NewUser, SqlError};

use super::{PASSWORD, add, at, on_both, owned};

on_both! {
    async fn a_user_is_added_with_all_that_was_said(database: Database) {
        let directory = database.open().await;
        directory.add_tenant("acme", at(10)).await.unwrap();
        let new = NewUser::new("alice")
            .of_tenant(Some("acme".to_owned()))
            .with_roles(owned(&["clerk", "buyer", "clerk"]))
            .with_password(Some(Secret::new(PASSWORD)));
        assert_eq!(directory.add_user(&new, at(20)).await.unwrap(), [""; 0]);

        let snapshot = directory.snapshot().await.unwrap();
        let user = snapshot.user("alice").unwrap();
        assert_eq!(user.tenant.as_deref(), Some("acme"));
        assert!(user.is_active && user.has_role("clerk") && user.has_role("buyer"));
        assert!(user.password_hash.as_ref().unwrap().verify(PASSWORD.as_bytes()));
        assert!(snapshot.tenant("acme").is_some());

        let [record] = directory.users().await.unwrap().try_into().unwrap();
        assert_eq!((record.name.as_str(), record.tenant.as_deref()), ("alice", Some("acme")));
        assert_eq!(record.roles, ["buyer", "clerk"]);
        assert_eq!((record.added_at, record.disabled_at), (at(20), None));
        let password = record.password.unwrap();
        assert_eq!(password.set_at, at(20));
        assert!(password.cost.unwrap().is_sufficient() && password.shared_with.is_empty());
        let [tenant] = directory.tenants().await.unwrap().try_into().unwrap();
        assert_eq!((tenant.name.as_str(), tenant.added_at), ("acme", at(10)));
    }
}

on_both! {
    async fn what_cannot_be_added_changes_nothing(database: Database) {
        let directory = database.open().await;
        directory.add_tenant("acme", at(1)).await.unwrap();
        add(&directory, "alice").await;
        let version = directory.version().await.unwrap();
        let users = |new: NewUser| { let directory = &directory; async move { directory.add_user(&new, at(2)).await.unwrap_err() } };

        assert!(matches!(users(NewUser::new("alice")).await, SqlError::UserExists(name) if name == "alice"));
        assert!(matches!(users(NewUser::new("b:b")).await, SqlError::Name(_)));
        assert!(matches!(users(NewUser::new("bob").with_roles(owned(&["a,b"]))).await, SqlError::Name(_)));
        let stray = NewUser::new("bob").of_tenant(Some("globex".to_owned()));
        assert!(matches!(users(stray).await, SqlError::NoSuchTenant(name) if name == "globex"));
        let weak = NewUser::new("bob").with_password(Some(Secret::new("hunter22")));
        let error = users(weak).await;
        assert!(matches!(&error, SqlError::Weak(weak) if weak.weaknesses.len() == 3), "{error}");
        assert!(!format!("{error} {error:?}").contains("hunter22"));
        let error = directory.add_tenant("acme", at(2)).await.unwrap_err();
        assert!(matches!(error, SqlError::TenantExists(name) if name == "acme"));

        assert_eq!(directory.version().await.unwrap(), version);
        assert_eq!(directory.users().await.unwrap().len(), 1);
    }
}

on_both! {
    async fn every_change_moves_the_version_by_one(database: Database) {
        let directory = database.open().await;
        let mut version = directory.version().await.unwrap();
        macro_rules! moves {
            ($change:expr) => {
                $change.await.unwrap();
                version += 1;
                assert_eq!(directory.version().await.unwrap(), version, stringify!($change));
            };
        }
        moves!(directory.add_tenant("acme", at(1)));
        moves!(directory.add_user(&NewUser::new("alice"), at(1)));
        moves!(directory.set_tenant("alice", Some("acme")));
        moves!(directory.set_tenant("alice", None));
        moves!(directory.set_roles("alice", &owned(&["clerk"])));
        moves!(directory.disable_user("alice", at(2)));
        moves!(directory.enable_user("alice"));
        moves!(directory.set_password("alice", &Secret::new(PASSWORD), at(3)));
        moves!(directory.create_api_key("alice", &[], None, at(4)));
        let key = directory.api_keys().await.unwrap().remove(0);
        moves!(directory.revoke_api_key(&key.name, at(5)));
    }
}

on_both! {
    async fn a_disabled_user_stays_and_is_not_active(database: Database) {
        let directory = database.open().await;
        add(&directory, "alice").await;
        directory.set_roles("alice", &owned(&["clerk"])).await.unwrap();
        directory.disable_user("alice", at(7)).await.unwrap();
        let user = |snapshot: palisade_directory::Snapshot| snapshot.user("alice").unwrap().clone();
        let disabled = user(directory.snapshot().await.unwrap());
        assert!(!disabled.is_active && disabled.has_role("clerk"));
        assert_eq!(directory.users().await.unwrap()[0].disabled_at, Some(at(7)));
        directory.enable_user("alice").await.unwrap();
        assert!(user(directory.snapshot().await.unwrap()).is_active);
    }
}

on_both! {
    async fn roles_and_tenants_are_replaced_whole(database: Database) {
        let directory = database.open().await;
        add(&directory, "alice").await;
        directory.add_tenant("acme", at(1)).await.unwrap();
        directory.set_roles("alice", &owned(&["clerk", "buyer"])).await.unwrap();
        directory.set_roles("alice", &owned(&["auditor"])).await.unwrap();
        directory.set_tenant("alice", Some("acme")).await.unwrap();
        let record = directory.users().await.unwrap().remove(0);
        assert_eq!((record.roles, record.tenant.as_deref()), (owned(&["auditor"]), Some("acme")));
        directory.set_roles("alice", &[]).await.unwrap();
        directory.set_tenant("alice", None).await.unwrap();
        let record = directory.users().await.unwrap().remove(0);
        assert_eq!((record.roles, record.tenant), (Vec::new(), None));
        let error = directory.set_tenant("alice", Some("globex")).await.unwrap_err();
        assert!(matches!(error, SqlError::NoSuchTenant(_)));
    }
}

on_both! {
    async fn nothing_is_done_to_a_user_whom_there_is_not(database: Database) {
        let directory = database.open().await;
        let version = directory.version().await.unwrap();
        let errors = [
            directory.disable_user("bob", at(1)).await.unwrap_err(),
            directory.enable_user("bob").await.unwrap_err(),
            directory.set_roles("bob", &owned(&["clerk"])).await.unwrap_err(),
            directory.set_tenant("bob", None).await.unwrap_err(),
            directory.set_password("bob", &Secret::new(PASSWORD), at(1)).await.unwrap_err(),
            directory.create_api_key("bob", &[], None, at(1)).await.unwrap_err(),
        ];
        for error in errors {
            assert!(matches!(&error, SqlError::NoSuchUser(name) if name == "bob"), "{error}");
        }
        assert_eq!(directory.version().await.unwrap(), version);
    }
}

on_both! {
    async fn an_api_key_works_until_it_ends_or_is_revoked(database: Database) {
        let directory = database.open().await;
        add(&directory, "alice").await;
        let scopes = owned(&["orders.read", "orders.write"]);
        let ending = directory.create_api_key("alice", &scopes, Some(at(100)), at(10)).await.unwrap();
        let lasting = directory.create_api_key("alice", &[], None, at(11)).await.unwrap();

        let snapshot = directory.snapshot().await.unwrap();
        let found = snapshot.api_key(ending.text().expose(), at(99)).unwrap();
        assert_eq!(&*found.user.name, "alice");
        assert!(found.key.scopes.iter().map(|scope| &**scope).eq(["orders.read", "orders.write"]));
        assert!(snapshot.api_key(ending.text().expose(), at(100)).is_none());
        assert!(snapshot.api_key(lasting.text().expose(), at(100)).is_some());

        directory.revoke_api_key(&lasting.hash().name(), at(50)).await.unwrap();
        let snapshot = directory.snapshot().await.unwrap();
        assert!(snapshot.api_key(lasting.text().expose(), at(60)).is_none());
        let keys = directory.api_keys().await.unwrap();
        assert_eq!(keys, directory.users().await.unwrap()[0].api_keys);
        let [first, second] = keys.try_into().unwrap();
        assert_eq!((first.scopes.as_slice(), first.created_at, first.expires_at), (scopes.as_slice(), at(10), Some(at(100))));
        assert_eq!((second.name, second.user.as_str(), second.revoked_at), (lasting.hash().name(), "alice", Some(at(50))));
        assert!(first.is_usable(at(99)) && !first.is_usable(at(100)));

        let error = directory.revoke_api_key(&lasting.hash().name(), at(51)).await.unwrap_err();
        assert!(matches!(error, SqlError::NoSuchApiKey(_)));
        let error = directory.create_api_key("alice", &owned(&["a b\""]), None, UNIX_EPOCH).await.unwrap_err();
        assert!(matches!(error, SqlError::Scope));
    }
}

on_both! {
    async fn names_with_the_signs_of_sql_are_names(database: Database) {
        let directory = database.open().await;
        let name = "Robert'); DROP TABLE palisade_users;--";
        add(&directory, name).await;
        directory.set_roles(name, &owned(&["o'clock"])).await.unwrap();
        let snapshot = directory.snapshot().await.unwrap();
        assert!(snapshot.user(name).unwrap().has_role("o'clock"));
    }
}
