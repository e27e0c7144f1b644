//! Making a JWE.

use aws_lc_rs::rand;
use josekit::jwe::JweHeader;
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::assemble;
use super::base64url::{encode, encode_in_place, encoded_len};
use super::content::{ContentCipher, KEY, LONGEST_IV, TAG};
use super::failure::{FailedStep, Failure, Reason};
use crate::keys::EncryptionKey;

/// Encrypts `payload` to `key`, in compact form.
///
/// The header has `alg`, `enc`, `kid`, where keys are agreed `epk`, and then `extra` in its order.
pub fn encrypt(key: &EncryptionKey, extra: &Map<String, Value>, payload: &[u8]) -> Result<Vec<u8>, Failure> {
    let fail = |reason: Reason| Failure::new(FailedStep::Encrypt, reason).alias(Some(key.alias()));
    let unable = |what| fail(Reason::Key(what));
    let cipher = ContentCipher(key.content());
    let mut secrets = Zeroizing::new([0; KEY + LONGEST_IV]);
    rand::fill(secrets.as_mut()).map_err(|_| unable("no randomness"))?;
    let (content_key, iv) = secrets.split_at(KEY);
    let iv = iv.get(..cipher.iv_len()).unwrap_or_default();
    let mut parameters = JweHeader::new();
    let encrypted_key = key
        .encrypter()
        .encrypt(content_key, &JweHeader::new(), &mut parameters)
        .ok()
        .flatten()
        .ok_or_else(|| unable("it does not wrap"))?;
    let own = parameters.claim("epk").map(|epk| ("epk", epk));
    let header = assemble::header(key.head(), own, extra).map_err(|bad| fail(bad.into()))?;
    // One buffer: the payload is encrypted where its encoding will end, and then encoded from there to its place.
    let ciphertext_len = cipher.ciphertext_len(payload.len());
    let lengths = [header.len(), encrypted_key.len(), iv.len(), ciphertext_len, TAG];
    let mut compact = Vec::with_capacity(4 + lengths.into_iter().map(encoded_len).sum::<usize>());
    encode(&header, &mut compact);
    let protected_len = compact.len();
    for segment in [&encrypted_key, iv] {
        compact.push(b'.');
        encode(segment, &mut compact);
    }
    compact.push(b'.');
    let start = compact.len();
    let gap = encoded_len(ciphertext_len) - ciphertext_len;
    compact.resize(start + gap, 0);
    cipher.fill(payload, &mut compact);
    let (head, encoded) = compact.split_at_mut(start);
    let protected = head.get(..protected_len).unwrap_or_default();
    let content = encoded.get_mut(gap..).unwrap_or_default();
    let tag = cipher
        .seal(content_key, iv, protected, content)
        .map_err(|_| unable("it does not encrypt"))?;
    encode_in_place(encoded, gap).ok_or_else(|| unable("it does not encrypt"))?;
    compact.push(b'.');
    encode(&tag, &mut compact);
    Ok(compact)
}
