//! SHA-256 digests as operators write them.

/// A text that is no SHA-256.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected `sha256:` and 64 hexadecimal digits")]
pub struct BadFingerprint;

const PREFIX: &str = "sha256:";

/// Reads `sha256:<64 hexadecimal digits>`, in either case.
pub fn parse_fingerprint(text: &str) -> Result<[u8; 32], BadFingerprint> {
    parse_digits(text.strip_prefix(PREFIX).ok_or(BadFingerprint)?)
}

/// Reads the 64 hexadecimal digits alone.
pub(crate) fn parse_digits(digits: &str) -> Result<[u8; 32], BadFingerprint> {
    let digits = digits.as_bytes();
    if digits.len() != 64 {
        return Err(BadFingerprint);
    }
    let mut digest = [0; 32];
    for (byte, pair) in digest.iter_mut().zip(digits.as_chunks::<2>().0) {
        *byte = nibble(pair[0])? << 4 | nibble(pair[1])?;
    }
    Ok(digest)
}

fn nibble(digit: u8) -> Result<u8, BadFingerprint> {
    char::from(digit)
        .to_digit(16)
        .and_then(|value| u8::try_from(value).ok())
        .ok_or(BadFingerprint)
}

/// Writes a digest as [`parse_fingerprint`] reads it, in lower case.
pub fn print_fingerprint(digest: &[u8; 32]) -> String {
    format!("{PREFIX}{}", hex(digest))
}

/// Whether a text is meant as a fingerprint, well-formed or not.
pub(crate) fn is_fingerprint(text: &str) -> bool {
    text.starts_with(PREFIX)
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            // Writing to a String cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::{BadFingerprint, parse_fingerprint, print_fingerprint};

    const DIGITS: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

    #[test]
    fn digits_are_read_in_either_case() {
        let lower = parse_fingerprint(&format!("sha256:{DIGITS}")).unwrap();
        let upper = parse_fingerprint(&format!("sha256:{}", DIGITS.to_uppercase())).unwrap();
        assert_eq!(lower, upper);
        assert_eq!(lower[..3], [0x00, 0x11, 0x22]);
    }

    #[rstest]
    #[case::nothing("")]
    #[case::no_prefix(DIGITS)]
    #[case::another_digest(&format!("sha1:{DIGITS}"))]
    #[case::short(&format!("sha256:{}", &DIGITS[1..]))]
    #[case::long(&format!("sha256:{DIGITS}0"))]
    #[case::colons("sha256:00:11")]
    #[case::sign(&format!("sha256:+{}", &DIGITS[1..]))]
    #[case::no_digit(&format!("sha256:g{}", &DIGITS[1..]))]
    #[case::two_bytes_wide(&format!("sha256:é{}", &DIGITS[2..]))]
    fn anything_else_is_refused(#[case] text: &str) {
        assert_eq!(parse_fingerprint(text), Err(BadFingerprint));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(digest: [u8; 32]) {
            prop_assert_eq!(parse_fingerprint(&print_fingerprint(&digest)), Ok(digest));
        }

        #[test]
        fn no_text_makes_the_reader_panic(text in "(sha256:)?[0-9a-fA-Fé:+]{0,66}") {
            let _ = parse_fingerprint(&text);
        }
    }
}
