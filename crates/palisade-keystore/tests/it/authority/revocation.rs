use std::process::Command;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use palisade_keystore::{
    Authority, AuthorityError, BadList, Certificate, NewAuthority, Revocation, RevocationList,
    RevocationReason,
};

use super::{DAY, Sample, YEAR, sample};
use crate::support::{openssl, run, write};

fn revocation(certificate: &Certificate, at: SystemTime, reason: RevocationReason) -> Revocation {
    Revocation {
        serial: certificate.facts().serial.to_vec(),
        at,
        reason,
    }
}

fn to_seconds(instant: SystemTime) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(instant.duration_since(UNIX_EPOCH).unwrap().as_secs())
}

/// What OpenSSL says of a certificate, revocation included.
fn verdict(sample: &Sample, file: &str) -> String {
    let output = Command::new("openssl")
        .args([
            "verify",
            "-x509_strict",
            "-crl_check",
            "-CAfile",
            "ca/ca.crt",
            "-CRLfile",
            "ca/ca.crl",
            file,
        ])
        .current_dir(sample.folder.path())
        .output()
        .unwrap();
    String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
}

#[test]
fn openssl_refuses_what_is_revoked_and_takes_the_rest() {
    let sample = sample();
    let (alice, bob) = (sample.client("alice"), sample.client("bob"));
    assert_eq!(verdict(&sample, "alice.crt"), "alice.crt: OK\n");
    let revoked = revocation(&alice, sample.now, RevocationReason::KeyCompromise);
    let list = sample
        .files
        .revoke(&sample.authority, &[revoked], sample.now, 30 * DAY)
        .unwrap();
    assert!(verdict(&sample, "alice.crt").contains("certificate revoked"));
    assert_eq!(verdict(&sample, "bob.crt"), "bob.crt: OK\n");
    assert!(list.find(&alice.facts().serial).is_some());
    assert!(list.find(&bob.facts().serial).is_none());

    let shown = run(
        &sample.folder,
        "openssl",
        &[
            "crl",
            "-in",
            "ca/ca.crl",
            "-CAfile",
            "ca/ca.crt",
            "-noout",
            "-text",
        ],
    );
    for expected in [
        "Version 2 (0x1)",
        "Issuer: CN = Example CA",
        "X509v3 Authority Key Identifier:",
        "X509v3 CRL Number:",
        "X509v3 CRL Reason Code: \n                Key Compromise",
        &alice.facts().serial_hex().to_uppercase(),
    ] {
        assert!(shown.contains(expected), "{expected} is not in\n{shown}");
    }
}

#[test]
fn an_empty_list_is_one_that_openssl_takes() {
    let sample = sample();
    let shown = run(
        &sample.folder,
        "openssl",
        &["crl", "-in", "ca/ca.crl", "-noout", "-text"],
    );
    assert!(shown.contains("No Revoked Certificates."), "{shown}");
    let list = sample.files.list().unwrap();
    assert_eq!(list.this_update(), to_seconds(sample.now));
    assert_eq!(list.next_update(), to_seconds(sample.now + 30 * DAY));
}

#[test]
fn the_list_is_the_record_and_its_number_grows() {
    let sample = sample();
    let (alice, bob) = (sample.client("alice"), sample.client("bob"));
    let revoke = |revoked: &[Revocation], now| {
        sample
            .files
            .revoke(&sample.authority, revoked, now, 30 * DAY)
            .unwrap()
    };
    let first = sample.files.list().unwrap();
    let second = revoke(
        &[revocation(&alice, sample.now, RevocationReason::Superseded)],
        sample.now,
    );
    // A second later, and with a clock that was put back: the number grows all the same.
    let third = revoke(
        &[revocation(&bob, sample.now, RevocationReason::Unspecified)],
        sample.now + DAY,
    );
    let fourth = revoke(&[], sample.now);
    let numbers = [&first, &second, &third, &fourth].map(RevocationList::number);
    assert!(numbers.is_sorted_by(|a, b| a < b), "{numbers:?}");
    assert_eq!(fourth.entries(), third.entries());
    // What is revoked once keeps its day and reason.
    let again = revoke(
        &[revocation(
            &alice,
            sample.now + DAY,
            RevocationReason::KeyCompromise,
        )],
        sample.now + DAY,
    );
    assert_eq!(
        again.find(&alice.facts().serial),
        Some(&revocation(
            &alice,
            to_seconds(sample.now),
            RevocationReason::Superseded
        ))
    );
    assert_eq!(sample.files.list().unwrap(), again);
}

#[test]
fn every_reason_is_read_back() {
    let sample = sample();
    let reasons = [
        RevocationReason::Unspecified,
        RevocationReason::KeyCompromise,
        RevocationReason::CaCompromise,
        RevocationReason::AffiliationChanged,
        RevocationReason::Superseded,
        RevocationReason::CessationOfOperation,
        RevocationReason::CertificateHold,
        RevocationReason::PrivilegeWithdrawn,
        RevocationReason::AaCompromise,
    ];
    for reason in reasons {
        assert_eq!(RevocationReason::from_name(reason.name()), Some(reason));
    }
    assert_eq!(RevocationReason::from_name("removeFromCRL"), None);
    let entries: Vec<Revocation> = (1..)
        .zip(reasons)
        .map(|(serial, reason)| Revocation {
            serial: vec![serial, 0],
            at: to_seconds(sample.now),
            reason,
        })
        .collect();
    let list = sample
        .files
        .revoke(&sample.authority, &entries, sample.now, DAY)
        .unwrap();
    assert_eq!(list.entries(), entries);
    openssl(
        &sample.folder,
        &["crl", "-in", "ca/ca.crl", "-CAfile", "ca/ca.crt", "-noout"],
    );
}

