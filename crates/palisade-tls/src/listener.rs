//! What a listener knows at one moment: everything that a reload replaces.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use palisade_core::{BuildError, Clock, Finding, Severity};
use palisade_keystore::Keystores;
use rustls::crypto::aws_lc_rs::Ticketer;
use rustls::pki_types::UnixTime;
use rustls::server::{ProducesTickets, ServerSessionMemoryCache, StoresServerSessions};
use rustls::time_provider::TimeProvider;
use rustls::{ServerConfig, server};

use crate::clients::{Sources, Trust};
use crate::keys::Keys;
use crate::proxies::is_loopback;
use crate::settings::{
    ClientAuth, ClientCertHeader, ForwardedHeader, ListenerSettings, ProxyProtocol, TlsSettings,
};
use crate::suites::{self, Offer};
use crate::{TrustedProxies, crl};

/// A listener's policy, compiled. New handshakes and every request use the current one.
#[derive(Debug, Clone)]
pub(crate) struct Snapshot {
    pub(crate) tls: Option<Arc<ServerConfig>>,
    pub(crate) trust: Option<Arc<Trust>>,
    pub(crate) trusted_proxies: TrustedProxies,
    pub(crate) proxy_protocol: ProxyProtocol,
    pub(crate) client_cert_header: ClientCertHeader,
    pub(crate) forwarded_header: ForwardedHeader,
    pub(crate) handshake_timeout: Duration,
    /// Whether clients can show certificates here, by whatever way.
    pub(crate) asks_for_certificates: bool,
    pub(crate) files: Vec<PathBuf>,
    sessions: Sessions,
}

/// What settings are compiled with.
pub(crate) struct Surroundings<'a> {
    pub(crate) listener: &'a str,
    pub(crate) keystores: &'a Keystores,
    pub(crate) clock: &'a Arc<dyn Clock>,
    pub(crate) folder: &'a Path,
}

impl Snapshot {
    /// Compiles settings.
    pub(crate) fn build(
        settings: &ListenerSettings,
        surroundings: &Surroundings<'_>,
    ) -> Result<(Self, Vec<Finding>), BuildError> {
        let (mut faults, mut findings) = (BuildError::default(), Vec::new());
        let trusted_proxies =
            TrustedProxies::parse(&settings.trusted_proxies, "trusted-proxies", &mut faults);
        judge(settings, &trusted_proxies, &mut faults, &mut findings);
        let sessions = match Sessions::for_settings(&settings.tls) {
            Ok(sessions) => sessions,
            Err(error) => return Err(BuildError::at("tls", format_args!("tickets to be made: {error}"))),
        };
        let (trust, tls) = handshakes(settings, surroundings, &sessions, &mut faults, &mut findings);
        let snapshot = Self {
            asks_for_certificates: settings.asks_for_certificates(),
            tls,
            trust,
            trusted_proxies,
            proxy_protocol: settings.proxy_protocol,
            client_cert_header: settings.client_cert_header,
            forwarded_header: settings.forwarded_header,
            handshake_timeout: settings.tls.handshake_timeout.get(),
            files: settings
                .tls
                .crl_files
                .iter()
                .filter_map(|file| crl::path(file, surroundings.folder))
                .collect(),
            sessions,
        };
        faults.or_ok((snapshot, findings))
    }

    /// The same, with the sessions of an earlier policy where they may go on.
    pub(crate) fn with_sessions_of(&self, earlier: &Self) -> Self {
        let mut snapshot = self.clone();
        if snapshot.sessions.settings != earlier.sessions.settings {
            return snapshot;
        }
        snapshot.sessions = earlier.sessions.clone();
        snapshot.tls = snapshot.tls.map(|tls| {
            let mut config = ServerConfig::clone(&tls);
            snapshot.sessions.lend_to(&mut config);
            Arc::new(config)
        });
        snapshot
    }
}

/// Whom handshakes trust, and how they are made; what is missing has a fault that stands for it.
fn handshakes(
    settings: &ListenerSettings,
    surroundings: &Surroundings<'_>,
    sessions: &Sessions,
    faults: &mut BuildError,
    findings: &mut Vec<Finding>,
) -> (Option<Arc<Trust>>, Option<Arc<ServerConfig>>) {
    let Surroundings {
        listener,
        keystores,
        clock,
        folder,
    } = surroundings;
    // With an offer that cannot be made, keys and issuers are checked against the usual one: all faults are told at once.
    let offer = suites::offer(&settings.tls, faults, findings).or_else(|| {
        suites::offer(
            &TlsSettings::default(),
            &mut BuildError::default(),
            &mut Vec::new(),
        )
    });
    let Some(offer) = offer else {
        return (None, None);
    };
    let sources = Sources {
        keystores,
        folder,
        offer: &offer,
        now: clock.now(),
    };
    let trust = Trust::load(listener, &settings.tls, &sources, faults, findings);
    if !settings.tls.enabled {
        return (trust, None);
    }
    let keys = Keys::load(&settings.tls, keystores, &offer, faults, findings);
    let tls = server_config(settings, &offer, keys, trust.as_deref(), sessions, clock, faults);
    (trust, tls)
}

