//! The catalogue of faults: heads that no honest client sends, and that servers read in different ways.

mod dates;
mod fields;
mod lists;
mod values;

use http::header::{self, HeaderName};
use http::{HeaderMap, Method, Version, request};
use palisade_core::FramingConflict;
use palisade_core::facts::BodyOnGet;
use palisade_core::head::{self, HeadFault};

use fields::{Kind, Rule};

/// A way in which the head of a request is faulty.
///
/// The names in it are those of standard fields, from a fixed list, never the peer's own text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// More than one `Host`, none where one is due, a malformed one, or one that disagrees with the target (RFC 9112 section 3.2).
    #[error("Host: {0}")]
    Host(HeadFault),
    /// A field that stands for one value is there more than once (RFC 9110 section 5.3).
    #[error("{0} is repeated")]
    Repeated(&'static str),
    /// `Content-Length` beside `Transfer-Encoding`: request smuggling (RFC 9112 section 6.3). The library for HTTP/1 hides one of
    /// them, and repeated lengths as well; the listener's fact [`FramingConflict`] tells of both.
    #[error("Content-Length stands beside Transfer-Encoding")]
    LengthBesideTransferEncoding,
    /// The head that the listener read on the connection is not the one that was parsed.
    #[error("the connection brought another head than the one that was parsed")]
    OutOfStep,
    /// A field that says something by its value has none.
    #[error("{0} is empty")]
    Empty(&'static str),
    /// A value does not have the form that the standard gives it: `Content-Length` that is no single number, `Transfer-Encoding`
    /// other than `chunked`, `Content-Type` without a type, `Expect` other than `100-continue`, dates that are none, entity tags
    /// without quotes, an `Origin` that is neither `null` nor a scheme with a host, lists of anything but tokens in the `Accept`
    /// family, `Content-Encoding` or `Cache-Control`, and the like.
    #[error("{0} is malformed")]
    Malformed(&'static str),
    /// A value has control or non-ASCII bytes (RFC 9110 section 5.5).
    #[error("a value has bytes other than visible ASCII, space and tab")]
    ForeignBytes,
    /// `Range` asks for more than five ranges (RFC 9110 section 14.2 warns of them).
    #[error("Range has too many ranges")]
    TooManyRanges,
    /// A field that lets the request act under another method than the one that was checked.
    #[error("{0} overrides the method")]
    MethodOverride(&'static str),
    /// A field that belongs between proxies and their servers: it changes the target, the environment or the route.
    #[error("{0} is internal to proxies")]
    ProxyInternal(&'static str),
    /// A name with underscores that turns into another field where servers read `_` as `-`, as CGI does.
    #[error("a name with an underscore shadows another field")]
    UnderscoreShadow,
    /// `Connection` names a field other than the few that belong to it, or contradicts itself (RFC 9110 section 7.6.1).
    #[error("Connection names what is not its own")]
    ConnectionOptions,
    /// A field of HTTP/1 connections in HTTP/2 or later (RFC 9113 section 8.2.2).
    #[error("{0} belongs to HTTP/1 alone")]
    ConnectionSpecific(&'static str),
    /// GET or HEAD announces a body, where that is to be refused (RFC 9110 section 9.3.1).
    #[error("a body stands on GET or HEAD")]
    BodyOnGet,
}

/// Finds a fault of a head, or measures its names and values on the way: each field is visited once.
pub(crate) fn find(head: &request::Parts) -> Result<usize, Fault> {
    if let Some(conflict) = head.extensions.get::<FramingConflict>() {
        return Err(framing(*conflict));
    }
    let newer = head.version >= Version::HTTP_2;
    let (mut bytes, mut host) = (0, None);
    let mut previous: Option<&HeaderName> = None;
    // A field that is there several times comes several times in a row.
    for (name, value) in &head.headers {
        let repeated = previous == Some(name);
        previous = Some(name);
        bytes += name.as_str().len() + value.len();
        // Of control characters, no value has any but the tab: its type admits none.
        if !value.as_bytes().is_ascii() {
            return Err(Fault::ForeignBytes);
        }
        match fields::rule(name.as_str()) {
            Some(rule) if rule.kind == Kind::Host => {
                if repeated {
                    return Err(Fault::Host(HeadFault::Host));
                }
                host = Some(value);
            }
            Some(rule) => check(rule, value.as_bytes(), repeated, newer)?,
            None if name.as_str().contains('_') && shadows(name, &head.headers) => {
                return Err(Fault::UnderscoreShadow);
            }
            None => {}
        }
    }
    if head.headers.contains_key(header::TRANSFER_ENCODING)
        && head.headers.contains_key(header::CONTENT_LENGTH)
    {
        return Err(Fault::LengthBesideTransferEncoding);
    }
    head::check_host_field(host, &head.uri, head.version).map_err(Fault::Host)?;
    Ok(bytes)
}

/// The fault behind a doubt of the listener. A kind that is not known here is a doubt all the same.
fn framing(conflict: FramingConflict) -> Fault {
    match conflict {
        FramingConflict::LengthBesideTransferEncoding => Fault::LengthBesideTransferEncoding,
        FramingConflict::RepeatedLength => Fault::Repeated("content-length"),
        FramingConflict::RepeatedTransferEncoding => Fault::Repeated("transfer-encoding"),
        _ => Fault::OutOfStep,
    }
}

/// Refuses a body on GET and HEAD: one that the head announces, or that is there without a word (HTTP/2).
pub(crate) fn body_on_get(head: &request::Parts) -> Result<(), Fault> {
    let announced = head.extensions.get::<BodyOnGet>().is_some()
        || head.headers.contains_key(header::TRANSFER_ENCODING)
        || head
            .headers
            .get(header::CONTENT_LENGTH)
            .is_some_and(|length| length.as_bytes() != b"0");
    if announced && matches!(head.method, Method::GET | Method::HEAD) {
        return Err(Fault::BodyOnGet);
    }
    Ok(())
}

fn check(rule: Rule, value: &[u8], repeated: bool, newer: bool) -> Result<(), Fault> {
    let Rule {
        name,
        kind,
        single,
        may_be_empty,
    } = rule;
    if repeated && single {
        return Err(Fault::Repeated(name));
    }
    match kind {
        Kind::MethodOverride => return Err(Fault::MethodOverride(name)),
        Kind::ProxyInternal => return Err(Fault::ProxyInternal(name)),
        Kind::Connection
        | Kind::Upgrade
        | Kind::KeepAlive
        | Kind::ConnectionSpecific
        | Kind::TransferEncoding
            if newer =>
        {
            return Err(Fault::ConnectionSpecific(name));
        }
        Kind::Te if newer && !value.eq_ignore_ascii_case(b"trailers") => {
            return Err(Fault::ConnectionSpecific(name));
        }
        _ => {}
    }
    if value.trim_ascii().is_empty() {
        return if may_be_empty {
            Ok(())
        } else {
            Err(Fault::Empty(name))
        };
    }
    if kind == Kind::Range && values::count_of_ranges(value) > values::MOST_RANGES {
        return Err(Fault::TooManyRanges);
    }
    match has_form(kind, value) {
        true => Ok(()),
        false if kind == Kind::Connection => Err(Fault::ConnectionOptions),
        false => Err(Fault::Malformed(name)),
    }
}

/// Whether a value that is not empty has the form of its kind.
fn has_form(kind: Kind, value: &[u8]) -> bool {
    match kind {
        Kind::Number => values::number(value),
        Kind::TransferEncoding => value.eq_ignore_ascii_case(b"chunked"),
        Kind::Expect => value.eq_ignore_ascii_case(b"100-continue"),
        Kind::MediaType => values::media_type(value),
        Kind::Credentials => values::credentials(value),
        Kind::MediaRanges => lists::media_ranges(value),
        Kind::Weighted | Kind::Te => lists::weighted(value),
        Kind::Tokens => lists::tokens(value),
        Kind::Directives | Kind::KeepAlive => lists::directives(value),
        Kind::Range => values::range(value),
        Kind::ContentRange => values::content_range(value),
        Kind::Date => dates::http_date(value),
        Kind::IfRange => lists::entity_tag(value) || dates::http_date(value),
        Kind::EntityTags => lists::entity_tags(value),
        Kind::Origin => values::origin(value),
        Kind::Reference => values::reference(value),
        Kind::Product => values::product(value),
        Kind::Disposition => values::disposition(value),
        Kind::Via => values::via(value),
        Kind::Connection => values::connection(value),
        Kind::Upgrade => lists::protocols(value),
        Kind::Text | Kind::Host | Kind::ConnectionSpecific | Kind::MethodOverride | Kind::ProxyInternal => {
            true
        }
    }
}

/// Whether a name with underscores, read with hyphens, is that of another field here or of one that decides something.
fn shadows(name: &HeaderName, headers: &HeaderMap) -> bool {
    let same = |other: &str| {
        let (left, right) = (name.as_str().bytes(), other.bytes());
        let plain = |byte| if byte == b'_' { b'-' } else { byte };
        left.len() == right.len() && left.map(plain).eq(right.map(plain))
    };
    fields::SENSITIVE.iter().any(|other| same(other))
        || fields::ALL.iter().any(|rule| same(rule.name))
        || headers.keys().any(|other| other != name && same(other.as_str()))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    #[test]
    fn a_value_admits_no_control_character_but_the_tab() {
        for byte in u8::MIN..=u8::MAX {
            let is_admitted = HeaderValue::from_bytes(&[b'a', byte, b'a']).is_ok();
            assert_eq!(
                is_admitted,
                byte == b'\t' || (byte >= b' ' && byte != 0x7F),
                "{byte}"
            );
        }
    }
}
