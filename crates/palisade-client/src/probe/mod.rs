//! What a peer speaks, and whether a connection to it would come about: looked at without sending it anything.
//!
//! 1. A peer is asked as [`HttpsConnector`](crate::HttpsConnector) asks it: the same versions, suites, authorities and names. The
//!    verdict is that of a real connection.
//! 2. A chain that does not verify ends the handshake, as it does otherwise. It is told all the same, and why it is not trusted.
//! 3. Nothing is sent but handshakes and, before them, what STARTTLS needs (see [`crate::mail`]). No client certificate is shown.
//! 4. A peer that agrees to nothing is asked again for what it speaks, down to TLS 1.0 and suites that are never used. Nothing follows those handshakes either.
//! 5. One timeout spans all of it: the name's resolution, connections, handshakes.
//!
//! What this does not protect against: revocation of the server's certificate is not looked up. A peer that asks for a client
//! certificate may refuse every client for it, which no probe without one can tell.
//!
//! # Example
//! ```
//! use palisade_client::probe::{Fault, Target, TlsProbe};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let nobody = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?; // closed at once
//! let target: Target = format!("https://{nobody}").parse()?;
//! let probed = TlsProbe::new(target).run()?;
//! assert!(matches!(probed.faults.as_slice(), [Fault::Unreachable(_)]));
//!
//! assert!("http://partner.example".parse::<Target>().is_err());
//! # Ok(()) }
//! ```

mod fault;
mod flight;
mod handshake;
mod older;
mod run;
mod target;
mod upgrade;
mod wire;
mod witness;

use std::net::SocketAddr;
use std::time::Duration;

use palisade_core::{Clock as _, SystemClock, TlsVersion};
use palisade_keystore::Certificate;
use rustls_pki_types::{CertificateDer, ServerName};

pub use self::fault::Fault;
pub use self::target::{BadServerName, BadTarget, Target};
use crate::tls::{TlsSetupError, Trust};

const TIMEOUT: Duration = Duration::from_secs(10);

/// A look at a peer.
#[derive(Clone, Debug)]
pub struct TlsProbe {
    target: Target,
    server_name: Option<ServerName<'static>>,
    floor: TlsVersion,
    trust: Trust,
    timeout: Duration,
}

/// What was found.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Probed {
    /// The address that answered, or that was asked last.
    pub address: Option<SocketAddr>,
    /// The version that was agreed on, or else the one that the peer speaks, where that is known.
    pub version: Option<TlsVersion>,
    /// Whether that version meets the floor; `None` where the peer does not tell a version.
    pub floor_met: Option<bool>,
    /// The IANA name of the cipher suite.
    pub cipher_suite: Option<String>,
    /// The IANA name of the group of the key exchange, such as `X25519`.
    pub key_exchange: Option<String>,
    /// The application protocol that was agreed on.
    pub alpn: Option<String>,
    /// What the peer presents, its own certificate first.
    pub chain: Vec<CertificateDer<'static>>,
    /// Whether an authority that is trusted vouches for the chain; `None` where none was seen.
    pub is_trusted: Option<bool>,
    /// Whether the peer's certificate has the name; `None` where none was seen.
    pub name_matches: Option<bool>,
    /// What the peer said of client certificates.
    pub client_certificate: Asked,
    /// Whether the peer offers to resume the session; `None` where the handshake did not come that far.
    pub resumption: Option<bool>,
    /// Why no connection would come about; empty where one would.
    pub faults: Vec<Fault>,
}

/// Whether a peer asks for a client certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Asked {
    /// It was not heard.
    #[default]
    Unknown,
    /// It does not ask.
    No,
    /// It asks.
    Yes {
        /// The distinguished names of the issuers it accepts, DER; empty where it names none.
        issuers: Vec<Vec<u8>>,
        /// Whether it ended the connection for want of one.
        is_required: bool,
    },
}

impl TlsProbe {
    /// A probe with TLS 1.2 for a floor, the public authorities, the target's host for a name, and ten seconds.
    pub fn new(target: Target) -> Self {
        Self {
            target,
            server_name: None,
            floor: TlsVersion::LOWEST_SERVED,
            trust: Trust::default(),
            timeout: TIMEOUT,
        }
    }

    /// The least TLS version; below TLS 1.2 it stays TLS 1.2.
    #[must_use]
    pub fn minimum_version(mut self, floor: TlsVersion) -> Self {
        self.floor = floor.max(TlsVersion::LOWEST_SERVED);
        self
    }

    /// Trusts these authorities, and no others.
    #[must_use]
    pub fn trust_authorities(mut self, authorities: Vec<Certificate>) -> Self {
        self.trust = Trust::Authorities(authorities);
        self
    }

    /// Asks for this name in place of the target's host, and expects it in the certificate.
    pub fn server_name(mut self, name: &str) -> Result<Self, BadServerName> {
        self.server_name = Some(target::server_name(name)?);
        Ok(self)
    }

    /// How long all of it may take.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// The name that is asked for, and expected in the certificate.
    pub fn name(&self) -> &ServerName<'static> {
        self.server_name.as_ref().unwrap_or(&self.target.name)
    }

    /// The least version.
    pub fn floor(&self) -> TlsVersion {
        self.floor
    }

    /// What is probed.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// Looks at the peer. This blocks the thread, and is no work for a runtime's own.
    ///
    /// What the peer does wrong, or that there is none, stands under [`Probed::faults`]; an error is about what is trusted.
    pub fn run(&self) -> Result<Probed, TlsSetupError> {
        run::run(self, SystemClock::new().now())
    }
}
