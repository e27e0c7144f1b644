use http::StatusCode;
use http::header::{HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use palisade_core::Rejection;

use crate::challenges::Challenges;
use crate::denied::{BadCredentials, Denied};

/// What waits for verification now is done by then.
const RETRY_AFTER_SECONDS: u16 = 1;

impl Denied {
    /// The refusal. What the peer learns is the kind alone; a 401 says which schemes would do.
    pub(crate) fn into_rejection(self, challenges: &Challenges) -> Rejection {
        let with_challenges = |rejection: Rejection, token_error: Option<&str>| {
            let values = challenges.values(token_error);
            values.fold(rejection, |rejection, value| {
                rejection.header(WWW_AUTHENTICATE, value)
            })
        };
        let rejection = match &self {
            Self::CredentialsMissing => with_challenges(
                Rejection::new(
                    StatusCode::UNAUTHORIZED,
                    "credentials-missing",
                    "Credentials are required",
                ),
                None,
            ),
            Self::CredentialsInvalid(bad) => with_challenges(
                Rejection::new(
                    StatusCode::UNAUTHORIZED,
                    "credentials-invalid",
                    "The credentials are not accepted",
                ),
                token_error(bad),
            ),
            Self::CertificateRequired => Rejection::new(
                StatusCode::FORBIDDEN,
                "client-certificate-required",
                "A client certificate is required",
            ),
            Self::CertificateNotAccepted(_) => Rejection::new(
                StatusCode::FORBIDDEN,
                "client-certificate-not-accepted",
                "The client certificate is not accepted",
            ),
            Self::OnBehalfOfNotAllowed(_) => Rejection::new(
                StatusCode::FORBIDDEN,
                "on-behalf-of-not-allowed",
                "Acting for another is not allowed",
            ),
            Self::Busy(_) => Rejection::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "authentication-busy",
                "Too many callers are being authenticated",
            )
            .header(RETRY_AFTER, HeaderValue::from(RETRY_AFTER_SECONDS)),
        };
        rejection.caused_by(self)
    }
}

/// What the challenge of bearer tokens says is wrong with the token (RFC 6750 section 3.1), where one was sent.
fn token_error(bad: &BadCredentials) -> Option<&'static str> {
    match bad {
        BadCredentials::Token(bad) => Some(bad.error_code()),
        // For whoever does not read the log, as bad as a token that is wrong.
        BadCredentials::BoundToAnotherCertificate | BadCredentials::InactiveSubject(_) => {
            Some("invalid_token")
        }
        BadCredentials::Unreadable(_)
        | BadCredentials::UnknownUser
        | BadCredentials::WrongPassword(_)
        | BadCredentials::Inactive(_)
        | BadCredentials::UnknownKey => None,
    }
}
