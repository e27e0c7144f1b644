//! From a TCP connection to one that HTTP may be spoken on, with its facts.

use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;

use arc_swap::ArcSwap;
use axum_server::accept::Accept;
use palisade_core::{BuildError, CertificateSource, Clock, Connection, Finding, TlsSession};
use palisade_keystore::Keystores;
use rustls::pki_types::CertificateDer;
use rustls::{HandshakeKind, ServerConnection};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::clients::Trust;
use crate::ending::Ending;
use crate::failure::Failure;
use crate::listener::{Snapshot, Surroundings};
use crate::presented::{Presented, Recent};
use crate::proxy::{self, Proxied};
use crate::settings::{ListenerSettings, ProxyProtocol};
use crate::{ConnectionService, ListenerStream, PeerInfo, protocol, suites};

/// Accepts connections of one listener: PROXY header, TLS handshake, facts. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Acceptor(Arc<Shared>);

/// What all connections of a listener share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) name: Arc<str>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) snapshot: ArcSwap<Snapshot>,
    pub(crate) recent: Recent,
    pub(crate) ending: &'static Ending,
    folder: PathBuf,
}

impl Acceptor {
    /// Compiles a listener's settings. Keys of faults and findings are relative to `palisade.listeners.<name>`; relative files
    /// start at `folder`.
    pub fn new(
        name: &str,
        settings: &ListenerSettings,
        keystores: &Keystores,
        clock: Arc<dyn Clock>,
        folder: &Path,
    ) -> Result<(Self, Vec<Finding>), BuildError> {
        let surroundings = Surroundings {
            listener: name,
            keystores,
            clock: &clock,
            folder,
        };
        let (snapshot, findings) = Snapshot::build(settings, &surroundings)?;
        let shared = Shared {
            name: name.into(),
            snapshot: ArcSwap::from_pointee(snapshot),
            recent: Recent::default(),
            ending: Ending::shared(),
            folder: folder.to_owned(),
            clock,
        };
        Ok((Self(Arc::new(shared)), findings))
    }

    /// Compiles the settings anew, keys, issuers, revocation lists and all, and [adopts](Self::adopt) the result. After an error
    /// everything is as before.
    pub fn reload(
        &self,
        settings: &ListenerSettings,
        keystores: &Keystores,
    ) -> Result<Vec<Finding>, BuildError> {
        let shared = &self.0;
        let clock = Arc::clone(&shared.clock);
        let (anew, findings) = Self::new(&shared.name, settings, keystores, clock, &shared.folder)?;
        self.adopt(&anew);
        Ok(findings)
    }

    /// Puts in force here what `other` compiled from the settings of the same listener.
    ///
    /// 1. New handshakes and every further request use it. It reads no file, so nothing can fail halfway.
    /// 2. Connections stay; their client certificates are verified again at the next request.
    /// 3. Sessions can still be resumed where the settings under `tls` are equal; otherwise those of `other` are taken, and
    ///    nobody resumes a session that the new settings would not have made.
    pub fn adopt(&self, other: &Self) {
        let snapshot = &self.0.snapshot;
        let adopted = other.0.snapshot.load().with_sessions_of(&snapshot.load());
        snapshot.store(Arc::new(adopted));
    }

    /// The listener's name.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// The files to watch: a change asks for a [`reload`](Self::reload).
    pub fn files(&self) -> Vec<PathBuf> {
        self.0.snapshot.load().files.clone()
    }

    /// What the ages of the revocation lists in force call for now; keys are relative as those of [`new`](Self::new).
    pub fn findings_of_lists(&self) -> Vec<Finding> {
        let snapshot = self.0.snapshot.load();
        let trust = snapshot.trust.as_deref();
        trust.map_or_else(Vec::new, |trust| trust.findings_of_lists(self.0.clock.now()))
    }

    /// Brings one connection to the point where HTTP begins.
    pub async fn handshake<I, S>(
        &self,
        stream: I,
        service: S,
    ) -> io::Result<(ListenerStream<I>, ConnectionService<S>)>
    where
        I: AsyncRead + AsyncWrite + PeerInfo + Unpin,
    {
        let snapshot = self.0.snapshot.load_full();
        let limit = snapshot.handshake_timeout;
        let result = match timeout(limit, self.establish(&snapshot, stream)).await {
            Ok(result) => result,
            Err(_) => Err(Failure::Timeout),
        };
        match result {
            Ok((stream, established)) => {
                let framing = Arc::clone(stream.framing());
                Ok((stream, ConnectionService::new(service, established, framing)))
            }
            Err(failure) => {
                failure.record(&self.0.name);
                Err(failure.into())
            }
        }
    }

