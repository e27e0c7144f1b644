//! base64url without padding (RFC 7515 section 2), strict in both directions.

use base64_simd::{AsOut as _, URL_SAFE_NO_PAD};

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

/// Encodes what stands behind the first `gap` bytes of `buffer`, so that it fills the whole.
///
/// `None` unless the buffer has the length of the encoding.
pub(super) fn encode_in_place(buffer: &mut [u8], gap: usize) -> Option<()> {
    const CHUNK: usize = 3 * 1024;
    let bytes = buffer.len().checked_sub(gap)?;
    if encoded_len(bytes) != buffer.len() {
        return None;
    }
    let mut chunk = [0; CHUNK];
    let (mut read, mut written) = (gap, 0);
    while read < buffer.len() {
        let len = CHUNK.min(buffer.len() - read);
        // What is read is one third longer when written: the writer reaches the reader with the last byte.
        let from = chunk.get_mut(..len)?;
        from.copy_from_slice(buffer.get(read..read + len)?);
        let to = buffer.get_mut(written..written + encoded_len(len))?;
        written += URL_SAFE_NO_PAD.encode(from, to.as_out()).len();
        read += len;
    }
    Some(())
}
