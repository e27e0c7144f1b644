use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};

use palisade_core::SubjectAltName;
use palisade_keystore::{
    Authority, AuthorityError, Certificate, CertificateRequest, KeyAlgorithm, KeyKind, KeySource,
    NewAuthority, NotIssued, Purpose, Subject, check_chain, check_issued_by,
};
use palisade_test::ca::TestCa;
use rstest::rstest;

use super::{DAY, HOUR, Sample, YEAR, sample};
use crate::support::{openssl, run, write};

fn text(sample: &Sample, file: &str) -> String {
    run(
        &sample.folder,
        "openssl",
        &["x509", "-in", file, "-noout", "-text"],
    )
}

#[test]
fn an_authority_is_what_rfc_5280_asks_for() {
    let sample = sample();
    let shown = text(&sample, "ca/ca.crt");
    for expected in [
        "Issuer: CN = Example CA\n",
        "Subject: CN = Example CA\n",
        "X509v3 Basic Constraints: critical\n                CA:TRUE, pathlen:0",
        "X509v3 Key Usage: critical\n                Certificate Sign, CRL Sign",
        "X509v3 Subject Key Identifier:",
        "NIST CURVE: P-256",
    ] {
        assert!(shown.contains(expected), "{expected} is not in\n{shown}");
    }
    openssl(
        &sample.folder,
        &["verify", "-x509_strict", "-CAfile", "ca/ca.crt", "ca/ca.crt"],
    );
}

#[rstest]
#[case(KeyKind::EcP256, "Digital Signature, Key Agreement")]
#[case(KeyKind::Rsa3072, "Digital Signature, Key Encipherment")]
fn openssl_verifies_what_is_issued_for_its_purpose_alone(#[case] kind: KeyKind, #[case] usages: &str) {
    let sample = sample();
    let request =
        CertificateRequest::client(Subject::new("alice").of("acme"), YEAR).with_key(KeySource::New(kind));
    let issued = sample.authority.issue(&request, sample.now).unwrap();
    sample.write("alice", &issued.certificate);
    let shown = text(&sample, "alice.crt");
    for expected in [
        "Subject: O = acme, CN = alice\n",
        "X509v3 Basic Constraints: critical\n                CA:FALSE",
        &format!("X509v3 Key Usage: critical\n                {usages}\n"),
        "X509v3 Extended Key Usage: \n                TLS Web Client Authentication\n",
        "X509v3 Subject Key Identifier:",
        "X509v3 Authority Key Identifier:",
    ] {
        assert!(shown.contains(expected), "{expected} is not in\n{shown}");
    }
    let verify = ["verify", "-x509_strict", "-CAfile", "ca/ca.crt", "-purpose"];
    openssl(
        &sample.folder,
        &[&verify[..], &["sslclient", "alice.crt"]].concat(),
    );
    let as_server = std::process::Command::new("openssl")
        .args([&verify[..], &["sslserver", "alice.crt"]].concat())
        .current_dir(sample.folder.path())
        .output()
        .unwrap();
    assert!(!as_server.status.success());
    let key = issued.key.unwrap();
    assert_eq!(&issued.certificate.facts().algorithm, key.algorithm());
}

#[test]
fn a_server_has_its_names_and_openssl_finds_them() {
    let sample = sample();
    let names = vec![
        SubjectAltName::Dns("api.example.org".to_owned()),
        SubjectAltName::Dns("*.inner.example.org".to_owned()),
        SubjectAltName::Ip(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7))),
    ];
    let request = CertificateRequest::server(Subject::new("api.example.org"), names.clone(), YEAR);
    let issued = sample.authority.issue(&request, sample.now).unwrap();
    assert_eq!(issued.certificate.facts().names, names);
    sample.write("server", &issued.certificate);
    let shown = text(&sample, "server.crt");
    assert!(
        shown.contains("X509v3 Key Usage: critical\n                Digital Signature\n"),
        "{shown}"
    );
    let verify = ["verify", "-CAfile", "ca/ca.crt", "-purpose", "sslserver"];
    for host in [
        ["-verify_hostname", "a.inner.example.org"],
        ["-verify_ip", "192.0.2.7"],
    ] {
        openssl(&sample.folder, &[&verify[..], &host, &["server.crt"]].concat());
    }
}

