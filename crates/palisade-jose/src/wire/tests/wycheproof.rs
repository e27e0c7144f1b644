//! Project Wycheproof: every valid vector for what is spoken here is accepted, every invalid one refused.
//!
//! Reasons for exclusions stand in `tests/data/exclusions.json`; one that matches nothing fails.

use std::collections::BTreeSet;

use josekit::jwe::JweHeader;
use palisade_keystore::PublicKey;
use serde::Deserialize;
use wycheproof::TestResult;

use crate::algorithms::{Algorithms, ContentEncryption};
use crate::keys::{DecryptionKey, VerificationKey};
use crate::wire::content::ContentCipher;

/// A vector, or the vectors with a flag, that is valid in general and not accepted here.
#[derive(Deserialize)]
struct Exclusion {
    set: String,
    matching: String,
    reason: String,
}

pub(super) struct Exclusions {
    of_set: Vec<Exclusion>,
    used: BTreeSet<String>,
}

impl Exclusions {
    pub(super) fn of(set: &str) -> Self {
        #[derive(Deserialize)]
        struct File {
            wycheproof: Vec<Exclusion>,
        }
        let file: File = serde_json::from_str(include_str!("../../../tests/data/exclusions.json")).unwrap();
        let of_set = file
            .wycheproof
            .into_iter()
            .filter(|exclusion| exclusion.set == set)
            .collect();
        Self {
            of_set,
            used: BTreeSet::new(),
        }
    }

    /// Compares what was expected with what happened.
    pub(super) fn check(&mut self, id: usize, expected: TestResult, traits: &[String], accepted: bool) {
        let found = self
            .of_set
            .iter()
            .find(|exclusion| traits.contains(&exclusion.matching) || exclusion.matching == id.to_string());
        let excluded = found.is_some_and(|found| {
            assert!(!found.reason.is_empty());
            self.used.insert(found.matching.clone());
            true
        });
        // What is excluded is refused: no exclusion opens anything.
        let expected = expected == TestResult::Valid && !excluded;
        assert_eq!(accepted, expected, "vector {id} {traits:?}");
    }

    pub(super) fn finish(self) {
        let all: BTreeSet<_> = self
            .of_set
            .into_iter()
            .map(|exclusion| exclusion.matching)
            .collect();
        assert_eq!(all, self.used, "exclusions that match nothing");
    }
}

fn content(set: &str, name: wycheproof::aead::TestName, content: ContentEncryption) {
    let cipher = ContentCipher(content);
    let mut exclusions = Exclusions::of(set);
    let vectors = wycheproof::aead::TestSet::load(name).unwrap();
    for group in vectors.test_groups {
        for test in group.tests {
            let mut opened = test.ct.to_vec();
            let accepted = cipher
                .open(&test.key, &test.nonce, &test.aad, &mut opened, &test.tag)
                .is_ok();
            let traits = [
                format!("keySize {}", group.key_size),
                format!("ivSize {}", group.nonce_size),
            ];
            exclusions.check(test.tc_id, test.result, &traits, accepted);
            if accepted {
                assert_eq!(opened, test.pt.to_vec());
                let mut sealed = Vec::new();
                cipher.fill(&test.pt, &mut sealed);
                let tag = cipher
                    .seal(&test.key, &test.nonce, &test.aad, &mut sealed)
                    .unwrap();
                assert_eq!((sealed, &tag[..]), (test.ct.to_vec(), &test.tag[..]));
            }
        }
    }
    exclusions.finish();
}

#[test]
fn a128cbc_hs256() {
    content(
        "a128cbc_hs256",
        wycheproof::aead::TestName::Aes128CbcHmacSha256,
        ContentEncryption::A128CbcHs256,
    );
}

#[test]
fn aes_gcm() {
    content(
        "aes_gcm",
        wycheproof::aead::TestName::AesGcm,
        ContentEncryption::A256Gcm,
    );
}

#[test]
fn rsa_oaep() {
    let mut exclusions = Exclusions::of("rsa_oaep_2048_sha256_mgf1sha256");
    let vectors =
        wycheproof::rsa_oaep::TestSet::load(wycheproof::rsa_oaep::TestName::Rsa2048Sha256Mgf1Sha256);
    for group in vectors.unwrap().test_groups {
        let key = key(&group.pem);
        for test in group.tests {
            let cipher = ContentCipher(ContentEncryption::A256Gcm);
            let unwrapped = key.unwrap(&test.ct, cipher, &JweHeader::new()).unwrap();
            let accepted = test.ct.len() == key.encrypted_key_len() && unwrapped.as_slice() == &test.pt[..];
            let mut traits = Vec::new();
            if !test.label.is_empty() {
                traits.push("label".to_owned());
            }
            if test.pt.len() != 32 {
                traits.push("no content encryption key".to_owned());
            }
            exclusions.check(test.tc_id, test.result, &traits, accepted);
        }
    }
    exclusions.finish();
}

pub(super) fn key(pem: &str) -> DecryptionKey {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("key.pem"), pem).unwrap();
    let settings = [(
        "own".to_owned(),
        palisade_keystore::KeystoreSettings::new("key.pem"),
    )];
    let keystores = palisade_keystore::Keystores::load(folder.path(), &settings.into()).unwrap();
    let list = Algorithms::parse(&["A256GCM"]).unwrap();
    DecryptionKey::new(&keystores.key("own").unwrap(), &list).unwrap()
}

/// Checks a signature as the wire does: its length first.
fn is_accepted(spki: &[u8], alg: &str, message: &[u8], signature: &[u8]) -> bool {
    let key = PublicKey::from_spki("partner", spki).unwrap();
    let key = VerificationKey::new("partner", &key, &Algorithms::parse(&[alg]).unwrap()).unwrap();
    signature.len() == key.signature_len() && key.verifier(alg).unwrap().verify(message, signature).is_ok()
}

macro_rules! signatures {
    ($($test:ident: $module:ident :: $name:ident, $alg:literal;)*) => {$(
        #[test]
        fn $test() {
            let mut exclusions = Exclusions::of(stringify!($test));
            let vectors = wycheproof::$module::TestSet::load(wycheproof::$module::TestName::$name).unwrap();
            for group in vectors.test_groups {
                for test in group.tests {
                    let accepted = is_accepted(&group.der, $alg, &test.msg, &test.sig);
                    exclusions.check(test.tc_id, test.result, &[], accepted);
                }
            }
            exclusions.finish();
        }
    )*};
}

signatures! {
    rsa_signature_2048_sha256: rsa_pkcs1_verify::Rsa2048Sha256, "RS256";
    rsa_signature_3072_sha256: rsa_pkcs1_verify::Rsa3072Sha256, "RS256";
    rsa_signature_4096_sha256: rsa_pkcs1_verify::Rsa4096Sha256, "RS256";
    rsa_pss_2048_sha256_mgf1_32: rsa_pss_verify::RsaPss2048Sha256Mgf1SaltLen32, "PS256";
    rsa_pss_3072_sha256_mgf1_32: rsa_pss_verify::RsaPss3072Sha256Mgf1SaltLen32, "PS256";
    rsa_pss_4096_sha256_mgf1_32: rsa_pss_verify::RsaPss4096Sha256Mgf1SaltLen32, "PS256";
    ecdsa_secp256r1_sha256_p1363: ecdsa::EcdsaSecp256r1Sha256P1363, "ES256";
    ed25519: eddsa::Ed25519, "EdDSA";
}
