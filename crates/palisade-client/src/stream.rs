//! A connection that remembers why TLS ended it.
//!
//! With TLS 1.3 a server tells what it thinks of a client's certificate only after the handshake, when the HTTP layer is reading
//! already. That layer keeps the words of an error at most, so the error itself is remembered here.

use std::fmt;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_rustls::MaybeHttpsStream;
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::error::tls_error;

/// A connection as the connector hands it out: TLS, or plain where that is allowed.
pub struct Stream {
    inner: MaybeHttpsStream<TokioIo<TcpStream>>,
    end: TlsEnd,
}

/// The error with which TLS ended a connection; shared with the pool's record of the connection.
#[derive(Clone, Default)]
pub(crate) struct TlsEnd(Arc<OnceLock<rustls::Error>>);

impl Stream {
    pub(crate) fn new(inner: MaybeHttpsStream<TokioIo<TcpStream>>) -> Self {
        Self {
            inner,
            end: TlsEnd::default(),
        }
    }

    /// Over TLS only what was agreed on is spoken; without TLS, HTTP/2 is a matter of prior knowledge.
    pub(crate) fn may_speak_http2(&self) -> bool {
        match &self.inner {
            MaybeHttpsStream::Http(_) => true,
            MaybeHttpsStream::Https(tls) => tls.inner().get_ref().1.alpn_protocol() == Some(b"h2"),
        }
    }

    fn remember<T>(&self, outcome: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if let Poll::Ready(Err(error)) = &outcome
            && let Some(tls) = tls_error(error)
        {
            // The first error is the cause; later ones follow from it.
            let _ = self.end.0.set(tls.clone());
        }
        outcome
    }
}

impl TlsEnd {
    pub(crate) fn error(&self) -> Option<&rustls::Error> {
        self.0.get()
    }
}

impl Connection for Stream {
    fn connected(&self) -> Connected {
        self.inner.connected().extra(self.end.clone())
    }
}

impl Read for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let outcome = Pin::new(&mut self.inner).poll_read(cx, buf);
        self.remember(outcome)
    }
}

impl Write for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.inner).poll_write(cx, buf);
        self.remember(outcome)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let outcome = Pin::new(&mut self.inner).poll_flush(cx);
        self.remember(outcome)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.inner).poll_write_vectored(cx, bufs);
        self.remember(outcome)
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream")
            .field("inner", &self.inner)
            .finish_non_exhaustive()
    }
}
