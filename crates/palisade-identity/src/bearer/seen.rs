//! Tokens that were verified before.
//!
//! 1. A token is found by a MAC of its text under a key that this process drew and nobody knows. Nothing else is kept of the text.
//! 2. The MAC is GMAC (NIST SP 800-38D): for a token of usual length, processors with instructions for it take a third of the time
//!    of SHA-256. Two texts of the longest token have the same one with a probability of at most 2^-117, whoever chose them, for no
//!    MAC leaves this file.
//! 3. All have one nonce, because the same token has to have the same MAC. Nothing is ever encrypted under the key.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::rand;
use quick_cache::sync::Cache;
use zeroize::Zeroizing;

use super::claims::Times;
use super::token::Token;
use crate::standing::Standing;

/// How many tokens are remembered.
const REMEMBERED: usize = 10_000;

/// What a token is found by.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Tag([u8; 16]);

/// A token that was good, with what has to be looked at again.
#[derive(Debug)]
pub(crate) struct Accepted {
    pub(crate) token: Arc<Token>,
    pub(super) times: Times,
    /// Of the keys that verified it.
    pub(super) generation: u64,
    /// Whom it stands for.
    pub(crate) standing: Standing,
}

/// The tokens that were good.
pub(super) struct Seen {
    tokens: Cache<Tag, Arc<Accepted>>,
    /// `None` where the system gave no randomness for it: then nothing is remembered.
    key: Option<LessSafeKey>,
}

impl Seen {
    pub(super) fn new() -> Self {
        let mut key = Zeroizing::new([0; 32]);
        let is_filled = rand::fill(&mut *key).is_ok();
        let key = UnboundKey::new(&AES_256_GCM, &*key).ok();
        Self {
            tokens: Cache::new(REMEMBERED),
            key: key.filter(|_| is_filled).map(LessSafeKey::new),
        }
    }

    /// What that text is found by.
    pub(super) fn tag(&self, token: &[u8]) -> Option<Tag> {
        let nonce = Nonce::assume_unique_for_key([0; 12]);
        let key = self.key.as_ref()?;
        let tag = key
            .seal_in_place_separate_tag(nonce, Aad::from(token), &mut [])
            .ok()?;
        tag.as_ref().try_into().ok().map(Tag)
    }

    pub(super) fn find(&self, tag: &Tag) -> Option<Arc<Accepted>> {
        self.tokens.get(tag)
    }

    pub(super) fn remember(&self, tag: Tag, accepted: Arc<Accepted>) {
        self.tokens.insert(tag, accepted);
    }

    pub(super) fn forget(&self, tag: &Tag) {
        self.tokens.remove(tag);
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.tokens.len()
    }
}

impl fmt::Debug for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Seen({})", self.tokens.len())
    }
}

#[cfg(test)]
mod tests {
    use super::Seen;

    #[test]
    fn a_text_is_found_by_itself_alone_and_in_one_memory_alone() {
        let (seen, other) = (Seen::new(), Seen::new());
        let token = "e".repeat(800);
        let tag = seen.tag(token.as_bytes());
        assert!(tag.is_some() && tag == seen.tag(token.as_bytes()));
        assert!(tag != other.tag(token.as_bytes()), "each has its own key");
        for position in 0..token.len() {
            let mut altered = token.clone().into_bytes();
            altered[position] ^= 1;
            assert!(tag != seen.tag(&altered), "{position}");
        }
        assert!(tag != seen.tag(&token.as_bytes()[1..]) && tag != seen.tag(b""));
    }
}
