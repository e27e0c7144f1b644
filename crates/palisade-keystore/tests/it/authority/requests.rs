use palisade_keystore::{BadRequest, CertificateRequest, KeyAlgorithm, KeySource, SigningRequest, Subject};
use rstest::rstest;

use super::{YEAR, sample};
use crate::support::{keytool_is_missing, openssl, run};

/// A request of OpenSSL's making, as PEM, for a key of that kind, which asks to be an authority and for another name.
fn request(folder: &tempfile::TempDir, key: &[&str]) -> Vec<u8> {
    openssl(folder, &[&["genpkey", "-out", "a.key"], key].concat());
    let wishes = [
        "-addext",
        "basicConstraints=critical,CA:TRUE",
        "-addext",
        "subjectAltName=DNS:bank.example.org",
    ];
    let new = [
        "req",
        "-new",
        "-key",
        "a.key",
        "-out",
        "a.csr",
        "-subj",
        "/CN=admin/O=everybody",
    ];
    openssl(folder, &[&new[..], &wishes].concat());
    std::fs::read(folder.path().join("a.csr")).unwrap()
}

#[rstest]
#[case(&["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"], KeyAlgorithm::EcP256)]
#[case(&["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"], KeyAlgorithm::EcP384)]
#[case(&["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"], KeyAlgorithm::Rsa(2048))]
#[case(&["-algorithm", "ED25519"], KeyAlgorithm::Ed25519)]
fn of_a_request_the_key_alone_is_taken(#[case] key: &[&str], #[case] algorithm: KeyAlgorithm) {
    let sample = sample();
    let request = SigningRequest::from_bytes(&request(&sample.folder, key)).unwrap();
    assert_eq!(request.public_key().algorithm(), &algorithm);
    let wanted =
        CertificateRequest::client(Subject::new("alice"), YEAR).with_key(KeySource::Requested(request));
    let issued = sample.authority.issue(&wanted, sample.now).unwrap();
    assert!(issued.key.is_none());
    let facts = issued.certificate.facts();
    assert_eq!((facts.subject.as_str(), facts.is_ca), ("CN=alice", false));
    assert!(facts.names.is_empty());
    sample.write("alice", &issued.certificate);
    openssl(
        &sample.folder,
        &["verify", "-x509_strict", "-CAfile", "ca/ca.crt", "alice.crt"],
    );
    // It fits the key that stayed with the requester.
    let of_key = run(&sample.folder, "openssl", &["pkey", "-in", "a.key", "-pubout"]);
    let of_certificate = run(
        &sample.folder,
        "openssl",
        &["x509", "-in", "alice.crt", "-noout", "-pubkey"],
    );
    assert_eq!(of_key, of_certificate);
}

#[test]
fn a_request_signed_with_another_digest_than_its_curve_suggests_is_taken() {
    let sample = sample();
    request(
        &sample.folder,
        &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"],
    );
    openssl(
        &sample.folder,
        &[
            "req", "-new", "-key", "a.key", "-sha256", "-out", "b.csr", "-subj", "/CN=x",
        ],
    );
    let bytes = std::fs::read(sample.folder.path().join("b.csr")).unwrap();
    let request = SigningRequest::from_bytes(&bytes).unwrap();
    assert_eq!(request.public_key().algorithm(), &KeyAlgorithm::EcP384);
    let wanted =
        CertificateRequest::client(Subject::new("alice"), YEAR).with_key(KeySource::Requested(request));
    let issued = sample.authority.issue(&wanted, sample.now).unwrap();
    assert_eq!(issued.certificate.facts().algorithm, KeyAlgorithm::EcP384);
}

#[test]
fn a_request_of_java_is_taken() {
    if keytool_is_missing() {
        return;
    }
    let sample = sample();
    let store = [
        "-keystore",
        "java.p12",
        "-storetype",
        "PKCS12",
        "-storepass",
        "correct horse",
        "-alias",
        "mine",
    ];
    let keytool = |arguments: &[&str]| run(&sample.folder, "keytool", &[arguments, &store].concat());
    keytool(&[
        "-genkeypair",
        "-keyalg",
        "EC",
        "-groupname",
        "secp256r1",
        "-dname",
        "CN=java",
    ]);
    keytool(&["-certreq", "-file", "java.csr"]);
    let bytes = std::fs::read(sample.folder.path().join("java.csr")).unwrap();
    let request = SigningRequest::from_bytes(&bytes).unwrap();
    let wanted =
        CertificateRequest::client(Subject::new("alice"), YEAR).with_key(KeySource::Requested(request));
    let issued = sample.authority.issue(&wanted, sample.now).unwrap();
    sample.write("alice", &issued.certificate);
    // Java puts the certificate to its key, which it does only where both fit and the chain is whole.
    let import = |alias: &str, file: &str| {
        let store = [
            "-keystore",
            "java.p12",
            "-storepass",
            "correct horse",
            "-noprompt",
        ];
        run(
            &sample.folder,
            "keytool",
            &[&["-importcert", "-alias", alias, "-file", file], &store[..]].concat(),
        );
    };
    import("ca", "ca/ca.crt");
    import("mine", "alice.crt");
}

#[test]
fn what_is_no_sound_request_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let pem = request(
        &folder,
        &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
    );
    openssl(
        &folder,
        &["req", "-in", "a.csr", "-outform", "DER", "-out", "a.der"],
    );
    let der = std::fs::read(folder.path().join("a.der")).unwrap();
    assert!(SigningRequest::from_bytes(&der).is_ok());

    let refused = |bytes: &[u8]| SigningRequest::from_bytes(bytes).unwrap_err();
    assert_eq!(refused(b""), BadRequest::Malformed);
    assert_eq!(refused(&pem.repeat(2)), BadRequest::Malformed);
    assert_eq!(refused(&[&der[..], &[0]].concat()), BadRequest::Malformed);
    assert_eq!(refused(&der[..der.len() - 1]), BadRequest::Malformed);
    // `admin` becomes `admim`: what was signed is another thing now.
    let mut altered = der.clone();
    let at = altered.windows(5).position(|window| window == b"admin").unwrap();
    altered[at + 4] = b'm';
    assert_eq!(refused(&altered), BadRequest::Signature);
    // The reason is the key, though its signature does not verify either.
    let short = request(
        &folder,
        &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"],
    );
    assert_eq!(refused(&short), BadRequest::KeyTooShort { bits: 1024 });
    let other = request(&folder, &["-algorithm", "ED448"]);
    assert_eq!(refused(&other), BadRequest::Key);
    openssl(
        &folder,
        &[
            "genpkey",
            "-out",
            "r.key",
            "-algorithm",
            "RSA",
            "-pkeyopt",
            "rsa_keygen_bits:2048",
        ],
    );
    openssl(
        &folder,
        &[
            "req", "-new", "-key", "r.key", "-sha1", "-out", "sha1.csr", "-subj", "/CN=x",
        ],
    );
    let weak = std::fs::read(folder.path().join("sha1.csr")).unwrap();
    assert_eq!(refused(&weak), BadRequest::WeakSignature);
}
