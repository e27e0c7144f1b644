//! One JWK (RFC 7517 section 4), of the kinds of RFC 7518 section 6 and RFC 8037.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

use super::Usage;
use super::json::{Json, Members};
use crate::der::{self, OCTET_STRING, SEQUENCE};
use crate::entry::{Certificate, Entry, KeyEntry, UnusableKey};
use crate::facts::KeyAlgorithm;
use crate::private_key::PrivateKey;
use crate::public_key::{ED, Labels, PublicKey};

/// The members of a private RSA key beside `d` (RFC 7518 section 6.3.2).
const RSA_FACTORS: [&str; 5] = ["p", "q", "dp", "dq", "qi"];

/// Why a key is not read: it cannot be used here, or it is wrong.
enum Fault {
    Unusable(UnusableKey),
    Wrong(String),
}

impl From<String> for Fault {
    fn from(reason: String) -> Self {
        Self::Wrong(reason)
    }
}

impl From<&str> for Fault {
    fn from(reason: &str) -> Self {
        Self::Wrong(reason.to_owned())
    }
}

/// A key as its members say it.
enum Key {
    Public(PublicKey),
    Private(PrivateKey),
}

/// Whether the key holds something that nobody else may see.
pub(super) fn is_secret(members: &Members) -> bool {
    members.contains_key("d") || members.contains_key("k")
}

/// Reads a key; one without `kid` and thumbprint is known as `fallback`.
pub(super) fn entry(fallback: &str, members: &Members) -> Result<Entry, String> {
    let kid = match members.get("kid") {
        None => None,
        // It is printed, as the alias that it becomes.
        Some(Json::Text(kid)) if kid.chars().any(char::is_control) => {
            return Err("`kid` has control characters".to_owned());
        }
        Some(Json::Text(kid)) if !kid.is_empty() => Some(kid.to_string()),
        Some(_) => return Err("`kid` is no text, or empty".to_owned()),
    };
    match read(kid.as_deref(), members) {
        Ok(entry) => Ok(entry),
        Err(Fault::Wrong(reason)) => Err(reason),
        Err(Fault::Unusable(reason)) => Ok(Entry::Unusable {
            alias: kid.unwrap_or_else(|| fallback.to_owned()),
            reason,
        }),
    }
}

fn read(kid: Option<&str>, members: &Members) -> Result<Entry, Fault> {
    let key = match text(members, "kty")? {
        "RSA" => rsa(members)?,
        "EC" => ec(members)?,
        "OKP" => okp(members)?,
        "oct" => return unusable("it is symmetric (`oct`), and no party's own"),
        other => return unusable(format!("its kind {other:?} is not supported")),
    };
    let certificates = certificates(members)?;
    let mut labels = Labels {
        kid: kid.map(str::to_owned),
        usage: usage(members)?,
        jose_algorithm: optional_text(members, "alg")?.map(str::to_owned),
        certificate: certificates.first().cloned(),
    };
    let public = match &key {
        Key::Public(key) => key.clone(),
        Key::Private(key) => key
            .public_key("")
            .map_err(|reason| Fault::Unusable(reason.into()))?,
    };
    if let Some(own) = certificates.first()
        && own.spki().ok().as_deref() != Some(public.spki_der())
    {
        return Err("the first certificate of `x5c` carries another key".into());
    }
    let alias = kid.unwrap_or(public.kid()).to_owned();
    match key {
        Key::Public(key) => Ok(Entry::PublicKey(key.known_as(&alias).labelled(labels))),
        Key::Private(key) => {
            let (entry, outside) =
                KeyEntry::assemble(&alias, key, certificates).map_err(|error| error.to_string())?;
            if !outside.is_empty() {
                return Err("`x5c` is not one chain".into());
            }
            labels.certificate = entry.certificate().cloned();
            Ok(Entry::Key(entry.labelled(labels).into()))
        }
    }
}

fn unusable<T>(reason: impl Into<String>) -> Result<T, Fault> {
    Err(Fault::Unusable(UnusableKey::Jwk(reason.into())))
}

