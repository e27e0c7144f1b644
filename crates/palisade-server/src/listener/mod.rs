//! Listeners: accepting, the cap, the limits of the protocol, closing.

mod capped;
mod http;
mod serve;
mod stream;

pub use self::capped::{CappedAddress, CappedListener};
pub use self::http::{HEAD_BYTES, HEAD_FIELDS, STREAMS};
pub use self::serve::{Bound, ListenerHandle};
pub use self::stream::ServedStream;
