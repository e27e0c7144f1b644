//! The verifier itself.

use std::fmt;
use std::sync::Arc;

use arc_swap::Guard;
use palisade_core::Clock;

use super::bad_token::{BadToken, printable};
use super::builder::BearerBuilder;
use super::claims;
use super::compact::{Compact, MAX_TOKEN};
use super::keys::{KeySet, Keys, Verdict};
use super::remote::Landing;
use super::rules::Rules;
use super::seen::{Accepted, Seen};
use super::token::Token;
use crate::standing::Standing;

/// Verifies bearer tokens. One is shared by all requests.
///
/// Built from settings with the stage `authentication`, or in code with [`Bearer::builder`].
///
/// ```
/// use palisade_identity::{BadToken, Bearer};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// // The key and the token of RFC 8037 appendix A, which says of nobody anything.
/// let bearer = Bearer::builder()
///     .issuer("https://issuer.example")
///     .audience("https://orders.example")
///     .jwk_set(br#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#)?
///     .build()?;
/// let token = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.\
///     hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
///
/// assert_eq!(bearer.verify(token).await, Err(BadToken::NotJson("payload")));
/// let altered = token.replace("hgyY", "hgyZ");
/// assert!(matches!(bearer.verify(&altered).await, Err(BadToken::UnknownKey(None))));
/// # Ok(()) }
/// ```
pub struct Bearer {
    rules: Rules,
    keys: Keys,
    seen: Seen,
    clock: Arc<dyn Clock>,
}

impl Bearer {
    /// Begins one in code.
    pub fn builder() -> BearerBuilder {
        BearerBuilder::default()
    }

    pub(super) fn assemble(rules: Rules, keys: Keys, clock: Arc<dyn Clock>) -> Self {
        Self {
            rules,
            keys,
            seen: Seen::new(),
            clock,
        }
    }

    /// What can be said at once: of a token that was seen before, or whose key is at hand. `None`: keys have to be waited for.
    pub fn verify_now(&self, token: &str) -> Option<Result<Arc<Token>, BadToken>> {
        let outcome = self.accept_now(token.as_bytes())?;
        Some(outcome.map(|accepted| Arc::clone(&accepted.token)))
    }

    /// Verifies a token; one whose key is not known may wait for one fetch of the issuer's keys.
    pub async fn verify(&self, token: &str) -> Result<Arc<Token>, BadToken> {
        let accepted = self.accept(token.as_bytes()).await?;
        Ok(Arc::clone(&accepted.token))
    }

    /// [`verify_now`](Self::verify_now), with what is kept beside the token.
    pub(crate) fn accept_now(&self, token: &[u8]) -> Option<Result<Arc<Accepted>, BadToken>> {
        self.keys.tend();
        let outcome = self.look_at(token);
        match &outcome {
            Err(BadToken::UnknownKey(_) | BadToken::NoKeys) if self.keys.may_learn() => None,
            _ => Some(outcome),
        }
    }

    /// [`verify`](Self::verify), with what is kept beside the token.
    pub(crate) async fn accept(&self, token: &[u8]) -> Result<Arc<Accepted>, BadToken> {
        self.keys.tend();
        let outcome = self.look_at(token);
        if let Err(BadToken::UnknownKey(_) | BadToken::NoKeys) = &outcome
            && let Some(landing) = self.keys.ask()
        {
            landing.wait().await;
            return self.look_at(token);
        }
        outcome
    }

    /// Looks at a token with what is at hand.
    fn look_at(&self, token: &[u8]) -> Result<Arc<Accepted>, BadToken> {
        // Before any work.
        if token.len() > MAX_TOKEN {
            return Err(BadToken::TooLong);
        }
        let keys = self.keys.current();
        let tag = self.seen.tag(token);
        if let Some(tag) = &tag
            && let Some(accepted) = self.seen.find(tag)
            && accepted.generation == keys.generation
        {
            return match accepted.times.check(self.clock.now()) {
                Ok(()) => Ok(accepted),
                Err(bad) => {
                    self.seen.forget(tag);
                    Err(bad)
                }
            };
        }
        let accepted = Arc::new(self.examine(token, &keys)?);
        if let Some(tag) = tag {
            self.seen.remember(tag, Arc::clone(&accepted));
        }
        Ok(accepted)
    }

    /// The whole way, for a token that was not seen before.
    fn examine(&self, token: &[u8], keys: &KeySet) -> Result<Accepted, BadToken> {
        let token = std::str::from_utf8(token).map_err(|_| BadToken::NotAToken)?;
        let compact = Compact::read(token, &self.rules.algorithms)?;
        match keys.verdict(&compact) {
            Verdict::Signed => {}
            Verdict::NotSigned => return Err(BadToken::Signature),
            Verdict::OtherAlgorithm => return Err(BadToken::AlgorithmOfAnotherKey),
            Verdict::Unknown if keys.is_empty() => return Err(BadToken::NoKeys),
            Verdict::Unknown => {
                let kid = compact.header.kid.as_deref();
                return Err(BadToken::UnknownKey(kid.map(printable)));
            }
        }
        let (token, times) = claims::read(&compact.payload()?, &self.rules)?;
        times.check(self.clock.now())?;
        Ok(Accepted {
            token: Arc::new(token),
            times,
            generation: keys.generation,
            standing: Standing::default(),
        })
    }

    #[cfg(test)]
    pub(super) fn remembered(&self) -> usize {
        self.seen.len()
    }
}

impl fmt::Debug for Bearer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bearer")
            .field("rules", &self.rules)
            .field("keys", &self.keys)
            .finish_non_exhaustive()
    }
}

/// Keys at one time, borrowed from where they are.
enum Current<'a> {
    Fixed(&'a KeySet),
    Remote(Guard<Arc<KeySet>>),
}

impl std::ops::Deref for Current<'_> {
    type Target = KeySet;

    fn deref(&self) -> &KeySet {
        match self {
            Self::Fixed(keys) => keys,
            Self::Remote(keys) => keys,
        }
    }
}

impl Keys {
    fn current(&self) -> Current<'_> {
        match self {
            Self::Fixed(keys) => Current::Fixed(keys),
            Self::Remote(lease) => Current::Remote(lease.0.current()),
        }
    }

    /// Has keys fetched that are no longer fresh; nobody waits for that.
    fn tend(&self) {
        if let Self::Remote(lease) = self {
            drop(lease.0.tend());
        }
    }

    fn may_learn(&self) -> bool {
        match self {
            Self::Fixed(_) => false,
            Self::Remote(lease) => lease.0.may_learn(),
        }
    }

    fn ask(&self) -> Option<Landing> {
        match self {
            Self::Fixed(_) => None,
            Self::Remote(lease) => lease.0.ask(),
        }
    }
}
