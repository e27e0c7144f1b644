use std::borrow::Cow;

use http::StatusCode;
use http::header::{ACCEPT_ENCODING, ALLOW, HeaderName, HeaderValue, RETRY_AFTER};
use palisade_core::Rejection;
use palisade_core::pool::PoolError;
use palisade_core::settings::ByteSize;
use serde_json::{Value, json};

use crate::form::FormFault;
use crate::json::JsonFault;
use crate::multipart::MultipartFault;
use crate::openapi::FieldFault;
use crate::parameters::ParameterFault;
use crate::schema::Violations;
use crate::soap::SoapFault;
use crate::xml::XmlFault;

/// The field that names what is accepted (`Accept-Post`, W3C Linked Data Platform 1.0 section 7.1).
const ACCEPT_POST: HeaderName = HeaderName::from_static("accept-post");

/// Why a message is not as it should be.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Invalid {
    /// The body is larger than it may be.
    #[error("the body has more than {0} bytes")]
    TooLarge(ByteSize),
    /// The media type is none of those that are accepted.
    #[error("the media type is none of those that are accepted")]
    MediaType {
        /// The ones that are, as a field's value.
        accepted: Option<HeaderValue>,
    },
    /// The client accepts no answer that there is.
    #[error("the client accepts none of the media types that there are")]
    NotAcceptable {
        /// Those that there are.
        media_types: Vec<String>,
    },
    /// What the client accepts cannot be told.
    #[error("the field Accept is no list of media ranges")]
    AcceptMalformed,
    /// The text is in another charset than UTF-8.
    #[error("the charset is not UTF-8")]
    Charset,
    /// The body has a content coding, under which nobody looks.
    #[error("the body has a content coding")]
    Coded,
    /// There is no body where one has to be.
    #[error("the body is empty")]
    Empty,
    /// The SOAP action cannot be told.
    #[error("the SOAP action is given more than once")]
    AmbiguousAction,
    /// There is a body where none has to be.
    #[error("the operation has no body")]
    Body,
    /// There was nobody free to look at it.
    #[error(transparent)]
    NotLookedAt(PoolError),
    /// A text is not UTF-8.
    #[error("the text is not UTF-8")]
    NotText,
    /// The OpenAPI document does not have the path.
    #[error("no operation has the path")]
    UnknownPath,
    /// The OpenAPI document does not have the method at this path.
    #[error("no operation of the path has the method")]
    UnknownMethod {
        /// Those that it has, as a field's value.
        allowed: HeaderValue,
    },
    /// An answer is not what the OpenAPI document says of it.
    #[error(transparent)]
    Answer(#[from] AnswerFault),
    /// The parser does not take what was looked through.
    #[error("the parser refuses the JSON")]
    Unparsed,
    #[error(transparent)]
    Json(#[from] JsonFault),
    #[error(transparent)]
    Xml(#[from] XmlFault),
    #[error(transparent)]
    Form(#[from] FormFault),
    #[error(transparent)]
    Multipart(#[from] MultipartFault),
    #[error(transparent)]
    Field(#[from] FieldFault),
    #[error(transparent)]
    Soap(#[from] SoapFault),
    #[error(transparent)]
    Parameter(#[from] ParameterFault),
    #[error(transparent)]
    Schema(#[from] Violations),
}

/// How an answer differs from what the OpenAPI document says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AnswerFault {
    /// The operation does not have the status.
    #[error("the operation has no answer of status {0}")]
    Status(StatusCode),
    /// There is a body where the document has none.
    #[error("there is a body, and the document has none for this answer")]
    Body,
    /// There is no body where the document has one.
    #[error("the body is empty, and the document has one for this answer")]
    NoBody,
    /// Under a content coding nobody looks.
    #[error("the body has a content coding, under which nobody looks")]
    Coded,
    /// Of a part nobody can tell what the whole is.
    #[error("the body is a part of an answer, and none was asked for")]
    Partial,
    /// Nothing says what the body is.
    #[error("there is a body, and no media type says what it is")]
    NoMediaType,
    /// The media type is none of the answer's.
    #[error("the media type is none of those that the document has for this answer")]
    MediaType,
}

impl From<Invalid> for Rejection {
    fn from(invalid: Invalid) -> Self {
        let rejection = match &invalid {
            Invalid::TooLarge(max) => Self::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "body-too-large",
                "The body is too large",
            )
            .detail(format!("The body may have {} bytes at most.", max.get())),
            Invalid::MediaType { accepted } => {
                let rejection = unsupported("The media type of the body is not accepted here.");
                accepted.iter().fold(rejection, |rejection, accepted| {
                    rejection.header(ACCEPT_POST, accepted.clone())
                })
            }
            Invalid::NotAcceptable { media_types } => Self::new(
                StatusCode::NOT_ACCEPTABLE,
                "not-acceptable",
                "No answer would be acceptable",
            )
            .detail("The header field accept admits none of the media types that there are.")
            .member("media-types", media_types.clone()),
            Invalid::AcceptMalformed => Self::new(
                StatusCode::BAD_REQUEST,
                "parameter-invalid",
                "A parameter is not as it should be",
            )
            .detail("The header field accept is not a list of media ranges."),
            Invalid::Charset => unsupported("Texts are accepted in UTF-8 alone."),
            Invalid::Coded => unsupported("Content codings are not accepted here.")
                .header(ACCEPT_ENCODING, HeaderValue::from_static("identity")),
            Invalid::Soap(SoapFault::Action) => Self::new(
                StatusCode::BAD_REQUEST,
                "soap-action-mismatch",
                "The body is not that of the action",
            )
            .detail(SoapFault::Action.public()),
            Invalid::Parameter(fault) => {
                let rejection = Self::new(
                    StatusCode::BAD_REQUEST,
                    "parameter-invalid",
                    "A parameter is not as it should be",
                )
                .detail(fault.public());
                match fault.violations() {
                    Some(violations) => rejection.member("errors", errors(violations)),
                    None => rejection,
                }
            }
            Invalid::Schema(violations) => Self::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "schema-violation",
                "The body does not match its schema",
            )
            .detail(violations.public())
            .member("errors", errors(violations)),
            Invalid::Body => unsupported("The operation has no body."),
            Invalid::UnknownPath => Self::new(
                StatusCode::NOT_FOUND,
                "operation-unknown",
                "There is no such operation",
            ),
            Invalid::UnknownMethod { allowed } => Self::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "method-not-allowed",
                "The method is not allowed",
            )
            .header(ALLOW, allowed.clone()),
            Invalid::Answer(_) => Self::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "response-invalid",
                "The answer is not as it should be",
            ),
            Invalid::NotLookedAt(_) => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "validation-busy",
                "Too many messages are being looked at",
            )
            .header(RETRY_AFTER, HeaderValue::from_static("1")),
            Invalid::NotText => malformed("The text is not UTF-8."),
            Invalid::Empty => malformed("The body is empty."),
            Invalid::Unparsed => malformed("The JSON cannot be read."),
            Invalid::AmbiguousAction => malformed("The SOAP action is given more than once."),
            Invalid::Json(fault) => malformed(fault.public()),
            Invalid::Xml(fault) => malformed(fault.public()),
            Invalid::Form(fault) => malformed(fault.public()),
            Invalid::Multipart(fault) => malformed(fault.public()),
            Invalid::Field(fault) => malformed(fault.public()),
            Invalid::Soap(fault) => malformed(fault.public()),
        };
        rejection.caused_by(invalid)
    }
}

fn unsupported(detail: &'static str) -> Rejection {
    Rejection::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "media-type-not-accepted",
        "The media type is not accepted",
    )
    .detail(detail)
}

fn malformed(detail: impl Into<Cow<'static, str>>) -> Rejection {
    Rejection::new(
        StatusCode::BAD_REQUEST,
        "body-malformed",
        "The body is not as it should be",
    )
    .detail(detail)
}

/// The violations as members of the document.
fn errors(violations: &Violations) -> Value {
    let errors = violations.list.iter().map(|violation| {
        json!({
            "pointer": violation.pointer,
            "keyword": violation.keyword,
            "message": violation.message,
        })
    });
    errors.collect()
}
