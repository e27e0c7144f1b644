//! `palisade.connections`: where the application connects to, and how.

use std::collections::BTreeMap;

use palisade_client::{ClientTlsSettings, MailUrl, ParseMailUrlError};
use palisade_config::{Config, Errors};
use palisade_core::settings::Period;
use palisade_core::{Finding, Severity};
use serde::Deserialize;

use super::{located, read};
use crate::gateway::Target;

/// Where connections stand.
pub(crate) const CONNECTIONS: &str = "palisade.connections";

/// Where client interceptors stand.
pub(crate) const CLIENT_INTERCEPTORS: &str = "palisade.client.interceptors";

/// `palisade.connections.<name>`.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[non_exhaustive]
pub struct ConnectionSettings {
    /// `https://` or `http://` with host, optional port and path; or a mail server: `smtp://`, `imap://` or `pop3://`, which upgrade
    /// to TLS, `smtps://`, `imaps://` or `pop3s://`, with host and optional port. Without it, only requests that name their
    /// whole target can be sent.
    pub url: Option<String>,
    /// The client interceptors that requests and answers pass, with their stages in the order of phases.
    #[serde(default)]
    pub interceptors: Vec<String>,
    /// How long an answer's head may take, connecting included, and how long its body may stand still; for a mail server, how long
    /// connecting may take.
    #[serde(default = "connection_timeout")]
    pub timeout: Period,
    /// The TLS side.
    #[serde(default)]
    pub tls: ClientTlsSettings,
}

const fn connection_timeout() -> Period {
    Period::seconds(30)
}

/// Where a connection leads.
#[derive(Debug, Clone)]
pub(crate) enum Destination {
    /// A server of HTTP.
    Http(Target),
    /// A mail server.
    Mail(MailUrl),
}

impl Destination {
    /// Reads a URL; what was expected comes back otherwise.
    pub(crate) fn parse(url: &str) -> Result<Self, String> {
        if MailUrl::is_meant(url) {
            return url
                .parse()
                .map(Self::Mail)
                .map_err(|error: ParseMailUrlError| error.to_string());
        }
        let is_http = ["http://", "https://"].iter().any(|scheme| {
            let start = url.trim().get(..scheme.len());
            start.is_some_and(|start| start.eq_ignore_ascii_case(scheme))
        });
        if is_http {
            Target::parse(url)
                .map(Self::Http)
                .map_err(|error| error.to_string())
        } else {
            Err("expected https://host, or smtp://, smtps://, imap://, imaps://, pop3:// or pop3s:// with host and optional port".to_owned())
        }
    }
}

impl ConnectionSettings {
    /// Those of every connection, with what is wrong beside what their types say.
    pub(crate) fn read_all(config: &Config, errors: &mut Errors) -> BTreeMap<String, Self> {
        let connections: BTreeMap<String, Self> = read(config, CONNECTIONS, errors);
        for (name, connection) in &connections {
            connection.check(config, &config.child_key(CONNECTIONS, name), errors);
        }
        connections
    }

    fn check(&self, config: &Config, key: &str, errors: &mut Errors) {
        let destination = self.url.as_deref().map(Destination::parse);
        if let Some(Err(expected)) = &destination {
            errors.push(config.complaint(&format!("{key}.url"), expected));
        }
        if self.timeout.get().is_zero() {
            errors.push(config.error(&format!("{key}.timeout"), "more than nothing"));
        }
        let list = format!("{key}.interceptors");
        if let Some(Ok(Destination::Mail(_))) = destination
            && !self.interceptors.is_empty()
        {
            let message = "client interceptors are for messages over HTTP; a mail server has none";
            errors.push(config.complaint(&list, message));
            return;
        }
        let declared = config.names(CLIENT_INTERCEPTORS);
        for (position, name) in self.interceptors.iter().enumerate() {
            if self
                .interceptors
                .iter()
                .take(position)
                .any(|earlier| earlier == name)
            {
                let expected = format!("each client interceptor once, but {name} stands there twice");
                errors.push(config.error(&list, expected));
            }
            if !declared.contains(&name.as_str()) {
                let message =
                    format!("unknown client interceptor {name}; declare {CLIENT_INTERCEPTORS}.{name}.…");
                let error = config.complaint(&list, message);
                errors.push(error.nearest(name, declared.iter().copied()));
            }
        }
    }

    fn findings(&self, config: &Config, name: &str, key: &str) -> Vec<Finding> {
        let of_tls = self.tls.findings(&format!("{key}.tls")).into_iter();
        let mut findings: Vec<Finding> = of_tls.map(|finding| placed(config, finding)).collect();
        let plain = |target: &Target| !target.is_https() && !target.is_on_loopback();
        match self.url.as_deref().map(Destination::parse) {
            Some(Ok(Destination::Http(target))) if plain(&target) => {
                let message = format!("requests over the connection {name} are sent in the clear");
                findings.push(located(
                    config,
                    Severity::Moderate,
                    "connection-plain-http",
                    &message,
                    &format!("{key}.url"),
                ));
            }
            None => {
                let message = format!(
                    "the connection {name} has no url: only requests that name their whole target can use it"
                );
                findings.push(located(
                    config,
                    Severity::Caution,
                    "connection-without-url",
                    &message,
                    key,
                ));
            }
            _ => {}
        }
        findings
    }
}

/// What is unwise about connections.
pub(super) fn findings(connections: &BTreeMap<String, ConnectionSettings>, config: &Config) -> Vec<Finding> {
    let of_one = |(name, connection): (&String, &ConnectionSettings)| {
        connection.findings(config, name, &config.child_key(CONNECTIONS, name))
    };
    connections.iter().flat_map(of_one).collect()
}

fn placed(config: &Config, finding: Finding) -> Finding {
    match finding.key.as_deref().and_then(|key| config.origin(key)) {
        Some(origin) => finding.from_origin(origin.to_string()),
        None => finding,
    }
}