#[test]
fn nothing_outlives_its_authority_or_begins_before_it() {
    let Sample { now, .. } = sample();
    let authority = Authority::create(&NewAuthority::new("Short", 10 * DAY), now).unwrap();
    let own = authority.certificate().facts();
    let later = now + 2 * DAY;
    let request = |valid_for| CertificateRequest::client(Subject::new("alice"), valid_for);
    let long = authority.issue(&request(YEAR), later).unwrap().certificate;
    assert_eq!(long.facts().not_after, own.not_after);
    let short = authority.issue(&request(DAY), later).unwrap().certificate;
    let seconds =
        |instant: std::time::SystemTime| instant.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    assert_eq!(seconds(short.facts().not_after), seconds(later + DAY));
    assert_eq!(seconds(short.facts().not_before), seconds(later - HOUR / 12));
    let at_once = authority.issue(&request(DAY), now).unwrap().certificate;
    assert_eq!(at_once.facts().not_before, own.not_before);

    for outside in [now + 11 * DAY, now - DAY] {
        let refused = authority.issue(&request(DAY), outside).unwrap_err();
        assert_eq!(
            refused,
            AuthorityError::NotValid {
                subject: "CN=Short".to_owned()
            }
        );
    }
}

#[test]
fn serial_numbers_are_random_positive_and_always_as_long() {
    let sample = sample();
    let serials: BTreeSet<Vec<u8>> = (0..100)
        .map(|_| {
            let request = CertificateRequest::client(Subject::new("alice"), YEAR);
            let issued = sample.authority.issue(&request, sample.now).unwrap();
            issued.certificate.facts().serial.to_vec()
        })
        .collect();
    assert_eq!(serials.len(), 100);
    assert!(
        serials
            .iter()
            .all(|serial| serial.len() == 16 && serial[0] < 0x80)
    );
}

#[rstest]
#[case("", None, "common name")]
#[case("   ", None, "common name")]
#[case(&"x".repeat(65), None, "common name")]
#[case("a\nb", None, "common name")]
#[case("alice", Some(""), "organization")]
fn a_name_that_no_certificate_can_carry_is_refused(
    #[case] name: &str,
    #[case] organization: Option<&str>,
    #[case] what: &'static str,
) {
    let sample = sample();
    let mut subject = Subject::new(name);
    subject.organization = organization.map(str::to_owned);
    let refused = sample
        .authority
        .issue(&CertificateRequest::client(subject.clone(), YEAR), sample.now)
        .unwrap_err();
    assert_eq!(refused, AuthorityError::BadName { what });
    let mut new = NewAuthority::new("", YEAR);
    new.subject = subject;
    assert_eq!(
        Authority::create(&new, sample.now).unwrap_err(),
        AuthorityError::BadName { what }
    );
}

#[rstest]
#[case("no spaces")]
#[case("")]
#[case("*")]
#[case("*.*.example.org")]
#[case("a*.example.org")]
#[case("naïve.example.org")]
fn a_host_name_that_is_none_is_refused(#[case] host: &str) {
    let sample = sample();
    let names = vec![SubjectAltName::Dns(host.to_owned())];
    let request = CertificateRequest::server(Subject::new("server"), names, YEAR);
    assert_eq!(
        sample.authority.issue(&request, sample.now).unwrap_err(),
        AuthorityError::BadAlternativeName {
            name: host.to_owned()
        }
    );
}

#[test]
fn a_period_without_length_or_end_is_refused() {
    let sample = sample();
    for period in [std::time::Duration::ZERO, std::time::Duration::MAX, 10_000 * YEAR] {
        let new = NewAuthority::new("Example CA", period);
        assert_eq!(
            Authority::create(&new, sample.now).unwrap_err(),
            AuthorityError::BadPeriod
        );
    }
    let request = CertificateRequest::client(Subject::new("alice"), std::time::Duration::ZERO);
    assert_eq!(
        sample.authority.issue(&request, sample.now).unwrap_err(),
        AuthorityError::BadPeriod
    );
}

/// Certificates of OpenSSL's making, each with one fault against the issuer `ca.crt` beside it.
fn made_by_openssl(extensions: &str, days: &str, digest: &str) -> (Certificate, Certificate) {
    let folder = tempfile::tempdir().unwrap();
    let new = [
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
    ];
    openssl(
        &folder,
        &[
            &new[..],
            &[
                "-keyout", "ca.key", "-out", "ca.crt", "-subj", "/CN=Root", "-days", "30",
            ],
        ]
        .concat(),
    );
    let key = [
        "req",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-keyout",
        "a.key",
        "-out",
        "a.csr",
        "-subj",
        "/CN=alice",
    ];
    openssl(&folder, &key);
    write(&folder, "extensions", extensions);
    let sign = [
        "x509",
        "-req",
        "-in",
        "a.csr",
        "-CA",
        "ca.crt",
        "-CAkey",
        "ca.key",
        "-CAcreateserial",
        "-out",
        "a.crt",
    ];
    let rest = ["-days", days, digest, "-extfile", "extensions"];
    openssl(&folder, &[&sign[..], &rest].concat());
    let read = |name: &str| {
        let der = run_der(&folder, name);
        Certificate::from_der(der).unwrap()
    };
    (read("a.crt"), read("ca.crt"))
}

