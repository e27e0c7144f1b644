//! What a body is, by its media type.

use http::HeaderValue;
use palisade_core::media::{MediaType, NoMediaType};

use super::fault::{Format, Unreadable};

/// How a body of that `Content-Type` (RFC 9110 section 8.3) is read.
pub(super) fn format(content_type: Option<&HeaderValue>) -> Result<Format, Unreadable> {
    let media_type = content_type.ok_or(Unreadable::MediaType)?;
    let media_type = MediaType::of_value(media_type).map_err(|NoMediaType| Unreadable::MediaType)?;
    let format = if media_type.is_json() {
        Format::Json
    } else if media_type.is_xml() {
        Format::Xml
    } else {
        return Err(Unreadable::MediaType);
    };
    if media_type.is_utf8() {
        Ok(format)
    } else {
        Err(Unreadable::Charset)
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
    #[case("text/json", JSON)]
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
    #[case("application/json; charset=utf-8; charset=utf-16", OTHER)]
    #[case("application/json; CHARSET=iso-8859-1", CHARSET)]
    #[case("application/json; charset*=utf-16''x", CHARSET)]
    #[case("application/json; charset = utf-16", OTHER)]
    #[case("application/json; charset", OTHER)]
    #[case("application/json; charset=", OTHER)]
    #[case("application/json; charset='utf-8'", CHARSET)]
    #[case("application/json; charset=\"utf-8", OTHER)]
    #[case("application/json; x=\"", OTHER)]
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
