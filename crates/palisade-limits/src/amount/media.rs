//! What a body is, by its media type.

use http::HeaderValue;

use super::fault::{Format, Unreadable};

/// How a body of that `Content-Type` (RFC 9110 section 8.3) is read.
pub(super) fn format(content_type: Option<&HeaderValue>) -> Result<Format, Unreadable> {
    let text = content_type
        .and_then(|value| value.to_str().ok())
        .ok_or(Unreadable::MediaType)?;
    let (essence, parameters) = text.split_once(';').unwrap_or((text, ""));
    let format = format_of(essence.trim()).ok_or(Unreadable::MediaType)?;
    if charset_is_utf8(parameters) {
        Ok(format)
    } else {
        Err(Unreadable::Charset)
    }
}

fn format_of(essence: &str) -> Option<Format> {
    let is = |name: &str| essence.eq_ignore_ascii_case(name);
    let (kind, subtype) = essence.split_once('/')?;
    if !is_token(kind) || !is_token(subtype) {
        return None;
    }
    let suffix = subtype.rsplit_once('+').map_or("", |(_, suffix)| suffix);
    if is("application/json") || suffix.eq_ignore_ascii_case("json") {
        Some(Format::Json)
    } else if is("application/xml") || is("text/xml") || suffix.eq_ignore_ascii_case("xml") {
        Some(Format::Xml)
    } else {
        None
    }
}

/// RFC 9110 section 5.6.2.
fn is_token(text: &str) -> bool {
    let mut bytes = text.bytes();
    !text.is_empty() && bytes.all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

/// Whether every parameter `charset` is UTF-8. What is no list of parameters may say anything, and is not.
fn charset_is_utf8(parameters: &str) -> bool {
    let mut rest = parameters;
    while !rest.trim_start().is_empty() {
        let Some((parameter, after)) = first_parameter(rest) else {
            return false;
        };
        let Some((name, value)) = parameter.split_once('=') else {
            if parameter.trim().is_empty() {
                rest = after;
                continue;
            }
            return false;
        };
        // `charset*` is the same parameter in another notation (RFC 2231).
        let named = name.trim().get(.."charset".len());
        let value = value.trim();
        let value = value
            .strip_prefix('"')
            .and_then(|value| value.strip_suffix('"'))
            .unwrap_or(value);
        if named.is_some_and(|name| name.eq_ignore_ascii_case("charset"))
            && !value.eq_ignore_ascii_case("utf-8")
        {
            return false;
        }
        rest = after;
    }
    true
}

/// The text up to the next semicolon that is not in quotes, and what follows it; `None` where a quote is not closed.
fn first_parameter(text: &str) -> Option<(&str, &str)> {
    let mut quoted = false;
    let mut escaped = false;
    let end = text.find(|c| {
        let separates = c == ';' && !quoted;
        quoted ^= c == '"' && !escaped;
        escaped = quoted && c == '\\' && !escaped;
        separates
    });
    match end {
        Some(end) => {
            let (parameter, rest) = text.split_at(end);
            Some((parameter, rest.strip_prefix(';').unwrap_or(rest)))
        }
        None => (!quoted).then_some((text, "")),
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use rstest::rstest;

    use super::{Format, Unreadable, format};

    const JSON: Result<Format, Unreadable> = Ok(Format::Json);
    const XML: Result<Format, Unreadable> = Ok(Format::Xml);
    const OTHER: Result<Format, Unreadable> = Err(Unreadable::MediaType);
    const CHARSET: Result<Format, Unreadable> = Err(Unreadable::Charset);

    #[rstest]
    #[case("application/json", JSON)]
    #[case("Application/JSON", JSON)]
    #[case(" application/json ; charset=utf-8", JSON)]
    #[case("application/json;", JSON)]
    #[case("application/json;;charset=utf-8; ", JSON)]
    #[case("application/vnd.pay.v1+json", JSON)]
    #[case("application/problem+JSON;charset=\"UTF-8\"", JSON)]
    #[case("application/xml", XML)]
    #[case("text/xml; charset=utf-8", XML)]
    #[case("application/soap+xml; charset=utf-8; action=\"urn:a;charset=utf-16\"", XML)]
    #[case("application/soap+xml; action=\"a\\\";b\"; charset=utf-8", XML)]
    #[case("", OTHER)]
    #[case("json", OTHER)]
    #[case("text/json", OTHER)]
    #[case("text/plain", OTHER)]
    #[case("application/jsonl", OTHER)]
    #[case("application/json-seq", OTHER)]
    #[case("application/json, text/plain", OTHER)]
    #[case("text/plain, application/vnd.pay+json", OTHER)]
    #[case("/json", OTHER)]
    #[case("application/", OTHER)]
    #[case("application/octet-stream", OTHER)]
    #[case("multipart/form-data; boundary=x", OTHER)]
    #[case("application/+json+zip", OTHER)]
    #[case("application/json; charset=utf-16", CHARSET)]
    #[case("application/json; charset=utf-8; charset=utf-16", CHARSET)]
    #[case("application/json; CHARSET=iso-8859-1", CHARSET)]
    #[case("application/json; charset*=utf-16''x", CHARSET)]
    #[case("application/json; charset = utf-16", CHARSET)]
    #[case("application/json; charset", CHARSET)]
    #[case("application/json; charset=", CHARSET)]
    #[case("application/json; charset='utf-8'", CHARSET)]
    #[case("application/json; charset=\"utf-8", CHARSET)]
    #[case("application/json; x=\"", CHARSET)]
    #[case("text/xml; x=\";\"; charset=utf-7", CHARSET)]
    fn the_media_type_decides(#[case] text: &'static str, #[case] expected: Result<Format, Unreadable>) {
        assert_eq!(format(Some(&HeaderValue::from_static(text))), expected);
    }

    #[test]
    fn without_a_readable_media_type_nothing_is_read() {
        assert_eq!(format(None), OTHER);
        let obscure = HeaderValue::from_bytes(b"application/json; x=\xff").unwrap();
        assert_eq!(format(Some(&obscure)), OTHER);
    }
}
