//! What a gateway changes in heads, as pure functions.
//!
//! 1. Fields of one hop are removed in both directions: `Connection` and every field it names, `Keep-Alive`,
//!    `Proxy-Connection`, `Proxy-Authenticate`, `Proxy-Authorization`, `Proxy-Authentication-Info`, `TE`, `Transfer-Encoding`,
//!    `Upgrade`, `HTTP2-Settings` (RFC 9110 sections 7.6.1 and 7.8). An upgrade is thereby ignored, as RFC 9110 allows.
//! 2. `TE: trailers` is said anew where the client said it; `Trailer` stays, and trailers pass.
//! 3. A client cannot have `Connection` name a field that the gateway vouches for: what the gateway sets is set afterwards.
//! 4. `X-Forwarded-For`, `-Proto` and `-Host` are written freshly from facts; whatever the client said in these, in `Forwarded`
//!    and in their relatives is dropped.
//! 5. Fields that carry client certificates never reach the upstream from a client.
//! 6. `X-Request-Id` is the id of this exchange. All these are dropped also where their names are spelt with underscores.
//! 7. `Via` is appended (RFC 9110 section 7.6.3).

use http::header::{
    CONNECTION, CONTENT_LENGTH, FORWARDED, HOST, HeaderMap, HeaderName, HeaderValue, PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION, TE, TRANSFER_ENCODING, UPGRADE, VIA,
};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{Uri, Version, request, response};
use palisade_core::RequestId;
use palisade_core::facts::{client_address, tls_session};

/// Fields of one hop besides those that `Connection` names.
const OF_ONE_HOP: [HeaderName; 10] = [
    CONNECTION,
    PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION,
    TE,
    TRANSFER_ENCODING,
    UPGRADE,
    HeaderName::from_static("http2-settings"),
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-authentication-info"),
    HeaderName::from_static("proxy-connection"),
];

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// Fields by which a proxy speaks of its client.
const OF_A_PROXY: [HeaderName; 14] = [
    FORWARDED,
    X_FORWARDED_FOR,
    X_FORWARDED_HOST,
    X_FORWARDED_PROTO,
    HeaderName::from_static("client-cert"),
    HeaderName::from_static("client-cert-chain"),
    HeaderName::from_static("x-forwarded-by"),
    HeaderName::from_static("x-forwarded-client-cert"),
    HeaderName::from_static("x-forwarded-port"),
    HeaderName::from_static("x-forwarded-prefix"),
    HeaderName::from_static("x-forwarded-scheme"),
    HeaderName::from_static("x-forwarded-server"),
    HeaderName::from_static("x-forwarded-ssl"),
    HeaderName::from_static("x-real-ip"),
];

/// Where requests go: scheme and authority, and a path that stands before theirs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    scheme: Scheme,
    authority: Authority,
    /// Without a slash at its end; empty for the root.
    base: String,
}

/// Why a text names no upstream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected http://host or https://host, with an optional port and path, without user, query or fragment"
)]
pub struct ParseTargetError(());

impl Target {
    /// Reads `https://host:port/base`.
    pub fn parse(text: &str) -> Result<Self, ParseTargetError> {
        let error = ParseTargetError(());
        let uri: Uri = text.trim().parse().map_err(|_| error)?;
        let parts = uri.into_parts();
        let scheme = parts
            .scheme
            .filter(|scheme| [Scheme::HTTP, Scheme::HTTPS].contains(scheme))
            .ok_or(error)?;
        let authority = parts
            .authority
            .filter(|authority| !authority.as_str().contains('@') && !authority.host().is_empty())
            // A port that is too large counts as none, and must not be taken for the usual one.
            .filter(|authority| authority.port_u16().is_some() || authority.as_str() == authority.host())
            .ok_or(error)?;
        let path = parts.path_and_query.ok_or(error)?;
        if path.query().is_some() || text.contains('#') {
            return Err(error);
        }
        Ok(Self {
            scheme,
            authority,
            base: path.path().trim_end_matches('/').to_owned(),
        })
    }

    /// Whether it is reached over TLS.
    pub fn is_https(&self) -> bool {
        self.scheme == Scheme::HTTPS
    }

    /// Whether it is this machine, as far as its name tells.
    pub fn is_on_loopback(&self) -> bool {
        let host = self.authority.host();
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        host.eq_ignore_ascii_case("localhost")
            || bare
                .parse::<std::net::IpAddr>()
                .is_ok_and(|ip| ip.to_canonical().is_loopback())
    }

