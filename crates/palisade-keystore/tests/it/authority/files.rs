use std::fs;

use palisade_core::{Clock as _, Secret, Severity, SystemClock};
use palisade_keystore::{
    Authority, AuthorityError, AuthorityFolder, BadPrivateKey, CertificateRequest, KeystoreBuilder,
    KeystoreSettings, NewAuthority, StoreError, Subject, WriteError,
};

use super::{DAY, Sample, YEAR, sample};
use crate::support::{load, openssl, run, write};

const PASSWORD: &str = "correct horse";

#[test]
fn an_authority_is_read_back_and_goes_on() {
    let sample = sample();
    let opened = sample.files.open(None).unwrap();
    assert_eq!(opened.certificate(), sample.authority.certificate());
    assert_eq!(&sample.files.certificate().unwrap(), opened.certificate());
    let issued = opened
        .issue(
            &CertificateRequest::client(Subject::new("alice"), YEAR),
            sample.now,
        )
        .unwrap();
    sample.write("alice", &issued.certificate);
    openssl(
        &sample.folder,
        &["verify", "-x509_strict", "-CAfile", "ca/ca.crt", "alice.crt"],
    );
    let mut names: Vec<String> = fs::read_dir(sample.files.path())
        .unwrap()
        .map(|item| item.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, [".ca.lock", "ca.crl", "ca.crt", "ca.key"]);
}

#[cfg(unix)]
#[test]
fn the_key_is_for_its_owner_alone_and_the_rest_for_servers() {
    use std::os::unix::fs::PermissionsExt as _;
    let sample = sample();
    let mode = |path: std::path::PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(sample.files.path().to_owned()), 0o700);
    assert_eq!(mode(sample.files.key_file()), 0o600);
    assert_eq!(mode(sample.files.certificate_file()) & 0o400, 0o400);
    assert_eq!(
        mode(sample.files.list_file()),
        mode(sample.files.certificate_file())
    );
}

#[test]
fn certificates_of_servers_are_kept_on_record_until_they_are_taken_off() {
    let sample = sample();
    assert!(sample.files.servers().unwrap().is_empty());
    let (first, second) = (sample.client("first"), sample.client("second"));
    sample.files.add_server(&first).unwrap();
    sample.files.add_server(&second).unwrap();
    assert_eq!(sample.files.servers().unwrap(), [first.clone(), second.clone()]);
    assert!(sample.files.remove_server(&first.facts().fingerprint).unwrap());
    assert!(!sample.files.remove_server(&first.facts().fingerprint).unwrap());
    assert_eq!(sample.files.servers().unwrap(), [second]);
    fs::write(sample.files.servers_file(), "-----BEGIN CERTIFICATE-----\n").unwrap();
    assert!(matches!(
        sample.files.servers(),
        Err(AuthorityError::Unusable { .. })
    ));
}

#[test]
fn the_key_of_an_authority_beside_a_server_is_a_finding() {
    let sample = sample();
    let location = |at: &str| KeystoreSettings::new(at);
    let found = |folder: &str, stores: &[(&str, KeystoreSettings)]| {
        let keystores = load(&sample.folder.path().join(folder), stores).unwrap();
        let all = keystores.findings(sample.now).into_iter();
        let ours = all.filter(|finding| finding.code == "ca-key-beside-server");
        ours.map(|finding| (finding.severity, finding.key))
            .collect::<Vec<_>>()
    };
    let key = || Some("palisade.keystores.ca.location".to_owned());
    fs::create_dir(sample.folder.path().join("config")).unwrap();
    // Beside a keystore, wherever that is; in the configuration folder, whether a keystore names it or not; once.
    let trusted = [("ca", location("../ca/ca.crt"))];
    assert_eq!(found("config", &trusted), [(Severity::Severe, key())]);
    assert_eq!(found("", &[]), [(Severity::Severe, None)]);
    assert_eq!(
        found("", &[("ca", location("ca/ca.crt"))]),
        [(Severity::Severe, key())]
    );
    assert_eq!(found("config", &[]), []);
    // Encrypted it is less, and away nothing.
    let files = &sample.files;
    openssl(
        &sample.folder,
        &[
            "pkcs8",
            "-topk8",
            "-in",
            "ca/ca.key",
            "-out",
            "ca/new.key",
            "-passout",
            "pass:correct horse",
        ],
    );
    fs::rename(files.path().join("new.key"), files.key_file()).unwrap();
    assert_eq!(found("config", &trusted), [(Severity::Moderate, key())]);
    fs::remove_file(files.key_file()).unwrap();
    assert_eq!(found("config", &trusted), []);
}

