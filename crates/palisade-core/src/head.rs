//! Rules that every request must keep before any policy looks at it.
//!
//! 1. HTTP/1.1 requires exactly one `Host`, HTTP/1.0 at most one (RFC 9112 section 3.2); later versions require `:authority`, or
//!    one `Host` in its place (RFC 9113 section 8.3.1). It must be a host with an optional port (RFC 9110 section 7.2, RFC 3986
//!    section 3.2.2).
//! 2. A target in absolute form, and `:authority`, must agree with `Host`.
//! 3. A body is framed by `Content-Length` or by the transfer coding `chunked`, and by no other coding.
//! 4. All fields together are bounded in number and in bytes.
//!
//! What this does not protect against: a wrong but well-formed host; which hosts are served is for routes or the TLS floor.

use http::header::{HOST, TRANSFER_ENCODING};
use http::uri::Authority;
use http::{HeaderMap, HeaderValue, StatusCode, Uri, Version, request};

use crate::Rejection;
use crate::settings::ByteSize;

/// Bounds on a head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct HeadLimits {
    /// The most fields.
    pub max_count: usize,
    /// The most bytes of names and values together.
    pub max_bytes: ByteSize,
}

impl HeadLimits {
    /// At most so many fields, and so many bytes of names and values together.
    pub const fn new(max_count: usize, max_bytes: ByteSize) -> Self {
        Self { max_count, max_bytes }
    }
}

impl Default for HeadLimits {
    /// 200 fields, 64 KiB.
    fn default() -> Self {
        Self::new(200, ByteSize::kib(64))
    }
}

/// Why a head is refused before any policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HeadFault {
    /// There is more than one `Host`, none where one is due, or it disagrees with the target.
    #[error("the request does not name exactly one host")]
    Host,
    /// `Host` is no host with an optional port.
    #[error("the Host field is malformed")]
    HostMalformed,
    /// The body is coded for its transfer otherwise than by `chunked` (RFC 9112 section 6.1).
    #[error("the transfer coding is not chunked alone")]
    TransferCoding,
    /// There are more fields, or more bytes in them, than are read.
    #[error("the fields exceed {} in number or {} bytes", limits.max_count, limits.max_bytes)]
    TooLarge {
        /// The bounds.
        limits: HeadLimits,
    },
}

impl From<HeadFault> for Rejection {
    fn from(fault: HeadFault) -> Self {
        match fault {
            HeadFault::Host => Self::new(
                StatusCode::BAD_REQUEST,
                "host-ambiguous",
                "The host is missing or ambiguous",
            ),
            HeadFault::HostMalformed => Self::new(
                StatusCode::BAD_REQUEST,
                "host-malformed",
                "The Host field is malformed",
            ),
            HeadFault::TransferCoding => Self::new(
                StatusCode::NOT_IMPLEMENTED,
                "transfer-coding-unknown",
                "The transfer coding is not understood",
            ),
            HeadFault::TooLarge { .. } => Self::new(
                StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
                "headers-too-large",
                "The header fields are too large",
            ),
        }
        .caused_by(fault)
    }
}

/// Whether the body's framing is one that is understood here: the coding `chunked` alone.
fn is_framed(headers: &HeaderMap) -> bool {
    let mut codings = headers.get_all(TRANSFER_ENCODING).iter();
    let first = codings.next();
    first.is_none_or(|coding| coding.as_bytes().eq_ignore_ascii_case(b"chunked")) && codings.next().is_none()
}

/// Checks the rules of this module.
pub fn check(head: &request::Parts, limits: HeadLimits) -> Result<(), HeadFault> {
    if !fits(&head.headers, limits.max_count, limits.max_bytes) {
        return Err(HeadFault::TooLarge { limits });
    }
    if !is_framed(&head.headers) {
        return Err(HeadFault::TransferCoding);
    }
    check_host(&head.headers, &head.uri, head.version)
}

/// Whether the fields fit into that number and those bytes (names and values, as RFC 9113 section 6.5.2 counts them without its
/// overhead of 32 bytes).
pub fn fits(headers: &HeaderMap, max_count: usize, max_bytes: ByteSize) -> bool {
    headers.len() <= max_count && size(headers) <= max_bytes.as_usize()
}

