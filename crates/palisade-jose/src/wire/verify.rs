//! Checking a JWS.

use std::sync::Arc;

use bytes::Bytes;

use super::Opened;
use super::base64url::decode;
use super::candidates::Candidates;
use super::compact::segments;
use super::failure::{FailedStep, Failure, Reason};
use super::header::ProtectedHeader;
use crate::keys::VerificationKey;

/// Checks a JWS in compact form against one of `keys`, and hands over its payload.
///
/// `kid` selects the key; without one, each key that does the message's algorithm is tried, at most [`MAX_TRIED`](super::MAX_TRIED)
/// of them. `understood` are the names that the caller obeys when `crit` lists them.
///
/// # Example
/// ```
/// use palisade_jose::{Algorithms, SigningKey, VerificationKey, sign, verify};
/// # use std::{collections::BTreeMap, sync::Arc};
/// # use palisade_keystore::{KeystoreSettings, Keystores};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// # palisade_test::ca::TestCa::new("Example Root").client("partner").write_pem(folder.path(), "partner");
/// # let settings = BTreeMap::from([("partner".to_owned(), KeystoreSettings::new("partner.pem"))]);
/// # let keystores = Keystores::load(folder.path(), &settings)?;
/// # let entry = keystores.key("partner")?;
/// let signing = SigningKey::new(&entry, &Algorithms::default())?;
/// let keys = [Arc::new(VerificationKey::new("partner", entry.public_key(), &Algorithms::default())?)];
///
/// let mut message = sign(&signing, &serde_json::Map::new(), b"hello")?;
/// assert_eq!(verify(&keys, &message, &[])?.payload, "hello");
///
/// let dot = message.iter().rposition(|byte| *byte == b'.').unwrap();
/// message.swap(dot + 1, dot + 2);
/// # if message[dot + 1] == message[dot + 2] { message[dot + 1] = if message[dot + 1] == b'A' { b'B' } else { b'A' }; }
/// let refused = verify(&keys, &message, &[]).unwrap_err();
/// assert!(refused.to_string().ends_with("alias partner: made with another key, or altered"));
/// # Ok(())
/// # }
/// ```
pub fn verify(keys: &[Arc<VerificationKey>], compact: &[u8], understood: &[&str]) -> Result<Opened, Failure> {
    let fail = |reason: Reason| Failure::new(FailedStep::Verify, reason);
    let [protected, payload, signature] =
        segments(compact).ok_or_else(|| fail(Reason::Malformed("it has not exactly two dots")))?;
    let header = ProtectedHeader::read(protected, understood).map_err(|bad| fail(bad.into()))?;
    let candidates = Candidates::of(keys, &header)?;
    let malformed = || candidates.failure(Reason::Malformed("a segment is not base64url"));
    let signed_len = protected.len() + 1 + payload.len();
    let signed = compact.get(..signed_len).ok_or_else(malformed)?;
    let signature = decode(signature).ok_or_else(malformed)?;
    let fitting = candidates
        .iter()
        .find(|(_, key)| is_signed_by(key, &header, signed, &signature));
    let Some((index, _)) = fitting else {
        return Err(candidates.failure(Reason::NotAuthentic));
    };
    let payload = decode(payload).ok_or_else(malformed)?;
    Ok(Opened {
        payload: Bytes::from(payload),
        header,
        key: index,
    })
}

fn is_signed_by(key: &VerificationKey, header: &ProtectedHeader, signed: &[u8], signature: &[u8]) -> bool {
    signature.len() == key.signature_len()
        && key
            .verifier(header.alg())
            .is_some_and(|verifier| verifier.verify(signed, signature).is_ok())
}