/// What the settings say about each other.
fn judge(
    settings: &ListenerSettings,
    trusted: &TrustedProxies,
    faults: &mut BuildError,
    findings: &mut Vec<Finding>,
) {
    let tls = &settings.tls;
    if tls.client_auth != ClientAuth::None {
        if !tls.enabled {
            faults.push(
                "tls.client-auth",
                "none where tls.enabled=false: without TLS there are no client certificates",
            );
        }
        if tls.client_ca_aliases.is_empty() {
            faults.push(
                "tls.client-ca-aliases",
                "the aliases of the trusted issuers, which tls.client-auth needs",
            );
        }
    }
    if settings.client_cert_header != ClientCertHeader::Off && tls.client_ca_aliases.is_empty() {
        faults.push(
            "tls.client-ca-aliases",
            "the aliases of the trusted issuers, which client-cert-header needs",
        );
    }
    for (index, protocol) in tls.alpn.iter().enumerate() {
        if !["h2", "http/1.1", "http/1.0"].contains(&protocol.as_str()) {
            faults.push(format!("tls.alpn[{index}]"), "h2, http/1.1 or http/1.0");
        }
    }
    if tls.handshake_timeout.get().is_zero() {
        faults.push("tls.handshake-timeout", "more than no time");
    }
    if !tls.enabled && !is_loopback(settings.bind.ip()) {
        let message = format!(
            "plain HTTP on {}, which other machines may reach: anybody on the way reads and changes it",
            settings.bind
        );
        findings.push(Finding::new(Severity::Severe, "plain-http", message).at("tls.enabled"));
    }
    let relies = [
        (
            settings.proxy_protocol != ProxyProtocol::Off,
            "proxy-protocol",
            "every connection is refused",
        ),
        (
            settings.client_cert_header != ClientCertHeader::Off,
            "client-cert-header",
            "the field is never believed",
        ),
        (
            settings.forwarded_header != ForwardedHeader::Off,
            "forwarded-header",
            "the field is never believed",
        ),
    ];
    for (is_on, key, effect) in relies {
        if is_on && trusted.is_empty() {
            let message = format!("{key} is on, but trusted-proxies names nobody: {effect}");
            findings.push(Finding::new(Severity::Moderate, "trusted-proxies-missing", message).at(key));
        }
    }
}

fn server_config(
    settings: &ListenerSettings,
    offer: &Offer,
    keys: Keys,
    trust: Option<&Trust>,
    sessions: &Sessions,
    clock: &Arc<dyn Clock>,
    faults: &mut BuildError,
) -> Option<Arc<ServerConfig>> {
    let time = Arc::new(ClockTime(Arc::clone(clock)));
    let builder = ServerConfig::builder_with_details(Arc::clone(&offer.provider), time);
    let builder = match builder.with_protocol_versions(&offer.versions) {
        Ok(builder) => builder,
        Err(error) => {
            faults.push(
                "tls",
                format_args!("versions and cipher suites that fit each other: {error}"),
            );
            return None;
        }
    };
    let verifier = match (settings.tls.client_auth, trust) {
        (ClientAuth::None, _) => server::WebPkiClientVerifier::no_client_auth(),
        (_, Some(trust)) => trust.verifier(),
        // A fault stands for it already.
        (_, None) => return None,
    };
    if settings.tls.client_auth != ClientAuth::None && verifier.supported_verify_schemes().is_empty() {
        faults.push(
            "tls.disabled-algorithms",
            "at least one signature algorithm for client certificates to remain",
        );
        return None;
    }
    let mut config = builder
        .with_client_cert_verifier(verifier)
        .with_cert_resolver(Arc::new(keys));
    config.alpn_protocols = settings
        .tls
        .alpn
        .iter()
        .map(|protocol| protocol.as_bytes().to_vec())
        .collect();
    config.ignore_client_order = offer.own_order;
    sessions.lend_to(&mut config);
    Some(Arc::new(config))
}

/// Sessions that clients may resume.
///
/// They go on over a reload of keys, issuers and revocation lists, because a resumed client is verified again in any case. They
/// end when the settings themselves change: nobody resumes a session that the new settings would not have made.
#[derive(Debug, Clone)]
struct Sessions {
    settings: TlsSettings,
    storage: Arc<dyn StoresServerSessions>,
    tickets: Arc<dyn ProducesTickets>,
}

impl Sessions {
    /// The most sessions that are kept for clients without tickets.
    const MOST: usize = 4096;

    fn for_settings(settings: &TlsSettings) -> Result<Self, rustls::Error> {
        Ok(Self {
            settings: settings.clone(),
            storage: ServerSessionMemoryCache::new(Self::MOST),
            tickets: Ticketer::new()?,
        })
    }

    fn lend_to(&self, config: &mut ServerConfig) {
        config.session_storage = Arc::clone(&self.storage);
        config.ticketer = Arc::clone(&self.tickets);
    }
}

/// The library's clock is ours.
#[derive(Debug)]
struct ClockTime(Arc<dyn Clock>);

impl TimeProvider for ClockTime {
    fn current_time(&self) -> Option<UnixTime> {
        let since = self.0.now().duration_since(SystemTime::UNIX_EPOCH).ok()?;
        Some(UnixTime::since_unix_epoch(since))
    }
}
