//! Opening a JWE.

use std::sync::Arc;

use bytes::Bytes;

use super::Opened;
use super::base64url::{decode, encoded_len};
use super::candidates::Candidates;
use super::compact::segments;
use super::content::ContentCipher;
use super::failure::{FailedStep, Failure, Reason};
use super::header::{BadHeader, ProtectedHeader};
use crate::keys::DecryptionKey;

/// Opens a JWE in compact form with one of `keys`.
///
/// `kid` selects the key; without one, each key that does the message's algorithms is tried, at most [`MAX_TRIED`](super::MAX_TRIED)
/// of them. `understood` are the names that the caller obeys when `crit` lists them.
///
/// # Example
/// ```
/// use palisade_jose::{Algorithms, DecryptionKey, EncryptionKey, decrypt, encrypt};
/// # use std::{collections::BTreeMap, sync::Arc};
/// # use palisade_keystore::{KeystoreSettings, Keystores};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// # palisade_test::ca::TestCa::new("Example Root").client("partner").write_pem(folder.path(), "partner");
/// # let settings = BTreeMap::from([("partner".to_owned(), KeystoreSettings::new("partner.pem"))]);
/// # let keystores = Keystores::load(folder.path(), &settings)?;
/// # let entry = keystores.key("partner")?;
/// let algorithms = Algorithms::parse(&["A256GCM"])?;
/// let keys = [Arc::new(DecryptionKey::new(&entry, &algorithms)?)];
/// let partner = EncryptionKey::new("partner", entry.public_key(), &algorithms)?;
///
/// let message = encrypt(&partner, &serde_json::Map::new(), b"hello")?;
/// assert_eq!(decrypt(&keys, &message, &[])?.payload, "hello");
///
/// let other = EncryptionKey::new("partner", entry.public_key(), &Algorithms::default())?; // A128CBC-HS256, which is not listed
/// let message = encrypt(&other, &serde_json::Map::new(), b"hello")?;
/// assert!(decrypt(&keys, &message, &[]).is_err());
/// # Ok(())
/// # }
/// ```
pub fn decrypt(keys: &[Arc<DecryptionKey>], compact: &[u8], understood: &[&str]) -> Result<Opened, Failure> {
    let fail = |reason: Reason| Failure::new(FailedStep::Decrypt, reason);
    let [protected, encrypted_key, iv, ciphertext, tag] =
        segments(compact).ok_or_else(|| fail(Reason::Malformed("it has not exactly four dots")))?;
    let header = ProtectedHeader::read(protected, understood).map_err(|bad| fail(bad.into()))?;
    if header.enc().is_none() {
        return Err(fail(BadHeader::Missing("enc").into()).kid(header.kid()));
    }
    let candidates = Candidates::of(keys, &header)?;
    let sealed = Sealed {
        protected,
        encrypted_key,
        iv,
        ciphertext,
        tag,
    };
    let mut reason = Reason::NotAuthentic;
    let mut opened = None;
    for (index, key) in candidates.iter() {
        match sealed.open(key, &header) {
            Ok(payload) => {
                opened = Some((payload, index));
                break;
            }
            Err(Reason::NotAuthentic) => {}
            Err(other) => reason = other,
        }
    }
    let (payload, key) = opened.ok_or_else(|| candidates.failure(reason))?;
    Ok(Opened { payload, header, key })
}

/// The segments of an encrypted message, still encoded.
struct Sealed<'a> {
    protected: &'a [u8],
    encrypted_key: &'a [u8],
    iv: &'a [u8],
    ciphertext: &'a [u8],
    tag: &'a [u8],
}

impl Sealed<'_> {
    fn open(&self, key: &DecryptionKey, header: &ProtectedHeader) -> Result<Bytes, Reason> {
        let cipher = key
            .contents()
            .iter()
            .find(|content| header.enc() == Some(content.name()))
            .map(|content| ContentCipher(*content))
            .ok_or(Reason::NotAuthentic)?;
        let parameters = key.parameters(header)?;
        if self.encrypted_key.len() != encoded_len(key.encrypted_key_len()) {
            return Err(Reason::NotAuthentic);
        }
        let encrypted_key = segment(self.encrypted_key)?;
        let iv = segment(self.iv)?;
        let tag = segment(self.tag)?;
        let mut content = segment(self.ciphertext)?;
        if !cipher.admits(iv.len(), content.len(), tag.len()) {
            return Err(Reason::NotAuthentic);
        }
        let content_key = key
            .unwrap(&encrypted_key, cipher, &parameters)
            .map_err(|_| Reason::NotAuthentic)?;
        cipher
            .open(content_key.as_slice(), &iv, self.protected, &mut content, &tag)
            .map_err(|_| Reason::NotAuthentic)?;
        Ok(Bytes::from(content))
    }
}

fn segment(text: &[u8]) -> Result<Vec<u8>, Reason> {
    decode(text).ok_or(Reason::Malformed("a segment is not base64url"))
}