fn run_der(folder: &tempfile::TempDir, name: &str) -> Vec<u8> {
    openssl(
        folder,
        &["x509", "-in", name, "-outform", "DER", "-out", "out.der"],
    );
    std::fs::read(folder.path().join("out.der")).unwrap()
}

#[rstest]
#[case("extendedKeyUsage=clientAuth", None)]
#[case("keyUsage=digitalSignature", None)]
#[case("extendedKeyUsage=serverAuth", Some(NotIssued::NotForClients))]
#[case("extendedKeyUsage=anyExtendedKeyUsage", Some(NotIssued::NotForClients))]
#[case("basicConstraints=CA:TRUE", Some(NotIssued::IsAuthority))]
fn what_a_certificate_is_for_decides(#[case] extensions: &str, #[case] fault: Option<NotIssued>) {
    let (certificate, issuer) = made_by_openssl(extensions, "10", "-sha256");
    let now = sample().now;
    let checked = check_issued_by(&certificate, &issuer, Purpose::Client, now + HOUR);
    assert_eq!(checked.err(), fault);
}

/// A root of OpenSSL's making with these extensions, and a client's certificate below it, for a key of that kind.
fn below_openssl_root(root: &[&str], key: &[&str], own: Option<&str>) -> (Certificate, Certificate) {
    let folder = tempfile::tempdir().unwrap();
    let new = [
        "req", "-x509", "-nodes", "-keyout", "ca.key", "-out", "ca.crt", "-subj", "/CN=Root",
    ];
    openssl(&folder, &[&new[..], root].concat());
    let new = [
        "req",
        "-nodes",
        "-keyout",
        "a.key",
        "-out",
        "a.csr",
        "-subj",
        "/CN=alice",
    ];
    openssl(&folder, &[&new[..], key].concat());
    let sign = [
        "x509",
        "-req",
        "-in",
        "a.csr",
        "-CA",
        "ca.crt",
        "-CAkey",
        "ca.key",
        "-CAcreateserial",
        "-out",
        "a.crt",
    ];
    let extensions: &[&str] = match own {
        Some(text) => {
            write(&folder, "extensions", text);
            &["-extfile", "extensions"]
        }
        None => &[],
    };
    openssl(&folder, &[&sign[..], extensions].concat());
    let read = |name: &str| Certificate::from_der(run_der(&folder, name)).unwrap();
    (read("a.crt"), read("ca.crt"))
}

const P256: [&str; 4] = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"];
const CLIENT: &str = "extendedKeyUsage=clientAuth";

#[rstest]
#[case::version_1(&[], &P256, None, NotIssued::OldVersion { version: 1 })]
#[case::rsa_1024(&[], &["-newkey", "rsa:1024"], Some(CLIENT), NotIssued::KeyTooShort { bits: 1024 })]
#[case::issuer_rsa_1024(
    &["-newkey", "rsa:1024"], &P256, Some(CLIENT),
    NotIssued::IssuerKeyTooShort { issuer: "CN=Root".to_owned(), bits: 1024 }
)]
fn what_no_handshake_succeeds_with_is_told_by_its_name(
    #[case] root: &[&str],
    #[case] key: &[&str],
    #[case] own: Option<&str>,
    #[case] fault: NotIssued,
) {
    let root = if root.is_empty() { &P256 } else { root };
    let (certificate, issuer) = below_openssl_root(root, key, own);
    let now = sample().now + HOUR;
    let checked = check_issued_by(&certificate, &issuer, Purpose::Client, now);
    assert_eq!(checked, Err(fault));
}

