//! A look into a signed message whose signature is not checked.

use bytes::Bytes;

use super::base64url;
use super::compact::segments;
use super::header::ProtectedHeader;

/// The payload and header of a compact JWS that nobody vouches for, for a run that only reports.
pub(crate) fn unverified_jws(compact: &[u8]) -> Option<(Bytes, ProtectedHeader)> {
    let [header, payload, _] = segments::<3>(compact)?;
    let members = serde_json::from_slice::<serde_json::Value>(&base64url::decode(header)?).ok()?;
    // What `crit` demands is of no account where nothing is accepted.
    let critical = members.get("crit").and_then(serde_json::Value::as_array);
    let understood: Vec<&str> = critical
        .into_iter()
        .flatten()
        .filter_map(|name| name.as_str())
        .collect();
    let header = ProtectedHeader::read(header, &understood).ok()?;
    Some((base64url::decode(payload)?.into(), header))
}
