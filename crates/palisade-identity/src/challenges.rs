//! How a refusal says what credentials would do: `WWW-Authenticate` (RFC 9110 section 11.6.1).

use http::{HeaderName, HeaderValue};

/// A challenge for each scheme that is on.
#[derive(Debug, Clone)]
pub(crate) struct Challenges {
    /// Without bearer.
    others: Vec<HeaderValue>,
    bearer: Option<BearerChallenges>,
}

/// With and without an error (RFC 6750 section 3).
#[derive(Debug, Clone)]
struct BearerChallenges {
    plain: HeaderValue,
    invalid_token: HeaderValue,
    invalid_request: HeaderValue,
}

/// Which schemes are challenged.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Challenged<'a> {
    pub(crate) certificate: bool,
    pub(crate) basic: bool,
    pub(crate) bearer: bool,
    pub(crate) api_key: Option<&'a HeaderName>,
}

/// A text that cannot stand between quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NotQuotable;

impl Challenges {
    pub(crate) fn new(realm: &str, schemes: Challenged<'_>) -> Result<Self, NotQuotable> {
        let realm = quoted(realm)?;
        let challenge = |text: String| HeaderValue::from_str(&text).map_err(|_| NotQuotable);
        let mut others = Vec::new();
        if schemes.basic {
            others.push(challenge(format!("Basic realm={realm}, charset=\"UTF-8\""))?);
        }
        if let Some(field) = schemes.api_key {
            others.push(challenge(format!("ApiKey realm={realm}, header=\"{field}\""))?);
        }
        if schemes.certificate {
            others.push(challenge(format!("Certificate realm={realm}"))?);
        }
        let bearer = if schemes.bearer {
            Some(BearerChallenges {
                plain: challenge(format!("Bearer realm={realm}"))?,
                invalid_token: challenge(format!("Bearer realm={realm}, error=\"invalid_token\""))?,
                invalid_request: challenge(format!("Bearer realm={realm}, error=\"invalid_request\""))?,
            })
        } else {
            None
        };
        Ok(Self { others, bearer })
    }

    /// All of them, with the error that the token has, if it has one.
    pub(crate) fn values(&self, token_error: Option<&str>) -> impl Iterator<Item = HeaderValue> {
        let bearer = self.bearer.as_ref().map(|bearer| match token_error {
            Some("invalid_request") => &bearer.invalid_request,
            Some(_) => &bearer.invalid_token,
            None => &bearer.plain,
        });
        bearer.into_iter().chain(&self.others).cloned()
    }
}

/// As a quoted string (RFC 9110 section 5.6.4).
fn quoted(text: &str) -> Result<String, NotQuotable> {
    if !text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return Err(NotQuotable);
    }
    Ok(format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")))
}

#[cfg(test)]
mod tests {
    use http::HeaderName;

    use super::{Challenged, Challenges, NotQuotable};

    fn all(field: &HeaderName) -> Challenged<'_> {
        Challenged {
            certificate: true,
            basic: true,
            bearer: true,
            api_key: Some(field),
        }
    }

    fn shown(challenges: &Challenges, error: Option<&str>) -> Vec<String> {
        let values = challenges.values(error);
        values.map(|value| value.to_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn each_scheme_has_a_challenge_and_the_token_its_error() {
        let challenges = Challenges::new("Partners", all(&HeaderName::from_static("x-api-key"))).unwrap();
        let with = |bearer: &str| {
            [
                bearer,
                "Basic realm=\"Partners\", charset=\"UTF-8\"",
                "ApiKey realm=\"Partners\", header=\"x-api-key\"",
                "Certificate realm=\"Partners\"",
            ]
            .map(str::to_owned)
        };
        assert_eq!(shown(&challenges, None), with("Bearer realm=\"Partners\""));
        assert_eq!(
            shown(&challenges, Some("invalid_token")),
            with("Bearer realm=\"Partners\", error=\"invalid_token\"")
        );
        assert_eq!(
            shown(&challenges, Some("invalid_request")),
            with("Bearer realm=\"Partners\", error=\"invalid_request\"")
        );
    }

    #[test]
    fn a_realm_is_quoted_and_has_to_be_printable() {
        let only = Challenged {
            certificate: false,
            basic: true,
            bearer: false,
            api_key: None,
        };
        let challenges = Challenges::new("a \"b\" \\c", only).unwrap();
        assert_eq!(
            shown(&challenges, None),
            ["Basic realm=\"a \\\"b\\\" \\\\c\", charset=\"UTF-8\""]
        );
        assert_eq!(Challenges::new("a\nb", only).err(), Some(NotQuotable));
        assert_eq!(Challenges::new("é", only).err(), Some(NotQuotable));
    }
}