#[rstest]
#[case::name_constraints(
    "nameConstraints=critical,permitted;DNS:example.org",
    "subjectAltName=DNS:alice.example.com"
)]
#[case::critical_extension("keyUsage=critical,keyCertSign", "1.2.3.4=critical,ASN1:UTF8String:unknown")]
fn a_listener_has_the_last_word(#[case] of_root: &str, #[case] own: &str) {
    let root = [&P256[..], &["-addext", of_root]].concat();
    let (certificate, issuer) = below_openssl_root(&root, &P256, Some(&format!("{CLIENT}\n{own}")));
    let now = sample().now + HOUR;
    let checked = check_issued_by(&certificate, &issuer, Purpose::Client, now);
    assert!(
        matches!(&checked, Err(NotIssued::Refused(reason)) if !reason.is_empty()),
        "{checked:?}"
    );
    let chain = check_chain(
        &certificate,
        &[],
        std::slice::from_ref(&issuer),
        Purpose::Client,
        now,
    );
    assert_eq!(chain.err(), checked.err());
}

#[test]
fn a_long_name_is_cut_where_everybody_sees_it() {
    let sample = sample();
    let long = "ä".repeat(65);
    let subject = Subject::new(&long).of("x".repeat(64)).fitting();
    assert_eq!(subject.common_name, format!("{}…", "ä".repeat(63)));
    assert_eq!(subject.organization, Some("x".repeat(64)));
    let request = CertificateRequest::client(subject, YEAR);
    let issued = sample.authority.issue(&request, sample.now).unwrap();
    sample.write("long", &issued.certificate);
    openssl(
        &sample.folder,
        &["verify", "-x509_strict", "-CAfile", "ca/ca.crt", "long.crt"],
    );
}

#[test]
fn each_fault_of_a_certificate_or_its_issuer_has_a_name_of_its_own() {
    let sample = sample();
    let now = sample.now;
    let alice = sample.client("alice");
    let own = sample.authority.certificate();
    let check = |issuer: &Certificate, now| check_issued_by(&alice, issuer, Purpose::Client, now);
    let issuer = "CN=Example CA".to_owned();
    assert_eq!(check(own, now), Ok(()));
    assert_eq!(check(own, now + 2 * YEAR), Err(NotIssued::Expired));
    assert_eq!(
        check(own, now + 11 * YEAR),
        Err(NotIssued::IssuerNotValid {
            issuer: issuer.clone()
        })
    );
    assert_eq!(
        check(own, now - DAY),
        Err(NotIssued::IssuerNotValid {
            issuer: issuer.clone()
        })
    );

    let namesake = Authority::create(&NewAuthority::new("Example CA", YEAR), now).unwrap();
    assert_eq!(
        check(namesake.certificate(), now),
        Err(NotIssued::BadSignature { issuer })
    );
    let other = Authority::create(&NewAuthority::new("Other CA", YEAR), now).unwrap();
    assert_eq!(
        check(other.certificate(), now),
        Err(NotIssued::OtherIssuer {
            named: "CN=Example CA".to_owned(),
            issuer: "CN=Other CA".to_owned()
        })
    );
}

#[test]
fn a_certificate_that_is_not_valid_yet_is_told_from_one_that_has_expired() {
    let Sample { now, .. } = sample();
    let authority = Authority::create(&NewAuthority::new("Old", YEAR), now - 30 * DAY).unwrap();
    let request = CertificateRequest::client(Subject::new("alice"), DAY);
    let alice = authority.issue(&request, now).unwrap().certificate;
    let check = |now| check_issued_by(&alice, authority.certificate(), Purpose::Client, now);
    assert_eq!(check(now - DAY), Err(NotIssued::NotYetValid));
    assert_eq!(check(now), Ok(()));
    assert_eq!(check(now + 2 * DAY), Err(NotIssued::Expired));
}

#[test]
fn an_issuer_that_may_not_issue_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let now = sample().now + HOUR;
    let issuer = "CN=Root".to_owned();
    for (extension, fault) in [
        (
            "basicConstraints=CA:FALSE",
            NotIssued::IssuerIsNoAuthority {
                issuer: issuer.clone(),
            },
        ),
        (
            "keyUsage=critical,cRLSign",
            NotIssued::IssuerMayNotSign {
                issuer: issuer.clone(),
            },
        ),
    ] {
        let config = "[req]\ndistinguished_name=dn\nprompt=no\n[dn]\nCN=Root\n";
        let basic = if extension.starts_with("basic") {
            ""
        } else {
            "basicConstraints=critical,CA:TRUE\n"
        };
        write(&folder, "c.cnf", format!("{config}[x]\n{basic}{extension}\n"));
        let new = [
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-config",
            "c.cnf",
            "-extensions",
            "x",
        ];
        openssl(
            &folder,
            &[&new[..], &["-keyout", "ca.key", "-out", "ca.crt", "-days", "30"]].concat(),
        );
        openssl(
            &folder,
            &[
                "req",
                "-newkey",
                "rsa:2048",
                "-nodes",
                "-keyout",
                "a.key",
                "-out",
                "a.csr",
                "-subj",
                "/CN=alice",
            ],
        );
        openssl(
            &folder,
            &[
                "x509",
                "-req",
                "-in",
                "a.csr",
                "-CA",
                "ca.crt",
                "-CAkey",
                "ca.key",
                "-CAcreateserial",
                "-out",
                "a.crt",
            ],
        );
        let read = |name| Certificate::from_der(run_der(&folder, name)).unwrap();
        let checked = check_issued_by(&read("a.crt"), &read("ca.crt"), Purpose::Client, now);
        assert_eq!(checked, Err(fault));
    }
}

