//! API keys: how they are made, stored and found.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::SystemTime;

use aws_lc_rs::{digest, rand};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use palisade_core::Secret;
use subtle::ConstantTimeEq as _;

use crate::fingerprint::{self, hex};
use crate::password::HashingFailed;
use crate::user::User;

/// The SHA-256 of an API key's text: all that is stored of it.
#[derive(Clone, Copy)]
pub struct ApiKeyHash([u8; 32]);

impl ApiKeyHash {
    /// Hashes a key.
    pub fn of(key: &str) -> Self {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest::digest(&digest::SHA256, key.as_bytes()).as_ref());
        Self(hash)
    }

    /// The hash as it came out of storage.
    pub const fn from_bytes(hash: [u8; 32]) -> Self {
        Self(hash)
    }

    /// The hash, to be stored.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The key's name: the first twelve hexadecimal digits of the hash. It tells keys apart and opens nothing.
    pub fn name(&self) -> String {
        let (start, _) = self.0.split_at(6);
        hex(start)
    }

    /// The stored form, `sha256:` and 64 hexadecimal digits.
    pub fn to_text(&self) -> String {
        fingerprint::print_fingerprint(&self.0)
    }

    /// The part that keys are looked up by. Whoever measures how long a look-up takes learns at most this.
    pub(crate) fn prefix(&self) -> [u8; 8] {
        self.0.first_chunk().copied().unwrap_or_default()
    }
}

/// Compares in constant time.
impl PartialEq for ApiKeyHash {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for ApiKeyHash {}

/// Shows the key's name alone.
impl fmt::Debug for ApiKeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ApiKeyHash({}…)", self.name())
    }
}

/// A text that is no hash of an API key with its scopes. It does not repeat the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadApiKeyHash {
    /// No hash.
    #[error(
        "expected `sha256:` and 64 hexadecimal digits, then the key's scopes, if any, each behind white space"
    )]
    Malformed,
    /// A scope with a character that scopes do not have (RFC 6749, section 3.3).
    #[error("expected scopes of visible ASCII characters other than `\"` and `\\`")]
    Scope,
}

/// An API key in a directory.
///
/// What is revoked is not in a [`Snapshot`](crate::Snapshot).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ApiKey {
    /// The first twelve hexadecimal digits of its hash.
    pub name: Arc<str>,
    /// The hash of its text.
    pub hash: ApiKeyHash,
    /// What it may be used for; empty where no scope is given to it.
    pub scopes: Arc<[Arc<str>]>,
    /// When it ends, if it does.
    pub expires_at: Option<SystemTime>,
}

impl ApiKey {
    /// A key without scopes and without end.
    pub fn new(hash: ApiKeyHash) -> Self {
        Self {
            name: hash.name().into(),
            hash,
            scopes: Arc::default(),
            expires_at: None,
        }
    }

    /// For these purposes.
    #[must_use]
    pub fn with_scopes<S: Into<Arc<str>>>(mut self, scopes: impl IntoIterator<Item = S>) -> Self {
        self.scopes = scopes.into_iter().map(Into::into).collect();
        self
    }

    /// Until then, and not at that instant any more.
    #[must_use]
    pub fn expiring_at(mut self, end: Option<SystemTime>) -> Self {
        self.expires_at = end;
        self
    }

    /// Whether it has ended.
    pub fn is_expired(&self, now: SystemTime) -> bool {
        self.expires_at.is_some_and(|end| end <= now)
    }
}

/// Reads `sha256:<hash> [scope…]`, as it stands in property files.
impl FromStr for ApiKey {
    type Err = BadApiKeyHash;

    fn from_str(text: &str) -> Result<Self, BadApiKeyHash> {
        let mut words = text.split_whitespace();
        let hash = words.next().ok_or(BadApiKeyHash::Malformed)?;
        let hash = fingerprint::parse_fingerprint(hash).map_err(|_| BadApiKeyHash::Malformed)?;
        let scopes: Vec<&str> = words.collect();
        if !scopes.iter().all(|scope| is_scope(scope)) {
            return Err(BadApiKeyHash::Scope);
        }
        Ok(Self::new(ApiKeyHash(hash)).with_scopes(scopes))
    }
}

/// Whether a text is a scope-token of RFC 6749, section 3.3, and can stand in a comma list.
pub(crate) fn is_scope(text: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\' | b',');
    !text.is_empty() && text.bytes().all(is_allowed)
}

/// An API key that was found, and whose it is.
///
/// Whether the user is active is for whoever asks to see.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct ApiKeyMatch<'a> {
    /// Its owner, active or not.
    pub user: &'a Arc<User>,
    /// The key.
    pub key: &'a ApiKey,
}

/// A new API key: the one time that its text is known.
///
/// The text is `plsd_`, 43 characters of base64url that are 256 random bits, and 6 characters of checksum, so that scanners for
/// secrets find it (`plsd_[A-Za-z0-9_-]{49}`) and tell it from look-alikes without asking anybody.
#[derive(Debug, Clone)]
pub struct GeneratedApiKey(Secret);

/// What keys begin with.
const PREFIX: &str = "plsd_";
/// Characters of the random part: 32 bytes in base64url.
const RANDOM_LENGTH: usize = 43;
/// Bytes of SHA-256 that make the checksum; they take six characters.
const CHECKSUM_BYTES: usize = 4;