fn rsa(members: &Members) -> Result<Key, Fault> {
    let (n, e) = (
        der::unsigned(&number(members, "n")?),
        der::unsigned(&number(members, "e")?),
    );
    let public = PublicKey::from_pkcs1("", &der::element(SEQUENCE, &[&n, &e]))
        .map_err(|reason| Fault::Unusable(reason.into()))?;
    if !members.contains_key("d") {
        return Ok(Key::Public(public));
    }
    if members.contains_key("oth") {
        return unusable("it is an RSA key of more than two primes");
    }
    if !RSA_FACTORS.iter().all(|name| members.contains_key(*name)) {
        return unusable("it is a private RSA key without `p`, `q`, `dp`, `dq` and `qi`");
    }
    // RSAPrivateKey (RFC 8017 appendix A.1.2).
    let mut parts = vec![der::unsigned(&[]), n, e, der::unsigned(&number(members, "d")?)];
    for name in RSA_FACTORS {
        parts.push(der::unsigned(&number(members, name)?));
    }
    let parts: Vec<&[u8]> = parts.iter().map(|part| part.as_slice()).collect();
    private(&der::element(SEQUENCE, &parts), &public)
}

fn ec(members: &Members) -> Result<Key, Fault> {
    let (algorithm, size, curve): (_, usize, &[u8]) = match text(members, "crv")? {
        "P-256" => (
            KeyAlgorithm::EcP256,
            32,
            &[6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7],
        ),
        "P-384" => (KeyAlgorithm::EcP384, 48, &[6, 5, 0x2b, 0x81, 4, 0, 34]),
        "P-521" => (KeyAlgorithm::EcP521, 66, &[6, 5, 0x2b, 0x81, 4, 0, 35]),
        other => return unusable(format!("its curve {other:?} is not supported")),
    };
    let (x, y) = (sized(members, "x", size)?, sized(members, "y", size)?);
    let point = [&[4], x.as_slice(), y.as_slice()].concat();
    let public = PublicKey::from_bits("", &algorithm, &point).map_err(|_| "its point is not on its curve")?;
    if !members.contains_key("d") {
        return Ok(Key::Public(public));
    }
    // ECPrivateKey (RFC 5915 section 3).
    let d = sized(members, "d", size)?;
    let sec1 = der::element(
        SEQUENCE,
        &[
            &der::unsigned(&[1]),
            &der::element(OCTET_STRING, &[&d]),
            &der::element(0xa0, &[curve]),
            &der::element(0xa1, &[&der::bit_string(&point)]),
        ],
    );
    private(&sec1, &public)
}

fn okp(members: &Members) -> Result<Key, Fault> {
    match text(members, "crv")? {
        "Ed25519" => {}
        other => return unusable(format!("its curve {other:?} is not supported")),
    }
    let x = sized(members, "x", 32)?;
    let public =
        PublicKey::from_bits("", &KeyAlgorithm::Ed25519, &x).map_err(|_| "its `x` is no Ed25519 key")?;
    if !members.contains_key("d") {
        return Ok(Key::Public(public));
    }
    // PKCS#8 with a CurvePrivateKey (RFC 8410 section 7).
    let seed = der::element(OCTET_STRING, &[&sized(members, "d", 32)?]);
    let pkcs8 = der::element(
        SEQUENCE,
        &[&der::unsigned(&[]), &ED, &der::element(OCTET_STRING, &[&seed])],
    );
    private(&pkcs8, &public)
}

/// The private key, which must be the other half of the public one.
fn private(der: &[u8], public: &PublicKey) -> Result<Key, Fault> {
    let key = PrivateKey::from_der(der).map_err(|_| "its private and public halves do not make one key")?;
    let own = key
        .public_key("")
        .map_err(|_| "its public half is of no supported kind")?;
    if own.spki_der() == public.spki_der() {
        Ok(Key::Private(key))
    } else {
        Err("its private half belongs to another key".into())
    }
}