/// The bytes of all names and values together.
pub fn size(headers: &HeaderMap) -> usize {
    headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len())
        .sum()
}

/// Checks that exactly one well-formed host is named.
pub fn check_host(headers: &HeaderMap, uri: &Uri, version: Version) -> Result<(), HeadFault> {
    let mut hosts = headers.get_all(HOST).iter();
    let host = hosts.next();
    if hosts.next().is_some() {
        return Err(HeadFault::Host);
    }
    check_host_field(host, uri, version)
}

/// As [`check_host`], for whoever has the only `Host` at hand, or knows that there is none.
pub fn check_host_field(host: Option<&HeaderValue>, uri: &Uri, version: Version) -> Result<(), HeadFault> {
    let host = match host {
        None => None,
        Some(value) => Some(
            value
                .to_str()
                .ok()
                .filter(|text| is_host(text))
                .ok_or(HeadFault::HostMalformed)?,
        ),
    };
    match (host, uri.authority()) {
        // Only the versions before 1.1 know requests that name no host.
        (None, None) if version > Version::HTTP_10 => Err(HeadFault::Host),
        (host, Some(authority)) => {
            if !is_host(authority.as_str()) {
                return Err(HeadFault::HostMalformed);
            }
            match host {
                Some(host) if !same(host, authority, uri.scheme_str()) => Err(HeadFault::Host),
                None if version == Version::HTTP_11 => Err(HeadFault::Host),
                _ => Ok(()),
            }
        }
        (_, None) => Ok(()),
    }
}

/// Whether both name the same host and port; the scheme's own port may be left out of either.
fn same(host: &str, authority: &Authority, scheme: Option<&str>) -> bool {
    let own_port = match scheme {
        Some("http") => Some("80"),
        Some("https") => Some("443"),
        _ => None,
    };
    let (left, left_port) = split_port(host);
    let (right, right_port) = split_port(authority.as_str());
    left.eq_ignore_ascii_case(right) && left_port.or(own_port) == right_port.or(own_port)
}

/// Splits `host:port`; an IPv6 literal keeps its brackets.
fn split_port(text: &str) -> (&str, Option<&str>) {
    match text.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port).filter(|port| !port.is_empty())),
        _ => (text, None),
    }
}

/// Whether a text is `uri-host [ ":" port ]` (RFC 9110 section 7.2), without user information, zone identifiers or
/// percent-encoding.
pub fn is_host(text: &str) -> bool {
    let (host, port) = split_port(text);
    let port_fits =
        port.is_none_or(|port| port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok());
    let host_fits = match host.strip_prefix('[') {
        Some(rest) => rest
            .strip_suffix(']')
            .is_some_and(|literal| literal.parse::<std::net::Ipv6Addr>().is_ok()),
        None => is_name(host),
    };
    port_fits && host_fits
}

/// Whether it is a name or an IPv4 address: at most 255 bytes, in which no dot is the first or follows another.
fn is_name(host: &str) -> bool {
    let mut previous = b'.';
    !host.is_empty()
        && host.len() <= 255
        && host.bytes().all(|byte| {
            let before = std::mem::replace(&mut previous, byte);
            byte.is_ascii_alphanumeric()
                || matches!(byte, b'-' | b'_' | b'~')
                || (byte == b'.' && before != b'.')
        })
}

#[cfg(test)]
mod tests {
    use http::{HeaderValue, Request, Version};
    use rstest::rstest;

    use super::{HeadFault, HeadLimits, check, is_host};

