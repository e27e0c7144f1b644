//! Writing PEM (RFC 7468).

use std::fmt;

use aws_lc_rs::rand;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use palisade_core::Secret;
use pkcs8::PrivateKeyInfoRef;
use pkcs8::pkcs5::pbes2::Parameters;
use zeroize::Zeroizing;

use super::{WriteError, strong};
use crate::private_key::PrivateKey;

/// What guessing the password of an encrypted key costs: rounds of PBKDF2-HMAC-SHA256.
const ITERATIONS: u32 = 600_000;

/// A key as an encrypted PKCS#8 file has it (RFC 5958 section 3): AES-256-CBC under PBKDF2-HMAC-SHA256 (PBES2, RFC 8018).
pub(crate) fn encrypted(key: &PrivateKey, password: &Secret) -> Result<Vec<u8>, WriteError> {
    let password = strong(password)?;
    let failed = |reason: String| WriteError::Failed {
        format: "encrypted PKCS#8",
        reason,
    };
    let (mut salt, mut iv) = ([0; 16], [0; 16]);
    rand::fill(&mut salt)
        .and_then(|()| rand::fill(&mut iv))
        .map_err(|_| failed("there are no random bytes".to_owned()))?;
    let parameters = Parameters::generate_pbkdf2_sha256_aes256cbc(ITERATIONS, &salt, iv)
        .map_err(|error| failed(error.to_string()))?;
    PrivateKeyInfoRef::try_from(key.expose_pkcs8())
        .and_then(|info| info.encrypt_with_params(parameters, password))
        .map(|document| document.as_bytes().to_vec())
        .map_err(|error| failed(error.to_string()))
}

/// Sections of a label and its octets each, as one text.
pub(crate) fn text(sections: &[(&str, &[u8])]) -> Zeroizing<String> {
    const LINE: usize = 64;
    let size = |(label, der): &(&str, &[u8])| 2 * (label.len() + 20) + der.len() * 3 / 2 + 8;
    // Reserved whole: a text that moves as it grows leaves copies of a key behind.
    let mut text = Zeroizing::new(String::with_capacity(sections.iter().map(size).sum()));
    for (label, der) in sections {
        put(&mut text, format_args!("-----BEGIN {label}-----\n"));
        let encoded = Zeroizing::new(STANDARD.encode(der));
        let mut rest = encoded.as_str();
        while !rest.is_empty() {
            let (line, behind) = rest.split_at_checked(LINE).unwrap_or((rest, ""));
            put(&mut text, format_args!("{line}\n"));
            rest = behind;
        }
        put(&mut text, format_args!("-----END {label}-----\n"));
    }
    text
}

fn put(text: &mut String, what: fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    let _ = fmt::Write::write_fmt(text, what);
}
