//! Documents from other servers, for stages that know no HTTP client: [`Fetch`].
//!
//! 1. A stage that needs a document, such as a JWK Set, asks the [`SharedFetch`] among the [`Resources`](crate::Resources).
//! 2. A [`DocumentUrl`] is one of `https`, or one of `http` on a loopback host: what is not encrypted does not leave the machine.
//! 3. Whoever implements it keeps to the time and the size that the request gives, follows no redirect, and verifies the server's
//!    certificate against the authorities of the request.
//! 4. When a document is asked for, how long it is kept, and what is done without it, is the stage's own matter.

use std::error::Error;
use std::fmt::{self, Debug};
use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Uri;
use http::uri::Scheme;

use crate::BoxFuture;

/// Fetches documents.
pub trait Fetch: Debug + Send + Sync + 'static {
    /// The document at that URL. Only a complete answer with status 200 is one.
    fn fetch<'a>(&'a self, request: FetchRequest<'a>) -> BoxFuture<'a, Result<Fetched, FetchError>>;
}

/// A document that is wanted.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct FetchRequest<'a> {
    /// Where it is.
    pub url: &'a DocumentUrl,
    /// The certificates, in DER, of the authorities that the server's own has to come from; the public ones where there are none.
    pub authorities: &'a [Bytes],
    /// How many bytes it has at most.
    pub max_bytes: usize,
    /// How long it may take, from the first step to the last byte.
    pub timeout: Duration,
}

impl<'a> FetchRequest<'a> {
    /// A document of at most 256 KiB, within 5 seconds, from a server that a public authority vouches for.
    pub fn new(url: &'a DocumentUrl) -> Self {
        Self {
            url,
            authorities: &[],
            max_bytes: 256 * 1024,
            timeout: Duration::from_secs(5),
        }
    }

    /// Trusts these authorities instead of the public ones.
    #[must_use]
    pub fn trusting(mut self, authorities: &'a [Bytes]) -> Self {
        self.authorities = authorities;
        self
    }
}

/// Where a document is: a URL of `https`, or of `http` on a loopback host (`localhost`, `127.0.0.0/8`, `::1`).
///
/// It has no user, no password and no fragment.
///
/// ```
/// use palisade_core::DocumentUrl;
///
/// assert!("https://issuer.example/keys".parse::<DocumentUrl>().is_ok());
/// assert!("http://127.0.0.1:8080/keys".parse::<DocumentUrl>().is_ok());
/// assert!("http://issuer.example/keys".parse::<DocumentUrl>().is_err());
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct DocumentUrl(Uri);

/// A text that is no [`DocumentUrl`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadDocumentUrl {
    /// Not absolute, of another scheme, or with a user, a password or a fragment.
    #[error("a URL such as https://issuer.example/keys, without user, password and fragment")]
    Malformed,
    /// Without TLS, and not on this machine: anybody on the way could put another document in its place.
    #[error("a URL of https: http is for loopback hosts alone")]
    NotEncrypted,
}

impl DocumentUrl {
    /// As a URI, with scheme and authority.
    pub fn uri(&self) -> &Uri {
        &self.0
    }

    /// Whether it is fetched over TLS.
    pub fn is_https(&self) -> bool {
        self.0.scheme() == Some(&Scheme::HTTPS)
    }
}

impl FromStr for DocumentUrl {
    type Err = BadDocumentUrl;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // The parser drops a fragment without a word.
        let uri: Uri = text.parse().map_err(|_| BadDocumentUrl::Malformed)?;
        let is_web = uri.scheme() == Some(&Scheme::HTTPS) || uri.scheme() == Some(&Scheme::HTTP);
        let names_a_user = uri
            .authority()
            .is_none_or(|authority| authority.as_str().contains('@'));
        let host = uri.host().unwrap_or_default();
        if !is_web || names_a_user || host.is_empty() || text.contains('#') {
            return Err(BadDocumentUrl::Malformed);
        }
        if uri.scheme() == Some(&Scheme::HTTP) && !is_loopback(host) {
            return Err(BadDocumentUrl::NotEncrypted);
        }
        Ok(Self(uri))
    }
}

/// `localhost` is on this machine (RFC 6761 section 6.3); no other name is looked up for it.
fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || address
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

