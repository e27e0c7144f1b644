//! Canonical paths: the one spelling that every matcher behind us reads in the same way.
//!
//! 1. A path starts with `/` and has no empty segment but the last.
//! 2. No segment is `.` or `..`, also not before a `;`.
//! 3. No slash, backslash, dot or NUL is percent-encoded, and no unreserved character (RFC 3986 section 2.3); what is not ASCII
//!    is percent-encoded, and controls are not there at all.
//! 4. Percent signs introduce two hexadecimal digits, and what they encode is UTF-8.
//!
//! What this does not protect against: an upstream that decodes twice, or that gives `+` a meaning of its own.

use std::borrow::Cow;

/// A path has more than one reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the path is not in its canonical form")]
pub struct NotCanonical;

/// Checks the rules of this module on a path as it came over the wire.
pub fn check(path: &str) -> Result<(), NotCanonical> {
    let bytes = path.as_bytes();
    if bytes.first() != Some(&b'/') {
        return Err(NotCanonical);
    }
    let mut rest = bytes;
    let mut encoded = false;
    let mut segment = 0_usize;
    let mut dots = 0_usize;
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        if byte.is_ascii_alphanumeric() {
            // Most are, and mean nothing here.
            segment += 1;
            continue;
        }
        match byte {
            b'/' => {
                // `segment` is the length of the one that ends here; the first slash ends nothing.
                if tail.len() + 1 != bytes.len() && (segment == 0 || is_dots(segment, dots)) {
                    return Err(NotCanonical);
                }
                (segment, dots) = (0, 0);
                continue;
            }
            b'\\' | 0..=b' ' | 0x7F.. => return Err(NotCanonical),
            b'%' => {
                let [high, low, tail @ ..] = tail else {
                    return Err(NotCanonical);
                };
                let byte = hex(*high)
                    .zip(hex(*low))
                    .map(|(high, low)| high << 4 | low)
                    .ok_or(NotCanonical)?;
                if is_unreserved(byte) || matches!(byte, b'/' | b'\\' | 0) {
                    return Err(NotCanonical);
                }
                encoded |= byte >= 0x80;
                rest = tail;
            }
            b'.' => dots += 1,
            // Some servers take what follows for parameters of the segment before it.
            b';' if is_dots(segment, dots) => return Err(NotCanonical),
            _ => {}
        }
        segment += 1;
    }
    if is_dots(segment, dots) || (encoded && matches!(decode(path), Cow::Borrowed(_))) {
        return Err(NotCanonical);
    }
    Ok(())
}

fn is_dots(segment: usize, dots: usize) -> bool {
    segment == dots && (dots == 1 || dots == 2)
}

fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit)
        .to_digit(16)
        .and_then(|value| u8::try_from(value).ok())
}

/// The text with its percent-encoding undone; as it stands where there is none, or where it would not be UTF-8.
pub fn decode(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        match (byte, tail) {
            (b'%', [high, low, tail @ ..]) if hex(*high).is_some() && hex(*low).is_some() => {
                let value = hex(*high).zip(hex(*low)).map_or(0, |(high, low)| high << 4 | low);
                decoded.push(value);
                rest = tail;
            }
            _ => {
                decoded.push(byte);
                rest = tail;
            }
        }
    }
    String::from_utf8(decoded).map_or(Cow::Borrowed(text), Cow::Owned)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::{NotCanonical, check, decode};

    #[rstest]
    #[case("/")]
    #[case("/a")]
    #[case("/a/")]
    #[case("/server/rest/MyRestService/MyOperation/42")]
    #[case("/a.b/..c/d..")]
    #[case("/...")]
    #[case("/~user/-._~!$&'()*+,;=:@")]
    #[case("/%C3%9Cber")]
    #[case("/%c3%9cber")]
    #[case("/a%20b")]
    #[case("/50%25")]
    #[case("/a%3Bb")]
    fn one_reading(#[case] path: &str) {
        assert_eq!(check(path), Ok(()));
    }

    #[rstest]
    #[case("", "no path")]
    #[case("*", "asterisk form")]
    #[case("a/b", "no leading slash")]
    #[case("//", "empty segment")]
    #[case("//a", "empty segment")]
    #[case("/a//b", "empty segment")]
    #[case("/a//", "empty segment")]
    #[case("/.", "dot segment at the end")]
    #[case("/./a", "dot segment")]
    #[case("/..", "double dot at the end")]
    #[case("/a/../b", "double dot")]
    #[case("/a/./b", "dot")]
    #[case("/a/..", "double dot at the end")]
    #[case("/a/..;/b", "double dot with parameters")]
    #[case("/a/.;x=1/b", "dot with parameters")]
    #[case("/a%2Fb", "encoded slash")]
    #[case("/a%2fb", "encoded slash")]
    #[case("/a%5Cb", "encoded backslash")]
    #[case("/a\\b", "backslash")]
    #[case("/a/%2E%2E/b", "encoded dots")]
    #[case("/ü", "not ASCII")]
    #[case("/a b", "a space")]
    #[case("/a%00", "encoded NUL")]
    #[case("/%61", "encoded letter")]
    #[case("/%7Euser", "encoded tilde")]
    #[case("/a%2", "half an escape")]
    #[case("/a%", "half an escape")]
    #[case("/a%zz", "no hexadecimal digits")]
    #[case("/a%C0%AF", "overlong slash")]
    #[case("/a%FF", "not UTF-8")]
    fn more_than_one_reading(#[case] path: &str, #[case] why: &str) {
        assert_eq!(check(path), Err(NotCanonical), "{why}");
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic_and_what_passes_has_no_dot_segments(path in "[/a.%0-9A-F\\\\é]{0,24}") {
            if check(&path).is_ok() {
                prop_assert!(path.starts_with('/'));
                prop_assert!(!path.contains("//") && !path.contains('\\'));
                let decoded = decode(&path);
                prop_assert!(decoded.split('/').all(|segment| segment != "." && segment != ".."));
                prop_assert_eq!(decoded.matches('/').count(), path.matches('/').count());
            }
        }
    }
}
