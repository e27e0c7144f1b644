//! Tokens that were verified before.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::digest;
use quick_cache::sync::Cache;

use super::claims::Times;
use super::token::Token;
use crate::standing::Standing;

/// How many tokens are remembered.
const REMEMBERED: usize = 10_000;

/// The SHA-256 of a token, which is all that is kept of its text.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct TokenHash([u8; 32]);

impl TokenHash {
    pub(super) fn of(token: &[u8]) -> Self {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest::digest(&digest::SHA256, token).as_ref());
        Self(hash)
    }
}

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
pub(super) struct Seen(Cache<TokenHash, Arc<Accepted>>);

impl Seen {
    pub(super) fn new() -> Self {
        Self(Cache::new(REMEMBERED))
    }

    pub(super) fn find(&self, hash: &TokenHash) -> Option<Arc<Accepted>> {
        self.0.get(hash)
    }

    pub(super) fn remember(&self, hash: TokenHash, accepted: Arc<Accepted>) {
        self.0.insert(hash, accepted);
    }

    pub(super) fn forget(&self, hash: &TokenHash) {
        self.0.remove(hash);
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

impl fmt::Debug for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Seen({})", self.0.len())
    }
}
