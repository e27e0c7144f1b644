use http::StatusCode;
use palisade_core::Rejection;
use palisade_core::head::{HeadFault, HeadLimits};

use crate::{Fault, Refused};

impl From<Refused> for Rejection {
    fn from(refused: Refused) -> Self {
        let bad = |code, title| Self::new(StatusCode::BAD_REQUEST, code, title);
        match &refused {
            Refused::TooLarge { max_count, max_bytes } => {
                // The same answer as of the bounds that hold before any policy.
                let limits = HeadLimits::new(*max_count, *max_bytes);
                return HeadFault::TooLarge { limits }.into();
            }
            Refused::Blocked(_) | Refused::BlockedValue(_) => {
                bad("header-blocked", "A header field is not admitted")
            }
            Refused::Faulty(fault) => {
                bad("header-faulty", "The header fields are faulty").detail(told(*fault))
            }
            Refused::Missing(missing) => bad("header-missing", "A required header field is missing").member(
                "headers",
                missing.iter().map(ToString::to_string).collect::<Vec<_>>(),
            ),
        }
        .caused_by(refused)
    }
}

/// What the peer is told of a fault: standard names alone.
fn told(fault: Fault) -> String {
    match fault {
        Fault::Host(_) => "The request does not name exactly one well-formed host.".to_owned(),
        Fault::Repeated(field) => format!("The field {field} is repeated."),
        Fault::LengthBesideTransferEncoding => "content-length stands beside transfer-encoding.".to_owned(),
        Fault::OutOfStep => "The connection brought another head than this one.".to_owned(),
        Fault::Empty(field) => format!("The field {field} is empty."),
        Fault::Malformed(field) => format!("The field {field} is malformed."),
        Fault::ForeignBytes => "A value has bytes other than visible ASCII, space and tab.".to_owned(),
        Fault::TooManyRanges => "The field range asks for too many ranges.".to_owned(),
        Fault::MethodOverride(field) => format!("The field {field} must not override the method."),
        Fault::ProxyInternal(field) => format!("The field {field} is internal to proxies."),
        Fault::UnderscoreShadow => "A name with an underscore shadows another field.".to_owned(),
        Fault::ConnectionOptions => "The field connection names what is not its own.".to_owned(),
        Fault::ConnectionSpecific(field) => format!("The field {field} belongs to HTTP/1 alone."),
        Fault::BodyOnGet => "GET and HEAD take no body here.".to_owned(),
    }
}
