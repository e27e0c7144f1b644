//! The forms of values. All are read from bytes of visible ASCII, spaces and tabs, which are not empty.

use palisade_core::head;

use super::lists::is_token_or_pair;

/// The most ranges of a `Range`.
pub(super) const MOST_RANGES: usize = 5;

/// A character of a token (RFC 9110 section 5.6.2).
pub(super) fn is_token_byte(byte: u8) -> bool {
    matches!(
        byte,
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'!' | b'#'..=b'\'' | b'*' | b'+' | b'^' | b'`' | b'|' | b'~'
    )
}

pub(super) fn is_token(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().copied().all(is_token_byte)
}

/// One whole number in decimal digits, without sign, that fits 64 bits (RFC 9110 section 8.6).
pub(super) fn number(value: &[u8]) -> bool {
    value.iter().all(u8::is_ascii_digit)
        && std::str::from_utf8(value).is_ok_and(|digits| digits.parse::<u64>().is_ok())
}

/// A scheme, alone or followed by something (RFC 9110 section 11.6.2). The usual schemes are never alone.
pub(super) fn credentials(value: &[u8]) -> bool {
    const NEVER_ALONE: [&[u8]; 4] = [b"basic", b"bearer", b"digest", b"dpop"];
    let value = value.trim_ascii();
    let scheme = value.split(|byte| *byte == b' ').next().unwrap_or_default();
    let is_alone = scheme.len() == value.len();
    is_token(scheme) && !(is_alone && NEVER_ALONE.iter().any(|known| scheme.eq_ignore_ascii_case(known)))
}

/// `null`, or a scheme with a host and perhaps a port (RFC 6454 section 7); applications on telephones send `file://`.
pub(super) fn origin(value: &[u8]) -> bool {
    if matches!(value, b"null" | b"file://") {
        return true;
    }
    let parts = std::str::from_utf8(value)
        .ok()
        .and_then(|text| text.split_once("://"));
    parts.is_some_and(|(scheme, host)| {
        scheme.starts_with(|first: char| first.is_ascii_alphabetic())
            && scheme
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
            && head::is_host(host)
    })
}

/// A reference to a resource (RFC 3986 section 4.1), with what browsers leave unencoded in it.
pub(super) fn reference(value: &[u8]) -> bool {
    !value
        .iter()
        .any(|byte| matches!(byte, b' ' | b'\t' | b'<' | b'>' | b'"'))
}

/// What a client calls itself (RFC 9110 section 10.1.5): it starts with a word, perhaps in quotes or brackets.
pub(super) fn product(value: &[u8]) -> bool {
    value
        .first()
        .is_some_and(|first| is_token_byte(*first) || matches!(first, b'(' | b'[' | b'"'))
}

/// A token, and perhaps parameters, which are not looked at (RFC 6266 section 4.1).
pub(super) fn disposition(value: &[u8]) -> bool {
    value
        .split(|byte| *byte == b';')
        .next()
        .is_some_and(|kind| is_token(kind.trim_ascii()))
}

/// A proxy's protocol, and its name behind it (RFC 9110 section 7.6.3). Comments may follow, so only the first is looked at.
pub(super) fn via(value: &[u8]) -> bool {
    let mut words = value
        .split(u8::is_ascii_whitespace)
        .filter(|word| !word.is_empty());
    words.next().is_some_and(is_token_or_pair) && words.next().is_some()
}

/// A unit, a range or `*`, and the whole length or `*` (RFC 9110 section 14.4).
pub(super) fn content_range(value: &[u8]) -> bool {
    let parts = std::str::from_utf8(value)
        .ok()
        .and_then(|text| text.split_once(' ')?.1.split_once('/').zip(text.split_once(' ')));
    parts.is_some_and(|((range, whole), (unit, _))| {
        let is_number = |text: &str| !text.is_empty() && number(text.as_bytes());
        let fits = |(first, last): (&str, &str)| {
            is_number(first) && is_number(last) && first.parse::<u64>().ok() <= last.parse::<u64>().ok()
        };
        is_token(unit.as_bytes())
            && (range == "*" || range.split_once('-').is_some_and(fits))
            && (whole == "*" || is_number(whole))
    })
}

/// A media type with parameters (RFC 9110 section 8.3.1), of which `charset` and `boundary` stand once at most.
///
/// Values without quotes may have more characters than a token: SOAP clients send `type=application/xop+xml` so.
pub(super) fn media_type(value: &[u8]) -> bool {
    let end = value.iter().position(|byte| *byte == b';').unwrap_or(value.len());
    let (essence, mut rest) = value.split_at_checked(end).unwrap_or((value, b""));
    let mut parts = essence.trim_ascii().split(|byte| *byte == b'/');
    if !(parts.next().is_some_and(is_token) && parts.next().is_some_and(is_token) && parts.next().is_none()) {
        return false;
    }
    let mut seen = [false; 2];
    while let Some((b';', parameter)) = rest.split_first() {
        let Some((name, behind)) = read_parameter(parameter) else {
            return false;
        };
        for (known, seen) in [&b"charset"[..], b"boundary"].into_iter().zip(&mut seen) {
            if name.eq_ignore_ascii_case(known) && std::mem::replace(seen, true) {
                return false;
            }
        }
        rest = behind;
    }
    rest.is_empty()
}

