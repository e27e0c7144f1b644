//! Documents from other servers, for stages that know no HTTP client: [`Fetch`].
//!
//! 1. A stage that needs a document, such as a JWK Set, asks the [`SharedFetch`] among the [`Resources`](crate::Resources).
//! 2. Whoever implements it bounds the time and the size of an answer, follows no redirect, and verifies the server's certificate.
//! 3. When a document is asked for, how long it is kept, and what is done without it, is the stage's own matter.

use std::error::Error;
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::BoxFuture;

/// Fetches documents.
pub trait Fetch: Debug + Send + Sync + 'static {
    /// The document at that URL. Only a complete answer with status 200 is one.
    fn fetch<'a>(&'a self, url: &'a str) -> BoxFuture<'a, Result<Fetched, FetchError>>;
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
#[error("{url} cannot be fetched: {cause}")]
pub struct FetchError {
    url: String,
    #[source]
    cause: Box<dyn Error + Send + Sync>,
}

impl FetchError {
    /// No document came from that URL, because of this.
    pub fn new(url: impl Into<String>, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self {
            url: url.into(),
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
    fn fetch<'a>(&'a self, url: &'a str) -> BoxFuture<'a, Result<Fetched, FetchError>> {
        self.0.fetch(url)
    }
}
