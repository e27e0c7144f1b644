//! Cipher suites by their IANA names, and everything else that a handshake may choose from.

use std::sync::Arc;

use palisade_core::{BuildError, Finding, TlsVersion};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::{CipherSuite, SupportedCipherSuite, SupportedProtocolVersion};

use crate::algorithms::Disabled;
use crate::{TlsSettings, protocol};

/// What a handshake may choose from.
#[derive(Debug)]
pub(crate) struct Offer {
    pub(crate) provider: Arc<CryptoProvider>,
    pub(crate) versions: Vec<&'static SupportedProtocolVersion>,
    pub(crate) disabled: Arc<Disabled>,
    /// Whether the operator put the suites in order.
    pub(crate) own_order: bool,
}

/// Settles versions, cipher suites and groups; what is wrong, or that nothing is left, becomes a fault.
pub(crate) fn offer(
    tls: &TlsSettings,
    faults: &mut BuildError,
    findings: &mut Vec<Finding>,
) -> Option<Offer> {
    let before = faults.faults.len();
    let disabled = Disabled::parse(&tls.disabled_algorithms, faults);
    let mut versions = protocol::versions(tls, faults, findings);
    versions.retain(|version| !disabled.has_version(*version));
    let mut suites = included(tls, faults);
    let excluded = excluded(tls, faults);
    suites.retain(|suite| {
        let name = iana_name(suite.suite());
        !disabled.has_suite(&name)
            && !excluded.iter().any(|pattern| matches(pattern, &name))
            && version_of(*suite).is_some_and(|version| versions.contains(&version))
    });
    versions.retain(|version| suites.iter().any(|suite| version_of(*suite) == Some(*version)));
    let mut groups = aws_lc_rs::DEFAULT_KX_GROUPS.to_vec();
    groups.retain(|group| !disabled.has_group(group.name()));
    if faults.faults.len() > before {
        return None;
    }
    if suites.is_empty() || groups.is_empty() {
        faults.push(
            "tls",
            "at least one cipher suite and one group to remain of tls.minimum-version, tls.include-protocols, \
             tls.exclude-protocols, tls.cipher-suites, tls.exclude-cipher-suites and tls.disabled-algorithms",
        );
        return None;
    }
    let provider = CryptoProvider {
        cipher_suites: suites,
        kx_groups: groups,
        ..aws_lc_rs::default_provider()
    };
    Some(Offer {
        provider: Arc::new(provider),
        versions: versions.into_iter().filter_map(protocol::supported).collect(),
        disabled: Arc::new(disabled),
        own_order: !tls.cipher_suites.is_empty(),
    })
}

fn included(tls: &TlsSettings, faults: &mut BuildError) -> Vec<SupportedCipherSuite> {
    if tls.cipher_suites.is_empty() {
        return aws_lc_rs::DEFAULT_CIPHER_SUITES.to_vec();
    }
    let mut suites = Vec::with_capacity(tls.cipher_suites.len());
    for (index, name) in tls.cipher_suites.iter().enumerate() {
        let name = name.trim();
        let found = aws_lc_rs::ALL_CIPHER_SUITES
            .iter()
            .find(|suite| iana_name(suite.suite()) == name);
        match found {
            Some(suite) => suites.push(*suite),
            None => faults.push(format!("tls.cipher-suites[{index}]"), expectation(name)),
        }
    }
    suites
}

fn expectation(name: &str) -> String {
    if is_iana_name(name) {
        return format!(
            "a cipher suite that this build has, one of {}",
            all().collect::<Vec<_>>().join(", ")
        );
    }
    let known: Vec<_> = all().collect();
    match nearest(name, known.iter().map(String::as_str)) {
        Some(near) => format!("the IANA name of a cipher suite; did you mean `{near}`?"),
        None => format!("the IANA name of a cipher suite, one of {}", known.join(", ")),
    }
}

fn excluded(tls: &TlsSettings, faults: &mut BuildError) -> Vec<String> {
    let mut patterns = Vec::with_capacity(tls.exclude_cipher_suites.len());
    for (index, name) in tls.exclude_cipher_suites.iter().enumerate() {
        let name = name.trim();
        if name.contains('*') || is_iana_name(name) {
            patterns.push(name.to_owned());
        } else {
            faults.push(format!("tls.exclude-cipher-suites[{index}]"), expectation(name));
        }
    }
    patterns
}

/// The IANA name of a suite of the library, which writes `TLS13_` where the registry has `TLS_`.
pub(crate) fn iana_name(suite: CipherSuite) -> String {
    let name = suite.as_str().unwrap_or_default();
    match name.strip_prefix("TLS13_") {
        Some(rest) => format!("TLS_{rest}"),
        None => name.to_owned(),
    }
}

/// The names of all suites of this build.
pub(crate) fn all() -> impl Iterator<Item = String> {
    aws_lc_rs::ALL_CIPHER_SUITES
        .iter()
        .map(|suite| iana_name(suite.suite()))
}