#[test]
fn nothing_that_exists_is_overwritten() {
    let sample = sample();
    let before = fs::read(sample.files.key_file()).unwrap();
    let again = |files: &AuthorityFolder| files.create(&sample.authority, None, sample.now, DAY);
    assert_eq!(
        again(&sample.files).unwrap_err(),
        AuthorityError::Exists {
            path: sample.files.key_file()
        }
    );
    assert_eq!(fs::read(sample.files.key_file()).unwrap(), before);
    for name in ["ca.crt", "ca.crl"] {
        let files = AuthorityFolder::new(sample.folder.path().join(name.replace('.', "-")));
        fs::create_dir(files.path()).unwrap();
        fs::write(files.path().join(name), "mine").unwrap();
        assert!(matches!(again(&files), Err(AuthorityError::Exists { .. })));
        assert_eq!(fs::read(files.path().join(name)).unwrap(), b"mine");
        assert!(!files.key_file().exists());
    }
}

#[test]
fn an_encrypted_key_opens_with_its_password_alone() {
    let Sample {
        folder,
        authority,
        now,
        ..
    } = sample();
    let files = AuthorityFolder::new(folder.path().join("locked"));
    let password = Secret::new(PASSWORD);
    files.create(&authority, Some(&password), now, DAY).unwrap();
    let text = fs::read_to_string(files.key_file()).unwrap();
    assert!(
        text.starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----"),
        "{text}"
    );
    let opened = files.open(Some(&password)).unwrap();
    assert_eq!(opened.certificate(), authority.certificate());
    let refused = |password: Option<&str>| files.open(password.map(Secret::new).as_ref()).unwrap_err();
    for (password, reason) in [
        (None, BadPrivateKey::PasswordMissing),
        (Some("wrong"), BadPrivateKey::WrongPassword),
    ] {
        assert_eq!(
            refused(password),
            AuthorityError::Store(StoreError::PrivateKey {
                path: files.key_file(),
                reason
            })
        );
    }
    let pass = format!("pass:{PASSWORD}");
    openssl(
        &folder,
        &[
            "pkey",
            "-in",
            "locked/ca.key",
            "-passin",
            &pass,
            "-noout",
            "-check",
        ],
    );
    let shown = run(&folder, "openssl", &["asn1parse", "-in", "locked/ca.key"]);
    assert!(
        shown.contains("PBKDF2") && shown.contains("aes-256-cbc"),
        "{shown}"
    );
    // What needs no key needs no password.
    assert!(files.list().is_ok());

    let weak = AuthorityFolder::new(folder.path().join("weak"));
    assert_eq!(
        weak.create(&authority, Some(&Secret::new("changeit")), now, DAY)
            .unwrap_err(),
        AuthorityError::Key(WriteError::WeakPassword)
    );
    assert!(!weak.exists());
}

#[test]
fn an_encrypted_pem_is_opened_by_openssl() {
    let sample = sample();
    let issued = sample
        .authority
        .issue(
            &CertificateRequest::client(Subject::new("alice"), YEAR),
            sample.now,
        )
        .unwrap();
    let mut builder = KeystoreBuilder::new();
    let chain = vec![issued.certificate.clone(), sample.authority.certificate().clone()];
    builder.add_key("alice", issued.key.unwrap(), chain).unwrap();
    let password = Secret::new(PASSWORD);
    write(
        &sample.folder,
        "alice.pem",
        builder.pem_encrypted("alice", &password).unwrap().as_bytes(),
    );
    let pass = format!("pass:{PASSWORD}");
    openssl(
        &sample.folder,
        &["pkey", "-in", "alice.pem", "-passin", &pass, "-noout", "-check"],
    );
    let text = fs::read_to_string(sample.folder.path().join("alice.pem")).unwrap();
    assert_eq!(text.matches("BEGIN CERTIFICATE").count(), 2);
    assert!(!text.contains("BEGIN PRIVATE KEY"));
    assert_eq!(
        builder.pem_encrypted("alice", &Secret::new("short")).unwrap_err(),
        WriteError::WeakPassword
    );
}

