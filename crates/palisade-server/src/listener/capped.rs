//! A TCP listener with a cap on its connections.
//!
//! At the cap it stops accepting: further clients wait in the kernel's queue, and none is accepted only to be dropped.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum_server::{AddrListener, Address};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use super::stream::ServedStream;

/// The address of a [`CappedListener`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CappedAddress(pub SocketAddr);

impl Address for CappedAddress {
    type Stream = ServedStream;
    type Listener = CappedListener;
}

/// A TCP listener that accepts up to a number of connections at a time.
pub struct CappedListener {
    listener: TcpListener,
    permits: Arc<Semaphore>,
}

impl CappedListener {
    /// The cap where nobody chose another.
    const DEFAULT_CAP: usize = 10_000;

    /// Binds the address; `cap` is at least 1.
    pub async fn bind(address: SocketAddr, cap: usize) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let cap = cap.clamp(1, Semaphore::MAX_PERMITS);
        Ok(Self {
            listener,
            permits: Arc::new(Semaphore::new(cap)),
        })
    }

    /// The address that was bound, with the port the system chose for port 0.
    pub fn local(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

impl AddrListener<ServedStream, CappedAddress> for CappedListener {
    async fn bind_to(address: CappedAddress) -> io::Result<Self> {
        Self::bind(address.0, Self::DEFAULT_CAP).await
    }

    async fn accept_stream(&self) -> io::Result<(ServedStream, CappedAddress)> {
        let permit = Arc::clone(&self.permits)
            .acquire_owned()
            .await
            .map_err(io::Error::other)?;
        loop {
            let (stream, peer) = match self.listener.accept().await {
                Err(error) if is_of_one_connection(&error) => continue,
                accepted => accepted?,
            };
            // Small answers must not wait for the client's acknowledgements (RFC 896); should that fail, the connection is
            // already gone and its first read says so.
            let _ = stream.set_nodelay(true);
            return ServedStream::new(stream, peer, permit).map(|stream| (stream, CappedAddress(peer)));
        }
    }

    fn get_local_addr(&self) -> io::Result<CappedAddress> {
        self.local().map(CappedAddress)
    }
}

/// Whether the error belongs to a client that went away while it waited; the next one may be accepted at once.
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionRefused
    )
}

impl fmt::Debug for CappedListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CappedListener")
            .field("listener", &self.listener)
            .field("permits", &self.permits.available_permits())
            .finish()
    }
}
