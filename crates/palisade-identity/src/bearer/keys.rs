//! Keys that verify tokens.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::signature::ParsedPublicKey;
use jsonwebtoken::DecodingKey;
use jsonwebtoken::crypto::aws_lc;
use palisade_keystore::{BadJwkSet, PublicKey, PublishedKeys, SkippedKey};

use super::algorithm::TokenAlgorithm;
use super::compact::Compact;
use super::remote::Lease;

/// The most keys of a set.
const MAX_KEYS: usize = 100;
/// The longest set, in bytes.
pub(super) const MAX_SET: usize = 256 * 1024;
/// How many keys one token is tried against.
const MAX_TRIED: usize = 8;

/// A key, with the algorithms it does.
pub(super) struct Key {
    kid: Option<String>,
    public: PublicKey,
    decoding: DecodingKey,
    algorithms: Vec<TokenAlgorithm>,
}

impl Key {
    /// `None` where tokens are not signed with such keys.
    pub(super) fn new(kid: Option<String>, public: PublicKey) -> Option<Self> {
        if !public.usage().allows_signature() {
            return None;
        }
        let is_bound_to = |algorithm| {
            let own = public.jose_algorithm();
            own.is_none_or(|name| TokenAlgorithm::named(name) == Some(algorithm))
        };
        let algorithms: Vec<_> = TokenAlgorithm::ALL
            .into_iter()
            .filter(|algorithm| algorithm.is_of(public.algorithm()) && is_bound_to(*algorithm))
            .filter(|algorithm| ParsedPublicKey::new(algorithm.verification(), public.spki_der()).is_ok())
            .collect();
        let decoding = algorithms.first()?.decoding_key(public.spki_der());
        Some(Self {
            kid,
            public,
            decoding,
            algorithms,
        })
    }

    fn does(&self, algorithm: TokenAlgorithm) -> bool {
        self.algorithms.contains(&algorithm)
    }

    /// Whether it signed the token, which is of an algorithm that it does.
    fn signed(&self, token: &Compact<'_>) -> bool {
        // By name, and not through the library's global, on which the features of any other crate decide.
        let verifier = aws_lc::DEFAULT_PROVIDER.verifier_factory;
        let verifier = verifier(&token.header.algorithm.of_library(), &self.decoding);
        verifier.is_ok_and(|verifier| verifier.verify(token.signed, &token.signature).is_ok())
    }
}

/// The same key, known by the same name and for the same algorithms.
impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.kid == other.kid
            && self.public.spki_der() == other.public.spki_der()
            && self.algorithms == other.algorithms
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let algorithms = self.algorithms.iter().map(|algorithm| algorithm.name());
        f.debug_struct("Key")
            .field("kid", &self.kid)
            .field("algorithms", &algorithms.collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

/// What keys say of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// One of them signed it.
    Signed,
    /// The one that its `kid` names did not.
    NotSigned,
    /// The one that its `kid` names does other algorithms.
    OtherAlgorithm,
    /// It may have been signed with one that is not here.
    Unknown,
}

/// Keys at one time.
#[derive(Debug, Default)]
pub(super) struct KeySet {
    /// Grows when keys change.
    pub(super) generation: u64,
    keys: Vec<Key>,
}

impl KeySet {
    pub(super) fn new(keys: Vec<Key>) -> Self {
        Self { generation: 0, keys }
    }

    /// The keys of a JWK Set that verify tokens, and why others do not.
    pub(super) fn read(document: &[u8]) -> Result<(Self, Vec<SkippedKey>), BadJwkSet> {
        let published = PublishedKeys::read(document, MAX_KEYS)?;
        let keys = published.keys.into_iter();
        let keys = keys
            .filter_map(|published| Key::new(published.kid, published.key))
            .collect();
        Ok((Self::new(keys), published.skipped))
    }

    pub(super) fn into_keys(self) -> Vec<Key> {
        self.keys
    }

    pub(super) fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Whether one of them does one of the algorithms.
    pub(super) fn does_any(&self, algorithms: &[TokenAlgorithm]) -> bool {
        let does = |key: &Key| algorithms.iter().any(|algorithm| key.does(*algorithm));
        self.keys.iter().any(does)
    }

    pub(super) fn has_the_same_keys(&self, other: &Self) -> bool {
        self.keys == other.keys
    }

    /// Whether one of them signed the token.
    pub(super) fn verdict(&self, token: &Compact<'_>) -> Verdict {
        let kid = token.header.kid.as_ref();
        let is_named = |key: &&Key| kid.is_some() && key.kid.as_ref() == kid;
        if self.keys.iter().any(|key| is_named(&key)) {
            return match signed_by_any(self.keys.iter().filter(is_named), token) {
                None => Verdict::OtherAlgorithm,
                Some(false) => Verdict::NotSigned,
                Some(true) => Verdict::Signed,
            };
        }
        // A key without a name may be the one that is meant, whatever the token calls it.
        let others = self.keys.iter().filter(|key| kid.is_none() || key.kid.is_none());
        match signed_by_any(others, token) {
            Some(true) => Verdict::Signed,
            Some(false) | None => Verdict::Unknown,
        }
    }
}

/// Whether one of the keys signed the token; `None` where none does its algorithm.
fn signed_by_any<'a>(keys: impl Iterator<Item = &'a Key>, token: &Compact<'_>) -> Option<bool> {
    let mut keys = keys
        .filter(|key| key.does(token.header.algorithm))
        .take(MAX_TRIED)
        .peekable();
    keys.peek()?;
    Some(keys.any(|key| key.signed(token)))
}

/// Where keys come from.
#[derive(Debug)]
pub(super) enum Keys {
    /// They never change.
    Fixed(Arc<KeySet>),
    /// They are fetched.
    Remote(Arc<Lease>),
}
