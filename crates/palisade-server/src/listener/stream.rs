//! The stream of one accepted connection.
//!
//! 1. It holds the connection's permit, so the cap counts a connection until its last byte.
//! 2. It closes **lingering** (RFC 9112 section 9.6): the write half is shut first, then what the client still sends is read and
//!    thrown away. Without that, bytes that arrive after `close` are answered with a TCP reset, and the reset destroys the
//!    413, 431 or 400 that the client has not read yet.
//! 3. A peer that takes no byte of an answer for [`WRITE_STALL`] is cut off, whether its socket takes none or it grants no
//!    window ([`Flow`]; that may take a quarter longer).
//!
//! What this does not protect against: a client that goes on sending beyond the bounds of the lingering close may lose the
//! answer.

use std::fmt;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use palisade_tls::PeerInfo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, Sleep, sleep};

use super::flow::Flow;

/// How long a close lingers when the client sends nothing more.
const LINGER_IDLE: Duration = Duration::from_secs(2);
/// How long a close lingers at most.
const LINGER_WHOLE: Duration = Duration::from_secs(10);
/// How many bytes are thrown away at most.
const LINGER_BYTES: usize = 64 * 1024 * 1024;
/// How long a peer may take no byte of what is written to it.
pub(crate) const WRITE_STALL: Duration = Duration::from_secs(60);
/// How often in that time it is looked at whether answers move.
const LOOKS: u32 = 4;

/// An accepted TCP connection.
pub struct ServedStream {
    io: TcpStream,
    peer: SocketAddr,
    local: SocketAddr,
    /// The client has closed its side.
    ended: bool,
    linger: Option<Linger>,
    stalled: Option<Pin<Box<Sleep>>>,
    flow: Arc<Flow>,
    limit: Duration,
    looking: Option<Looking>,
    _permit: OwnedSemaphorePermit,
}

/// Looking at whether answers move.
struct Looking {
    next: Pin<Box<Sleep>>,
    quiet: u32,
}

/// A close that waits for the client.
struct Linger {
    until: Instant,
    idle: Pin<Box<Sleep>>,
    left: usize,
}

impl ServedStream {
    /// Wraps an accepted connection.
    pub(crate) fn new(io: TcpStream, peer: SocketAddr, permit: OwnedSemaphorePermit) -> io::Result<Self> {
        let local = io.local_addr()?;
        Ok(Self {
            io,
            peer,
            local,
            ended: false,
            linger: None,
            stalled: None,
            flow: Arc::default(),
            limit: WRITE_STALL,
            looking: None,
            _permit: permit,
        })
    }

    /// Cuts the connection off when it takes nothing, and when these answers get nowhere, for that long.
    pub(super) fn watch(&mut self, flow: Arc<Flow>, limit: Duration) {
        self.flow = flow;
        self.limit = limit;
    }

    /// Ready once something has waited for the reader and nothing has moved for the limit.
    fn poll_stalled(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.looking.is_none() && !self.flow.waits() {
            return Poll::Pending;
        }
        let pause = self.limit / LOOKS;
        let looking = self.looking.get_or_insert_with(|| Looking {
            next: Box::pin(sleep(pause)),
            quiet: 0,
        });
        loop {
            ready!(looking.next.as_mut().poll(cx));
            if !self.flow.waits() {
                self.looking = None;
                return Poll::Pending;
            }
            looking.quiet = if self.flow.take_moved() {
                0
            } else {
                looking.quiet + 1
            };
            if looking.quiet >= LOOKS {
                return Poll::Ready(());
            }
            looking.next.as_mut().reset(Instant::now() + pause);
        }
    }

    /// Passes the result of a write on, unless the peer has taken nothing for too long.
    fn unless_stalled<T>(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let limit = self.limit;
        let timer = self.stalled.get_or_insert_with(|| Box::pin(sleep(limit)));
        ready!(timer.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl PeerInfo for ServedStream {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.peer)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.local)
    }
}

impl fmt::Debug for ServedStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServedStream")
            .field("peer", &self.peer)
            .field("local", &self.local)
            .finish_non_exhaustive()
    }
}

impl AsyncRead for ServedStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.poll_stalled(cx).is_ready() {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.io).poll_read(cx, buf))?;
        if buf.filled().len() == before && buf.remaining() > 0 {
            self.ended = true;
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for ServedStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write(cx, buf);
        self.unless_stalled(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write_vectored(cx, bufs);
        self.unless_stalled(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.linger.is_none() {
            ready!(Pin::new(&mut this.io).poll_shutdown(cx))?;
            this.linger = Some(Linger {
                until: Instant::now() + LINGER_WHOLE,
                idle: Box::pin(sleep(LINGER_IDLE)),
                left: if this.ended { 0 } else { LINGER_BYTES },
            });
        }
        match &mut this.linger {
            Some(linger) => linger.poll(&mut this.io, cx).map(Ok),
            None => Poll::Ready(Ok(())),
        }
    }
}

impl Linger {
    /// Ends when the client has closed its side, or when waiting for that makes no sense any more.
    fn poll(&mut self, io: &mut TcpStream, cx: &mut Context<'_>) -> Poll<()> {
        let mut scrap = [0_u8; 16 * 1024];
        while self.left > 0 {
            let mut buf = ReadBuf::new(&mut scrap);
            match Pin::new(&mut *io).poll_read(cx, &mut buf) {
                Poll::Ready(Ok(())) if !buf.filled().is_empty() => {
                    let next = (Instant::now() + LINGER_IDLE).min(self.until);
                    self.idle.as_mut().reset(next);
                    self.left = if Instant::now() < self.until {
                        self.left.saturating_sub(buf.filled().len())
                    } else {
                        0
                    };
                }
                Poll::Ready(_) => self.left = 0,
                Poll::Pending => {
                    ready!(self.idle.as_mut().poll(cx));
                    self.left = 0;
                }
            }
        }
        Poll::Ready(())
    }
}
