//! Reading credentials off a head.
//!
//! 1. `Authorization` holds one scheme and its credentials (RFC 9110 section 11.4); the scheme's name is read without regard to case.
//!    A scheme that is unknown, or switched off, is none of ours, and is left alone.
//! 2. Basic (RFC 7617) is base64 of `user:password` in UTF-8; control characters are refused.
//! 3. An API key stands in a field of its own.
//! 4. One credential at most: two fields of one kind, or credentials of two kinds, are refused as a whole, good or not. Whoever
//!    sends two leaves it open for whom the request is.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName, HeaderValue};
use zeroize::Zeroizing;

/// The schemes that are on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct On {
    pub(crate) basic: bool,
    pub(crate) bearer: bool,
    pub(crate) api_key: bool,
}

/// Credentials as they were sent. Nothing of them shows in `Debug`.
pub(crate) enum Credentials<'a> {
    /// `user:password`.
    Basic(UserAndPassword),
    /// A token, or what stands in its place.
    Bearer(&'a [u8]),
    /// A key.
    ApiKey(&'a str),
}

/// Why credentials cannot be read. They are there, and they are not good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unreadable {
    /// There are several.
    #[error("several credentials were sent")]
    Several,
    /// They are not of the form of their scheme.
    #[error("the credentials are not of the form of their scheme")]
    Malformed,
}

/// What Basic carries; wiped when it is dropped.
pub(crate) struct UserAndPassword {
    text: Zeroizing<String>,
    colon: usize,
}

impl UserAndPassword {
    fn decode(encoded: &str) -> Option<Self> {
        let bytes = Zeroizing::new(BASE64_STANDARD.decode(encoded).ok()?);
        let text = Zeroizing::new(std::str::from_utf8(&bytes).ok()?.to_owned());
        let colon = text.find(':')?;
        let is_plain = !text.chars().any(char::is_control);
        is_plain.then_some(Self { text, colon })
    }

    pub(crate) fn user(&self) -> &str {
        self.text.get(..self.colon).unwrap_or_default()
    }

    pub(crate) fn password(&self) -> &str {
        self.text.get(self.colon + 1..).unwrap_or_default()
    }
}

/// The credentials of a request, of the schemes that are on.
pub(crate) fn read<'a>(
    headers: &'a HeaderMap,
    on: On,
    api_key_field: &HeaderName,
) -> Result<Option<Credentials<'a>>, Unreadable> {
    let authorization = of_authorization(headers, on)?;
    let api_key = if on.api_key {
        single(headers, api_key_field)?
    } else {
        None
    };
    match (authorization, api_key) {
        (Some(_), Some(_)) => Err(Unreadable::Several),
        (Some(credentials), None) => Ok(Some(credentials)),
        (None, Some(key)) => {
            let key = key.to_str().map_err(|_| Unreadable::Malformed)?;
            Ok(Some(Credentials::ApiKey(key)))
        }
        (None, None) => Ok(None),
    }
}

fn of_authorization(headers: &HeaderMap, on: On) -> Result<Option<Credentials<'_>>, Unreadable> {
    if !on.basic && !on.bearer {
        return Ok(None);
    }
    let Some(value) = single(headers, &AUTHORIZATION)? else {
        return Ok(None);
    };
    if on.bearer
        && let Some(token) = of_bearer(value.as_bytes())
    {
        return Ok(Some(Credentials::Bearer(token)));
    }
    let text = value.to_str().map_err(|_| Unreadable::Malformed)?;
    let (scheme, rest) = text.split_once(' ').unwrap_or((text, ""));
    if on.basic && scheme.eq_ignore_ascii_case("basic") {
        let decoded = UserAndPassword::decode(rest.trim_matches(' ')).ok_or(Unreadable::Malformed)?;
        Ok(Some(Credentials::Basic(decoded)))
    } else {
        Ok(None)
    }
}

/// What stands behind the scheme of tokens. Tokens are long, and mostly known: their characters are looked at when one is not.
fn of_bearer(value: &[u8]) -> Option<&[u8]> {
    const SCHEME: &[u8] = b"bearer";
    let (scheme, mut rest) = value.split_at_checked(SCHEME.len())?;
    if !scheme.eq_ignore_ascii_case(SCHEME) || !matches!(rest, [] | [b' ', ..]) {
        return None;
    }
    while let [b' ', behind @ ..] = rest {
        rest = behind;
    }
    while let [before @ .., b' '] = rest {
        rest = before;
    }
    Some(rest)
}

