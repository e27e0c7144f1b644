//! Disabled algorithms: what a word such as `RC4` or `RSA keySize < 3072` switches off.
//!
//! The words are those of Java's `jdk.tls.disabledAlgorithms`. One that names what this build has has its effect on cipher
//! suites, groups, signatures, versions and the certificates of clients; one that names what this build never had is
//! accepted; any other is an error, because a typing mistake must not leave an algorithm on.

use palisade_core::{BuildError, TlsVersion};
use palisade_keystore::KeyAlgorithm;
use rustls::{NamedGroup, SignatureScheme};

/// Words for what this build does not have: matched whole, without regard to case.
const ABSENT: &[&str] = &[
    "NULL",
    "anon",
    "EXPORT",
    "RC2",
    "RC4",
    "RC4_40",
    "RC4_128",
    "DES",
    "DES_CBC",
    "DES40_CBC",
    "DESede",
    "3DES",
    "3DES_EDE_CBC",
    "TripleDES",
    "IDEA",
    "SEED",
    "CAMELLIA",
    "ARIA",
    "CBC",
    "CCM",
    "CCM_8",
    "MD2",
    "MD4",
    "MD5",
    "SHA",
    "SHA1",
    "SHA-1",
    "SHA224",
    "MD2withRSA",
    "MD4withRSA",
    "MD5withRSA",
    "SHA1withRSA",
    "SHA1withDSA",
    "SHA1withECDSA",
    "SHA224withRSA",
    "SHA224withDSA",
    "SHA224withECDSA",
    "SHA256withDSA",
    "DSA",
    "DSS",
    "DH",
    "DHE",
    "DH_anon",
    "DH_RSA",
    "DH_DSS",
    "DHE_RSA",
    "DHE_DSS",
    "ECDH",
    "ECDH_anon",
    "ECDH_RSA",
    "ECDH_ECDSA",
    "PSK",
    "SRP",
    "KRB5",
    "GOST",
    "Ed448",
    "x448",
    "SSL",
    "SSLv2",
    "SSLv2Hello",
];

/// Beginnings of the names of groups that this build does not have.
const ABSENT_GROUPS: &[&str] = &[
    "sect",
    "secp1",
    "secp224",
    "secp256k1",
    "secp521r1",
    "brainpool",
    "ffdhe",
    "c2pnb",
    "c2tnb",
    "X9.62",
];

/// The hash of a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hash {
    Sha256,
    Sha384,
    Sha512,
}

/// A family of keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyFamily {
    Rsa,
    Ec,
    Ed25519,
}

/// What is known of a signature algorithm; what is not known is matched by every rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Signature {
    pub(crate) family: KeyFamily,
    pub(crate) hash: Option<Hash>,
    pub(crate) pss: bool,
}

/// What one word switches off.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Rule {
    /// Cipher suites with these parts in their IANA names.
    Suites(String),
    Version(TlsVersion),
    Group(NamedGroup),
    Signatures {
        family: Option<KeyFamily>,
        hash: Option<Hash>,
        pss: Option<bool>,
    },
    Keys(KeyFamily),
    KeySize {
        family: KeyFamily,
        comparison: Comparison,
        bits: usize,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Less,
    LessOrEqual,
    Equal,
    NotEqual,
    GreaterOrEqual,
    Greater,
}

/// All that the setting `tls.disabled-algorithms` switches off.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Disabled(Vec<Rule>);

impl Disabled {
    pub(crate) fn parse(words: &[String], faults: &mut BuildError) -> Self {
        let mut rules = Vec::new();
        for (index, word) in words.iter().enumerate() {
            match parse(word.trim()) {
                Some(found) => rules.extend(found),
                None => faults.push(format!("tls.disabled-algorithms[{index}]"), expectation(word)),
            }
        }
        Self(rules)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn has_suite(&self, iana: &str) -> bool {
        let name = format!("_{iana}_");
        self.0
            .iter()
            .any(|rule| matches!(rule, Rule::Suites(parts) if name.contains(&format!("_{parts}_"))))
    }

    pub(crate) fn has_version(&self, version: TlsVersion) -> bool {
        self.0.contains(&Rule::Version(version))
    }

    pub(crate) fn has_group(&self, group: NamedGroup) -> bool {
        self.0.contains(&Rule::Group(group))
    }

    pub(crate) fn has_scheme(&self, scheme: SignatureScheme) -> bool {
        signature_of(scheme).is_some_and(|signature| self.has_signature(signature))
    }

    pub(crate) fn has_signature(&self, signature: Signature) -> bool {
        self.0.iter().any(|rule| match rule {
            Rule::Signatures { family, hash, pss } => {
                family.is_none_or(|family| family == signature.family)
                    && hash.is_none_or(|hash| signature.hash.is_none_or(|own| own == hash))
                    && pss.is_none_or(|pss| pss == signature.pss)
            }
            Rule::Keys(family) => *family == signature.family,
            _ => false,
        })
    }

    pub(crate) fn has_key(&self, key: &KeyAlgorithm) -> bool {
        let Some((own, size)) = family_and_size(key) else {
            return !self.is_empty();
        };
        self.0.iter().any(|rule| match rule {
            Rule::Keys(family) => *family == own,
            Rule::KeySize {
                family,
                comparison,
                bits,
            } => *family == own && comparison.holds(size, *bits),
            _ => false,
        })
    }
}

impl Comparison {
    fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "<" => Self::Less,
            "<=" => Self::LessOrEqual,
            "==" => Self::Equal,
            "!=" => Self::NotEqual,
            ">=" => Self::GreaterOrEqual,
            ">" => Self::Greater,
            _ => return None,
        })
    }

    fn holds(self, left: usize, right: usize) -> bool {
        match self {
            Self::Less => left < right,
            Self::LessOrEqual => left <= right,
            Self::Equal => left == right,
            Self::NotEqual => left != right,
            Self::GreaterOrEqual => left >= right,
            Self::Greater => left > right,
        }
    }
}