/// Reads `name=value`, or nothing, up to the next semicolon or the end.
fn read_parameter(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let text = text.trim_ascii_start();
    if text.is_empty() || text.starts_with(b";") {
        return Some((b"", text));
    }
    let equals = text.iter().position(|byte| *byte == b'=')?;
    let (name, value) = (text.get(..equals)?, text.get(equals + 1..)?);
    let length = if value.starts_with(b"\"") {
        quoted(value)?
    } else {
        let length = value
            .iter()
            .position(|byte| matches!(byte, b';' | b' ' | b'\t' | b'"' | b','))
            .unwrap_or(value.len());
        Some(length).filter(|length| *length > 0)?
    };
    let behind = value.get(length..)?.trim_ascii_start();
    (is_token(name) && (behind.is_empty() || behind.starts_with(b";"))).then_some((name, behind))
}

/// The length of a quoted string with its quotes (RFC 9110 section 5.6.4).
pub(super) fn quoted(text: &[u8]) -> Option<usize> {
    let mut escaped = false;
    for (position, byte) in text.iter().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return Some(position + 1),
            _ => {}
        }
    }
    None
}

pub(super) fn count_of_ranges(value: &[u8]) -> usize {
    value.split(|byte| *byte == b',').count()
}

/// A unit and ranges in it; ranges of bytes run upwards (RFC 9110 section 14.1.1).
pub(super) fn range(value: &[u8]) -> bool {
    let Some(equals) = value.iter().position(|byte| *byte == b'=') else {
        return false;
    };
    let (Some(unit), Some(ranges)) = (value.get(..equals), value.get(equals + 1..)) else {
        return false;
    };
    if !unit.eq_ignore_ascii_case(b"bytes") {
        return is_token(unit);
    }
    ranges.split(|byte| *byte == b',').all(|range| {
        let Ok(range) = std::str::from_utf8(range.trim_ascii()) else {
            return false;
        };
        let is_number = |text: &str| number(text.as_bytes()) && !text.is_empty();
        match range.split_once('-') {
            Some(("", last)) => is_number(last),
            Some((first, "")) => is_number(first),
            Some((first, last)) => {
                is_number(first) && is_number(last) && first.parse::<u64>().ok() <= last.parse::<u64>().ok()
            }
            None => false,
        }
    })
}