#[test]
fn a_signature_over_sha_1_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let new = [
        "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "ca.crt", "-subj",
        "/CN=Root",
    ];
    openssl(&folder, &new);
    openssl(
        &folder,
        &[
            "req",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-keyout",
            "a.key",
            "-out",
            "a.csr",
            "-subj",
            "/CN=alice",
        ],
    );
    openssl(
        &folder,
        &[
            "x509",
            "-req",
            "-in",
            "a.csr",
            "-CA",
            "ca.crt",
            "-CAkey",
            "ca.key",
            "-CAcreateserial",
            "-sha1",
            "-out",
            "a.crt",
        ],
    );
    let read = |name| Certificate::from_der(run_der(&folder, name)).unwrap();
    let checked = check_issued_by(
        &read("a.crt"),
        &read("ca.crt"),
        Purpose::Client,
        sample().now + HOUR,
    );
    assert_eq!(checked, Err(NotIssued::WeakSignature));
}

#[test]
fn a_chain_leads_to_a_trusted_issuer_or_says_where_it_ends() {
    let now = sample().now;
    let root = TestCa::new("Root");
    let issuing = root.intermediate("Issuing");
    let read = |der: &rustls_pki_types::CertificateDer<'static>| Certificate::from_der(der.clone()).unwrap();
    let alice = issuing.client("alice");
    let own = read(alice.certificate());
    let (root, issuing) = (read(root.certificate()), read(issuing.certificate()));
    let trusted = [read(TestCa::new("Other").certificate()), root.clone()];
    let check = |beside: &[Certificate], trusted: &[Certificate]| {
        check_chain(&own, beside, trusted, Purpose::Client, now).map(|issuer| issuer.facts().subject.clone())
    };
    assert_eq!(
        check(std::slice::from_ref(&issuing), &trusted),
        Ok("CN=Root".to_owned())
    );
    assert_eq!(
        check(&[], std::slice::from_ref(&issuing)),
        Ok("CN=Issuing".to_owned())
    );
    let ends_at = |named: &str| {
        Err(NotIssued::UnknownIssuer {
            named: named.to_owned(),
            trusted: vec!["CN=Other".to_owned(), "CN=Root".to_owned()],
        })
    };
    assert_eq!(check(&[], &trusted), ends_at("CN=Issuing"));
    // A namesake does not make up for the one that is missing.
    let namesake = read(TestCa::new("Root").intermediate("Issuing").certificate());
    assert_eq!(
        check(&[namesake], &trusted),
        Err(NotIssued::BadSignature {
            issuer: "CN=Issuing".to_owned()
        })
    );
    assert_eq!(
        check(&[issuing, root.clone()], &trusted[..1]),
        Err(NotIssued::UnknownIssuer {
            named: "CN=Root".to_owned(),
            trusted: vec!["CN=Other".to_owned()],
        })
    );
}

#[test]
fn an_authority_with_an_rsa_key_signs_as_well() {
    let sample = sample();
    let mut new = NewAuthority::new("RSA CA", YEAR);
    new.key = KeyKind::Rsa3072;
    let authority = Authority::create(&new, sample.now).unwrap();
    assert_eq!(authority.certificate().facts().algorithm, KeyAlgorithm::Rsa(3072));
    let request = CertificateRequest::client(Subject::new("alice"), YEAR);
    let issued = authority.issue(&request, sample.now).unwrap();
    sample.write("rsa-ca", authority.certificate());
    sample.write("alice", &issued.certificate);
    openssl(
        &sample.folder,
        &["verify", "-x509_strict", "-CAfile", "rsa-ca.crt", "alice.crt"],
    );
}
