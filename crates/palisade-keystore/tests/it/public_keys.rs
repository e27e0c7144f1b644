//! Public keys and the names they are known by.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use palisade_keystore::{Certificate, KeyAlgorithm, LookupError, PublicKey, StoreError, Usage};
use palisade_test::ca::TestCa;

use crate::support::{load_one, openssl, write};

fn pem(label: &str, der: &[u8]) -> String {
    format!(
        "-----BEGIN {label}-----\n{}\n-----END {label}-----\n",
        STANDARD.encode(der)
    )
}

#[test]
fn the_kid_is_the_thumbprint_of_rfc_8037_and_so_is_that_of_rfc_7638() {
    // RFC 8037 appendix A.3.
    let x = URL_SAFE_NO_PAD
        .decode("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")
        .unwrap();
    let spki = [&[0x30, 42, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 3, 33, 0][..], &x].concat();
    let key = PublicKey::from_spki("ed", &spki).unwrap();
    assert_eq!(key.kid(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    assert_eq!(key.algorithm(), &KeyAlgorithm::Ed25519);
    assert_eq!(URL_SAFE_NO_PAD.encode(key.thumbprint()), key.kid());

    // RFC 7638 section 3.1.
    let n = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";
    let n = URL_SAFE_NO_PAD.decode(n).unwrap();
    let pkcs1 = [&[0x30, 0x82, 1, 10, 2, 0x82, 1, 1, 0][..], &n, &[2, 3, 1, 0, 1]].concat();
    let folder = tempfile::tempdir().unwrap();
    write(&folder, "rsa.pem", pem("RSA PUBLIC KEY", &pkcs1));
    let keystores = load_one(folder.path(), "rsa.pem").unwrap();
    let key = keystores.public_key("mine").unwrap();
    assert_eq!(key.kid(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
    assert_eq!(key.algorithm(), &KeyAlgorithm::Rsa(2048));
    assert_eq!(key.alias(), "mine");
    assert_eq!(key.usage(), Usage::Any);
}

#[test]
fn one_key_has_one_thumbprint_whatever_it_came_in() {
    for newkey in [
        &["rsa:2048"][..],
        &["ec", "-pkeyopt", "ec_paramgen_curve:P-256"],
        &["ec", "-pkeyopt", "ec_paramgen_curve:P-521"],
        &["ed25519"],
    ] {
        let folder = tempfile::tempdir().unwrap();
        let mut make = vec![
            "req", "-x509", "-nodes", "-subj", "/CN=x", "-keyout", "key.pem", "-out", "crt.pem", "-newkey",
        ];
        make.extend_from_slice(newkey);
        openssl(&folder, &make);
        openssl(&folder, &["pkey", "-in", "key.pem", "-pubout", "-out", "pub.pem"]);
        openssl(
            &folder,
            &[
                "pkey", "-in", "key.pem", "-pubout", "-outform", "DER", "-out", "pub.der",
            ],
        );
        let key = |file: &str| load_one(folder.path(), file).unwrap().public_key("mine").unwrap();
        let (private, certificate, bare) = (key("key.pem"), key("crt.pem"), key("pub.pem"));
        assert_eq!(private.spki_der(), bare.spki_der());
        for other in [&private, &certificate, &key("pub.der")] {
            assert_eq!(other.thumbprint(), bare.thumbprint());
            assert_eq!(other.kid(), bare.kid());
        }
        assert!(certificate.certificate().is_some() && bare.certificate().is_none());
        let entry = load_one(folder.path(), "key.pem").unwrap().key("mine").unwrap();
        assert_eq!(entry.kid(), bare.kid());
        assert_eq!(entry.public_key().thumbprint(), bare.thumbprint());
    }
}

#[test]
fn asking_a_public_key_for_more_than_it_has_names_what_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestCa::new("Root").server(&["localhost"]);
    server.write_pem(folder.path(), "server");
    write(&folder, "ca.pem", TestCa::new("Trusted").pem());
    openssl(
        &folder,
        &["pkey", "-in", "server.pem", "-pubout", "-out", "partner.pem"],
    );
    let keystores = load_one(folder.path(), ".").unwrap();
    assert_eq!(keystores.aliases(), ["ca", "partner", "server"]);
    assert_eq!(
        keystores.key("partner").unwrap_err().to_string(),
        "alias `partner` holds a public key without a private key (aliases with a key: `server`)"
    );
    assert_eq!(
        keystores.certificates("partner").unwrap_err().to_string(),
        "alias `partner` holds a public key without a private key (aliases with a certificate: `ca`, `server`)"
    );
    assert_eq!(
        keystores.public_key("partner").unwrap().thumbprint(),
        keystores.public_key("server").unwrap().thumbprint()
    );
    assert!(keystores.public_key("ca").is_ok());
    assert!(matches!(
        keystores.public_key("partener"),
        Err(LookupError::NoSuchAlias { .. })
    ));
}

#[test]
fn the_key_of_a_chain_is_that_of_its_lower_end_and_a_bundle_has_none() {
    let folder = tempfile::tempdir().unwrap();
    let root = TestCa::new("Root");
    let issuing = root.intermediate("Issuing");
    let partner = issuing.client("partner");
    let reversed = root.pem() + &issuing.pem() + partner.leaf_pem();
    write(&folder, "chain.pem", reversed);
    let key = load_one(folder.path(), "chain.pem")
        .unwrap()
        .public_key("mine")
        .unwrap();
    let expected = Certificate::from_der(partner.certificate().clone().into_owned()).unwrap();
    assert_eq!(key.certificate(), Some(&expected));

    write(
        &folder,
        "two.pem",
        partner.leaf_pem().to_owned() + &TestCa::new("Other").pem(),
    );
    let refused = load_one(folder.path(), "two.pem")
        .unwrap()
        .public_key("mine")
        .unwrap_err();
    assert!(matches!(
        refused,
        LookupError::SeveralCertificates { count: 2, .. }
    ));
}

#[test]
fn damaged_small_and_foreign_public_keys_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    openssl(&folder, &["genrsa", "-out", "small.key", "1024"]);
    openssl(
        &folder,
        &["pkey", "-in", "small.key", "-pubout", "-out", "small.pem"],
    );
    assert!(matches!(
        load_one(folder.path(), "small.pem").unwrap_err(),
        StoreError::PublicKey { .. }
    ));
    // A point that is not on P-256.
    let mut off = vec![
        0x30, 0x59, 0x30, 19, 6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d,
        3, 1, 7, 3, 66, 0, 4,
    ];
    off.extend([1; 64]);
    write(&folder, "off.pem", pem("PUBLIC KEY", &off));
    assert!(matches!(
        load_one(folder.path(), "off.pem").unwrap_err(),
        StoreError::PublicKey { .. }
    ));
    let root = TestCa::new("Root");
    let (one, two) = (root.server(&["a"]), root.server(&["b"]));
    one.write_pem(folder.path(), "one");
    openssl(&folder, &["pkey", "-in", "one.pem", "-pubout", "-out", "pub.pem"]);
    let public = std::fs::read_to_string(folder.path().join("pub.pem")).unwrap();
    write(&folder, "mixed.pem", two.leaf_pem().to_owned() + &public);
    assert!(matches!(
        load_one(folder.path(), "mixed.pem").unwrap_err(),
        StoreError::PublicKeyDoesNotFit { .. }
    ));
    write(&folder, "fitting.pem", one.leaf_pem().to_owned() + &public);
    assert!(load_one(folder.path(), "fitting.pem").is_ok());
}

#[test]
fn an_rsa_key_of_roca_cannot_be_used() {
    // Test 7 of json_web_key_test.json of Project Wycheproof.
    let n = "AanFpofbj7KjD4Lf-N2hVMKR7yewSyXhhbirIMTGpfYEhZ_lnt5UoK98DnKIgArXGTu3MaW_HhFw16HGaTDUHqPrId7fe4r11CqRw09yBFuW79V8sYIwHdzCaWflUI6auImYbVfoN9_nD5n8N8SY9DwXw7mwZM9wREPXoDPgOoIWl6q_MPsp7n0zs3Z5ZaiQWOOzl1S9OhwAfSiiOwz6efnXEaxuTEtPd7BjSx7NaFka8Dx9U7YqXy2RFj1O9PjyaDGuRh7YXsX3iMUSP_wSyHQg_c_qHRtKUsNSGCT7OZg0hzm2KphtjnayKJvC64vAbROBR4Ubg6Bxg9IQVZ-QYyE";
    let key = |n: &str| format!(r#"{{"kty":"RSA","kid":"card","n":"{n}","e":"AQAB"}}"#);
    let folder = tempfile::tempdir().unwrap();
    write(&folder, "weak.jwks", key(n));
    let keystores = load_one(folder.path(), "weak.jwks").unwrap();
    let refused = keystores.public_key("card").unwrap_err().to_string();
    assert!(refused.contains("can be factored (CVE-2017-15361)"), "{refused}");

    // Another modulus of that size is nobody's.
    write(&folder, "sound.jwks", key(&n.replace("AanF", "AanG")));
    let keystores = load_one(folder.path(), "sound.jwks").unwrap();
    let sound = keystores.public_key("card").unwrap();
    assert_eq!(sound.algorithm(), &KeyAlgorithm::Rsa(2049));
}

#[test]
fn the_size_of_an_rsa_key_is_that_of_its_modulus() {
    for size in [2048, 2050, 2056] {
        let folder = tempfile::tempdir().unwrap();
        let bits = format!("rsa_keygen_bits:{size}");
        openssl(
            &folder,
            &[
                "genpkey",
                "-algorithm",
                "RSA",
                "-pkeyopt",
                &bits,
                "-out",
                "key.pem",
            ],
        );
        openssl(&folder, &["pkey", "-in", "key.pem", "-pubout", "-out", "pub.pem"]);
        let keystores = load_one(folder.path(), "pub.pem").unwrap();
        let key = keystores.public_key("mine").unwrap();
        assert_eq!(key.algorithm(), &KeyAlgorithm::Rsa(size));
    }
}
