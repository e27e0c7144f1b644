//! base64url without padding (RFC 7515 section 2), strict in both directions.

use base64_simd::URL_SAFE_NO_PAD;

/// The length of `bytes` bytes when encoded.
pub(super) const fn encoded_len(bytes: usize) -> usize {
    bytes / 3 * 4 + (bytes % 3 * 4).div_ceil(3)
}

/// Whether all are characters of the alphabet. Says nothing of length or trailing bits.
pub(super) fn is_alphabet(text: &[u8]) -> bool {
    let (blocks, rest) = text.split_at(text.len() & !3);
    // Whole blocks of four have no trailing bits: what is checked here is the alphabet alone.
    URL_SAFE_NO_PAD.check(blocks).is_ok()
        && rest
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

/// Decodes; `None` for anything but the one canonical encoding.
pub(super) fn decode(text: &[u8]) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode_to_vec(text).ok()
}

/// Appends the encoding.
pub(super) fn encode(bytes: &[u8], to: &mut Vec<u8>) {
    URL_SAFE_NO_PAD.encode_append(bytes, to);
}
