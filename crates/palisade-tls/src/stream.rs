//! What a connection is below TLS, and what it is to HTTP.

use std::fmt;
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

use crate::framing::Framing;

/// The two ends of a connection.
pub trait PeerInfo {
    /// The other end.
    fn peer_addr(&self) -> io::Result<SocketAddr>;

    /// This end.
    fn local_addr(&self) -> io::Result<SocketAddr>;
}

impl PeerInfo for TcpStream {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        Self::peer_addr(self)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Self::local_addr(self)
    }
}

/// A connection that was accepted: plain, or inside TLS.
///
/// It follows what is read from it, so that its [`ConnectionService`](crate::ConnectionService) knows the heads of requests as
/// they were sent. Serve HTTP on the stream itself, and hand every request to the service, in order.
pub struct ListenerStream<I> {
    kind: Kind<I>,
    framing: Arc<Framing>,
}

enum Kind<I> {
    Plain(I),
    Tls(Box<TlsStream<I>>),
}

impl<I> ListenerStream<I> {
    pub(crate) fn plain(stream: I) -> Self {
        Self::new(Kind::Plain(stream))
    }

    pub(crate) fn tls(stream: TlsStream<I>) -> Self {
        Self::new(Kind::Tls(Box::new(stream)))
    }

    fn new(kind: Kind<I>) -> Self {
        let framing = Arc::default();
        Self { kind, framing }
    }

    pub(crate) fn framing(&self) -> &Arc<Framing> {
        &self.framing
    }

    /// The connection below TLS.
    pub fn get_ref(&self) -> &I {
        match &self.kind {
            Kind::Plain(stream) => stream,
            Kind::Tls(stream) => stream.get_ref().0,
        }
    }
}

impl<I> fmt::Debug for ListenerStream<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            Kind::Plain(_) => "ListenerStream(plain)",
            Kind::Tls(_) => "ListenerStream(tls)",
        })
    }
}

impl<I: AsyncRead + AsyncWrite + Unpin> AsyncRead for ListenerStream<I> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let this = self.get_mut();
        let result = match &mut this.kind {
            Kind::Plain(stream) => Pin::new(stream).poll_read(cx, buffer),
            Kind::Tls(stream) => Pin::new(stream.as_mut()).poll_read(cx, buffer),
        };
        if let Some(bytes) = buffer.filled().get(before..)
            && !bytes.is_empty()
        {
            this.framing.follow(bytes);
        }
        result
    }
}

impl<I: AsyncRead + AsyncWrite + Unpin> AsyncWrite for ListenerStream<I> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.get_mut().kind {
            Kind::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Kind::Tls(stream) => Pin::new(stream.as_mut()).poll_write(cx, bytes),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match &mut self.get_mut().kind {
            Kind::Plain(stream) => Pin::new(stream).poll_write_vectored(cx, bytes),
            Kind::Tls(stream) => Pin::new(stream.as_mut()).poll_write_vectored(cx, bytes),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match &self.kind {
            Kind::Plain(stream) => stream.is_write_vectored(),
            Kind::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().kind {
            Kind::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Kind::Tls(stream) => Pin::new(stream.as_mut()).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().kind {
            Kind::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Kind::Tls(stream) => Pin::new(stream.as_mut()).poll_shutdown(cx),
        }
    }
}
