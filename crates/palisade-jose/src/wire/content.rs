//! Content encryption on aws-lc-rs, in place of josekit's own.
//!
//! 1. Initialisation vector and tag have exactly the length of their standard, and so has the key.
//! 2. The tag is compared in constant time before anything is decrypted; padding is looked at only when the tag was right.
//! 3. One error for everything.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::cipher::{
    AES_128, DecryptionContext, EncryptingKey, EncryptionContext, PaddedBlockDecryptingKey, UnboundCipherKey,
};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::hmac;
use josekit::JoseError;
use josekit::jwe::JweContentEncryption;

use crate::algorithms::ContentEncryption;

/// The length of the tag of both.
pub(crate) const TAG: usize = 16;
/// The length of a content encryption key of both.
pub(crate) const KEY: usize = 32;
/// The longest initialisation vector.
pub(crate) const LONGEST_IV: usize = 16;

const BLOCK: usize = 16;
/// `A128CBC-HS256` cuts its key in two: the first half authenticates, the second encrypts (RFC 7518 section 5.2.2.1).
const HALF: usize = KEY / 2;

/// Encrypts and decrypts content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ContentCipher(pub(crate) ContentEncryption);

impl ContentCipher {
    pub(crate) const fn iv_len(self) -> usize {
        match self.0 {
            ContentEncryption::A128CbcHs256 => 16,
            ContentEncryption::A256Gcm => 12,
        }
    }

    /// Whether a message of these lengths can have been made by this cipher.
    pub(crate) const fn admits(self, iv: usize, ciphertext: usize, tag: usize) -> bool {
        let fits = match self.0 {
            ContentEncryption::A128CbcHs256 => ciphertext > 0 && ciphertext.is_multiple_of(BLOCK),
            ContentEncryption::A256Gcm => true,
        };
        iv == self.iv_len() && tag == TAG && fits
    }

    /// The length of the ciphertext of so many bytes.
    pub(crate) const fn ciphertext_len(self, plaintext: usize) -> usize {
        match self.0 {
            ContentEncryption::A128CbcHs256 => plaintext / BLOCK * BLOCK + BLOCK,
            ContentEncryption::A256Gcm => plaintext,
        }
    }

    /// Decrypts in place; what remains of `content` is the plaintext. On failure `content` holds nothing.
    pub(crate) fn open(
        self,
        key: &[u8],
        iv: &[u8],
        aad: &[u8],
        content: &mut Vec<u8>,
        tag: &[u8],
    ) -> Result<(), Unspecified> {
        let opened = if self.admits(iv.len(), content.len(), tag.len()) {
            match self.0 {
                ContentEncryption::A128CbcHs256 => open_cbc(key, iv, aad, content, tag),
                ContentEncryption::A256Gcm => open_gcm(key, iv, aad, content, tag),
            }
        } else {
            Err(Unspecified)
        };
        if let Ok(length) = opened {
            content.truncate(length);
        } else {
            content.clear();
        }
        opened.map(|_| ())
    }

    /// Appends the plaintext as [`Self::seal`] takes it: with padding, where the cipher has blocks (RFC 5652 section 6.3).
    pub(crate) fn fill(self, plaintext: &[u8], to: &mut Vec<u8>) {
        to.extend_from_slice(plaintext);
        let padding = self.ciphertext_len(plaintext.len()) - plaintext.len();
        to.extend(std::iter::repeat_n(
            u8::try_from(padding).unwrap_or_default(),
            padding,
        ));
    }

    /// Encrypts what [`Self::fill`] wrote, in place, and returns the tag.
    pub(crate) fn seal(
        self,
        key: &[u8],
        iv: &[u8],
        aad: &[u8],
        content: &mut [u8],
    ) -> Result<[u8; TAG], Unspecified> {
        if !self.admits(iv.len(), content.len(), TAG) {
            return Err(Unspecified);
        }
        match self.0 {
            ContentEncryption::A128CbcHs256 => seal_cbc(key, iv, aad, content),
            ContentEncryption::A256Gcm => seal_gcm(key, iv, aad, content),
        }
    }
}

/// The two halves of the key of `A128CBC-HS256`: for the HMAC, and for AES.
fn halves(key: &[u8]) -> Result<(&[u8], &[u8]), Unspecified> {
    if key.len() != KEY {
        return Err(Unspecified);
    }
    key.split_at_checked(HALF).ok_or(Unspecified)
}