impl GeneratedApiKey {
    /// Makes a key.
    pub fn generate() -> Result<Self, HashingFailed> {
        let mut bytes = [0; 32];
        rand::fill(&mut bytes).map_err(|_| HashingFailed)?;
        let mut text = String::with_capacity(PREFIX.len() + RANDOM_LENGTH + 6);
        text.push_str(PREFIX);
        BASE64_URL_SAFE_NO_PAD.encode_string(bytes, &mut text);
        let checksum = checksum(&text);
        text.push_str(&checksum);
        Ok(Self(Secret::new(text)))
    }

    /// The text, to be shown once.
    pub fn text(&self) -> &Secret {
        &self.0
    }

    /// What is stored of it.
    pub fn hash(&self) -> ApiKeyHash {
        ApiKeyHash::of(self.0.expose())
    }

    /// Whether a text has the form of a key that was made here, checksum included; it says nothing of whether anybody has it.
    pub fn is_well_formed(text: &str) -> bool {
        let Some(random) = text.strip_prefix(PREFIX) else {
            return false;
        };
        let Some((random, end)) = random.split_at_checked(RANDOM_LENGTH) else {
            return false;
        };
        let is_base64 = BASE64_URL_SAFE_NO_PAD.decode(random).is_ok();
        is_base64 && end == checksum(text.strip_suffix(end).unwrap_or_default())
    }
}

fn checksum(text: &str) -> String {
    let digest = digest::digest(&digest::SHA256, text.as_bytes());
    let bytes = digest.as_ref().get(..CHECKSUM_BYTES).unwrap_or_default();
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::{ApiKey, ApiKeyHash, BadApiKeyHash, GeneratedApiKey};

    #[test]
    fn a_generated_key_has_a_prefix_256_random_bits_and_a_checksum() {
        let (one, two) = (
            GeneratedApiKey::generate().unwrap(),
            GeneratedApiKey::generate().unwrap(),
        );
        let text = one.text().expose();
        assert!(text.starts_with("plsd_"));
        assert_eq!(text.len(), 5 + 43 + 6);
        assert_ne!(text, two.text().expose());
        assert!(GeneratedApiKey::is_well_formed(text));
        assert_eq!(one.hash(), ApiKeyHash::of(text));
    }

    #[test]
    fn a_typing_mistake_shows_in_the_checksum() {
        let key = GeneratedApiKey::generate().unwrap();
        let text = key.text().expose();
        for position in 0..text.len() {
            let mut mistyped = text.as_bytes().to_vec();
            mistyped[position] = if mistyped[position] == b'a' { b'b' } else { b'a' };
            let mistyped = String::from_utf8(mistyped).unwrap();
            assert!(!GeneratedApiKey::is_well_formed(&mistyped), "{position}");
        }
        assert!(!GeneratedApiKey::is_well_formed(&text[..53]));
        assert!(!GeneratedApiKey::is_well_formed(&format!("{text}a")));
    }

    #[test]
    fn the_name_of_a_key_is_the_start_of_its_hash_and_nothing_shows_more() {
        // The first digits of `echo -n secret | sha256sum`.
        let hash = ApiKeyHash::of("secret");
        assert_eq!(hash.name(), "2bb80d537b1d");
        assert_eq!(
            hash.to_text(),
            "sha256:2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"
        );
        assert_eq!(format!("{hash:?}"), "ApiKeyHash(2bb80d537b1d…)");
        let key = GeneratedApiKey::generate().unwrap();
        assert!(!format!("{key:?}").contains("plsd_"));
    }

    const HASH: &str = "sha256:2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b";

    #[rstest]
    #[case(HASH, &[])]
    #[case(&format!("  {HASH}  "), &[])]
    #[case(&format!("{HASH} orders.read \t orders.write"), &["orders.read", "orders.write"])]
    fn a_stored_key_may_have_scopes(#[case] text: &str, #[case] scopes: &[&str]) {
        let key: ApiKey = text.parse().unwrap();
        assert_eq!(key.hash, ApiKeyHash::of("secret"));
        assert!(key.scopes.iter().map(|scope| &**scope).eq(scopes.iter().copied()));
    }

    #[rstest]
    #[case("", BadApiKeyHash::Malformed)]
    #[case("secret", BadApiKeyHash::Malformed)]
    #[case("plsd_secret", BadApiKeyHash::Malformed)]
    #[case(&HASH[..70], BadApiKeyHash::Malformed)]
    #[case(&format!("orders.read {HASH}"), BadApiKeyHash::Malformed)]
    #[case(&format!("{HASH} orders\"read"), BadApiKeyHash::Scope)]
    #[case(&format!("{HASH} bestellungen.löschen"), BadApiKeyHash::Scope)]
    fn anything_else_is_no_stored_key(#[case] text: &str, #[case] error: BadApiKeyHash) {
        assert_eq!(text.parse::<ApiKey>(), Err(error));
    }

    proptest! {
        #[test]
        fn what_is_stored_is_read_back(
            key in ".{0,40}",
            scopes in proptest::collection::vec("[a-z:./]{1,9}", 0..4),
        ) {
            let hash = ApiKeyHash::of(&key);
            let text = format!("{} {}", hash.to_text(), scopes.join(" "));
            prop_assert_eq!(text.parse(), Ok(ApiKey::new(hash).with_scopes(scopes)));
        }

        #[test]
        fn no_text_makes_the_readers_panic(text in "(sha256:|plsd_)?[ -~é]{0,80}") {
            let _ = text.parse::<ApiKey>();
            let _ = GeneratedApiKey::is_well_formed(&text);
        }
    }
}