/// The value of a field that stands there once at most.
fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a HeaderValue>, Unreadable> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (value, None) => Ok(value),
        (_, Some(_)) => Err(Unreadable::Several),
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::prelude::BASE64_STANDARD;
    use http::{HeaderMap, HeaderName, HeaderValue};
    use proptest::prelude::*;
    use rstest::rstest;

    use super::Unreadable::{Malformed, Several};
    use super::{Credentials, On, Unreadable, read};

    const ALL: On = On {
        basic: true,
        bearer: true,
        api_key: true,
    };

    fn shown(fields: &[(&'static str, &str)], on: On) -> Result<Option<String>, Unreadable> {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(
                HeaderName::from_static(name),
                HeaderValue::from_bytes(value.as_bytes()).unwrap(),
            );
        }
        let read = read(&headers, on, &HeaderName::from_static("x-api-key"))?;
        Ok(read.map(|credentials| match credentials {
            Credentials::Basic(basic) => format!("{}|{}", basic.user(), basic.password()),
            Credentials::Bearer(token) => format!("bearer {}", token.escape_ascii()),
            Credentials::ApiKey(key) => format!("key {key}"),
        }))
    }

    #[rstest]
    #[case::none(&[], Ok(None))]
    #[case::basic(&[("authorization", "Basic YWxpY2U6c2VjcmV0")], Ok(Some("alice|secret")))]
    #[case::case_of_the_scheme(&[("authorization", "bAsIc YWxpY2U6c2VjcmV0")], Ok(Some("alice|secret")))]
    #[case::colon_in_the_password(&[("authorization", "Basic YTpiOmM=")], Ok(Some("a|b:c")))]
    #[case::empty_password(&[("authorization", "Basic YTo=")], Ok(Some("a|")))]
    #[case::no_colon(&[("authorization", "Basic YQ==")], Err(Malformed))]
    #[case::not_base64(&[("authorization", "Basic a:b")], Err(Malformed))]
    #[case::base64_without_padding(&[("authorization", "Basic YQ")], Err(Malformed))]
    #[case::not_utf8(&[("authorization", "Basic /zo=")], Err(Malformed))]
    #[case::control_character(&[("authorization", "Basic YQA6Yg==")], Err(Malformed))]
    #[case::nothing_behind_the_scheme(&[("authorization", "Basic")], Err(Malformed))]
    #[case::bearer(&[("authorization", "Bearer a.b.c")], Ok(Some("bearer a.b.c")))]
    #[case::empty_bearer(&[("authorization", "Bearer")], Ok(Some("bearer ")))]
    #[case::spaces_around_a_token(&[("authorization", "bEARER   a.b.c  ")], Ok(Some("bearer a.b.c")))]
    #[case::spaces_in_a_token(&[("authorization", "Bearer a b")], Ok(Some("bearer a b")))]
    #[case::token_that_is_none(&[("authorization", "Bearer é")], Ok(Some("bearer \\xc3\\xa9")))]
    #[case::longer_scheme(&[("authorization", "Bearers a")], Ok(None))]
    #[case::scheme_of_no_text(&[("authorization", "é a")], Err(Malformed))]
    #[case::another_scheme_of_no_text(&[("authorization", "Negotiate é")], Err(Malformed))]
    #[case::another_scheme(&[("authorization", "Negotiate abc")], Ok(None))]
    #[case::key(&[("x-api-key", "k")], Ok(Some("key k")))]
    #[case::twice(&[("authorization", "Basic YTpi"), ("authorization", "Basic YTpi")], Err(Several))]
    #[case::two_schemes(&[("authorization", "Basic YTpi"), ("authorization", "Bearer a")], Err(Several))]
    #[case::two_keys(&[("x-api-key", "k"), ("x-api-key", "k")], Err(Several))]
    #[case::two_kinds(&[("authorization", "Bearer a"), ("x-api-key", "k")], Err(Several))]
    fn one_credential_is_read(
        #[case] fields: &[(&'static str, &str)],
        #[case] expected: Result<Option<&str>, Unreadable>,
    ) {
        assert_eq!(shown(fields, ALL), expected.map(|text| text.map(str::to_owned)));
    }

    #[rstest]
    #[case::basic(&[("authorization", "Basic YTpi")], On { basic: false, ..ALL })]
    #[case::bearer(&[("authorization", "Bearer a")], On { bearer: false, ..ALL })]
    #[case::key(&[("x-api-key", "k"), ("x-api-key", "l")], On { api_key: false, ..ALL })]
    #[case::no_authorization(&[("authorization", "Basic YTpi"), ("authorization", "x")], On { basic: false, bearer: false, ..ALL })]
    fn a_scheme_that_is_off_is_not_looked_at(#[case] fields: &[(&'static str, &str)], #[case] on: On) {
        assert_eq!(shown(fields, on), Ok(None));
    }

    proptest! {
        #[test]
        fn what_was_encoded_is_read(user in "[^:\\p{Cc}]{0,20}", password in "[^\\p{Cc}]{0,20}") {
            let value = format!("Basic {}", BASE64_STANDARD.encode(format!("{user}:{password}")));
            prop_assert_eq!(shown(&[("authorization", &value)], ALL), Ok(Some(format!("{user}|{password}"))));
        }

        #[test]
        fn nothing_makes_it_panic(value in "[ -~]{0,40}", key in "[ -~]{0,10}") {
            let _ = shown(&[("authorization", &value), ("x-api-key", &key)], ALL);
        }
    }
}
