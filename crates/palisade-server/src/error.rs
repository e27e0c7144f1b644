//! Why a server does not serve.

use std::io;
use std::net::SocketAddr;

use palisade_core::{LimitStoreError, ReplayError};

/// Why a server does not serve.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// An address cannot be bound.
    #[error("palisade.{listener}: cannot listen on {address}: {source}")]
    Bind {
        /// `listeners.<name>` or `admin`.
        listener: String,
        /// The address.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
    /// A listener ended by itself.
    #[error("a listener ended: {0}")]
    Listener(#[source] io::Error),
    /// The memory of accepted messages cannot be opened.
    #[error("palisade.data-dir: {0}")]
    Replay(#[source] ReplayError),
    /// The counters of limits cannot be opened.
    #[error("palisade.data-dir: {0}")]
    Counters(#[source] LimitStoreError),
    /// Signals cannot be caught.
    #[error("signals cannot be caught: {0}")]
    Signals(#[source] io::Error),
    /// The gateway has no upstream.
    #[error("palisade.upstream.url is not set")]
    NoUpstream,
}