    #[rstest]
    #[case("example.org", true)]
    #[case("example.org:8443", true)]
    #[case("example.org:", true)]
    #[case("127.0.0.1:80", true)]
    #[case("[::1]:8443", true)]
    #[case("[::1]", true)]
    #[case("", false)]
    #[case(":80", false)]
    #[case("a b", false)]
    #[case("a/b", false)]
    #[case("user@example.org", false)]
    #[case("example.org:99999", false)]
    #[case("example.org:8a", false)]
    #[case("[::1", false)]
    #[case("::1", false)]
    #[case("[fe80::1%25eth0]", false)]
    #[case("a..b", false)]
    #[case(".a", false)]
    #[case("a.", true)]
    #[case("a.b.", true)]
    #[case(".", false)]
    #[case("exa,mple.org", false)]
    #[case("example.org#", false)]
    fn a_host_has_the_form_of_the_standard(#[case] text: &str, #[case] good: bool) {
        assert_eq!(is_host(text), good);
    }

    fn verdict(version: Version, uri: &str, hosts: &[&'static str]) -> Result<(), HeadFault> {
        let mut request = Request::builder().version(version).uri(uri).body(()).unwrap();
        for host in hosts {
            request
                .headers_mut()
                .append("host", HeaderValue::from_static(host));
        }
        check(&request.into_parts().0, HeadLimits::default())
    }

    #[test]
    fn exactly_one_host_is_named() {
        assert_eq!(verdict(Version::HTTP_11, "/", &["a.example"]), Ok(()));
        assert_eq!(verdict(Version::HTTP_11, "/", &[]), Err(HeadFault::Host));
        assert_eq!(verdict(Version::HTTP_10, "/", &[]), Ok(()));
        assert_eq!(verdict(Version::HTTP_09, "/", &[]), Ok(()));
        assert_eq!(verdict(Version::HTTP_2, "/", &[]), Err(HeadFault::Host));
        assert_eq!(verdict(Version::HTTP_3, "/", &[]), Err(HeadFault::Host));
        assert_eq!(verdict(Version::HTTP_2, "/", &["a.example"]), Ok(()));
        assert_eq!(
            verdict(Version::HTTP_11, "/", &["a.example", "a.example"]),
            Err(HeadFault::Host)
        );
        assert_eq!(
            verdict(Version::HTTP_11, "/", &["a b"]),
            Err(HeadFault::HostMalformed)
        );
        assert_eq!(verdict(Version::HTTP_2, "https://a.example/", &[]), Ok(()));
        assert_eq!(
            verdict(Version::HTTP_2, "https://a.example/", &["A.example:443"]),
            Ok(())
        );
        assert_eq!(
            verdict(Version::HTTP_2, "https://a.example/", &["b.example"]),
            Err(HeadFault::Host)
        );
        assert_eq!(
            verdict(Version::HTTP_11, "http://a.example/", &["b.example"]),
            Err(HeadFault::Host)
        );
    }

    #[rstest]
    #[case(&["chunked"], true)]
    #[case(&["Chunked"], true)]
    #[case(&[], true)]
    #[case(&["gzip, chunked"], false)]
    #[case(&["chunked, chunked"], false)]
    #[case(&["chunked", "chunked"], false)]
    #[case(&["identity"], false)]
    fn a_body_is_chunked_or_has_a_length(#[case] codings: &[&str], #[case] good: bool) {
        let request = Request::builder().header("host", "a.example");
        let request = codings.iter().fold(request, |request, coding| {
            request.header("transfer-encoding", *coding)
        });
        let (head, ()) = request.body(()).unwrap().into_parts();
        let expected = if good {
            Ok(())
        } else {
            Err(HeadFault::TransferCoding)
        };
        assert_eq!(check(&head, HeadLimits::default()), expected);
    }

    #[test]
    fn fields_are_bounded_in_number_and_in_bytes() {
        let mut request = Request::builder().header("host", "a.example");
        request = request.header("x-long", "v".repeat(200 * 1024));
        let (head, ()) = request.body(()).unwrap().into_parts();
        assert!(matches!(
            check(&head, HeadLimits::default()),
            Err(HeadFault::TooLarge { .. })
        ));

        let mut request = Request::builder().header("host", "a.example");
        for number in 0..200 {
            request = request.header(format!("x-{number}"), "v");
        }
        let (head, ()) = request.body(()).unwrap().into_parts();
        assert!(matches!(
            check(&head, HeadLimits::default()),
            Err(HeadFault::TooLarge { .. })
        ));
    }
}