/// The IANA name for the name that OpenSSL, and proxies built on it, use. Names that are the same in both pass as they are.
pub(crate) fn iana_of_openssl(name: &str) -> Option<String> {
    let is_plain = (1..=64).contains(&name.len())
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
    if !is_plain {
        return None;
    }
    let spelled = name
        .replace('-', "_")
        .replace("AES128", "AES_128")
        .replace("AES256", "AES_256")
        .replace("ECDHE_ECDSA_", "TLS_ECDHE_ECDSA_WITH_")
        .replace("ECDHE_RSA_", "TLS_ECDHE_RSA_WITH_");
    let found = all().find(|iana| iana == name || *iana == spelled || *iana == format!("{spelled}_SHA256"));
    Some(found.unwrap_or_else(|| name.to_owned()))
}

fn version_of(suite: SupportedCipherSuite) -> Option<TlsVersion> {
    protocol::version(suite.version().version)
}

/// Whether a name has the form of the registry's: `TLS_<exchange>_WITH_<cipher>_<hash>`, or a suite of TLS 1.3. `SSL_`, as Java
/// spells the oldest ones, counts as well.
pub(crate) fn is_iana_name(name: &str) -> bool {
    const EXCHANGES: &str = "NULL RSA RSA_EXPORT RSA_EXPORT1024 RSA_PSK DH_DSS DH_DSS_EXPORT DH_RSA DH_RSA_EXPORT DHE_DSS DHE_DSS_EXPORT \
        DHE_DSS_EXPORT1024 DHE_RSA DHE_RSA_EXPORT DHE_PSK DH_anon DH_anon_EXPORT PSK PSK_DHE KRB5 KRB5_EXPORT ECDH_ECDSA ECDH_RSA ECDH_anon \
        ECDHE_ECDSA ECDHE_RSA ECDHE_PSK SRP_SHA SRP_SHA_RSA SRP_SHA_DSS ECCPWD GOSTR341112_256";
    const CIPHERS: &str = "NULL RC4_40 RC4_56 RC4_128 RC2_CBC_40 RC2_CBC_56 IDEA_CBC DES40_CBC DES_CBC DES_CBC_40 3DES_EDE_CBC AES_128_CBC \
        AES_256_CBC AES_128_GCM AES_256_GCM AES_128_CCM AES_256_CCM AES_128_CCM_8 AES_256_CCM_8 CAMELLIA_128_CBC CAMELLIA_256_CBC \
        CAMELLIA_128_GCM CAMELLIA_256_GCM ARIA_128_CBC ARIA_256_CBC ARIA_128_GCM ARIA_256_GCM SEED_CBC CHACHA20_POLY1305 KUZNYECHIK_CTR MAGMA_CTR";
    const HASHES: &str = "MD5 SHA SHA256 SHA384 OMAC";
    const OTHERS: &str = "TLS_AES_128_GCM_SHA256 TLS_AES_256_GCM_SHA384 TLS_CHACHA20_POLY1305_SHA256 TLS_AES_128_CCM_SHA256 \
        TLS_AES_128_CCM_8_SHA256 TLS_SM4_GCM_SM3 TLS_SM4_CCM_SM3 TLS_EMPTY_RENEGOTIATION_INFO_SCSV TLS_FALLBACK_SCSV";
    let is_in = |list: &str, word: &str| list.split_ascii_whitespace().any(|known| known == word);
    if is_in(OTHERS, name) {
        return true;
    }
    let body = name.strip_prefix("TLS_").or_else(|| name.strip_prefix("SSL_"));
    let Some((exchange, rest)) = body.and_then(|body| body.split_once("_WITH_")) else {
        return false;
    };
    // The suites with CCM end in the cipher.
    let cipher_fits = rest
        .rsplit_once('_')
        .is_some_and(|(cipher, hash)| is_in(CIPHERS, cipher) && is_in(HASHES, hash));
    is_in(EXCHANGES, exchange) && (cipher_fits || (rest.contains("_CCM") && is_in(CIPHERS, rest)))
}

/// The known name nearest to a mistyped one, if any is near.
pub(crate) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let name = name.to_ascii_uppercase();
    known
        .map(|known| {
            (
                strsim::damerau_levenshtein(&name, &known.to_ascii_uppercase()),
                known,
            )
        })
        .filter(|(distance, known)| *distance <= 3.min(known.len() / 2))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, known)| known)
}

/// Whether a name fits a pattern in which `*` stands for any characters.
fn matches(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| name.strip_prefix(first)) else {
        return false;
    };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        let Some((_, behind)) = rest.split_once(part) else {
            return false;
        };
        rest = behind;
    }
    true
}

#[cfg(test)]
mod tests {
    use palisade_core::BuildError;
    use rstest::rstest;

    use super::{all, iana_name, iana_of_openssl, is_iana_name, matches, offer};
    use crate::TlsSettings;

