//! Certificates of users and tenants.

use palisade_directory::sql::{CertificateId, NewCertificate, Origin, Owner, SqlError};
use palisade_keystore::Certificate;
use palisade_test::ca::TestCa;

use super::{add, at, on_both};

fn user(name: &str) -> Owner {
    Owner::User(name.to_owned())
}

fn tenant(name: &str) -> Owner {
    Owner::Tenant(name.to_owned())
}

fn certificate(name: &str) -> Certificate {
    Certificate::from_der(TestCa::new("Example Root").client(name).certificate().clone()).unwrap()
}

on_both! {
    async fn a_certificate_is_on_record_with_all_that_it_says(database: Database) {
        let directory = database.open().await;
        add(&directory, "alice").await;
        let certificate = certificate("alice");
        let facts = certificate.facts();
        let new = NewCertificate::new(user("alice"), &certificate, Origin::Issued).with_label(Some("laptop".to_owned()));
        directory.add_certificate(&new, at(10)).await.unwrap();
        let brought = NewCertificate::of_fingerprint(user("alice"), [7; 32]);
        directory.add_certificate(&brought, at(11)).await.unwrap();

        let snapshot = directory.snapshot().await.unwrap();
        assert_eq!(&*snapshot.user_of_certificate(&facts.fingerprint).unwrap().name, "alice");
        assert!(snapshot.user("alice").unwrap().has_certificate(&[7; 32]));

        let [first, second] = directory.certificates().await.unwrap().try_into().unwrap();
        assert_eq!((first.owner.clone(), first.fingerprint), (user("alice"), facts.fingerprint));
        assert_eq!((first.label.as_deref(), first.origin, first.added_at), (Some("laptop"), Origin::Issued, at(10)));
        let details = first.details.clone().unwrap();
        assert_eq!((details.subject.as_str(), details.issuer.as_str()), ("CN=alice", "CN=Example Root"));
        assert_eq!((details.serial, details.der.as_slice()), (facts.serial_hex(), certificate.der().as_ref()));
        assert_eq!((details.not_before, details.not_after), (facts.not_before, facts.not_after));
        assert_eq!((second.origin, second.details, second.revoked), (Origin::Registered, None, None));
        assert_eq!(directory.issued_certificates().await.unwrap(), [first]);
        assert_eq!(directory.users().await.unwrap()[0].certificates.len(), 2);
    }
}

on_both! {
    async fn a_certificate_is_one_users_and_one_tenants_at_most(database: Database) {
        let directory = database.open().await;
        for name in ["alice", "bob"] {
            add(&directory, name).await;
        }
        for name in ["acme", "globex"] {
            directory.add_tenant(name, at(1)).await.unwrap();
        }
        let add = |owner| directory_add(&directory, owner);
        add(user("alice")).await.unwrap();
        add(tenant("acme")).await.unwrap();
        for owner in [user("alice"), user("bob"), tenant("globex")] {
            let error = add(owner).await.unwrap_err();
            assert!(matches!(error, SqlError::CertificateExists { is_revoked: false, .. }), "{error}");
        }
        assert!(matches!(add(user("carol")).await.unwrap_err(), SqlError::NoSuchUser(_)));
        assert!(matches!(add(tenant("initech")).await.unwrap_err(), SqlError::NoSuchTenant(_)));
        let snapshot = directory.snapshot().await.unwrap();
        assert_eq!(&*snapshot.user_of_certificate(&[7; 32]).unwrap().name, "alice");
        assert_eq!(&*snapshot.tenant_of_certificate(&[7; 32]).unwrap().name, "acme");
        assert_eq!(directory.tenants().await.unwrap()[0].certificates.len(), 1);
    }
}

async fn directory_add(
    directory: &palisade_directory::sql::SqlDirectory,
    owner: Owner,
) -> Result<(), SqlError> {
    directory
        .add_certificate(&NewCertificate::of_fingerprint(owner, [7; 32]), at(1))
        .await
}

