//! Connections to mail servers: over TLS, or not at all.
//!
//! 1. `smtp`, `imap` and `pop3` begin in the clear and upgrade: STARTTLS of RFC 3207 and of RFC 9051 section 6.2.1, STLS of RFC 2595
//!    section 4. A server that does not offer it, or refuses it, gets no connection: there is no way on in the clear.
//! 2. `smtps`, `imaps` and `pop3s` speak TLS at once (RFC 8314).
//! 3. The floor, the trust and the certificate are those of every other connection of the [`ClientBuilder`](crate::ClientBuilder).
//! 4. Whatever the server sends behind its answer to STARTTLS, before TLS, ends the connection: it would count as said over TLS
//!    (CVE-2011-0411). With SMTP and POP3, so does whatever it sends unasked before. An IMAP server that says that the session is
//!    authenticated already (`PREAUTH`) is refused, because STARTTLS would then be forbidden.
//! 5. Nothing that was said in the clear is kept or handed on (RFC 3207 section 4.2): after the upgrade, the client begins anew.
//! 6. Lines in the clear end in CRLF, have at most 8192 bytes, and are 64 at most. One timeout spans all of it: the name, TCP, the
//!    dialogue and the handshake.
//!
//! What it does not protect against: somebody on the way sees that mail is spoken and, from the certificate or the server's name in
//! the handshake, with whom; a server that stalls once the stream is handed out is its reader's to bound.

pub(crate) mod dialogue;
pub(crate) mod failure;
mod lines;
mod stream;
#[cfg(test)]
mod tests;
pub(crate) mod url;

use std::fmt;
use std::time::Duration;

use hyper_rustls::{DefaultServerNameResolver, ResolveServerName};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioIo;
use palisade_core::TlsVersion;
use rustls::ClientConfig;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tower_service::Service as _;

pub use self::stream::MailStream;
pub use self::url::{MailProtocol, MailUrl, ParseMailUrlError};
use crate::connector::tcp;
use crate::error::{ClientError, ErrorKind};

/// Opens connections to mail servers; made by [`ClientBuilder::build_mail`](crate::ClientBuilder::build_mail).
///
/// ```
/// use palisade_client::{ClientBuilder, ErrorKind};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let connector = ClientBuilder::new().build_mail()?;
/// let nobody = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?; // closed at once
///
/// let refused = connector.open(&format!("smtp://{nobody}").parse()?).await.unwrap_err();
/// assert_eq!(refused.kind(), ErrorKind::Unreachable);
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct MailConnector {
    tcp: HttpConnector,
    tls: TlsConnector,
    floor: TlsVersion,
    timeout: Duration,
}

impl MailConnector {
    pub(crate) fn new(tls: ClientConfig, floor: TlsVersion, timeout: Duration) -> Self {
        Self {
            tcp: tcp(timeout),
            tls: TlsConnector::from(std::sync::Arc::new(tls)),
            floor,
            timeout,
        }
    }

    /// Connects, upgrades where the scheme says so, and hands out the stream under TLS.
    pub async fn open(&self, url: &MailUrl) -> Result<MailStream, ClientError> {
        let target = url.uri();
        tokio::time::timeout(self.timeout, self.connect(url))
            .await
            .map_err(|elapsed| ClientError::new(ErrorKind::ConnectTimeout, target, Some(elapsed.into())))?
    }

    async fn connect(&self, url: &MailUrl) -> Result<MailStream, ClientError> {
        let target = url.uri();
        let lost = |error| ClientError::connecting(error, target, self.floor);
        let name = DefaultServerNameResolver::default()
            .resolve(target)
            .map_err(lost)?;
        let connecting = self.tcp.clone().call(target.clone());
        let tcp = connecting.await.map_err(|error| lost(error.into()))?;
        let tcp: TcpStream = TokioIo::into_inner(tcp);
        let tcp = if url.upgrades() {
            let upgraded = dialogue::upgrade(tcp, url.protocol()).await;
            upgraded.map_err(|failure| ClientError::new(failure.kind(), target, Some(failure.into())))?
        } else {
            tcp
        };
        let tls = self.tls.connect(name, tcp).await;
        let tls = tls.map_err(|error| lost(error.into()))?;
        Ok(MailStream::new(tls, !url.upgrades()))
    }
}

impl fmt::Debug for MailConnector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MailConnector")
            .field("floor", &self.floor)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}
