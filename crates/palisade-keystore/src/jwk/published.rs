//! A JWK Set that somebody publishes for signatures to be checked with.
//!
//! 1. Each key stands for itself: one that cannot be used is skipped, and the reason is told.
//! 2. Skipped are kinds that are not supported, keys for encryption, `key_ops` without `verify`, whatever is malformed or weak,
//!    and private or symmetric keys: what is published is no secret any more.
//! 3. A key without `kid` has none, and several keys may share one (RFC 7517 section 4.5).

use super::json::{self, Json, Members};
use super::{Usage, key, keys};
use crate::entry::Entry;
use crate::public_key::PublicKey;

/// The public keys of a JWK Set (RFC 7517 section 5), or of a single JWK, for checking signatures.
///
/// ```
/// use palisade_keystore::PublishedKeys;
///
/// let set = br#"{"keys":[
///     {"kty":"OKP","crv":"Ed25519","kid":"2026","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},
///     {"kty":"oct","k":"c2VjcmV0"}
/// ]}"#;
/// let published = PublishedKeys::read(set, 100)?;
/// assert_eq!(published.keys[0].kid.as_deref(), Some("2026"));
/// assert_eq!(published.skipped[0].to_string(), "key 2: it is private or symmetric, and no longer a secret");
/// assert!(PublishedKeys::read(set, 1).is_err(), "too many");
/// # Ok::<(), palisade_keystore::BadJwkSet>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PublishedKeys {
    /// The keys that can check signatures, in the set's order.
    pub keys: Vec<PublishedKey>,
    /// The others, with the reasons.
    pub skipped: Vec<SkippedKey>,
}

/// A key of [`PublishedKeys`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PublishedKey {
    /// Its own `kid`, where it has one.
    pub kid: Option<String>,
    /// The key.
    pub key: PublicKey,
}

/// Why a key of [`PublishedKeys`] is not used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[error("key {position}{}: {reason}", kid.as_ref().map(|kid| format!(" (`kid` {kid:?})")).unwrap_or_default())]
pub struct SkippedKey {
    /// Its position in the set, from 1.
    pub position: usize,
    /// Its `kid`, where it has one.
    pub kid: Option<String>,
    /// What keeps it from being used.
    pub reason: String,
    /// Whether something is wrong with it, as opposed to being made for something else.
    pub is_faulty: bool,
}

/// Why a document is no JWK Set at all. Nothing of the document is quoted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[error("{0}")]
pub struct BadJwkSet(String);

impl PublishedKeys {
    /// Reads a set of at most so many keys.
    pub fn read(document: &[u8], most: usize) -> Result<Self, BadJwkSet> {
        let json = json::parse(document).map_err(BadJwkSet)?;
        let found = keys(&json).map_err(|reason| BadJwkSet(reason.to_owned()))?;
        if found.len() > most {
            return Err(BadJwkSet(format!("it has more than {most} keys")));
        }
        let mut published = Self {
            keys: Vec::new(),
            skipped: Vec::new(),
        };
        for (index, members) in found.into_iter().enumerate() {
            let kid = members.get("kid").and_then(Json::text).map(str::to_owned);
            match usable(members) {
                Ok(key) => published.keys.push(PublishedKey { kid, key }),
                Err((reason, is_faulty)) => published.skipped.push(SkippedKey {
                    position: index + 1,
                    kid,
                    reason,
                    is_faulty,
                }),
            }
        }
        Ok(published)
    }
}

/// The key, or why it is not used and whether it is faulty.
fn usable(members: &Members) -> Result<PublicKey, (String, bool)> {
    if key::is_secret(members) {
        let reason = "it is private or symmetric, and no longer a secret";
        return Err((reason.to_owned(), true));
    }
    let public = match key::entry("", members).map_err(|reason| (reason, true))? {
        Entry::PublicKey(key) => key,
        Entry::Unusable { reason, .. } => {
            // A key that is weak or damaged is a fault; one of another kind is not.
            let is_faulty = matches!(reason, crate::entry::UnusableKey::Public(_));
            return Err((reason.to_string(), is_faulty));
        }
        Entry::Key(_) | Entry::Certificates { .. } => return Err(("it is no public key".to_owned(), true)),
    };
    if public.usage() == Usage::Encryption {
        return Err(("it is for encryption".to_owned(), false));
    }
    if members
        .get("key_ops")
        .is_some_and(|operations| !verifies(operations))
    {
        return Err(("its `key_ops` do not have `verify`".to_owned(), false));
    }
    Ok(public)
}

