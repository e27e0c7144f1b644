//! What a token has to say, checked before it is asked of any.

use std::time::Duration;

use super::algorithm::TokenAlgorithm;

/// The most that clocks may differ, in seconds.
const MAX_SKEW: u64 = 300;

/// What a token has to say.
#[derive(Clone, Debug)]
pub(super) struct Rules {
    pub(super) issuer: String,
    pub(super) audience: Vec<String>,
    pub(super) algorithms: Vec<TokenAlgorithm>,
    pub(super) clock_skew: Duration,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            issuer: String::new(),
            audience: Vec::new(),
            algorithms: TokenAlgorithm::DEFAULT.to_vec(),
            clock_skew: Duration::from_secs(60),
        }
    }
}

/// What the verifier of bearer tokens lacks, or has too much of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BearerError {
    /// No issuer.
    #[error("the issuer, exactly as the tokens' `iss` has it")]
    Issuer,
    /// No audience, or an empty one.
    #[error(
        "whom the tokens are for, as their `aud` has it: without it, tokens for others would be good here"
    )]
    Audience,
    /// No algorithm.
    #[error("at least one algorithm, or no such setting")]
    Algorithms,
    /// Clocks that differ by more than five minutes.
    #[error("at most 5m: for that long, tokens outlive their end")]
    ClockSkew,
    /// Neither keys nor a place where they are.
    #[error("where the issuer's keys are")]
    NoKeys,
    /// Keys from more than one place.
    #[error("one source of keys")]
    SeveralSources,
    /// No key does an algorithm that is accepted.
    #[error("a key that does one of the algorithms")]
    NoUsableKey,
}

impl Rules {
    /// Everything that is wrong with them.
    pub(super) fn faults(&self) -> impl Iterator<Item = BearerError> {
        let no_audience = self.audience.is_empty() || self.audience.iter().any(String::is_empty);
        let found = [
            (self.issuer.is_empty(), BearerError::Issuer),
            (no_audience, BearerError::Audience),
            (self.algorithms.is_empty(), BearerError::Algorithms),
            (
                self.clock_skew > Duration::from_secs(MAX_SKEW),
                BearerError::ClockSkew,
            ),
        ];
        found
            .into_iter()
            .filter(|(is_wrong, _)| *is_wrong)
            .map(|(_, fault)| fault)
    }
}