/// Without the query, which may hold a secret.
impl fmt::Display for DocumentUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, authority) = (self.0.scheme_str(), self.0.authority());
        let authority = authority.map_or("", |authority| authority.as_str());
        write!(f, "{}://{authority}{}", scheme.unwrap_or_default(), self.0.path())
    }
}

impl fmt::Debug for DocumentUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A document that was fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Fetched {
    /// The document.
    pub body: Bytes,
    /// How long it is fresh, as its server says (`max-age`, RFC 9111 section 5.2.2.1).
    pub max_age: Option<Duration>,
}

impl Fetched {
    /// A document whose server says nothing of how long it is fresh.
    pub fn new(body: impl Into<Bytes>) -> Self {
        Self {
            body: body.into(),
            max_age: None,
        }
    }

    /// Fresh for that long.
    #[must_use]
    pub fn fresh_for(mut self, max_age: Duration) -> Self {
        self.max_age = Some(max_age);
        self
    }
}

/// Why there is no document. For the log alone.
#[derive(Debug, thiserror::Error)]
#[error("{url} cannot be fetched")]
pub struct FetchError {
    url: DocumentUrl,
    #[source]
    cause: Box<dyn Error + Send + Sync>,
}

impl FetchError {
    /// No document came from that URL, because of this.
    pub fn new(url: &DocumentUrl, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self {
            url: url.clone(),
            cause: cause.into(),
        }
    }
}

/// The client that stages share, as they find it among the [`Resources`](crate::Resources).
#[derive(Debug, Clone)]
pub struct SharedFetch(Arc<dyn Fetch>);

impl SharedFetch {
    /// Shares that client.
    pub fn new(fetch: impl Fetch) -> Self {
        Self(Arc::new(fetch))
    }
}

impl Fetch for SharedFetch {
    fn fetch<'a>(&'a self, request: FetchRequest<'a>) -> BoxFuture<'a, Result<Fetched, FetchError>> {
        self.0.fetch(request)
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::{BadDocumentUrl, DocumentUrl};

    #[rstest]
    #[case("https://issuer.example/keys", Ok("https://issuer.example/keys"))]
    #[case(
        "https://issuer.example:8443/a/b?policy=secret",
        Ok("https://issuer.example:8443/a/b")
    )]
    #[case("https://issuer.example", Ok("https://issuer.example/"))]
    #[case("http://localhost:8080/keys", Ok("http://localhost:8080/keys"))]
    #[case("http://LOCALHOST/keys", Ok("http://LOCALHOST/keys"))]
    #[case("http://127.0.0.9/keys", Ok("http://127.0.0.9/keys"))]
    #[case("http://[::1]:8080/keys", Ok("http://[::1]:8080/keys"))]
    #[case::elsewhere("http://issuer.example/keys", Err(BadDocumentUrl::NotEncrypted))]
    #[case::like_loopback("http://localhost.example/keys", Err(BadDocumentUrl::NotEncrypted))]
    #[case::like_an_address("http://127.0.0.1.example/keys", Err(BadDocumentUrl::NotEncrypted))]
    #[case::with_user("http://localhost@issuer.example/keys", Err(BadDocumentUrl::Malformed))]
    #[case::with_password("https://me:secret@issuer.example/keys", Err(BadDocumentUrl::Malformed))]
    #[case::with_fragment("https://issuer.example/keys#1", Err(BadDocumentUrl::Malformed))]
    #[case::relative("/keys", Err(BadDocumentUrl::Malformed))]
    #[case::host_alone("issuer.example", Err(BadDocumentUrl::Malformed))]
    #[case::another_scheme("file:///etc/keys", Err(BadDocumentUrl::Malformed))]
    #[case::no_host("https:///keys", Err(BadDocumentUrl::Malformed))]
    #[case::empty("", Err(BadDocumentUrl::Malformed))]
    fn a_url_is_of_https_or_of_this_machine(#[case] text: &str, #[case] read: Result<&str, BadDocumentUrl>) {
        let shown = text.parse::<DocumentUrl>().map(|url| url.to_string());
        assert_eq!(shown.as_deref().map_err(Clone::clone), read);
    }
}