on_both! {
    async fn a_revoked_certificate_is_nobodys_and_does_not_come_back(database: Database) {
        let directory = database.open().await;
        add(&directory, "alice").await;
        directory.add_tenant("acme", at(1)).await.unwrap();
        for owner in [user("alice"), tenant("acme")] {
            directory_add(&directory, owner).await.unwrap();
        }
        let id = CertificateId::Fingerprint([7; 32]);
        let revoked = directory.revoke_certificate(&id, "keyCompromise", at(9)).await.unwrap();
        assert_eq!(revoked.len(), 2);
        for record in &revoked {
            let revocation = record.revoked.as_ref().unwrap();
            assert_eq!((revocation.at, revocation.reason.as_str()), (at(9), "keyCompromise"));
        }
        let snapshot = directory.snapshot().await.unwrap();
        assert!(snapshot.user_of_certificate(&[7; 32]).is_none());
        assert!(snapshot.tenant_of_certificate(&[7; 32]).is_none());

        for owner in [user("alice"), tenant("acme")] {
            let error = directory_add(&directory, owner.clone()).await.unwrap_err();
            assert!(matches!(error, SqlError::CertificateExists { is_revoked: true, .. }), "{error}");
            let error = directory.remove_certificate(&owner, &[7; 32]).await.unwrap_err();
            assert!(matches!(error, SqlError::NoSuchCertificate), "{error}");
        }
        let error = directory.revoke_certificate(&id, "superseded", at(10)).await.unwrap_err();
        assert!(matches!(error, SqlError::NoSuchCertificate));
        assert_eq!(directory.certificates().await.unwrap().len(), 2);
    }
}

on_both! {
    async fn a_certificate_that_was_a_users_and_is_revoked_cannot_be_made_a_tenants(database: Database) {
        let directory = database.open().await;
        add(&directory, "alice").await;
        directory.add_tenant("acme", at(1)).await.unwrap();
        directory_add(&directory, user("alice")).await.unwrap();
        directory.revoke_certificate(&CertificateId::Fingerprint([7; 32]), "", at(9)).await.unwrap();
        let error = directory_add(&directory, tenant("acme")).await.unwrap_err();
        assert!(error.to_string().ends_with("is that of user `alice` already, and revoked"), "{error}");
    }
}

on_both! {
    async fn a_serial_number_means_one_certificate_or_none(database: Database) {
        let directory = database.open().await;
        add(&directory, "alice").await;
        // Authorities count from the same number.
        let (one, two) = (certificate("one"), certificate("two"));
        assert_eq!(one.facts().serial, two.facts().serial);
        let id = CertificateId::Serial(one.facts().serial_hex());
        let register = |certificate| NewCertificate::new(user("alice"), certificate, Origin::Registered);
        directory.add_certificate(&register(&one), at(1)).await.unwrap();
        directory.add_certificate(&register(&two), at(2)).await.unwrap();
        let error = directory.revoke_certificate(&id, "", at(3)).await.unwrap_err();
        assert!(matches!(error, SqlError::Ambiguous { count: 2 }));

        directory.remove_certificate(&user("alice"), &two.facts().fingerprint).await.unwrap();
        let revoked = directory.revoke_certificate(&id, "", at(3)).await.unwrap();
        assert_eq!(revoked[0].fingerprint, one.facts().fingerprint);
        directory.add_certificate(&register(&two), at(4)).await.unwrap();
        assert_eq!(directory.snapshot().await.unwrap().user("alice").unwrap().certificates.len(), 1);
    }
}

on_both! {
    async fn only_its_owner_can_be_relieved_of_a_certificate(database: Database) {
        let directory = database.open().await;
        for name in ["alice", "bob"] {
            add(&directory, name).await;
        }
        directory.add_tenant("alice", at(1)).await.unwrap();
        directory_add(&directory, user("alice")).await.unwrap();
        for owner in [user("bob"), tenant("alice")] {
            let error = directory.remove_certificate(&owner, &[7; 32]).await.unwrap_err();
            assert!(matches!(error, SqlError::NoSuchCertificate));
        }
        directory.remove_certificate(&user("alice"), &[7; 32]).await.unwrap();
        assert!(directory.certificates().await.unwrap().is_empty());
    }
}
