//! Documents for stages that know no HTTP client: [`HttpsFetch`].

use std::error::Error;
use std::sync::OnceLock;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, AGE, CACHE_CONTROL, HeaderMap};
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Empty, LengthLimitError, Limited};
use palisade_core::{BoxFuture, Fetch, FetchError, FetchRequest, Fetched};
use palisade_keystore::{BadCertificate, Certificate};
use tower_service::Service as _;

use crate::client::{ClientBuilder, UpstreamClient};
use crate::error::ClientError;
use crate::tls::TlsSetupError;

/// Fetches documents over HTTPS.
///
/// 1. TLS 1.2 or later, the public authorities or those of the request, no redirects; plain HTTP to loopback hosts alone, because
///    a [`DocumentUrl`](palisade_core::DocumentUrl) cannot name another.
/// 2. The time of the request spans everything; a document that is longer than it says is given up at that byte.
/// 3. `Cache-Control` and `Age` say how long a document is fresh (RFC 9111 section 4.2): `no-store` and `no-cache` mean not at all.
///
/// Nothing is set up before the first document is wanted, so that one can be made where there is no runtime.
///
/// ```
/// use palisade_client::HttpsFetch;
/// use palisade_core::{Fetch, FetchRequest};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let nobody = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?; // closed at once
/// let url = format!("https://{nobody}/keys").parse()?;
///
/// let refused = HttpsFetch::new().fetch(FetchRequest::new(&url)).await.unwrap_err();
/// assert_eq!(refused.to_string(), format!("https://{nobody}/keys cannot be fetched"));
/// # Ok(()) }
/// ```
#[derive(Debug, Default)]
pub struct HttpsFetch {
    public: OnceLock<Client>,
}

type Client = UpstreamClient<Empty<Bytes>>;

/// Why there is no document.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("an authority's certificate cannot be read")]
    Authority(#[from] BadCertificate),
    #[error("TLS cannot be set up")]
    Setup(#[from] TlsSetupError),
    #[error("it cannot be asked for")]
    Request(#[from] http::Error),
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error("the answer is {0}")]
    Status(StatusCode),
    #[error("it has more than {0} bytes")]
    TooLong(usize),
    #[error("the answer broke off")]
    Broken(#[source] Box<dyn Error + Send + Sync>),
    #[error("it did not come within {0:?}")]
    Timeout(Duration),
}

impl HttpsFetch {
    /// One that has fetched nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    fn client(&self, authorities: &[Bytes]) -> Result<Client, Failure> {
        if !authorities.is_empty() {
            // Such documents are minutes apart: a client of their own each time costs nothing that is felt, and keeps no trust.
            let authorities = authorities
                .iter()
                .map(|der| Certificate::from_der(der.to_vec()))
                .collect::<Result<Vec<_>, _>>()?;
            return Ok(builder().trust_authorities(authorities).build()?);
        }
        if let Some(client) = self.public.get() {
            return Ok(client.clone());
        }
        let client = builder().build()?;
        Ok(self.public.get_or_init(|| client).clone())
    }

    async fn exchange(&self, wanted: FetchRequest<'_>) -> Result<Fetched, Failure> {
        let request = Request::get(wanted.url.uri().clone())
            .header(ACCEPT, "application/json, */*;q=0.1")
            .body(Empty::new())?;
        let response = self.client(wanted.authorities)?.call(request).await?;
        if response.status() != StatusCode::OK {
            return Err(Failure::Status(response.status()));
        }
        let max_age = freshness(response.headers());
        let body = Limited::new(response.into_body(), wanted.max_bytes)
            .collect()
            .await
            .map_err(|error| {
                if error.is::<LengthLimitError>() {
                    Failure::TooLong(wanted.max_bytes)
                } else {
                    Failure::Broken(error)
                }
            })?;
        let fetched = Fetched::new(body.to_bytes());
        Ok(match max_age {
            Some(max_age) => fetched.fresh_for(max_age),
            None => fetched,
        })
    }
}

impl Fetch for HttpsFetch {
    fn fetch<'a>(&'a self, request: FetchRequest<'a>) -> BoxFuture<'a, Result<Fetched, FetchError>> {
        Box::pin(async move {
            tokio::time::timeout(request.timeout, self.exchange(request))
                .await
                .unwrap_or(Err(Failure::Timeout(request.timeout)))
                .map_err(|failure| FetchError::new(request.url, failure))
        })
    }
}

/// What a [`DocumentUrl`](palisade_core::DocumentUrl) of `http` names is on this machine.
fn builder() -> ClientBuilder {
    ClientBuilder::new().allow_plain_http().max_idle_per_host(1)
}

/// How long an answer is fresh from now on; `None` where it does not say.
fn freshness(headers: &HeaderMap) -> Option<Duration> {
    let directives = headers
        .get_all(CACHE_CONTROL)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','));
    let mut max_age = None;
    for directive in directives {
        let (name, value) = directive.split_once('=').unwrap_or((directive, ""));
        let name = name.trim().to_ascii_lowercase();
        match name.as_str() {
            "no-store" | "no-cache" => return Some(Duration::ZERO),
            // The shortest, where there are several (RFC 9111 section 4.2.1).
            "max-age" => {
                let age = seconds(value.trim().trim_matches('"'));
                max_age = Some(max_age.map_or(age, |shortest: Duration| shortest.min(age)));
            }
            _ => {}
        }
    }
    let age = headers.get(AGE).and_then(|value| value.to_str().ok());
    let age = age.map_or(Duration::ZERO, |value| seconds(value.trim()));
    max_age.map(|max_age| max_age.saturating_sub(age))
}

/// Delta-seconds (RFC 9111 section 1.2.2): too large is large, and what is none is none at all.
fn seconds(text: &str) -> Duration {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Duration::ZERO;
    }
    Duration::from_secs(text.parse::<u32>().unwrap_or(u32::MAX).into())
}

#[cfg(test)]
mod tests {
    use http::header::{AGE, CACHE_CONTROL, HeaderMap, HeaderValue};
    use rstest::rstest;

    use super::freshness;

    #[rstest]
    #[case::silent(&[], None, None)]
    #[case::other_words(&["public, must-revalidate"], None, None)]
    #[case::plain(&["max-age=600"], None, Some(600))]
    #[case::among_others(&["public, Max-Age=600 , must-revalidate"], None, Some(600))]
    #[case::quoted(&["max-age=\"600\""], None, Some(600))]
    #[case::aged(&["max-age=600"], Some("200"), Some(400))]
    #[case::old(&["max-age=600"], Some("700"), Some(0))]
    #[case::several(&["max-age=600", "max-age=60"], None, Some(60))]
    #[case::never(&["no-store, max-age=600"], None, Some(0))]
    #[case::to_be_asked(&["max-age=600, no-cache"], None, Some(0))]
    #[case::nonsense(&["max-age=soon"], None, Some(0))]
    #[case::negative(&["max-age=-1"], None, Some(0))]
    #[case::too_large(&["max-age=99999999999999999999"], None, Some(u64::from(u32::MAX)))]
    fn an_answer_says_how_long_it_is_fresh(
        #[case] cache_control: &[&'static str],
        #[case] age: Option<&'static str>,
        #[case] fresh: Option<u64>,
    ) {
        let mut headers = HeaderMap::new();
        for value in cache_control {
            headers.append(CACHE_CONTROL, HeaderValue::from_static(value));
        }
        if let Some(age) = age {
            headers.insert(AGE, HeaderValue::from_static(age));
        }
        assert_eq!(freshness(&headers).map(|fresh| fresh.as_secs()), fresh);
    }
}
