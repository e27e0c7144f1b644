use http::StatusCode;
use palisade_core::Rejection;

use crate::Denied;

impl From<Denied> for Rejection {
    /// All refusals look the same to the peer: which list an address stands on is none of its business.
    fn from(denied: Denied) -> Self {
        match denied {
            Denied::Unknown | Denied::Listed(_) | Denied::NotListed(_) => Self::new(
                StatusCode::FORBIDDEN,
                "ip-not-allowed",
                "The client's address is not admitted",
            ),
        }
        .caused_by(denied)
    }
}
