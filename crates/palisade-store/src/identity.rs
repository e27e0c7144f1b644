//! What a message is known by in a memory.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_lc_rs::digest::{Context, SHA256};
use palisade_core::SeenMessage;

/// The first 128 bits of SHA-256 over the sender's thumbprint and the identifier.
///
/// The thumbprint has a fixed length, so no two pairs give the same bytes. The digest has no secret, because a memory on disk
/// must find it again after a restart; none is needed. To have a message of somebody else refused, a sender needs an identifier
/// of its own whose digest equals that of one message of the other: 2^128 attempts. Two of its own may collide after 2^64; the
/// second is refused, which harms nobody else. How keys spread over tables is random in each process, see `index`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct MessageKey(pub(crate) [u8; 16]);

impl MessageKey {
    pub(crate) fn of(message: &SeenMessage<'_>) -> Self {
        let mut context = Context::new(&SHA256);
        context.update(message.sender);
        context.update(message.id.as_bytes());
        let digest = context.finish();
        let mut key = [0; 16];
        for (byte, from) in key.iter_mut().zip(digest.as_ref()) {
            *byte = *from;
        }
        Self(key)
    }
}

/// A message as a memory keeps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) key: MessageKey,
    /// Its end, `exp`, in whole seconds since 1970, rounded up.
    pub(crate) expires: u64,
}

impl Entry {
    pub(crate) fn of(message: &SeenMessage<'_>) -> Self {
        Self {
            key: MessageKey::of(message),
            expires: seconds_up(since_epoch(message.expires_at)),
        }
    }
}

/// Whole seconds, rounded up.
pub(crate) fn seconds_up(time: Duration) -> u64 {
    time.as_secs().saturating_add(u64::from(time.subsec_nanos() > 0))
}

/// Whole seconds since 1970, rounded down: the second it is.
pub(crate) fn current_second(time: SystemTime) -> u64 {
    since_epoch(time).as_secs()
}

/// Times before 1970 count as 1970.
fn since_epoch(time: SystemTime) -> Duration {
    time.duration_since(UNIX_EPOCH).unwrap_or_default()
}
