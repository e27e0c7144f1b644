//! The fast encoder and decoder against those of the crate `base64`, which are strict too.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use proptest::prelude::*;

use crate::wire::base64url::{decode, encode, encode_in_place, encoded_len, is_alphabet};

fn bytes(len: usize) -> Vec<u8> {
    (0..len)
        .map(|at| u8::try_from((at * 167 + len) % 256).unwrap())
        .collect()
}

#[test]
fn every_length_is_encoded_and_decoded_alike() {
    for len in (0..400).chain([3071, 3072, 3073, 6143, 6144, 6145, 65_536]) {
        let bytes = bytes(len);
        let expected = URL_SAFE_NO_PAD.encode(&bytes);
        let mut text = b"x".to_vec();
        encode(&bytes, &mut text);
        assert_eq!(text[1..], *expected.as_bytes());
        assert_eq!(encoded_len(len), expected.len());
        assert_eq!(decode(expected.as_bytes()), Some(bytes.clone()));

        let mut buffer = vec![0; expected.len() - len];
        buffer.extend_from_slice(&bytes);
        let gap = buffer.len() - len;
        assert_eq!(encode_in_place(&mut buffer, gap), Some(()));
        assert_eq!(buffer, expected.as_bytes());
    }
}

#[test]
fn a_gap_that_does_not_fit_is_refused() {
    assert_eq!(encode_in_place(&mut [0; 4], 2), None);
    assert_eq!(encode_in_place(&mut [0; 4], 5), None);
    assert_eq!(encode_in_place(&mut [], 0), Some(()));
}

#[test]
fn every_byte_at_every_place_is_judged_alike() {
    for len in [1, 2, 3, 4, 5, 31, 32, 33, 64, 97] {
        let text = URL_SAFE_NO_PAD.encode(bytes(len)).into_bytes();
        for at in 0..text.len() {
            for byte in 0..=u8::MAX {
                let mut altered = text.clone();
                altered[at] = byte;
                assert_eq!(
                    decode(&altered),
                    URL_SAFE_NO_PAD.decode(&altered).ok(),
                    "{byte} at {at} of {len}"
                );
                let plain = byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
                assert_eq!(is_alphabet(&altered), plain, "{byte} at {at} of {len}");
            }
        }
    }
}

proptest! {
    #[test]
    fn any_text_is_judged_alike(text in "[A-Za-z0-9_=+/ -]{0,200}") {
        prop_assert_eq!(decode(text.as_bytes()), URL_SAFE_NO_PAD.decode(&text).ok());
    }

    #[test]
    fn any_bytes_come_back(bytes in proptest::collection::vec(any::<u8>(), 0..5000)) {
        let mut text = Vec::new();
        encode(&bytes, &mut text);
        prop_assert_eq!(decode(&text), Some(bytes));
    }
}
