use http::StatusCode;
use http::header::WWW_AUTHENTICATE;
use palisade_core::Rejection;

use crate::challenges::Challenges;
use crate::denied::{BadCredentials, Denied};

impl Denied {
    /// The refusal. What the peer learns is the kind alone; a 401 says which schemes would do.
    pub(crate) fn into_rejection(self, challenges: &Challenges) -> Rejection {
        let (status, code, title) = match &self {
            Self::CredentialsMissing => (
                StatusCode::UNAUTHORIZED,
                "credentials-missing",
                "Credentials are required",
            ),
            Self::CredentialsInvalid(_) => (
                StatusCode::UNAUTHORIZED,
                "credentials-invalid",
                "The credentials are not accepted",
            ),
            Self::CertificateRequired => (
                StatusCode::FORBIDDEN,
                "client-certificate-required",
                "A client certificate is required",
            ),
            Self::CertificateNotAccepted(_) => (
                StatusCode::FORBIDDEN,
                "client-certificate-not-accepted",
                "The client certificate is not accepted",
            ),
            Self::OnBehalfOfNotAllowed(_) => (
                StatusCode::FORBIDDEN,
                "on-behalf-of-not-allowed",
                "Acting for another is not allowed",
            ),
            Self::Busy(_) => (
                StatusCode::SERVICE_UNAVAILABLE,
                "authentication-busy",
                "Too many callers are being authenticated",
            ),
        };
        let token_error = match &self {
            Self::CredentialsInvalid(BadCredentials::Token(bad)) => Some(bad.error_code()),
            Self::CredentialsInvalid(BadCredentials::BoundToAnotherCertificate) => Some("invalid_token"),
            _ => None,
        };
        let rejection = Rejection::new(status, code, title);
        let rejection = if status == StatusCode::UNAUTHORIZED {
            let values = challenges.values(token_error);
            values.fold(rejection, |rejection, value| {
                rejection.header(WWW_AUTHENTICATE, value)
            })
        } else {
            rejection
        };
        rejection.caused_by(self)
    }
}
