//! What changes in a head when a body becomes another.

use http::header::{CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_RANGE, CONTENT_TYPE, HeaderName};
use http::{HeaderMap, HeaderValue, Method, StatusCode};

use crate::format::essence;

/// The media type of JOSE in compact form (RFC 7515 section 9.2.1).
pub(crate) const JOSE: HeaderValue = HeaderValue::from_static("application/jose");

/// Fields that speak of the bytes of a body, and are wrong for any other.
const OF_THE_BYTES: [HeaderName; 6] = [
    CONTENT_ENCODING,
    CONTENT_LANGUAGE,
    HeaderName::from_static("content-digest"),
    HeaderName::from_static("repr-digest"),
    HeaderName::from_static("digest"),
    HeaderName::from_static("content-md5"),
];

/// Whether the body is what its type says, whole and uncoded: only then can it be carried inside a message.
pub(crate) fn is_plain(headers: &HeaderMap) -> bool {
    let mut codings = headers.get_all(CONTENT_ENCODING).iter();
    codings.all(|coding| coding.as_bytes().eq_ignore_ascii_case(b"identity"))
        && !headers.contains_key(CONTENT_RANGE)
}

/// Removes what was true of the body before.
pub(crate) fn forget_body(headers: &mut HeaderMap) {
    for name in OF_THE_BYTES {
        headers.remove(name);
    }
}

/// The type of a body as its sender named it.
pub(crate) fn media_type(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    Some(value.to_owned())
}

/// Gives a body that came out of a secured message its own type.
///
/// Where the message does not name one, the type of the outside holds, unless that is JOSE itself.
pub(crate) fn set_inner_type(headers: &mut HeaderMap, inner: Option<&str>, is_empty: bool) {
    if is_empty {
        headers.remove(CONTENT_TYPE);
        return;
    }
    if let Some(value) = inner.and_then(|inner| HeaderValue::from_str(inner).ok()) {
        headers.insert(CONTENT_TYPE, value);
    } else if media_type(headers).is_none_or(|outer| is_jose(&essence(&outer))) {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    }
}

fn is_jose(essence: &str) -> bool {
    matches!(essence, "application/jose" | "application/jwt")
}

/// Whether a request with that method may come without a body where that is allowed.
pub(crate) fn is_bodiless(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::DELETE)
}

/// Whether an answer with that status has a body to secure.
pub(crate) fn has_body(status: StatusCode, is_head: bool) -> bool {
    !is_head
        && !status.is_informational()
        && !matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
}

#[cfg(test)]
mod tests {
    use http::header::CONTENT_TYPE;
    use http::{HeaderMap, HeaderValue};
    use rstest::rstest;

    use super::set_inner_type;

    #[rstest]
    #[case("application/jose", Some("application/json"), false, Some("application/json"))]
    #[case("application/json", Some("text/xml"), false, Some("text/xml"))]
    #[case("application/json", None, false, Some("application/json"))]
    #[case("Application/JOSE; x=y", None, false, Some("application/octet-stream"))]
    #[case("application/jose", Some("application/json"), true, None)]
    fn the_inner_type_is_shown(
        #[case] outer: &'static str,
        #[case] inner: Option<&str>,
        #[case] is_empty: bool,
        #[case] shown: Option<&str>,
    ) {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(outer));
        set_inner_type(&mut headers, inner, is_empty);
        assert_eq!(
            headers.get(CONTENT_TYPE).map(|value| value.to_str().unwrap()),
            shown
        );
    }
}
