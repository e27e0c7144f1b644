//! What a request on a SOAP route says of itself: its version, and its action.
//!
//! The endpoint groups choose by it, message security and validation compare what is inside with it: one reading for all.

use std::borrow::Cow;

use crate::RefusalFormat;
use http::header::{CONTENT_TYPE, HeaderMap};

const SOAP_12: &str = "application/soap+xml";

/// The request names its SOAP action more than once, or cannot be read for one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the SOAP action is given more than once")]
pub struct AmbiguousAction;

/// The format of refusals: a Fault of the request's version.
pub fn refusal_format(headers: &HeaderMap) -> RefusalFormat {
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    match content_type.map(media_type) {
        Some(text) if text.eq_ignore_ascii_case(SOAP_12) => RefusalFormat::Soap12,
        _ => RefusalFormat::Soap11,
    }
}

fn media_type(content_type: &str) -> &str {
    content_type.split(';').next().unwrap_or_default().trim()
}

/// The action of a SOAP request: the parameter `action` of `application/soap+xml` (RFC 3902), else the field `SOAPAction`
/// (SOAP 1.1 section 6.1.1). Both may be given when they agree; neither may be given twice.
pub fn action(headers: &HeaderMap) -> Result<Option<Cow<'_, str>>, AmbiguousAction> {
    let content_type = single(headers, CONTENT_TYPE.as_str())?.unwrap_or_default();
    action_under(headers, content_type)
}

/// The [`action`] that the request would have under another media type.
pub fn action_under<'a>(
    headers: &'a HeaderMap,
    content_type: &'a str,
) -> Result<Option<Cow<'a, str>>, AmbiguousAction> {
    let parameter = if media_type(content_type).eq_ignore_ascii_case(SOAP_12) {
        action_parameter(content_type)?
    } else {
        None
    };
    let field = single(headers, "soapaction")?.map(|text| unquoted(text.trim()));
    match (parameter, field.filter(|action| !action.is_empty())) {
        (Some(parameter), Some(field)) if parameter != field => Err(AmbiguousAction),
        (Some(parameter), _) => Ok(Some(parameter)),
        (None, field) => Ok(field.map(Cow::Borrowed)),
    }
}

/// The text of a field that stands there once at most.
fn single<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, AmbiguousAction> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => value.to_str().map(Some).map_err(|_| AmbiguousAction),
        (Some(_), Some(_)) => Err(AmbiguousAction),
    }
}

fn unquoted(text: &str) -> &str {
    text.strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'))
        .unwrap_or(text)
}

/// The parameter `action` of the media type; semicolons inside quotes separate nothing.
fn action_parameter(content_type: &str) -> Result<Option<Cow<'_, str>>, AmbiguousAction> {
    let mut quoted = false;
    let mut escaped = false;
    let parameters = content_type.split(|c| {
        let separates = c == ';' && !quoted;
        quoted ^= c == '"' && !escaped;
        escaped = quoted && c == '\\' && !escaped;
        separates
    });
    let mut actions = parameters.skip(1).filter_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim()
            .eq_ignore_ascii_case("action")
            .then(|| unquoted(value.trim()))
    });
    let action = actions.next();
    if actions.next().is_some() {
        return Err(AmbiguousAction);
    }
    let action = action.filter(|action| !action.is_empty());
    Ok(action.map(|action| {
        if action.contains('\\') {
            Cow::Owned(unescaped(action))
        } else {
            Cow::Borrowed(action)
        }
    }))
}

/// Quoted pairs undone (RFC 9110 section 5.6.4).
fn unescaped(text: &str) -> String {
    let mut chars = text.chars();
    std::iter::from_fn(|| {
        chars
            .next()
            .and_then(|c| if c == '\\' { chars.next() } else { Some(c) })
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderName, HeaderValue};
    use rstest::rstest;

    use super::{AmbiguousAction, action};

    #[rstest]
    #[case(&[], Ok(None))]
    #[case(&[("soapaction", "\"urn:a\"")], Ok(Some("urn:a")))]
    #[case(&[("soapaction", "urn:a")], Ok(Some("urn:a")))]
    #[case(&[("soapaction", "\"\"")], Ok(None))]
    #[case(&[("soapaction", "urn:a"), ("soapaction", "urn:a")], Err(AmbiguousAction))]
    #[case(&[("content-type", "application/soap+xml;action=urn:a")], Ok(Some("urn:a")))]
    #[case(&[("content-type", "application/soap+xml; charset=\"x;action=urn:b\"; action=\"urn:a\"")], Ok(Some("urn:a")))]
    #[case(&[("content-type", "application/soap+xml; action=\"urn:\\a\"")], Ok(Some("urn:a")))]
    #[case(&[("content-type", "application/soap+xml; action=urn:a; action=urn:b")], Err(AmbiguousAction))]
    #[case(&[("content-type", "application/soap+xml; action=urn:a; ACTION=urn:a")], Err(AmbiguousAction))]
    #[case(&[("content-type", "application/soap+xml;action=urn:a"), ("content-type", "text/xml")], Err(AmbiguousAction))]
    #[case(&[("content-type", "application/soap+xml;action=urn:a"), ("soapaction", "urn:a")], Ok(Some("urn:a")))]
    #[case(&[("content-type", "application/soap+xml;action=urn:a"), ("soapaction", "urn:b")], Err(AmbiguousAction))]
    #[case(&[("content-type", "text/xml;action=urn:a")], Ok(None))]
    #[case(&[("content-type", "text/xml;action=urn:a"), ("soapaction", "urn:b")], Ok(Some("urn:b")))]
    fn an_action_is_named_once(
        #[case] fields: &[(&'static str, &'static str)],
        #[case] expected: Result<Option<&str>, AmbiguousAction>,
    ) {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        assert_eq!(
            action(&headers).map(|action| action.as_deref().map(str::to_owned)),
            expected.map(|a| a.map(str::to_owned))
        );
    }
}
