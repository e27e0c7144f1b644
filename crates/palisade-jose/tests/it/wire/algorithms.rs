use palisade_jose::{
    Algorithms, ContentEncryption, DecryptionKey, EncryptionKey, KeyManagement, SignatureAlgorithm,
    SigningKey, VerificationKey,
};
use palisade_test::ca::KeyKind;

use super::keys::{algorithms, fresh};

#[test]
fn what_is_not_spoken_is_refused_with_what_is() {
    for name in [
        "none",
        "None",
        "HS256",
        "RSA1_5",
        "RSA-OAEP",
        "RSA-OAEP-384",
        "dir",
        "A256KW",
        "PBES2-HS256+A128KW",
        "ECDH-ES",
        "ECDH-ES+A128KW",
        "A128GCM",
        "A256CBC-HS512",
        "ES384",
        "rs256",
        " RS256",
        "",
    ] {
        let error = Algorithms::parse(&["RS256", name]).unwrap_err();
        assert_eq!(error.name(), name);
        let text = error.to_string();
        assert!(text.starts_with(&format!("`{name}` is not accepted")), "{text}");
        assert!(
            text.ends_with(
                "accepted are RSA-OAEP-256, ECDH-ES+A256KW, A128CBC-HS256, A256GCM, RS256, PS256, ES256, EdDSA"
            ),
            "{text}"
        );
    }
}

#[test]
fn lists_keep_their_order_and_hold_each_name_once() {
    let list = algorithms(&["PS256", "A256GCM", "RS256", "PS256", "A128CBC-HS256"]);
    assert_eq!(
        list.signature(),
        [SignatureAlgorithm::Ps256, SignatureAlgorithm::Rs256]
    );
    assert_eq!(
        list.content(),
        [ContentEncryption::A256Gcm, ContentEncryption::A128CbcHs256]
    );
    assert_eq!(list.key_management(), []);
    assert!(!list.is_empty());
    assert!(Algorithms::parse::<&str>(&[]).unwrap().is_empty());
}

#[test]
fn without_a_list_the_type_of_the_key_decides() {
    let none = Algorithms::default();
    let rsa = fresh(KeyKind::Rsa2048, "rsa");
    let p256 = fresh(KeyKind::EcP256, "p256");
    let p384 = fresh(KeyKind::EcP384, "p384");
    let ed = fresh(KeyKind::Ed25519, "ed");
    for (entry, management) in [
        (&rsa, KeyManagement::RsaOaep256),
        (&p256, KeyManagement::EcdhEsA256Kw),
        (&p384, KeyManagement::EcdhEsA256Kw),
    ] {
        let key = EncryptionKey::new("a", entry.public_key(), &none).unwrap();
        assert_eq!(
            (key.algorithm(), key.content()),
            (management, ContentEncryption::A128CbcHs256)
        );
        let key = DecryptionKey::new(entry, &none).unwrap();
        assert_eq!(key.algorithm(), management);
        assert_eq!(key.contents(), [ContentEncryption::A128CbcHs256]);
    }
    for (entry, algorithm) in [
        (&rsa, SignatureAlgorithm::Rs256),
        (&p256, SignatureAlgorithm::Es256),
        (&ed, SignatureAlgorithm::EdDsa),
    ] {
        assert_eq!(SigningKey::new(entry, &none).unwrap().algorithm(), algorithm);
        let key = VerificationKey::new("a", entry.public_key(), &none).unwrap();
        assert_eq!(key.algorithms().collect::<Vec<_>>(), [algorithm]);
    }
    assert_eq!(
        DecryptionKey::new(&ed, &none).unwrap_err().to_string(),
        "alias `ed` is Ed25519, which does not do encryption; it does EdDSA"
    );
    assert_eq!(
        SigningKey::new(&p384, &none).unwrap_err().to_string(),
        "alias `p384` is EC P-384, which does not do signatures; it does ECDH-ES+A256KW"
    );
}

#[test]
fn a_list_narrows_and_senders_take_the_first() {
    let rsa = fresh(KeyKind::Rsa2048, "rsa");
    let key = SigningKey::new(&rsa, &algorithms(&["ES256", "PS256", "RS256"])).unwrap();
    assert_eq!(key.algorithm(), SignatureAlgorithm::Ps256);
    let key = EncryptionKey::new("rsa", rsa.public_key(), &algorithms(&["A256GCM"])).unwrap();
    assert_eq!(
        key.algorithm(),
        KeyManagement::RsaOaep256,
        "an `enc` alone keeps the default `alg`"
    );
    assert_eq!(key.content(), ContentEncryption::A256Gcm);
    let key = EncryptionKey::new("rsa", rsa.public_key(), &algorithms(&["RSA-OAEP-256"])).unwrap();
    assert_eq!(
        key.content(),
        ContentEncryption::A128CbcHs256,
        "an `alg` alone keeps the default `enc`"
    );
}

#[test]
fn a_list_that_does_not_fit_names_the_alias_and_what_fits() {
    let rsa = fresh(KeyKind::Rsa2048, "rsa");
    assert_eq!(
        SigningKey::new(&rsa, &algorithms(&["ES256", "EdDSA"]))
            .unwrap_err()
            .to_string(),
        "alias `rsa` is RSA 2048, which does not do ES256, EdDSA; it does RS256, PS256"
    );
    assert_eq!(
        DecryptionKey::new(&rsa, &algorithms(&["ECDH-ES+A256KW"]))
            .unwrap_err()
            .to_string(),
        "alias `rsa` is RSA 2048, which does not do ECDH-ES+A256KW; it does RSA-OAEP-256"
    );
    assert_eq!(
        DecryptionKey::new(&rsa, &algorithms(&["RS256"]))
            .unwrap_err()
            .to_string(),
        "alias `rsa`: `RS256` is not for encryption"
    );
    assert_eq!(
        VerificationKey::new("rsa", rsa.public_key(), &algorithms(&["RS256", "A256GCM"]))
            .unwrap_err()
            .to_string(),
        "alias `rsa`: `A256GCM` is not for signatures"
    );
}

#[test]
fn debug_shows_names_alone() {
    let rsa = fresh(KeyKind::Rsa2048, "rsa");
    let none = Algorithms::default();
    let kid = rsa.kid();
    assert_eq!(
        format!(
            "{:?}",
            DecryptionKey::new(&rsa, &none).unwrap().known_as("main/rsa")
        ),
        format!("DecryptionKey {{ alias: \"main/rsa\", kid: \"{kid}\", .. }}")
    );
    for text in [
        format!("{:?}", SigningKey::new(&rsa, &none).unwrap()),
        format!(
            "{:?}",
            EncryptionKey::new("rsa", rsa.public_key(), &none).unwrap()
        ),
        format!(
            "{:?}",
            VerificationKey::new("rsa", rsa.public_key(), &none).unwrap()
        ),
    ] {
        assert!(
            text.ends_with(&format!("{{ alias: \"rsa\", kid: \"{kid}\", .. }}")),
            "{text}"
        );
    }
}
