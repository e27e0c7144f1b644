//! Memories that outlive a request: which messages were accepted, and what was used of limits, kept in memory or in a file.
//!
//! Of accepted messages:
//!
//! 1. [`MemoryReplay`] ends with its process and refuses messages created before it began.
//! 2. [`EmbeddedReplay`] keeps a file, `replay.redb`, and answers that a message is fresh only once that is on disk: what was
//!    accepted before a crash or `kill -9` is not accepted after it.
//! 3. Both are exact within their bound: they never forget a message before its time, refuse what does not fit, and forget what
//!    is due without ever stopping for all of it.
//! 4. A message is remembered until its end and the largest skew that anybody who asks permits, and told from forgotten ones by
//!    its end. So a larger skew, a clock that goes back and a restart in between open nothing.
//! 5. A message is kept as 24 bytes: 128 bits of a digest over sender and identifier, and its end. In memory that comes to about
//!    90 bytes each, and to less than 256 whatever senders do; in the file to about 40.
//! 6. A data directory belongs to one server at a time.
//!
//! Of limits:
//!
//! 1. [`MemoryLimits`] ends with its process. [`EmbeddedLimits`] keeps a file, `limits.redb`: what was granted before a crash or
//!    `kill -9` counts after it, and a little more for keys that were busy.
//! 2. Both are exact from any number of tasks, take from all limits of a request or from none, and keep no more keys than each
//!    limit has room for.
//!
//! What this does not protect against: a file put back from a backup, or removed, while no server runs, takes with it what it
//! does not know; keep such a server closed until every message accepted before has expired, and take it that what was used of
//! limits is forgotten. A file system that loses what it
//! said was written. Several servers behind one address, each with a memory of its own.
//!
//! # Example
//!
//! ```
//! use std::time::{Duration, SystemTime};
//! use palisade_core::{Replay, ReplayStore, SeenMessage};
//! use palisade_store::{EmbeddedReplay, EmbeddedReplayConfig};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let data_dir = folder.path().join("data");
//! # let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
//! let message = SeenMessage {
//!     sender: &[7; 32],
//!     id: "4f0c2c1e",
//!     issued_at: now,
//!     expires_at: now + Duration::from_secs(300),
//!     max_clock_skew: Duration::from_secs(300),
//!     now,
//! };
//! let memory = EmbeddedReplay::open(&EmbeddedReplayConfig::new(&data_dir))?;
//! assert_eq!(memory.burn(message).await?, Replay::Fresh);
//! assert_eq!(memory.burn(message).await?, Replay::Seen);
//! drop(memory);
//!
//! let memory = EmbeddedReplay::open(&EmbeddedReplayConfig::new(&data_dir))?;
//! assert_eq!(memory.burn(message).await?, Replay::Seen);
//! # Ok(()) }
//! ```

mod embedded;
mod identity;
mod index;
mod limits;
mod memory;
#[cfg(feature = "redis")]
mod redis;

#[cfg(feature = "redis")]
pub use self::redis::{
    RedisCause, RedisConfig, RedisConfigError, RedisFailure, RedisLimits, RedisPool, RedisReplay,
    RedisTopology,
};
pub use embedded::{EmbeddedReplay, EmbeddedReplayConfig, OpenError};
pub use limits::{EmbeddedLimits, EmbeddedLimitsConfig, MemoryLimits};
pub use memory::MemoryReplay;
