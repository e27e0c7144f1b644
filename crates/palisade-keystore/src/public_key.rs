//! Public keys, wherever they come from: certificates, private keys, PEM, JWK.
//!
//! 1. A key is checked when it is read: a point off its curve, an RSA key below 2048 bits, or one of ROCA, is refused.
//! 2. Its thumbprint is that of RFC 7638, whatever the key came in.
//! 3. Its `kid` is the one its JWK names, else the thumbprint in base64url.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::digest;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P384_SHA384_ASN1, ECDSA_P521_SHA512_ASN1, ED25519, ParsedPublicKey,
    RSA_PKCS1_2048_8192_SHA256, VerificationAlgorithm,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use x509_parser::prelude::FromDer as _;
use x509_parser::public_key::PublicKey as Parsed;
use x509_parser::x509::SubjectPublicKeyInfo;

use crate::der::{self, SEQUENCE};
use crate::entry::Certificate;
use crate::facts::{KeyAlgorithm, algorithm_of};
use crate::jwk::Usage;
use crate::weak;

/// rsaEncryption with its NULL (RFC 8017 appendix A.1).
const RSA: [u8; 15] = [0x30, 13, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1, 5, 0];
/// id-ecPublicKey with secp256r1, secp384r1 and secp521r1 (RFC 5480 section 2.1.1).
const P256: [u8; 21] = [
    0x30, 19, 6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7,
];
const P384: [u8; 18] = [
    0x30, 16, 6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1, 6, 5, 0x2b, 0x81, 4, 0, 34,
];
const P521: [u8; 18] = [
    0x30, 16, 6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1, 6, 5, 0x2b, 0x81, 4, 0, 35,
];
/// id-Ed25519 (RFC 8410 section 3).
pub(crate) const ED: [u8; 7] = [0x30, 5, 6, 3, 0x2b, 0x65, 0x70];

/// The fewest bits of an RSA key, which TLS, JOSE and every reader here agree on.
pub(crate) const SHORTEST_RSA: usize = 2048;

/// A public key that is damaged, weak, or of a kind that is not supported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[error(
    "the public key is damaged, can be factored (CVE-2017-15361) or is of an unsupported kind (supported: RSA from 2048 to 8192 bits, EC P-256, P-384, P-521, Ed25519)"
)]
pub struct BadPublicKey;

/// A public key, checked, with the names it is known by. Clones share it.
#[derive(Clone)]
pub struct PublicKey(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    alias: String,
    spki: Vec<u8>,
    algorithm: KeyAlgorithm,
    numbers: Numbers,
    thumbprint: [u8; 32],
    kid: String,
    usage: Usage,
    jose_algorithm: Option<String>,
    certificate: Option<Certificate>,
}

/// What is known of a key besides the key itself.
#[derive(Debug, Default)]
pub(crate) struct Labels {
    pub(crate) kid: Option<String>,
    pub(crate) usage: Usage,
    pub(crate) jose_algorithm: Option<String>,
    pub(crate) certificate: Option<Certificate>,
}

/// The public numbers, as a JWK has them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Numbers {
    Rsa { n: Vec<u8>, e: Vec<u8> },
    Ec { x: Vec<u8>, y: Vec<u8> },
    Okp { x: Vec<u8> },
}

impl PublicKey {
    /// The key of a certificate, known as `alias`.
    pub fn from_certificate(
        alias: impl Into<String>,
        certificate: Certificate,
    ) -> Result<Self, BadPublicKey> {
        let spki = certificate.spki().map_err(|_| BadPublicKey)?;
        let mut inner = Inner::from_spki(alias.into(), &spki)?;
        inner.certificate = Some(certificate);
        Ok(Self(Arc::new(inner)))
    }

    /// The key of a `SubjectPublicKeyInfo` (RFC 5280 section 4.1), known as `alias`.
    pub fn from_spki(alias: impl Into<String>, der: &[u8]) -> Result<Self, BadPublicKey> {
        Ok(Self(Arc::new(Inner::from_spki(alias.into(), der)?)))
    }