/// The rules of one word; none for what is absent anyway.
fn parse(word: &str) -> Option<Vec<Rule>> {
    let mut parts = word.split_whitespace();
    let name = parts.next()?;
    let constraint: Vec<_> = parts.collect();
    if ABSENT.iter().any(|absent| absent.eq_ignore_ascii_case(name)) || starts_with_any(name, ABSENT_GROUPS) {
        return Some(Vec::new());
    }
    if !constraint.is_empty() {
        return key_size(name, &constraint).map(|rule| vec![rule]);
    }
    if let Ok(version) = name.parse() {
        return Some(vec![Rule::Version(version)]);
    }
    if let Some(group) = group(name) {
        return Some(vec![Rule::Group(group)]);
    }
    if crate::suites::is_iana_name(name) {
        return Some(vec![Rule::Suites(name.to_owned())]);
    }
    family(name)
}

fn key_size(name: &str, constraint: &[&str]) -> Option<Rule> {
    let family = match name.to_ascii_uppercase().as_str() {
        "RSA" => KeyFamily::Rsa,
        "EC" | "ECDSA" => KeyFamily::Ec,
        _ => return None,
    };
    match constraint {
        [word, comparison, bits] if word.eq_ignore_ascii_case("keySize") => Some(Rule::KeySize {
            family,
            comparison: Comparison::parse(comparison)?,
            bits: bits.parse().ok()?,
        }),
        _ => None,
    }
}

fn group(name: &str) -> Option<NamedGroup> {
    Some(match name.to_ascii_lowercase().as_str() {
        "x25519" => NamedGroup::X25519,
        "secp256r1" | "prime256v1" | "p-256" => NamedGroup::secp256r1,
        "secp384r1" | "p-384" => NamedGroup::secp384r1,
        "x25519mlkem768" => NamedGroup::X25519MLKEM768,
        "secp256r1mlkem768" => NamedGroup::secp256r1MLKEM768,
        "mlkem768" => NamedGroup::MLKEM768,
        "mlkem1024" => NamedGroup::MLKEM1024,
        _ => return None,
    })
}

/// Families that have several effects, or one on suites or signatures.
fn family(name: &str) -> Option<Vec<Rule>> {
    let suites = |parts: &str| Rule::Suites(parts.to_owned());
    let signatures = |family, hash, pss| Rule::Signatures { family, hash, pss };
    let word = name.to_ascii_uppercase().replace('-', "_");
    Some(match word.as_str() {
        "AES" | "GCM" | "ECDHE" | "CHACHA20" | "ECDHE_RSA" | "ECDHE_ECDSA" | "AES_128" | "AES_256"
        | "AES_128_GCM" | "AES_256_GCM" | "CHACHA20_POLY1305" => vec![suites(&word)],
        "AES128" => vec![suites("AES_128")],
        "AES256" => vec![suites("AES_256")],
        "RSA" => vec![suites("RSA"), Rule::Keys(KeyFamily::Rsa)],
        "ECDSA" | "EC" => vec![suites("ECDSA"), Rule::Keys(KeyFamily::Ec)],
        "ED25519" | "EDDSA" => vec![Rule::Keys(KeyFamily::Ed25519)],
        "RSASSA_PSS" => vec![signatures(Some(KeyFamily::Rsa), None, Some(true))],
        "SHA256" | "SHA384" | "SHA512" => vec![suites(&word), signatures(None, hash(&word), None)],
        _ => {
            let (hash_name, key) = word.split_once("WITH")?;
            let hash = Some(hash(hash_name)?);
            match key {
                "RSA" => vec![signatures(Some(KeyFamily::Rsa), hash, Some(false))],
                "RSAANDMGF1" => vec![signatures(Some(KeyFamily::Rsa), hash, Some(true))],
                "ECDSA" => vec![signatures(Some(KeyFamily::Ec), hash, None)],
                _ => return None,
            }
        }
    })
}

