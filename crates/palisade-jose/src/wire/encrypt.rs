//! Making a JWE.

use aws_lc_rs::rand;
use josekit::jwe::JweHeader;
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::assemble;
use super::base64url::{encode, encoded_len};
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
    let mut content = Vec::with_capacity(cipher.ciphertext_len(payload.len()));
    content.extend_from_slice(payload);

    let lengths = [
        header.len(),
        encrypted_key.len(),
        iv.len(),
        content.capacity(),
        TAG,
    ];
    let mut compact = Vec::with_capacity(4 + lengths.into_iter().map(encoded_len).sum::<usize>());
    encode(&header, &mut compact);
    let tag = cipher
        .seal(content_key, iv, &compact, &mut content)
        .map_err(|_| unable("it does not encrypt"))?;
    for segment in [&encrypted_key, iv, &content, &tag] {
        compact.push(b'.');
        encode(segment, &mut compact);
    }
    Ok(compact)
}