    /// The key of an `RSAPublicKey` (RFC 8017 appendix A.1.1), known as `alias`.
    pub(crate) fn from_pkcs1(alias: &str, der: &[u8]) -> Result<Self, BadPublicKey> {
        Self::from_spki(alias, &spki(&RSA, der))
    }

    /// The public half of a private key.
    pub(crate) fn from_bits(
        alias: &str,
        algorithm: &KeyAlgorithm,
        bits: &[u8],
    ) -> Result<Self, BadPublicKey> {
        let identifier: &[u8] = match algorithm {
            KeyAlgorithm::Rsa(_) => &RSA,
            KeyAlgorithm::EcP256 => &P256,
            KeyAlgorithm::EcP384 => &P384,
            KeyAlgorithm::EcP521 => &P521,
            KeyAlgorithm::Ed25519 => &ED,
            KeyAlgorithm::Other(_) => return Err(BadPublicKey),
        };
        Self::from_spki(alias, &spki(identifier, bits))
    }

    /// Adds what is known besides the key itself.
    pub(crate) fn labelled(self, labels: Labels) -> Self {
        let mut inner = Arc::unwrap_or_clone(self.0);
        if let Some(kid) = labels.kid {
            inner.kid = kid;
        }
        inner.usage = labels.usage;
        inner.jose_algorithm = labels.jose_algorithm;
        inner.certificate = labels.certificate;
        Self(Arc::new(inner))
    }

    /// The same key under another alias.
    pub(crate) fn known_as(&self, alias: &str) -> Self {
        let mut inner = Inner::clone(&self.0);
        alias.clone_into(&mut inner.alias);
        Self(Arc::new(inner))
    }

    /// The alias within its keystore.
    pub fn alias(&self) -> &str {
        &self.0.alias
    }

    /// The key as DER `SubjectPublicKeyInfo`.
    pub fn spki_der(&self) -> &[u8] {
        &self.0.spki
    }

    /// The algorithm and size.
    pub fn algorithm(&self) -> &KeyAlgorithm {
        &self.0.algorithm
    }

    /// The key identifier: the JWK's own, else the thumbprint in base64url.
    pub fn kid(&self) -> &str {
        &self.0.kid
    }

    /// The SHA-256 thumbprint of RFC 7638.
    pub fn thumbprint(&self) -> &[u8; 32] {
        &self.0.thumbprint
    }

    /// The thumbprint in base64url, as a `kid` has it.
    pub fn thumbprint_base64url(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0.thumbprint)
    }

    /// What the key may be used for, as its JWK says (RFC 7517 sections 4.2 and 4.3).
    pub fn usage(&self) -> Usage {
        self.0.usage
    }

    /// The algorithm its JWK binds the key to, where it does (RFC 7517 section 4.4).
    pub fn jose_algorithm(&self) -> Option<&str> {
        self.0.jose_algorithm.as_deref()
    }

    /// The certificate that the key came in, or that stands beside it.
    pub fn certificate(&self) -> Option<&Certificate> {
        self.0.certificate.as_ref()
    }

    pub(crate) fn numbers(&self) -> &Numbers {
        &self.0.numbers
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PublicKey")
            .field("alias", &self.0.alias)
            .field("algorithm", &self.0.algorithm)
            .field("kid", &self.0.kid)
            .finish_non_exhaustive()
    }
}

impl Inner {
    fn from_spki(alias: String, der: &[u8]) -> Result<Self, BadPublicKey> {
        let (rest, spki) = SubjectPublicKeyInfo::from_der(der).map_err(|_| BadPublicKey)?;
        if !rest.is_empty() {
            return Err(BadPublicKey);
        }
        let algorithm = algorithm_of(&spki);
        let verifier = verifier(&algorithm)?;
        ParsedPublicKey::new(verifier, der).map_err(|_| BadPublicKey)?;
        let numbers = numbers(&spki)?;
        if matches!(&numbers, Numbers::Rsa { n, .. } if weak::is_roca(n)) {
            return Err(BadPublicKey);
        }
        let thumbprint = thumbprint(&algorithm, &numbers)?;
        Ok(Self {
            alias,
            spki: der.to_vec(),
            algorithm,
            numbers,
            thumbprint,
            kid: URL_SAFE_NO_PAD.encode(thumbprint),
            usage: Usage::Any,
            jose_algorithm: None,
            certificate: None,
        })
    }
}

