use http::header::{ALLOW, HeaderValue};
use http::{Method, StatusCode};
use palisade_core::Rejection;

use crate::{AllowedMethods, Denied};

impl From<Denied> for Rejection {
    /// The peer learns which methods there are, and never which rules.
    fn from(denied: Denied) -> Self {
        match &denied {
            Denied::NoOperation { allowed } | Denied::Nobody { allowed, .. } => Self::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "method-not-allowed",
                "The method is not allowed",
            )
            .header(ALLOW, allow(allowed)),
            Denied::NoMatch { .. } => Self::new(
                StatusCode::FORBIDDEN,
                "operation-not-allowed",
                "The caller may not do this",
            ),
        }
        .caused_by(denied)
    }
}

/// The value of `Allow`, which may be empty.
fn allow(methods: &AllowedMethods) -> HeaderValue {
    let names: Vec<&str> = methods.as_slice().iter().map(Method::as_str).collect();
    // Names of methods are tokens, and tokens make a value; were one not, none would be named.
    HeaderValue::try_from(names.join(", ")).unwrap_or_else(|_| HeaderValue::from_static(""))
}
