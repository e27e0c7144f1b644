//! The compact form, cut into segments without copying.

use memchr::{memchr, memchr_iter};

use super::base64url::is_alphabet;

/// Whether `body` looks like a compact form: not empty, exactly `dots` dots, base64url characters between them.
///
/// Segments may be empty. It says nothing of what the segments hold.
///
/// ```
/// use palisade_jose::is_compact;
///
/// assert!(is_compact(b"e30.e30.c2ln", 2));
/// assert!(is_compact(b"e30..AAAA.AAAA.AAAA", 4));
/// assert!(!is_compact(b"{\"a\": 1}", 2));
/// assert!(!is_compact(b"e30.e30.c2ln\n", 2));
/// ```
pub fn is_compact(body: &[u8], dots: usize) -> bool {
    !body.is_empty()
        && memchr_iter(b'.', body).take(dots + 1).count() == dots
        && body.split(|byte| *byte == b'.').all(is_alphabet)
}

/// Cuts a compact form into exactly `N` segments.
pub(super) fn segments<const N: usize>(compact: &[u8]) -> Option<[&[u8]; N]> {
    let mut segments = [compact; N];
    let mut rest = Some(compact);
    for segment in &mut segments {
        let text = rest?;
        if let Some(dot) = memchr(b'.', text) {
            let (head, tail) = text.split_at_checked(dot)?;
            *segment = head;
            rest = tail.get(1..);
        } else {
            *segment = text;
            rest = None;
        }
    }
    rest.is_none().then_some(segments)
}