#[test]
fn a_list_that_is_lost_is_never_replaced_by_an_empty_one() {
    let sample = sample();
    let alice = sample.client("alice");
    let revoked = [revocation(
        &alice,
        to_seconds(sample.now),
        RevocationReason::KeyCompromise,
    )];
    let last = sample
        .files
        .revoke(&sample.authority, &revoked, sample.now, DAY)
        .unwrap();
    let rebuild =
        |revoked: &[Revocation], now| sample.files.rebuild_list(&sample.authority, revoked, now, DAY);
    let path = sample.files.list_file();
    assert_eq!(
        rebuild(&[], sample.now).unwrap_err(),
        AuthorityError::Exists { path: path.clone() }
    );
    std::fs::remove_file(&path).unwrap();
    let missing = AuthorityError::ListMissing { path };
    assert_eq!(sample.files.list().unwrap_err(), missing);
    assert_eq!(
        sample
            .files
            .revoke(&sample.authority, &[], sample.now, DAY)
            .unwrap_err(),
        missing
    );
    // A moment later its number is larger than that of every list before it.
    let anew = rebuild(&revoked, sample.now + Duration::from_millis(1)).unwrap();
    assert_eq!(anew.entries(), revoked);
    assert!(anew.number() > last.number());
}

#[test]
fn a_list_of_another_authority_or_an_altered_one_is_refused() {
    let sample = sample();
    let path = sample.files.list_file();
    let ours = std::fs::read_to_string(&path).unwrap();
    let issuer = sample.authority.certificate();
    let bad = |bytes: &[u8]| RevocationList::from_bytes(bytes, issuer).unwrap_err();
    let der = sample.files.list().unwrap().der().to_vec();
    assert!(RevocationList::from_bytes(&der, issuer).is_ok());

    let namesake = Authority::create(&NewAuthority::new("Example CA", YEAR), sample.now).unwrap();
    let folder = palisade_keystore::AuthorityFolder::new(sample.folder.path().join("namesake"));
    let theirs = folder.create(&namesake, None, sample.now, DAY).unwrap();
    assert_eq!(bad(theirs.der()), BadList::NotOurs);
    let last = der.len() - 1;
    let altered = [&der[..last], &[der[last] ^ 1]].concat();
    assert!(matches!(bad(&altered), BadList::NotOurs | BadList::Malformed));
    assert_eq!(bad(b""), BadList::Malformed);
    assert_eq!(bad(&[&der[..], &[0]].concat()), BadList::Malformed);
    assert_eq!(bad(ours.repeat(2).as_bytes()), BadList::Malformed);

    std::fs::write(&path, theirs.pem()).unwrap();
    let refused = sample.files.revoke(&sample.authority, &[], sample.now, DAY);
    assert_eq!(
        refused.unwrap_err(),
        AuthorityError::BadList {
            path,
            reason: BadList::NotOurs
        }
    );
}

#[test]
fn a_list_of_openssl_is_gone_on_with_unless_something_would_be_lost() {
    let sample = sample();
    let alice = sample.client("alice");
    write(&sample.folder, "index.txt", "");
    write(&sample.folder, "number", "1000\n");
    let config = "[ca]\ndefault_ca=x\n[x]\ndatabase=index.txt\ncrlnumber=number\ndefault_md=sha256\ndefault_crl_days=7\n\
                  [e]\nauthorityKeyIdentifier=keyid\n[critical]\nissuingDistributionPoint=critical,@p\n[p]\nonlyuser=TRUE\n";
    write(&sample.folder, "ca.cnf", config);
    let ca = [
        "ca",
        "-config",
        "ca.cnf",
        "-cert",
        "ca/ca.crt",
        "-keyfile",
        "ca/ca.key",
    ];
    openssl(
        &sample.folder,
        &[&ca[..], &["-revoke", "alice.crt", "-crl_reason", "superseded"]].concat(),
    );
    let generate = |extensions: &str| {
        let rest = ["-gencrl", "-crlexts", extensions, "-out", "ca/ca.crl"];
        openssl(&sample.folder, &[&ca[..], &rest].concat());
    };
    generate("e");
    let list = sample.files.list().unwrap();
    assert_eq!(list.number(), 0x1000);
    assert_eq!(
        list.find(&alice.facts().serial).map(|entry| entry.reason),
        Some(RevocationReason::Superseded)
    );
    let next = sample
        .files
        .revoke(&sample.authority, &[], sample.now, DAY)
        .unwrap();
    assert_eq!(next.entries(), list.entries());
    assert!(next.number() > list.number());
    // A list of a part of the certificates must not become one of all.
    generate("critical");
    assert!(matches!(
        sample.files.list().unwrap_err(),
        AuthorityError::BadList {
            reason: BadList::NotUnderstood,
            ..
        }
    ));
}

#[test]
fn of_commands_that_revoke_at_once_none_is_lost_and_readers_see_whole_lists() {
    let sample = sample();
    std::thread::scope(|scope| {
        for start in [1_u8, 100] {
            let sample = &sample;
            scope.spawn(move || {
                for serial in start..start + 10 {
                    let entry = Revocation {
                        serial: vec![serial],
                        at: sample.now,
                        reason: RevocationReason::Unspecified,
                    };
                    sample
                        .files
                        .revoke(&sample.authority, &[entry], sample.now, DAY)
                        .unwrap();
                    sample.files.list().unwrap();
                }
            });
        }
    });
    let list = sample.files.list().unwrap();
    assert_eq!(list.entries().len(), 20);
}

#[test]
fn a_list_that_is_due_at_once_is_refused() {
    let sample = sample();
    let refused = sample
        .files
        .revoke(&sample.authority, &[], sample.now, Duration::ZERO);
    assert_eq!(refused.unwrap_err(), AuthorityError::BadPeriod);
}
