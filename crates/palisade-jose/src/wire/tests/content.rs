use josekit::jwe::JweContentEncryption as _;
use josekit::jwe::enc::{A128CBC_HS256, A256GCM};
use rstest::rstest;

use crate::algorithms::ContentEncryption;
use crate::wire::content::{ContentCipher, open_cbc};

const KEY: [u8; 32] = [7; 32];

/// In-place decryption would overwrite the ciphertext: that it still stands shows that nothing was decrypted.
#[test]
fn under_a_wrong_tag_nothing_is_decrypted() {
    let cipher = ContentCipher(ContentEncryption::A128CbcHs256);
    let mut sealed = Vec::new();
    cipher.fill(b"some text of more than one block", &mut sealed);
    let tag = cipher.seal(&KEY, &[1; 16], b"header", &mut sealed).unwrap();
    for wrong in 0..128 {
        let mut altered = tag;
        altered[wrong / 8] ^= 1 << (wrong % 8);
        let mut content = sealed.clone();
        assert!(open_cbc(&KEY, &[1; 16], b"header", &mut content, &altered).is_err());
        assert_eq!(content, sealed);
    }
    assert!(open_cbc(&KEY, &[1; 16], b"header", &mut sealed, &tag).is_ok());
}

/// The padding is wrong, and the tag right: only who has the key can make such a message.
#[test]
fn wrong_padding_under_a_right_tag_is_the_same_error() {
    let cipher = ContentCipher(ContentEncryption::A128CbcHs256);
    let mut padded = vec![16; 16];
    let _ = cipher.seal(&KEY, &[1; 16], b"", &mut padded).unwrap();
    // Another initialisation vector changes the decrypted padding of the only block.
    let tag = super::super::content::cbc_tag(&KEY[..16], &[2; 16], b"", &padded).unwrap();
    let mut content = padded.clone();
    let error = cipher.open(&KEY, &[2; 16], b"", &mut content, &tag).unwrap_err();
    assert_eq!(error, aws_lc_rs::error::Unspecified);
    assert_eq!(content, b"", "nothing is left behind");
}

#[rstest]
#[case(ContentEncryption::A128CbcHs256)]
#[case(ContentEncryption::A256Gcm)]
fn keys_vectors_and_tags_have_one_length(#[case] content: ContentEncryption) {
    let cipher = ContentCipher(content);
    let iv = vec![3; cipher.iv_len()];
    let mut sealed = Vec::new();
    cipher.fill(b"text", &mut sealed);
    let plain = sealed.clone();
    let tag = cipher.seal(&KEY, &iv, b"", &mut sealed).unwrap();
    for len in (0..80).filter(|len| *len != 32) {
        let key = vec![7; len];
        assert!(
            cipher.open(&key, &iv, b"", &mut sealed.clone(), &tag).is_err(),
            "key of {len}"
        );
        assert!(
            cipher.seal(&key, &iv, b"", &mut plain.clone()).is_err(),
            "key of {len}"
        );
    }
    for len in (0..80).filter(|len| *len != iv.len()) {
        let iv = vec![3; len];
        assert!(
            cipher.open(&KEY, &iv, b"", &mut sealed.clone(), &tag).is_err(),
            "vector of {len}"
        );
        assert!(
            cipher.seal(&KEY, &iv, b"", &mut plain.clone()).is_err(),
            "vector of {len}"
        );
    }
    for len in (0..80).filter(|len| *len != 16) {
        let tag: Vec<u8> = tag.iter().copied().cycle().take(len).collect();
        assert!(
            cipher.open(&KEY, &iv, b"", &mut sealed.clone(), &tag).is_err(),
            "tag of {len}"
        );
    }
    assert!(cipher.open(&KEY, &iv, b"", &mut sealed, &tag).is_ok());
    assert_eq!(sealed, b"text");
}

#[test]
fn the_trait_of_josekit_gives_what_josekit_gives() {
    let iv = [9; 16];
    for (content, theirs, iv) in [
        (
            ContentEncryption::A128CbcHs256,
            A128CBC_HS256.encrypt(&KEY, Some(&iv), b"text", b"header"),
            &iv[..],
        ),
        (
            ContentEncryption::A256Gcm,
            A256GCM.encrypt(&KEY, Some(&iv[..12]), b"text", b"header"),
            &iv[..12],
        ),
    ] {
        let cipher = ContentCipher(content);
        let (ciphertext, tag) = theirs.unwrap();
        let ours = cipher.encrypt(&KEY, Some(iv), b"text", b"header").unwrap();
        assert_eq!(ours, (ciphertext.clone(), tag.clone()));
        let opened = cipher.decrypt(&KEY, Some(iv), &ciphertext, b"header", tag.as_deref());
        assert_eq!(opened.unwrap(), b"text");
        assert!(
            cipher
                .decrypt(&KEY, None, &ciphertext, b"header", tag.as_deref())
                .is_err()
        );
        assert!(
            cipher
                .decrypt(&KEY, Some(iv), &ciphertext, b"header", None)
                .is_err()
        );
        assert_eq!((cipher.name(), cipher.key_len()), (content.name(), 32));
        assert_eq!(cipher.box_clone().iv_len(), iv.len());
    }
}
