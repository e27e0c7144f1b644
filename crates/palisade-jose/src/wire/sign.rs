//! Making a JWS.

use serde_json::{Map, Value};

use super::assemble;
use super::base64url::{encode, encoded_len};
use super::failure::{FailedStep, Failure, Reason};
use crate::keys::SigningKey;

/// Signs `payload` with `key`, in compact form.
///
/// The header has `alg`, `kid`, and then `extra` in its order.
pub fn sign(key: &SigningKey, extra: &Map<String, Value>, payload: &[u8]) -> Result<Vec<u8>, Failure> {
    let fail = |reason: Reason| Failure::new(FailedStep::Sign, reason).alias(Some(key.alias()));
    let header = assemble::header(key.head(), None, extra).map_err(|bad| fail(bad.into()))?;
    let lengths = [header.len(), payload.len(), key.signature_len()];
    let mut compact = Vec::with_capacity(2 + lengths.into_iter().map(encoded_len).sum::<usize>());
    encode(&header, &mut compact);
    compact.push(b'.');
    encode(payload, &mut compact);
    let signature = key
        .signer()
        .sign(&compact)
        .map_err(|_| fail(Reason::Key("it does not sign")))?;
    compact.push(b'.');
    encode(&signature, &mut compact);
    Ok(compact)
}
