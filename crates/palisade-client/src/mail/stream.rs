//! A stream to a mail server, under TLS.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use palisade_core::TlsVersion;
use rustls::ProtocolVersion;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

/// A connection to a mail server whose certificate was verified; all that is read and written is under TLS.
pub struct MailStream {
    tls: TlsStream<TcpStream>,
    awaits_greeting: bool,
}

impl MailStream {
    pub(super) fn new(tls: TlsStream<TcpStream>, awaits_greeting: bool) -> Self {
        Self { tls, awaits_greeting }
    }

    /// Whether the server speaks first, with its greeting: so it is where the connection began with TLS.
    ///
    /// After an upgrade the server has greeted already and waits for the client, who begins anew: with `EHLO`, `CAPABILITY` or
    /// `CAPA`.
    pub fn awaits_greeting(&self) -> bool {
        self.awaits_greeting
    }

    /// The version of TLS that was agreed on.
    pub fn tls_version(&self) -> TlsVersion {
        match self.tls.get_ref().1.protocol_version() {
            Some(ProtocolVersion::TLSv1_3) => TlsVersion::Tls13,
            // None lower is ever agreed on.
            _ => TlsVersion::Tls12,
        }
    }
}

impl AsyncRead for MailStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tls).poll_read(cx, buf)
    }
}

impl AsyncWrite for MailStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.tls).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tls).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tls).poll_shutdown(cx)
    }
}

impl fmt::Debug for MailStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MailStream")
            .field("tls_version", &self.tls_version())
            .field("awaits_greeting", &self.awaits_greeting)
            .finish_non_exhaustive()
    }
}
