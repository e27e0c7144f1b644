use palisade_core::{BuildError, TlsVersion};
use palisade_keystore::KeyAlgorithm;
use rstest::rstest;
use rustls::{NamedGroup, SignatureScheme};

use super::Disabled;

fn disabled(word: &str) -> Disabled {
    let mut faults = BuildError::default();
    let disabled = Disabled::parse(&[word.to_owned()], &mut faults);
    assert!(faults.faults.is_empty(), "{faults}");
    disabled
}

#[rstest]
#[case("RC4")]
#[case("DES")]
#[case("MD5withRSA")]
#[case("3DES_EDE_CBC")]
#[case("sha1")]
#[case("DH keySize < 1024")]
#[case("SHA1 jdkCA & usage TLSServer")]
#[case("secp224r1")]
#[case("anon")]
#[case("CBC")]
#[case("TLS_RSA_WITH_RC4_128_MD5")]
fn what_was_never_there_is_accepted_and_changes_nothing(#[case] word: &str) {
    let disabled = disabled(word);
    for suite in crate::suites::all() {
        assert!(!disabled.has_suite(&suite), "{suite}");
    }
    assert!(!disabled.has_key(&KeyAlgorithm::Rsa(2048)));
}

#[rstest]
#[case("AES_128", 3)]
#[case("AES128", 3)]
#[case("CHACHA20", 3)]
#[case("ECDHE", 6)]
#[case("ECDHE_RSA", 3)]
#[case("ECDSA", 3)]
#[case("GCM", 6)]
#[case("AES", 6)]
#[case("TLS_AES_128_GCM_SHA256", 1)]
fn a_family_takes_its_cipher_suites(#[case] word: &str, #[case] taken: usize) {
    let disabled = disabled(word);
    assert_eq!(
        crate::suites::all()
            .filter(|suite| disabled.has_suite(suite))
            .count(),
        taken
    );
}

#[rstest]
#[case("RSA keySize < 2048", 2047, true)]
#[case("RSA keySize < 2048", 2048, false)]
#[case("rsa KEYSIZE <= 2048", 2048, true)]
#[case("RSA keySize == 3072", 3072, true)]
#[case("RSA keySize > 4096", 8192, true)]
#[case("EC keySize < 384", 2048, false)]
#[case("RSA", 4096, true)]
fn a_size_takes_the_keys_it_compares_with(#[case] word: &str, #[case] bits: usize, #[case] taken: bool) {
    assert_eq!(disabled(word).has_key(&KeyAlgorithm::Rsa(bits)), taken);
}

#[test]
fn versions_groups_and_signatures_are_taken() {
    assert!(disabled("TLSv1.2").has_version(TlsVersion::Tls12));
    assert!(disabled("SECP256R1").has_group(NamedGroup::secp256r1));
    assert!(disabled("SHA256withRSA").has_scheme(SignatureScheme::RSA_PKCS1_SHA256));
    assert!(!disabled("SHA256withRSA").has_scheme(SignatureScheme::RSA_PSS_SHA256));
    assert!(disabled("RSASSA-PSS").has_scheme(SignatureScheme::RSA_PSS_SHA384));
    assert!(disabled("ECDSA").has_scheme(SignatureScheme::ECDSA_NISTP384_SHA384));
    assert!(disabled("EC keySize < 384").has_key(&KeyAlgorithm::EcP256));
}

#[rstest]
#[case("RC44", "did you mean `RC4`?")]
#[case("everything", "a family such as")]
#[case("RSA keySize 2048", "a family")]
#[case("", "a family")]
#[case("SHA265withRSA", "did you mean")]
fn an_unknown_word_is_a_fault(#[case] word: &str, #[case] says: &str) {
    let mut faults = BuildError::default();
    Disabled::parse(&["RC4".to_owned(), word.to_owned()], &mut faults);
    assert_eq!(faults.faults.len(), 1);
    assert_eq!(faults.faults[0].key, "tls.disabled-algorithms[1]");
    assert!(faults.faults[0].expected.contains(says), "{faults}");
}