fn verifies(operations: &Json) -> bool {
    let Json::Array(operations) = operations else {
        return false;
    };
    operations
        .iter()
        .any(|operation| operation.text() == Some("verify"))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::{BadJwkSet, PublishedKeys};

    const POINT: &str = r#""kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0""#;

    #[rstest]
    #[case::plain("", None)]
    #[case::for_signatures(r#","use":"sig","alg":"ES256","key_ops":["verify"]"#, None)]
    #[case::for_encryption(r#","use":"enc""#, Some(("key 1: it is for encryption", false)))]
    #[case::for_agreement(r#","alg":"ECDH-ES""#, Some(("key 1: it is for encryption", false)))]
    #[case::for_signing(r#","key_ops":["sign"]"#, Some(("key 1: its `key_ops` do not have `verify`", false)))]
    #[case::contradiction(r#","use":"sig","key_ops":["encrypt"],"kid":"a""#, Some(("key 1 (`kid` \"a\"): `use`, `key_ops` and `alg` contradict one another", true)))]
    #[case::private(r#","d":"AA""#, Some(("key 1: it is private or symmetric, and no longer a secret", true)))]
    #[case::kid_of_another_type(r#","kid":7"#, Some(("key 1: `kid` is no text, or empty", true)))]
    fn each_key_is_used_or_skipped_with_a_reason(#[case] more: &str, #[case] skipped: Option<(&str, bool)>) {
        let set = format!(r#"{{"keys":[{{{POINT}{more}}}]}}"#);
        let published = PublishedKeys::read(set.as_bytes(), 1).unwrap();
        let told = published
            .skipped
            .iter()
            .map(|key| (key.to_string(), key.is_faulty))
            .next();
        assert_eq!(
            told.as_ref().map(|(reason, faulty)| (reason.as_str(), *faulty)),
            skipped
        );
        assert_eq!(published.keys.len(), usize::from(skipped.is_none()));
    }

    #[rstest]
    #[case::weak(r#"{"kty":"RSA","n":"AQAB","e":"AQAB"}"#, true)]
    #[case::off_its_curve(r#"{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"}"#, true)]
    #[case::kind_of_tomorrow(r#"{"kty":"AKP","alg":"ML-DSA-44","pub":"AA"}"#, false)]
    #[case::curve_of_bitcoin(r#"{"kty":"EC","crv":"secp256k1","x":"AA","y":"AA"}"#, false)]
    fn a_key_that_cannot_be_used_stops_no_other(#[case] key: &str, #[case] faulty: bool) {
        let set = format!(r#"{{"keys":[{key},{{{POINT}}}]}}"#);
        let published = PublishedKeys::read(set.as_bytes(), 2).unwrap();
        assert_eq!(published.keys.len(), 1);
        assert_eq!(published.skipped[0].position, 1);
        assert_eq!(published.skipped[0].is_faulty, faulty, "{}", published.skipped[0]);
    }

    #[test]
    fn keys_may_share_a_name_or_have_none() {
        let set = format!(r#"{{"keys":[{{{POINT},"kid":"a"}},{{{POINT},"kid":"a"}},{{{POINT}}}]}}"#);
        let published = PublishedKeys::read(set.as_bytes(), 3).unwrap();
        let kids: Vec<_> = published.keys.iter().map(|key| key.kid.as_deref()).collect();
        assert_eq!(kids, [Some("a"), Some("a"), None]);
    }

    #[rstest]
    #[case("[]", "it is no JSON object")]
    #[case(r#"{"keys":{}}"#, "`keys` is no array")]
    #[case(r#"{"keys":[],"keys":[]}"#, "a member given twice at line 1, column 21")]
    #[case(r#"{"keys":[{},{},{}]}"#, "it has more than 2 keys")]
    fn a_document_that_is_no_set_is_an_error(#[case] document: &str, #[case] reason: &str) {
        let error = PublishedKeys::read(document.as_bytes(), 2).unwrap_err();
        assert_eq!(error, BadJwkSet(reason.to_owned()));
    }
}