/// `x5c`: certificates in base64, not base64url (RFC 7517 section 4.7).
fn certificates(members: &Members) -> Result<Vec<Certificate>, Fault> {
    let Some(chain) = members.get("x5c") else {
        return Ok(Vec::new());
    };
    let Json::Array(chain) = chain else {
        return Err("`x5c` is no array".into());
    };
    if chain.is_empty() {
        return Err("`x5c` is empty".into());
    }
    chain
        .iter()
        .map(|item| {
            let text = item.text().ok_or("`x5c` holds something that is no text")?;
            let der = STANDARD.decode(text).map_err(|_| "`x5c` is no base64")?;
            Certificate::from_der(der).map_err(|error| Fault::Wrong(format!("`x5c`: {error}")))
        })
        .collect()
}

/// What `use`, `key_ops` and `alg` leave (RFC 7517 sections 4.2 to 4.4). They must not contradict one another.
fn usage(members: &Members) -> Result<Usage, Fault> {
    let said = [
        used_as(members)?,
        operations(members)?,
        optional_text(members, "alg")?.map_or(Usage::Any, of_algorithm),
    ];
    let mut usage = Usage::Any;
    for said in said {
        usage = match (usage, said) {
            (Usage::Any, other) | (other, Usage::Any) => other,
            (one, other) if one == other => one,
            _ => return Err("`use`, `key_ops` and `alg` contradict one another".into()),
        };
    }
    Ok(usage)
}

fn used_as(members: &Members) -> Result<Usage, Fault> {
    match optional_text(members, "use")? {
        None => Ok(Usage::Any),
        Some("sig") => Ok(Usage::Signature),
        Some("enc") => Ok(Usage::Encryption),
        Some(other) => unusable(format!("its `use` {other:?} is neither `sig` nor `enc`")),
    }
}

fn operations(members: &Members) -> Result<Usage, Fault> {
    let Some(operations) = members.get("key_ops") else {
        return Ok(Usage::Any);
    };
    let Json::Array(operations) = operations else {
        return Err("`key_ops` is no array".into());
    };
    let (mut signs, mut encrypts) = (false, false);
    for operation in operations {
        match operation.text() {
            Some("sign" | "verify") => signs = true,
            Some("encrypt" | "decrypt" | "wrapKey" | "unwrapKey" | "deriveKey" | "deriveBits") => {
                encrypts = true;
            }
            Some(_) => {}
            None => return Err("`key_ops` holds something that is no text".into()),
        }
    }
    match (signs, encrypts) {
        (true, true) => Ok(Usage::Any),
        (true, false) => Ok(Usage::Signature),
        (false, true) => Ok(Usage::Encryption),
        (false, false) => unusable("its `key_ops` allow nothing that is known"),
    }
}

fn of_algorithm(name: &str) -> Usage {
    match name {
        "RS256" | "RS384" | "RS512" | "PS256" | "PS384" | "PS512" | "ES256" | "ES384" | "ES512" | "EdDSA"
        | "Ed25519" => Usage::Signature,
        _ if name.starts_with("RSA") || name.starts_with("ECDH-ES") => Usage::Encryption,
        _ => Usage::Any,
    }
}

fn text<'a>(members: &'a Members, name: &str) -> Result<&'a str, Fault> {
    optional_text(members, name)?.ok_or_else(|| Fault::Wrong(format!("`{name}` is missing")))
}

fn optional_text<'a>(members: &'a Members, name: &str) -> Result<Option<&'a str>, Fault> {
    members
        .get(name)
        .map(|value| {
            value
                .text()
                .ok_or_else(|| Fault::Wrong(format!("`{name}` is no text")))
        })
        .transpose()
}

/// Base64url without padding (RFC 7518 section 2).
fn number(members: &Members, name: &str) -> Result<Zeroizing<Vec<u8>>, Fault> {
    URL_SAFE_NO_PAD
        .decode(text(members, name)?)
        .map(Zeroizing::new)
        .map_err(|_| Fault::Wrong(format!("`{name}` is no base64url without padding")))
}

/// A number of the full length of its field (RFC 7518 section 6.2.1.2).
fn sized(members: &Members, name: &str, size: usize) -> Result<Zeroizing<Vec<u8>>, Fault> {
    let bytes = number(members, name)?;
    if bytes.len() == size {
        Ok(bytes)
    } else {
        Err(Fault::Wrong(format!(
            "`{name}` has {} bytes where its curve wants {size}",
            bytes.len()
        )))
    }
}
