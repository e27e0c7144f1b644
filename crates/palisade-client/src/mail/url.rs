//! Addresses of mail servers.

use std::fmt;
use std::str::FromStr;

use http::Uri;
use http::uri::{Authority, PathAndQuery};

/// What a mail server speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum MailProtocol {
    /// RFC 5321.
    Smtp,
    /// RFC 9051.
    Imap,
    /// RFC 1939.
    Pop3,
}

/// The address of a mail server: `smtp`, `imap` or `pop3`, which upgrade to TLS, or `smtps`, `imaps` or `pop3s`, which begin with it.
///
/// Without a port it is 587, 143, 110, 465, 993 or 995: for SMTP the ports of submission (RFC 6409, RFC 8314).
///
/// ```
/// use palisade_client::{MailProtocol, MailUrl};
///
/// let url: MailUrl = "smtp://mail.example".parse()?;
/// assert_eq!((url.protocol(), url.upgrades()), (MailProtocol::Smtp, true));
/// assert_eq!(url.to_string(), "smtp://mail.example:587");
/// assert!("smtp://somebody@mail.example".parse::<MailUrl>().is_err());
/// # Ok::<(), palisade_client::ParseMailUrlError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailUrl {
    protocol: MailProtocol,
    upgrades: bool,
    /// Scheme, host and port.
    uri: Uri,
}

/// Why a text is no address of a mail server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected smtp://, smtps://, imap://, imaps://, pop3:// or pop3s:// with host and optional port, and nothing else"
)]
pub struct ParseMailUrlError(());

/// Schemes with their protocol, whether they upgrade, and their port.
const SCHEMES: [(&str, MailProtocol, bool, u16); 6] = [
    ("smtp", MailProtocol::Smtp, true, 587),
    ("smtps", MailProtocol::Smtp, false, 465),
    ("imap", MailProtocol::Imap, true, 143),
    ("imaps", MailProtocol::Imap, false, 993),
    ("pop3", MailProtocol::Pop3, true, 110),
    ("pop3s", MailProtocol::Pop3, false, 995),
];

impl MailUrl {
    /// Whether the scheme of that text is one of a mail server.
    pub fn is_meant(text: &str) -> bool {
        let scheme = text.trim().split_once("://").map(|(scheme, _)| scheme);
        scheme.is_some_and(|scheme| {
            SCHEMES
                .iter()
                .any(|(known, ..)| known.eq_ignore_ascii_case(scheme))
        })
    }

    /// What the server speaks.
    pub fn protocol(&self) -> MailProtocol {
        self.protocol
    }

    /// Whether the connection begins in the clear and is upgraded, as opposed to beginning with TLS.
    pub fn upgrades(&self) -> bool {
        self.upgrades
    }

    /// Scheme, host and port.
    pub fn uri(&self) -> &Uri {
        &self.uri
    }
}

impl FromStr for MailUrl {
    type Err = ParseMailUrlError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = ParseMailUrlError(());
        let uri: Uri = text.trim().parse().map_err(|_| error)?;
        let scheme = uri.scheme_str().ok_or(error)?;
        let known = SCHEMES
            .iter()
            .find(|(known, ..)| known.eq_ignore_ascii_case(scheme));
        let (scheme, protocol, upgrades, port) = *known.ok_or(error)?;
        let authority = uri.authority().ok_or(error)?;
        let host = authority.host();
        // A port that is too large counts as none, and must not be taken for the usual one.
        let is_plain = authority.as_str() == host || authority.port_u16().is_some();
        let has_more = uri.path().trim_matches('/').len() + uri.query().map_or(0, |query| query.len() + 1);
        if host.is_empty()
            || !is_plain
            || authority.as_str().contains('@')
            || has_more > 0
            || text.contains('#')
        {
            return Err(error);
        }
        let port = authority.port_u16().unwrap_or(port);
        let authority: Authority = format!("{host}:{port}").parse().map_err(|_| error)?;
        let uri = Uri::builder()
            .scheme(scheme)
            .authority(authority)
            .path_and_query(PathAndQuery::from_static("/"))
            .build();
        Ok(Self {
            protocol,
            upgrades,
            uri: uri.map_err(|_| error)?,
        })
    }
}

impl fmt::Display for MailUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.uri.to_string().trim_end_matches('/'))
    }
}
