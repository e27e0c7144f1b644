//! Messages with whatever header is asked for, made by josekit as it is published: not by what is tested.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use josekit::jwe::{ECDH_ES_A256KW, JweContentEncryption, JweEncrypter, JweHeader, RSA_OAEP_256};
use josekit::jws::{JwsSigner, RS256};
use palisade_keystore::{KeyAlgorithm, KeyEntry};

pub(crate) fn b64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

pub(crate) fn unb64(text: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text).unwrap()
}

/// A JWS under any header, rightly signed.
pub(crate) fn jws_by(signer: &dyn JwsSigner, header: impl AsRef<[u8]>, payload: &[u8]) -> String {
    let input = format!("{}.{}", b64(header), b64(payload));
    let signature = signer.sign(input.as_bytes()).unwrap();
    format!("{input}.{}", b64(signature))
}

/// A JWS under any header, rightly signed with RS256.
pub(crate) fn jws(entry: &KeyEntry, header: impl AsRef<[u8]>, payload: &[u8]) -> String {
    let signer = RS256.signer_from_der(entry.key().expose_pkcs8()).unwrap();
    jws_by(&signer, header, payload)
}

/// A JWE under any header, rightly encrypted. `EPK` in the header stands for the ephemeral key.
pub(crate) fn jwe(
    entry: &KeyEntry,
    cipher: &dyn JweContentEncryption,
    header: &str,
    payload: &[u8],
) -> String {
    let content_key: Vec<u8> = (0..32).collect();
    jwe_with(entry, cipher, header, &content_key, payload)
}

/// The same with a given content encryption key, of any length that the cipher takes.
pub(crate) fn jwe_with(
    entry: &KeyEntry,
    cipher: &dyn JweContentEncryption,
    header: &str,
    content_key: &[u8],
    payload: &[u8],
) -> String {
    let der = entry.public_key().spki_der();
    let encrypter: Box<dyn JweEncrypter> = match entry.key().algorithm() {
        KeyAlgorithm::Rsa(_) => Box::new(RSA_OAEP_256.encrypter_from_der(der).unwrap()),
        _ => Box::new(ECDH_ES_A256KW.encrypter_from_der(der).unwrap()),
    };
    let mut parameters = JweHeader::new();
    // The names of the parties take part in the agreement.
    let given: serde_json::Value = serde_json::from_str(&header.replace("EPK", "null")).unwrap_or_default();
    for name in ["apu", "apv"] {
        if given[name].is_string() {
            parameters.set_claim(name, Some(given[name].clone())).unwrap();
        }
    }
    let encrypted_key = encrypter
        .encrypt(content_key, &JweHeader::new(), &mut parameters)
        .unwrap()
        .unwrap();
    let epk = parameters
        .claim("epk")
        .map(ToString::to_string)
        .unwrap_or_default();
    let protected = b64(header.replace("EPK", &epk));
    let iv: Vec<u8> = (100..100 + u8::try_from(cipher.iv_len()).unwrap()).collect();
    let (ciphertext, tag) = cipher
        .encrypt(content_key, Some(&iv), payload, protected.as_bytes())
        .unwrap();
    [
        protected,
        b64(encrypted_key),
        b64(iv),
        b64(ciphertext),
        b64(tag.unwrap()),
    ]
    .join(".")
}

/// A message with one segment replaced.
pub(crate) fn replace(compact: &str, segment: usize, with: &str) -> String {
    let mut segments: Vec<&str> = compact.split('.').collect();
    segments[segment] = with;
    segments.join(".")
}

/// A segment, decoded.
pub(crate) fn segment(compact: &str, segment: usize) -> Vec<u8> {
    unb64(compact.split('.').nth(segment).unwrap())
}
