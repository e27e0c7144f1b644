//! The memory of accepted messages: [`ReplayStore`], by which a message is accepted once.
//!
//! 1. A message is known by who vouched for it and by its own identifier: the thumbprint of the verifying key, and `jti`.
//! 2. [`ReplayStore::burn`] is asked after every other check. Of all the calls for one message, at the same time or one after
//!    another, at most one is ever answered [`Replay::Fresh`]: also when the clock goes back, when a larger skew is permitted
//!    afterwards, and when those who ask permit different skews.
//! 3. A message is remembered until nobody who shares the memory would accept it for its age: until its end and the largest skew
//!    that any of them permits. What comes from before the messages that were forgotten is refused, new or not.
//! 4. An identifier may come again in another message, with a later end, once the first is forgotten.
//! 5. Memories are bounded. A full one refuses: it never forgets a message before its time to make room.
//!
//! What this does not protect against: a message that was burnt and whose handling then failed cannot be sent again; its sender
//! makes a new one. A sender that gives one identifier to two messages: they are two, and the second may be accepted later.

use std::error::Error;
use std::fmt::Debug;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::BoxFuture;

/// Remembers which messages were accepted.
pub trait ReplayStore: Debug + Send + Sync + 'static {
    /// Accepts the message once.
    ///
    /// This is atomic: of any number of calls for one message, at most one is answered [`Replay::Fresh`], and it is the first unless
    /// that is refused. A call that is dropped before it is answered may have burnt the message.
    fn burn<'a>(&'a self, message: SeenMessage<'a>) -> BoxFuture<'a, Result<Replay, ReplayError>>;

    /// Makes ready what it needs, such as a file; stages ask for it as they are built. This may block. Once open, it stays so.
    fn open(&self) -> Result<(), ReplayError> {
        Ok(())
    }

    /// Says that messages will be asked about until that long after their end, so that all messages are remembered as long.
    ///
    /// Stages say so as they are built. A memory learns it from [`burn`](Self::burn) too, but then it may have forgotten
    /// messages, and has to refuse new ones that are as late as those. It never goes below what was said before.
    fn remember_for(&self, max_clock_skew: Duration) {
        let _ = max_clock_skew;
    }
}

/// A message whose other checks have passed.
#[derive(Debug, Clone, Copy)]
pub struct SeenMessage<'a> {
    /// Who vouched for it: the SHA-256 thumbprint of the verifying key (RFC 7638).
    pub sender: &'a [u8; 32],
    /// Its identifier, `jti`.
    pub id: &'a str,
    /// When it was created, `iat`.
    pub issued_at: SystemTime,
    /// When it ends, `exp`. It is the same whoever asks, so what was forgotten is told by it.
    pub expires_at: SystemTime,
    /// How long after its end the one who asks still accepts it. It is remembered at least that long.
    pub max_clock_skew: Duration,
    /// The time by the clock of policy.
    pub now: SystemTime,
}

/// What a memory knows of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
#[non_exhaustive]
pub enum Replay {
    /// It was not accepted before, and is now.
    Fresh,
    /// It was accepted before.
    Seen,
    /// The memory cannot know: the message comes from a time that it does not reach back to, or ended no later than one that was
    /// forgotten.
    TooOld,
}

/// Why a memory cannot answer; the message is not accepted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReplayError {
    /// It is full of messages that must not be forgotten yet.
    #[error("the replay memory is full")]
    Full,
    /// It does not work.
    #[error("the replay memory is not available: {0}")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
}

impl ReplayError {
    /// It does not work, because of this.
    pub fn unavailable(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Unavailable(cause.into())
    }
}

/// The replay memory of a server, as stages find it among the [`Resources`](crate::Resources). Clones share one memory.
///
/// ```
/// use std::sync::Arc;
/// use palisade_core::{Resources, ReplayStore, SharedReplay};
/// # use palisade_core::{BoxFuture, Replay, ReplayError, SeenMessage};
/// # #[derive(Debug)] struct Memory;
/// # impl ReplayStore for Memory {
/// #     fn burn<'a>(&'a self, _: SeenMessage<'a>) -> BoxFuture<'a, Result<Replay, ReplayError>> {
/// #         Box::pin(async { Ok(Replay::Fresh) })
/// #     }
/// # }
/// let resources = Resources::default().with(Arc::new(SharedReplay::new(Memory)));
/// // In the `build` of a stage; an error is an error of that stage's settings.
/// let memory: Arc<dyn ReplayStore> = resources.find::<SharedReplay>().unwrap().open()?;
/// # Ok::<(), ReplayError>(())
/// ```
#[derive(Debug, Clone)]
pub struct SharedReplay(Arc<dyn ReplayStore>);

impl SharedReplay {
    /// Shares that memory.
    pub fn new(store: impl ReplayStore) -> Self {
        Self(Arc::new(store))
    }

    /// The memory, made ready. This may block.
    pub fn open(&self) -> Result<Arc<dyn ReplayStore>, ReplayError> {
        self.0.open()?;
        Ok(Arc::clone(&self.0))
    }
}

impl From<Arc<dyn ReplayStore>> for SharedReplay {
    fn from(store: Arc<dyn ReplayStore>) -> Self {
        Self(store)
    }
}