    async fn establish<I>(
        &self,
        snapshot: &Snapshot,
        mut stream: I,
    ) -> Result<(ListenerStream<I>, Established), Failure>
    where
        I: AsyncRead + AsyncWrite + PeerInfo + Unpin,
    {
        let peer = stream.peer_addr().map_err(Failure::Gone)?;
        let local = stream.local_addr().map_err(Failure::Gone)?;
        let mut connection = Connection::new(Arc::clone(&self.0.name), peer, local);
        connection.asks_for_certificates = snapshot.asks_for_certificates;
        let mut proxied = None;
        if snapshot.proxy_protocol == ProxyProtocol::Required {
            if !snapshot.trusted_proxies.contains(peer.into()) {
                return Err(Failure::UntrustedProxy(peer));
            }
            let header = proxy::read(&mut stream).await.map_err(Failure::ProxyHeader)?;
            if let Some(client) = header.client {
                connection = connection.with_client(client);
            }
            proxied = Some(header);
        }
        let Some(config) = &snapshot.tls else {
            let established = self.without_tls(snapshot, connection, proxied);
            return Ok((ListenerStream::plain(stream), established));
        };
        // What a proxy says of its own session is no fact of this one.
        let stream = TlsAcceptor::from(Arc::clone(config))
            .accept(stream)
            .await
            .map_err(Failure::Handshake)?;
        let established = self.with_tls(snapshot, connection, &stream)?;
        Ok((ListenerStream::tls(stream), established))
    }

    fn without_tls(
        &self,
        snapshot: &Snapshot,
        mut connection: Connection,
        proxied: Option<Proxied>,
    ) -> Established {
        let mut presented = None;
        if let Some(Proxied { tls, certificate, .. }) = proxied {
            if let Some(tls) = tls {
                connection = connection.with_tls(tls);
            }
            if let (Some(der), Some(trust)) = (certificate, &snapshot.trust) {
                let chain = vec![CertificateDer::from(der)];
                let now = self.0.clock.now();
                // One that cannot be read is none; one that does not verify is refused at each request.
                presented = Presented::verify(chain, CertificateSource::ProxyProtocol, trust, now).ok();
            }
        }
        Established::new(&self.0, connection, presented)
    }

    fn with_tls<I>(
        &self,
        snapshot: &Snapshot,
        connection: Connection,
        stream: &TlsStream<I>,
    ) -> Result<Established, Failure> {
        let (_, session) = stream.get_ref();
        let tls = facts(session).ok_or(Failure::Unsettled)?;
        let presented = match (session.peer_certificates(), &snapshot.trust) {
            (Some(chain), Some(trust)) if !chain.is_empty() => {
                Some(self.presented(chain, trust, tls.resumed)?)
            }
            _ => None,
        };
        Ok(Established::new(&self.0, connection.with_tls(tls), presented))
    }

    /// A resumed session brings the certificates of an earlier handshake, and the library does not look at them again.
    fn presented(
        &self,
        chain: &[CertificateDer<'_>],
        trust: &Trust,
        is_resumed: bool,
    ) -> Result<Presented, Failure> {
        let chain: Vec<_> = chain.iter().map(|der| der.clone().into_owned()).collect();
        let now = self.0.clock.now();
        let presented = if is_resumed {
            Presented::verify(chain, CertificateSource::Handshake, trust, now)
        } else {
            Presented::accepted(chain, CertificateSource::Handshake, trust, now)
        };
        presented.map_err(Failure::Certificate)
    }
}

fn facts(session: &ServerConnection) -> Option<TlsSession> {
    let version = protocol::version(session.protocol_version()?)?;
    let suite = suites::iana_name(session.negotiated_cipher_suite()?.suite());
    let mut tls = TlsSession::new(version, suite);
    tls.server_name = session.server_name().map(Arc::from);
    tls.alpn = session
        .alpn_protocol()
        .and_then(|alpn| std::str::from_utf8(alpn).ok())
        .map(Arc::from);
    tls.resumed = session.handshake_kind() == Some(HandshakeKind::Resumed);
    Some(tls)
}

/// A connection with its facts, settled once.
#[derive(Debug)]
pub(crate) struct Established {
    pub(crate) shared: Arc<Shared>,
    pub(crate) connection: Arc<Connection>,
    /// The same without the certificate: behind a proxy that carries clients' certificates in a field, its own certificate says
    /// nothing of the client.
    pub(crate) anonymous: Arc<Connection>,
    pub(crate) presented: Option<Presented>,
}

impl Established {
    fn new(shared: &Arc<Shared>, connection: Connection, presented: Option<Presented>) -> Self {
        let anonymous = Arc::new(connection);
        let connection = match &presented {
            Some(presented) => {
                Arc::new(Connection::clone(&anonymous).with_certificate(Arc::clone(presented.certificate())))
            }
            None => Arc::clone(&anonymous),
        };
        Self {
            shared: Arc::clone(shared),
            connection,
            anonymous,
            presented,
        }
    }
}

impl<I, S> Accept<I, S> for Acceptor
where
    I: AsyncRead + AsyncWrite + PeerInfo + Unpin + Send + 'static,
    S: Send + 'static,
{
    type Stream = ListenerStream<I>;
    type Service = ConnectionService<S>;
    type Future = Pin<Box<dyn Future<Output = io::Result<(Self::Stream, Self::Service)>> + Send>>;

    fn accept(&self, stream: I, service: S) -> Self::Future {
        let acceptor = self.clone();
        Box::pin(async move { acceptor.handshake(stream, service).await })
    }
}
