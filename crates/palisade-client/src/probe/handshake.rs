//! One handshake, and all that it tells.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use palisade_core::TlsVersion;
use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::crypto::SupportedKxGroup;
use rustls::{
    AlertDescription, CipherSuite, ClientConfig, ClientConnection, NamedGroup, ProtocolVersion,
    RootCertStore, SupportedProtocolVersion,
};
use rustls_pki_types::{CertificateDer, ServerName};

use super::flight::Flight;
use super::wire::Wire;
use super::witness::{Verdict, Witness};
use super::{Asked, Fault};
use crate::error::tls_error;
use crate::tls::TlsSetupError;

/// How long a peer may take to say what comes behind the handshake: tickets, and what it thinks of clients without a
/// certificate.
const AFTERWARDS: Duration = Duration::from_millis(500);

/// How a handshake is done.
#[derive(Debug)]
pub(super) struct Handshake {
    config: ClientConfig,
    witness: Arc<Witness>,
    name: ServerName<'static>,
    floor: TlsVersion,
}

/// What a handshake told.
#[derive(Debug, Default)]
pub(super) struct Told {
    pub(super) version: Option<TlsVersion>,
    pub(super) cipher_suite: Option<String>,
    pub(super) key_exchange: Option<String>,
    pub(super) alpn: Option<String>,
    pub(super) chain: Vec<CertificateDer<'static>>,
    pub(super) verdict: Option<Verdict>,
    pub(super) client_certificate: Asked,
    pub(super) resumption: Option<bool>,
    /// Why it failed, where that is not the verdict on the certificate.
    pub(super) fault: Option<Fault>,
}

impl Handshake {
    /// A handshake that offers these versions.
    pub(super) fn new(
        roots: RootCertStore,
        versions: &[&'static SupportedProtocolVersion],
        name: ServerName<'static>,
        floor: TlsVersion,
        alpn: &[&[u8]],
    ) -> Result<Self, TlsSetupError> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
            .build()
            .map_err(|_| TlsSetupError::NoAuthorities)?;
        let witness = Arc::new(Witness::new(verifier));
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)?
            .dangerous()
            .with_custom_certificate_verifier(Arc::clone(&witness) as _)
            .with_client_cert_resolver(Arc::clone(&witness) as _);
        config.resumption = Resumption::store(Arc::clone(&witness) as _);
        config.alpn_protocols = alpn.iter().map(|protocol| protocol.to_vec()).collect();
        Ok(Self {
            config,
            witness,
            name,
            floor,
        })
    }

    /// Does it.
    pub(super) fn run(self, wire: &mut Wire) -> Result<Told, TlsSetupError> {
        let mut connection = ClientConnection::new(Arc::new(self.config), self.name)?;
        let mut ended = finish(&mut connection, wire);
        let is_finished = ended.is_ok();
        if is_finished {
            ended = listen(&mut connection, wire, &self.witness);
            connection.send_close_notify();
            // The peer may be gone already.
            let _ = connection.write_tls(wire);
        }
        let seen = self.witness.seen();
        let flight = Flight::read(wire.heard());
        let version = connection.protocol_version().and_then(version).or(flight.version);
        let client_certificate = match seen.asked_for {
            Some(issuers) => Asked::Yes {
                issuers,
                is_required: seen.verdict.as_ref().is_some_and(Verdict::is_good)
                    && ended.as_ref().is_err_and(wants_certificate),
            },
            None if seen.verdict.is_some() => Asked::No,
            None => Asked::Unknown,
        };
        let is_required = matches!(
            client_certificate,
            Asked::Yes {
                is_required: true,
                ..
            }
        );
        let is_about_the_certificate = seen.verdict.as_ref().is_some_and(|verdict| !verdict.is_good());
        let fault = match &ended {
            Err(error) if !is_required && !is_about_the_certificate => Some(fault(error, self.floor)),
            _ => None,
        };
        Ok(Told {
            version,
            cipher_suite: connection
                .negotiated_cipher_suite()
                .map(|suite| suite_name(suite.suite())),
            key_exchange: connection
                .negotiated_key_exchange_group()
                .map(SupportedKxGroup::name)
                .or(flight.group.map(NamedGroup::from))
                .map(|group| group.as_str().map_or_else(|| format!("{group:?}"), str::to_owned)),
            alpn: connection
                .alpn_protocol()
                .map(|protocol| String::from_utf8_lossy(protocol).into_owned()),
            chain: if seen.chain.is_empty() {
                flight.chain
            } else {
                seen.chain
            },
            verdict: seen.verdict,
            client_certificate,
            resumption: (is_finished && !is_required).then_some(seen.may_resume),
            fault,
        })
    }
}

impl Verdict {
    fn is_good(&self) -> bool {
        self.chain.is_ok() && self.name_matches
    }
}

/// Until both sides are done.
fn finish(connection: &mut ClientConnection, wire: &mut Wire) -> io::Result<()> {
    while connection.is_handshaking() {
        connection.complete_io(wire)?;
    }
    // What the client says last may still have to go.
    while connection.wants_write() {
        connection.write_tls(wire)?;
    }
    Ok(())
}

/// What comes behind the handshake: with TLS 1.3 tickets, and refusals of clients.
fn listen(connection: &mut ClientConnection, wire: &mut Wire, witness: &Witness) -> io::Result<()> {
    if connection.protocol_version() != Some(ProtocolVersion::TLSv1_3) {
        return Ok(());
    }
    wire.end_within(AFTERWARDS);
    while !witness.seen().may_resume {
        match connection.read_tls(wire) {
            Ok(0) => break,
            Ok(_) => {
                connection
                    .process_new_packets()
                    .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            // It has nothing more to say, or is gone.
            Err(_) => break,
        }
    }
    Ok(())
}

/// Whether the peer ends a handshake as those do who got no certificate and want one. TLS 1.2 has no alert of its own for that
/// (RFC 5246 section 7.4.6).
fn wants_certificate(error: &io::Error) -> bool {
    matches!(
        tls_error(error),
        Some(rustls::Error::AlertReceived(
            AlertDescription::CertificateRequired
                | AlertDescription::BadCertificate
                | AlertDescription::CertificateUnknown
                | AlertDescription::HandshakeFailure
                | AlertDescription::AccessDenied
                | AlertDescription::UnknownCA
        ))
    )
}

fn fault(error: &io::Error, floor: TlsVersion) -> Fault {
    match tls_error(error) {
        Some(error) => Fault::of_tls(error, floor),
        None => Fault::of_io(error),
    }
}

fn version(version: ProtocolVersion) -> Option<TlsVersion> {
    match version {
        ProtocolVersion::TLSv1_2 => Some(TlsVersion::Tls12),
        ProtocolVersion::TLSv1_3 => Some(TlsVersion::Tls13),
        _ => None,
    }
}

/// The name of the registry, which has `TLS_` where the library has `TLS13_`.
pub(super) fn suite_name(suite: CipherSuite) -> String {
    let Some(name) = suite.as_str() else {
        return format!("0x{:04x}", u16::from(suite));
    };
    match name.strip_prefix("TLS13_") {
        Some(rest) => format!("TLS_{rest}"),
        None => name.to_owned(),
    }
}
