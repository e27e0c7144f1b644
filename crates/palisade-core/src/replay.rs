//! The memory of accepted messages: [`ReplayStore`], by which a message is accepted once.
//!
//! 1. A message is known by who vouched for it and by its own identifier: the thumbprint of the verifying key, and `jti`.
//! 2. [`ReplayStore::burn`] is asked after every other check. Of all the calls for one message, at the same time or one after
//!    another, exactly one is answered [`Replay::Fresh`] until the message is forgotten.
//! 3. A message is forgotten no earlier than it would be refused for its age alone.
//! 4. Memories are bounded. A full one refuses: it never forgets a message before its time to make room.
//!
//! What this does not protect against: a message that was burnt and whose handling then failed cannot be sent again; its sender
//! makes a new one.

use std::error::Error;
use std::fmt::Debug;
use std::sync::Arc;
use std::time::SystemTime;

use crate::BoxFuture;

/// Remembers which messages were accepted.
pub trait ReplayStore: Debug + Send + Sync + 'static {
    /// Accepts the message once until it is forgotten.
    ///
    /// This is atomic: of any number of calls for one message, exactly one is answered [`Replay::Fresh`]. A call that is dropped
    /// before it is answered may have burnt the message.
    fn burn<'a>(&'a self, message: SeenMessage<'a>) -> BoxFuture<'a, Result<Replay, ReplayError>>;

    /// Makes ready what it needs, such as a file; stages ask for it as they are built. This may block. Once open, it stays so.
    fn open(&self) -> Result<(), ReplayError> {
        Ok(())
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
    /// From when on it is refused for its age: `exp` and the permitted skew. It is remembered at least this long.
    pub forget_at: SystemTime,
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
    /// The memory cannot know: the message comes from a time that it does not reach back to.
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