fn spki(algorithm: &[u8], bits: &[u8]) -> Vec<u8> {
    der::element(SEQUENCE, &[algorithm, &der::bit_string(bits)]).to_vec()
}

fn verifier(algorithm: &KeyAlgorithm) -> Result<&'static dyn VerificationAlgorithm, BadPublicKey> {
    Ok(match algorithm {
        KeyAlgorithm::Rsa(2048..=8192) => &RSA_PKCS1_2048_8192_SHA256,
        KeyAlgorithm::EcP256 => &ECDSA_P256_SHA256_ASN1,
        KeyAlgorithm::EcP384 => &ECDSA_P384_SHA384_ASN1,
        KeyAlgorithm::EcP521 => &ECDSA_P521_SHA512_ASN1,
        KeyAlgorithm::Ed25519 => &ED25519,
        KeyAlgorithm::Rsa(_) | KeyAlgorithm::Other(_) => return Err(BadPublicKey),
    })
}

fn numbers(spki: &SubjectPublicKeyInfo<'_>) -> Result<Numbers, BadPublicKey> {
    let bits: &[u8] = &spki.subject_public_key.data;
    match spki.parsed() {
        Ok(Parsed::RSA(key)) => Ok(Numbers::Rsa {
            n: der::without_leading_zeros(key.modulus).to_vec(),
            e: der::without_leading_zeros(key.exponent).to_vec(),
        }),
        Ok(Parsed::EC(_)) => {
            // Uncompressed only (RFC 5480 section 2.2): one key has one encoding here.
            let Some((4, point)) = bits.split_first() else {
                return Err(BadPublicKey);
            };
            let (x, y) = point.split_at_checked(point.len() / 2).ok_or(BadPublicKey)?;
            Ok(Numbers::Ec {
                x: x.to_vec(),
                y: y.to_vec(),
            })
        }
        _ => Ok(Numbers::Okp { x: bits.to_vec() }),
    }
}

/// RFC 7638 section 3.2, with RFC 8037 section 2 for Ed25519: the required members, in the order of their names.
fn thumbprint(algorithm: &KeyAlgorithm, numbers: &Numbers) -> Result<[u8; 32], BadPublicKey> {
    let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let json = match numbers {
        Numbers::Rsa { n, e } => format!(r#"{{"e":"{}","kty":"RSA","n":"{}"}}"#, text(e), text(n)),
        Numbers::Ec { x, y } => format!(
            r#"{{"crv":"{}","kty":"EC","x":"{}","y":"{}"}}"#,
            curve(algorithm).ok_or(BadPublicKey)?,
            text(x),
            text(y)
        ),
        Numbers::Okp { x } => format!(
            r#"{{"crv":"{}","kty":"OKP","x":"{}"}}"#,
            curve(algorithm).ok_or(BadPublicKey)?,
            text(x)
        ),
    };
    let mut thumbprint = [0; 32];
    thumbprint.copy_from_slice(digest::digest(&digest::SHA256, json.as_bytes()).as_ref());
    Ok(thumbprint)
}

/// The name of the curve in a JWK.
pub(crate) fn curve(algorithm: &KeyAlgorithm) -> Option<&'static str> {
    match algorithm {
        KeyAlgorithm::EcP256 => Some("P-256"),
        KeyAlgorithm::EcP384 => Some("P-384"),
        KeyAlgorithm::EcP521 => Some("P-521"),
        KeyAlgorithm::Ed25519 => Some("Ed25519"),
        KeyAlgorithm::Rsa(_) | KeyAlgorithm::Other(_) => None,
    }
}
