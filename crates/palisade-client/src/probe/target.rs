//! What is probed.

use std::fmt;
use std::str::FromStr;

use http::Uri;
use rustls_pki_types::ServerName;

use crate::mail::url::{MailProtocol, MailUrl, ParseMailUrlError};

const HTTPS: &str = "https";

/// A protocol, a host and a port: `https`, or the address of a mail server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    scheme: String,
    host: String,
    port: u16,
    /// What is spoken before TLS.
    pub(super) upgraded: Option<MailProtocol>,
    pub(super) name: ServerName<'static>,
}

/// A text that is no target.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadTarget {
    /// It is no absolute URL.
    #[error("expected a URL such as https://partner.example")]
    NoUrl,
    /// It is no address of a mail server.
    #[error(transparent)]
    Mail(#[from] ParseMailUrlError),
    /// Nothing is known of its scheme, or it is one without TLS.
    #[error("expected one of https, smtps, imaps, pop3s, smtp, imap, pop3 for a scheme, found {0}")]
    Scheme(String),
    /// Its host cannot be the name of a server.
    #[error(transparent)]
    Host(#[from] BadServerName),
    /// It names somebody, whom a probe has no use for.
    #[error("expected a URL without a user")]
    User,
}

/// A text that can be no name of a server.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a host name or an address, found {0:?}")]
pub struct BadServerName(String);

impl Target {
    /// The host, an IPv6 address without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Whether what is spoken is HTTP.
    pub fn is_https(&self) -> bool {
        self.scheme == HTTPS
    }

    fn new(uri: &Uri, port: u16, upgraded: Option<MailProtocol>) -> Result<Self, BadTarget> {
        let host = uri.host().unwrap_or_default();
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let host = bare.unwrap_or(host);
        Ok(Self {
            scheme: uri.scheme_str().unwrap_or_default().to_owned(),
            host: host.to_owned(),
            port,
            upgraded,
            name: server_name(host)?,
        })
    }
}

impl FromStr for Target {
    type Err = BadTarget;

    /// Reads a URL; of `https` a path and a query are left out.
    fn from_str(text: &str) -> Result<Self, BadTarget> {
        if MailUrl::is_meant(text) {
            let url: MailUrl = text.parse()?;
            let port = url.uri().port_u16().ok_or(BadTarget::NoUrl)?;
            return Self::new(url.uri(), port, url.upgrades().then_some(url.protocol()));
        }
        let uri: Uri = text.trim().parse().map_err(|_| BadTarget::NoUrl)?;
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(BadTarget::NoUrl);
        };
        if scheme != HTTPS {
            return Err(BadTarget::Scheme(scheme.to_owned()));
        }
        if authority.as_str().contains('@') {
            return Err(BadTarget::User);
        }
        // A port that is too large counts as none, and must not be taken for the usual one.
        if authority.as_str() != authority.host() && authority.port_u16().is_none() {
            return Err(BadTarget::NoUrl);
        }
        Self::new(&uri, authority.port_u16().unwrap_or(443), None)
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            scheme, host, port, ..
        } = self;
        if host.contains(':') {
            write!(f, "{scheme}://[{host}]:{port}")
        } else {
            write!(f, "{scheme}://{host}:{port}")
        }
    }
}

/// A host name or an address.
pub(super) fn server_name(text: &str) -> Result<ServerName<'static>, BadServerName> {
    ServerName::try_from(text.to_owned()).map_err(|_| BadServerName(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::{BadTarget, Target};

    #[rstest]
    #[case("https://partner.example", "https://partner.example:443")]
    #[case("HTTPS://partner.example/orders?page=1", "https://partner.example:443")]
    #[case("https://[::1]:8443/", "https://[::1]:8443")]
    #[case("https://127.0.0.1:1", "https://127.0.0.1:1")]
    #[case("smtp://mail.example", "smtp://mail.example:587")]
    #[case("smtps://mail.example", "smtps://mail.example:465")]
    #[case("imap://mail.example", "imap://mail.example:143")]
    #[case("imaps://mail.example", "imaps://mail.example:993")]
    #[case("pop3://mail.example", "pop3://mail.example:110")]
    #[case("pop3s://mail.example", "pop3s://mail.example:995")]
    fn a_url_names_a_protocol_a_host_and_a_port(#[case] url: &str, #[case] expected: &str) {
        assert_eq!(url.parse::<Target>().unwrap().to_string(), expected);
    }

    #[rstest]
    #[case("partner.example")]
    #[case("partner.example:443")]
    #[case("/orders")]
    #[case("")]
    #[case("https://")]
    #[case("https://partner.example:99999")]
    #[case("https://partner.example:x")]
    #[case("https://user@partner.example")]
    #[case("https://a_b c")]
    fn what_is_no_url_of_a_server_is_no_target(#[case] url: &str) {
        assert!(url.parse::<Target>().is_err());
    }

    #[rstest]
    #[case("http://partner.example")]
    #[case("ftp://partner.example")]
    fn schemes_without_tls_are_named(#[case] url: &str) {
        assert!(matches!(url.parse::<Target>(), Err(BadTarget::Scheme(_))));
    }
}
