//! Memories that several servers share, in Redis: [`RedisLimits`] and [`RedisReplay`] over one [`RedisPool`].
//!
//! 1. **One truth.** Every decision is one script in Redis, which is atomic there: of all the callers of all the servers together,
//!    exactly as many are let through as the limit says, and a message is accepted once.
//! 2. **One round trip** for all the limits of a request. A server that does not know the script is sent it, once.
//! 3. **Time is Redis's**, so servers need not agree on theirs. A clock of Redis that goes back gives nothing back early.
//! 4. **Nothing waits long.** A call ends within [`RedisConfig::timeout`], connecting included; after several failures in a row
//!    calls fail at once, and one at a time tries whether Redis is back. Opening never needs Redis.
//! 5. **Redis forgets what is idle.** Every key of a limit ends when its share is whole again; a counter keeps shares for
//!    `max_keys` keys at most, and keys beyond them share one bucket. As many things that were counted once are remembered.
//! 6. **One slot.** The hash tag of every key is the prefix (`{palisade}:limit:…`). A Redis Cluster therefore keeps everything of one
//!    prefix on one of its nodes: that is what lets one script see all limits of a request. Give each installation a prefix of its
//!    own, and they spread.
//!
//! What Redis needs, and what this does not protect against, stands at [`RedisPool`].

mod breaker;
mod config;
mod connect;
mod failure;
mod limits;
mod pool;
mod replay;
mod script;
mod slot;

pub use config::{RedisConfig, RedisConfigError, RedisTopology};
pub use failure::{RedisCause, RedisFailure};
pub use limits::RedisLimits;
pub use pool::RedisPool;
pub use replay::RedisReplay;
