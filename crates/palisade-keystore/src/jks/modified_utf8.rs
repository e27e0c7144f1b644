//! Java's modified UTF-8 (`java.io.DataInput`): NUL in two bytes, characters outside the basic plane as two surrogates.

/// Reads a text; `None` where it is malformed.
pub(super) fn decode(bytes: &[u8]) -> Option<String> {
    let mut units = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    loop {
        let (unit, behind) = match rest {
            [] => return String::from_utf16(&units).ok(),
            [one @ 0x01..=0x7f, behind @ ..] => (u16::from(*one), behind),
            [one @ 0xc0..=0xdf, two @ 0x80..=0xbf, behind @ ..] => {
                (u16::from(one & 0x1f) << 6 | u16::from(two & 0x3f), behind)
            }
            [
                one @ 0xe0..=0xef,
                two @ 0x80..=0xbf,
                three @ 0x80..=0xbf,
                behind @ ..,
            ] => (
                u16::from(one & 0x0f) << 12 | u16::from(two & 0x3f) << 6 | u16::from(three & 0x3f),
                behind,
            ),
            _ => return None,
        };
        units.push(unit);
        rest = behind;
    }
}

/// Writes a text.
#[expect(
    clippy::cast_possible_truncation,
    reason = "each part is masked or shifted to a byte"
)]
pub(super) fn encode(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    for unit in text.encode_utf16() {
        match unit {
            0x01..=0x7f => bytes.push(unit as u8),
            0 | 0x80..=0x7ff => bytes.extend([0xc0 | (unit >> 6) as u8, 0x80 | (unit & 0x3f) as u8]),
            _ => bytes.extend([
                0xe0 | (unit >> 12) as u8,
                0x80 | (unit >> 6 & 0x3f) as u8,
                0x80 | (unit & 0x3f) as u8,
            ]),
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{decode, encode};

    #[test]
    fn it_is_written_as_java_writes_it() {
        assert_eq!(
            encode("a\0é€😀"),
            b"a\xc0\x80\xc3\xa9\xe2\x82\xac\xed\xa0\xbd\xed\xb8\x80"
        );
        assert_eq!(decode(b"\0"), None, "a NUL has two bytes");
        assert_eq!(decode(b"\xf0\x9f\x98\x80"), None, "four bytes are none of it");
        assert_eq!(decode(b"\xed\xa0\xbd"), None, "half a pair");
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(text: String) {
            prop_assert_eq!(decode(&encode(&text)), Some(text));
        }

        #[test]
        fn no_input_panics(bytes: Vec<u8>) {
            let _ = decode(&bytes);
        }
    }
}