/// Options that real clients send. Any other would have proxies drop a field on the way.
pub(super) fn connection(value: &[u8]) -> bool {
    const KNOWN: [&[u8]; 5] = [b"close", b"keep-alive", b"upgrade", b"te", b"http2-settings"];
    let mut seen = [false; KNOWN.len()];
    for option in value.split(|byte| *byte == b',') {
        let option = option.trim_ascii();
        match KNOWN
            .iter()
            .position(|known| option.eq_ignore_ascii_case(known))
            .and_then(|known| seen.get_mut(known))
        {
            Some(seen) => *seen = true,
            None => return false,
        }
    }
    let [close, keep_alive, ..] = seen;
    !(close && keep_alive)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::{
        connection, content_range, credentials, disposition, is_token_byte, media_type, number, origin,
        product, range, reference, via,
    };

    #[test]
    fn a_token_has_the_characters_of_the_standard() {
        let special = b"!#$%&'*+-.^_`|~";
        for byte in u8::MIN..=u8::MAX {
            assert_eq!(
                is_token_byte(byte),
                byte.is_ascii_alphanumeric() || special.contains(&byte),
                "{byte}"
            );
        }
    }

    #[rstest]
    #[case("application/json", true)]
    #[case("application/json;charset=utf-8", true)]
    #[case("application/json ; charset=\"utf-8\"", true)]
    #[case("application/json;", true)]
    #[case("text/xml; charset=utf-8; ", true)]
    #[case("application/soap+xml;charset=UTF-8;action=\"urn:pay\"", true)]
    #[case("multipart/form-data; boundary=----WebKitFormBoundary7MA4YWxkTrZu0gW", true)]
    #[case(
        "multipart/related; type=\"application/xop+xml\"; start=\"<root@a>\"; boundary=\"a;b\"",
        true
    )]
    #[case("multipart/related; type=application/xop+xml; boundary=x", true)]
    #[case("application/x; a=\"\\\"\"", true)]
    #[case("json", false)]
    #[case("application/", false)]
    #[case("/json", false)]
    #[case("application/json/x", false)]
    #[case("application/json, text/xml", false)]
    #[case("application/json; charset=utf-8; charset=utf-7", false)]
    #[case("application/json; charset", false)]
    #[case("application/json; charset=", false)]
    #[case("application/json; charset=\"utf-8", false)]
    #[case("application/json; charset=utf-8, text/html", false)]
    #[case("application/json; =x", false)]
    #[case("%{(#_='multipart/form-data')}", false)]
    #[case("application json", false)]
    fn a_media_type_has_the_form_of_the_standard(#[case] value: &str, #[case] good: bool) {
        assert_eq!(media_type(value.as_bytes()), good);
    }

    #[rstest]
    #[case("bytes=0-99", true)]
    #[case("bytes=0-0,-1", true)]
    #[case("bytes=500-", true)]
    #[case("bytes=0-1, 4-5", true)]
    #[case("items=a", true)]
    #[case("bytes=9-1", false)]
    #[case("bytes=-", false)]
    #[case("bytes=", false)]
    #[case("bytes", false)]
    #[case("bytes=a-b", false)]
    fn ranges_run_upwards(#[case] value: &str, #[case] good: bool) {
        assert_eq!(range(value.as_bytes()), good);
    }

    #[rstest]
    #[case("keep-alive", true)]
    #[case("Keep-Alive, TE", true)]
    #[case("Upgrade, HTTP2-Settings", true)]
    #[case("close", true)]
    #[case("close, keep-alive", false)]
    #[case("close, authorization", false)]
    #[case("x-forwarded-for", false)]
    #[case("close,", false)]
    fn connection_names_only_what_is_its_own(#[case] value: &str, #[case] good: bool) {
        assert_eq!(connection(value.as_bytes()), good);
    }

    #[rstest]
    #[case("0", true)]
    #[case("18446744073709551615", true)]
    #[case("18446744073709551616", false)]
    #[case("+5", false)]
    #[case("-5", false)]
    #[case("5, 5", false)]
    #[case("5 ", false)]
    #[case("0x5", false)]
    fn a_number_is_digits_alone(#[case] value: &str, #[case] good: bool) {
        assert_eq!(number(value.as_bytes()), good);
    }

    #[rstest]
    #[case("Basic YTpi", true)]
    #[case("Negotiate", true)]
    #[case("Bearer a.b.c", true)]
    #[case("Digest username=\"a\"", true)]
    #[case("ApiKey", true)]
    #[case("\"Basic\" x", false)]
    #[case("Basic", false)]
    #[case("bearer ", false)]
    #[case("{{7*7}} x", false)]
    #[case("@", false)]
    fn credentials_start_with_a_scheme(#[case] value: &str, #[case] good: bool) {
        assert_eq!(credentials(value.as_bytes()), good);
    }

    #[rstest]
    #[case("null", true)]
    #[case("https://app.example", true)]
    #[case("http://localhost:4200", true)]
    #[case("http://[::1]:80", true)]
    #[case("chrome-extension://aapbdbdomjkkjkaonfhkkikfgjllcleb", true)]
    #[case("file://", true)]
    #[case("<script>", false)]
    #[case("https://", false)]
    #[case("https://a.example/", false)]
    #[case("https://user@a.example", false)]
    #[case("https://a.example https://b.example", false)]
    #[case("a.example", false)]
    #[case("1s://a.example", false)]
    #[case("*", false)]
    fn an_origin_is_null_or_a_scheme_with_a_host(#[case] value: &str, #[case] good: bool) {
        assert_eq!(origin(value.as_bytes()), good);
    }

    #[rstest]
    #[case("bytes 0-99/1000", true)]
    #[case("bytes 0-99/*", true)]
    #[case("bytes */1000", true)]
    #[case("bytes */*", true)]
    #[case("bytes 9-1/1000", false)]
    #[case("bytes 0-99", false)]
    #[case("bytes=0-99/1000", false)]
    #[case("bytes a-b/c", false)]
    #[case(" 0-1/2", false)]
    fn a_content_range_names_a_part_of_a_whole(#[case] value: &str, #[case] good: bool) {
        assert_eq!(content_range(value.as_bytes()), good);
    }

    #[rstest]
    #[case(via, "1.1 a", true)]
    #[case(via, "HTTP/1.1 proxy:3128 (squid/3.5, x), 1.0 b", true)]
    #[case(via, "1.1", false)]
    #[case(via, "<x> a", false)]
    #[case(disposition, "attachment; filename=\"a b.txt\"", true)]
    #[case(disposition, "{{7*7}}", false)]
    #[case(reference, "/a?b=c#d", true)]
    #[case(reference, "https://a.example/x|y", true)]
    #[case(reference, "<script>", false)]
    #[case(reference, "/a b", false)]
    #[case(product, "Mozilla/5.0 (X11)", true)]
    #[case(product, "\"Mozilla\"", true)]
    #[case(product, "{{7*7}}", false)]
    #[case(product, "<script>", false)]
    fn other_values_start_or_read_as_the_standard_says(
        #[case] form: fn(&[u8]) -> bool,
        #[case] value: &str,
        #[case] good: bool,
    ) {
        assert_eq!(form(value.as_bytes()), good);
    }
}
