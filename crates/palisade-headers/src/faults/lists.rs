//! The forms of lists: elements between commas, of which one at least is not empty (RFC 9110 section 5.6.1).

use super::values::{is_token, is_token_byte, quoted};

/// Whether there is an element, and every one has that form. Commas in quoted strings part nothing.
fn all(value: &[u8], fits: impl Fn(&[u8]) -> bool) -> bool {
    let mut rest = value;
    let mut any = false;
    while let Some((element, behind)) = first(rest) {
        let element = element.trim_ascii();
        if !element.is_empty() {
            any = true;
            if !fits(element) {
                return false;
            }
        }
        match behind.split_first() {
            Some((_comma, behind)) => rest = behind,
            None => return any,
        }
    }
    false
}

/// The first element and what follows from its comma on; nothing when a quoted string does not end.
fn first(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut end = 0;
    loop {
        match text.get(end) {
            Some(b'"') => end += quoted(text.get(end..)?)?,
            Some(b',') | None => return text.split_at_checked(end),
            Some(_) => end += 1,
        }
    }
}

/// Tokens, as in `Content-Encoding` (RFC 9110 section 8.4), `Content-Language` (section 8.5) and `Trailer` (section 6.6.2).
pub(super) fn tokens(value: &[u8]) -> bool {
    all(value, is_token)
}

/// Protocols with or without a version (RFC 9110 section 7.8).
pub(super) fn protocols(value: &[u8]) -> bool {
    all(value, is_token_or_pair)
}

/// Media ranges with parameters and weights (RFC 9110 section 12.5.1); old Java clients send `*` alone and `q=.2`.
pub(super) fn media_ranges(value: &[u8]) -> bool {
    all(value, |element| with_parameters(element, is_token_or_pair))
}

/// Tokens with weights, as in `Accept-Encoding` (RFC 9110 section 12.5.3) and its kin.
pub(super) fn weighted(value: &[u8]) -> bool {
    all(value, |element| with_parameters(element, is_token))
}

/// Directives, with or without values (RFC 9111 section 5.2).
pub(super) fn directives(value: &[u8]) -> bool {
    all(value, |element| parameters(element) == Some(b""))
}

/// `*`, or entity tags (RFC 9110 sections 8.8.3 and 13.1).
pub(super) fn entity_tags(value: &[u8]) -> bool {
    let mut rest = value.trim_ascii();
    if rest == b"*" {
        return true;
    }
    let mut any = false;
    loop {
        rest = rest.trim_ascii_start();
        match rest.first() {
            None => return any,
            Some(b',') => rest = rest.get(1..).unwrap_or_default(),
            Some(_) => match behind_entity_tag(rest).map(<[u8]>::trim_ascii_start) {
                Some(behind) if behind.is_empty() || behind.starts_with(b",") => {
                    any = true;
                    rest = behind;
                }
                _ => return false,
            },
        }
    }
}

/// One entity tag, strong or weak.
pub(super) fn entity_tag(value: &[u8]) -> bool {
    behind_entity_tag(value).is_some_and(<[u8]>::is_empty)
}

/// A backslash in an entity tag stands for itself.
fn behind_entity_tag(text: &[u8]) -> Option<&[u8]> {
    let opaque = text.strip_prefix(b"W/").unwrap_or(text).strip_prefix(b"\"")?;
    let end = opaque
        .iter()
        .position(|byte| matches!(byte, b'"' | b' ' | b'\t'))?;
    opaque.get(end..)?.strip_prefix(b"\"")
}

/// `token`, or `token/token`.
pub(super) fn is_token_or_pair(text: &[u8]) -> bool {
    let mut parts = text.split(|byte| *byte == b'/');
    parts.next().is_some_and(is_token) && parts.next().is_none_or(is_token) && parts.next().is_none()
}

/// Something of that form, and parameters behind semicolons.
fn with_parameters(element: &[u8], fits: impl Fn(&[u8]) -> bool) -> bool {
    let end = element
        .iter()
        .position(|byte| *byte == b';')
        .unwrap_or(element.len());
    element
        .split_at_checked(end)
        .is_some_and(|(what, rest)| fits(what.trim_ascii_end()) && parameters(rest) == Some(b""))
}

/// Reads names with or without values, with semicolons between them, of which there may be too many; `q` is a weight.
fn parameters(text: &[u8]) -> Option<&[u8]> {
    let mut rest = text;
    loop {
        rest = rest.trim_ascii_start();
        let name = leading(rest, is_token_byte);
        if !name.is_empty() {
            rest = rest.get(name.len()..)?.trim_ascii_start();
            if let Some(value) = rest.strip_prefix(b"=") {
                let (value, behind) = split_value(value.trim_ascii_start())?;
                if name.eq_ignore_ascii_case(b"q") && !is_weight(value) {
                    return None;
                }
                rest = behind.trim_ascii_start();
            }
        }
        match rest.strip_prefix(b";") {
            Some(behind) => rest = behind,
            None => return Some(rest),
        }
    }
}

/// A quoted string, or a value without quotes: a token, or what clients send unquoted though it is none, such as a URL.
fn split_value(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let length = if text.starts_with(b"\"") {
        quoted(text)?
    } else {
        let plain = |byte| is_token_byte(byte) || matches!(byte, b'/' | b':' | b'=' | b'?' | b'@');
        Some(leading(text, plain).len()).filter(|length| *length > 0)?
    };
    text.split_at_checked(length)
}