#[test]
fn a_folder_without_an_authority_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let files = AuthorityFolder::new(folder.path().join("ca"));
    let missing = AuthorityError::Missing {
        path: files.certificate_file(),
    };
    assert_eq!(files.open(None).unwrap_err(), missing);
    assert_eq!(files.certificate().unwrap_err(), missing);
    assert_eq!(files.list().unwrap_err(), missing);
}

#[test]
fn a_key_of_another_certificate_and_a_certificate_of_no_authority_are_refused() {
    let sample = sample();
    let other = Authority::create(&NewAuthority::new("Other", YEAR), sample.now).unwrap();
    let files = AuthorityFolder::new(sample.folder.path().join("other"));
    files.create(&other, None, sample.now, DAY).unwrap();
    fs::copy(files.key_file(), sample.files.key_file()).unwrap();
    assert!(matches!(
        sample.files.open(None).unwrap_err(),
        AuthorityError::Store(StoreError::KeyDoesNotFit { .. })
    ));

    let issued = other
        .issue(
            &CertificateRequest::client(Subject::new("alice"), YEAR),
            sample.now,
        )
        .unwrap();
    let mut builder = KeystoreBuilder::new();
    builder
        .add_key("a", issued.key.unwrap(), vec![issued.certificate.clone()])
        .unwrap();
    let pem = builder.pem("a").unwrap();
    let (key, certificate) = pem.split_at(pem.find("-----BEGIN CERTIFICATE").unwrap());
    fs::write(files.key_file(), key).unwrap();
    fs::write(files.certificate_file(), certificate).unwrap();
    let refused = files.open(None).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "`CN=alice` cannot be used as an authority: its basic constraints do not say that it is an authority"
    );
}

#[test]
fn an_authority_of_openssl_is_taken() {
    let sample = sample();
    let files = AuthorityFolder::new(sample.folder.path().join("theirs"));
    fs::create_dir(files.path()).unwrap();
    let new = [
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-keyout",
        "theirs/ca.key",
        "-out",
        "theirs/ca.crt",
    ];
    let subject = ["-subj", "/C=NL/O=Example B.V./CN=Their CA", "-days", "3650"];
    let usage = ["-addext", "keyUsage=critical,keyCertSign,cRLSign"];
    openssl(&sample.folder, &[&new[..], &subject, &usage].concat());
    let authority = files.open(None).unwrap();
    // OpenSSL's certificate begins when it was made, a moment after the sample.
    let now = SystemClock::new().now();
    let issued = authority
        .issue(&CertificateRequest::client(Subject::new("alice"), YEAR), now)
        .unwrap();
    sample.write("alice", &issued.certificate);
    files.rebuild_list(&authority, &[], now, DAY).unwrap();
    openssl(
        &sample.folder,
        &[
            "verify",
            "-crl_check",
            "-CAfile",
            "theirs/ca.crt",
            "-CRLfile",
            "theirs/ca.crl",
            "alice.crt",
        ],
    );

    let weaker = AuthorityFolder::new(sample.folder.path().join("weaker"));
    fs::create_dir(weaker.path()).unwrap();
    let new = [
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-keyout",
        "weaker/ca.key",
        "-out",
        "weaker/ca.crt",
    ];
    openssl(
        &sample.folder,
        &[
            &new[..],
            &["-subj", "/CN=x", "-addext", "keyUsage=critical,keyCertSign"],
        ]
        .concat(),
    );
    let refused = weaker.open(None).unwrap_err().to_string();
    assert!(refused.contains("lacks cRLSign"), "{refused}");
}