    fn list(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn names(tls: &TlsSettings) -> Result<Vec<String>, BuildError> {
        let (mut faults, mut findings) = (BuildError::default(), Vec::new());
        match offer(tls, &mut faults, &mut findings) {
            Some(offer) => Ok(offer
                .provider
                .cipher_suites
                .iter()
                .map(|suite| iana_name(suite.suite()))
                .collect()),
            None => Err(faults),
        }
    }

    #[test]
    fn names_are_those_of_the_registry() {
        assert_eq!(all().count(), 9);
        for name in all() {
            assert!(is_iana_name(&name), "{name}");
        }
        for name in [
            "TLS13_AES_128_GCM_SHA256",
            "ECDHE-RSA-AES128-GCM-SHA256",
            "TLS_RSA_WITH_NONSENSE",
            "TLS_",
            "",
        ] {
            assert!(!is_iana_name(name), "{name}");
        }
        for name in [
            "TLS_RSA_WITH_AES_128_CBC_SHA",
            "SSL_RSA_WITH_RC4_128_MD5",
            "TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8",
        ] {
            assert!(is_iana_name(name), "{name}");
        }
    }

    #[test]
    fn the_order_of_the_operator_is_kept() {
        let chosen = [
            "TLS_CHACHA20_POLY1305_SHA256",
            "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
            "TLS_AES_128_GCM_SHA256",
        ];
        let tls = TlsSettings {
            cipher_suites: list(&chosen),
            ..TlsSettings::default()
        };
        assert_eq!(names(&tls).unwrap(), chosen);
    }

    #[test]
    fn exclusion_wins_over_inclusion_and_takes_patterns() {
        let tls = TlsSettings {
            exclude_cipher_suites: list(&[
                "TLS_ECDHE_*",
                "TLS_AES_128_GCM_SHA256",
                "TLS_RSA_WITH_AES_128_CBC_SHA",
            ]),
            ..TlsSettings::default()
        };
        assert_eq!(
            names(&tls).unwrap(),
            ["TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"]
        );
    }

    #[test]
    fn a_version_without_suites_is_not_served() {
        let tls = TlsSettings {
            exclude_cipher_suites: list(&["TLS_ECDHE_*"]),
            ..TlsSettings::default()
        };
        let offer = offer(&tls, &mut BuildError::default(), &mut Vec::new()).unwrap();
        assert_eq!(offer.versions, [&rustls::version::TLS13]);
    }

    #[rstest]
    #[case(&["TLS13_AES_128_GCM_SHA256"], &[], &[], "tls.cipher-suites[0]", "did you mean `TLS_AES_128_GCM_SHA256`?")]
    #[case(&["TLS_RSA_WITH_AES_128_CBC_SHA"], &[], &[], "tls.cipher-suites[0]", "this build has")]
    #[case(&[], &["TLS_AES_128_GCM_SHA265"], &[], "tls.exclude-cipher-suites[0]", "did you mean")]
    #[case(&[], &["TLS_*"], &[], "tls", "to remain")]
    #[case(&[], &[], &["TLSv1.2", "TLSv1.3"], "tls", "to remain")]
    #[case(&["TLS_AES_128_GCM_SHA256"], &[], &["AES_128"], "tls", "to remain")]
    #[case(&[], &[], &["x25519", "secp256r1", "secp384r1", "X25519MLKEM768"], "tls", "to remain")]
    fn what_cannot_be_done_is_a_fault(
        #[case] include: &[&str],
        #[case] exclude: &[&str],
        #[case] disabled: &[&str],
        #[case] key: &str,
        #[case] says: &str,
    ) {
        let tls = TlsSettings {
            cipher_suites: list(include),
            exclude_cipher_suites: list(exclude),
            disabled_algorithms: list(disabled),
            ..TlsSettings::default()
        };
        let faults = names(&tls).unwrap_err().faults;
        assert_eq!((faults.len(), faults[0].key.as_str()), (1, key));
        assert!(faults[0].expected.contains(says), "{}", faults[0].expected);
    }

    #[rstest]
    #[case("ECDHE-RSA-AES128-GCM-SHA256", Some("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"))]
    #[case(
        "ECDHE-ECDSA-CHACHA20-POLY1305",
        Some("TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256")
    )]
    #[case("TLS_AES_128_GCM_SHA256", Some("TLS_AES_128_GCM_SHA256"))]
    #[case("AES128-SHA", Some("AES128-SHA"))]
    #[case("a b", None)]
    #[case("", None)]
    fn names_of_openssl_are_translated(#[case] name: &str, #[case] iana: Option<&str>) {
        assert_eq!(iana_of_openssl(name).as_deref(), iana);
    }

    #[rstest]
    #[case("a*", "abc", true)]
    #[case("*c", "abc", true)]
    #[case("a*c", "abc", true)]
    #[case("a*b*c", "abc", true)]
    #[case("a*d*c", "abc", false)]
    #[case("abc", "abcd", false)]
    #[case("*", "", true)]
    fn a_star_stands_for_any_characters(#[case] pattern: &str, #[case] name: &str, #[case] fits: bool) {
        assert_eq!(matches(pattern, name), fits);
    }
}