fn leading(text: &[u8], fits: impl Fn(u8) -> bool) -> &[u8] {
    let end = text.iter().position(|byte| !fits(*byte));
    text.get(..end.unwrap_or(text.len())).unwrap_or_default()
}

/// A number from 0 to 1 (RFC 9110 section 12.4.2), with as many digits as a client likes.
fn is_weight(text: &[u8]) -> bool {
    let mut parts = text.splitn(2, |byte| *byte == b'.');
    let (whole, fraction) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    match whole {
        b"1" => fraction.iter().all(|byte| *byte == b'0'),
        b"0" => fraction.iter().all(u8::is_ascii_digit),
        b"" => !fraction.is_empty() && fraction.iter().all(u8::is_ascii_digit),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::{directives, entity_tags, is_weight, media_ranges, protocols, tokens, weighted};

    #[rstest]
    #[case("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", true)]
    #[case("text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2", true)]
    #[case("application/json;profile=\"https://a.example/{x},y\"", true)]
    #[case("application/ld+json;profile=http://www.w3.org/ns/json-ld#compacted", true)]
    #[case("application/json;odata.metadata=minimal;odata.streaming=true", true)]
    #[case("application/signed-exchange;v=b3;q=0.7", true)]
    #[case("text/html ; level = 1,, text/plain;", true)]
    #[case("../../etc/passwd{0}", false)]
    #[case("text/html;x=\"", false)]
    #[case("text/html;q=high", false)]
    #[case("text/html;q=", false)]
    #[case("text/html/x", false)]
    #[case("text/", false)]
    #[case("text html", false)]
    #[case(", ,", false)]
    #[case("<script>", false)]
    #[case("${jndi:ldap://x}", false)]
    fn media_ranges_are_read_leniently_but_are_no_garbage(#[case] value: &str, #[case] good: bool) {
        assert_eq!(media_ranges(value.as_bytes()), good);
    }

    #[rstest]
    #[case("nl-NL,nl;q=0.9", true)]
    #[case("gzip, deflate, br, zstd", true)]
    #[case("gzip;q=1.0, identity; q=0.5, *;q=0", true)]
    #[case("en_US", true)]
    #[case("utf-8;q=0.7,*;q=0.3", true)]
    #[case("trailers, deflate;q=0.5", true)]
    #[case("gzip/x", false)]
    #[case("gzip;q=2", false)]
    #[case("gzip deflate", false)]
    #[case("{{7*7}}", false)]
    #[case("nl(1)", false)]
    fn preferences_are_tokens_with_weights(#[case] value: &str, #[case] good: bool) {
        assert_eq!(weighted(value.as_bytes()), good);
    }

    #[rstest]
    #[case("0", true)]
    #[case("1", true)]
    #[case("1.000", true)]
    #[case("0.8999999", true)]
    #[case(".2", true)]
    #[case("0.", true)]
    #[case("", false)]
    #[case(".", false)]
    #[case("1.1", false)]
    #[case("2", false)]
    #[case("-1", false)]
    #[case("0.1.1", false)]
    #[case("1e0", false)]
    fn a_weight_lies_between_zero_and_one(#[case] value: &str, #[case] good: bool) {
        assert_eq!(is_weight(value.as_bytes()), good);
    }

    #[rstest]
    #[case("*", true)]
    #[case("\"a\"", true)]
    #[case("\"\"", true)]
    #[case("W/\"a\", \"b,c\" ,\"d\\\"", true)]
    #[case("\"a\",,", true)]
    #[case("a", false)]
    #[case("\"a", false)]
    #[case("\"a\" \"b\"", false)]
    #[case("\"a\", *", false)]
    #[case("w/\"a\"", false)]
    #[case("\"a b\"", false)]
    #[case(",", false)]
    fn entity_tags_are_quoted(#[case] value: &str, #[case] good: bool) {
        assert_eq!(entity_tags(value.as_bytes()), good);
    }

    #[rstest]
    #[case("no-cache", true)]
    #[case("max-age=0, must-revalidate", true)]
    #[case("private=\"x, y\", no-store", true)]
    #[case("timeout=5, max=1000", true)]
    #[case("max-age=", false)]
    #[case("=5", false)]
    #[case("no cache", false)]
    #[case("<x>", false)]
    #[case("a=\"b", false)]
    fn directives_are_names_with_or_without_values(#[case] value: &str, #[case] good: bool) {
        assert_eq!(directives(value.as_bytes()), good);
    }

    #[rstest]
    #[case("gzip", true, true)]
    #[case("gzip, br", true, true)]
    #[case("HTTP/2.0, websocket", false, true)]
    #[case("HTTP/2/0", false, false)]
    #[case("a b", false, false)]
    #[case("{{7*7}}", false, false)]
    #[case(",", false, false)]
    fn tokens_and_protocols(#[case] value: &str, #[case] are_tokens: bool, #[case] are_protocols: bool) {
        assert_eq!(tokens(value.as_bytes()), are_tokens);
        assert_eq!(protocols(value.as_bytes()), are_protocols);
    }
}
