//! DER, as far as keys need it (ITU-T X.690). What is made here may be secret, and is wiped.

use zeroize::Zeroizing;

/// `INTEGER`.
pub(crate) const INTEGER: u8 = 0x02;
/// `BIT STRING`.
pub(crate) const BIT_STRING: u8 = 0x03;
/// `OCTET STRING`.
pub(crate) const OCTET_STRING: u8 = 0x04;
/// `SEQUENCE`.
pub(crate) const SEQUENCE: u8 = 0x30;

/// One element.
pub(crate) fn element(tag: u8, parts: &[&[u8]]) -> Zeroizing<Vec<u8>> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    // Reserved whole: a buffer that moves as it grows leaves copies of a key behind.
    let mut der = Zeroizing::new(Vec::with_capacity(length + 10));
    der.push(tag);
    if let Ok(short @ ..0x80) = u8::try_from(length) {
        der.push(short);
    } else {
        let bytes = length.to_be_bytes();
        let significant = without_leading_zeros(&bytes);
        der.push(0x80 | u8::try_from(significant.len()).unwrap_or(8));
        der.extend_from_slice(significant);
    }
    for part in parts {
        der.extend_from_slice(part);
    }
    der
}

/// A non-negative `INTEGER`, from big-endian bytes.
pub(crate) fn unsigned(bytes: &[u8]) -> Zeroizing<Vec<u8>> {
    let digits = without_leading_zeros(bytes);
    match digits.first() {
        Some(0..0x80) => element(INTEGER, &[digits]),
        _ => element(INTEGER, &[&[0], digits]),
    }
}

/// A `BIT STRING` of whole bytes.
pub(crate) fn bit_string(bytes: &[u8]) -> Zeroizing<Vec<u8>> {
    element(BIT_STRING, &[&[0], bytes])
}

/// The bytes from the first that is not zero.
pub(crate) fn without_leading_zeros(bytes: &[u8]) -> &[u8] {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    bytes.split_at_checked(zeros).map_or(bytes, |(_, rest)| rest)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::{SEQUENCE, element, unsigned};

    #[rstest]
    #[case(&[], &[2, 1, 0])]
    #[case(&[0], &[2, 1, 0])]
    #[case(&[0, 0, 5], &[2, 1, 5])]
    #[case(&[0x7f], &[2, 1, 0x7f])]
    #[case(&[0x80], &[2, 2, 0, 0x80])]
    #[case(&[1, 0, 1], &[2, 3, 1, 0, 1])]
    fn integers_are_minimal_and_never_negative(#[case] bytes: &[u8], #[case] der: &[u8]) {
        assert_eq!(unsigned(bytes).as_slice(), der);
    }

    #[rstest]
    #[case(0, &[0x30, 0])]
    #[case(127, &[0x30, 127])]
    #[case(128, &[0x30, 0x81, 128])]
    #[case(256, &[0x30, 0x82, 1, 0])]
    fn lengths_are_minimal(#[case] length: usize, #[case] head: &[u8]) {
        let der = element(SEQUENCE, &[&vec![7; length]]);
        assert!(der.starts_with(head));
        assert_eq!(der.len(), head.len() + length);
    }
}