/// HMAC over the additional data, the vector, the ciphertext and the length of the additional data in bits (RFC 7518 5.2.2.1).
pub(super) fn cbc_tag(
    key: &[u8],
    iv: &[u8],
    aad: &[u8],
    ciphertext: &[u8],
) -> Result<[u8; TAG], Unspecified> {
    let bits = u64::try_from(aad.len())
        .ok()
        .and_then(|bytes| bytes.checked_mul(8))
        .ok_or(Unspecified)?;
    let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, key));
    context.update(aad);
    context.update(iv);
    context.update(ciphertext);
    context.update(&bits.to_be_bytes());
    context.sign().as_ref().first_chunk().copied().ok_or(Unspecified)
}

pub(super) fn open_cbc(
    key: &[u8],
    iv: &[u8],
    aad: &[u8],
    content: &mut [u8],
    tag: &[u8],
) -> Result<usize, Unspecified> {
    let (mac_key, cipher_key) = halves(key)?;
    verify_slices_are_equal(&cbc_tag(mac_key, iv, aad, content)?, tag)?;
    let start = DecryptionContext::Iv128(<&[u8; 16]>::try_from(iv).map_err(|_| Unspecified)?.into());
    let key = PaddedBlockDecryptingKey::cbc_pkcs7(UnboundCipherKey::new(&AES_128, cipher_key)?)?;
    Ok(key.decrypt(content, start)?.len())
}

fn seal_cbc(key: &[u8], iv: &[u8], aad: &[u8], content: &mut [u8]) -> Result<[u8; TAG], Unspecified> {
    let (mac_key, cipher_key) = halves(key)?;
    let start = EncryptionContext::Iv128(<&[u8; 16]>::try_from(iv).map_err(|_| Unspecified)?.into());
    EncryptingKey::cbc(UnboundCipherKey::new(&AES_128, cipher_key)?)?.less_safe_encrypt(content, start)?;
    cbc_tag(mac_key, iv, aad, content)
}

fn gcm(key: &[u8]) -> Result<LessSafeKey, Unspecified> {
    Ok(LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key)?))
}

fn open_gcm(key: &[u8], iv: &[u8], aad: &[u8], content: &mut [u8], tag: &[u8]) -> Result<usize, Unspecified> {
    let nonce = Nonce::try_assume_unique_for_key(iv)?;
    Ok(gcm(key)?
        .open_in_place_separate_tag(nonce, Aad::from(aad), tag, content)?
        .len())
}

fn seal_gcm(key: &[u8], iv: &[u8], aad: &[u8], content: &mut [u8]) -> Result<[u8; TAG], Unspecified> {
    let nonce = Nonce::try_assume_unique_for_key(iv)?;
    let tag = gcm(key)?.seal_in_place_separate_tag(nonce, Aad::from(aad), content)?;
    tag.as_ref().try_into().map_err(|_| Unspecified)
}

/// josekit asks for the content encryption wherever it manages keys: it finds this one, never its own.
impl JweContentEncryption for ContentCipher {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn key_len(&self) -> usize {
        KEY
    }

    fn iv_len(&self) -> usize {
        (*self).iv_len()
    }

    fn encrypt(
        &self,
        key: &[u8],
        iv: Option<&[u8]>,
        message: &[u8],
        aad: &[u8],
    ) -> Result<(Vec<u8>, Option<Vec<u8>>), JoseError> {
        let mut content = Vec::with_capacity(self.ciphertext_len(message.len()));
        self.fill(message, &mut content);
        let tag = self
            .seal(key, iv.unwrap_or_default(), aad, &mut content)
            .map_err(refused)?;
        Ok((content, Some(tag.to_vec())))
    }

    fn decrypt(
        &self,
        key: &[u8],
        iv: Option<&[u8]>,
        encrypted_message: &[u8],
        aad: &[u8],
        tag: Option<&[u8]>,
    ) -> Result<Vec<u8>, JoseError> {
        let mut content = encrypted_message.to_vec();
        self.open(
            key,
            iv.unwrap_or_default(),
            aad,
            &mut content,
            tag.unwrap_or_default(),
        )
        .map_err(refused)?;
        Ok(content)
    }

    fn box_clone(&self) -> Box<dyn JweContentEncryption> {
        Box::new(*self)
    }
}

fn refused(error: Unspecified) -> JoseError {
    JoseError::InvalidJweFormat(error.into())
}