fn hash(name: &str) -> Option<Hash> {
    Some(match name {
        "SHA256" => Hash::Sha256,
        "SHA384" => Hash::Sha384,
        "SHA512" => Hash::Sha512,
        _ => return None,
    })
}

fn starts_with_any(name: &str, beginnings: &[&str]) -> bool {
    beginnings.iter().any(|beginning| {
        name.get(..beginning.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(beginning))
    })
}

fn family_and_size(key: &KeyAlgorithm) -> Option<(KeyFamily, usize)> {
    Some(match key {
        KeyAlgorithm::Rsa(bits) => (KeyFamily::Rsa, *bits),
        KeyAlgorithm::EcP256 => (KeyFamily::Ec, 256),
        KeyAlgorithm::EcP384 => (KeyFamily::Ec, 384),
        KeyAlgorithm::EcP521 => (KeyFamily::Ec, 521),
        KeyAlgorithm::Ed25519 => (KeyFamily::Ed25519, 256),
        _ => return None,
    })
}

fn signature_of(scheme: SignatureScheme) -> Option<Signature> {
    use SignatureScheme as S;
    let (family, hash, pss) = match scheme {
        S::RSA_PKCS1_SHA256 => (KeyFamily::Rsa, Some(Hash::Sha256), false),
        S::RSA_PKCS1_SHA384 => (KeyFamily::Rsa, Some(Hash::Sha384), false),
        S::RSA_PKCS1_SHA512 => (KeyFamily::Rsa, Some(Hash::Sha512), false),
        S::RSA_PSS_SHA256 => (KeyFamily::Rsa, Some(Hash::Sha256), true),
        S::RSA_PSS_SHA384 => (KeyFamily::Rsa, Some(Hash::Sha384), true),
        S::RSA_PSS_SHA512 => (KeyFamily::Rsa, Some(Hash::Sha512), true),
        S::ECDSA_NISTP256_SHA256 => (KeyFamily::Ec, Some(Hash::Sha256), false),
        S::ECDSA_NISTP384_SHA384 => (KeyFamily::Ec, Some(Hash::Sha384), false),
        S::ECDSA_NISTP521_SHA512 => (KeyFamily::Ec, Some(Hash::Sha512), false),
        S::ED25519 => (KeyFamily::Ed25519, Some(Hash::Sha512), false),
        _ => return None,
    };
    Some(Signature { family, hash, pss })
}

/// The signature algorithm of a certificate, by object identifier; `None` for one that no rule knows.
pub(crate) fn signature_of_certificate(oid: &str) -> Option<Signature> {
    let (family, hash, pss) = match oid {
        "1.2.840.113549.1.1.11" => (KeyFamily::Rsa, Some(Hash::Sha256), false),
        "1.2.840.113549.1.1.12" => (KeyFamily::Rsa, Some(Hash::Sha384), false),
        "1.2.840.113549.1.1.13" => (KeyFamily::Rsa, Some(Hash::Sha512), false),
        // The hash of RSASSA-PSS stands in its parameters; every rule about a hash applies.
        "1.2.840.113549.1.1.10" => (KeyFamily::Rsa, None, true),
        "1.2.840.10045.4.3.2" => (KeyFamily::Ec, Some(Hash::Sha256), false),
        "1.2.840.10045.4.3.3" => (KeyFamily::Ec, Some(Hash::Sha384), false),
        "1.2.840.10045.4.3.4" => (KeyFamily::Ec, Some(Hash::Sha512), false),
        "1.3.101.112" => (KeyFamily::Ed25519, Some(Hash::Sha512), false),
        _ => return None,
    };
    Some(Signature { family, hash, pss })
}

fn expectation(word: &str) -> String {
    const PRESENT: [&str; 16] = [
        "AES",
        "AES_128",
        "AES_256",
        "CHACHA20",
        "GCM",
        "ECDHE",
        "RSA",
        "ECDSA",
        "SHA256",
        "SHA256withRSA",
        "SHA256withECDSA",
        "RSASSA-PSS",
        "Ed25519",
        "secp256r1",
        "secp384r1",
        "x25519",
    ];
    let known = ABSENT.iter().chain(&PRESENT).copied();
    match crate::suites::nearest(word, known) {
        Some(near) => format!("a family of algorithms; did you mean `{near}`?"),
        None => "a family such as RC4, CBC, SHA1, MD5withRSA, secp256r1, TLSv1.2 or `RSA keySize < 3072`"
            .to_owned(),
    }
}

#[cfg(test)]
mod tests;
