//! How JKS seals keys and files: SHA-1 over the password and a salt, as a key stream and as a digest.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{Context, SHA1_FOR_LEGACY_USE_ONLY};
use aws_lc_rs::rand;
use x509_parser::asn1_rs::{Any, FromDer as _, Tag};
use zeroize::Zeroizing;

use crate::der::{self, OCTET_STRING, SEQUENCE};

/// The length of SHA-1.
pub(super) const DIGEST: usize = 20;

/// Sun's JKS key protector, 1.3.6.1.4.1.42.2.17.1.1, with NULL parameters: the algorithm identifier as DER.
const PROTECTOR: [u8; 16] = [0x30, 14, 6, 10, 0x2b, 6, 1, 4, 1, 42, 2, 17, 1, 1, 5, 0];
/// The same without parameters, as recent releases of Java write it.
const PROTECTOR_ALONE: [u8; 14] = [0x30, 12, 6, 10, 0x2b, 6, 1, 4, 1, 42, 2, 17, 1, 1];

/// Why a sealed key does not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotOpened {
    /// It is not sealed in this way.
    Structure,
    /// The password is another one.
    Password,
}

/// Opens a sealed key.
pub(super) fn open(sealed: &[u8], password: &str) -> Result<Zeroizing<Vec<u8>>, NotOpened> {
    let protected = protected(sealed).ok_or(NotOpened::Structure)?;
    let (salt, rest) = protected.split_at_checked(DIGEST).ok_or(NotOpened::Structure)?;
    let end = rest.len().checked_sub(DIGEST).ok_or(NotOpened::Structure)?;
    let (cipher, digest) = rest.split_at_checked(end).ok_or(NotOpened::Structure)?;
    let password = utf16(password);
    let plain = streamed(cipher, &password, salt);
    let expected = sha1(&[&password, &plain]);
    verify_slices_are_equal(&expected, digest).map_err(|_| NotOpened::Password)?;
    Ok(plain)
}

/// Seals a key; `None` where no random bytes are to be had.
pub(super) fn seal(plain: &[u8], password: &str) -> Option<Vec<u8>> {
    let mut salt = [0; DIGEST];
    rand::fill(&mut salt).ok()?;
    let password = utf16(password);
    let cipher = streamed(plain, &password, &salt);
    let digest = sha1(&[&password, plain]);
    let protected = der::element(OCTET_STRING, &[&salt, &cipher, &digest]);
    Some(der::element(SEQUENCE, &[&PROTECTOR, &protected]).to_vec())
}

/// The digest at the end of a file.
pub(super) fn of_file(content: &[u8], password: &str) -> [u8; DIGEST] {
    sha1(&[&utf16(password), b"Mighty Aphrodite", content])
}

/// The octets of an `EncryptedPrivateKeyInfo` (RFC 5958 section 3) whose algorithm is the protector of JKS.
fn protected(sealed: &[u8]) -> Option<&[u8]> {
    let (rest, outer) = Any::from_der(sealed).ok()?;
    let (behind, algorithm) = Any::from_der(outer.data).ok()?;
    let (end, octets) = Any::from_der(behind).ok()?;
    let identifier = outer.data.get(..outer.data.len() - behind.len())?;
    let fits = rest.is_empty()
        && end.is_empty()
        && outer.tag() == Tag::Sequence
        && algorithm.tag() == Tag::Sequence
        && octets.tag() == Tag::OctetString
        && (identifier == PROTECTOR || identifier == PROTECTOR_ALONE);
    fits.then_some(octets.data)
}

/// The bytes, combined with a stream of digests, each over the password and the one before it.
fn streamed(bytes: &[u8], password: &[u8], salt: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut streamed = Zeroizing::new(Vec::with_capacity(bytes.len()));
    let mut block = Zeroizing::new(sha1(&[password, salt]));
    for chunk in bytes.chunks(DIGEST) {
        streamed.extend(chunk.iter().zip(block.iter()).map(|(byte, key)| byte ^ key));
        *block = sha1(&[password, &*block]);
    }
    streamed
}

fn sha1(parts: &[&[u8]]) -> [u8; DIGEST] {
    let mut context = Context::new(&SHA1_FOR_LEGACY_USE_ONLY);
    for part in parts {
        context.update(part);
    }
    let mut digest = [0; DIGEST];
    digest.copy_from_slice(context.finish().as_ref());
    digest
}

fn utf16(password: &str) -> Zeroizing<Vec<u8>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(password.len() * 2));
    bytes.extend(password.encode_utf16().flat_map(u16::to_be_bytes));
    bytes
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{NotOpened, PROTECTOR, PROTECTOR_ALONE, open, seal};
    use crate::der::{SEQUENCE, element};

    #[test]
    fn the_algorithm_may_have_parameters_or_none() {
        let sealed = seal(b"a key", "x").unwrap();
        let protected = sealed
            .strip_prefix(&[0x30, 63])
            .unwrap()
            .strip_prefix(&PROTECTOR)
            .unwrap();
        let without = element(SEQUENCE, &[&PROTECTOR_ALONE, protected]);
        assert_eq!(open(&without, "x").unwrap().as_slice(), b"a key");
        let other = element(SEQUENCE, &[&[0x30, 5, 6, 3, 0x2b, 0x65, 0x70], protected]);
        assert_eq!(open(&other, "x"), Err(NotOpened::Structure));
    }

    proptest! {
        #[test]
        fn what_is_sealed_opens_with_its_password_alone(plain in proptest::collection::vec(any::<u8>(), 1..80), password in "\\PC{0,12}", place: prop::sample::Index) {
            let mut sealed = seal(&plain, &password).unwrap();
            let opened = open(&sealed, &password).unwrap();
            prop_assert_eq!(opened.as_slice(), plain.as_slice());
            prop_assert_eq!(open(&sealed, &format!("{password}x")), Err(NotOpened::Password));
            let place = place.index(sealed.len());
            sealed[place] ^= 1;
            prop_assert!(open(&sealed, &password).is_err());
        }

        #[test]
        fn no_input_panics(bytes: Vec<u8>) {
            prop_assert!(open(&bytes, "x").is_err());
        }
    }
}
