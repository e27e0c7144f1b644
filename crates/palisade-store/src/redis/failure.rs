//! Why Redis has no answer.

use std::time::Duration;

use redis::RedisError;

/// Why Redis has no answer. It never quotes a URL or a password.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum RedisFailure {
    /// It did not answer in time. What was asked may have been done.
    #[error("Redis did not answer within {0:?}")]
    Timeout(Duration),
    /// There is no connection.
    #[error("Redis cannot be connected to: {0}")]
    Connect(#[source] RedisCause),
    /// The connection ended, or Redis refused. What was asked may have been done.
    #[error("Redis failed: {0}")]
    Command(#[source] RedisCause),
    /// What was connecting to it has ended.
    #[error("connecting to Redis was abandoned")]
    Abandoned,
    /// It answered something else.
    #[error("Redis answered something that is no answer")]
    Answer,
    /// It failed several times in a row, and was not asked.
    #[error("Redis failed several times in a row and is not asked for a moment")]
    Open,
}

impl RedisFailure {
    /// As the label of a metric.
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Self::Timeout(_) => "timeout",
            Self::Connect(_) | Self::Abandoned => "connect",
            Self::Command(_) | Self::Answer => "command",
            Self::Open => "open",
        }
    }
}

/// What the client library says.
#[derive(Debug, Clone, thiserror::Error)]
#[error(transparent)]
pub struct RedisCause(#[from] RedisError);