    /// The upstream's host and port.
    pub fn authority(&self) -> &Authority {
        &self.authority
    }

    /// The URI at the upstream of what was asked here. Path and query pass byte for byte.
    pub fn uri(&self, asked: &Uri) -> Result<Uri, http::Error> {
        let asked = asked.path_and_query();
        let path = match asked {
            Some(path) if self.base.is_empty() && path.path() != "*" => path.clone(),
            Some(path) if path.path() != "*" => PathAndQuery::try_from(format!("{}{path}", self.base))?,
            _ => PathAndQuery::try_from(format!("{}/", self.base))?,
        };
        Uri::builder()
            .scheme(self.scheme.clone())
            .authority(self.authority.clone())
            .path_and_query(path)
            .build()
    }
}

/// Makes the head fit for the upstream.
pub fn to_upstream(head: &mut request::Parts, target: &Target) -> Result<(), http::Error> {
    let host = head
        .headers
        .remove(HOST)
        .or_else(|| HeaderValue::from_str(head.uri.authority()?.as_str()).ok());
    let trailers = wants_trailers(&head.headers);
    remove_of_one_hop(&mut head.headers);
    for name in &OF_A_PROXY {
        head.headers.remove(name);
    }
    remove_twins(&mut head.headers);
    // TE is itself a field of one hop, and must be named as one (RFC 9110 section 10.1.4).
    if trailers {
        head.headers.insert(TE, HeaderValue::from_static("trailers"));
        head.headers.insert(CONNECTION, HeaderValue::from_static("te"));
    }
    if let Some(host) = host {
        head.headers.insert(X_FORWARDED_HOST, host);
    }
    let scheme = if tls_session(&head.extensions).is_some() {
        "https"
    } else {
        "http"
    };
    head.headers
        .insert(X_FORWARDED_PROTO, HeaderValue::from_static(scheme));
    if let Some(address) = client_address(&head.extensions).ip()
        && let Ok(value) = HeaderValue::from_str(&address.to_string())
    {
        head.headers.insert(X_FORWARDED_FOR, value);
    }
    let id = RequestId::of(&head.extensions);
    head.headers.insert(X_REQUEST_ID, id.header());
    append_via(&mut head.headers, head.version);
    head.uri = target.uri(&head.uri)?;
    head.version = Version::HTTP_11;
    Ok(())
}

/// Makes the head fit for the client.
pub fn to_client(head: &mut response::Parts) {
    remove_of_one_hop(&mut head.headers);
    // The client knows the exchange by the id of this server, which is added where there is none.
    head.headers.remove(X_REQUEST_ID);
    append_via(&mut head.headers, head.version);
    // The server chooses the version and the framing towards the client.
    head.version = Version::HTTP_11;
}

fn wants_trailers(headers: &HeaderMap) -> bool {
    elements(headers, &TE).any(|element| {
        let coding = element.split(';').next().unwrap_or_default().trim();
        coding.eq_ignore_ascii_case("trailers")
    })
}

fn remove_of_one_hop(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = elements(headers, &CONNECTION)
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in named.iter().chain(&OF_ONE_HOP) {
        headers.remove(name);
    }
}

/// Removes fields whose names are those the gateway answers for, spelt with underscores: upstreams behind CGI or WSGI take both
/// spellings for one field.
fn remove_twins(headers: &mut HeaderMap) {
    let answered_for = |name: &HeaderName| {
        let plain = name.as_str().replace('_', "-");
        let set = [&X_REQUEST_ID, &HOST, &VIA, &CONTENT_LENGTH];
        plain.starts_with("x-forwarded-")
            || OF_A_PROXY
                .iter()
                .chain(&OF_ONE_HOP)
                .chain(set)
                .any(|own| own.as_str() == plain)
    };
    let twins: Vec<HeaderName> = headers
        .keys()
        .filter(|name| name.as_str().contains('_') && answered_for(name))
        .cloned()
        .collect();
    for name in twins {
        headers.remove(name);
    }
}

/// The elements of a field that is a list. Lines that are no text have none.
fn elements<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    headers
        .get_all(name)
        .iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(','))
}

fn append_via(headers: &mut HeaderMap, received: Version) {
    let via = match received {
        Version::HTTP_2 => "2 palisade",
        Version::HTTP_10 | Version::HTTP_09 => "1.0 palisade",
        _ => "1.1 palisade",
    };
    headers.append(VIA, HeaderValue::from_static(via));
}
